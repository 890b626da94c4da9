"""The zoo: small trainings with a known verdict, healthy and sick, of wide variety.

    for problem in HEALTHY:
        start = problem.start(seed=0)
        # train start.verb(**start.arguments) with the expectation problem.expectation

Each takes 100 to 250 steps and well below a second. About half of the healthy ones state no
`max_loss`: their loss has to fall by the default share and without large rises. The data is
generated or bundled with scikit-learn.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import sklearn.datasets
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.core.calls import Call, FitCall, MinimizeCall, StepCall

SPARSE = "sparse_categorical_crossentropy"
BINARY = "binary_crossentropy"


@dataclasses.dataclass(frozen=True, slots=True)
class Start:
    """What to call: a verb and its arguments, the ones left out at their defaults.

    Attributes:
        alive: what lives as long: a compiled method alone does not keep its object.
    """

    verb: str
    arguments: dict[str, Any]
    alive: Any = None

    @property
    def call(self) -> Call:
        """What the verb of the fixture makes of it."""
        kinds = {kind.verb: kind for kind in (FitCall, MinimizeCall, StepCall)}
        return kinds[self.verb](**self.arguments)


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """A training with a known verdict.

    Attributes:
        name: unique in the zoo.
        function: makes the start from a seed.
        expectation: arguments of the expectation, apart from the seed.
        codes: gates that must fail; none for a healthy training.
    """

    name: str
    function: Callable[[int], Start]
    expectation: Mapping[str, Any]
    codes: frozenset[str] = frozenset()

    def start(self, seed: int) -> Start:
        """The training from one start, data included."""
        keras.utils.set_random_seed(seed)
        return self.function(seed)


HEALTHY: list[Problem] = []
SICK: list[Problem] = []


def healthy(**expectation):
    """Registers a function as a training that must pass."""

    def register(function):
        HEALTHY.append(Problem(function.__name__, function, expectation))
        return function

    return register


def sick(*codes, **expectation):
    """Registers a function as a training in which these gates must fail, and maybe others."""

    def register(function):
        SICK.append(Problem(function.__name__, function, expectation, frozenset(codes)))
        return function

    return register


def fit(model, x=None, y=None, **options):
    """The arguments of `converge.fit`."""
    return Start("fit", {"model": model, "x": x, "y": y, **options})


def minimize(loss, variables=None, optimizer=None):
    """The arguments of `converge.minimize`."""
    return Start("minimize", dict(locals()))


def step(step, *, variables, data=None, optimizer=None, session=None):
    """The arguments of `converge.step`."""
    return Start("step", dict(locals()))


# ---- data ---------------------------------------------------------------------------------------


def standardised(x):
    return ((x - x.mean(axis=0)) / (x.std(axis=0) + 1e-9)).astype("float32")


@functools.cache
def wine():
    x, y = sklearn.datasets.load_wine(return_X_y=True)
    return standardised(x), y


@functools.cache
def digits():
    x, y = sklearn.datasets.load_digits(return_X_y=True)
    return (x[:800] / 16).astype("float32"), y[:800]


@functools.cache
def breast_cancer():
    x, y = sklearn.datasets.load_breast_cancer(return_X_y=True)
    return standardised(x), y.astype("float32")[:, None]


@functools.cache
def diabetes():
    x, y = sklearn.datasets.load_diabetes(return_X_y=True)
    return standardised(x), standardised(y)[:, None]


def linear(seed, rows=256, features=4, noise=0.1):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, features))
    w = rng.normal(size=(features, 1))
    y = x @ (w / np.linalg.norm(w)) + noise * rng.normal(size=(rows, 1))
    return x.astype("float32"), y.astype("float32")


def moons(seed, rows=300):
    x, y = sklearn.datasets.make_moons(rows, noise=0.15, random_state=seed)
    return standardised(x), y.astype("float32")[:, None]


def signals(seed, rows=200, steps=10):
    """Noise around one of two levels; the label names the level."""
    rng = np.random.default_rng(seed)
    y = np.arange(rows) % 2
    x = rng.normal(size=(rows, steps, 2)) + np.where(y, 0.7, -0.7)[:, None, None]
    return x.astype("float32"), y.astype("float32")[:, None]


# ---- models -------------------------------------------------------------------------------------


def sequential(*parts, optimizer, loss, shape=None, **compiled):
    model = keras.Sequential([*([keras.Input(shape)] if shape else []), *parts])
    model.compile(optimizer, loss, **compiled)
    return model


def classifier(optimizer, *hidden, units=24, classes=3, shape=None, **compiled):
    """An MLP of one hidden layer; `hidden` are layers between it and the output."""
    parts = [layers.Dense(units, "relu"), *hidden, layers.Dense(classes, "softmax")]
    return sequential(*parts, optimizer=optimizer, loss=SPARSE, shape=shape, **compiled)


def digits_under(optimizer, *hidden, **options):
    return fit(lambda: classifier(optimizer(), *hidden, classes=10, units=32), *digits(), **options)


# ---- healthy: layers ----------------------------------------------------------------------------


@healthy(steps=150)
def batch_of_eight(seed):
    return fit(lambda: classifier(optimizers.SGD(0.05)), *wine(), batch_size=8)


@healthy(steps=200)
def batch_of_one(seed):
    model = sequential(layers.Dense(3, "softmax"), optimizer=optimizers.SGD(0.02), loss=SPARSE)
    return fit(model, *wine(), batch_size=1)


@healthy(steps=200)
def dropout_half(seed):
    x, y = digits()
    hidden = layers.Dropout(0.5)
    return fit(classifier(optimizers.Adam(0.005), hidden, classes=10, units=64), x, y)


@healthy(steps=150, max_loss=0.4, metrics={"accuracy": (0.8, None)})
def batch_norm(seed):
    x, y = digits()
    hidden = [layers.BatchNormalization(), layers.ReLU()]
    model = classifier(optimizers.Adam(0.01), *hidden, classes=10, metrics=["accuracy"])
    return fit(model, x, y)


@healthy(steps=120)
def gru(seed):
    parts = [layers.GRU(8), layers.Dense(1, "sigmoid")]
    return fit(sequential(*parts, optimizer=optimizers.Adam(0.01), loss=BINARY), *signals(seed))


@healthy(steps=100, max_loss=0.3)
def lstm(seed):
    parts = [layers.LSTM(8), layers.Dense(1, "sigmoid")]
    return fit(sequential(*parts, optimizer=optimizers.Adam(0.02), loss=BINARY), *signals(seed))


@healthy(steps=200)
def embedding(seed):
    """Some words are glad, some are sad; their numbers are no measurements."""
    rng = np.random.default_rng(seed)
    words = rng.integers(1, 200, (400, 8))
    mood = rng.normal(size=200)
    y = (mood[words].sum(axis=1) > 0).astype("float32")[:, None]
    parts = [layers.Embedding(200, 8), layers.GlobalAveragePooling1D(), layers.Dense(1, "sigmoid")]
    return fit(sequential(*parts, optimizer=optimizers.Adam(0.03), loss=BINARY), words, y)


@healthy(steps=120, max_loss=0.5)
def convolution(seed):
    x, y = digits()
    parts = [layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten()]
    parts.append(layers.Dense(10, "softmax"))
    model = sequential(*parts, optimizer=optimizers.Adam(0.01), loss=SPARSE, shape=(8, 8, 1))
    return fit(model, x.reshape(-1, 8, 8, 1), y)


@healthy(steps=150)
def attention(seed):
    """The most frequent of four tokens, by a transformer block with layer normalisation."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 4, 320)
    tokens = np.where(rng.random((320, 8)) < 0.5, y[:, None], rng.integers(0, 4, (320, 8)))
    inputs = keras.Input((8,), dtype="int32")
    h = layers.Embedding(4, 16)(inputs)
    h = layers.LayerNormalization()(h + layers.MultiHeadAttention(2, 8)(h, h))
    h = layers.LayerNormalization()(h + layers.Dense(16, "gelu")(h))
    model = keras.Model(inputs, layers.Dense(4, "softmax")(layers.GlobalAveragePooling1D()(h)))
    model.compile(optimizers.Adam(0.005), SPARSE)
    return fit(model, tokens, y)


