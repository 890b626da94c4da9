"""Arrays that the user's functions and layers hold, as they are read in a step, and others there.

A loss that closes over its labels, or a layer that holds the neighbours of a graph, has no batch in
which they could be changed: others are put into the cell, the module or the object that has them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.core.numbers import counted
from pytest_converge.training.adapters.seen import CELL, Held, held_by
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.outputs import other_encodings
from pytest_converge.training.interventions.targets import has_two_values, with_labels
from pytest_converge.training.measures.compared import comparisons
from pytest_converge.training.measures.flow import Flow
from pytest_converge.training.measures.layer_readings import named_layers
from pytest_converge.training.measures.recording import recorded
from pytest_converge.training.state.snapshot import attributes_set, shadowed
from pytest_converge.training.training import Training

__all__ = [
    "HeldArray",
    "filled",
    "held_arrays",
    "held_labels",
    "held_targets",
    "masked",
    "of_models",
    "relabelled",
]

Array = np.ndarray[Any, Any]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HeldArray:
    """An array under one name.

    Attributes:
        name: as the code has it that uses it.
        layer: the layer that holds it; empty for the user's function.
        values: the numbers.
        tensor: True where it is held as a tensor.
        owner, attribute: where it is held.
    """

    name: str
    layer: str
    values: Array
    tensor: bool
    owner: Any
    attribute: str

    @contextlib.contextmanager
    def replaced(self, values: Array) -> Iterator[None]:
        """Other numbers of the same type in its place meanwhile."""
        kind = self.values.dtype
        new: Any = values.astype(kind if kind.kind == "f" else np.result_type(kind, np.float32))
        new = tf.constant(new) if self.tensor else new
        place = [(self.owner, self.attribute, new)]
        # Layers keep count of what they hold; a cell has no dictionary to go past that.
        with attributes_set(place) if self.attribute == CELL else shadowed(place):
            yield

    def tensors(self, flow: Flow) -> Iterator[Any]:
        """The tensors of a step that it is: Python makes one of NumPy's arrays at every use."""
        leaves = {id(leaf) for leaf in flow.recording.leaves.values()}
        for operation in flow.needed:
            for tensor in operation.inputs:
                made = id(tensor) in flow.producers or id(tensor) in leaves
                if made or tensor.dtype == tf.resource or tensor.shape != self.values.shape:
                    continue
                if np.array_equal(tensor.numpy(), self.values):
                    yield tensor

    def line(self, code: str) -> str:
        """Code for an array `y`, of this one."""
        own = re.sub(r"\by\b", self.name, code)
        return f"{own}  # in layer {self.layer}" if self.layer else own


def held_arrays(training: Training) -> list[HeldArray]:
    """The arrays of numbers that the user's function, or the layers of their own, hold."""
    functions: list[tuple[str, Any]] = [("", training.function)]
    for model in training.models:
        for name, layer in named_layers(model):
            if type(layer).__module__.startswith("keras."):
                functions.append((name, getattr(layer, "function", None)))
            else:
                functions.append(("" if layer is model else name, type(layer).call.__get__(layer)))
    every = [(name, held) for name, function in functions for held in held_by(function)]
    for model in training.models:
        if not type(model).__module__.startswith("keras."):
            every += [("", Held(f"self.{k}", v, model, k)) for k, v in vars(model).items()]
    found: dict[tuple[int, str], HeldArray] = {}
    for layer_name, held in every:
        array = _read(layer_name, held)
        if array is not None:
            found.setdefault((id(held.owner), held.attribute), array)
    return list(found.values())


def _read(layer: str, held: Held) -> HeldArray | None:
    tensor = isinstance(held.value, tf.Tensor) and hasattr(held.value, "numpy")
    if held.owner is None or not (tensor or isinstance(held.value, np.ndarray)):
        return None
    values = held.value.numpy() if tensor else held.value
    if values.dtype.kind not in "biuf" or not values.ndim or not values.size:
        return None
    return HeldArray(
        name=held.name,
        layer=layer if held.name.startswith("self.") else "",
        values=values,
        tensor=tensor,
        owner=held.owner,
        attribute=held.attribute,
    )


def held_labels(training: Training) -> list[HeldArray]:
    """Those with two values, one a row, that predictions are compared with in a step."""
    return _compared(training, has_two_values)


