"""The user's functions that run in a place of a training, and what their names hold."""

from __future__ import annotations

import ast
import dataclasses
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import keras

from pytest_converge.training.adapters.seen import held_by, object_of
from pytest_converge.training.measures.layer_readings import named_layers
from pytest_converge.training.model.losses import loss_names
from pytest_converge.training.state.own_code import (
    OwnFunction,
    is_of_a_library,
    last_name,
    own_function,
    plain_function,
)
from pytest_converge.training.training import Training

__all__ = ["functions_at", "values_of"]


def functions_at(training: Training, layer: str = "") -> list[OwnFunction]:
    """The user's functions that run in a place, those first that others call.

    Args:
        training: of the user.
        layer: a layer by its name; empty for the loss or the step.
    """
    found: dict[int, OwnFunction] = {}
    waiting = list(_entries(training, layer))
    while waiting:
        function, owner = waiting.pop(0)
        own = own_function(function)
        if own is not None and id(own.node) not in found:
            found[id(own.node)] = dataclasses.replace(own, owner=owner)
            waiting += [(each, None) for each in _called_by(function)]
            waiting += [(each, owner) for each in _methods_called(own, owner)]
    return list(found.values())


def _entries(training: Training, layer: str) -> Iterator[tuple[Any, Any]]:
    """Functions, and the object of each that is a method."""
    if layer:
        layers = dict(named for model in training.models for named in named_layers(model))
        held = layers.get(layer)
        if isinstance(held, keras.layers.Lambda):
            yield held.function, None
        elif held is not None and not _is_of_a_library(type(held).call):
            yield type(held).call, held
        activation = getattr(held, "activation", None)
        if inspect.isfunction(activation) and not _is_of_a_library(activation):
            yield activation, None
        return
    model = training.model
    if training.own_train_step:
        yield type(model).train_step, model
    if training.verb != "fit":
        yield training.function, object_of(training.function)
        return
    if not _is_of_a_library(type(model).compute_loss):
        yield type(model).compute_loss, model
    for _, loss in loss_names(model.loss):
        call = type(loss).call if isinstance(loss, keras.losses.Loss) else loss
        if not _is_of_a_library(call):
            yield call, loss if isinstance(loss, keras.losses.Loss) else object_of(loss)


def _called_by(function: Any) -> Iterator[Any]:
    """The user's functions that one closes over or names, and those that these do."""
    for held in held_by(getattr(function, "func", function)):  # of a partial
        value = held.value
        called = inspect.isroutine(value) or hasattr(value, "python_function")
        if called and plain_function(value) is not None and not _is_of_a_library(value):
            yield value


def _methods_called(function: OwnFunction, owner: Any) -> Iterator[Any]:
    """The methods of its own object that a method calls."""
    for call in function.walk():
        if owner is not None and isinstance(call, ast.Call) and _is_of_self(call.func):
            method = getattr(type(owner), last_name(call.func), None)
            if plain_function(method) is not None and not _is_of_a_library(method):
                yield method


def _is_of_self(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and ast.unparse(node.value) == "self"


def values_of(function: OwnFunction) -> Callable[[ast.AST], Any]:
    """What a function's names, and the attributes of its object, hold; None for all others."""
    held = {each.name: each.value for each in held_by(function.function)}

    def value(node: ast.AST) -> Any:
        if _is_of_self(node):
            return getattr(function.owner, last_name(node), None)
        return held.get(ast.unparse(node))

    return value


def _is_of_a_library(function: Any) -> bool:
    return is_of_a_library(getattr(plain_function(function), "__module__", None) or "")
