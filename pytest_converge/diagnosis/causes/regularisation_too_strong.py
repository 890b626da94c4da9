"""The penalty outweighs the data.

The penalty of the weights outweighs the data, dropout takes so much away that what is left cannot
learn, or smoothed labels hold the loss up. The model is held near zero, or near the mean of the
targets.

## How it is found

What the configuration shows is switched off, one at a time: penalties of weights and activities,
those that an optimizer as `Ftrl` holds, constraints of weights, dropout and noise, layers that
alter pictures at random, as a `RandomFlip` where left and right are classes, what layers add to the
loss by `add_loss`, and a `label_smoothing` of 0.1 or more (the usual share: Szegedy et al. 2016,
*Rethinking the Inception architecture for computer vision*). The training is repeated from the same
start; it is the cause if every gate then passes on three seeds. Of a penalty a tenth, a hundredth
and a thousandth are tried as well: the largest that passes is proposed. In place of a weight decay
of the optimizer above 0.1 the usual 0.004 is tried, then none.

Of a loss that your own step, `compute_loss` or closure adds up, each term is measured where the
training began and where it ended. One whose gradient is more than ten times that of the others at
the start, and which lost half of its value while they kept a quarter of theirs, is weighted by the
power of ten at which both gradients are about alike, by a tenth of that, and by 0. More than twice
is enough of a term of which less than a hundredth is left. One that is made of the trained
variables alone beside data, or is a norm of them beside what is none, is a penalty whatever its
gradient: it is left out, and where that passes, tried at a tenth, a hundredth and a thousandth.

Where a step returns another loss than it differentiates, as the regret of a policy, that one is no
lower by itself without a term: each of up to three is tried at a tenth and a hundredth, and left
out.

With smoothed labels a cross-entropy cannot fall below the entropy of the labels: 1.01 for a share
of 0.7 and three classes.

The loss that is judged contains the penalty, as the loss that is minimised does. The report section
shows its share as `regularisation`, and the skill is computed without it.

A loss is lower without a penalty, also where nothing is learnt better. So the losses are compared
without what is switched off: that of the failed run at its end, and that of the changed one, which
has to be at most half of it, or to meet a bound that the other misses by a tenth. Where it is not,
and the rest of the loss meets the bound, that is said and nothing is proven.

A term of your own with a number as its weight is made lighter also where it was learnt, the rest
was not, and both ask for about as much the other way where the run ended: it holds the rest back.
Terms that are added up row by row before their mean is taken count as well.

Mild regularisation does not keep a training from converging: such a change is tried, fails, and
stands in the table of trials. Why weight decay helps generalisation: Krogh and Hertz 1992; dropout:
Srivastava et al. 2014.

## A test that shows it

```python
import keras
import numpy as np

x = np.random.default_rng(0).normal(size=(256, 4))
y = x @ [1.0, 2.0, -1.0, 0.5]


def linear(penalty):
    layer = keras.layers.Dense(1, kernel_regularizer=keras.regularizers.L2(penalty))
    model = keras.Sequential([keras.Input((4,)), layer])
    model.compile(keras.optimizers.SGD(0.05), "mse")
    return model


def test_heavy_penalty(converge):
    converge.fit(linear(1.0), x, y, steps=200, max_loss=0.1)
```

## Repair

Start from a factor of 1e-4 and raise it while the loss on held-out rows falls.

```python
def test_light_penalty(converge):
    converge.fit(linear(1e-4), x, y, steps=200, max_loss=0.1)
```
"""

import contextlib
import dataclasses
import functools
import math
from collections.abc import Iterable, Sequence

from pytest_converge.core.numbers import loss, number
from pytest_converge.diagnosis.cause import Answer, Cause, FailedTraining, Place, Repairs, Step
from pytest_converge.diagnosis.trials import OutOfTimeError
from pytest_converge.training.interventions import lighter_terms, optimizers, regularisation
from pytest_converge.training.interventions.intervention import Intervention
from pytest_converge.training.measures.loss_terms import LossTerm, loss_terms
from pytest_converge.training.state.snapshot import Snapshot

__all__ = ["CAUSE", "outweighing"]

