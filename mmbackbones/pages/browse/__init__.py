"""The page of ``browse``: one file per section."""
