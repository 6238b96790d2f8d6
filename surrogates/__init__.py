"""Surrogates: models of a table that answer for every architecture of its space, and how far to trust them."""

from surrogates.fitting import fit_surrogate
from surrogates.oracle import SurrogateOracle
from surrogates.scorecard import Score, Scorecard
from surrogates.surrogate import Surrogate

__all__ = ["Score", "Scorecard", "Surrogate", "SurrogateOracle", "fit_surrogate"]
