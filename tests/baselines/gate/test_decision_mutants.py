"""No clause of the gate can be changed without a check coming out otherwise.

Each comparison in the gate's modules is inverted and moved by one, each number is changed, each
`and`, `any` and `min` becomes its counterpart, one at a time. The checks are the cases in
`cases.py`, and of modules that decide nothing their own tests. Mutants that do alike are listed
with the reason.
"""

from __future__ import annotations
import __future__

import ast
import contextlib
import copy
import functools
import importlib
import itertools
import re
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from unittest import mock

import pytest

from pytest_converge.core.errors import InvalidTrainingError
from tests.baselines.gate.cases import AT_ONCE, CASES, IN_TURN, REFUSED, Case

ROOT = Path(__file__).parents[3]
PACKAGE = "pytest_converge.baselines.gate"
#: In the order of their imports.
MODULES = (
    *("ranks", "bounds", "comparison", "rules", "detectable_shift", "wording", "decision"),
    *("scores", "identity"),
)
#: They decide nothing: what they find or say is compared by their own tests.
BY_THEIR_TESTS = {"detectable_shift", "wording", "scores", "identity"}
COMPARISONS = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
COUNTERPARTS = {"any": "all", "all": "any", "min": "max", "max": "min"}
TWO_DIGITS = 'text = f"{percent:.0f}" if percent >= 10 else f"{percent:.2g}"'
UNBOUNDED = 'return "not finite" if effect > 0 else "better without bound"'
LOWEST_P = "min((part.p_worse() for part in parts))"
#: (module, the line as it is, what was changed to what): why no check can tell.
EQUIVALENT = {
    ("decision", "count = len(parts[0].new)", "0 -> -1"): "all scores have as many runs",
    (
        "decision",
        "limits = limits_at(len(parts[0].new), terms.alpha)",
        "0 -> -1",
    ): "all scores have as many runs",
    (
        "decision",
        "drift = rules.largest_drift(baseline[0], runs[0])",
        "0 -> -1",
    ): "where the drift counts, the first run is the last one",
    ("bounds", "signs: float = 0.0", "0.0 -> -0.1"): "no p is below 0 either",
    ("ranks", "ways = [1]", "1 -> 2"): "a share of ways does not hang on their unit",
    ("ranks", "return (1,)", "1 -> 2"): "a share of ways does not hang on their unit",
    (
        "ranks",
        "for rank in range(1, count + 1):",
        "1 -> 0",
    ): "a rank of 0 doubles every number of ways",
    (
        "ranks",
        "return _tail([math.comb(count, positive) for positive in range(count + 1)])",
        "1 -> 2",
    ): "no more than all can be positive",
    (
        "rules",
        "clear = min(part.p_worse() for part in parts) > CLEAR_P_OF_FEW",
        f"{LOWEST_P} > CLEAR_P_OF_FEW -> {LOWEST_P} >= CLEAR_P_OF_FEW",
    ): "no p of up to four runs is 0.2: 231, 1,771 and 10,626 ways have no such share",
    (
        "rules",
        "return lowest > CLEAR_P_OF_MANY",
        "lowest > CLEAR_P_OF_MANY -> lowest >= CLEAR_P_OF_MANY",
    ): "no p of 6, 8, 11, 13 or 16 runs is 0.05",
    (
        "rules",
        "return lowest <= NOTED_P and any(part.median_excess > part.tolerance for part in parts)",
        "lowest <= NOTED_P -> lowest < NOTED_P",
    ): "neither of 2^20 nor of 137,846,528,820 ways is a hundredth a whole number",
    **dict.fromkeys(
        [("comparison", "unit: float = 1.0", f"1.0 -> {one}") for one in (1.1, 1 / 1.1)],
        "a unit of logarithms cancels where it is used",
    ),
    **dict.fromkeys(
        [
            ("detectable_shift", "FARTHEST = 32.0", f"32.0 -> {32 / 1.1}"),
            ("detectable_shift", "ACCURACY = 1e-4", f"0.0001 -> {1e-4 * 1.1}"),
            ("detectable_shift", "ACCURACY = 1e-4", f"0.0001 -> {1e-4 / 1.1}"),
            (
                "detectable_shift",
                "while high - low > ACCURACY:",
                "high - low > ACCURACY -> high - low >= ACCURACY",
            ),
        ],
        "distances are powers of two, and there is none between",
    ),
    **dict.fromkeys(
        [
            ("detectable_shift", "side = 1.0 if passes_with(0.0) else -1.0", "1.0 -> 1.1"),
            ("detectable_shift", "near, far = 0.0, side / 16", "16 -> 15"),
        ],
        "the same edge is found from elsewhere",
    ),
    **dict.fromkeys(
        [
            (
                "detectable_shift",
                "while passes_with(far) == (side > 0):",
                "side > 0 -> side >= 0",
            ),
            ("detectable_shift", "while passes_with(far) == (side > 0):", "0 -> -1"),
        ],
        "a side is 1 or -1",
    ),
    ("detectable_shift", "scale = parts[0].scale", "0 -> -1"): "only a metric's has a unit",
    ("wording", "rank = max(part.ranks[0] for part in parts)", "0 -> -1"): "there is one run",
    **dict.fromkeys(
        [
            ("wording", line, "0 -> -1")
            for line in (
                "total = len(parts[0].baseline)",
                "made, total = len(parts[0].new), len(parts[0].baseline)",
                'f"{worse} of {len(parts[0].new)} seeds worse beyond tolerance: {effect},"',
            )
        ],
        "all scores have as many runs",
    ),
    **dict.fromkeys(
        [
            ("wording", TWO_DIGITS, "percent >= 10 -> percent > 10"),
            ("wording", TWO_DIGITS, "10 -> 11"),
        ],
        "from 10 to 99 two digits are no decimals",
    ),
    **dict.fromkeys(
        [
            ("wording", UNBOUNDED, "effect > 0 -> effect >= 0"),
            ("wording", UNBOUNDED, "0 -> 1"),
            ("wording", UNBOUNDED, "0 -> -1"),
        ],
        "an effect that is not finite is an infinity",
    ),
    (
        "wording",
        "return f\"{text} % {'worse' if effect > 0 else 'better'}\"",
        "effect > 0 -> effect >= 0",
    ): "no effect is equal",
    ("scores", "lowest = min(finite, default=0.0)", "0.0 -> 0.1"): "neither is negative",
    **dict.fromkeys(
        [
            ("scores", "largest = max(map(abs, losses), default=0.0)", f"0.0 -> {largest}")
            for largest in (0.1, -0.1)
        ],
        "nothing is below the floor of nothing",
    ),
    (
        "scores",
        "if count <= KEPT_POINTS:",
        "count <= KEPT_POINTS -> count < KEPT_POINTS",
    ): "64 evenly spaced points of 64 are all of them",
}


