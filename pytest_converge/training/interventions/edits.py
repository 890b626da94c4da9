"""What a slip in the user's own code may be, turned round: other code for one expression.

    for changes in edits(function, alike):
        ...  # {the node of `0` in `axis=0`: "-1"}, {that of `a - b`: "b - a"}

Each is one of the slips that reviews of code find and that mutation testing makes on purpose
(DeMillo, Lipton and Sayward 1978, *Hints on test data selection*): programs are nearly right, so
that the inverse of one small change is likely among them. Nothing here knows TensorFlow.
"""

from __future__ import annotations

import ast
import functools
import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from pytest_converge.training.state.own_code import OwnFunction, in_brackets, last_name

__all__ = ["Edit", "edits", "is_set", "never_read"]

#: Code by the expression that it stands in place of; the first one says what is changed.
Edit = Mapping[ast.expr, str]

#: An expression and other code for it.
Change = tuple[ast.expr, str]

#: What makes the edits of one kind at a node.
Rule = Callable[[OwnFunction, ast.expr], Iterable[Change]]

#: Axes that an operation may have meant.
AXES = (-1, 1, 0, 2, -2)
#: Orders of axes in which rows of a tensor stay apart, by their number.
ORDERS = ((0, 2, 1), (0, 2, 1, 3), (0, 1, 3, 2))
#: Axes of pictures with channels.
PICTURES = 4
#: Functions that are taken for each other.
ALIKE = (
    ("reduce_sum", "reduce_mean", "reduce_max"),
    ("sum", "mean", "max"),
    ("maximum", "minimum"),
    ("softmax", "sigmoid"),
    ("argmax", "argmin"),
    ("add", "multiply"),
    ("cumsum", "cumprod"),
    ("equal", "not_equal"),
    ("less", "greater"),
    ("less_equal", "greater_equal"),
    ("logical_and", "logical_or"),
    ("assign_add", "assign_sub"),
)
#: Operators that are taken for each other.
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
}
COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt,
    ast.Gt: ast.Lt,
    ast.LtE: ast.GtE,
    ast.GtE: ast.LtE,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}
#: Operators whose sides count.
ORDERED = (ast.Sub, ast.MatMult, ast.Div, ast.Pow)
#: So many edits of one rule come in a row.
IN_TURN = 3
#: What may bind tighter than what is put into it.
TIGHT = (ast.Attribute, ast.BinOp, ast.Compare, ast.Subscript, ast.UnaryOp)


def edits(
    function: OwnFunction,
    alike: Callable[[ast.expr], list[str]],
    unused: Collection[str] = (),
    unread: Callable[[str], Collection[str]] = lambda _: (),
) -> list[Edit]:
    """Other code for one expression of a function, the likeliest slips first.

    Args:
        function: of the user.
        alike: of a name, or an attribute of the function's own object, the others that hold a thing
            of its kind.
        unused: attributes of the function's own object that can be called and never are.
        unread: names whose values have no influence, of those that have a value for each row of
            what another name holds; all of them for the empty name.
    """
    nodes = [each for each in function.walk() if isinstance(each, ast.expr)]
    rules: list[Rule] = [
        functools.partial(_applied, unused=unused),
        functools.partial(_read, unread=unread),
        _axes,
        _swapped,
        functools.partial(_named_otherwise, alike=alike),
        _beside_its_input,
        _reordered,
        _flags,
        _indices,
        _listed,
        _compared,
        _called_otherwise,
        _other_operator,
        _negated,
        _one_side,
        _bare,
        _bare_of_several,
    ]
    by_rule = [[edit for node in nodes for edit in rule(function, node)] for rule in rules]
    at_once = [*_axes_at_once(itertools.chain(*by_rule)), *_complements(function, nodes)]
    single = [{node: code} for node, code in dict.fromkeys(_in_turn(by_rule))]
    return [*at_once, *single]


def _in_turn(rules: Collection[list[Change]]) -> Iterator[Change]:
    """The first few of every rule, then the next ones, so that none waits for a long one."""
    for first in range(0, max(map(len, rules), default=0), IN_TURN):
        for each in rules:
            yield from each[first : first + IN_TURN]


