"""What happens to a convergence test from its set-up to its tear-down."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from pytest_converge.plugin import marker
from pytest_converge.plugin.options import SETTINGS

# Every test of every suite comes by here; what only convergence tests need is imported in place.
if TYPE_CHECKING:
    from pytest_converge.core.expectation import Expectation
    from pytest_converge.core.result import ConvergenceResult
    from pytest_converge.core.study import Study

__all__ = [
    "ATTEMPT",
    "STATE",
    "TURN",
    "State",
    "begin",
    "end",
    "expectation_of",
    "isolate",
    "keep",
    "open_fixture",
    "require_review",
    "require_training",
    "seeded_body",
    "state_of",
]


@dataclasses.dataclass(slots=True, kw_only=True)
class State:
    """One attempt at one test.

    Attributes:
        refused: why the latest call of a fixture's verb gave nothing; empty where none did so.
        results: what the trainings gave.
        studies: what the looks at data and learning rates gave.
        problems: what could not be written.
        reported: how many of the results and studies a report carries already.
        isolation: puts the random state back; empty while nothing was seeded.
    """

    refused: str = ""
    results: list[ConvergenceResult] = dataclasses.field(default_factory=list)
    studies: list[Study] = dataclasses.field(default_factory=list)
    problems: list[str] = dataclasses.field(default_factory=list)
    reported: int = 0
    isolation: contextlib.ExitStack | None = None


STATE = pytest.StashKey[State]()
#: Which attempt at a test this is, counted from 1: others may run an item again.
ATTEMPT = pytest.StashKey[int]()
#: Held by the thread that trains. Seeds, graph options and garbage collection are the process's: of
#: two trainings at once each would draw from the other, and put back what the other has set.
TURN = pytest.StashKey[contextlib.AbstractContextManager[object]]()
#: Fixtures for whose tests the random state is seeded, which imports TensorFlow.
SEEDED = frozenset({"converge", "learning_rate"})


def begin(item: pytest.Item) -> None:
    """Check the marker and seed the random state, before any fixture is set up."""
    item.stash[ATTEMPT] = item.stash.get(ATTEMPT, 0) + 1
    if STATE in item.stash:
        _forget(item)
    if not marker.is_marked(item):
        return
    item.stash[STATE] = State()
    with _refusals_without_frames():
        marker.check(item)
    if SEEDED.intersection(marker.fixtures_of(item)):
        open_fixture(item)


def isolate(item: pytest.Item) -> None:
    """Seed the random state for the rest of the test, once."""
    state = state_of(item)
    if state.isolation is not None:
        return
    from pytest_converge.plugin import threads

    threads.share_out(item.config)
    # Imports TensorFlow, which takes seconds: never before a test needs it.
    from pytest_converge.runner import isolation

    with contextlib.ExitStack() as stack:
        stack.enter_context(isolation(_seed(item)))
        state.isolation = stack.pop_all()


def open_fixture(item: pytest.Item) -> None:
    """Seed the random state for a test that asks for the fixture only while it runs."""
    if item.config.getoption("setuponly", False):
        return
    with _refusals_without_frames():
        isolate(item)


@contextlib.contextmanager
def seeded_body(item: pytest.Item) -> Iterator[None]:
    """Seed the random state again for the body of the test.

    What fixtures drew, and other plugins that seed before every call, would otherwise decide how
    a model built in the body starts.
    """
    state = item.stash.get(STATE, None)
    if state is None or state.isolation is None:
        yield
        return
    from pytest_converge.runner import isolation

    with isolation(_seed(item)):
        yield


def state_of(item: pytest.Item) -> State:
    """The state of this attempt, also for a test that asks for the fixture while it runs."""
    return item.stash.setdefault(STATE, State())


def keep(item: pytest.Item, study: Study) -> None:
    """Hand a study that was made beside a training to the reports."""
    studies = state_of(item).studies
    studies.append(dataclasses.replace(study, number=len(studies) + 1))


def end(item: pytest.Item) -> None:
    """Put the random state back, after all fixtures are torn down."""
    state = item.stash.get(STATE, None)
    if state is not None and state.isolation is not None:
        state.isolation.close()
        state.isolation = None


def require_training(item: pytest.Item) -> None:
    """Fail a marked test that ended well without a result of one of the fixtures' verbs.

    A call that was refused gave none, also where the test went on.
    """
    state = item.stash.get(STATE, None)
    if state is None or state.results or state.studies:
        return
    from pytest_converge.core.errors import complaint

    used = marker.fixtures_of(item)
    what = "training" if marker.FIXTURE in used or not used else "call"
    name = used[0] if used else marker.FIXTURE
    given = f"no {what} from a test with the {f'fixture {name}' if used else 'marker converges'}"
    if state.refused:
        given += f", whose call was refused ({state.refused})"
    verb = "Train through" if what == "training" else "Use"
    remedy = f"{verb} the fixture {name}, or leave marker and fixture out."
    pytest.fail(complaint(given, f"a call of {marker.CALLS[name]}", remedy), pytrace=False)


def require_review(item: pytest.Item) -> None:
    """Fail a test that ended well and for which a baseline was recorded."""
    state = item.stash.get(STATE, None)
    if state is not None and state.results:
        from pytest_converge.plugin import baselines

        baselines.require_review(item, state.results)


def expectation_of(item: pytest.Item, call: Mapping[str, Any]) -> Expectation:
    """The expectation of a training of this test whose call has these arguments."""
    from pytest_converge.plugin.expectation import resolve

    settings = item.config.stash[SETTINGS]
    return resolve(
        call=call,
        markers=marker.arguments(item),
        command_line=settings.command_line,
        ini=settings.ini,
        base_seed=settings.seed,
        test=item.nodeid,
        hooks=marker.has_hooks(item),
    )


def _seed(item: pytest.Item) -> int:
    # None does not come from resolve; zero serves the type.
    return expectation_of(item, {}).seed or 0


def _forget(item: pytest.Item) -> None:
    """Take what an earlier attempt at this test left on the item."""
    del item.stash[STATE]
    item.user_properties[:] = [
        pair for pair in item.user_properties if not pair[0].startswith("converge_")
    ]


@contextlib.contextmanager
def _refusals_without_frames() -> Iterator[None]:
    """Fail the test with the message alone; the frames of the plugin would say nothing."""
    from pytest_converge.core.errors import InvalidTrainingError

    try:
        yield
    except InvalidTrainingError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None
