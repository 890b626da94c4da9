"""What a session does with baselines: compare, record, replace, or leave them alone."""

from __future__ import annotations

import dataclasses

__all__ = ["BaselinePolicy"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BaselinePolicy:
    """How the trainings of one test are compared with recorded ones.

    Attributes:
        mode: "check" compares and refuses a missing baseline; "new" records missing ones; "update"
            records those anew that differ; "off" does nothing; "absent" says that the revision to
            compare with does not have the test.
        tolerance: how much worse than its baseline a training may be, as a share of the loss.
        alpha: bound on the probability that unchanged code fails.
        seconds: what all runs of one comparison or recording may take.
        accept_worse: why worse runs may replace recorded ones; empty where they may not.
        test_file: the file of the test, beside which the baseline lies.
        root: the folder that holds the baselines instead; empty for beside the test.
        revision: the git revision that `root` was recorded at, for a comparison within one job;
            empty for recorded baselines.
        relative_to: the folder that paths are shown from.
    """

    mode: str = "check"
    tolerance: float = 0.05
    alpha: float = 0.001
    seconds: float = 600.0
    accept_worse: str = ""
    test_file: str
    root: str = ""
    revision: str = ""
    relative_to: str = ""

    @property
    def records_failures(self) -> bool:
        """True where runs are recorded for a comparison, whether or not the training passes."""
        return self.mode == "new" and bool(self.root)
