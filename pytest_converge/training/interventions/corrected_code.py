"""The user's own layers and steps with one slip of their code turned round."""

from __future__ import annotations

import ast
import contextlib
import copy
import dataclasses
import enum
import functools
import inspect
import itertools
import sys
import types
from collections.abc import Callable, Collection, Iterator
from typing import Any, TypeGuard

import keras
import tensorflow as tf

from pytest_converge.training.interventions.edits import Edit, edits, is_set, never_read
from pytest_converge.training.interventions.idle_parts import idle_names, idle_parts, reads_more
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.own_functions import functions_at
from pytest_converge.training.measures.first_step import FirstStep, first_step
from pytest_converge.training.measures.layer_readings import named_layers
from pytest_converge.training.state.own_code import OwnFunction, last_name
from pytest_converge.training.state.rewritten import rewritten
from pytest_converge.training.state.snapshot import Snapshot
from pytest_converge.training.training import Training

__all__ = ["Kind", "corrected", "edited_steps"]


#: The cause that an edit proves which reads what was never read.
UNREAD = "unread-data"
#: Edits of which one step is seen before the likeliest of them are tried, at some 30 ms each.
LOOKED_AT = 12
#: What a sign is part of.
SUMS = (ast.Add, ast.Sub)
ASSIGNED_SUMS = ("assign_add", "assign_sub")


class Kind(enum.Enum):
    """What a function of the user's is for."""

    ANSWER = "a layer or a model: what it gives is compared with targets of the data"
    LOSS = "a loss of predictions and targets: under a change it is another measure"
    STEP = "a step that makes updates and reports its loss"


@dataclasses.dataclass(frozen=True)
class Site:
    """A function of the user's that runs in a layer, by its name, or in the loss or the step."""

    own: OwnFunction
    kind: Kind
    layer: str = ""


@dataclasses.dataclass(frozen=True)
class EditedStep:
    """The first step under an edit, and without it."""

    site: Site
    changes: Edit
    before: FirstStep
    after: FirstStep

    @property
    def line(self) -> str:
        """The statements that are edited; empty where one is no line of its own."""
        return self.site.own.changed(self.changes)


def corrected(
    training: Training,
    code: str,
    *,
    answers: bool,
    time_is_left: Callable[[], bool],
    end: Snapshot | None = None,
    faint: bool = False,
) -> Iterator[Intervention]:
    """One expression of the user's code changed at a time, where that changes what a step does.

    What is no code, or fails, or changes nothing on the first batch, is left out, and so is what
    moves fewer variables, and what would pass by another meaning of the loss: a step, whose loss is
    its own, has to give the same loss and make other updates, or to read what it never read. A loss
    of predictions and targets is left as it is: under a change it is another measure.

    Args:
        training: where it began.
        code: the cause that it proves.
        answers: whether what a model answers is compared with targets.
        time_is_left: asked before each look.
        end: what is trained, as the failed run left it; None to leave the loss of a step alone.
        faint: whether little of a gradient reaches the first layers, for which a path around the
            others is a remedy.
    """
    kinds = [Kind.STEP, *([Kind.ANSWER] if answers else [])]
    looks = edited_steps(training, kinds, time_is_left)
    every = ((each, share) for each in looks if (share := _loss_kept(training, end, each)))
    while looked_at := list(itertools.islice(every, LOOKED_AT)):
        for edited, share in sorted(looked_at, key=lambda pair: _sets_nothing_free(pair[0])):
            around = faint and _goes_around(edited)
            change = _change(edited, "vanishing-gradient" if around else _code_of(edited, code))
            yield dataclasses.replace(change, loss_factor=share)


