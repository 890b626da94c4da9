"""The fixture `preprocessing`."""

from __future__ import annotations

import json

import pytest

TESTS = """
import numpy as np
import pytest
from pytest_converge import PreprocessingError

x = np.random.default_rng(0).normal(size=(60, 3))
raw = x * [1.0, 900.0, 1.0]

def test_sound(preprocessing):
    report = preprocessing.check(x, names=["a", "b", "c"])
    assert report.passed and report.number == 1
    assert preprocessing.fit_once(lambda x: x / 2, x, x).number == 2

def test_raw(preprocessing):
    preprocessing.check(raw, names=["a", "b", "c"])

def test_batch(preprocessing):
    preprocessing.fit_once(lambda x: x - x.mean(axis=0), x, x)

@pytest.mark.xfail(strict=True, raises=PreprocessingError)
def test_expected(preprocessing):
    preprocessing.check(raw)

def test_ignored(preprocessing):
    preprocessing.check(raw, ignore=("unscaled-features",))
"""


@pytest.fixture
def ran(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makepyfile(test_a=TESTS)
    return pytester


def test_a_finding_fails_the_test_at_the_line_of_the_user(ran: pytest.Pytester) -> None:
    result = ran.runpytest_subprocess("-k", "raw or batch or sound")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        [
            ">       preprocessing.check(raw, names=*",
            "E       PreprocessingError: 1 finding: unscaled-features in b",
            "E       reproduce: pytest test_a.py::test_raw",
            "test_a.py:14: PreprocessingError",
            "*- convergence -*",
            "preprocessing.check: 1 finding: unscaled-features in b",
            "column  kind *",
            "b       continuous *unscaled-features",
        ]
    )
    result.stdout.fnmatch_lines(["E       PreprocessingError: <lambda>: 1 finding: batch-*"])
    result.stdout.no_fnmatch_line("*pytest_converge/plugin*")


def test_an_expected_failure_and_an_ignored_code_pass(ran: pytest.Pytester) -> None:
    ran.runpytest_subprocess("-k", "expected or ignored").assert_outcomes(passed=1, xfailed=1)


def test_reports_are_written_as_json(ran: pytest.Pytester) -> None:
    ran.runpytest_subprocess("--converge-json=out.json", "-k", "raw or batch")
    studies = json.loads((ran.path / "out.json").read_text(encoding="utf-8"))["studies"]
    assert {study["kind"] for study in studies} == {"data", "pipeline"}
    assert not any(study["passed"] for study in studies)
    found = next(study for study in studies if study["kind"] == "data")["findings"]
    assert found[0]["columns"] == ["b"]


def test_tables_of_what_passed_are_shown_when_asked(ran: pytest.Pytester) -> None:
    quiet = ran.runpytest_subprocess("-k", "sound")
    quiet.stdout.no_fnmatch_line("column  kind*")
    wordy = ran.runpytest_subprocess("-k", "sound", "-vv")
    wordy.stdout.fnmatch_lines(["preprocessing.check: 60 rows of 3 columns, nothing found"])
    wordy.stdout.fnmatch_lines(["preprocessing.fit_once: <lambda>: nothing found"])


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("check([[1.0]], ignore=('outlier',))", "Did you mean 'outliers'?"),
        ("check([[1.0]], ignore=3)", "got ignore=3 (int); expected a tuple of finding codes"),
        ("check([[1.0]], ignore='outliers')", "got ignore='outliers' (str); expected a tuple of"),
        ("fit_once(abs, [[1.0]], [[1.0]], ignore='missing')", "got ignore='missing' (str); expec"),
        ("check(3)", "got x=3 (int)"),
        ("check([[1.0]], kinds={'x': 'number'})", "got kinds={'x': 'number' (str)}"),
        ("fit_once(3, [[1.0]], [[1.0]])", "got pipeline=3 (int)"),
    ],
)
def test_what_cannot_be_checked_is_an_error_without_frames_of_the_plugin(
    pytester: pytest.Pytester, call: str, said: str
) -> None:
    pytester.makepyfile(f"def test_a(preprocessing):\n    preprocessing.{call}\n")
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"E*InvalidTrainingError: *{said.replace('[', '[[]')}*"])
    result.stdout.no_fnmatch_line("*data_limits.py*")