def forms(node: ast.AST) -> Iterator[ast.AST]:
    """Every other node to put in place of this one."""
    match node:
        case ast.Compare():
            for at, operator in enumerate(node.ops):
                for other in COMPARISONS.get(type(operator), ()):
                    ops = [*node.ops[:at], other(), *node.ops[at + 1 :]]
                    yield ast.Compare(node.left, ops, node.comparators)
        case ast.BoolOp():
            yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
        case ast.UnaryOp(op=ast.Not()):
            yield node.operand
        case ast.Name(id=name) if name in COUNTERPARTS:
            yield ast.Name(COUNTERPARTS[name], node.ctx)
        case ast.Constant():
            yield from map(ast.Constant, other_numbers(node.value))


def other_numbers(value: object) -> tuple[float, ...]:
    if type(value) is int:
        return value + 1, value - 1
    if type(value) is float:
        return (value * 1.1, value / 1.1) if value else (0.1, -0.1)
    return ()


@functools.cache
def source_of(name: str) -> str:
    return (ROOT / name.replace(".", "/")).with_suffix(".py").read_text("utf-8")


@functools.cache
def statements(name: str) -> tuple[types.CodeType, ...]:
    """What a module runs, compiled once for all mutants."""
    return tuple(map(compiled, ast.parse(source_of(name)).body))


def compiled(statement: ast.stmt) -> types.CodeType:
    tree = ast.Module([statement], type_ignores=[])
    flag = __future__.annotations.compiler_flag
    return compile(tree, "mutant", "exec", flags=flag, dont_inherit=True)


def mutants(module: str) -> Iterator[tuple[tuple[str, str, str], tuple[types.CodeType, ...]]]:
    """The statements of each mutant, with a key that survives changes elsewhere in the module."""
    full = f"{PACKAGE}.{module}"
    source, whole = source_of(full), statements(full)
    for number, statement in enumerate(ast.parse(source).body):
        for parent in ast.walk(statement):
            for name, value in list(ast.iter_fields(parent)):
                children = value if isinstance(value, list) else [value]
                for at, child in enumerate(children):
                    for form in forms(child) if isinstance(child, ast.AST) else ():
                        new = ast.copy_location(copy.copy(form), child)
                        siblings = [*children[:at], new, *children[at + 1 :]]
                        setattr(parent, name, siblings if isinstance(value, list) else new)
                        code = compiled(ast.fix_missing_locations(statement))
                        setattr(parent, name, value)
                        line = source.splitlines()[child.lineno - 1].strip()
                        key = (module, line, f"{ast.unparse(child)} -> {ast.unparse(form)}")
                        yield key, (*whole[:number], code, *whole[number + 1 :])


