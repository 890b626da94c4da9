"""Evidence: what the failed run and cheap measurements say about where to look first.

What more than one cause asks for is measured here, once, and guarded: what fails is no evidence,
and is named among what the diagnosis had to leave out. What one cause alone looks at is measured in
its steps, which the search guards in the same way.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import statistics
from collections.abc import Mapping

from pytest_converge.checks.decrease import LARGEST_DRAW_UP, RISEN, range_of_noise
from pytest_converge.checks.gates import judge
from pytest_converge.columns.scale import ScaleEvidence
from pytest_converge.columns.signal import Signal
from pytest_converge.core.curve import TAIL_SHARE, LossCurve
from pytest_converge.core.data_report import GroupProfile
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.guard import Guard
from pytest_converge.core.record import TrainingRecord
from pytest_converge.training.interventions import starts
from pytest_converge.training.interventions.rerun import Reruns
from pytest_converge.training.measures.computation import Computation, computation
from pytest_converge.training.measures.curvature import Curvature, curvature
from pytest_converge.training.measures.gradients import StepGradient, flat, measured_rows
from pytest_converge.training.measures.layer_inputs import TrainingScales, training_scales
from pytest_converge.training.measures.layer_readings import (
    LayerReading,
    LayerReadings,
    layer_readings,
)
from pytest_converge.training.measures.nonfinite_origin import NonFiniteOrigin
from pytest_converge.training.measures.one_batch import OverfitReading
from pytest_converge.training.measures.predictions import prediction_deviation
from pytest_converge.training.measures.signals import signal_of
from pytest_converge.training.measures.slope_ratio import step_gauge
from pytest_converge.training.measures.time_gradients import FaintSteps

__all__ = [
    "DRAWS",
    "FAR_TOO_SHORT",
    "SPIKE",
    "SPREADS",
    "Evidence",
    "climbed",
    "curvature_here",
    "early_gauge",
    "ends_higher",
    "gather",
    "looks_stationary",
    "numbers",
    "one_batch",
    "signal_here",
    "usual_gradient",
]

#: ReLUs that are 0 on every row of the probe set at the start.
DEAD_SHARE = 0.7
#: Sigmoids and tanhs at an end of their range on nearly every row at the start.
SATURATED_SHARE = 0.7
#: Initial loss against that of the best constant prediction.
HIGH_START = 15.0
#: A rise by a smaller share is rounding, or a run that did not move.
HIGHER = 1e-3
#: Where batch losses alone are known, a rise is one that noise hardly makes: so many standard
#: deviations of the rank sum (Mann and Whitney 1947), one chance in 160 of equal losses.
BEYOND_NOISE = 2.5
#: Batch losses at each end that are compared, where there are so many: fewer tell nothing.
LEAST_COMPARED = 5
#: From this gauge on a step is so short that it takes next to nothing off the slope.
FAR_TOO_SHORT = 0.95
#: A loss so many times the initial one is no noise of batches: healthy ones stay below 2.
SPIKE = 3.0
#: And so many times the very first batch's neither: of batches of one row with squared errors, one
#: in a thousand begins so low by chance. The median of the first ones may have risen already.
EXPLODED = 1e6
#: Gradient of the first against the last layer at the start.
VANISHING_RATIO = 1e-2
#: The gauge of a run that left the finite numbers: beyond any overshoot.
OVERSHOT = -10.0
#: A run that gains less than this share of its loss may stand on a stationary point.
LITTLE_GAIN = 0.1
#: A run whose loss moved by a smaller share stood still.
STOOD_STILL = 1e-3
#: The gradient at a flat start against that of other starts.
NO_SLOPE = 1e-3
#: Steps times rate times curvature from which gradient descent would settle (180 landscapes).
FEELS_CURVATURE = 5.0
#: Spreads and number of the starts that are drawn to know a usual gradient, and to escape.
SPREADS, DRAWS = (1.0, 0.3), 4


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Measurements at the start and of the failed run; they order the repairs and prove nothing.

    Attributes:
        rate: the largest learning rate of the failed run; NaN where it is not known. Of updates
            that a step makes by itself it is 1: they are multiplied.
        scales: statistics of all columns.
        scale: the parts of the scale rule that fire.
        layers: gradients, dead and saturated units per layer at the start; None without layers.
        start_ratio: initial loss over that of the best constant prediction; NaN if not known.
        unstable: True where the loss was not finite, rose far above its start, or ended above it.
        rose: True where it was not finite or ended above its start.
        climbed: True where it failed by a rise on its way that is no noise.
        spiked: True where it was not finite, or rose far above its start on its way.
        gauge: the median of the step gauge early in the run; NaN where it was not measured.
        moves_beside: True where a run rose whose step moves what is trained beside its optimizer's
            updates; not looked for in others.
        usual_gradient: the median gradient norm of other starts, of a run that stood still because
            its own start has next to none; None for others, and where it was not measured.
        prediction_deviation: of the model's predictions over the rows, at the weights that the
            failed run ended with; None where it is not known.
        origin: what made the first value that is not finite; None where it was not looked for.
        signal: what the inputs say about the targets without the model; None where it was not
            measured or cannot be told.
        gained_on_others: by how much the loss on rows held out is lower than that of permuted
            targets, by the change under which it is; empty where it was not measured.
        updates: those that the optimizers of the failed run counted; None where none counts.
        faint_steps: those in time that get no gradient and decide on the targets; None where they
            were not looked for.
        computation: what one step computes on the first batch; empty where it cannot be looked at.
    """

    rate: float
    scales: tuple[GroupProfile, ...] = ()
    scale: ScaleEvidence = dataclasses.field(default_factory=ScaleEvidence)
    layers: LayerReadings | None = None
    start_ratio: float = math.nan
    unstable: bool = False
    rose: bool = False
    climbed: bool = False
    spiked: bool = False
    gauge: float = math.nan
    moves_beside: bool = False
    usual_gradient: float | None = None
    prediction_deviation: float | None = None
    origin: NonFiniteOrigin | None = None
    signal: Signal | None = None
    gained_on_others: Mapping[str, float | None] = dataclasses.field(default_factory=dict)
    updates: int | None = None
    faint_steps: tuple[FaintSteps, ...] | None = None
    computation: Computation = dataclasses.field(default_factory=Computation)

    @property
    def never_too_slow(self) -> bool:
        """True where the run failed by rising: longer steps would only lead farther away."""
        return (self.rose or self.climbed) and not self.hardly_moves

    @property
    def hardly_moves(self) -> bool:
        """True where steps are far too short to be what the loss rose by."""
        return self.gauge > FAR_TOO_SHORT and not self.spiked and not self.moves_beside

    @property
    def _layers(self) -> tuple[LayerReading, ...]:
        return () if self.layers is None else self.layers.layers

    @property
    def _cut_off(self) -> tuple[str, ...]:
        return self.computation.cut_off.where if self.computation.cut_off else ()

    @property
    def dead(self) -> list[str]:
        """The layers most of whose ReLUs are dead at the start."""
        return [layer.name for layer in self._layers if (layer.dead or 0.0) > DEAD_SHARE]

    @property
    def saturated(self) -> list[str]:
        """The layers most of whose sigmoids or tanhs are at their ends at the start."""
        return [layer.name for layer in self._layers if (layer.saturated or 0.0) > SATURATED_SHARE]

    @property
    def alike(self) -> list[str]:
        """The hidden layers whose units all have the same weights at the start."""
        layers = [layer for layer in self._layers if layer.size]
        return [layer.name for layer in layers[:-1] if layer.alike]

    @property
    def vanishing(self) -> bool:
        """True where the gradient hardly reaches the first layer at the start.

        Behind an operation without a slope there is none, however the layers were started.
        """
        ratio = self.layers.first_to_last if self.layers else None
        return ratio is not None and ratio < VANISHING_RATIO and not self._cut_off

    @property
    def no_gradient(self) -> bool:
        """True where every gradient, or that of some layer's weights, is exactly zero.

        That of what an operation without a slope cuts off has to be.
        """
        silent = [x for x in self._layers if x.kind != "variable" and x.gradient_norm == 0.0]
        explained = all(x.name in self._cut_off for x in silent)
        all_zero = self.layers is not None and self.layers.all_zero and not self._cut_off
        return not explained or all_zero

    @property
    def faint(self) -> bool:
        """True where a gradient vanishes on its way through the layers, and is not just zero."""
        return self.vanishing and not self.no_gradient

    @property
    def disconnected(self) -> tuple[str, ...]:
        """The layers and variables that are trained although the loss does not depend on them."""
        return self.layers.disconnected if self.layers else ()

    @property
    def odd_start(self) -> bool:
        """True where the start itself looks wrong."""
        units = self.dead or self.saturated or self.alike
        return bool(units) or self.vanishing or self.no_gradient or self.high_start

    @property
    def high_start(self) -> bool:
        """True where the initial loss is far above that of the best constant prediction."""
        return self.start_ratio > HIGH_START


