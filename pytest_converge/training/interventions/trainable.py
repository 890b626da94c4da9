"""Everything trainable: frozen layers, and variables that were left out of the list."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from pytest_converge.training.interventions import pasted
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.named_variables import all_variables
from pytest_converge.training.interventions.optimizers import made_anew
from pytest_converge.training.interventions.own_steps import (
    gradient_of_the_reported,
    gradients_of_all,
)
from pytest_converge.training.keras_internals import own_variables, trainable_flag, trainable_set_to
from pytest_converge.training.model.structure import layers_of
from pytest_converge.training.state.snapshot import as_tf_variable, attributes_set, name_of
from pytest_converge.training.training import Training

__all__ = [
    "all_layers",
    "all_read",
    "by_the_loss_returned",
    "every_given",
    "every_left_out",
    "frozen",
]

#: So many frozen layers are named one by one in code.
MOST_NAMED = 3
#: The update of a step by all that is to be trained.
EVERY_GIVEN = """gradients = tape.gradient(loss, variables)  # all that are to be trained
optimizer.apply_gradients(zip(gradients, variables))"""
#: What a loss reads, whatever its variables are called.
EVERY_VARIABLE = """with tf.GradientTape() as tape: loss()
variables = list(tape.watched_variables())"""


def frozen(model: Any, kept: Collection[Any] = ()) -> tuple[list[Any], list[Any]]:
    """(layers, variables) that were made for training and are not trained.

    Args:
        model: whose they are.
        kept: layers of it that are frozen on purpose.
    """
    every = _but(model, kept)
    layers = [layer for layer in every if not trainable_flag(layer) and _own(layer)]
    variables = [v for layer in every for v in own_variables(layer) if not v.trainable]
    return layers, variables


def all_layers(model: Any, kept: Collection[Any] = (), *, listed: bool = False) -> Intervention:
    """Every layer of a model trained, but for those that are frozen on purpose.

    Args:
        model: whose they are.
        kept: layers of it that are frozen on purpose.
        listed: True where its variables are handed to a step, and nothing is compiled.
    """
    layers, variables = frozen(model, kept)
    names = [x.name for x in layers] + [getattr(v, "path", v.name) for v in variables]

    @contextlib.contextmanager
    def variant(training: Training) -> Iterator[None]:
        every = [layer for layer in _but(model, kept) if not trainable_flag(layer)]
        changes = [trainable_set_to(layer, True) for layer in every]
        changes += [trainable_set_to(v, True) for v in _all_variables(model, kept)]
        # A variable that was created for a frozen layer is one that gradient tapes do not watch.
        changes += [trainable_set_to(as_tf_variable(v), True) for v in _all_variables(model, kept)]
        with contextlib.ExitStack() as stack:
            stack.enter_context(attributes_set(changes))
            if training.verb == "step":
                also = [as_tf_variable(v) for layer in every for v in own_variables(layer)]
                stack.enter_context(training.with_variables([*training.trainable, *also]))
            # The present optimizers have no slots for what they did not train.
            stack.enter_context(made_anew(training))
            yield

    return Intervention(
        code="frozen-variables",
        change="everything trainable",
        fix=_code(model, kept, listed=listed),
        where=tuple(dict.fromkeys(names)),
        variant=variant,
    )


def all_read(training: Training) -> Intervention | None:
    """Every trainable variable that the loss reads trained; None where nothing was left out."""
    read = training.read_variables()
    missing = [v for v in read if all(v is not known for known in training.trainable)]
    if not missing:
        return None

    @contextlib.contextmanager
    def variant(changed: Training) -> Iterator[None]:
        variables = [*changed.trainable, *missing]
        with contextlib.ExitStack() as stack:
            stack.enter_context(changed.with_variables(variables))
            stack.enter_context(made_anew(changed))
            yield

    names = tuple(name_of(v) for v in missing)
    known = all_variables(training, [*training.trainable, *missing])
    return Intervention(
        code="frozen-variables",
        change="every variable of the loss trained",
        fix=f"variables = {known}" if known and "self." not in known else EVERY_VARIABLE,
        where=names,
        variant=variant,
    )


def every_given(training: Training, names: tuple[str, ...]) -> Intervention:
    """A step's own updates replaced by one of every variable that was given.

    Args:
        training: with a step of the user's.
        names: of the variables that the step leaves as they are; empty for none.
    """

    @contextlib.contextmanager
    def variant(changed: Training) -> Iterator[None]:
        with changed.with_own_update(), made_anew(changed):
            yield

    return Intervention(
        code="frozen-variables",
        change="every given variable updated by the gradient of the loss",
        fix=gradients_of_all(training) or _of_the_loss(training),
        where=names,
        variant=variant,
    )


def by_the_loss_returned(training: Training) -> Intervention:
    """A step's own updates replaced by one by the loss that it returns, or reports.

    Args:
        training: with a step of the user's that learns from another one.
    """

    @contextlib.contextmanager
    def variant(changed: Training) -> Iterator[None]:
        with changed.with_reported_update(), made_anew(changed):
            yield

    own = gradient_of_the_reported(training) or gradients_of_all(training)
    return Intervention(
        code="unread-data",
        change="updates by the loss that is returned",
        fix=own or _of_the_loss(training),
        variant=variant,
    )


def _of_the_loss(training: Training) -> str:
    if not training.own_train_step:
        return EVERY_GIVEN
    return (
        "gradients = tape.gradient(loss, self.trainable_variables)  # of the loss returned\n"
        "self.optimizer.apply(gradients, self.trainable_variables)"
    )


def every_left_out(training: Training, left_out: Sequence[Any]) -> Intervention:
    """A step's own updates replaced by one of all variables made trainable that its loss reads.

    Args:
        training: with a step of the user's.
        left_out: those of them that were not given.
    """
    every = [*training.trainable, *left_out]

    @contextlib.contextmanager
    def variant(changed: Training) -> Iterator[None]:
        with changed.with_variables(every), changed.with_own_update(), made_anew(changed):
            yield

    names = all_variables(training, every)
    return Intervention(
        code="frozen-variables",
        change="every variable of the loss trained",
        # What holds some of them has no name: those that were given are not all.
        fix=(names and gradients_of_all(training, names))
        or EVERY_GIVEN.replace("variables", names or "every"),
        where=tuple(name_of(variable) for variable in left_out),
        variant=variant,
    )


def _code(model: Any, kept: Collection[Any], *, listed: bool) -> str:
    """Keras hands a setting on to the layers only where it changes the model's own."""
    frozen_variables = _all_variables(model, kept)
    born_frozen = any(not as_tf_variable(v).trainable for v in frozen_variables)
    # Gradient tapes never watch a variable that was created as one that is not trained.
    when = "before it is built and compiled" if born_frozen else "before compile"
    when = "before its variables are listed" if listed else when
    layers = [x for x in _but(model, kept) if x is not model and not trainable_flag(x)]
    of_layers = {id(v) for layer in layers for v in own_variables(layer)}
    direct = all(any(layer is own for own in model.layers) for layer in layers)
    alone = all(id(v) in of_layers for v in frozen_variables)
    few = direct and alone and 0 < len(layers) <= MOST_NAMED
    if trainable_flag(model) and (few or kept):
        lines = [f"{pasted.found(layer)}.trainable = True" for layer in layers]
        return "; ".join(lines) + f"  # {when}"
    off = "model.trainable = False; " if trainable_flag(model) else ""
    return f"{off}model.trainable = True  # {when}"


def _own(layer: Any) -> bool:
    return bool(own_variables(layer))


def _but(model: Any, kept: Collection[Any]) -> list[Any]:
    """A model and its layers without some of them."""
    return [x for x in [model, *layers_of(model)] if all(x is not each for each in kept)]


def _all_variables(model: Any, kept: Collection[Any]) -> list[Any]:
    every = [v for layer in _but(model, kept) for v in own_variables(layer)]
    return [v for v in {id(v): v for v in every}.values() if not trainable_flag(v)]
