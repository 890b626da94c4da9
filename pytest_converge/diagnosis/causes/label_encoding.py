"""The labels are not in the form that the loss reads.

The labels are not in the form that the loss reads: 1 and 2, counts, percent or -1 for "unknown" in
front of a cross-entropy, class numbers for a loss that compares one output a class, targets of
shape `(n,)` against predictions of shape `(n, 1)`, or two parts of the data encoded by two
mappings.

## How it is found

Labels, loss and output are compared. What they suggest is changed, and the training is repeated
from the same start; it is the cause if every gate then passes on three seeds and the model is also
better than the best constant prediction of the new labels.

| seen | change |
|---|---|
| two values other than 0 and 1, binary cross-entropy | labels 0 and 1 |
| two values and a loss of your own | labels 0 and 1, labels -1 and 1, the other way round |
| whole numbers from 0 on, a binary cross-entropy | above 0 as 1 |
| numbers up to 100 or 255, a binary cross-entropy | divided by that |
| some rows below 0, a binary or categorical cross-entropy | these rows left out |
| rows that do not add up to 1, above 1, a categorical cross-entropy | divided by their sum |
| class numbers in one column, several outputs, a squared or absolute error | one-hot rows |
| grades 0 to n in one column, compared with n outputs | flags `y > np.arange(n)`, one-hot rows |

Three more are told from the data:

- Targets outside of [0, 1] under a binary or categorical cross-entropy, where none of these changes
  passes: such a loss has no least value, or a needlessly high one. Rows of sample weight 0 do not
  count. So do targets that a step of your own reads so, by `1 - y` or by
  `tf.nn.sigmoid_cross_entropy_with_logits`.
- Predictions of shape `(n, 1)` and targets of shape `(n,)`, or the other way round, which a loss or
  step of your own broadcasts to a matrix of all pairs. They are seen in one step on the first
  batch. Where the targets are an array of the batch, they get the shape of the predictions and the
  training is repeated.
- Rows of which each half is learnt alone, measured by its own best constant, while both together
  are not. Two random halves must fail as well, since fewer rows are easier to learn, and a model of
  either half must be no better than the best constant on the other: labels of one mapping would
  carry over. Within each half they must, to rows that were held out of it: labels in a wrong order
  are learnt by heart.

Labels of shape `(n, 1)` that a loss compares with each other, as `y[None] == y[:, None]`, make no
matrix of all pairs: they become a row `(n,)`.

One-hot rows of two classes that a squared error, or a loss of your own, compares with a single
output broadcast, and the best answer is one half: their second column takes their place.

Of a model with several outputs each array of targets is compared with the loss that reads it.

Labels that a loss or a step closes over are looked at like those of a batch: an array of two
values, one a row, that predictions are compared with. It is replaced where it is held, and the
training is repeated. The same labels of other rows must then fail, or anything would have passed.

So are those that a step of your own, or the `train_step` of a model, gets with its batches, in
memory or in a stream, whatever place they have there: 0 and 1 where a margin wants -1 and 1, or a
flag that means the opposite, as "censored" for "event". Masks and weights, which multiply errors
that the loss adds up, are none. Labels by which a loss is a mean of two, as a cross-entropy, are
not tried below 0, and the bound of errors goes along where labels come nearer to each other.

Two annotators may mean opposite things by the same two labels. Where the effects of two columns or
more on the labels are clear among the rows of one value of a column, and among all others, and each
has the opposite sign there, the labels of the fewer of both are turned round; so are those of the
rows before or after the place where the effects change.

Two files may number the same three classes or more in two ways. Where the rows of one value of a
column, or those before or after a place, look to their nearest neighbours among the others like
classes of other numbers, each class like one other and most rows of it, they get these numbers.

A label out of the range of a sparse cross-entropy is an error before any training.

`preprocessing.check` finds without training: text, class numbers that do not start at 0 or leave
one out, labels that are no whole numbers, three or more classes as floats, one-hot rows that do not
add up to 1. Up to 20 different numbers that are repeated are taken for classes, unless they look
like counts, with few large ones; `task="values"` says that they are none.

## A test that shows it

```python
import keras
import numpy as np

x = np.random.default_rng(0).normal(size=(256, 4))
y = np.where(x.sum(axis=1) > 0, 2, 1)  # a spreadsheet's "group 1" and "group 2"


def classifier():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, "sigmoid")])
    model.compile(keras.optimizers.Adam(0.1), "binary_crossentropy")
    return model


def test_groups(converge):
    converge.fit(classifier, x, y, max_loss=0.3)
```

This loss falls without end and passes any `max_loss`; see [negative-loss](negative-loss.md).

## Repair

```python
def test_groups_from_zero(converge):
    converge.fit(classifier, x, y - 1, max_loss=0.3)
```
"""

