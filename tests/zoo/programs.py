"""Sound base programs, and the faults of their components that can be put into them.

    BASES["friedman_by_descent"].function({"weights_of_zero"}, seed=0)  # what to train
    BASES["friedman_by_descent"].function((), seed=0)  # as it should be

`tests/zoo/compounds.py` puts two or three faults into one program.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable, Collection

import keras
import numpy as np
import sklearn.datasets
import tensorflow as tf
from keras import constraints, initializers, layers, optimizers, regularizers

from tests.zoo import faults
from tests.zoo.problems import BINARY, SPARSE, Start, fit, minimize, sequential, standardised, step


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """A fault of one component, to be put into base programs.

    Attributes:
        component: parts of one component are not put together.
        cause: code of the cause.
        also: codes that a careful engineer could defend for the same fault.
        spread: how many times as large it makes the targets; the bound moves along.
        budget: the share of the steps that it leaves.
    """

    name: str
    component: str
    cause: str
    also: tuple[str, ...] = ()
    spread: float = 1.0
    budget: float = 1.0


@dataclasses.dataclass(frozen=True, slots=True)
class Base:
    """A sound program, and what can be put into it.

    Attributes:
        kind: how it is written: "fit" for Keras' own kinds of models, "subclassed", "train_step",
            "step" or "minimize".
        power: of the targets' unit in that of the loss.
        parts: names of the parts.
    """

    name: str
    kind: str
    function: Callable[[Collection[str], int], Start]
    steps: int
    max_loss: float
    power: int
    parts: tuple[str, ...]


# ---- parts --------------------------------------------------------------------------------------

SLOW = ("learning-rate-too-low", "too-few-steps")
PARTS = {
    part.name: part
    for part in (
        Part("features_in_thousands", "data", "unscaled-features"),
        Part("features_far_from_zero", "data", "unscaled-features"),
        Part("features_in_millions", "data", "unscaled-features", ("learning-rate-too-low",)),
        Part("a_wild_column", "data", "unscaled-features"),
        Part("bytes_of_pixels", "data", "unscaled-features"),
        Part(
            "inputs_and_targets_in_thousands",
            "data",
            "unscaled-features",
            ("unscaled-targets",),
            spread=1000.0,
        ),
        Part(
            "targets_far_from_zero",
            "data",
            "unscaled-targets",
            ("learning-rate-too-low", "learning-rate-too-high"),
            spread=100.0,
        ),
        Part(
            "targets_in_thousands",
            "data",
            "unscaled-targets",
            ("learning-rate-too-low", "learning-rate-too-high"),
            spread=1000.0,
        ),
        Part("labels_of_one_and_two", "data", "label-encoding", ("output-loss-mismatch",)),
        Part("labels_in_percent", "data", "label-encoding", ("unscaled-targets",)),
        Part("labels_in_two_numberings", "data", "label-encoding"),
        Part("targets_in_a_row", "data", "label-encoding", ("output-loss-mismatch",)),
        Part("rows_in_order", "data", "unshuffled-data"),
        Part("missing_features", "data", "nonfinite-data"),
        Part("missing_targets", "data", "nonfinite-data"),
        Part("biases_of_minus_twenty", "start", "dead-units", ("bad-initialisation",)),
        Part(
            "weights_of_zero",
            "start",
            "bad-initialisation",
            ("dead-units", "saddle-point", "vanishing-gradient", "plateau"),
        ),
        Part(
            "weights_thrown_far",
            "start",
            "bad-initialisation",
            ("vanishing-gradient", "exploding-gradient", "plateau"),
        ),
        Part("eight_sigmoids", "model", "vanishing-gradient", ("plateau",)),
        Part("frozen_layers", "model", "frozen-variables"),
        Part("l2_of_ten", "model", "regularisation-too-strong"),
        Part("dropout_of_95_percent", "model", "regularisation-too-strong"),
        Part("weights_on_a_leash", "model", "regularisation-too-strong"),
        Part("one_unit", "model", "too-small-capacity"),
        Part("relu_at_the_end", "head", "output-loss-mismatch", ("dead-units",)),
        Part("sigmoid_at_the_end", "head", "output-loss-mismatch"),
        Part("tanh_at_the_end", "head", "output-loss-mismatch"),
        Part("softmax_before_logits", "head", "output-loss-mismatch"),
        Part("logits_as_probabilities", "head", "output-loss-mismatch"),
        Part("rate_times_100", "optimizer", "learning-rate-too-high"),
        Part("rate_by_1000", "optimizer", "learning-rate-too-low", SLOW[1:]),
        Part("momentum_of_0_999", "optimizer", "momentum-too-high", ("learning-rate-too-high",)),
        Part("rate_halved_each_step", "optimizer", "learning-rate-too-low", SLOW[1:]),
        Part("clipped_to_a_ten_thousandth", "optimizer", "learning-rate-too-low", SLOW[1:]),
        Part("weight_decay_of_thirty", "optimizer", "regularisation-too-strong"),
        Part("a_fifteenth_of_the_steps", "budget", "too-few-steps", SLOW[:1], budget=1 / 15),
    )
}

BASES: dict[str, Base] = {}

OF_OPTIMIZER = (
    "rate_times_100",
    "rate_by_1000",
    "momentum_of_0_999",
    "rate_halved_each_step",
    "clipped_to_a_ten_thousandth",
    "weight_decay_of_thirty",
)
OF_LAYERS = (
    "biases_of_minus_twenty",
    "weights_of_zero",
    "weights_thrown_far",
    "eight_sigmoids",
    "frozen_layers",
    "l2_of_ten",
    "dropout_of_95_percent",
    "weights_on_a_leash",
    "one_unit",
)
OF_REGRESSION = (
    "features_in_thousands",
    "features_far_from_zero",
    "features_in_millions",
    "targets_far_from_zero",
    "targets_in_thousands",
    "missing_features",
    "missing_targets",
    "relu_at_the_end",
    "sigmoid_at_the_end",
)


def base(kind: str, *parts: str, steps: int, max_loss: float, power: int = 2):
    """Registers a function of (names of parts, seed) as a base program."""

    def register(function):
        name = function.__name__
        BASES[name] = Base(name, kind, function, steps, max_loss, power, parts)
        return function

    return register


def features(x, has):
    """Features with the fault that is asked for."""
    if "features_in_thousands" in has:
        x = 1000 * x
    if "features_far_from_zero" in has:
        x = 300 + x
    if "features_in_millions" in has:
        x = x / 1e6
    if "missing_features" in has:
        x = x.copy()
        x[::37, ..., 0] = np.nan
    return x.astype("float32")


def targets(y, has):
    """Targets with the fault that is asked for."""
    if "targets_far_from_zero" in has:
        y = 5000 + 100 * y
    if "targets_in_thousands" in has:
        y = 1000 * y
    if "labels_of_one_and_two" in has:
        y = y + 1
    if "labels_in_percent" in has:
        y = 100 * y
    if "labels_in_two_numberings" in has:
        y = np.where(np.arange(len(y)) < len(y) // 2, y, (y + 1) % (y.max() + 1))
    if "missing_targets" in has:
        y = np.where((np.arange(len(y)) % 40 == 0).reshape(-1, *[1] * (y.ndim - 1)), np.nan, y)
    if "targets_in_a_row" in has:
        y = y[:, 0]
    return y if y.dtype.kind == "i" else y.astype("float32")


def in_order(x, y, has):
    """Rows sorted by their targets, where that is the fault."""
    if "rows_in_order" not in has:
        return x, y
    order = np.argsort(y.reshape(len(y), -1)[:, 0], kind="stable")
    return x[order], y[order]


def hidden(has, units, *, count=2, activation="relu"):
    """Dense hidden layers with the fault that is asked for."""
    settings = {}
    if "biases_of_minus_twenty" in has:
        settings["bias_initializer"] = initializers.Constant(-20.0)
    if "l2_of_ten" in has:
        settings["kernel_regularizer"] = regularizers.L2(10.0)
    if "weights_on_a_leash" in has:
        settings["kernel_constraint"] = constraints.MaxNorm(0.02)
    if "frozen_layers" in has:
        settings["trainable"] = False
    if "one_unit" in has:
        units = 1
    if "eight_sigmoids" in has:
        count, activation = 8, "sigmoid"
    parts = [layers.Dense(units, activation, **settings, **drawn(has)) for _ in range(count)]
    return [*parts, *dropped(has)]


def drawn(has, name="kernel_initializer"):
    """The initialiser of a layer, where it is chosen."""
    if "weights_of_zero" in has:
        return {name: "zeros"}
    if "weights_thrown_far" in has:
        return {name: initializers.RandomNormal(stddev=8.0)}
    return {}


def dropped(has):
    return [layers.Dropout(0.95)] if "dropout_of_95_percent" in has else []


def scalar_head(has, activation=None):
    """An output of one number."""
    for name in ("relu", "sigmoid", "tanh"):
        activation = name if f"{name}_at_the_end" in has else activation
    activation = None if "logits_as_probabilities" in has else activation
    return layers.Dense(1, activation, **({"kernel_initializer": "zeros"} if zeros(has) else {}))


def zeros(has):
    return "weights_of_zero" in has


def class_head(has, classes):
    """An output of class scores: probabilities, or what was taken for them."""
    if "softmax_before_logits" in has:
        return [layers.Dense(classes), layers.Softmax(), layers.Reshape((classes,))]
    for name in ("relu", "sigmoid", "tanh"):
        if f"{name}_at_the_end" in has:
            return [layers.Dense(classes, name)]
    return [layers.Dense(classes, None if "logits_as_probabilities" in has else "softmax")]


def class_loss(has):
    if "softmax_before_logits" in has:
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return SPARSE


def optimizer(has, rate, *, adam=True, momentum=0.5):
    """Adam or plain descent with the fault that is asked for."""
    settings = {} if adam else {"momentum": momentum}
    for name in has:
        found = re.fullmatch(r"rate_(times|by)_(\d+)", name)
        if found:
            factor = float(found[2])
            rate = rate * factor if found[1] == "times" else rate / factor
    if "momentum_of_0_999" in has:
        settings["beta_1" if adam else "momentum"] = 0.999
    if "weight_decay_of_thirty" in has:
        settings["weight_decay"] = 30.0
    if "clipped_to_a_ten_thousandth" in has:
        settings["clipnorm"] = 1e-4
    if "rate_halved_each_step" in has:
        rate = optimizers.schedules.ExponentialDecay(rate, decay_steps=1, decay_rate=0.5)
    return optimizers.Adam(rate, **settings) if adam else optimizers.SGD(rate, **settings)


# ---- programs for `fit` -------------------------------------------------------------------------


@base(
    "fit",
    *OF_REGRESSION,
    *OF_LAYERS,
    *OF_OPTIMIZER,
    "a_fifteenth_of_the_steps",
    steps=150,
    max_loss=0.25,
)
def friedman_by_descent(has, seed):
    """Tabular regression: two hidden layers, plain descent."""
    x, y = faults.friedman(seed, rows=320)
    parts = [*hidden(has, 24), scalar_head(has)]
    model = sequential(*parts, optimizer=optimizer(has, 0.05, adam=False), loss="mse")
    return fit(model, features(x, has), targets(y, has))


@base(
    "fit",
    "a_wild_column",
    "targets_far_from_zero",
    "targets_in_thousands",
    "missing_targets",
    "relu_at_the_end",
    "sigmoid_at_the_end",
    *OF_LAYERS,
    *OF_OPTIMIZER,
    steps=150,
    max_loss=0.3,
    power=1,
)
def rents_by_column(has, seed):
    """Inputs by name, absolute error, Adam; the income of the street may be in full."""
    x, y = faults.flats(seed)
    if "a_wild_column" not in has:
        x["income"] = standardised(x["income"])
    inputs = {name: keras.Input((1,), name=name) for name in x}
    tensor = layers.Concatenate()(list(inputs.values()))
    for layer in (*hidden(has, 16, count=1, activation="tanh"), scalar_head(has)):
        tensor = layer(tensor)
    model = keras.Model(inputs, tensor)
    model.compile(optimizer(has, 0.02), "mae")
    return fit(model, x, targets(y, has))


@base(
    "fit",
    "features_in_thousands",
    "features_far_from_zero",
    "features_in_millions",
    "labels_of_one_and_two",
    "missing_features",
    "missing_targets",
    "relu_at_the_end",
    "tanh_at_the_end",
    "logits_as_probabilities",
    *OF_LAYERS,
    *OF_OPTIMIZER,
    steps=150,
    max_loss=0.2,
)
def circles_by_adam(has, seed):
    """A binary classifier of rings and discs."""
    x, y = sklearn.datasets.make_circles(320, noise=0.08, factor=0.4, random_state=seed)
    y = y.astype("float32")[:, None]
    parts = [*hidden(has, 20), scalar_head(has, "sigmoid")]
    model = sequential(*parts, optimizer=optimizer(has, 0.02), loss=BINARY)
    return fit(model, features(standardised(x), has), targets(y, has))


@functools.cache
def pen_strokes():
    x, y = sklearn.datasets.load_digits(return_X_y=True)
    return (x / 16).astype("float32"), y.astype("int32")


@base(
    "fit",
    "features_in_thousands",
    "features_in_millions",
    "labels_in_two_numberings",
    "rows_in_order",
    "missing_features",
    "softmax_before_logits",
    "logits_as_probabilities",
    "relu_at_the_end",
    "tanh_at_the_end",
    *OF_LAYERS,
    *OF_OPTIMIZER,
    steps=200,
    max_loss=0.5,
)
def digits_by_descent(has, seed):
    """Ten classes of handwritten digits, plain descent with momentum."""
    x, y = pen_strokes()
    x, y = in_order(x, targets(y, has), has)
    parts = [*hidden(has, 32, count=1), *class_head(has, 10)]
    rate = optimizer(has, 0.1, adam=False, momentum=0.8)
    model = sequential(*parts, optimizer=rate, loss=class_loss(has))
    return fit(model, features(x, has), y, batch_size=20, shuffle="rows_in_order" not in has)


@base(
    "fit",
    "labels_in_percent",
    "features_in_thousands",
    "features_far_from_zero",
    "tanh_at_the_end",
    "relu_at_the_end",
    *OF_LAYERS,
    *OF_OPTIMIZER,
    steps=150,
    max_loss=0.6,
)
def clusters_one_hot(has, seed):
    """Four classes as shares of one, which may be written in percent."""
    x, y = faults.clusters(seed, rows=480, apart=1.0)
    parts = [*hidden(has, 24, activation="tanh"), *class_head(has, 4)]
    loss = "categorical_crossentropy"
    model = sequential(*parts, optimizer=optimizer(has, 0.02), loss=loss)
    shares = keras.utils.to_categorical(y, 4)
    return fit(model, features(x, has), targets(shares, has))


@base(
    "fit",
    "bytes_of_pixels",
    "labels_of_one_and_two",
    "missing_features",
    "biases_of_minus_twenty",
    "weights_of_zero",
    "weights_thrown_far",
    "frozen_layers",
    "l2_of_ten",
    "dropout_of_95_percent",
    "logits_as_probabilities",
    "relu_at_the_end",
    *OF_OPTIMIZER,
    "a_fifteenth_of_the_steps",
    steps=120,
    max_loss=0.12,
)
def bars_by_convolution(has, seed):
    """A small network of convolutions on images."""
    x, y = faults.bars(seed)
    x = (255 * x).astype("uint8").astype("float32") if "bytes_of_pixels" in has else x
    settings = drawn(has)
    if "biases_of_minus_twenty" in has:
        settings["bias_initializer"] = initializers.Constant(-20.0)
    if "l2_of_ten" in has:
        settings["kernel_regularizer"] = regularizers.L2(10.0)
    train = "frozen_layers" not in has
    parts = [
        layers.Conv2D(4, 3, activation="relu", trainable=train, **settings),
        layers.Conv2D(6, 3, activation="relu", trainable=train, **settings),
        layers.GlobalAveragePooling2D(),
        *dropped(has),
        scalar_head(has, "sigmoid"),
    ]
    model = sequential(*parts, optimizer=optimizer(has, 0.03), loss=BINARY)
    return fit(model, features(x, has), targets(y, has))


@base(
    "fit",
    "features_in_thousands",
    "features_far_from_zero",
    "features_in_millions",
    "missing_features",
    "softmax_before_logits",
    "logits_as_probabilities",
    "tanh_at_the_end",
    "frozen_layers",
    "weights_of_zero",
    "weights_thrown_far",
    "l2_of_ten",
    "dropout_of_95_percent",
    *OF_OPTIMIZER,
    steps=120,
    max_loss=0.35,
)
def waves_by_gru(has, seed):
    """Series of one of three frequencies, read by a recurrent layer."""
    x, y = faults.waves(seed)
    settings = drawn(has)
    if "l2_of_ten" in has:
        settings["kernel_regularizer"] = regularizers.L2(10.0)
    recurrent = layers.GRU(12, trainable="frozen_layers" not in has, **settings)
    parts = [recurrent, *dropped(has), *class_head(has, 3)]
    model = sequential(*parts, optimizer=optimizer(has, 0.03), loss=class_loss(has))
    return fit(model, features(x, has), targets(y, has))


def ratings(seed):
    """Ratings from three hidden tastes of 30 users and 20 items."""
    rng = np.random.default_rng(seed)
    tastes, kinds = rng.normal(size=(30, 3)), rng.normal(size=(20, 3))
    who, what = rng.integers(0, 30, (800, 1)), rng.integers(0, 20, (800, 1))
    y = (tastes[who[:, 0]] * kinds[what[:, 0]]).sum(axis=1, keepdims=True)
    return [who.astype("int32"), what.astype("int32")], standardised(y)


@base(
    "fit",
    "targets_far_from_zero",
    "targets_in_thousands",
    "missing_targets",
    "weights_of_zero",
    "weights_thrown_far",
    "frozen_layers",
    "one_unit",
    "l2_of_ten",
    "dropout_of_95_percent",
    "relu_at_the_end",
    "sigmoid_at_the_end",
    *OF_OPTIMIZER,
    steps=200,
    max_loss=0.3,
)
def recommender(has, seed):
    """Ratings from embeddings of users and items."""
    x, y = ratings(seed)
    size = 1 if "one_unit" in has else 8
    settings = drawn(has, "embeddings_initializer")
    settings["trainable"] = "frozen_layers" not in has
    if "l2_of_ten" in has:
        settings["embeddings_regularizer"] = regularizers.L2(10.0)
    inputs = [keras.Input((1,), dtype="int32", name=name) for name in ("user", "item")]
    tables = [layers.Embedding(rows, size, **settings) for rows in (30, 20)]
    pair = [table(ids) for table, ids in zip(tables, inputs, strict=True)]
    tensor = layers.Flatten()(layers.Multiply()(pair))
    for layer in (*dropped(has), scalar_head(has)):
        tensor = layer(tensor)
    model = keras.Model(inputs, tensor)
    model.compile(optimizer(has, 0.03), "mse")
    return fit(model, x, targets(y, has))


def codes(seed):
    """Ten numbers a row that lie near a curved sheet of three dimensions."""
    rng = np.random.default_rng(seed)
    hidden_ = rng.normal(size=(320, 3))
    return standardised(hidden_ @ rng.normal(size=(3, 10)) + 0.1 * rng.normal(size=(320, 10)))


@base(
    "fit",
    "inputs_and_targets_in_thousands",
    "missing_features",
    "relu_at_the_end",
    "sigmoid_at_the_end",
    "tanh_at_the_end",
    *OF_LAYERS,
    *OF_OPTIMIZER,
    steps=200,
    max_loss=0.2,
)
def autoencoder(has, seed):
    """Ten numbers through four, and back."""
    x = features(codes(seed) * (1000 if "inputs_and_targets_in_thousands" in has else 1), has)
    ends = [name for name in ("relu", "sigmoid", "tanh") if f"{name}_at_the_end" in has]
    parts = [*hidden(has, 16, activation="tanh"), layers.Dense(4)]
    parts.append(layers.Dense(10, *ends, **({"kernel_initializer": "zeros"} if zeros(has) else {})))
    model = sequential(*parts, optimizer=optimizer(has, 0.02), loss="mse")
    return fit(model, x, x)


# ---- subclassed models --------------------------------------------------------------------------


class Stack(keras.Model):
    """A subclassed model: layers one after the other, and an end that is part of `call`."""

    def __init__(self, parts, end=None):
        super().__init__()
        self.parts = parts
        self.end = end

    def call(self, x, training=False):
        for part in self.parts:
            x = part(x, training=training) if isinstance(part, layers.Dropout) else part(x)
        return x if self.end is None else self.end(x)


@base(
    "subclassed",
    *OF_REGRESSION,
    *OF_LAYERS,
    *OF_OPTIMIZER,
    steps=150,
    max_loss=0.2,
)
def roll_subclassed(has, seed):
    """Regression by a subclassed model."""
    x, y = faults.swiss_roll(seed)
    model = Stack([*hidden(has, 32), scalar_head(has)])
    model.compile(optimizer(has, 0.02), "mse")
    return fit(model, features(x, has), targets(y, has))


def shares_of(scores):
    """A softmax by hand, of which Keras does not warn."""
    return tf.exp(scores) / tf.reduce_sum(tf.exp(scores), axis=-1, keepdims=True)


@base(
    "subclassed",
    "features_in_thousands",
    "features_in_millions",
    "missing_features",
    "softmax_before_logits",
    "labels_in_two_numberings",
    *OF_LAYERS,
    *OF_OPTIMIZER,
    "a_fifteenth_of_the_steps",
    steps=150,
    max_loss=0.4,
)
def clusters_subclassed(has, seed):
    """Four classes, logits out of a subclassed model made by a function."""
    x, y = faults.clusters(seed, rows=480)

    def build():
        end = shares_of if "softmax_before_logits" in has else None
        model = Stack([*hidden(has, 24), layers.Dense(4)], end)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer(has, 0.05, adam=False, momentum=0.8), loss)
        return model

    return fit(build, features(x, has), targets(y, has))


class Network(Stack):
    """A model that trains by a step of its own, with its own loss."""

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            predicted = self(x, training=True)
            loss = tf.reduce_mean(tf.square(predicted - y)) + sum(self.losses)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return {"loss": loss}


@base(
    "train_step",
    *OF_REGRESSION,
    "targets_in_a_row",
    *OF_LAYERS,
    *OF_OPTIMIZER,
    steps=150,
    max_loss=0.25,
)
def friedman_by_own_step(has, seed):
    """Regression by a `train_step` of the user's."""
    x, y = faults.friedman(seed, rows=320)
    model = Network([*hidden(has, 24, count=1), scalar_head(has)])
    model.compile(optimizer(has, 0.02))
    return fit(model, features(x, has), targets(y, has))


