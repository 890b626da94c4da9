"""What is known about a compiled loss: its name, its sign and its best constant prediction."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.core.errors import invalid, shown
from pytest_converge.training.data.batches import Array
from pytest_converge.training.keras_internals import settings_of_loss

__all__ = [
    "PROBABILITIES",
    "OutputLoss",
    "constant_prediction",
    "least_loss_prediction",
    "loss_names",
    "loss_text",
    "losses_of_outputs",
    "nonnegative",
    "reduces_by_mean",
    "reduction_of",
    "scalar_loss",
    "uninformed_loss",
]

#: Losses of Keras that cannot be negative on targets that suit them. Poisson, KL divergence of
#: unnormalised vectors, log-likelihoods and cosine similarity may be.
NONNEGATIVE = frozenset(
    {
        "binary_crossentropy",
        "binary_focal_crossentropy",
        "categorical_crossentropy",
        "categorical_focal_crossentropy",
        "sparse_categorical_crossentropy",
        "categorical_hinge",
        "hinge",
        "squared_hinge",
        "huber",
        "log_cosh",
        "mean_absolute_error",
        "mean_absolute_percentage_error",
        "mean_squared_error",
        "mean_squared_logarithmic_error",
        "ctc",
        "dice",
        "tversky",
        "circle",
    }
)
#: Losses whose targets are probabilities: outside of [0, 1] they have no least value.
PROBABILITIES = frozenset(
    {
        "binary_crossentropy",
        "binary_focal_crossentropy",
        "categorical_crossentropy",
        "categorical_focal_crossentropy",
    }
)
#: A loss is taken for that of a prediction without information where it differs by less than this
#: share. A choice, not measured: it words a sentence and withholds one, and proves nothing.
AT_FLOOR = 0.01
#: Keras' word for the mean over all values.
MEAN = "sum_over_batch_size"
#: Settings of a loss under which its values mean the same.
OF_NO_UNIT = frozenset({"axis", "dtype", "fn", "from_logits", "name", "reduction"})
#: Kept away from the ends of a probability, where its logarithm is not finite.
EPSILON = 1e-7


def scalar_loss(loss: Any, source: str, *, of_rows: bool = False) -> Any:
    """The loss that a function of the user returned, as a real scalar tensor; for every verb.

    Args:
        loss: what was returned.
        source: what the function is called, as "step".
        of_rows: an array may hold the losses of several rows, whose mean is the loss.

    Raises:
        InvalidTrainingError: something that is not one real number, as several values of which
            nobody knows which one is meant, a complex number or a truth value.
    """
    given = f"a {source} that returned {shown(loss)}"
    remedy = "End it with: return loss."
    if loss is None or isinstance(loss, (list, tuple, Mapping)):
        raise invalid(given, "a scalar", remedy)
    try:
        tensor = tf.convert_to_tensor(loss)
    except (TypeError, ValueError) as error:
        raise invalid(given, "a scalar", remedy) from error
    if tensor.dtype.is_integer:
        tensor = tf.cast(tensor, tf.float32)
    if not tensor.dtype.is_floating:
        given = f"a {source} that returned a {tensor.dtype.name}"
        remedy = "Return the number to minimise, of a complex one as by tf.abs or tf.math.real."
        raise invalid(given, "a real number", remedy)
    if of_rows:
        return tensor if tensor.shape.rank == 0 else tf.reduce_mean(tensor)
    if tensor.shape.num_elements() not in (1, None):
        remedy = "Reduce it, as by tf.reduce_mean."
        raise invalid(f"a {source} of shape {tuple(tensor.shape)}", "a scalar", remedy)
    return tf.reshape(tensor, ())


def loss_names(loss: Any) -> list[tuple[str, Any]]:
    """(name, loss) of every loss in what was given to `compile`; "" for one that is not Keras'."""
    if loss is None:
        return []
    if isinstance(loss, Mapping):
        return [item for value in loss.values() for item in loss_names(value)]
    if isinstance(loss, (list, tuple)):
        return [item for value in loss for item in loss_names(value)]
    found = keras.losses.get(loss)
    owner = type(found) if isinstance(found, keras.losses.Loss) else found
    own = getattr(owner, "__module__", "").startswith("keras.")
    return [(_snake(getattr(owner, "__name__", "")) if own else "", found)]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OutputLoss:
    """One output of a model, its targets, and the loss that compares them.

    Attributes:
        target: the name of the array of targets, as in `y['income']`.
        output: the output's name where the model has several; else empty.
        index: which of the outputs it is, in the order of `model.outputs`.
        name: the loss by its name in Keras; empty for a loss that is not Keras'.
        loss: the loss itself.
    """

    target: str
    output: str
    index: int
    name: str
    loss: Any


