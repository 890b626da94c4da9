"""JSON read without leniency: what two readers could take differently is refused."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any, NoReturn

from pytest_converge.baselines.files.errors import (
    BaselineEncodingError,
    BaselineNumberError,
    BaselineSyntaxError,
    ConflictedBaselineError,
    DuplicateKeyError,
)
from pytest_converge.core.errors import shown

__all__ = ["decoded", "parsed"]

#: Digits of an integer; 64 bits need 19, and Python refuses thousands.
INTEGER_LENGTH = 20
#: What git, Mercurial and merge(1) write at the start of a line: git-scm.com/docs/git-merge.
_MARKER = re.compile(r"^(<{7}|\|{7}|={7}|>{7})( |\r?$)", re.MULTILINE)


def decoded(data: bytes, path: Path, test: str) -> str:
    """The text of a file; the line ends of Windows, which git may have put in, are made plain.

    Raises:
        BaselineEncodingError: it is not UTF-8.
    """
    try:
        return data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        defect = f"that is not UTF-8 (byte {error.start})"
        raise BaselineEncodingError(path, defect, test=test) from None


def parsed(text: str, path: Path, test: str) -> Any:
    """The value of a JSON text.

    Raises:
        ConflictedBaselineError: there are markers of a merge conflict.
        DuplicateKeyError: a key stands twice in one object.
        BaselineNumberError: NaN, an infinity, or an integer of more than 20 digits.
        BaselineSyntaxError: anything else that is no JSON.
    """
    marker = _MARKER.search(text)
    if marker is not None:
        line = text.count("\n", 0, marker.start()) + 1
        raise ConflictedBaselineError(path, f"with a merge conflict in line {line}", test=test)

    def constant(literal: str) -> NoReturn:
        raise BaselineNumberError(path, f"with the number {literal}", test=test)

    def real(literal: str) -> float:
        return value if math.isfinite(value := float(literal)) else constant(literal)

    def integer(literal: str) -> int:
        return int(literal) if len(literal) <= INTEGER_LENGTH else constant(literal[:30])

    def mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        values = dict(pairs)
        if len(values) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise DuplicateKeyError(path, f"with the key {shown(twice)} twice", test=test)
        return values

    try:
        return json.loads(
            text,
            object_pairs_hook=mapping,
            parse_constant=constant,
            parse_float=real,
            parse_int=integer,
        )
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        defect = f"that is no JSON ({error.msg}: {where})"
    except RecursionError:
        defect = "that is nested without end"
    raise BaselineSyntaxError(path, defect, test=test)
