"""Pastes the tables of options into the documents that have one: python docs/generate_options.py.

The texts stand in `pytest_converge/plugin/options.py`. A test compares.
"""

from __future__ import annotations

import re
from pathlib import Path

from pytest_converge.plugin.options import OPTIONS, Option

ROOT = Path(__file__).parent.parent
#: The documents, and whether theirs tells the details.
DOCUMENTS = {"README.md": False, "docs/reference.md": True}
HEAD = "| option | ini setting | meaning | default |"


def options_table(*, details: bool) -> str:
    """The table, a row for each option."""
    rows = [_row(option, details=details) for option in OPTIONS]
    return "\n".join([HEAD, "|---|---|---|---|", *rows])


def with_table(text: str, *, details: bool) -> str:
    """A document with its table made anew."""
    table = options_table(details=details)
    return re.sub(
        rf"^{re.escape(HEAD)}\n(\|.*\n)*", lambda _: f"{table}\n", text, flags=re.MULTILINE
    )


def _row(option: Option[object], *, details: bool) -> str:
    value = f"={option.metavar}" if option.metavar else ""
    flag = f"`{option.flag}{value}`" if option.flag else ""
    ini = f"`{option.ini_name}`" if option.ini is not None else ""
    meaning = option.help
    if details and option.details:
        meaning += f"; {option.details}"
    cells = (cell.replace("|", "\\|") for cell in (flag, ini, meaning, option.shown_default))
    return "".join(f"| {cell} " if cell else "| " for cell in cells) + "|"


if __name__ == "__main__":
    for name, details in DOCUMENTS.items():
        path = ROOT / name
        path.write_text(
            with_table(path.read_text(encoding="utf-8"), details=details), encoding="utf-8"
        )
