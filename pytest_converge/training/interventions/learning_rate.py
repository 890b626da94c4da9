"""The learning rate multiplied, or freed of its schedule."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.training.adapters.traceability import needed_arguments
from pytest_converge.training.interventions import pasted
from pytest_converge.training.interventions.intervention import Intervention, Start
from pytest_converge.training.interventions.optimizers import code_of, with_settings
from pytest_converge.training.interventions.own_steps import updates_changed
from pytest_converge.training.state.snapshot import as_tf_variable
from pytest_converge.training.training import Training

__all__ = [
    "alone",
    "asks_what_follows",
    "begun_at",
    "constant",
    "has_schedule",
    "instead_of_zero",
    "multiplied",
    "name_of_one",
    "name_of_step",
    "of_one",
    "of_updates",
    "peak",
    "planned",
    "rate_setters",
    "scaled",
    "scheduled",
]


#: Decades of steps in which a schedule is expected to reach its peak.
LONGEST = 6
#: What in the configurations of Keras' schedules is a rate; the rest are steps and shares.
RATES_OF_SCHEDULES = ("initial_learning_rate", "end_learning_rate", "warmup_target", "values")


def scaled(training: Training, own: float, factor: float, *, follows: bool = False) -> Intervention:
    """The learning rate times a factor; lower rates prove one too high, higher ones one too low.

    Args:
        training: with an optimizer.
        own: its largest rate in the failed run.
        factor: what every rate is multiplied by.
        follows: whether those that the user's code sets grow with the one that it finds.
    """
    if training.scales_updates:
        return of_updates(training, factor)
    rate = _rounded(own * factor)  # what is proven is what is to be pasted
    code = "learning-rate-too-high" if factor < 1 else "learning-rate-too-low"
    change, fix = f"learning rate {_text(rate)}", ""
    setters, given = rate_setters(training), training.optimizers[0].user_rate
    if setters:
        change += f", as {' and '.join(setters)} changes it"
        fix = _of_setters(training, setters, rate / own, follows=follows)
    elif has_schedule(training):
        change += " at the peak of the schedule"
        schedule = multiplied(given, factor)
        if schedule is not None:
            fix = code_of(training, learning_rate=schedule)
        else:
            product = f"lambda: {rate / own:.3g} * schedule(optimizer.iterations)"
            fix = f"optimizer = {code_of(training, learning_rate=pasted.Code(product))}"
    elif callable(given):
        change += " at its largest"
        product = f"lambda: {rate / own:.3g} * {_name_of(given, 'rate')}()"
        fix = code_of(training, learning_rate=pasted.Code(product))
    else:
        fix = code_of(training, learning_rate=rate)
    return Intervention(code=code, change=change, fix=fix, rate_factor=rate / own)


def of_updates(training: Training, factor: float) -> Intervention:
    """Every update of a step without an optimizer times a factor, as a rate would multiply it.

    Args:
        training: whose step makes its updates by itself.
        factor: what they are multiplied by.
    """
    high, text, name = factor < 1, _text(factor), name_of_step(training)
    long, line = "long" if high else "short", updates_changed(training, factor)
    return Intervention(
        code="learning-rate-too-high" if high else "learning-rate-too-low",
        change=f"every update times {text}",
        fix=line or f"# in {name}: {text} times the learning rate",
        fault=f"the updates that {name} makes by itself are too {long}",
        rate_factor=factor,
        in_words=not line,
    )


def begun_at(training: Training, factor: float) -> Intervention:
    """The rate that the first optimizer begins with times a factor, and whatever comes of it.

    A question: whether what the user's own code sets later grows with the rate that it finds.
    """
    observed = training.optimizers[0]

    def start(_: Training, values: Start) -> Start:
        variable = as_tf_variable(observed.rate_variable)
        return {**values, id(variable): np.float32(observed.user_rate * factor)}

    return Intervention(code="", change=f"{factor:g} times the first learning rate", start=start)


def rate_setters(training: Training) -> dict[str, Any]:
    """What of the user's code sets the learning rate: callbacks by their classes, and the step.

    Keras' `ReduceLROnPlateau` is none of them: it goes on from the rate that it finds.

    Returns:
        The callbacks by name; of the step None.
    """
    setters: dict[str, Any] = {}
    if training.callbacks is not None:
        setters.update(training.callbacks.rate_setters)
    setters.pop("ReduceLROnPlateau", None)
    if any(observed.rate_set_in_step for observed in training.optimizers):
        setters[name_of_step(training)] = None
    return setters


def asks_what_follows(training: Training) -> bool:
    """True where the user's code sets a rate, and nothing but a run tells of what it makes it."""
    plain = bool(training.optimizers) and training.optimizers[0].plain_rate() is not None
    kind = keras.callbacks.LearningRateScheduler
    return plain and any(type(each) is not kind for each in rate_setters(training).values())


