"""Variables that a model uses and does not keep among its weights, trained with them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.optimizers import made_anew
from pytest_converge.training.keras_internals import (
    own_variables,
    variable_around,
    variables_held,
)
from pytest_converge.training.measures.untrained import Untrained
from pytest_converge.training.state.snapshot import shadowed
from pytest_converge.training.training import Training

__all__ = ["kept_as_weights"]


def kept_as_weights(variables: Sequence[Untrained]) -> Intervention:
    """Plain variables as weights of the layers that hold them, or of the model.

    Args:
        variables: at least one.
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
        fix="\n".join(_code(each) for each in variables if each.attribute),
        where=tuple(each.name for each in variables),
        variant=variant,
    )


def _code(each: Untrained) -> str:
    values = each.variable.numpy()
    constant = {0.0: "zeros", 1.0: "ones"}
    alike = np.size(values) and (values == np.ravel(values)[0]).all()
    first = float(np.ravel(values)[0]) if alike else None
    initializer = "glorot_uniform" if first is None else constant.get(first, "")
    shown = repr(initializer) if initializer else f"keras.initializers.Constant({first:g})"
    shape = tuple(each.variable.shape)
    line = f"self.{each.attribute} = self.add_weight(shape={shape}, initializer={shown})"
    return f"{line}  # in {each.layer.name}"
