"""Import paths of the previous release, which warn that they are deprecated.

They are kept for one release.
"""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

MOVED = {
    "nasbench.errors": "tabular.errors",
    "nasbench.interop.choices": "tabular.spaces.named_choices",
    "nasbench.interop.configspace": "tabular.spaces.configspace",
    "nasbench.interop.nevergrad_search": "strategies.foreign.nevergrad",
    "nasbench.interop.optuna_search": "strategies.foreign.optuna",
    "nasbench.interop.smac_search": "strategies.foreign.smac",
    "nasbench.oracle": "tabular.measures",
    "nasbench.predictor": "strategies.predictor",
    "nasbench.spaces": "tabular.spaces",
    "nasbench.strategy": "strategies.strategy",
    "nasbench.training": "tabular.training",
}
"""The new path of each old one."""


class _OldPaths(MetaPathFinder, Loader):
    """Answers an import of an old path with the names of the new one."""

    def find_spec(self, name: str, path: object, target: object = None) -> ModuleSpec | None:  # noqa: ARG002 - as finders are
        return ModuleSpec(name, self) if name in MOVED else None

    def exec_module(self, module: ModuleType) -> None:
        old, new = module.__name__, MOVED[module.__name__]

        def get(name: str) -> Any:
            value = getattr(import_module(new), name)
            if not name.startswith("__"):
                warnings.warn(f"{old} is now {new}; import {name} from there", DeprecationWarning, stacklevel=2)
            return value

        vars(module)["__getattr__"] = get


def keep_old_paths() -> None:
    """Let the old paths be imported from now on."""
    if not any(isinstance(finder, _OldPaths) for finder in sys.meta_path):
        sys.meta_path.insert(0, _OldPaths())
