"""The zoo of faults: small trainings that fail for a known reason, each with a repaired twin.

    for fault in FAULTS:
        start = fault.start(fixed=False, seed=0)
        # train start.verb(**start.arguments) with the expectation fault.expected(fixed=False)

Every label holds on three seeds in the loop written by hand at the end: the faulty training misses
its bound by a tenth, the twin is below it by a tenth (`python -m benchmarks.diagnosis --labels`).
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import inspect
import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import sklearn.datasets
import tensorflow as tf
from keras import initializers, layers, optimizers, regularizers

from tests.zoo.problems import (
    BINARY,
    SPARSE,
    Start,
    fit,
    minimize,
    moons,
    sequential,
    standardised,
    step,
)

schedules = optimizers.schedules


@dataclasses.dataclass(frozen=True, slots=True)
class Fault:
    """A training that fails for a known reason.

    Attributes:
        name: unique in the zoo.
        cause: code of the cause.
        also: codes that a careful engineer could defend for the same fault.
        function: makes the start from (fixed, seed).
        expectation: arguments of the expectation, apart from the seed.
        repaired: those in which the twin's expectation differs.
        floor: a loss that no training goes below; margins are measured from it.
        symptom: "misses" where the bound is missed, by the loss of the predictions; "negative"
            where the fault drives a loss below zero that cannot be negative; "metric" where the
            lower bound of a compiled metric is missed.
    """

    name: str
    cause: str
    also: tuple[str, ...]
    function: Callable[[bool, int], Start]
    expectation: Mapping[str, Any]
    repaired: Mapping[str, Any]
    floor: float
    symptom: str

    def start(self, *, fixed: bool, seed: int) -> Start:
        """The training from one start, data included."""
        keras.utils.set_random_seed(seed)
        return self.function(fixed, seed)

    def expected(self, *, fixed: bool) -> dict[str, Any]:
        """The arguments of the expectation."""
        return {**self.expectation, **(self.repaired if fixed else {})}

    @property
    def accepted(self) -> frozenset[str]:
        """The codes that count as right."""
        return frozenset({self.cause, *self.also})


FAULTS: list[Fault] = []


def fault(
    cause: str, *also: str, repaired=None, floor: float = 0.0, symptom="misses", **expectation: Any
):
    """Registers a function of (fixed, seed) as a fault with its twin."""

    def register(function):
        FAULTS.append(
            Fault(
                function.__name__,
                cause,
                also,
                function,
                expectation,
                repaired or {},
                floor,
                symptom,
            )
        )
        return function

    return register


# ---- data ---------------------------------------------------------------------------------------


def friedman(seed, rows=300):
    """Ten features, a smooth target with products and a sine, both standardised."""
    x, y = sklearn.datasets.make_friedman1(rows, noise=0.3, random_state=seed)
    return standardised(x), standardised(y)[:, None]


def machine(seed, rows=300):
    """An electric circuit: features in ohms, radians and farads; the target standardised."""
    x, y = sklearn.datasets.make_friedman2(rows, random_state=seed)
    return x.astype("float32"), standardised(y)[:, None]


@functools.cache
def clusters(seed, rows=400, features=8, classes=4, apart=2.0):
    x, y = sklearn.datasets.make_classification(
        rows,
        features,
        n_informative=features - 2,
        n_classes=classes,
        n_clusters_per_class=1,
        class_sep=apart,
        flip_y=0.0,
        random_state=seed,
    )
    return standardised(x), y.astype("int32")


def two_clusters(seed, rows=400):
    x, y = clusters(seed, rows, classes=2)
    return x, y.astype("float32")[:, None]


def bars(seed, rows=320, size=8):
    """Bright bars, horizontal (0) or vertical (1), in noise from 0 to 0.5."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, 0.5, (rows, size, size)), np.arange(rows) % 2
    for row, place in enumerate(rng.integers(0, size, rows)):
        x[row][(slice(None), place) if y[row] else place] = 1.0
    return x[..., None].astype("float32"), y.astype("float32")[:, None]


def waves(seed, rows=300, steps=16):
    """Series of one of three frequencies at any phase."""
    rng = np.random.default_rng(seed)
    y = np.arange(rows) % 3
    phase = rng.uniform(0, 2 * np.pi, (rows, 1))
    x = np.sin(np.arange(steps) * np.array([0.3, 0.9, 1.8])[y][:, None] + phase)
    return (x + 0.1 * rng.normal(size=x.shape))[..., None].astype("float32"), y.astype("int32")


def reviews(seed, rows=400, words=60):
    """Sentences of ten words, some of which are glad and some sad."""
    rng = np.random.default_rng(seed)
    text = rng.integers(0, words, (rows, 10))
    mood = rng.normal(size=words)
    return text, (mood[text].sum(axis=1) > 0).astype("float32")[:, None]


