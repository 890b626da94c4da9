"""Columns on very large or very different scales.

Columns on very different or very large scales make the loss steep along some weights and flat
along others. A rate that is safe for the steep ones hardly moves the others; a larger one
diverges. Features in thousands also saturate or kill the units of the first layer at once.

## How it is found

The rule fires where, over the columns of amounts, the root mean square of an array lies outside
0.05 to 6, the standard deviation of a column is above 20, or the median of abs(mean) / standard
deviation above 8. These limits fired on none of 816 healthy trainings. It also fires on a single
column whose root mean square is above 20 or whose mean lies more than 100 standard deviations from
0: on none of 53 sound pipelines. Rows of length 1, as embeddings, and rows that add up to 1 may be
small. Images are judged by the range of their pixels: see [image-range](image-range.md).

A ratio above 100 between columns would flag 29 % of
healthy data, values outside -1 to 1 59 %. Token numbers, one-hot columns and labels do not count.

Where it fires, the columns are standardised (images of bytes divided by 255), the rate stays, and
the training is repeated from the same start. It is the cause if every gate then passes on three
seeds. An array of mostly zeros keeps them: its columns are divided by the size of the other values.
Inputs that the model multiplies by what it made of others, as the edges of a graph, count as well.
A mark for "no value" takes all the room of a scale, also after standardising: all other values are
then alike. Where a column holds one (see [outliers](outliers.md) for the rule), marks get the
median of the other rows, the columns are standardised, and the training is repeated so.
If another rate is needed with it, both are shown. Standardised inputs: LeCun et al. 1998,
*Efficient BackProp*.

What is no part of the data, as the points at which an equation is to hold, is standardised in front
of the layer that takes it, of a model that a loss or a step closes over: derivatives by it stay in
their unit. An array that reaches no layer as it is but multiplies what one is fed with, as the
edges of a graph do, is divided by its largest value where that is above 20. One that is used beside
layers and feeds none, as the time in a model of survival, is divided by its standard deviation
where that is above 20. What frozen layers are fed with counts where all is repaired at once.

Nobody hands data to `minimize`: of what the loss closes over, arrays on which the rule fires are
standardised where they are held, if weights multiply them and an intercept is added, as in
`a + b * x`. Around a mean far from 0 intercept and slope do nearly the same, and their difference
is hardly learnt.

Where a `Normalization` of the model makes such values, as one that was never adapted, to other data
or to all columns as one (`axis=None`), it is adapted to the columns that it is fed with; a
`Rescaling` of what has a scale that suits is left out.

A square matrix without negative numbers that multiplies what a network makes of its nodes, as the
neighbours in a graph, makes it larger with every product where its rows add up to more than 1.
Where its largest eigenvalue is above 2, wherever it is held, its rows are divided by their sums,
which makes means of the sums; else by the roots of both of their sums (Kipf and Welling 2017,
*Semi-supervised classification with graph convolutional networks*).

`preprocessing.check` asks the same rule and fails on it, without training, since it looks at what
goes into a network. Of the columns that pass, it also reports one whose spread is 1,000 times
(`max_ratio`) that of most of them or a thousandth of it.

## A test that shows it

```python
import keras
import numpy as np

rng = np.random.default_rng(0)
x = np.column_stack([rng.uniform(1, 8, 256), rng.uniform(300, 4000, 256)])  # rooms, square feet
y = x[:, 0] / 8 + x[:, 1] / 4000


def linear(*first):
    model = keras.Sequential([keras.Input((2,)), *first, keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return model


def test_price(converge):
    converge.fit(linear(), x, y, max_loss=0.01)
```

## Repair

```python
def test_scaled_price(converge):
    norm = keras.layers.Normalization()
    norm.adapt(x)
    converge.fit(linear(norm), x, y, max_loss=0.01)
```
"""

import copy
import dataclasses
import itertools
from collections.abc import Iterable

