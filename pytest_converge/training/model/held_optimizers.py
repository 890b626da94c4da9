"""The optimizers that a `train_step` of the user's may apply, found without running it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import keras

from pytest_converge.training.data.arrays import named
from pytest_converge.training.state.optimizer import is_optimizer

__all__ = ["held_optimizers", "names_seen"]


def held_optimizers(model: keras.Model) -> list[tuple[str, Any]]:
    """(name, optimizer) of all that a model could apply, each once, its own `optimizer` first.

    They are its attributes and those of the layers and models that it holds, also in lists and
    dicts, and what the methods of its class close over or name. Which of them a step applies is
    told by its trace.
    """
    found: dict[int, tuple[str, Any]] = {}
    for name, optimizer in [("optimizer", model.optimizer), *_held(model)]:
        if is_optimizer(optimizer):
            found.setdefault(id(optimizer), (name, optimizer))
    # What only passes updates on, as `LossScaleOptimizer`, is the one that the step applies.
    inner = {id(getattr(optimizer, "inner_optimizer", None)) for _, optimizer in found.values()}
    return [entry for key, entry in found.items() if key not in inner]


def names_seen(function: Any) -> dict[str, Any]:
    """What a function closes over and what it names of its module; empty for no plain function."""
    plain = inspect.unwrap(getattr(function, "python_function", function))
    plain = getattr(plain, "__func__", plain)
    if not inspect.isfunction(plain):
        return {}
    seen = inspect.getclosurevars(plain)
    return {**seen.globals, **seen.nonlocals}


def _held(model: keras.Model) -> Iterator[tuple[str, Any]]:
    """What a model, and every layer that it holds or names, holds; the nearest first."""
    waiting = [("", vars(model)), *(("", names_seen(method)) for method in _methods(model))]
    known = {id(model)}
    while waiting:
        prefix, held = waiting.pop(0)
        for name, value in sorted(held.items(), key=_farness):
            for where, leaf in named(value, f"{prefix}{name}"):
                if not isinstance(leaf, keras.layers.Layer):
                    yield where, leaf
                elif id(leaf) not in known:
                    known.add(id(leaf))
                    waiting.append((f"{where}.", vars(leaf)))


def _farness(item: tuple[str, Any]) -> tuple[bool, bool]:
    """Public attributes come before private ones, of which Keras keeps lists; both before parts."""
    name, value = item
    return name.startswith("_"), isinstance(value, (Mapping, list, tuple))


def _methods(model: keras.Model) -> Iterator[Any]:
    """The methods that the user wrote for the model."""
    for owner in type(model).__mro__:
        if owner is not object and not owner.__module__.startswith("keras."):
            yield from vars(owner).values()
