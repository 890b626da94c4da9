"""`preprocessing.compare`, from the call to the reports."""

from __future__ import annotations

import json

import pytest

TESTS = """
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


def test_real_comparisons(real: pytest.Pytester) -> None:
    real.makepyfile(test_a=TESTS)
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
            "test_a.py::test_broken",
            "test_a.py::test_sound",
            "preprocessing.compare: ours converges as well as z-scored raw",
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
        ("compare(print, [1.0], [1.0])", "got pipelines=* (list); expected a dict of features*"),
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
    faked.makepyfile(f"def test_it(preprocessing):\n    preprocessing.{call}\n")
    result = faked.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"E  *{message}"])
    result.stdout.no_fnmatch_line("*pytest_converge/plugin*")
