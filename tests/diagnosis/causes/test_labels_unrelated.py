"""Unrelated labels: said last, and left unsaid where the model is to blame."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import initializers, layers, optimizers

from pytest_converge.diagnosis.causes import labels_unrelated
from pytest_converge.diagnosis.evidence import Evidence
from pytest_converge.training.interventions import rows
from tests.diagnosis.programs import conclusion, dead, failed_of, proven_by_its_own
from tests.training.measures.test_drawn_apart import apart, sampling, way_between
from tests.training.measures.test_drawn_twice import denoising, twice
from tests.zoo.problems import BINARY, fit, linear, sequential

Adam = optimizers.Adam


def signs(x):
    return (x[:, :1] > 0).astype("float32")


def logistic(rows=200):
    x, _ = linear(0, rows=rows)
    head = layers.Dense(1, "sigmoid")
    return fit(sequential(head, optimizer=Adam(0.05), loss=BINARY, shape=(4,)), x, signs(x))


def squeezed(rows=200):
    """An autoencoder that gives the same for all rows."""
    x, _ = linear(0, rows=rows)
    parts = [layers.Dense(1, "relu", bias_initializer=initializers.Constant(-50.0))]
    return fit(sequential(*parts, layers.Dense(4), optimizer=Adam(0.01), loss="mse"), x, x)


def test_inputs_as_their_own_targets_are_related():
    evidence = Evidence(rate=0.01)
    failed = failed_of(squeezed(), steps=40, evidence=evidence, max_loss=0.01)
    assert labels_unrelated.are_inputs(failed)
    assert conclusion(failed).cause == "unknown"


def test_other_targets_are_no_inputs():
    assert not labels_unrelated.are_inputs(failed_of(logistic(), steps=5))


def test_a_model_that_learns_one_batch_does():
    assert labels_unrelated.learns_a_batch(failed_of(logistic(), steps=60, max_loss=0.1))


def test_a_model_that_does_not_learn_one_batch_says_nothing_about_labels():
    failed = failed_of(dead(), steps=40, evidence=Evidence(rate=0.01), max_loss=0.1)
    assert not labels_unrelated.learns_a_batch(failed)
    assert conclusion(failed).cause == "unknown"


def plane(*, shift=0, shuffled=False, rows=600, batch_size=32, head=None):
    """Rows whose targets lie some rows further on, or anywhere."""
    x, _ = linear(0, rows=rows)
    y = x[:, :1] - 2 * x[:, 1:2]
    y = np.random.default_rng(0).permutation(y) if shuffled else np.roll(y, shift, axis=0)
    parts = [layers.Dense(16, "relu"), layers.Dense(1)]
    model = sequential(*parts, optimizer=Adam(0.02), loss="mse", shape=(4,))
    return fit(model, x, y, batch_size=batch_size)


@pytest.mark.parametrize(
    ("shift", "line"), [(1, "x, y = x[:-1], y[1:]"), (-12, "x, y = x[12:], y[:-12]")]
)
def test_rows_that_lie_apart_are_put_together(shift, line):
    found = proven_by_its_own(plane(shift=shift), "labels-unrelated", steps=200, max_loss=0.1)
    assert found.fix == line
    assert ("after" if shift > 0 else "before") in found.message


def test_features_shuffled_without_their_labels_are_unrelated():
    found = conclusion(failed_of(plane(shuffled=True), steps=100, max_loss=0.5))
    assert found.cause == "labels-unrelated"
    assert "linear fit" in found.message
    assert not found.fix


def torn(*, apart):
    """A dataset that shuffles its features, and its labels, with each other or not."""
    x = np.random.default_rng(0).normal(size=(512, 4)).astype("float32")
    parts = [tf.data.Dataset.from_tensor_slices(a) for a in (x, signs(x))]
    if apart:
        # By seeds, so that no test before this one decides what the first rows have in common.
        dataset = tf.data.Dataset.zip(
            tuple(part.shuffle(512, n) for n, part in enumerate(parts, 1))
        )
    else:
        dataset = tf.data.Dataset.zip(tuple(parts)).shuffle(512)
    head = layers.Dense(1, "sigmoid")
    model = sequential(head, optimizer=Adam(0.1), loss=BINARY, shape=(4,))
    return fit(model, dataset.batch(32))


def test_features_and_labels_that_a_dataset_shuffles_apart_are_paired():
    found = proven_by_its_own(torn(apart=True), "labels-unrelated", steps=60, max_loss=0.3)
    assert found.fix == "dataset = tf.data.Dataset.zip((x, y)).shuffle(512).batch(32)"
    assert found.message.startswith("the dataset shuffles features and targets apart")


def test_noise_that_the_loss_draws_for_itself_is_that_of_the_inputs():
    found = proven_by_its_own(denoising(twice), "labels-unrelated", steps=300, max_loss=0.6)
    assert found.message.startswith(
        "the loss compares predictions with random numbers of shape (16, 4) that are drawn for it"
        " alone: they are none of those in the inputs; it converges with "
    )


def test_it_is_said_of_such_noise_where_that_is_not_enough():
    found = conclusion(failed_of(denoising(twice), steps=5, max_loss=1e-6))
    assert found.cause == "labels-unrelated"
    assert found.message.endswith("they are none of those in the inputs")


def test_rows_of_several_tables_are_drawn_by_the_same_indices():
    found = proven_by_its_own(sampling(apart()), "labels-unrelated", steps=200, max_loss=0.3)
    assert found.message.startswith("a step draws indices anew for each of several tables of 300")


def test_it_is_said_of_such_rows_where_that_is_not_enough():
    found = conclusion(failed_of(sampling(apart()), steps=5, max_loss=1e-6))
    assert found.cause == "labels-unrelated"
    assert found.message.endswith("are parts of different rows")


def test_ways_between_rows_of_two_tables_have_no_rows_in_common_to_draw():
    found = conclusion(failed_of(sampling(way_between), steps=5, max_loss=1e-6))
    assert found.cause != "labels-unrelated"


def test_without_a_proof_it_is_said_all_the_same():
    failed = failed_of(torn(apart=True), steps=5, max_loss=1e-9)
    assert conclusion(failed).message.startswith("the dataset shuffles features and targets apart")


def test_pairs_that_are_shuffled_together_are_left_alone():
    failed = failed_of(torn(apart=False), steps=5, max_loss=1e-9)
    assert conclusion(failed).cause != "labels-unrelated"


def test_a_batch_of_few_rows_cannot_tell():
    failed = failed_of(plane(shuffled=True, rows=200, batch_size=4), steps=100, max_loss=0.5)
    assert not labels_unrelated.learns_a_batch(failed)
    assert conclusion(failed).cause == "unknown"


def test_what_a_line_predicts_is_never_unrelated():
    """The network learns batches by heart and nothing of the rows, but the targets are sound."""
    x, _ = linear(0, rows=300)
    hidden = layers.Lambda(lambda rows: keras.ops.sin(1e4 * rows))
    parts = [hidden, layers.Dense(64, "relu"), layers.Dense(1)]
    model = sequential(*parts, optimizer=Adam(0.02), loss="mse", shape=(4,))
    failed = failed_of(fit(model, x, x[:, :1]), steps=60, max_loss=0.01)
    assert failed.signal.some
    assert conclusion(failed).cause == "unknown"


def leave_out(failed, change):
    """As where no time is left for a change."""
    failed.trials.changes[change.change] = change
    failed.trials.left_out.append(change.change)


def noisy_pictures(rows=120):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 6, 6, 1)).astype("float32")
    parts = [layers.Flatten(), layers.Dense(1, "sigmoid")]
    model = sequential(*parts, optimizer=Adam(1e-6), loss=BINARY, shape=(6, 6, 1))
    return fit(model, x, (rng.random((rows, 1)) < 0.5).astype("float32"))


def test_of_pictures_it_is_said_only_where_the_network_can_learn():
    failed = failed_of(noisy_pictures(), steps=30, max_loss=0.1)
    assert not failed.signal.tells
    assert conclusion(failed).cause == "unknown"


def test_nothing_is_claimed_of_pictures_while_a_change_was_left_out(monkeypatch):
    failed = failed_of(noisy_pictures(), steps=30, max_loss=0.1)
    leave_out(failed, rows.shuffled(0, from_dataset=False))
    monkeypatch.setattr(labels_unrelated, "relation", lambda _: pytest.fail("a run for nothing"))
    assert labels_unrelated._unrelated(failed) is None


def test_a_pair_around_what_was_tried_is_not_missed():
    failed = failed_of(noisy_pictures(), steps=5, max_loss=0.1)
    pair, alone = rows.realigned(1).combined(rows.realigned(2)), rows.realigned(2)
    failed.trials.try_out(rows.realigned(1))
    leave_out(failed, pair)
    leave_out(failed, alone)
    assert labels_unrelated.left_out(failed) == [alone.change]


def two_branches(order):
    """Two inputs, each with an output of its own; targets in an order."""
    rng = np.random.default_rng(0)
    x = [rng.normal(size=(256, 3)).astype("float32") for _ in range(2)]
    targets = [each.sum(axis=1, keepdims=True) for each in x]
    inputs = [keras.Input((3,)) for _ in x]
    model = keras.Model(inputs, [layers.Dense(1)(each) for each in inputs])
    model.compile(Adam(0.05), loss=["mse", "mse"])
    return fit(model, x, [targets[place] for place in order])


def test_the_targets_of_two_outputs_are_exchanged():
    found = proven_by_its_own(two_branches([1, 0]), "labels-unrelated", steps=200, max_loss=0.3)
    assert found.message == (
        "two outputs of one shape are trained on the targets of each other; it converges with y[0]"
        " and y[1] exchanged"
    )
    assert found.fix == "y[0], y[1] = y[1], y[0]"


def grounds(*, masks=None, pictures=None):
    """Pictures of patches of three grounds, and a mask with a channel for each ground."""
    rng = np.random.default_rng(0)
    ground = rng.integers(0, 3, (300, 3, 4)).repeat(2, axis=1).repeat(2, axis=2)
    x = rng.normal(size=(3, 2))[ground] + 0.1 * rng.normal(size=(300, 6, 8, 2))
    y = np.eye(3)[ground]
    x, y = (a if change is None else change(a) for a, change in ((x, pictures), (y, masks)))
    parts = [layers.Conv2D(8, 3, padding="same", activation="relu"), layers.Conv2D(3, 1)]
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model = sequential(*parts, optimizer=Adam(0.02), loss=loss, shape=(6, 8, 2))
    return fit(model, x.astype("float32"), y.astype("float32"))


def reshaped(array):
    """Stored channels first and reshaped to channels last."""
    return np.moveaxis(array, -1, 1).reshape(array.shape)


def test_masks_that_were_reshaped_are_transposed():
    start = grounds(masks=reshaped)
    found = proven_by_its_own(start, "labels-unrelated", steps=100, max_loss=0.3)
    assert found.fix == "y = y.reshape(-1, 3, 6, 8).transpose(0, 2, 3, 1)"
    assert found.message.startswith("y and the inputs do not belong together place by place: ")
    assert found.message.endswith("it converges with y transposed, not reshaped")


def test_mirrored_masks_are_mirrored_back():
    start = grounds(masks=lambda mask: mask[:, :, ::-1])
    found = proven_by_its_own(start, "labels-unrelated", steps=100, max_loss=0.3)
    assert found.fix == "y = y[:, :, ::-1]"


def test_pictures_that_were_reshaped_are_transposed():
    start = grounds(pictures=reshaped)
    found = proven_by_its_own(start, "labels-unrelated", steps=100, max_loss=0.3)
    assert found.fix == "x = x.reshape(-1, 2, 6, 8).transpose(0, 2, 3, 1)"
    assert found.message.startswith("x and the targets do not belong together place by place: ")


def sensors(*, stored=None):
    """Series of three sensors, of which one swings faster in one of two classes."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 400)
    speed = np.stack([rng.uniform(0.2, 0.3, 400), 0.25 + 0.15 * y, rng.uniform(0.3, 0.5, 400)], 1)
    angles = speed[:, None] * np.arange(24)[:, None] + rng.uniform(0, 6, (400, 1, 3))
    x = np.sin(angles).astype("float32")
    x = x if stored is None else stored(x)
    parts = [layers.Conv1D(16, 5, activation="relu"), layers.GlobalAveragePooling1D()]
    head = layers.Dense(1, "sigmoid")
    model = sequential(*parts, head, optimizer=Adam(0.02), loss=BINARY, shape=(24, 3))
    return fit(model, x, y.astype("float32")[:, None])


