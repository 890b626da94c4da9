"""Baselines as pytest sees them: what is done with them for a test, and what was recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest

from pytest_converge.plugin.ab_recording import folder_to_record_in
from pytest_converge.plugin.options import SETTINGS

if TYPE_CHECKING:
    from pytest_converge.core.baseline import BaselinePolicy
    from pytest_converge.core.result import ConvergenceResult

__all__ = ["policy_of", "require_review"]


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
    mode, root, revision = settings.baseline, "", ""
    if folder_to_record_in():
        mode, root = "new", folder_to_record_in()
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


def require_review(results: Sequence[ConvergenceResult]) -> None:
    """Fail a test, once, that ended well and for which a baseline was recorded."""
    reports = [result.baseline for result in results if result.baseline is not None]
    paths = dict.fromkeys(report.path for report in reports if report.action == "recorded")
    if paths and not folder_to_record_in():
        what = "the baseline" if len(paths) == 1 else "the baselines"
        message = f"recorded {what} {', '.join(paths)}; review and commit, then run the test again"
        pytest.fail(message, pytrace=False)