def name_of_step(training: Training) -> str:
    """What the user calls the step."""
    name = "train_step" if training.own_train_step else training.loss_name
    return name if name.isidentifier() else "the step"


def _of_setters(
    training: Training, setters: Mapping[str, Any], factor: float, *, follows: bool
) -> str:
    """Every rate times a factor: the optimizer's own, and what the user's code makes of it."""
    text = _text(factor)
    lines = []
    if training.optimizers[0].plain_rate() is not None:
        rate = _rounded(training.optimizers[0].user_rate * factor)
        lines.append(code_of(training, learning_rate=rate))
    for name, callback in setters.items():
        if type(callback) is not keras.callbacks.LearningRateScheduler:
            if not follows:
                lines.append(f"# in {name}: {text} times every learning rate that it sets")
            continue
        schedule = callback.schedule
        named = _name_of(schedule, "schedule")
        needed = needed_arguments(schedule)
        arguments = "epoch" if len(needed) < 2 else "epoch, rate"
        given = "epoch" if len(needed) < 2 else f"epoch, rate / {text}"
        scaled_ = f"lambda {arguments}: {text} * {named}({given})"
        lines.append(f"keras.callbacks.LearningRateScheduler({scaled_})")
    return "\n".join(lines)


def _name_of(function: Any, otherwise: str) -> str:
    """What a function is called in code; something else for one without a name."""
    name = getattr(function, "__name__", "")
    return name if name.isidentifier() else otherwise


def of_one(training: Training, place: int, own: float, factor: float) -> Intervention:
    """The learning rate of one of several optimizers times a factor.

    Args:
        training: with several optimizers.
        place: which of them.
        own: its rate.
        factor: what it is multiplied by.
    """
    rate = _rounded(own * factor)
    called, kind = _called(training, place), type(training.optimizers[place].optimizer).__name__
    name = name_of_one(training, place, own)
    given = f"as {called}, instead of {kind}({_text(own)})" if called else f"instead of {name}"
    high = factor < 1
    change = f"learning rate {_text(rate)} of {name}"
    fix = f"{code_of(training, place=place, learning_rate=rate)}  # {given}"
    if training.optimizers[place].rate_set_in_step:
        times = f"{_text(rate / own)} times"
        change = f"{times} the learning rate of {name}"
        fix = f"# in {name_of_step(training)}: {times} every learning rate that it sets for {name}"
    return Intervention(
        code="learning-rate-too-high" if high else "learning-rate-too-low",
        change=change,
        fix=fix,
        fault=f"of the optimizers, the rate of {name} is too {'high' if high else 'low'}",
        rate_factor=rate / own,
        of_optimizer=place,
    )


def alone(training: Training, place: int, factor: float) -> Intervention:
    """Updates by one of several optimizers alone: a control, and no repair.

    Args:
        training: with several optimizers.
        place: which of them.
        factor: what its rate is multiplied by.
    """

    @contextlib.contextmanager
    def variant(changed: Training) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            for number, observed in enumerate(changed.optimizers):
                if number != place:
                    stack.enter_context(observed.muted())
            yield

    name = _called(training, place) or type(training.optimizers[place].optimizer).__name__
    return Intervention(
        code="",
        change=f"updates by {name} alone",
        rate_factor=factor,
        of_optimizer=place,
        variant=variant,
    )


def name_of_one(training: Training, place: int, own: float) -> str:
    """What one of several optimizers is called in words: by its name, or its class and rate."""
    kind = type(training.optimizers[place].optimizer).__name__
    return _called(training, place) or f"{kind}({_text(own)})"


def _called(training: Training, place: int) -> str:
    """The name of one of several optimizers; its place where two are as one from outside."""
    observed = training.optimizers[place]
    if observed.name:
        return observed.name
    alike = (type(observed.optimizer), observed.user_rate)
    same = [(type(x.optimizer), x.user_rate) == alike for x in training.optimizers]
    return f"optimizer {place + 1} of {len(same)}" if sum(same) > 1 else ""


