"""The line of the user's own code that does what a change does.

    line_of_effect(training, downhill, always)
    # "objective = -(sign * likelihood)  # test_bearings.py:24"

It is found by what it does. Where a change multiplies all updates, a number or an expression of the
step is taken times the factor, and the first step then returns the same loss and makes every update
times it. Where one changes what the step computes, it is an edit of the user's code under which the
first step is that of the change.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterator

from pytest_converge.training.interventions.corrected_code import Kind, edited_steps
from pytest_converge.training.interventions.intervention import Intervention, Variant
from pytest_converge.training.interventions.own_functions import functions_at
from pytest_converge.training.measures.first_step import first_step
from pytest_converge.training.state.own_code import OwnFunction, in_brackets
from pytest_converge.training.state.rewritten import rewritten
from pytest_converge.training.training import Training

__all__ = ["line_of_effect"]

#: Around these a product stands in brackets.
WITHIN = (ast.Attribute, ast.BinOp, ast.Subscript, ast.UnaryOp)


def line_of_effect(
    training: Training, change: Intervention, time_is_left: Callable[[], bool]
) -> str:
    """The line under which the first step is what it is under a change.

    Args:
        training: of the user, where it began.
        change: of what the step computes, or of its updates by a factor.
        time_is_left: asked before each look, of some 30 ms.

    Returns:
        The line with its place; empty where none was found.
    """
    if change.variant is not None:
        return _as_under(training, change.variant, time_is_left)
    return _times(training, change.rate_factor, time_is_left)


def _as_under(training: Training, variant: Variant, time_is_left: Callable[[], bool]) -> str:
    """An edit with the loss and the updates of a variant."""
    wanted = first_step(training, lambda: variant(training))
    if wanted is None:
        return ""
    for edited in edited_steps(training, list(Kind), time_is_left):
        same = edited.after.same_loss(wanted) and edited.after.is_times(1.0, wanted)
        if same and not edited.before.same_end(wanted) and edited.line:
            return edited.line
    return ""


def _times(training: Training, factor: float, time_is_left: Callable[[], bool]) -> str:
    """A line of a step under which every update is what it was times a factor."""
    before = first_step(training)
    for own in functions_at(training) if training.own_step and before is not None else ():
        for node, code in _multiplied(own, factor) if own.function is not None else ():
            line = own.changed({node: code})
            if not line:
                continue
            if not time_is_left():
                return ""
            after = first_step(training, functools.partial(rewritten, own, {node: code}))
            if after is None or before is None or not after.same_loss(before):
                continue
            if after.is_times(factor, before):
                return line
    return ""


def _multiplied(own: OwnFunction, factor: float) -> Iterator[tuple[ast.expr, str]]:
    """Numbers and expressions of a function times a factor, the last ones first.

    A number is the shortest place for a factor, and the last one for a sign.
    """
    nodes = [each for each in own.walk() if isinstance(each, ast.expr)][::-1]
    kinds = [_number_times, _expression_times]
    for times in kinds[::-1] if factor == -1 else kinds:
        yield from ((node, code) for node in nodes if (code := times(own, node, factor)))


def _number_times(_: OwnFunction, node: ast.expr, factor: float) -> str:
    value = node.value if isinstance(node, ast.Constant) else None
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not value:
        return ""
    return f"{float(f'{factor * value:.3g}'):g}"


def _expression_times(own: OwnFunction, node: ast.expr, factor: float) -> str:
    if not isinstance(node, (ast.BinOp, ast.Call)):
        return ""
    sign = "-" if factor == -1 else f"{float(f'{factor:.3g}'):g} * "
    code = f"{sign}{in_brackets(node, own.text(node))}"
    return f"({code})" if isinstance(own.parents[node], WITHIN) else code
