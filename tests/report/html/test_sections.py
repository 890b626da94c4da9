"""What a section says in words."""

from __future__ import annotations

import dataclasses

import pytest

from pytest_converge.core.diagnosis import NamedCause
from pytest_converge.report.html.sections import Repair, training_section
from tests.pages import diagnosis, training


@pytest.fixture
def failed():
    return training(last=1.3, diagnosis=diagnosis(trials=4))


def test_a_training_that_passes_says_what_was_measured():
    section = training_section(training())
    assert section.head.startswith("loss 2.300 -> 0.05")
    assert (section.findings, section.causes, section.repairs, section.trials) == ((), (), (), ())
    assert dict(section.facts)["expected"] == "512 steps, loss at most 0.1"
    assert dict(section.environment)["tensorflow"] == "2.21.0"
    assert section.command == "pytest 'tests/models/test_0.py::TestModel::test_training[0]'"


def test_a_failed_one_says_why_and_what_repairs_it(failed):
    section = training_section(failed)
    assert [code for code, _, fails in section.findings if fails] == ["target-missed"]
    assert section.causes == (("unscaled-features", "root mean square 227 in x[:, 12]"),)
    assert section.repairs == (
        Repair(
            label="fix",
            code="norm = keras.layers.Normalization()  # ",
            proof="features standardised: loss 0.02000, 3 of 3 seeds pass",
        ),
    )
    assert dict(section.left)["excluded"] == "dropout off (no such layer)"
    assert dict(section.left)["diagnosis took"] == "3.0 s of 10 s"


def test_every_change_that_was_tried_is_listed(failed):
    rows = training_section(failed).trials
    assert [row.kind for row in rows] == ["passed", "failed", "failed", "control"]
    assert rows[0].cells == (
        "features standardised",
        "0.02000, 0.02100, 0.02200",
        "3 of 3",
        "0.4 s",
    )
    assert any("(another unit)" in row.cells[1] for row in rows)
    assert "(asks a question, no repair)" in rows[-1].cells[0]


def test_equals_of_the_repair_are_offered_too(failed):
    (repair,) = failed.diagnosis.verified
    other = dataclasses.replace(repair, change="learning rate 1e-5", fix="SGD(1e-5)")
    verified = dataclasses.replace(failed.diagnosis, verified=(repair, other))
    section = training_section(dataclasses.replace(failed, diagnosis=verified))
    assert [each.label for each in section.repairs] == ["fix", "or, learning rate 1e-5"]


def test_several_causes_and_none_have_their_sentences(failed):
    parts = tuple(
        NamedCause(cause=cause, message=f"{cause}!") for cause in ("plateau", "dead-units")
    )
    several = dataclasses.replace(failed.diagnosis, causes=parts)
    section = training_section(dataclasses.replace(failed, diagnosis=several))
    assert section.causes == (("plateau", "plateau!"), ("dead-units", "dead-units!"))
    unknown = dataclasses.replace(failed.diagnosis, cause="unknown", message="")
    section = training_section(dataclasses.replace(failed, diagnosis=unknown))
    assert section.causes[0][0] == ""
    assert section.causes[0][1].startswith("no cause found: 4 changes tried")


def test_each_of_several_starts_has_a_row():
    rows = training_section(training(seeds=3)).starts
    assert [row.cells[0] for row in rows] == ["0", "1", "2"]
    assert {row.kind for row in rows} == {"passed"}
    assert training_section(training()).starts == ()
