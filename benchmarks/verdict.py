"""How often the verdict is right: every training of the zoo or of a corpus, several seeds each.

    python -m benchmarks.verdict                          # tests/zoo/problems.py
    python -m benchmarks.verdict --seeds 20 --only gru
    python -m benchmarks.verdict --corpus ../shared/corpus

A corpus is a folder that is a package of the module `corpus`, whose `entries()` build cases with
a known label and a repaired twin of each fault. The exit code is 1 when a sound training is red.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import importlib
import os
import statistics
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

from tests.zoo import (
    problems,
    trainings,
)

HEALTHY, TWIN, FAULTY = "healthy", "twin", "faulty"
#: What a case of a corpus hands over to a verb.
FIT = ("model", "x", "y", "batch_size", "sample_weight", "class_weight", "shuffle")
MINIMIZE = ("loss", "variables", "optimizer")


@dataclasses.dataclass(frozen=True)
class Trial:
    """One training with a known verdict.

    Attributes:
        kind: "healthy", "twin" (a repaired fault) or "faulty".
        codes: gates that must be among the failing ones.
        start: makes the start and the arguments of its expectation from a seed.
    """

    kind: str
    name: str
    start: Callable[[int], tuple[problems.Start, dict[str, Any]]]
    codes: frozenset[str] = frozenset()


def trials_of_zoo() -> Iterator[Trial]:
    for kind, group in ((HEALTHY, problems.HEALTHY), (FAULTY, problems.SICK)):
        for problem in group:

            def start(seed: int, problem: Any = problem) -> Any:
                return problem.start(seed), dict(problem.expectation)

            yield Trial(kind, problem.name, start, problem.codes)


def trials_of_corpus(folder: Path) -> Iterator[Trial]:
    sys.path.insert(0, str(folder.resolve().parent))
    corpus = importlib.import_module(f"{folder.name}.corpus")
    for entry in corpus.entries():
        for fixed in (False,) if entry.cause is None else (False, True):
            kind = HEALTHY if entry.cause is None else TWIN if fixed else FAULTY

            def start(seed: int, entry: Any = entry, fixed: bool = fixed) -> Any:
                return start_of(entry.build(fixed, seed))

            yield Trial(kind, entry.name, start)


def start_of(case: Any) -> tuple[problems.Start, dict[str, Any]]:
    """A case of a corpus as a start and the arguments of its expectation."""
    verb, names = (problems.fit, FIT) if case.model is not None else (problems.minimize, MINIMIZE)
    start = verb(**{name: getattr(case, name) for name in names})
    return start, {"max_loss": case.max_loss, "steps": case.steps}


def judge(trial: Trial, seed: int) -> tuple[bool, bool, float, str]:
    """(red, wrong, seconds, a line about it)."""
    try:
        start, expectation = trial.start(seed)
        result = trainings.judged(start, seed=seed, **expectation)
    except Exception as error:  # noqa: BLE001 - an error is a verdict here: the wrong one
        return True, True, 0.0, f"{type(error).__name__}: {error}"[:500]
    failing = trainings.failing(result)
    red = not result.passed
    wrong = red != (trial.kind == FAULTY) or not trial.codes <= failing
    messages = "; ".join(f"{f.code}: {f.message}" for f in result.findings if f.fails)
    line = f"{result.initial_loss:.4g} -> {result.final_loss:.4g}  {messages or 'green'}"
    if wrong:
        _, losses = result.curve.trend
        line += "\n    " + " ".join(f"{loss:.3g}" for loss in losses)
    return red, wrong, result.seconds, line


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, help="folder of a corpus instead of the zoo")
    parser.add_argument("--seeds", type=int, default=3, help="seeds a training, from 0 on")
    parser.add_argument("--only", action="append", help="a training's name; may be repeated")
    parser.add_argument("--kind", choices=(HEALTHY, TWIN, FAULTY), action="append")
    parser.add_argument("--verbose", action="store_true", help="a line for right verdicts too")
    options = parser.parse_args()

    trials = trials_of_corpus(options.corpus) if options.corpus else trials_of_zoo()
    red: collections.Counter[str] = collections.Counter()
    runs: collections.Counter[str] = collections.Counter()
    seconds = []
    for trial in trials:
        if options.only and trial.name not in options.only:
            continue
        if options.kind and trial.kind not in options.kind:
            continue
        for seed in range(options.seeds):
            is_red, wrong, took, line = judge(trial, seed)
            red[trial.kind] += is_red
            runs[trial.kind] += 1
            seconds.append(took)
            if wrong or options.verbose:
                mark = "WRONG" if wrong else "right"
                print(
                    f"{mark} {trial.kind:8}{trial.name} seed {seed}  {took:.2f} s  {line}",
                    flush=True,
                )
            keras.backend.clear_session()
    if not runs:
        print("no such training")
        return 2
    for kind in (HEALTHY, TWIN, FAULTY):
        if runs[kind]:
            print(
                f"{kind:8}{red[kind]:5} of {runs[kind]} red ({100 * red[kind] / runs[kind]:.1f} %)"
            )
    print(f"median  {statistics.median(seconds):5.2f} s a training")
    return 1 if red[HEALTHY] or red[TWIN] else 0


if __name__ == "__main__":
    sys.exit(main())
