"""Calls of the fixtures of studies with anything in them: a study, or one clear error."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from keras import layers, optimizers
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from pytest_converge import PreprocessingError
from pytest_converge.core.data_limits import DATA_CODES
from pytest_converge.core.study import Study
from pytest_converge.plugin.learning_rate_fixture import LearningRate
from pytest_converge.plugin.preprocessing_fixture import Preprocessing
from pytest_converge.plugin.runtest import STATE
from tests.fuzz.records import anything, rarely
from tests.fuzz.test_arguments import odd
from tests.fuzz.test_trainings import ODD, OwnCallback, arrays, mostly, outcome, weights

STEPS = 3
KINDS = ["?", "i1", "u1", "i4", "i8", "f2", "f4", "f8", "c8", "O", "M8[s]", "m8[s]"]
columns = st.sampled_from(["a", "b", "0", "x_0", "missing"])


def kept(request, call):
    """The study, None for one clear error; findings are raised with theirs."""
    try:
        study, _ = outcome(call)
    except PreprocessingError as error:
        study = error.study
    finally:
        # Thousands of them would be summed up at the end.
        del request.node.stash[STATE]
    assert study is None or isinstance(study, Study)
    if study is not None:
        assert repr(type(study).from_dict(study.to_dict())) == repr(study)
    return study


def chosen(draw, choices, most=3):
    """Some of the arguments, each with a value of its strategy."""
    return {
        name: draw(choices[name])
        for name in draw(st.sets(st.sampled_from(sorted(choices)), max_size=most))
    }


# ---- data ---------------------------------------------------------------------------------------

cells = st.one_of(
    anything,
    st.integers(-(2**63), 2**63 - 1),
    st.text(max_size=4),
    st.sampled_from([None, True, b"a", 1j, "nan", "1", [1], pd.NaT, pd.NA, np.datetime64("NaT")]),
)


#: What an array may be made into.
FORMS = {
    "array": lambda array: array,
    "list": lambda array: array.tolist(),
    "sparse": lambda array: scipy.sparse.csr_matrix(array.reshape(len(array), -1)),
    "tensor": tf.convert_to_tensor,
    "dataset": lambda array: tf.data.Dataset.from_tensor_slices((array, array)).batch(2),
}


@st.composite
def features(draw, rows=None):
    """Tables of all kinds; some that none can read."""
    rows = draw(st.integers(0, 8)) if rows is None else rows
    array = draw(arrays(rows, [(), (1,), (2,), (0,), (2, 2), (2, 2, 3)], KINDS))
    kind = draw(st.sampled_from(["floats", "cells", "dict", "frame", *FORMS]))
    if kind == "floats":
        numbers = draw(st.lists(anything, min_size=rows, max_size=rows))
        array = np.array(numbers, "f8").reshape(rows, 1)
    elif kind == "cells":
        array = np.array([*draw(st.lists(cells, min_size=rows, max_size=rows)), None], object)[:-1]
    elif kind == "dict":
        return {"a": array, "b": draw(arrays(draw(st.sampled_from([rows, rows, 1])), [()], KINDS))}
    elif kind == "frame":
        table = {"a": draw(st.lists(cells, min_size=rows, max_size=rows)), "b": list(array)}
        return pd.DataFrame(table, columns=draw(st.sampled_from([["a", "b"], ["b"], []])))
    plain = array.dtype.kind not in "OMm" and array.dtype != "f2" and array.size
    return FORMS[kind](array) if plain and kind in FORMS else array


@given(st.data())
def test_any_data_are_looked_at_or_named(request, data):
    x = data.draw(mostly(features(), None, *ODD))
    choices = {
        "targets": mostly(features(), None, *ODD),
        "held_out": mostly(features(), *ODD),
        "names": odd | st.lists(columns, max_size=3),
        "kinds": odd | st.dictionaries(columns, st.sampled_from(["binary", "text", "a"])),
        "task": odd | st.sampled_from(["classes", "values"]),
        "max_ratio": odd,
        "image_range": odd | st.tuples(anything, anything),
        "min_balance": odd | st.floats(0, 1),
        "max_conflicts": odd | st.floats(0, 1),
        "ignore": odd | st.lists(st.sampled_from(DATA_CODES)),
    }
    given_ = chosen(data.draw, choices)
    kept(request, lambda: Preprocessing(request.node).check(x, **given_))


# ---- pipelines ----------------------------------------------------------------------------------


class Adapting:
    """One that learns nothing."""

    def adapt(self, data):
        self.seen = data

    def __call__(self, data):
        return data


class Broken(StandardScaler):
    """One that cannot be copied."""

    def __deepcopy__(self, memo):
        raise OSError("no copies")


def pair(train, other):
    return train, other


#: What pipelines of the user's own may return.
MADE = {
    "same": lambda x: x,
    "nothing": lambda x: None,
    "one number": lambda x: 1,
    "text": lambda x: "a",
    "rows": lambda x: np.zeros((3, 2)),
    "column names": pd.DataFrame,
    "strings": lambda x: np.asarray(x).astype(str),
    "nan": lambda x: np.asarray(x, "f8") * np.nan,
    "sparse": lambda x: scipy.sparse.csr_matrix(np.asarray(x, "f8").reshape(len(x), -1)),
    "dict": lambda x: {"a": x},
    "ragged": lambda x: tf.ragged.constant([[1.0], []]),
    "random": lambda x: np.random.default_rng().normal(size=np.shape(x)),
    "generator": lambda x: (row for row in x),
    "complex": lambda x: np.asarray(x) * 1j,
    "objects": lambda x: [object() for _ in x],
    "no rows": lambda x: np.asarray(x)[:0],
}
pipelines = {
    "scaler": StandardScaler,
    "one-hot": OneHotEncoder,
    "ordinal": OrdinalEncoder,
    "adapting": Adapting,
    "pair": lambda: pair,
    "broken": Broken,
    "normalisation": layers.Normalization,
    "rescaling": lambda: layers.Rescaling(0.5),
    "dense": lambda: layers.Dense(2),
    "lambda": lambda: layers.Lambda(lambda x: x),
    **{name: lambda made=made: made for name, made in MADE.items()},
}


@rarely
@given(st.sampled_from(sorted(pipelines)), st.data())
def test_any_pipeline_is_tried_or_named(request, name, data):
    """What a pipeline of the user's own raises where it is fitted first is raised as it is."""
    rows = data.draw(st.integers(1, 6))
    numbers = arrays(rows, [(1,), (2,)], ["f4", "f8", "i4", "O"])
    whole = data.draw(st.booleans())
    train, other = (data.draw(numbers if whole else features()) for _ in range(2))
    choices = {"targets": features(rows), "missing": odd, "ignore": odd}
    given_ = chosen(data.draw, choices)
    pipeline = data.draw(mostly(st.just(pipelines[name]()), *ODD, StandardScaler))
    study = Preprocessing(request.node)
    try:
        kept(request, lambda: study.fit_once(pipeline, train, other, **given_))
    except Exception as error:
        # Told by where it comes from.
        if "pytest_converge" in inspect.getinnerframes(error.__traceback__)[-1].filename:
            raise


