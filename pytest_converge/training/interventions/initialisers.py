"""Weights drawn as Keras draws them by itself, where a model or a step draws them otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np

from pytest_converge.core.numbers import listed
from pytest_converge.training.interventions import pasted
from pytest_converge.training.interventions.intervention import Intervention, Start
from pytest_converge.training.interventions.starts import called
from pytest_converge.training.keras_internals import own_variables
from pytest_converge.training.model.structure import (
    INITIALISED,
    initialised_variables,
    layers_of,
    seeded,
)
from pytest_converge.training.state.snapshot import as_tf_variable, name_of
from pytest_converge.training.training import Training

__all__ = [
    "default_initialisers",
    "drawn_variables",
    "has_own_initialisers",
    "of_own_layers",
    "to_one_side",
]

#: The code of weights that are drawn anew where it is not the initialisers that are odd.
DRAWN_ANEW = "model = keras.models.clone_model(model)  # new weights, before compile"
#: Spreads of a start beyond this factor of Glorot's are no usual initialiser's.
ODD_SPREAD = 5.0
#: Kernels of so many numbers or more are drawn around 0: a mean beyond their spread is four
#: standard errors away from it.
ENOUGH_NUMBERS = 16
#: Axes of a matrix; pictures that are trained are none.
MATRIX = 2
#: Biases start at zero, forget gates at one; beyond this one a unit is off or full on.
FAR_BIAS = 3.0


def default_initialisers(model: keras.Model, seed: int, code: str) -> Intervention:
    """The weights of every layer of Keras drawn anew by the default initialisers."""

    def start(training: Training, values: Start) -> Start:
        changed = dict(values)
        for number, (name, _, variable) in enumerate(initialised_variables(model)):
            initialiser = seeded(keras.initializers.get(INITIALISED[name]), seed + number)
            value = initialiser(variable.shape, dtype="float32")
            changed[id(as_tf_variable(variable))] = np.asarray(value)
        return changed

    return Intervention(
        code=code,
        change="Keras' default initialisers",
        fix=pasted.layer_lines(_with_usual_initialisers(model)) or DRAWN_ANEW,
        where=tuple(layer.name for layer in layers_of(model) if own_variables(layer)),
        start=start,
    )


def _with_usual_initialisers(model: keras.Model) -> list[tuple[Any, dict[str, Any]]]:
    """The layers that draw their weights in another way than Keras does, and what is usual."""
    found = []
    for layer in layers_of(model):
        owner = getattr(layer, "cell", layer)
        others = {
            _setting_of(name): usual
            for name, usual in INITIALISED.items()
            if _differs(getattr(owner, _setting_of(name), None), usual)
        }
        if others:
            found.append((layer, others))
    cells = {id(getattr(layer, "cell", None)) for layer, _ in found}
    return [(layer, others) for layer, others in found if id(layer) not in cells]


def of_own_layers(model: keras.Model) -> dict[tuple[str, str], Any]:
    """The weights of the user's own layers that Keras has no usual initialiser for.

    Returns:
        `tf.Variable`s by their names and the code that gets hold of them: `linear.w`,
        `model.get_layer("linear").w`.
    """
    known = {id(variable) for _, _, variable in initialised_variables(model)}
    named: dict[int, tuple[tuple[str, str], Any]] = {}
    for layer in [model, *layers_of(model)]:
        if type(layer).__module__.startswith("keras."):
            continue
        held = {id(value): name for name, value in vars(layer).items()}
        for variable in own_variables(layer):
            if variable.trainable and id(variable) in held and id(variable) not in known:
                own = held[id(variable)]
                called = f"{layer.name}.{own}", f"{pasted.found(layer)}.{own}"
                named.setdefault(id(variable), (called, as_tf_variable(variable)))
    return dict(named.values())


def drawn_variables(
    variables: Sequence[Any], code: str, *, names: Sequence[tuple[str, str]] | None = None
) -> Intervention | None:
    """Matrices and kernels that were not drawn as usual drawn by Glorot, biases far off at zero.

    Args:
        variables: `tf.Variable`s at their initial values.
        code: the cause that is proven where it passes.
        names: the name of each and the code that gets hold of it, where there is more to tell
            than the name of the variable.

    Returns:
        None where all look as usual: Glorot and Bengio 2010, whose spread others share within a
        factor of three (He, LeCun, a uniform draw of 0.05 in small layers).
    """
    known = names or [called(variable, place) for place, variable in enumerate(variables)]
    pairs = [(each, v) for each, v in zip(known, variables, strict=True) if _is_odd(v)]
    odd = [variable for _, variable in pairs]
    if not odd:
        return None

    def start(_: Training, values: Start) -> Start:
        changed = dict(values)
        for number, variable in enumerate(odd):
            kind = "glorot_uniform" if _is_kernel(variable) else "zeros"
            drawn = seeded(keras.initializers.get(kind), number)(variable.shape, dtype="float32")
            changed[id(variable)] = np.asarray(drawn)
        return changed

    where = tuple(name for (name, _), _ in pairs)
    lines = [
        f"{held}.assign(keras.initializers.GlorotUniform()({held}.shape))"
        if _is_kernel(variable)
        else f"{held}.assign(tf.zeros({held}.shape))"
        for (_, held), variable in pairs
    ]
    return Intervention(
        code=code,
        change=f"{listed(where)} drawn anew",
        fix="\n".join(lines),
        where=where,
        start=start,
    )


def has_own_initialisers(model: keras.Model) -> bool:
    """True where a layer's initial values are drawn in another way than Keras does by itself."""
    return any(
        _differs(getattr(owner, _setting_of(name), None), usual)
        for layer in layers_of(model)
        for owner in (layer, getattr(layer, "cell", layer))
        for name, usual in INITIALISED.items()
    )