@healthy(steps=150)
def noisy_layers(seed):
    """Gaussian noise on the inputs and spatial dropout."""
    parts = [layers.GaussianNoise(0.3), layers.Conv1D(8, 3, activation="relu")]
    parts += [layers.SpatialDropout1D(0.2), layers.Flatten(), layers.Dense(1, "sigmoid")]
    return fit(sequential(*parts, optimizer=optimizers.Adam(0.01), loss=BINARY), *signals(seed))


@healthy(steps=150)
def frozen_backbone(seed):
    """Frozen on purpose: random features below a trained head."""
    backbone = layers.Dense(64, "relu", trainable=False)
    model = sequential(
        backbone, layers.Dense(10, "softmax"), optimizer=optimizers.Adam(0.01), loss=SPARSE
    )
    return fit(model, *digits())


# ---- healthy: kinds of models -------------------------------------------------------------------


@healthy(steps=150)
def autoencoder(seed):
    x, _ = digits()
    parts = [layers.Dense(32, "relu"), layers.Dense(16), layers.Dense(64, "sigmoid")]
    return fit(sequential(*parts, optimizer=optimizers.Adam(0.005), loss="mse"), x, x)


class VariationalAutoencoder(keras.Model):
    """A model that trains by a step of its own, on inputs alone."""

    def __init__(self):
        super().__init__()
        self.encoder = layers.Dense(16)
        self.decoder = layers.Dense(64)
        self.noise = keras.random.SeedGenerator(1)

    def call(self, x):
        mean, spread = tf.split(self.encoder(x), 2, axis=-1)
        noise = keras.random.normal(tf.shape(mean), seed=self.noise)
        divergence = 0.5 * tf.reduce_sum(mean**2 + tf.exp(spread) - spread - 1, axis=-1)
        return self.decoder(mean + noise * tf.exp(0.5 * spread)), divergence

    def train_step(self, data):
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            logits, divergence = self(x, training=True)
            errors = tf.nn.sigmoid_cross_entropy_with_logits(x, logits)
            loss = tf.reduce_mean(tf.reduce_sum(errors, axis=-1) + divergence)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return {"loss": loss}


