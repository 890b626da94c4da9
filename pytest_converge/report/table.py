"""The one table of all reports: columns that give way, shrink and grow with the width."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Sequence

from pytest_converge.report.layout import cell_width, cut, ellipsis, pad, wrap

__all__ = ["Column", "Table", "fact_lines"]

#: Blanks between two columns.
GAP = 2


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table.

    Attributes:
        title: its first cell.
        cells: the others, one a row.
        right: aligned to the right.
        gives_way: 1 for the column that is left out first where the width is small, 2 for the
            next one; 0 for one that always stays.
        least: cells it takes where there is no room for more; None where nothing is cut.
        usual: cells it grows to before another column grows further.
        most: cells of what `draw` makes, where there is room.
        draw: makes the cells for a width; None cuts their ends.
    """

    title: str
    cells: Sequence[str] = ()
    right: bool = False
    gives_way: int = 0
    least: int | None = None
    usual: int = 0
    most: int = 0
    draw: Callable[[int], Sequence[str]] | None = None

    @property
    def longest(self) -> int:
        """The cells that the whole column takes."""
        return max(cell_width(self.title), self.most, *map(cell_width, self.cells), 0)

    @property
    def needed(self) -> int:
        """The cells without which it is left out."""
        return self.longest if self.least is None else min(self.longest, self.least)

    def texts(self, size: int, mark: str) -> list[str]:
        """Title and cells in so many cells of the terminal."""
        drawn = self.cells if self.draw is None else self.draw(size)
        return [
            pad(cut(text, size, mark=mark), size, right=self.right) for text in (self.title, *drawn)
        ]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of text under titles, for any width."""

    columns: tuple[Column, ...]

    @classmethod
    def of(cls, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> Table:
        """The table with the cells of these rows under the titles of `columns`."""
        cells = list(zip(*rows, strict=True)) or [()] * len(columns)
        pairs = zip(columns, cells, strict=True)
        return cls(columns=tuple(dataclasses.replace(c, cells=texts) for c, texts in pairs))

    def fits(self, width: int) -> bool:
        """True where at most columns that give way are missing."""
        return _taken([c.needed for c in self.columns if not c.gives_way]) <= width

    def sizes(self, width: int) -> dict[int, int]:
        """The cells of every column that is shown, by its index."""
        sizes = {index: column.needed for index, column in enumerate(self.columns)}
        giving = [index for index in sizes if self.columns[index].gives_way]
        for index in sorted(giving, key=lambda index: self.columns[index].gives_way):
            if _taken(sizes.values()) <= width:
                break
            del sizes[index]
        spare = width - _taken(sizes.values())
        elastic = [index for index in sizes if self.columns[index].least is not None]
        if spare < 0:
            for index in elastic[:1]:
                sizes[index] = max(sizes[index] + spare, 1)
        for usual in (True, False):
            for index in elastic if spare > 0 else ():
                column = self.columns[index]
                most = min(column.longest, column.usual) if usual else column.longest
                grown = min(spare, max(0, most - sizes[index]))
                sizes[index] += grown
                spare -= grown
        return sizes

    def rows(self, width: int, unicode: bool) -> list[list[str]]:
        """The padded cells of each row, titles first, with the gaps between them."""
        mark, sizes = ellipsis(unicode), self.sizes(width)
        shown = [self.columns[index].texts(size, mark) for index, size in sizes.items()]
        return [
            [*(cell + " " * GAP for cell in cells[:-1]), cells[-1].rstrip()]
            for cells in zip(*shown, strict=True)
        ]

    def lines(self, width: int, unicode: bool) -> list[str]:
        """Titles and rows, each at most `width` cells wide."""
        mark = ellipsis(unicode)
        texts = ("".join(cells).rstrip() for cells in self.rows(width, unicode))
        return [cut(text, width, mark=mark) for text in texts]


def fact_lines(facts: Sequence[tuple[str, str]], width: int, least: int = 0) -> list[str]:
    """Names in a column at least `least` cells wide, texts wrapped beside them."""
    indent = max([least, *(cell_width(name) + GAP for name, _ in facts)])
    return [
        line
        for name, text in facts
        for line in wrap(text, width, first=pad(name, indent), rest=" " * indent)
    ]


def _taken(sizes: Collection[int]) -> int:
    return sum(sizes) + GAP * (len(sizes) - 1)
