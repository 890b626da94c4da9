"""Rows and columns that are left out."""

from __future__ import annotations

import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from pytest_converge.training.data.arrays import batch_leaves
from pytest_converge.training.interventions import (
    rows,
)
from tests.training.interventions.trainings import emptied, missing


def test_a_row_that_is_left_out_is_replaced_by_a_sound_one(parts_during):
    _, (during,), _ = parts_during(missing(), lambda _: rows.without_nonfinite(("x",)))
    x = np.array(during["x"][0][1])
    assert np.isfinite(x).all()
    assert len(x) == 20
    np.testing.assert_array_equal(x[2], x[3])


def test_a_column_of_nan_becomes_zero_and_other_rows_are_left_out(parts_during):
    def make(reruns):
        return rows.without_unusable_columns(("x",), rows.unusable_columns(reruns.rows))

    before, (during,), _ = parts_during(emptied(), make)
    values = np.array(during["x"][0][1])
    assert np.isfinite(values).all()
    assert (values[:, 3] == 0).all()
    kept = [n for n in range(20) if n != 2]
    assert (values[kept][:, :3] == np.array(before["x"][0][1])[kept][:, :3]).all()


@pytest.mark.parametrize(
    ("x", "y", "places"),
    [
        (np.array([[1.0], [np.nan], [3.0]]), np.arange(3.0), ["x[:, 0]"]),
        ([np.ones((3, 2)), np.array([[1.0], [np.nan], [3.0]])], np.arange(3.0), ["x[1][:, 0]"]),
        ({"a": np.ones((3, 1))}, np.array([1.0, np.inf, 3.0]), ["y"]),
    ],
    ids=["array", "list", "dict"],
)
def test_the_code_that_keeps_finite_rows_keeps_them_in_all_parts(x, y, places):
    weights = np.arange(3.0)
    known = {"x": x, "y": y, "sample_weight": weights, "np": np, "keras": keras}
    names = [name for name, _ in batch_leaves((x, y, weights))]
    exec(rows.without_nonfinite(tuple(places), names).fix, known)  # noqa: S102 - it is what is pasted
    kept = keras.tree.flatten((known["x"], known["y"], known["sample_weight"]))
    assert all(len(part) == 2 and np.isfinite(part).all() for part in kept)


@pytest.mark.parametrize("as_dict", [True, False])
def test_the_code_that_empties_columns_names_the_array_that_has_them(as_dict):
    columns, ids = np.ones((3, 2)), np.arange(3)
    columns[:, 1] = np.nan
    x = {"id": ids, "table": columns} if as_dict else columns
    name = "x['table']" if as_dict else "x"
    known = {"x": x, "y": np.arange(3.0), "np": np, "keras": keras}
    names = [each for each, _ in batch_leaves((x, known["y"]))]
    change = rows.without_unusable_columns((f"{name}[:, 1]",), {name: [1]}, names)
    exec(change.fix, known)  # noqa: S102 - it is what is pasted
    emptied_columns = known["x"]["table"] if as_dict else known["x"]
    np.testing.assert_array_equal(emptied_columns, [[1.0, 0.0]] * 3)
    assert len(known["y"]) == 3


@pytest.mark.parametrize("shift", [2, -1])
@pytest.mark.parametrize("x", [np.arange(5.0), {"a": np.arange(5.0)}, [np.arange(5.0)]])
def test_the_code_that_moves_targets_moves_them_beside_all_inputs(x, shift):
    y = np.arange(5.0) - shift
    known = {"x": x, "y": y}
    names = [name for name, _ in batch_leaves((x, y))]
    exec(rows.realigned(shift, names).fix, known)  # noqa: S102 - it is what is pasted
    (inputs,) = keras.tree.flatten(known["x"])
    np.testing.assert_array_equal(inputs, known["y"])


def test_the_rows_of_a_dataset_are_left_out_by_a_filter():
    x, y = np.ones((6, 2), "float32"), np.arange(6.0)
    x[4, 1] = np.nan
    known = {"dataset": tf.data.Dataset.from_tensor_slices((x, y)).batch(2), "tf": tf}
    change = rows.without_nonfinite(("x[:, 1]",))
    change = rows.finite_in_dataset(change, ["x", "y"], "dataset", 2)
    exec(change.fix, known)  # noqa: S102 - it is what is pasted
    left = [batch.tolist() for _, batch in known["dataset"].as_numpy_iterator()]
    assert left == [[0.0, 1.0], [2.0, 3.0], [5.0]]


def test_of_nested_arrays_of_a_dataset_there_is_no_filter():
    change = rows.without_nonfinite(("x['a']",), ["x['a']", "y"])
    assert rows.finite_in_dataset(change, ["x['a']", "y"], "dataset", 2) is change


def test_two_arrays_take_the_place_of_each_other():
    x, first, second = np.ones((4, 1)), np.arange(4.0), -np.arange(4.0)
    change = rows.exchanged(
        "sample_weight[0]", "sample_weight[1]", "class-imbalance", "they are the wrong ones"
    )
    held = types.SimpleNamespace(arrays=(x, [x, x], [first, second]), with_arrays=lambda a: a)
    moved = change.data(held)
    np.testing.assert_array_equal(moved[2][0], second)
    np.testing.assert_array_equal(moved[2][1], first)
    assert moved[0] is x
    assert (change.code, change.fault) == ("class-imbalance", "they are the wrong ones")
    assert change.redefines_loss
    weights = [first, second]
    exec(change.fix, {"sample_weight": weights})  # noqa: S102 - it is what is pasted
    assert weights[0] is second
    assert rows.exchanged("y[0]", "y[1]").code == "labels-unrelated"
