"""One class is so rare that the loss is low without it.

One class is so rare that the loss is low without it. The model learns to answer with the common
class; the loss falls, and the metric that counts the rare class stays low.

## How it is found

By the gate on that metric: the loss alone does not tell. Ask for what you need, recall, precision
or the area under the curve, with `metrics=`; the test then fails as
[metric-out-of-bounds](metric-out-of-bounds.md). The training is repeated with classes weighted
alike where

- a bounded metric is all that is missed,
- the loss has come four fifths of the way to that of the best constant prediction, which knows how
  frequent the classes are: farther above it the training is only slow,
- the rarest class has less than 40 % of an even share, 20 % of two classes,
- the rows have no weights yet, and
- neither ten times the rate nor four times the steps meet the bounds.

Each row then weighs rows / (classes x rows of its class), as by `class_weight="balanced"` of
scikit-learn (King and Zeng 2001, *Logistic regression in rare events data*). It is the cause if
every gate passes on three seeds; a rise that a part of the probe set shows is looked at on the
whole of it, as for the verdict: of some dozens of rows a few heavy ones decide. A rare class that
can be told apart is learnt without any help, so the share alone turns nothing red.

A weighted loss is another loss: it is not compared with `max_loss`, and a test that bounds both has
to bound the weighted one. The weights also shift the probabilities towards the rare class. Other
remedies: He and Garcia 2009, *Learning from imbalanced data*.

Of a model with two outputs whose sample weights have one shape and favour other rows, the training
is also repeated with each in the place of the other, whatever gate fails: a list of weights may
come in another order than the outputs, and rows that one shall leave out are then trained on.

Weights of single rows, of which the largest is four times the smallest or more, are tried the other
way round where neither a rate nor more steps were enough: `1 / sample_weight`, as where an error
was given for a precision. It counts where the model is better so for all rows alike.

`preprocessing.check` fails, without training, where the rarest class has less than a twentieth
(`min_balance`) of the rows that it would have if all classes were equally frequent: of two classes
2.5 %.

## A test that shows it

```python
import keras
import numpy as np

rng = np.random.default_rng(0)
y = (np.arange(2000) % 50 == 0).astype("float32")  # 2 %
x = rng.normal(size=(2000, 4)) + 0.8 * y[:, None]


def classifier():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, "sigmoid")])
    recall = keras.metrics.Recall(name="recall")
    model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy", metrics=[recall])
    return model


def test_alarm(converge):
    converge.fit(classifier, x, y, steps=200, batch_size=64, metrics={"recall": (0.6, None)})
```

## Repair

Weight the classes by the inverse of their frequency, or lower the threshold of the decision.

```python
def test_weighted_alarm(converge):
    weights, bounds = {0: 0.51, 1: 25}, {"recall": (0.6, None)}
    converge.fit(classifier, x, y, steps=200, batch_size=64, class_weight=weights, metrics=bounds)
```
"""

import dataclasses

from pytest_converge.core.record import TrainingRecord
from pytest_converge.diagnosis.cause import Answer, Cause, FailedTraining, Place, Repairs, Step
from pytest_converge.diagnosis.trials import only_metrics_missed
from pytest_converge.training.data.arrays import batch_leaves
from pytest_converge.training.interventions import class_weights, outputs, rows, steps
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.model.losses import loss_names

__all__ = ["CAUSE", "knows_frequencies", "rare_class"]

#: A class is rare below this part of an even share: 20 % of two classes, from where Google's
#: Machine Learning Crash Course calls an imbalance moderate or worse.
RARE = 0.4
#: The frequencies are learnt first, by the biases: so much of the way to them may be left.
MOST_LEFT = 0.2
#: How many outputs can have the weights of each other.
BOTH = 2
#: What is wrong where they have.
OF_EACH_OTHER = "the rows of two outputs are weighted by the sample weights of each other"
#: What anybody would try before: a rate of so many times, and so many times the steps.
FASTER, LONGER = 10.0, 4


