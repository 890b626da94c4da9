"""Baselines as pytest sees them: what is done for a test, and what a session did with the files."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_converge.plugin.options import SETTINGS, Settings
from pytest_converge.plugin.results import ATTRIBUTE

if TYPE_CHECKING:
    from pytest_converge.core.baseline import BaselinePolicy, PolicyMode
    from pytest_converge.core.result import ConvergenceResult

__all__ = ["BaselinesPlugin", "as_reported", "policy_of", "require_review", "with_obtained_kept"]

#: Options by which a session collects only a part of the tests.
SELECTING = (
    *("keyword", "markexpr", "deselect", "ignore", "ignore_glob", "lf", "stepwise"),
    "converge_model",  # without files of tests it is collected alone
)
#: The folder of pytest's cache that keeps the runs of failed comparisons.
OBTAINED_CACHE = "converge_obtained"
#: Stale files listed one by one.
MOST_LISTED = 10


def policy_of(item: pytest.Item, *, wanted: bool) -> BaselinePolicy:
    """What is done with the baselines of a test.

    Args:
        item: the test.
        wanted: whether its training is to be compared with a baseline.

    Raises:
        InvalidTrainingError: the test gave no runs at the revision to compare with.
    """
    from pytest_converge.core.baseline import BaselinePolicy

    settings = item.config.stash[SETTINGS]
    mode: PolicyMode = settings.baseline
    root, revision = "", ""
    if settings.ab_root:
        mode, root = "new", settings.ab_root
    elif settings.ab is not None and wanted:
        from pytest_converge.plugin.ab import mode_of

        revision = settings.ab
        mode, root = mode_of(item, revision)
    return BaselinePolicy(
        mode=mode,
        tolerance=settings.tolerance,
        alpha=settings.alpha,
        seconds=settings.baseline_seconds,
        accept_worse=settings.accept_worse,
        test_file=str(item.path),
        root=root,
        revision=revision,
        relative_to=str(item.config.rootpath),
    )


def require_review(item: pytest.Item, results: Sequence[ConvergenceResult]) -> None:
    """Fail a test, once, that ended well and for which a baseline was recorded."""
    reports = [result.baseline for result in results if result.baseline is not None]
    paths = dict.fromkeys(report.path for report in reports if report.action == "recorded")
    if paths and not item.config.stash[SETTINGS].ab_root:
        what = "the baseline" if len(paths) == 1 else "the baselines"
        message = f"recorded {what} {', '.join(paths)}; review and commit, then run the test again"
        pytest.fail(message, pytrace=False)


def with_obtained_kept(
    item: pytest.Item, result: ConvergenceResult, problems: list[str]
) -> ConvergenceResult:
    """A result whose runs are in a file, where their comparison failed.

    The file lies beside the report of `--converge-json`, else in pytest's cache, and never where
    baselines do. One of an earlier session goes when its comparison passes.

    Args:
        item: the test.
        result: of a training.
        problems: receives what could not be written, which changes no verdict.
    """
    report = result.baseline
    if report is None or report.verdict is None:
        return result
    from pytest_converge.baselines.files.paths import obtained_path
    from pytest_converge.baselines.files.store import keep_obtained

    try:
        folder = _obtained_folder(item.config)
        if folder is None:
            return result
        path = obtained_path(folder, item.path, result.test, result.number)
        if report.obtained is None or not report.failed:
            path.unlink(missing_ok=True)
            return result
        keep_obtained(path, report.obtained)
    except OSError as error:
        if report.failed:  # else nothing is lost
            problems.append(f"could not keep the runs of a comparison: {error}")
        return result
    kept = _relative(path, item.config.invocation_params.dir)
    return dataclasses.replace(result, baseline=dataclasses.replace(report, kept=kept))


def as_reported(result: ConvergenceResult) -> ConvergenceResult:
    """A result without the runs of a comparison that passed: reports are long enough.

    Args:
        result: of a training.
    """
    report = result.baseline
    if report is None or report.failed:
        return result
    return dataclasses.replace(result, baseline=dataclasses.replace(report, obtained=None))


def _obtained_folder(config: pytest.Config) -> Path | None:
    """Where the runs of failed comparisons go; None where the session leaves no files.

    Raises:
        OSError: pytest's cache cannot be written.
    """
    report: Path | None = config.stash[SETTINGS].json
    # Nothing can lie beside a pipe or a device.
    if report is not None and (report.is_file() or not report.exists()):
        return report.with_name(f"{report.stem}.obtained")
    cache = getattr(config, "cache", None)  # -p no:cacheprovider
    return None if cache is None else Path(cache.mkdir(OBTAINED_CACHE))


def _relative(path: Path, folder: Path) -> str:
    """As the user, who is in that folder, names it."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # on another drive
        return str(path)


