"""Errors about a Keras model and its targets, found before any training."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.core.errors import invalid, shown
from pytest_converge.training.adapters.legacy_keras import refuse_legacy
from pytest_converge.training.data.arrays import batch_leaves
from pytest_converge.training.data.batches import Array, Batch
from pytest_converge.training.data.held_out import PREFIX
from pytest_converge.training.model.losses import loss_names
from pytest_converge.training.model.structure import call_model, has_own_train_step

__all__ = [
    "check_compiled",
    "check_data",
    "check_entry",
    "check_held_out",
    "check_is_model",
    "check_labels",
    "check_metrics",
    "check_trainable",
]


def check_is_model(model: Any) -> None:
    """A compiled Keras 3 model, or an error that says what it is instead."""
    if not isinstance(model, keras.Model):
        refuse_legacy("a model", model)
        remedy = "Pass a compiled model, or a function without arguments that returns one."
        raise invalid(f"model={shown(model)}", "a keras.Model or a function", remedy)
    if not model.compiled:
        remedy = 'Compile it first: model.compile("adam", loss="mse").'
        raise invalid(f"the model {model.name!r}, not compiled", "a compiled model", remedy)


def check_compiled(model: keras.Model, batch: Batch) -> None:
    """A compiled model has an optimizer, and its loss the targets it needs.

    A `train_step` of the user's may have optimizers of its own, and reads the data as it likes.
    """
    if has_own_train_step(model):
        return
    if model.optimizer is None:
        remedy = "Compile it with one, as model.compile('adam', ...)."
        raise invalid(f"the model {model.name!r} without an optimizer", "an optimizer", remedy)
    _, y, _ = keras.utils.unpack_x_y_sample_weight(batch)
    if y is None and loss_names(model.loss):
        remedy = "Pass the targets as the third argument: converge.fit(model, x, y)."
        raise invalid("no targets", "y for the compiled loss", remedy)


def check_entry(model: keras.Model, entry: Any) -> None:
    """The entry of the logs that is to be judged is a name, and the logs are the user's.

    Args:
        model: compiled.
        entry: as it was given; None for none.
    """
    if entry is not None and not isinstance(entry, str):
        remedy = 'Write, for example, loss="d_loss".'
        raise invalid(f"loss={shown(entry)}", "the name of an entry of the logs", remedy)
    if entry not in (None, "loss") and not has_own_train_step(model):
        remedy = "Leave it out: the compiled loss is judged; bound others by metrics={...}."
        raise invalid(f"loss={entry!r}", "a model with a train_step of its own", remedy)


def check_data(model: keras.Model, batches: Iterable[Batch], of: str = "") -> None:
    """What Keras would take without a word and train on something else, or on nothing.

    Args:
        model: compiled.
        batches: whole data, as arrays or tensors.
        of: what they are, where they are not what is trained on.
    """
    sums: dict[str, float] = {}
    for batch in batches:
        for name, leaf in batch_leaves(batch):
            if not isinstance(leaf, (np.ndarray, tf.Tensor)):
                continue
            if "complex" in str(leaf.dtype) and not _takes_complex(model, name):
                remedy = "Split them into columns of real and imaginary parts, or take np.abs."
                expected = "real ones, since Keras drops the imaginary part"
                raise invalid(f"{name}{of} of complex numbers", expected, remedy)
            if name[0] == "y" and _is_text(leaf) and _reads_numbers(model):
                remedy = "Number the classes: y = np.unique(y, return_inverse=True)[1]."
                raise invalid(f"{name}{of} of text", "numbers, which the loss reads", remedy)
            if name.startswith("sample_weight"):
                weights = np.asarray(leaf)
                if weights.dtype.kind in "OSU":
                    raise invalid(f"{name}{of} of text", "numbers", "Give one number a row.")
                sums[name] = sums.get(name, 0.0) + float(weights.sum(dtype=np.float64))
    lowest = min(sums.values(), default=1.0)
    if lowest < 0 or not any((lowest, *sums.values())):
        given = f"weights of samples or classes{of} that sum to {lowest:g}"
        remedy = "Without weight nothing is learnt: weigh the rows that count above 0."
        raise invalid(given, "a sum above 0", remedy)


def _is_text(leaf: Any) -> bool:
    """True where some values are text, as in columns of objects, which pandas makes of it."""
    if isinstance(leaf, tf.Tensor):
        return bool(leaf.dtype == tf.string)
    if leaf.dtype.kind == "O":
        return any(isinstance(value, (str, bytes)) for value in leaf.flat)
    return leaf.dtype.kind in "SU"


def _reads_numbers(model: keras.Model) -> bool:
    """True where Keras hands the targets to losses of its own."""
    own = has_own_train_step(model) or type(model).compute_loss is not keras.Model.compute_loss
    known = loss_names(model.loss)
    return not own and bool(known) and all(name for name, _ in known)


def _takes_complex(model: keras.Model, name: str) -> bool:
    """True where what is complex reaches the user's own code, or an input that says it is."""
    if not name.startswith("x"):
        return type(model).compute_loss is not keras.Model.compute_loss
    inputs = getattr(model, "inputs", None) or ()
    if inputs or isinstance(model, keras.Sequential):
        return any("complex" in str(part.dtype) for part in inputs)
    return True


