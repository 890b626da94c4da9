"""Gradients that are not finite where the loss is."""

from __future__ import annotations

import dataclasses
import math

import keras
import pytest
import tensorflow as tf

from pytest_converge.diagnosis.causes.exploding_gradient import broken_step
from tests.checks.curves import record_of_batches
from tests.diagnosis.programs import diagnosis_of
from tests.zoo.problems import minimize


def masked_logarithm(optimizer):
    """The logarithm of 0 in the branch that is not taken."""
    w, target = tf.Variable([0.0, 1.0, 2.0]), tf.constant([-1.0, 1.0, 1.5])

    def loss():
        return tf.reduce_mean((tf.where(w > 0, tf.math.log(w), w - 1) - target) ** 2)

    return minimize(loss, [w], optimizer)


def test_the_branch_that_is_not_taken_is_no_local_minimum():
    found = diagnosis_of(masked_logarithm(keras.optimizers.SGD(0.3)), steps=100, max_loss=0.1)
    assert (found.cause, found.proven) == ("exploding-gradient", True)
    assert "gradient of step 1 is not finite although its loss is" in found.message
    assert "is_finite" in found.fix


def test_where_the_repair_cannot_be_made_the_evidence_counts():
    optimizer = tf.compat.v1.train.GradientDescentOptimizer(0.3)
    found = diagnosis_of(masked_logarithm(optimizer), steps=60, max_loss=0.1)
    assert (found.cause, found.proven) == ("exploding-gradient", False)
    assert "gradient of step 1" in found.message


@pytest.mark.parametrize(
    ("losses", "norms", "step"),
    [
        ([1.0], [math.nan], 1),
        ([1.0, 0.5], [2.0, math.inf], 2),
        ([1.0, math.nan], [2.0, math.nan], None),
        ([1.0, 50.0], [2.0, math.inf], None),
        ([1.0, 1.0, 1.0], [2.0, 1e4, math.inf], None),
        ([1.0, 0.5], [2.0, 1.0], None),
        ([1.0, 0.5], [], None),
    ],
    ids=["at once", "later", "with the loss", "spike", "grown", "none", "unseen"],
)
def test_a_calm_run_whose_gradient_breaks(losses, norms, step):
    record = record_of_batches(losses)
    curve = dataclasses.replace(record.curve, gradient_norm=tuple(norms))
    assert broken_step(dataclasses.replace(record, curve=curve)) == step
