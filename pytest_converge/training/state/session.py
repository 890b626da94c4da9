"""Graphs and sessions of TensorFlow 1: their variables, and the updates that they make."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.training.keras_internals import outside_of_graphs, rate_tensors
from pytest_converge.training.state.optimizer import GradientStore, ObservedOptimizer
from pytest_converge.training.state.snapshot import HeldVariable, attributes_set

__all__ = [
    "GraphOptimizer",
    "ObservedSession",
    "SessionVariable",
    "graph_of",
    "is_session",
    "optimizers_in",
    "variables_of",
]

#: What a learning rate may be that the step feeds.
FED = ("Placeholder", "PlaceholderWithDefault")
#: What TensorFlow's update operations call the variable, its gradient and the learning rate.
VARIABLE, GRADIENTS, RATES = "var", ("grad", "delta"), ("alpha", "lr")


def graph_of(variable: Any) -> Any:
    """The `tf.Graph` of a variable of TensorFlow 1; None for one of eager TensorFlow."""
    if not isinstance(variable, tf.Variable):
        return None
    # One of eager TensorFlow has none, and says so by an `AttributeError`.
    return getattr(variable, "graph", None)


def is_session(candidate: object) -> bool:
    """True for a `tf.compat.v1.Session`, an interactive one included."""
    return isinstance(candidate, (tf.compat.v1.Session, tf.compat.v1.InteractiveSession))


#: What makes an operation, where nobody knows the optimizer itself: its class and, by what it calls
#: them, the settings that the operation gets.
MADE_BY: dict[str, tuple[str, dict[str, str]]] = {
    "ApplyAdam": (
        "AdamOptimizer",
        {"beta1": "beta1", "beta2": "beta2", "epsilon": "epsilon"},
    ),
    "ApplyGradientDescent": ("GradientDescentOptimizer", {}),
    "ApplyMomentum": ("MomentumOptimizer", {"momentum": "momentum"}),
    "ApplyRMSProp": (
        "RMSPropOptimizer",
        {"decay": "rho", "momentum": "momentum", "epsilon": "epsilon"},
    ),
}


class SessionVariable(HeldVariable):
    """A variable of a graph, by ref or by resource, whose value a session holds.

    Args:
        variable: of the graph.
        session: that runs it.
    """

    def __init__(self, variable: Any, session: Any) -> None:
        self.variable = variable
        self.name = str(variable.name)
        self.shape = variable.shape
        self.dtype = variable.dtype.base_dtype
        self._run = session.run

    @property
    def is_initialised(self) -> bool:
        """False before its initializer, or that of all variables, was run."""
        try:
            self.numpy()
        except tf.errors.FailedPreconditionError:
            return False
        return True

    def numpy(self) -> Any:
        """Its present value."""
        return np.asarray(self._run(self.variable))

    def assign(self, value: Any) -> None:
        """Sets its value; by its initializer, so that nothing is added to the graph."""
        initializer = self.variable.initializer
        self._run(initializer, {initializer.inputs[1]: np.asarray(value)})


def variables_of(graph: Any, given: Sequence[Any], session: Any) -> list[SessionVariable]:
    """The given variables of a graph and then all others that have a value in the session."""
    keys = (tf.compat.v1.GraphKeys.GLOBAL_VARIABLES, tf.compat.v1.GraphKeys.LOCAL_VARIABLES)
    every = [*given, *(v for key in keys for v in graph.get_collection(key))]
    unique = {id(variable): variable for variable in every}.values()
    held = [SessionVariable(variable, session) for variable in unique]
    return held[: len(given)] + [each for each in held[len(given) :] if each.is_initialised]


class GraphOptimizer(ObservedOptimizer):
    """The updates of a graph at one learning rate, whatever optimizer has made them.

    Args:
        rate: the tensor of the learning rate.
        updates: (operation, index of its variable, tensor of the gradient) of each.
        optimizer: that made them, for how it is written; None for what they show of it.
    """

    def __init__(
        self, rate: Any, updates: Sequence[tuple[Any, int, Any]], optimizer: Any = None
    ) -> None:
        self.rate = rate
        self.updates = updates
        self.optimizer = _made_by(updates[0][0]) if optimizer is None else optimizer
        self.name = str(rate.op.name)
        self.applied = False
        self.factor = 1.0
        self._is_fed, self._varies = rate.op.type in FED, False
        self._squares = 0.0
        self._latest_rate = np.nan
        self.store: GradientStore | None = None
        self._norm = tf.Variable(0.0, trainable=False, name="gradient_norm")
        self._rate = tf.Variable(np.nan, trainable=False, name="learning_rate", dtype=tf.float32)
        # Not by `tf.get_static_value`: what that has looked at may not be fed any more.
        self._user_rate: float | None = None

    @property
    def variables(self) -> list[Any]:
        """None that are not among those of the graph."""
        return []

    @property
    def counters(self) -> list[Any]:
        """None: TensorFlow 1 counts the updates only where it is told to."""
        return []

    @property
    def user_rate(self) -> Any:
        """The learning rate of the first update; None before it."""
        return self._user_rate

    @property
    def instruments(self) -> list[Any]:
        """Variables of the observation itself, which are no part of the training."""
        return [self._norm, self._rate]

    @property
    def mode(self) -> tuple[Any, ...]:
        """The same in all modes: nothing is traced."""
        return (self,)

    def learning_rate(self) -> Any:
        """The rate of the latest update: read after a step it is that of the step."""
        return self._rate

    def learning_rate_of_step(self, before: Any) -> Any:
        """The same, whatever it was before."""
        return self._rate

    @property
    def rate_set_in_step(self) -> bool:
        """True where the step feeds another one than before."""
        return self._is_fed and self._varies

    @property
    def rate_variable(self) -> Any:
        """None: a graph holds its rate as a tensor."""
        return None

    def set_learning_rate_factor(self, factor: float) -> None:
        """Multiplies what is fed as the learning rate, be it a constant of the graph."""
        self.factor = factor

    def muted(self) -> contextlib.AbstractContextManager[None]:
        """Updates are made all the same: whoever asks for none puts the variables back."""
        return contextlib.nullcontext()

    def handing_out(self, store: GradientStore) -> contextlib.AbstractContextManager[None]:
        """Gradients of updates made meanwhile are added to `store`."""
        return attributes_set([(self, "store", store)])

    def begin_step(self) -> None:
        """Forgets the gradients of the step before."""
        self._squares = 0.0
        self._norm.assign(0.0)

    def gradient_norm(self) -> Any:
        """The global L2 norm of the gradients of this step, or None where none were seen."""
        return tf.identity(self._norm) if self.applied else None

    def stands(self) -> None:
        """No step is made before the run."""

    def seen(
        self, rate: float, gradients: Sequence[Any], trained: Sequence[SessionVariable]
    ) -> None:
        """Takes in an update: what its rate was, before any factor, and its gradients."""
        self.applied = True
        if self._user_rate is None:
            self._user_rate = _plain(rate)
        self._varies = self._varies or _plain(rate) != self._user_rate
        if rate * self.factor != self._latest_rate:
            self._latest_rate = rate * self.factor
            self._rate.assign(self._latest_rate)
        self._squares += sum(float(np.sum(np.square(each, dtype=np.float64))) for each in gradients)
        self._norm.assign(self._squares**0.5)
        if self.store is not None:
            variables = [trained[place] for _, place, _ in self.updates]
            self.store.add([tf.constant(each) for each in gradients], variables, None)

    def release(self) -> None:
        """Nothing of the optimizer was changed."""


class UnknownOptimizer:
    """In place of an optimizer of which the graph shows the updates alone."""


def _made_by(operation: Any) -> Any:
    """An optimizer that makes such updates, by what the operation shows of its settings."""
    kind, settings = MADE_BY.get(operation.type.removeprefix("Resource"), ("", {}))
    named = _inputs(operation)
    held = {name: _constant(named.get(given)) for name, given in settings.items()}
    if not kind or None in held.values():
        return UnknownOptimizer()
    if operation.op_def and any(each.name == "use_nesterov" for each in operation.op_def.attr):
        nesterov = bool(operation.get_attr("use_nesterov"))
        held.update({"use_nesterov": True} if nesterov else {})
    return getattr(tf.compat.v1.train, kind)(0.0, **held)


def _constant(tensor: Any) -> float | None:
    if tensor is None or tensor.op.type != "Const":
        return None
    return _plain(tf.make_ndarray(tensor.op.get_attr("value")))


def optimizers_in(
    graph: Any, trained: Sequence[SessionVariable], known: Iterable[Any]
) -> tuple[GraphOptimizer, ...]:
    """The updates of variables that a graph holds, by their learning rates.

    Those of sparse gradients, and those within conditions, whose tensors cannot be fed, are no
    operations that tell their rate.

    Args:
        graph: of the variables.
        trained: the variables that are trained.
        known: optimizers of `tf.compat.v1.train` of which one may have made them.
    """
    places = {each.variable.op: place for place, each in enumerate(trained)}
    found: dict[str, tuple[Any, list[tuple[Any, int, Any]]]] = {}
    for operation in graph.get_operations():
        named = _inputs(operation)
        variable = named.get(VARIABLE)
        rate = next((named[name] for name in RATES if name in named), None)
        slope = next((named[name] for name in GRADIENTS if name in named), None)
        if variable is None or rate is None or slope is None or variable.op not in places:
            continue
        if graph.is_feedable(rate) and graph.is_fetchable(rate) and graph.is_fetchable(slope):
            _, updates = found.setdefault(rate.name, (rate, []))
            updates.append((operation, places[variable.op], slope))
    by_rate = {id(tensor): each for each in known for tensor in rate_tensors(each)}
    return tuple(
        GraphOptimizer(rate, updates, by_rate.get(id(rate))) for rate, updates in found.values()
    )


def _inputs(operation: Any) -> Mapping[str, Any]:
    definition = operation.op_def
    if definition is None or "Apply" not in operation.type:
        return {}
    return dict(zip((each.name for each in definition.input_arg), operation.inputs, strict=False))


class ObservedSession:
    """Looks at the updates that a session makes, and sets their learning rates.

    Args:
        session: that the user's step runs.
        optimizers: the updates of its graph.
        trained: the variables that these train.
    """

    def __init__(
        self, session: Any, optimizers: Sequence[GraphOptimizer], trained: Sequence[SessionVariable]
    ) -> None:
        self._session = session
        self._optimizers = optimizers
        self._trained = trained
        self._run = session.run
        self._reached: dict[tuple[str, ...], list[GraphOptimizer]] = {}

    @contextlib.contextmanager
    def observed(self) -> Iterator[None]:
        """What the session is asked to run meanwhile is looked at."""
        self._session.run = self._observed_run
        try:
            yield
        finally:
            del self._session.run  # the method of its class is there again

    def _observed_run(self, fetches: Any, feed_dict: Any = None, *args: Any, **kwargs: Any) -> Any:
        made = self._made_by(fetches)
        if not made:
            return self._run(fetches, feed_dict, *args, **kwargs)
        feeds = dict(feed_dict or {})
        rates = {each: self._rate(each, feeds) for each in made if each.factor != 1.0}
        for each, rate in rates.items():
            feeds[each.rate] = np.asarray(rate * each.factor, each.rate.dtype.as_numpy_dtype)
        wanted = [(each.rate, [slope for _, _, slope in each.updates]) for each in made]
        found, seen = self._run([fetches, wanted], feeds, *args, **kwargs)
        with outside_of_graphs():  # the step runs within its own
            for each, (rate, gradients) in zip(made, seen, strict=True):
                each.seen(float(rates.get(each, rate)), gradients, self._trained)
        return found

    def _rate(self, optimizer: GraphOptimizer, feeds: Mapping[Any, Any]) -> float:
        """The learning rate as it would be: what is fed, or what the graph makes of that."""
        return float(self._run(optimizer.rate, feeds))

    def _made_by(self, fetches: Any) -> list[GraphOptimizer]:
        """The optimizers whose updates a run of these makes."""
        graph = self._session.graph
        wanted = [graph.as_graph_element(each) for each in keras.tree.flatten(fetches)]
        names = tuple(each.name for each in wanted)
        if names not in self._reached:
            operations = _behind([getattr(each, "op", each) for each in wanted])
            self._reached[names] = [
                optimizer
                for optimizer in self._optimizers
                if all(operation in operations for operation, _, _ in optimizer.updates)
            ]
        return self._reached[names]


def _behind(operations: list[Any]) -> set[Any]:
    """These operations of a graph and all that have to run before them."""
    found: set[Any] = set()
    left = list(operations)
    while left:
        operation = left.pop()
        if operation not in found:
            found.add(operation)
            left += [tensor.op for tensor in operation.inputs]
            left += operation.control_inputs
    return found


def _plain(rate: Any) -> float:
    """Without the digits that float32 adds: 0.10000000149 is 0.1."""
    return float(f"{float(rate):.7g}")