def plane(seed, rows=256, features=5):
    """A target that is linear in the features, without noise and of spread one."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, features))
    w = rng.normal(size=(features, 1))
    return x.astype("float32"), (x @ w / np.linalg.norm(w)).astype("float32")


def quadrants(seed, rows=300):
    """Exclusive or of two signs."""
    x = np.random.default_rng(seed).uniform(-1, 1, (rows, 2))
    return x.astype("float32"), (x[:, :1] * x[:, 1:] > 0).astype("float32")


def swiss_roll(seed, rows=300):
    x, t = sklearn.datasets.make_swiss_roll(rows, noise=0.1, random_state=seed)
    return standardised(x), standardised(t)[:, None]


# ---- models -------------------------------------------------------------------------------------


def mlp(optimizer, loss, *, out=1, head=None, units=24, depth=1, activation="relu", **hidden):
    parts = [layers.Dense(units, activation, **hidden) for _ in range(depth)]
    return sequential(*parts, layers.Dense(out, head), optimizer=optimizer, loss=loss)


def regression(optimizer, **options):
    return mlp(optimizer, "mse", **options)


def binary(optimizer, **options):
    return mlp(optimizer, BINARY, head="sigmoid", **options)


def several(optimizer, classes=4, **options):
    return mlp(optimizer, SPARSE, out=classes, head="softmax", **options)


# ---- the learning rate --------------------------------------------------------------------------


@fault("learning-rate-too-high", steps=150, max_loss=0.25)
def momentum_on_moons(fixed, seed):
    optimizer = optimizers.SGD(0.1 if fixed else 6.0, momentum=0.9)
    return fit(binary(optimizer, units=32, depth=2), *moons(seed))


@fault("learning-rate-too-high", steps=150, max_loss=0.3)
def adam_at_two(fixed, seed):
    return fit(regression(optimizers.Adam(0.01 if fixed else 2.0), depth=2), *friedman(seed))


@fault("learning-rate-too-high", steps=120, max_loss=0.25)
def rmsprop_on_bars(fixed, seed):
    parts = [layers.Conv2D(6, 3, activation="relu"), layers.Flatten(), layers.Dense(1, "sigmoid")]
    optimizer = optimizers.RMSprop(0.01 if fixed else 1.0)
    return fit(sequential(*parts, optimizer=optimizer, loss=BINARY), *bars(seed))


@fault("learning-rate-too-high", steps=200, max_loss=0.4)
def schedule_that_grows(fixed, seed):
    """Decay by a factor above one: the rate passes every limit in the end."""
    rate = schedules.ExponentialDecay(0.05, decay_steps=20, decay_rate=0.8 if fixed else 2.5)
    return fit(several(optimizers.SGD(rate, momentum=0.5)), *clusters(seed))


@fault("learning-rate-too-high", steps=100, max_loss=0.05)
def descent_beyond_two_over_lambda(fixed, seed):
    """Least squares on correlated columns, whose largest eigenvalue is near nine."""
    rng = np.random.default_rng(seed)
    x = (rng.normal(size=(120, 4)) + 2 * rng.normal(size=(120, 1))).astype("float32") / 2
    y = x @ np.array([[1.0], [-0.5], [0.25], [0.5]], "float32")
    w = tf.Variable(tf.zeros((4, 1)))
    optimizer = optimizers.SGD(0.1 if fixed else 0.35)
    return minimize(lambda: tf.reduce_mean((x @ w - y) ** 2), [w], optimizer)


@fault("learning-rate-too-high", steps=150, max_loss=0.3)
def own_step_with_adam(fixed, seed):
    x, y = friedman(seed)
    model = keras.Sequential([keras.Input((10,)), layers.Dense(24, "relu"), layers.Dense(1)])
    optimizer = optimizers.Adam(0.02 if fixed else 5.0)
    loss_of = keras.losses.MeanSquaredError()

    @tf.function
    def train_step(a, b):
        with tf.GradientTape() as tape:
            loss = loss_of(b, model(a, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(300, seed=seed).batch(30)
    return step(train_step, variables=model.trainable_variables, data=data, optimizer=optimizer)


@fault("learning-rate-too-high", steps=150, max_loss=0.3)
def gru_with_momentum(fixed, seed):
    parts = [layers.GRU(12), layers.Dense(3, "softmax")]
    optimizer = optimizers.Adam(0.02 if fixed else 1.5)
    return fit(sequential(*parts, optimizer=optimizer, loss=SPARSE), *waves(seed))


@fault("learning-rate-too-low", "too-few-steps", steps=150, max_loss=0.4)
def sgd_at_a_thousandth(fixed, seed):
    return fit(several(optimizers.SGD(0.2 if fixed else 0.001)), *clusters(seed))


@fault("learning-rate-too-low", "too-few-steps", steps=150, max_loss=0.3)
def adam_on_series(fixed, seed):
    parts = [layers.Conv1D(12, 5, activation="relu"), layers.GlobalMaxPooling1D()]
    parts.append(layers.Dense(3, "softmax"))
    optimizer = optimizers.Adam(0.02 if fixed else 1e-4)
    return fit(sequential(*parts, optimizer=optimizer, loss=SPARSE), *waves(seed))


@fault("learning-rate-too-low", steps=200, max_loss=0.25)
def tiny_clipnorm(fixed, seed):
    optimizer = optimizers.SGD(0.1, momentum=0.5, clipnorm=5.0 if fixed else 0.002)
    return fit(binary(optimizer), *two_clusters(seed))


@fault("learning-rate-too-low", "too-few-steps", steps=200, max_loss=0.35)
def warm_up_of_two_hundred_thousand(fixed, seed):
    """The warm-up was counted in rows."""
    rate = schedules.CosineDecay(
        0.0, 500_000, warmup_target=0.2, warmup_steps=30 if fixed else 200_000
    )
    model = regression(optimizers.SGD(rate, momentum=0.5), activation="tanh")
    return fit(model, *friedman(seed))


@fault("learning-rate-too-low", "too-few-steps", steps=120, max_loss=0.1)
def old_optimizer_at_a_small_rate(fixed, seed):
    x, y = plane(seed)
    w = tf.Variable(tf.zeros((5, 1)))
    optimizer = tf.compat.v1.train.MomentumOptimizer(0.05 if fixed else 1e-4, 0.5)
    return minimize(lambda: tf.reduce_mean(tf.abs(x @ w - y) ** 2), [w], optimizer)


@fault("momentum-too-high", steps=150, max_loss=0.01)
def momentum_of_0_9995(fixed, seed):
    """Five features of different spread, each of which swings at a pace of its own."""
    spread = np.array([0.5, 0.7, 0.9, 1.2, 1.5], "float32")
    x = spread * np.random.default_rng(seed).normal(size=(256, 5)).astype("float32")
    y = (x / spread).sum(axis=1, keepdims=True) / 2 - 1
    momentum = 0.9 if fixed else 0.9995
    optimizer = optimizers.SGD(0.03, momentum=momentum)
    model = sequential(layers.Dense(1), optimizer=optimizer, loss="mse")
    return fit(model, x, y, batch_size=64)


@fault("momentum-too-high", steps=200, max_loss=0.02)
def heavy_ball_in_a_bowl(fixed, seed):
    start = np.random.default_rng(seed).uniform(1, 2, 3).astype("float32")
    w = tf.Variable(start)
    optimizer = optimizers.SGD(0.02, momentum=0.8 if fixed else 0.998)
    return minimize(lambda: tf.reduce_sum(w**2 * [1.0, 2.0, 4.0]), [w], optimizer)


@fault("momentum-too-high", "learning-rate-too-high", steps=200, max_loss=0.05)
def adam_that_remembers_everything(fixed, seed):
    optimizer = optimizers.Adam(0.05, beta_1=0.9 if fixed else 0.999)
    return fit(regression(optimizer), *friedman(seed), batch_size=50)


@fault("too-few-steps", "learning-rate-too-low", steps=8, max_loss=0.4, repaired={"steps": 150})
def eight_steps(fixed, seed):
    return fit(several(optimizers.Adam(0.01)), *clusters(seed))


@fault("too-few-steps", steps=25, max_loss=0.02, repaired={"steps": 400})
def narrow_valley_at_its_limit(fixed, seed):
    """Curvatures of 100 and 1: no rate that the steep side bears brings the flat side home."""
    start = np.random.default_rng(seed).uniform(0.8, 1.2, 2).astype("float32")
    w = tf.Variable(start)
    return minimize(lambda: 0.5 * tf.reduce_sum(w**2 * [100.0, 1.0]), [w], optimizers.SGD(0.018))


@fault("too-few-steps", "learning-rate-too-low", steps=15, max_loss=0.3, repaired={"steps": 250})
def recurrent_net_stopped(fixed, seed):
    parts = [layers.LSTM(12), layers.Dense(3, "softmax")]
    return fit(sequential(*parts, optimizer=optimizers.Adam(0.02), loss=SPARSE), *waves(seed))


# ---- data and scale -----------------------------------------------------------------------------


def flats(seed, rows=300):
    """Flats by column, standardised but for the income of the street; a rent."""
    rng = np.random.default_rng(seed)
    table = {name: rng.normal(size=(rows, 1)) for name in ("area", "rooms", "floor")}
    table["income"] = 30_000 + 9_000 * rng.normal(size=(rows, 1))
    rent = table["area"] + 0.4 * table["rooms"] + 0.5 * (table["income"] - 30_000) / 9_000
    return {name: c.astype("float32") for name, c in table.items()}, rent.astype("float32")


@fault("unscaled-features", steps=150, max_loss=0.3)
def one_wild_column(fixed, seed):
    x, y = flats(seed)
    if fixed:
        x["income"] = standardised(x["income"])
    inputs = {name: keras.Input((1,), name=name) for name in x}
    h = layers.Dense(16, "relu")(layers.Concatenate()(list(inputs.values())))
    model = keras.Model(inputs, layers.Dense(1)(h))
    model.compile(optimizers.SGD(0.05), "mse")
    return fit(model, x, y)


@fault("unscaled-features", steps=150, max_loss=0.3)
def bytes_as_they_come(fixed, seed):
    x, y = bars(seed)
    x = x if fixed else (255 * x).astype("uint8")
    parts = [layers.Flatten(), layers.Dense(32, "relu"), layers.Dense(1, "sigmoid")]
    return fit(sequential(*parts, optimizer=optimizers.SGD(0.2), loss=BINARY), x, y)


@fault("unscaled-features", steps=200, max_loss=0.2)
def years(fixed, seed):
    """A trend over the years 1990 to 2020, and the year as it is written."""
    rng = np.random.default_rng(seed)
    year = rng.uniform(1990, 2020, (240, 1))
    other = rng.normal(size=(240, 2))
    y = (year - 2005) / 9 + 0.5 * other[:, :1]
    x = np.concatenate([year, other], axis=1)
    x = standardised(x) if fixed else x.astype("float32")
    model = sequential(layers.Dense(1), optimizer=optimizers.SGD(0.05), loss="mse")
    return fit(model, x, y.astype("float32"))


@fault("unscaled-features", "learning-rate-too-low", steps=150, max_loss=0.3)
def micrometres_in_metres(fixed, seed):
    x, y = friedman(seed)
    optimizer = optimizers.SGD(0.1, momentum=0.5)
    return fit(regression(optimizer), x if fixed else x * 2e-5, y)


@fault("unscaled-features", steps=150, max_loss=0.2)
def ohms_and_farads(fixed, seed):
    x, y = machine(seed)
    x = standardised(x) if fixed else x
    return fit(regression(optimizers.SGD(0.05), activation="tanh"), x, y)


@fault("unscaled-features", steps=150, max_loss=0.3)
def sensor_around_a_thousand(fixed, seed):
    """Series from a sensor that reads a thousand at rest."""
    x, y = waves(seed)
    x = x if fixed else 1000 + x
    parts = [layers.Conv1D(8, 5, activation="relu"), layers.Flatten(), layers.Dense(3, "softmax")]
    return fit(sequential(*parts, optimizer=optimizers.Adam(0.01), loss=SPARSE), x, y)


@fault(
    "unscaled-targets",
    "learning-rate-too-low",
    steps=150,
    max_loss=0.2e10,
    repaired={"max_loss": 0.2},
)
def prices_in_full(fixed, seed):
    x, y = friedman(seed)
    y = y if fixed else 300_000 + 100_000 * y
    return fit(regression(optimizers.Adam(0.02)), x, y)


@fault(
    "unscaled-targets",
    "learning-rate-too-low",
    steps=150,
    max_loss=30.0,
    repaired={"max_loss": 0.3},
)
def visitors(fixed, seed):
    """Absolute error on counts of some thousand."""
    x, y = plane(seed)
    y = y if fixed else 4000 + 100 * y
    model = mlp(optimizers.Adam(0.02), "mae", activation="tanh")
    return fit(model, x, y)


@fault(
    "unscaled-targets",
    "learning-rate-too-high",
    steps=150,
    max_loss=0.3e6,
    repaired={"max_loss": 0.3},
)
def watts(fixed, seed):
    """A deviation of a thousand: the first steps of plain descent throw the network away."""
    x, y = swiss_roll(seed)
    y = y if fixed else 1000 * y
    return fit(regression(optimizers.SGD(0.05), units=32), x, y)


@fault("nonfinite-data", steps=100, max_loss=0.3)
def logarithm_of_zero(fixed, seed):
    rng = np.random.default_rng(seed)
    counts = rng.poisson(2.0, (300, 3)).astype("float32")
    y = np.log1p(counts).sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore"):
        x = np.log1p(counts) if fixed else np.log(counts)
    return fit(regression(optimizers.Adam(0.02)), x, y)


@fault("nonfinite-data", steps=120, max_loss=0.3)
def missing_targets(fixed, seed):
    x, y = friedman(seed)
    y = y.copy()
    y[::40] = 0.0 if fixed else np.nan
    return fit(regression(optimizers.Adam(0.02)), x, y)


@fault("nonfinite-data", steps=120, max_loss=0.4)
def missing_value_in_a_dataset(fixed, seed):
    x, y = clusters(seed)
    x = x.copy()
    x[17, 2] = 0.0 if fixed else np.nan
    data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(400, seed=seed).batch(40)
    return fit(several(optimizers.SGD(0.2)), data)


@fault("nonfinite-data", steps=150, max_loss=0.45)
def column_divided_by_its_spread_of_zero(fixed, seed):
    """A column of one value, standardised by hand: 0 / 0 in every row of one of two inputs."""
    x, y = two_clusters(seed)
    x = x.copy()
    x[:, 5] = 0.0 if fixed else np.nan
    parts = {"left": x[:, :4], "right": x[:, 4:]}
    inputs = {name: keras.Input((4,), name=name) for name in parts}
    hidden = [layers.Dense(8, "tanh")(i) for i in inputs.values()]
    model = keras.Model(inputs, layers.Dense(1, "sigmoid")(layers.Concatenate()(hidden)))
    model.compile(optimizers.Adam(0.02), BINARY)
    return fit(model, parts, y)


@fault("label-encoding", steps=120, max_loss=0.3, symptom="negative")
def plus_and_minus_one(fixed, seed):
    x, y = moons(seed)
    return fit(binary(optimizers.Adam(0.03)), x, y if fixed else 2 * y - 1)


@fault("label-encoding", steps=120, max_loss=0.3, symptom="negative")
def one_and_two(fixed, seed):
    x, y = bars(seed)
    parts = [layers.Flatten(), layers.Dense(16, "relu"), layers.Dense(1, "sigmoid")]
    model = sequential(*parts, optimizer=optimizers.Adam(0.01), loss=BINARY)
    return fit(model, x, y if fixed else y + 1)


@fault("label-encoding", steps=200, max_loss=0.35, symptom="negative")
def how_often_for_whether(fixed, seed):
    """How often each of four tags was given, where whether it was given is asked for."""
    x, y = tags(seed)
    often = y * np.random.default_rng(seed).integers(1, 4, y.shape)
    model = mlp(optimizers.Adam(0.02), BINARY, out=y.shape[1], head="sigmoid")
    return fit(model, x, y if fixed else often.astype("float32"))


@fault("label-encoding", steps=200, max_loss=0.3, symptom="negative")
def minus_one_for_unknown(fixed, seed):
    """One label in five is unknown, and was filled in with -1."""
    x, y = two_clusters(seed, rows=500)
    unknown = np.random.default_rng(seed).random(500) < 0.2
    x, y = (x[~unknown], y[~unknown]) if fixed else (x, np.where(unknown[:, None], -1, y))
    return fit(binary(optimizers.Adam(0.02)), x, y.astype("float32"))


@fault("label-encoding", "unscaled-targets", steps=200, max_loss=0.75)
def shares_in_percent(fixed, seed):
    """Shares of three classes that add up to 100."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(400, 5)).astype("float32")
    y = np.exp(1.5 * x @ rng.normal(size=(5, 3)))
    y = y / y.sum(axis=1, keepdims=True) * (1 if fixed else 100)
    model = mlp(optimizers.Adam(0.02), "categorical_crossentropy", out=3, head="softmax")
    return fit(model, x, y.astype("float32"))