def _axes_at_once(every: Iterable[Change]) -> Iterator[Edit]:
    """Every axis of one text along another one: a maximum and a sum may go along the same."""
    by_text: dict[tuple[str, str], dict[ast.expr, str]] = {}
    for node, code in every:
        if code in map(str, AXES):
            by_text.setdefault((ast.unparse(node), code), {})[node] = code
    yield from (edit for edit in by_text.values() if len(edit) > 1)


def _complements(function: OwnFunction, nodes: list[ast.expr]) -> Iterator[Edit]:
    """A share and what is left of 1 exchanged, as of a moving average."""
    rests = [each for each in nodes if isinstance(each, ast.BinOp) and _is_rest(each)]
    for share in dict.fromkeys(ast.unparse(each.right) for each in rests):
        rest = [each for each in rests if ast.unparse(each.right) == share]
        inside = {node for each in rest for node in ast.walk(each)}
        plain = [
            each
            for each in nodes
            if ast.unparse(each) == share and each not in inside and not is_set(each)
        ]
        if plain:
            code = f"(1 - {share})"
            yield {
                **dict.fromkeys(plain, code),
                **{each: function.text(each.right) for each in rest},
            }


def is_set(node: ast.expr) -> bool:
    """Whether a name or an attribute is given a value there."""
    return isinstance(getattr(node, "ctx", None), ast.Store)


def _is_rest(node: ast.BinOp) -> bool:
    """Whether a node is `1 - share`."""
    one = isinstance(node.left, ast.Constant) and node.left.value == 1
    return one and isinstance(node.op, ast.Sub)


def _applied(function: OwnFunction, node: ast.expr, *, unused: Collection[str]) -> Iterator[Change]:
    """What an object was given to apply, as an activation, applied to what it returns."""
    if _is_returned(function, node) and isinstance(node, (ast.Call, ast.Name)):
        yield from ((node, f"self.{name}({function.text(node)})") for name in unused)


def never_read(function: OwnFunction) -> list[str]:
    """What a function is given, or names, and never reads."""
    names = [each for each in function.walk() if isinstance(each, ast.Name)]
    known = [each.arg for each in function.node.args.args]
    known += [each.id for each in names if isinstance(each.ctx, ast.Store)]
    read = {each.id for each in names if isinstance(each.ctx, ast.Load)} | {"self", "_"}
    return [name for name in dict.fromkeys(known) if name not in read]


def _read(
    function: OwnFunction, node: ast.expr, *, unread: Callable[[str], Collection[str]]
) -> Iterator[Change]:
    """What is never read handed to a call, or taken as a factor, as a mask or the end of a game."""
    if isinstance(node, ast.Call) and node.args:
        inside = ", ".join(ast.unparse(each) for each in (*node.args, *node.keywords))
        for name in unread(""):
            yield node, f"{ast.unparse(node.func)}({inside}, {name}={name})"
            if not node.keywords:
                yield node, f"{ast.unparse(node.func)}({inside}, {name})"
    target = "" if isinstance(node, ast.IfExp) else _name_set_to(function, node)
    if target:
        factor = in_brackets(node, function.text(node))
        for name in unread(target):
            yield from ((node, f"{factor} * {code}") for code in (f"(1.0 - {name})", name))


def _beside_its_input(function: OwnFunction, node: ast.expr) -> Iterator[Change]:
    """What is returned, or takes the place of its input, added to that, as by a residual block."""
    if not isinstance(node, (ast.Call, ast.Name)):
        return
    if _is_returned(function, node):
        given = [each.arg for each in function.node.args.args]
        first = [name for name in given if name != "self"][:1]
        yield from ((node, f"{name} + {function.text(node)}") for name in first)
    elif isinstance(node, ast.Call):
        name = _name_set_to(function, node)
        if name and name in [ast.unparse(each) for each in node.args]:
            yield node, f"{name} + {function.text(node)}"


def _name_set_to(function: OwnFunction, node: ast.expr) -> str:
    """The name that is set to an expression, if only under a condition; empty for none."""
    around = function.parents[node]
    if isinstance(around, ast.IfExp) and node is not around.test:
        return _name_set_to(function, around)
    known = isinstance(around, ast.Assign) and node is around.value
    target = around.targets[0] if known else None  # type: ignore[attr-defined]
    return target.id if isinstance(target, ast.Name) else ""


