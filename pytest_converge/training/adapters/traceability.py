"""Rehearsals: whether a function of the user may become part of a graph."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.training.adapters.seen import changed_between, python_state
from pytest_converge.training.data.exhausted import end_of_data_named
from pytest_converge.training.keras_internals import values_watched
from pytest_converge.training.state.effects import effects_of, lasting
from pytest_converge.training.state.optimizer import ObservedOptimizer
from pytest_converge.training.state.snapshot import Snapshot, unique_variables
from pytest_converge.training.state.touched import Touched

__all__ = ["Made", "Rehearsal", "made_before", "needed_arguments", "rehearse"]

#: Graph and eager arithmetic differ in the last digits only.
TOLERANCE = 1e-4


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A call that was made before the training, and that stands for one of its own.

    Attributes:
        before, after: the variables around it.
        value: what it returned.
    """

    before: Snapshot
    after: Snapshot
    value: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What came of making the first calls of a training.

    Attributes:
        reason: why the function may not be compiled; empty where it may.
        has_state: True where more than tensors and variables decides what it returns, as far as it
            is known.
        made: the calls, where it may not be compiled: they cannot be taken back.
        variables: those that it uses, apart from what was known before.
    """

    reason: str = ""
    has_state: bool = False
    made: tuple[Made, ...] = ()
    variables: tuple[Any, ...] = ()


def rehearse(
    what: str,
    function: Callable[..., Any],
    calls: Sequence[tuple[Any, ...]],
    *,
    state: Sequence[Any] = (),
    given: Sequence[Any],
    seen: Callable[[], Mapping[str, Any]] = dict,
) -> Rehearsal:
    """Finds out whether a function may be compiled; every variable is put back.

    A plain function may count in Python, draw from a generator, run a simulator or a session. A
    graph would freeze what it saw while it was traced, and what it did beside variables cannot be
    taken back. So the first calls of the training are made, each once: the first ones as they are,
    the last as a graph, whose Python runs while it is traced. Where nothing but tensors and
    variables came into play and the graph repeats the losses of all, the training begins anew,
    compiled. Else these were its first calls. A function that leaves TensorFlow in its first one is
    not traced at all.

    Args:
        what: what the function is called in the reason.
        function: returns a scalar.
        calls: the arguments of the first calls.
        state: variables that the function may change, beside those that are seen.
        given: the variables that are trained.
        seen: gives what the function closes over or names; what it changes of it, as a counter, a
            graph would change only once.
    """
    first = _Rehearsing(function, unique_variables([*state, *given]))
    try:
        reason, has_state = _reason(first, calls, given, seen)
    finally:
        first.put_back()
    return Rehearsal(
        reason=f"the {what} {reason}" if reason else "",
        has_state=has_state,
        made=tuple(first.made) if reason else (),
        variables=tuple(first.found),
    )


def _reason(
    rehearsing: _Rehearsing,
    calls: Sequence[tuple[Any, ...]],
    given: Sequence[Any],
    seen: Callable[[], Mapping[str, Any]],
) -> tuple[str, bool]:
    """Why a function may not be compiled, and whether it is known to have a state of its own."""
    touched, read = rehearsing.first(calls[0])
    used = lasting(touched.kinds)
    if used:
        return _uses(used)
    if read:
        return "reads the values of tensors", False
    if not touched.any_of(given):
        return "uses none of the variables given", True
    if len(calls) == 1:
        return "is called only once", False
    for call in calls[1:-1]:
        # What the first call alone changes, as a flag, is set by then.
        before = python_state(seen())
        rehearsing.make(call)
        name = changed_between(before, python_state(seen()))
        if name:
            return f"changes {name}, which is no variable", True
    return _reason_of_its_graph(rehearsing, calls)


def _reason_of_its_graph(
    rehearsing: _Rehearsing, calls: Sequence[tuple[Any, ...]]
) -> tuple[str, bool]:
    """The same, where all calls but the last were made and gave no reason."""
    traced = rehearsing.traced(calls[-1])
    if isinstance(traced, Exception):
        rehearsing.make(calls[-1])
        return f"cannot be traced ({type(traced).__name__})", False
    function, effects = traced
    rehearsing.make(calls[-1], function)
    if effects.lasting:
        return _uses(effects.lasting)
    losses = [made.value for made in rehearsing.made]
    repeated = rehearsing.repeated(function, calls)
    again = repeated
    if not all(map(_agree, losses, repeated)):
        again = rehearsing.repeated(function, calls)
    # Random operations draw anew inside of a graph as well.
    draws = not all(map(_agree, repeated, again))
    if draws or all(map(_agree, losses, repeated)):
        return "", False
    return "gives other losses when it is compiled", True


def _uses(what: str) -> tuple[str, bool]:
    return f"uses {what}, which nobody can put back", True


class _Rehearsing:
    """The calls of one rehearsal.

    Attributes:
        made: the calls so far.
        found: the variables that were found in use beside those known.
    """

    def __init__(self, function: Callable[..., Any], known: list[Any]) -> None:
        self._function = function
        self._variables = list(known)
        self.made: list[Made] = []
        self.found: list[Any] = []
        self._start = Snapshot(self._variables)

    def put_back(self) -> None:
        """Every variable as it was before the first call."""
        self._start.restore()

    def first(self, call: tuple[Any, ...]) -> tuple[Touched, bool]:
        """Makes the first call; what it used, and whether Python read values of tensors."""
        touched, read = Touched(), []
        try:
            watched = values_watched(lambda: read.append(True))
            with end_of_data_named(1), touched.watched(), watched:
                value = self._function(*call)
        finally:
            before = touched.apart_from(self._variables)
            self._found(before)
        after = Snapshot(self._variables)
        self.made.append(Made(before=self._start, after=after, value=_number(value)))
        return touched, bool(read)

    def make(self, call: tuple[Any, ...], function: Callable[..., Any] | None = None) -> None:
        """Makes a call, of the function itself where no graph of it is given."""
        before = Snapshot(self._variables)
        with end_of_data_named(len(self.made) + 1):
            value = _number((function or self._function)(*call))
        self.made.append(Made(before=before, after=Snapshot(self._variables), value=value))

    def traced(self, call: tuple[Any, ...]) -> Any:
        """The function as a graph with its effects, or the error that tracing it raised."""
        compiled = tf.function(self._function, autograph=False, reduce_retracing=True)
        try:
            graph = compiled.get_concrete_function(*call)
        except InvalidTrainingError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the eager run shows it
            return error
        # What the first calls did not use, as one side of a condition, is as it was.
        handles = {id(v.handle) for v in self._variables}
        new = [v for v in unique_variables(graph.variables) if id(v.handle) not in handles]
        self._found({id(v.handle): (v, v.numpy()) for v in new})
        return compiled, effects_of(graph.graph)

    def repeated(
        self, function: Callable[..., Any], calls: Sequence[tuple[Any, ...]]
    ) -> list[float]:
        """The losses of a graph in all calls from the start."""
        self._start.restore()
        return [_number(function(*call)) for call in calls]

    def _found(self, before: dict[int, tuple[Any, Any]]) -> None:
        """Takes in variables with their values before the first call."""
        values = [*self._start.values().values(), *(value for _, value in before.values())]
        self.found += [variable for variable, _ in before.values()]
        self._variables += [variable for variable, _ in before.values()]
        self._start = Snapshot(self._variables, values)


def made_before(made: deque[Made], optimizers: Sequence[ObservedOptimizer]) -> Any:
    """The loss of a call that was made before the run, as long as the run is that one.

    Args:
        made: the calls that are left; none where the variables are others than they were.
        optimizers: under observation, whose instruments each step sets anew.
    """
    if not made:
        return None
    first = made.popleft()
    if first.before.is_left(apart_from=[optimizer.norm for optimizer in optimizers]):
        made.clear()
        return None
    first.after.restore()
    for optimizer in optimizers:
        optimizer.stands()
    return tf.constant(first.value, tf.float32)


def needed_arguments(function: Any) -> list[str]:
    """The names of the arguments without which a function cannot be called."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in parameters if p.default is p.empty and p.kind not in optional]


def _number(value: Any) -> float:
    return float(np.asarray(value))


def _agree(first: float, second: float) -> bool:
    return math.isclose(first, second, rel_tol=TOLERANCE, abs_tol=1e-7) or (
        math.isnan(first) and math.isnan(second)
    )