def gather(reruns: Reruns, record: TrainingRecord, guard: Guard) -> Evidence:
    """Measures at the start of the failed run; nothing is changed."""
    reruns.put_back()
    training, curve = reruns.training, record.curve
    rates = [abs(rate) for rate in curve.learning_rate if math.isfinite(rate)]
    sign = -1.0 if curve.learning_rate and min(curve.learning_rate) < 0 else 1.0
    seen = guard.tried("what a step computes", lambda: computation(training))
    # Of what only a step of the user's could tell nothing is taken for granted.
    reruns.roles = seen.roles if seen else not training.own_train_step
    scales: TrainingScales | None = None
    multiplied, targets = (seen.multiplied, seen.targets) if seen else ((), ())
    if reruns.roles or targets:
        scales = guard.measured(
            "scales of features and targets",
            lambda: training_scales(training, multiplied, targets=targets, roles=reruns.roles),
        )
    first, last = curve.first, curve.last
    left = any(found.what != "data" for found in record.nonfinite)  # data may have NaN as a mask
    if any(found.what == "data" for found in record.nonfinite) and not math.isfinite(last):
        rose = spiked = False  # the data say nothing of the steps that brought them into the loss
    else:
        rose = left or (ends_higher(first, last) and _beyond_noise(curve))
        spiked = left or not math.isfinite(last) or _spikes(record)
    ratio = first / record.constant_loss if record.constant_loss else math.nan
    unknown = 1.0 if training.scales_updates else math.nan
    return Evidence(
        # Of the rate 0.1 the record holds 0.10000000149, as float32 has it.
        rate=sign * float(f"{max(rates):.7g}") if rates else unknown,
        scales=scales.scales if scales else (),
        scale=_of_what_counts(scales.evidence, seen) if scales else ScaleEvidence(),
        layers=guard.measured("gradients and units of layers", lambda: layer_readings(training)),
        start_ratio=ratio,
        unstable=rose or spiked,
        rose=rose,
        spiked=spiked,
        prediction_deviation=_deviation_at_the_end(reruns, guard),
        updates=reruns.updates,
        computation=seen or Computation(),
    )


