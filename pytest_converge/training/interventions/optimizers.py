"""Another optimizer, or the same one with another setting; and how to write it as code."""

from __future__ import annotations

import inspect
from typing import Any

import keras
import tensorflow as tf

from pytest_converge.training.interventions.intervention import Intervention, Variant
from pytest_converge.training.keras_internals import held_setting
from pytest_converge.training.state.optimizer import ObservedOptimizer
from pytest_converge.training.training import Training

__all__ = [
    "adam",
    "clipped",
    "code_of",
    "is_keras",
    "is_rate",
    "less_momentum",
    "line_of",
    "reconfigured",
    "setting",
    "unclipped",
    "with_settings",
    "without_weight_decay",
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
#: Where Keras' optimizers hold bounds of the gradients.
UNCLIPPED: dict[str, float | None] = {"global_clipnorm": None, "clipnorm": None, "clipvalue": None}


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
    optimizer = observed.optimizer
    config = {**optimizer.get_config(), "learning_rate": observed.user_rate, **changes}
    config.pop("name", None)
    return type(optimizer).from_config(config)


def code_of(training: Training, **changes: Any) -> str:
    """The user's optimizer with changes as a line to paste: `keras.optimizers.SGD(0.01)`."""
    if not training.optimizers:
        return ""
    optimizer = training.optimizers[0].optimizer
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        return _code_of_v1(optimizer, changes)
    return _code(optimizer, changes, training.optimizers[0].user_rate)


def line_of(optimizer: Any) -> str:
    """A Keras optimizer as it is as a line to paste."""
    rate = optimizer.get_config()["learning_rate"]
    return _code(optimizer, {}, rate if isinstance(rate, float) else None)


def _code(optimizer: Any, changes: dict[str, Any], own_rate: Any) -> str:
    config = {**optimizer.get_config(), **changes}
    usual = type(optimizer)().get_config()
    rate = changes.get("learning_rate", own_rate)
    shown = _float_code(rate) if isinstance(rate, (int, float)) else "schedule"
    rest = [
        f"{name}={value!r}"
        for name, value in config.items()
        if name not in ("name", "learning_rate") and value != usual.get(name) and value is not None
    ]
    owner = "keras.optimizers." if type(optimizer).__module__.startswith("keras.") else ""
    return f"{owner}{type(optimizer).__name__}({', '.join([shown, *rest])})"


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
    return f"tf.compat.v1.train.{name}({', '.join([f'{rate:g}', *rest])})"


def _float_code(value: float) -> str:
    """A short literal that Keras takes: it refuses a rate that is an integer."""
    text = f"{value:g}"
    return f"{text}.0" if text.lstrip("-").isdigit() else text


def with_settings(**changes: Any) -> Variant:
    """The variant of a training whose first optimizer has some settings changed."""
    return lambda changed: changed.with_optimizer(reconfigured(changed.optimizers[0], **changes))


def adam(code: str, rate: float) -> Intervention:
    """Adam at a usual rate: a remedy for nearly every step size, and the proof of a plateau."""
    return Intervention(
        code=code,
        change=f"Adam, learning rate {rate:g}",
        fix=f"keras.optimizers.Adam({rate:g})",
        variant=lambda changed: changed.with_optimizer(keras.optimizers.Adam(rate)),
        other_optimizer=True,
    )


def less_momentum(training: Training, name: str) -> Intervention:
    """A usual momentum; `name` is the setting that holds it, "momentum" or "beta_1"."""
    change = f"{name} {USUAL_MOMENTUM:g} instead of {setting(training, name):g}"
    return _changed(training, "momentum-too-high", change, **{name: USUAL_MOMENTUM})


def clipped(training: Training) -> Intervention:
    """The global norm of the gradients bounded."""
    change = f"gradients clipped to norm {USUAL_CLIPNORM:g}"
    return _changed(
        training, "exploding-gradient", change, **UNCLIPPED | {"global_clipnorm": USUAL_CLIPNORM}
    )


def unclipped(training: Training) -> Intervention:
    """Gradients as they are, where a bound makes every step too short."""
    return _changed(training, "learning-rate-too-low", "gradients not clipped", **UNCLIPPED)


def _changed(training: Training, code: str, change: str, **settings: Any) -> Intervention:
    """The user's optimizer with other settings."""
    return Intervention(
        code=code,
        change=change,
        fix=code_of(training, **settings),
        variant=with_settings(**settings),
    )


def without_weight_decay(training: Training) -> Intervention:
    """The optimizer's weight decay switched off."""
    return Intervention(
        code="regularisation-too-strong",
        change="weight decay off",
        fix=code_of(training, weight_decay=None),
        variant=with_settings(weight_decay=0.0),
    )
