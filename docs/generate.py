"""Writes what the documents say of causes, from the modules of `pytest_converge.diagnosis.causes`.

    python -m docs.generate

The docstring of a cause's module is its page; the first line is what the index and the README say
of it. A test compares the files with `generated`.
"""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

from pytest_converge.diagnosis.causes import modules

ROOT = Path(__file__).parent.parent
FINDINGS = Path("docs/findings")
#: Between these lines of a document stands the table of all causes.
BEGIN, END = "<!-- causes: python -m docs.generate -->\n", "<!-- end of causes -->\n"


def generated(root: Path = ROOT) -> dict[str, str]:
    """The texts that follow from the causes, by the paths of their files below `root`."""
    every = modules()
    pages = {(FINDINGS / f"{module.CAUSE.code}.md").as_posix(): page(module) for module in every}
    folders = {"README.md": f"{FINDINGS.as_posix()}/", (FINDINGS / "index.md").as_posix(): ""}
    lists = {
        name: with_table((root / name).read_text(encoding="utf-8"), table(every, folder))
        for name, folder in folders.items()
    }
    return {**pages, **lists}


def page(module: ModuleType) -> str:
    """The page of a cause: its docstring without the first line."""
    _, _, text = (module.__doc__ or "").partition("\n\n")
    return f"# {module.CAUSE.code}\n\n{text.rstrip()}\n"


def table(every: list[ModuleType], folder: str) -> str:
    """All causes with links to their pages in `folder`, and what each of them means."""
    rows = [
        f"| [`{module.CAUSE.code}`]({folder}{module.CAUSE.code}.md) | {meaning(module)} |\n"
        for module in sorted(every, key=lambda module: module.CAUSE.code)
    ]
    return "".join(["| cause | means |\n|---|---|\n", *rows])


def meaning(module: ModuleType) -> str:
    """The first line of the docstring as a cell: no capital, unless it is a name, and no stop."""
    title = (module.__doc__ or "").partition("\n")[0].rstrip(".")
    first = title.partition(" ")[0]
    return title if re.search("[A-Z]", first[1:]) else title[:1].lower() + title[1:]


def with_table(text: str, causes: str) -> str:
    """A document with another table between the two lines that mark its place."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no table of causes between {BEGIN.strip()!r} and {END.strip()!r}")
    return f"{before}{BEGIN}\n{causes}\n{END}{after}"


if __name__ == "__main__":
    for name, text in generated().items():
        (ROOT / name).write_text(text, encoding="utf-8")
