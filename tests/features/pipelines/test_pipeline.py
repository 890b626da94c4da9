"""A pipeline of no library in particular."""

from __future__ import annotations

import collections

from pytest_converge.features.pipelines.pipeline import Pipeline


class Doubling:
    """Counts what it was called with."""

    def __init__(self):
        self.calls = collections.Counter()

    def __call__(self, data):
        self.calls["seen"] += len(data)
        return [2 * value for value in data]


def test_it_is_called_like_the_object_or_its_class():
    assert Pipeline(len).name == "len"
    assert Pipeline(Doubling()).name == "Doubling"


def test_copies_leave_the_object_as_it_was():
    own = Doubling()
    for twin in (Pipeline(own).copy(), Pipeline(own).fitted([1]), Pipeline(own).reloaded([1])):
        assert twin is not None
        assert twin.transform([1, 2]) == [2, 4]
    assert own.calls == {}


def test_what_nothing_is_known_of_says_so():
    pipeline = Pipeline(Doubling())
    assert (pipeline.given(), pipeline.in_training([1]), pipeline.names()) == (None, None, ())
