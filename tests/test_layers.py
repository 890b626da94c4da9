"""The layers of the package: who may import whom, and when."""

import ast
import collections
import dataclasses
import subprocess
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

import pytest_converge

PACKAGE = "pytest_converge"
ROOT = Path(pytest_converge.__file__).parent


@dataclasses.dataclass(frozen=True)
class Layer:
    """What a layer may import beside itself and the standard library.

    Attributes:
        inside: other layers of the package.
        inside_functions: layers that only functions may import.
        outside: other packages.
        types: packages for annotations alone.
        extras: True where functions may import libraries that come with an extra.
    """

    inside: frozenset[str] = frozenset()
    inside_functions: frozenset[str] = frozenset()
    outside: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    extras: bool = False


def layer(inside=(), inside_functions=(), outside=(), types=(), *, extras=False):
    return Layer(*map(frozenset, (inside, inside_functions, outside, types)), extras)


NUMBERS = {"keras", "numpy", "tensorflow"}
DATA = {"core", "columns"}
STATE = DATA | {"training.keras_internals", "training.state"}
LOOP = STATE | {"training.data", "training.model", "training.training", "training.loop"}
TRAINING = LOOP | {"training.measures", "training.adapters", "training.interventions"}
BASELINES = {"baselines.gate", "baselines.files", "baselines.session"}
PLUGIN = layer(
    {"core", "baselines.gate", "baselines.files", "report", "hookspecs", "__init__"},
    {"runner", "features", "features.comparison", "learning_rate"},
    {"pytest"},
    {"typing_extensions"},
)

#: From the bottom to the top: a room imports those above it in this table, never the other way.
LAYERS = {
    "__init__": layer(),
    "core": layer(),
    "columns": layer({"core"}, outside={"numpy"}),
    "training.keras_internals": layer(outside=NUMBERS),
    "training.state": layer(DATA | {"training.keras_internals"}, outside=NUMBERS),
    "training.data": layer(STATE, outside=NUMBERS),
    "training.model": layer(STATE | {"training.data"}, outside=NUMBERS),
    "training.training": layer(STATE | {"training.data", "training.model"}, outside=NUMBERS),
    "training.loop": layer(LOOP, outside=NUMBERS),
    "training.measures": layer(LOOP, outside=NUMBERS),
    "training.adapters": layer(LOOP | {"training.measures"}, outside=NUMBERS),
    "training.interventions": layer(
        LOOP | {"training.measures", "training.adapters"}, outside=NUMBERS
    ),
    "training": layer(),
    "checks": layer({"core"}),
    "diagnosis": layer({"core", "columns", "checks"} | TRAINING),
    "baselines.gate": layer({"core"}),
    "baselines.files": layer({"core", "baselines.gate"}),
    "baselines.session": layer({"core", "baselines.gate", "baselines.files"} | TRAINING),
    "baselines": layer(),
    "test_quality": layer(DATA | {"checks", "baselines.gate"} | TRAINING, outside=NUMBERS),
    "report": layer({"core"}, extras=True),
    "features.checks": layer(DATA | {"checks"}),
    "features.pipelines": layer(DATA | {"training.data"}, outside=NUMBERS),
    "runner": layer({"core", "checks", "diagnosis", "test_quality"} | TRAINING | BASELINES),
    "learning_rate": layer({"core", "checks", "runner"} | TRAINING, outside={"numpy"}),
    "features.comparison": layer(
        {"core", "columns", "learning_rate", "runner"} | TRAINING, outside={"numpy"}
    ),
    "features": layer(DATA | {"features.checks", "features.pipelines"}),
    "hookspecs": PLUGIN,
    "plugin": PLUGIN,
    "command": layer({"core", "baselines.gate", "baselines.files", "report", "__init__"}),
    "__main__": layer({"command"}),
}

#: Only the layer `training` knows these, extras or not.
NUMERIC = {"jax", "keras", "numpy", "scipy", "tensorflow", "tf_keras", "torch"}


@dataclasses.dataclass(frozen=True)
class Import:
    """One import: of what, and whether it happens in a function or for annotations only."""

    module: str
    line: int
    in_function: bool = False
    for_types: bool = False

    @property
    def top(self) -> str:
        return self.module.partition(".")[0]