from pytest_converge.columns.contradictions import targets_are_inputs
from pytest_converge.columns.scale import HIGHEST_DEVIATION
from pytest_converge.core.data_report import ColumnProfile
from pytest_converge.core.numbers import listed, number
from pytest_converge.diagnosis.cause import Answer, Cause, FailedTraining, Place, Repairs, Step
from pytest_converge.diagnosis.causes.frozen_variables import with_all_layers
from pytest_converge.diagnosis.causes.unscaled_targets import (
    as_far_from_zero,
    on_an_unsuitable_scale,
    standardised_targets,
)
from pytest_converge.diagnosis.evidence import Evidence
from pytest_converge.training.data.arrays import batch_leaves
from pytest_converge.training.interventions import features
from pytest_converge.training.interventions.held_features import standardised_where_held
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.interventions.layer_inputs_scaled import (
    adapted_anew,
    standardised_in_front,
    without_rescaling,
)
from pytest_converge.training.interventions.neighbours import averaged_neighbours
from pytest_converge.training.measures.closed_over_inputs import unscaled_inputs
from pytest_converge.training.measures.layer_inputs import FED, training_scales

__all__ = ["CAUSE", "scale_changes"]

#: Multiples of the rate that may suit standardised columns where the old one does not.
FACTORS = (10.0, 100.0, 0.1, 0.01)
#: Within this factor of a deviation of 1, and with no larger mean, a column needs no standardising.
STANDARD = 2.0


def _standardised(failed: FailedTraining) -> list[Intervention]:
    if failed.reruns.rows is None:
        return []
    if _saturates_frozen(failed):
        failed.evidence = _with_frozen_layers(failed).evidence
    names = {name for name, _ in batch_leaves(failed.reruns.rows.arrays)}
    flags = [flag for flag in failed.evidence.scale.features if flag.array in names]
    columns: dict[str, list[int]] = {}
    for flagged in {flag.array: flag for flag in flags}.values():
        scales = next(s for s in failed.evidence.scales if s.name == flagged.array)
        kinds = [] if flagged.image else [column.kind for column in scales.columns]
        columns[flagged.array] = [
            place for place, kind in enumerate(kinds) if kind in ("continuous", "constant")
        ]
    where = tuple(dict.fromkeys(name for flag in flags for name in flag.columns))
    return [_changed(failed, where, columns)] if flags else []


def _marked(failed: FailedTraining) -> list[Intervention]:
    """Marks for "no value" far from all others, which a scale of all values is made for."""
    rows = failed.reruns.rows
    arrays = {} if rows is None else dict(batch_leaves(rows.arrays))
    if rows is None or targets_are_inputs(arrays.items()):
        return []
    marks: dict[str, dict[int, float]] = {}
    columns: dict[str, list[int]] = {}
    found: list[ColumnProfile] = []
    for scales in failed.evidence.scales:
        if scales.target or scales.shape == "image" or scales.name not in arrays:
            continue
        for place, column in enumerate(scales.columns):
            if column.kind == "continuous":
                columns.setdefault(scales.name, []).append(place)
                if column.sentinel is not None:
                    marks.setdefault(scales.name, {})[place] = column.sentinel
                    found.append(column)
    if not found:
        return []
    far, where = found[0], tuple(column.name for column in found)
    holds = "holds" if len(where) == 1 else "hold"
    fault = (
        f'{listed(where)} {holds} a mark for "no value",'
        f" {number(far.sentinel or 0.0)} in {far.name}, where the other"
        f" values have a spread of {number(far.spread)}"
    )
    held = {name: columns[name] for name in marks}
    return [features.filled(where, marks, held, data=rows, fault=fault)]


def _changed(
    failed: FailedTraining, where: tuple[str, ...], columns: dict[str, list[int]]
) -> Intervention:
    in_model = failed.training.model is not None and not failed.training.own_train_step
    return features.standardised(where, columns, data=failed.reruns.rows, in_model=in_model)


