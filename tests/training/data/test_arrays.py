"""Arrays as users hand them over."""

from __future__ import annotations

from typing import NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.src.trainers.data_adapters.data_adapter_utils import class_weight_to_sample_weights

from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.core.record import NonFinite
from pytest_converge.training.data.arrays import (
    as_array,
    as_arrays,
    batch_leaves,
    column_names,
    common_rows,
    constant_columns,
    finite_rows,
    named,
    nonfinite,
    weights_of_classes,
)

NAN, INF = float("nan"), float("inf")


class Pair(NamedTuple):
    left: object
    right: object


class Frame:
    """What data frames have in common."""

    def __init__(self, values, columns):
        self._values, self.columns = np.asarray(values), columns

    def to_numpy(self):
        return self._values


@pytest.mark.parametrize(
    ("value", "dtype", "listed"),
    [
        (np.array([1.5, 2.5]), "float32", [1.5, 2.5]),
        (np.array([1.5], "float16"), "float32", [1.5]),
        (np.array([1.5], "float32"), "float32", [1.5]),
        (np.array([1, 2], "int64"), "int64", [1, 2]),
        (np.array([1, 2], "uint8"), "uint8", [1, 2]),
        (np.array([True, False]), "bool", [True, False]),
        (tf.constant([1.5, 2.5], tf.float64), "float32", [1.5, 2.5]),
        (tf.constant([1, 2]), "int32", [1, 2]),
        (tf.Variable([1.5]), "float32", [1.5]),
        (keras.Variable([1.5]), "float32", [1.5]),
        ([1, 2], "int64", [1, 2]),
        (Frame([[1.5, 2.0]], ["a", "b"]), "float32", [[1.5, 2.0]]),
    ],
)
def test_floats_are_cast_and_the_rest_is_kept(value, dtype, listed):
    array = as_array(value)
    assert isinstance(array, np.ndarray)
    assert (str(array.dtype), array.tolist()) == (dtype, listed)


def test_nothing_stays_nothing():
    assert as_array(None) is None


def test_the_float_type_is_that_of_keras():
    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    try:
        assert as_array(np.zeros(2, "float32")).dtype == "float64"
    finally:
        keras.config.set_floatx(before)


def test_a_float_too_large_becomes_infinite_without_a_warning():
    assert as_array(np.array([1e300])).tolist() == [INF]


@pytest.mark.parametrize(
    ("structure", "shapes"),
    [
        ([1, 2, 3], (3,)),
        ([[1.0, 2.0], [3.0, 4.0]], (2, 2)),
        ([[[1], [2]]], (1, 2, 1)),
        (["a", "b"], (2,)),
        ([True, False], (2,)),
        ([np.float32(1), np.float32(2)], (2,)),
        ([np.zeros((4, 1)), np.zeros(4)], [(4, 1), (4,)]),
        ((np.zeros((4, 1)), np.zeros(4)), ((4, 1), (4,))),
        ({"a": np.zeros(4), "b": tf.zeros((4, 2))}, {"a": (4,), "b": (4, 2)}),
        (Pair(np.zeros(4), None), Pair((4,), None)),
        (Frame([[1.0, 2.0]], "ab"), (1, 2)),
        (None, None),
    ],
)
def test_the_structure_is_kept_and_lists_of_numbers_are_data(structure, shapes):
    def shape_of(part):
        return None if part is None else part.shape

    assert keras.tree.map_structure(shape_of, as_arrays(structure, "x")) == shapes


@pytest.mark.parametrize(
    ("structure", "given", "expected"),
    [
        (3.0, "x=3.0 (float)", "arrays whose first axis is the rows"),
        (np.float32(3), f"x={np.float32(3)!r} (float32)", "arrays whose first axis is the rows"),
        ((1, 2), "x=1 (int)", "arrays whose first axis is the rows"),
        ({}, "x={} (dict)", "arrays whose first axis is the rows"),
        (np.zeros(2, [("a", "f4")]), "x=array([(0.,), (0.,)],", "NumPy arrays"),
        ({"a": ()}, "x={'a': ()} (dict)", "arrays whose first axis is the rows"),
        (object, "x=<class 'object'> (type)", "NumPy arrays, tensors, data frames or nested"),
        (np.array([None, 1]), "x=array([None, 1], dtype=object) (ndarray)", "NumPy arrays"),
        (map(abs, []), "x=<map object at ", "NumPy arrays"),
        (np.zeros(2, "M8[D]"), "x=array(['1970-01-01', '1970-01-01'], dtype=", "NumPy arrays"),
        ([[1, 2], [3]], "x that cannot be converted (", "NumPy arrays"),
        ({"a": tf.ragged.constant([[1], [1, 2]])}, "x=<tf.RaggedTensor", "NumPy arrays"),
    ],
)
def test_what_is_no_array_is_refused(structure, given, expected):
    with pytest.raises(InvalidTrainingError) as caught:
        as_arrays(structure, "x")
    message = str(caught.value)
    assert message.startswith(f"got {given}")
    assert f"; expected {expected}" in message
    assert message.endswith(". Convert the data, as by np.asarray(data).")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("structure", "names"),
    [
        (np.zeros(1), ["x"]),
        ([np.zeros(1), np.zeros(1)], ["x[0]", "x[1]"]),
        ({"age": np.zeros(1), "b": (np.zeros(1), None)}, ["x['age']", "x['b'][0]"]),
        (None, []),
    ],
)
def test_arrays_are_named_as_a_user_would_write_them(structure, names):
    assert [name for name, _ in named(structure, "x")] == names