class BaselinesPlugin:
    """Lists the files that were written; after whole runs also those that have no test.

    Registered where the terminal is: without worker processes, and in their controller.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._written: dict[tuple[str, int], dict[str, Any]] = {}
        self._compared = False
        self._absent: set[str] = set()
        self._ids: list[str] = []
        self._partial = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what was written from a report, also from attempts that do not count."""
        for data in getattr(report, ATTRIBUTE, None) or ():
            baseline = data["baseline"]
            if baseline is None:
                continue
            self._compared = True
            if baseline["action"] == "absent":
                self._absent.add(report.nodeid)
            if baseline["action"] in {"recorded", "updated"}:
                self._written[baseline["path"], data["number"]] = data

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Remember which tests there are."""
        self._ids = [item.nodeid for item in session.items]

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Remember which tests there are, from a worker process."""
        self._ids = list(ids)

    def pytest_deselected(self) -> None:
        """Not all tests are there."""
        self._partial = True

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Not all tests are there where a module could not be collected, or was skipped."""
        self._partial = self._partial or report.outcome != "passed"

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """List the files."""
        config = terminalreporter.config
        if self._settings.verbosity < -1 or config.getoption("collectonly", False):
            return
        if self._written:
            terminalreporter.write_line("baselines written, to be reviewed and committed:")
            for text in self._texts():
                terminalreporter.write_line(f"  {text}")
        if self._settings.ab is not None:
            for text in self._about_the_other_revision(self._settings.ab):
                terminalreporter.write_line(text, yellow=True)
            return
        stale = list(self._stale(config)) if self._compared and self._is_whole(config) else []
        if stale:
            terminalreporter.write_line("baselines whose tests are gone (see: converge prune):")
            for path in stale[:MOST_LISTED]:
                terminalreporter.write_line(f"  {path}")
            if len(stale) > MOST_LISTED:
                terminalreporter.write_line(f"  and {len(stale) - MOST_LISTED} more")

    def _texts(self) -> Iterator[str]:
        from pytest_converge.core.result import ConvergenceResult
        from pytest_converge.report.baseline_comparison import written_text

        for key in sorted(self._written):
            yield written_text(ConvergenceResult.from_dict(self._written[key]))

    def _about_the_other_revision(self, revision: str) -> Iterator[str]:
        """What was not compared with it."""
        if self._ids and not self._compared:
            yield f"nothing was compared with {revision}: no training has baseline=True"
        if self._absent:
            yield f"tests that {revision} does not have, which were compared with nothing:"
            yield from (f"  {test}" for test in sorted(self._absent))

    def _is_whole(self, config: pytest.Config) -> bool:
        """True where every test below the usual folders was collected."""
        selected = any(getattr(config.option, name, None) for name in SELECTING)
        named = config.args_source is config.ArgsSource.ARGS
        return not (self._partial or selected or named)

    def _stale(self, config: pytest.Config) -> Iterator[str]:
        """Files of baselines, beside the collected tests, that belong to none of them."""
        from pytest_converge.baselines.files.paths import FOLDER, baseline_path, is_baseline

        tests = [(config.rootpath / name.partition("::")[0], name) for name in self._ids]
        known = {baseline_path(file.parent, file, name) for file, name in tests}
        for folder in sorted({file.parent / FOLDER for file, _ in tests}):
            for path in sorted(folder.glob("*/*.json")):
                if is_baseline(path.name) and path not in known:
                    yield Path(os.path.relpath(path, config.rootpath)).as_posix()
