"""Another optimizer, or the same one with another setting; and how to write it as code."""

from __future__ import annotations

import contextlib
import inspect
import math
from typing import Any

import keras
import tensorflow as tf

from pytest_converge.training.interventions import pasted
from pytest_converge.training.interventions.intervention import Intervention, Variant
from pytest_converge.training.keras_internals import held_setting, optimizer_config
from pytest_converge.training.state.optimizer import ObservedOptimizer
from pytest_converge.training.state.snapshot import attributes_set
from pytest_converge.training.training import Training

__all__ = [
    "adam",
    "bound_of_gradients",
    "clipped",
    "code_of",
    "decaying",
    "is_keras",
    "is_rate",
    "less_clipped",
    "less_decay_of_one",
    "less_momentum",
    "less_weight_decay",
    "line_of",
    "made_anew",
    "reconfigured",
    "setting",
    "smaller_epsilon",
    "unaveraged",
    "with_settings",
    "without_own_penalties",
]

#: Keras' own default for Adam (Kingma and Ba 2015, arXiv:1412.6980), and ten times as much for
#: trainings as short as a test.
ADAM_RATES = (0.001, 0.01, 0.1)
#: Arguments of TensorFlow 1's optimizers that say nothing about the steps.
NO_SETTING = frozenset({"self", "learning_rate", "use_locking", "name"})
#: A momentum that suits most trainings (Sutskever et al. 2013, On the importance of
#: initialization and momentum in deep learning).
USUAL_MOMENTUM = 0.9
#: The usual bound of the gradient norm (Pascanu et al. 2013, arXiv:1211.5063).
USUAL_CLIPNORM = 1.0
#: The weight decay of Keras' own AdamW.
USUAL_WEIGHT_DECAY = 0.004
#: That of Keras' optimizers, and an epsilon that says nothing beside gradients.
USUAL_EPSILON, BELOW_GRADIENTS = 1e-7, 1e-3
#: Where Keras' optimizers hold bounds of the gradients.
UNCLIPPED: dict[str, float | None] = {"global_clipnorm": None, "clipnorm": None, "clipvalue": None}
#: Where Keras' Ftrl holds penalties of its own (McMahan et al. 2013, Ad click prediction).
OWN_PENALTIES = (
    "l1_regularization_strength",
    "l2_regularization_strength",
    "l2_shrinkage_regularization_strength",
)
#: What says how the weights are averaged, where they are.
OF_AN_AVERAGE = ("ema_momentum", "ema_overwrite_frequency")


def setting(training: Training, name: str) -> Any:
    """A setting of the first optimizer, as `momentum` or `weight_decay`; None without it."""
    if not training.optimizers:
        return None
    return held_setting(training.optimizers[0].optimizer, name)


def is_keras(training: Training) -> bool:
    """True where the first optimizer is one of Keras, whose settings can be read and changed."""
    optimizer = training.optimizers[0].optimizer if training.optimizers else None
    return isinstance(optimizer, keras.optimizers.Optimizer)


def is_rate(candidate: object) -> bool:
    """True for what a Keras optimizer takes as its rate: a schedule, or a positive float."""
    schedule = isinstance(candidate, keras.optimizers.schedules.LearningRateSchedule)
    return schedule or (isinstance(candidate, float) and candidate > 0)


def reconfigured(observed: ObservedOptimizer, **changes: Any) -> Any:
    """A new Keras optimizer of the same class with some settings changed."""
    return _rebuilt(observed.optimizer, {"learning_rate": observed.user_rate, **changes})


def made_anew(training: Training) -> contextlib.AbstractContextManager[None]:
    """Every optimizer made anew meanwhile, as other variables or their slots need it."""
    return training.with_optimizers([reconfigured(each) for each in training.optimizers])


def _rebuilt(optimizer: Any, changes: dict[str, Any]) -> Any:
    config = optimizer_config(optimizer)
    inner = getattr(optimizer, "inner_optimizer", None)
    if inner is None:
        config.pop("name", None)
        return type(optimizer).from_config({**config, **changes})
    own = {k: v for k, v in config.items() if k in pasted.settings_of(type(optimizer))}
    own.update(inner_optimizer=_rebuilt(inner, changes), name=None)
    return type(optimizer)(**own)


def code_of(training: Training, *, place: int = 0, **changes: Any) -> str:
    """The user's optimizer with changes as a line to paste: `keras.optimizers.SGD(0.01)`.

    Args:
        training: whose optimizer it is.
        place: which of its optimizers, where it has several.
        changes: the settings that are others.
    """
    if not training.optimizers:
        return ""
    observed = training.optimizers[place]
    if not isinstance(observed.optimizer, keras.optimizers.Optimizer):
        return _code_of_v1(observed.optimizer, changes)
    return _code(observed.optimizer, changes, observed.user_rate)


