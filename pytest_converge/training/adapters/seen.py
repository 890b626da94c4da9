"""What a function of the user closes over or names, and what of it Python changes."""

from __future__ import annotations

import collections
import inspect
import itertools
import random
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

__all__ = ["changed_between", "python_state", "seen_by"]

#: How far the functions are followed that a step calls by name.
DEPTH = 3
#: Values of a container or an array that are looked at; of a larger one its length alone.
MOST_VALUES = 1000
#: How far containers and objects are looked into.
NESTED = 2
#: What is no state of Python's: an object of another kind, or one that may be anything.
OTHER = "..."


def seen_by(step: Any) -> dict[str, Any]:
    """What a function, and those that it calls by name, close over or name."""
    seen: dict[str, Any] = {}
    _see(step, seen, DEPTH, set())
    return seen


def _see(step: Any, seen: dict[str, Any], depth: int, known: set[int]) -> None:
    function = inspect.unwrap(getattr(step, "python_function", step))
    owner, function = getattr(function, "__self__", None), getattr(function, "__func__", function)
    if not inspect.isfunction(function) or id(function) in known:
        return
    known.add(id(function))
    variables = inspect.getclosurevars(function)
    found = {**variables.globals, **variables.nonlocals}
    if owner is not None and hasattr(owner, "__dict__") and not isinstance(owner, keras.Model):
        found.update({f"self.{name}": value for name, value in vars(owner).items()})
    for name, value in found.items():
        seen.setdefault(name, value)
    for value in found.values() if depth else ():
        if inspect.isroutine(value) or hasattr(value, "python_function"):
            _see(value, seen, depth - 1, known)


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
