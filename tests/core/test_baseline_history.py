"""Versions of a baseline."""

from __future__ import annotations

from pytest_converge.core.baseline_history import BaselineHistory, RecordedVersion
from tests.recorded import TEST, recorded


def test_versions_that_were_read():
    broken = RecordedVersion(commit="a", date="2026-01-01", problem="no JSON")
    sound = RecordedVersion(commit="b", date="2026-01-02", training=recorded())
    assert BaselineHistory(test=TEST, number=1, versions=(broken, sound)).read == (sound,)
