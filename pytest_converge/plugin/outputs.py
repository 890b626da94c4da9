"""Where a session writes: what the options say of it, and whether it can be written to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast, get_args

__all__ = [
    "SUMMARY_VARIABLE",
    "Report",
    "ReportKind",
    "path_of",
    "report_of",
    "wrong_file",
    "wrong_folder",
]

#: What `--converge-report` writes: marks in the code, a page of Markdown, GitLab's file, nothing.
ReportKind = Literal["annotations", "summary", "codequality", "off"]
#: Names the file with the page of a job, on GitHub Actions; other commands append to it too.
SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"
#: As GitLab's documentation calls it.
CODE_QUALITY_FILE = "gl-code-quality-report.json"


class Report(NamedTuple):
    """A report that is asked for.

    Attributes:
        kind: what is written.
        path: the file; None for the output of the session, or where nothing is written.
    """

    kind: ReportKind
    path: Path | None


def path_of(value: Any) -> Path:
    """The path that an option names.

    Raises:
        ValueError: it is empty.
    """
    text = str(value) if isinstance(value, (str, os.PathLike)) else ""
    if not text:
        raise ValueError(value)
    return Path(os.path.expanduser(text))


def report_of(value: Any) -> Report:
    """The report that `KIND` or `KIND:PATH` asks for.

    Raises:
        ValueError: the kind is none, or the report has no path and needs one.
    """
    kind, colon, path = str(value).partition(":")
    usual = {"summary": os.environ.get(SUMMARY_VARIABLE, ""), "codequality": CODE_QUALITY_FILE}
    place = path or usual.get(kind, "")
    known = kind in get_args(ReportKind) and not (colon and (kind == "off" or not path))
    if not known or (kind == "summary" and not place):
        raise ValueError(value)
    return Report(cast("ReportKind", kind), path_of(place) if place else None)


def wrong_file(path: Path) -> tuple[str, str] | None:
    """What was expected of a file, and what to do; None for one that can be written."""
    if path.is_dir():
        return "the path of a file", "Name a file in that directory."
    if path.exists() and not path.is_file():  # a pipe or a device is written to
        folder, writable = path, os.access(path, os.W_OK)
    else:
        folder = Path(os.path.realpath(path)).parent
        if not folder.is_dir():
            return "a path in an existing directory", f"Create {folder} first."
        writable = _takes_files(folder)
    return None if writable else _not_writable(folder)


def wrong_folder(path: Path) -> tuple[str, str] | None:
    """What was expected of a folder, which may be missing, and what to do; None for a good one."""
    present = next(each for each in (path, *path.parents) if each.exists() or each.is_symlink())
    if not present.is_dir():
        return "the path of a folder", f"{present} is none; name another one."
    return None if _takes_files(present) else _not_writable(present)


def _takes_files(folder: Path) -> bool:
    return os.access(folder, os.W_OK | os.X_OK)


def _not_writable(path: Path) -> tuple[str, str]:
    return "a path that can be written to", f"Look at the permissions of {path}."
