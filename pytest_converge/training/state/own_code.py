"""The user's own functions as syntax trees, and lines of them with something changed.

    loss = own_function(rmse)
    (root,) = loss.calls("sqrt")
    loss.changed({root.args[0]: f"tf.maximum({loss.text(root.args[0])}, 1e-7)"})
    # "return tf.sqrt(tf.maximum(mse, 1e-7))  # test_wine.py:12"

Nothing here knows TensorFlow: what is read is the text of the file.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import io
import linecache
import os
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

__all__ = [
    "OwnFunction",
    "function_at",
    "in_brackets",
    "innermost",
    "is_of_a_library",
    "last_name",
    "own_function",
    "place_of_caller",
    "plain_function",
]

#: Packages that a training is written with.
LIBRARIES = frozenset({"functools", "keras", "numpy", "pytest_converge", "tensorflow", "tf_keras"})
#: Longer lines are no help to anybody who reads them: less than three of a terminal of 80 columns.
LONGEST = 200
#: Statements with others inside: a line of one is not the whole of it.
COMPOUND = (
    ast.AsyncFor,
    ast.AsyncFunctionDef,
    ast.AsyncWith,
    ast.ClassDef,
    ast.For,
    ast.FunctionDef,
    ast.If,
    ast.Try,
    ast.While,
    ast.With,
)
#: What needs no brackets where it becomes part of a product.
ATOMS = (ast.Attribute, ast.Call, ast.Constant, ast.Name, ast.Subscript)


@dataclasses.dataclass(frozen=True, eq=False)
class OwnFunction:
    """A function of the user's, as its file has it.

    Attributes:
        function: itself; None where its text alone is known.
        node: where it is defined.
        file: its path.
        lines: of the file.
        parents: the node around each node of the file.
        owner: the object whose method it is, where that is known.
    """

    function: Any
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    file: str
    lines: tuple[str, ...]
    parents: Mapping[ast.AST, ast.AST]
    owner: Any = None

    def walk(self) -> Iterator[ast.AST]:
        """All nodes inside, in the order of the text."""
        body = self.node.body if isinstance(self.node.body, list) else [self.node.body]
        inside = [each for part in body for each in ast.walk(part) if hasattr(each, "lineno")]
        return iter(sorted(inside, key=lambda each: (each.lineno, each.col_offset)))  # type: ignore[attr-defined]

    def calls(self, *names: str) -> list[ast.Call]:
        """Calls of functions by the last parts of their names, in the order of the text."""
        found = (each for each in self.walk() if isinstance(each, ast.Call))
        return [each for each in found if last_name(each.func) in names]

    def assigned(self, name: str) -> ast.expr | None:
        """The value of a name that one statement alone sets; None for any other."""
        found: list[ast.expr | None] = []
        for each in self.walk():
            if isinstance(each, ast.Assign):
                targets = [ast.unparse(target) for target in each.targets]
                found += [each.value] if name in targets else []
            elif isinstance(each, (ast.AugAssign, ast.AnnAssign)):
                found += [None] if ast.unparse(each.target) == name else []
        return found[0] if len(found) == 1 else None

    def returned(self) -> ast.expr | None:
        """What is returned, where that is in one place alone."""
        if isinstance(self.node, ast.Lambda):
            return self.node.body
        found = [x for x in self.walk() if isinstance(x, ast.Return) and self._own(x)]
        return found[0].value if len(found) == 1 else None

    def _own(self, node: ast.AST) -> bool:
        """False inside of another function."""
        around = self.parents[node]
        while not isinstance(around, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            around = self.parents[around]
        return around is self.node

    def text(self, node: ast.expr) -> str:
        """The code of a node as it is written, on one line."""
        segment = ast.get_source_segment("".join(self.lines), node) or ast.unparse(node)
        return segment if "\n" not in segment else ast.unparse(node)

    def changed(self, changes: Mapping[ast.expr, str]) -> str:
        """The statements that hold some nodes with other code in their places.

        Args:
            changes: code by node; no node inside of another.

        Returns:
            A line a statement, with the place of each; empty where one is no line of its own.
        """
        by_statement: dict[ast.stmt, dict[ast.expr, str]] = {}
        for node, code in changes.items():
            statement = self._statement(node)
            if statement is None:
                return ""
            by_statement.setdefault(statement, {})[node] = code
        lines = [self._line(statement, parts) for statement, parts in by_statement.items()]
        return "\n".join(lines) if all(lines) else ""

    def source(self, changes: Mapping[ast.expr, str]) -> str:
        """The whole file with other code in the places of some nodes."""
        return self._edited(1, len(self.lines), changes)

    def _statement(self, node: ast.AST) -> ast.stmt | None:
        while not isinstance(node, ast.stmt):
            node = self.parents[node]
        return None if isinstance(node, COMPOUND) else node

    def _line(self, statement: ast.stmt, changes: Mapping[ast.expr, str]) -> str:
        """The whole statement, or the one line of a long one that is another."""
        first, last = statement.lineno, statement.end_lineno or statement.lineno
        whole = self._edited(first, last, changes)[statement.col_offset :]
        try:
            shown = whole.strip() if first == last else ast.unparse(ast.parse(whole))
        except SyntaxError:
            return ""
        within = {(each.lineno, each.end_lineno) for each in changes}
        ((line, end),) = within if len(within) == 1 else [(0, 1)]
        if len(shown) > LONGEST and line == end:
            first, shown = line, self._edited(line, line, changes).strip()
        if len(shown) > LONGEST or "\n" in shown or not _is_code(shown):
            return ""
        return f"{shown}  # {os.path.basename(self.file)}:{first}"

    def _edited(self, first: int, last: int, changes: Mapping[ast.expr, str]) -> str:
        """Some lines, counted from 1, with code in the places of nodes, without comments behind."""
        rows = [line.encode() for line in self.lines[first - 1 : last]]
        text, starts = b"".join(rows), [sum(map(len, rows[:n])) for n in range(len(rows))]
        spans = [
            (
                starts[node.lineno - first] + node.col_offset,
                starts[(node.end_lineno or node.lineno) - first] + (node.end_col_offset or 0),
                code.encode(),
            )
            for node, code in changes.items()
        ]
        for start, stop, code in sorted(spans, reverse=True):
            text = text[:start] + code + text[stop:]
        return _without_comment(text.decode())


def _without_comment(text: str) -> str:
    """Lines without the comment behind the last one."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, IndentationError):
        return text
    comments = [each for each in tokens if each.type == tokenize.COMMENT]
    lines = text.splitlines(keepends=True)
    if comments and comments[-1].start[0] == len(lines):
        lines[-1] = lines[-1][: comments[-1].start[1]]
    return "".join(lines)


