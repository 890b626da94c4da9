"""Layers that leave more steps of a series, as many as the labels of a CTC loss need."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from pytest_converge.core.numbers import listed
from pytest_converge.training.interventions import pasted
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.own_functions import functions_at
from pytest_converge.training.keras_internals import Setting
from pytest_converge.training.measures.frames import Frames, frames_and_labels
from pytest_converge.training.model.losses import loss_names
from pytest_converge.training.model.structure import layers_of
from pytest_converge.training.state.snapshot import attributes_set
from pytest_converge.training.training import Training

__all__ = ["has_ctc", "more_frames", "too_few"]

#: What the CTC loss is called in Keras and in TensorFlow.
NAMES = ("ctc", "ctc_loss", "CTC")
#: Frames for each that is needed, the roomiest first: with one for a blank beside each label there
#: are many alignments, and with none to spare there is one.
ROOM = (2, 1)
#: Layers that leave out steps, by the settings that say how many.
POOLING = (
    keras.layers.AveragePooling1D,
    keras.layers.AveragePooling2D,
    keras.layers.MaxPooling1D,
    keras.layers.MaxPooling2D,
)
STRIDED = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.SeparableConv1D)


@dataclasses.dataclass(slots=True)
class _Factor:
    """By what a layer divides the steps, along one of its axes."""

    layer: Any
    axis: int
    factor: int

    def settings(self) -> dict[str, tuple[int, ...]]:
        """The settings of the layer with this factor; a window that is as long becomes so too."""
        held = self.layer.strides
        found = {"strides": self._with(held)}
        size = getattr(self.layer, "pool_size", None)
        if size is not None and size[self.axis] == held[self.axis]:
            found["pool_size"] = self._with(size)
        return found

    def _with(self, held: tuple[int, ...]) -> tuple[int, ...]:
        return (*held[: self.axis], self.factor, *held[self.axis + 1 :])


def has_ctc(training: Training) -> bool:
    """Whether a training has a CTC loss, as far as names tell: to run a step for it costs more."""
    model = training.model
    known = [] if model is None or training.own_train_step else loss_names(model.loss)
    if model is None and training.verb == "fit":
        return False
    named = any(name == "ctc" for name, _ in known)
    return named or any(function.calls(*NAMES) for function in functions_at(training))


def too_few(frames: Frames) -> str:
    """That there are fewer frames than the labels of some rows need, in words."""
    return (
        f"CTC gets {frames.given} frames for labels that need up to {frames.needed}: no alignment"
        " exists"
    )


def more_frames(training: Training, frames: Frames) -> list[Intervention]:
    """Smaller windows and strides, which leave twice as many frames as are needed, or as many.

    Args:
        training: of a CTC loss.
        frames: that it is given.
    """
    factors = _of_time(training, frames)
    found: dict[str, Intervention] = {}
    for room in ROOM:
        chosen = _smaller(factors, frames.given, room * frames.needed)
        after = _under(training, chosen) if chosen else None
        if after is not None and not after.short:
            change = _intervention(chosen, frames, after)
            found.setdefault(change.change, change)
    return list(found.values())


def _of_time(training: Training, frames: Frames) -> list[_Factor]:
    """The layers and axes without whose factor there are more frames, the last ones first."""
    every = [
        _Factor(layer, axis, factor)
        for model in training.models
        for layer in layers_of(model)
        if isinstance(layer, (*POOLING, *STRIDED))
        for axis, factor in enumerate(layer.strides)
        if factor > 1
    ]
    found = []
    for each in reversed(every):
        without = _under(training, [dataclasses.replace(each, factor=1)])
        if without is not None and without.given > frames.given:
            found.append(each)
    return found


def _under(training: Training, factors: Sequence[_Factor]) -> Frames | None:
    """The frames with other factors; None where the rest of the model takes no others."""
    try:
        with attributes_set(_settings(factors)):
            return frames_and_labels(training)
    except (ValueError, tf.errors.InvalidArgumentError):  # a layer of a fixed number of steps
        return None


def _smaller(factors: Sequence[_Factor], given: int, wanted: int) -> list[_Factor]:
    """The largest factors made smaller, until there are as many frames as wanted."""
    chosen, times = [], wanted / given
    for each in sorted(factors, key=lambda each: -each.factor):
        if times > 1:
            new = max(1, math.floor(each.factor / times))
            times *= new / each.factor
            chosen.append(dataclasses.replace(each, factor=new))
    return chosen


def _settings(factors: Sequence[_Factor]) -> list[Setting]:
    return [(x.layer, name, value) for x in factors for name, value in x.settings().items()]


def _intervention(factors: Sequence[_Factor], frames: Frames, after: Frames) -> Intervention:
    names = tuple(each.layer.name for each in factors)
    return Intervention(
        code="output-loss-mismatch",
        change=f"{after.given} frames by {listed(names)}",
        fix=pasted.layer_lines((each.layer, _written(each)) for each in factors),
        where=names,
        fault=too_few(frames),
        variant=lambda _: attributes_set(_settings(factors)),
    )


def _written(factor: _Factor) -> dict[str, Any]:
    """The settings as people write them: one number where it is that of every axis."""
    found: dict[str, Any] = {}
    for name, value in factor.settings().items():
        same = len(set(value)) == 1
        # Code is written also where it says what is so by default.
        found[name] = pasted.Code(str(value[0])) if same else value
    if found.get("pool_size") == found["strides"]:
        found["strides"] = None
    return found