def test_series_that_were_reshaped_are_transposed():
    start = sensors(stored=reshaped)
    found = proven_by_its_own(start, "labels-unrelated", steps=150, max_loss=0.15)
    assert found.fix == "x = x.reshape(-1, 3, 24).transpose(0, 2, 1)"
    assert found.message.startswith("places side by side in x are not alike: their correlation is ")


@pytest.mark.parametrize("start", [grounds, sensors, plane])
def test_arrays_in_order_are_left_as_they_are(start):
    assert not list(labels_unrelated._reordered(failed_of(start(), steps=5, max_loss=1e-9)))


@pytest.mark.slow
def test_windows_in_any_order_get_the_targets_of_later_ones():
    series = np.random.default_rng(0).normal(size=(500, 1)).astype("float32")
    windows = np.stack([series[n : n + 6] for n in range(490)])
    targets = windows[:, -1] - 0.5 * windows[:, -2]
    order = np.random.default_rng(1).permutation(np.arange(8, 490))
    model = sequential(
        layers.Flatten(), layers.Dense(1), optimizer=Adam(0.05), loss="mse", shape=(6, 1)
    )
    start = fit(model, windows[order], targets[order - 8])
    found = proven_by_its_own(start, "labels-unrelated", steps=150, max_loss=0.05)
    assert found.message.startswith("the targets belong to windows that begin 8 steps earlier")
    assert found.fix.startswith("targets = targets[8:]")
