"""The source of a Python file while it is edited, statement by statement.

    source = Source(text)
    source.replace(source.call_at(place), parsed("keras.optimizers.SGD(0.1)"))
    source.insert(statement, statements("x = x / 255"), behind=True)
    source.text()

What is not edited stays as it is written.
"""

from __future__ import annotations

import ast
import copy
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from tests.zoo.called import Place

__all__ = [
    "ForAPersonError",
    "Function",
    "Source",
    "assigned",
    "bound_by",
    "bound_inside",
    "filled",
    "last_name",
    "loaded",
    "names_in",
    "of_comprehensions",
    "parameters",
    "parsed",
    "statements",
    "targets_of",
]

Function: TypeAlias = ast.FunctionDef | ast.Lambda
Scope: TypeAlias = ast.FunctionDef | ast.Module | ast.With

#: Modules by the names that pasted code has for them.
IMPORTS = {
    "keras": "import keras",
    "np": "import numpy as np",
    "tf": "import tensorflow as tf",
}


class ForAPersonError(Exception):
    """Code whose place a person would have to think about."""


@dataclasses.dataclass
class Insertion:
    """Statements that go before another, or behind it."""

    statement: ast.stmt
    lines: list[ast.stmt]
    behind: bool


class Source:
    """A file while it is edited.

    Attributes:
        tree: of the file; what is replaced is replaced in it at once.
    """

    def __init__(self, text: str) -> None:
        self.tree = ast.parse(text)
        self._lines = text.splitlines()
        self._top = list(self.tree.body)
        self._before = [ast.dump(node) for node in self._top]
        self._original = set(ast.walk(self.tree))
        self._parents: dict[ast.AST, tuple[ast.AST, str]] = {}
        for parent in ast.walk(self.tree):
            self._adopt(parent)
        self._replaced: dict[Any, str] = {}
        self._now: dict[Any, ast.AST] = {}
        self._insertions: list[Insertion] = []
        self._first: list[tuple[ast.FunctionDef, list[ast.stmt]]] = []
        self._settings: list[ast.stmt] = []

    def _adopt(self, parent: ast.AST) -> None:
        for field, value in ast.iter_fields(parent):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    self._parents[child] = parent, field

    # ---- finding --------------------------------------------------------------------------------

    def call_at(self, place: Place) -> ast.Call | None:
        """The call at a place."""
        for each in self._original:
            if isinstance(each, ast.Call):
                at = each.lineno, each.end_lineno, each.col_offset, each.end_col_offset
                if at == tuple(place):
                    return each
        return None

    def calls(self, where: ast.AST | None = None, name: str = "") -> list[ast.Call]:
        """The calls in a part of the file, or in all of it, those of one name or all.

        What was pasted already is left out.
        """
        nodes = [x for x in ast.walk(where or self.tree) if x in self._original]
        every = [x for x in nodes if isinstance(x, ast.Call)]
        return [each for each in every if not name or last_name(each.func) == name]

    def parent(self, node: ast.AST) -> ast.AST:
        """What a node is in."""
        return self._parents[node][0]

    def now(self, node: ast.AST) -> ast.AST:
        """What stands in the place of a node."""
        return self._now.get(node, node)

    def statement_of(self, node: ast.AST | None) -> ast.stmt:
        """The statement that an expression is in.

        Raises:
            ForAPersonError: there is no such expression.
        """
        while node is not None and not isinstance(node, ast.stmt):
            node = self.parent(node)
        if node is None:
            raise ForAPersonError("nobody sees where it is made")
        return node

    def node_at(self, line: int) -> ast.stmt | ast.expr:
        """The outermost statement or expression that begins a line, counted from 1.

        Raises:
            ForAPersonError: none begins there.
        """
        begin = len(self._lines[line - 1]) - len(self._lines[line - 1].lstrip())
        for each in ast.walk(self.tree):  # the outer ones first
            known = isinstance(each, (ast.stmt, ast.expr)) and each in self._original
            if known and (each.lineno, each.col_offset) == (line, begin):
                return each
        raise ForAPersonError(f"nothing begins in line {line}")

    def names(self) -> set[str]:
        """All names that the file binds anywhere, also those of its parameters."""
        bound = {each.id for each in ast.walk(self.tree) if isinstance(each, ast.Name)}
        return bound | {each.arg for each in ast.walk(self.tree) if isinstance(each, ast.arg)}

    def functions(self, fits: Callable[[Function, str], bool]) -> list[Function]:
        """The functions, and the lambdas that have a name, that fit.

        Args:
            fits: takes a function and its name; that of a lambda may be empty.
        """
        found: list[Function] = []
        for each in ast.walk(self.tree):
            if isinstance(each, ast.FunctionDef) and fits(each, each.name):
                found.append(each)
            if isinstance(each, ast.Lambda):
                holder = self.parent(each)
                plain = isinstance(holder, ast.Assign) and holder.value is each
                if fits(each, ast.unparse(holder.targets[0]) if plain else ""):  # type: ignore[attr-defined]
                    found.append(each)
        return found

    def class_named(self, name: str) -> ast.ClassDef:
        """The class of a name.

        Raises:
            ForAPersonError: the file has none.
        """
        for each in ast.walk(self.tree):
            if isinstance(each, ast.ClassDef) and each.name == name:
                return each
        raise ForAPersonError(f"the file has no class {name}")

    def last_binding(self, scope: Scope, names: set[str]) -> ast.stmt:
        """The last statement of a scope that gives one of these names its value.

        Raises:
            ForAPersonError: none does.
        """
        found = [each for each in scope.body if names & bound_by(each)]
        if not found:
            raise ForAPersonError(f"where is {', '.join(sorted(names))}?")
        if isinstance(found[-1], ast.With):
            return self.last_binding(found[-1], names)
        return found[-1]

    # ---- editing --------------------------------------------------------------------------------

    def replace(self, old: ast.AST, new: ast.AST) -> None:
        """Puts one node in the place of another.

        Raises:
            ForAPersonError: something else is there already.
        """
        text = ast.unparse(new)
        if self._replaced.get(old, text) != text:
            raise ForAPersonError(f"{self._replaced[old]} and {text} have the same place")
        if old in self._replaced:
            return
        self._replaced[old] = text
        self._now[old] = new
        parent, field = self._parents[old]
        among = getattr(parent, field)
        if isinstance(among, list):
            among[next(i for i, each in enumerate(among) if each is old)] = new
        else:
            setattr(parent, field, new)
        self._parents[new] = parent, field
        self._top = [new if each is old else each for each in self._top]  # type: ignore[misc]

    def add_keyword(self, call: ast.Call, name: str, value: ast.expr) -> ast.expr:
        """One more argument of a call, which may be replaced."""
        keyword = ast.keyword(name, value)
        call.keywords.append(keyword)
        self._parents[keyword] = call, "keywords"
        self._parents[value] = keyword, "value"
        return value

    def insert(self, statement: ast.stmt, lines: list[ast.stmt], *, behind: bool = False) -> None:
        """Puts statements before another, or behind it and what was put there before."""
        self._insertions.append(Insertion(statement, lines, behind))

    def insert_first(self, function: ast.FunctionDef, lines: list[ast.stmt]) -> None:
        """Puts statements at the beginning of a function; more may be added to the list."""
        self._first.append((function, lines))

    def insert_at_the_top(self, line: ast.stmt) -> None:
        """Puts a statement behind the imports."""
        self._settings.append(line)

    def text(self) -> str:
        """The file with all edits."""
        for function, lines in self._first:
            begin = int(ast.get_docstring(function) is not None)
            function.body[begin:begin] = lines
        around = {id(node): [node] for node in self._top}
        behind: dict[int, int] = {}
        for each in self._insertions:
            body = around.get(id(each.statement)) or self._body_of(each.statement)
            at = next(i for i, node in enumerate(body) if node is each.statement)
            if each.behind:
                at += 1 + behind.get(id(each.statement), 0)
                behind[id(each.statement)] = behind.get(id(each.statement), 0) + len(each.lines)
            body[at:at] = each.lines
        return self._rendered(around)

    def _body_of(self, statement: ast.stmt) -> list[ast.stmt]:
        parent, field = self._parents[statement]
        body: list[ast.stmt] = getattr(parent, field)
        return body

    def _rendered(self, around: dict[int, list[ast.stmt]]) -> str:
        """The text of the file, written anew where it was changed."""
        new, anew = [], set()
        for number, node in enumerate(self._top):
            nodes = [ast.fix_missing_locations(each) for each in around[id(node)]]
            new.append(nodes)
            if [ast.dump(each) for each in nodes] != [self._before[number]]:
                anew.add(number)
        changed = [node for number in sorted(anew) for node in new[number]]
        text, done = [], 0
        body, last_import = self._places_at_the_top()
        for first, last, numbers in self._blocks():
            text += self._lines[done : first - 1]
            if body in numbers:
                text += self._imports([*changed, *self._settings])
            if anew & set(numbers):
                nodes = [node for number in numbers for node in new[number]]
                text += self._spliced(first, last, nodes) or map(ast.unparse, nodes)
            else:
                text += self._lines[first - 1 : last]
            if last_import in numbers:
                text += map(ast.unparse, self._settings)
            done = last
        return "\n".join([*text, *self._lines[done:]]) + "\n"

    def _spliced(self, first: int, last: int, nodes: list[ast.stmt]) -> list[str]:
        """Some lines with what was replaced in them; empty where that is not all."""
        block = [line.encode() for line in self._lines[first - 1 : last]]
        begins = [sum(len(line) + 1 for line in block[:n]) for n in range(len(block))]
        text, end = b"\n".join(block), float("inf")
        spots = [old for old in self._replaced if first <= getattr(old, "lineno", 0) <= last]
        for old in sorted(spots, key=lambda node: (node.lineno, node.col_offset), reverse=True):
            begin = begins[old.lineno - first] + old.col_offset
            until = begins[(old.end_lineno or last) - first] + (old.end_col_offset or 0)
            if old not in self._original or until > end:
                return []
            text, end = text[:begin] + self._replaced[old].encode() + text[until:], begin
        try:
            found = ast.parse(text).body
        except SyntaxError:
            return []
        same = list(map(ast.dump, found)) == list(map(ast.dump, nodes))
        return text.decode().splitlines() if same else []

    def _places_at_the_top(self) -> tuple[int, int]:
        """(number of the first statement that imports may go before, that of the last import)."""
        body = 0
        for node in self._top:
            string = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            if not string and getattr(node, "module", "") != "__future__":
                break
            body += 1
        kinds = (ast.Import, ast.ImportFrom)
        found = [n for n, node in enumerate(self._top) if isinstance(node, kinds)]
        return body, max(found, default=body)

    def _imports(self, changed: list[ast.stmt]) -> list[str]:
        """Lines for the modules that some statements name and the file does not import."""
        needed = {name for node in changed for name in loaded(node)} - bound_inside(self.tree)
        return [line for name, line in IMPORTS.items() if name in needed]

    def _blocks(self) -> Iterator[tuple[int, int, list[int]]]:
        """(first line, last line, numbers) of the statements at the top, a line's as one."""
        found: list[tuple[int, int, list[int]]] = []
        for number, node in enumerate(self._top):
            first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
            last = node.end_lineno or first
            if found and first <= found[-1][1]:
                begin, end, numbers = found[-1]
                found[-1] = begin, max(end, last), [*numbers, number]
            else:
                found.append((first, last, [number]))
        return iter(found)


