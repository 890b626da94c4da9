"""Rehearsals: whether a function of the user may become part of a graph."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.training.state.snapshot import Snapshot, unique_variables

__all__ = ["needed_arguments", "rehearse"]

__tracebackhide__ = True  # errors of a user's own code end at that code

#: Graph and eager arithmetic differ in the last digits only.
TOLERANCE = 1e-4


def rehearse(
    what: str, function: Callable[..., Any], calls: Sequence[tuple[Any, ...]], state: Sequence[Any]
) -> str:
    """Empty if a function may be compiled, else why it may not; every variable is put back.

    A plain function may count in Python, draw from a generator or call `.numpy()`; a graph would
    freeze what it saw while it was traced. So the same calls are made both ways.

    Args:
        what: what the function is called in the reason.
        function: returns a scalar.
        calls: the arguments of each call.
        state: variables that the function may change, beside those that its graph shows.
    """
    compiled = tf.function(function, autograph=False, reduce_retracing=True)
    try:
        graph = compiled.get_concrete_function(*calls[0])
    except InvalidTrainingError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the eager run shows it to the user
        return f"the {what} cannot be traced ({type(error).__name__})"
    start = Snapshot(unique_variables([*state, *graph.variables]))
    try:
        plain = _losses(function, calls, start)
        repeated = _losses(compiled, calls, start)
        if all(map(_agree, plain, repeated)):
            return ""
        again = _losses(compiled, calls, start)
    finally:
        start.restore()
    if not all(map(_agree, repeated, again)):
        return ""  # random operations draw anew inside of a graph as well
    return f"the {what} gives other losses when it is compiled"


def needed_arguments(function: Any) -> list[str]:
    """The names of the arguments without which a function cannot be called."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in parameters if p.default is p.empty and p.kind not in optional]


def _losses(
    function: Callable[..., Any], calls: Sequence[tuple[Any, ...]], start: Snapshot
) -> list[float]:
    start.restore()
    return [float(np.asarray(function(*call))) for call in calls]


def _agree(first: float, second: float) -> bool:
    return math.isclose(first, second, rel_tol=TOLERANCE, abs_tol=1e-7) or (
        math.isnan(first) and math.isnan(second)
    )
