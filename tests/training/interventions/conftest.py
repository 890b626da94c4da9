"""What a change makes of a training."""

from __future__ import annotations

import pytest

from pytest_converge.training.interventions.rerun import Reruns
from pytest_converge.training.loop import run as run_module
from tests.checks.curves import record_of
from tests.training.interventions.trainings import STEPS, everything_of
from tests.zoo.trainings import quiet, running


@pytest.fixture
def parts_during(monkeypatch):
    """(parts before, while each start of a change would be trained, afterwards); none is."""
    seen = []

    def run(self, seed, **_):
        seen.append({**everything_of(self.training), "steps": self.steps})
        return record_of([1.0, 0.5])

    def observe(start, make, seeds=1):
        reruns = Reruns(running(start, steps=STEPS), 0, quiet)
        before = {**everything_of(reruns.training), "steps": STEPS}
        change = make(reruns)
        monkeypatch.setattr(run_module.TrainingRun, "run", run)
        with reruns.changed(change) as begin:
            for number in range(seeds):
                begin(number)
        return before, seen, {**everything_of(reruns.training), "steps": STEPS}

    return observe
