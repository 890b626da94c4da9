"""The causes of failure, one module each: its docstring is the page, its `CAUSE` all the rest."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from pytest_converge.diagnosis.cause import Cause

__all__ = ["every_cause", "modules"]


def modules() -> list[ModuleType]:
    """The modules of all causes, by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return [importlib.import_module(f"{__name__}.{name}") for name in names]


def every_cause() -> dict[str, Cause]:
    """All causes by their codes."""
    causes: list[Cause] = [module.CAUSE for module in modules()]
    return {cause.code: cause for cause in causes}