def _is_returned(function: OwnFunction, node: ast.expr) -> bool:
    """Whether an expression is all that is returned, if only under a condition."""
    around = function.parents[node]
    if isinstance(around, ast.IfExp) and node is not around.test:
        return _is_returned(function, around)
    return isinstance(around, ast.Return)


def _axes(function: OwnFunction, node: ast.expr) -> Iterator[Change]:
    """Along another axis."""
    if not isinstance(node, ast.Call):
        return
    for keyword in node.keywords:
        if keyword.arg in ("axis", "axes", "dim"):
            given = ast.unparse(keyword.value)
            yield from ((keyword.value, str(axis)) for axis in AXES if str(axis) != given)


def _reordered(function: OwnFunction, node: ast.expr) -> Iterator[Change]:
    """Axes in another order in front of another shape, which alone takes rows apart wrongly."""
    if not isinstance(node, ast.Call) or len(node.args) < 2:
        return
    name, tensor = last_name(node.func), function.text(node.args[0])
    owner = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
    if name == "reshape" and owner:
        for order in ORDERS:
            yield node.args[0], f"{owner}.transpose({tensor}, {list(order)})"
            yield node, f"{owner}.transpose({function.text(node)}, {list(order)})"
        if owner == "tf" and len(getattr(node.args[1], "elts", ())) == PICTURES:
            yield node, f"tf.nn.depth_to_space({tensor}, 2)"
    elif name == "transpose":
        own = tuple(_whole(each) for each in getattr(node.args[1], "elts", ()))
        if 2 < len(own) < 5:
            others = itertools.permutations(range(len(own)))
            yield from (
                (node.args[1], str(list(other)))
                for other in others
                if other != own and other[0] == own[0]
            )


def _swapped(function: OwnFunction, node: ast.expr) -> Iterator[Change]:
    """Two sides, or the last two arguments, the other way round."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ORDERED):
        yield node, ast.unparse(ast.BinOp(node.right, node.op, node.left))
    elif isinstance(node, ast.Call) and len(node.args) in (2, 3):
        *first, one, other = (function.text(each) for each in node.args)
        settings = (ast.Constant, ast.List, ast.Starred, ast.Tuple)
        if one != other and not any(isinstance(each, settings) for each in node.args):
            named = [ast.unparse(each) for each in node.keywords]
            arguments = ", ".join((*first, other, one, *named))
            yield node, f"{ast.unparse(node.func)}({arguments})"


def _called_otherwise(function: OwnFunction, node: ast.expr) -> Iterator[Change]:
    """Another function of the same arguments."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        for names in ALIKE:
            if node.func.attr in names:
                owner = ast.unparse(node.func.value)
                others = (name for name in names if name != node.func.attr)
                yield from ((node.func, f"{owner}.{name}") for name in others)


def _flags(function: OwnFunction, node: ast.expr) -> Iterator[Change]:
    """The other of two truths, as of `training=`; no other way round where `not` says so."""
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield node, str(not node.value)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.Invert)):
        yield node, _alone(function, node, node.operand)


def _indices(function: OwnFunction, node: ast.expr) -> Iterator[Change]:
    """Another place of a row: one on, the last for the first, without the first for the last."""
    if not isinstance(node, ast.Subscript):
        return
    whole = node.slice
    for part in getattr(whole, "elts", (whole,)):
        place = _whole(part)
        if isinstance(part, ast.Slice) and part.step is None:
            low, high = _whole(part.lower), _whole(part.upper)
            if low is not None and part.upper is None and low > 0:
                yield from _with_slice(function, node, part, f":-{low}")
            elif high is not None and part.lower is None and high < 0:
                yield from _with_slice(function, node, part, f"{-high}:")
        elif place is not None:
            others = [other for other in (-1, 0, 1) if other != place]
            yield from ((part, str(other)) for other in others)


def _with_slice(
    function: OwnFunction, node: ast.Subscript, part: ast.Slice, code: str
) -> Iterator[Change]:
    parts = getattr(node.slice, "elts", [node.slice])
    texts = [code if each is part else ast.unparse(each) for each in parts]
    yield node, f"{function.text(node.value)}[{', '.join(texts)}]"


