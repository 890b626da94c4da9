"""Writes the JSON Schema of the report into the package: python docs/generate_schema.py.

A test compares.
"""

from __future__ import annotations

from pathlib import Path

from pytest_converge.report import json_schema

if __name__ == "__main__":
    path = Path(json_schema.__file__).with_name(json_schema.SCHEMA_FILE)
    path.write_text(json_schema.schema_text(), encoding="utf-8")
