"""Convolutions whose outputs see every place of their input."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

from pytest_converge.core.numbers import listed
from pytest_converge.training.interventions import pasted
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.width import of_another_model, rebuilt
from pytest_converge.training.model.field_of_view import Reach, View, field_of_view

__all__ = ["wider_view"]

#: A run takes up to as many times as long as its kernels have more weights; this many are too long.
MOST_TIMES = 16


def wider_view(model: Any) -> list[Intervention]:
    """The same convolutions with wider kernels, and further apart, so that an output sees all.

    Args:
        model: of one input and one output.

    Returns:
        None of them where an output sees as many places as there are, or nobody knows how many.
    """
    view = field_of_view(model)
    if view is None or all(a >= b for a, b in zip(view.seen, view.places, strict=True)):
        return []
    ways = (_wide(view), _dilated(view))
    every = [_intervention(model, view, way) for way in ways if _is_fit(model, view, way)]
    return list({change.change: change for change in every}.values())


def _is_fit(model: Any, view: View, reach: Callable[[Any, int], Reach]) -> bool:
    """Whether an output sees all then, without a run that takes far longer."""
    kernels = [(reach(layer, number)[0], layer.kernel_size) for layer, number in view.layers]
    if any(math.prod(new) > MOST_TIMES * math.prod(old) for new, old in kernels):
        return False
    after = field_of_view(model, reach)
    return after is not None and all(a >= b for a, b in zip(after.seen, view.wanted, strict=True))


def _depth(view: View) -> int:
    return 1 + max(number for _, number in view.layers)


def _dilated(view: View) -> Callable[[Any, int], Reach]:
    """Each convolution as far apart as those in front of it reach, as in WaveNet.

    Van den Oord et al. 2016 (arXiv:1609.03499): a few weights see many places, and none is left
    out.
    """
    depth = _depth(view)
    sizes = [
        next(size for size in itertools.count(2) if size**depth >= wanted) for wanted in view.wanted
    ]
    # A deep stack sees all with its first layers, and begins anew behind them.
    cycle = [
        next(many for many in range(1, depth + 1) if size**many >= wanted)
        for size, wanted in zip(sizes, view.wanted, strict=True)
    ]

    def reach(layer: Any, number: int) -> Reach:
        kernel = tuple(max(a, b) for a, b in zip(layer.kernel_size, sizes, strict=True))
        apart = tuple(a ** (number % b) for a, b in zip(sizes, cycle, strict=True))
        return kernel, apart

    return reach


def _wide(view: View) -> Callable[[Any, int], Reach]:
    """Kernels that together reach as far."""
    depth = _depth(view)
    sizes = [math.ceil((wanted - 1) / depth) + 1 for wanted in view.wanted]

    def reach(layer: Any, _: int) -> Reach:
        kernel = tuple(max(a, b) for a, b in zip(layer.kernel_size, sizes, strict=True))
        return kernel, (1,) * len(kernel)

    return reach


def _intervention(model: Any, view: View, reach: Callable[[Any, int], Reach]) -> Intervention:
    changed = {layer.name: _settings(*reach(layer, number)) for layer, number in view.layers}
    names = tuple(changed)
    lines = [
        (layer, _written({"strides": layer.strides, **changed[layer.name]}))
        for layer, _ in view.layers
    ]
    apart = any(set(each["dilation_rate"]) != {1} for each in changed.values())
    return Intervention(
        code="too-small-capacity",
        change=f"{listed(names)} {'dilated' if apart else 'with wider kernels'}",
        fix=pasted.layer_lines(lines),
        where=names,
        fault=f"an output sees {_places(view.seen)} of {_places(view.places)} steps",
        variant=of_another_model(lambda: rebuilt(model, changed)),
    )


def _settings(kernel: tuple[int, ...], dilation: tuple[int, ...]) -> dict[str, Any]:
    return {"kernel_size": kernel, "dilation_rate": dilation}


def _written(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings of a layer of a series as people write them, by one number."""
    return {name: value[0] if len(value) == 1 else value for name, value in settings.items()}


def _places(numbers: tuple[int, ...]) -> str:
    return " x ".join(map(str, numbers))
