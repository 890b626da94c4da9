"""Names of files that hold for every test, and files that are never half written."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from pathlib import Path

__all__ = ["digest", "replace_text", "slug"]

#: Hexadecimal digits of a digest: two among a thousand names are alike once in 8,000 projects.
DIGEST_LENGTH = 8


def slug(text: str, *, besides: str = "") -> str:
    """What every file system takes of a text: ASCII letters, digits, `_`, and `-` for the rest.

    Args:
        text: for example the id of a test.
        besides: characters that are kept as well.
    """
    return re.sub(f"[^A-Za-z0-9_{re.escape(besides)}]+", "-", text)


def digest(text: str) -> str:
    """A few characters that tell a text from others with the same slug."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGEST_LENGTH]


def replace_text(path: Path, text: str) -> None:
    """Replace the file at once, so that nobody ever reads half of it.

    Raises:
        OSError: it cannot be written; the old one is still there.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        # What open() would have given, instead of the private mode of temporary files.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
