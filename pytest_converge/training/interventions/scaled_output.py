"""An output in larger units, where a step of the user's has it reach numbers far from 1."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.measures.recording import recorded
from pytest_converge.training.model.structure import output_layers
from pytest_converge.training.state.snapshot import Snapshot, shadowed
from pytest_converge.training.training import Training

__all__ = ["Grown", "grown_output", "times"]


@dataclasses.dataclass(frozen=True, slots=True)
class Grown:
    """The last layer of the only model of a step, whose numbers grew.

    Attributes:
        layer: it.
        start, end: the root mean square of what it put out on the first batch.
    """

    layer: Any
    start: float
    end: float


def grown_output(training: Training, start: Snapshot, end: Snapshot) -> Grown | None:
    """What the output of a step's only model was where the run began, and where it ended.

    Args:
        training: with a step of the user's.
        start: the state where the run began; it is the present one afterwards.
        end: the trained values where it ended.

    Returns:
        None where there are several models or outputs, and where the last layer is bounded.
    """
    outputs = output_layers(training.models[0]) if len(training.models) == 1 else []
    held = getattr(outputs[0], "activation", None) if len(outputs) == 1 else None
    if getattr(held, "__name__", "") != "linear":
        return None
    sizes = []
    for stand in (end, start):
        stand.restore()
        calls = recorded(training, training.first_batch()).calls
        made = [np.asarray(t) for call in calls if call.layer is outputs[0] for t in call.outputs]
        if not made:
            return None
        sizes.append(max(float(np.sqrt(np.mean(np.square(each)))) for each in made))
    return Grown(outputs[0], *sizes[::-1])


def times(layer: Any, factor: float, code: str) -> Intervention:
    """What a layer puts out times a factor.

    Args:
        layer: the last one of a model.
        factor: above 1.
        code: the cause that is proven where it passes.
    """

    def larger(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def call(*args: Any, **settings: Any) -> Any:
            return factor * original(*args, **settings)

        return call

    return Intervention(
        code=code,
        change=f"the output of {layer.name} times {factor:g}",
        fix=f"keras.layers.Rescaling({factor!r})  # behind {layer.name}",
        where=(layer.name,),
        variant=lambda _: shadowed([(layer, "call", larger(layer.call))]),
    )
