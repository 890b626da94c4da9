"""`--converge-tensorboard`: every training, and every change that was tried, as a run of it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pytest_converge.plugin.extras import require_library
from pytest_converge.plugin.options import Settings
from pytest_converge.plugin.results import ResultsPlugin

__all__ = ["configure"]


def configure(config: pytest.Config, folder: Path, results: ResultsPlugin) -> None:
    """Have the runs written to a folder.

    Raises:
        pytest.UsageError: TensorBoard is missing.
    """
    flag = Settings.tensorboard.flag
    require_library("tensorboard", flag=flag, extra="tensorboard")
    config.pluginmanager.register(TensorBoardPlugin(folder, results), "converge_tensorboard")


class TensorBoardPlugin:
    """Writes the runs at the end of the session, where the results are gathered."""

    def __init__(self, folder: Path, results: ResultsPlugin) -> None:
        self._folder = folder
        self._results = results

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write a file for each run."""
        if session.config.getoption("collectonly", False):
            return
        self._results.writing(session, "TensorBoard runs", self._folder, self._write)

    def _write(self) -> None:
        from pytest_converge.core.files import write_file
        from pytest_converge.report.tensorboard import EVENT_FILE, tensorboard_runs

        now = time.time()
        for result in self._results.results:
            for run, events in tensorboard_runs(result, time=now):
                folder = self._folder / run
                folder.mkdir(parents=True, exist_ok=True)
                write_file(folder / EVENT_FILE, events)