@fault("label-encoding", steps=200, max_loss=0.3)
def two_files_two_numberings(fixed, seed):
    """The second half of the rows counts its classes from another one on."""
    x, y = clusters(seed, rows=480)
    y = y.copy()
    if not fixed:
        y[240:] = (y[240:] + 1) % 4
    return fit(several(optimizers.Adam(0.02), units=32), x, y)


@fault("label-encoding", steps=150, max_loss=0.06)
def a_column_for_four_outputs(fixed, seed):
    """Squared error of a softmax over four classes against the number of the class."""
    x, y = clusters(seed)
    y = keras.utils.to_categorical(y, 4) if fixed else y[:, None].astype("float32")
    return fit(mlp(optimizers.Adam(0.02), "mse", out=4, head="softmax"), x, y)


@fault("label-encoding", steps=150, max_loss=0.1)
def a_row_against_a_column(fixed, seed):
    """Predictions of shape (n, 1) less targets of shape (n,): all pairs of rows."""
    x, y = plane(seed, rows=100)
    targets = tf.constant(y if fixed else y[:, 0])
    w = tf.Variable(tf.zeros((5, 1)))
    return minimize(lambda: tf.reduce_mean((x @ w - targets) ** 2), [w], optimizers.SGD(0.1))


@fault("unshuffled-data", steps=128, max_loss=0.55)
def sorted_by_class(fixed, seed):
    x, y = clusters(seed, rows=1600, apart=1.0)
    order = np.argsort(y, kind="stable")
    return fit(several(optimizers.SGD(0.3)), x[order], y[order], shuffle=fixed, batch_size=25)


@fault("unshuffled-data", steps=160, max_loss=0.4)
def sorted_dataset(fixed, seed):
    x, y = moons(seed, rows=1600)
    order = np.argsort(y[:, 0], kind="stable")
    data = tf.data.Dataset.from_tensor_slices((x[order], y[order]))
    data = data.shuffle(1600, seed=seed) if fixed else data
    return fit(binary(optimizers.SGD(0.3)), data.batch(20))


