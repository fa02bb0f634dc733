"""Speed and memory, measured: one module a claim, each with a function ``run`` that prints a table."""
