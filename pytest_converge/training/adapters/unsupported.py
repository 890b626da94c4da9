"""Errors about what a step cannot be: found before it is called."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import tensorflow as tf

from pytest_converge.core.errors import invalid

__all__ = ["refuse_strategy"]


def refuse_strategy(verb: str, used: Iterable[Any]) -> None:
    """Refuses what belongs to a `tf.distribute` strategy.

    Args:
        verb: that was called.
        used: what a function is given, closes over or names.

    Raises:
        InvalidTrainingError: one of these is a strategy, or a variable or data of one.
    """
    for each in used:
        given = _of_a_strategy(each)
        if given:
            remedy = "Build it outside of strategy.scope(), and call the step without strategy.run."
            expected = f"a {verb} without a tf.distribute strategy"
            raise invalid(given, expected, remedy)


def _of_a_strategy(each: Any) -> str:
    if isinstance(each, (tf.distribute.DistributedDataset, tf.distribute.DistributedIterator)):
        return f"a {type(each).__name__}"
    if isinstance(each, tf.distribute.DistributedValues):
        return f"a variable of a strategy ({type(each).__name__})"
    if isinstance(each, tf.distribute.Strategy):
        # Outside of any scope there is one as well, which leaves everything as it is.
        usual = type(tf.distribute.get_strategy())
        return "" if type(each) is usual else f"a step that uses a {type(each).__name__}"
    return ""