def _is_code(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def is_of_a_library(module: str) -> bool:
    """Whether the code of a module is nobody's to change who trains."""
    return module.partition(".")[0] in LIBRARIES


def place_of_caller() -> tuple[str, int] | None:
    """(file, line) of the innermost code that is now run and is of no library."""
    frame = inspect.currentframe()
    while frame is not None and is_of_a_library(frame.f_globals.get("__name__") or ""):
        frame = frame.f_back
    return None if frame is None else (frame.f_code.co_filename, frame.f_lineno)


def own_function(function: Any) -> OwnFunction | None:
    """A function in the text of its file; None where nobody sees it there.

    Args:
        function: compiled, bound, partial, a lambda or an object that is called.
    """
    function = plain_function(function)
    if function is None:
        return None
    code = function.__code__
    lines = tuple(linecache.getlines(code.co_filename, function.__globals__))
    tree, parents = _parsed("".join(lines))
    found = [each for each in parents if _is_of(each, code)]
    if tree is None or len(found) != 1:
        return None
    return OwnFunction(function, found[0], code.co_filename, lines, parents)  # type: ignore[arg-type]


def function_at(place: tuple[str, int]) -> OwnFunction | None:
    """The innermost function that a line of a file is in; None for a line outside of all.

    What it closes over is not known of it.
    """
    file, line = place
    lines = tuple(linecache.getlines(file))
    _, parents = _parsed("".join(lines))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    around = [
        x for x in parents if isinstance(x, kinds) and x.lineno <= line <= (x.end_lineno or 0)
    ]
    if not around:
        return None
    return OwnFunction(None, max(around, key=lambda each: each.lineno), file, lines, parents)


def plain_function(function: Any) -> Any:
    """The Python function behind what is called; None where there is none."""
    for _ in range(4):  # a partial of a bound compiled function
        function = getattr(function, "python_function", function)
        function = getattr(function, "func", function)
        function = getattr(inspect.unwrap(function), "__func__", inspect.unwrap(function))
    if not inspect.isfunction(function) and callable(function):
        function = inspect.unwrap(type(function).__call__)
    return function if inspect.isfunction(function) else None


def _is_of(node: ast.AST, code: Any) -> bool:
    if isinstance(node, ast.Lambda):
        return bool(code.co_name == "<lambda>" and node.lineno == code.co_firstlineno)
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
    return bool(node.name == code.co_name and first == code.co_firstlineno)


@functools.lru_cache(maxsize=8)
def _parsed(text: str) -> tuple[ast.Module | None, dict[ast.AST, ast.AST]]:
    """A file and the node around each of its nodes."""
    try:
        tree = ast.parse(text)
    except SyntaxError:  # as cells of a notebook with commands of its own
        return None, {}
    parents = {inner: outer for outer in ast.walk(tree) for inner in ast.iter_child_nodes(outer)}
    return tree, parents


def last_name(node: ast.AST) -> str:
    """`sqrt` of `tf.math.sqrt`; empty for what has no name."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def in_brackets(node: ast.expr, text: str) -> str:
    """The code of a node as one factor of a product."""
    return text if isinstance(node, ATOMS) else f"({text})"


def innermost(nodes: Iterable[ast.expr]) -> list[ast.expr]:
    """The nodes without those that have others of them inside."""
    every = list(nodes)
    return [x for x in every if not any(y in every for y in ast.walk(x) if y is not x)]