# ---- the model ----------------------------------------------------------------------------------


@fault("output-loss-mismatch", steps=150, max_loss=0.5)
def sigmoids_for_classes(fixed, seed):
    """Scores of ten classes that do not compete; plain descent starts with all of them."""
    x, y = clusters(seed, rows=500, features=12, classes=10)
    head = "softmax" if fixed else "tanh"
    return fit(mlp(optimizers.SGD(0.3), SPARSE, out=10, head=head, units=48), x, y)


@fault("output-loss-mismatch", steps=150, max_loss=0.2)
def tanh_for_targets_of_four(fixed, seed):
    x, y = plane(seed)
    return fit(regression(optimizers.Adam(0.02), head=None if fixed else "tanh"), x, 4 * y)


@fault("output-loss-mismatch", steps=150, max_loss=0.2)
def relu_for_negative_targets(fixed, seed):
    x, y = friedman(seed)
    return fit(regression(optimizers.Adam(0.02), head=None if fixed else "relu"), x, y)


@fault("output-loss-mismatch", steps=150, max_loss=0.35)
def logits_of_a_softmax(fixed, seed):
    """A hand-made softmax layer before a loss that takes logits."""
    x, y = waves(seed)
    parts = [layers.Flatten(), layers.Dense(24, "relu"), layers.Dense(3)]
    parts += [] if fixed else [layers.Softmax(), layers.Reshape((3,))]
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return fit(sequential(*parts, optimizer=optimizers.Adam(0.02), loss=loss), x, y)


def tags(seed, rows=400):
    """Five tags a row, any number of which hold."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 8)).astype("float32")
    return x, (x @ rng.normal(size=(8, 5)) > 0).astype("float32")


@fault("output-loss-mismatch", steps=150, max_loss=0.25)
def softmax_for_tags(fixed, seed):
    head = "sigmoid" if fixed else "softmax"
    return fit(mlp(optimizers.Adam(0.03), BINARY, out=5, head=head), *tags(seed))


@fault("output-loss-mismatch", steps=250, max_loss=0.5, floor=-1.0)
def negative_rates_of_counts(fixed, seed):
    """Counts under the Poisson loss, which takes the logarithm of what a line puts out."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(500, 4)).astype("float32")
    y = rng.poisson(np.exp(0.6 * x[:, :1] - 0.8 * x[:, 1:2] + 0.2)).astype("float32")
    head = "exponential" if fixed else None
    return fit(mlp(optimizers.Adam(0.01), "poisson", head=head, activation="tanh"), x, y)


@fault("output-loss-mismatch", "unscaled-targets", steps=150, max_loss=0.3)
def stars_out_of_a_sigmoid(fixed, seed):
    """Ratings from zero to five."""
    x, y = swiss_roll(seed)
    head = None if fixed else "sigmoid"
    return fit(regression(optimizers.Adam(0.03), head=head), x, np.clip(y + 2.5, 0, 5))


@fault("dead-units", "bad-initialisation", steps=150, max_loss=0.3)
def biases_of_minus_ten(fixed, seed):
    bias = initializers.Constant(0.1 if fixed else -10.0)
    return fit(regression(optimizers.SGD(0.05), bias_initializer=bias), *friedman(seed))


@fault("dead-units", "bad-initialisation", "output-loss-mismatch", steps=150, max_loss=0.35)
def negative_features_positive_weights(fixed, seed):
    """Levels in decibels, all below zero, and weights that start at zero or above."""
    x, y = two_clusters(seed)
    x = x - x.max() - 0.1
    low = -0.3 if fixed else 0.0
    start = initializers.RandomUniform(low, 0.3)
    optimizer = optimizers.Adam(0.02)
    return fit(binary(optimizer, kernel_initializer=start, depth=2), x, y)


@fault("dead-units", "output-loss-mismatch", "vanishing-gradient", steps=250, max_loss=0.4)
def threshold_for_max_value(fixed, seed):
    """ReLU(threshold=6) was written where ReLU(max_value=6) was meant."""
    bound = {"max_value": 6.0} if fixed else {"threshold": 6.0}
    parts = [part for _ in range(2) for part in (layers.Dense(24), layers.ReLU(**bound))]
    optimizer = optimizers.SGD(0.1, momentum=0.9)
    model = sequential(*parts, layers.Dense(4, "softmax"), optimizer=optimizer, loss=SPARSE)
    return fit(model, *clusters(seed))


@fault("dead-units", "bad-initialisation", steps=120, max_loss=0.3)
def filters_that_never_fire(fixed, seed):
    bias = initializers.Constant(0.0 if fixed else -6.0)
    parts = [layers.Conv2D(8, 3, activation="relu", bias_initializer=bias), layers.Flatten()]
    parts.append(layers.Dense(1, "sigmoid"))
    optimizer = optimizers.RMSprop(0.01)
    return fit(sequential(*parts, optimizer=optimizer, loss=BINARY), *bars(seed))


@fault("vanishing-gradient", steps=200, max_loss=0.35)
def ten_sigmoids_for_moons(fixed, seed):
    activation = "relu" if fixed else "sigmoid"
    model = binary(optimizers.SGD(0.1, momentum=0.7), units=16, depth=9, activation=activation)
    return fit(model, *moons(seed))


@fault("vanishing-gradient", "bad-initialisation", steps=200, max_loss=0.3)
def twelve_small_tanh_layers(fixed, seed):
    start = "glorot_uniform" if fixed else initializers.TruncatedNormal(stddev=0.02)
    optimizer = optimizers.SGD(0.05, momentum=0.5)
    model = regression(optimizer, units=20, depth=9, activation="tanh", kernel_initializer=start)
    return fit(model, *plane(seed))


@fault("vanishing-gradient", steps=200, max_loss=0.45)
def hard_sigmoids(fixed, seed):
    activation = "elu" if fixed else "hard_sigmoid"
    return fit(
        several(optimizers.SGD(0.1), units=20, depth=7, activation=activation), *clusters(seed)
    )