def losses_of_outputs(model: Any, targets: Sequence[str]) -> list[OutputLoss]:
    """Which loss reads which array of targets; those that cannot be told are left out.

    Losses and targets are given by the names of the outputs, in their order, or one for all, as
    `compile` and `fit` take them.

    Args:
        model: compiled.
        targets: names of the arrays of targets, in their order: `y`, `y[0]` or `y['income']`.
    """
    names = _output_names(model)
    if len(targets) == 1 and len(names) < 2:
        known = loss_names(model.loss)
        if len(known) != 1:
            return []
        return [
            OutputLoss(target=targets[0], output="", index=0, name=known[0][0], loss=known[0][1])
        ]
    found = []
    for place, target in enumerate(targets):
        key = _KEY.search(target)
        if key is not None and key.group(1) in names:
            output = key.group(1)
        elif key is None and place < len(names):
            output = names[place]
        else:
            continue
        index = names.index(output)
        known = loss_names(_loss_at(model.loss, output, index))
        if len(known) == 1:
            name, loss = known[0]
            found.append(
                OutputLoss(target=target, output=output, index=index, name=name, loss=loss)
            )
    return found


def _output_names(model: Any) -> list[str]:
    """What losses and targets call the outputs: the keys of a dict, else the names of layers."""
    outputs = getattr(model, "output", None) if getattr(model, "outputs", None) else None
    if isinstance(outputs, Mapping):
        return sorted(outputs)  # as Keras orders what it flattens
    return list(getattr(model, "output_names", None) or [])


def _loss_at(loss: Any, output: str, index: int) -> Any:
    if isinstance(loss, Mapping):
        return loss.get(output)
    if isinstance(loss, (list, tuple)):
        return loss[index] if index < len(loss) else None
    return loss


def nonnegative(loss: Any) -> bool:
    """True where no part of the loss can be negative on targets that suit it."""
    names = [name for name, _ in loss_names(loss)]
    return bool(names) and all(name in NONNEGATIVE for name in names)


def reduces_by_mean(loss: Any) -> bool:
    """True where the loss of many rows is the mean of their losses, so that rows can be pooled."""
    known = loss_names(loss)
    return bool(known) and all(
        name != ""
        and getattr(part, "reduction", "sum_over_batch_size") not in ("sum", None, "none")
        for name, part in known
    )


def loss_text(loss: Any, weights: Any = None) -> str:
    """The loss as a baseline records it: what its values are measured in.

    A loss of the user's own is `own`, whatever its function is called.

    Args:
        loss: as given to `compile`.
        weights: of several losses, as given to `compile`.
    """
    parts = [_with_settings(name, part) if name else "own" for name, part in loss_names(loss)]
    text = " + ".join(parts) or "own"
    return text if weights is None else f"{text} weighted by {weights}"


def reduction_of(loss: Any) -> str:
    """How the losses of rows become one: `mean`, `sum` or another word of Keras'."""
    found = [str(getattr(part, "reduction", MEAN)) for _, part in loss_names(loss)]
    words = ["mean" if word == MEAN else word for word in found]
    return " + ".join(dict.fromkeys(words)) or "mean"


def _with_settings(name: str, loss: Any) -> str:
    """The name of a loss of Keras with what changes its unit, where it is not the usual."""
    if not isinstance(loss, keras.losses.Loss):
        return name
    config = settings_of_loss(loss)
    usual = {} if "fn" in config else settings_of_loss(type(loss)())
    told = {
        key: value
        for key, value in config.items()
        if key not in OF_NO_UNIT and usual.get(key) != value
    }
    settings = ", ".join(f"{key}={value!r}" for key, value in sorted(told.items()))
    return f"{name}({settings})" if settings else name


def constant_prediction(
    loss: Any, targets: Any, shape: tuple[int, ...], weights: Any = None
) -> Any:
    """The constant of one row's shape with the lowest loss, or None where it is not known.

    Means for squared errors and cross-entropies (Savage 1971, proper scoring rules), medians for
    absolute ones; logits where the loss takes them.

    Args:
        loss: one loss as given to `compile`.
        targets: NumPy array with the rows first.
        shape: shape of one row of predictions.
        weights: the weight of each row, or of each step of each row, or None.
    """
    ((name, found),) = loss_names(loss) or [("", None)]
    rule = _CONSTANTS.get(name)
    known_weights = _known_weights(weights, targets)
    if rule is None or known_weights is None or targets.dtype.kind not in "fiub":
        return None
    constant = rule(np.asarray(targets, dtype=np.float64), shape, known_weights)
    if constant is None or not np.isfinite(constant).all():
        return None
    if name in _PROBABILITIES:
        constant = _in_the_terms_of(found, constant, is_binary=name == "binary_crossentropy")
    return np.broadcast_to(constant, shape)


def least_loss_prediction(name: str, targets: Any, shape: tuple[int, ...]) -> Any:
    """The predictions of which a loss of probabilities is least: the targets; None for others.

    Of labels that are not 0 or 1 the least cross-entropy is their own entropy, not 0.
    """
    if name not in PROBABILITIES or targets.dtype.kind not in "fiub":
        return None
    return _fits(np.asarray(targets, dtype=np.float64), shape)