def _answer(failed: FailedTraining) -> Answer | None:
    """The classes weighted alike, where that is what a missed metric asks for."""
    shares = rare_class(failed)
    found = failed.first_passing([class_weights.balanced(shares)]) if shares else None
    if found is None:
        return None
    rarest = min(shares, key=lambda label: shares[label])
    message = (
        f"class {rarest} is {100 * shares[rarest]:.2g} % of the rows; the bounds are met with"
        f" {found.change}"
    )
    return dataclasses.replace(found, message=message)


def rare_class(failed: FailedTraining) -> dict[int, float]:
    """The shares of the classes where one is rare, and that is what is wrong; else empty.

    Only where a bounded metric is all that is missed, the model has learnt at least how frequent
    the classes are, one class is rare, and neither a faster nor a longer training would do.
    """
    if not only_metrics_missed(failed.record, failed.trials.expectation):
        return {}
    shares = _shares(failed) if knows_frequencies(failed.record) else {}
    rare = bool(shares) and min(shares.values()) < RARE / len(shares)
    return shares if rare and not _time_would_do(failed) else {}


def knows_frequencies(record: TrainingRecord) -> bool:
    """False where the loss is still far above that of the best constant: a slow training."""
    constant, first, last = record.constant_loss, record.curve.first, record.curve.last
    return constant is None or last - constant <= MOST_LEFT * max(first - constant, 0.0)


def _shares(failed: FailedTraining) -> dict[int, float]:
    """The share of each class; empty where there are no classes, or weights already."""
    training, rows = failed.training, failed.reruns.rows
    if training.model is None or training.own_train_step or rows is None:
        return {}
    names = [name for name, _ in loss_names(training.model.loss)]
    if len(names) != 1 or names[0] not in outputs.FITTING:
        return {}
    if not isinstance(rows.arrays, tuple) or len(rows.arrays) != 2:
        return {}
    targets = rows.arrays[1]
    return {} if isinstance(targets, (dict, list)) else class_weights.class_shares(targets)


def _time_would_do(failed: FailedTraining) -> bool:
    """Whether a larger rate or more steps meet the bounds on the failed run's own seed."""
    changes = failed.at_rates(FASTER) if failed.evidence.rate else []
    changes.append(steps.more(failed.reruns.steps, LONGER))
    tried = (failed.trials.try_out(change, confirm=False) for change in changes)
    return any(trial is not None and trial.passed > 0 for trial in tried)


def _exchanged(failed: FailedTraining) -> Repairs:
    """The sample weights of two outputs, each for the other one, where they favour other rows.

    Tried alone: nothing shows them, and where they are right the exchange would undo other repairs.
    """
    data = failed.reruns.rows
    if data is None:
        return
    weights = [x for x in batch_leaves(data.arrays) if x[0].startswith("sample_weight")]
    if len(weights) != BOTH:
        return
    (first, one), (second, other) = weights
    if class_weights.favour_other_rows(one, other):
        yield rows.exchanged(first, second, CAUSE.code, OF_EACH_OTHER)


def _reciprocal(failed: FailedTraining) -> Answer | None:
    """Weights of rows the other way round, where neither a rate nor more steps were enough.

    Rows that are easy make any weighted loss low: the model has to be better for all rows alike.
    """
    data = failed.reruns.rows
    change = None if data is None else class_weights.reciprocal(data)
    found = None if change is None else failed.first_passing([change])
    if found is None or found.trial is None or change is None:
        return None
    alike = class_weights.alike(CAUSE.code)
    before = failed.reruns.loss_on_others(Intervention(code=CAUSE.code, change="as it is"), alike)
    if not failed.reruns.loss_on_others(change, alike) < before:
        failed.trials.ask(found.trial)
        return None
    return found


CAUSE = Cause(
    code="class-imbalance",
    sentence="one class is rare; the bounds are met with {change}",
    steps=(
        Step(place=Place.MISALIGNED_ROWS, repairs=_exchanged),
        Step(place=Place.RARE_CLASSES, answer=_answer),
        Step(place=Place.CAPACITY, answer=_reciprocal),
    ),
)