def _listed(function: OwnFunction, node: ast.expr) -> Iterator[Change]:
    """Two neighbours of a list that is no list of numbers, as columns that are stacked."""
    each = node.elts if isinstance(node, (ast.List, ast.Tuple)) else []
    stored = not isinstance(getattr(node, "ctx", None), ast.Load)
    if stored or any(isinstance(x, ast.Slice) or _is_number(x) for x in each):
        return
    for one, other in itertools.pairwise(each):
        texts = [function.text(x) for x in each]
        place = each.index(one)
        texts[place : place + 2] = function.text(other), function.text(one)
        inside = ", ".join(texts)
        yield node, f"[{inside}]" if isinstance(node, ast.List) else f"({inside})"


def _compared(function: OwnFunction, node: ast.expr) -> Iterator[Change]:
    """A comparison the other way round."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARED:
        turned = ast.Compare(node.left, [COMPARED[type(node.ops[0])]()], node.comparators)
        yield node, ast.unparse(turned)


def _named_otherwise(
    function: OwnFunction, node: ast.expr, *, alike: Callable[[ast.expr], list[str]]
) -> Iterator[Change]:
    """Another name, or another attribute, that holds a thing of its kind."""
    if not isinstance(getattr(node, "ctx", None), ast.Load):
        return
    if isinstance(node, ast.Attribute):
        yield from ((node, code) for code in alike(node))
    elif isinstance(node, ast.Name):
        known = _names_before(function, node)
        if node.id in known:
            yield from ((node, name) for name in alike(node) if name in known)


def _names_before(function: OwnFunction, node: ast.Name) -> list[str]:
    """What holds a value of the function's own above a line, the latest first."""
    given = [each.arg for each in function.node.args.args]
    names = [name for name in given if name not in ("self", "training", "mask")]
    for each in function.walk():
        stored = isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
        if stored and each.lineno < node.lineno:  # type: ignore[attr-defined]
            names.append(each.id)  # type: ignore[attr-defined]
    return list(dict.fromkeys(reversed(names)))


def _other_operator(function: OwnFunction, node: ast.expr) -> Iterator[Change]:
    """Plus for minus, and times for over."""
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        turned = ast.BinOp(node.left, OPERATORS[type(node.op)](), node.right)
        yield node, ast.unparse(turned)


def _negated(function: OwnFunction, node: ast.expr) -> Iterator[Change]:
    """The other sign of what is returned, named, or one of several in a list; or none at all."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        if _whole(node) is None:
            yield node, _alone(function, node, node.operand)
        return
    around = function.parents[node]
    listed = isinstance(around, (ast.List, ast.Tuple)) and isinstance(around.ctx, ast.Load)
    alone = listed or isinstance(around, ast.Return) or bool(_name_set_to(function, node))
    if alone and isinstance(node, (ast.BinOp, ast.Call, ast.Name, ast.Subscript)):
        yield node, f"-{in_brackets(node, function.text(node))}"


def _one_side(function: OwnFunction, node: ast.expr) -> Iterator[Change]:
    """One side of a sum or product alone."""
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        for side in (node.left, node.right):
            if not isinstance(side, ast.Constant):
                yield node, function.text(side)


def _bare(function: OwnFunction, node: ast.expr) -> Iterator[Change]:
    """What a function of one argument is given, without the function."""
    one = isinstance(node, ast.Call) and len(node.args) == 1
    if isinstance(node, ast.Call) and one and not isinstance(node.args[0], ast.Starred):
        yield node, _alone(function, node, node.args[0])


def _bare_of_several(function: OwnFunction, node: ast.expr) -> Iterator[Change]:
    """The first thing that a function of several arguments is given, without the function."""
    if isinstance(node, ast.Call) and len(node.args) > 1:
        first = node.args[0]
        if not isinstance(first, (ast.Constant, ast.Lambda, ast.List, ast.Starred, ast.Tuple)):
            yield node, _alone(function, node, first)


def _alone(function: OwnFunction, node: ast.expr, inner: ast.expr) -> str:
    """A part of an expression in its place, in brackets where what is around would part it."""
    code = function.text(inner)
    return in_brackets(inner, code) if isinstance(function.parents[node], TIGHT) else code


def _whole(node: ast.AST | None) -> int | None:
    """A whole number that is written out; None for all else."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _whole(node.operand)
        return None if inner is None else -inner
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _is_number(node: ast.expr) -> bool:
    inner = node.operand if isinstance(node, ast.UnaryOp) else node
    return isinstance(inner, ast.Constant)