def early_gauge(reruns: Reruns, guard: Guard) -> float:
    """The median of the step gauge early in the run; NaN where it is not known."""
    reruns.put_back()
    start, loop = reruns.start, reruns.loop
    reading = guard.measured(
        "step gauge", lambda: step_gauge(reruns.training, start, reruns.steps, loop=loop)
    )
    reruns.put_back()
    if reading is None:
        return math.nan
    median = math.nan if reading.median is None else reading.median
    if reading.finite:
        return median
    return OVERSHOT if math.isnan(median) else min(median, OVERSHOT)


def curvature_here(reruns: Reruns, guard: Guard) -> Curvature | None:
    """The ends of the Hessian's spectrum where the training stands now."""
    return guard.measured("curvature", lambda: curvature(reruns.training))


def one_batch(reruns: Reruns, guard: Guard) -> OverfitReading | None:
    """How far one batch is learnt by heart; None where that says nothing."""
    reading = guard.measured("one batch learnt by heart", reruns.overfits_one_batch)
    return None if reading is None or not math.isfinite(reading.final) else reading


def signal_here(reruns: Reruns, guard: Guard) -> Signal | None:
    """What the inputs say about the targets, without the model; None where nothing can tell."""
    if not reruns.roles:
        return None
    return guard.measured("targets predicted without the model", lambda: signal_of(reruns.training))