def _multiplying(failed: FailedTraining) -> Repairs:
    """Inputs that reach no layer as they are, and make what one is fed with large."""
    rows = failed.reruns.rows
    if rows is None or not any(f.array.startswith(FED) for f in failed.evidence.scale.features):
        return
    known = {scales.name for scales in failed.evidence.scales}
    largest = {}
    for name, array in batch_leaves(rows.arrays):
        if name[0] not in "ys" and name not in known and array.dtype.kind == "f" and array.size:
            largest[name] = max(float(array.max()), -float(array.min()))
    largest = {name: value for name, value in largest.items() if value > HIGHEST_DEVIATION}
    if largest:
        yield features.divided(largest)


def _beside_layers(failed: FailedTraining) -> Repairs:
    """Amounts that no layer is fed with, as a time beside what a model makes of other inputs."""
    rows, unread = failed.reruns.rows, failed.evidence.computation.unread
    if rows is None or failed.training.model is None:
        return
    known = {scales.name for scales in failed.evidence.scales}
    beside = {
        name: array
        for name, array in batch_leaves(rows.arrays)
        if name[0] not in "ys" and name not in known and name not in unread
    }
    change = features.in_deviations(beside, above=HIGHEST_DEVIATION)
    if change is not None:
        yield change


def _summed(failed: FailedTraining) -> Repairs:
    """Sums over the neighbours in a graph as their means."""
    failed.reruns.put_back()
    training, guard = failed.training, failed.trials.guard
    return guard.tried("sums over neighbours", lambda: averaged_neighbours(training)) or ()


def _adapted(failed: FailedTraining) -> Repairs:
    """The model's own normalisation, adapted to the columns that it is fed with."""
    rows, training, guard = failed.reruns.rows, failed.training, failed.trials.guard
    if rows is None:
        return ()
    failed.reruns.put_back()
    arrays = dict(batch_leaves(rows.arrays))
    return guard.tried("own normalisation", lambda: adapted_anew(training, arrays)) or ()


def _in_front(failed: FailedTraining) -> Repairs:
    """What layers are fed with where no change of the data reaches it, standardised there.

    Inputs that are no part of the data, and what the model's own preprocessing makes of the data,
    as of pixels that are divided by 255 once more.
    """
    training, flags = failed.training, failed.evidence.scale.features
    preprocessed = any(flag.array.startswith(FED) for flag in flags)
    # A step may differentiate by its inputs: in another unit it means another equation.
    own_step = training.model is None and bool(flags)
    in_data = failed.reruns.rows is not None and not preprocessed and not own_step
    if not training.models or in_data:
        return
    failed.reruns.put_back()
    guard = failed.trials.guard
    if preprocessed:
        yield from guard.tried("own rescaling", lambda: without_rescaling(training)) or ()
    found = guard.tried("inputs of layers", lambda: unscaled_inputs(training))
    if found:
        yield standardised_in_front(found)


def _held(failed: FailedTraining) -> list[Intervention]:
    """Features that a loss or a step without data closes over, standardised where they are held."""
    training, guard = failed.training, failed.trials.guard
    if failed.reruns.rows is not None or training.model is not None:
        return []
    failed.reruns.put_back()
    found = guard.tried("features closed over", lambda: list(standardised_where_held(training)))
    return found or []


def _held_with_rate(failed: FailedTraining) -> Repairs:
    for change in _held(failed):
        yield from (change.with_causes(rate) for rate in failed.at_rates(*FACTORS))