@healthy(steps=150)
def vae(seed):
    model = VariationalAutoencoder()
    model.compile(optimizers.Adam(0.01))
    return fit(model, digits()[0])


class Adversaries(keras.Model):
    """A generator and a discriminator of points, each with an optimizer of its own."""

    def __init__(self, rate=0.01):
        super().__init__()
        self.generator = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
        self.discriminator = keras.Sequential(
            [keras.Input((2,)), layers.Dense(16, "tanh"), layers.Dense(1)]
        )
        self.draws = keras.random.SeedGenerator(1)
        super().compile()
        self.g_optimizer = optimizers.Adam(rate)
        self.d_optimizer = optimizers.Adam(0.01)

    def train_step(self, real):
        noise = keras.random.normal((tf.shape(real)[0], 4), seed=self.draws)
        cross_entropy = tf.nn.sigmoid_cross_entropy_with_logits
        with tf.GradientTape(persistent=True) as tape:
            made = self.generator(noise)
            fake, true = self.discriminator(made), self.discriminator(real)
            d_loss = tf.reduce_mean(cross_entropy(tf.ones_like(true), true))
            d_loss += tf.reduce_mean(cross_entropy(tf.zeros_like(fake), fake))
            g_loss = tf.reduce_mean(cross_entropy(tf.ones_like(fake), fake))
        for network, loss, optimizer in (
            (self.discriminator, d_loss, self.d_optimizer),
            (self.generator, g_loss, self.g_optimizer),
        ):
            variables = network.trainable_variables
            gradients = tape.gradient(loss, variables)
            optimizer.apply_gradients(zip(gradients, variables, strict=True))
        away = tf.reduce_mean(made, axis=0) - tf.reduce_mean(real, axis=0)
        return {"d_loss": d_loss, "g_loss": g_loss, "distance": tf.reduce_sum(away**2)}


def points(seed):
    return np.random.default_rng(seed).normal([2.0, -1.0], 0.5, size=(320, 2)).astype("float32")


@healthy(steps=150, monotone="off", min_decrease=0.5)
def adversaries(seed):
    return fit(Adversaries(), points(seed), loss="distance")


class Triplets(keras.Model):
    """Distances to rows of the same kind smaller than those to rows of others."""

    def __init__(self):
        super().__init__()
        self.embedding = keras.Sequential([keras.Input((4,)), layers.Dense(8, "tanh")])

    def train_step(self, data):
        with tf.GradientTape() as tape:
            anchor, positive, negative = (self.embedding(part) for part in data)
            near = tf.reduce_sum((anchor - positive) ** 2, axis=-1)
            far = tf.reduce_sum((anchor - negative) ** 2, axis=-1)
            loss = tf.reduce_mean(tf.nn.relu(near - far + 0.5))
        variables = self.embedding.trainable_variables
        gradients = tape.gradient(loss, variables)
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return {"loss": loss}


def triplets(seed, rows=256):
    rng = np.random.default_rng(seed)
    kind = rng.normal(size=(rows, 4))
    other = kind[rng.permutation(rows)]
    near = [kind, kind + 0.3 * rng.normal(size=(rows, 4)), other]
    return tuple(part.astype("float32") for part in near)


@healthy(steps=150)
def siamese(seed):
    model = Triplets()
    model.compile(optimizers.Adam(0.01))
    return fit(model, tf.data.Dataset.from_tensor_slices(triplets(seed)).batch(32))


class SemiSupervised(keras.Model):
    """Regression of a few rows whose predictions stay small on many more, without targets.

    Its `test_step` is for rows with targets alone.
    """

    def __init__(self, rate=0.1):
        super().__init__()
        self.head = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
        self.compile(optimizers.SGD(rate))

    def train_step(self, data):
        unlabelled, (x, y) = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((self.head(x) - y) ** 2)
            loss += 1e-3 * tf.reduce_mean(self.head(unlabelled) ** 2)
        variables = self.head.trainable_variables
        gradients = tape.gradient(loss, variables)
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return {"loss": loss}

    def test_step(self, data):
        x, y = data
        return {"loss": tf.reduce_mean((self.head(x) - y) ** 2)}


def unequal_parts(seed):
    x, y = linear(seed, rows=512)
    unlabelled = tf.data.Dataset.from_tensor_slices(x).batch(64, drop_remainder=True)
    labelled = tf.data.Dataset.from_tensor_slices((x[:128], y[:128])).batch(16)
    return tf.data.Dataset.zip((unlabelled, labelled))


