"""One step of a training outside of any graph, with every operation that it made."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from typing import Any

import keras
import tensorflow as tf

from pytest_converge.training.data.arrays import batch_leaves
from pytest_converge.training.data.batches import Batch
from pytest_converge.training.keras_internals import (
    mark_logits,
    operations_watched,
    writes_watched,
)
from pytest_converge.training.measures.gradients import undisturbed
from pytest_converge.training.measures.layer_readings import named_layers
from pytest_converge.training.state.graphs import functions_run_eagerly
from pytest_converge.training.state.own_code import place_of_caller
from pytest_converge.training.state.seeding import preserved
from pytest_converge.training.state.snapshot import (
    as_tf_variable,
    method_replaced,
    shadowed,
    unique_variables,
)
from pytest_converge.training.training import Training

__all__ = ["Differentiation", "LayerCall", "Operation", "Recording", "recorded"]


#: Operations behind which Keras' cross-entropies look for the logits, in a graph by themselves.
ACTIVATIONS = frozenset({"Sigmoid", "Softmax"})


@dataclasses.dataclass(frozen=True, slots=True)
class Operation:
    """One operation of TensorFlow.

    Attributes:
        kind: its type, as in `MatMul`.
        inputs, outputs: its tensors; a variable that is read is the tensor of its handle.
        layer: the innermost layer whose call it is part of; empty outside of any layer.
        backward: True where it is part of the computation of a gradient.
        place: (file, line) of the user's code that makes it; None where nobody knows.
    """

    kind: str
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    layer: str
    backward: bool
    place: tuple[str, int] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Differentiation:
    """One gradient that the step asked for.

    Attributes:
        targets: the tensors that were differentiated, as the loss.
        sources: by which variables.
        reached: for each of these, whether there is a gradient.
        zero: for each of these, whether it is 0 throughout.
        gradients: those that there are, also by other sources; of rows that were looked up, theirs.
        others: the variables made trainable that are no sources and on which the targets depend.
    """

    targets: tuple[Any, ...]
    sources: tuple[Any, ...]
    reached: tuple[bool, ...]
    zero: tuple[bool, ...]
    gradients: tuple[Any, ...]
    others: tuple[Any, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class LayerCall:
    """One call of a layer.

    Attributes:
        name: of the layer, as `layer_readings.named_layers` has it.
        layer: the layer.
        inputs, outputs: its tensors.
        training: the argument `training` that it got; None where it got none.
    """

    name: str
    layer: Any
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    training: bool | None


class Recording:
    """What one step did on a batch; it holds the tensors, so that their ids stay theirs.

    Attributes:
        operations: in the order in which they were made.
        differentiations: in that order as well.
        calls: of layers, those of inner ones before those of outer ones.
        leaves: the arrays of the batch by name.
        made: the Keras optimizers that the step made.
        written: the variables that a method of theirs wrote, by the id of their handle.
        returned: the loss that the step returned.
    """

    def __init__(self, batch: Batch) -> None:
        self.operations: list[Operation] = []
        self.differentiations: list[Differentiation] = []
        self.calls: list[LayerCall] = []
        self.leaves: dict[str, Any] = {} if batch is None else dict(batch_leaves(batch))
        self.made: list[Any] = []
        self.written: dict[int, Any] = {}
        self.returned: Any = None
        self._layers: list[str] = []
        self._depth = 0

    def note(self, kind: str, inputs: Any, outputs: Any) -> None:
        """Takes in an operation."""
        if kind in ACTIVATIONS:
            mark_logits(outputs[0], inputs[0])
        layer = self._layers[-1] if self._layers else ""
        self.operations.append(
            Operation(
                kind,
                tuple(inputs),
                tuple(outputs or ()),
                layer,
                self._depth > 0,
                place_of_caller(),
            )
        )

    def note_write(self, variable: Any) -> None:
        """Takes in a variable that is about to be written."""
        self.written[id(variable.handle)] = variable

    def within(self, name: str, layer: Any) -> contextlib.AbstractContextManager[None]:
        """Notes the calls of a layer, and what is made in them, while the context lasts."""
        original = layer.call

        @functools.wraps(original)
        def call(*args: Any, **kwargs: Any) -> Any:
            self._layers.append(name)
            try:
                output = original(*args, **kwargs)
            finally:
                self._layers.pop()
            training = kwargs.get("training")
            inputs, outputs = _tensors((args, kwargs)), _tensors(output)
            self.calls.append(LayerCall(name, layer, inputs, outputs, training))
            return output

        return shadowed([(layer, "call", call)])

    def gradients_noted(self) -> contextlib.AbstractContextManager[None]:
        """Notes the gradients that are asked for while the context lasts."""
        original = tf.GradientTape.gradient

        @functools.wraps(original)
        def gradient(tape: Any, target: Any, sources: Any, *args: Any, **kwargs: Any) -> Any:
            asked = {id(as_tf_variable(v)) for v in tf.nest.flatten(sources) if _is_variable(v)}
            watched = unique_variables(tape.watched_variables())
            others = [v for v in watched if id(v) not in asked]
            self._depth += 1
            try:
                found, more = original(tape, target, [sources, others], *args, **kwargs)
            finally:
                self._depth -= 1
            pairs = zip(tf.nest.flatten(sources), tf.nest.flatten(found), strict=False)
            by = [(as_tf_variable(v), g) for v, g in pairs if _is_variable(v)]
            self.differentiations.append(
                Differentiation(
                    targets=_tensors(target),
                    sources=tuple(v for v, _ in by),
                    reached=tuple(slope is not None for _, slope in by),
                    zero=tuple(_is_zero(slope) for _, slope in by),
                    gradients=_tensors([_values_of(each) for each in tf.nest.flatten(found)]),
                    others=tuple(
                        v for v, slope in zip(others, more, strict=True) if slope is not None
                    ),
                )
            )
            return found

        return method_replaced(tf.GradientTape, "gradient", gradient)

    def optimizers_noted(self) -> contextlib.AbstractContextManager[None]:
        """Notes the optimizers that are made while the context lasts."""
        original = keras.optimizers.Optimizer.__init__

        @functools.wraps(original)
        def init(optimizer: Any, *args: Any, **kwargs: Any) -> None:
            original(optimizer, *args, **kwargs)
            self.made.append(optimizer)

        return method_replaced(keras.optimizers.Optimizer, "__init__", init)


def recorded(training: Training, batch: Batch) -> Recording:
    """Records a step on a batch at the present weights, without its update; changes nothing.

    What the user compiled runs outside of any graph as well. Optimizers that are not observed make
    their updates, which are taken back.
    """
    recording = Recording(batch)
    layers = [named for model in training.models for named in named_layers(model)]
    with contextlib.ExitStack() as stack:
        stack.enter_context(preserved())
        stack.enter_context(undisturbed(training))
        stack.enter_context(functions_run_eagerly())
        for optimizer in training.optimizers:
            stack.enter_context(optimizer.muted())
        for name, layer in layers:
            stack.enter_context(recording.within(name, layer))
        stack.enter_context(recording.gradients_noted())
        stack.enter_context(recording.optimizers_noted())
        stack.enter_context(writes_watched(recording.note_write))
        stack.enter_context(operations_watched(recording.note))
        recording.returned = training.step(batch)
    return recording


def _tensors(structure: Any) -> tuple[Any, ...]:
    return tuple(leaf for leaf in keras.tree.flatten(structure) if isinstance(leaf, tf.Tensor))


def _is_zero(gradient: Any) -> bool:
    """Whether all of a gradient is 0; read as an array, so that no operation is recorded."""
    values = _values_of(gradient)
    return hasattr(values, "numpy") and not values.numpy().any()


def _values_of(gradient: Any) -> Any:
    """Its numbers; of rows that were looked up, as an embedding's are, those of these rows."""
    return gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient


def _is_variable(candidate: Any) -> bool:
    return isinstance(candidate, (tf.Variable, keras.Variable))