def _usual(failed: FailedTraining) -> Iterable[list[Intervention]]:
    """What the rule asks for; where it asks for nothing, every amount that is not standard yet."""
    failed = _with_frozen_layers(failed)
    flagged = [
        *_standardised(failed),
        *_marked(failed),
        *_multiplying(failed),
        *_beside_layers(failed),
        *itertools.islice(_summed(failed), 1),
        *_adapted(failed),
        *_in_front(failed),
        *_held(failed),
    ]
    if flagged or failed.reruns.rows is None:
        return [flagged]
    names = {name for name, _ in batch_leaves(failed.reruns.rows.arrays)}
    columns: dict[str, list[int]] = {}
    where: list[str] = []
    for scales in failed.evidence.scales:
        if scales.target or scales.name not in names:
            continue
        for place, column in enumerate(scales.columns):
            if column.kind == "continuous" and not _is_standard(column):
                columns.setdefault(scales.name, []).append(place)
                where.append(column.name)
    return [[_changed(failed, tuple(where), columns)] if columns else []]


def _with_frozen_layers(failed: FailedTraining) -> FailedTraining:
    """The failed training as it looks where frozen layers count: their inputs have a scale too."""
    thawed = with_all_layers(failed)
    known = [f for f in failed.evidence.scale.features if not f.array.startswith(FED)]
    if thawed is None or thawed.variant is None or known:
        return failed
    failed.reruns.put_back()
    training = failed.training
    with thawed.variant(training):
        measure = "scales of what frozen layers are fed with"
        found = failed.trials.guard.measured(measure, lambda: training_scales(training))
    if found is None:
        return failed
    looked = copy.copy(failed)
    looked.evidence = dataclasses.replace(
        failed.evidence, scales=found.scales, scale=found.evidence
    )
    return looked


def _saturates_frozen(failed: FailedTraining) -> bool:
    """Whether units of a layer that nothing trains are full on or off: what feeds them counts."""
    saturated = failed.evidence.saturated
    thawed = with_all_layers(failed) if saturated else None
    where = () if thawed is None else thawed.where
    return any(
        name == layer or name.startswith(f"{layer}/") for layer in saturated for name in where
    )


def _is_standard(column: ColumnProfile) -> bool:
    return 1 / STANDARD < column.deviation < STANDARD and abs(column.mean) < STANDARD


def _both(failed: FailedTraining) -> list[Intervention]:
    others = standardised_targets(failed) or as_far_from_zero(failed)
    rows = failed.reruns.rows
    # Targets that are the inputs have no scale of their own.
    one = rows is not None and targets_are_inputs(batch_leaves(rows.arrays))
    join = Intervention.combined if one else Intervention.with_causes
    return [join(*pair) for pair in zip(_standardised(failed), others, strict=False)]


def scale_changes(failed: FailedTraining) -> list[Intervention]:
    """The changes of scale that the rule asks for: features, targets, and both."""
    return [*_standardised(failed), *standardised_targets(failed), *_both(failed)]


def _with_rate(failed: FailedTraining) -> Repairs:
    changes = scale_changes(failed)
    for change in changes[-1:] + changes[:-1]:
        yield from (change.with_causes(rate) for rate in failed.at_rates(*FACTORS))


def _sentence(evidence: Evidence, answer: Answer) -> str:
    return on_an_unsuitable_scale("features", evidence.scale.features, answer)


CAUSE = Cause(
    code="unscaled-features",
    sentence=_sentence,
    usual=_usual,
    steps=(
        Step(place=Place.FEATURES, repairs=_adapted),
        Step(place=Place.FEATURES, repairs=_standardised),
        Step(place=Place.FEATURES, repairs=_marked),
        Step(place=Place.FEATURES, repairs=_multiplying),
        Step(place=Place.FEATURES, repairs=_beside_layers),
        Step(place=Place.FEATURES, repairs=_summed),
        Step(place=Place.FEATURES, repairs=_in_front),
        Step(place=Place.FEATURES, repairs=_held),
        Step(place=Place.FEATURES_AND_TARGETS, repairs=_both),
        Step(place=Place.SCALE_AND_RATE, repairs=_held_with_rate),
        Step(place=Place.SCALE_AND_RATE, repairs=_with_rate),
    ),
)