@healthy(steps=100)
def semi_supervised(seed):
    return fit(SemiSupervised(), unequal_parts(seed))


class FixedRows(keras.Model):
    """A functional model whose step draws noise for 64 rows, no more and no fewer."""

    def train_step(self, data):
        x, y = data
        noise = tf.random.normal((64, 4))
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((self(x + 1e-3 * noise) - y) ** 2)
        variables = self.trainable_variables
        gradients = tape.gradient(loss, variables)
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return {"loss": loss}


def even_batches(seed, rows=64):
    x, y = linear(seed, rows=300)
    return tf.data.Dataset.from_tensor_slices((x, y)).repeat().batch(rows, drop_remainder=True)


def fixed_rows(seed, rate=0.1):
    inputs = keras.Input((4,))
    model = FixedRows(inputs, layers.Dense(1)(inputs))
    model.compile(optimizers.SGD(rate))
    return fit(model, even_batches(seed))


@healthy(steps=100)
def fixed_rows_in_a_step(seed):
    return fixed_rows(seed)


@healthy(steps=100)
def fixed_rows_of_an_input(seed):
    inputs = keras.Input((4,), batch_size=48)
    flat = layers.Lambda(lambda rows: tf.reshape(rows, (48, 1)))(layers.Dense(1)(inputs))
    model = keras.Model(inputs, flat)
    model.compile(optimizers.SGD(0.1), "mse")
    return fit(model, even_batches(seed, 48))


