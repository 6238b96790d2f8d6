"""The regressors a surrogate can be made of, by name; each is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

from tabular.errors import UnknownNameError

if TYPE_CHECKING:
    from surrogates.models.regressor import Regressor

MODELS = {
    "xgboost": ("surrogates.models.xgboost_ensemble", "XGBoostEnsemble"),
    "lightgbm": ("surrogates.models.lightgbm_ensemble", "LightGBMEnsemble"),
    "random-forest": ("surrogates.models.random_forest", "RandomForest"),
    "ridge": ("surrogates.models.ridge", "Ridge"),
    "gaussian-process": ("surrogates.models.gaussian_process", "GaussianProcess"),
    "mlp": ("surrogates.models.mlp_ensemble", "MLPEnsemble"),
    "gin": ("surrogates.models.gin", "GIN"),
}
"""Module and class of each kind."""

DEFAULT_MODEL = "xgboost"


def regressor_class(kind: str) -> type[Regressor]:
    """Return the class of a kind of regressor.

    Raises
    ------
    UnknownNameError
    NasbenchError
        If it needs a library that is not installed.
    """
    if kind not in MODELS:
        raise UnknownNameError("model", kind, MODELS)
    module, name = MODELS[kind]
    return cast("type[Regressor]", getattr(import_module(module), name))
