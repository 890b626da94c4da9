"""Text and tables in Markdown, in GitHub's flavour, which others took over."""

from __future__ import annotations

import re

from pytest_converge.report.layout import command_line
from pytest_converge.report.table import Table

__all__ = ["code_block", "code_span", "escaped", "table_rows"]

#: What Markdown, its tables and HTML make something of.
SPECIAL = re.compile(r"[&<>|`*_~\[\]\\$#]")
#: Text that a pair of backticks shows as it is, also within a table.
SIMPLE_CODE = re.compile(r"[^`|\\]+")


def escaped(text: str) -> str:
    """`text` as it stands, also in a cell of a table."""
    return SPECIAL.sub(lambda found: f"&#{ord(found[0])};", text)


def code_span(text: str) -> str:
    """`text` as code, also in a cell of a table, which a pipe would end even within backticks."""
    if SIMPLE_CODE.fullmatch(text):
        return f"`{text}`"
    return f"<code>{escaped(text)}</code>"


def code_block(text: str) -> list[str]:
    """`text` as lines of code, between fences longer than any within."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}text", *map(command_line, text.splitlines()), fence]


def table_rows(table: Table, width: int, *, spans: tuple[str, ...] = ()) -> list[str]:
    """The rows of a table, titles first.

    Args:
        table: what to show.
        width: cells to which its elastic columns grow.
        spans: titles of the columns that are shown as code.
    """
    columns = [table.columns[index] for index in table.sizes(width)]
    titles, *rows = ([cell.strip() for cell in cells] for cells in table.rows(width, unicode=True))
    marks = ["---:" if column.right else "---" for column in columns]
    shown = [code_span if column.title in spans else escaped for column in columns]
    body = [
        [show(cell) if cell else "" for show, cell in zip(shown, cells, strict=True)]
        for cells in rows
    ]
    return [f"| {' | '.join(cells)} |" for cells in (list(map(escaped, titles)), marks, *body)]
