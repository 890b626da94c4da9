"""Lines of the user's own code with a loss or an update changed, for users to paste.

    updates_changed(training, -1.0)
    # "w.assign_sub(rate * gradient)  # test_wine.py:12"

Each is empty where the change has no place there, or where more than one would do: what is shown
then is the change by itself.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from pytest_converge.training.interventions import pasted
from pytest_converge.training.interventions.named_variables import all_variables
from pytest_converge.training.interventions.own_functions import functions_at, values_of
from pytest_converge.training.model.structure import layers_of
from pytest_converge.training.state.own_code import (
    OwnFunction,
    in_brackets,
    last_name,
)
from pytest_converge.training.state.snapshot import as_tf_variable
from pytest_converge.training.training import Training

__all__ = [
    "gradient_of_the_reported",
    "gradients_of_all",
    "loss_changed",
    "number_changed",
    "updates_changed",
]

#: What code calls a change of a variable, each beside the one of the other sign.
UPDATES = ("assign_add", "assign_sub", "scatter_add", "scatter_sub", "assign")


def loss_changed(training: Training, code: Callable[[str], str]) -> str:
    """What the user's step takes the gradient of, or a loss returns, by other code.

    Args:
        training: with a step or a loss of the user's.
        code: from that of the loss, as one factor, to the new one.
    """
    functions = functions_at(training)
    for function in functions[:1]:
        tapes = [each for each in function.calls("gradient", "minimize") if each.args]
        if len(tapes) > 1:
            return ""
        loss = tapes[0].args[0] if tapes else function.returned()
        if isinstance(loss, ast.Name):
            loss = function.assigned(loss.id)
        elif tapes:
            return ""
        if loss is not None:
            return function.changed({loss: code(in_brackets(loss, function.text(loss)))})
    return ""


def updates_changed(training: Training, factor: float) -> str:
    """All that a step adds to variables by itself, times a factor; -1 turns its sign round."""
    for function in functions_at(training)[:1]:
        calls = function.calls(*UPDATES)
        calls = [each for each in calls if _is_trained(training, function, each) is not False]
        certain = all(_is_trained(training, function, each) for each in calls)
        if not calls or (len(calls) > 1 and not certain):
            return ""
        changes: dict[ast.expr, str] = {}
        for call in calls:
            change = _turned(call) if factor == -1 else _times(function, call, factor)
            if not change:
                return ""
            changes.update(change)
        return function.changed(changes)
    return ""


def _is_trained(training: Training, function: OwnFunction, call: ast.Call) -> bool | None:
    """Whether a call changes a variable that is trained; None where nobody knows."""
    known = values_of(function)(call.func.value) if isinstance(call.func, ast.Attribute) else None
    if not call.args or isinstance(call.args[0], ast.Constant):
        return False  # a counter
    if known is None or not hasattr(known, "assign"):
        return None if known is None else False
    return any(as_tf_variable(known) is each for each in training.trainable)


def _turned(call: ast.Call) -> dict[ast.expr, str]:
    kind, value = last_name(call.func), call.args[0]
    if kind != "assign" and isinstance(call.func, ast.Attribute):
        other = UPDATES[(UPDATES.index(kind) ^ 1)]
        return {call.func: f"{ast.unparse(call.func.value)}.{other}"}
    if isinstance(value, ast.BinOp) and isinstance(value.op, (ast.Add, ast.Sub)):
        sign = "-" if isinstance(value.op, ast.Add) else "+"
        right = in_brackets(value.right, ast.unparse(value.right))
        if isinstance(value.right, ast.BinOp) and isinstance(value.right.op, (ast.Mult, ast.Div)):
            right = ast.unparse(value.right)
        return {value: f"{ast.unparse(value.left)} {sign} {right}"}
    return {}


def _times(function: OwnFunction, call: ast.Call, factor: float) -> dict[ast.expr, str]:
    kind, value = last_name(call.func), call.args[0]
    if kind == "assign":
        if not isinstance(value, ast.BinOp) or not isinstance(value.op, (ast.Add, ast.Sub)):
            return {}
        value = value.right
    elif kind.startswith("scatter"):
        if not isinstance(value, ast.Call) or last_name(value.func) != "IndexedSlices":
            return {}
        value = value.args[0]
    text = f"{float(f'{factor:.3g}'):g}"
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Mult):
        for part in (value.left, value.right):
            if isinstance(part, ast.Constant) and isinstance(part.value, (int, float)):
                return {part: f"{float(f'{factor * part.value:.3g}'):g}"}
        return {value.left: f"{text} * {in_brackets(value.left, function.text(value.left))}"}
    return {value: f"{text} * {in_brackets(value, function.text(value))}"}


def gradients_of_all(training: Training, names: str = "") -> str:
    """The gradient of the loss by all that is to be trained, and its update.

    Args:
        training: with a step of the user's.
        names: code of the variables; empty for those that were given.
    """
    own, given = "self.trainable_variables" if training.own_train_step else "", bool(names)
    names = own or names or all_variables(training)
    for function in functions_at(training)[:1]:
        tapes = [each for each in function.calls("gradient") if len(each.args) > 1]
        updates = [x for x in function.calls("apply_gradients", "apply") if x.args]
        if len(tapes) != 1 or len(updates) != 1 or not names:
            return ""
        update = updates[0]
        if last_name(update.func) == "apply_gradients":
            pairs = update.args[0]
            if not (isinstance(pairs, ast.Call) and last_name(pairs.func) == "zip"):
                return ""
            targets = pairs.args[1:2]
        else:
            targets = update.args[1:2]
        listed = tapes[0].args[1]
        left_out = given and isinstance(listed, ast.Name)
        if left_out and _is_around(function, [listed, *targets]):
            # Set once, for the gradient, the update, and what an optimizer is built for before.
            return f"{ast.unparse(listed)} = {names}"
        changes: dict[ast.expr, str] = {listed: names}
        changes.update(dict.fromkeys(targets, names))
        if not training.own_train_step:  # which returns what is reported
            changes.update(_of_the_loss_returned(function, tapes[0]))
        changes = {node: code for node, code in changes.items() if ast.unparse(node) != code}
        return function.changed(changes) if len(targets) == 1 and changes else ""
    return ""


def _is_around(function: OwnFunction, names: list[ast.expr]) -> bool:
    """Whether one name stands in all places, and is that of what lies around a function."""
    arguments = {each.arg for each in ast.walk(function.node.args) if isinstance(each, ast.arg)}
    spelled = {ast.unparse(name) for name in names}
    own = {ast.unparse(n) for n in function.walk() if isinstance(n, ast.Name) and _is_set(n)}
    return len(spelled) == 1 and len(names) > 1 and not spelled & (arguments | own)


def _is_set(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)


def gradient_of_the_reported(training: Training) -> str:
    """The gradient of what a `train_step` feeds the only metric with that it reports by."""
    for function in functions_at(training)[:1] if training.own_train_step else ():
        tapes = [each for each in function.calls("gradient") if len(each.args) > 1]
        fed = [each.args[0] for each in function.calls("update_state") if len(each.args) == 1]
        if len(tapes) != 1 or len(fed) != 1 or not isinstance(fed[0], ast.Name):
            return ""
        target, name = tapes[0].args[0], fed[0].id
        if ast.unparse(target) != name and _is_on_tape(function, tapes[0], name):
            return function.changed({target: name})
    return ""


def _of_the_loss_returned(function: OwnFunction, gradient: ast.Call) -> dict[ast.expr, str]:
    """What a gradient is taken of as the loss that the function returns.

    A tape knows nothing of what is made behind it.
    """
    loss, target = function.returned(), gradient.args[0]
    if isinstance(loss, ast.Name):
        named = isinstance(target, (ast.Name, ast.IfExp))
        return {target: loss.id} if named and _is_on_tape(function, gradient, loss.id) else {}
    value = function.assigned(target.id) if isinstance(target, ast.Name) else None
    if loss is None or value is None or isinstance(loss, (ast.Dict, ast.Tuple)):
        return {}
    read = {each.id for each in ast.walk(loss) if isinstance(each, ast.Name)}
    later = [
        each
        for each in function.walk()
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store) and each.id in read
        if each.lineno >= value.lineno
    ]
    return {} if later else {value: function.text(loss)}


def _is_on_tape(function: OwnFunction, gradient: ast.Call, name: str) -> bool:
    """Whether all that sets a name stands where the tape of a gradient records."""
    tape = gradient.func.value if isinstance(gradient.func, ast.Attribute) else gradient.func
    recorded = [
        each
        for each in function.walk()
        if isinstance(each, ast.With)
        if any(
            x.optional_vars and ast.unparse(x.optional_vars) == ast.unparse(tape)
            for x in each.items
        )
    ]
    sets = [
        each.lineno
        for each in function.walk()
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store) and each.id == name
    ]
    return all(any(x.lineno <= line <= (x.end_lineno or 0) for x in recorded) for line in sets)


def number_changed(training: Training, old: float, new: float) -> str:
    """The only number of some value that the user's loss, or step, multiplies by, as another.

    Args:
        training: of the user.
        old: the number, as it is or by a name that holds it.
        new: what it becomes.
    """
    found: list[tuple[OwnFunction, ast.expr]] = []
    inside = [functions_at(training)]
    inside += [functions_at(training, each.name) for m in training.models for each in layers_of(m)]
    known: set[int] = set()
    for function in (each for functions in inside for each in functions):
        if id(function.node) in known:
            continue
        known.add(id(function.node))
        held = values_of(function)
        for node in function.walk():
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
                parts = (node.left, node.right)
                found += [(function, part) for part in parts if _holds(part, held, old)]
    if len(found) != 1:
        return ""
    ((function, part),) = found
    return function.changed({part: pasted.literal(new)})


def _holds(node: ast.expr, held: Callable[[ast.AST], Any], number: float) -> bool:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return _holds(node.operand, held, -number)
    value = node.value if isinstance(node, ast.Constant) else held(node)
    plain = isinstance(value, (int, float)) and not isinstance(value, bool)
    return plain and abs(value - number) <= 1e-6 * abs(number)  # type: ignore[operator]
