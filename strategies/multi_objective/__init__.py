"""Multi-objective search: trade-offs of several metrics, and constraints."""