def edited_steps(
    training: Training, kinds: Collection[Kind], time_is_left: Callable[[], bool]
) -> Iterator[EditedStep]:
    """The first step under each edit of the user's code that does not fail.

    Args:
        training: where it began.
        kinds: of the functions that are edited.
        time_is_left: asked before each look.
    """
    sites = [each for each in _sites(training) if each.kind in kinds]
    codes = [each.own.function.__code__ for each in sites]
    held: dict[types.CodeType, dict[str, Any]] = {code: {} for code in codes}
    before = first_step(training, functools.partial(_locals_kept, held))
    if before is None:
        return
    idle = idle_parts(training, before) if Kind.STEP in {each.kind for each in sites} else []
    for site in sites:
        named = held[site.own.function.__code__]
        if not named:
            continue  # the step does not call it
        alike = functools.partial(_alike, site.own, named)
        names = idle_names(idle, named) if site.kind is Kind.STEP else []
        names = [*dict.fromkeys((*names, *never_read(site.own)))]
        unread = functools.partial(_of_its_rows, named, names)
        for changes in edits(site.own, alike, _unused(site.own), unread):
            if not time_is_left():
                return
            after = first_step(training, functools.partial(rewritten, site.own, changes))
            if after is not None:
                yield EditedStep(site, changes, before, after)


def _code_of(edited: EditedStep, code: str) -> str:
    """The cause that an edit proves: a wrong sign, what it lets move, or what was asked."""
    if edited.site.kind is Kind.STEP and not _sets_nothing_free(edited):
        return "frozen-variables"
    if edited.site.kind is Kind.STEP and not edited.after.same_loss(edited.before):
        return UNREAD
    ((node, text), *_) = edited.changes.items()
    signs = all(_is_sum(x) for x in (node, ast.parse(text, mode="eval").body))
    if edited.site.kind is Kind.STEP and signs:
        return "uphill-steps"
    if code == "frozen-variables" and edited.before.moves_all_of(edited.after):
        return "output-loss-mismatch"
    return code


def _goes_around(edited: EditedStep) -> bool:
    """Whether an edit adds something to an expression that stays."""
    ((node, text), *_) = edited.changes.items()
    new = ast.parse(text, mode="eval").body
    added = isinstance(new, ast.BinOp) and isinstance(new.op, ast.Add)
    return added and ast.unparse(new.right) == ast.unparse(node)  # type: ignore[attr-defined]


def _is_sum(node: ast.expr) -> bool:
    """Whether a node adds or takes away."""
    summed = isinstance(node, ast.BinOp) and isinstance(node.op, SUMS)
    return summed or last_name(node) in ASSIGNED_SUMS


def _sets_nothing_free(edited: EditedStep) -> bool:
    """Whether all that moves under an edit moved before."""
    return edited.before.moves_all_of(edited.after)


def _loss_kept(training: Training, end: Snapshot | None, edited: EditedStep) -> float:
    """The size that a change leaves a loss, of 1; 0 for one that does not act, or may not repair.

    Such leave something out, or let the loss mean something else.
    """
    before, after = edited.before, edited.after
    if after.same_end(before) or not after.moves_all_of(before):
        return 0.0
    if edited.site.kind is Kind.ANSWER or after.same_loss(before):
        return 1.0
    if end is None:
        return 0.0
    return reads_more(training, edited.site.own, edited.changes, (before, after), end)


def _sites(training: Training) -> Iterator[Site]:
    known: set[int] = set()
    names = [name for model in training.models for name, _ in named_layers(model)]
    places = [(Kind.ANSWER, name) for name in names]
    if training.verb != "minimize":
        places.append((Kind.STEP if training.own_step else Kind.LOSS, ""))
    for kind, layer in places:
        for own in functions_at(training, layer):
            if id(own.node) not in known and own.function is not None:
                known.add(id(own.node))
                yield Site(own, kind, layer)


@contextlib.contextmanager
def _locals_kept(held: dict[types.CodeType, dict[str, Any]]) -> Iterator[None]:
    """Keeps what the names of functions hold where these return, by their codes."""
    before = sys.getprofile()

    def note(frame: types.FrameType, event: str, _: Any) -> None:
        if event == "return" and frame.f_code in held:
            held[frame.f_code].update(frame.f_locals)

    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(before)


