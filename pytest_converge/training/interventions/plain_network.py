"""A plain network on the same rows: whether it is the model that fails, or the rows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from pytest_converge.training.data.arrays import batch_leaves, map_named
from pytest_converge.training.data.batches import ArrayData
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.outputs import kind_of
from pytest_converge.training.model.structure import create_all_variables
from pytest_converge.training.state.snapshot import attributes_set
from pytest_converge.training.training import Training

__all__ = ["plain_network"]

Array = np.ndarray[Any, Any]

#: Two hidden layers, enough for most relations of a test's size (Bengio 2012, arXiv:1206.5533).
UNITS, LAYERS = 64, 2
#: Token and class numbers up to here are embedded, each in so many numbers.
MOST_CODES, EMBEDDED = 20_000, 16
#: Adam's rate, as in a reference training.
RATE = 0.01


def plain_network(arrays: Any) -> Intervention | None:
    """Dense layers on standardised inputs, with the output and the loss that the targets ask for.

    Args:
        arrays: the rows, as Keras packs them.

    Returns:
        None for inputs that are no numbers, and for several targets or none.
    """
    leaves = list(batch_leaves(arrays))
    targets = [array for name, array in leaves if name.startswith("y")]
    if len(targets) != 1 or any(array.dtype.kind not in "fiub" for _, array in leaves):
        return None
    kind = kind_of(targets[0])
    read, units, activation, loss = _output(kind, targets[0])

    def data(rows: ArrayData) -> ArrayData:
        named = map_named(rows.arrays, lambda name, a: read(a) if name.startswith("y") else a)
        return rows.with_arrays(named)

    @contextlib.contextmanager
    def variant(training: Training) -> Iterator[None]:
        model = _built(arrays, units, activation)
        model.compile(keras.optimizers.Adam(RATE), loss, jit_compile=False)
        create_all_variables(model, training.first_batch())
        with training.with_model(model), attributes_set([(training, "own_train_step", False)]):
            yield

    return Intervention(
        code="unknown",
        change=f"a plain network of {LAYERS} hidden layers, loss {loss}",
        data=data,
        variant=variant,
        loss_factor=None,
        other_optimizer=True,
    )


def _output(kind: str, targets: Array) -> tuple[Any, int, str | None, str]:
    """(how targets are read, units, activation, loss) by the kind of the targets."""
    if kind == "two values":
        high = targets.max()
        return (lambda y: (y == high).astype(np.float32)), 1, "sigmoid", "binary_crossentropy"
    if kind == "one-hot":
        columns = int(targets.shape[-1])
        return (lambda y: y), columns, "softmax", "categorical_crossentropy"
    if kind == "classes":
        lowest, highest = int(targets.min()), int(targets.max())
        classes = highest - lowest + 1
        loss = "sparse_categorical_crossentropy"
        return (lambda y: (y - lowest).astype(np.int32)), classes, "softmax", loss
    flat = targets.reshape(len(targets), -1).astype(np.float64)
    mean, spread = flat.mean(axis=0), flat.std(axis=0)
    scaled = np.where(spread > 0, spread, 1.0)

    def standardised(y: Array) -> Array:
        table: Array = (y.reshape(len(y), -1) - mean) / scaled
        return table.astype(np.float32)

    return standardised, flat.shape[1], None, "mean_squared_error"


def _built(arrays: Any, units: int, activation: str | None) -> keras.Model:
    x = keras.utils.unpack_x_y_sample_weight(arrays)[0]
    inputs = keras.tree.map_structure(
        lambda a: keras.Input(a.shape[1:], dtype=keras.backend.standardize_dtype(a.dtype)), x
    )
    parts = [
        _flat(tensor, array)
        for tensor, array in zip(keras.tree.flatten(inputs), keras.tree.flatten(x), strict=True)
    ]
    h = parts[0] if len(parts) == 1 else keras.layers.Concatenate()(parts)
    for _ in range(LAYERS):
        h = keras.layers.Dense(UNITS, activation="relu")(h)
    return keras.Model(inputs, keras.layers.Dense(units, activation=activation)(h))


def _flat(tensor: Any, array: Array) -> Any:
    """One row as a vector: codes embedded, amounts standardised."""
    if array.dtype.kind in "iu" and array.min() >= 0 and array.max() < MOST_CODES:
        embedded = keras.layers.Embedding(int(array.max()) + 1, EMBEDDED)(tensor)
        return keras.layers.Flatten()(embedded)
    flat = array.reshape(len(array), -1).astype(np.float64)
    spread = flat.std(axis=0)
    layer = keras.layers.Normalization(
        mean=flat.mean(axis=0), variance=np.where(spread > 0, spread, 1.0) ** 2
    )
    numbers = keras.ops.cast(tensor, "float32")
    return layer(keras.layers.Reshape((flat.shape[1],))(numbers))
