"""The tests mirror the package: a module's tests are in the file of its name, in its room."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

import pytest

import pytest_converge

TESTS = Path(__file__).parent
PACKAGE = Path(pytest_converge.__file__).parent

#: Test files of no one module, and what they are about.
OF_SEVERAL = {
    "diagnosis/test_callbacks.py": "callbacks in the trials of a diagnosis, and in its repairs",
    "diagnosis/test_rates_of_the_user.py": "rates that the user's own code sets",
    "diagnosis/test_order.py": "all causes in the order of evidence",
    "diagnosis/test_fix_lines.py": "the lines to paste of all changes",
    "baselines/gate/test_false_alarms.py": "the stated bound, by playing unchanged code",
    "baselines/gate/test_decision_mutants.py": "seeded faults in all modules of the gate",
    "baselines/session/test_seeds.py": "draws of a model, from the builder to the baseline",
    "columns/test_one_answer.py": "diagnosis and preprocessing asked the same questions",
    "core/test_values.py": "what holds for every value of the core",
    "faults/test_ids.py": "ids of tests, from the terminal to the files",
    "faults/test_limits.py": "trainings that would not end",
    "faults/test_neighbours.py": "other plugins and the options of pytest",
    "faults/test_outcomes.py": "what docs/what-can-go-wrong.md promises",
    "faults/test_user_code.py": "what tests do beside training",
    "fuzz/test_arguments.py": "arguments and options with anything in them",
    "fuzz/test_studies.py": "arguments of learning_rate and preprocessing with anything in them",
    "fuzz/test_baseline_files.py": "files of baselines with anything in them",
    "fuzz/test_gates.py": "any record through every gate",
    "fuzz/test_texts.py": "anything as text, at any width",
    "fuzz/test_trainings.py": "calls of the verbs with anything in them",
    "fuzz/test_values.py": "values to primitives and back",
    "plugin/test_hooks.py": "the recipes of hookspecs.py in real sessions",
    "plugin/test_isolation.py": "what a test with trainings leaves as it was",
    "plugin/test_power.py": "two options from the command line to the terminal",
    "plugin/test_real.py": "real trainings from marker to terminal",
    "plugin/test_real_baseline.py": "baselines of real trainings, from record to check",
    "programs/test_programs.py": "small programs in every style",
    "report/html/test_browser.py": "the page in a real browser",
    "test_architecture.py": "the documents' picture of the rooms",
    "test_benchmarks.py": "the benchmarks",
    "test_ci.py": "the scripts of continuous integration",
    "test_docs.py": "the documents",
    "test_how_to.py": "the documents",
    "test_layers.py": "imports",
    "test_mirror.py": "this",
    "test_outputs.py": "what the documents show",
    "test_site.py": "the site of the documents",
    "test_packaging.py": "metadata and documents",
    "test_trackers.py": "recipes of the documents",
    "test_typing.py": "what type checkers say of users' code",
    "training/loop/test_training_styles.py": "ways to train, each against Keras",
    "training/interventions/test_interventions.py": "what holds for every intervention",
    "zoo/test_compounds.py": "the zoo of compounds",
    "zoo/test_edited.py": "code of a diagnosis pasted into the files of tests",
}

#: Modules of functions that do nothing.
DECLARATIONS = {"hookspecs.py"}

#: Modules whose tests are still in the files of those that use them. The list only gets shorter:
#: a new module has a test file of its name.
WITHOUT_A_FILE = {
    "core/record.py",
    "core/study.py",
    "features/pipelines/trial_run.py",
    "learning_rate/sweep.py",
    "learning_rate/trainings.py",
    "plugin/runtest.py",
    "plugin/xdist.py",
    "test_quality/mutations/label_noise.py",
    "test_quality/mutations/layer_changes.py",
    "training/adapters/build.py",
    "training/adapters/model_checks.py",
}


def expected(module: Path) -> Path:
    """The test file of a module; that of a room's `__init__.py` has the room's name."""
    room = module.parent.name or PACKAGE.name
    name = room if module.name == "__init__.py" else module.stem
    return module.parent / f"test_{name}.py"


def does_something(path: Path) -> bool:
    """False for a module without a function: a docstring, values, a call."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return any(isinstance(node, ast.FunctionDef) for node in ast.walk(tree))


@functools.cache
def modules() -> dict[str, Path]:
    """The test file that each module of the package should have."""
    paths = [path for path in sorted(PACKAGE.rglob("*.py")) if does_something(path)]
    relative = [path.relative_to(PACKAGE) for path in paths]
    return {path.as_posix(): expected(path) for path in relative}


def files_of_tests() -> set[str]:
    return {path.relative_to(TESTS).as_posix() for path in TESTS.rglob("test_*.py")}


def test_every_test_file_has_its_module():
    known = {path.as_posix() for path in modules().values()} | OF_SEVERAL.keys()
    assert files_of_tests() - known == set(), "say in OF_SEVERAL what it is about, or rename it"


def test_every_module_has_its_test_file():
    files = files_of_tests()
    without = {name for name, path in modules().items() if path.as_posix() not in files}
    assert without - DECLARATIONS - WITHOUT_A_FILE == set(), "write the test file"


@pytest.mark.parametrize("listed", [DECLARATIONS, WITHOUT_A_FILE], ids=["declared", "without"])
def test_the_lists_of_modules_without_a_file_are_up_to_date(listed):
    files = files_of_tests()
    gone = listed - {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py")}
    assert gone == set(), "take out what was removed or renamed"
    tested = {name for name in listed & modules().keys() if modules()[name].as_posix() in files}
    assert tested == set(), "take out what has a test file now"


def test_the_list_of_files_of_several_modules_is_up_to_date():
    assert OF_SEVERAL.keys() - files_of_tests() == set()
    assert OF_SEVERAL.keys() & {path.as_posix() for path in modules().values()} == set()