def constant(training: Training, rate: float, *, last: float, when: str) -> Intervention:
    """The largest rate of the schedule in every step.

    Args:
        training: whose first optimizer follows a schedule.
        rate: the largest rate.
        last: the rate of the last step.
        when: how long the training is, in words.
    """
    fault = f"the schedule, {_text(_rounded(rate))} at its peak, is at {last:.2g} after {when}"
    return _constant(training, rate, fault)


def instead_of_zero(training: Training, rate: float, *, when: str) -> Intervention:
    """A rate in every step, where the schedule has 0 in each; see `constant`."""
    return _constant(training, rate, f"the schedule has a learning rate of 0 in all of the {when}")


def _constant(training: Training, rate: float, fault: str) -> Intervention:
    rate = _rounded(rate)
    return Intervention(
        code="learning-rate-too-low",
        change=f"the constant learning rate {_text(rate)}",
        fix=code_of(training, learning_rate=rate),
        fault=fault,
        variant=with_settings(learning_rate=rate),
    )


def multiplied(schedule: Any, factor: float) -> Any:
    """A schedule of Keras with all its rates times a factor; None for any other."""
    config = schedule.get_config() if _is_of_keras(schedule) else {}
    rates = [name for name in RATES_OF_SCHEDULES if config.get(name) is not None]
    if not rates:
        return None
    changed = {
        name: keras.tree.map_structure(lambda rate: _rounded(rate * factor), config[name])
        for name in rates
    }
    return type(schedule).from_config({**config, **changed})


def _is_of_keras(schedule: Any) -> bool:
    name = type(schedule).__name__
    return getattr(keras.optimizers.schedules, name, None) is type(schedule)


def has_schedule(training: Training) -> bool:
    """True where the rate of the first optimizer follows a schedule of Keras."""
    if not training.optimizers:
        return False
    rate = training.optimizers[0].user_rate
    return isinstance(rate, keras.optimizers.schedules.LearningRateSchedule)


def scheduled(training: Training, own: float, steps: int) -> list[Intervention]:
    """The user's rate under the usual schedules: a decay, steps, a warm-up, a cycle.

    Exponential decay and steps as in Keras' own documentation, the warm-up before a cosine decay
    of Loshchilov and Hutter (2017, arXiv:1608.03983), whose restarts make the cycle.
    """
    if rate_setters(training):
        return []  # Keras lets nobody set the rate of a schedule
    schedules = keras.optimizers.schedules
    tenth, half = max(steps // 10, 1), max(steps // 2, 1)
    kinds = {
        "exponential decay": schedules.ExponentialDecay(own, tenth, 0.7),
        "steps down": schedules.PiecewiseConstantDecay([half], [own, own / 10]),
        "warm-up": schedules.CosineDecay(0.0, steps, warmup_target=own, warmup_steps=tenth),
        "cosine restarts": schedules.CosineDecayRestarts(own, max(steps // 4, 1)),
    }
    return [_under(training, name, schedule) for name, schedule in kinds.items()]


def _under(training: Training, name: str, schedule: Any) -> Intervention:
    return Intervention(
        code="learning-rate-too-high",
        change=f"learning rate under {name}",
        fix=code_of(training, learning_rate=schedule),
        variant=with_settings(learning_rate=schedule),
    )


def peak(training: Training) -> float:
    """The largest rate of the first optimizer's schedule over its first million steps."""
    schedule = training.optimizers[0].user_rate
    steps = np.unique(np.logspace(0, LONGEST, 200).astype(np.int64))
    return max(float(schedule(tf.constant(step))) for step in steps)


def planned(training: Training, steps: int) -> list[float]:
    """The rates of the first optimizer's schedule over so many steps, at most a hundred of them."""
    schedule = training.optimizers[0].user_rate
    at = np.unique(np.linspace(0, steps - 1, 100).astype(np.int64))
    return [float(schedule(tf.constant(step))) for step in at]


def _text(rate: float) -> str:
    """Three significant digits, as people write rates: 1000 rather than 1e+03."""
    return f"{float(f'{rate:.3g}'):g}"


def _rounded(rate: float) -> float:
    """Two significant digits: nobody writes a rate with more."""
    if not rate or not math.isfinite(rate):
        return rate
    return float(f"{rate:.2g}")
