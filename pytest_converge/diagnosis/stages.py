"""The order of evidence: which repairs are tried first, and why."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator
from typing import Any

from pytest_converge.columns.scale import ScaleFlag
from pytest_converge.core.record import TrainingRecord
from pytest_converge.diagnosis.clues import Clues
from pytest_converge.diagnosis.labels import into_range
from pytest_converge.training.adapters.fit import ModelTraining
from pytest_converge.training.adapters.minimize import MinimizeTraining
from pytest_converge.training.data.arrays import batch_leaves
from pytest_converge.training.interventions import (
    features,
    hidden,
    learning_rate,
    optimizers,
    outputs,
    regularisation,
    rows,
    starts,
    steps,
    targets,
    trainable,
    width,
)
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.rerun import Laboratory
from pytest_converge.training.model.losses import loss_names
from pytest_converge.training.model.structure import hidden_layers, layers_of
from pytest_converge.training.training import Training

__all__ = [
    "SLOWER",
    "STAGES",
    "Stage",
    "bad_data",
    "cannot_widen",
    "more_steps",
    "own_initialisers",
    "remedies",
    "scale_changes",
]

#: A momentum from which the average over steps is longer than most short trainings.
HIGH_MOMENTUM = 0.95
#: A weight decay that outweighs most gradients; Keras' usual one is 0.004.
HIGH_WEIGHT_DECAY = 0.1
#: A schedule whose mean rate over the run is below this share of its peak decayed too soon, or was
#: still warming up.
FAR_BELOW_PEAK = 0.1
#: Activations whose slope does not shrink for large inputs (after eight sigmoid layers: elu trained
#: on 9 of 10 seeds, relu on 8), and a part of the rate to go with them.
OPEN_ENDED, SLOWER = ("elu", "relu"), 0.3

Stage = Callable[[Laboratory, TrainingRecord, Clues], Iterator[Intervention]]


def bad_data(lab: Laboratory, record: TrainingRecord, clues: Clues) -> Iterator[Intervention]:
    """(1) What needs no run to be seen: values that are not finite."""
    where = tuple(item.name for item in record.nonfinite if item.what == "data")
    if where and lab.rows is not None:
        columns = rows.unusable_columns(lab.rows)
        if columns:
            yield rows.without_unusable_columns(where, columns)
        else:
            yield rows.without_nonfinite(where)


def configuration(lab: Laboratory, record: TrainingRecord, clues: Clues) -> Iterator[Intervention]:
    """(2) What the configuration shows and one run can switch off."""
    training = lab.training
    if isinstance(training, ModelTraining):
        layers, variables = trainable.frozen(training.model)
        if layers or variables:
            yield trainable.all_layers(training.model)
    if isinstance(training, MinimizeTraining):
        everything = trainable.all_read(training)
        if everything is not None:
            yield everything
    if clues.disconnected:
        yield trainable.connected(clues.disconnected)
    if clues.rate < 0:
        yield learning_rate.reversed_sign(training, clues.rate)
    if isinstance(training, ModelTraining) and not training.own_train_step and lab.rows:
        yield from outputs.for_targets(training.model, _single_target(lab))
        yield from into_range(lab)
    yield from _optimizer_settings(lab, record)
    if isinstance(training, ModelTraining):
        yield from _penalties(training)
    if lab.rows is not None and not lab.rows.shuffles:
        yield rows.shuffled(0, from_dataset=lab.rows.from_source)


def _optimizer_settings(lab: Laboratory, record: TrainingRecord) -> Iterator[Intervention]:
    training = lab.training
    if not training.optimizers or not training.optimizer_is_ours:
        return
    for name in ("momentum", "beta_1"):
        if optimizers.is_keras(training) and _setting(training, name) > HIGH_MOMENTUM:
            yield optimizers.less_momentum(training, name)
    if _setting(training, "weight_decay") > HIGH_WEIGHT_DECAY:
        yield optimizers.without_weight_decay(training)
    rates = record.curve.learning_rate
    if learning_rate.has_schedule(training) and rates:
        peak = max(*rates, learning_rate.peak(training))
        if statistics.fmean(rates) < FAR_BELOW_PEAK * peak:
            yield learning_rate.constant(training, peak)
    clips = [optimizers.setting(training, n) for n in ("clipnorm", "clipvalue", "global_clipnorm")]
    norms = record.curve.gradient_norm
    bound = min((c for c in clips if c), default=math.inf)
    if norms and bound < 0.1 * statistics.median(norms):
        yield optimizers.unclipped(training)


def _setting(training: Training, name: str) -> float:
    value = optimizers.setting(training, name)
    return float(value) if isinstance(value, (int, float)) else 0.0


def _penalties(training: ModelTraining) -> Iterator[Intervention]:
    penalised = regularisation.penalised_layers(training.model)
    if penalised:
        yield regularisation.without_penalties(penalised)
    constrained = regularisation.constrained_layers(training.model)
    if constrained:
        yield regularisation.without_constraints(constrained)
    dropping = regularisation.dropout_layers(training.model)
    if dropping:
        yield regularisation.without_dropout(dropping)
    adding = regularisation.adding_layers(training.model)
    if adding:
        yield regularisation.without_added_losses(adding)
    smoothed = None if training.own_train_step else regularisation.smoothed_loss(training.model)
    if smoothed is not None:
        yield regularisation.without_smoothing(smoothed)


def scale(lab: Laboratory, record: TrainingRecord, clues: Clues) -> Iterator[Intervention]:
    """(3) The scale of features and targets, only where its rule fires."""
    yield from scale_changes(lab, clues)


def scale_changes(lab: Laboratory, clues: Clues) -> list[Intervention]:
    """The changes of scale that the rule asks for: features, targets, and both."""
    changes: list[Intervention] = []
    if lab.rows is None:
        return changes
    names = {name for name, _ in batch_leaves(lab.rows.arrays)}
    flags = [flag for flag in clues.scale.features if flag.array in names]
    if flags:
        changes.append(_standardised_features(clues, flags))
    if clues.scale.targets:
        where = tuple(name for flag in clues.scale.targets for name in flag.columns)
        changes.append(targets.standardised(_unit_of_targets(lab, clues), where))
    if len(changes) > 1:
        changes.append(changes[0].combined(changes[1]))
    return changes


def start(lab: Laboratory, record: TrainingRecord, clues: Clues) -> Iterator[Intervention]:
    """(4) The start, where a symptom shows in it."""
    training = lab.training
    if not isinstance(training, ModelTraining) or not clues.odd_start:
        return
    code = "dead-units" if clues.dead else "bad-initialisation"
    layers = [layer for layer in hidden_layers(training.model) if _squashes(layer)]
    open_ended = [hidden.activations(layers, name, "vanishing-gradient") for name in OPEN_ENDED]
    shifted = hidden.shifted_rectifiers(layers_of(training.model))
    if shifted:
        yield hidden.plain_rectifiers(shifted, code)
    if (clues.saturated or clues.alike) and starts.has_own_initialisers(training.model):
        # What somebody chose is the least to take back, and explains a gradient that vanishes.
        yield starts.default_initialisers(training.model, 0, "bad-initialisation")
    if clues.vanishing and not clues.no_gradient:
        code = "dead-units" if clues.dead else "vanishing-gradient"
        yield from open_ended if layers else ()
    initialised = starts.default_initialisers(training.model, 0, code)
    yield initialised
    if layers:
        yield open_ended[0].combined(initialised)
        if math.isfinite(clues.rate):
            # Gradients that arrive again may want a smaller rate than the faint ones did.
            slower = learning_rate.scaled(training, clues.rate, SLOWER)
            yield from (change.combined(slower) for change in open_ended)


def own_initialisers(
    lab: Laboratory, record: TrainingRecord, clues: Clues
) -> Iterator[Intervention]:
    """(5) Initialisers that somebody chose, where no rate suits what they draw."""
    training = lab.training
    if isinstance(training, ModelTraining) and starts.has_own_initialisers(training.model):
        yield starts.default_initialisers(training.model, 0, "bad-initialisation")


def more_steps(lab: Laboratory, record: TrainingRecord, clues: Clues) -> Iterator[Intervention]:
    """(5, control) Only time is missing."""
    for factor in (4, 16):
        yield steps.more(lab.steps, factor)


def cannot_widen(training: Training) -> bool:
    """True for a model whose capacity cannot be tried."""
    if not isinstance(training, ModelTraining):
        return False
    return width.wider(training.model) is None and width.deeper(training.model) is None


def remedies(lab: Laboratory, record: TrainingRecord, clues: Clues) -> Iterator[Intervention]:
    """(6) Other optimizers, clipping and width: what helps whatever the cause."""
    training = lab.training
    if training.optimizers and training.optimizer_is_ours:
        if isinstance(training, ModelTraining):
            larger = width.wider(training.model) or width.deeper(training.model)
            if larger is not None:
                yield larger
        if optimizers.is_keras(training):
            yield optimizers.clipped(training)
        for rate in optimizers.ADAM_RATES[1:]:
            yield optimizers.adam("plateau", rate)
        plain = optimizers.is_keras(training) and not learning_rate.has_schedule(training)
        if plain and clues.unstable and math.isfinite(clues.rate):
            yield from learning_rate.scheduled(training, clues.rate, lab.steps)


#: The order: causes that one look can switch off before those that a sweep finds.
STAGES: tuple[Stage, ...] = (configuration, scale, start)


def _single_target(lab: Laboratory) -> Any:
    if lab.rows is None:
        return None
    found = [array for name, array in batch_leaves(lab.rows.arrays) if name.startswith("y")]
    return found[0] if len(found) == 1 else None


def _standardised_features(clues: Clues, flags: list[ScaleFlag]) -> Intervention:
    columns: dict[str, list[int]] = {}
    for flagged in {flag.array: flag for flag in flags}.values():
        scales = next(s for s in clues.scales if s.name == flagged.array)
        if flagged.image:
            columns[flagged.array] = []
        else:
            columns[flagged.array] = [
                number
                for number, column in enumerate(scales.columns)
                if column.kind in ("continuous", "constant")
            ]
    where = tuple(dict.fromkeys(name for flag in flags for name in flag.columns))
    return features.standardised(where, columns)


def _unit_of_targets(lab: Laboratory, clues: Clues) -> float | None:
    """What standardised targets do to the unit of a squared or absolute error."""
    training = lab.training
    if not isinstance(training, ModelTraining):
        return None
    names = [name for name, _ in loss_names(training.model.loss)]
    spreads = [c.deviation for s in clues.scales if s.target for c in s.columns]
    if len(names) != 1 or not spreads or not all(spreads):
        return None
    power = {"mean_squared_error": -2, "mean_absolute_error": -1}.get(names[0])
    if power is None:
        return None
    return 1.0 / statistics.fmean(spread ** (-power) for spread in spreads)


def _squashes(layer: object) -> bool:
    name = getattr(getattr(layer, "activation", None), "__name__", "")
    return name in ("sigmoid", "tanh", "hard_sigmoid", "softsign", "softmax")