import dataclasses
import itertools
from collections.abc import Iterable
from typing import Any

from pytest_converge.columns.opposite_rows import opposite_rows
from pytest_converge.columns.renumbered_rows import renumbered_rows
from pytest_converge.diagnosis.cause import Answer, Cause, FailedTraining, Place, Repairs, Step
from pytest_converge.training.data.arrays import batch_leaves
from pytest_converge.training.interventions import (
    held_arrays,
    labels,
    outputs,
    rows,
    target_shape,
)
from pytest_converge.training.interventions.batch_labels import batch_labels
from pytest_converge.training.interventions.batch_labels import relabelled as batch_labels_changed
from pytest_converge.training.interventions.held_arrays import held_labels, held_targets
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.measures.broadcasting import OuterDifference
from pytest_converge.training.model.losses import PROBABILITIES, losses_of_outputs

__all__ = ["CAUSE", "out_of_range", "unreadable"]

#: A half of fewer rows is learnt by heart.
FEWEST_ROWS = 200
#: What a loss of the user's is called that is seen to read probabilities of two classes.
BINARY = "binary_crossentropy"
#: Random halves that have to fail: one may, by luck, also where no labels disagree.
RANDOM_HALVES = 2


def _into_range(failed: FailedTraining) -> Repairs:
    found: list[Intervention] = []
    for loss, name, counted in _read_as_probabilities(failed):
        changes = labels.into_range(loss, counted)
        if name == "y":
            return changes
        # Rows of one of several arrays cannot be left out.
        found += [outputs.in_array(change, name) for change in changes if change.redefines_loss]
    return found


def _unreadable(failed: FailedTraining) -> Answer | None:
    """Targets whose shape or range the loss does not mean, seen in the data; not proven."""
    outer = failed.evidence.computation.outer
    if outer is not None:
        if outer.gathered:
            fix = target_shape.own_columns(column=len(outer.target) == 2).fix
            return Answer(cause=CAUSE.code, message=_broadcasts(outer), fix=fix)
        name = outer.leaf or "y"
        shape = "(-1, 1)" if len(outer.predicted) == 2 else "(-1,)"
        fix = f"{name} = tf.reshape({name}, {shape})"
        return Answer(cause=CAUSE.code, message=_broadcasts(outer), fix=fix, where=(name,))
    message = out_of_range(failed)
    where = tuple(name for _, name, _ in _out_of_range(failed))
    return Answer(cause=CAUSE.code, message=message, where=where) if message else None


def unreadable(failed: FailedTraining) -> bool:
    """Whether the loss cannot mean the targets as they are: no rate changes that."""
    return failed.evidence.computation.outer is not None or bool(out_of_range(failed))


def _broadcasts(outer: OuterDifference) -> str:
    if outer.gathered:
        return (
            f"each row is given the columns that all rows ask for: predictions of shape"
            f" {outer.predicted} against targets of shape {outer.target}"
        )
    return (
        f"the loss combines predictions of shape {outer.predicted} with targets of shape"
        f" {outer.target}, which broadcasts to a matrix of all pairs"
    )


def _in_shape(failed: FailedTraining) -> Repairs:
    """Targets that broadcast with the predictions to a matrix, in the predictions' shape."""
    outer, training = failed.evidence.computation.outer, failed.training
    if outer is None:
        return
    column, changes = len(outer.predicted) == 2, []
    if outer.gathered:
        changes = [target_shape.own_columns(column=len(outer.target) == 2)]
    elif outer.leaf:
        changes = [target_shape.as_predicted(training, outer.leaf, column=column)]
    elif training.function is not None:
        failed.reruns.put_back()
        held = failed.trials.guard.tried(
            "targets in closures", lambda: held_targets(training, outer.target)
        )
        changes = [target_shape.held_as_predicted(each, column=column) for each in held or ()]
    for change in changes:
        yield dataclasses.replace(change, fault=_broadcasts(outer))


