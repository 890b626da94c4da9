"""The picture of the rooms and their table, as the documents show them.

    python -m tests.architecture    # write both into the documents

What a room may import stands in `LAYERS`, what it is for in the first line of its docstring; the
documents repeat both, and `test_architecture.py` compares.
"""

from __future__ import annotations

import ast
import re

from tests.test_layers import LAYERS, ROOT

__all__ = ["DOCUMENTS", "picture", "rooms", "rooms_below", "sentence", "table", "with_parts"]

PROJECT = ROOT.parent
DOCUMENTS = (PROJECT / "CONTRIBUTING.md", PROJECT / "docs" / "architecture.md")


def rooms() -> list[str]:
    """Every room from the bottom to the top; the root of the package is none."""
    return [name for name in LAYERS if name != "__init__"]


def path_of(room: str):
    folder = ROOT.joinpath(*room.split("."))
    return folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")


def sentence(room: str) -> str:
    """What a room is for: the first line of its docstring."""
    text = ast.get_docstring(ast.parse(path_of(room).read_text(encoding="utf-8")))
    assert text, f"{room} has no docstring"
    return text.partition("\n")[0].rstrip(".")


def table() -> str:
    """One row a room."""
    rows = [f"| `{_written(room)}` | {sentence(room)} |" for room in rooms()]
    return "\n".join(["| room | what it is for |", "|---|---|", *rows])


def _written(room: str) -> str:
    path = path_of(room).relative_to(ROOT)
    return (path.parent if path.name == "__init__.py" else path).as_posix()


def rooms_below(room: str) -> set[str]:
    """The rooms that a room may import."""
    rules = LAYERS[room]
    return (rules.inside | rules.inside_functions) - {room, "__init__"}


def picture() -> str:
    """A Mermaid graph: from each room to those it imports that no other of them leads to."""
    lines = ["```mermaid", "flowchart BT"]
    families = {room.partition(".")[0] for room in rooms() if "." in room}
    for family in dict.fromkeys(room.partition(".")[0] for room in rooms()):
        members = [room for room in rooms() if room.partition(".")[0] == family and _draws(room)]
        boxes = [f'    {_id(room)}["{_label(room)}"]' for room in members]
        if family in families:
            lines += [f"  subgraph {family}", *boxes, "  end"]
        else:
            lines += [box.removeprefix("  ") for box in boxes]
    lines += [f"  {_id(below)} --> {_id(room)}" for room in rooms() for below in _nearest(room)]
    return "\n".join([*lines, "```"])


def _draws(room: str) -> bool:
    """False for a folder that holds nothing but other rooms."""
    return bool(rooms_below(room)) or not any(name.startswith(f"{room}.") for name in rooms())


def _nearest(room: str) -> list[str]:
    """What a room imports, without what one of those imports too."""
    below = rooms_below(room)
    farther = set().union(*map(_all_below, below)) if below else set()
    return [name for name in rooms() if name in below - farther]


def _all_below(room: str) -> set[str]:
    below = rooms_below(room)
    return below.union(*map(_all_below, below)) if below else below


def _id(room: str) -> str:
    return room.replace(".", "_") + "_room"


def _label(room: str) -> str:
    path = path_of(room)
    return path.parent.name if path.name == "__init__.py" else path.stem


def with_parts(text: str) -> str:
    """A document with its generated parts written anew."""
    for name, part in {"rooms": table(), "picture": picture()}.items():
        begin, end = f"<!-- {name}: by `python -m tests.architecture` -->", f"<!-- /{name} -->"
        between = re.compile(f"(?<={re.escape(begin)}\n\n).*?(?=\n\n{re.escape(end)})", re.DOTALL)
        text = between.sub(lambda _, part=part: part, text)
    return text


if __name__ == "__main__":
    for document in DOCUMENTS:
        document.write_text(with_parts(document.read_text(encoding="utf-8")), encoding="utf-8")
