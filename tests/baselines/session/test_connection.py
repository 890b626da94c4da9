"""What of a call has to be the same for a comparison, and which metrics can be compared."""

from __future__ import annotations

import pytest

from pytest_converge.baselines.session.connection import check_metric, subject_of
from pytest_converge.core.calls import FitCall, MinimizeCall
from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.core.expectation import Expectation

DIRECTIONS = {"loss": False, "accuracy": True, "own": None}
CALLS = {
    "fit": FitCall(model=None, batch_size=16, shuffle=False),
    "minimize": MinimizeCall(loss=None),
}


def settings(verb="fit", *, batches=False, **expectation):
    expected = Expectation(seed=3, **expectation)
    made = subject_of("test", 2, expected, CALLS[verb], batches=batches)
    assert (made.test, made.number, made.metric) == ("test", 2, expected.metric)
    return dict(made.settings)


def test_the_settings_of_arrays_have_the_batches():
    assert settings(steps=7, metric="loss") == {
        "batch_size": 16,
        "metric": "loss",
        "seed": 3,
        "shuffle": False,
        "steps": 7,
        "verb": "fit",
    }


@pytest.mark.parametrize(("verb", "batches"), [("fit", True), ("minimize", False)])
def test_batches_that_come_ready_are_no_setting(verb, batches):
    found = settings(verb, batches=batches)
    assert found == {"metric": None, "seed": 3, "steps": 100, "verb": verb}


@pytest.mark.parametrize("metric", [None, "loss", "accuracy"])
def test_a_metric_that_is_measured_can_be_compared(metric):
    check_metric(metric, DIRECTIONS)


@pytest.mark.parametrize(
    ("metric", "pattern"),
    [
        ("acuracy", r"got metric='acuracy'; expected a compiled metric\. Did you mean 'accuracy'"),
        ("val_loss", r"got metric='val_loss'.*validation_data=\(x, y\)"),
        ("own", r"got metric='own'; expected one of which Keras knows whether more is better"),
    ],
)
def test_other_metrics_are_refused(metric, pattern):
    with pytest.raises(InvalidTrainingError, match=pattern):
        check_metric(metric, DIRECTIONS)
