"""Warm starts: a strategy that begins with what is known from elsewhere."""
