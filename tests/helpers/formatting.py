"""The formatting of a config's text, in MMEngine: it takes seconds."""


def replace_formatting(monkeypatch, function) -> None:
    """Put a function in place of yapf's `FormatCode`, which open-mmlab's MMEngine imports early and OneDL's late."""
    monkeypatch.setattr('mmengine.config.config.FormatCode', function, raising=False)
    monkeypatch.setattr('yapf.yapflib.yapf_api.FormatCode', function)
