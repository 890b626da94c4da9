"""Random numbers that are drawn once: noise for inputs and loss, indices for all tables."""

from __future__ import annotations

import ast
import functools
import itertools
from collections.abc import Callable, Mapping
from typing import Any

from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.keras_internals import DRAWING_CALLS, calls_of_operation
from pytest_converge.training.measures.drawn_apart import DrawnApart
from pytest_converge.training.measures.drawn_twice import DrawnTwice
from pytest_converge.training.state.own_code import OwnFunction, function_at
from pytest_converge.training.state.snapshot import attributes_set

__all__ = ["drawn_once", "rows_drawn_once"]

#: What the functions that draw random numbers, and whole ones, are called, whoever's they are.
DRAWING = ("normal", "random_normal", "truncated_normal", "uniform")
INDICES = ("random_shuffle", "randint", "shuffle", "uniform")
#: What to do where they are not drawn in one function.
BY_HAND = "noise = tf.random.normal(shape)  # drawn once, for the inputs and for the loss"
ROWS_BY_HAND = (
    "rows = tf.random.uniform((batch_size,), 0, {rows}, dtype=tf.int32)"
    "  # drawn once, for all tables"
)


def drawn_once(found: DrawnTwice) -> Intervention | None:
    """The second drawing of a step hands on what the first one drew.

    Args:
        found: both.

    Returns:
        None where nobody knows what draws them.
    """
    if found.kind not in DRAWING_CALLS:
        return None
    return Intervention(
        code="labels-unrelated",
        change="the noise of the inputs as what is predicted",
        fix=_line(found) or BY_HAND,
        fault=(
            f"the loss compares predictions with random numbers of shape {found.shape} that are"
            " drawn for it alone: they are none of those in the inputs"
        ),
        variant=lambda _: _handed_on(found.kind, found.of, {found.second: found.first}),
    )


def rows_drawn_once(found: DrawnApart) -> Intervention:
    """All drawings of indices hand on what the first one of them drew.

    Args:
        found: all of them.
    """
    first, *others = found.numbers
    return Intervention(
        code="labels-unrelated",
        change="the same random rows of all tables",
        fix=_line_of_rows(found) or ROWS_BY_HAND.format(rows=found.rows),
        fault=(
            f"a step draws indices anew for each of several tables of {found.rows} rows: what it"
            " puts side by side are parts of different rows"
        ),
        variant=lambda _: _handed_on(found.kind, found.of, dict.fromkeys(others, first)),
    )


def _handed_on(kind: str, of: int, by: Mapping[int, int]) -> Any:
    """Operations of a kind, of which there are so many in a step, that hand on those before."""
    turns, drawn = itertools.cycle(range(of)), dict[int, Any]()

    def once(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def call(*args: Any, **settings: Any) -> Any:
            turn = next(turns)
            drawn[turn] = original(*args, **settings)
            return drawn[by.get(turn, turn)]

        return call

    return attributes_set(calls_of_operation(kind, once))


def _line_of_rows(found: DrawnApart) -> str:
    """The first drawing with a name, in place of the others; empty where that is no line."""
    if None in found.places:
        return ""
    places = [place for place in found.places if place is not None]
    functions = [function_at(place) for place in places]
    own = functions[0]
    if own is None or any(each is None or each.node is not own.node for each in functions):
        return ""
    if len(set(places)) == 1:
        return _in_a_comprehension(own, _drawing(own, places[0][1], INDICES))
    calls = [_drawing(own, line, INDICES) for _, line in places]
    drawn = [call for call in calls if call is not None]
    if len(drawn) < len(calls) or len(set(drawn)) < len(drawn):
        return ""
    first, *others = drawn
    around = own.parents[first]
    if isinstance(around, ast.Assign) and isinstance(around.targets[0], ast.Name):
        name = around.targets[0].id
        known = own.assigned(name) is first
        return own.changed(dict.fromkeys(others, name)) if known else ""
    return own.changed({first: f"(rows := {own.text(first)})", **dict.fromkeys(others, "rows")})


def _in_a_comprehension(own: OwnFunction, drawing: ast.Call | None) -> str:
    """A drawing that each turn of a comprehension makes, made before the first turn."""
    around: ast.AST | None = drawing
    while around is not None and not isinstance(around, (ast.GeneratorExp, ast.ListComp)):
        around = own.parents.get(around)
    if drawing is None or around is None:
        return ""
    bound = {
        name.id
        for each in around.generators
        for name in ast.walk(each.target)
        if isinstance(name, ast.Name)
    }
    if any(isinstance(each, ast.Name) and each.id in bound for each in ast.walk(drawing)):
        return ""
    part, code = own.text(around.elt), own.text(drawing)
    if part.count(code) != 1:
        return ""
    return own.changed({around.elt: f"{part.replace(code, 'rows')} for rows in [{code}]"})


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
    one, again = (_drawing(function, place[1], DRAWING) for place in (first, second))
    if one is None or again is None or one is again:
        return ""
    around = function.parents[one]
    if isinstance(around, ast.Assign) and isinstance(around.targets[0], ast.Name):
        name = around.targets[0].id
        return function.changed({again: name}) if function.assigned(name) is one else ""
    return function.changed({one: f"(noise := {function.text(one)})", again: "noise"})


def _drawing(function: OwnFunction, line: int, names: tuple[str, ...]) -> ast.Call | None:
    calls = [
        each
        for each in function.calls(*names)
        if each.lineno <= line <= (each.end_lineno or each.lineno)
    ]
    return calls[0] if len(calls) == 1 else None
