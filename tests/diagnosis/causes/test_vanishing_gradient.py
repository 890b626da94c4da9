"""A gradient that gets lost on its way through the layers."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import initializers, layers, optimizers

from pytest_converge.diagnosis.cause import Answer
from pytest_converge.diagnosis.causes import vanishing_gradient
from pytest_converge.diagnosis.causes.vanishing_gradient import CAUSE
from pytest_converge.diagnosis.evidence import Evidence
from tests.diagnosis.programs import diagnosis_of, failed_of, proven_by_its_own, readings_of
from tests.zoo.problems import fit, linear, sequential, step


def deep(activation="sigmoid", count=8):
    x, _ = linear(0, noise=0.0)
    hidden = [layers.Dense(12, activation) for _ in range(count)]
    model = sequential(*hidden, layers.Dense(1), optimizer=optimizers.Adam(0.003), loss="mse")
    return fit(model, x, x[:, :1] * x[:, 1:2])


@pytest.mark.slow
def test_eight_layers_of_sigmoids():
    found = diagnosis_of(deep(), steps=250, max_loss=0.2)
    assert (found.cause, found.proven) == ("vanishing-gradient", True)
    assert "of the last one's gradient; it converges with" in found.message


@pytest.mark.slow
def test_biases_far_off_in_front_of_sigmoids_are_a_cause_of_their_own():
    x, _ = linear(0, noise=0.0)
    far = {"bias_initializer": initializers.Constant(-20.0)}
    hidden = [layers.Dense(12, "sigmoid", **far) for _ in range(8)]
    model = sequential(*hidden, layers.Dense(1), optimizer=optimizers.Adam(0.003), loss="mse")
    found = diagnosis_of(fit(model, x, x[:, :1] * x[:, 1:2]), steps=250, max_loss=0.2)
    codes = {cause.cause for cause in found.causes}
    assert codes == {"vanishing-gradient", "bad-initialisation"}


def test_zeros_hide_no_gradient_that_vanishes():
    x, y = linear(0, noise=0.0)
    zero = {"kernel_initializer": "zeros"}
    hidden = [layers.Dense(12, "tanh", **zero) for _ in range(2)]
    parts = [*hidden, layers.Dense(1, **zero)]
    model = sequential(*parts, optimizer=optimizers.SGD(0.01), loss="mse")
    failed = failed_of(fit(model, x, y), steps=20, max_loss=1e-9)
    assert failed.evidence.vanishing
    assert list(vanishing_gradient._drawn_anew_and_activations(failed)) == []


def test_a_vanishing_gradient_comes_with_its_share():
    evidence = Evidence(rate=0.01, layers=readings_of(first_to_last=2e-5))
    answer = Answer(cause="vanishing-gradient")
    assert "gets 2e-05 of the last one's gradient" in CAUSE.says(evidence, answer)
    assert evidence.faint
    assert "the start does not train" in CAUSE.says(Evidence(rate=math.nan), answer)


def first_step_counts(cell=layers.SimpleRNN, *, steps=120, at=0, rate=0.005, **settings):
    """Noise of which one step tells the class."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(512, steps, 3)).astype("float32"), rng.integers(0, 2, 512)
    x[:, at, 0] = 2 * y - 1
    reader = cell(16, name="reader", **settings)
    model = keras.Sequential([keras.Input(x.shape[1:]), reader, layers.Dense(1, "sigmoid")])
    model.compile(optimizers.Adam(rate), "binary_crossentropy")
    return fit(model, x, y, batch_size=64)


@pytest.mark.slow
def test_rows_whose_first_step_counts_are_read_backwards():
    start = first_step_counts()
    found = proven_by_its_own(start, "vanishing-gradient", steps=160, max_loss=0.2)
    assert found.message.startswith("reader: the first 9")
    end = (
        "of the gradient of the last ones, and the targets depend on just these; it converges with"
    )
    assert found.message.endswith(f"{end} rows read backwards")
    line = 'keras.layers.SimpleRNN(16, go_backwards=True, name="reader")  # layer reader'
    assert found.fix == line


