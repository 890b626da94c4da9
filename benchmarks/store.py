"""Killing writers: what is left of a baseline's file when its writer dies at any moment.

    python -m benchmarks.store [--kills 1000] [--seed 0]

Forks a process that saves two versions of a baseline in turn, kills it (SIGKILL) after a random
time, and loads the file. It must be one of the two versions, whole; temporary files may be left.
Prints how many there were of each, and how many kills hit the writing itself. Needs a POSIX
system; the pauses follow `--seed`.
"""

from __future__ import annotations

import argparse
import collections
import math
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

from pytest_converge.baselines.files.errors import BaselineFileError, MissingBaselineError
from pytest_converge.baselines.files.paths import baseline_path, is_leftover
from pytest_converge.baselines.files.store import load, save
from pytest_converge.core.baseline import Baseline, StoredRun

TEST = "test_models.py::test_wine"
STEPS = (*range(1, 11), *(round(10 * 20 ** (i / 54)) + i for i in range(1, 55)))


def version(commit: str, seed: int) -> Baseline:
    """A baseline as large as they come: 20 runs of 64 points and two scores."""
    rng = random.Random(seed)  # noqa: S311 - noise

    def run(number: int) -> StoredRun:
        losses = tuple(rng.lognormvariate(0, 1) for _ in STEPS)
        scores = (math.log(losses[0]), math.log(losses[-1]))
        return StoredRun(seed=number, scores=scores, steps=STEPS, losses=losses)

    facts = {"settings": {"steps": 200}, "environment": {"keras": "3.15.0"}}
    runs = tuple(map(run, range(20)))
    return Baseline(test=TEST, number=1, commit=commit, runs=runs, **facts)


def save_for_ever(path: Path, versions: list[Baseline], first: int) -> None:
    while True:
        save(path, [versions[first % len(versions)]])
        first += 1


def killed_after(seconds: float, path: Path, versions: list[Baseline], first: int) -> None:
    child = os.fork()
    if not child:
        try:
            save_for_ever(path, versions, first)
        finally:
            os._exit(1)  # only a save that fails gets here
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        raise SystemExit("the writer ended by itself: a save failed")


def found(path: Path) -> str:
    """Which version is there, "none", or what is wrong."""
    try:
        (baseline,) = load(path, TEST)
    except MissingBaselineError:
        return "none"
    except BaselineFileError as error:
        return f"CORRUPT: {error}"
    return baseline.commit


def seconds_of_a_save(path: Path, baseline: Baseline) -> float:
    times = []
    for _ in range(11):
        began = time.perf_counter()
        save(path, [baseline])
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)  # noqa: S311 - pauses
    versions = [version("one", 1), version("two", 2)]
    counts: collections.Counter[str] = collections.Counter()
    with tempfile.TemporaryDirectory() as name:
        path = baseline_path(Path(name), Path("test_models.py"), TEST)
        pause = seconds_of_a_save(path, versions[0])
        path.unlink()
        # The first kills hit the making of the folder and of the first file too.
        path.parent.rmdir()
        path.parent.parent.rmdir()
        for number in range(options.kills):
            killed_after(rng.uniform(0, 3 * pause), path, versions, number)
            counts[found(path)] += 1
        left = sum(is_leftover(file.name) for file in path.parent.iterdir())
        size = path.stat().st_size if path.exists() else 0
    print(f"{options.kills} kills, a save of {size} bytes takes {1000 * pause:.1f} ms")
    for outcome, count in sorted(counts.items()):
        print(f"{count:6d}  {outcome}")
    print(f"{left:6d}  temporary files left")
    return any(outcome.startswith("CORRUPT") for outcome in counts)


if __name__ == "__main__":
    sys.exit(main())