def test_the_parts_of_a_batch_have_the_names_of_the_arguments():
    batch = ({"a": np.zeros(1)}, np.zeros(1), np.zeros(1))
    assert [name for name, _ in batch_leaves(batch)] == ["x['a']", "y", "sample_weight"]


def test_arrays_of_one_length():
    assert common_rows(({"a": np.zeros((7, 2)), "b": np.zeros(7)}, None, np.zeros(7))) == 7


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            (np.zeros((7, 2)), np.zeros(6), None),
            (
                "got x of 7 rows, y of 6 rows; expected arrays with equally many rows."
                " Check how inputs, targets and weights were cut."
            ),
        ),
        (
            ([np.zeros(7), np.zeros(8)], np.zeros(7), np.zeros(1)),
            (
                "got x[0] of 7 rows, x[1] of 8 rows, y of 7 rows, sample_weight of 1 rows;"
                " expected arrays with equally many rows."
                " Check how inputs, targets and weights were cut."
            ),
        ),
        (
            (np.zeros((0, 2)), np.zeros(0), None),
            (
                "got x of 0 rows, y of 0 rows; expected at least one row."
                " Check the path and the filter of the data."
            ),
        ),
        (
            (None, None, None),
            (
                "got no data; expected x with at least one row."
                " Pass the inputs as the second argument: converge.fit(model, x, y)."
            ),
        ),
    ],
)
def test_lengths_that_make_no_data_are_refused(arrays, message):
    with pytest.raises(InvalidTrainingError) as caught:
        common_rows(arrays)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "labels",
    [
        np.array([0, 2, 1, 2, 5]),
        np.array([0, 2, 1], "uint8"),
        np.array([[0], [2], [1]]),
        np.array([0.0, 1.9999999, 1.0], "float32"),
        np.array([True, False, True]),
        np.array([[0.1, 0.9, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
        np.eye(3)[[2, 0, 2, 1]],
        np.array([-1, 0, 1]),
    ],
)
@pytest.mark.parametrize("class_weight", [{0: 0.5, 1: 2.0, 2: 7.0}, {2: 3}, {}])
def test_class_weights_are_those_of_keras(labels, class_weight):
    ours = weights_of_classes(labels, class_weight)
    theirs = class_weight_to_sample_weights(labels, class_weight)
    assert ours.dtype == theirs.dtype
    assert ours.tolist() == theirs.tolist()


def test_labels_of_every_position_get_weights_of_their_own():
    labels = np.array([[0, 1], [1, 1]])[..., None]
    assert weights_of_classes(labels, {1: 2.0}).tolist() == [[1.0, 2.0], [2.0, 2.0]]


@pytest.mark.parametrize(
    ("y", "class_weight", "message"),
    [
        (None, {0: 1.0}, "got class_weight for several or no targets; expected one array"),
        ((np.zeros(2), np.zeros(2)), {0: 1.0}, "got class_weight for several or no targets"),
        ({"a": np.zeros(2)}, {0: 1.0}, "got class_weight for several or no targets"),
        (np.zeros(2), [1.0, 2.0], "got class_weight=[1.0, 2.0] (list); expected a dict of class"),
        (np.zeros(2), {0: "a"}, "got class_weight={0: 'a'} (dict); expected a dict of class"),
        (np.zeros(2), {"cat": 2.0}, "got class_weight={'cat': 2.0} (dict); expected a dict of"),
    ],
)
def test_class_weights_that_fit_no_labels_are_refused(y, class_weight, message):
    with pytest.raises(InvalidTrainingError) as caught:
        weights_of_classes(y, class_weight)
    assert str(caught.value).startswith(message)


def test_labels_that_are_no_numbers_weigh_one():
    """They are refused or reported elsewhere; a warning about a cast would tell nothing."""
    assert weights_of_classes(np.array([0.0, NAN]), {0: 2.0}).tolist() == [2.0, 1.0]


def test_the_columns_of_data_frames():
    frame = Frame([[1, 2]], ["age", 7])
    assert column_names(frame, "x") == {"x": ["age", "7"]}
    assert column_names({"a": frame, "b": np.zeros(1)}, "x") == {"x['a']": ["age", "7"]}
    assert column_names(np.zeros((1, 2)), "x") == {}


def found(x, y=None, weights=None, columns=None):
    return [(f.name, f.row, f.count) for f in nonfinite((x, y, weights), columns)]


def table(*bad, shape=(6, 3), value=NAN):
    array = np.ones(shape, "float32")
    for position in bad:
        array[position] = value
    return array


@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        ([], []),
        ([(2, 1)], [("x[:, 1]", 2, 1)]),
        ([(5, 1), (3, 1), (0, 2)], [("x[:, 1]", 3, 2), ("x[:, 2]", 0, 1)]),
    ],
)
def test_values_that_are_not_finite_are_found_by_column_and_row(bad, expected, value):
    assert found(table(*bad, value=value)) == expected


