"""Bayesian optimisation and search guided by a predictor."""
