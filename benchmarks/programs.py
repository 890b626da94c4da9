"""What becomes of small real programs, healthy and sick: tests/programs, several seeds each.

    python -m benchmarks.programs
    python -m benchmarks.programs --seeds 3 --only arrays_moons_sgd --only tf1_mlp_zeros

A row a program and seed: how far its curve is from that of its own plain loop (the largest relative
difference of ten steps), whether the healthy variant is green and the sick one red, which cause is
named for the sick one and which it is labelled with, whether a repair was verified, and the seconds
of all that. A cause is right as labelled, accepted where a careful engineer could defend it, none
where the diagnosis says that it found no cause, and wrong otherwise. Then a summary by style. The
exit code is 1 where a curve differs, a verdict is wrong or a wrong cause is named.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import os
import sys
import time
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from pytest_converge import runner
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.result import ConvergenceResult
from tests.programs.table import PROGRAMS, Program
from tests.zoo import trainings
from tests.zoo.problems import Start

#: As many steps are compared, to this relative difference: a compiled graph may sum in another
#: order.
COMPARED_STEPS, CLOSE = 10, 1e-5
#: What a comparison of curves expects of a training: nothing.
NOTHING = {"steps": COMPARED_STEPS, "max_loss": 1e9, "monotone": "off"}
#: The code of a diagnosis, and the label of a program, that name no cause.
NO_CAUSE = "unknown"
ANSWERS = ("right", "accepted", "none", "wrong")
#: What stands in a row for what raised an error.
ERROR = "error"


@dataclasses.dataclass
class Row:
    """What became of one program on one seed.

    Attributes:
        difference: of the curve, relative; NaN where one of the loops could not be run.
        healthy: "green", "red" or "error".
        sick: likewise.
        named: the codes of the causes, joined; empty where there is no diagnosis.
        answer: one of `ANSWERS`; empty where there is no diagnosis.
        errors: the first line of every error.
    """

    program: Program
    seed: int
    difference: float = float("nan")
    healthy: str = ERROR
    sick: str = ERROR
    named: str = ""
    answer: str = ""
    verified: bool = False
    seconds: float = 0.0
    errors: list[str] = dataclasses.field(default_factory=list)

    @property
    def same_curve(self) -> bool:
        return self.difference <= CLOSE

    @property
    def wrong(self) -> bool:
        verdicts = (self.healthy, self.sick)
        return not self.same_curve or verdicts != ("green", "red") or self.answer == "wrong"

    def __str__(self) -> str:
        return (
            f"{self.program.name:29} {self.seed} {self.program.style:30} {self.difference:8.1e} "
            f"{self.healthy:6} {self.sick:6} {self.answer or '-':9} {self.named or '-':25} "
            f"{self.program.module.CAUSE:25} {'verified' if self.verified else '-':8} "
            f"{self.seconds:6.1f}"
        )


def result_of(
    program: Program, arguments: dict[str, Any], expectation: dict[str, Any], *, seed: int
) -> ConvergenceResult:
    """The result of a call of the program's verb, diagnosed where it fails."""
    context = runner.Context(
        test=program.name,
        number=1,
        expectation=Expectation(seed=seed, **expectation),
        hooks=trainings.NoHooks(),
        progress=trainings.quiet,
        diagnose="quick",
        steps=expectation.get("steps"),
    )
    return runner.run(context, Start(program.verb, arguments).call)


def compare(row: Row) -> None:
    program, seed = row.program, row.seed
    own = np.asarray(program.module.plain(program.started(seed), COMPARED_STEPS), "float64")
    result = result_of(program, program.started(seed), NOTHING, seed=seed)
    curve = np.asarray(result.curve.batch_loss[:COMPARED_STEPS], "float64")
    differences = np.abs(curve - own)
    # A loss near 0 is the difference of larger numbers, whose rounding it has.
    row.difference = float((differences / np.maximum(np.abs(own), 0.1)).max())


def judge_healthy(row: Row) -> None:
    arguments = row.program.arguments("healthy", row.seed)
    expectation = row.program.expectation("healthy")
    result = result_of(row.program, arguments, expectation, seed=row.seed)
    row.healthy = "green" if result.passed else "red"


def judge_sick(row: Row) -> None:
    arguments = row.program.arguments("sick", row.seed)
    expectation = row.program.expectation("sick")
    result = result_of(row.program, arguments, expectation, seed=row.seed)
    row.sick = "green" if result.passed else "red"
    if result.diagnosis is None:
        return
    causes = [cause.cause for cause in result.diagnosis.causes] or [result.diagnosis.cause]
    row.named = ", ".join(causes)
    row.answer = answer(causes, row.program)
    row.verified = result.diagnosis.proven


def answer(causes: list[str], program: Program) -> str:
    """How good the causes of a diagnosis are, by the label of the program."""
    module = program.module
    if causes == [module.CAUSE]:
        return "right"
    if set(causes) <= {module.CAUSE, *module.ALSO}:
        return "accepted"
    return "none" if causes == [NO_CAUSE] else "wrong"


def row_of(program: Program, seed: int) -> Row:
    """Runs all variants of a program; an error in one leaves the others."""
    row = Row(program, seed)
    began = time.perf_counter()
    for part in (compare, judge_healthy, judge_sick):
        keras.backend.clear_session()  # code to paste names layers, which are counted from here
        try:
            part(row)
        except Exception as error:  # noqa: BLE001 - an error is an answer here: the wrong one
            first = (str(error).splitlines() or [""])[0]
            row.errors.append(f"{part.__name__}: {type(error).__name__}: {first}"[:300])
    row.seconds = time.perf_counter() - began
    return row


def report(rows: list[Row]) -> None:
    """Prints the summary by style, and over all."""
    by_style = collections.defaultdict(list)
    for row in rows:
        by_style[row.program.style].append(row)
    titles = ("same curve", "green", "red", *ANSWERS, "verified")
    print(f"\n{'style':32}{'runs':>5}" + "".join(f"{title:>12}" for title in titles))
    for style, group in [*sorted(by_style.items()), ("all", rows)]:
        answers = collections.Counter(row.answer for row in group)
        counts = (
            sum(row.same_curve for row in group),
            sum(row.healthy == "green" for row in group),
            sum(row.sick == "red" for row in group),
            *(answers[name] for name in ANSWERS),
            sum(row.verified for row in group),
        )
        print(f"{style:32}{len(group):5}" + "".join(f"{count:12}" for count in counts))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", help="a program's name; may be repeated")
    parser.add_argument("--seeds", type=int, default=1, help="seeds a program, from 0 on")
    options = parser.parse_args()

    chosen = [each for each in PROGRAMS if not options.only or each.name in options.only]
    if not chosen:
        print("no such program")
        return 2
    print(
        f"{'program':29} s {'style':30} {'curve':8} {'healthy':7}{'sick':6} {'cause':9} "
        f"{'named':25} {'labelled':25} {'repair':8} seconds"
    )
    rows = []
    for program in chosen:
        for seed in range(options.seeds):
            rows.append(row_of(program, seed))
            print("\n    ".join([str(rows[-1]), *rows[-1].errors]), flush=True)
    report(rows)
    return int(any(row.wrong for row in rows))


if __name__ == "__main__":
    sys.exit(main())
