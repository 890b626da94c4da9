"""What the user's code calls the trained variables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from pytest_converge.training.adapters.seen import held_by
from pytest_converge.training.state.snapshot import as_tf_variable
from pytest_converge.training.training import Training

__all__ = ["all_variables", "known_in", "one_variable", "the_model"]

#: A list of its variables, which can be added to others.
OF_A_MODEL = ".trainable_variables"


def all_variables(training: Training, variables: Sequence[Any] | None = None) -> str:
    """Code of a list of the trained variables; empty where what holds them has no name.

    The names are those that the user's function knows: `weights`, `model.trainable_variables`,
    `[w, b]`.

    Args:
        training: of the user.
        variables: others in their place.
    """
    if training.verb == "fit":
        return "model.trainable_variables"
    given = training.trainable if variables is None else variables
    held, wanted = _held(training), [as_tf_variable(v) for v in given]
    left = {id(variable) for variable in wanted}
    parts: list[str] = []
    # Whoever holds the most of them first: a model before one of its layers.
    several = [_several(name, value) for name, value in held.items()]
    for code, ids in sorted(several, key=lambda each: -len(each[1])):
        if ids and ids == left and not parts:
            return code
        if ids and ids <= left:
            parts.append(f"*{code}")
            left -= ids
    alone = [variable for variable in wanted if id(variable) in left]
    parts += [next(_names_of(variable, held), "") for variable in alone]
    if all(part.endswith(OF_A_MODEL) for part in parts):
        return " + ".join(part[1:] for part in parts)
    return f"[{', '.join(parts)}]" if all(parts) else ""


def one_variable(training: Training, place: int) -> str:
    """Code of one of the trained variables; empty where what holds it has no name.

    Args:
        training: of the user.
        place: of the variable among those that are trained.
    """
    return next(_names_of(as_tf_variable(training.trainable[place]), _held(training)), "")


def the_model(training: Training) -> str:
    """What the user's step calls the only model that it holds; `model` for all others."""
    models = [(name, x) for name, x in _held(training).items() if isinstance(x, keras.Model)]
    return models[0][0] if len(models) == 1 and training.verb != "fit" else "model"


def known_in(training: Training, code: str) -> str:
    """The class inside of which alone code of variables is known; empty for all others."""
    if "self." not in code or training.function is None:
        return ""
    owners = (each.owner for each in held_by(training.function) if each.name.startswith("self."))
    return next((type(owner).__name__ for owner in owners), "")


def _held(training: Training) -> dict[str, Any]:
    if training.function is None:
        return {}
    return {each.name: each.value for each in held_by(training.function)}


def _several(name: str, value: Any) -> tuple[str, set[int]]:
    """(code of several variables, their ids) of what a name holds; an empty set for none."""
    if isinstance(value, (keras.layers.Layer, tf.Module)):
        return f"{name}{OF_A_MODEL}", _ids(value.trainable_variables)
    if isinstance(value, (list, tuple)):
        return name, _ids(value)
    if isinstance(value, dict):
        return f"{name}.values()", _ids(list(value.values()))
    return name, set()


def _ids(variables: Any) -> set[int]:
    """The ids of variables; none where there is anything else among them."""
    if not all(map(_is_variable, variables)):
        return set()
    return {id(as_tf_variable(each)) for each in variables}


def _names_of(variable: Any, held: Mapping[str, Any]) -> Iterator[str]:
    for name, value in held.items():
        if _is_variable(value):
            found = [(name, value)]
        elif isinstance(value, dict):
            found = [(f"{name}[{key!r}]", each) for key, each in value.items()]
        elif isinstance(value, (list, tuple)):
            found = [(f"{name}[{place}]", each) for place, each in enumerate(value)]
        else:
            continue
        for code, each in found:
            if _is_variable(each) and as_tf_variable(each) is variable:
                yield code


def _is_variable(value: Any) -> bool:
    return isinstance(value, (tf.Variable, keras.Variable))
