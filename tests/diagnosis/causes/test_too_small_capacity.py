"""Too small a capacity, and models whose size cannot be tried."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers, optimizers, regularizers

from pytest_converge.diagnosis.causes import too_small_capacity
from pytest_converge.diagnosis.causes.too_small_capacity import came_to_rest
from tests.diagnosis.programs import diagnosis_of, failed_of
from tests.zoo.problems import fit, linear, sequential


class Fixed(keras.Model):
    """A model that Keras cannot clone."""

    def __init__(self):
        super().__init__()
        self.head = layers.Dense(1)

    def call(self, x):
        return self.head(x)


def product(model, **options):
    x, _ = linear(0, rows=100)
    return fit(model, x, x[:, :1] * x[:, 1:2], **options)


@pytest.mark.slow
def test_one_unit_cannot_express_a_circle():
    x = np.random.default_rng(0).normal(size=(256, 2)).astype("float32")
    y = (x**2).sum(axis=1, keepdims=True)
    parts = [layers.Dense(1, "tanh"), layers.Dense(1)]
    start = fit(sequential(*parts, optimizer=optimizers.Adam(0.05), loss="mse"), x, y)
    found = diagnosis_of(start, steps=300, max_loss=1.2)
    assert (found.cause, found.proven) == ("too-small-capacity", True)
    assert found.message.startswith("the model is too small; it converges with")


@pytest.mark.slow
def test_that_a_larger_model_was_not_tried_is_said():
    parts = [layers.Dense(1, "relu"), layers.Dense(1)]
    start = product(sequential(*parts, optimizer=optimizers.Adam(0.01), loss="mse"))
    assert "a wider model" not in dict(diagnosis_of(start, steps=20, max_loss=1e-9).excluded)
    own = Fixed()
    own.compile(optimizers.Adam(0.01), "mse")
    found = diagnosis_of(product(own), steps=20, max_loss=1e-9)
    assert "a wider model" in dict(found.excluded)


def test_a_linear_model_that_rests_gets_a_hidden_layer_before_any_rate_is_tried():
    x, _ = linear(0)
    model = sequential(layers.Dense(1), optimizer=optimizers.Adam(0.05), loss="mse")
    start = fit(model, x, x[:, :1] * x[:, 1:2])
    found = diagnosis_of(start, steps=300, max_loss=0.2)
    assert (found.cause, found.proven) == ("too-small-capacity", True)
    assert [trial.change for trial in found.tried] == ["a hidden layer of 64 units"]


@pytest.mark.parametrize(
    ("losses", "rests"),
    [
        ([2.0**-n for n in range(16)], True),
        ([1.0 - n / 16 for n in range(16)], False),
        ([1.0, 0.5, *[0.4] * 14], True),
        ([1.0, 0.5, 0.4], False),
        ([1.0] * 16, False),
        ([1.0, *[float("nan")] * 15], False),
    ],
    ids=["decayed", "falls", "fell", "short", "never fell", "not finite"],
)
def test_a_course_rests_where_its_second_half_brings_nothing(losses, rests):
    assert came_to_rest(losses) is rests


def rings(rows=300):
    rng = np.random.default_rng(40)
    angle, y = rng.uniform(0, 2 * np.pi, rows), rng.integers(0, 2, rows)
    radius = 0.7 + y + 0.15 * rng.normal(size=rows)
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return x.astype("float32"), y[:, None].astype("float32")


def test_hidden_layers_without_activations_that_never_leave_the_constant_get_rectifiers():
    parts = [layers.Dense(32), layers.Dense(32), layers.Dense(1, "sigmoid")]
    adam = optimizers.Adam(0.005)
    model = sequential(*parts, optimizer=adam, loss="binary_crossentropy", shape=(2,))
    found = diagnosis_of(fit(model, *rings()), steps=200, max_loss=0.3)
    assert (found.cause, found.proven) == ("too-small-capacity", True)
    assert found.tried[-1].change == "hidden activations relu instead of no activation"
    assert 'activation="relu"' in found.fix or "activation='relu'" in found.fix


def test_a_wider_model_has_no_penalties_where_these_are_off():
    x, y = rings()
    penalty = regularizers.L2(0.5)
    hidden = layers.Dense(1, "relu", kernel_regularizer=penalty)
    head = layers.Dense(1, "sigmoid", kernel_regularizer=penalty)
    model = sequential(
        hidden, head, optimizer=optimizers.Adam(0.03), loss="binary_crossentropy", shape=(2,)
    )
    found = diagnosis_of(fit(model, x, y, batch_size=50), steps=240, max_loss=0.3)
    codes = [cause.cause for cause in found.causes]
    assert codes == ["regularisation-too-strong", "too-small-capacity"]


@pytest.mark.slow
def test_leaky_rectifiers_of_slope_1_are_none():
    x, _ = linear(0)
    parts = [layers.Dense(32), layers.LeakyReLU(negative_slope=1.0), layers.Dense(1)]
    start = fit(sequential(*parts, optimizer=optimizers.Adam(0.03), loss="mse"), x, (x**2)[:, :1])
    found = diagnosis_of(start, steps=300, max_loss=0.3)
    assert (found.cause, found.proven) == ("too-small-capacity", True)
    assert "hidden activations relu" in found.message


def shifted(*convs, steps, max_loss):
    """Pictures whose every point shows what was five columns to the left."""
    x = np.random.default_rng(0).normal(size=(256, 4, 10, 1)).astype("float32")
    y = np.zeros_like(x)
    y[:, :, 5:] = x[:, :, :-5]
    parts = [*convs, layers.Dense(1)]
    model = sequential(*parts, optimizer=optimizers.Adam(0.02), loss="mse", shape=(4, 10, 1))
    return fit(model, x, y), {"steps": steps, "max_loss": max_loss}


def conv(size):
    return layers.Conv2D(8, size, padding="same", activation="relu")


def test_convolutions_that_see_too_little_are_made_to_see_all():
    start, expected = shifted(conv(3), conv(3), steps=150, max_loss=0.2)
    found = diagnosis_of(start, **expected)
    assert (found.cause, found.proven) == ("too-small-capacity", True)
    assert found.message.startswith("an output sees 5 x 5 of 4 x 10 steps; it converges with")
    assert found.fix.startswith("keras.layers.Conv2D(8, (")


def test_convolutions_that_see_all_are_left_alone():
    start, expected = shifted(conv((4, 10)), steps=60, max_loss=1e-9)
    failed = failed_of(start, **expected)
    assert list(too_small_capacity._wider_view(failed)) == []


def test_a_run_that_goes_on_falling_is_no_sign_of_what_its_outputs_see():
    x = np.random.default_rng(0).normal(size=(64, 10, 1)).astype("float32")
    conv = layers.Conv1D(8, 3, padding="same", activation="relu")
    adam = optimizers.Adam(0.003)
    model = sequential(conv, layers.Dense(1), optimizer=adam, loss="mse", shape=(10, 1))
    failed = failed_of(fit(model, x, x), steps=40, max_loss=1e-9)
    assert list(too_small_capacity._wider_view_at_rest(failed)) == []
    assert len(list(too_small_capacity._wider_view(failed))) == 1  # in the place of wider layers


def towns(bins):
    """Prices of sixty towns by their postal codes, which are hashed."""
    rng = np.random.default_rng(0)
    town = rng.integers(0, 60, 600)
    codes, price = rng.choice(90000, 60, replace=False), rng.normal(size=60)
    code = keras.Input((1,), dtype="int64")
    slots = layers.Hashing(bins, output_mode="one_hot")(code)
    model = keras.Model(code, layers.Dense(1)(layers.Dense(16, "relu")(slots)))
    model.compile(optimizers.Adam(0.03), "mse")
    return fit(model, codes[town][:, None], price[town][:, None].astype("float32"))


def test_values_that_share_bins_get_bins_of_their_own():
    found = diagnosis_of(towns(4), steps=200, max_loss=0.3)
    assert (found.cause, found.proven) == ("too-small-capacity", True)
    assert found.message.startswith("60 values of x share 4 bins; it converges with 3000 bins")


def test_bins_are_no_sign_where_they_suffice():
    failed = failed_of(towns(3000), steps=5, max_loss=1e-9)
    assert not list(too_small_capacity._more_bins(failed))