def uninformed_loss(name: str, classes: int, loss: float) -> str:
    """What a cross-entropy stands at that no training explains, in words; empty for nothing known.

    Args:
        name: the loss by its name in Keras.
        classes: how many there are; 1 or 2 for a single output.
        loss: the loss that was reached.
    """
    if name not in PROBABILITIES and name != "sparse_categorical_crossentropy":
        return ""
    many = max(classes, 2)
    if name.startswith("binary"):
        many = 2
    twice = -math.log(math.e / (math.e + many - 1))
    floors = {
        f"ln {many} = {math.log(many):.4g}: all classes alike for every row": math.log(many),
        f"-ln(1e-7) = {-math.log(EPSILON):.4g}: sure of the wrong class": -math.log(EPSILON),
    }
    if not name.startswith("binary"):
        shown = f"{twice:.4g}, the least of {many} classes where softmax is applied twice"
        floors[shown] = twice
    for words, floor in floors.items():
        if abs(loss - floor) <= AT_FLOOR * floor:
            return words
    return ""


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _known_weights(weights: Any, targets: Any) -> Array | None:
    """One weight a row or step; None where they do not go with the targets, or weigh nothing."""
    if weights is None:
        return np.ones(len(targets))
    known: Array = np.asarray(weights, dtype=np.float64)
    if known.size == len(targets):
        known = known.ravel()
    fit = known.shape == targets.shape[: known.ndim]
    return known if fit and (known >= 0).all() and known.sum() > 0 else None


def _of_each(weights: Array, values: Array) -> Array:
    """The weights with the shape of the values, of which the first axes are theirs."""
    expanded = weights.reshape(*weights.shape, *(1,) * (values.ndim - weights.ndim))
    return np.broadcast_to(expanded, values.shape)


def _in_the_terms_of(loss: Any, probability: Any, *, is_binary: bool) -> Any:
    """A probability as a cross-entropy wants it: of smoothed labels, as logits."""
    config = loss.get_config() if isinstance(loss, keras.losses.Loss) else {}
    smoothing = config.get("label_smoothing") or 0.0
    middle = 0.5 if is_binary else 1 / np.shape(probability)[-1]
    clipped = np.clip((1 - smoothing) * probability + smoothing * middle, EPSILON, 1 - EPSILON)
    if not config.get("from_logits"):
        return clipped
    return np.log(clipped) - np.log1p(-clipped) if is_binary else np.log(clipped)


def _fits(targets: Array, shape: tuple[int, ...]) -> Array | None:
    """Targets with the shape of the predictions; None where they differ by more than an axis."""
    if targets.shape[1:] == shape:
        return targets
    return targets.reshape(-1, *shape) if (*targets.shape[1:], 1) == shape else None


def _mean(targets: Array, shape: tuple[int, ...], weights: Array) -> Any:
    fitted = _fits(targets, shape)
    if fitted is None or weights.ndim > fitted.ndim:
        return None
    # A step that counts nowhere may hold anything, and its mean is of no account.
    known = _of_each(weights, fitted)
    counted = np.where(known > 0, fitted, 0.0)
    total = known.sum(axis=0)
    return (known * counted).sum(axis=0) / np.where(total > 0, total, 1.0)


def _median(targets: Array, shape: tuple[int, ...], weights: Array) -> Any:
    fitted = _fits(targets, shape)
    if fitted is None or weights.ndim > fitted.ndim:
        return None
    known = _of_each(weights, fitted)
    order = fitted.argsort(axis=0)
    reached = np.take_along_axis(known, order, axis=0).cumsum(axis=0) >= known.sum(axis=0) / 2
    half = reached.argmax(axis=0)
    return np.take_along_axis(np.take_along_axis(fitted, order, axis=0), half[None], axis=0)[0]


def _frequencies(targets: Array, shape: tuple[int, ...], weights: Array) -> Any:
    if weights.ndim > targets.ndim:
        return None
    known = _of_each(weights, targets).ravel()
    labels = targets.ravel()[known > 0].astype(np.int64)
    if not shape or labels.size == 0 or labels.min() < 0 or labels.max() >= shape[-1]:
        return None
    of_label = known[known > 0]
    return np.bincount(labels, of_label, minlength=shape[-1]) / of_label.sum()


#: The key of an array in a dict of targets; those of a list go by their place.
_KEY = re.compile(r"\['(.*)'\]$")
Rule = Callable[[Array, tuple[int, ...], Array], Any]
_PROBABILITIES: dict[str, Rule] = {
    "binary_crossentropy": _mean,
    "categorical_crossentropy": _mean,
    "sparse_categorical_crossentropy": _frequencies,
}
_CONSTANTS: dict[str, Rule] = {
    "mean_squared_error": _mean,
    "mean_absolute_error": _median,
    **_PROBABILITIES,
}
