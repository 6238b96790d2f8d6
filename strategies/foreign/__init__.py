"""Optimisers of other libraries as strategies."""
