"""What a failed test raises: what it derives from, and that it carries what was measured."""

from __future__ import annotations

import pickle

import pytest

from pytest_converge.core.curve import LossCurve
from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.failures import ConvergenceError
from pytest_converge.core.record import TrainingRecord
from pytest_converge.core.result import ConvergenceResult, Run


@pytest.mark.parametrize("error", [ConvergenceError, InvalidTrainingError])
def test_no_module_stands_before_the_name(error):
    assert error.__module__ == "builtins"


@pytest.mark.parametrize(
    ("error", "base"), [(ConvergenceError, AssertionError), (InvalidTrainingError, ValueError)]
)
def test_the_tree_of_exceptions(error, base):
    assert issubclass(error, base)


def test_a_convergence_error_keeps_its_result():
    record = TrainingRecord(seed=1, curve=LossCurve(steps=(1,), batch_loss=(2.0,)))
    result = ConvergenceResult(
        test="t", verb="fit", expectation=Expectation(), runs=(Run(record=record),)
    )
    error = ConvergenceError("did not converge", result)
    assert error.result is result
    assert str(error) == "did not converge"
    # Its module is said to be builtins, where pickle does not find it by name.
    kind, arguments = error.__reduce__()
    again = kind(*arguments)
    assert (str(again), again.result) == (str(error), result)


def test_a_record_can_be_pickled():
    record = TrainingRecord(seed=1, curve=LossCurve(steps=(1,), batch_loss=(2.0,)))
    assert pickle.loads(pickle.dumps(record)) == record  # noqa: S301 - written a moment ago