def changes_of(start):
    failed = failed_of(start, steps=2, max_loss=1e-9)
    return failed, list(vanishing_gradient._through_time(failed))


@pytest.mark.slow
@pytest.mark.parametrize("cell", [layers.SimpleRNN, layers.LSTM, layers.GRU])
def test_what_remembers_the_first_steps_is_tried(cell):
    failed, changes = changes_of(first_step_counts(cell))
    others = "relu and the identity" if cell is layers.SimpleRNN else "gates open for lags of up to"
    assert changes[0].change == "rows read backwards"
    assert changes[1].change.startswith(others)
    assert changes[1].fix
    assert vanishing_gradient._seen_in_time(failed).where == ("reader",)


@pytest.mark.parametrize(
    "start",
    [
        lambda: first_step_counts(go_backwards=True),
        lambda: first_step_counts(at=-1),
        lambda: first_step_counts(steps=8),
    ],
    ids=["read backwards", "the last step counts", "few steps"],
)
def test_steps_that_get_a_gradient_or_tell_nothing_are_no_cause(start):
    failed, changes = changes_of(start())
    assert changes == []
    assert vanishing_gradient._seen_in_time(failed) is None


def beam(*activations, twice=True):
    """The deflection of a beam by its second derivative, or a slope by the first one."""
    at = np.random.default_rng(4).uniform(0, 1, (320, 1)).astype("float32")
    load = (np.sin(np.pi * at) if twice else np.cos(np.pi * at)).astype("float32")
    parts = [layers.Dense(16, activation) for activation in activations]
    net = keras.Sequential([keras.Input((1,)), *parts, layers.Dense(1)])
    optimizer = optimizers.Adam(0.01)
    optimizer.build(net.trainable_variables)

    def train_step(x, f):
        with tf.GradientTape() as tape:
            with tf.GradientTape() as outer:
                outer.watch(x)
                with tf.GradientTape() as inner:
                    inner.watch(x)
                    u = net(x)
                bent = inner.gradient(u, x)
            if twice:
                bent = outer.gradient(bent, x, unconnected_gradients="zero")
            loss = tf.reduce_mean((bent - f) ** 2) + tf.reduce_mean(net(tf.zeros((1, 1))) ** 2)
        gradients = tape.gradient(loss, net.trainable_variables)
        optimizer.apply_gradients(zip(gradients, net.trainable_variables, strict=True))
        return loss

    data = tf.data.Dataset.from_tensor_slices((at, load)).batch(32)
    return step(train_step, variables=net.trainable_variables, data=data, optimizer=optimizer)


@pytest.mark.filterwarnings("ignore:Gradients do not exist")  # by biases behind a slope
def test_second_derivatives_of_rectifiers_are_those_of_smooth_activations():
    start = beam("relu", "leaky_relu")
    found = proven_by_its_own(start, "vanishing-gradient", steps=200, max_loss=0.1)
    assert found.message.startswith(
        "the step takes second derivatives by its inputs, which are 0 of relu, leaky_relu: what"
        " they cost has no gradient; it converges with hidden activations tanh instead of relu"
    )
    assert 'activation="tanh"' in found.fix


@pytest.mark.filterwarnings("ignore:Gradients do not exist")  # by biases behind a slope
@pytest.mark.parametrize(
    "start",
    [lambda: beam("relu", twice=False), lambda: beam("tanh", "silu"), lambda: deep("relu")],
    ids=["one derivative", "smooth", "none"],
)
def test_other_networks_keep_their_activations(start):
    failed = failed_of(start(), steps=5, max_loss=1e-9)
    assert not list(vanishing_gradient._bent(failed))


@pytest.mark.filterwarnings("ignore:Gradients do not exist")  # by biases behind a slope
def test_where_all_is_repaired_at_once_activations_become_smooth_and_stay_so():
    failed = failed_of(beam("relu", "softplus"), steps=5, max_loss=1e-9)
    changes = [change.change for group in CAUSE.usual(failed) for change in group]
    assert changes == ["hidden activations tanh instead of relu"]