#: A weight decay that outweighs most gradients; Keras' usual one is 0.004.
HIGH_WEIGHT_DECAY = 0.1
#: Shares of a penalty that are tried, the largest first, where none at all helps.
SHARES = (0.1, 0.01, 0.001)
#: Layers that alter pictures and are left out one by one.
MOST_LAYERS = 3
#: Terms that are tried one by one.
MOST_TERMS = 3
#: A penalty that is proposed ends at so much of the bound at most, where a smaller one does: at 0.9
#: one of ten fresh seeds missed it.
ROOM = 0.75
#: A term outweighs the others where its gradient is so many times theirs at the start; of a sound
#: variational autoencoder it is 0.9 times.
OUTWEIGHS = 10.0
#: Of a term that is as good as gone at the end less is enough, as of a divergence under which a
#: variational autoencoder no longer tells its rows apart: it was 5 times the rest.
OUTWEIGHS_WHERE_GONE, GONE = 2.0, 0.01
#: The last gradient of a run without noise that came to rest, against its largest one: along the
#: valley of Rosenbrock's function it is more than 5e-3, as its test holds.
SETTLED = 1e-3
#: A term holds the rest back where either gradient is no more than so many times the other one, and
#: so little of the term is left: the sum of distances between neighbours kept signals flat at 1.1
#: to 2.7 times and 0.003 to 0.05.
HOLDS, NEARLY_LEARNT = 4.0, 0.1
#: What was learnt has lost half of itself at least.
LEARNT = 0.5
#: What was not has more than this left: a decoder that answers with the mean picture, whatever it
#: is asked, leaves 0.4 of the error at its start.
NOT_LEARNT = 0.25
#: What layers of a model may hold, and how it is switched off.
LAYERS = (
    (regularisation.penalised_layers, regularisation.without_penalties),
    (regularisation.constrained_layers, regularisation.without_constraints),
    (regularisation.dropout_layers, regularisation.without_dropout),
    (regularisation.adding_layers, regularisation.without_added_losses),
    (regularisation.altering_layers, regularisation.without_alterations),
)


def _weight_decay(failed: FailedTraining) -> Repairs:
    if failed.takes_optimizer:
        yield from optimizers.without_own_penalties(failed.training)
        value = optimizers.setting(failed.training, "weight_decay")
        if isinstance(value, (int, float)) and value > HIGH_WEIGHT_DECAY:
            yield from optimizers.less_weight_decay(failed.training)
        return
    for place in optimizers.decaying(failed.training, HIGH_WEIGHT_DECAY):
        yield optimizers.less_decay_of_one(failed.training, place)


def _penalties(failed: FailedTraining) -> Repairs:
    training = failed.training
    if training.model is None:
        return
    for having, without in LAYERS:
        layers = having(training.model)
        if without is regularisation.without_alterations and 1 < len(layers) <= MOST_LAYERS:
            yield from (without([layer]) for layer in layers)  # most of them do no harm
        if layers:
            yield without(layers)
    smoothed = None if training.own_train_step else regularisation.smoothed_loss(training.model)
    if smoothed is not None:
        yield regularisation.without_smoothing(smoothed)


def _terms(failed: FailedTraining) -> Repairs:
    """Terms of a loss of one's own: penalties, and what was learnt at the cost of the others."""
    reruns, training = failed.reruns, failed.training
    if training.verb == "minimize" and failed.evidence.disconnected:
        return  # with a variable that no gradient reaches the others can meet no term
    start = _terms_at(failed, reruns.start)
    yield from _own_penalties(failed, start)
    # Of the models of a game each has a loss of its own, and none is that of the other.
    one = len(training.optimizers) == 1
    if one and failed.evidence.computation.other_loss and len(start) <= MOST_TERMS:
        yield from _holding_back(failed, start)
    if not _settled(failed):
        return
    bound = failed.trials.expectation.max_loss
    end = _terms_at(failed, reruns.end)
    for term in outweighing(start, end):
        # Without it a start whose rest meets the bound would have nothing to learn.
        off = () if bound is not None and term.rest <= bound else (0.0,)
        for less in (*_in_balance(term), *off):
            yield lighter_terms.lighter(training, term, less)
    for term in holding(start, end):
        for less in SHARES[1:]:
            yield lighter_terms.lighter(training, term, less)


def _holding_back(failed: FailedTraining, terms: Sequence[LossTerm]) -> Repairs:
    """Less of each term of what a step differentiates, where it returns another loss.

    That one is no lower by itself without a term, as the regret of a policy without the entropy of
    its choices.
    """
    for term in terms:
        which = "a term" if term.weight is None else f"the term of weight {term.weight:g}"
        fault = f"{which} of what is differentiated holds back the loss that the step returns"
        for less in (*SHARES[:2], 0.0):
            change = lighter_terms.lighter(failed.training, term, less)
            yield dataclasses.replace(change, fault=fault, leaves_term=False)


def _in_balance(term: LossTerm) -> tuple[float, float]:
    """The share of a term at which its gradient is about as large as the others', and a tenth."""
    share = 10.0 ** round(math.log10(term.slope_of_rest / term.slope))
    return share, share / 10


def _terms_at(failed: FailedTraining, stand: Snapshot) -> Sequence[LossTerm]:
    """The terms of the loss at the start or the end of the failed run."""
    failed.reruns.put_back()
    stand.restore()
    guard = failed.trials.guard
    found = guard.tried("the terms of the loss", lambda: loss_terms(failed.training))
    failed.reruns.put_back()
    return found or ()


