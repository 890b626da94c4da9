"""Names of files that hold for every test."""

from __future__ import annotations

import hashlib
import re

__all__ = ["digest", "slug"]

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
