"""Clues: what the failed run and cheap measurements say about where to look first."""

from __future__ import annotations

import dataclasses
import math

from pytest_converge.columns.scale import ArrayScale, ScaleEvidence
from pytest_converge.core.record import TrainingRecord
from pytest_converge.training.interventions.rerun import Laboratory
from pytest_converge.training.measures.layer_inputs import TrainingScales, training_scales
from pytest_converge.training.measures.layer_readings import LayerReadings, layer_readings
from pytest_converge.training.training import Training

__all__ = ["Clues", "gather"]

#: ReLUs that are 0 on every row of the probe set at the start.
DEAD_SHARE = 0.7
#: Sigmoids and tanhs at an end of their range on nearly every row at the start.
SATURATED_SHARE = 0.7
#: Initial loss against that of the best constant prediction.
HIGH_START = 15.0
#: A rise by a smaller share is rounding, or a run that did not move.
HIGHER = 1e-3
#: A loss so many times the initial one is no noise of batches: healthy ones stay below 2.
SPIKE = 3.0
#: Gradient of the first against the last layer at the start.
VANISHING_RATIO = 1e-2


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Clues:
    """Measurements at the start and of the failed run; they order the repairs and prove nothing.

    Attributes:
        rate: the largest learning rate of the failed run; NaN where it is not known.
        scales: statistics of all columns.
        scale: the parts of the scale rule that fire.
        layers: gradients, dead and saturated units per layer at the start; None without layers.
        start_ratio: initial loss over that of the best constant prediction; NaN if not known.
        unstable: True where the loss was not finite, rose far above its start, or ended above it.
    """

    rate: float
    scales: tuple[ArrayScale, ...] = ()
    scale: ScaleEvidence = dataclasses.field(default_factory=ScaleEvidence)
    layers: LayerReadings | None = None
    start_ratio: float = math.nan
    unstable: bool = False

    @property
    def dead(self) -> list[str]:
        """The layers most of whose ReLUs are dead at the start."""
        layers = self.layers.layers if self.layers else ()
        return [layer.name for layer in layers if (layer.dead or 0.0) > DEAD_SHARE]

    @property
    def saturated(self) -> list[str]:
        """The layers most of whose sigmoids or tanhs are at their ends at the start."""
        layers = self.layers.layers if self.layers else ()
        return [layer.name for layer in layers if (layer.saturated or 0.0) > SATURATED_SHARE]

    @property
    def alike(self) -> list[str]:
        """The hidden layers whose units all have the same weights at the start."""
        layers = [x for x in (self.layers.layers if self.layers else ()) if x.size]
        return [layer.name for layer in layers[:-1] if layer.alike]

    @property
    def vanishing(self) -> bool:
        """True where the gradient hardly reaches the first layer at the start."""
        ratio = self.layers.first_to_last if self.layers else None
        return ratio is not None and ratio < VANISHING_RATIO

    @property
    def no_gradient(self) -> bool:
        """True where every gradient, or that of some layer's weights, is exactly zero."""
        if self.layers is None:
            return False
        silent = [x for x in self.layers.layers if x.kind != "variable" and x.gradient_norm == 0.0]
        return self.layers.all_zero or bool(silent)

    @property
    def disconnected(self) -> tuple[str, ...]:
        """The layers and variables that are trained although the loss does not depend on them."""
        return self.layers.disconnected if self.layers else ()

    @property
    def odd_start(self) -> bool:
        """True where the start itself looks wrong."""
        high = self.start_ratio > HIGH_START
        units = self.dead or self.saturated or self.alike
        return bool(units) or self.vanishing or self.no_gradient or high


def gather(laboratory: Laboratory, record: TrainingRecord) -> Clues:
    """Measures at the start of the failed run; nothing is changed."""
    laboratory.put_back()
    training, curve = laboratory.training, record.curve
    rates = [abs(rate) for rate in curve.learning_rate if math.isfinite(rate)]
    sign = -1.0 if curve.learning_rate and min(curve.learning_rate) < 0 else 1.0
    scales = _scales(training)
    first, last = curve.first, curve.last
    ratio = first / record.constant_loss if record.constant_loss else math.nan
    return Clues(
        # Of the rate 0.1 the record holds 0.10000000149, as float32 has it.
        rate=sign * float(f"{max(rates):.7g}") if rates else math.nan,
        scales=scales.scales,
        scale=scales.evidence,
        layers=_layers(training),
        start_ratio=ratio,
        unstable=bool(record.nonfinite) or _ends_higher(first, last) or _spikes(record),
    )


def _ends_higher(first: float, last: float) -> bool:
    """True where the loss ended clearly above its start, not where it stood still."""
    return not last <= first + HIGHER * abs(first)


def _spikes(record: TrainingRecord) -> bool:
    """True where a loss rose far above the initial one; steps that are too short do not."""
    first = record.curve.first
    losses = (*record.curve.batch_loss, *record.curve.probe_loss)
    return first > 0 and max(losses, default=0.0) > SPIKE * first


def _layers(training: Training) -> LayerReadings | None:
    try:
        return layer_readings(training)
    except Exception:  # noqa: BLE001 - a clue that cannot be had is none
        return None


def _scales(training: Training) -> TrainingScales:
    try:
        found = training_scales(training)
    except Exception:  # noqa: BLE001 - a clue that cannot be had is none
        found = None
    return found or TrainingScales(scales=(), evidence=ScaleEvidence(), codes=frozenset())
