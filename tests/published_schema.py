"""The published schema of the JSON report, as strict as the tests can have it."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

import jsonschema

from pytest_converge.report import json_schema

FILE = Path(json_schema.__file__).with_name(json_schema.SCHEMA_FILE)


@functools.cache
def strict() -> Any:
    """A validator that refuses fields which are not described: only newer versions have some."""
    schema = _closed(json.loads(FILE.read_text(encoding="utf-8")))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def validated(text: str) -> Any:
    """The document, which is one by the schema."""
    document = json.loads(text)
    problems = [f"{error.json_path}: {error.message}" for error in strict().iter_errors(document)]
    assert problems == []
    return document


def undated(text: str) -> str:
    """The text of a report without the time at which it was made."""
    return re.sub('"created": "[^"]*", ', "", text, count=1)


def validate_reports(folder: Path) -> None:
    """Look at every report that a session left in a folder."""
    for path in folder.glob("*.json"):
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        if text.startswith("{") and '"trainings"' in text:
            validated(text)


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(each) for name, each in schema.items()}
    return {"additionalProperties": False, **closed} if "required" in closed else closed
