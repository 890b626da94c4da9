"""Other starts: other draws, weights moved or spread out, a nudge off a stationary point."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from pytest_converge.core.numbers import listed
from pytest_converge.training.interventions import pasted
from pytest_converge.training.interventions.intervention import Intervention, Start
from pytest_converge.training.state.snapshot import as_tf_variable, name_of
from pytest_converge.training.training import Training

#: That of a step made where the training ended.
AT_THE_END = (
    "for v in variables: v.assign_add({size:.2g} * np.random.normal(size=v.shape))"
    "  # at the end, then train on"
)
#: What that means for a start.
FLAT = ", where the loss has no slope"
#: What TensorFlow calls a variable that has no name.
UNNAMED = "Variable"
#: So many numbers of a direction are written out.
MOST_WRITTEN = 8
#: Vectors of more numbers are weights of a network, which are drawn at random.
MOST_SPREAD = 64

__all__ = [
    "UNNAMED",
    "alike_for_ever",
    "among_targets",
    "begun_at",
    "called",
    "elsewhere",
    "moved",
    "nudged",
    "of_one_value",
    "smaller",
    "spread_out",
    "within",
]


def of_one_value(variables: Iterable[Any], *, within: float = 0.0) -> list[Any]:
    """The variables of which all numbers are the same now.

    Args:
        variables: `tf.Variable`s.
        within: how far they may differ, against the largest of them, or 1 where it is smaller.
    """
    return [variable for variable in variables if _is_one_value(variable.numpy(), within)]


def _is_one_value(values: Any, within: float) -> bool:
    if not np.isfinite(values).all():
        return False
    return bool(np.ptp(values) <= within * max(float(np.abs(values).max()), 1.0))


def alike_for_ever(
    named: Mapping[tuple[str, str], Any], end: Start, *, within: float
) -> dict[tuple[str, str], Any]:
    """Variables of which all numbers are the same now and were so at the end of a run.

    Args:
        named: `tf.Variable`s by their names and the code that gets hold of them.
        end: their values at the end of the run, by their ids.
        within: how far these may differ, against the largest of them, or 1 where it is smaller.

    Returns:
        None of them where none moved: what has no gradient says nothing of a common one.
    """
    alike = {id(each) for each in of_one_value(named.values())}
    found = {
        name: variable
        for name, variable in named.items()
        if id(variable) in alike and _is_one_value(end[id(variable)], within)
    }
    moved = any(not np.array_equal(end[id(v)], v.numpy()) for v in found.values())
    return found if moved else {}


def spread_out(
    named: Mapping[tuple[str, str], Any], width: float, code: str
) -> Intervention | None:
    """Vectors of which all numbers are the same now begun in order, evenly spread.

    As the thresholds of grades, which say nothing of those between them where they coincide, or the
    rates of a sum of exponentials, which stay one.

    Args:
        named: `tf.Variable`s by their names and the code that gets hold of them.
        width: how far the first and the last number are from where all are now, against their
            size, which counts as 1 at least.
        code: the cause that is proven where it passes.

    Returns:
        None where there is no such vector of two numbers or more, and of no more than a few.
    """
    alike = {id(each) for each in of_one_value(named.values())}
    found = {
        name: variable
        for name, variable in named.items()
        if id(variable) in alike
        and variable.shape.rank == 1
        and 1 < variable.shape[0] <= MOST_SPREAD
    }
    if not found:
        return None
    widths = {
        name: float(f"{width * max(1.0, float(np.abs(variable.numpy()).max())):.2g}")
        for name, variable in found.items()
    }

    def start(_: Training, values: Start) -> Start:
        changed = dict(values)
        for name, variable in found.items():
            before = np.asarray(values.get(id(variable), variable.numpy()))
            away = np.linspace(-widths[name], widths[name], len(before))
            changed[id(variable)] = (before + away).astype(before.dtype)
        return changed

    where = tuple(name for name, _ in found)
    far = listed(tuple(f"{each:g}" for each in dict.fromkeys(widths.values())))
    return Intervention(
        code=code,
        change=f"{listed(where)} begun in order, {far} to either side",
        fix="\n".join(
            f"{name[1]}.assign_add(np.linspace(-{each:g}, {each:g}, {found[name].shape[0]}))"
            for name, each in widths.items()
        ),
        where=where,
        fault=f"the numbers of {listed(where)} start alike",
        start=start,
    )


def within(named: Mapping[tuple[str, str], tuple[Any, float, float]], code: str) -> Intervention:
    """Variables begun in the middle of a range, each number as far from it as from their mean.

    Beyond a single end each number is begun as far on the other side of it.

    Args:
        named: `tf.Variable`s and the ends of their ranges, by their names and the code that gets
            hold of them.
        code: the cause that is proven where it passes.
    """

    def start(_: Training, values: Start) -> Start:
        changed = dict(values)
        for variable, low, high in named.values():
            before = np.asarray(values.get(id(variable), variable.numpy()))
            moved = (low + high) / 2 + before - before.mean()
            if not math.isfinite(high - low):
                away = np.abs(before - (low if math.isfinite(low) else high))
                moved = low + away if math.isfinite(low) else high - away
            changed[id(variable)] = np.clip(moved, low, high).astype(before.dtype)
        return changed

    words, faults, lines = zip(
        *(_inside(name, held, *ends) for (name, held), (_, *ends) in named.items()), strict=True
    )
    return Intervention(
        code=code,
        change=listed(words),
        fix="\n".join(lines),
        where=tuple(name for name, _ in named),
        fault=" and ".join(faults),
        start=start,
    )


def _inside(name: str, held: str, low: float, high: float) -> tuple[str, str, str]:
    """(what is changed, what is wrong, the line) of a variable begun inside of a range."""
    if math.isfinite(high - low):
        middle = f"{(low + high) / 2:g}"
        moved = f"{middle} + {held} - tf.reduce_mean({held})"
        return (
            f"{name} begun around {middle}",
            f"{name} starts beyond the range {low:g} to {high:g} that it is clipped to{FLAT}",
            f"{held}.assign(tf.clip_by_value({moved}, {low:g}, {high:g}))",
        )
    edge, sign = (low, "+") if math.isfinite(low) else (high, "-")
    away = f"tf.abs({held} - {edge:g})" if edge else f"tf.abs({held})"
    side = "below" if sign == "+" else "above"
    return (
        f"{name} begun on the other side of {edge:g}",
        f"{name} starts {side} {edge:g}, beyond which it is cut off{FLAT}",
        f"{held}.assign({f'{edge:g} {sign} ' if edge or sign == '-' else ''}{away})",
    )


def begun_at(named: Mapping[tuple[str, str], Any], size: float, code: str) -> Intervention:
    """Variables of which all numbers are begun at one size, each with the sign that it has.

    Args:
        named: `tf.Variable`s by their names and the code that gets hold of them.
        size: above 0.
        code: the cause that is proven where it passes.
    """

    def start(_: Training, values: Start) -> Start:
        changed = dict(values)
        for variable in named.values():
            before = np.asarray(values.get(id(variable), variable.numpy()))
            changed[id(variable)] = (size * np.sign(before)).astype(before.dtype)
        return changed

    names = tuple(name for name, _ in named)
    return Intervention(
        code=code,
        change=f"{listed(names)} begun at {size:g}",
        fix="\n".join(f"{held}.assign({size:g} * tf.sign({held}))" for _, held in named),
        where=names,
        start=start,
    )


def smaller(training: Training, share: float, code: str) -> Intervention | None:
    """All trained matrices and kernels begun at a share of what they are; where none, all numbers.

    Args:
        training: at its start.
        share: below 1.
        code: the cause that is proven where it passes.

    Returns:
        None where there are none, or where all are 0.
    """
    matrices = [v for v in training.trainable if v.shape.rank > 1]
    begun = matrices or training.trainable
    if not any(np.any(v.numpy()) for v in begun):
        return None

    def start(_: Training, values: Start) -> Start:
        changed = dict(values)
        for variable in begun:
            before = np.asarray(values.get(id(variable), variable.numpy()))
            changed[id(variable)] = (share * before).astype(before.dtype)
        return changed

    every = "model.trainable_variables" if training.verb == "fit" else "variables"
    line = "    if len(v.shape) > 1:\n        " if matrices else "    "
    return Intervention(
        code=code,
        change=f"all {'matrices' if matrices else 'weights'} begun at {share:g} of what they are",
        fix=f"for v in {every}:\n{line}v.assign({share:g} * v)",
        start=start,
    )


def called(variable: Any, place: int) -> tuple[str, str]:
    """The name of a trained variable, and the code that gets hold of it.

    Args:
        variable: a `tf.Variable`.
        place: its place among those that are trained.
    """
    name, held = name_of(variable), f"variables[{place}]"
    if name == UNNAMED:
        return held, held
    return name, name if name.isidentifier() else held


def nudged(
    direction: Sequence[Any], size: float, code: str, *, at: Start | None = None
) -> Intervention:
    """A point moved by `size` along a direction, one array a trained variable.

    Args:
        direction: a unit vector, cut into one array a trained variable.
        size: length of the step, in the unit of the variables.
        code: the cause that is proven where it passes.
        at: the point by the id of each variable; None for the start.
    """

    def start(training: Training, values: Start) -> Start:
        values = {**values, **(at or {})}
        changed = dict(values)
        for variable, part in zip(training.trainable, direction, strict=True):
            before = np.asarray(values.get(id(variable), variable.numpy()))
            changed[id(variable)] = before + size * np.asarray(part)
        return changed

    return Intervention(
        code=code,
        change=f"{'start' if at is None else 'end'} moved by {size:.2g} along negative curvature",
        fix=_moved(direction, size) if at is None else AT_THE_END.format(size=size),
        start=start,
    )


def _moved(direction: Sequence[Any], size: float) -> str:
    """The step written out where it is short; else one of that length in a random direction."""
    parts = [np.asarray(part) for part in direction]
    count = sum(part.size for part in parts)
    if count <= MOST_WRITTEN:
        steps = [np.round(size * part.astype(np.float64), 6).tolist() for part in parts]
        return f"for v, step in zip(variables, {steps}): v.assign_add(step)"
    spread = size / math.sqrt(count)
    return f"for v in variables: v.assign_add({spread:.2g} * np.random.normal(size=v.shape))"


def moved(
    variables: Sequence[tuple[int, Any]], distance: float, signs: Sequence[Any], code: str
) -> Intervention:
    """Some variables begun farther off.

    Args:
        variables: with the place of each among those that are trained.
        distance: what is added to each of their numbers, times its sign.
        signs: of each variable: one for all of its numbers, or as many as it has.
        code: the cause that is proven where it passes.
    """
    by = [
        distance * np.reshape(sign, np.shape(sign) and tuple(variable.shape))
        for (_, variable), sign in zip(variables, signs, strict=True)
    ]

    def start(_: Training, values: Start) -> Start:
        changed = dict(values)
        for (_place, variable), added in zip(variables, by, strict=True):
            before = np.asarray(values.get(id(variable), variable.numpy()))
            changed[id(variable)] = before + np.asarray(added, before.dtype)
        return changed

    named = [called(variable, place) for place, variable in variables]
    pairs = [(name, _distance(each)) for (name, _), each in zip(named, by, strict=True)]
    alike = {distance for _, distance in pairs}
    words = [f"{name} begun {distance}" for name, distance in pairs]
    if len(alike) == 1:
        words = [f"{listed(tuple(name for name, _ in pairs))} begun {alike.pop()}"]
    return Intervention(
        code=code,
        change=listed(tuple(words)),
        fix="\n".join(
            _added(held, variable, each)
            for (_, held), (_, variable), each in zip(named, variables, by, strict=True)
        ),
        where=tuple(name for name, _ in named),
        start=start,
    )


def among_targets(layer: Any, middle: float, code: str) -> Intervention:
    """An output that begins in the middle of its targets.

    Args:
        layer: the last one, with a bias.
        middle: of the targets.
        code: the cause that is proven where it passes.
    """
    bias = as_tf_variable(layer.bias)
    middle = float(f"{middle:.3g}")

    def start(_: Training, values: Start) -> Start:
        held = np.asarray(values.get(id(bias), bias.numpy()))
        return {**values, id(bias): np.full_like(held, middle)}

    settings = {"bias_initializer": keras.initializers.Constant(middle)}
    return Intervention(
        code=code,
        change=f"the bias of {layer.name} begun at {middle:g}, the median of the targets",
        fix=pasted.layer_lines([(layer, settings)]),
        where=(layer.name,),
        fault=(
            "the loss has no slope where the outputs begin: the targets lie around"
            f" {middle:g}, far from them"
        ),
        start=start,
    )


def _distance(by: Any) -> str:
    """What is added, in words."""
    values = np.unique(by)
    if len(values) > 1:
        return f"{np.asarray(by).tolist()} away"
    return f"{abs(float(values[0])):g} {'higher' if values[0] > 0 else 'lower'}"


def _added(held: str, variable: Any, by: Any) -> str:
    values = np.unique(by)
    if len(values) > 1:
        return f"{held}.assign_add({np.asarray(by, np.float64).tolist()})"
    if variable.shape.rank == 0:
        return f"{held}.assign_add({float(values[0])!r})"
    return f"{held}.assign_add(tf.fill({held}.shape, {float(values[0])!r}))"


def elsewhere(
    seed: int, spread: float, *, code: str = "local-minimum", around_zero: bool = False
) -> Intervention:
    """A start drawn around the given one, with a spread relative to the size of each variable.

    Args:
        seed: of the draw.
        spread: standard deviation over the size of a variable plus 1; around 0 as it is.
        code: the cause that is proven where it passes.
        around_zero: draw around 0, which a start that is far too large is never near to.
    """

    def start(training: Training, values: Start) -> Start:
        changed = dict(values)
        for place, variable in enumerate(training.trainable):
            before = np.asarray(values.get(id(variable), variable.numpy()))
            scale = spread * (1.0 if around_zero else np.abs(before).mean() + 1.0)
            middle = 0.0 * before if around_zero else before
            drawn = np.random.default_rng([seed, place]).normal(size=before.shape)
            changed[id(variable)] = middle + scale * drawn
        return changed

    place = " around 0" if around_zero else ""
    scale = "" if around_zero else "(abs(v.numpy()).mean() + 1) * "
    middle = "" if around_zero else "v.numpy() + "
    drawn = f"np.random.default_rng([{seed}, n]).normal(size=v.shape)"
    line = f"for n, v in enumerate(variables): v.assign({middle}{spread:g} * {scale}{drawn})"
    return Intervention(
        code=code,
        change=f"another start{place} (spread {spread:g}, seed {seed})",
        fix=line,
        start=start,
    )
