"""Models that say the same of a series whatever the order of its steps."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from pytest_converge.training.measures.order_of_steps import order_is_missed
from tests.zoo.problems import fit
from tests.zoo.trainings import training_of

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 8, 3)).astype("float32")


def series(y, *, kind="attention", x=X):
    inputs = keras.Input(x.shape[1:])
    hidden = layers.Dense(8)(inputs)
    if kind == "attention":
        hidden = layers.GlobalAveragePooling1D()(layers.MultiHeadAttention(2, 4)(hidden, hidden))
    else:
        hidden = layers.GRU(8)(hidden) if kind == "recurrent" else layers.Flatten()(hidden)
    model = keras.Model(inputs, layers.Dense(1)(hidden))
    model.compile("adam", "mse")
    return training_of(fit(model, x, y))


def test_attention_without_places_misses_what_depends_on_them():
    assert order_is_missed(series(X[:, :1, 0] + X[:, 1:2, 0]))


@pytest.mark.parametrize(
    ("y", "kind"),
    [
        (X[:, :1, 0], "recurrent"),
        (X[:, :1, 0], "flat"),
        (X.mean(axis=1)[:, :1], "attention"),
        (X.max(axis=1)[:, :1], "attention"),
        (RNG.normal(size=(400, 1)).astype("float32"), "attention"),
    ],
    ids=["recurrent", "flat", "mean", "maximum", "noise"],
)
def test_others_miss_nothing(y, kind):
    assert not order_is_missed(series(y, kind=kind))


def test_rows_of_a_table_have_no_order():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    model.compile("adam", "mse")
    assert not order_is_missed(training_of(fit(model, X[:, 0], X[:, 1, :1])))


PLACES = np.stack([RNG.permutation(8)[:2] for _ in range(600)])
TOKENS = RNG.integers(3, 20, size=(600, 8))
TOKENS[np.arange(600), PLACES[:, 0]] = 1
TOKENS[np.arange(600), PLACES[:, 1]] = 2


def words(y, *, kinds=20, tokens=TOKENS):
    inputs = keras.Input(tokens.shape[1:], dtype="int32")
    hidden = layers.Embedding(kinds, 8)(inputs)
    hidden = layers.GlobalAveragePooling1D()(layers.MultiHeadAttention(2, 4)(hidden, hidden))
    model = keras.Model(inputs, layers.Dense(1, "sigmoid")(hidden))
    model.compile("adam", "binary_crossentropy")
    return training_of(fit(model, tokens, y.astype("float32")))


def test_which_of_two_tokens_comes_first_is_missed():
    assert order_is_missed(words(PLACES[:, 0] < PLACES[:, 1]))


def test_how_many_tokens_there_are_is_not():
    assert not order_is_missed(words((TOKENS == 5).sum(axis=1) > 0))


def test_of_many_kinds_of_tokens_nothing_is_known():
    many = TOKENS + 100 * (np.arange(600)[:, None] % 50)
    assert not order_is_missed(words(PLACES[:, 0] < PLACES[:, 1], kinds=6000, tokens=many))
