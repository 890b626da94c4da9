"""Operations without a slope that hand their gradient straight on, at their own values."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import tensorflow as tf

from pytest_converge.core.numbers import listed
from pytest_converge.training.interventions import own_operations
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.places import changed_in_places
from pytest_converge.training.keras_internals import Setting, calls_of_operation
from pytest_converge.training.measures.cut_off import COMPARISONS
from pytest_converge.training.measures.gradient_stops import GradientStop, in_words
from pytest_converge.training.state.snapshot import attributes_set
from pytest_converge.training.training import Training

__all__ = ["STRAIGHT", "straight_through"]

#: What takes the place of each comparison of `a` and `b`, for its slope.
SOFT = {
    "Greater": "tf.sigmoid(a - b)",
    "GreaterEqual": "tf.sigmoid(a - b)",
    "Less": "tf.sigmoid(b - a)",
    "LessEqual": "tf.sigmoid(b - a)",
}
#: Each operation as code of its very values, with the slope of something else.
STRAIGHT = {
    "Cast": "tf.cast(tf.cast(x, tf.int32), x.dtype) + (x - tf.stop_gradient(x))",
    "Ceil": "tf.math.ceil(x) + (x - tf.stop_gradient(x))",
    "Floor": "tf.floor(x) + (x - tf.stop_gradient(x))",
    "FloorDiv": "a // b + (a / b - tf.stop_gradient(a / b))",
    "Rint": "tf.math.rint(x) + (x - tf.stop_gradient(x))",
    "Round": "tf.round(x) + (x - tf.stop_gradient(x))",
    "Sign": "tf.sign(x) + (x - tf.stop_gradient(x))",
    "StopGradient": "x",
    **{
        kind: f"p = {SOFT[kind]}\ntf.cast({truth}, p.dtype) + (p - tf.stop_gradient(p))"
        for kind, truth in (
            ("Greater", "a > b"),
            ("GreaterEqual", "a >= b"),
            ("Less", "a < b"),
            ("LessEqual", "a <= b"),
        )
    },
}
#: What a truth value, or a whole number, holds of the number with a slope that stands in for it.
STAND_IN = "_stand_in_of_pytest_converge"


def straight_through(
    user: Training,
    passages: Sequence[GradientStop],
    where: tuple[str, ...],
    loss: str,
    functions: Mapping[str, str],
) -> Intervention:
    """The gradient of the identity, or of a sigmoid, in the place of none.

    The values stay what they are (Bengio, Leonard and Courville 2013, arXiv:1308.3432, the
    straight-through estimator): of a comparison the slope is that of the sigmoid of the difference.
    What a module imported by name, as `from tensorflow import stop_gradient`, stays.

    Args:
        user: the training, for the lines to paste.
        passages: the operations, each in its place.
        where: the layers or variables that no gradient reaches.
        loss: what the user calls the loss or the step; empty for one without a name.
        functions: the names of functions by that of the layer that calls one.
    """
    named = list(dict.fromkeys(in_words(each, loss) for each in passages))
    have = "have" if len(named) > 1 else "has"
    stopped = all(each.kind == "StopGradient" for each in passages)
    return Intervention(
        code="frozen-variables",
        change="gradients let through stop_gradient" if stopped else "a straight-through gradient",
        fix="\n".join(_own_line(user, x) or _line(x, loss, functions) for x in passages),
        where=where,
        fault=f"no gradient reaches {listed(where)}: {listed(tuple(named))} {have} none",
        variant=functools.partial(_variant, tuple(passages)),
    )


def _own_line(user: Training, passage: GradientStop) -> str:
    """In the user's own code, where it is written there once."""
    if passage.kind in SOFT:
        return own_operations.comparison_changed(
            user, passage.layer, passage.kind, SOFT[passage.kind], at=passage.place
        )
    template = "" if passage.kind == "Cast" else STRAIGHT[passage.kind]
    return template and own_operations.operations_changed(
        user, passage.layer, passage.kind, template, at=passage.place, alone=True
    )


