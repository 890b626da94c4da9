"""Lines of the user's own code with a change made in them, for users to paste.

    operations_changed(training, "", "Sqrt", "tf.sqrt(tf.maximum(x, 1e-7))")
    # "return tf.sqrt(tf.maximum(mse, 1e-7))  # test_wine.py:12"

Each is empty where the change has no place there, or where more than one would do: what is shown
then is the change by itself.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras

from pytest_converge.training.adapters.seen import held_by, object_of
from pytest_converge.training.interventions import pasted
from pytest_converge.training.interventions.named_variables import all_variables
from pytest_converge.training.measures.layer_readings import named_layers
from pytest_converge.training.model.losses import loss_names
from pytest_converge.training.model.structure import layers_of
from pytest_converge.training.state.own_code import (
    OwnFunction,
    function_at,
    in_brackets,
    innermost,
    is_of_a_library,
    last_name,
    own_function,
    plain_function,
)
from pytest_converge.training.state.snapshot import as_tf_variable
from pytest_converge.training.training import Training

__all__ = [
    "argument_changed",
    "comparison_changed",
    "gradients_of_all",
    "logits_changed",
    "loss_changed",
    "mask_turned",
    "number_changed",
    "operations_changed",
    "trained_in_calls",
    "updates_changed",
]

#: What code calls the operations of TensorFlow, and the operators that make them.
NAMES = {
    "Acos": ("acos", "arccos"),
    "Asin": ("asin", "arcsin"),
    "Atanh": ("atanh", "arctanh"),
    "Cast": ("cast",),
    "Ceil": ("ceil",),
    "Div": ("divide",),
    "Floor": ("floor",),
    "FloorDiv": ("floordiv", "floor_divide"),
    "Greater": ("greater",),
    "GreaterEqual": ("greater_equal",),
    "Less": ("less",),
    "LessEqual": ("less_equal",),
    "Log": ("log",),
    "Log1p": ("log1p",),
    "LogSoftmax": ("log_softmax",),
    "Maximum": ("maximum",),
    "Pow": ("pow", "power"),
    "RealDiv": ("divide",),
    "Reciprocal": ("reciprocal",),
    "Relu": ("relu",),
    "Relu6": ("relu6",),
    "Rint": ("rint",),
    "Round": ("round",),
    "Rsqrt": ("rsqrt",),
    "Sigmoid": ("sigmoid",),
    "Sign": ("sign",),
    "Softmax": ("softmax",),
    "Sqrt": ("sqrt",),
    "StopGradient": ("stop_gradient",),
    "Sum": ("sum", "reduce_sum"),
}
OPERATORS: dict[str, type[ast.AST]] = {
    "Div": ast.Div,
    "FloorDiv": ast.FloorDiv,
    "Greater": ast.Gt,
    "GreaterEqual": ast.GtE,
    "Less": ast.Lt,
    "LessEqual": ast.LtE,
    "Pow": ast.Pow,
    "RealDiv": ast.Div,
}
#: What code calls a change of a variable, each beside the one of the other sign.
UPDATES = ("assign_add", "assign_sub", "scatter_add", "scatter_sub", "assign")
#: Functions whose second argument are logits.
OF_LOGITS = (
    "sigmoid_cross_entropy_with_logits",
    "softmax_cross_entropy_with_logits",
    "sparse_softmax_cross_entropy_with_logits",
)
#: More lines than these are no line to paste.
MOST_LINES = 3
#: Numbers that switch scores of attention off are at least as large.
FAR = 1e3


# ---- the user's functions ------------------------------------------------------------------------


def functions_at(training: Training, layer: str = "") -> list[OwnFunction]:
    """The user's functions that run in a place, those first that others call.

    Args:
        training: of the user.
        layer: a layer by its name; empty for the loss or the step.
    """
    found: dict[int, OwnFunction] = {}
    waiting = list(_entries(training, layer))
    while waiting:
        function, owner = waiting.pop(0)
        own = own_function(function)
        if own is not None and id(own.node) not in found:
            found[id(own.node)] = dataclasses.replace(own, owner=owner)
            waiting += [(each, None) for each in _called_by(function)]
            waiting += [(each, owner) for each in _methods_called(own, owner)]
    return list(found.values())


def _entries(training: Training, layer: str) -> Iterator[tuple[Any, Any]]:
    """Functions, and the object of each that is a method."""
    if layer:
        layers = dict(named for model in training.models for named in named_layers(model))
        held = layers.get(layer)
        if isinstance(held, keras.layers.Lambda):
            yield held.function, None
        elif held is not None and not _is_of_a_library(type(held).call):
            yield type(held).call, held
        return
    model = training.model
    if training.own_train_step:
        yield type(model).train_step, model
    if training.verb != "fit":
        yield training.function, object_of(training.function)
        return
    if not _is_of_a_library(type(model).compute_loss):
        yield type(model).compute_loss, model
    for _, loss in loss_names(model.loss):
        if isinstance(loss, keras.losses.Loss):
            yield type(loss).call, loss
        else:
            yield loss, object_of(loss)


def _called_by(function: Any) -> Iterator[Any]:
    """The user's functions that one closes over or names, and those that these do."""
    for held in held_by(function):
        value = held.value
        called = inspect.isroutine(value) or hasattr(value, "python_function")
        if called and plain_function(value) is not None and not _is_of_a_library(value):
            yield value


