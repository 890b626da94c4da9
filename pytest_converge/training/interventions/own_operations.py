"""Lines of the user's own code with an operation changed, for users to paste.

    operations_changed(training, "", "Sqrt", "tf.sqrt(tf.maximum(x, 1e-7))")
    # "return tf.sqrt(tf.maximum(mse, 1e-7))  # test_wine.py:12"

Each is empty where the change has no place there, or where more than one would do: what is shown
then is the change by itself.
"""

from __future__ import annotations

import ast
import collections
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras

from pytest_converge.training.interventions import pasted
from pytest_converge.training.interventions.own_functions import functions_at, values_of
from pytest_converge.training.state.own_code import (
    OwnFunction,
    function_at,
    in_brackets,
    innermost,
    last_name,
)
from pytest_converge.training.training import Training

__all__ = [
    "added_to_argument",
    "argument_changed",
    "arguments_changed",
    "comparison_changed",
    "logits_changed",
    "mask_turned",
    "norm_changed",
    "operations_changed",
    "trained_in_calls",
]

#: What code calls the operations of TensorFlow, and the operators that make them.
NAMES = {
    "Acos": ("acos", "arccos"),
    "Asin": ("asin", "arcsin"),
    "Atanh": ("atanh", "arctanh"),
    "Cast": ("cast",),
    "Ceil": ("ceil",),
    "Cos": ("cos",),
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
    "Max": ("amax", "max", "reduce_max"),
    "Maximum": ("maximum",),
    "Mean": ("mean", "reduce_mean"),
    "Minimum": ("minimum",),
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
    "Sin": ("sin",),
    "Softmax": ("softmax",),
    "Softplus": ("softplus",),
    "Sqrt": ("sqrt",),
    "StopGradient": ("stop_gradient",),
    "Sum": ("sum", "reduce_sum"),
    "Tan": ("tan",),
    "Transpose": ("transpose",),
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
    bare = isinstance(ast.parse(template, mode="eval").body, (ast.Call, ast.Name, ast.Subscript))
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


def added_to_argument(
    training: Training,
    layer: str,
    names: Sequence[str],
    number: str,
    *,
    at: tuple[str, int] | None = None,
) -> str:
    """A number added to what the only call of some functions in a place is given first.

    Args:
        training: of the user.
        layer: whose call it is in; empty for the loss or the step.
        names: of the functions.
        number: as code.
        at: (file, line) of it, where that is known.
    """
    functions = _functions(training, layer, at)
    found = [(f, call) for f in functions for call in f.calls(*names) if call.args]
    if len(found) != 1:
        return ""
    ((function, call),) = found
    code = f"{in_brackets(call.args[0], function.text(call.args[0]))} + {number}"
    return function.changed({call.args[0]: code})


def _functions(training: Training, layer: str, at: tuple[str, int] | None) -> list[OwnFunction]:
    """The function of a line, where that is known; else those of a layer or a step."""
    own = None if at is None else function_at(at)
    return functions_at(training, layer) if own is None else [own]


def norm_changed(
    training: Training, layer: str, least: float, *, at: tuple[str, int] | None = None
) -> str:
    """The only Euclidean norm of a place as the root of squares that are kept from 0.

    Args:
        training: of the user.
        layer: whose call it is in; empty for the loss or the step.
        least: what the sum of squares is at least.
        at: (file, line) of it, where that is known.
    """
    functions = _functions(training, layer, at)
    found = [(f, call) for f in functions for call in f.calls("norm") if len(call.args) == 1]
    settings = {each.arg for _, call in found for each in call.keywords}
    if len(found) != 1 or not settings <= {"axis", "keepdims"}:
        return ""
    ((function, call),) = found
    given = ", ".join(
        [f"tf.square({function.text(call.args[0])})", *map(ast.unparse, call.keywords)]
    )
    return function.changed({call: f"tf.sqrt(tf.maximum(tf.reduce_sum({given}), {least:g}))"})


def arguments_changed(
    operations: Iterable[tuple[str, tuple[str, int] | None]], template: str
) -> str:
    """The first arguments of some operations by other code, each where it is.

    Args:
        operations: the type in TensorFlow and (file, line) of each.
        template: code in which `x` stands for the argument.

    Returns:
        Nothing where a line holds other operations of these types as well.
    """
    wanted = collections.Counter(operations)
    changes: dict[ast.expr, str] = {}
    functions: dict[ast.AST, OwnFunction] = {}
    for (kind, place), count in wanted.items():
        own = None if place is None else function_at(place)
        if own is None or place is None:
            return ""
        line = place[1]
        sites = [x for x in _sites(own, kind) if x.lineno <= line <= (x.end_lineno or x.lineno)]
        if len(sites) != count:
            return ""
        functions[own.node] = own
        for site in sites:
            argument = site.args[0]  # type: ignore[attr-defined]
            code = in_brackets(argument, own.text(argument))
            changes[argument] = code.join(re.split(r"\bx\b", template))
    if len(functions) != 1 or len(innermost(changes)) < len(changes):
        return ""
    (own,) = functions.values()
    text = own.changed(changes)
    return text if text.count("\n") < MOST_LINES else ""


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
        held = values_of(function)
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
