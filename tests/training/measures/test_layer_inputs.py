"""What the first trained layers are fed with."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from pytest_converge.training.measures import layer_inputs
from pytest_converge.training.measures.layer_inputs import training_scales
from tests.measured import left_alone
from tests.zoo.problems import HEALTHY, fit, frozen_backbone, minimize, sequential
from tests.zoo.trainings import running

SGD = keras.optimizers.SGD


def raw(rows=300):
    return (500 + 80 * np.random.default_rng(0).normal(size=(rows, 3))).astype("float32")


def scales(start):
    training = running(start, steps=5).training
    with left_alone(training):
        return training_scales(training)


def parts(found):
    return [flag.part for flag in (*found.evidence.features, *found.evidence.targets)]


def on(x, *parts, y=None, loss="mse"):
    targets = np.zeros((len(x), 1), "float32") if y is None else y
    return fit(sequential(*parts, optimizer=SGD(0.1), loss=loss), x, targets)


def test_raw_features_are_seen_as_they_are():
    found = scales(on(raw(), layers.Dense(1)))
    assert parts(found) == ["large-rms", "deviation"]
    assert sorted(found.evidence.columns) == ["x[:, 0]", "x[:, 1]", "x[:, 2]"]
    assert found.scales[0].columns[0].values == 300


def test_an_input_that_no_layer_takes_counts_where_it_is_a_factor():
    one, factor = keras.Input((3,), name="one"), keras.Input((3,), name="factor")
    model = keras.Model([one, factor], layers.Dense(3)(one) * factor)
    model.compile(SGD(0.1), "mse")
    x = [np.random.default_rng(0).normal(size=(50, 3)).astype("float32"), raw(50)]
    training = running(fit(model, x, np.zeros((50, 3), "float32")), steps=5).training
    assert parts(training_scales(training)) == []
    assert parts(training_scales(training, ["x[1]"])) == ["large-rms", "deviation"]


def test_normalisation_inside_of_the_model_counts():
    normalise = layers.Normalization()
    normalise.adapt(raw())
    found = scales(on(raw(), normalise, layers.Dense(1, name="head")))
    assert parts(found) == []
    assert [scale.name for scale in found.scales] == ["input of head", "y"]


def test_rescaled_pixels():
    pixels = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1)).astype("uint8")
    behind = [layers.Flatten(), layers.Dense(1)]
    assert parts(scales(on(pixels, layers.Rescaling(1 / 255), *behind))) == []
    found = scales(on(pixels, *behind))
    assert found.evidence.features[0].image
    assert found.scales[0].columns[0].name == "x[..., 0]"


def test_whole_numbers_that_no_embedding_looks_up_are_measurements():
    found = scales(on(raw().astype("int32"), layers.Dense(1)))
    assert parts(found) == ["large-rms", "deviation"]
    assert found.codes == frozenset()


@pytest.mark.parametrize("kind", ["int32", "float32"])
def test_tokens_are_told_by_their_embedding(kind):
    words = np.random.default_rng(0).integers(0, 900, (50, 6)).astype(kind)
    embed = [layers.Embedding(900, 4), layers.Flatten(), layers.Dense(1)]
    found = scales(on(words, *embed))
    assert (parts(found), found.codes) == ([], {"x"})


def test_inputs_side_by_side_keep_their_names():
    age, income = keras.Input((1,), name="age"), keras.Input((2,), name="income")
    output = layers.Dense(1)(layers.Concatenate()([age, income]))
    model = keras.Model({"age": age, "income": income}, output)
    model.compile(SGD(0.1), "mse")
    x = {"age": raw()[:, :1] / 100, "income": raw()[:, 1:]}
    found = scales(fit(model, x, np.zeros((300, 1), "float32")))
    assert [scale.name for scale in found.scales] == ["x['age']", "x['income']", "y"]
    assert sorted(found.evidence.columns) == ["x['income'][:, 0]", "x['income'][:, 1]"]


def test_behind_a_frozen_layer():
    assert scales(frozen_backbone(0)).scales[0].name.startswith("input of")


@pytest.mark.parametrize(
    ("loss", "y", "expected"),
    [
        ("mse", np.arange(300) + 100, ["spread", "mean"]),
        ("mae", np.arange(300) + 100, ["spread", "mean"]),
        ("poisson", np.arange(300) + 100, []),
        (lambda y, p: keras.ops.abs(keras.ops.cast(y, "float32") - p), np.arange(300) + 100, []),
        (lambda y, p: keras.ops.abs(y - p), np.arange(300.0) + 100, ["spread", "mean"]),
    ],
    ids=["mse", "mae", "counts", "unknown whole", "unknown"],
)
def test_targets_whose_unit_is_free(loss, y, expected):
    x = np.random.default_rng(0).normal(size=(300, 2)).astype("float32")
    assert parts(scales(on(x, layers.Dense(1), y=y[:, None], loss=loss))) == expected


def test_labels_are_codes():
    x = np.random.default_rng(0).normal(size=(300, 2)).astype("float32")
    head = layers.Dense(100, "softmax")
    found = scales(on(x, head, y=np.arange(300) % 100, loss="sparse_categorical_crossentropy"))
    assert (parts(found), found.codes) == ([], {"y"})


def test_predictions_that_start_at_the_targets():
    x = np.random.default_rng(0).normal(size=(300, 2)).astype("float32")
    y = x[:, :1] + 500
    assert parts(scales(on(x, layers.Dense(1), y=y))) == ["mean"]
    bias = keras.initializers.Constant(500.0)
    assert parts(scales(on(x, layers.Dense(1, bias_initializer=bias), y=y))) == []


@pytest.mark.parametrize("problem", HEALTHY, ids=lambda problem: problem.name)
def test_healthy_trainings_raise_no_evidence(problem):
    found = scales(problem.start(0))
    assert found is None or parts(found) == []


def test_a_function_has_no_data():
    w = tf.Variable(1.0)
    assert scales(minimize(lambda: w**2, [w], SGD(0.1))) is None


def beside_an_embedding(*, series=False):
    """Raw numbers beside what an embedding makes of a word, side by side into one layer."""
    shape = (6,) if series else ()
    words = keras.Input(shape or (1,), name="word", dtype="int32")
    numbers = keras.Input((*shape, 2), name="numbers")
    looked_up = layers.Embedding(20, 4)(words)
    looked_up = looked_up if series else layers.Flatten()(looked_up)
    joined = layers.Concatenate()([looked_up, numbers])
    joined = layers.SimpleRNN(4)(joined) if series else joined
    model = keras.Model({"word": words, "numbers": numbers}, layers.Dense(1)(joined))
    model.compile(SGD(0.1), "mse")
    rng = np.random.default_rng(0)
    data = {
        "word": rng.integers(0, 20, (60, *(shape or (1,)))).astype("int32"),
        "numbers": (300 + 50 * rng.normal(size=(60, *shape, 2))).astype("float32"),
    }
    return fit(model, data, np.zeros((60, 1), "float32"))


@pytest.mark.parametrize("series", [False, True])
def test_numbers_beside_an_embedding_are_measured(series):
    found = scales(beside_an_embedding(series=series))
    assert {flag.array for flag in found.evidence.features} == {"x['numbers']"}
    assert found.codes == {"x['word']"}


def test_what_a_trained_layer_made_of_an_input_is_not_measured():
    found = scales(on(raw(), layers.Dense(3), layers.Dense(1)))
    assert [scale.name for scale in found.scales] == ["x", "y"]


class OwnStep(keras.Model):
    def train_step(self, data):
        return {"loss": tf.reduce_sum(self.trainable_variables[0] ** 2)}


class NoCall(OwnStep):
    def __init__(self):
        super().__init__()
        self.head = layers.Dense(1)
        self.head.build((None, 3))

    def call(self, x):
        raise RuntimeError("no call")


def own_step(model):
    model.compile(SGD(0.1), "mse")
    return fit(model, raw(), np.zeros((300, 1), "float32"))


def functional_with_its_own_step():
    x = keras.Input((3,))
    return own_step(OwnStep(x, layers.Dense(1, name="head")(x)))


def test_a_model_for_its_own_step_need_not_be_callable():
    assert [scale.name for scale in scales(own_step(NoCall())).scales] == ["x", "y"]


@pytest.mark.parametrize("part", ["_fed", "_noting", "own_weights"])
def test_an_error_of_our_own_is_no_model_that_cannot_be_called(monkeypatch, part):
    def fails(*_):
        raise NameError("renamed")

    start = functional_with_its_own_step()
    assert scales(start) is not None
    monkeypatch.setattr(layer_inputs, part, fails)
    with pytest.raises(NameError, match="renamed"):
        scales(start)
