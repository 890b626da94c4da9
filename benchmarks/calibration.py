"""How good proposed bounds are: the real false alarms of `--converge-calibrate` on fresh starts.

    python -m benchmarks.calibration        # eleven trainings of tests/zoo/problems.py
    python -m benchmarks.calibration --only hinge --fresh 400

From each training come 20 + FRESH starts, judged after a quarter, half and all of its steps. A
bound is derived from 20 of them and tried on the others; `once` takes the first 20, as a user
does, `mean` and `worst` take DRAWS random twenties. Takes about five minutes of CPU time.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import statistics
from collections.abc import Sequence

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

from pytest_converge.test_quality.bounds import bound_of
from pytest_converge.test_quality.step_numbers import RunsOfLengths
from pytest_converge.training.interventions.intervention import Intervention
from tests.zoo import (
    problems,
    trainings,
)

STARTS, SEED = 20, 1
SHARES = (0.25, 0.5, 1.0)
#: Cheap ones of many kinds: losses below zero, heavy tails, dropout, averages, weights.
NAMES = (
    "batch_of_eight",
    "embedding",
    "class_weights",
    "l2_regression",
    "hinge",
    "huber_with_outliers",
    "poisson_counts",
    "likelihood_below_zero",
    "cosine_similarity",
    "rmsprop",
    "averaged_weights",
)


def losses_of(problem: problems.Problem, starts: int) -> tuple[list[int], float, list[list[float]]]:
    """(numbers of steps, the initial loss, for each number the final loss of every start)."""
    steps = problem.expectation["steps"]
    running = trainings.running(problem.start(SEED), steps=steps, seed=SEED)
    initial = running.run(SEED).curve.first
    stops = [max(round(share * steps), 1) for share in SHARES]
    runs = RunsOfLengths(running, SEED, trainings.quiet)
    with runs.records(Intervention(code="", change="nothing"), stops) as run:
        found = [[record.curve.last for record in run(number)] for number in range(starts)]
    running.training.release()
    return stops, initial, [list(column) for column in zip(*found, strict=True)]


def rates_of(losses: list[float], initial: float, draws: int) -> tuple[list[float], list[float]]:
    """(real, stated) false alarms of the first twenty losses, then of random twenties.

    Those of the first twenty are NaN where no bound was proposed, the others are left out then.
    """
    rng = random.Random(SEED)  # noqa: S311 - numbers for shuffling are no secrets
    mixed, real, stated = list(losses), [], []
    for draw in range(1 + draws):
        bound = bound_of(mixed[:STARTS], initial)
        if bound is not None:
            real.append(exceeding(mixed[STARTS:], bound.max_loss))
            stated.append(bound.false_alarm)
        elif draw == 0:
            real.append(math.nan)
        rng.shuffle(mixed)
    return real, stated


def exceeding(losses: Sequence[float], bound: float) -> float:
    """The share of losses above a bound; those that are not finite count."""
    return sum(not loss <= bound for loss in losses) / len(losses)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fresh", type=int, default=200, help="starts to try a bound on")
    parser.add_argument("--draws", type=int, default=400, help="random twenties")
    parser.add_argument("--only", nargs="*", default=NAMES, help="names of trainings")
    options = parser.parse_args()
    means = []
    print(f"{'training':24}{'steps':>6}{'stated':>9}{'once':>8}{'mean':>9}{'worst':>8}")
    for problem in problems.HEALTHY:
        if problem.name not in options.only:
            continue
        stops, initial, columns = losses_of(problem, STARTS + options.fresh)
        keras.backend.clear_session()
        for steps, losses in zip(stops, columns, strict=True):
            real, stated = rates_of(losses, initial, options.draws)
            if not stated:
                print(f"{problem.name:24}{steps:6}  no bound")
                continue
            known = [rate for rate in real if not math.isnan(rate)]
            means.append(statistics.fmean(known))
            print(
                f"{problem.name:24}{steps:6}{statistics.fmean(stated):9.3%}{real[0]:8.2%}"
                f"{means[-1]:9.3%}{max(known):8.1%}",
                flush=True,
            )
    print(
        f"{len(means)} bounds: median {statistics.median(means):.3%}, "
        f"mean {statistics.fmean(means):.3%}, largest {max(means):.2%}"
    )


if __name__ == "__main__":
    main()