@fault("exploding-gradient", "learning-rate-too-high", steps=200, max_loss=0.3)
def counts_with_a_log_link(fixed, seed):
    """Poisson regression from a start whose rates are far too large."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(200, 3)).astype("float32")
    y = np.exp(x @ np.array([[0.5], [-0.3], [0.2]])).astype("float32")
    w = tf.Variable(tf.fill((3, 1), 2.5))
    clip = {"clipnorm": 1.0} if fixed else {}
    optimizer = optimizers.SGD(0.05, **clip)

    def loss():
        z = x @ w
        return tf.reduce_mean(tf.exp(z) - y * z - y * (1 - tf.math.log(y)))

    return minimize(loss, [w], optimizer)


@fault("exploding-gradient", "learning-rate-too-high", steps=200, max_loss=0.05)
def steep_walls(fixed, seed):
    """A wide valley whose walls rise with the sixth power, and a start high up on one."""
    start = np.random.default_rng(seed).uniform(4.0, 4.5, 2).astype("float32")
    w = tf.Variable(start)
    clip = {"global_clipnorm": 1.0} if fixed else {}
    optimizer = optimizers.SGD(0.05, momentum=0.5, **clip)
    return minimize(lambda: tf.reduce_mean(w**6) / 6 + 0.05 * tf.reduce_sum(w**2), [w], optimizer)


@fault("bad-initialisation", "learning-rate-too-low", steps=150, max_loss=0.35)
def weights_of_spread_eight(fixed, seed):
    """Two tanh layers that start fully saturated."""
    start = "glorot_normal" if fixed else initializers.RandomNormal(stddev=8.0)
    model = regression(
        optimizers.SGD(0.1), depth=2, units=12, activation="tanh", kernel_initializer=start
    )
    return fit(model, *friedman(seed))


@fault("bad-initialisation", "dead-units", "saddle-point", steps=150, max_loss=0.3)
def all_weights_zero(fixed, seed):
    start = "he_normal" if fixed else "zeros"
    parts = [layers.Dense(n, "relu", kernel_initializer=start) for n in (24, 12)]
    parts.append(layers.Dense(3, "softmax", kernel_initializer=start))
    x, y = waves(seed)
    model = sequential(layers.Flatten(), *parts, optimizer=optimizers.Adam(0.01), loss=SPARSE)
    return fit(model, x, y)


@fault("bad-initialisation", "too-small-capacity", steps=200, max_loss=0.25)
def all_units_alike(fixed, seed):
    """Constant weights: thirty-two units that stay copies of one."""
    start = "glorot_uniform" if fixed else initializers.Constant(0.1)
    parts = [
        layers.Dense(32, "tanh", kernel_initializer=start),
        layers.Dense(1, "sigmoid", kernel_initializer=start),
    ]
    return fit(sequential(*parts, optimizer=optimizers.Adam(0.03), loss=BINARY), *quadrants(seed))


@fault(
    "bad-initialisation",
    "saddle-point",
    "plateau",
    "vanishing-gradient",
    steps=200,
    max_loss=0.4,
)
def scaled_by_zero(fixed, seed):
    """A normalisation that multiplies by zero, in front of a head of zeros."""
    gamma = "ones" if fixed else "zeros"
    parts = [layers.Dense(24), layers.LayerNormalization(gamma_initializer=gamma)]
    parts += [layers.ReLU(), layers.Dense(4, "softmax", kernel_initializer="zeros")]
    return fit(sequential(*parts, optimizer=optimizers.Adam(0.01), loss=SPARSE), *clusters(seed))


@fault("bad-initialisation", "learning-rate-too-low", "vanishing-gradient", steps=150, max_loss=0.3)
def words_thrown_far(fixed, seed):
    """Words begin a hundred apart, which saturates the layer behind them."""
    far = 0.05 if fixed else 100.0
    parts = [layers.Embedding(60, 4, embeddings_initializer=initializers.RandomUniform(-far, far))]
    parts += [layers.GlobalAveragePooling1D(), layers.Dense(12, "tanh"), layers.Dense(1, "sigmoid")]
    return fit(sequential(*parts, optimizer=optimizers.Adam(0.02), loss=BINARY), *reviews(seed))


@fault("frozen-variables", steps=150, max_loss=0.3)
def frozen_convolution(fixed, seed):
    """One frozen filter below a pooling that leaves nothing to the head."""
    frozen = layers.Conv2D(2, 3, activation="relu", trainable=fixed)
    parts = [frozen, layers.Conv2D(8, 3, activation="relu", trainable=fixed)]
    parts += [layers.GlobalAveragePooling2D(), layers.Dense(1, "sigmoid")]
    return fit(sequential(*parts, optimizer=optimizers.Adam(0.03), loss=BINARY), *bars(seed))


@fault("frozen-variables", steps=120, max_loss=0.1)
def weights_not_handed_over(fixed, seed):
    x, y = plane(seed)
    w, b = tf.Variable(tf.zeros((5, 1)), name="w"), tf.Variable(0.5, name="b")
    variables = [w, b] if fixed else [b]
    return minimize(lambda: tf.reduce_mean((x @ w + b - y) ** 2), variables, optimizers.Adam(0.05))


@fault("frozen-variables", steps=200, max_loss=0.3)
def frozen_words(fixed, seed):
    """Two numbers a word, drawn at random and left there."""
    words = layers.Embedding(60, 2, trainable=fixed)
    parts = [words, layers.GlobalAveragePooling1D(), layers.Dense(1, "sigmoid")]
    return fit(sequential(*parts, optimizer=optimizers.Adam(0.05), loss=BINARY), *reviews(seed))


class Stopped(keras.Model):
    """An encoder that a `stop_gradient` may keep from learning."""

    def __init__(self, *, stopped):
        super().__init__()
        self.encoder, self.head = layers.Dense(12, "tanh"), layers.Dense(1)
        self.stopped = stopped

    def call(self, x):
        code = self.encoder(x)
        return self.head(keras.ops.stop_gradient(code) if self.stopped else code)


@fault("frozen-variables", steps=300, max_loss=0.2)
def gradient_stopped_behind_the_encoder(fixed, seed):
    x, y = friedman(seed)
    model = Stopped(stopped=not fixed)
    model.compile(optimizers.Adam(0.02), "mse")
    return fit(model, x, y)


@fault("regularisation-too-strong", steps=150, max_loss=0.4)
def l2_of_ten(fixed, seed):
    penalty = regularizers.L2(1e-4 if fixed else 10.0)
    return fit(several(optimizers.Adam(0.02), kernel_regularizer=penalty), *clusters(seed))


@fault("regularisation-too-strong", steps=150, max_loss=0.35)
def dropout_of_95_percent(fixed, seed):
    parts = [layers.Flatten(), layers.Dense(24, "relu"), layers.Dropout(0.1 if fixed else 0.95)]
    parts.append(layers.Dense(3, "softmax"))
    return fit(sequential(*parts, optimizer=optimizers.Adam(0.02), loss=SPARSE), *waves(seed))


@fault("regularisation-too-strong", steps=150, max_loss=0.4)
def activity_held_down(fixed, seed):
    penalty = regularizers.L1(1e-5 if fixed else 1.0)
    model = regression(optimizers.Adam(0.02), activity_regularizer=penalty)
    return fit(model, *friedman(seed))


@fault("regularisation-too-strong", steps=150, max_loss=0.3)
def weight_decay_of_thirty(fixed, seed):
    optimizer = optimizers.AdamW(0.02, weight_decay=0.004 if fixed else 30.0)
    return fit(binary(optimizer), *two_clusters(seed))


@fault("regularisation-too-strong", steps=150, max_loss=0.3)
def weights_on_a_leash(fixed, seed):
    """No unit's weights may be longer than a fiftieth."""
    leash = None if fixed else keras.constraints.MaxNorm(0.02)
    model = regression(optimizers.Adam(0.02), kernel_constraint=leash)
    return fit(model, *friedman(seed))


@fault("regularisation-too-strong", steps=150, max_loss=0.35)
def channels_dropped(fixed, seed):
    parts = [layers.Conv1D(12, 5, activation="relu")]
    parts += [layers.SpatialDropout1D(0.05 if fixed else 0.95), layers.GlobalMaxPooling1D()]
    parts.append(layers.Dense(3, "softmax"))
    return fit(sequential(*parts, optimizer=optimizers.Adam(0.03), loss=SPARSE), *waves(seed))


@fault("regularisation-too-strong", "unreachable-target", steps=150, max_loss=0.4)
def labels_smoothed_away(fixed, seed):
    """Seven tenths of each label are spread over all classes."""
    x, y = clusters(seed)
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.02 if fixed else 0.7)
    model = mlp(optimizers.Adam(0.02), loss, out=4, head="softmax")
    return fit(model, x, keras.utils.to_categorical(y, 4))


class Code(layers.Layer):
    """Adds the mean square of a code to the loss."""

    def __init__(self, weight):
        super().__init__()
        self.weight = weight

    def call(self, code):
        self.add_loss(self.weight * keras.ops.mean(keras.ops.square(code)))
        return code


@fault("regularisation-too-strong", "unreachable-target", steps=250, max_loss=0.3)
def code_held_at_zero(fixed, seed):
    """An autoencoder whose own term of the loss counts a hundredfold."""
    rng = np.random.default_rng(seed)
    x = standardised(rng.normal(size=(300, 2)) @ rng.normal(size=(2, 6)))
    parts = [layers.Dense(2), Code(1e-3 if fixed else 100.0), layers.Dense(6)]
    model = sequential(*parts, optimizer=optimizers.Adam(0.02), loss="mse", shape=(6,))
    return fit(model, x, x)


@fault("too-small-capacity", steps=200, max_loss=0.4)
def a_line_between_quadrants(fixed, seed):
    parts = [layers.Dense(32, "relu")] if fixed else []
    model = sequential(
        *parts, layers.Dense(1, "sigmoid"), optimizer=optimizers.Adam(0.03), loss=BINARY
    )
    return fit(model, *quadrants(seed))


