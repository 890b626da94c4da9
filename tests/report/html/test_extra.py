"""A section of the page alone."""

from __future__ import annotations

import pytest

from pytest_converge.report.html.extra import section_alone
from tests.pages import HOSTILE, diagnosis, studies, training

pytest.importorskip("jinja2", reason="the page needs the extra html")


def test_a_training_has_its_words_and_a_picture():
    found = section_alone(training(last=1.3, diagnosis=diagnosis()), picture=b"png")
    assert "features standardised: loss 0.02000, 3 of 3 seeds pass" in found
    assert '<img src="data:image/png;base64,cG5n"' in found
    assert "<dt>tensorflow<dd>2.21.0" in found  # of its own: there is no page around it
    assert "<script" not in found


def test_a_study_has_its_table():
    found = section_alone(studies()[0], picture=b"", problem="no picture: OSError")
    assert "learning-rate #1" in found
    assert "10x below the upper edge" in found
    assert "<p>no picture: OSError</p>" in found


def test_what_comes_from_tests_is_escaped():
    hostile = training(last=1.3, test=HOSTILE, diagnosis=diagnosis(name=HOSTILE, cause=HOSTILE))
    found = section_alone(hostile, picture=b"", problem=HOSTILE)
    assert "<script" not in found
    assert "onerror=alert(2)>" not in found
