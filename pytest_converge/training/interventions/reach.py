"""Targets that the output can give, or an output that can give the targets.

An output may lie in a range, or have one mean and deviation, whatever the weights are.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from pytest_converge.core.numbers import number
from pytest_converge.training.interventions import pasted, targets
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.misread_output import handed_on
from pytest_converge.training.measures.output_range import FixedMoments
from pytest_converge.training.state.snapshot import shadowed

__all__ = ["into_range", "to_other_moments", "without_last"]

CODE = "output-loss-mismatch"
#: Targets of a mean and deviation within this part of the deviation are as the output gives them.
ALIKE = 0.1


def into_range(array: Any, low: float, high: float, power: int | None) -> Intervention:
    """Targets mapped onto the range that the output can give, whatever its weights are.

    Args:
        array: the targets, the rows first.
        low: the least that the output gives.
        high: the most.
        power: that of the spread of the targets by which the loss shrinks where they are divided by
            it; None where it is not known.
    """
    least, most = float(array.min()), float(array.max())
    ratio = (high - low) / (most - least)

    def change(values: Any) -> Any:
        return np.interp(values, (least, most), (low, high)).astype(np.float32)

    return Intervention(
        code=CODE,
        change=f"targets of {least:g} to {most:g} mapped onto {low:g} to {high:g}",
        fault=f"the output lies within {low:g} to {high:g}, whatever the weights",
        fix=f"y = np.interp(y, ({least:g}, {most:g}), ({low:g}, {high:g}))",
        where=("y",),
        data=targets.of_targets(change),
        loss_factor=None if power is None else ratio**-power,
        redefines_loss=power is None,
    )


def to_other_moments(
    model: Any, array: Any, seen: FixedMoments, power: int | None
) -> Iterator[Intervention]:
    """The model without the layer that fixes its output, then targets of that mean and deviation.

    Args:
        model: whose output it is.
        array: the targets, the rows first.
        seen: the mean and deviation of the output under any weights.
        power: as for `into_range`.
    """
    mean, spread = float(array.mean()), float(array.std())
    near = ALIKE * spread
    if not spread or (abs(spread - seen.deviation) <= near and not abs(mean - seen.mean) > near):
        return
    given, wanted = _in_words(seen.mean, seen.deviation), _in_words(mean, spread)
    fault = f"outputs have {given} under any weights, targets {wanted}"
    yield from without_last(model, fault)
    if abs(seen.mean) <= ALIKE and abs(seen.deviation - 1.0) <= ALIKE:
        factor = None if power is None else spread**power
        change = targets.standardised(factor, ("y",))
        yield dataclasses.replace(change, code=CODE, fault=fault)


def without_last(model: Any, fault: str) -> Iterator[Intervention]:
    """The model without its last layer, where it can do without it.

    Args:
        model: whose output the layer shapes.
        fault: what is wrong with the output, in words.
    """
    layer = _last_of_same_shape(model)
    if layer is None:
        return
    inputs = "model.inputs[0]" if len(model.inputs) == 1 else "model.inputs"
    yield Intervention(
        code=CODE,
        change=f"no {layer.name} behind the output",
        fix=f"model = keras.Model({inputs}, {pasted.found(layer)}.input)  # before compile",
        fault=fault,
        where=(layer.name,),
        variant=lambda _: shadowed([(layer, "call", handed_on)]),
    )


def _in_words(mean: float, deviation: float) -> str:
    if math.isnan(mean):
        return f"deviation {number(deviation)}"
    return f"mean {number(round(mean, 3) + 0.0)} and deviation {number(deviation)}"


def _last_of_same_shape(model: Any) -> Any:
    """The last layer, where the model can do without it; None where it cannot."""
    layer = next(reversed(getattr(model, "layers", [])), None)
    if layer is None or hasattr(layer, "kernel") or not getattr(model, "outputs", None):
        return None
    try:
        shapes = layer.input.shape, layer.output.shape
    except (AttributeError, ValueError):  # of several inputs, or called more than once
        return None
    return layer if shapes[0] == shapes[1] and len(model.outputs) == 1 else None
