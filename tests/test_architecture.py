"""The picture and the table of the rooms in the documents are those of the code."""

from __future__ import annotations

import pytest

from tests.architecture import DOCUMENTS, picture, rooms, rooms_below, sentence, table, with_parts


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_what_a_document_says_of_the_rooms_is_what_they_say(path):
    text = path.read_text(encoding="utf-8")
    assert "<!-- rooms: by" in text
    assert text == with_parts(text), "run: python -m tests.architecture"


def test_the_architecture_is_drawn():
    assert picture() in DOCUMENTS[1].read_text(encoding="utf-8")


@pytest.mark.parametrize("room", rooms())
def test_a_room_says_in_one_line_what_it_is_for(room):
    assert 10 < len(sentence(room)) <= 97


def test_every_room_has_a_row_and_an_old_table_is_replaced():
    rows = table().splitlines()
    assert len(rows) == 2 + len(rooms())
    begin = "<!-- rooms: by `python -m tests.architecture` -->"
    assert with_parts(f"{begin}\n\nold\n\n<!-- /rooms -->") == (
        f"{begin}\n\n{table()}\n\n<!-- /rooms -->"
    )


def test_the_arrows_of_the_picture_lead_to_everything_a_room_imports():
    arrows = [line.split(" --> ") for line in picture().splitlines() if " --> " in line]
    drawn = {}
    for below, above in arrows:
        drawn.setdefault(above.strip(), set()).add(below.strip())

    def reached(node):
        return drawn.get(node, set()).union(*map(reached, drawn.get(node, set())))

    for room in rooms():
        names = {name.replace(".", "_") + "_room" for name in rooms_below(room)}
        assert names <= reached(room.replace(".", "_") + "_room")
