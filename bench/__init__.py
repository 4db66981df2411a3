"""The budgets of the design, measured: `python -m bench` (docs/benchmarks.md)."""
