"""Whether a function may be compiled: the same calls give the same losses both ways."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import tensorflow as tf

from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.training.adapters.traceability import needed_arguments, rehearse

CALLS = [(tf.constant(1.0),), (tf.constant(2.0),), (tf.constant(3.0),)]


def rehearsed(function, *, known=(), state=()):
    """The rehearsal of a function that uses a variable in each call, as every step does."""
    given = tf.Variable(1.0)

    def using(x):
        value = function(x)
        given.assign_add(0.5)
        return value

    return rehearse("loss", using, CALLS, state=[*known, *state], given=[given])


def reason(function):
    return rehearsed(function).reason


def test_a_function_of_tensors_may():
    found = rehearsed(lambda x: 2 * x)
    assert (found.reason, found.made) == ("", ())


def test_variables_are_put_back_those_that_nobody_named_included():
    known, hidden, inner = tf.Variable(1.0), tf.Variable(1.0), tf.Variable(1.0)
    compiled = tf.function(inner.assign_add)

    def step(x):
        known.assign_add(x)
        return hidden.assign_add(x) + known + compiled(x)

    assert rehearsed(step, known=[known]).reason == ""
    assert (float(known), float(hidden), float(inner)) == (1.0, 1.0, 1.0)


def test_variables_made_meanwhile_have_their_first_value_again():
    made = []

    def step(x):
        if not made:
            made.append(tf.Variable(4.0))
        return made[0].assign_add(x)

    assert reason(step) == ""
    assert float(made[0]) == 4.0


def test_one_that_counts_in_python_may_not_and_is_called_once_a_call():
    seen = []

    def counted(x):
        seen.append(None)
        return x * len(seen)

    found = rehearsed(counted)
    assert found.reason == "the loss gives other losses when it is compiled"
    assert found.has_state
    assert [made.value for made in found.made] == [1.0, 4.0, 9.0]
    assert len(seen) == 3


def test_one_that_reads_values_may_not_and_is_not_traced():
    seen = []

    def reading(x):
        seen.append(tf.executing_eagerly())
        return x * float(x.numpy())

    found = rehearsed(reading)
    assert found.reason == "the loss reads the values of tensors"
    assert [made.value for made in found.made] == [1.0]
    assert seen == [True]


def test_one_that_leaves_by_another_way_is_seen_when_it_is_traced():
    assert reason(lambda x: np.asarray(x) * 2) == "the loss cannot be traced (NotImplementedError)"


def test_what_tensorflow_reads_itself_is_no_read():
    assert reason(lambda x: tf.cond(x > 1.5, lambda: x, lambda: 2 * x)) == ""
    assert reason(lambda x: tf.while_loop(lambda y: y < 5.0, lambda y: (y + x,), (x,))[0]) == ""


def test_one_that_uses_none_of_the_given_variables_is_called_once():
    seen = []
    found = rehearse("step", lambda x: seen.append(x) or 1.0, CALLS, given=[tf.Variable(1.0)])
    assert found.reason == "the step uses none of the variables given"
    assert len(seen) == 1


def test_one_that_draws_from_an_iterator_may_not():
    batches = iter(tf.data.Dataset.range(9))
    found = rehearsed(lambda x: x + tf.cast(next(batches), tf.float32))
    assert found.reason == "the loss uses an iterator, which nobody can put back"
    assert [made.value for made in found.made] == [1.0]
    assert int(next(batches)) == 1


def test_one_that_calls_python_from_its_graph_may_not():
    seen = []

    def simulator(x):
        seen.append(None)
        return x

    found = rehearsed(lambda x: tf.numpy_function(simulator, [x], tf.float32))
    assert (
        found.reason == "the loss uses Python code in tf.numpy_function, which nobody can put back"
    )
    assert len(seen) == len(found.made) == 3


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
