"""The arguments of a cross-entropy the other way round: targets first, predictions second."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import keras

from pytest_converge.training.interventions import pasted
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.model.losses import loss_names
from pytest_converge.training.model.structure import with_loss
from pytest_converge.training.state.snapshot import attributes_set, method_replaced
from pytest_converge.training.training import Training

__all__ = ["swapped_back"]

#: Keras' cross-entropies of probabilities, as classes and as functions.
CLASSES = ("BinaryCrossentropy", "BinaryFocalCrossentropy", "CategoricalCrossentropy")
FUNCTIONS = ("binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy")


def swapped_back(training: Training) -> Intervention:
    """The compiled loss with its arguments swapped; of a step of the user's Keras' losses.

    It is the loss that was meant, and that the bound is for.
    """
    known = [] if training.model is None else loss_names(training.model.loss)
    if training.own_step or len(known) != 1:
        return _intervention(_of_keras, "loss = cross_entropy(y_true, y_pred)  # the targets first")
    loss = known[0][1]
    other = _swapped(loss)
    name, first = pasted.compiled_loss(loss)
    line = f"{first}loss=lambda y_true, y_pred: {name}(y_pred, y_true)"
    return _intervention(lambda changed: with_loss(changed.model, other), line)


def _intervention(variant: Callable[[Training], Any], fix: str) -> Intervention:
    return Intervention(
        code="output-loss-mismatch",
        change="targets and predictions of the loss swapped",
        fix=fix,
        variant=variant,
    )


@contextlib.contextmanager
def _of_keras(_: Training) -> Iterator[None]:
    held = [(keras.losses, name, _swapped(getattr(keras.losses, name))) for name in FUNCTIONS]
    with contextlib.ExitStack() as stack:
        stack.enter_context(attributes_set(held))
        for name in CLASSES:
            owner = getattr(keras.losses, name)
            stack.enter_context(method_replaced(owner, "call", _swapped_method(owner.call)))
        yield


def _swapped(loss: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(loss)
    def call(y_true: Any, y_pred: Any, *args: Any, **kwargs: Any) -> Any:
        return loss(y_pred, y_true, *args, **kwargs)

    return call


def _swapped_method(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(loss: Any, y_true: Any, y_pred: Any) -> Any:
        return method(loss, y_pred, y_true)

    return call
