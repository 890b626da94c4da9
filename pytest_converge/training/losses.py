"""What is known about a compiled loss: its name, its sign and its best constant prediction."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

__all__ = ["constant_prediction", "loss_names", "nonnegative", "reduces_by_mean"]

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
#: Kept away from the ends of a probability, where its logarithm is not finite.
EPSILON = 1e-7


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


def nonnegative(loss: Any) -> bool:
    """True where no part of the loss can be negative on targets that suit it."""
    names = [name for name, _ in loss_names(loss)]
    return bool(names) and all(name in NONNEGATIVE for name in names)


def reduces_by_mean(loss: Any) -> bool:
    """True where the loss of many rows is the mean of their losses, so that rows can be pooled."""
    known = loss_names(loss)
    return bool(known) and all(
        name != "" and getattr(part, "reduction", "sum_over_batch_size") not in ("sum", None, "none")
        for name, part in known
    )


def constant_prediction(loss: Any, targets: Any, shape: tuple[int, ...]) -> Any:
    """The constant of one row's shape with the lowest loss, or None where it is not known.

    Means for squared errors and cross-entropies (Savage 1971, proper scoring rules), medians for
    absolute ones; logits where the loss takes them.

    Args:
        loss: one loss as given to `compile`.
        targets: NumPy array with the rows first.
        shape: shape of one row of predictions.
    """
    ((name, found),) = loss_names(loss) or [("", None)]
    rule = _CONSTANTS.get(name)
    if rule is None or targets.dtype.kind not in "fiub":
        return None
    constant = rule(np.asarray(targets, dtype=np.float64), shape)
    if constant is None or not np.isfinite(constant).all():
        return None
    if _takes_logits(found):
        clipped = np.clip(constant, EPSILON, 1 - EPSILON)
        odds = np.log(clipped)
        constant = odds - np.log1p(-clipped) if name == "binary_crossentropy" else odds
    return np.broadcast_to(constant, shape)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _takes_logits(loss: Any) -> bool:
    config = loss.get_config() if isinstance(loss, keras.losses.Loss) else {}
    return bool(config.get("from_logits", False))


def _fits(targets: np.ndarray[Any, Any], shape: tuple[int, ...]) -> np.ndarray[Any, Any] | None:
    """Targets with the shape of the predictions; None where they differ by more than an axis."""
    if targets.shape[1:] == shape:
        return targets
    return targets.reshape(-1, *shape) if (*targets.shape[1:], 1) == shape else None


def _mean(targets: np.ndarray[Any, Any], shape: tuple[int, ...]) -> Any:
    fitted = _fits(targets, shape)
    return None if fitted is None else fitted.mean(axis=0)


def _median(targets: np.ndarray[Any, Any], shape: tuple[int, ...]) -> Any:
    fitted = _fits(targets, shape)
    return None if fitted is None else np.median(fitted, axis=0)


def _probability(targets: np.ndarray[Any, Any], shape: tuple[int, ...]) -> Any:
    mean = _mean(targets, shape)
    return None if mean is None else np.clip(mean, EPSILON, 1 - EPSILON)


def _frequencies(targets: np.ndarray[Any, Any], shape: tuple[int, ...]) -> Any:
    labels = targets.astype(np.int64).ravel()
    if not shape or labels.size == 0 or labels.min() < 0 or labels.max() >= shape[-1]:
        return None
    return np.clip(np.bincount(labels, minlength=shape[-1]) / labels.size, EPSILON, 1.0)


_CONSTANTS: dict[str, Callable[[np.ndarray[Any, Any], tuple[int, ...]], Any]] = {
    "mean_squared_error": _mean,
    "mean_absolute_error": _median,
    "binary_crossentropy": _probability,
    "categorical_crossentropy": _probability,
    "sparse_categorical_crossentropy": _frequencies,
}