@healthy(steps=100)
def fixed_rows_of_a_signature(seed):
    w, optimizer = tf.Variable(tf.zeros((4, 1))), optimizers.SGD(0.1)

    @tf.function(input_signature=[tf.TensorSpec((100, 4)), tf.TensorSpec((100, 1))])
    def update(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((x @ w - y) ** 2)
        optimizer.apply_gradients([(tape.gradient(loss, w), w)])
        return loss

    return step(update, variables=[w], data=even_batches(seed, 100), optimizer=optimizer)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = layers.Dense(16, "tanh")
        self.dropout = layers.Dropout(0.2)
        self.out = layers.Dense(1)

    def call(self, x, training=False):
        return self.out(self.dropout(self.hidden(x), training=training))


@healthy(steps=150)
def subclassed(seed):
    model = Subclassed()
    model.compile(optimizers.Adam(0.01), "mse")
    return fit(model, *linear(seed))


def two_by_two(**compiled):
    """Two inputs and two outputs, by name."""
    left, right = keras.Input((6,), name="left"), keras.Input((7,), name="right")
    h = layers.Concatenate()([layers.Dense(12, "relu")(left), layers.Dense(12, "relu")(right)])
    kind = layers.Dense(3, "softmax", name="kind")(h)
    colour = layers.Dense(1, name="colour")(h)
    model = keras.Model({"left": left, "right": right}, {"kind": kind, "colour": colour})
    model.compile(
        optimizers.Adam(0.01), {"kind": SPARSE, "colour": "mse"}, metrics={"kind": "accuracy"}
    )
    return model


@healthy(steps=150, metrics={"kind_accuracy": (0.9, None)})
def two_inputs_two_outputs(seed):
    x, y = wine()
    parts = {"left": x[:, :6], "right": x[:, 6:]}
    return fit(two_by_two, parts, {"kind": y, "colour": x[:, 9:10]})


@healthy(steps=150, max_loss=0.6)
def lists_of_outputs(seed):
    """Two outputs as a list, with weights of their losses and of the rows of each."""
    x, y = wine()
    inputs = keras.Input((13,))
    h = layers.Dense(16, "relu")(inputs)
    outputs = [layers.Dense(3, "softmax")(h), layers.Dense(1)(h)]
    model = keras.Model(inputs, outputs)
    model.compile(optimizers.Adam(0.01), [SPARSE, "mae"], loss_weights=[1.0, 0.5])
    weights = [np.where(y == 0, 2.0, 1.0), np.ones(len(y))]
    return fit(model, x, [y, x[:, :1]], sample_weight=weights)


# ---- healthy: weights, losses, regularisation ---------------------------------------------------


@healthy(steps=200)
def class_weights(seed):
    """A tenth of positives, weighted up."""
    rng = np.random.default_rng(seed)
    y = (np.arange(500) % 10 == 0).astype("float32")[:, None]
    x = (rng.normal(size=(500, 4)) + 1.5 * y).astype("float32")
    parts = [layers.Dense(8, "relu"), layers.Dense(1, "sigmoid")]
    model = sequential(*parts, optimizer=optimizers.Adam(0.01), loss=BINARY)
    return fit(model, x, y, class_weight={0: 0.55, 1: 5.0})


@healthy(steps=150, max_loss=0.15)
def sample_weights(seed):
    """Half of the rows are wrong and weigh nothing."""
    x, y = linear(seed)
    weights = np.tile([1.0, 0.0], len(x) // 2)
    y = np.where(weights[:, None] > 0, y, 50.0)
    model = sequential(layers.Dense(1), optimizer=optimizers.SGD(0.1), loss="mse")
    return fit(model, x, y, sample_weight=weights)


@healthy(steps=150)
def l2_regression(seed):
    penalty = keras.regularizers.L2(0.01)
    parts = [layers.Dense(16, "relu", kernel_regularizer=penalty), layers.Dense(1)]
    return fit(sequential(*parts, optimizer=optimizers.Adam(0.02), loss="mse"), *diabetes())


@healthy(steps=150)
def activity_penalty(seed):
    """A loss that a layer adds from its own outputs."""
    parts = [layers.Dense(16, "relu", activity_regularizer="l1"), layers.Dense(3, "softmax")]
    return fit(sequential(*parts, optimizer=optimizers.Adam(0.01), loss=SPARSE), *wine())


@healthy(steps=200)
def hinge(seed):
    x, y = breast_cancer()
    model = sequential(layers.Dense(1), optimizer=optimizers.SGD(0.01), loss="hinge")
    return fit(model, x, 2 * y - 1)


@healthy(steps=150, max_loss=0.2)
def huber_with_outliers(seed):
    x, y = linear(seed)
    y[::50] += 5.0
    model = sequential(layers.Dense(1), optimizer=optimizers.SGD(0.1), loss="huber")
    return fit(model, x, y)


@healthy(steps=150)
def poisson_counts(seed):
    x, y = linear(seed, noise=0.0)
    counts = np.random.default_rng(seed).poisson(np.exp(1 + y)).astype("float32")
    model = sequential(
        layers.Dense(1, "exponential"), optimizer=optimizers.Adam(0.02), loss="poisson"
    )
    return fit(model, x, counts)


@healthy(steps=250, max_loss=-0.5)
def likelihood_below_zero(seed):
    """A Gaussian log-likelihood with a width of its own is negative by right."""

    def likelihood(y_true, y_pred):
        mean, width = keras.ops.split(y_pred, 2, axis=-1)
        return width + 0.5 * ((y_true - mean) / keras.ops.exp(width)) ** 2

    parts = [layers.Dense(16, "tanh"), layers.Dense(2)]
    return fit(sequential(*parts, optimizer=optimizers.Adam(0.01), loss=likelihood), *linear(seed))


@healthy(steps=150)
def cosine_similarity(seed):
    x = np.random.default_rng(seed).normal(size=(256, 6)).astype("float32")
    loss = keras.losses.CosineSimilarity()
    parts = [layers.Dense(24, "relu"), layers.Dense(3)]
    return fit(sequential(*parts, optimizer=optimizers.Adam(0.01), loss=loss), x, x[:, :3])


@healthy(steps=150, min_skill=0.5)
def logits(seed):
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    parts = [layers.Dense(16, "relu"), layers.Dense(1)]
    return fit(sequential(*parts, optimizer=optimizers.Adam(0.02), loss=loss), *moons(seed))


# ---- healthy: optimizers and schedules ----------------------------------------------------------


@healthy(steps=200)
def cosine_restarts(seed):
    """The loss may rise where the rate jumps back up."""
    rate = optimizers.schedules.CosineDecayRestarts(0.3, 40, t_mul=1.5, m_mul=0.9)
    return digits_under(lambda: optimizers.SGD(rate))


@healthy(steps=180)
def warm_up(seed):
    """The first forty steps hardly move: the rate starts at zero."""
    rate = optimizers.schedules.CosineDecay(0.0, 140, warmup_target=0.01, warmup_steps=40)
    return digits_under(lambda: optimizers.Adam(rate))


@healthy(steps=150, max_loss=0.7)
def rmsprop(seed):
    return digits_under(lambda: optimizers.RMSprop(0.003, momentum=0.5))


@healthy(steps=150)
def adagrad(seed):
    return digits_under(lambda: optimizers.Adagrad(0.05))


@healthy(steps=150, max_loss=0.7)
def adamw(seed):
    return digits_under(lambda: optimizers.AdamW(0.005, weight_decay=0.01))


@healthy(steps=150)
def lion(seed):
    return digits_under(lambda: optimizers.Lion(0.001))


@healthy(steps=150)
def nadam(seed):
    return digits_under(lambda: optimizers.Nadam(0.005))


@healthy(steps=150, max_loss=0.9)
def averaged_weights(seed):
    return digits_under(lambda: optimizers.Adam(0.01, use_ema=True, ema_momentum=0.95))


@healthy(steps=200)
def clipped_norm(seed):
    return digits_under(lambda: optimizers.SGD(0.2, momentum=0.5, clipnorm=1.0))


@healthy(steps=200)
def accumulated_gradients(seed):
    """Every fourth step updates the weights."""
    return digits_under(lambda: optimizers.Adam(0.01, gradient_accumulation_steps=4))


# ---- healthy: sources of data -------------------------------------------------------------------


@healthy(steps=150)
def tf_dataset(seed):
    data = tf.data.Dataset.from_tensor_slices(wine()).shuffle(178, seed=seed).batch(32)
    return fit(classifier(optimizers.Adam(0.01)), data)


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 6

    def __getitem__(self, index):
        x, y = wine()
        return x[index::6], y[index::6]


@healthy(steps=120, max_loss=0.3)
def py_dataset(seed):
    return fit(classifier(optimizers.Adam(0.01)), Batches())


@healthy(steps=150)
def generator(seed):
    rng = np.random.default_rng(seed)

    def batches():
        w = rng.normal(size=(3, 1)).astype("float32")
        while True:
            x = rng.normal(size=(16, 3)).astype("float32")
            yield x, x @ w

    model = sequential(layers.Dense(1), optimizer=optimizers.SGD(0.05), loss="mse")
    return fit(model, batches())


@healthy(steps=100)
def sequences_of_changing_length(seed):
    """Every batch has another length, so that batches do not stack."""
    x, y = signals(seed, rows=160, steps=12)

    def batches():
        for start in range(0, 160, 32):
            yield x[start : start + 32, : 4 + start // 32], y[start : start + 32]

    kinds = tf.TensorSpec((None, None, 2)), tf.TensorSpec((None, 1))
    data = tf.data.Dataset.from_generator(batches, output_signature=kinds)
    parts = [layers.Dense(8, "relu"), layers.GlobalAveragePooling1D(), layers.Dense(1, "sigmoid")]
    return fit(sequential(*parts, optimizer=optimizers.Adam(0.02), loss=BINARY), data)


@healthy(steps=150)
def mixed_sources(seed):
    """A tensor, a list of numbers and an array side by side."""
    x, y = linear(seed)
    model = sequential(layers.Dense(1), optimizer=optimizers.SGD(0.05), loss="mse")
    return fit(model, tf.constant(x), y.tolist(), sample_weight=np.ones(len(x)))


@healthy(steps=150)
def double_precision(seed):
    x, y = diabetes()
    parts = [layers.Dense(16, "tanh", dtype="float64"), layers.Dense(1, dtype="float64")]
    model = sequential(*parts, optimizer=optimizers.Adam(0.01), loss="mse")
    return fit(model, x.astype("float64"), y.astype("float64"))


# ---- healthy: functions and hand-written steps --------------------------------------------------


@healthy(steps=100, monotone="strict")
def quadratic(seed):
    y, w = tf.constant([1.5, 2.5, 3.5]), tf.Variable(0.0)
    return minimize(lambda: tf.reduce_mean((y - w) ** 2), [w], optimizers.SGD(0.1))


@healthy(steps=250, max_loss=0.5)
def rosenbrock(seed):
    """A long curved valley: a quick drop, then slow progress."""
    start = np.random.default_rng(seed).uniform([-1.2, 0.8], [-0.8, 1.2])

    def build():
        w = tf.Variable(start.astype("float32"))
        return lambda: (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2, [w], optimizers.Adam(0.1)

    return minimize(build)


@healthy(steps=150)
def compat_optimizer(seed):
    x, y = linear(seed)
    w, b = tf.Variable(tf.zeros((4, 1))), tf.Variable(0.0)
    optimizer = tf.compat.v1.train.MomentumOptimizer(0.02, 0.9)
    return minimize(lambda: tf.reduce_mean((x @ w + b - y) ** 2), [w, b], optimizer)


@healthy(steps=150, max_loss=0.1)
def compat_gradient_descent(seed):
    x, y = linear(seed)
    w = tf.Variable(tf.zeros((4, 1)))
    optimizer = tf.compat.v1.train.GradientDescentOptimizer(0.1)
    return minimize(lambda: tf.reduce_mean((x @ w - y) ** 2), [w], optimizer)


def own_step(optimizer, *, compiled):
    """A training step as users write it, and the model's variables."""
    model = keras.Sequential([keras.Input((13,)), layers.Dense(16, "relu"), layers.Dense(3)])
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def train_step(x, y):
        with tf.GradientTape() as tape:
            loss = loss_of(y, model(x, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    return tf.function(train_step) if compiled else train_step, model.trainable_variables


@healthy(steps=150)
def compiled_step(seed):
    optimizer = optimizers.Adam(0.01)
    train_step, variables = own_step(optimizer, compiled=True)
    data = tf.data.Dataset.from_tensor_slices(wine()).shuffle(178, seed=seed).batch(32)
    return step(train_step, variables=variables, data=data, optimizer=optimizer)


@healthy(steps=150)
def plain_step(seed):
    train_step, variables = own_step(optimizers.Adam(0.01), compiled=False)
    x, y = wine()
    data = [(x[i::6], y[i::6]) for i in range(6)]
    return step(train_step, variables=variables, data=data)


@healthy(steps=100, max_loss=0.05)
def counting_step(seed):
    """The rate falls by a count that Python keeps, which no graph would see."""
    x, y = linear(seed, rows=64)
    w = tf.Variable(tf.zeros((4, 1)))
    made = []

    def train_step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((x @ w - y) ** 2)
        made.append(loss)
        w.assign_sub(0.2 / (1 + 0.02 * len(made)) * tape.gradient(loss, w))
        return loss

    return step(train_step, variables=[w])


@healthy(steps=100, max_loss=0.1)
def simulator_step(seed):
    """An update that is compiled, in a step that no graph could hold."""
    w, optimizer = tf.Variable(tf.zeros((4, 1))), optimizers.SGD(0.1)
    rng, wanted = np.random.default_rng(seed), np.float32([[1.0], [-2.0], [0.5], [3.0]])

    @tf.function
    def update(states, rewards):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((states @ w - rewards) ** 2)
        optimizer.apply_gradients([(tape.gradient(loss, w), w)])
        return loss

    def train_step():
        states = rng.normal(size=(32, 4)).astype("float32")
        played = states @ w.numpy()  # as a policy would act
        return update(states, states @ wanted + 0.0 * played)

    return step(train_step, variables=[w], optimizer=optimizer)


@healthy(steps=100, max_loss=0.1)
def session_step(seed):
    """A graph, placeholders and a session, as programs were written for TensorFlow 1."""
    compat = tf.compat.v1
    graph = tf.Graph()
    with graph.as_default():
        x, y = compat.placeholder(tf.float32, (None, 4)), compat.placeholder(tf.float32, (None, 1))
        w = compat.get_variable("w", (4, 1), initializer=compat.zeros_initializer())
        loss = tf.reduce_mean((x @ w - y) ** 2)
        update = compat.train.GradientDescentOptimizer(0.1).minimize(loss)
        session = compat.Session()
        session.run(compat.global_variables_initializer())

    def train_step(rows, targets):
        _, value = session.run([update, loss], feed_dict={x: rows, y: targets})
        return value

    rows, targets = linear(seed)
    data = [(rows[i::4], targets[i::4]) for i in range(4)]
    return step(train_step, variables=[w], data=data)


@healthy(steps=100, max_loss=0.1)
def drawing_step(seed):
    """The step draws its batches itself."""
    w = tf.Variable(tf.zeros((4, 1)))
    batches = iter(tf.data.Dataset.from_tensor_slices(linear(seed)).repeat().batch(32))
    optimizer = optimizers.SGD(0.1)

    def train_step():
        x, y = next(batches)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((x @ w - y) ** 2)
        optimizer.apply_gradients([(tape.gradient(loss, w), w)])
        return loss

    return step(train_step, variables=[w], optimizer=[optimizer])


# ---- sick ---------------------------------------------------------------------------------------


@sick("target-missed", steps=150, max_loss=0.8)
def rate_too_high(seed):
    parts = [layers.Dense(16, "relu"), layers.Dense(1)]
    return fit(sequential(*parts, optimizer=optimizers.Adam(3.0), loss="mse"), *diabetes())


@sick("nonfinite-loss", steps=150)
def rate_far_too_high(seed):
    model = sequential(layers.Dense(1), optimizer=optimizers.SGD(10.0), loss="mse")
    return fit(model, *linear(seed))


@sick("not-decreasing", steps=100)
def rate_too_low(seed):
    return fit(classifier(optimizers.SGD(1e-5)), *wine())


@sick("target-missed", steps=150, max_loss=0.1)
def rate_too_low_for_the_target(seed):
    return fit(lambda: classifier(optimizers.Adam(1e-4)), *wine())


@sick("nonfinite-data", "nonfinite-loss", steps=100)
def nan_in_x(seed):
    x, y = linear(seed)
    x[5, 3] = np.nan
    return fit(sequential(layers.Dense(1), optimizer=optimizers.SGD(0.05), loss="mse"), x, y)


@sick("nonfinite-data", steps=100)
def nan_behind_relu(seed):
    """The fused layer turns NaN into 0: the loss may stay finite."""
    x, y = wine()
    x = x.copy()
    x[:, 3] = np.nan
    return fit(classifier(optimizers.SGD(0.05)), x, y)


@sick("nonfinite-data", "nonfinite-loss", steps=100)
def nan_in_y(seed):
    x, y = linear(seed)
    y[100] = np.nan
    return fit(sequential(layers.Dense(1), optimizer=optimizers.SGD(0.05), loss="mse"), x, y)


@sick("nonfinite-data", steps=100)
def infinity_in_a_dataset(seed):
    x, y = linear(seed)
    x[7, 0] = np.inf
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(32)
    return fit(sequential(layers.Dense(1), optimizer=optimizers.SGD(0.05), loss="mse"), data)


@sick("loss-disagrees", steps=150)
def softmax_over_one_unit(seed):
    """Trains on the logits behind the softmax; predicts 1.0 for every row."""
    parts = [layers.Dense(8, "relu"), layers.Dense(1, "softmax")]
    return fit(sequential(*parts, optimizer=optimizers.Adam(0.01), loss=BINARY), *breast_cancer())


@sick("negative-loss", steps=150, max_loss=0.1)
def labels_one_and_two(seed):
    x, y = breast_cancer()
    model = sequential(layers.Dense(1, "sigmoid"), optimizer=optimizers.Adam(0.05), loss=BINARY)
    return fit(model, x, y + 1)


@sick("negative-loss", steps=150, max_loss=0.1)
def labels_of_minus_one(seed):
    x, y = breast_cancer()
    model = sequential(layers.Dense(1, "sigmoid"), optimizer=optimizers.Adam(0.05), loss=BINARY)
    return fit(model, x, 2 * y - 1)


@sick("not-decreasing", steps=100)
def dead_units(seed):
    hidden = layers.Dense(16, "relu", bias_initializer=keras.initializers.Constant(-20.0))
    model = sequential(hidden, layers.Dense(1), optimizer=optimizers.SGD(0.05), loss="mse")
    return fit(model, *linear(seed, noise=0.0))


@sick("not-decreasing", steps=100)
def frozen_head_of_zeros(seed):
    """No gradient passes a frozen layer of zeros."""
    head = layers.Dense(3, "softmax", kernel_initializer="zeros", trainable=False)
    parts = [layers.Dense(16, "relu"), head]
    return fit(sequential(*parts, optimizer=optimizers.Adam(0.01), loss=SPARSE), *wine())


@sick("target-missed", steps=100, max_loss=0.1)
def forgotten_variable(seed):
    """Only the bias is handed to the optimizer."""
    x, y = linear(seed)
    w, b = tf.Variable(tf.zeros((4, 1))), tf.Variable(1.0)
    return minimize(lambda: tf.reduce_mean((x @ w + b - y) ** 2), [b], optimizers.SGD(0.1))


@sick("skill-too-low", steps=150, min_skill=0.3, min_decrease=0)
def unrelated_labels(seed):
    x, _ = wine()
    y = np.random.default_rng(seed).integers(0, 3, len(x))
    model = sequential(layers.Dense(3, "softmax"), optimizer=optimizers.SGD(0.05), loss=SPARSE)
    return fit(model, x, y)


@sick("metric-out-of-bounds", steps=50, metrics={"accuracy": (0.999, None)})
def accuracy_out_of_reach(seed):
    x, y = digits()
    return fit(classifier(optimizers.SGD(0.05), classes=10, metrics=["accuracy"]), x, y)


@sick("skill-too-low", steps=150, min_skill=0.1)
def vanishing_gradient(seed):
    """Nothing but the bias of the output learns."""
    parts = [layers.Dense(8, "sigmoid") for _ in range(8)]
    model = sequential(
        *parts, layers.Dense(1, "sigmoid"), optimizer=optimizers.SGD(0.05), loss=BINARY
    )
    return fit(model, *moons(seed))


@sick("not-decreasing", steps=100)
def oscillation(seed):
    """A rate of exactly 2 / lambda: every step leads to the opposite side."""
    w = tf.Variable([1.0, 0.0])
    return minimize(lambda: tf.reduce_sum((w - [0.0, 1.0]) ** 2), [w], optimizers.SGD(1.0))


@sick("not-decreasing", "not-monotone", steps=100)
def divergence(seed):
    w = tf.Variable([1.0, 0.0])
    return minimize(lambda: tf.reduce_sum((w - [0.0, 1.0]) ** 2), [w], optimizers.SGD(1.02))


@sick("not-decreasing", steps=100)
def stationary_start(seed):
    """A maximum between two minima: the gradient is zero."""
    w = tf.Variable(2.0)
    return minimize(lambda: (w - 2) ** 4 - 4 * (w - 2) ** 2 + 5, [w], optimizers.SGD(0.1))


@sick("not-decreasing", steps=100)
def gradient_ascent(seed):
    x, y = linear(seed)
    w, optimizer = tf.Variable(tf.zeros((4, 1))), optimizers.SGD(0.001)

    @tf.function
    def train_step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((x @ w - y) ** 2)
        optimizer.apply_gradients([(-tape.gradient(loss, w), w)])
        return loss

    return step(train_step, variables=[w], optimizer=optimizer)


@sick("not-decreasing", steps=100)
def step_that_updates_a_copy(seed):
    x, y = linear(seed)
    w = tf.Variable(tf.zeros((4, 1)))
    copy, optimizer = tf.Variable(w), optimizers.SGD(0.1)
    optimizer.build([copy])

    def train_step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((x @ w - y) ** 2)
        optimizer.apply_gradients([(tape.gradient(loss, w), copy)])
        return loss

    return step(train_step, variables=[w])


@sick("not-monotone", steps=250)
def sorted_targets(seed):
    """The low targets come first: the loss on all rows falls until they are forgotten."""
    x, _ = linear(seed, rows=1000, features=2)
    y = np.where(np.arange(1000) < 500, 1.0, 9.0)[:, None]
    model = sequential(layers.Dense(1), optimizer=optimizers.SGD(0.018), loss="mse")
    return fit(model, x, y, batch_size=4, shuffle=False)
