"""What a function of the user closes over or names, and what of it Python changes."""

from __future__ import annotations

import collections
import dataclasses
import functools
import inspect
import itertools
import random
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np

__all__ = [
    "CELL",
    "Held",
    "changed_between",
    "held_by",
    "method_of_object",
    "models_seen_by",
    "object_of",
    "python_state",
    "seen_by",
]

#: How far the functions are followed that a step calls by name.
DEPTH = 3
#: Values of a container or an array that are looked at; of a larger one its length alone.
MOST_VALUES = 1000
#: How far containers and objects are looked into.
NESTED = 2
#: What is no state of Python's: an object of another kind, or one that may be anything.
OTHER = "..."
#: The attribute by which a cell of a closure has its value.
CELL = "cell_contents"


@dataclasses.dataclass(frozen=True, slots=True)
class Held:
    """A value that a function closes over or names.

    Attributes:
        name: as the function has it.
        value: what is held.
        owner, attribute: where it is held; the owner of a global whose module nobody knows is None.
    """

    name: str
    value: Any
    owner: Any
    attribute: str


def method_of_object(step: Any) -> Any:
    """The `__call__` of an object that can be called, so that what the object holds is seen.

    Functions, compiled ones, classes and partial ones stay what they are.
    """
    known = inspect.isroutine(step) or hasattr(step, "python_function")
    if known or isinstance(step, (type, functools.partial)):
        return step
    return step.__call__


def seen_by(step: Any) -> dict[str, Any]:
    """What a function, and those that it calls by name, close over or name."""
    seen: dict[str, Any] = {}
    for held in held_by(step):
        seen.setdefault(held.name, held.value)
    return seen


def models_seen_by(step: Any) -> list[Any]:
    """The models with weights that a function closes over or names."""
    seen = [value for value in seen_by(step).values() if isinstance(value, keras.Model)]
    return list({id(model): model for model in seen if model.built}.values())


def held_by(step: Any) -> list[Held]:
    """The same with the places that it is held in, of one name as many as there are."""
    return list(_held(step, DEPTH, set()))


def _held(step: Any, depth: int, known: set[int]) -> Iterator[Held]:
    function = inspect.unwrap(getattr(step, "python_function", step))
    owner, function = object_of(function), getattr(function, "__func__", function)
    if not inspect.isfunction(function) or id(function) in known:
        return
    known.add(id(function))
    variables = inspect.getclosurevars(function)
    module = sys.modules.get(function.__module__)
    if module is None or vars(module) is not function.__globals__:
        module = None
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    found = {name: Held(name, value, module, name) for name, value in variables.globals.items()}
    for name, value in variables.nonlocals.items():
        found[name] = Held(name, value, cells[name], CELL)
    if owner is not None and hasattr(owner, "__dict__") and not isinstance(owner, keras.Model):
        for name, value in vars(owner).items():
            found[f"self.{name}"] = Held(f"self.{name}", value, owner, name)
    yield from found.values()
    for held in found.values() if depth else ():
        if inspect.isroutine(held.value) or hasattr(held.value, "python_function"):
            yield from _held(held.value, depth - 1, known)


def object_of(function: Any) -> Any:
    """The object of a bound method; a compiled one holds it through one of TensorFlow's."""
    function = inspect.unwrap(getattr(function, "python_function", function))
    owner = getattr(function, "__self__", None)
    if type(owner).__module__.startswith("tensorflow."):
        return getattr(owner, "target", owner)
    return owner


def python_state(seen: Mapping[str, Any]) -> dict[str, Any]:
    """What a function could count in: numbers, texts, containers and attributes, by name.

    Args:
        seen: what it closes over or names, as of `seen_by`.
    """
    return {name: _state(value, NESTED) for name, value in seen.items()}


def changed_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """The name of the first part of a state that differs and was known; empty for none."""
    return next((n for n in before if n in after and _differs(before[n], after[n])), "")


def _differs(before: Any, after: Any) -> bool:
    if isinstance(before, tuple) and isinstance(after, tuple):
        return len(before) != len(after) or any(map(_differs, before, after))
    return OTHER not in (before, after) and bool(before != after)


def _state(value: Any, depth: int) -> Any:
    if isinstance(value, (bool, int, float, complex, str, bytes, np.generic, itertools.count)):
        return repr(value)
    if isinstance(value, (list, tuple, set, frozenset, dict, collections.deque)):
        listed = list(value.values()) if isinstance(value, dict) else list(value)
        if len(listed) > MOST_VALUES or not depth:
            return repr(len(listed))
        # Tensors that are only stored, as losses in a list, leave a graph as it is.
        states = (_state(each, depth - 1) for each in listed)
        return tuple(state for state in states if state != OTHER)
    known = _known_state(value)
    if known is not None:
        return repr(known)
    own = None if _is_no_state(value) or not depth else getattr(value, "__dict__", None)
    return OTHER if own is None else tuple(_state(own[name], depth - 1) for name in sorted(own))


def _known_state(value: Any) -> Any:
    """The state of a generator of random numbers, or a small array."""
    if isinstance(value, random.Random):
        return value.getstate()
    if isinstance(value, np.random.Generator):
        return value.bit_generator.state
    small = isinstance(value, np.ndarray) and value.size <= MOST_VALUES
    return value.tolist() if small else None


def _is_no_state(value: Any) -> bool:
    """True for what is shared by everybody, or has a state of its own that is known."""
    package = type(value).__module__.partition(".")[0]
    named = inspect.isclass(value) or inspect.ismodule(value) or inspect.isroutine(value)
    of_keras = package in ("keras", "tensorflow") or isinstance(value, keras.layers.Layer)
    return value is None or named or of_keras
