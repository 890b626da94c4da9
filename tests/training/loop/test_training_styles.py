"""Ways to train that hang on the loop: the curve of each is that of `model.fit` itself."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from tests.zoo.problems import BINARY, fit, linear, sequential
from tests.zoo.trainings import running

STEPS, BATCH = 12, 16
X, Y = linear(2, rows=BATCH * 4)
LABELS = (Y > 0).astype("float32")
#: What is known of each text is one of two words.
WORDS = np.array(["a fine film", "a poor film", "poor it is", "fine it is"])
TEXTS = np.resize(WORDS, len(X))
SENTIMENTS = np.resize(np.array([1.0, 0.0, 0.0, 1.0], "float32"), len(X))[:, None]
TOKENS = np.random.default_rng(0).integers(0, 20, (len(X), 6)).astype("int32")


class Losses(keras.callbacks.Callback):
    """The loss of each call of Keras' compiled step, rather than the mean over the epoch."""

    def __init__(self):
        super().__init__()
        self.losses = []

    def on_train_batch_begin(self, batch, logs=None):
        self.model.reset_metrics()

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append(logs["loss"])


def dense(optimizer=None, dtype=None, **compiled):
    parts = [layers.Dense(16, "relu", dtype=dtype), layers.Dense(1, dtype=dtype)]
    optimizer = optimizer or optimizers.SGD(0.05)
    return sequential(*parts, optimizer=optimizer, loss="mse", shape=(4,), **compiled)


def accumulating():
    return dense(optimizers.SGD(0.2, momentum=0.9, gradient_accumulation_steps=3))


def mixed(policy):
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(16, "relu", dtype=policy),
            layers.Dense(1, dtype="float32"),
        ]
    )
    optimizer = keras.mixed_precision.LossScaleOptimizer(optimizers.Adam(0.01), 2.0**10)
    model.compile(optimizer if policy == "mixed_float16" else optimizers.Adam(0.01), "mse")
    return model


def overflowing():
    """The first scales are too large: those updates are left out and the scale is halved."""
    inner = optimizers.SGD(0.05)
    scaled = keras.mixed_precision.LossScaleOptimizer(inner, 2.0**127, dynamic_growth_steps=3)
    return dense(scaled)


def stateful():
    inputs = keras.Input(batch_shape=(BATCH, 4, 1))
    h = layers.LSTM(5, stateful=True)(inputs)
    model = keras.Model(inputs, layers.Dense(1)(h))
    model.compile(optimizers.Adam(0.02), "mse")
    return model


def embedding(shape=(6,), mask=False):
    parts = [layers.Embedding(20, 5, mask_zero=mask)]
    parts += [layers.LSTM(4) if mask else layers.GlobalAveragePooling1D()]
    parts.append(layers.Dense(1, "sigmoid"))
    return sequential(*parts, optimizer=optimizers.Adam(0.02), loss=BINARY, shape=shape)


def of_texts():
    words = layers.TextVectorization(max_tokens=20, output_sequence_length=5)
    words.adapt(WORDS)
    inputs = keras.Input((), dtype="string")
    h = layers.GlobalAveragePooling1D()(layers.Embedding(20, 4)(words(inputs)))
    model = keras.Model(inputs, layers.Dense(1, "sigmoid")(h))
    model.compile(optimizers.Adam(0.05), BINARY)
    return model


def of_sparse():
    inputs = keras.Input((4,), sparse=True)
    model = keras.Model(inputs, layers.Dense(1)(layers.Dense(8, "relu")(inputs)))
    model.compile(optimizers.SGD(0.05), "mse")
    return model


class OfRagged(keras.Model):
    def __init__(self):
        super().__init__()
        self.table, self.out = layers.Embedding(20, 5), layers.Dense(1, "sigmoid")

    def call(self, x):
        return self.out(tf.reduce_mean(self.table(x.to_tensor() if hasattr(x, "to_tensor") else x),
                                       axis=1))  # fmt: skip


def of_ragged():
    model = OfRagged()
    model.compile(optimizers.Adam(0.02), BINARY)
    model(tf.ragged.constant([[1, 2], [3]]))
    return model


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return len(X) // BATCH

    def __getitem__(self, index):
        rows = slice(index * BATCH, (index + 1) * BATCH)
        return X[rows], Y[rows]


def ragged():
    lengths = np.resize([1, 3, 6, 2, 5], len(TOKENS))
    return tf.RaggedTensor.from_tensor(TOKENS, lengths=lengths)


def sparse():
    return tf.sparse.from_dense(np.where(X > 0.3, X, 0).astype("float32"))


def batched(*parts):
    return tf.data.Dataset.from_tensor_slices(parts).batch(BATCH)


ARRAYS = {"batch_size": BATCH}
STYLES = {
    "steps_per_execution": (lambda: dense(steps_per_execution=4), (X, Y), ARRAYS),
    "jit_compile": (lambda: dense(jit_compile=True), (X, Y), ARRAYS),
    "gradient accumulation": (accumulating, (X, Y), ARRAYS),
    "mixed_float16": (lambda: mixed("mixed_float16"), (X, Y), ARRAYS),
    "mixed_bfloat16": (lambda: mixed("mixed_bfloat16"), (X, Y), ARRAYS),
    "loss scaling that overflows": (overflowing, (X, Y), ARRAYS),
    "stateful recurrence": (stateful, (X[..., None], Y), ARRAYS),
    "embeddings": (embedding, (TOKENS, LABELS), ARRAYS),
    "masked embeddings": (lambda: embedding(mask=True), (TOKENS, LABELS), ARRAYS),
    "strings": (of_texts, (tf.constant(TEXTS), SENTIMENTS), ARRAYS),
    "strings of NumPy": (of_texts, (TEXTS.astype(object), SENTIMENTS), ARRAYS),
    "strings of a dataset": (of_texts, (batched(TEXTS, SENTIMENTS),), {}),
    "sparse arrays": (of_sparse, (sparse(), Y), ARRAYS),
    "sparse batches": (of_sparse, (batched(sparse(), Y),), {}),
    "ragged arrays": (of_ragged, (ragged(), LABELS), ARRAYS),
    "ragged batches": (of_ragged, (batched(ragged(), LABELS),), {}),
    "a PyDataset with workers": (dense, (Batches(workers=2, max_queue_size=4),), {}),
}


def losses_of_fit(model, arguments, options):
    """The losses of the steps; of several to an execution their mean."""
    told = Losses()
    epochs = STEPS * BATCH // len(X)
    model.fit(*arguments, epochs=epochs, shuffle=False, verbose=0, callbacks=[told], **options)
    return np.array(told.losses)


@pytest.mark.filterwarnings("ignore:Converting sparse IndexedSlices")
@pytest.mark.parametrize("name", STYLES)
def test_the_curve_is_that_of_fit(name):
    build, arguments, options = STYLES[name]
    keras.utils.set_random_seed(3)
    models = [build() for _ in range(2)]
    models[1].set_weights(models[0].get_weights())
    expected = losses_of_fit(models[1], arguments, options)
    run = running(fit(models[0], *arguments, shuffle=False, **options), steps=STEPS)
    record = run.run(0)
    losses = np.array(record.curve.batch_loss).reshape(len(expected), -1).mean(axis=1)
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    for mine, of_fit in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        np.testing.assert_allclose(mine, of_fit, rtol=1e-3, atol=1e-5)
    run.restart()
    again = run.run(0).curve
    assert again.batch_loss == record.curve.batch_loss
    np.testing.assert_array_equal(again.gradient_norm, record.curve.gradient_norm)
