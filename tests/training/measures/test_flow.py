"""What depends on what in a recorded step."""

from __future__ import annotations

import pytest
import tensorflow as tf

from tests.training.measures.steps import flow_of, own_step


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
