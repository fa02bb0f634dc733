"""Pages that a browser opens without a network: what ``report`` and ``browse`` write."""
