"""Values as JSON has them, which knows no NaN."""

from __future__ import annotations

import math


def without_nan(value: object) -> object:
    """Return nested dicts, lists and tuples with null, None, for every number that is not finite; keys become text."""
    if isinstance(value, dict):
        return {str(key): without_nan(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