@fault("too-small-capacity", steps=200, max_loss=0.3)
def one_unit_around_a_disc(fixed, seed):
    """A disc inside of a ring: whatever one unit learns, its edge is a straight line."""
    x, y = sklearn.datasets.make_circles(300, noise=0.05, factor=0.4, random_state=seed)
    model = binary(optimizers.Adam(0.05), units=16 if fixed else 1, activation="tanh")
    return fit(model, x.astype("float32"), y.astype("float32")[:, None])


@fault("too-small-capacity", steps=250, max_loss=0.25)
def eight_numbers_through_two(fixed, seed):
    """A linear autoencoder of eight independent numbers."""
    x = np.random.default_rng(seed).normal(size=(300, 8)).astype("float32")
    parts = [layers.Dense(8 if fixed else 2), layers.Dense(8)]
    return fit(sequential(*parts, optimizer=optimizers.Adam(0.02), loss="mse"), x, x)


@fault("too-small-capacity", steps=300, max_loss=0.15)
def tastes_of_one_number(fixed, seed):
    """Ratings from four hidden tastes, by embeddings of one number."""
    rng = np.random.default_rng(seed)
    tastes, kinds = rng.normal(size=(30, 4)), rng.normal(size=(20, 4))
    who, what = rng.integers(0, 30, (900, 1)), rng.integers(0, 20, (900, 1))
    y = (tastes[who[:, 0]] * kinds[what[:, 0]]).sum(axis=1, keepdims=True) / 2
    size, one, other = (8 if fixed else 1), keras.Input((1,)), keras.Input((1,))
    pair = [layers.Embedding(30, size)(one), layers.Embedding(20, size)(other)]
    model = keras.Model([one, other], layers.Flatten()(layers.Dot(axes=2)(pair)))
    model.compile(optimizers.Adam(0.05), "mse")
    return fit(model, [who.astype("int32"), what.astype("int32")], y.astype("float32"))


@fault("too-small-capacity", steps=250, max_loss=0.15)
def two_units_for_a_roll(fixed, seed):
    x, y = swiss_roll(seed)
    return fit(regression(optimizers.Adam(0.03), units=48 if fixed else 2), x, y)


@fault("unscaled-features", steps=200, max_loss=0.3)
def prices_beside_a_word(fixed, seed):
    """Numbers in the hundreds, joined with what an embedding makes of a word."""
    rng = np.random.default_rng(seed)
    word, price = rng.integers(0, 8, (400, 1)), 400 + 90 * rng.normal(size=(400, 3))
    z = (price - 400) / 90
    y = standardised(z @ [[1.0], [-0.6], [0.3]] + np.linspace(-1, 1, 8)[word])
    words, numbers = keras.Input((1,), name="word", dtype="int32"), keras.Input((3,), name="price")
    looked_up = layers.Flatten()(layers.Embedding(8, 2)(words))
    hidden = layers.Dense(16, "tanh")(layers.Concatenate()([looked_up, numbers]))
    model = keras.Model({"word": words, "price": numbers}, layers.Dense(1)(hidden))
    model.compile(optimizers.Adam(0.01), "mse")
    x = {"word": word.astype("int32"), "price": (z if fixed else price).astype("float32")}
    return fit(model, x, y)


# ---- rare classes -------------------------------------------------------------------------------


def shifted(seed, labels, apart, features=4):
    """Normal features, moved along one axis a class."""
    x = np.random.default_rng(seed).normal(size=(len(labels), features))
    x[np.arange(len(labels)), labels] += apart
    return x.astype("float32")


@fault("class-imbalance", steps=200, metrics={"recall": (0.65, None)}, symptom="metric")
def one_alarm_in_fifty(fixed, seed):
    """A weak alarm among many rows: the likely answer is always none."""
    y = (np.arange(2000) % 50 == 0).astype("int32")
    model = binary(optimizers.Adam(0.02), units=8)
    model.compile(model.optimizer, model.loss, metrics=[keras.metrics.Recall(name="recall")])
    weights = {0: 0.51, 1: 25.0} if fixed else None
    x, labels = shifted(seed, y, 1.6), y.astype("float32")[:, None]
    return fit(model, x, labels, batch_size=64, class_weight=weights)


@fault("class-imbalance", steps=250, metrics={"rare": (0.6, None)}, symptom="metric")
def the_rarest_of_three(fixed, seed):
    """Three classes that overlap, one-hot, the third one in forty rows."""
    number = np.arange(1600)
    y = np.where(number % 40 == 0, 2, number % 2)
    model = mlp(optimizers.Adam(0.01), "categorical_crossentropy", out=3, head="softmax")
    rare = keras.metrics.Recall(class_id=2, thresholds=0.4, name="rare")
    model.compile(model.optimizer, model.loss, metrics=[rare])
    weights = {0: 0.702, 1: 0.667, 2: 13.3} if fixed else None
    labels = keras.utils.to_categorical(y, 3)
    return fit(model, shifted(seed, y, 1.7), labels, batch_size=64, class_weight=weights)


# ---- the landscape ------------------------------------------------------------------------------


@fault("plateau", "bad-initialisation", "learning-rate-too-low", steps=200, max_loss=0.2)
def far_from_the_well(fixed, seed):
    """A well of width one that is next to flat where the search begins."""
    start = np.random.default_rng(seed).uniform(0.9, 1.1, 2) * (1.0 if fixed else 3.5)
    w = tf.Variable(start.astype("float32"))
    return minimize(lambda: 1 - tf.exp(-0.5 * tf.reduce_sum(w**2)), [w], optimizers.SGD(0.2))


@fault("plateau", "bad-initialisation", "learning-rate-too-low", steps=200, max_loss=0.1)
def long_tail(fixed, seed):
    """A robust loss, w^2 / (1 + w^2), from where it hardly slopes."""
    start = np.random.default_rng(seed).uniform(1.0, 1.2) * (1.0 if fixed else 25.0)
    w = tf.Variable(float(start))
    return minimize(lambda: w**2 / (1 + w**2), [w], optimizers.SGD(0.3))


@fault(
    "plateau",
    "bad-initialisation",
    "learning-rate-too-low",
    "vanishing-gradient",
    steps=200,
    max_loss=0.08,
)
def saturated_output(fixed, seed):
    """A tanh output that starts beyond its bend, and squared error."""
    x, y = two_clusters(seed)
    bias = initializers.Constant(0.0 if fixed else 6.0)
    parts = [layers.Dense(8, "tanh"), layers.Dense(1, "tanh", bias_initializer=bias)]
    model = sequential(*parts, optimizer=optimizers.SGD(0.2), loss="mse")
    return fit(model, x, 0.8 * (2 * y - 1))


@fault("plateau", "bad-initialisation", "vanishing-gradient", steps=200, max_loss=0.05)
def threshold_beyond_all_rows(fixed, seed):
    """A steep soft threshold that starts where no row is, and is flat there."""
    x = np.random.default_rng(seed).uniform(-1, 1, 200).astype("float32")
    y = (x > 0.2).astype("float32")
    w = tf.Variable(0.6 if fixed else 3.0)
    optimizer = optimizers.SGD(0.2)
    return minimize(lambda: tf.reduce_mean((tf.sigmoid(12 * (x - w)) - y) ** 2), [w], optimizer)


@fault("plateau", "bad-initialisation", "vanishing-gradient", steps=250, max_loss=0.3)
def attention_on_one_item(fixed, seed):
    """A softmax that starts at one item with a score of thirty: the others feel nothing."""
    values = np.random.default_rng(seed).uniform(-0.2, 0.2, 5).astype("float32")
    values[2] += 2.0
    scores = tf.Variable([0.0 if fixed else 30.0, 0.0, 0.0, 0.0, 0.0])
    return minimize(
        lambda: (tf.reduce_sum(tf.nn.softmax(scores) * values) - 2.0) ** 2,
        [scores],
        optimizers.SGD(0.3, momentum=0.5),
    )