def _methods_called(function: OwnFunction, owner: Any) -> Iterator[Any]:
    """The methods of its own object that a method calls."""
    for call in function.walk():
        if owner is not None and isinstance(call, ast.Call) and _is_of_self(call.func):
            method = getattr(type(owner), last_name(call.func), None)
            if plain_function(method) is not None and not _is_of_a_library(method):
                yield method


def _is_of_self(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and ast.unparse(node.value) == "self"


def _values(function: OwnFunction) -> Callable[[ast.AST], Any]:
    """What a function's names, and the attributes of its object, hold; None for all others."""
    held = {each.name: each.value for each in held_by(function.function)}

    def value(node: ast.AST) -> Any:
        if _is_of_self(node):
            return getattr(function.owner, last_name(node), None)
        return held.get(ast.unparse(node))

    return value


def _is_of_a_library(function: Any) -> bool:
    return is_of_a_library(getattr(plain_function(function), "__module__", None) or "")


# ---- operations ----------------------------------------------------------------------------------


def operations_changed(
    training: Training,
    layer: str,
    kind: str,
    template: str,
    *,
    at: tuple[str, int] | None = None,
    alone: bool = False,
) -> str:
    """Operations of one kind in a place by other code.

    Args:
        training: of the user.
        layer: whose call they are in; empty for the loss or the step.
        kind: their type in TensorFlow.
        template: code in which `x`, or `a` and `b`, or `x` and `p` stand for what the operation
            takes.
        at: (file, line) of one of them, where that is known.
        alone: True for that one, or the only one; False for all in its function, or in the place.
    """
    every = _places(training, layer, kind, at if alone else None, at)
    return "" if alone and len(every) != 1 else _lines(every, template)


def _places(
    training: Training,
    layer: str,
    kind: str,
    line: tuple[str, int] | None,
    at: tuple[str, int] | None,
) -> list[tuple[OwnFunction, ast.expr]]:
    """The operations of a kind in one line, in the function of a line, or in a layer or a step."""
    own = None if at is None else function_at(at)
    functions = functions_at(training, layer) if own is None else [own]
    every = [(function, site) for function in functions for site in _sites(function, kind)]
    if line is None or own is None:
        return every
    return [(f, x) for f, x in every if x.lineno <= line[1] <= (x.end_lineno or x.lineno)]


def _lines(chosen: Sequence[tuple[OwnFunction, ast.expr]], template: str) -> str:
    lines = []
    for function in dict.fromkeys(function for function, _ in chosen):
        sites = [site for own, site in chosen if own is function]
        if len(innermost(sites)) < len(sites):
            return ""  # one inside of another
        changes = {site: _filled(template, function, site) for site in sites}
        lines.append(function.changed(changes))
    text = "\n".join(lines)
    return text if all(lines) and text.count("\n") < MOST_LINES else ""


def _sites(function: OwnFunction, kind: str) -> list[ast.expr]:
    operator = OPERATORS.get(kind)
    found: list[ast.expr] = []
    for node in function.walk():
        if isinstance(node, ast.BinOp) and operator and isinstance(node.op, operator):
            found += [] if isinstance(node.right, ast.Constant) and kind != "Pow" else [node]
        elif isinstance(node, ast.Compare) and operator and len(node.ops) == 1:
            found += [node] if isinstance(node.ops[0], operator) else []
        elif isinstance(node, ast.Call) and last_name(node.func) in NAMES.get(kind, ()):
            owner = node.func.value if isinstance(node.func, ast.Attribute) else None
            by_numpy = owner is not None and ast.unparse(owner) in ("np", "numpy", "math")
            plain = not any(isinstance(each, ast.Starred) for each in node.args)
            found += [node] if node.args and plain and not by_numpy else []
    return found


def _filled(template: str, function: OwnFunction, site: ast.expr) -> str:
    """A template with what an operation takes in it."""
    if isinstance(site, ast.BinOp):
        given = [site.left, site.right]
    elif isinstance(site, ast.Compare):
        given = [site.left, site.comparators[0]]
    else:
        given = [each for each in getattr(site, "args", ()) if not _is_zero(each)]
    parsed = ast.parse(template, mode="eval").body
    free = {each.id for each in ast.walk(parsed) if isinstance(each, ast.Name)} & set("abxp")
    names = sorted(free, key=lambda name: (name == "p", name))
    taken = dict(zip(names, given, strict=False))
    parts = [
        (each.col_offset, each.end_col_offset or 0, in_brackets(node, function.text(node)))
        for each in ast.walk(parsed)
        if isinstance(each, ast.Name) and (node := taken.get(each.id)) is not None
    ]
    for start, stop, code in sorted(parts, reverse=True):
        inside = template[:start].rstrip()[-1:] in ("(", ",") and template[stop : stop + 1] in "),"
        inner = code[1:-1] if inside and code.startswith("(") else code
        template = template[:start] + inner + template[stop:]
    around = function.parents[site]
    bare = isinstance(ast.parse(template, mode="eval").body, (ast.Call, ast.Name))
    return template if bare or not isinstance(around, (ast.BinOp, ast.UnaryOp)) else f"({template})"


def _is_zero(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == 0


def comparison_changed(
    training: Training, layer: str, kind: str, soft: str, *, at: tuple[str, int] | None = None
) -> str:
    """The only comparison of one kind in a place that is made numbers, with the slope of others.

    Args:
        training: of the user.
        layer: whose call it is in; empty for the loss or the step.
        kind: its type in TensorFlow.
        soft: the code of those numbers, of `a` and `b` that are compared.
        at: (file, line) of it, where that is known.
    """
    every = _places(training, layer, kind, at, at)
    if len(every) != 1:
        return ""
    function, site = every[0]
    cast = function.parents[site]
    if not isinstance(cast, ast.Call) or last_name(cast.func) != "cast" or cast.args[0] is not site:
        return ""
    numbers = _filled(soft, function, site)
    return function.changed(
        {cast: f"({function.text(cast)} + {numbers} - tf.stop_gradient({numbers}))"}
    )


def argument_changed(
    training: Training,
    layer: str,
    kind: str,
    name: str,
    value: Any,
    *,
    at: tuple[str, int] | None = None,
) -> str:
    """The only operation of one kind in a place with another argument.

    Args:
        training: of the user.
        layer: whose call it is in; empty for the loss or the step.
        kind: its type in TensorFlow.
        name: of the argument, which is the second of those without a name.
        value: of the argument.
        at: (file, line) of it, where that is known.
    """
    every = _places(training, layer, kind, at, at)
    if len(every) != 1:
        return ""
    (function, call), written = every[0], pasted.literal(value)
    if not isinstance(call, ast.Call):
        return ""
    for keyword in call.keywords:
        if keyword.arg == name:
            return function.changed({keyword.value: written})
    if len(call.args) > 1:
        return function.changed({call.args[1]: written})
    first = call.args[0]
    return function.changed({first: f"{function.text(first)}, {name}={written}"})


def logits_changed(training: Training, code: Callable[[str], str]) -> str:
    """What the only cross-entropy of TensorFlow's takes as logits, by other code.

    Args:
        training: of the user.
        code: from that of the logits, as one factor, to the new one.
    """
    found: list[tuple[OwnFunction, ast.expr]] = []
    for function in functions_at(training):
        for call in function.calls(*OF_LOGITS):
            given = [each.value for each in call.keywords if each.arg == "logits"]
            found += [(function, each) for each in (*given, *call.args[1:2])]
    if len(found) != 1:
        return ""
    ((function, logits),) = found
    return function.changed({logits: code(in_brackets(logits, function.text(logits)))})


def trained_in_calls(training: Training) -> str:
    """The only call of a model in the user's step, in training mode."""
    found: list[tuple[OwnFunction, ast.Call]] = []
    for function in functions_at(training):
        held = _values(function)
        for call in function.walk():
            if isinstance(call, ast.Call):
                itself = ast.unparse(call.func) == "self" and function.owner is training.model
                if itself or isinstance(held(call.func), keras.Model):
                    found.append((function, call))
    if len(found) != 1 or any(keyword.arg is None for keyword in found[0][1].keywords):
        return ""
    ((function, call),) = found
    for keyword in call.keywords:
        if keyword.arg == "training":
            return function.changed({keyword.value: "True"})
    last = [*call.args, *(keyword.value for keyword in call.keywords)][-1:]
    changes = {each: f"{function.text(each)}, training=True" for each in last}
    return function.changed(changes) if changes else ""


# ---- losses and updates --------------------------------------------------------------------------


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
    known = _values(function)(call.func.value) if isinstance(call.func, ast.Attribute) else None
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
    own = "self.trainable_variables" if training.own_train_step else ""
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
        changes: dict[ast.expr, str] = {tapes[0].args[1]: names}
        changes.update(dict.fromkeys(targets, names))
        changes.update(_of_the_loss_returned(function, tapes[0].args[0]))
        changes = {node: code for node, code in changes.items() if ast.unparse(node) != code}
        return function.changed(changes) if len(targets) == 1 and changes else ""
    return ""


def _of_the_loss_returned(function: OwnFunction, target: ast.expr) -> dict[ast.expr, str]:
    """What a gradient is taken of as the loss that the function returns."""
    loss = function.returned()
    if isinstance(loss, ast.Name):
        return {target: loss.id} if isinstance(target, (ast.Name, ast.IfExp)) else {}
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
        held = _values(function)
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


# ---- masks ---------------------------------------------------------------------------------------


def mask_turned(training: Training, layer: str) -> str:
    """The only mask that switches scores off by a number far off, the other way round.

    Args:
        training: of the user.
        layer: whose call it is in; empty for the step.
    """
    found: list[tuple[OwnFunction, ast.expr, str]] = []
    for function in functions_at(training, layer):
        for node in function.walk():
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
                for far, mask in ((node.left, node.right), (node.right, node.left)):
                    if _is_far(far):
                        found.append((function, mask, _other_way_round(function, mask)))
            elif _chooses_by_a_mask(node):
                mask = node.args[0]  # type: ignore[attr-defined]
                found.append((function, mask, f"~{in_brackets(mask, function.text(mask))}"))
    if len(found) != 1:
        return ""
    ((function, mask, code),) = found
    return function.changed({mask: code})


def _chooses_by_a_mask(node: ast.AST) -> bool:
    where = isinstance(node, ast.Call) and last_name(node.func) == "where"
    return where and len(node.args) > 1 and any(map(_is_far, ast.walk(node)))  # type: ignore[attr-defined]


def _is_far(node: ast.AST) -> bool:
    if isinstance(node, ast.UnaryOp):
        return _is_far(node.operand)
    value = node.value if isinstance(node, ast.Constant) else None
    return isinstance(value, (int, float)) and abs(value) >= FAR


def _other_way_round(function: OwnFunction, mask: ast.expr) -> str:
    turned = isinstance(mask, ast.BinOp) and isinstance(mask.op, ast.Sub)
    if turned and isinstance(mask.left, ast.Constant) and mask.left.value == 1:  # type: ignore[attr-defined]
        return in_brackets(mask.right, function.text(mask.right))  # type: ignore[attr-defined]
    return f"(1 - {in_brackets(mask, function.text(mask))})"
