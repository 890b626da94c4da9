"""Legacy Keras, which is Keras 2 beside TensorFlow: recognised and refused, see "Versions"."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from pytest_converge.core.errors import invalid

__all__ = ["is_legacy", "refuse_legacy", "refuse_legacy_step"]

#: The package of legacy Keras; as `tf.keras` it has the same classes.
PACKAGE = "tf_keras"
#: The variable, and its values, by which TensorFlow takes legacy Keras for `tf.keras`.
SWITCH, SWITCHED_ON = "TF_USE_LEGACY_KERAS", ("true", "True", "1")


def is_legacy(candidate: object) -> bool:
    """True for models, layers, optimizers and data of `tf_keras`, also of classes built on them."""
    return any(cls.__module__.split(".")[0] == PACKAGE for cls in type(candidate).__mro__)


def refuse_legacy(name: str, candidate: object) -> None:
    """Refuses an object of legacy Keras.

    Args:
        name: what it is given as.
        candidate: anything.

    Raises:
        InvalidTrainingError: it is of legacy Keras.
    """
    if not is_legacy(candidate):
        return
    remedy = "Build it with Keras 3: import keras."
    if os.environ.get(SWITCH) in SWITCHED_ON:
        remedy = f"Unset {SWITCH}, which makes tf.keras legacy Keras, or import keras."
    given = f"{name} of legacy Keras, {PACKAGE} ({type(candidate).__name__})"
    raise invalid(given, "one of Keras 3", remedy)


def refuse_legacy_step(named: Iterable[Any]) -> None:
    """Refuses a step that updates by an optimizer of legacy Keras.

    Without a word it would train: with a loss that nobody probes, a rate that nobody sees, and a
    diagnosis that can vary neither. A model of legacy Keras that another optimizer trains is
    variables and operations like any others.

    Args:
        named: what the step closes over or names.

    Raises:
        InvalidTrainingError: one of it is such an optimizer, or a model that was compiled with one.
    """
    for each in named:
        if is_legacy(each):
            refuse_legacy("a step with an optimizer", getattr(each, "optimizer", None))
            if hasattr(each, "apply_gradients"):
                refuse_legacy("a step with an optimizer", each)