@pytest.mark.parametrize(
    ("x", "y", "weights", "expected"),
    [
        (table(), table((4,), shape=(6,)), None, [("y", 4, 1)]),
        (table(), table((4, 0), (5, 0), shape=(6, 1)), None, [("y", 4, 2)]),
        (table(), None, table(0, shape=(6,)), [("sample_weight", 0, 1)]),
        (table((3, 1, 1), (3, 0, 0), shape=(6, 2, 2)), None, None, [("x", 3, 2)]),
        ({"a": table(), "b": table((1, 0))}, None, None, [("x['b'][:, 0]", 1, 1)]),
        ([table((5, 2))], table((0, 0)), None, [("x[0][:, 2]", 5, 1), ("y[:, 0]", 0, 1)]),
        (np.ones((3, 2), int), np.array(["a", "b", "c"]), None, []),
        (np.zeros((0, 2), "float32"), None, None, []),
        (np.array([1j, complex(0, NAN)]), None, None, [("x", 1, 1)]),
        (np.array([1j, 2j]), None, None, []),
    ],
)
def test_every_array_is_searched(x, y, weights, expected):
    assert found(x, y, weights) == expected


def test_opposite_infinities_do_not_cancel():
    array = table((1, 0), value=INF)
    array[2, 1] = -INF
    assert found(array) == [("x[:, 0]", 1, 1), ("x[:, 1]", 2, 1)]


def test_a_sum_too_large_is_no_infinity():
    assert found(np.full((4, 2), 1e308)) == []


def test_columns_have_the_names_of_the_data_frame():
    columns = {"x": ["age", "rooms", "tax"], "y": ["price"]}
    assert found(table((2, 1)), table((0, 0), shape=(6, 1)), None, columns) == [
        ("x['rooms']", 2, 1),
        ("y['price']", 0, 1),
    ]


def test_what_is_found_is_made_of_plain_values():
    (item,) = nonfinite((table((2, 1)),))
    assert item == NonFinite(what="data", name="x[:, 1]", row=2, count=1)
    assert (type(item.row), type(item.count)) == (int, int)


def test_many_bad_columns_are_not_all_listed():
    assert len(found(np.full((2, 500), NAN, "float32"))) == 20


def test_constant_columns_other_than_zero_are_found() -> None:
    x = np.arange(12.0, dtype="float32").reshape(4, 3)
    x[:, 1], x[:, 2] = 7.0, 0.0
    y = np.full((4, 2), 3.0, "float32")
    assert constant_columns((x, y)) == ("x[:, 1]",)
    assert constant_columns((x, y), {"x": ["a", "b", "c"]}) == ("x['b']",)
    assert constant_columns((x[:1], y[:1])) == ()
    assert constant_columns((x[:, 1:2], y)) == ()


def test_finite_rows_are_those_without_a_bad_value():
    array = np.array([[1.0, 2.0], [np.nan, 0.0], [3.0, np.inf], [4.0, 5.0]])
    np.testing.assert_array_equal(finite_rows(array), [[1.0, 2.0], [4.0, 5.0]])
    whole = np.array([1, 2])
    assert finite_rows(whole) is whole
