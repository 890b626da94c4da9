"""What is known about a loss: name, sign, reduction, best constant."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.training.model.losses import (
    constant_prediction,
    loss_names,
    losses_of_outputs,
    nonnegative,
    reduces_by_mean,
    scalar_loss,
    uninformed_loss,
)

L = keras.losses


class Own(keras.losses.MeanSquaredError):
    """A subclass may change everything, the sign included."""


def own_function(y, p):
    return keras.ops.mean(y - p)


@pytest.mark.parametrize(
    ("loss", "names"),
    [
        ("mse", ["mean_squared_error"]),
        ("mean_squared_error", ["mean_squared_error"]),
        (L.MeanSquaredError(), ["mean_squared_error"]),
        (L.mean_squared_error, ["mean_squared_error"]),
        ("bce", ["binary_crossentropy"]),
        (L.BinaryCrossentropy(from_logits=True), ["binary_crossentropy"]),
        ("sparse_categorical_crossentropy", ["sparse_categorical_crossentropy"]),
        (L.SparseCategoricalCrossentropy(), ["sparse_categorical_crossentropy"]),
        (L.LogCosh(), ["log_cosh"]),
        (L.CTC(), ["ctc"]),
        (L.KLDivergence(), ["kl_divergence"]),
        ("kld", ["kl_divergence"]),
        ({"a": "mse", "b": ["mae", None]}, ["mean_squared_error", "mean_absolute_error"]),
        (Own(), [""]),
        (own_function, [""]),
        (None, []),
    ],
)
def test_names(loss, names):
    assert [name for name, _ in loss_names(loss)] == names


@pytest.mark.parametrize(
    ("loss", "answer"),
    [
        ("mse", True),
        ("mae", True),
        ("mape", True),
        ("msle", True),
        ("bce", True),
        ("hinge", True),
        (L.Huber(), True),
        (L.BinaryFocalCrossentropy(), True),
        (L.CategoricalFocalCrossentropy(), True),
        (L.SquaredHinge(), True),
        (L.CategoricalHinge(), True),
        (L.Dice(), True),
        (["mse", "bce"], True),
        ("poisson", False),
        ("kld", False),
        (L.KLDivergence(), False),
        (L.CosineSimilarity(), False),
        (["mse", "cosine_similarity"], False),
        (Own(), False),
        (own_function, False),
        (None, False),
    ],
)
def test_the_sign_is_known_of_losses_of_keras_only(loss, answer):
    assert nonnegative(loss) == answer


@pytest.mark.parametrize(
    ("loss", "answer"),
    [
        ("mse", True),
        (L.MeanSquaredError(), True),
        (L.MeanSquaredError(reduction="sum"), False),
        (L.MeanSquaredError(reduction="none"), False),
        (L.MeanSquaredError(reduction=None), False),
        (["mse", L.MeanSquaredError(reduction="sum")], False),
        (own_function, False),
        (Own(), False),
        (None, False),
    ],
)
def test_the_rows_of_a_mean_can_be_pooled(loss, answer):
    assert reduces_by_mean(loss) == answer


RNG = np.random.default_rng(0)
SKEWED = RNG.exponential(size=(301, 1)).astype("float32")
TWO = RNG.normal(size=(301, 2)).astype("float32") * [1, 5] + [3, -7]
CLASSES = RNG.choice(3, size=200, p=[0.7, 0.2, 0.1])
BITS = (RNG.random((200, 1)) < 0.2).astype("float32")


def loss_of(loss, targets, constant, weights=1.0):
    """The loss of predicting one row for all."""
    predictions = np.broadcast_to(constant, (len(targets), *np.shape(constant)))
    loss = keras.losses.get(loss)
    each = (
        type(loss).from_config({**loss.get_config(), "reduction": "none"})
        if isinstance(loss, keras.losses.Loss)
        else loss
    )
    return float(np.mean(weights * np.asarray(each(targets, predictions.astype("float32")))))


def ternary(function, low, high):
    """The minimum of a function with one valley."""
    for _ in range(100):
        a, b = low + (high - low) / 3, high - (high - low) / 3
        low, high = (low, b) if function(a) < function(b) else (a, high)
    return function((low + high) / 2)


@pytest.mark.parametrize(
    ("loss", "targets", "low", "high"),
    [
        ("mse", SKEWED, 0, 10),
        (L.MeanSquaredError(), SKEWED[:, 0], 0, 10),
        ("mae", SKEWED, 0, 10),
        ("mse", SKEWED.astype(int), 0, 10),
        ("bce", BITS, 0, 1),
        (L.BinaryCrossentropy(), BITS[:, 0], 0, 1),
        (L.BinaryCrossentropy(from_logits=True), BITS, -10, 10),
        (L.BinaryCrossentropy(), RNG.random((50, 1)), 0, 1),
        (L.BinaryCrossentropy(label_smoothing=0.3), BITS, 0, 1),
        (L.BinaryCrossentropy(label_smoothing=0.3, from_logits=True), BITS, -10, 10),
    ],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_best_constant_for_one_number(loss, targets, low, high, weighted):
    as_column = np.asarray(targets, "float32").reshape(-1, 1)
    # Large targets weigh more, which moves the constant far.
    weights = (as_column[:, 0] + 0.1) ** 2 if weighted else np.ones(len(targets))
    best = constant_prediction(loss, targets, (1,), weights if weighted else None)
    assert best.shape == (1,)
    lowest = ternary(lambda c: loss_of(loss, as_column, [c], weights), low, high)
    assert loss_of(loss, as_column, best, weights) == pytest.approx(lowest, rel=1e-4)


@pytest.mark.parametrize("loss", ["mse", "mae"])
@pytest.mark.parametrize("weights", [np.ones(len(TWO)), (TWO[:, 0] > 3) * 9.0 + 1])
def test_the_best_constant_of_every_output(loss, weights):
    best = constant_prediction(loss, TWO, (2,), weights)
    at_best = loss_of(loss, TWO, best, weights)
    for step in (0.3, -0.3):
        for output in np.eye(2):
            assert loss_of(loss, TWO, best + step * output, weights) > at_best


def probabilities(loss, best):
    logits = isinstance(loss, keras.losses.Loss) and loss.get_config()["from_logits"]
    return np.exp(best) / np.exp(best).sum() if logits else best


@pytest.mark.parametrize(
    ("loss", "targets"),
    [
        ("sparse_categorical_crossentropy", CLASSES),
        ("sparse_categorical_crossentropy", CLASSES[:, None].astype("float32")),
        (L.SparseCategoricalCrossentropy(from_logits=True), CLASSES),
        ("categorical_crossentropy", np.eye(3)[CLASSES]),
        (L.CategoricalCrossentropy(from_logits=True), np.eye(3)[CLASSES]),
        (L.CategoricalCrossentropy(label_smoothing=0.3), np.eye(3)[CLASSES]),
        ("categorical_crossentropy", RNG.dirichlet([3, 2, 1], size=200)),
    ],
)
@pytest.mark.parametrize("weights", [np.ones(200), np.array([1.0, 5.0, 2.0])[CLASSES]])
def test_the_best_constant_for_classes(loss, targets, weights):
    best = constant_prediction(loss, targets, (3,), weights)
    at_best = loss_of(loss, targets, best, weights)
    found = probabilities(loss, best)
    assert found.sum() == pytest.approx(1)
    for step in (0.01, -0.01):
        for move in np.eye(3) - 1 / 3:
            other = found + step * move
            there = np.log(other) if found is not best else other
            assert loss_of(loss, targets, there, weights) > at_best


@pytest.mark.parametrize(
    "weights", [np.zeros(200), -np.ones(200), np.ones((200, 2)), np.full(200, np.nan)]
)
def test_weights_of_parts_of_rows_or_of_nothing_have_no_known_constant(weights):
    assert constant_prediction("mse", BITS, (1,), weights) is None


def test_weights_in_a_column_weigh_rows():
    weights = RNG.random((200, 1))
    one, other = (constant_prediction("mse", BITS, (1,), w) for w in (weights, weights[:, 0]))
    assert one == other


@pytest.mark.parametrize("logits", [False, True])
def test_labels_of_one_class_alone_have_a_finite_constant(logits):
    bce = L.BinaryCrossentropy(from_logits=logits)
    constant = constant_prediction(bce, np.ones((5, 1)), (1,))
    assert np.isfinite(constant).all()
    assert loss_of(bce, np.ones((5, 1), "float32"), constant) == pytest.approx(0, abs=1e-5)
    sparse = L.SparseCategoricalCrossentropy(from_logits=logits)
    constant = constant_prediction(sparse, np.zeros(5, int), (3,))
    assert np.isfinite(constant).all()
    assert loss_of(sparse, np.zeros(5, int), constant) == pytest.approx(0, abs=1e-5)


def test_labels_of_a_sequence_share_one_distribution():
    labels = np.array([[0, 0, 1], [0, 2, 0]])
    constant = constant_prediction("sparse_categorical_crossentropy", labels, (3, 3))
    assert constant.shape == (3, 3)
    np.testing.assert_allclose(constant, [[4 / 6, 1 / 6, 1 / 6]] * 3)


@pytest.mark.parametrize(
    ("loss", "targets", "shape"),
    [
        ("poisson", SKEWED, (1,)),
        (own_function, SKEWED, (1,)),
        (Own(), SKEWED, (1,)),
        (None, SKEWED, (1,)),
        ("mse", SKEWED, (4,)),
        ("mse", SKEWED, ()),
        ("mse", np.array(["a", "b"]), (1,)),
        ("mse", np.array([[1.0], [np.nan]]), (1,)),
        ("sparse_categorical_crossentropy", np.array([0, 1, 3]), (3,)),
        ("sparse_categorical_crossentropy", np.array([0, 1, -1]), (3,)),
        ("sparse_categorical_crossentropy", np.array([], int), (3,)),
    ],
)
def test_what_has_no_known_constant(loss, targets, shape):
    assert constant_prediction(loss, targets, shape) is None


@pytest.mark.parametrize(
    "loss", [2, 2.0, np.float64(2), [[2.0]], tf.constant([2.0]), tf.Variable(2, dtype=tf.float16)]
)
def test_one_real_number_is_a_loss(loss):
    loss = np.asarray(loss) if isinstance(loss, list) else loss
    for of_rows in (False, True):
        scalar = scalar_loss(loss, "step", of_rows=of_rows)
        assert (float(scalar), scalar.shape.rank) == (2.0, 0)
        assert scalar.dtype.is_floating


def test_losses_of_rows_are_averaged_where_they_may_be():
    assert float(scalar_loss(np.array([1, 2]), "step", of_rows=True)) == 1.5
    with pytest.raises(
        InvalidTrainingError, match=r"got a loss of shape \(2,\); expected a scalar"
    ):
        scalar_loss(np.array([1, 2]), "loss")


@pytest.mark.parametrize(
    ("loss", "given"),
    [
        (None, "a step that returned None"),
        ((1.0, -2.0), r"a step that returned \(1.0, -2.0\) \(tuple\)"),
        ([1.0], r"a step that returned \[1.0\] \(list\)"),
        ({}, "a step that returned {}"),
        (object(), "a step that returned <object"),
        (True, "a step that returned a bool"),
        (np.array([True, False]), "a step that returned a bool"),
        (1j, "a step that returned a complex128"),
        ("0.1", "a step that returned a string"),
    ],
)
def test_what_is_no_real_number_is_no_loss(loss, given):
    for of_rows in (False, True):
        with pytest.raises(InvalidTrainingError, match=f"got {given}"):
            scalar_loss(loss, "step", of_rows=of_rows)


# ---- several outputs ----------------------------------------------------------------------------


def two_outputs(losses, *, named=True):
    inputs = keras.Input((3,))
    heads = [keras.layers.Dense(2, name="b")(inputs), keras.layers.Dense(1, name="a")(inputs)]
    model = keras.Model(inputs, {"b": heads[0], "a": heads[1]} if named else heads)
    model.compile("sgd", losses)
    return model


@pytest.mark.parametrize(
    ("named", "given", "targets"),
    [
        (True, {"b": "mse", "a": "mae"}, ["y['b']", "y['a']"]),
        (True, {"a": "mae", "b": "mse"}, ["y['b']", "y['a']"]),
        (False, ["mse", "mae"], ["y[0]", "y[1]"]),
        (False, {"a": "mae", "b": "mse"}, ["y['b']", "y['a']"]),
    ],
)
def test_each_output_has_its_own_loss(named, given, targets):
    found = losses_of_outputs(two_outputs(given, named=named), targets)
    read = {reading.target: (reading.output, reading.name) for reading in found}
    assert list(read.values()) == [("b", "mean_squared_error"), ("a", "mean_absolute_error")]


def test_one_loss_serves_all_outputs():
    found = losses_of_outputs(two_outputs("mse", named=False), ["y[0]", "y[1]"])
    assert [(r.index, r.name) for r in found] == [(n, "mean_squared_error") for n in range(2)]


def test_targets_of_no_output_are_left_out():
    found = losses_of_outputs(two_outputs({"b": "mse", "a": "mae"}), ["y['c']", "y['a']"])
    assert [r.target for r in found] == ["y['a']"]


# ---- losses without information -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "classes", "loss", "said"),
    [
        ("sparse_categorical_crossentropy", 3, 1.0986, "ln 3 = 1.099"),
        ("categorical_crossentropy", 10, 2.3030, "ln 10 = 2.303"),
        ("binary_crossentropy", 1, 0.6930, "ln 2 = 0.6931"),
        ("sparse_categorical_crossentropy", 3, 0.5515, "softmax is applied twice"),
        ("sparse_categorical_crossentropy", 10, 1.4612, "softmax is applied twice"),
        ("categorical_crossentropy", 4, 16.118, "-ln(1e-7) = 16.12"),
        ("sparse_categorical_crossentropy", 3, 0.9, ""),
        ("mean_squared_error", 3, 1.0986, ""),
    ],
)
def test_losses_that_no_training_explains(name, classes, loss, said):
    words = uninformed_loss(name, classes, loss)
    assert said in words
    assert bool(words) == bool(said)


def test_a_step_of_a_row_has_its_weight_in_the_best_constant():
    targets = np.array([[[1.0], [np.inf]], [[3.0], [5.0]]])
    weights = np.array([[1.0, 0.0], [3.0, 1.0]])
    assert constant_prediction("mse", targets, (2, 1), weights).tolist() == [[2.5], [5.0]]
    assert constant_prediction("mae", targets, (2, 1), weights).tolist() == [[3.0], [5.0]]
    labels = np.array([[0, -1], [1, 1]])
    expected = np.broadcast_to([0.2, 0.8], (2, 2))
    found = constant_prediction("sparse_categorical_crossentropy", labels, (2, 2), weights)
    assert found == pytest.approx(expected)
