"""Variables that a model uses and does not keep among its weights, trained with them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from pytest_converge.training.adapters.seen import held_by
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.optimizers import made_anew
from pytest_converge.training.keras_internals import (
    own_variables,
    variable_around,
    variables_held,
)
from pytest_converge.training.measures.layer_readings import named_layers
from pytest_converge.training.measures.untrained import Untrained
from pytest_converge.training.state.snapshot import shadowed, unique_variables
from pytest_converge.training.training import Training

__all__ = ["kept_as_weights"]


def kept_as_weights(variables: Sequence[Untrained], model: Any = None) -> Intervention:
    """Plain variables as weights of the layers that hold them, or of the model.

    Args:
        variables: at least one.
        model: the trained one, whose functions may hold the layers whose weights they are.
    """

    @contextlib.contextmanager
    def variant(training: Training) -> Iterator[None]:
        held: dict[int, tuple[Any, list[Any]]] = {}
        for each in variables:
            owner = training.model if each.layer is None else each.layer
            _, added = held.setdefault(id(owner), (owner, list(own_variables(owner))))
            added.append(variable_around(each.variable, each.attribute or "variable"))
        settings = [variables_held(owner, every) for owner, every in held.values()]
        with shadowed(settings), made_anew(training):
            yield

    return Intervention(
        code="frozen-variables",
        change="every variable of the loss trained",
        fix="\n".join(
            [
                *_code([x for x in variables if x.attribute]),
                *_code_of_lists(variables),
                *_code_of_called(model, variables),
            ]
        ),
        where=tuple(each.name for each in variables),
        variant=variant,
    )


def _code_of_called(model: Any, variables: Sequence[Untrained]) -> list[str]:
    """A line for every layer that a function calls and that the model does not know."""
    wanted = {id(each.variable) for each in variables if each.layer is None}
    functions = [] if model is None else [x.function for _, x in named_layers(model) if _calls(x)]
    held = {each.name: each.value for function in functions for each in held_by(function)}
    layers = {name: x for name, x in held.items() if isinstance(x, keras.layers.Layer)}
    return [
        f"model.{name} = {name}  # before compile"
        for name, layer in layers.items()
        if wanted & {id(variable) for variable in unique_variables(layer.variables)}
    ]


def _calls(layer: Any) -> bool:
    return isinstance(layer, keras.layers.Lambda)


def _code_of_lists(variables: Sequence[Untrained]) -> list[str]:
    """A line for every list of variables: each becomes a weight of its own value."""
    lists = {(each.layer.name, each.listed): each for each in variables if each.listed}
    return [
        f"self.{name} = [self.add_weight(shape=v.shape, initializer=lambda *_, v=v, **__:"
        f" tf.convert_to_tensor(v)) for v in self.{name}]"
        f"  # in {layer}, behind the line that makes it"
        for layer, name in lists
    ]


def _code(variables: Sequence[Untrained]) -> list[str]:
    """A line for every attribute: layers of one class are made by the same code."""
    layers: dict[tuple[type, str, str], list[Untrained]] = {}
    for each in variables:
        key = type(each.layer), each.attribute, _initializer(each.variable)
        layers.setdefault(key, []).append(each)
    return [
        _line(attribute, initializer, alike)
        for (_, attribute, initializer), alike in layers.items()
    ]


def _line(attribute: str, initializer: str, alike: Sequence[Untrained]) -> str:
    shapes = {tuple(each.variable.shape) for each in alike}
    shape, behind = str(next(iter(shapes))), ""
    if len(shapes) > 1:
        shape, behind = f"self.{attribute}.shape", ", behind the line that makes it"
    line = f"self.{attribute} = self.add_weight(shape={shape}, initializer={initializer})"
    return f"{line}  # in {', '.join(each.layer.name for each in alike)}{behind}"


def _initializer(variable: Any) -> str:
    """The code of what draws the values of a variable, as far as they show it."""
    values = variable.numpy()
    constant = {0.0: "zeros", 1.0: "ones"}
    alike = np.size(values) and (values == np.ravel(values)[0]).all()
    first = float(np.ravel(values)[0]) if alike else None
    initializer = "glorot_uniform" if first is None else constant.get(first, "")
    return repr(initializer) if initializer else f"keras.initializers.Constant({first:g})"
