"""A part of a batch that nothing reads, in place of one that a layer is given twice."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.read_instead import read_instead
from pytest_converge.training.interventions.rerun import Reruns
from pytest_converge.training.measures.computation import computation
from tests.measured import left_alone
from tests.training.measures.test_read_twice import encoding, margin
from tests.zoo.problems import step, triplets
from tests.zoo.trainings import quiet, running


def right(embed, anchor, positive, negative):
    return embed(anchor), embed(positive), embed(negative)


def wrong(embed, anchor, positive, negative):
    return embed(anchor), embed(positive), embed(positive)


def wrong_first(embed, anchor, positive, negative):
    return embed(anchor), embed(negative), embed(negative)


def swapped(embed, anchor, positive, negative):
    return embed(anchor), embed(negative), embed(positive)


def change_of(run):
    return read_instead(run.training, computation(run.training).twice)


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
@pytest.mark.parametrize(("made", "meant"), [(wrong, right), (wrong_first, swapped)])
def test_the_step_trains_on_what_it_did_not_read(made, meant, compiled):
    keras.utils.set_random_seed(0)
    run = running(encoding(made, compiled=compiled), steps=3)
    before = run.run(0).curve.batch_loss
    with left_alone(run.training):
        change = change_of(run)
    with Reruns(run, 0, quiet).changed(change) as again:
        after = again(0).curve.batch_loss
    keras.utils.set_random_seed(0)
    expected = running(encoding(meant, compiled=compiled), steps=3).run(0).curve.batch_loss
    np.testing.assert_allclose(after, expected, rtol=1e-5)
    assert not np.allclose(before, after)


def test_the_step_is_itself_again_behind_the_change():
    run = running(encoding(wrong), steps=4)
    before = run.run(0).curve.batch_loss
    reruns = Reruns(run, 0, quiet)
    with reruns.changed(change_of(run)) as again:
        again(0)
    with reruns.changed(Intervention(code="", change="nothing")) as again:
        np.testing.assert_array_equal(again(0).curve.batch_loss, before)


def test_without_a_line_of_ones_own_the_layer_is_named():
    change = change_of(running(encoding(wrong)))
    assert change.change == "sample_weight in place of y where encoder is called on it again"
    assert change.fix == "encoder(sample_weight)  # not y again"
    assert change.where == ("sample_weight",)
    assert change.fault == "the loss does not read sample_weight, and encoder is given y twice"


def written_out():
    """A step whose parts and calls have names of their own."""
    embed = keras.Sequential([keras.Input((4,)), layers.Dense(3)], name="embedding")
    optimizer = optimizers.Adam(0.01)

    def train_step(anchor, positive, negative):
        with tf.GradientTape() as tape:
            a = embed(anchor, training=True)
            p = embed(positive, training=True)
            n = embed(positive, training=True)
            loss = margin(a, p, n)
        variables = embed.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    data = tf.data.Dataset.from_tensor_slices(triplets(0, rows=64)).batch(16).repeat()
    return step(train_step, variables=embed.trainable_variables, data=data, optimizer=optimizer)


def test_the_line_is_the_last_of_the_two_in_the_user_s_own_code():
    start = written_out()
    line = start.call.step.__code__.co_firstlineno + 4
    change = change_of(running(start))
    assert change.fix == f"n = embed(negative, training=True)  # test_read_instead.py:{line}"
    assert change.change == "negative in place of positive where embedding is called on it again"
    assert change.where == ("negative",)


def on_one_line():
    """A step that calls its encoder three times on one line."""
    embed = keras.Sequential([keras.Input((4,)), layers.Dense(3)], name="embedding")
    optimizer = optimizers.Adam(0.01)

    def train_step(anchor, positive, negative):
        with tf.GradientTape() as tape:
            loss = margin(embed(anchor), embed(positive), embed(positive))
        variables = embed.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    data = tf.data.Dataset.from_tensor_slices(triplets(0, rows=64)).batch(16).repeat()
    return step(train_step, variables=embed.trainable_variables, data=data, optimizer=optimizer)


def test_of_two_calls_on_one_line_the_last_is_changed():
    change = change_of(running(on_one_line()))
    line = "loss = margin(embed(anchor), embed(positive), embed(negative))"
    assert change.fix.startswith(f"{line}  # test_read_instead.py:")