def check_trainable(model: keras.Model) -> None:
    """A built model has something to train."""
    if not model.trainable_variables:
        remedy = "Set model.trainable = True, or unfreeze a layer, before compile."
        given = f"no trainable variables in the model {model.name!r}"
        raise invalid(given, "at least one", remedy)


def check_labels(model: keras.Model, arrays: Batch, batch: Batch) -> None:
    """The labels of a model with one sparse cross-entropy lie in the range of its output.

    Args:
        model: compiled and built.
        arrays: whole data.
        batch: one of its batches, where the model has to be called to tell its output.
    """
    names = loss_names(model.loss)
    if [name for name, _ in names] != ["sparse_categorical_crossentropy"]:
        return
    targets = [array for name, array in batch_leaves(arrays) if name == "y"]
    if len(targets) == 1:
        classes = _units_of_output(model, batch)
        if classes is not None:
            _check_sparse(classes, np.asarray(targets[0]), names[0][1])


def check_metrics(bounds: Any, model: keras.Model, known: Iterable[str]) -> None:
    """Every bounded metric is one that is measured at the end."""
    names = [name for name in known if name != "loss"]
    for name in bounds:
        held_out = name.startswith(PREFIX)
        if name in names or (has_own_train_step(model) and not held_out):
            continue
        remedy = "Compile it: model.compile(..., metrics=[...])."
        if held_out:
            remedy = "Pass held-out data, validation_data=(x, y), and compile the metric."
        expected = f"one of the compiled metrics ({', '.join(names) or 'there are none'})"
        raise invalid(f"metrics={{{name!r}: ...}}", expected, remedy)


def check_held_out(model: keras.Model) -> None:
    """A model that is to be evaluated on held-out data tells its loss there."""
    own_test_step = type(model).test_step is not keras.Model.test_step
    if has_own_train_step(model) and not own_test_step and not loss_names(model.loss):
        given = "validation_data for a model with a train_step of its own and no compiled loss"
        remedy = "Give it a test_step that returns the loss, or leave validation_data out."
        raise invalid(given, "a model that can be evaluated", remedy)


def _units_of_output(model: keras.Model, batch: Batch) -> int | None:
    """The last axis of a single output; a subclassed model tells it by its output for a batch."""
    if getattr(model, "outputs", None):
        shape = model.output_shape
    elif has_own_train_step(model):
        return None
    else:
        x, _, _ = keras.utils.unpack_x_y_sample_weight(batch)
        shape = getattr(call_model(model, x, training=False), "shape", None)
        shape = None if shape is None else tuple(shape)
    if not isinstance(shape, tuple) or not shape or not isinstance(shape[-1], int):
        return None
    return shape[-1]


def _check_sparse(classes: int, labels: Array, loss: Any) -> None:
    if labels.dtype.kind not in "iuf" or not labels.size:
        return
    ignored = loss.get_config().get("ignore_class") if hasattr(loss, "get_config") else None
    valid = (labels >= 0) & (labels < classes)
    if ignored is not None:
        valid |= labels == ignored
    bad = ~valid & np.isfinite(labels) if labels.dtype.kind == "f" else ~valid
    if not bad.any():
        return
    row = int(bad.reshape(len(labels), -1).any(axis=1).argmax())
    value = labels.reshape(len(labels), -1)[row][bad.reshape(len(labels), -1)[row]][0]
    given = f"the label {value} in row {row} of y"
    remedy = (
        "Count the labels from 0."
        if labels.min() == 1 and labels.max() == classes
        else f"The output layer has {classes} units; check it and the labels."
    )
    raise invalid(given, f"labels from 0 to {classes - 1} for a sparse cross-entropy", remedy)
