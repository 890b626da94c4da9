"""Penalties, dropout and smoothed labels switched off."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras

from pytest_converge.core.numbers import listed
from pytest_converge.training.interventions import pasted
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.keras_internals import Setting, added_losses, own_variables
from pytest_converge.training.model.losses import loss_names
from pytest_converge.training.model.structure import layers_of, with_loss
from pytest_converge.training.state.snapshot import attributes_set, shadowed

__all__ = [
    "adding_layers",
    "altering_layers",
    "constrained_layers",
    "dropout_layers",
    "penalised_layers",
    "smaller_penalties",
    "smoothed_loss",
    "without_added_losses",
    "without_alterations",
    "without_constraints",
    "without_dropout",
    "without_penalties",
    "without_smoothing",
]

#: Where Keras' layers keep the penalties of what they compute; those of weights are on the weights.
ACTIVITY = "activity_regularizer"
#: Where its layers keep shares of units to drop, and the size of the noise they add.
DROPOUT = ("rate", "dropout", "recurrent_dropout", "stddev")
#: How the names of Keras' layers begin that alter pictures at random.
ALTERING = ("AugMix", "AutoContrast", "CutMix", "Equalization", "MixUp", "RandAugment", "Random")
#: The settings of Keras' penalties that are factors of them.
FACTORS = ("l1", "l2", "factor")
#: The usual share of a label that is spread over all classes (Szegedy et al. 2016,
#: arXiv:1512.00567, section 7); less hardly lifts the least loss.
USUAL_SMOOTHING = 0.1


def penalised_layers(model: keras.Model) -> list[Any]:
    """The layers with a penalty on weights or activity."""
    return [layer for layer in _written_layers(model) if _penalties(layer)]


def dropout_layers(model: keras.Model) -> list[Any]:
    """The layers that drop units while they are trained."""
    return [layer for layer in layers_of(model) if _dropping(layer)]


def constrained_layers(model: keras.Model) -> list[Any]:
    """The layers whose weights are projected after every update."""
    return [layer for layer in _written_layers(model) if _constrained(layer)]


def adding_layers(model: keras.Model) -> list[Any]:
    """The layers that added a term to the loss by `add_loss` when they were called last."""
    every = [model, *layers_of(model)]
    return [x for x in every if added_losses(x) and getattr(x, ACTIVITY, None) is None]


def smoothed_loss(model: keras.Model) -> Any:
    """The only compiled loss where it smooths labels by the usual share or more; else None."""
    known = loss_names(model.loss)
    loss = known[0][1] if len(known) == 1 and known[0][0] else None
    if not isinstance(loss, keras.losses.Loss):
        return None
    share = loss.get_config().get("label_smoothing") or 0.0
    return loss if share >= USUAL_SMOOTHING else None


def altering_layers(model: keras.Model) -> list[Any]:
    """Keras' layers that alter pictures at random while they are trained, as `RandomFlip`."""
    return [x for x in layers_of(model) if _alters(x)]


def _alters(layer: Any) -> bool:
    kind = type(layer).__name__
    return kind.startswith(ALTERING) and type(layer).__module__.startswith("keras.")


def without_alterations(layers: list[keras.layers.Layer]) -> Intervention:
    """Pictures as they are: the layers do what they do where nothing is trained."""
    names = tuple(layer.name for layer in layers)

    def still(layer: Any) -> Callable[..., Any]:
        original = layer.call

        @functools.wraps(original)
        def call(*args: Any, **settings: Any) -> Any:
            return original(*args, **{**settings, "training": False})

        return call

    return Intervention(
        code="regularisation-too-strong",
        change=f"{listed(names)} left out",
        fix="\n".join(
            f"{pasted.found(layer)}.call = lambda images, training=None: images" for layer in layers
        ),
        where=names,
        fault=f"{listed(names)} changes what the targets depend on",
        variant=lambda _: shadowed([(layer, "call", still(layer)) for layer in layers]),
    )


def without_added_losses(layers: list[keras.layers.Layer]) -> Intervention:
    """The compiled loss alone: what layers add to it by `add_loss` is left out."""
    names = tuple(layer.name for layer in layers)
    return Intervention(
        code="regularisation-too-strong",
        change="losses of add_loss off",
        fix="\n".join(f"{pasted.found(layer)}.add_loss = lambda penalty: None" for layer in layers),
        where=names,
        fault=f"what {listed(names)} adds to the loss outweighs the data",
        leaves_term=True,
        variant=lambda _: shadowed([(layer, "add_loss", lambda loss: None) for layer in layers]),
    )


def without_smoothing(loss: Any) -> Intervention:
    """The same loss on the labels as they are."""
    plain = type(loss).from_config({**loss.get_config(), "label_smoothing": 0.0})
    share = loss.get_config()["label_smoothing"]
    return Intervention(
        code="regularisation-too-strong",
        change=f"label smoothing off instead of {share:g}",
        fix=f"loss={pasted.literal(plain)}",
        fault=f"label_smoothing={share:g} keeps the loss high",
        leaves_term=True,
        variant=lambda training: with_loss(training.model, plain),
    )


def without_constraints(layers: list[keras.layers.Layer]) -> Intervention:
    """The same layers with free weights."""

    def changes() -> list[Setting]:
        return [(v, "constraint", None) for layer in layers for v in _constrained(layer)]

    fault = f"the constraint of {_named(layers)} holds the weights back"
    lines = _lines(layers, "_constraint", lambda _: None)
    return _set(layers, changes, "weight constraints off", lines, fault)


def without_penalties(layers: list[keras.layers.Layer]) -> Intervention:
    """The same layers without their penalties on weights and activity."""
    off = _penalised(layers, lambda penalty: None, "penalties off")
    return dataclasses.replace(off, leaves_term=True)