def climbed(record: TrainingRecord, expectation: Expectation) -> bool:
    """True where a gate fails by a rise on the way that is large beside the initial loss."""
    rises = [f.evidence.get("rise") for f in judge(record, expectation) if f.code == RISEN]
    least = max(LARGEST_DRAW_UP * abs(record.curve.first), range_of_noise(record.curve))
    return any(isinstance(rise, float) and rise > least for rise in rises)


def looks_stationary(record: TrainingRecord) -> bool:
    """True where the whole run gained next to nothing and stayed finite."""
    first, last = record.curve.first, record.curve.last
    if record.nonfinite or not math.isfinite(last):
        return False
    return abs(first - last) <= LITTLE_GAIN * abs(first)


def usual_gradient(
    reruns: Reruns, record: TrainingRecord, rate: float, guard: Guard
) -> float | None:
    """The gradient of other starts, of a deterministic run that stood still on a plateau.

    None for all others: the loss moved, the gradient is not next to none against that of starts
    drawn elsewhere, or the curvature is that of a minimum or a saddle point at this rate.
    """
    norms = record.curve.gradient_norm
    if not reruns.training.full_batch or record.nonfinite or not norms:
        return None
    first, last = record.curve.first, record.curve.last
    if not abs(first - last) <= STOOD_STILL * abs(first):
        return None
    usual = guard.measured("gradients of other starts", lambda: _gradient_elsewhere(reruns))
    reruns.put_back()
    if usual is None or not max(norms) < NO_SLOPE * usual:
        return None
    bend = guard.measured("curvature", lambda: _largest_curvature(reruns))
    reruns.put_back()
    if bend is None or bend * abs(rate) * reruns.steps >= FEELS_CURVATURE:
        return None
    return usual


def numbers(evidence: Evidence, record: TrainingRecord) -> dict[str, float | int | str | None]:
    """The numbers behind a diagnosis, those that were measured."""
    norms = [norm for norm in record.curve.gradient_norm if math.isfinite(norm)]
    layers, rates = evidence.layers, record.curve.learning_rate
    under_a_schedule = bool(rates) and rates[-1] != rates[0]
    values: dict[str, float | int | str | None] = {
        "learning_rate": _known(evidence.rate) if rates else None,
        "last_learning_rate": _known(rates[-1] if under_a_schedule else None),
        "step_gauge": _known(evidence.gauge),
        "initial_loss": _known(record.curve.first),
        "final_loss": _known(record.curve.last),
        # As many as there were steps are no news.
        "updates": evidence.updates if _fewer(evidence, record) else None,
        "constant_loss": _known(record.constant_loss),
        "first_gradient_norm": _known(norms[0] if norms else None),
        "largest_gradient_norm": _known(max(norms, default=None)),
        "gradient_first_to_last": _known(layers.first_to_last if layers else None),
        "prediction_deviation": _known(evidence.prediction_deviation),
        "first_nonfinite": evidence.origin.in_words if evidence.origin else None,
        "dead_layers": ", ".join(evidence.dead) or None,
        "saturated_layers": ", ".join(evidence.saturated) or None,
        "layers_of_equal_units": ", ".join(evidence.alike) or None,
        "skill_without_the_model": _known(evidence.signal.skill if evidence.signal else None),
    }
    for flag in (*evidence.scale.features, *evidence.scale.targets):
        values[f"{flag.array} {flag.part}"] = _known(float(flag.value))
    return {name: value for name, value in values.items() if value is not None}


