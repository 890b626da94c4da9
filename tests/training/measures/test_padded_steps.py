"""Series of numbers filled up with one constant step."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from pytest_converge.training.measures.flow import Flow
from pytest_converge.training.measures.padded_steps import filled_up, padded_steps
from pytest_converge.training.measures.recording import recorded
from tests.zoo.problems import fit
from tests.zoo.trainings import training_of


def series(value=0.0, *, rows=64, steps=20, at_end=True):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, steps, 2)).astype("float32")
    for row in x:
        length = rng.integers(3, 9)
        row[slice(length, None) if at_end else slice(None, -length)] = value
    return x


def seen(*parts, x):
    model = keras.Sequential([keras.Input(x.shape[1:]), *parts, layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    training = training_of(fit(model, x, np.ones((len(x), 1)), batch_size=len(x)))
    return padded_steps(Flow(recorded(training, training.first_batch())))


@pytest.mark.parametrize("value", [0.0, -1.0, -999.0, (1.0, 0.0)])
@pytest.mark.parametrize("at_end", [True, False])
def test_one_constant_that_fills_up_rows_is_noticed(value, at_end):
    x = series(value, at_end=at_end)
    found = filled_up(x)
    assert found is not None
    np.testing.assert_array_equal(found[0], np.broadcast_to(np.float32(value), 2))
    assert found[1] == pytest.approx((x == value).all(axis=2).mean())
    assert found[2] == at_end


def rare_events():
    x = np.zeros((64, 20, 1))
    for row in x:
        row[np.random.default_rng(0).integers(5, 15, size=3)] = 1.0
    return x


@pytest.mark.parametrize(
    "x",
    [
        np.random.default_rng(0).normal(size=(64, 20, 2)),
        np.random.default_rng(0).integers(0, 2, size=(64, 20, 1)),
        np.random.default_rng(0).random((64, 20, 1)) > 0.9,
        rare_events(),
        np.where(np.arange(64)[:, None, None] < 20, series(), np.ones((64, 20, 2))),
        np.where(np.arange(20)[:, None] < 15, np.random.default_rng(0).random((64, 20, 2)), 0.0),
        np.zeros((64, 20, 2)),
        np.zeros((0, 20, 2)),
    ],
    ids=["noise", "coins", "rare", "events", "constant rows", "equally long", "zeros", "no rows"],
)
def test_what_is_data_is_no_padding(x):
    assert filled_up(x.astype("float32")) is None


@pytest.mark.parametrize(
    ("parts", "layer", "masked"),
    [
        ([layers.SimpleRNN(3, name="rnn")], "rnn", None),
        ([layers.Masking(-1.0, name="m"), layers.GRU(3, name="rnn")], "m", "-1.0"),
        (
            [
                layers.Masking(-1.0, name="m"),
                layers.Dropout(0.5),
                layers.Dense(2),
                layers.LSTM(3, name="rnn"),
            ],
            "m",
            "-1.0",
        ),
        ([layers.Dense(2, name="d"), layers.Bidirectional(layers.GRU(3), name="rnn")], "d", None),
        ([layers.Masking(0.0), layers.SimpleRNN(3)], None, None),
        ([layers.Masking(0.0), layers.Dense(2), layers.SimpleRNN(3)], None, None),
        ([layers.Conv1D(2, 3), layers.SimpleRNN(3)], None, None),
        ([layers.GlobalAveragePooling1D()], None, None),
    ],
    ids=[
        "recurrent",
        "masking of another value",
        "far behind one",
        "behind a dense layer",
        "masked",
        "masked in front of another layer",
        "behind a convolution",
        "no recurrent layer",
    ],
)
def test_where_a_mask_belongs(parts, layer, masked):
    found = seen(*parts, x=series())
    if layer is None:
        assert found is None
    else:
        assert (found.layer, found.recurrent, found.masked) == (layer, "rnn", masked)
        assert found.value == (0.0, 0.0)
        assert found.takers == (("rnn",) if masked else ())
