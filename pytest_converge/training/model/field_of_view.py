"""How many places of its input an output of stacked convolutions sees."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import keras

from pytest_converge.training.keras_internals import layer_of, made_from

__all__ = ["View", "field_of_view"]

#: The layers that are followed: each output place sees some input places around it.
CONVOLUTIONS = (keras.layers.Conv1D, keras.layers.Conv2D)
#: Layers and operations of Keras in which every place is worked on by itself.
PER_PLACE = frozenset(
    {
        "Activation",
        "Add",
        "AlphaDropout",
        "Average",
        "BatchNormalization",
        "Concatenate",
        "Dense",
        "Dropout",
        "ELU",
        "Embedding",
        "GaussianNoise",
        "LayerNormalization",
        "LeakyReLU",
        "Maximum",
        "Multiply",
        "PReLU",
        "ReLU",
        "Relu",
        "Rescaling",
        "SpatialDropout1D",
        "SpatialDropout2D",
        "Subtract",
    }
)
#: What leaves out the last axis, where each place holds one number.
AXIS_LEFT_OUT = frozenset({"Flatten", "Reshape", "Squeeze"})
#: The kernel and the dilation of a convolution.
Reach = tuple[tuple[int, ...], tuple[int, ...]]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What an output of a model sees.

    Attributes:
        layers: the convolutions, each with the number of those in front of it.
        seen: the places along each axis that it sees.
        places: those that there are.
        wanted: those to be seen so that every output sees all: as many as there are where it looks
            back from the last one, and nearly twice as many where it looks both ways.
    """

    layers: tuple[tuple[Any, int], ...]
    seen: tuple[int, ...]
    places: tuple[int, ...]
    wanted: tuple[int, ...]


class _UnknownViewError(Exception):
    """Something that is no convolution mixes places."""


def field_of_view(model: Any, reach: Callable[[Any, int], Reach] | None = None) -> View | None:
    """What an output sees; None where the model is not of convolutions that keep every place.

    Args:
        model: functional or sequential, with one input and one output.
        reach: kernel and dilation of a convolution by the number in front of it; None for its own.
    """
    inputs: Any = getattr(model, "inputs", None) or ()
    outputs: Any = getattr(model, "outputs", None) or ()
    if len(inputs) != 1 or len(outputs) != 1:
        return None
    walk = _Walk(reach or (lambda layer, _: (layer.kernel_size, layer.dilation_rate)))
    try:
        seen, _ = walk.of(outputs[0])
    except _UnknownViewError:
        return None
    layers = tuple(walk.layers.values())
    if not layers:
        return None
    places = tuple(inputs[0].shape[1 : 1 + layers[0][0].rank])
    if None in places or tuple(outputs[0].shape[1 : 1 + len(places)]) != places:
        return None
    back = all(layer.padding == "causal" for layer, _ in layers)
    wanted = tuple(each if back else 2 * each - 1 for each in places)
    return View(layers=layers, seen=seen, places=places, wanted=wanted)


class _Walk:
    """From an output to the input.

    Attributes:
        layers: the convolutions by their ids, with the number in front of each.
    """

    def __init__(self, reach: Callable[[Any, int], Reach]) -> None:
        self.layers: dict[int, tuple[Any, int]] = {}
        self._reach = reach
        self._known: dict[int, tuple[tuple[int, ...], int]] = {}

    def of(self, tensor: Any) -> tuple[tuple[int, ...], int]:
        """The places that a tensor sees along each axis, and the convolutions in front of it."""
        if id(tensor) not in self._known:
            self._known[id(tensor)] = self._of(tensor)
        return self._known[id(tensor)]

    def _of(self, tensor: Any) -> tuple[tuple[int, ...], int]:
        made, sources = layer_of(tensor), made_from(tensor)
        if not sources:
            return (), 0
        before = [self.of(source) for source in sources]
        # Beside what sees more, a tensor adds nothing; the input itself sees its own place alone.
        fields = [each for each, _ in before if each]
        seen = tuple(max(sizes) for sizes in zip(*fields, strict=True))
        depth = max(number for _, number in before)
        if type(made) in CONVOLUTIONS and _keeps_places(made):
            self.layers[id(made)] = made, depth
            kernel, dilation = self._reach(made, depth)
            steps = [(size - 1) * apart for size, apart in zip(kernel, dilation, strict=True)]
            first = seen or (1,) * len(steps)
            return tuple(a + b for a, b in zip(first, steps, strict=True)), depth + 1
        if not _is_per_place(made, sources, tensor):
            raise _UnknownViewError
        return seen, depth


def _keeps_places(layer: Any) -> bool:
    last = layer.data_format == "channels_last"
    return last and layer.padding in ("same", "causal") and set(layer.strides) == {1}


def _is_per_place(made: Any, sources: list[Any], tensor: Any) -> bool:
    kind, of_keras = type(made).__name__, type(made).__module__.startswith("keras.")
    before, after = sources[0].shape, tensor.shape
    if of_keras and kind in AXIS_LEFT_OUT:
        return bool(len(before) > 2 and before[-1] == 1 and tuple(before[:-1]) == tuple(after))
    if not of_keras or kind not in PER_PLACE:
        return False
    places = before if kind == "Embedding" else before[:-1]
    axis = getattr(made, "axis", -1)
    last = (-1, len(after) - 1)
    return tuple(after[:-1]) == tuple(places) and all(
        each in last for each in (axis if isinstance(axis, (list, tuple)) else [axis])
    )
