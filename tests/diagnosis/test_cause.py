"""Causes: one file each, and all that belongs to one in it."""

from __future__ import annotations

import pytest

from docs.generate import END, ROOT, generated, meaning, with_table
from pytest_converge.core.diagnosis import Trial
from pytest_converge.diagnosis.cause import Answer
from pytest_converge.diagnosis.causes import every_cause, modules
from pytest_converge.diagnosis.evidence import Evidence

#: Sentences that tell what is wrong and leave the change to the line below.
WITHOUT_THE_CHANGE = {"nonfinite-data", "unshuffled-data", "frozen-variables"}


@pytest.mark.parametrize("code", every_cause())
def test_every_cause_has_one_short_sentence(code):
    trial = Trial(change="the change", code=code, losses=(1.0,), passed=1)
    answer = Answer(cause=code, trial=trial, where=("x[:, 0]",))
    text = every_cause()[code].says(Evidence(rate=0.01), answer)
    assert 10 < len(text) <= 160
    assert "\n" not in text
    assert "{" not in text
    assert "the change" in text or code in WITHOUT_THE_CHANGE


# ---- the documents that are generated -----------------------------------------------------------


@pytest.mark.parametrize("path", generated())
def test_documents_hold_what_is_generated_from_the_causes(path):
    text = (ROOT / path).read_text(encoding="utf-8")
    assert text == generated()[path], "python -m docs.generate writes it anew"


def test_the_meaning_is_the_first_line_as_a_part_of_a_table():
    meanings = {module.CAUSE.code: meaning(module) for module in modules()}
    assert meanings["saddle-point"] == "no slope, but no minimum either"
    assert meanings["dead-units"] == "ReLUs that put out 0 for every row from the start"


def test_a_document_without_a_place_for_the_table_is_an_error():
    with pytest.raises(ValueError, match="no table of causes between"):
        with_table(f"text\n{END}", "| cause |")
