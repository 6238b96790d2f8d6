"""The regressors of surrogates by name, each imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

from tabular.errors import UnknownNameError

if TYPE_CHECKING:
    from surrogates.models.regressor import Regressor

MODELS = {
    "xgboost": "surrogates.models.xgboost:XGBoostEnsemble",
    "lightgbm": "surrogates.models.lightgbm:LightGBMEnsemble",
    "random-forest": "surrogates.models.xgboost:RandomForest",
    "ridge": "surrogates.models.scikit_learn:Ridge",
    "gaussian-process": "surrogates.models.scikit_learn:GaussianProcess",
    "mlp": "surrogates.models.neural:MLPEnsemble",
    "gin": "surrogates.models.neural:GIN",
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
    module, name = MODELS[kind].split(":")
    return cast("type[Regressor]", getattr(import_module(module), name))