def _in_a_row(failed: FailedTraining) -> Repairs:
    """Labels as a row, where a loss of the user's compares those of a column with each other."""
    paired = failed.evidence.computation.paired
    if paired is not None:
        change = target_shape.as_predicted(failed.training, paired.leaf, column=False)
        fault = (
            f"labels of shape (n, 1) that are compared with each other have shape {paired.shape}"
        )
        yield dataclasses.replace(change, fault=f"{fault}, and not that of all pairs")


def _in_columns(failed: FailedTraining) -> Repairs:
    """Grades that every one of several outputs is compared with, as a column for each output."""
    grades, rows = failed.evidence.computation.grades, failed.reruns.rows_of_any_kind
    if grades is None:
        return
    (_, count), name, highest = grades.predicted, grades.leaf, grades.highest
    every = {} if rows is None else dict(batch_leaves(rows.arrays))
    if name in every:  # the first batch may lack the highest
        highest = int(every[name].max())
    fault = f"targets of shape {grades.target} broadcast against outputs of {grades.predicted}"
    changes = [target_shape.flags(failed.training, name, count)] if highest <= count else []
    if highest < count:
        changes.insert(0, target_shape.one_hot(failed.training, name, count))
    yield from (dataclasses.replace(change, fault=fault) for change in changes)


def out_of_range(failed: FailedTraining) -> str:
    """The targets that a compiled cross-entropy cannot read, in words; empty for none."""
    for loss, name, counted in _out_of_range(failed):
        whose = "the targets hold" if name == "y" else f"{name} holds"
        return f"{whose} {labels.beyond(loss, counted)}, where {loss} reads probabilities"
    return ""


def _out_of_range(failed: FailedTraining) -> list[tuple[str, str, Any]]:
    return [read for read in _read_as_probabilities(failed) if labels.beyond(read[0], read[2])]


def _two_encodings(failed: FailedTraining) -> Answer | None:
    """Each half of the rows passes, a random half does not: the labels of the halves disagree."""
    data, trials = failed.reruns.rows, failed.trials
    count = 0 if data is None or failed.training.model is None else data.rows
    # A metric of a rare class may pass on half of the rows for reasons of its own.
    if count < FEWEST_ROWS or trials.expectation.metrics:
        return None
    middle = count // 2
    parts = {"first": (0, middle), "second": (middle, count)}
    halves = [
        rows.stretch(*ends, CAUSE.code, f"{part} half of the rows alone")
        for part, ends in parts.items()
    ]
    for change in halves:
        trial = trials.control(change)
        if trial is None or not trial.verified or not _as_skilled(failed, change):
            return None
    for seed in range(RANDOM_HALVES):  # fewer rows are easier to learn, by heart or otherwise
        mixed = trials.control(rows.random_half(seed, CAUSE.code), confirm=False)
        if mixed is None or mixed.passed:
            return None
    if not _strangers(failed, *halves):
        return None
    message = "each half of the rows is learnt alone, both together are not: their labels disagree"
    fix = "encode all labels by one mapping, fitted once"
    return Answer(cause=CAUSE.code, message=message, fix=fix, where=("y",))


def _as_skilled(failed: FailedTraining, half: Intervention) -> bool:
    """Whether a half is learnt as well as the bound asks of all rows, by its own best constant.

    The targets of a half may differ less: sorted ones meet a bound that way, and nothing is learnt.
    """
    bound, whole = failed.trials.expectation.max_loss, failed.record.constant_loss
    skill = failed.trials.records[half.change].skill
    return bound is None or not whole or skill is None or skill >= 1 - bound / whole


def _of_some_rows(failed: FailedTraining) -> Repairs:
    """Labels of the rows of one annotator, or of one file, by the encoding of the others."""
    data = failed.reruns.rows
    leaves = [] if data is None else list(batch_leaves(data.arrays))
    x = [array for name, array in leaves if name[0] == "x"]
    y = [array for name, array in leaves if name[0] == "y"]
    if data is None or not x or len(y) != 1:
        return
    if not {array.dtype.kind for array in (*x, *y)} <= {*"biuf"} or x[0].ndim < 2:
        return
    once = slice(data.epoch_rows)
    inputs, targets = [array[once] for array in x], y[0][once]
    opposite = opposite_rows(inputs[0], targets) if len(x) == 1 else None
    if opposite is not None:
        yield labels.turned_round(opposite, (float(targets.min()), float(targets.max())))
    renumbered = renumbered_rows(inputs, targets)
    if renumbered is not None:
        yield labels.renumbered(renumbered)


