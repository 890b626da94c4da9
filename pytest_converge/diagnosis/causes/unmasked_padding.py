"""Padding is read in the place of tokens, or beside them.

Rows of tokens are filled up with zeros at their end, and a recurrent layer reads these as well: its
last state, which stands for the row, is what is left after many steps of nothing. Series of numbers
are filled up with steps of zeros, or of -1, and a layer `Masking` that waits for another value lets
them through. Or a mask of attention has the wrong sign: the padding is attended to, and the tokens
are left out.

## How it is found

One step is made on the first batch and looked at: token numbers of which at least 30 % of the rows
end in zeros go through an embedding without a mask into a recurrent layer. The embedding gets
`mask_zero=True`, and the training is repeated from the same start. It is the cause if every gate
then passes on three seeds.

Of series of numbers, at least half of the rows have to end, or to begin, in different numbers of
steps that all hold one and the same constant, which hardly comes anywhere else: zeros that are data
do. Where they reach a recurrent layer, they are masked in front of the first layer, and a `Masking`
with another value gets this one.

In a softmax over the places of such rows it is looked at which of them were masked by a number far
below the others. Where those are the tokens, and all the attention goes to the padding, the mask is
turned round, and the training is repeated.

## A test that shows it

```python
import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(0)
x, y = np.zeros((256, 200), "int32"), rng.integers(0, 2, 256)
for row, kind in zip(x, y, strict=True):
    row[:4] = rng.permutation([1 + 4 * kind, 2 + 4 * kind, 3 + 4 * kind, 9])


def reader(mask):
    parts = [layers.Embedding(10, 8, mask_zero=mask), layers.SimpleRNN(8)]
    model = keras.Sequential([keras.Input((200,)), *parts, layers.Dense(1, "sigmoid")])
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy")
    return model


def test_with_padding(converge):
    converge.fit(lambda: reader(mask=False), x, y, steps=60, max_loss=0.2)
```

## Repair

```python
def test_masked(converge):
    converge.fit(lambda: reader(mask=True), x, y, steps=60, max_loss=0.2)
```

Padding at the front, `pad_sequences(..., padding="pre")`, keeps the last steps for the tokens.
"""

import dataclasses

from pytest_converge.core.numbers import number
from pytest_converge.diagnosis.cause import Answer, Cause, FailedTraining, Place, Repairs, Step
from pytest_converge.training.interventions import masking
from pytest_converge.training.measures.attention_masks import InvertedMask
from pytest_converge.training.measures.padded_steps import PaddedSteps


def _repairs(failed: FailedTraining) -> Repairs:
    """The embedding of padded rows with a mask."""
    padding = failed.evidence.computation.padding
    if padding is not None:
        fault = (
            f"{padding.recurrent} reads the padding: {padding.share:.0%} of the tokens are zeros"
            " at the end of rows"
        )
        yield dataclasses.replace(masking.masked(failed.training.models, padding), fault=fault)


def _steps(failed: FailedTraining) -> Repairs:
    """The steps that fill up series of numbers with a mask."""
    padded = failed.evidence.computation.padded
    if padded is not None:
        change = masking.masked_steps(failed.training.models, padded)
        yield dataclasses.replace(change, fault=_of_steps(padded))


def _of_steps(padded: PaddedSteps) -> str:
    numbers = dict.fromkeys(map(number, padded.value))
    held = f"hold {next(iter(numbers))} alone" if len(numbers) == 1 else "are all the same"
    end = "end" if padded.at_end else "beginning"
    other = "" if padded.masked is None else f", and {padded.layer} masks {padded.masked}"
    return (
        f"{padded.recurrent} reads the padding: {padded.share:.0%} of the steps, at the {end} of"
        f" rows, {held}{other}"
    )


def _turned_round(failed: FailedTraining) -> Repairs:
    """A mask of attention that leaves the tokens out, the other way round."""
    mask = failed.evidence.computation.inverted
    if mask is not None:
        change = masking.turned_round(failed.training, mask)
        yield dataclasses.replace(change, fault=_says(mask))


def _seen(failed: FailedTraining) -> Answer | None:
    """The same where that was not enough, or could not be tried."""
    mask = failed.evidence.computation.inverted
    if mask is None:
        return None
    change = masking.turned_round(failed.training, mask)
    return Answer(cause=CAUSE.code, message=_says(mask), where=change.where, fix=change.fix)


def _says(mask: InvertedMask) -> str:
    place = mask.layer or "the step"
    return f"the attention of {place} goes to the padding of {mask.array}: its tokens are masked"


CAUSE = Cause(
    code="unmasked-padding",
    usual=lambda failed: [_repairs(failed), _steps(failed), _turned_round(failed)],
    steps=(
        Step(place=Place.PADDING, repairs=_turned_round),
        Step(place=Place.PADDING, repairs=_repairs),
        Step(place=Place.PADDING, repairs=_steps),
        Step(place=Place.PADDING_SEEN, answer=_seen),
    ),
)