def smaller_penalties(layers: list[keras.layers.Layer], share: float) -> Intervention | None:
    """The same layers with a share of their penalties; None where one has no factor to change.

    Args:
        layers: those with a penalty.
        share: what every factor is multiplied by.
    """
    every = [penalty for layer in layers for _, _, penalty in _penalties(layer)]
    smaller = {id(penalty): _times(penalty, share) for penalty in every}
    if not all(smaller.values()):
        return None
    shown = tuple(dict.fromkeys(pasted.short(penalty) for penalty in smaller.values()))
    return _penalised(layers, lambda penalty: smaller[id(penalty)], listed(shown))


def without_dropout(layers: list[keras.layers.Layer]) -> Intervention:
    """The same layers without dropout."""

    def changes() -> list[Setting]:
        return [(layer, name, 0.0) for layer in layers for name in _dropping(layer)]

    values = [getattr(layer, name) for layer in layers for name in _dropping(layer)]
    fault = f"dropout or noise of up to {max(values):g} in {_named(layers)} takes away too much"
    cells = [getattr(layer, "cell", None) for layer in layers]
    lines = pasted.layer_lines(
        (layer, dict.fromkeys(_dropping(layer), 0.0))
        for layer in layers
        if all(layer is not cell for cell in cells)
    )
    return _set(layers, changes, "dropout and noise off", lines, fault)


def _penalised(
    layers: list[keras.layers.Layer], new: Callable[[Any], Any], change: str
) -> Intervention:
    """Every penalty of some layers replaced."""

    def changes() -> list[Setting]:
        held = [entry for layer in layers for entry in _penalties(layer)]
        # A model that is made of the same layers, as a wider one, goes by their settings.
        held += [entry for layer in layers for entry in _settings(layer)]
        return [(owner, name, new(penalty)) for owner, name, penalty in held]

    every = {id(p): p for layer in layers for _, _, p in _penalties(layer)}.values()
    shown = listed(tuple(dict.fromkeys(pasted.short(penalty) for penalty in every)))
    fault = f"the penalty {shown} of {_named(layers)} outweighs the data"
    return _set(layers, changes, change, _lines(layers, "_regularizer", new), fault)


def _set(
    layers: list[keras.layers.Layer],
    changes: Callable[[], list[Setting]],
    change: str,
    fix: str,
    fault: str,
) -> Intervention:
    """Attributes of layers and variables set to other values meanwhile."""
    return Intervention(
        code="regularisation-too-strong",
        change=change,
        fix=fix,
        where=tuple(layer.name for layer in layers),
        fault=fault,
        variant=lambda _: attributes_set(changes()),
    )


def _lines(layers: Iterable[Any], ending: str, new: Callable[[Any], Any]) -> str:
    """The layers with other values of the settings whose names end so, of those that have any."""

    def settings(layer: Any) -> Mapping[str, Any]:
        names = [name for name in pasted.settings_of(type(layer)) if name.endswith(ending)]
        held = {name: getattr(layer, name, None) for name in names}
        return {name: new(value) for name, value in held.items() if value is not None}

    return pasted.layer_lines((layer, settings(layer)) for layer in layers)


def _penalties(layer: Any) -> list[tuple[Any, str, Any]]:
    """(owner, attribute, penalty) of all penalties of a layer."""
    held = [(v, "regularizer", getattr(v, "regularizer", None)) for v in _weights(layer)]
    held.append((layer, ACTIVITY, getattr(layer, ACTIVITY, None)))
    return [entry for entry in held if entry[2] is not None]


def _settings(layer: Any) -> list[tuple[Any, str, Any]]:
    """(owner, attribute, penalty) of all settings from which penalties of weights are made."""
    owners = (layer, getattr(layer, "cell", layer))
    return [
        (owner, name, value)
        for owner in dict.fromkeys(owners)
        for name, value in vars(owner).items()
        if name.endswith("_regularizer") and name != ACTIVITY and value is not None
    ]


def _factors(penalty: Any) -> list[tuple[str, float]]:
    """The factors of a penalty of Keras that are not 0; empty for any other."""
    if not isinstance(penalty, keras.regularizers.Regularizer):
        return []
    if not type(penalty).__module__.startswith("keras."):
        return []
    config = penalty.get_config()
    return [(name, float(config[name])) for name in FACTORS if config.get(name)]


def _times(penalty: Any, share: float) -> Any:
    """The same penalty with its factors multiplied; None where it has none."""
    factors = {name: float(f"{share * value:.3g}") for name, value in _factors(penalty)}
    return type(penalty).from_config({**penalty.get_config(), **factors}) if factors else None


def _named(layers: list[Any]) -> str:
    return listed(tuple(layer.name for layer in layers))


def _constrained(layer: keras.layers.Layer) -> list[Any]:
    return [v for v in _weights(layer) if getattr(v, "constraint", None) is not None]


def _written_layers(model: keras.Model) -> list[Any]:
    """The layers as the user writes them: a recurrent one holds the weights of its cell."""
    every = layers_of(model)
    cells = {id(getattr(layer, "cell", None)) for layer in every}
    return [layer for layer in every if id(layer) not in cells]


def _weights(layer: Any) -> list[Any]:
    cell = getattr(layer, "cell", None)
    return [*own_variables(layer), *(own_variables(cell) if cell is not None else ())]


def _dropping(layer: keras.layers.Layer) -> list[str]:
    """The settings by which a layer drops units or adds noise while it is trained."""
    kind = type(layer).__name__
    names = [n for n in DROPOUT if n != "rate" or "Dropout" in kind]
    names = [n for n in names if n != "stddev" or "Noise" in kind]
    values = {name: getattr(layer, name, 0) for name in names}
    return [n for n, v in values.items() if isinstance(v, (int, float)) and v > 0]