def _held(failed: FailedTraining) -> Answer | None:
    """Labels that a loss or step closes over, as another pair of values.

    A mask of 0 and 1 would pass as well, by a loss without a bottom; so would any labels that are
    learnt by heart. Then the same labels of other rows pass too, and nothing is said.
    """
    if failed.reruns.rows is not None or failed.training.function is None:
        return None
    failed.reruns.put_back()
    found = failed.trials.guard.tried("labels in closures", lambda: held_labels(failed.training))
    return _of_two_values(failed, map(held_arrays.relabelled, found or ()))


def _in_the_batch(failed: FailedTraining) -> Answer | None:
    """Labels that a step of the user's gets with its batch, as another pair of values.

    Which part of the data they are, only the step knows.
    """
    training = failed.training
    if training.data is None or (training.model is not None and not training.own_train_step):
        return None
    failed.reruns.put_back()
    found = failed.trials.guard.tried("labels in batches", lambda: batch_labels(training))
    pairs = (batch_labels_changed(training, labels) for labels in found or ())
    return _of_two_values(failed, pairs)


def _of_two_values(
    failed: FailedTraining, pairs: Iterable[list[tuple[Intervention, Intervention]]]
) -> Answer | None:
    """The first change that passes and whose control does not."""
    for change, control in itertools.chain.from_iterable(pairs):
        trial = failed.trials.try_out(change)
        if trial is None or not trial.verified:
            continue
        other = failed.trials.control(control, confirm=False)
        if other is not None and not other.passed:
            return failed.first_passing([change])
        failed.trials.ask(trial)
    return None


def _strangers(failed: FailedTraining, first: Intervention, second: Intervention) -> bool:
    """Whether a model of either half is no better than a constant on the other, but on its own.

    Labels by another mapping are worse than unknown ones; those of the same mapping are not, unless
    they say nothing about any row and each half is learnt by heart.
    """
    constant = failed.record.constant_loss
    if constant is None:
        return True
    known, rest = (rows.random_half(0, CAUSE.code, other=other) for other in (False, True))
    on_others = failed.reruns.loss_on_others
    return all(
        not on_others(own, other) < constant
        and on_others(known.combined(own), rest.combined(own)) < constant
        for own, other in ((first, second), (second, first))
    )


def _read_as_probabilities(failed: FailedTraining) -> list[tuple[str, str, Any]]:
    """(loss, name, rows that count) of each array of targets that a loss reads so.

    A compiled loss is asked; one of the user's is seen in a step.
    """
    training, data = failed.training, failed.reruns.rows
    if data is None:
        return []
    targets = labels.counted_targets(data.arrays)
    if training.model is None or training.own_train_step:
        shares = failed.evidence.computation.shares
        name = "" if shares is None else shares.leaf
        return [(BINARY, name, targets[name])] if name in targets else []
    return [
        (known.name, known.target, targets[known.target])
        for known in losses_of_outputs(training.model, list(targets))
        if known.name in PROBABILITIES
    ]


def _usual(failed: FailedTraining) -> Iterable[Repairs]:
    every = (_into_range, _in_shape, _in_a_row, _in_columns, _of_some_rows)
    return [repairs(failed) for repairs in every]


CAUSE = Cause(
    code="label-encoding",
    sentence="the labels are not what the loss reads; it converges with {change}",
    usual=_usual,
    steps=(
        Step(place=Place.LABELS, repairs=_into_range),
        Step(place=Place.LABELS, repairs=_in_shape),
        Step(place=Place.LABELS, repairs=_in_a_row),
        Step(place=Place.LABELS, repairs=_in_columns),
        Step(place=Place.LABELS, answer=_held),
        Step(place=Place.LABELS, answer=_in_the_batch),
        Step(place=Place.MISALIGNED_ROWS, repairs=_of_some_rows),
        Step(place=Place.TWO_ENCODINGS, answer=_two_encodings),
        Step(place=Place.SEEN_IN_THE_STEP, answer=_unreadable),
    ),
)