def _alike(own: OwnFunction, named: dict[str, Any], node: ast.expr) -> list[str]:
    """Other names, or attributes of a method's own object, that hold a thing of the same kind."""
    if isinstance(node, ast.Name):
        one = named.get(node.id)
        others = {name: x for name, x in named.items() if name != node.id}
        same = [name for name, x in others.items() if _is_of_one_kind(x, one)]
        longer = [
            name for name, x in others.items() if name not in same and _differs_in_length(x, one)
        ]
        return same + longer
    if own.owner is None or ast.unparse(getattr(node, "value", node)) != "self":
        return []
    held = vars(own.owner)
    one = held.get(last_name(node))
    if not isinstance(one, (keras.layers.Layer, keras.Variable, tf.Variable)):
        return []
    return [f"self.{n}" for n, x in held.items() if x is not one and _is_of_one_kind(x, one)]


def _of_its_rows(named: dict[str, Any], names: list[str], target: str) -> list[str]:
    """Names that hold as many rows as another one does; all of them for none."""
    rows = {name: tuple(getattr(x, "shape", ()))[:1] for name, x in named.items()}
    own = rows.get(target, ())
    return [name for name in names if own and rows.get(name) == own] if target else names


def _unused(own: OwnFunction) -> list[str]:
    """What the object of a `call` holds that can be called, and that its class never names."""
    if own.owner is None or getattr(own.node, "name", "") != "call":
        return []
    named = {each.attr for each in ast.walk(_class_around(own)) if _is_read(each)}
    held = vars(own.owner).items()
    known = [n for n, x in held if inspect.isfunction(x) or isinstance(x, keras.layers.Layer)]
    return [name for name in known if not name.startswith("_") and name not in named]


def _class_around(own: OwnFunction) -> ast.AST:
    node: ast.AST = own.node
    while not isinstance(node, ast.ClassDef) and node in own.parents:
        node = own.parents[node]
    return node


def _is_read(node: ast.AST) -> TypeGuard[ast.Attribute]:
    return isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)


def _is_of_one_kind(one: Any, other: Any) -> bool:
    """Tensors of one shape and type, layers of one class."""
    if hasattr(one, "dtype") and hasattr(other, "dtype"):
        shapes = [getattr(each, "shape", None) for each in (one, other)]
        return shapes[0] == shapes[1] and one.dtype == other.dtype
    return type(one) is type(other) and isinstance(one, keras.layers.Layer)


def _differs_in_length(one: Any, other: Any) -> bool:
    """Tensors of one type with the same axes, of which one or the other is longer."""
    if not tf.is_tensor(one) or not tf.is_tensor(other) or one.dtype != other.dtype:
        return False
    shapes = one.shape, other.shape
    return 1 < len(shapes[0]) == len(shapes[1]) and shapes[0][0] == shapes[1][0]


def _change(edited: EditedStep, code: str) -> Intervention:
    site, changes = edited.site, edited.changes
    own, (node, text) = site.own, next(iter(changes.items()))
    several = len(changes) > 1
    new, old = (text, own.text(node)) if several else _shown(own, node, text)
    name = getattr(own.node, "name", "the function")
    where = f"{name} of {site.layer}" if site.layer else name
    return Intervention(
        code=code,
        change=f"`{new}` in place of {'every ' * several}`{old}`",
        fix=own.changed(changes) or f"{new}  # instead of {old}, in {where}",
        where=(site.layer,) if site.layer else (),
        fault=f"{where} leaves a part of the data unread"
        if code == UNREAD
        else f"{where} does not compute what the training needs",
        variant=lambda _training: rewritten(own, changes),
        guessed=True,
    )


def _shown(own: OwnFunction, node: ast.expr, code: str) -> tuple[str, str]:
    """(new, old) code of an edit, with what is around it where the old one stands elsewhere too."""
    around, new = node, code
    read = (each for each in own.walk() if isinstance(each, ast.expr) and not is_set(each))
    every = [ast.unparse(each) for each in read]
    while every.count(ast.unparse(around)) > 1 and isinstance(own.parents[around], ast.expr):
        around = own.parents[around]  # type: ignore[assignment]
        put = {id(node): ast.parse(code, mode="eval").body}
        new = ast.unparse(copy.deepcopy(around, put))
    return new, own.text(around)