@fault("plateau", "bad-initialisation", "vanishing-gradient", steps=300, max_loss=0.1)
def weights_beyond_the_bend(fixed, seed):
    """Two weights so large, and of the wrong sign, that tanh is flat on every row."""
    x = np.random.default_rng(seed).normal(size=(200, 2)).astype("float32")
    x += np.sign(x)
    w = tf.Variable([0.3, 0.3] if fixed else [-14.0, 3.0])
    return minimize(
        lambda: tf.reduce_mean((tf.tanh(tf.linalg.matvec(x, w)) - np.tanh(x[:, 0])) ** 2),
        [w],
        optimizers.SGD(0.1, momentum=0.5),
    )


@fault("saddle-point", steps=100, max_loss=1.5, floor=1.0)
def top_between_two_valleys(fixed, seed):
    shift = np.random.default_rng(seed).uniform(-1, 1)
    w = tf.Variable(float(shift) + (0.3 if fixed else 0.0))
    return minimize(lambda: (w - shift) ** 4 - 4 * (w - shift) ** 2 + 5, [w], optimizers.SGD(0.02))


@fault("saddle-point", steps=150, max_loss=-0.7, floor=-1.0)
def ridge_that_leads_to_a_pass(fixed, seed):
    """The search walks down to a pass and stays there, as it began on the ridge."""
    start = np.random.default_rng(seed).uniform(0.8, 1.2)
    w = tf.Variable([float(start), 0.1 if fixed else 0.0])
    return minimize(lambda: w[0] ** 2 - w[1] ** 2 + 0.25 * w[1] ** 4, [w], optimizers.SGD(0.1))


@fault("saddle-point", "bad-initialisation", steps=200, max_loss=0.05)
def two_factors_of_zero(fixed, seed):
    """A rank-one fit whose two factors both begin at zero."""
    rng = np.random.default_rng(seed)
    target = np.outer(rng.normal(size=4), rng.normal(size=3))
    target = tf.constant(target / np.linalg.norm(target), tf.float32)
    size = 0.3 if fixed else 0.0
    u = tf.Variable((size * rng.normal(size=(4, 1))).astype("float32"))
    v = tf.Variable((size * rng.normal(size=(1, 3))).astype("float32"))
    return minimize(lambda: tf.reduce_sum((u @ v - target) ** 2), [u, v], optimizers.SGD(0.1))


@fault("local-minimum", steps=150, max_loss=-3.0, floor=-3.6)
def the_higher_of_two_valleys(fixed, seed):
    start = np.random.default_rng(seed).uniform(1.0, 1.3) * (-1 if fixed else 1)
    w = tf.Variable(float(start))
    return minimize(lambda: w**4 - 3 * w**2 + w, [w], optimizers.SGD(0.02))


@fault("local-minimum", steps=150, max_loss=0.5)
def egg_box(fixed, seed):
    """One dent of many: a bowl with a cosine on it."""
    start = np.random.default_rng(seed).uniform(-0.1, 0.1, 2) + (0.0 if fixed else 2.0)
    w = tf.Variable(start.astype("float32"))
    return minimize(
        lambda: tf.reduce_sum(w**2 + 4 * (1 - tf.cos(2 * np.pi * w))) / 2,
        [w],
        optimizers.SGD(0.005),
    )


@fault("local-minimum", steps=200, max_loss=0.25)
def centre_on_the_wrong_bump(fixed, seed):
    """A bump fitted to a curve with a high and a low one."""
    t = np.linspace(-4, 4, 160, dtype="float32")
    curve = np.exp(-0.5 * ((t + 2) / 0.5) ** 2) + 0.4 * np.exp(-0.5 * ((t - 2) / 0.5) ** 2)
    start = np.random.default_rng(seed).uniform(0.1, 0.4) + (-2.5 if fixed else 1.5)
    c = tf.Variable(float(start))
    return minimize(
        lambda: 10 * tf.reduce_mean((tf.exp(-0.5 * ((t - c) / 0.5) ** 2) - curve) ** 2),
        [c],
        optimizers.SGD(0.02),
    )


@fault("local-minimum", "bad-initialisation", steps=250, max_loss=0.45, floor=0.3)
def echo_for_the_pulse(fixed, seed):
    """The delay of a pulse, which Adam takes to the echo; a leap over the hill is no cure."""
    t = np.linspace(0, 10, 300, dtype="float32")
    signal = np.exp(-2 * (t - 2) ** 2) + 0.6 * np.exp(-2 * (t - 6) ** 2)
    w = tf.Variable(float(np.random.default_rng(seed).uniform(2.3, 2.6)) + (0 if fixed else 4))
    return minimize(
        lambda: 10 * tf.reduce_mean((tf.exp(-2 * (t - w) ** 2) - signal) ** 2),
        [w],
        optimizers.Adam(0.02),
    )


@fault("unreachable-target", steps=200, max_loss=0.25, repaired={"max_loss": 0.68})
def a_quarter_of_labels_wrong(fixed, seed):
    x, y = two_clusters(seed, rows=1500)
    wrong = np.random.default_rng(seed).random((1500, 1)) < 0.25
    return fit(binary(optimizers.Adam(0.01), units=8), x, np.where(wrong, 1 - y, y))


@fault("unreachable-target", steps=200, max_loss=0.15, repaired={"max_loss": 0.8})
def noise_of_half_the_spread(fixed, seed):
    x, y = plane(seed, rows=1500)
    y = y + 0.75 * np.random.default_rng(seed + 1).normal(size=y.shape).astype("float32")
    return fit(regression(optimizers.Adam(0.01), units=8), x, y)