def line_of(optimizer: Any) -> str:
    """A Keras optimizer as it is as a line to paste."""
    return _code(optimizer, {}, optimizer_config(optimizer)["learning_rate"])


def _code(optimizer: Any, changes: dict[str, Any], own_rate: Any) -> str:
    inner = getattr(optimizer, "inner_optimizer", None)
    if inner is not None:  # as `LossScaleOptimizer`, which mixed precision puts around another
        kind, inside = type(optimizer), pasted.Code(_code(inner, changes, own_rate))
        return pasted.call(kind, {**optimizer_config(optimizer), "inner_optimizer": inside})
    usual = pasted.settings_of(type(optimizer))
    config = {**optimizer_config(optimizer), "learning_rate": own_rate, **changes}
    if not config.get("use_ema"):
        config = {name: value for name, value in config.items() if name not in OF_AN_AVERAGE}
    # An empty setting is the usual one, unless the class has another, as AdamW its weight decay.
    config = {
        name: value for name, value in config.items() if value or usual.get(name) not in (None, 0.0)
    }
    return pasted.call(
        type(optimizer),
        config,
        keep=("learning_rate", *(name for name in changes if name != "use_ema")),
    )


def _code_of_v1(optimizer: Any, changes: dict[str, Any]) -> str:
    """An optimizer of TensorFlow 1 with another rate; empty where its settings cannot be read."""
    rate, name = changes.get("learning_rate"), type(optimizer).__name__
    if rate is None or getattr(tf.compat.v1.train, name, None) is not type(optimizer):
        return ""
    rest = []
    for parameter in inspect.signature(type(optimizer).__init__).parameters.values():
        if parameter.name in NO_SETTING:
            continue
        value = held_setting(optimizer, parameter.name)
        needed = parameter.default is parameter.empty
        if needed and not isinstance(value, (bool, int, float)):
            return ""
        if value is not None and (needed or value != parameter.default):
            rest.append(f"{parameter.name}={value!r}")
    first = rate if isinstance(rate, pasted.Code) else f"{rate:g}"
    return f"tf.compat.v1.train.{name}({', '.join([first, *rest])})"


def with_settings(**changes: Any) -> Variant:
    """The variant of a training whose first optimizer has some settings changed."""
    return lambda changed: changed.with_optimizer(reconfigured(changed.optimizers[0], **changes))


def adam(code: str, rate: float) -> Intervention:
    """Adam at a usual rate: a remedy for nearly every step size, and the proof of a plateau."""
    return Intervention(
        code=code,
        change=f"Adam, learning rate {rate:g}",
        fix=f"keras.optimizers.Adam({pasted.literal(rate)})",
        variant=lambda changed: changed.with_optimizer(keras.optimizers.Adam(rate)),
        other_optimizer=True,
    )


def less_momentum(training: Training, name: str) -> Intervention:
    """A usual momentum; `name` is the setting that holds it, "momentum" or "beta_1"."""
    own = setting(training, name)
    change = f"{name} {USUAL_MOMENTUM:g} instead of {own:g}"
    fault = f"{name} {own:g} averages the steps over about {1 / max(1 - own, 1e-9):.0f} of them"
    return _changed(training, "momentum-too-high", change, fault, **{name: USUAL_MOMENTUM})


def unaveraged(training: Training) -> Intervention:
    """The weights as the steps leave them, where an average of them takes their place."""
    momentum = float(setting(training, "ema_momentum"))
    every = setting(training, "ema_overwrite_frequency")
    when = f"every {every} steps" if every and every > 1 else "after every step" if every else ""
    fault = (
        f"ema_momentum {momentum:g} averages the weights over about"
        f" {1 / max(1 - momentum, 1e-9):.0f} steps, and the average takes their place"
        f" {when or 'at the end'}"
    )
    change = "weights that are not averaged"
    return _changed(training, "momentum-too-high", change, fault, use_ema=False)


def clipped(training: Training) -> Intervention:
    """The global norm of the gradients bounded."""
    change = f"gradients clipped to norm {USUAL_CLIPNORM:g}"
    settings = {**UNCLIPPED, "global_clipnorm": USUAL_CLIPNORM}
    return _changed(training, "exploding-gradient", change, "", **settings)


