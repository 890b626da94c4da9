"""Values of variables and attributes of objects, taken once and put back as they were."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from pytest_converge.training.keras_internals import Setting, mirrored_variable, tensorflow_variable

__all__ = [
    "HeldVariable",
    "Snapshot",
    "as_tf_variable",
    "attributes_set",
    "method_replaced",
    "name_of",
    "shadowed",
    "unique_variables",
]


class HeldVariable:
    """A variable that is held elsewhere than in a `tf.Variable` of eager TensorFlow.

    It has the `name`, `shape` and `dtype` of one, and its `numpy` and `assign`.
    """


def as_tf_variable(variable: Any) -> Any:
    """The `tf.Variable` behind a Keras variable, one for all its copies; others as they are."""
    if isinstance(variable, HeldVariable):
        return variable
    if isinstance(variable, tf.Variable):
        return mirrored_variable(variable)
    inner = tensorflow_variable(variable)
    return inner if isinstance(inner, tf.Variable) else variable.value


def unique_variables(variables: Iterable[Any]) -> list[tf.Variable]:
    """`tf.Variable`s in order, each once."""
    found: dict[int, Any] = {}
    for variable in variables:
        inner = as_tf_variable(variable)
        found.setdefault(id(inner), inner)
    return list(found.values())


def name_of(variable: Any) -> str:
    """The name of a variable as its user knows it."""
    return str(getattr(variable, "path", variable.name)).removesuffix(":0")


@contextlib.contextmanager
def attributes_set(changes: list[Setting]) -> Iterator[None]:
    """Attributes of objects set meanwhile: (object, name, value) each."""
    kept = [(owner, name, getattr(owner, name)) for owner, name, _ in changes]
    try:
        for owner, name, value in changes:
            setattr(owner, name, value)
        yield
    finally:
        for owner, name, value in reversed(kept):
            setattr(owner, name, value)


@contextlib.contextmanager
def method_replaced(owner: type, name: str, function: Any) -> Iterator[None]:
    """Another method of a class meanwhile; one that it inherits is inherited again."""
    kept = vars(owner).get(name)
    setattr(owner, name, function)
    try:
        yield
    finally:
        if kept is None:
            delattr(owner, name)
        else:
            setattr(owner, name, kept)


@contextlib.contextmanager
def shadowed(changes: list[Setting]) -> Iterator[None]:
    """As `attributes_set`, past all bookkeeping of the objects: a method or layer included."""
    kept = [(owner.__dict__, dict(owner.__dict__), name) for owner, name, _ in changes]
    try:
        for owner, name, value in changes:
            owner.__dict__[name] = value
        yield
    finally:
        for held, before, name in reversed(kept):
            del held[name]
            if name in before:
                held[name] = before[name]


class Snapshot:
    """The values of some variables at one moment.

    Args:
        variables: `tf.Variable`s of any shape and type.
        values: values to restore instead of the present ones, one a variable.
    """

    def __init__(self, variables: Sequence[Any], values: Sequence[Any] | None = None) -> None:
        self._variables = list(variables)
        self._values = [v.numpy() for v in self._variables] if values is None else list(values)

    def restore(self) -> None:
        """Puts every value back."""
        for variable, value in zip(self._variables, self._values, strict=True):
            variable.assign(value)

    def is_left(self, *, apart_from: Sequence[Any] = ()) -> bool:
        """True where a variable has another value now, but for those `apart_from`."""
        out = {id(variable) for variable in apart_from}
        pairs = zip(self._variables, self._values, strict=True)
        return any(not np.array_equal(v.numpy(), value) for v, value in pairs if id(v) not in out)

    def values(self) -> dict[int, Any]:
        """The values by the id of their variable."""
        return {id(v): value for v, value in zip(self._variables, self._values, strict=True)}

    def with_values(self, values: Mapping[int, Any]) -> Snapshot:
        """The same snapshot with other values for some variables, by their `id`."""
        pairs = zip(self._variables, self._values, strict=True)
        return Snapshot(self._variables, [values.get(id(v), old) for v, old in pairs])
