"""A failure of a convergence test, as other places than the terminal show it."""

from __future__ import annotations

import dataclasses

__all__ = ["FailedTest"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FailedTest:
    """One failure of one test.

    Attributes:
        test: the id of the test.
        path: its file, relative to the root of the repository, with slashes; empty where it has
            none.
        line: the line of the call that failed, else of the test, counted from 1.
        code: the cause, else the gate that failed, or the kind of the study; empty where nothing
            was judged.
        message: what pytest says of it; its first line stands alone.
    """

    test: str
    path: str
    line: int
    code: str = ""
    message: str

    @property
    def name(self) -> str:
        """The test without its file: `TestWine::test_it[raw]`."""
        return self.test.partition("::")[2] or self.test
