"""Changes of the arrays of a data set as code for the data set itself.

    in_a_map(training, "y = y[:, None]")
    # "dataset = dataset.map(lambda x, y: (x, y[:, None]))"

Whoever hands over a `tf.data.Dataset` need not have the arrays that it was made of.
"""

from __future__ import annotations

import ast
import inspect
import re
from typing import Any

import numpy as np

from pytest_converge.training.data.arrays import batch_leaves
from pytest_converge.training.interventions import pasted
from pytest_converge.training.state.own_code import plain_function
from pytest_converge.training.training import Training

__all__ = ["called_by_the_step", "in_a_map", "name_of_dataset", "with_lists"]

#: One array that gets other values.
ASSIGNED = re.compile(r"(x|y|sample_weight|data\[(\d+)\]) = ([^#;]+?)(\s*#.*)?")
#: Around a change that NumPy makes in more digits; a data set has what it read in its own.
WIDENED = re.compile(r'(\w+) = \1\.astype\("float64"\); |; (\w+) = \2\.astype\("float32"\)')
#: An array of several under one name that gets other values, or is changed.
PART_ASSIGNED = re.compile(r"^(x|y|sample_weight)\[\d+\](?:\[[^=]*\])? = ", re.MULTILINE)
#: The name of an array alone.
PLACE = re.compile(r"(?:x|y|sample_weight|data\[(\d+)\])")
#: What is read of all rows: a number, or one a column.
OF_ALL_ROWS = re.compile(r"(ARRAY)\.(mean|std|min|max)\((axis=0)?\)")
#: More numbers than these are no line to paste.
MOST_NUMBERS = 8
#: The arrays of a batch by their places, as `fit` and a step of at most three parts have them.
PARTS = ("x", "y", "sample_weight")
#: What stands for the array while its code is looked at.
ARRAY = "ARRAY"
#: Digits of numbers that were computed of the data.
DIGITS = 4


def in_a_map(training: Training, line: str) -> str:
    """A line about one array of the batches, as one about their data set.

    Args:
        training: of the user.
        line: code; what is not about one array of a data set is returned as it is.
    """
    found, data = ASSIGNED.fullmatch(WIDENED.sub("", line)), training.data
    batch = training.first_batch() if found and data is not None and data.of_dataset else None
    if found is None or not isinstance(batch, tuple) or any(map(_is_nested, batch)):
        return line
    name, number, code, note = found.groups()
    place = int(number) if number else PARTS.index(name)
    names = _names(training, len(batch))
    rows = training.rows_in_memory
    values = None if rows is None else dict(batch_leaves(rows.arrays)).get(name)
    made = _in_tensors(code.replace(name, ARRAY) if number else _renamed(code, name), values)
    if not made or place >= len(names):
        return line
    held = name_of_dataset(training)
    parts = [*names[:place], made.replace(ARRAY, names[place]), *names[place + 1 :]]
    comma = "," if len(parts) == 1 else ""
    mapped = f"lambda {', '.join(names)}: ({', '.join(parts)}{comma})"
    return f"{held} = {held}.map({mapped}){note or ''}"


def with_lists(training: Training, fix: str) -> str:
    """Lines about one array of several, with those made lists first that nobody can write into.

    Args:
        training: of the user, who may have handed over a tuple of arrays.
        fix: code.
    """
    rows = training.rows_in_memory
    names = dict.fromkeys(PART_ASSIGNED.findall(fix))
    if not names or rows is None or not isinstance(rows.arrays, tuple):
        return fix
    parts = dict(zip(PARTS, rows.arrays, strict=False))
    tuples = [name for name in names if isinstance(parts.get(name), tuple)]
    return "\n".join([*(f"{name} = list({name})" for name in tuples), fix])


def name_of_dataset(training: Training) -> str:
    """What a line calls the data set that a call was given."""
    return "dataset" if training.verb == "fit" else "data"


def called_by_the_step(training: Training, name: str) -> str:
    """What a step of the user's calls an array of the batch; its own name where nobody knows.

    Args:
        training: of the user.
        name: of the array, as `x` or `data[3]`.
    """
    batch, place = training.first_batch(), PLACE.fullmatch(name)
    if training.verb != "step" or place is None or not isinstance(batch, tuple):
        return name
    number, known = int(place[1]) if place[1] else PARTS.index(name), _names(training, len(batch))
    return known[number] if number < len(known) else name


def _is_nested(part: Any) -> bool:
    return isinstance(part, (dict, list, tuple)) or part is None


def _names(training: Training, count: int) -> list[str]:
    """What the user's step calls its arguments; else the names of the parts."""
    function = plain_function(training.function)
    if training.verb == "step" and function is not None:
        known = [
            each.name
            for each in inspect.signature(function).parameters.values()
            if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
        ]
        known = known[known[:1] == ["self"] :]
        if len(known) >= count:
            return known[:count]
    return list(PARTS[:count]) if count <= len(PARTS) else [f"part{n}" for n in range(count)]


def _renamed(code: str, name: str) -> str:
    return re.sub(rf"(?<![\w.]){name}\b(?!=)", ARRAY, code)


def _in_tensors(code: str, values: Any) -> str:
    """Code of an array as one of a tensor; empty where nobody knows one."""

    def number(match: re.Match[str]) -> str:
        if values is None:
            return match[0]
        axis = 0 if match[3] else None
        # As the arrays would: in the type of the batches, as their user has them.
        found = getattr(np.asarray(values), match[2])(axis=axis)
        if np.size(found) > MOST_NUMBERS:
            return match[0]
        rounded = [float(f"{each:.{DIGITS}g}") for each in np.ravel(found)]
        return pasted.literal(rounded[0] if np.ndim(found) == 0 else rounded)

    code = OF_ALL_ROWS.sub(number, code)
    if OF_ALL_ROWS.search(code):
        return ""
    tree = _OfTensors().visit(ast.parse(code, mode="eval"))
    code = ast.unparse(tree)
    return "" if re.search(r"\bnp\.|\.astype\b|\.reshape\b|\bconverge\b", code) else code


class _OfTensors(ast.NodeTransformer):
    """`tf.where` in the place of `np.where`, a cast in that of `astype`."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        function = node.func
        if isinstance(function, ast.Attribute):
            if function.attr == "astype":
                cast = ast.Attribute(ast.Name("tf", ast.Load()), "cast", ast.Load())
                return ast.Call(cast, [function.value, *node.args], [])
            if ast.unparse(function) == "np.where":
                node.func = ast.Attribute(ast.Name("tf", ast.Load()), "where", ast.Load())
        return node