# ---- hand-written loops -------------------------------------------------------------------------


def own_loop(has, model, x, y, optimizer_, loss_of, seed):
    """A loop around a Keras model, as tutorials write it."""
    model(x[:1])

    @tf.function
    def train_step(a, b):
        with tf.GradientTape() as tape:
            loss = loss_of(b, model(a, training=True)) + sum(model.losses)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer_.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    data = tf.data.Dataset.from_tensor_slices((x, y))
    data = data if "rows_in_order" in has else data.shuffle(len(x), seed=seed)
    variables = model.trainable_variables
    return step(train_step, variables=variables, data=data.batch(32), optimizer=optimizer_)


@base(
    "step",
    *OF_REGRESSION,
    "targets_in_a_row",
    "biases_of_minus_twenty",
    "weights_of_zero",
    "weights_thrown_far",
    *OF_OPTIMIZER,
    steps=150,
    max_loss=0.25,
)
def friedman_by_own_loop(has, seed):
    """Regression in a loop of the user's."""
    x, y = faults.friedman(seed, rows=320)
    model = keras.Sequential([*hidden(has, 24, count=1), scalar_head(has)])

    def loss_of(wanted, predicted):
        return tf.reduce_mean(tf.square(predicted - wanted))

    found = features(x, has), targets(y, has)
    return own_loop(has, model, *found, optimizer(has, 0.02), loss_of, seed)


