"""The error about a loss that has no gradient at all, with the operation at which it ends."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import tensorflow as tf

from pytest_converge.core.errors import InvalidTrainingError, invalid
from pytest_converge.core.guard import Guard
from pytest_converge.training.measures.computation import computation
from pytest_converge.training.measures.gradient_stops import in_words
from pytest_converge.training.state.optimizer import NoGradientError
from pytest_converge.training.training import Training

__all__ = ["end_of_gradient_named"]


@contextlib.contextmanager
def end_of_gradient_named(training: Training) -> Iterator[None]:
    """Says where the gradient ends, if a step made meanwhile has none.

    Raises:
        InvalidTrainingError: an optimizer got no gradient at all.
    """
    try:
        yield
    except NoGradientError:
        raise _error(training) from None


def _error(training: Training) -> InvalidTrainingError:
    """The step is looked at outside of the graph in which it may just be traced."""
    with tf.init_scope():
        seen = Guard().tried("what a step computes", lambda: computation(training))
    given, remedy = "a loss without a gradient", "with TensorFlow or keras.ops operations."
    if seen is not None and seen.stop is not None:
        given = f"{given}: {in_words(seen.stop, seen.loss)} has none"
        remedy = "with smooth functions, as a sigmoid for a comparison."
    return invalid(
        given, "one that depends on the variables", f"Compute it from the variables {remedy}"
    )
