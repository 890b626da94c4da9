"""Other operations of TensorFlow in the calls of some layers, or in a step outside of layers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

from pytest_converge.training.interventions.misread_output import calling_meanwhile
from pytest_converge.training.keras_internals import Setting
from pytest_converge.training.measures.layer_readings import named_layers
from pytest_converge.training.state.snapshot import attributes_set, shadowed
from pytest_converge.training.training import Training

__all__ = ["changed_in_places"]


@contextlib.contextmanager
def changed_in_places(training: Training, settings: Mapping[str, list[Setting]]) -> Iterator[None]:
    """Attributes set in their place alone.

    Args:
        training: whose models have the layers; its optimizers make their updates as before.
        settings: by the layer in whose calls they hold; those of an empty name outside of any.
    """
    layers = {name: layer for model in training.models for name, layer in named_layers(model)}
    every = {(id(o), name): (o, name) for each in settings.values() for o, name, _ in each}
    as_it_was = [(owner, name, getattr(owner, name)) for owner, name in every.values()]
    shadows: list[Setting] = [
        (layer, "call", calling_meanwhile(layer.call, [*as_it_was, *settings.get(name, [])]))
        for name, layer in layers.items()
    ]
    for observed in training.optimizers:
        optimizer = observed.optimizer
        update = "apply" if hasattr(optimizer, "apply") else "apply_gradients"
        unchanged = calling_meanwhile(getattr(optimizer, update), as_it_was)
        shadows.append((optimizer, update, unchanged))
    with shadowed(shadows), attributes_set(settings.get("", [])):
        yield
