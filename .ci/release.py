"""Says whether a tag may be released: python .ci/release.py v1.2.3.

The tag, the metadata and the changelog have to name one version, and the changelog its date.
"""

import re
import sys
from pathlib import Path

import tomllib

ROOT = Path(__file__).parent.parent


def complaints(tag: str, version: str, changelog: str) -> list[str]:
    """What is in the way of a release, if anything."""
    found = []
    if tag != f"v{version}":
        found.append(f"the tag is {tag}, the version in pyproject.toml {version}")
    heading = re.search(r"^## \[(.+?)\] - (.+)$", changelog, re.MULTILINE)
    if heading is None or heading[1] != version:
        found.append(f"the changelog does not begin with {version}")
    elif not re.fullmatch(r"\d{4}-\d\d-\d\d", heading[2]):
        found.append(f"the changelog says {heading[2]!r} in place of a date")
    return found


if __name__ == "__main__":
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wrong = complaints(
        sys.argv[1], project["version"], (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    )
    sys.exit("\n".join(wrong) or 0)
