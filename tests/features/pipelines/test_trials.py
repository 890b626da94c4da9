"""What is tried with a pipeline. The zoo of `test_preprocessing` holds the rest."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_converge.features.pipelines.adapters import pipeline_for
from pytest_converge.features.pipelines.trial_run import MOST_ROWS, prepare, said
from pytest_converge.features.pipelines.trials import run_trials

RNG = np.random.default_rng(0)
TRAIN, OTHER = RNG.normal(3, 2, (80, 2)), RNG.normal(3, 2, (40, 2))


def trials(pipeline, train=TRAIN, other=OTHER, targets=None, **options):
    return run_trials(prepare(pipeline_for(pipeline), train, other, targets), **options)


def outcomes(found):
    return {trial.what: trial.outcome for trial in found}


def test_everything_is_tried_or_says_why_not():
    found = trials(lambda x: x / 2)
    assert all(trial.why_not for trial in found if trial.outcome == "not tried")
    assert not any(trial.failed for trial in found)
    assert outcomes(found)["rows alone and in parts"] == "passed"


def test_a_bench_has_the_features_of_some_rows():
    subject = prepare(pipeline_for(lambda x: x / 2), TRAIN, np.ones((1000, 2)))
    assert len(subject.base) == MOST_ROWS
    assert subject.base.names == ("x[:, 0]", "x[:, 1]")


def test_random_features_are_not_judged_further():
    found = trials(lambda x: x + np.random.default_rng().normal(size=x.shape))
    assert [trial.code for trial in found if trial.failed] == ["random-output"]
    assert {trial.outcome for trial in found[1:]} == {"not tried"}


def test_an_error_for_one_row_is_a_batch_statistic():
    def refuse(x):
        if len(x) < 2:
            raise ValueError("a row alone\nand more")
        return x

    failed = [trial for trial in trials(refuse) if trial.failed]
    assert [trial.code for trial in failed] == ["batch-statistics"]
    assert failed[0].difference.problem == "ValueError: a row alone"


def test_an_error_for_all_rows_is_the_error_of_the_user():
    def wrong(x):
        raise KeyError("area")

    with pytest.raises(KeyError, match="area"):
        trials(wrong)


def test_a_fit_that_is_random_is_not_compared_with_another():
    class Projection:
        def fit(self, x, y=None):
            self.matrix_ = np.random.default_rng().normal(size=(2, 2))
            return self

        def transform(self, x):
            return x @ self.matrix_

    found = trials(Projection().fit(TRAIN))
    assert found[0].why_not == "two fits to the same rows differ"


def test_an_error_is_said_in_its_first_telling_line():
    error = ValueError(
        "Exception encountered when calling Layer.call().\n\n\x1b[1mBad shape.\x1b[0m"
    )
    assert said(error) == "ValueError: Bad shape."
    assert said(ValueError()) == "ValueError"