@fault("unreachable-target", steps=150, max_loss=0.5, floor=0.0, repaired={"max_loss": 0.9})
def bound_below_the_minimum(fixed, seed):
    """Least squares to points that no line passes through."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(40, 2)).astype("float32")
    y = standardised(rng.normal(size=(40, 1)) - x[:, :1] * 0)
    y = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    y = (y / y.std() * 0.85 + x[:, :1]).astype("float32")
    w = tf.Variable(tf.zeros((2, 1)))
    return minimize(lambda: tf.reduce_mean((x @ w - y) ** 2), [w], optimizers.SGD(0.1))


@fault("labels-unrelated", "unreachable-target", steps=150, max_loss=0.3)
def labels_of_other_rows(fixed, seed):
    """The labels were shuffled, the features were not."""
    x, y = two_clusters(seed, rows=1000)
    if not fixed:
        y = y[np.random.default_rng(seed).permutation(len(y))]
    return fit(binary(optimizers.Adam(0.02), units=8), x, y)


# ---- a loop written by hand ---------------------------------------------------------------------

#: How far from the bound a label has to be, as a share of the bound's distance from the floor.
MARGIN = 0.1
CHECKPOINTS = 6


def train(start: Start, steps: int, seed: int) -> list[float]:
    """Trains by hand; the losses over all rows at the last few checkpoints."""
    marks = set(np.linspace(0.9 * steps, steps, CHECKPOINTS).astype(int).tolist()) - {0}
    if start.verb == "fit":
        model = built(start)
        own = type(model).train_step is not keras.Model.train_step
        advance, measure = (_of_train_step if own else _of_model)(start.arguments, seed)
        if start.arguments.get("callbacks"):
            _fitted(start.arguments, steps)
            return [float(measure())]
    elif start.verb == "minimize":
        advance, measure = _of_function(start.arguments)
    else:
        advance, measure = _of_step(start.arguments)
    losses = []
    for number in range(1, steps + 1):
        advance()
        if number in marks:
            losses.append(float(measure()))
    return losses


#: What `fit` takes where it is not told.
USUAL = {"y": None, "batch_size": 32, "shuffle": True, "sample_weight": None, "class_weight": None}


def built(start: Start) -> keras.Model:
    """The model of a call, built where a function of its arguments builds it."""
    if not isinstance(start.arguments["model"], keras.Model):
        start.arguments["model"] = start.arguments["model"]()
    return start.arguments["model"]


def first_loss(start: Start, seed: int) -> float:
    """The loss over all rows before the first step; of a step by hand that of its first batch."""
    if start.verb == "minimize":
        return float(_of_function(start.arguments)[1]())
    own = start.verb == "fit" and type(built(start)).train_step is not keras.Model.train_step
    if start.verb == "fit" and not own:
        return float(_of_model(start.arguments, seed)[1]())
    make = _of_step if start.verb == "step" else lambda given: _of_train_step(given, seed)
    advance, measure = make(start.arguments)
    advance()
    return float(measure())


def _fitted(arguments, steps):
    """Trains by `model.fit` for so many steps: callbacks take part in nothing else."""

    class Ends(keras.callbacks.Callback):
        done = 0

        def on_train_batch_end(self, batch, logs=None):
            self.done += 1
            self.model.stop_training = self.model.stop_training or self.done >= steps
            if self.done >= steps:
                raise StopIteration

    given = {name: value for name, value in arguments.items() if name not in ("model", "callbacks")}
    callbacks = [*arguments["callbacks"], Ends()]
    with contextlib.suppress(StopIteration):
        given = {**given, "epochs": steps, "verbose": 0}
        arguments["model"].fit(**given, callbacks=callbacks)


def _of_train_step(arguments, seed):
    """Of a model with a step of its own the loss that this returns, over the last ten batches."""
    model, losses = arguments["model"], []
    arguments = {**USUAL, **arguments}
    data = _as_given_on(arguments)
    if isinstance(arguments["x"], tf.data.Dataset):
        batches = iter(arguments["x"].repeat())
    else:
        batches = _batches(
            data, arguments["batch_size"] or USUAL["batch_size"], arguments["shuffle"], seed
        )
    update = tf.function(model.train_step)

    def advance():
        model.reset_metrics()
        batch = next(batches)
        if isinstance(batch, tuple) and len(batch) == 1:  # as `fit` hands on inputs without targets
            (batch,) = batch
        logs = update(keras.tree.map_structure(tf.convert_to_tensor, batch))
        losses.append(float(logs["loss"]))

    return advance, lambda: np.mean(losses[-10:])


def _of_model(arguments, seed):
    model = arguments["model"]
    arguments = {**USUAL, **arguments}
    x, y, weight = _as_given_on(arguments)
    if isinstance(x, tf.data.Dataset):
        batches = iter(x.repeat())
        parts = [keras.utils.unpack_x_y_sample_weight(batch) for batch in x]
    else:
        size = arguments["batch_size"] or USUAL["batch_size"]
        batches = _batches((x, y, weight), size, arguments["shuffle"], seed)
        parts = [(x, y, weight)]
        if inspect.isfunction(model.loss):  # it may compare the rows of a batch with each other
            rows = len(keras.tree.flatten(x)[0])
            every = _batches((x, y, weight), size, arguments["shuffle"], seed)
            parts = list(itertools.islice(every, max(rows // size, 1)))
    weights = arguments["class_weight"]

    def of(batch, predictions=False):
        batch_x, batch_y, batch_weight = keras.utils.unpack_x_y_sample_weight(batch)
        if weights:
            known = tf.constant([weights[key] for key in sorted(weights)], "float32")
            one_hot = batch_y.shape.rank == 2 and batch_y.shape[1] > 1
            labels = tf.argmax(batch_y, 1) if one_hot else tf.reshape(batch_y, (-1,))
            batch_weight = tf.gather(known, tf.cast(labels, "int32"))
        outputs = model(batch_x, training=True)
        if predictions:  # a copy has lost the logits that Keras hides behind a softmax
            outputs = keras.tree.map_structure(tf.identity, outputs)
        return model.compute_loss(batch_x, batch_y, outputs, batch_weight, training=True)

    first = next(batches)
    of(keras.tree.map_structure(tf.convert_to_tensor, first))
    variables = model.trainable_variables

    @tf.function
    def update(batch):
        with tf.GradientTape() as tape:
            loss = of(batch)
        gradients = tape.gradient(loss, variables)
        pairs = [(g, v) for g, v in zip(gradients, variables, strict=True) if g is not None]
        model.optimizer.apply_gradients(pairs)

    whole = tf.function(functools.partial(of, predictions=True), reduce_retracing=True)
    sizes = [len(keras.tree.flatten(part[0])[0]) for part in parts]

    def measure():
        return np.average([float(whole(_tensors(part))) for part in parts], weights=sizes)

    return lambda: update(_tensors(next(batches))), measure


def _as_given_on(arguments):
    """(x, y, sample_weight) with arrays of the precision in which `fit` hands them on."""

    def of_floatx(array):
        array = np.asarray(array)
        return array.astype(keras.config.floatx()) if array.dtype.kind == "f" else array

    parts = arguments["x"], arguments["y"], arguments["sample_weight"]
    if isinstance(parts[0], tf.data.Dataset):
        return parts
    return tuple(None if p is None else keras.tree.map_structure(of_floatx, p) for p in parts)


def _tensors(batch):
    kept = tuple(part for part in batch if part is not None)
    return keras.tree.map_structure(tf.convert_to_tensor, kept)


def _batches(arrays, size, shuffle, seed):
    rows = len(keras.tree.flatten(arrays[0])[0])
    rng, size = np.random.default_rng(seed), min(size, rows)
    while True:
        order = rng.permutation(rows) if shuffle else np.arange(rows)
        for begin in range(0, rows - size + 1, size):
            index = order[begin : begin + size]
            yield tuple(
                keras.tree.map_structure(lambda array: np.asarray(array)[index], part)  # noqa: B023
                for part in arrays
                if part is not None
            )


def _of_function(arguments):
    loss, variables, optimizer = (arguments[n] for n in ("loss", "variables", "optimizer"))
    if optimizer is None:
        loss, variables, optimizer = loss()

    @tf.function
    def update():
        with tf.GradientTape() as tape:
            value = loss()
        gradients = tape.gradient(value, variables)
        pairs = [(g, v) for g, v in zip(gradients, variables, strict=True) if g is not None]
        optimizer.apply_gradients(pairs)

    if isinstance(optimizer, keras.optimizers.Optimizer):
        optimizer.build(variables)
    return update, tf.function(loss)


def _of_step(arguments):
    run, data = arguments["step"], arguments.get("data")
    if isinstance(data, tf.data.Dataset):
        batches = iter(data.repeat())
    else:
        batches = itertools.cycle([()] if data is None else data)
    losses = []

    def advance():
        batch = next(batches)
        losses.append(float(run(*batch) if isinstance(batch, (tuple, list)) else run(batch)))

    return advance, lambda: np.mean(losses[-10:])


def metrics_of(start: Start) -> dict[str, float]:
    """The compiled metrics of a trained model on all of its rows, each row counted alike."""
    arguments = start.arguments
    found = arguments["model"].evaluate(arguments["x"], arguments["y"], verbose=0, return_dict=True)
    return {name: float(value) for name, value in found.items()}


def as_labelled(zoo: Fault, *, fixed: bool, seed: int) -> tuple[bool, list[float]]:
    """Whether a training does clearly what its label says; and its last losses."""
    expectation, start = zoo.expected(fixed=fixed), zoo.start(fixed=fixed, seed=seed)
    losses = train(start, expectation["steps"], seed)
    if zoo.symptom == "metric":
        values = metrics_of(start)
        ((name, (low, _)),) = expectation["metrics"].items()
        margin = MARGIN * (1 - low) if fixed else -MARGIN * low
        return (values[name] >= low + margin) == fixed, [values[name]]
    bound, distance = expectation["max_loss"], expectation["max_loss"] - zoo.floor
    last = losses[-1]
    if fixed:
        return last <= bound - MARGIN * distance, losses
    if zoo.symptom == "negative":
        return last < -MARGIN, losses
    lowest = min(losses) if all(map(math.isfinite, losses)) else math.inf
    return lowest >= bound + MARGIN * distance, losses
