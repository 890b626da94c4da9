"""No clause of the gate can be changed without a case in `cases.py` coming out otherwise.

Each comparison in the gate's modules is inverted and moved by one, each number is changed, each
`and`, `any` and `min` becomes its counterpart, one at a time. Those that decide alike are listed
with the reason.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import importlib
import importlib.util
import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from pytest_converge.core.errors import InvalidTrainingError
from tests.baselines.gate.cases import AT_ONCE, CASES, IN_TURN, REFUSED

PACKAGE = "pytest_converge.baselines.gate"
#: Who decides, in the order of their imports.
MODULES = ("ranks", "bounds", "comparison", "rules", "decision")
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
LOWEST_P = "min((part.p_worse() for part in parts))"
#: (module, the line as it is, what was changed to what): why no case can tell.
EQUIVALENT = {
    ("decision", "count = len(parts[0].new)", "0 -> -1"): "all scores have as many runs",
    (
        "decision",
        "limit = rank_limit(terms.alpha) if len(parts[0].new) in RANK_LOOKS else None",
        "0 -> -1",
    ): "all scores have as many runs",
    (
        "decision",
        "drift = rules.largest_drift(baseline[0], runs[0])",
        "0 -> -1",
    ): "where the drift counts, the first run is the last one",
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
    ): "no p of up to four runs is 0.15: 231, 1,771 and 10,626 ways have no such share",
    (
        "rules",
        "return lowest > CLEAR_P_OF_MANY",
        "lowest > CLEAR_P_OF_MANY -> lowest >= CLEAR_P_OF_MANY",
    ): "no p of 6, 8, 11 or 15 runs is 0.05",
    (
        "rules",
        "return lowest <= NOTED_P and any(part.median_excess > part.tolerance for part in parts)",
        "lowest <= NOTED_P -> lowest < NOTED_P",
    ): "neither of 2^20 nor of 137,846,528,820 ways is a hundredth a whole number",
    (
        "comparison",
        "unit: float = 1.0",
        "1.0 -> 1.1",
    ): "a unit of logarithms cancels where it is used",
    (
        "comparison",
        "unit: float = 1.0",
        "1.0 -> 0.9090909090909091",
    ): "a unit of logarithms cancels where it is used",
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


def mutants(module: str) -> Iterator[tuple[tuple[str, str, str], types.CodeType]]:
    """The code of each mutant, with a key that survives changes elsewhere in the module."""
    path = Path(importlib.import_module(f"{PACKAGE}.{module}").__file__)
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    for parent in ast.walk(tree):
        for name, value in list(ast.iter_fields(parent)):
            children = value if isinstance(value, list) else [value]
            for at, child in enumerate(children):
                for form in forms(child) if isinstance(child, ast.AST) else ():
                    new = ast.copy_location(copy.copy(form), child)
                    siblings = [*children[:at], new, *children[at + 1 :]]
                    setattr(parent, name, siblings if isinstance(value, list) else new)
                    code = compile(ast.fix_missing_locations(tree), str(path), "exec")
                    setattr(parent, name, value)
                    line = source.splitlines()[child.lineno - 1].strip()
                    yield (module, line, f"{ast.unparse(child)} -> {ast.unparse(form)}"), code


@contextlib.contextmanager
def judging_with(module: str, code: types.CodeType | None) -> Iterator[types.ModuleType]:
    """`decision` of a gate in which the module runs this code instead of its own."""
    package = importlib.import_module(PACKAGE)
    importlib.import_module(f"{PACKAGE}.{MODULES[-1]}")  # and with it the others
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.dict(sys.modules))
        for name in MODULES[MODULES.index(module) :]:
            full = f"{PACKAGE}.{name}"
            spec = importlib.util.find_spec(full)
            fresh = importlib.util.module_from_spec(spec)
            sys.modules[full] = fresh
            stack.enter_context(mock.patch.object(package, name, fresh))
            if name == module and code is not None:
                exec(code, vars(fresh))  # noqa: S102 - the code is the module's own
            else:
                spec.loader.exec_module(fresh)
        yield fresh


def is_noticed(module: str, code: types.CodeType | None) -> bool:
    """True where a case comes out otherwise."""
    try:
        with judging_with(module, code) as gate:
            asked = [(gate.judge, CASES), (gate.decide_all, AT_ONCE), (gate.decide, IN_TURN)]
            return not all(
                case.holds(ask(case.baseline, case.new, **case.options))
                for ask, cases in asked
                for case in cases
            ) or any(not is_refused(gate.judge, *refused) for refused in REFUSED)
    except Exception:  # noqa: BLE001 - a mutant may break in any way
        return True


def is_refused(judge, baseline, new, options, complaint) -> bool:
    try:
        judge(baseline, new, **options)
    except InvalidTrainingError as error:
        return re.search(complaint, str(error)) is not None
    return False


@pytest.mark.parametrize("module", MODULES)
def test_the_gate_itself_decides_every_case_as_expected(module):
    assert not is_noticed(module, None)


@pytest.mark.parametrize("module", MODULES)
def test_every_mutant_of_the_gate_is_noticed(module):
    found = list(mutants(module))
    assert len(found) > 10
    unnoticed = {key for key, code in found if not is_noticed(module, code)}
    listed = {key for key in EQUIVALENT if key[0] == module}
    assert sorted(unnoticed) == sorted(listed)
