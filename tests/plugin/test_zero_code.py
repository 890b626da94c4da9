"""A training that two options name, with the stand-in for the runner and with the real one."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

MODELS = """
good, bad, invalid = "good", "bad", "invalid"

class Group:
    good = "good"

def data():
    return [[1.0]], [2.0]
"""
REAL = """
import keras, numpy as np

x = np.linspace(-1, 1, 64).reshape(-1, 1).astype("float32")

def build(rate=0.1):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(rate), "mse")
    return model

def slow():
    return build(1e-3)

def broken():
    return keras.layers.Nothing()

def data():
    return x, 2 * x + 1
"""
SELECTED = "--converge-model=models:bad --converge-data=models:data"
GOOD = ("--converge-model=models:good", "--converge-data=models:data")


@pytest.fixture
def with_models(faked: pytest.Pytester) -> pytest.Pytester:
    """A folder with a module of models, and no test."""
    faked.makepyfile(models=MODELS)
    return faked


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "xdist"])
def test_a_training_is_judged_without_a_test_file(
    with_models: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    if workers:
        pytest.importorskip("xdist")
    result = with_models.runpytest("-v", *GOOD, *workers)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*models.py::good*", "convergence: 1 training converged*"])


def test_it_is_collected_as_a_test_with_the_marker(with_models: pytest.Pytester) -> None:
    result = with_models.runpytest("--collect-only", "-m", "converges", *GOOD)
    result.stdout.fnmatch_lines(["<TrainingModule models.py>", "  <TrainingFunction good>"])
    result = with_models.runpytest("-m", "not converges", *GOOD)
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_the_suite_beside_it_is_left_alone(with_models: pytest.Pytester) -> None:
    with_models.makepyfile(test_a="def test_a(): pass")
    with_models.runpytest(*GOOD).assert_outcomes(passed=1)
    with_models.makeini("[pytest]\ntestpaths = .\n")
    with_models.runpytest(*GOOD).assert_outcomes(passed=1)


def test_files_that_are_given_are_run_with_it(with_models: pytest.Pytester) -> None:
    with_models.makepyfile(test_a="def test_a(): pass")
    result = with_models.runpytest("-v", *GOOD, "test_a.py")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["test_a.py::test_a*", "models.py::good*"])
    with_models.runpytest(*GOOD, "models.py").assert_outcomes(passed=1)


def test_modules_in_packages_and_attributes_of_classes(faked: pytest.Pytester) -> None:
    package = faked.mkpydir("package")
    (package / "models.py").write_text(MODELS, encoding="utf-8")
    (package / "inputs.py").write_text("def data(): return dict(x=[1])", encoding="utf-8")
    result = faked.runpytest(
        "-v", "--converge-model=package.models:Group.good", "--converge-data=package.inputs:data"
    )
    result.stdout.fnmatch_lines(["package/models.py::Group*good PASSED*"])


def test_modules_are_found_from_working_folder_and_root(
    with_models: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = with_models.mkdir("below")
    (below / "inputs.py").write_text("def data(): return [1], [2]", encoding="utf-8")
    monkeypatch.chdir(below)
    arguments = ("--converge-model=models:good", "--converge-data=inputs:data")
    result = with_models.runpytest_subprocess(f"--rootdir={with_models.path}", *arguments)
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (GOOD[:1], "*got --converge-model without --converge-data; expected both. Add *"),
        (GOOD[1:], "*got --converge-data without --converge-model; expected both. Add *"),
        (
            ("--converge-model=models", GOOD[1]),
            "*got --converge-model=models; expected module:function. Write, *",
        ),
        (
            ("--converge-model=nothing:build", GOOD[1]),
            "*=nothing:build, whose module cannot be imported (ModuleNotFoundError: No module *",
        ),
        (
            (GOOD[0], "--converge-data=wrong:data"),
            "*, whose module cannot be imported (ZeroDivisionError: division by zero, wrong.py:1)*",
        ),
        (
            (GOOD[0], "--converge-data=models:dat"),
            "*got --converge-data=models:dat, but models has no dat; *Did you mean 'data'[?]*",
        ),
        (
            ("--converge-model=sys:path", GOOD[1]),
            "*got --converge-model=sys:path, but sys is no module in a file; *",
        ),
        (("--converge-max-loss=nan",), "*got --converge-max-loss=nan; expected a finite number.*"),
        (("--converge-seeds=0",), "*got --converge-seeds=0; expected an integer from 1 to 10000.*"),
    ],
)
def test_a_bad_option_is_a_usage_error(
    with_models: pytest.Pytester, arguments: tuple[str, ...], message: str
) -> None:
    with_models.makepyfile(wrong="1 / 0")
    result = with_models.runpytest(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message.replace("[?]", "?")])
    result.stderr.no_fnmatch_line("*Traceback*")


def test_a_bad_option_is_a_usage_error_under_xdist(with_models: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    result = with_models.runpytest("-n2", "--converge-model=models:none", GOOD[1])
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["*got --converge-model=models:none, but models has no none; *"])
    result.stdout.no_fnmatch_line("*INTERNALERROR*")


def test_a_failure_is_its_message_and_the_command_that_repeats_it(
    with_models: pytest.Pytester,
) -> None:
    arguments = ("--converge-model=models:bad", GOOD[1], "--converge-max-loss=0.1")
    result = with_models.runpytest(*arguments, "--converge-steps=7", "--converge-seeds=2")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*loss 0.5 > 0.1*",
            f"*pytest {SELECTED} --converge-steps=7 --converge-max-loss=0.1 --converge-seeds=2*",
            "FAILED models.py::bad - *loss 0.5 > 0.1*",
        ]
    )
    result.stdout.no_fnmatch_line("*zero_code*")
    again = with_models.runpytest("--lf", *arguments)
    again.assert_outcomes(failed=1)
    again.stdout.fnmatch_lines(["run-last-failure: rerun previous 1 failure"])


def test_a_refused_call_is_its_message(with_models: pytest.Pytester) -> None:
    result = with_models.runpytest("--converge-model=models:invalid", GOOD[1])
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*got no data; expected at least one row. Pass some."])
    result.stdout.no_fnmatch_line("*zero_code*")


@pytest.mark.parametrize(
    ("data", "passes"),
    [
        ("[1], [2]", True),
        ("[1], [2], [3]", True),
        ("dict(x=[1], y=[2], batch_size=4, steps=3, max_loss=1)", True),
        ("[1]", True),
        ("1, 2, 3, 4", "*got (1, 2, 3, 4) (tuple) from models:data; expected (x, y), *"),
        ("dict(model=1)", "*got the key 'model' from models:data; *"),
        ("dict(epochs=1)", "*got the argument 'epochs'; *"),
    ],
)
def test_what_the_data_may_be(faked: pytest.Pytester, data: str, passes: bool | str) -> None:
    faked.makepyfile(models=f"good = 'good'\ndef data(): return {data}")
    result = faked.runpytest(*GOOD)
    if passes is True:
        result.assert_outcomes(passed=1)
    else:
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines([passes])


def test_data_may_be_an_object(faked: pytest.Pytester) -> None:
    faked.makepyfile(models="good = 'good'\ndata = ([1], [2])")
    faked.runpytest(*GOOD).assert_outcomes(passed=1)


def test_fixtures_of_the_conftest_apply(with_models: pytest.Pytester) -> None:
    conftest = (with_models.path / "conftest.py").read_text(encoding="utf-8")
    scopes = "function", "module", "package", "session"
    conftest += "\nimport pytest\n" + "\n".join(
        f"@pytest.fixture(autouse=True, scope={scope!r})\ndef in_{scope}(): print('in', {scope!r})"
        for scope in scopes
    )
    with_models.makeconftest(conftest)
    result = with_models.runpytest("-s", *GOOD)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines_random([f"*in {scope}" for scope in scopes])


def test_its_baseline_lies_beside_the_module(with_models: pytest.Pytester) -> None:
    with_models.makepyfile(models="level = 0.0\ndef data(): return dict(x=[1], baseline=True)")
    level = ("--converge-model=models:level", GOOD[1])
    command = "pytest --converge-model=models:level --converge-data=models:data"
    missing = with_models.runpytest(*level)
    missing.stdout.fnmatch_lines([f"*commit it: {command} --converge-baseline=new*"])
    recorded = with_models.runpytest(*level, "--converge-baseline=new")
    recorded.stdout.fnmatch_lines(["*recorded the baseline *review and commit*"])
    (path,) = with_models.path.glob("__converge__/models/level--*.json")
    assert json.loads(path.read_text(encoding="utf-8"))["test"] == "models.py::level"
    with_models.runpytest(*level).assert_outcomes(passed=1)


def test_a_real_training(real: pytest.Pytester) -> None:
    real.makepyfile(models=REAL)
    arguments = ("--converge-data=models:data", "--converge-max-loss=0.1", "--converge-steps=60")
    xml, report = Path("junit.xml"), Path("report.json")
    options = (f"--junitxml={xml}", f"--converge-json={report}")
    real.runpytest("--converge-model=models:build", *arguments, *options).assert_outcomes(passed=1)
    (training,) = json.loads((real.path / report).read_text(encoding="utf-8"))["trainings"]
    assert training["test"] == "models.py::build"
    (case,) = ET.parse(real.path / xml).iter("testcase")  # noqa: S314 - made here
    assert (case.get("classname"), case.get("name")) == ("models", "build")
    assert [each.get("name") for each in case.iter("property")]
    slow = real.runpytest("--converge-model=models:slow", *arguments)
    slow.assert_outcomes(failed=1)
    slow.stdout.fnmatch_lines(["*learning-rate-too-low*"])
    broken = real.runpytest("--converge-model=models:broken", *arguments)
    broken.assert_outcomes(failed=1)
    broken.stdout.fnmatch_lines([">       return keras.layers.Nothing()", "models.py:*"])
