"""Other starts: default initialisers, other draws, a nudge off a stationary point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from pytest_converge.training.interventions.intervention import Intervention, Start
from pytest_converge.training.keras_internals import own_variables
from pytest_converge.training.model.structure import (
    INITIALISED,
    initialised_variables,
    layers_of,
    seeded,
)
from pytest_converge.training.state.snapshot import as_tf_variable
from pytest_converge.training.training import Training

__all__ = ["default_initialisers", "elsewhere", "has_own_initialisers", "nudged"]


def default_initialisers(model: keras.Model, seed: int, code: str) -> Intervention:
    """The weights of every layer of Keras drawn anew by the default initialisers."""

    def start(training: Training, values: Start) -> Start:
        changed = dict(values)
        for number, (name, _, variable) in enumerate(initialised_variables(model)):
            initialiser = seeded(keras.initializers.get(INITIALISED[name]), seed + number)
            value = initialiser(variable.shape, dtype="float32")
            changed[id(as_tf_variable(variable))] = np.asarray(value)
        return changed

    return Intervention(
        code=code,
        change="Keras' default initialisers",
        fix='kernel_initializer="glorot_uniform", bias_initializer="zeros"',
        where=tuple(layer.name for layer in layers_of(model) if own_variables(layer)),
        start=start,
    )


def has_own_initialisers(model: keras.Model) -> bool:
    """True where a layer's initial values are drawn in another way than Keras does by itself."""
    return any(
        _differs(getattr(owner, f"{name}_initializer", None), usual)
        for layer in layers_of(model)
        for owner in (layer, getattr(layer, "cell", layer))
        for name, usual in INITIALISED.items()
    )


def _differs(given: Any, usual: str) -> bool:
    """Whether an initialiser is another one than the usual, by its class or its settings."""
    if given is None:
        return False
    known = keras.initializers.get(usual)
    ours, theirs = ({**x.get_config(), "seed": None} for x in (given, known))
    return type(given) is not type(known) or ours != theirs


def nudged(
    direction: Sequence[Any], size: float, code: str, *, at: Start | None = None
) -> Intervention:
    """A point moved by `size` along a direction, one array a trained variable.

    Args:
        direction: a unit vector, cut into one array a trained variable.
        size: length of the step, in the unit of the variables.
        code: the cause that is proven where it passes.
        at: the point by the id of each variable; None for the start.
    """

    def start(training: Training, values: Start) -> Start:
        values = {**values, **(at or {})}
        changed = dict(values)
        for variable, part in zip(training.trainable, direction, strict=True):
            before = np.asarray(values.get(id(variable), variable.numpy()))
            changed[id(variable)] = before + size * np.asarray(part)
        return changed

    return Intervention(
        code=code,
        change=f"{'start' if at is None else 'end'} moved by {size:.2g} along negative curvature",
        fix="variable.assign_add(tf.random.normal(variable.shape, stddev=0.01))",
        start=start,
    )


def elsewhere(
    seed: int, spread: float, *, code: str = "local-minimum", around_zero: bool = False
) -> Intervention:
    """A start drawn around the given one, with a spread relative to the size of each variable.

    Args:
        seed: of the draw.
        spread: standard deviation over the size of a variable plus 1; around 0 as it is.
        code: the cause that is proven where it passes.
        around_zero: draw around 0, which a start that is far too large is never near to.
    """

    def start(training: Training, values: Start) -> Start:
        rng = np.random.default_rng(seed)
        changed = dict(values)
        for variable in training.trainable:
            before = np.asarray(values.get(id(variable), variable.numpy()))
            scale = spread * (1.0 if around_zero else np.abs(before).mean() + 1.0)
            middle = 0.0 * before if around_zero else before
            changed[id(variable)] = middle + scale * rng.normal(size=before.shape)
        return changed

    place = " around 0" if around_zero else ""
    return Intervention(
        code=code,
        change=f"another start{place} (spread {spread:g}, seed {seed})",
        fix="variable.assign(tf.random.normal(variable.shape))  # another start",
        start=start,
    )
