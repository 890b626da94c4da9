"""The best constant prediction under any compiled loss, fitted where no formula gives it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, TypeVar

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.core.record import TrainingRecord
from pytest_converge.training.data.arrays import named
from pytest_converge.training.data.batches import Chunk
from pytest_converge.training.keras_internals import compiled_loss
from pytest_converge.training.measures.gradients import undisturbed
from pytest_converge.training.model.losses import (
    constant_prediction,
    least_loss_prediction,
    losses_of_outputs,
)
from pytest_converge.training.model.structure import call_model
from pytest_converge.training.training import EndMeasures, Training

__all__ = ["ConstantLoss", "best_constant", "with_constant", "with_fitted_constant"]

Array = np.ndarray[Any, Any]
#: What holds the loss of the best constant prediction.
Measured = TypeVar("Measured", TrainingRecord, EndMeasures)

#: Constants that are tried before the best of them is improved, over the range of what the outputs
#: give and the targets hold.
GRID = 9
#: Steps by which it is improved, each a tenth of the range at first, and rows on which: within 1 %
#: of the closed forms of squared, absolute and logarithmic losses.
FIT_STEPS, FIRST_STEP, FIT_ROWS = 25, 0.1, 256
#: Numbers in one row of predictions, at most: more would take seconds.
MOST_NUMBERS = 2**14


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ConstantLoss:
    """What a loss is without a model, and what it is at least.

    Attributes:
        constant: the loss of the best constant prediction, regularisation left out.
        least: the loss of predictions that equal the targets, where that is known to be the least;
            else 0.
    """

    constant: float
    least: float = 0.0


def best_constant(training: Training) -> ConstantLoss | None:
    """The loss of the best constant prediction on the probe set of a training as it stands.

    The constant is sought between the least and the greatest number that the outputs give or the
    targets hold: what lies beyond, no model of these outputs can reach. Changes no variable.

    Returns:
        None where there is no compiled loss that can be called from outside.
    """
    model = training.model
    if model is None or training.own_train_step or compiled_loss(model) is None:
        return None
    if type(model).compute_loss is not keras.Model.compute_loss:
        return None
    rows, _ = training.probe_chunks()
    chunks = training.chunks(rows)
    if not chunks:
        return None
    with undisturbed(training):
        return _of_chunks(model, chunks)


def with_fitted_constant(measured: Measured, training: Training) -> Measured:
    """What was measured of a training, with the loss of its best constant where it can be fitted.

    What no prediction can remove, as the entropy of labels that are no 0 or 1, counts like the part
    of the loss that depends on no prediction.
    """
    return with_constant(measured, best_constant(training))


def with_constant(measured: Measured, found: ConstantLoss | None) -> Measured:
    """The same with a constant that was fitted before."""
    if found is None or not math.isfinite(found.constant):
        return measured
    return dataclasses.replace(
        measured,
        constant_loss=max(found.constant - found.least, 0.0),
        regularisation=measured.regularisation + found.least,
    )


def _of_chunks(model: Any, chunks: Sequence[Chunk]) -> ConstantLoss | None:
    batches = [keras.utils.unpack_x_y_sample_weight(chunk.batch) for chunk in chunks]
    if batches[0][1] is None:
        return None
    outputs = [call_model(model, x, training=False) for x, _, _ in batches]
    flat = [keras.tree.flatten(output) for output in outputs]
    by_output = zip(*flat, strict=True)
    predictions = [np.concatenate([np.asarray(part) for part in parts]) for parts in by_output]
    if any(part.dtype.kind != "f" or part.ndim < 1 for part in predictions):
        return None
    if sum(int(np.prod(part.shape[1:])) for part in predictions) > MOST_NUMBERS:
        return None
    targets = _joined([list(named(y, "y")) for _, y, _ in batches])
    loss = _Loss(model, batches, outputs[0])
    constants = _fitted(loss, _start(model, targets, predictions, batches), targets, predictions)
    if constants is None:
        return None
    best = loss.of(constants)
    perfect = _perfect(model, targets, predictions)
    least = math.nan if perfect is None else loss.of(perfect, rows=True)
    return ConstantLoss(constant=best, least=least if math.isfinite(least) else 0.0)


def _joined(batches: list[list[tuple[str, Any]]]) -> dict[str, Array]:
    """The arrays of targets over all batches, by name."""
    names = [name for name, _ in batches[0]]
    return {
        name: np.concatenate([np.asarray(dict(leaves)[name]) for leaves in batches])
        for name in names
    }


class _Loss:
    """The compiled loss of predictions that somebody else made, on all rows of the batches."""

    def __init__(self, model: Any, batches: Sequence[Any], like: Any) -> None:
        self._function = compiled_loss(model)
        self._batches = batches
        self._like = like
        self._sizes = [len(keras.tree.flatten(y)[0]) for _, y, _ in batches]
        if model.run_eagerly:
            self._traced: Any = self._with_gradient
        else:
            self._traced = tf.function(self._with_gradient, autograph=False)

    def of(self, values: Sequence[Array], *, rows: bool = False) -> float:
        """The mean over the batches, weighted by their rows.

        Args:
            values: one constant an output, or one prediction for every row of it.
            rows: True for the latter.
        """
        total, done = 0.0, 0
        for (_, y, weight), size in zip(self._batches, self._sizes, strict=True):
            parts = [
                value[done : done + size] if rows else np.broadcast_to(value, (size, *value.shape))
                for value in values
            ]
            tensors = [tf.constant(part, tf.float32) for part in parts]
            total += size / sum(self._sizes) * float(self._called(y, tensors, weight))
            done += size
        return total

    def slope(self, values: Sequence[Array]) -> tuple[float, list[Array]]:
        """The loss of constants and its gradient, on some of the batches."""
        some = self._some
        total, slopes = 0.0, [np.zeros(value.shape) for value in values]
        for (_, y, weight), size in some:
            constants = [tf.constant(value, tf.float32) for value in values]
            loss, found = self._traced(y, constants, weight)
            share = size / sum(rows for _, rows in some)
            total += share * float(loss)
            slopes = [s + share * np.asarray(f) for s, f in zip(slopes, found, strict=True)]
        return total, slopes

    def _with_gradient(self, y: Any, constants: list[Any], weight: Any) -> tuple[Any, list[Any]]:
        size = tf.shape(keras.tree.flatten(y)[0])[0]
        with tf.GradientTape() as tape:
            tape.watch(constants)
            loss = self._called(y, [tf.repeat(c[None], size, axis=0) for c in constants], weight)
        slopes: list[Any] = tape.gradient(loss, constants, unconnected_gradients="zero")
        return loss, slopes

    @property
    def _some(self) -> list[tuple[Any, int]]:
        """Batches of `FIT_ROWS` rows in all, and how many rows each has."""
        done = np.cumsum([0, *self._sizes])
        count = max(1, int(np.searchsorted(done, FIT_ROWS)))
        return list(zip(self._batches, self._sizes, strict=True))[:count]

    def _called(self, y: Any, tensors: list[Any], weight: Any) -> Any:
        predictions = keras.tree.pack_sequence_as(self._like, tensors)
        return self._function(y, predictions, weight)


def _start(
    model: Any, targets: dict[str, Array], predictions: list[Array], batches: Sequence[Any]
) -> list[Array | None]:
    """The constants that a formula gives, one an output; None where there is none."""
    weights = [weight for _, _, weight in batches]
    single = (
        len(predictions) == 1 and weights[0] is not None and not keras.tree.is_nested(weights[0])
    )
    row_weights = np.concatenate([np.asarray(w) for w in weights]) if single else None
    found: list[Array | None] = [None] * len(predictions)
    for reading in losses_of_outputs(model, list(targets)):
        if reading.index < len(predictions):
            shape = predictions[reading.index].shape[1:]
            found[reading.index] = constant_prediction(
                reading.loss, targets[reading.target], shape, row_weights
            )
    return found


def _perfect(model: Any, targets: dict[str, Array], predictions: list[Array]) -> list[Array] | None:
    """Predictions that equal the targets, of a single output whose least loss they are."""
    readings = losses_of_outputs(model, list(targets))
    if len(readings) != 1 or len(predictions) != 1:
        return None
    (reading,) = readings
    config = reading.loss.get_config() if isinstance(reading.loss, keras.losses.Loss) else {}
    if config.get("from_logits") or config.get("label_smoothing"):
        return None
    values = targets[reading.target]
    exact = least_loss_prediction(reading.name, values, predictions[0].shape[1:])
    if exact is None or exact.min() < 0 or exact.max() > 1:
        return None
    return [exact]


def _fitted(
    loss: _Loss,
    known: list[Array | None],
    targets: dict[str, Array],
    predictions: list[Array],
) -> list[Array] | None:
    """The best constants: those of formulas as they are, else the best of a grid, improved."""
    if all(value is not None for value in known):
        return [np.asarray(value, np.float64) for value in known]
    held = [array for array in targets.values() if array.dtype.kind in "fiub" and array.size]
    ends = [(float(a.min()), float(a.max())) for a in [*predictions, *held]]
    finite = [end for end in ends if np.isfinite(end).all()]
    if not finite:
        return None
    low, high = min(end[0] for end in finite), max(end[1] for end in finite)
    free = [value is None for value in known]

    def with_free(values: Sequence[Array]) -> list[Array]:
        pairs = zip(known, values, strict=True)
        return [other if value is None else value.astype(np.float64) for value, other in pairs]

    levels = np.linspace(low, high, GRID)
    candidates = [with_free([np.full(p.shape[1:], level) for p in predictions]) for level in levels]
    candidates.append(with_free([p.astype(np.float64).mean(axis=0) for p in predictions]))
    ranked = [(loss.slope(values)[0], place) for place, values in enumerate(candidates)]
    ranked = [entry for entry in ranked if math.isfinite(entry[0])]
    if not ranked:
        return None
    return _improved(loss, candidates[min(ranked)[1]], (low, high), free)


def _improved(
    loss: _Loss, values: list[Array], ends: tuple[float, float], free: list[bool]
) -> list[Array]:
    """Steps along the sign of the gradient, each number's halved where its sign turns.

    After Rprop (Riedmiller and Braun 1993), which also lengthens them.
    """
    low, high = ends
    steps = [np.full(value.shape, FIRST_STEP * (high - low)) for value in values]
    before = [np.zeros(value.shape) for value in values]
    kept, current, best = values, values, math.inf
    for _ in range(FIT_STEPS):
        reached, slopes = loss.slope(current)
        if not math.isfinite(reached) or not all(np.isfinite(part).all() for part in slopes):
            break
        if reached < best:
            best, kept = reached, current
        signs = [np.sign(part) for part in slopes]
        turned = [now * old < 0 for now, old in zip(signs, before, strict=True)]
        steps = [np.where(t, s / 2, s) for t, s in zip(turned, steps, strict=True)]
        current = [
            np.clip(value - step * sign, low, high) if moves else value
            for value, step, sign, moves in zip(current, steps, signs, free, strict=True)
        ]
        before = signs
    return kept