# ---- trainings ----------------------------------------------------------------------------------


def model_of(width, rate=0.1):
    made = keras.Sequential([keras.Input((width,)), layers.Dense(1)])
    made.compile(optimizers.SGD(rate), "mse")
    return made


def parts(rate=0.1):
    w = tf.Variable(3.0)
    return (lambda: (w - 1.0) ** 2), [w], optimizers.SGD(rate)


def wrong(*_):
    raise_it = {}
    return raise_it.get("a")


@rarely
@pytest.mark.filterwarnings("ignore::UserWarning")
@given(st.data())
def test_any_preparations_are_compared_or_named(request, data):
    rows = data.draw(st.integers(1, 6))
    numbers = arrays(rows, [(2,)], ["f4", "f8", "i4", "u1", "?"])
    others = {"a": np.ones((rows, 3)), "b": [["a", "b"]] * rows}
    prepared = data.draw(
        mostly(
            st.dictionaries(st.sampled_from(["a", "b", "raw"]), numbers, min_size=1, max_size=2),
            *ODD,
            others,
            {1: np.ones((rows, 2))},
            {"a": None},
            {"a": np.full((rows, 2), np.nan)},
            {"a": np.ones((rows + 1, 2))},
            {"a": np.ones(())},
        )
    )
    build = data.draw(
        mostly(
            st.sampled_from([lambda: model_of(2), lambda shape: model_of(*shape)]),
            *(*ODD, wrong, lambda a, b: model_of(2), model_of(2), lambda: 1),
        )
    )
    targets = data.draw(
        mostly(arrays(rows, [(), (1,)], ["f4", "i4"]), *ODD, None, np.ones(rows + 1), ["a"] * rows)
    )
    choices = {
        "judged": mostly(st.none(), "a", "b", *ODD),
        "tolerance": odd | st.floats(0, 5),
        "batch_size": mostly(st.integers(1, 8)),
        "seeds": mostly(st.just(1)),
        "max_loss": mostly(anything),
        "metrics": odd,
        "monotone": mostly(st.just("off")),
        "nothing": odd,
    }
    given_ = {"steps": STEPS, "seed": 1, **chosen(data.draw, choices)}
    study = Preprocessing(request.node)
    kept(request, lambda: study.compare(build, prepared, targets, **given_))


