"""What every room needs: atomic writes, files, paths, text, progress bars and config lookup."""