def held_targets(training: Training, shape: tuple[int, ...]) -> list[HeldArray]:
    """Those of one shape that predictions are compared with in a step."""
    return _compared(training, lambda values: values.shape == shape)


def _compared(training: Training, likely: Callable[[Array], bool]) -> list[HeldArray]:
    candidates = [held for held in held_arrays(training) if likely(held.values)]
    if not candidates:
        return []
    flow = Flow(recorded(training, training.first_batch()))
    return [held for held in candidates if _is_compared(held, flow)]


def _is_compared(held: HeldArray, flow: Flow) -> bool:
    known = flow.depending(map(id, held.tensors(flow))) - flow.by_variables
    return any(True for _ in comparisons(flow, known, flow.by_variables))


def relabelled(held: HeldArray) -> list[tuple[Intervention, Intervention]]:
    """Other labels in place of two values, each with its control: the same of other rows."""
    return [
        (_changed(held, change, new), _permuted(held, change, new))
        for old, values, change in other_encodings(held.values, swapped=True)
        for new in [with_labels(held.values, old, values)]
    ]


def _changed(held: HeldArray, change: Intervention, new: Array) -> Intervention:
    return dataclasses.replace(
        change,
        fix=held.line(change.fix),
        change=f"{held.name}: {change.change}",
        where=(held.name,),
        data=None,
        variant=lambda _: held.replaced(new),
    )


def _permuted(held: HeldArray, change: Intervention, new: Array) -> Intervention:
    other = new[np.random.default_rng(0).permutation(len(new))]
    return Intervention(
        code=change.code,
        change=f"{held.name}: {change.change}, of other rows (control)",
        variant=lambda _: held.replaced(other),
        redefines_loss=True,
    )


def of_models(training: Training) -> list[HeldArray]:
    """Those of models and layers that are not finite: no data, of which a zero would be made up.

    As the inverse degrees of the nodes of a graph, which are infinite for one without neighbours.
    """
    every = _not_finite(training)
    return [held for held in every if isinstance(held.owner, keras.layers.Layer)]


def _not_finite(training: Training) -> list[HeldArray]:
    return [
        held
        for held in held_arrays(training)
        if held.values.dtype.kind == "f" and not np.isfinite(held.values).all()
    ]


def masked(training: Training) -> list[HeldArray]:
    """Those that are not finite in places that neither the loss nor its gradients depend on.

    As readings that are multiplied by a mask: NaN times 0 is NaN.
    """
    found = _not_finite(training)
    with contextlib.ExitStack() as stack:
        for held in found:
            stack.enter_context(held.replaced(_with(held.values, 0.0)))
        return [held for held in found if _is_masked(training, held)]


def _is_masked(training: Training, held: HeldArray) -> bool:
    """Whether neither the loss nor its gradients tell one number there from another."""
    seen: list[list[Array]] = []
    for number in (0.0, 1.0):
        with held.replaced(_with(held.values, number)):
            recording = recorded(training, training.first_batch())
            slopes = [g for each in recording.differentiations for g in each.gradients]
            seen.append([np.asarray(each) for each in (recording.returned, *slopes)])
    first, second = seen
    return len(first) == len(second) and all(
        one.shape == other.shape and np.isfinite(one).all() and np.allclose(one, other, rtol=1e-6)
        for one, other in zip(first, second, strict=True)
    )


def _count(values: Array) -> int:
    return int((~np.isfinite(values)).sum())


def _with(values: Array, number: float) -> Array:
    return np.where(np.isfinite(values), values, number)


def filled(held: HeldArray, *, masked: bool) -> Intervention:
    """Zeros in the places of an array that are not finite.

    Args:
        held: the array.
        masked: whether nothing reads those places.
    """
    count = _count(held.values)
    code = "y = np.nan_to_num(y, posinf=0.0, neginf=0.0)"
    if held.tensor:
        code = "y = tf.where(tf.math.is_finite(y), y, 0.0)"
    return Intervention(
        code="nonfinite-data",
        change=f"zeros in {held.name} where it is not finite",
        fix=held.line(code),
        where=(held.name,),
        fault=f"{held.name} is not finite in places that a mask leaves out: NaN times 0 is NaN"
        if masked
        else f"{counted(count, 'value')} of {held.name} {'is' if count == 1 else 'are'} not finite",
        variant=lambda _: held.replaced(_with(held.values, 0.0)),
    )
