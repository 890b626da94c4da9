"""The published schema: made of the values, up to date, and what is no report is refused by it."""

from __future__ import annotations

import copy
import dataclasses
import json
import typing
from collections.abc import Mapping

import pytest

from pytest_converge.core.origin import Origin
from pytest_converge.report.json_report import SCHEMA_VERSION, json_report
from pytest_converge.report.json_schema import _Definitions, report_schema, schema_text
from pytest_converge.report.studies import study_kinds
from tests.published_schema import FILE, strict

ORIGIN = Origin(version="1", created="2026-01-31T12:00:00Z")


def test_the_published_schema_is_up_to_date():
    made = schema_text()
    assert FILE.read_text(encoding="utf-8") == made, "run python docs/generate_schema.py"
    assert report_schema()["$id"].endswith(f":{SCHEMA_VERSION}")


def test_every_kind_of_study_and_every_field_of_a_training_is_described():
    definitions = report_schema()["$defs"]
    assert {kind.__name__ for kind in study_kinds()} <= definitions.keys()
    for name in ("Training", "TrainingRecord", "LossCurve", "Trial", "DataReport"):
        for field, schema in definitions[name]["properties"].items():
            # What the description of a kind says itself.
            assert "description" in schema or field in {"kind", "passed"}, (name, field)


def changed(document, *path, to=None):
    """The document with one value in another one's place, or left out."""
    odd = copy.deepcopy(document)
    *way, last = path
    place = odd
    for key in way:
        place = place[key]
    if to is None:
        del place[last]
    else:
        place[last] = to
    return odd


@pytest.mark.parametrize(
    ("path", "to"),
    [
        (("schema_version",), 2),
        (("created",), None),
        (("trainings", 0, "verdict"), "perhaps"),
        (("trainings", 0, "final_loss"), "nan"),
        (("trainings", 0, "steps"), 1.5),
        (("trainings", 0, "test"), None),
        (("trainings", 0, "unheard_of"), 1),
        (("trainings", 0, "expectation", "steps"), "many"),
        (("trainings", 0, "runs", 0, "record", "curve", "batch_loss", 3), "low"),
        (("trainings", 0, "diagnosis", "verified", 0, "losses"), 0.1),
        (("trainings", 0, "diagnosis", "excluded", 0), ["dropout off"]),
        (("trainings", 0, "diagnosis", "evidence", "columns"), [1]),
    ],
)
def test_what_is_no_report_is_refused(diagnosed, path, to):
    document = json.loads(json_report([diagnosed], origin=ORIGIN))
    assert strict().is_valid(document)
    assert not strict().is_valid(changed(document, *path, to=to))


def test_a_reader_takes_fields_of_a_newer_version(failed):
    jsonschema = pytest.importorskip("jsonschema")
    document = json.loads(json_report([failed], origin=ORIGIN))
    newer = changed(document, "trainings", 0, "unheard_of", to=1)
    jsonschema.validate(newer, report_schema())


@dataclasses.dataclass
class Node:
    """A value of its own class.

    Attributes:
        left, right: what is below.
    """

    left: Node | None
    right: Node | None


@pytest.mark.parametrize(
    ("kind", "schema"),
    [
        (bool, {"type": "boolean"}),
        (float, {"$ref": "#/$defs/number"}),
        (int | None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        (tuple[str, ...], {"type": "array", "items": {"type": "string"}}),
        (
            tuple[str, int],
            {
                "type": "array",
                "prefixItems": [{"type": "string"}, {"type": "integer"}],
                "items": False,
                "minItems": 2,
            },
        ),
        (Mapping[str, str], {"type": "object", "additionalProperties": {"type": "string"}}),
        (typing.Literal["a", "b"], {"enum": ["a", "b"]}),
    ],
    ids=str,
)
def test_a_type_has_its_schema(kind, schema):
    assert _Definitions().of(kind) == schema


def test_a_value_may_hold_values_of_its_own_class():
    made = _Definitions()
    assert made.of(Node) == {"$ref": "#/$defs/Node"}
    assert made.known["Node"]["properties"]["right"]["description"] == "what is below."
    assert made.known["Node"]["required"] == ["left", "right"]


def test_a_type_that_nobody_writes_has_none():
    with pytest.raises(TypeError, match="set"):
        _Definitions().of(set[int])