def _own_penalties(failed: FailedTraining, terms: Sequence[LossTerm]) -> Repairs:
    """Terms of the variables alone: less of them where none at all helps."""
    penalties = [term for term in terms if term.is_penalty]
    if not penalties:
        return

    def times(share: float) -> Intervention:
        lighter = [lighter_terms.lighter(failed.training, term, share) for term in penalties]
        return functools.reduce(Intervention.combined, lighter)

    without = failed.trials.try_out(times(0.0), confirm=False)
    if without is not None and without.passed:
        moving = [term for term in penalties if term.slope > 0 and term.slope_of_rest > 0]
        balances = [_in_balance(term) for term in moving]
        far = min(balances) if balances and min(balances)[0] <= SHARES[-1] else SHARES
        yield from map(times, (*far, 0.0))


def _settled(failed: FailedTraining) -> bool:
    """False where a run without noise is still on its way, as along the floor of a bent valley."""
    norms = failed.record.curve.gradient_norm
    return not failed.training.full_batch or (bool(norms) and norms[-1] <= SETTLED * max(norms))


def outweighing(start: Sequence[LossTerm], end: Sequence[LossTerm]) -> list[LossTerm]:
    """The terms that ask for most of the first steps and were learnt, while the rest was not.

    Args:
        start: the terms of the loss where the failed run began.
        end: those where it ended.
    """
    if len(start) != len(end):
        return []
    found = []
    for before, after in zip(start, end, strict=True):
        gone = abs(after.value) < GONE * abs(before.value)
        least = OUTWEIGHS_WHERE_GONE if gone else OUTWEIGHS
        outweighs = before.slope > least * before.slope_of_rest > 0
        learnt = abs(after.value) <= LEARNT * abs(before.value)
        if outweighs and learnt and abs(after.rest) > NOT_LEARNT * abs(before.rest):
            found.append(before)
    return found


def holding(start: Sequence[LossTerm], end: Sequence[LossTerm]) -> list[LossTerm]:
    """The terms with a weight whose gradient holds that of the rest back where a run ended.

    They were learnt and the rest was not, and each asks for about as much as the rest the other
    way: so a run comes to rest between them.

    Args:
        start: the terms of the loss where the failed run began.
        end: those where it ended.
    """
    if len(start) != len(end):
        return []
    return [
        before
        for before, after in zip(start, end, strict=True)
        if before.weight is not None
        and 1 / HOLDS < after.slope / max(after.slope_of_rest, 1e-30) < HOLDS
        and abs(after.value) <= NEARLY_LEARNT * abs(before.value)
        and abs(after.rest) > NOT_LEARNT * abs(before.rest)
    ]


def _usual(failed: FailedTraining) -> Iterable[Repairs]:
    changes = [*_penalties(failed)]
    own = [term for term in _terms_at(failed, failed.reruns.start) if term.is_penalty]
    changes += [lighter_terms.lighter(failed.training, term, 0.0) for term in own]
    if failed.training.model is None:
        for model in failed.training.models:
            changes += [without(having(model)) for having, without in LAYERS if having(model)]
    return [_weight_decay(failed), *([change] for change in changes)]


def _usable_penalty(failed: FailedTraining, answer: Answer) -> Answer:
    """The largest share of a penalty that passes, in place of none."""
    model = failed.training.model
    layers = [] if model is None else regularisation.penalised_layers(model)
    if not layers or answer.change != regularisation.without_penalties(layers).change:
        return answer
    smaller = [regularisation.smaller_penalties(layers, share) for share in SHARES]
    bound, near = failed.trials.expectation.max_loss, None
    with contextlib.suppress(OutOfTimeError):  # that it is the penalty is known
        for change in smaller:
            found = None if change is None else failed.first_passing([change])
            if found is None or found.trial is None:
                continue
            if bound is None or max(found.trial.losses) <= ROOM * bound:
                return found
            near = near or found
    return near or answer


def _term_seen(failed: FailedTraining) -> Answer | None:
    """A term that alone keeps the loss above its bound, where nothing is learnt better without."""
    bound, last = failed.trials.expectation.max_loss, failed.record.curve.last
    for change, rest in failed.trials.without_terms.items():
        if bound is not None and rest is not None and rest <= bound < last:
            message = (
                f"without a term of it the loss is {loss(rest)} at the end ({change}): max_loss="
                f"{number(bound)} is below the term, which no change made smaller"
            )
            where = failed.trials.changes[change].where if change in failed.trials.changes else ()
            return Answer(cause=CAUSE.code, message=message, where=where)
    return None


CAUSE = Cause(
    code="regularisation-too-strong",
    usual=_usual,
    refined=_usable_penalty,
    steps=(
        Step(place=Place.WEIGHT_DECAY, repairs=_weight_decay),
        Step(place=Place.PENALTIES, repairs=_penalties),
        Step(place=Place.LOSS_TERMS, repairs=_terms),
        Step(place=Place.TERM_SEEN, answer=_term_seen),
    ),
)