@base(
    "step",
    "features_in_thousands",
    "features_far_from_zero",
    "features_in_millions",
    "labels_of_one_and_two",
    "missing_features",
    "weights_of_zero",
    "weights_thrown_far",
    "frozen_layers",
    *OF_OPTIMIZER,
    steps=150,
    max_loss=0.3,
)
def classes_from_variables(has, seed):
    """A network of two layers from variables, in a loop of the user's."""
    x, y = faults.two_clusters(seed)
    w, b, v, c = weights(has, seed, 8, 16)
    train = [c] if "frozen_layers" in has else [w, b, v, c]
    rate = optimizer(has, 0.3, adam=False)

    @tf.function
    def train_step(a, labels):
        with tf.GradientTape() as tape:
            logits = tf.tanh(a @ w + b) @ v + c
            errors = tf.nn.sigmoid_cross_entropy_with_logits(labels, logits)
            loss = tf.reduce_mean(errors)
        rate.apply_gradients(zip(tape.gradient(loss, train), train, strict=True))
        return loss

    data = tf.data.Dataset.from_tensor_slices((features(x, has), targets(y, has)))
    data = data.shuffle(len(x), seed=seed).batch(40)
    return step(train_step, variables=[w, b, v, c], data=data, optimizer=rate)


def weights(has, seed, features_, units):
    """Variables of a network of two layers."""
    rng = np.random.default_rng(seed)
    size = 0.0 if zeros(has) else 20.0 if "weights_thrown_far" in has else 0.4
    shapes = {"w": (features_, units), "b": (units,), "v": (units, 1), "c": (1,)}
    return [
        tf.Variable((size * rng.normal(size=shape)).astype("float32"), name=name)
        for name, shape in shapes.items()
    ]


