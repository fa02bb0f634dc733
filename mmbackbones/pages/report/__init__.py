"""The page of ``report``: one file per section."""
