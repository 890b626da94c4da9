"""Mutations: each does the harm that it names, the same in every start, and is taken back."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.test_quality.mutations.catalogue import mutations_of
from pytest_converge.test_quality.mutations.label_noise import NOISE
from pytest_converge.training.interventions.rerun import Reruns
from pytest_converge.training.model.structure import layers_of
from pytest_converge.training.state.snapshot import as_tf_variable
from tests.zoo.problems import SPARSE, fit, linear, minimize, sequential, step, wine
from tests.zoo.trainings import quiet, running

SGD = optimizers.SGD
NAMES = (
    "learning rate x 0.7",
    "learning rate x 0.5",
    "first layer frozen",
    "5 % label noise",
    "activation removed",
)


def network(*hidden, optimizer=None, **options):
    hidden = hidden or (layers.Dense(6, "tanh"), layers.Dense(5, "relu"))
    model = sequential(*hidden, layers.Dense(1), optimizer=optimizer or SGD(0.1), loss="mse")
    return fit(model, *linear(0, rows=60), **options)


def reruns_of(start, steps=6):
    run = running(start, steps=steps)
    first = run.run(0)
    return Reruns(run, 0, quiet), first


def mutation(training, name):
    return next(each for each in mutations_of(training) if each.name == name)


def values_of(training):
    return [variable.numpy() for variable in training.state()]


def everything(training):
    """What of a model a mutation may touch."""
    model = training.model
    return (
        [v.trainable for v in model.weights],
        [getattr(layer, "activation", None) for layer in layers_of(model)],
        [sorted(vars(layer)) for layer in layers_of(model)],
        [type(layer).__name__ for layer in layers_of(model)],
        [id(observed.optimizer) for observed in training.optimizers],
        id(training.data),
        float(training.optimizers[0].learning_rate()),
    )


def test_every_training_is_told_about_all_of_them():
    for start in (network(), descent(), own_step()):
        found = mutations_of(running(start, steps=2).training)
        assert tuple(each.name for each in found) == NAMES
        assert all((each.change is None) == bool(each.reason) for each in found)


@pytest.mark.parametrize("name", NAMES)
def test_a_mutation_changes_the_losses_and_is_taken_back(name):
    reruns, first = reruns_of(network())
    before = everything(reruns.training)
    change = mutation(reruns.training, name).change
    with reruns.changed(change) as run:
        changed = run(0)
    assert changed.curve.batch_loss != first.curve.batch_loss
    if name != "5 % label noise":
        same = name != "activation removed"
        assert (changed.curve.batch_loss[0] == first.curve.batch_loss[0]) == same
    assert everything(reruns.training) == before
    with reruns.changed(change.combined(change)) as run:  # nothing of the first time is left
        run(1)
    reruns.put_back()
    again = reruns._running.run(0)
    assert again.curve.batch_loss == pytest.approx(first.curve.batch_loss, rel=1e-6)


# ---- the learning rate --------------------------------------------------------------------------


def test_the_learning_rate_is_lower_in_every_step_also_under_a_schedule():
    schedule = optimizers.schedules.ExponentialDecay(0.2, 2, 0.5)
    for factor, optimizer in ((0.7, SGD(schedule)), (0.5, optimizers.Adam(0.2))):
        reruns, first = reruns_of(network(optimizer=optimizer))
        traces = reruns.loop.traces
        with reruns.changed(mutation(reruns.training, f"learning rate x {factor}").change) as run:
            changed = run(0)
        expected = [factor * rate for rate in first.curve.learning_rate]
        assert changed.curve.learning_rate == pytest.approx(expected, rel=1e-6)
        assert reruns.loop.traces == traces
        assert changed.traces == 0


def descent():
    w = tf.Variable([3.0, -1.0])
    return minimize(lambda: tf.reduce_sum(w**2), [w], SGD(0.1))


def own_step(optimizer=True):
    w = tf.Variable(tf.zeros((4, 1)))
    chosen = SGD(0.1) if optimizer else None

    def train(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((x @ w - y) ** 2)
        gradient = tape.gradient(loss, w)
        if optimizer:
            chosen.apply_gradients([(gradient, w)])
        else:
            w.assign_sub(0.1 * gradient)
        return loss

    x, y = linear(0, rows=32)
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(8)
    return step(train, variables=[w], data=data, optimizer=chosen)


def test_what_a_training_hides_is_said():
    found = {each.name: each.reason for each in mutations_of(running(descent(), steps=2).training)}
    assert found == {
        "learning rate x 0.7": "",
        "learning rate x 0.5": "",
        "first layer frozen": "converge.minimize does not see the layers",
        "5 % label noise": "converge.minimize does not see the data",
        "activation removed": "converge.minimize does not see the layers",
    }
    hidden = mutations_of(running(own_step(optimizer=False), steps=2).training)
    reasons = {each.name: each.reason for each in hidden}
    assert reasons["learning rate x 0.5"] == "the optimizer of the step is not known"
    assert reasons["first layer frozen"] == "converge.step does not see the layers"
    assert reasons["5 % label noise"] == ""


# ---- the first layer ----------------------------------------------------------------------------


def frozen_run(start):
    """(variables that moved in a run with the first layer frozen, its name)."""
    reruns, _ = reruns_of(start)
    model = reruns.training.model
    change = mutation(reruns.training, "first layer frozen").change
    reruns.put_back()
    before = {v.path: as_tf_variable(v).numpy() for v in model.trainable_variables}
    variables = list(model.trainable_variables)
    with reruns.changed(change) as run:
        record = run(0)
        moved = {v.path for v in variables if (before[v.path] != np.asarray(v)).any()}
    assert record.curve.last < 10
    return moved, change.where


@pytest.mark.parametrize(
    "optimizer",
    [
        SGD(0.1, momentum=0.9),
        optimizers.AdamW(0.1, weight_decay=0.1, use_ema=True),
    ],
    ids=["momentum", "averages and decay"],
)
def test_the_first_layer_keeps_its_weights_and_the_others_train(optimizer):
    moved, where = frozen_run(network(optimizer=optimizer))
    assert len(moved) == 4
    assert not any(path.startswith(f"{where[0]}/") for path in moved)


def test_the_first_layer_is_that_of_the_input_also_in_nested_and_recurrent_models():
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="a"), layers.Dense(3)])
    assert frozen_run(network(inner))[1] == ("a",)
    rows = np.random.default_rng(0).normal(size=(20, 3, 2)).astype("float32")
    model = keras.Sequential(
        [keras.Input((3, 2)), layers.BatchNormalization(), layers.LSTM(2), layers.Dense(1)]
    )
    model.compile(SGD(0.1), "mse")
    moved, where = frozen_run(fit(model, rows, rows[:, 0, :1]))
    assert where == ("lstm_cell",)
    assert not any("lstm" in path for path in moved)
    assert any("batch_normalization" in path for path in moved)


def test_frozen_layers_of_the_user_stay_out_of_it():
    start = network()
    model = start.arguments["model"]
    model.layers[0].trainable = False
    model.compile(SGD(0.1), "mse")
    moved, where = frozen_run(start)
    assert where == (model.layers[1].name,)
    assert len(moved) == 2


def test_the_only_layer_cannot_be_frozen():
    only = fit(sequential(layers.Dense(1), optimizer=SGD(0.1), loss="mse"), *linear(0, rows=20))
    found = mutation(running(only, steps=2).training, "first layer frozen")
    assert found.reason == "no layer but one has weights to train"
    linear_one = mutation(running(only, steps=2).training, "activation removed")
    assert linear_one.reason == "no hidden layer has an activation"


# ---- the activation -----------------------------------------------------------------------------


def outputs_under_removal(*hidden):
    """(outputs with the activation, without it, where it was removed)."""
    reruns, _ = reruns_of(network(*hidden))
    model, x = reruns.training.model, linear(0, rows=60)[0]
    change = mutation(reruns.training, "activation removed").change
    reruns.put_back()
    plain = np.asarray(model(x))
    with change.variant(reruns.training):
        changed = np.asarray(model(x))
    np.testing.assert_array_equal(np.asarray(model(x)), plain)
    return plain, changed, change.where, x, model


@pytest.mark.parametrize(
    ("hidden", "place"),
    [
        ((layers.Dense(6, "relu"),), 0),
        ((layers.Dense(6), layers.Activation("tanh")), 1),
        ((layers.Dense(6), layers.ReLU()), 1),
        ((layers.Dense(6), layers.LeakyReLU()), 1),
        ((layers.Dense(6, activation=layers.LeakyReLU()),), 0),
    ],
    ids=["argument", "layer", "ReLU", "LeakyReLU", "layer as argument"],
)
def test_the_first_hidden_activation_becomes_linear(hidden, place):
    plain, changed, where, x, model = outputs_under_removal(*hidden)
    assert where == (model.layers[place].name,)
    assert not np.allclose(plain, changed)
    first, last = model.layers[0], model.layers[-1]
    affine = (x @ np.asarray(first.kernel) + first.bias) @ np.asarray(last.kernel) + last.bias
    np.testing.assert_allclose(changed, affine, atol=1e-5)


def test_only_the_first_of_several_activations_is_removed():
    linear_layer, first, second = layers.Dense(4), layers.Dense(6, "tanh"), layers.Dense(6, "relu")
    plain, changed, where, _, _ = outputs_under_removal(linear_layer, first, second)
    assert where == (first.name,)
    assert not np.allclose(plain, changed)


def test_the_activation_of_the_output_stays():
    x, y = wine()
    model = sequential(layers.Dense(3, "softmax"), optimizer=SGD(0.1), loss=SPARSE, shape=(13,))
    found = mutation(running(fit(model, x, y), steps=2).training, "activation removed")
    assert found.reason == "no hidden layer has an activation"


# ---- labels -------------------------------------------------------------------------------------


def labelled(y, rows=200):
    x = np.random.default_rng(0).normal(size=(rows, 3)).astype("float32")
    columns = y.shape[-1] if y.ndim > 1 else 1
    model = sequential(layers.Dense(columns), optimizer=SGD(0.01), loss="mse", shape=(3,))
    return fit(model, x, y, batch_size=16)


def noisy(start, number=0):
    """(targets, those of a start with label noise)."""
    reruns, _ = reruns_of(start, steps=4)
    change = mutation(reruns.training, "5 % label noise").change
    data = reruns.rows if not number else reruns.rows.reshuffled(number)
    return reruns.rows.arrays[1], change.data(data).arrays[1], reruns.rows.arrays[0]


RNG = np.random.default_rng(1)
TARGETS = {
    "class numbers": RNG.integers(0, 3, 200),
    "floats of two classes": RNG.integers(0, 2, (200, 1)).astype("float32"),
    "signs": np.where(RNG.integers(0, 2, 200), 1.0, -1.0).astype("float32"),
    "one-hot": np.eye(4, dtype="float32")[RNG.integers(0, 4, 200)],
    "amounts": RNG.normal(size=(200, 1)).astype("float32"),
    "several amounts": RNG.normal(size=(200, 2)).astype("float32"),
    "whole amounts": RNG.permutation(200).astype("float32"),
    "flags": RNG.integers(0, 2, (200, 3)).astype("float32"),
}


@pytest.mark.parametrize("name", TARGETS)
def test_five_percent_of_the_rows_get_a_wrong_target(name):
    before, after, _ = noisy(labelled(TARGETS[name]))
    assert (before.shape, before.dtype) == (after.shape, after.dtype)
    wrong = (before != after).reshape(len(before), -1).any(axis=1)
    most = int(NOISE * len(before))
    # Of flags, the row that is exchanged may have the same ones.
    assert wrong.sum() == most if name != "flags" else 0 < wrong.sum() <= most
    rows = {tuple(row) for row in before.reshape(len(before), -1).tolist()}
    assert {tuple(row) for row in after.reshape(len(after), -1).tolist()} <= rows
    if "amounts" in name:
        assert sorted(before[wrong].ravel()) == sorted(after[wrong].ravel())


@pytest.mark.parametrize("name", ["class numbers", "amounts"])
def test_the_noise_is_the_same_in_every_start(name):
    _, first, _ = noisy(labelled(TARGETS[name]))
    _, second, _ = noisy(labelled(TARGETS[name]), number=3)
    np.testing.assert_array_equal(first, second)


def test_the_noise_is_the_same_in_every_epoch_of_a_dataset():
    x = np.arange(40, dtype="float32")[:, None] / 40
    data = tf.data.Dataset.from_tensor_slices((x, 2 * x)).shuffle(40, seed=1).batch(8)
    model = sequential(layers.Dense(1), optimizer=SGD(0.01), loss="mse", shape=(1,))
    reruns, _ = reruns_of(fit(model, data), steps=20)
    assert reruns.rows.from_source
    change = mutation(reruns.training, "5 % label noise").change
    x, y = (array.ravel().tolist() for array in change.data(reruns.rows).arrays)
    assert len(x) == 160
    targets = {}
    for value, target in zip(x, y, strict=True):
        targets.setdefault(value, set()).add(target)
    assert all(len(found) == 1 for found in targets.values())
    assert sum(found != {2 * value} for value, found in targets.items()) == 2


def test_data_without_targets_has_no_labels():
    x, _ = linear(0, rows=40)

    class Same(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(4)

        def call(self, x):
            return self.dense(x)

        def train_step(self, data):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((self(data) - data) ** 2)
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
            return {"loss": loss}

    model = Same()
    model.compile(SGD(0.1))
    found = mutation(running(fit(model, x), steps=2).training, "5 % label noise")
    assert found.reason == "the data has no targets"
