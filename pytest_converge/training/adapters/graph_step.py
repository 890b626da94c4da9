"""The adapter of `converge.step` for TensorFlow 1: a step that runs a session of a graph."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from pytest_converge.core.errors import invalid, shown
from pytest_converge.core.record import NonFinite
from pytest_converge.training.adapters.seen import method_of_object, seen_by
from pytest_converge.training.adapters.step import loss_returned
from pytest_converge.training.data.arrays import as_array, nonfinite
from pytest_converge.training.data.batches import Batch, TrainingData
from pytest_converge.training.state.effects import lasting
from pytest_converge.training.state.own_updates import OwnUpdates
from pytest_converge.training.state.session import (
    GraphOptimizer,
    ObservedSession,
    graph_of,
    is_session,
    optimizers_in,
    variables_of,
)
from pytest_converge.training.training import Training

__all__ = ["GraphStepTraining", "has_graph"]


def has_graph(variables: Any) -> bool:
    """True where a variable is one of a `tf.Graph`."""
    listed = variables if isinstance(variables, (list, tuple)) else [variables]
    return any(graph_of(variable) is not None for variable in listed)


class GraphStepTraining(Training):
    """A step that runs `session.run([train_op, loss], feed_dict)`, called once a step.

    The state is that of the session: all global and local variables of the graph that have a value,
    slots and counters included. The learning rate is found in the updates of the graph and set by
    feeding it, whether it is a constant, a variable, a placeholder or a schedule.

    Args:
        step: runs the session and returns the loss.
        variables: of one graph.
        data: batches that it is called with, as NumPy arrays; None for a step without arguments.
        optimizer: of `tf.compat.v1.train`, or a list of them, for how they are written in a repair;
            None for those that the step closes over or names.
        session: that it runs; None for the one that it closes over or names, or the default one.

    Raises:
        InvalidTrainingError: there is no one session of the graph, or a variable has no value.
    """

    verb = "step"
    takes_builder = False
    eager_reason = "the step runs a session of TensorFlow 1"

    def __init__(
        self, step: Any, *, variables: Any, data: TrainingData | None, optimizer: Any, session: Any
    ) -> None:
        if not callable(step):
            remedy = "Pass the function itself: converge.step(train_step, ...)."
            raise invalid(f"step={shown(step)}", "a function", remedy)
        self._step = method_of_object(step)
        given = list(variables) if isinstance(variables, (list, tuple)) else [variables]
        graph = self._graph = _common_graph(given)
        self._session = _session_of(self._step, graph, session)
        self._state = variables_of(graph, given, self._session)
        self._variables = self._state[: len(given)]
        for variable in self._variables:
            if not variable.is_initialised:
                remedy = "Run session.run(tf.compat.v1.global_variables_initializer()) first."
                what = f"the variable {variable.name!r} without a value in its session"
                raise invalid(what, "initialised variables", remedy)
        self.data = data
        self.loss_name = getattr(step, "__name__", "step")
        known = list(seen_by(self._step).values()) if optimizer is None else _listed(optimizer)
        self._candidates = optimizers_in(graph, self._variables, known)
        self.optimizers: tuple[GraphOptimizer, ...] = self._candidates
        self.own_updates: OwnUpdates = OwnUpdates()
        self._observed = ObservedSession(self._session, self._candidates, self._variables)
        kinds = dict.fromkeys(operation.type for operation in graph.get_operations())
        self.beyond_reach = lasting(kinds)

    @property
    def trainable(self) -> list[tf.Variable]:
        """The variables given, as the session holds them."""
        return list(self._variables)

    @property
    def transient(self) -> list[tf.Variable]:
        """All that the session holds."""
        return list(self._state)

    @property
    def replays(self) -> bool:
        """False where an iterator or a queue of the graph goes on."""
        return super().replays and not self.beyond_reach

    def step(self, batch: Batch) -> Any:
        """One call of the user's step."""
        arrays = () if batch is None else keras.tree.map_structure(as_array, batch)
        with contextlib.ExitStack() as stack:
            if not self._candidates:
                stack.enter_context(self.own_updates.of_step(self._variables))
            stack.enter_context(self._observed.observed())
            stack.enter_context(self._graph.as_default())
            returned = self._step(*arrays)
        self._keep_applied()
        return loss_returned(returned)

    @property
    def unwritten(self) -> list[Any]:
        """The given variables that no update behind what the step runs writes."""
        updated = {place for each in self.optimizers for _, place, _ in each.updates}
        return [v for place, v in enumerate(self._variables) if updated and place not in updated]

    def nonfinite_data(self) -> tuple[NonFinite, ...]:
        """Columns of the batches that hold a NaN or an infinity."""
        rows = self.rows_in_memory
        return () if rows is None else nonfinite(rows.arrays)

    def _keep_applied(self) -> None:
        """Of the updates of the graph those that the step makes."""
        applied = tuple(each for each in self._candidates if each.applied)
        self.optimizers = applied


def _listed(optimizer: Any) -> list[Any]:
    listed = list(optimizer) if isinstance(optimizer, (list, tuple)) else [optimizer]
    for each in listed:
        if not isinstance(each, tf.compat.v1.train.Optimizer):
            remedy = "Pass the one that made the train_op, or leave it out."
            raise invalid(f"optimizer={shown(each)}", "one of tf.compat.v1.train", remedy)
    return listed


def _common_graph(given: Sequence[Any]) -> Any:
    graphs = {id(graph): graph for graph in map(graph_of, given)}
    if len(graphs) == 1:
        return next(iter(graphs.values()))
    remedy = "Pass those of the graph that the session runs, as its trainable_variables()."
    raise invalid("variables of several graphs", "variables of one tf.Graph", remedy)


def _session_of(step: Any, graph: Any, session: Any) -> Any:
    """The session that a step runs: given, closed over or named, or the default one."""
    remedy = "Pass it: converge.step(train_step, variables=..., session=session)."
    if session is not None:
        if is_session(session) and session.graph is graph:
            return session
        given = f"session={shown(session)}"
        if is_session(session):
            given = "a session of another graph"
        raise invalid(given, "a tf.compat.v1.Session of the graph of the variables", remedy)
    named = [*seen_by(step).values(), tf.compat.v1.get_default_session()]
    found = {id(each): each for each in named if is_session(each) and each.graph is graph}
    if len(found) == 1:
        return next(iter(found.values()))
    given = f"variables of a tf.Graph and {len(found) or 'no'} sessions that the step could run"
    raise invalid(given, "the session", remedy)
