"""The user's own layers and steps with one slip of their code turned round."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import enum
import functools
import math
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.core.guard import is_ours
from pytest_converge.training.data.batches import Array
from pytest_converge.training.interventions.edits import Edit, edits
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.own_functions import functions_at
from pytest_converge.training.measures.gradients import undisturbed
from pytest_converge.training.measures.layer_readings import named_layers
from pytest_converge.training.state.graphs import functions_run_eagerly
from pytest_converge.training.state.own_code import OwnFunction, last_name
from pytest_converge.training.state.rewritten import NoCodeError, rewritten
from pytest_converge.training.state.seeding import preserved
from pytest_converge.training.training import Training

__all__ = ["corrected"]

#: What one step shows: its loss, and the trained variables behind it.
Seen = tuple[float, tuple[Array, ...]]
#: Two losses are the same up to what the order of float32 sums changes.
SAME_LOSS = 1e-5


class Kind(enum.Enum):
    """What a function of the user's is for."""

    ANSWER = "a layer or a model: what it gives is compared with targets of the data"
    LOSS = "a loss of predictions and targets: under a change it is another measure"
    STEP = "a step that makes updates and reports its loss"


@dataclasses.dataclass(frozen=True)
class _Place:
    """A function of the user's that runs in a layer, by its name, or in the loss or the step."""

    own: OwnFunction
    kind: Kind
    layer: str = ""


def corrected(
    training: Training, code: str, *, answers: bool, time_is_left: Callable[[], bool]
) -> Iterator[Intervention]:
    """One expression of the user's code changed at a time, where that changes what a step does.

    What is no code, or fails, or changes nothing on the first batch, is left out, and so is what
    moves fewer variables, and what would pass by another meaning of the loss: a step, whose loss is
    its own, has to give the same loss, and make other updates; a loss that had no negative values
    has none under a change.

    Args:
        training: where it began.
        code: the cause that it proves.
        answers: whether what a model answers is compared with targets.
        time_is_left: asked before each look.
    """
    start = tuple(variable.numpy() for variable in training.trainable)
    before = _seen(training)
    if before is None:
        return
    for place in _places(training, answers):
        for node, text in edits(
            place.own, functools.partial(_alike, place.own), is_loss=place.kind is Kind.LOSS
        ):
            if not time_is_left():
                return
            after = _seen(training, functools.partial(rewritten, place.own, {node: text}))
            if after is None or not _moves_more(start, before, after) or _same(before, after):
                continue
            if place.kind is Kind.STEP and not _same_loss(before, after):
                continue
            if place.kind is Kind.LOSS and after[0] < 0 <= before[0]:
                continue
            yield _change(place, (node, text), code)


def _places(training: Training, answers: bool) -> Iterator[_Place]:
    known: set[int] = set()
    names = [name for model in training.models for name, _ in named_layers(model)]
    places = [(Kind.ANSWER, name) for name in (names if answers else ())]
    if training.own_step or training.verb == "fit":
        places.append((Kind.STEP if training.own_step else Kind.LOSS, ""))
    for kind, layer in places:
        for own in functions_at(training, layer):
            if id(own.node) not in known and own.function is not None:
                known.add(id(own.node))
                yield _Place(own, kind, layer)


def _alike(own: OwnFunction, node: ast.expr) -> list[str]:
    """Other attributes of a method's own object that hold a layer or variable of the same kind."""
    if own.owner is None or ast.unparse(getattr(node, "value", node)) != "self":
        return []
    held = vars(own.owner)
    one = held.get(last_name(node))
    if not isinstance(one, (keras.layers.Layer, keras.Variable, tf.Variable)):
        return []
    return [f"self.{name}" for name, x in held.items() if type(x) is type(one) and x is not one]


def _seen(training: Training, variant: Callable[[], Any] = contextlib.nullcontext) -> Seen | None:
    """One step on the first batch, outside of any graph and taken back; None where it fails."""
    try:
        with variant(), preserved(), undisturbed(training), functions_run_eagerly():
            loss = float(training.step(training.first_batch()))
            after = tuple(variable.numpy() for variable in training.trainable)
    except NoCodeError:
        return None
    except Exception as error:  # of any kind: it was not written for such a change
        if is_ours(error):
            raise
        return None
    return (loss, after) if math.isfinite(loss) else None


def _same(one: Seen, other: Seen) -> bool:
    return all(np.allclose(a, b, rtol=1e-6, atol=0) for a, b in zip(one[1], other[1], strict=True))


def _moves_more(start: tuple[Array, ...], before: Seen, after: Seen) -> bool:
    """Whether a change moves every variable that is moved without it: nothing falls out of use."""
    triples = zip(start, before[1], after[1], strict=True)
    return all(
        np.array_equal(was, one) or not np.array_equal(was, other) for was, one, other in triples
    )


def _same_loss(one: Seen, other: Seen) -> bool:
    return math.isclose(one[0], other[0], rel_tol=SAME_LOSS)


def _change(place: _Place, edit: Edit, code: str) -> Intervention:
    own, (node, text) = place.own, edit
    old, name = own.text(node), getattr(own.node, "name", "the function")
    where = f"{name} of {place.layer}" if place.layer else name
    return Intervention(
        code=code,
        change=f"`{text}` in place of `{old}`",
        fix=own.changed({node: text}) or f"{text}  # instead of {old}, in {where}",
        where=(place.layer,) if place.layer else (),
        fault=f"{where} does not compute what the training needs",
        variant=lambda _training: rewritten(own, {node: text}),
        redefines_loss=place.kind is Kind.LOSS,
    )
