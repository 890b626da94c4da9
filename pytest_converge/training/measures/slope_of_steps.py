"""Which way the steps of a training go on its own loss: what they follow, against its slope."""

from __future__ import annotations

import contextlib

import numpy as np
import tensorflow as tf

from pytest_converge.training.measures.gradients import Vector, flat, undisturbed
from pytest_converge.training.state.optimizer import GradientStore
from pytest_converge.training.training import Training

__all__ = ["along_the_slope", "has_no_path", "has_own_optimizer", "moves_beside", "updates_along"]

#: Packages whose optimizers go downhill.
OF_OTHERS = frozenset({"keras", "tensorflow", "tensorflow_addons", "tf_keras"})


def along_the_slope(training: Training) -> float | None:
    """The cosine between what a step takes for the gradient and the gradient of its loss.

    1: the step follows the loss that it returns; -1: what it takes has the opposite sign. Of a step
    that applies an optimizer it is the gradient that this one gets, else the update reversed. It is
    measured on the first batch where the training stands; nothing is changed.

    Args:
        training: whose step can be called outside of any graph.

    Returns:
        None where the loss that a step returns has no gradient.
    """
    variables = training.trainable
    store = GradientStore(variables)
    before = flat([v.numpy() for v in variables])
    with undisturbed(training), tf.GradientTape() as tape, contextlib.ExitStack() as stack:
        for optimizer in training.optimizers:
            stack.enter_context(optimizer.muted())
            stack.enter_context(optimizer.handing_out(store))
        loss = training.bare_step(training.first_batch())
        moved = flat([v.numpy() for v in variables]) - before
    given = flat([v.numpy() for v in store.values]) if training.optimizers else -moved
    gradients = tape.gradient(loss, variables, unconnected_gradients="zero")
    return _cosine(flat([tf.convert_to_tensor(gradient) for gradient in gradients]), given)


def has_own_optimizer(training: Training) -> bool:
    """Whether a class of the user's makes the updates."""
    kinds = [type(observed.optimizer) for observed in training.optimizers]
    return any(kind.__module__.partition(".")[0] not in OF_OTHERS for kind in kinds)


def updates_along(training: Training) -> float | None:
    """The cosine between the gradient that optimizers get and the update reversed that they make.

    Measured as by `along_the_slope`; below 0 they add what they should subtract.
    """
    variables, store = training.trainable, GradientStore(training.trainable)
    before = flat([v.numpy() for v in variables])
    with undisturbed(training), contextlib.ExitStack() as stack:
        for optimizer in training.optimizers:
            stack.enter_context(optimizer.handing_out(store))
        training.bare_step(training.first_batch())
        moved = flat([v.numpy() for v in variables]) - before
    return _cosine(flat([v.numpy() for v in store.values]), -moved) if store.filled else None


def has_no_path(training: Training) -> bool:
    """Whether the loss that a step returns depends on no variable by a path for a gradient."""
    variables = training.trainable
    with undisturbed(training), tf.GradientTape() as tape, contextlib.ExitStack() as stack:
        for optimizer in training.optimizers:
            stack.enter_context(optimizer.muted())
        loss = training.bare_step(training.first_batch())
    return all(gradient is None for gradient in tape.gradient(loss, variables))


def moves_beside(training: Training) -> bool:
    """Whether a step moves what is trained beside the updates of its optimizers."""
    before = flat([v.numpy() for v in training.trainable])
    with undisturbed(training), contextlib.ExitStack() as stack:
        for optimizer in training.optimizers:
            stack.enter_context(optimizer.muted())
        training.bare_step(training.first_batch())
        return not np.array_equal(flat([v.numpy() for v in training.trainable]), before)


def _cosine(first: Vector, second: Vector) -> float | None:
    length = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / length if length > 0 and np.isfinite(length) else None
