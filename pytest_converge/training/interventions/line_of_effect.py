"""The line of the user's own code that does what a change of every update does.

    line_of_effect(training, -1.0, always)
    # "objective = -(sign * likelihood)  # test_bearings.py:24"

It is found by what it does: a number, or an expression, of the step is taken times the factor, and
the first step then returns the same loss and makes every update times it.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterator

from pytest_converge.training.interventions.own_functions import functions_at
from pytest_converge.training.measures.first_step import first_step
from pytest_converge.training.state.own_code import OwnFunction, in_brackets
from pytest_converge.training.state.rewritten import rewritten
from pytest_converge.training.training import Training

__all__ = ["line_of_effect"]

#: Around these a product stands in brackets.
WITHIN = (ast.Attribute, ast.BinOp, ast.Subscript, ast.UnaryOp)


def line_of_effect(training: Training, factor: float, time_is_left: Callable[[], bool]) -> str:
    """A line under which every update of a step is what it was times a factor.

    Args:
        training: with a step of the user's, where it began.
        factor: what the updates are multiplied by; -1 turns them round.
        time_is_left: asked before each look, of some 20 ms.

    Returns:
        The line with its place; empty where none was found.
    """
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
