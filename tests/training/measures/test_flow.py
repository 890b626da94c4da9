"""What depends on what in a recorded step."""

from __future__ import annotations

import pytest
import tensorflow as tf
from keras import optimizers

from pytest_converge.training.measures.flow import Flow
from pytest_converge.training.measures.recording import recorded
from tests.training.measures.steps import flow_of, own_step
from tests.zoo.problems import minimize
from tests.zoo.trainings import training_of


def squared(y, p):
    return tf.reduce_mean((p - tf.reshape(y, (-1, 1))) ** 2)


def blind(y, p):
    return tf.reduce_mean(p**2) * tf.cast(tf.shape(y)[0], tf.float32)


@pytest.mark.parametrize(("loss_of", "reads"), [(squared, True), (blind, False)])
def test_a_shape_says_nothing_of_the_values(loss_of, reads):
    flow = flow_of(own_step(loss_of))
    reached = flow.depending([id(flow.recording.leaves["y"])])
    assert any(id(target) in reached for target in flow.targets) == reads


def test_values_are_followed_to_the_array_that_they_are_of():
    flow = flow_of(own_step(squared))
    (difference,) = [each for each in flow.needed if each.kind == "Sub"]
    predicted, target = difference.inputs
    assert flow.origin(target) is None
    origin = flow.origin(predicted)
    assert origin is not None
    assert origin.layer.startswith("dense") or origin.kind in ("BiasAdd", "AddV2")


def test_nothing_goes_through_a_stop():
    flow = flow_of(own_step(squared))
    handle = id(flow.recording.differentiations[0].sources[0].handle)
    stops = {id(each) for each in flow.recording.operations if each.kind == "MatMul"}
    assert any(id(t) in flow.depending([handle]) for t in flow.targets)
    assert not any(id(t) in flow.depending([handle], stops=stops) for t in flow.targets)


def test_only_what_the_loss_needs_is_needed():
    def with_more(y, p):
        tf.math.cosh(p)
        return squared(y, p)

    kinds = {each.kind for each in flow_of(own_step(with_more)).needed}
    assert "Cosh" not in kinds
    assert "Sub" in kinds


def test_a_variable_that_an_operation_reads_by_itself_is_followed():
    w, x = tf.Variable([1.0, 2.0]), tf.constant([[3.0, 4.0], [5.0, 6.0]])
    loss = lambda: tf.reduce_sum(tf.linalg.matvec(x, w))  # noqa: E731
    training = training_of(minimize(loss, [w], optimizers.SGD(0.1)))
    flow = Flow(recorded(training, None))
    assert id(flow.targets[0]) in flow.by_variables
    assert id(x) not in flow.by_variables
