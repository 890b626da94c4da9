"""The JSON Schema of the report, made from the values that it is written from."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal

from pytest_converge.core.origin import Origin
from pytest_converge.core.result import ConvergenceResult
from pytest_converge.report.json_report import SCHEMA_VERSION, TrainingScalars
from pytest_converge.report.studies import study_kinds

__all__ = ["SCHEMA_FILE", "report_schema", "schema_text"]

#: The published schema, beside this module: `python docs/generate_schema.py` writes it.
SCHEMA_FILE = "convergence-report.schema.json"
#: As `json_report` writes them.
NOT_FINITE = ["NaN", "Infinity", "-Infinity"]
PLAIN = {bool: "boolean", int: "integer", str: "string", type(None): "null"}
#: An entry of the section `Attributes` or `Args` of a docstring.
ENTRY = re.compile(r"^    (\w+(?:, \w+)*): (.*(?:\n     +.*)*)", re.MULTILINE)

Schema = dict[str, Any]


def report_schema() -> Schema:
    """The schema of the document that `json_report` writes, by JSON Schema 2020-12.

    A reader may meet fields that are not described: those of a newer version of the plugin.
    """
    made = _Definitions()
    training = _merged(made.fields_of(ConvergenceResult), made.fields_of(TrainingScalars))
    made.known["Training"] = _object(training, "One training of a test, with all of its starts.")
    studies = [made.study(kind) for kind in study_kinds()]
    properties = {
        "schema_version": {"const": SCHEMA_VERSION},
        **made.fields_of(Origin)["properties"],
        "environment": {
            "description": "The versions of Python, and of what trained.",
            "type": "object",
            "additionalProperties": {"type": "string"},
        },
        "trainings": {
            "description": "Every training, sorted by test and number.",
            "type": "array",
            "items": {"$ref": "#/$defs/Training"},
        },
        "studies": {
            "description": "Every study, sorted by test and number; left out where there is none.",
            "type": "array",
            "items": {"oneOf": studies},
        },
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:pytest-converge:report:{SCHEMA_VERSION}",
        "title": "The report of pytest-converge",
        "description": "What `pytest --converge-json=PATH` writes.",
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name != "studies"],
        "$defs": {
            "number": {
                "description": "A number, or the name of one that JSON has no spelling for.",
                "anyOf": [{"type": "number"}, {"enum": NOT_FINITE}],
            },
            **dict(sorted(made.known.items())),
        },
    }


def schema_text() -> str:
    """The schema as it is published."""
    return json.dumps(report_schema(), indent=2) + "\n"


class _Definitions:
    """Makes schemas of types, each class once.

    Attributes:
        known: the schemas of classes, by their names.
    """

    def __init__(self) -> None:
        self.known: dict[str, Schema] = {}

    def study(self, kind: Any) -> Schema:
        """That of a kind of study, which its `kind` tells from others."""
        own = {"kind": {"const": kind.kind}, "passed": {"type": "boolean"}}
        fields = _merged(self.fields_of(kind), {"properties": own, "required": [*own]})
        self.known[kind.__name__] = _object(fields, _sentence(kind))
        return {"$ref": f"#/$defs/{kind.__name__}"}

    def fields_of(self, kind: Any) -> Schema:
        """Properties of a dataclass or a TypedDict, and which of them are always there."""
        hints = typing.get_type_hints(kind)
        if dataclasses.is_dataclass(kind):
            required = [field.name for field in dataclasses.fields(kind)]
            names = required
        else:
            names, required = list(hints), sorted(kind.__required_keys__)
        said = {name: text for each in reversed(kind.__mro__) for name, text in _entries(each)}
        properties = {
            name: {**({"description": said[name]} if name in said else {}), **self.of(hints[name])}
            for name in names
        }
        return {"properties": properties, "required": required}

    def of(self, kind: Any) -> Schema:
        """The schema of a type."""
        if kind is float:
            return {"$ref": "#/$defs/number"}
        if kind in PLAIN:
            return {"type": PLAIN[kind]}
        if dataclasses.is_dataclass(kind):
            return self._reference(kind)
        origin, parts = typing.get_origin(kind), typing.get_args(kind)
        return self._array(parts) if origin is tuple else self._generic(kind, origin, parts)

    def _generic(self, kind: Any, origin: Any, parts: tuple[Any, ...]) -> Schema:
        if origin is Literal:
            return {"enum": list(parts)}
        if origin in {types.UnionType, typing.Union}:
            return {"anyOf": [self.of(part) for part in parts]}
        if origin is Mapping:
            return {"type": "object", "additionalProperties": self.of(parts[1])}
        raise TypeError(f"no schema for {kind}")

    def _array(self, parts: tuple[Any, ...]) -> Schema:
        if parts[-1] is Ellipsis:
            return {"type": "array", "items": self.of(parts[0])}
        items = [self.of(part) for part in parts]
        return {"type": "array", "prefixItems": items, "items": False, "minItems": len(items)}

    def _reference(self, kind: Any) -> Schema:
        name = kind.__name__
        if name not in self.known:
            self.known[name] = {}  # it may hold values of its own class
            self.known[name] = _object(self.fields_of(kind), _sentence(kind))
        return {"$ref": f"#/$defs/{name}"}


def _object(fields: Schema, description: str) -> Schema:
    return {"description": description, "type": "object", **fields}


def _merged(first: Schema, second: Schema) -> Schema:
    return {
        "properties": {**first["properties"], **second["properties"]},
        "required": [*first["required"], *second["required"]],
    }


def _sentence(kind: Any) -> str:
    """The first line of a docstring."""
    return (inspect.getdoc(kind) or "").partition("\n")[0]


def _entries(kind: Any) -> list[tuple[str, str]]:
    """The names and texts that the own docstring of a class describes its fields by."""
    found = ENTRY.findall(inspect.cleandoc(vars(kind).get("__doc__") or ""))
    return [(name, " ".join(text.split())) for names, text in found for name in names.split(", ")]
