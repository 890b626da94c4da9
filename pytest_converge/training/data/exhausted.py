"""An iterator of the user's own that ends before the training does."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import tensorflow as tf

from pytest_converge.core.errors import invalid

__all__ = ["end_of_data_named"]

__tracebackhide__ = True  # errors of a user's own code end at that code


@contextlib.contextmanager
def end_of_data_named(first: int, last: int | None = None) -> Iterator[None]:
    """Says of an iterator that has no more to give, in the code within, at which step it ended.

    Args:
        first: the number of the step that is made, or of the first one, from 1.
        last: of the last one, where several are made in one graph.

    Raises:
        InvalidTrainingError: an iterator ended, in Python or in a graph.
    """
    try:
        yield
    except (StopIteration, tf.errors.OutOfRangeError) as error:
        exact = last is None or last == first
        place = f"at step {first}" if exact else f"between step {first} and step {last}"
        remedy = "Let its data start again, as by dataset.repeat()."
        if not exact or first > 1:
            fewer = f"steps={first - 1}" if exact else "fewer steps"
            remedy = f"Pass {fewer}, or let its data start again, as by dataset.repeat()."
        given = f"an iterator that ran dry {place}"
        raise invalid(given, "a batch for each step", remedy) from error
