"""A folder with tests and their baselines, and the command to look at it."""

from __future__ import annotations

import pytest

from pytest_converge.baselines.files import store
from pytest_converge.baselines.files.paths import baseline_path
from pytest_converge.command.main import main
from tests.recorded import TEST, recorded


@pytest.fixture(autouse=True)
def _plain(monkeypatch, tmp_path):
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def save(tmp_path):
    """Saves the baselines of one test below a folder; returns the path from there."""

    def save(*trainings, folder="."):
        base = tmp_path / folder
        test_file = base / trainings[0].test.partition("::")[0]
        test_file.parent.mkdir(parents=True, exist_ok=True)
        path = baseline_path(test_file.parent, test_file, trainings[0].test)
        store.save(path, trainings)
        return path.relative_to(tmp_path)

    return save


@pytest.fixture
def wine(save, tmp_path):
    """The baseline of a test that exists."""
    path = save(recorded())
    (tmp_path / TEST.partition("::")[0]).write_text("def test_wine(): pass\n")
    return path


@pytest.fixture
def run(capsys):
    """Runs the command; returns its exit code, output and complaints."""

    def run(*arguments):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        return code, out, err

    return run
