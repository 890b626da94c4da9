"""Calls of the verbs with anything in them: a training that is judged, or one clear error."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from keras import layers, optimizers

from pytest_converge import runner
from pytest_converge.core.calls import FitCall, MinimizeCall, StepCall
from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.result import ConvergenceResult
from pytest_converge.training.data.sources import read_arrays
from tests.fuzz.records import rarely
from tests.zoo.trainings import NoHooks, quiet

SENTENCE = re.compile(r"got .+; expected .+\. .+", re.DOTALL)
STEPS = 3
#: What arrays can be of; the last ones cannot be trained on.
NUMBERS = ["?", "i1", "u1", "i2", "i4", "i8", "u8", "f2", "f4", "f8"]
NO_NUMBERS = ["c8", "O", "M8[s]", "m8[s]"]
#: What stands for an argument that nobody can mean.
ODD = [
    0,
    -1,
    0.5,
    1.5,
    float("nan"),
    float("inf"),
    2**40,
    "a",
    b"",
    True,
    [],
    {},
    (),
    object(),
    int,
]


def arrays(rows, shapes, kinds):
    """Arrays of so many rows of small numbers."""

    def made(kind, shape, seed):
        values = np.random.default_rng(seed).integers(0, 3, (rows, *shape))
        if kind == "O":
            return np.array([[None]] * rows, dtype=object)
        return values.astype(kind) if kind[0] not in "Mm" else values.astype("i8").astype(kind)

    return st.builds(made, st.sampled_from(kinds), st.sampled_from(shapes), st.integers(0, 9))


def mostly(usual, *odd):
    """The usual value three times out of four."""
    return st.one_of(usual, usual, usual, st.sampled_from(odd or ODD))


def weights(rows):
    given_ = [np.ones(rows), np.zeros(rows), -np.ones(rows), np.full(rows, np.nan)]
    given_ += [np.ones(rows + 1), np.ones((rows, 1)), np.ones((rows, 2)), np.ones(rows, "c8"), 1.0]
    given_ += [np.arange(rows) % 2, [1.0] * rows, np.full(rows, 1e300), "a"]
    return st.none() | st.sampled_from(given_)


class OwnCallback(keras.callbacks.Callback):
    """One that looks on."""


def model_for(x):
    """A model that takes what is given, whatever its structure."""

    def build():
        inputs = keras.tree.map_structure(
            lambda leaf: keras.Input(leaf.shape[1:], dtype=_dtype(leaf)), x
        )
        flat = [layers.Flatten()(_numbers(part)) for part in keras.tree.flatten(inputs)]
        joined = layers.Concatenate()(flat) if len(flat) > 1 else flat[0]
        model = keras.Model(inputs, layers.Dense(1)(joined))
        model.compile(optimizers.SGD(0.001), "mse", metrics=["mae"])
        return model

    return build


def _dtype(leaf):
    return "float32" if leaf.dtype.kind in "fcOMm" else leaf.dtype.name


def _numbers(part):
    return layers.Lambda(lambda values: keras.ops.cast(values, "float32"))(part)


@st.composite
def inputs(draw, kinds):
    rows = draw(st.integers(1, 6))
    leaf = arrays(rows, [(1,), (2,), (2, 2)], kinds)
    x = draw(
        st.one_of(
            leaf,
            st.dictionaries(st.sampled_from(["a", "b"]), leaf, min_size=1),
            st.lists(leaf, min_size=2, max_size=2),
        )
    )
    return rows, x


@st.composite
def calls(draw):
    rows, x = draw(inputs(NUMBERS))
    y = draw(arrays(rows, [(), (1,)], NUMBERS))
    given_ = {"model": model_for(x)}
    source = draw(st.sampled_from(["arrays", "arrays", "tensors", "dataset", "generator", "odd"]))
    if source == "tensors":
        x, y = keras.tree.map_structure(tf.convert_to_tensor, (x, y))
    if source in {"arrays", "tensors"}:
        given_ |= {"x": x, "y": y, "sample_weight": draw(weights(rows))}
    elif source == "dataset":
        given_["x"] = tf.data.Dataset.from_tensor_slices((_tuples(x), y)).batch(2)
    elif source == "generator":
        count = draw(st.integers(0, STEPS + 1))
        given_["x"] = ((_tuples(x), y) for _ in range(count))
    else:
        given_ |= {
            "x": draw(st.sampled_from([None, *ODD, y])),
            "y": draw(st.sampled_from([None, 1, x])),
        }
    choices = {
        "batch_size": mostly(st.none() | st.integers(1, 8)),
        "epochs": mostly(st.none()),
        "verbose": mostly(st.just("auto")),
        "callbacks": mostly(st.none() | st.just([OwnCallback()]), [1], "a", OwnCallback, object()),
        "validation_split": mostly(st.just(0.0)),
        "validation_data": mostly(st.none(), (x, y), (x,), 1, "a", (None, None), (y, x), [x, y, 1]),
        "shuffle": mostly(st.booleans()),
        "class_weight": mostly(
            st.none(), {0: 1.0}, {0: 0.0, 1: 0.0, 2: 0.0}, {0: -1}, {"a": 1}, [1], 1
        ),
        "initial_epoch": mostly(st.just(0)),
        "steps_per_epoch": mostly(st.none()),
        "validation_steps": mostly(st.none()),
        "validation_batch_size": mostly(st.none()),
        "validation_freq": mostly(st.just(1), 2, [1], "a", 0, -1, None),
        "loss": mostly(st.none(), "mae", 1, ()),
    }
    for name in draw(st.sets(st.sampled_from(sorted(choices)), max_size=3)):
        given_[name] = draw(choices[name])
    return given_


def _tuples(x):
    """Several inputs in a list are one array for a dataset."""
    return tuple(x) if isinstance(x, list) else x


def trained(call, **expectation):
    """The result, or None for one clear error; anything else is an error of ours."""
    context = runner.Context(
        test="test",
        number=1,
        expectation=Expectation(seed=1, steps=STEPS, **expectation),
        hooks=NoHooks(),
        progress=quiet,
    )
    result, refusal = outcome(lambda: runner.run(context, call))
    assert refusal or isinstance(result, ConvergenceResult)
    return result


def outcome(make):
    """What is made and an empty text, or None and one clear error; nothing else can happen."""
    try:
        return make(), ""
    except InvalidTrainingError as error:
        text = str(error)
    assert SENTENCE.fullmatch(text), text
    return None, text


@rarely
@pytest.mark.filterwarnings("ignore::UserWarning")
@given(calls(), st.booleans())
def test_every_call_of_fit_is_judged_or_refused(arguments, built):
    model = arguments["model"]() if built else arguments["model"]
    result = trained(FitCall(**{**arguments, "model": model}))
    # What was trained was judged on numbers, whatever they are.
    assert result is None or result.runs[0].record.curve.updates >= 1


@given(inputs(NUMBERS + NO_NUMBERS), st.data())
def test_every_structure_of_arrays_is_read_or_named(given_, data):
    rows, x = given_
    y = data.draw(arrays(data.draw(st.sampled_from([rows, rows, rows + 1])), [(), (1,)], NUMBERS))
    weight = data.draw(weights(rows))
    options = {"batch_size": 2, "shuffle": True, "steps": STEPS, "seed": 0}
    read, refusal = outcome(lambda: read_arrays(x, y, weight, None, **options))
    if read is None:
        assert re.search(r"\b(x|y|sample_weight)\b", refusal)
        return
    # Complex numbers are the matter of whoever trains on them: a step of one's own may.
    assert not {leaf.dtype.kind for leaf in keras.tree.flatten(x)} & set("OMm")
    assert len(y) == rows
    assert read.rows == rows


#: What a loss or a step may return; only the real scalars are a loss.
RETURNED = {
    "tensor": lambda loss: loss,
    "float": lambda _: 0.5,
    "int": lambda _: 1,
    "numpy": lambda _: np.float32(0.5),
    "rows": lambda loss: tf.stack([loss, loss]),
    "bool": lambda _: True,
    "none": lambda _: None,
    "text": lambda _: "0.5",
    "text tensor": lambda _: tf.constant("a"),
    "complex": lambda loss: tf.complex(loss, loss),
    "pair": lambda loss: (loss, loss),
    "dict": lambda loss: {"loss": loss},
    "empty": lambda loss: tf.zeros([0]),
    "object": lambda _: object(),
    "nan": lambda loss: loss * np.nan,
    "half": lambda loss: tf.cast(loss, "float16"),
    "double": lambda loss: tf.cast(loss, "float64"),
    "integer tensor": lambda loss: tf.cast(loss, "int32"),
    "ragged": lambda loss: tf.ragged.constant([[0.5], []]),
    "sparse": lambda loss: tf.sparse.from_dense([0.5]),
}
kinds = st.sampled_from(sorted(RETURNED))


def own_step(variable, kind):
    def step(*batch):
        with tf.GradientTape() as tape:
            loss = (variable - 1.0) ** 2
        variable.assign_sub(0.1 * tape.gradient(loss, variable))
        return RETURNED[kind](loss)

    return step


@rarely
@given(kinds, st.data())
def test_every_loss_to_minimise_is_judged_or_refused(kind, data):
    variable = tf.Variable(3.0)
    arguments = {
        "loss": data.draw(mostly(st.just(lambda: RETURNED[kind]((variable - 1.0) ** 2)))),
        "variables": data.draw(
            mostly(st.just([variable]), variable, None, [], [1], "a", [tf.Variable("a")])
        ),
        "optimizer": data.draw(
            mostly(st.just(optimizers.SGD(0.1)), None, "sgd", 1, optimizers.SGD)
        ),
    }
    result = trained(MinimizeCall(**arguments))
    assert result is None or kind != "nan" or not result.passed


@rarely
@given(kinds, st.data())
def test_every_step_is_judged_or_refused(kind, data):
    variable = tf.Variable(3.0)
    arguments = {
        "step": data.draw(mostly(st.just(own_step(variable, kind)))),
        "variables": data.draw(mostly(st.just([variable]), variable, None, [], [1], "a")),
        "data": data.draw(mostly(st.none(), *ODD, np.ones((2, 2)), (np.ones(2), np.ones(3)))),
        "optimizer": data.draw(
            mostly(st.none(), "sgd", 1, optimizers.SGD(0.1), [optimizers.SGD(0.1)])
        ),
    }
    result = trained(StepCall(**arguments))
    assert result is None or kind != "nan" or not result.passed


def test_every_argument_of_fit_is_among_those_that_are_tried():
    text = Path(__file__).read_text(encoding="utf-8")
    tried = {"model", "x", "y", "sample_weight", *re.findall(r'"(\w+)": mostly', text)}
    assert {field.name for field in dataclasses.fields(FitCall)} <= tried
