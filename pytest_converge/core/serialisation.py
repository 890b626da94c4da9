"""Values to primitives and back: what crosses processes and stands in the JSON report."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

__all__ = ["Serialisable", "written_as"]

#: What JSON and execnet can carry, besides lists and dicts of it; subclasses execnet cannot.
PLAIN = (bool, int, float, str, type(None))
#: The key of a field's metadata under which `written_as` keeps its function.
WRITTEN_AS = "written_as"

Value = TypeVar("Value", bound="Serialisable")


class Serialisable:
    """Base of dataclasses that go to primitives and come back by their annotations.

    Fields are plain values, other dataclasses, tuples and mappings of them, each of which may be
    None.
    """

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Primitives only, for reports that cross processes and for JSON."""
        written: dict[str, Any] = primitives(self)
        return written

    @classmethod
    def from_dict(cls: type[Value], data: Mapping[str, Any]) -> Value:  # noqa: PYI019 - no Self in 3.10
        """The inverse of `to_dict`."""
        return typing.cast("Value", _restored(cls, data))


def written_as(change: Callable[[Any], Any]) -> dict[str, Any]:
    """Metadata of a field of which `change` makes what is written."""
    return {WRITTEN_AS: change}


def primitives(value: Any) -> Any:
    """`value` in lists, dicts and plain types.

    A hook may have put a NumPy scalar into its finding; one of those ends an xdist session.
    """
    if type(value) in PLAIN:
        return value
    if isinstance(value, (list, tuple)):
        return [primitives(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): primitives(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value):
        return {
            field.name: primitives(field.metadata.get(WRITTEN_AS, _same)(found))
            for field in dataclasses.fields(value)
            for found in [getattr(value, field.name)]
        }
    with contextlib.suppress(Exception):
        number = value.item() if hasattr(value, "item") else float(value)
        if type(number) in PLAIN:
            return number
    return str(value)


def _restored(kind: Any, data: Any) -> Any:
    """The value of the type `kind` that `data` were written from."""
    if data is None:
        return None
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        known = _types(kind)
        # Names that it does not have the class itself refuses.
        return kind(**{name: _restored(known.get(name), item) for name, item in data.items()})
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin in {types.UnionType, typing.Union}:
        # At most one part is more than a plain type; data of plain types stay as they are.
        return _restored(next(filter(_is_structured, parts), None), data)
    if origin is tuple:
        kinds = itertools.repeat(parts[0]) if parts[-1] is Ellipsis else parts
        # Curves are long, and there is nothing to do for a number.
        plain = not any(map(_is_structured, parts))
        return tuple(data if plain else map(_restored, kinds, data))
    if origin is Mapping and isinstance(data, Mapping):
        return {key: _restored(parts[1], each) for key, each in data.items()}
    return data


def _is_structured(kind: Any) -> bool:
    return dataclasses.is_dataclass(kind) or bool(typing.get_args(kind))


@functools.cache
def _types(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _same(value: Any) -> Any:
    return value