# ---- code ---------------------------------------------------------------------------------------


def statements(text: str) -> list[ast.stmt]:
    """Some code as statements."""
    return ast.parse(text).body


def parsed(text: str) -> ast.expr:
    """Some code as an expression."""
    return ast.parse(text, mode="eval").body


def assigned(name: str, value: ast.expr) -> ast.Assign:
    """The statement `name = value`."""
    return ast.Assign([ast.Name(name, ast.Store())], value)


def filled(template: ast.expr, values: dict[str, ast.expr]) -> ast.expr:
    """A copy of an expression with others in the place of some names."""

    class Fill(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.AST:
            return values.get(node.id, node)

    made: ast.expr = Fill().visit(copy.deepcopy(template))
    return made


# ---- names --------------------------------------------------------------------------------------


def last_name(node: ast.AST) -> str:
    """`Dense` of `keras.layers.Dense`; empty for what is no name."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def names_in(node: ast.AST) -> set[str]:
    """All names in some code, but for the parameters of its lambdas."""
    own = {each.arg for each in ast.walk(node) if isinstance(each, ast.arg)}
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)} - own


def loaded(node: ast.AST) -> set[str]:
    """The names that some code reads, as `names_in`."""
    names = [each for each in ast.walk(node) if isinstance(each, ast.Name)]
    return {each.id for each in names if isinstance(each.ctx, ast.Load)} & names_in(node)


def targets_of(node: ast.AST) -> Sequence[ast.expr]:
    """What an assignment gives values to; nothing for other statements."""
    if isinstance(node, ast.Assign):
        return node.targets
    target = getattr(node, "target", None)
    return [target] if isinstance(node, (ast.AnnAssign, ast.AugAssign)) else []


def bound_by(node: ast.stmt) -> set[str]:
    """The names that a statement gives values, or whose values it changes."""
    found = set()
    for each in _of_its_scope(node):
        if isinstance(each, (ast.FunctionDef, ast.ClassDef)):
            found.add(each.name)
        elif isinstance(each, ast.alias):
            found.add((each.asname or each.name).partition(".")[0])
        elif isinstance(getattr(each, "ctx", None), ast.Store):
            found.add(_root(each))
    return found - of_comprehensions(node) - {""}


def _root(node: ast.AST) -> str:
    """`y` of `y[0].values`."""
    while isinstance(node, (ast.Subscript, ast.Attribute)):
        node = node.value
    return last_name(node)


def of_comprehensions(node: ast.AST) -> set[str]:
    """The names that only comprehensions in some code give values."""
    parts = [each for each in ast.walk(node) if isinstance(each, ast.comprehension)]
    plain = {name for target in targets_of(node) for name in names_in(target)}
    return {name for part in parts for name in names_in(part.target)} - plain


def bound_inside(scope: ast.AST) -> set[str]:
    """The names that the statements of a function or a module give values."""
    body = scope.body if isinstance(scope, (ast.FunctionDef, ast.Module)) else []
    return {name for each in body for name in bound_by(each)}


def parameters(function: Function) -> set[str]:
    """The names of the arguments that a function takes."""
    arguments = function.args
    return {each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}


def _of_its_scope(node: ast.AST) -> Iterator[ast.AST]:
    """A node and what is in it, without the insides of functions and classes."""
    yield node
    if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.AsyncFunctionDef)):
        return
    for child in ast.iter_child_nodes(node):
        yield from _of_its_scope(child)
