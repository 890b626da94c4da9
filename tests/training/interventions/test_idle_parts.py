"""Parts of a batch that a step never reads, and edits that read them."""

from __future__ import annotations

import ast

import numpy as np
import pytest
import tensorflow as tf
from keras import optimizers

from pytest_converge.training.interventions import idle_parts as parts
from pytest_converge.training.interventions.corrected_code import corrected
from pytest_converge.training.interventions.idle_parts import idle_names, idle_parts
from pytest_converge.training.interventions.own_functions import functions_at
from pytest_converge.training.interventions.rerun import Reruns
from pytest_converge.training.measures.first_step import first_step
from pytest_converge.training.state.rewritten import rewritten
from pytest_converge.training.state.snapshot import Snapshot
from tests.measured import left_alone
from tests.zoo.problems import step
from tests.zoo.trainings import quiet, running

RNG = np.random.default_rng(0)
X = RNG.normal(size=(256, 3)).astype("float32")
ENDS = (RNG.random(256) < 0.5).astype("float32")
Y = (X @ np.ones(3) * (1 - ENDS)).astype("float32")


def ignored():
    """A mean of targets that are 0 where `ends` is 1, which the step is given and never reads."""
    w = tf.Variable([0.5, -0.5, 2.0])
    optimizer = optimizers.Adam(0.1)
    scale = 1.0

    def update(x, y, ends):
        with tf.GradientTape() as tape:
            answer = tf.linalg.matvec(x, w)
            loss = scale * tf.reduce_mean((answer - y) ** 2)
        optimizer.apply_gradients([(tape.gradient(loss, w), w)])
        return loss

    data = tf.data.Dataset.from_tensor_slices((X, Y, ENDS)).batch(64)
    return step(update, variables=[w], data=data, optimizer=optimizer)


@pytest.fixture(scope="module")
def run():
    run = running(ignored(), steps=200)
    run.run(0)
    return run


def changes_of(run, end):
    run.restart()
    with left_alone(run.training):
        found = corrected(run.training, "code", answers=True, time_is_left=lambda: True, end=end)
        return {change.change: change for change in found}


def test_what_no_step_reads_is_known_by_its_names(run):
    run.restart()
    (part,) = idle_parts(run.training, first_step(run.training))
    assert np.array_equal(part, ENDS[:64])
    assert idle_names([part], {"a": tf.constant(X), "b": tf.constant(ENDS[:64]), "c": 1}) == ["b"]


def test_a_step_that_reads_it_trains(run):
    end = Snapshot(run.training.trainable)
    changes = changes_of(run, end)
    change = changes["`tf.linalg.matvec(x, w) * (1.0 - ends)` in place of `tf.linalg.matvec(x, w)`"]
    assert change.code == "unread-data"
    assert change.fault == "update leaves a part of the data unread"
    assert 0.25 < change.loss_factor < 0.7  # what the mask takes out is not learnt
    with Reruns(run, 0, quiet).changed(change) as again:
        assert again(0).curve.last < 1e-3


def test_parts_without_rows_in_order_are_left_alone():
    ragged, sparse = tf.ragged.constant([[1.0], [2.0, 3.0]]), tf.sparse.from_dense([[0.0, 1.0]])
    assert list(parts._with_others((ragged, sparse, tf.constant(2.0)))) == []


def test_nothing_else_may_change_the_loss(run):
    end = Snapshot(run.training.trainable)
    texts = changes_of(run, end)
    assert not any("reduce_max" in text or "answer + y" in text for text in texts)
    # A loss of all rows is no row of them.
    assert not any("(scale" in text and "ends" in text for text in texts)


def test_without_the_end_the_loss_is_left_alone(run):
    assert not any("ends" in text for text in changes_of(run, None))


@pytest.mark.parametrize(
    ("code", "share"),
    [
        ("(answer - y) * (1.0 - ends)", True),
        ("answer - ends", False),  # what was read is read no more
        ("0.1 * (answer - y) * (1.0 - ends)", False),  # next to nothing is left
        ("2.0 * (answer - y)", False),  # nothing more is read
    ],
)
def test_an_edit_reads_more_and_no_less(run, code, share):
    end = Snapshot(run.training.trainable)
    run.restart()
    (own,) = functions_at(run.training)
    (node,) = (x for x in own.walk() if isinstance(x, ast.expr) and ast.unparse(x) == "answer - y")
    changes = {node: code}
    seen = first_step(run.training), first_step(run.training, lambda: rewritten(own, changes))
    assert bool(parts.reads_more(run.training, own, changes, seen, end)) is share
