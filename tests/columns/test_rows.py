"""Rows and columns of data in several forms."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_converge.columns.rows import count_rows, in_memory, input_columns, take, with_value
from pytest_converge.core.errors import InvalidTrainingError

X = np.arange(8.0).reshape(4, 2)


def forms():
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    sparse = pytest.importorskip("scipy.sparse")
    return {
        "array": X,
        "pandas": pd.DataFrame(X, columns=["a", "b"]),
        "polars": pl.DataFrame({"a": X[:, 0], "b": X[:, 1]}),
        "dict": {"a": X[:, 0], "b": X[:, 1]},
        "sparse": sparse.csr_matrix(X),
    }


def dense(data):
    if isinstance(data, dict):
        return np.column_stack([*data.values()])
    return data.toarray() if hasattr(data, "toarray") else np.asarray(data)


@pytest.mark.parametrize("form", ["array", "pandas", "polars", "dict", "sparse"])
def test_rows_are_chosen_in_order_and_form(form):
    data = forms()[form]
    chosen = take(data, [3, 0])
    assert type(chosen) is type(data)
    assert count_rows(data) == 4
    assert dense(chosen).tolist() == X[[3, 0]].tolist()


def test_rows_of_lists_and_of_several_inputs_are_chosen():
    assert take(["u", "v", "w"], [2, 0]) == ["w", "u"]
    first, second = take((X, X[:, 0]), [1])
    assert (first.tolist(), second.tolist()) == ([[2, 3]], [2])


@pytest.mark.parametrize("form", ["array", "pandas", "polars", "dict"])
def test_a_column_is_changed_in_a_copy(form):
    data = forms()[form]
    _, column = input_columns(data)
    changed = with_value(data, column, 2, -1.0)
    assert dense(changed)[:, 1].tolist() == [-1, -1, 5, 7]
    assert dense(data).tolist() == X.tolist()


def test_text_and_integers_take_what_is_missing():
    names = {"s": np.array(["u", "v"]), "i": np.array([1, 2])}
    text, number = input_columns(names)
    assert with_value(names, text, 1, None)["s"].tolist() == [None, "v"]
    assert np.isnan(with_value(names, number, 1, float("nan"))["i"][0])
    assert with_value(names, text, 1, "other")["s"].dtype.kind == "U"


def test_columns_know_what_they_miss():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": [1.0, np.nan], "s": ["u", None]})
    assert [column.missing.tolist() for column in input_columns(frame)] == [[False, True]] * 2
    assert [column.is_text for column in input_columns(frame)] == [False, True]


def test_what_has_no_rows_is_refused():
    with pytest.raises(InvalidTrainingError, match=r"got data=3\.0"):
        count_rows(3.0)
    with pytest.raises(InvalidTrainingError, match="got train without rows"):
        in_memory(np.zeros((0, 2)), "train")


def test_tensors_and_datasets_are_taken(tensorflow_loaded):
    import tensorflow as tf

    tensor = tf.constant(X)
    assert take(tensor, [1]).numpy().tolist() == [[2, 3]]
    (first, _) = input_columns(tensor)
    assert tf.is_tensor(with_value(tensor, first, 1, 9.0))
    dataset = tf.data.Dataset.from_tensor_slices((X, X[:, 0])).batch(3)
    assert in_memory(dataset, "train").tolist() == X.tolist()
