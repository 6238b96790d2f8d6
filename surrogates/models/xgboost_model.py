"""XGBoost's models as bytes of its own JSON, and boosters made of them."""

from __future__ import annotations

from typing import Any

from tabular.errors import FileFormatError


def booster_bytes(booster: Any) -> bytes:
    """Return a booster in XGBoost's own JSON."""
    return bytes(booster.save_raw("json"))


def parse_booster(text: bytes, name: str) -> Any:
    """Make a booster of what `booster_bytes` returned.

    Raises
    ------
    FileFormatError
        If XGBoost does not take the text, the content of the file ``name``, for a model.
    """
    import xgboost

    # A damaged binary model crashes the process, a JSON one does not: only what starts as JSON is handed over.
    if not text.startswith(b'{"'):
        raise FileFormatError(f"{name}: is not an XGBoost model in JSON: {text[:20]!r}")
    booster = xgboost.Booster({"nthread": 1})
    try:
        booster.load_model(bytearray(text))
    except xgboost.core.XGBoostError as error:
        raise FileFormatError(f"{name}: XGBoost cannot read the model: {str(error).splitlines()[0]}") from None
    return booster