RANGE = {
    "batch_size": mostly(st.none() | st.integers(1, 8)),
    "epochs": mostly(st.none() | st.integers(1, 3)),
    "verbose": mostly(st.just("auto")),
    "callbacks": mostly(st.none() | st.just([OwnCallback()]), [1], "a", OwnCallback, object()),
    "validation_split": mostly(st.sampled_from([0.0, 0.25])),
    "initial_epoch": mostly(st.just(0)),
    "steps_per_epoch": mostly(st.none()),
    "validation_steps": mostly(st.none()),
    "validation_batch_size": mostly(st.none()),
    "validation_freq": mostly(st.just(1), 2, [1]),
    "shuffle": mostly(st.booleans()),
    "sample_weight": weights(4),
    "class_weight": mostly(st.none(), {0: 1.0}, {0: -1}, {"a": 1}, [1], 1),
    "validation_data": mostly(st.none(), (np.ones((4, 2)), np.ones(4)), (None,), 1, "a"),
    "loss": mostly(st.none(), "mae", 1, ()),
    "schedules": mostly(
        st.sampled_from([{"cosine": optimizers.schedules.CosineDecay(0.1, 9)}, {}, {1: 0.1}]),
        *(*ODD, {"a": "b"}, {"a": None}, {"a": optimizers.SGD(0.1)}, {"a": -1.0}),
    ),
    "decades": mostly(st.integers(2, 4), 41, 1),
    "max_loss": mostly(anything),
    "min_decrease": odd,
    "seeds": mostly(st.just(1)),
    "monotone": mostly(st.just("off")),
    "nothing": odd,
}
rates = st.sampled_from([0.1, 1e-3, 0.0, -0.1, 1e30, 1e-30, float("nan")])


@rarely
@pytest.mark.filterwarnings("ignore::UserWarning")
@given(st.data())
def test_any_range_of_rates_is_found_or_named(request, data):
    rate = data.draw(mostly(st.just(0.1), *(1e-3, 0.0, -0.1, 1e30, 1e-30, float("nan"))))
    given_ = {"steps": STEPS, "seed": 1, "decades": 2, **chosen(data.draw, RANGE)}
    if data.draw(st.booleans()):
        build = data.draw(mostly(st.just(lambda: model_of(2, rate)), *ODD, wrong, model_of(2)))
        given_["x"] = data.draw(mostly(arrays(4, [(2,)], ["f4", "f8", "i4", "?"]), *ODD))
        given_["y"] = data.draw(mostly(arrays(4, [(), (1,)], ["f4", "i4"]), *ODD, None))
    else:
        build = data.draw(mostly(st.just(lambda: parts(rate)), *ODD, wrong, lambda: (1, 2, 3)))
    kept(request, lambda: LearningRate(request.node).range(build, **given_))


def test_every_argument_is_among_those_that_are_tried():
    text = Path(__file__).read_text(encoding="utf-8")
    tried = {"data", "targets", "pipeline", "train", "other", "build", "pipelines", "x", "y"}
    tried |= set(re.findall(r'"(\w+)": ', text))
    of_data = Preprocessing.check, Preprocessing.fit_once, Preprocessing.compare
    for verb in (*of_data, LearningRate.range):
        names = inspect.signature(verb).parameters.keys()
        assert names - {"self", "expectation"} <= tried, verb
