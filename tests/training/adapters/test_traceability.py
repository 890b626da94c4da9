"""Whether a function may be compiled: the same calls give the same losses both ways."""

from __future__ import annotations

import functools

import pytest
import tensorflow as tf

from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.training.adapters.traceability import needed_arguments, rehearse

CALLS = [(tf.constant(1.0),), (tf.constant(2.0),)]


def reason(function, state=()):
    return rehearse("loss", function, CALLS, state)


def test_a_function_of_tensors_may():
    assert reason(lambda x: 2 * x) == ""


def test_variables_are_put_back_those_that_only_its_graph_shows_included():
    known, hidden = tf.Variable(1.0), tf.Variable(1.0)

    def step(x):
        known.assign_add(x)
        return hidden.assign_add(x) + known

    assert reason(step, [known]) == ""
    assert (float(known), float(hidden)) == (1.0, 1.0)


def test_one_that_counts_in_python_may_not():
    seen = []

    def counted(x):
        seen.append(x)
        return x * len(seen)

    assert reason(counted) == "the loss gives other losses when it is compiled"


def test_one_that_needs_values_may_not():
    assert reason(lambda x: x * float(x.numpy())) == "the loss cannot be traced (AttributeError)"


def test_random_operations_draw_anew_in_a_graph_too():
    assert reason(lambda x: x * tf.random.uniform(())) == ""


def test_nan_is_as_good_as_nan():
    assert reason(lambda x: x * float("nan")) == ""


def test_a_mistake_that_is_ours_to_tell_is_told():
    def refused(_):
        raise InvalidTrainingError("said once")

    with pytest.raises(InvalidTrainingError, match="said once"):
        reason(refused)


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (lambda: 0, []),
        (lambda a, b=1, *c, **d: 0, ["a"]),
        (functools.partial(lambda a, b: 0, 1), ["b"]),
        (3, []),
    ],
)
def test_arguments_that_are_needed(function, names):
    assert needed_arguments(function) == names