def _of_what_counts(scale: ScaleEvidence, seen: Computation | None) -> ScaleEvidence:
    """The scale rule without the arrays that the loss does not read: their unit is all the same."""
    unread = () if seen is None else seen.unread
    return dataclasses.replace(
        scale,
        features=tuple(flag for flag in scale.features if flag.array not in unread),
        targets=tuple(flag for flag in scale.targets if flag.array not in unread),
    )


def _deviation_at_the_end(reruns: Reruns, guard: Guard) -> float | None:
    """How far the predictions differ from row to row where the failed run ended."""
    reruns.put_back()
    reruns.end.restore()
    found = guard.tried("spread of the predictions", lambda: prediction_deviation(reruns.training))
    reruns.put_back()
    return found


def _gradient_elsewhere(reruns: Reruns) -> float:
    """The median gradient norm of starts around the given one, or around 0 if that is larger."""
    training = reruns.training
    gradient, medians = StepGradient(training, trace=False), []
    for around_zero in (False, True):
        norms = []
        for seed in range(DRAWS):
            change = starts.elsewhere(seed, SPREADS[0], around_zero=around_zero)
            reruns.put_back()
            values = {} if change.start is None else change.start(training, {})
            reruns.start.with_values(values).restore()
            mean = gradient.mean(measured_rows(training))
            norms.append(0.0 if mean is None else float((flat(mean) ** 2).sum() ** 0.5))
        medians.append(statistics.median(norms))
    return max(medians)


def _largest_curvature(reruns: Reruns) -> float:
    found = curvature(reruns.training)
    return 0.0 if found is None else max(abs(found.largest), abs(found.smallest))


def _fewer(evidence: Evidence, record: TrainingRecord) -> bool:
    """True where the optimizers made fewer updates than there were steps."""
    return evidence.updates is not None and evidence.updates < record.curve.updates


def _known(value: float | None) -> float | None:
    """Without the digits that float32 adds: 0.10000000149 is 0.1."""
    if value is None:
        return None
    return float(f"{value:.7g}") if math.isfinite(value) else None


def ends_higher(first: float, last: float) -> bool:
    """True where the loss ended clearly above its start, not where it stood still."""
    return not last <= first + HIGHER * abs(first)


def _beyond_noise(curve: LossCurve) -> bool:
    """Whether a loss that ended higher did so by more than its batches differ.

    On a probe set, always the same rows, it did. Batch losses at both ends are compared by rank: a
    loss that grows by factors has a scatter as large as itself, and is above all the first ones.
    """
    losses = curve.batch_loss
    if curve.initial_loss is not None or not all(map(math.isfinite, losses)):
        return True
    count = min(max(round(TAIL_SHARE * len(losses)), LEAST_COMPARED), len(losses) // 2)
    pairs = itertools.product(losses[:count], losses[len(losses) - count :])
    higher = sum((last > first) + (last == first) / 2 for first, last in pairs)
    deviation = count * math.sqrt((2 * count + 1) / 12)
    # So few that no order of them were beyond chance have to be higher, each of them.
    return higher >= min(count**2 / 2 + BEYOND_NOISE * deviation, count**2)


def _spikes(record: TrainingRecord) -> bool:
    """True where a loss rose far above the initial one; steps that are too short do not."""
    first = record.curve.first
    losses = (*record.curve.batch_loss, *record.curve.probe_loss)
    largest = max(losses, default=0.0)
    at_once = bool(losses) and largest > EXPLODED * losses[0] > 0
    return at_once or (first > 0 and largest > SPIKE * first)
