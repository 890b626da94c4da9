"""The numbers that a step adds up on the way to its loss, wherever the user wrote the sum."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

from pytest_converge.training.keras_internals import calls_of_operation
from pytest_converge.training.state.snapshot import attributes_set, method_replaced, shadowed
from pytest_converge.training.training import Training

__all__ = ["Visit", "additions_visited"]

#: Operations that make a number of two or more.
KINDS = ("AddN", "AddV2", "Sub")
#: Takes the place of a sum in its step, counted from 0, its kind and its parts; gives the parts
#: that are added up.
Visit = Callable[[int, str, list[Any]], list[Any]]


@contextlib.contextmanager
def additions_visited(training: Training, visit: Visit) -> Iterator[None]:
    """Hands the parts of every sum of single numbers, or of one a row, through `visit`.

    What it gives is added up in their place.

    What a gradient and an optimizer add up is left alone. The same step counts alike wherever it
    runs, in a graph or outside of any: its sums are those that the user's code asks for.

    Args:
        training: whose step is called, or traced, while the context lasts.
        visit: see `Visit`.
    """
    inside: list[bool] = []
    calls: list[bool] = []
    count = [0]

    def replaced(kind: str, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def call(*args: Any, **kwargs: Any) -> Any:
            parts = list(args[0] if kind == "AddN" else args[:2]) if args else []
            if inside or not calls or not (_are_numbers(parts) or _are_of_rows(parts)):
                return original(*args, **kwargs)
            place, count[0] = count[0], count[0] + 1
            parts = visit(place, kind, parts)
            rest = args[1:] if kind == "AddN" else args[2:]
            return original(*([parts] if kind == "AddN" else parts), *rest, **kwargs)

        return call

    original_place = training.functions.in_place

    @contextlib.contextmanager
    def in_place() -> Iterator[None]:
        count[0] = 0
        calls.append(True)
        try:
            with original_place():
                yield
        finally:
            calls.pop()

    with contextlib.ExitStack() as stack:
        for kind in KINDS:
            settings = calls_of_operation(kind, functools.partial(replaced, kind))
            stack.enter_context(attributes_set(settings))
        gradient = _not_within(tf.GradientTape.gradient, inside)
        stack.enter_context(method_replaced(tf.GradientTape, "gradient", gradient))
        for observed in training.optimizers:
            optimizer = observed.optimizer
            name = "apply" if hasattr(optimizer, "apply") else "apply_gradients"
            quiet = _not_within(getattr(optimizer, name), inside)
            stack.enter_context(shadowed([(optimizer, name, quiet)]))
        stack.enter_context(shadowed([(training.functions, "in_place", in_place)]))
        yield


def _not_within(original: Callable[..., Any], inside: list[bool]) -> Callable[..., Any]:
    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        inside.append(True)
        try:
            return original(*args, **kwargs)
        finally:
            inside.pop()

    return call


def _are_numbers(parts: list[Any]) -> bool:
    return any(map(_is_number, parts)) and all(map(_may_be_number, parts))


def _are_of_rows(parts: list[Any]) -> bool:
    """True for a number a row each: what is added up before the rows are."""
    return len(parts) > 1 and all(
        isinstance(part, tf.Tensor) and part.shape.rank == 1 and part.dtype.is_floating
        for part in parts
    )


def _is_number(part: Any) -> bool:
    """True for a tensor of one real number without any axis."""
    return isinstance(part, tf.Tensor) and part.shape.rank == 0 and part.dtype.is_floating


def _may_be_number(part: Any) -> bool:
    return isinstance(part, (int, float)) or _is_number(part)