@base(
    "minimize",
    "weights_of_zero",
    "weights_thrown_far",
    "frozen_layers",
    *OF_OPTIMIZER,
    "a_fifteenth_of_the_steps",
    steps=200,
    max_loss=0.25,
)
def network_by_minimize(has, seed):
    """A network of two layers as a function of its variables."""
    x, y = faults.friedman(seed, rows=200)
    w, b, v, c = weights(has, seed, 10, 24)
    train = [b, c] if "frozen_layers" in has else [w, b, v, c]

    def loss():
        return tf.reduce_mean(tf.square(tf.tanh(x @ w + b) @ v + c - y))

    return minimize(loss, train, optimizer(has, 0.05))


@base(
    "minimize",
    "weights_of_zero",
    "weights_thrown_far",
    "frozen_layers",
    *OF_OPTIMIZER,
    "a_fifteenth_of_the_steps",
    steps=200,
    max_loss=0.05,
)
def factors_by_minimize(has, seed):
    """A table as the product of two thin ones."""
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(12, 2)) @ rng.normal(size=(2, 9))
    table = tf.constant(table / table.std(), tf.float32)
    size = 0.0 if zeros(has) else 30.0 if "weights_thrown_far" in has else 0.5
    left = tf.Variable((size * rng.normal(size=(12, 2))).astype("float32"), name="left")
    right = tf.Variable((size * rng.normal(size=(2, 9))).astype("float32"), name="right")
    train = [left] if "frozen_layers" in has else [left, right]

    def loss():
        return tf.reduce_mean(tf.square(left @ right - table))

    return minimize(loss, train, optimizer(has, 0.5, adam=False, momentum=0.8))


@base(
    "minimize",
    "weights_thrown_far",
    "frozen_layers",
    *OF_OPTIMIZER,
    "a_fifteenth_of_the_steps",
    steps=150,
    max_loss=0.05,
)
def curve_by_minimize(has, seed):
    """A damped swing fitted to measurements: height, pace and the level it ends at."""
    t = np.linspace(0, 4, 80, dtype="float32")
    wanted = 2.0 * np.exp(-0.9 * t) + 0.7
    far = 6.0 if "weights_thrown_far" in has else 0.3
    rng = np.random.default_rng(seed)
    height, pace = (
        tf.Variable(float(far + 0.1 * rng.normal()), name=n) for n in ("height", "pace")
    )
    level = tf.Variable(0.0, name="level")
    train = [pace] if "frozen_layers" in has else [height, pace, level]

    def loss():
        return tf.reduce_mean(tf.square(height * tf.exp(-pace * t) + level - wanted))

    return minimize(loss, train, optimizer(has, 0.1))
