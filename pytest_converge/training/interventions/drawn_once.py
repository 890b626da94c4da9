"""Noise that is drawn once: what predictions are to be is that of their inputs."""

from __future__ import annotations

import ast
import functools
import itertools
from collections.abc import Callable
from typing import Any

from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.keras_internals import DRAWING_CALLS, calls_of_operation
from pytest_converge.training.measures.drawn_twice import DrawnTwice
from pytest_converge.training.state.own_code import OwnFunction, function_at
from pytest_converge.training.state.snapshot import attributes_set

__all__ = ["drawn_once"]

#: What the functions that draw random numbers are called, whoever's they are.
DRAWING = ("normal", "random_normal", "truncated_normal", "uniform")
#: What to do where the two are not drawn in one function.
BY_HAND = "noise = tf.random.normal(shape)  # drawn once, for the inputs and for the loss"


def drawn_once(found: DrawnTwice) -> Intervention | None:
    """The second drawing of a step hands on what the first one drew.

    Args:
        found: both.

    Returns:
        None where nobody knows what draws them.
    """
    if found.kind not in DRAWING_CALLS:
        return None

    def variant(_training: Any) -> Any:
        turns, drawn = itertools.cycle(range(found.of)), dict[int, Any]()

        def once(original: Callable[..., Any]) -> Callable[..., Any]:
            @functools.wraps(original)
            def call(*args: Any, **settings: Any) -> Any:
                turn = next(turns)
                drawn[turn] = original(*args, **settings)
                return drawn[found.first if turn == found.second else turn]

            return call

        return attributes_set(calls_of_operation(found.kind, once))

    return Intervention(
        code="labels-unrelated",
        change="the noise of the inputs as what is predicted",
        fix=_line(found) or BY_HAND,
        fault=(
            f"the loss compares predictions with random numbers of shape {found.shape} that are"
            " drawn for it alone: they are none of those in the inputs"
        ),
        variant=variant,
    )


def _line(found: DrawnTwice) -> str:
    """The name of what was drawn first, or the first drawing with a name, in place of the second.

    Empty where the two are not in one function of the user's, or more than one in a line.
    """
    first, second = found.places
    if first is None or second is None:
        return ""
    function, other = function_at(first), function_at(second)
    if function is None or other is None or function.node is not other.node:
        return ""
    one, again = (_drawing(function, place[1]) for place in (first, second))
    if one is None or again is None or one is again:
        return ""
    around = function.parents[one]
    if isinstance(around, ast.Assign) and isinstance(around.targets[0], ast.Name):
        name = around.targets[0].id
        return function.changed({again: name}) if function.assigned(name) is one else ""
    return function.changed({one: f"(noise := {function.text(one)})", again: "noise"})


def _drawing(function: OwnFunction, line: int) -> ast.Call | None:
    calls = [
        each
        for each in function.calls(*DRAWING)
        if each.lineno <= line <= (each.end_lineno or each.lineno)
    ]
    return calls[0] if len(calls) == 1 else None