def bound_of_gradients(training: Training) -> tuple[str, float] | None:
    """(setting, value) of the bound that the first optimizer clips gradients by, the lowest."""
    held = {name: setting(training, name) for name in UNCLIPPED}
    bounds = [(float(value), name) for name, value in held.items() if value]
    return min(bounds)[::-1] if bounds else None


def less_clipped(training: Training, usual_norm: float) -> list[Intervention]:
    """The usual bound in place of one that makes every step too short, and no bound.

    Args:
        training: whose first optimizer clips its gradients.
        usual_norm: of the gradients of the failed run, for the sentence.
    """
    found = bound_of_gradients(training)
    if found is None:
        return []
    name, own = found
    fault = f"{name}={own:g} cuts every step: gradients have a norm of {usual_norm:.2g}"
    changes = []
    if own < USUAL_CLIPNORM:
        settings = {**UNCLIPPED, name: USUAL_CLIPNORM}
        change = f"{name}={USUAL_CLIPNORM:g} instead of {own:g}"
        changes.append(_changed(training, "learning-rate-too-low", change, fault, **settings))
    off = f"gradients not clipped instead of {name}={own:g}"
    changes.append(_changed(training, "learning-rate-too-low", off, fault, **UNCLIPPED))
    return changes


def smaller_epsilon(training: Training, usual: float) -> list[Intervention]:
    """Keras' own epsilon in place of a larger one, then one far below the gradients.

    Args:
        training: whose first optimizer divides by the size of the gradients, and epsilon.
        usual: root mean square of a gradient's numbers in the failed run.
    """
    own = float(setting(training, "epsilon"))
    far_below = 10.0 ** math.floor(math.log10(BELOW_GRADIENTS * usual))
    fault = (
        f"epsilon={own:g} outweighs the gradients, whose numbers are around {usual:.2g}: it makes"
        " every step short"
    )
    return [
        _changed(
            training,
            "learning-rate-too-low",
            f"epsilon={value:g} instead of {own:g}",
            fault,
            epsilon=value,
        )
        for value in (USUAL_EPSILON, far_below)
        if value < own
    ]


def less_weight_decay(training: Training) -> list[Intervention]:
    """The usual weight decay in place of a larger one, and none."""
    own = setting(training, "weight_decay")
    fault = f"weight_decay={own:g} outweighs the data"
    changes = {f"weight_decay={value:g}": value for value in (USUAL_WEIGHT_DECAY, 0.0)}
    return [
        _changed(
            training,
            "regularisation-too-strong",
            f"{change} instead of {own:g}",
            fault,
            weight_decay=value,
        )
        for change, value in changes.items()
        if value < own
    ]


def without_own_penalties(training: Training) -> list[Intervention]:
    """An optimizer that penalises weights by itself, as Ftrl, without its penalties."""
    held = {name: setting(training, name) for name in OWN_PENALTIES}
    penalties = {name: value for name, value in held.items() if value}
    if not penalties:
        return []
    shown = " and ".join(f"{name}={value:g}" for name, value in penalties.items())
    off = dict.fromkeys(penalties, 0.0)
    change, fault = (
        f"penalties of the optimizer off instead of {shown}",
        f"{shown} outweighs the data",
    )
    return [_changed(training, "regularisation-too-strong", change, fault, **off)]


def decaying(training: Training, above: float) -> list[int]:
    """The places of the optimizers whose weight decay is above a value."""
    held = [held_setting(each.optimizer, "weight_decay") for each in training.optimizers]
    numbers = [value if isinstance(value, (int, float)) else 0.0 for value in held]
    return [place for place, value in enumerate(numbers) if value > above]


def less_decay_of_one(training: Training, place: int) -> Intervention:
    """The usual weight decay in an optimizer that none can take the place of, as one of several."""
    optimizer = training.optimizers[place].optimizer
    own = held_setting(optimizer, "weight_decay")
    change = f"weight_decay={USUAL_WEIGHT_DECAY:g} instead of {own:g}"
    return Intervention(
        code="regularisation-too-strong",
        change=change,
        fix=code_of(training, place=place, weight_decay=USUAL_WEIGHT_DECAY),
        fault=f"weight_decay={own:g} outweighs the data",
        variant=lambda _: attributes_set([(optimizer, "weight_decay", USUAL_WEIGHT_DECAY)]),
    )


def _changed(
    training: Training, code: str, change: str, fault: str, **settings: Any
) -> Intervention:
    """The user's optimizer with other settings."""
    return Intervention(
        code=code,
        change=change,
        fix=code_of(training, **settings),
        fault=fault,
        variant=with_settings(**settings),
    )