def imports_of(node: ast.AST, **where: bool) -> Iterator[Import]:
    """Every import below `node`; `from a import b` counts as the import of `a.b`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, child.lineno, **where)
        elif isinstance(child, ast.ImportFrom):
            for alias in child.names:
                yield Import(f"{child.module}.{alias.name}", child.lineno, **where)
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from imports_of(child, **{**where, "in_function": True})
        elif isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            for part in child.body:
                yield from imports_of(ast.Module([part], []), **{**where, "for_types": True})
            yield from imports_of(ast.Module(child.orelse, []), **where)
        else:
            yield from imports_of(child, **where)


def home(module: str) -> str:
    """The room that a module of the package belongs to, by its name."""
    parts = module.split(".")[1:]
    names = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((name for name in names if name in LAYERS), "__init__")


def complaint(own: str, found: Import) -> str | None:
    """What is wrong with an import by a module of the layer `own`, if anything is."""
    return (_inside if found.top == PACKAGE else _outside)(own, found)


def _inside(own: str, found: Import) -> str | None:
    rules, target = LAYERS[own], home(found.module)
    # The public names are annotated at the root, and loaded from there at first use.
    if target == own or target in rules.inside or (own == "__init__" and found.for_types):
        return None
    if target not in rules.inside_functions:
        return f"{own} must not import {found.module}"
    return None if found.in_function else f"{own} may import {target} in functions only"


def _outside(own: str, found: Import) -> str | None:
    rules = LAYERS[own]
    allowed = (
        found.top in sys.stdlib_module_names
        or found.top in rules.outside
        or (found.for_types and found.top in rules.types)
        or (rules.extras and found.in_function and found.top not in NUMERIC)
    )
    return None if allowed else f"{own} must not import {found.top}"


def complaints(own: str, source: str) -> list[str]:
    found = ((item, complaint(own, item)) for item in imports_of(ast.parse(source)))
    return [f"line {item.line}: {text}" for item, text in found if text is not None]


def modules() -> dict[str, Path]:
    return {path.relative_to(ROOT).as_posix(): path for path in sorted(ROOT.rglob("*.py"))}


@pytest.mark.parametrize("path", modules().values(), ids=modules())
def test_imports_keep_to_the_layers(path):
    own = home(".".join((PACKAGE, *path.relative_to(ROOT).with_suffix("").parts)))
    parts = path.relative_to(ROOT).with_suffix("").parts
    assert own != "__init__" or parts == ("__init__",), f"say in the table where {parts} belongs"
    assert complaints(own, path.read_text(encoding="utf-8")) == []


def test_the_table_goes_from_the_bottom_to_the_top():
    order = list(LAYERS)
    upward = [
        (own, target)
        for own, rules in LAYERS.items()
        for target in rules.inside | rules.inside_functions
        if target != own and order.index(target) > order.index(own)
    ]
    assert upward == []


def test_no_module_needs_itself():
    """Imports in functions and for annotations count; the root annotates its public names."""
    names = {module_of(path): path for path in modules().values()}
    needs = {
        name: {
            target
            for item in imports_of(ast.parse(path.read_text(encoding="utf-8")))
            if (target := nearest_module(item.module, names)) not in (name, PACKAGE)
        }
        for name, path in names.items()
        if name != PACKAGE
    }
    while free := {name for name, needed in needs.items() if not needed & needs.keys()}:
        needs = {name: needed for name, needed in needs.items() if name not in free}
    assert needs == {}, "these import each other in a circle"


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join((PACKAGE, *parts)).removesuffix(".__init__")


def nearest_module(imported: str, names: Collection[str]) -> str | None:
    """The module that an import of a name comes from; None outside of the package."""
    while imported and imported not in names:
        imported = imported.rpartition(".")[0]
    return imported or None


def test_no_file_name_occurs_twice_in_a_room():
    names = collections.defaultdict(list)
    for path in modules():
        room, _, rest = path.partition("/")
        names[room, rest.rpartition("/")[2]].append(path)
    twice = [p for (_, name), p in names.items() if name != "__init__.py" and len(p) > 1]
    assert twice == []


@pytest.mark.parametrize(
    ("own", "source"),
    [
        ("core", "import numpy"),
        ("core", "def f():\n    import numpy"),
        ("core", "from pytest_converge.checks import gates"),
        ("core", "from pytest_converge import checks"),
        ("checks", "import tensorflow as tf"),
        ("checks", "import matplotlib"),
        ("report", "def f():\n    import numpy"),
        ("report", "from pytest_converge.training.loop.compiled_loop import run"),
        ("training.loop", "import pytest"),
        ("training.loop", "from pytest_converge.report import message"),
        ("runner", "import keras"),
        ("plugin", "import pytest_converge.runner"),
        ("plugin", "def f():\n    from pytest_converge.training import run"),
        ("plugin", "import typing_extensions"),
        ("plugin", "if DEBUG:\n    from pytest_converge.runner import run"),
        ("plugin", "try:\n    import numpy\nexcept ImportError:\n    pass"),
        ("__init__", "from pytest_converge.core.errors import ConvergenceError"),
    ],
)
def test_an_import_of_another_layer_is_noticed(own, source):
    assert len(complaints(own, source)) == 1


@pytest.mark.parametrize(
    ("own", "source"),
    [
        ("core", "import math"),
        ("core", "from pytest_converge.core import curve"),
        ("checks", "from pytest_converge.core.curve import LossCurve"),
        ("report", "def f():\n    import matplotlib"),
        ("training.loop", "import numpy as np\nimport tensorflow as tf"),
        ("runner", "from pytest_converge.checks.gates import judge"),
        ("plugin", "def f():\n    from pytest_converge.runner import run"),
        ("plugin", "from pytest_converge import hookspecs, __version__"),
        ("plugin", "if TYPE_CHECKING:\n    from typing_extensions import Unpack"),
        ("__init__", "if TYPE_CHECKING:\n    from pytest_converge.core.curve import LossCurve"),
    ],
)
def test_an_import_within_the_rules_passes(own, source):
    assert complaints(own, source) == []


def test_the_plugin_loads_no_numeric_library():
    every = [
        ".".join((PACKAGE, *path.relative_to(ROOT).with_suffix("").parts))
        for path in modules().values()
        if path.relative_to(ROOT).parts[0] in {"core", "checks", "report", "plugin"}
    ]
    names = [PACKAGE, f"{PACKAGE}.plugin", f"{PACKAGE}.hookspecs", *every]
    program = f"""
import importlib, sys
for name in {names!r}:
    importlib.import_module(name)
print(*sorted({NUMERIC!r} & set(sys.modules)))
"""
    done = subprocess.run(  # noqa: S603 - the program stands above
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
