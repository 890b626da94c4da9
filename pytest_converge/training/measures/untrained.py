"""Variables that were made to be trained, that the loss depends on, and that nothing trains."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from pytest_converge.training.measures.layer_readings import named_layers
from pytest_converge.training.measures.recording import Recording
from pytest_converge.training.state.snapshot import as_tf_variable, name_of, unique_variables
from pytest_converge.training.training import Training

__all__ = ["Untrained", "untrained"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Untrained:
    """One such variable.

    Attributes:
        variable: the `tf.Variable`.
        name: as its user knows it: the layer and its attribute, as in `mine.w`, where one holds it.
        layer: the layer that holds it; None where none does.
        attribute: the name under which it does; empty where it lies in a list.
        listed: the name of that list; empty for none.
    """

    variable: Any = dataclasses.field(repr=False)
    name: str
    layer: Any = None
    attribute: str = ""
    listed: str = ""


def untrained(training: Training, recording: Recording) -> tuple[Untrained, ...]:
    """The variables that a tape watched, that have a gradient, and of which no update is made.

    What was made as one that is not trained, as a moving average, is not watched. Weights that a
    Keras model keeps are not meant where Keras makes the list of what is trained: they are frozen
    on purpose, or by mistake, as its layers tell. Where a step makes it, those that nothing freezes
    and that the step writes in no other way are.
    """
    noted = recording.differentiations
    known = {id(v) for v in training.trainable}
    known.update(id(v) for each in noted for v in each.sources)
    weights = [v for model in training.models for v in unique_variables(model.variables)]
    kept = weights
    if training.verb == "step":
        kept = [v for model in training.models for v in _frozen(model)]
        known.update(_assigned(recording))
    known.update(id(v) for v in kept)
    others = unique_variables(v for each in noted for v in each.others)
    found = [v for v in others if id(v) not in known]
    holders = dict(_holders(training)) if found else {}
    for weight in weights:
        holders.pop(id(weight), None)
    return tuple(holders.get(id(v)) or Untrained(variable=v, name=name_of(v)) for v in found)


def _frozen(model: Any) -> list[Any]:
    return [as_tf_variable(v) for v in model.variables if not v.trainable]


def _assigned(recording: Recording) -> Iterator[int]:
    """The ids of the variables that the step writes by other means than a gradient of them."""
    handles = {id(op.inputs[0]) for op in recording.operations if op.kind.startswith("Assign")}
    others = [v for each in recording.differentiations for v in each.others]
    yield from (id(v) for v in others if id(v.handle) in handles)


def _holders(training: Training) -> Iterator[tuple[int, Untrained]]:
    """(id, holder) of the variables in attributes of layers."""
    layers = [named for model in training.models for named in named_layers(model)]
    for name, layer in reversed(layers):
        for attribute, value in vars(layer).items():
            if attribute.startswith("_"):
                continue
            alone = isinstance(value, tf.Variable)
            for variable in _variables(value):
                yield (
                    id(variable),
                    Untrained(
                        variable=variable,
                        name=f"{name}.{attribute}",
                        layer=layer,
                        attribute=attribute if alone else "",
                        listed="" if alone or not isinstance(value, list) else attribute,
                    ),
                )


def _variables(value: Any) -> list[Any]:
    if isinstance(value, (tf.Variable, keras.Variable)):
        return [as_tf_variable(value)]
    if isinstance(value, (list, tuple)):
        return [v for part in value for v in _variables(part)]
    if isinstance(value, dict):
        return [v for part in value.values() for v in _variables(part)]
    return []
