"""Outputs and targets whose shapes meet otherwise than their author thinks."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers, optimizers

from pytest_converge.diagnosis import compared_shapes
from tests.diagnosis.programs import failed_of, proven_by_its_own
from tests.zoo.problems import fit, linear, sequential


def ahead(head):
    """A model of several targets a row."""
    x, _ = linear(0)
    y = x @ np.random.default_rng(0).normal(size=(4, 6)).astype("float32")
    model = sequential(layers.Dense(16, "relu"), *head, optimizer=optimizers.Adam(0.03), loss="mse")
    return fit(model, x, y[..., None])


def test_one_number_that_is_compared_with_several_targets_becomes_as_many():
    found = proven_by_its_own(
        ahead([layers.Dense(1, name="out")]), "output-loss-mismatch", steps=200, max_loss=0.5
    )
    shapes = [f"({found.message.split('(')[1].split(',')[0]}, {n})" for n in (1, 6)]
    assert found.message == (
        f"outputs of shape {shapes[0]} against targets of shape {shapes[1]}: one number of a row is"
        " compared with all of its 6 targets; it converges with 6 outputs instead of 1"
    )
    assert found.fix == 'keras.layers.Dense(6, name="out")  # layer out'


def test_it_is_said_of_a_model_that_nobody_can_clone():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.head = layers.Dense(1)

        def call(self, x):
            return self.head(x)

    model, start = Own(), ahead([layers.Dense(1)])
    model.compile(optimizers.Adam(0.03), "mse")
    start.arguments["model"] = model
    answer = compared_shapes.single_seen(failed_of(start, steps=5, max_loss=1e-6))
    assert answer.message.endswith("one number of a row is compared with all of its 6 targets")


@pytest.mark.parametrize("shaped", [[], [layers.Reshape((6, 1))]])
def test_an_output_for_each_target_is_enough(shaped):
    start = ahead([layers.Dense(6), *shaped])
    assert failed_of(start, steps=5, max_loss=1e-6).evidence.computation.single is None


def still_to_come(*between):
    """Sums of what is still to come, by a layer that runs from the end."""
    x = np.random.default_rng(0).normal(size=(256, 6, 1)).astype("float32")
    y = np.cumsum(x[:, ::-1], axis=1)[:, ::-1]
    back = layers.SimpleRNN(12, return_sequences=True, go_backwards=True, name="back")
    model = sequential(
        back,
        *between,
        layers.Dense(1),
        optimizer=optimizers.Adam(0.02),
        loss="mse",
        shape=(6, 1),
    )
    return fit(model, x, y)


def test_steps_of_a_backward_layer_are_put_in_the_order_of_their_targets():
    found = proven_by_its_own(still_to_come(), "output-loss-mismatch", steps=200, max_loss=0.3)
    assert found.message.startswith("back puts out its steps in reversed order, the last one first")
    assert found.fix.endswith("# behind back")


def test_steps_that_are_flipped_already_are_not_flipped_again():
    flip = layers.Lambda(lambda steps: keras.ops.flip(steps, axis=1))
    failed = failed_of(still_to_come(flip), steps=5, max_loss=0.3)
    assert not list(compared_shapes.flipped(failed))


def digits(stride, length=16):
    """Four digits, of four steps each, that a strided layer reads into too few frames."""
    rng = np.random.default_rng(0)
    y = np.stack([rng.permutation(5)[:4] + 1 for _ in range(256)])
    glyphs = rng.normal(size=(6, 4, 6))
    x = np.concatenate([glyphs[y[:, place]] for place in range(4)], axis=1)[:, :length]
    x = (x + 0.05 * rng.normal(size=x.shape)).astype("float32")
    conv = layers.Conv1D(24, 5, strides=stride, padding="same", activation="relu", name="reads")
    parts = [conv, layers.Conv1D(24, 3, padding="same", activation="relu"), layers.Dense(6)]
    adam = optimizers.Adam(0.01)
    model = sequential(*parts, optimizer=adam, loss="ctc", shape=(length, 6))
    return fit(model, x, y)


def test_frames_are_as_many_as_the_labels_of_ctc():
    found = proven_by_its_own(digits(8), "output-loss-mismatch", steps=200, max_loss=1.0)
    assert found.message.startswith("CTC gets 2 frames for labels that need up to 4: no alignment")
    assert "strides=2" in found.fix


def test_that_frames_are_too_few_is_said_where_none_can_be_added():
    failed = failed_of(digits(1, length=3), steps=3, max_loss=1.0)
    assert not list(compared_shapes.aligned(failed))
    answer = compared_shapes.aligned_seen(failed)
    assert answer.message.endswith("up to 4: no alignment exists for 100 % of the rows")


def test_frames_that_suffice_are_no_fault():
    failed = failed_of(digits(2), steps=3, max_loss=1e-9)
    assert not list(compared_shapes.aligned(failed))
    assert compared_shapes.aligned_seen(failed) is None
