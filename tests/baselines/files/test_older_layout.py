"""Files of older versions are read as what they say."""

from __future__ import annotations

import hashlib

import pytest

from pytest_converge.baselines.files.document import dumps, loads
from tests.recorded import TEST, recorded


@pytest.mark.parametrize(("version", "digest"), [(1, "46c40578578b455f"), (2, "228d22a5242ef4bc")])
def test_the_text_of_an_older_version_never_changes(version, digest):
    """A file of it would be refused; the digests are those of the texts that it wrote."""
    text = dumps([recorded(data={"rows": 178})], version)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == digest


@pytest.mark.parametrize("version", [1, 2])
def test_a_file_of_it_holds_the_same_values(version):
    (old,) = loads(dumps([recorded()], version).encode(), TEST)
    (new,) = loads(dumps([recorded()]).encode(), TEST)
    assert old == new
