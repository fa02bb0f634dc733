"""CSV files with a row per box."""