def _is_kernel(variable: Any) -> bool:
    """False for numbers and biases, of which a recurrent layer may keep two rows."""
    return variable.shape.rank > 1 and not name_of(variable).endswith("bias")


def _is_odd(variable: Any) -> bool:
    """Whether a start is far from what initialisers draw.

    All alike, tiny, huge, to one side of 0, or a far bias.
    """
    values = np.asarray(variable.numpy(), dtype=np.float64)
    if not _is_kernel(variable):
        return variable.shape.rank > 0 and bool(np.abs(values).max(initial=0.0) > FAR_BIAS)
    if values.size == 1:
        return False
    fans = values.shape[-2] * int(np.prod(values.shape[:-2])) + values.shape[-1]
    usual = np.sqrt(2.0 / fans)
    return _is_to_one_side(values) or not usual / ODD_SPREAD < values.std() < usual * ODD_SPREAD


def to_one_side(variables: Iterable[Any]) -> list[Any]:
    """The matrices and kernels whose mean lies farther from 0 than their numbers from it."""
    matrices = [v for v in variables if v.shape.rank == MATRIX and _is_kernel(v)]
    return [v for v in matrices if _is_to_one_side(np.asarray(v.numpy()))]


def _is_to_one_side(values: Any) -> bool:
    differ = values.size >= ENOUGH_NUMBERS and np.ptp(values) > 0
    return bool(differ and abs(values.mean()) > values.std())


def _setting_of(weight: str) -> str:
    """The argument that draws a weight: `recurrent_initializer` draws `recurrent_kernel`."""
    return f"{weight.removesuffix('_kernel')}_initializer"


def _differs(given: Any, usual: str) -> bool:
    """Whether an initialiser is another one than the usual, by its class or its settings."""
    if given is None:
        return False
    known = keras.initializers.get(usual)
    ours, theirs = ({**x.get_config(), "seed": None} for x in (given, known))
    return type(given) is not type(known) or ours != theirs
