"""The recipes in the docstrings of the hooks."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable

import pytest

from pytest_converge import hookspecs


def recipes(hook: Callable[..., object]) -> list[str]:
    """The literal blocks of a docstring."""
    lines = inspect.cleandoc(hook.__doc__ or "").splitlines()
    blocks: list[str] = []
    for index, line in enumerate(lines):
        if line.endswith("::"):
            rest = lines[index + 1 :]
            stop = next((i for i, text in enumerate(rest) if text and text[0] != " "), len(rest))
            blocks.append(textwrap.dedent("\n".join(rest[:stop])).strip() + "\n")
    return blocks


def append(pytester: pytest.Pytester, text: str) -> None:
    conftest = pytester.path / "conftest.py"
    before = conftest.read_text() if conftest.exists() else ""
    conftest.write_text(before + text)


def test_every_hook_has_a_recipe() -> None:
    for name in hookspecs.__all__:
        assert recipes(getattr(hookspecs, name)), name


MODEL = """
import keras, numpy as np

x = np.linspace(-1, 1, 64).reshape(-1, 1)
y = 2 * x + 1

def build(rate=0.1):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(rate), "mse")
    return model
"""


def test_the_recipe_of_a_check(real: pytest.Pytester) -> None:
    (recipe,) = recipes(hookspecs.pytest_converge_check)
    append(real, recipe)
    real.makepyfile(
        MODEL
        + """
def test_small(converge): converge.fit(build(), x, y, steps=20)

def test_large(converge): converge.fit(build(1e-6), 100 * x, 100 * y, steps=20, min_decrease=0)
"""
    )
    result = real.runpytest()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*ConvergenceError: *: the gradient norm reached*"])


def test_the_recipe_of_an_adapter(real: pytest.Pytester) -> None:
    (recipe,) = recipes(hookspecs.pytest_converge_adapt)
    append(real, recipe)
    real.makepyfile(
        MODEL
        + """
class Estimator:
    def __init__(self): self.network = build()

def test_it(converge):
    assert converge.fit(Estimator(), x, y, max_loss=0.1).verb == "fit"
"""
    )
    real.runpytest().assert_outcomes(passed=1)


TRACKERS = {
    "mlflow": """
import contextlib, sys, types

said = []
mlflow = types.ModuleType("mlflow")
mlflow.start_run = lambda run_name: contextlib.nullcontext(said.append(run_name))
mlflow.log_params = said.append
mlflow.log_metric = lambda name, value, step: said.append((name, step))
mlflow.set_tag = lambda name, value: said.append((name, value))
sys.modules["mlflow"] = mlflow
""",
    "wandb": """
import contextlib, sys, types

said = []
wandb = types.ModuleType("wandb")
wandb.init = lambda project, name: contextlib.nullcontext(
    types.SimpleNamespace(log=lambda values, step: said.append((*values, step)), summary={}))
sys.modules["wandb"] = wandb
""",
}


@pytest.mark.parametrize("tracker", TRACKERS)
def test_the_recipes_for_experiment_trackers(faked: pytest.Pytester, tracker: str) -> None:
    recipe = next(
        text for text in recipes(hookspecs.pytest_converge_result) if f"import {tracker}" in text
    )
    append(faked, TRACKERS[tracker] + recipe)
    append(faked, "\ndef pytest_unconfigure():\n    print(said)\n")
    faked.makepyfile(test_a="def test_it(converge):\n    converge.fit('bad', steps=9)\n")
    result = faked.runpytest("-s")
    result.assert_outcomes(failed=1)
    if tracker == "mlflow":
        head = "['test_a.py::test_it', {'verb': 'fit', 'steps': 9}, "
        said = f"{head}('loss', 0), ('loss', 9), ('converged', False)]"
    else:
        said = "[('loss', 0), ('loss', 9)]"
    assert said in result.stdout.str()


def test_the_item_goes_with_the_result(faked: pytest.Pytester) -> None:
    append(
        faked,
        """
def pytest_converge_result(result, item):
    print("\\nreceived", result.test == item.nodeid, result.passed)
""",
    )
    faked.makepyfile("def test_it(converge):\n    converge.fit('bad')\n")
    faked.runpytest("-s").stdout.fnmatch_lines(["received True False"])


def test_checks_of_a_folder_judge_its_tests_alone(faked: pytest.Pytester) -> None:
    for name in ("strict", "usual"):
        faked.mkdir(name)
        (faked.path / name / f"test_{name}.py").write_text(
            "def test_it(converge):\n    converge.fit('good')\n"
        )
    (faked.path / "strict" / "conftest.py").write_text(
        "from pytest_converge import Finding\n"
        "def pytest_converge_check():\n"
        "    return Finding(code='never', message='nothing passes here')\n"
    )
    result = faked.runpytest()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*ConvergenceError: never: nothing passes here"])
