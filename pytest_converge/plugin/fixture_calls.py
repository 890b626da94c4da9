"""What the calls of all fixtures have in common: arguments, context, studies and refusals."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import pytest

from pytest_converge.core.errors import InvalidTrainingError, invalid, nearest
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.study import Study
from pytest_converge.plugin import runtest
from pytest_converge.plugin.plots import draw
from pytest_converge.plugin.progress import progress

__all__ = [
    "make_study",
    "refuse_unknown",
    "runner_context",
    "without_frames",
]

#: Arguments of `model.fit` that only some verbs have, or that Keras takes no more.
WORKERS = "Give it to the data: MyPyDataset(workers=2, use_multiprocessing=True)."
REMEDIES = {
    "callbacks": "Callbacks are those of converge.fit.",
    "epochs": "The length is given in optimizer updates: write steps=200.",
    "max_queue_size": WORKERS,
    "steps_per_epoch": "The length is given in optimizer updates: write steps=200.",
    "use_multiprocessing": WORKERS,
    "workers": WORKERS,
}

Made = TypeVar("Made")
StudyMade = TypeVar("StudyMade", bound=Study)


def refuse_unknown(call: str, arguments: Iterable[str], expectation: Mapping[str, Any]) -> None:
    """Name the call where a keyword argument is misspelt.

    Raises:
        InvalidTrainingError: a keyword is no argument of the call, nor of the expectation.
    """
    for name in expectation:
        if name not in Expectation.names():
            remedy = REMEDIES.get(name) or nearest(name, [*arguments, *Expectation.names()])
            given = f"the argument {name!r}"
            raise invalid(given, f"an argument of {call}", remedy)


@contextlib.contextmanager
def runner_context(
    item: pytest.Item, number: int, expectation: Expectation, **options: Any
) -> Iterator[Any]:
    """The `Context` that the runner is told of a test, while it shows its progress.

    Args:
        item: the test.
        number: which training or study of the test it is.
        expectation: what is expected.
        options: other fields of the context.
    """
    # Imports TensorFlow, which takes seconds: never before a test needs it.
    from pytest_converge.runner import Context

    with progress(item.config) as report:
        yield Context(
            test=item.nodeid,
            number=number,
            expectation=expectation,
            hooks=item.ihook,
            progress=report,
            **options,
        )


def make_study(item: pytest.Item, make: Callable[[int], StudyMade]) -> StudyMade:
    """Makes a study by its number in the test, keeps it for the reports, and draws it."""
    state = runtest.state_of(item)
    with item.config.stash[runtest.TURN]:
        made = without_frames(item, lambda: make(len(state.studies) + 1))
        state.studies.append(made)
        draw(item, made)
    return made


def without_frames(item: pytest.Item, make: Callable[[], Made]) -> Made:
    """What is made; a refusal comes without the frames and causes within the plugin.

    They say nothing about the user's own call.
    """
    try:
        return make()
    except InvalidTrainingError as error:
        runtest.state_of(item).refused = str(error)
        if item.config.getoption("fulltrace", False):
            raise
        raise error.with_traceback(None) from None
