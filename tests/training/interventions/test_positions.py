"""Steps and tokens that know their place."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from pytest_converge.training.data.batches import ArrayData
from pytest_converge.training.interventions.positions import behind_the_embedding, with_places
from tests.diagnosis.programs import diagnosis_of
from tests.zoo.problems import fit
from tests.zoo.trainings import training_of

RNG = np.random.default_rng(0)
PLACES = np.stack([RNG.permutation(8)[:2] for _ in range(768)])
TOKENS = RNG.integers(3, 20, size=(768, 8))
TOKENS[np.arange(768), PLACES[:, 0]] = 1
TOKENS[np.arange(768), PLACES[:, 1]] = 2
FIRST = (PLACES[:, 0] < PLACES[:, 1]).astype("float32")


def reader(*, embeddings=1):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8,), dtype="int32")
    hidden = sum(layers.Embedding(20, 16, name=f"of{n}")(inputs) for n in range(embeddings))
    hidden = layers.LayerNormalization()(hidden + layers.MultiHeadAttention(2, 8)(hidden, hidden))
    hidden = layers.Dense(16)(layers.Dense(32, "relu")(hidden)) + hidden
    model = keras.Model(inputs, layers.Dense(1, "sigmoid")(layers.GlobalAveragePooling1D()(hidden)))
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy")
    return fit(model, TOKENS, FIRST)


def test_the_line_adds_what_was_tried():
    training = training_of(reader())
    change = behind_the_embedding(training, "too-small-capacity", "the order is missed")
    (embedding,) = (x for x in training.model.layers if isinstance(x, layers.Embedding))
    before = np.asarray(embedding(TOKENS[:2]))
    with change.variant(training):
        during = np.asarray(embedding(TOKENS[:2]))
    pasted = eval(change.fix, {"keras": keras, "np": np})  # noqa: S307 - that it can be pasted
    np.testing.assert_allclose(np.asarray(pasted(before)), during, rtol=1e-6)
    assert len(np.unique(np.round(during[0] - before[0], 5), axis=0)) == 8
    assert change.fix.endswith("  # behind of0")
    np.testing.assert_array_equal(np.asarray(embedding(TOKENS[:2])), before)


def test_of_several_embeddings_nobody_knows_which():
    training = training_of(reader(embeddings=2))
    assert behind_the_embedding(training, "too-small-capacity", "") is None


def test_attention_over_words_learns_which_comes_first():
    found = diagnosis_of(reader(), steps=250, max_loss=0.3)
    assert (found.cause, found.proven) == ("too-small-capacity", True)
    assert "whatever the order of the steps" in found.message


def test_the_place_of_each_step_is_added_as_the_code_says():
    rows = np.random.default_rng(0).normal(size=(20, 6, 4)).astype("float32")
    change = with_places("too-small-capacity", "why")
    held = {"np": np, "x": rows}
    exec(change.fix, held)  # noqa: S102
    arrays = (rows, rows[:, 0, :1])
    data = ArrayData.shuffled(arrays, rows=20, batch_size=10, steps=2, shuffle=True, seed=0)
    np.testing.assert_allclose(change.data(data).arrays[0], held["x"], rtol=1e-5, atol=1e-5)
