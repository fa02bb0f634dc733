"""Files, folders, text and configs: what every room needs."""
