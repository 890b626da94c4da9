"""The code of every repair is pasted into its training, and does what the trial did."""

from __future__ import annotations

import keras
import pytest

from pytest_converge.training.interventions.rerun import Reruns
from tests.training.interventions.test_interventions import CHANGES
from tests.training.interventions.trainings import squares
from tests.zoo.repaired import Repair
from tests.zoo.trainings import quiet, running

STEPS = 5
#: Changes that only ask a question.
NO_REPAIR = {"permuted", "stretch"}
#: Repairs that draw weights or an order of their own, and that fill batches with other rows.
DRAWN = {
    "order",
    "initialisers",
    "wider",
    "deeper",
    "missing",
    "columns",
    "aligned",
    "aligned backwards",
}

#: What is pasted most often, and of each kind one; the others take long together.
OFTEN = {
    "rate",
    "adam",
    "clipped",
    "features",
    "targets",
    "labels",
    "class weights",
    "order",
    "initialisers",
    "steps",
    "head",
    "penalties",
    "wider",
}

REPAIRS = {name: change for name, change in CHANGES.items() if name not in NO_REPAIR}


@pytest.mark.parametrize(
    ("start", "make", "alike"),
    [
        pytest.param(
            start,
            make,
            name not in DRAWN,
            id=name,
            marks=() if name in OFTEN else pytest.mark.slow,
        )
        for name, (start, make, _) in REPAIRS.items()
    ],
)
def test_what_is_pasted_trains_as_the_trial_did(start, make, alike):
    keras.backend.clear_session()  # names of layers are counted from here
    keras.utils.set_random_seed(0)
    reruns = Reruns(running(start(), steps=STEPS), 0, quiet)
    change = make(reruns)
    with reruns.changed(change) as run:
        tried = run(0).curve

    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    repair = Repair(start(), STEPS, {"squares": squares})
    repair.paste(change.fix)
    with repair.patched():
        pasted = running(repair.start, steps=repair.steps).run(0).curve
    if alike:
        assert pasted.last == pytest.approx(tried.last, rel=1e-4)
    else:
        assert pasted.last < pasted.first
