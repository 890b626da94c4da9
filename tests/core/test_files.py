"""Names of files."""

from __future__ import annotations

import pytest

from pytest_converge.core.files import digest, slug


@pytest.mark.parametrize(
    ("text", "besides", "name"),
    [
        ("test_it[a b]", "", "test_it-a-b-"),
        ("test/é.py::test", "", "test-py-test"),
        ("rate=0.1-x", ".=-", "rate=0.1-x"),
        ("rate=0.1", "", "rate-0-1"),
    ],
)
def test_a_slug_holds_what_every_file_system_takes(text, besides, name):
    assert slug(text, besides=besides) == name


def test_a_digest_tells_texts_apart():
    assert digest("a") != digest("A")
    assert len(digest("\udc80")) == 8
