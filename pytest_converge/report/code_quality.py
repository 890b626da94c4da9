"""Failures as a report of code quality, which GitLab shows in a merge request."""

from __future__ import annotations

import collections
import hashlib
import json
from collections.abc import Sequence

from pytest_converge.core.failed_test import FailedTest
from pytest_converge.report.layout import one_line

__all__ = ["code_quality"]

#: The name of the check where nothing was judged, as of a call that was refused.
UNNAMED = "convergence"
#: Of GitLab's five: a test that failed stops a merge, and is no fault in production.
SEVERITY = "major"


def code_quality(failed: Sequence[FailedTest]) -> str:
    """A JSON list with an entry for each failure; an empty list says that there is none.

    The fingerprint of a failure has no numbers of its training, so that the next pipeline knows
    it again. It is that of the test, the code, and which failure of both it is.
    """
    seen: collections.Counter[tuple[str, str]] = collections.Counter()
    entries = []
    for each in failed:
        seen[each.test, each.code] += 1
        identity = json.dumps([each.test, each.code, seen[each.test, each.code]])
        entries.append(
            {
                "description": one_line(each.message.partition("\n")[0]),
                "check_name": each.code or UNNAMED,
                "fingerprint": hashlib.sha256(identity.encode()).hexdigest(),
                "severity": SEVERITY,
                "location": {"path": each.path, "lines": {"begin": each.line}},
            }
        )
    return json.dumps(entries, indent=2) + "\n"
