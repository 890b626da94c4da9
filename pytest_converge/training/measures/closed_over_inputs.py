"""What the first trained layers of a step are fed with, as they get it, where it is off scale."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from pytest_converge.columns.profile import profile_arrays
from pytest_converge.columns.scale import scale_evidence
from pytest_converge.training.measures.flow import Flow
from pytest_converge.training.measures.layer_readings import own_weights
from pytest_converge.training.measures.recording import recorded
from pytest_converge.training.training import Training

__all__ = ["UnscaledInput", "is_off", "unscaled_inputs"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class UnscaledInput:
    """An input of a layer on a scale that does not suit it.

    Attributes:
        name: of the layer.
        layer: the layer.
        low, high: the ends of what it is fed with.
        means, deviations: of each column of its last axis.
    """

    name: str
    layer: Any = dataclasses.field(repr=False)
    low: float
    high: float
    means: tuple[float, ...]
    deviations: tuple[float, ...]


def unscaled_inputs(training: Training) -> tuple[UnscaledInput, ...]:
    """The inputs of trained layers on which the scale rule fires; changes nothing.

    Only what no trained variable has a part in, on the first batch or on what the step closes over.
    """
    recording = recorded(training, training.first_batch())
    flow = Flow(recording)
    sources = [id(v.handle) for each in recording.differentiations for v in each.sources]
    trained = flow.depending(sources)
    found: dict[str, UnscaledInput] = {}
    for call in recording.calls:
        if not own_weights(call.layer) or len(call.inputs) != 1:
            continue
        (tensor,) = call.inputs
        if id(tensor) in trained or not tensor.dtype.is_floating or not tensor.shape.rank:
            continue
        values = np.asarray(tensor.numpy(), np.float64)
        if call.name not in found and is_off(values):
            columns = values.reshape(-1, values.shape[-1])
            found[call.name] = UnscaledInput(
                name=call.name,
                layer=call.layer,
                low=float(values.min()),
                high=float(values.max()),
                means=tuple(columns.mean(axis=0).tolist()),
                deviations=tuple(columns.std(axis=0).tolist()),
            )
    return tuple(found.values())


def is_off(values: Any) -> bool:
    """True where the scale rule fires on the values, columns last."""
    if values.ndim < 2 or not np.isfinite(values).all():
        return False
    return bool(scale_evidence(profile_arrays({"x": values})).features)
