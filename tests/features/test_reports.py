"""The checks of data and pipelines on the zoos: what is broken is found, what is sound is not."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from pytest_converge.core.data_limits import DATA_CODES, DataLimits
from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.features.checks.pipelines import PIPELINE_CODES
from pytest_converge.features.reports import MOST_COLUMNS, check_data, check_pipeline
from tests.zoo import fitted_pipelines, pipelines


def checked(case):
    options = dict(case.options)
    given = {name: options.pop(name, None) for name in ("names", "held_out")}
    return check_data(case.data, case.targets, limits=DataLimits(**options), **given)


@pytest.mark.parametrize("name", pipelines.SOUND)
def test_nothing_is_found_in_sound_features(name):
    report = checked(pipelines.SOUND[name](np.random.default_rng(101)))
    assert [(found.code, found.message) for found in report.findings] == []


@pytest.mark.parametrize("name", pipelines.BROKEN)
def test_what_is_wrong_with_features_is_found_and_nothing_else(name):
    case = pipelines.BROKEN[name](np.random.default_rng(102))
    report = checked(case)
    assert report.codes == (case.code,)
    assert set(report.columns_of(case.code)) == set(case.columns)


def test_every_code_of_the_check_has_a_broken_pipeline():
    made = {make(np.random.default_rng(0)).code for make in pipelines.BROKEN.values()}
    assert made == set(DATA_CODES)


def test_the_zoo_is_as_large_as_it_should_be():
    assert len(pipelines.SOUND) >= 30
    assert len(pipelines.BROKEN) >= 30


def test_what_is_ignored_is_not_reported():
    case = pipelines.BROKEN["raw_houses"](np.random.default_rng(0))
    limits = DataLimits(ignore=("unscaled-features",))
    assert check_data(case.data, case.targets, limits=limits).passed


def test_a_stated_kind_overrides_the_guess():
    data = {"shop": np.random.default_rng(0).integers(5000, 9000, 200), "a": np.arange(200) % 3.0}
    assert check_data(data).codes == ("unscaled-features",)
    assert check_data(data, limits=DataLimits(kinds={"shop": "categorical"})).passed


def test_a_stated_task_overrides_the_guess():
    x, grades = np.random.default_rng(0).normal(size=(200, 2)), np.arange(200) % 5 + 1
    rows = np.random.default_rng(1).permutation(200)
    assert check_data(x, grades[rows]).codes == ("label-encoding",)
    assert check_data(x, grades[rows], limits=DataLimits(task="values")).passed


def test_of_wide_data_the_columns_with_findings_are_kept():
    x = np.random.default_rng(0).normal(size=(50, MOST_COLUMNS + 50))
    x[:, -1] = 7.0
    report = check_data(x)
    assert report.width == MOST_COLUMNS + 50
    assert len(report.columns) == MOST_COLUMNS
    assert report.columns[0].name == f"x[:, {MOST_COLUMNS + 49}]"


@pytest.mark.parametrize(
    ("data", "targets", "options", "said"),
    [
        (np.zeros((0, 2)), None, {}, "got x without rows"),
        (np.ones((4, 2)), np.ones(3), {}, "got 4 rows and 3 targets"),
        (np.ones((4, 2)), None, {"names": ["a"]}, "got 1 names for x with 2 columns"),
        ("text", None, {}, "got x='text' (str)"),
        (
            np.ones((4, 2)),
            None,
            {"limits": DataLimits(kinds={"a": "tokens"})},
            "got a kind for 'a'",
        ),
    ],
)
def test_data_that_cannot_be_read_are_refused(data, targets, options, said):
    with pytest.raises(InvalidTrainingError) as caught:
        check_data(data, targets, **options)
    assert str(caught.value).startswith(said)


def test_arrays_and_tables_are_checked_without_tensorflow():
    program = """
import sys
import numpy as np, pandas as pd, polars as pl
from pytest_converge.features.reports import check_data, check_pipeline
x = np.random.default_rng(0).normal(size=(100, 3))
check_data(x, np.arange(100) % 2)
check_data(pd.DataFrame(x, columns=list("abc")))
check_data(pl.DataFrame({"a": x[:, 0]}))
check_pipeline(lambda x: x / 2, x, x)
print(*sorted({"tensorflow", "keras"} & set(sys.modules)))
"""
    done = subprocess.run(  # noqa: S603 - the program stands above
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def tried(case):
    return check_pipeline(
        case.pipeline, case.train, case.other, targets=case.targets, **case.options
    )


KERAS = "keras", "feature_space", "tensorflow", "normalization", "vocabulary", "codes_that", "layer"


def zoo(entries):
    """The entries, those that need TensorFlow last."""
    return sorted(entries, key=lambda name: any(word in name for word in KERAS))


@pytest.mark.filterwarnings("ignore:.*TargetEncoder.*:FutureWarning")
@pytest.mark.parametrize("name", zoo(fitted_pipelines.SOUND))
def test_nothing_is_found_in_a_sound_pipeline(name, tensorflow_loaded):
    report = tried(fitted_pipelines.SOUND[name](np.random.default_rng(103)))
    assert [(found.code, found.message) for found in report.findings] == []


@pytest.mark.parametrize("name", zoo(fitted_pipelines.BROKEN))
def test_what_is_wrong_with_a_pipeline_is_found(name, tensorflow_loaded):
    case = fitted_pipelines.BROKEN[name](np.random.default_rng(104))
    report = tried(case)
    assert case.code in report.codes
    if case.columns is not None:
        assert set(report.columns_of(case.code)) == set(case.columns)


def test_every_code_of_fit_once_has_a_broken_pipeline(tensorflow_loaded):
    made = {make(np.random.default_rng(0)).code for make in fitted_pipelines.BROKEN.values()}
    assert made == set(PIPELINE_CODES)


def test_a_code_of_a_pipeline_is_ignored():
    case = fitted_pipelines.BROKEN["running_mean"](np.random.default_rng(0))
    report = check_pipeline(case.pipeline, case.train, case.other, ignore=("order-dependent",))
    assert report.passed
    assert any(trial.failed for trial in report.trials)


def test_an_unknown_code_is_refused():
    with pytest.raises(InvalidTrainingError, match="Did you mean 'second-fit'"):
        check_pipeline(lambda x: x, np.ones((3, 1)), np.ones((3, 1)), ignore=("second-fits",))


def test_the_object_of_the_user_is_not_changed():
    from sklearn.preprocessing import StandardScaler

    scaler, x = StandardScaler(), np.random.default_rng(0).normal(size=(40, 2))
    check_pipeline(scaler, x, x[:10])
    assert not hasattr(scaler, "mean_")
    scaler.fit(x + 5)
    mean = scaler.mean_.copy()
    check_pipeline(scaler, x, x[:10])
    assert (scaler.mean_ == mean).all()


def test_rows_held_out_have_the_columns_of_the_others():
    rows = {"a": np.arange(30.0), "b": np.arange(30.0) % 4}
    turned = {"b": rows["b"], "a": rows["a"]}
    assert "validation-overlap" in check_data(rows, held_out=turned).codes
    with pytest.raises(InvalidTrainingError, match="held_out of 1 columns beside data of 2"):
        check_data(rows, held_out={"a": rows["a"]})