def test_a_test_that_checks_nothing_fails(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_a(preprocessing):\n    pass\n")
    result = pytester.runpytest_subprocess()
    result.stdout.fnmatch_lines(["*a call of preprocessing.check, .fit_once*"])
    result.assert_outcomes(failed=1)


def test_tensorflow_is_not_imported_for_arrays(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_a(preprocessing):
            preprocessing.check([[0.1, 0.9], [1.2, -0.5], [-0.3, -1.4]], ["u", "v", "u"],
                                ignore=("label-encoding",))
            assert not {"tensorflow", "keras"} & set(sys.modules)
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


@pytest.mark.slow
def test_the_summary_is_the_same_with_workers(ran: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    outputs = []
    for arguments in ([], ["-n2"]):
        lines = ran.runpytest_subprocess("-k", "raw or batch or sound", *arguments).outlines
        outputs.append([line for line in lines if line.startswith("convergence: ")])
    assert outputs[0] == outputs[1] == ["convergence: 4 studies, 2 failed"]


# ---- compare -------------------------------------------------------------------------------------

COMPARISONS = """
import keras, numpy as np

rng = np.random.default_rng(0)
z = rng.normal(size=(128, 3)).astype("float32")
y = z @ np.array([[1.0], [-1.0], [0.5]], "float32")
raw = z * np.array([1.0, 200.0, 3.0]) + 10

def build():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return model

def test_sound(preprocessing):
    found = preprocessing.compare(build, {"raw": raw, "ours": z}, y, steps=40)
    assert found.passed and found["raw"].factor > 2

def test_broken(preprocessing):
    ours = z.copy()
    ours[:, 1] = raw[:, 1]
    preprocessing.compare(build, {"raw": raw, "ours": ours}, y, steps=40)
"""


@pytest.mark.slow
def test_real_comparisons(real: pytest.Pytester) -> None:
    real.makepyfile(test_a=COMPARISONS)
    result = real.runpytest("-W", "error", "--converge-json=a.json", "-v")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            '>*preprocessing.compare(build, {"raw": raw, "ours": ours}, y, steps=40)',
            "E  *PreprocessingError: ours does not stay finite, z-scored raw does",
            "E  *because of x[[]:, 1]",
            "*- convergence -*",
            "preprocessing.compare: ours does not stay finite, z-scored raw does",
            "*= convergence =*",
            "test_a.py::test_broken  ours does not stay finite, *",
            "test_a.py::test_sound  ours converges as well as *",
            "convergence: 2 studies, 1 failed",
        ]
    )
    studies = json.loads((real.path / "a.json").read_text())["studies"]
    assert [(study["kind"], study["passed"]) for study in studies] == [
        ("preprocessing-comparison", False),
        ("preprocessing-comparison", True),
    ]
    assert studies[0]["culprits"] == ["x[:, 1]"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("compare(1, {'a': [1.0]}, [1.0])", "got build=1 (int); expected a function*"),
        ("compare(Model(), {'a': [1.0]}, [1.0])", "got build=* (Model); expected a function*"),
        ("fit_once(print, {'a': [1, 2], 'b': [1]}, [1.0])", "got train of unequal rows: *"),
        ("compare(print, [1.0], [1.0])", "got pipelines=* (list); expected a dict of features*"),
        (
            "compare(print, {1: [1.0]}, [1.0])",
            "got pipelines=* (dict); expected a dict of features*",
        ),
        ("compare(print, {}, [1.0])", "got pipelines={} (dict); expected a dict of features*"),
        ("compare(print, {'a': 1}, 1, judged='b')", "got judged='b' (str); expected one of 'a'.*"),
        ("compare(print, {'a': 1}, 1, tolerance=-1)", "got tolerance=-1 (int); expected a number*"),
        ("compare(print, {'a': 1}, 1, judge='a')", "*argument 'judge'; *Did you mean 'judged'?"),
    ],
)
def test_a_bad_argument_is_an_error_at_the_call(
    faked: pytest.Pytester, call: str, message: str
) -> None:
    # The arguments are looked at before anything is trained or TensorFlow imported.
    faked.makepyfile(
        "class Model:\n    def compile(self): ...\n    def __call__(self, x): ...\n"
        f"def test_it(preprocessing):\n    preprocessing.{call}\n"
    )
    result = faked.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"E  *{message}"])
    result.stdout.no_fnmatch_line("*pytest_converge/plugin*")