@contextlib.contextmanager
def fresh(module: str, code: tuple[types.CodeType, ...]) -> Iterator[None]:
    """The gate, in which the module and all that may import it run anew, it with this code."""
    importlib.import_module(f"{PACKAGE}.decision")  # and with it the others
    package = importlib.import_module(PACKAGE)
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.dict(sys.modules))
        for name in MODULES[MODULES.index(module) :]:
            full = f"{PACKAGE}.{name}"
            sys.modules[full] = types.ModuleType(full)
            stack.enter_context(mock.patch.object(package, name, sys.modules[full], create=True))
            run(sys.modules[full], code if name == module else statements(full))
        yield


def run(module: types.ModuleType, code: Sequence[types.CodeType]) -> None:
    for statement in code:
        exec(statement, vars(module))  # noqa: S102 - the code is the module's own


def cases() -> list[Callable[[], bool]]:
    """What must come out of the gate that is there when they are called."""

    def comes_out(verb: str, case: Case) -> bool:
        gate = sys.modules[f"{PACKAGE}.decision"]
        more = {"finds_limit": "detectable" in case.expected}  # it takes longer than all else
        return case.holds(getattr(gate, verb)(case.baseline, case.new, **case.options, **more))

    def is_refused(baseline, new, options, complaint) -> bool:
        try:
            sys.modules[f"{PACKAGE}.decision"].judge(baseline, new, **options)
        except InvalidTrainingError as error:
            return re.search(complaint, str(error)) is not None
        return False

    asked = {"judge": CASES, "decide_all": AT_ONCE, "decide": IN_TURN}
    found = [functools.partial(comes_out, v, case) for v, these in asked.items() for case in these]
    return [*found, *(functools.partial(is_refused, *refused) for refused in REFUSED)]


def own_tests(module: str) -> list[Callable[[], bool]]:
    """The tests of the module, each with each of its arguments, on the one that is there."""
    name = f"{__package__}.test_{module}"
    known = importlib.import_module(name)

    def passes(test: str, arguments: Mapping[str, object]) -> bool:
        anew = types.ModuleType(name)
        run(anew, statements(name))
        getattr(anew, test)(**arguments)
        return True

    tests = {test: found for test, found in vars(known).items() if test.startswith("test_")}
    return [
        functools.partial(passes, test, arguments)
        for test, function in tests.items()
        for arguments in arguments_of(function)
    ]


def arguments_of(test: Callable[..., None]) -> Iterator[dict[str, object]]:
    """All combinations of what its marks give."""
    marks = [mark.args for mark in getattr(test, "pytestmark", ())]
    for values in itertools.product(*(given for _, given in marks)):
        found: dict[str, object] = {}
        for (names, _), value in zip(marks, values, strict=True):
            one = isinstance(names, str)
            found.update({names: value} if one else zip(names, value, strict=True))
        yield found


def is_noticed(
    module: str, code: tuple[types.CodeType, ...], checks: list[Callable[[], bool]]
) -> bool:
    """True where a check comes out otherwise; it is the first to be asked of the next mutant."""
    try:
        with fresh(module, code):
            for at, check in enumerate(checks):
                if not holds(check):
                    checks.insert(0, checks.pop(at))
                    return True
    except Exception:  # noqa: BLE001 - a mutant may break in any way
        return True
    return False


def holds(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except (Exception, pytest.fail.Exception):  # noqa: BLE001 - the same
        return False


@pytest.mark.parametrize("module", MODULES)
def test_every_mutant_of_the_gate_is_noticed(module):
    checks = own_tests(module) if module in BY_THEIR_TESTS else cases()
    assert not is_noticed(module, statements(f"{PACKAGE}.{module}"), checks)
    found = list(mutants(module))
    assert len(found) > 10
    unnoticed = {key for key, code in found if not is_noticed(module, code, checks)}
    listed = {key for key in EQUIVALENT if key[0] == module}
    assert sorted(unnoticed) == sorted(listed)
