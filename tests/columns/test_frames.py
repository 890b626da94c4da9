"""Reading data as named columns."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_converge.columns.frames import is_dataset, read_dataset, read_parts
from pytest_converge.core.errors import InvalidTrainingError

X = np.arange(12.0).reshape(4, 3)


def labels(data, name="x", names=None):
    return [label for part in read_parts(data, name, names) for label in part.labels]


def test_columns_of_an_array_are_named_as_they_are_written():
    assert labels(X) == ["x[:, 0]", "x[:, 1]", "x[:, 2]"]
    assert labels(X[:, 0]) == ["x"]
    assert labels(np.zeros((2, 9, 9, 2))) == ["x[..., 0]", "x[..., 1]"]
    assert labels(X, names=["a", "b", "c"]) == ["a", "b", "c"]


def test_an_array_is_not_copied():
    assert np.shares_memory(read_parts(X, "x")[0].array, X)


def test_columns_of_a_pandas_table_are_not_copied():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(np.ones((5, 2)), columns=["a", "b"])
    parts = read_parts(frame, "x")
    assert [part.labels for part in parts] == [("a",), ("b",)]
    assert np.shares_memory(parts[1].array, frame["b"].to_numpy())


def test_nullable_columns_hold_nan_where_nothing_is():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"i": pd.array([1, None], dtype="Int64"), "s": ["u", None]})
    number, text = read_parts(frame, "x")
    assert np.isnan(number.array[1])
    assert text.array.dtype == object


def test_categories_are_known_as_such():
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    for frame in (
        pd.DataFrame({"c": pd.Categorical(["u", "v"])}),
        pl.DataFrame({"c": pl.Series(["u", "v"], dtype=pl.Categorical)}),
    ):
        assert read_parts(frame, "x")[0].categories


def test_polars_columns_with_nulls_hold_nan():
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"a": [1.5, None], "b": [True, None]})
    assert [bool(np.isnan(part.array[1])) for part in read_parts(frame, "x")] == [True, True]


def test_columns_under_keys_form_one_table_and_wide_arrays_groups_of_their_own():
    data = {"age": np.ones(4), "size": np.ones((4, 1)), "pixels": np.ones((4, 8, 8, 1))}
    parts = read_parts(data, "x")
    assert [(part.group, part.labels) for part in parts] == [
        ("x", ("age",)),
        ("x", ("size",)),
        ("pixels", ("pixels[..., 0]",)),
    ]


def test_several_inputs_are_groups():
    parts = read_parts([X, np.ones((4, 2), int)], "x")
    assert [part.group for part in parts] == ["x[0]", "x[1]"]


def test_lists_of_numbers_are_an_array():
    assert labels([[1, 2], [3, 4]]) == ["x[:, 0]", "x[:, 1]"]


def test_grey_images_have_one_channel():
    images = np.zeros((3, 9, 9), dtype="uint8")
    assert read_parts(images, "x")[0].array.shape == (3, 9, 9, 1)
    walks = np.zeros((3, 9, 9)) - 1
    assert read_parts(walks, "x")[0].width == 9


def test_rows_of_a_sparse_matrix_are_filled_in():
    sparse = pytest.importorskip("scipy.sparse")
    part = read_parts(sparse.csr_matrix(np.eye(3)), "x")[0]
    assert part.rows(slice(0, 2)).tolist() == [[1, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (np.zeros((0, 2)), "got x without rows"),
        ({}, "got x without columns"),
        (np.zeros((3, 0)), "got x without columns"),
        ({"a": np.zeros((3, 0, 2)), "b": np.ones(3)}, "got x without columns"),
        (3.0, "got x=3.0 (float)"),
        ({"a": np.ones(3), "b": np.ones(4)}, "got x with parts of 3, 4 rows"),
    ],
)
def test_what_holds_no_columns_of_equal_length_is_refused(data, said):
    with pytest.raises(InvalidTrainingError) as caught:
        read_parts(data, "x")
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("batched", [False, True, "whole batches"])
def test_a_dataset_is_read_with_or_without_batches(batched, tensorflow_loaded):
    import tensorflow as tf

    y = np.array([0, 1, 0, 1])
    dataset = tf.data.Dataset.from_tensor_slices((X, y))
    if batched:
        dataset = dataset.batch(2, drop_remainder=batched != 1).prefetch(1)
    assert is_dataset(dataset)
    inputs, targets = read_dataset(dataset)
    assert inputs.tolist() == X.tolist()
    assert targets.tolist() == y.tolist()


def test_a_dataset_of_columns_alone_has_no_targets(tensorflow_loaded):
    import tensorflow as tf

    dataset = tf.data.Dataset.from_tensor_slices({"a": X[:, 0], "b": X[:, 1]}).batch(3)
    inputs, targets = read_dataset(dataset)
    assert inputs["b"].tolist() == X[:, 1].tolist()
    assert targets is None


def test_an_empty_dataset_is_refused(tensorflow_loaded):
    import tensorflow as tf

    with pytest.raises(InvalidTrainingError, match="a dataset without any element"):
        read_dataset(tf.data.Dataset.from_tensor_slices(X).take(0))


@pytest.mark.parametrize("names", ["ab", b"ab", 5, True])
def test_names_of_columns_are_a_list(names):
    with pytest.raises(InvalidTrainingError, match=r"got names=.+; expected a list of names"):
        read_parts(np.ones((3, 2)), "x", names)
