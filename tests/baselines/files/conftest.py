"""A baseline's file, reached in both ways."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_converge.baselines.files import regular_file
from pytest_converge.baselines.files.paths import baseline_path
from pytest_converge.baselines.files.store import save
from tests.recorded import TEST, recorded


@pytest.fixture(params=[True, False], ids=["folders-opened", "folders-named"])
def _both_ways(request, monkeypatch):
    """Both ways to reach a file; Windows knows the second alone."""
    if request.param and not regular_file.RELATIVE:
        pytest.skip("folders cannot be opened here")
    monkeypatch.setattr(regular_file, "RELATIVE", request.param)


@pytest.fixture
def path_below():
    """The file of a test whose baselines lie in a folder."""
    return lambda folder: baseline_path(folder, Path("test_models.py"), TEST)


@pytest.fixture
def path(tmp_path, path_below):
    return path_below(tmp_path)


@pytest.fixture
def saved(path):
    save(path, [recorded()])
    return path
