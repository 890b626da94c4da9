"""What is said about a defective file."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_converge.baselines.files.document import loads
from pytest_converge.baselines.files.errors import (
    BaselineFileError,
    DefectError,
    MissingBaselineError,
)
from pytest_converge.core.errors import InvalidTrainingError
from tests.recorded import TEST

PATH = Path("tests/__converge__/test_models/test_wine--0a1b2c3d.json")


def test_a_conflict_says_how_to_go_on():
    with pytest.raises(DefectError) as caught:
        loads(b"{\n<<<<<<< HEAD\n")
    assert str(BaselineFileError(PATH, caught.value, test=TEST)) == (
        f"got {PATH} with a merge conflict in line 2; expected one baseline. Two sides of a "
        "baseline cannot be merged: take one side (git checkout --theirs FILE), then record "
        f"what the merged code does: pytest {TEST} --converge-baseline=update"
    )


def test_without_a_test_the_remedy_names_none():
    with pytest.raises(DefectError) as caught:
        loads(b"{")
    message = str(BaselineFileError(PATH, caught.value))
    assert message.endswith("or delete it and record its test anew")


def test_what_a_test_is_called_does_not_matter():
    message = str(MissingBaselineError(PATH, "that is not there", test="t.py::test_it[{a}]"))
    assert message.endswith("pytest 't.py::test_it[{a}]' --converge-baseline=new")


def test_the_errors_are_invalid_trainings_with_short_names():
    for kind in (BaselineFileError, MissingBaselineError):
        assert issubclass(kind, InvalidTrainingError)
        # pytest's short summary prints the module before the name.
        assert kind.__module__ == "builtins"
