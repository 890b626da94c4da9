"""Baselines with chosen numbers, made without any training."""

from __future__ import annotations

import math
import random

from pytest_converge.core.baseline import Baseline, StoredRun

TEST = "tests/test_models.py::test_wine"
#: As recorded runs have them: all of the first ten, then evenly spaced.
STEPS = (*range(1, 11), *range(20, 201, 10))


def stored_run(seed=7, *, level=0.0, scores=None, steps=STEPS, losses=None, noise=0.05):
    """A run whose losses fall; `level` raises the logarithm of all of them."""
    rng = random.Random(seed)
    logs = [level - 3 * step / 200 + rng.gauss(0, noise) for step in steps]
    late = logs[len(logs) // 2 :]
    return StoredRun(
        seed=seed,
        scores=scores or (sum(logs) / len(logs), sum(late) / len(late)),
        steps=tuple(steps),
        losses=tuple(map(math.exp, logs)) if losses is None else tuple(losses),
    )


def recorded(test=TEST, number=1, *, level=0.0, first_seed=7, **changes):
    """A baseline of 20 runs."""
    values = {
        "settings": {"batch_size": 32, "metric": None, "shuffle": True, "steps": 200},
        "environment": {"device": "cpu", "keras": "3.15.0", "tensorflow": "2.21.0", "threads": 2},
        "commit": "0123456789abcdef0123456789abcdef01234567",
        "runs": tuple(stored_run(first_seed + i, level=level) for i in range(20)),
    }
    return Baseline(test=test, number=number, **{**values, **changes})