def _line(passage: GradientStop, loss: str, functions: Mapping[str, str]) -> str:
    without = "without tf.stop_gradient, " if passage.kind == "StopGradient" else ""
    place = functions.get(passage.layer, passage.layer) or loss or "the loss"
    return f"{STRAIGHT[passage.kind]}  # {without}in {place}"


@contextlib.contextmanager
def _variant(passages: tuple[GradientStop, ...], training: Training) -> Iterator[None]:
    """The operations of a layer are changed in its calls alone, and those of a step outside."""
    by_place: dict[str, list[str]] = {}
    for each in passages:
        by_place.setdefault(each.layer, []).append(each.kind)
    with contextlib.ExitStack() as stack:
        for kind, reading in (("Cast", _cast), ("SelectV2", _select)):
            stack.enter_context(attributes_set(calls_of_operation(kind, reading)))
        settings = {
            place: [each for kind in kinds for each in _passing(kind)]
            for place, kinds in by_place.items()
        }
        stack.enter_context(changed_in_places(training, settings))
        yield


def _passing(kind: str) -> list[Setting]:
    return calls_of_operation(kind, functools.partial(_straight, kind))


def _straight(kind: str, original: Callable[..., Any]) -> Callable[..., Any]:
    if kind == "StopGradient":
        return _let_through(original)
    if kind == "FloorDiv":
        return _wrapped(original, lambda made, x, y, *_: made + _slope_alone(x / y))
    if kind in COMPARISONS:
        return _wrapped(original, functools.partial(_with_stand_in, kind.startswith("Less")))
    if kind == "Cast":
        return _wrapped(original, _whole)
    return _wrapped(original, lambda made, x, *_: made + _slope_alone(x))


def _let_through(original: Callable[..., Any]) -> Callable[..., Any]:
    """What is stopped, as it is; it may be a structure of tensors."""

    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        return tf.nest.map_structure(tf.identity, args[0] if args else kwargs["input"])

    return call


def _wrapped(original: Callable[..., Any], other: Callable[..., Any]) -> Callable[..., Any]:
    """An operation whose result is replaced where it is one of real numbers."""

    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        made = original(*args, **kwargs)
        given = [*args, *(kwargs[key] for key in ("x", "y", "input") if key in kwargs)]
        numbers = any(
            getattr(each, "dtype", None) is not None and tf.as_dtype(each.dtype).is_floating
            for each in given[:2]
        )
        return other(made, *given) if numbers and isinstance(made, tf.Tensor) else made

    return call


def _slope_alone(x: Any) -> Any:
    """0 with the gradient of a number; not by what may itself be changed meanwhile."""
    x = tf.convert_to_tensor(x)
    return x - tf.raw_ops.StopGradient(input=x)


def _with_stand_in(less: bool, made: Any, x: Any, y: Any, *_: Any) -> Any:
    setattr(made, STAND_IN, tf.sigmoid(y - x if less else x - y))
    return made


def _whole(made: Any, x: Any, *_: Any) -> Any:
    if made.dtype.is_integer:
        setattr(made, STAND_IN, tf.convert_to_tensor(x))
    return made


def _cast(original: Callable[..., Any]) -> Callable[..., Any]:
    """Numbers of truth values, with the slope of what stands in for them."""

    @functools.wraps(original)
    def call(x: Any, *args: Any, **kwargs: Any) -> Any:
        made, other = original(x, *args, **kwargs), getattr(x, STAND_IN, None)
        if other is None:
            return made
        if not made.dtype.is_floating:  # truth values as whole numbers
            setattr(made, STAND_IN, other)
            return made
        return made + original(_slope_alone(other), made.dtype)

    return call


def _select(original: Callable[..., Any]) -> Callable[..., Any]:
    """A choice between numbers, with the slope of what stands in for its condition."""

    @functools.wraps(original)
    def call(condition: Any, t: Any, e: Any, name: Any = None) -> Any:
        made, other = original(condition, t, e, name=name), getattr(condition, STAND_IN, None)
        if other is None or not made.dtype.is_floating:
            return made
        slope = tf.raw_ops.Cast(x=_slope_alone(other), DstT=made.dtype)
        return made + slope * tf.raw_ops.StopGradient(input=tf.subtract(t, e))

    return call
