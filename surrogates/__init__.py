"""Predict: models of a table for every architecture of its space.

Each says how far it is to be trusted.
"""

from surrogates.fitting import fit_surrogate
from surrogates.oracle import SurrogateOracle
from surrogates.scorecard import Score, Scorecard
from surrogates.surrogate import Surrogate

__all__ = ["Score", "Scorecard", "Surrogate", "SurrogateOracle", "fit_surrogate"]
