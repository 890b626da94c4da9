"""From a call of `learning_rate.range` to the range."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pytest_converge.core.calls import Call
from pytest_converge.core.errors import invalid, shown
from pytest_converge.core.numbers import listed
from pytest_converge.core.rate_range import RatePoint, RateRange, ScheduleRun
from pytest_converge.core.record import TrainingRecord
from pytest_converge.runner import Context, judged, seeded_training, with_length

if TYPE_CHECKING:
    from pytest_converge.learning_rate.sweep import Sweep
    from pytest_converge.training.training import Training

__all__ = ["range_of_rates"]

#: Stands for the learning rate while an optimizer is written as code.
PLACE = 0.123456


def range_of_rates(
    context: Context,
    call: Call,
    *,
    schedules: Mapping[str, Any] | None = None,
    decades: int = 8,
) -> RateRange:
    """Trains at many learning rates, from the same start and batches through one trace.

    Args:
        context: the test.
        call: of `converge.fit` or `converge.minimize`, with a function that builds.
        schedules: by name: `LearningRateSchedule`s to run beside the constant rates.
        decades: to sweep around the user's own rate.

    Raises:
        InvalidTrainingError: the training cannot be run as asked, or has no rate to change.
    """
    from pytest_converge.learning_rate.sweep import Sweep
    from pytest_converge.training.loop.run import TrainingRun
    from pytest_converge.training.state.seeding import preserved

    began = time.perf_counter()
    context = with_length(context, call)
    with preserved():
        training = seeded_training(context, call)
        try:
            _check_data(training)
            running = TrainingRun(training, context.expectation.steps, context.progress)
            if running.loop.driver != "eager":
                _check_optimizer(training, schedules)
            sweep = Sweep(running, context.expectation.seed or 0, context.progress)
            try:
                return _range(context, sweep, began, schedules or {}, decades)
            finally:
                sweep.put_back()
        finally:
            training.release()


def _range(
    context: Context, sweep: Sweep, began: float, schedules: Mapping[str, Any], decades: int
) -> RateRange:
    from pytest_converge.learning_rate.search import RangeSearch, predicted_limit
    from pytest_converge.training.interventions import learning_rate
    from pytest_converge.training.interventions.optimizers import setting

    training = sweep.training
    first = sweep.at(1.0, 0)
    _check_optimizer(training, schedules)  # of a step outside of any graph it is known by now
    _check_callbacks(training)
    for number in range(1, context.expectation.seeds):
        sweep.start_values(number)  # what a builder does wrong is no outcome of a rate
    own, scheduled = _own_rate(first), learning_rate.has_schedule(training)
    stable = predicted_limit(sweep)
    search = RangeSearch(
        sweep,
        lambda record: judged(context, record).findings,
        context.expectation,
        own=own,
        first=first,
        limit=stable,
        momentum=float(setting(training, "momentum") or 0.0),
    )
    search.search(decades)
    return RateRange(
        test=context.test,
        number=context.number,
        own=own,
        scheduled=scheduled,
        points=search.points,
        schedules=tuple(_under_schedules(context, sweep, schedules, own, scheduled)),
        initial_loss=first.curve.first,
        max_loss=context.expectation.max_loss,
        steps=context.expectation.steps,
        stability_limit=stable,
        optimizer="" if scheduled else _open_code(training),
        seconds=time.perf_counter() - began,
    )


def _under_schedules(
    context: Context, sweep: Sweep, schedules: Mapping[str, Any], own: float, scheduled: bool
) -> list[ScheduleRun]:
    """The runs under other schedules; the peak of the user's own one held, where there is one."""
    named = {**({"constant": own} if scheduled else {}), **schedules}
    runs = []
    for name, rate in named.items():
        record = _worst(context, [sweep.under(rate, n) for n in range(context.expectation.seeds)])
        failing = [f.code for f in judged(context, record).findings if f.fails]
        curve = record.curve
        point = RatePoint(
            learning_rate=max(curve.learning_rate, default=math.nan),
            final_loss=curve.last,
            passed=not failing,
            diverged=not curve.last <= curve.first,
            steps=curve.updates,
            finding=failing[0] if failing else "",
        )
        runs.append(ScheduleRun(name=str(name), point=point))
    return runs


def _worst(context: Context, records: list[TrainingRecord]) -> TrainingRecord:
    """The first start that fails, else the first."""
    return next((r for r in records if not judged(context, r).passed), records[0])


def _own_rate(first: TrainingRecord) -> float:
    """The user's learning rate, the largest one of the run; seven digits, as 32 bits hold."""
    rates = [rate for rate in first.curve.learning_rate if math.isfinite(rate)]
    own = max(rates, key=abs, default=math.nan)
    if not own > 0:
        given = "no learning rate" if math.isnan(own) else f"learning_rate={shown(own)}"
        remedy = "Give the optimizer its rate, as keras.optimizers.SGD(0.1)."
        expected = "an optimizer with a learning rate above 0"
        raise invalid(given, expected, remedy)
    return float(f"{own:.7g}")


def _open_code(training: Training) -> str:
    """The user's optimizer as code with `{}` in the place of the rate; empty if it cannot be."""
    from pytest_converge.training.interventions.optimizers import code_of

    code = code_of(training, learning_rate=PLACE)
    return code.replace(f"{PLACE:g}", "{}") if code.count(f"{PLACE:g}") == 1 else ""


def _check_data(training: Training) -> None:
    """Refuses data that cannot be read again, before anything is trained."""
    if not training.replays:
        remedy = "Pass a function or a dataset that can start again."
        expected = "data that can be read once a learning rate"
        raise invalid("a generator that runs dry", expected, remedy)


def _check_callbacks(training: Training) -> None:
    """Refuses callbacks that were seen to set the rate, which is then not the optimizer's own."""
    setters = training.callbacks.rate_setters if training.callbacks is not None else {}
    if setters:
        remedy = "Give the optimizer a schedule in its place, or leave it out of this call."
        given = f"callbacks of which {listed(tuple(setters))} sets the learning rate"
        raise invalid(given, "a rate that the optimizer alone holds", remedy)


def _check_optimizer(training: Training, schedules: Mapping[str, Any] | None) -> None:
    """Refuses a training that has not one rate to vary; told by its step, once it was traced."""
    used = training.optimizers
    if not used:
        remedy = "Apply one of keras.optimizers that the model, or the function, holds."
        if training.verb == "minimize":
            remedy = "Return the optimizer too, so that its rate can be changed."
        given = "a training without a known optimizer"
        raise invalid(given, "one whose step applies an optimizer", remedy)
    if len(used) > 1:
        names = listed(tuple(each.name or type(each.optimizer).__name__ for each in used))
        remedy = "Train with one of them at a time, or use converge, whose diagnosis varies each."
        given = f"a training with {len(used)} optimizers ({names})"
        raise invalid(given, "one with one optimizer", remedy)
    if not schedules:
        return
    from pytest_converge.training.interventions.optimizers import is_keras, is_rate

    if not (training.optimizer_is_ours and is_keras(training)):
        given = f"schedules for {type(used[0].optimizer).__name__}"
        remedy = "Compile the model with one, or leave schedules out."
        raise invalid(given, "an optimizer of keras.optimizers", remedy)
    for name, rate in schedules.items():
        if not is_rate(rate):
            given = f"schedules[{name!r}]={shown(rate)}"
            remedy = "Pass, for example, keras.optimizers.schedules.CosineDecay(0.1, 200)."
            raise invalid(given, "a LearningRateSchedule", remedy)
