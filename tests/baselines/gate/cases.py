"""Decisions of the gate at the edges of its clauses, each with what must come out.

The baseline of most cases has the scores 0, 0.1, ... 1.9, so that the rank of a new score is seen
at a glance. Either its best run has the first seed (`RISING`) or its worst (`FALLING`).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from pytest_converge.baselines.gate.bounds import least_alpha
from pytest_converge.core.baseline import BaselineVerdict, StoredRun

__all__ = [
    "AT_ONCE",
    "CASES",
    "DELTA",
    "FALLING",
    "IN_TURN",
    "OTHER_LOSSES",
    "REFUSED",
    "RISING",
    "Case",
    "above",
    "runs",
]

#: The default tolerance of 5 % as a difference of scores.
DELTA = math.log1p(0.05)
HAIR = 1e-9
RISING = tuple(number / 10 for number in range(20))
FALLING = RISING[::-1]
#: No two of the runs of a case have losses alike, unless it is about the signature.
STEPS = tuple(range(1, 13))
OTHER_LOSSES = tuple(2.0 for _ in STEPS)


def runs(
    *columns: Sequence[float],
    losses: Sequence[float] = (1.0,) * 12,
    first: int = 0,
    count: int = 0,
) -> tuple[StoredRun, ...]:
    """Runs with the seeds from `first` on; each column holds one score of all of them.

    Without a column there are `count` runs that have no score.
    """
    return tuple(
        StoredRun(
            seed=first + number,
            scores=tuple(scores),
            steps=STEPS[: len(losses)],
            losses=tuple(losses),
        )
        for number, scores in enumerate(zip(*columns, strict=True) if columns else [()] * count)
    )


@dataclasses.dataclass(frozen=True)
class Case:
    """One call of `judge` and what its verdict must hold.

    Attributes:
        name: what the case is about.
        baseline: the stored runs.
        new: the new runs.
        expected: attributes of the verdict; floats are compared to six digits.
        options: of `judge`.
    """

    name: str
    baseline: tuple[StoredRun, ...]
    new: tuple[StoredRun, ...]
    expected: Mapping[str, Any]
    options: Mapping[str, Any]

    def holds(self, verdict: BaselineVerdict) -> bool:
        """True where the verdict is as expected; an effect at an edge is found to 0.01 %."""
        return all(
            getattr(verdict, name) == _about(name, value) for name, value in self.expected.items()
        )


def _about(name, value):
    if value is None or name not in {"effect", "detectable", "false_alarm", "p_values", "p_pairs"}:
        return value
    return pytest.approx(value, rel=1e-6, abs=3e-4 if name == "detectable" else 1e-12)


def case(name, baseline, new, *, expected, **options):
    return Case(name, baseline, new, expected, options)


#: The runs that a look has, and those that the next one has.
COUNTS = {
    "signature": (1, 2),
    "one run": (1, 2),
    "two runs": (2, 3),
    "three runs": (3, 4),
    "four runs": (4, 6),
    "six runs": (6, 8),
    "eight runs": (8, 11),
    "eleven runs": (11, 13),
    "thirteen runs": (13, 16),
    "sixteen runs": (16, 20),
    "twenty runs": (20, 0),
}


def look(outcome, name, **more):
    count, following = COUNTS[name]
    needed = following if outcome == "continue" else 0
    return {"outcome": outcome, "look": name, "runs": count, "needed": needed, **more}


def scored(name, baseline, new, expected, **options):
    """A case whose scores are given, the same twice or two columns, and whose losses differ."""
    old = baseline if isinstance(baseline[0], tuple) else (baseline, baseline)
    now = new if isinstance(new[0], tuple) else (new, new)
    return case(name, runs(*old), runs(*now, losses=OTHER_LOSSES), expected=expected, **options)


def on_each_score(name, baseline, new, fine, expected, **options):
    """The same scores once as the first and once as the second, beside fine ones."""
    first = scored(f"{name}, first score", baseline, (new, fine), expected, **options)
    second = scored(f"{name}, second score", baseline, (fine, new), expected, **options)
    return [first, second]


def above(counts, order=RISING):
    """Scores with so many of the worsened baseline below them: an own value for each."""
    best = sorted(order)
    return tuple(
        (best[count - 1] if count else -1.0) + DELTA + HAIR * (1 + number)
        for number, count in enumerate(counts)
    )


ONE_RUN = [
    scored("e^650", RISING, (650.0,), look("continue", "one run", effect=(math.expm1(650),) * 2)),
    scored("e^700", RISING, (700.0,), look("continue", "one run", effect=(math.inf,) * 2)),
    scored("e^705", RISING, (705.0,), look("continue", "one run", effect=(math.inf,) * 2)),
    scored("rank 12", FALLING, above([12]), look("pass", "one run", ranks=((12,), (12,)))),
    scored("rank 13", FALLING, above([13]), look("continue", "one run", ranks=((13,), (13,)))),
    scored("tied with the 13th", FALLING, (1.2 + DELTA,), look("pass", "one run")),
    *on_each_score("rank 13", FALLING, above([13]), (0.0,), look("continue", "one run")),
    scored("worse by the tolerance", RISING, (DELTA,), look("pass", "one run", faster=False)),
    scored("and by a hair more", RISING, (DELTA + HAIR,), look("continue", "one run")),
    *on_each_score("by a hair", RISING, (DELTA + HAIR,), (0.0,), look("continue", "one run")),
    scored("not finite", FALLING, (math.inf,), look("continue", "one run", effect=(math.inf,) * 2)),
    scored(
        "not finite as before",
        (math.inf, *RISING[1:]),
        (math.inf,),
        look("continue", "one run", ranks=((19,), (19,)), effect=(0.0, 0.0)),
    ),
    scored(
        "as infinite as eight others",
        (math.inf,) * 8 + RISING[:12],
        (math.inf,),
        look("pass", "one run", ranks=((12,), (12,)), effect=(0.0, 0.0)),
    ),
    scored(
        "finite where it was not",
        (math.inf, *RISING[1:]),
        (0.5,),
        look("pass", "one run", effect=(-1.0, -1.0), detectable=None),
    ),
    scored("10 % better", RISING, (-DELTA - HAIR,), look("pass", "one run", faster=True)),
    scored("5 % better", RISING, (-DELTA,), look("pass", "one run", faster=False)),
    scored(
        "better on one score",
        RISING,
        ((-DELTA - HAIR,), (0.0,)),
        look("pass", "one run", faster=True),
    ),
    scored(
        "all alike",
        (1.0,) * 20,
        (1.0 + 0.9 * DELTA,),
        look("pass", "one run", ranks=((0,), (0,)), detectable=0.05, false_alarm=6.2933808e-4),
    ),
    scored(
        "one score", (RISING,), ((0.0,),), look("pass", "one run", ranks=((0,),), effect=(0.0,))
    ),
]

FOUR_WORST = above([20, 20, 20, 20])
FOUR_P = 1 / math.comb(24, 4)
FINE_FOUR = (0.0,) * 4
#: 52 and 51 pairs in which the new run is worse: p is 0.194 and 0.216.
P_194, P_216 = above([14, 13, 13, 12]), above([13, 13, 13, 12])
FOUR_RUNS = [
    scored("all above all", FALLING, FOUR_WORST, look("fail", "four runs", ranks=((20,) * 4,) * 2)),
    *on_each_score("all above all", FALLING, FOUR_WORST, FINE_FOUR, look("fail", "four runs")),
    *on_each_score(
        "one tied with the worst",
        FALLING,
        (*FOUR_WORST[:3], 1.9 + DELTA),
        FINE_FOUR,
        look("continue", "four runs"),
    ),
    *on_each_score("p 0.194", FALLING, P_194, FINE_FOUR, look("continue", "four runs")),
    *on_each_score("p 0.216", FALLING, P_216, FINE_FOUR, look("pass", "four runs")),
    scored(
        "worse than their own",
        RISING,
        tuple(x + HAIR for x in RISING[:4]),
        look("continue", "four runs"),
    ),
    scored(
        "one equal to its own",
        RISING,
        (0.0, *(x + HAIR for x in RISING[1:4])),
        look("pass", "four runs"),
    ),
    *on_each_score(
        "worse than their own on one score only",
        RISING,
        tuple(x + HAIR for x in RISING[:4]),
        RISING[:4],
        look("continue", "four runs"),
    ),
    *on_each_score(
        "and better on the other",
        RISING,
        tuple(x + HAIR for x in RISING[:4]),
        tuple(x - 2 * HAIR for x in RISING[:4]),
        look("pass", "four runs"),
    ),
    scored("none finite", FALLING, (math.inf,) * 4, look("fail", "four runs", detectable=None)),
    scored(
        "none finite, as one before",
        (*FALLING[:19], math.inf),
        (math.inf,) * 4,
        look("continue", "four runs"),
    ),
    scored(
        "all alike and 4 % worse",
        (1.0,) * 20,
        (1.0 + math.log(1.04),) * 4,
        look("continue", "four runs", p_values=(1.0, 1.0)),
    ),
    scored(
        "all alike and 6 % worse",
        (1.0,) * 20,
        (1.0 + math.log(1.06),) * 4,
        look("fail", "four runs", effect=(0.06, 0.06), detectable=0.05),
    ),
    scored("all alike", (1.0,) * 20, (1.0,) * 4, look("pass", "four runs", effect=(0.0, 0.0))),
]


def below(counts):
    """Scores better by more than the tolerance than so many of the baseline, like `above`."""
    return tuple(
        (RISING[20 - count] if count else 3.0) - DELTA - HAIR * (1 + number)
        for number, count in enumerate(counts)
    )


FOUR_RUNS += [
    scored(
        "two better and two worse without bound",
        (math.inf, math.inf, *RISING[2:]),
        (0.0, 0.1, math.inf, math.inf),
        look("pass", "four runs", effect=(0.0, 0.0)),
    ),
    scored(
        "the median of an even number of differences",
        RISING,
        (1.0, 0.2, 0.4, 0.6),
        look("continue", "four runs", effect=(math.expm1(0.25),) * 2),
    ),
    scored(
        "four better than all", FALLING, below([20] * 4), look("pass", "four runs", faster=True)
    ),
    scored(
        "and by rank alone, with an alpha that no p reaches",
        FALLING,
        below([20] * 4),
        look("pass", "four runs", faster=True),
        alpha=8.6e-4,
    ),
    scored(
        "three better", FALLING, below([20] * 3 + [19]), look("pass", "four runs", faster=False)
    ),
    scored(
        "worse ones are not faster, whatever the other score",
        FALLING,
        (below([20] * 4), FOUR_WORST),
        look("fail", "four runs", faster=False),
    ),
]

#: 152 and 151 pairs in which one of eight new runs is worse: p is 2.16e-5 and 3.09e-5.
P_LOW, P_HIGH = [18] * 4 + [20] * 4, [17] + [18] * 3 + [20] * 4
#: p of 152 pairs, and the alpha with which it is the limit.
EXACT_P = 2.155654329567373e-05
EXACT_ALPHA = EXACT_P / 0.025
FINE_EIGHT, FINE = (0.0,) * 8, (0.0,) * 11
WORSE = tuple(score + DELTA + HAIR for score in RISING)


def paired(rank_sum, count=20, order=RISING, hair=1e-4):
    """Scores of so many seeds whose excess beyond the tolerance has such a sum of positive ranks.

    The sizes of the differences are 1 to `count` hairs.
    """
    signs, left = [], rank_sum
    for rank in range(count, 0, -1):
        signs.append(1 if rank <= left else -1)
        left -= rank if rank <= left else 0
    return tuple(
        score + DELTA + sign * rank * hair
        for score, sign, rank in zip(order, signs, range(count, 0, -1), strict=False)
    )


def stray(count):
    """All worse than their own seeds beyond the tolerance but so many, which are far better."""
    return tuple(
        score + DELTA + (HAIR if seed >= count else -0.5) for seed, score in enumerate(RISING)
    )


EIGHT_RUNS = [
    *on_each_score("p 2.2e-5", FALLING, above(P_LOW), FINE_EIGHT, look("fail", "eight runs")),
    *on_each_score("p 3.1e-5", FALLING, above(P_HIGH), FINE_EIGHT, look("continue", "eight runs")),
    scored(
        "p 3.1e-5 with a larger alpha",
        FALLING,
        above(P_HIGH),
        look("fail", "eight runs", false_alarm=7.1030382e-4),
        alpha=0.0013,
    ),
    scored(
        "p at the limit",
        FALLING,
        above(P_LOW),
        look("fail", "eight runs", p_values=(EXACT_P,) * 2),
        alpha=EXACT_ALPHA,
    ),
    scored("none finite", FALLING, (math.inf,) * 8, look("fail", "eight runs")),
]

#: 195 and 194 pairs in which one of eleven new runs is worse: p is 9.46e-5 and 1.17e-4.
LOW_OF_ELEVEN, HIGH_OF_ELEVEN = [13, 14, 14, 14, *[20] * 7], [13, 13, 14, 14, *[20] * 7]
EXACT_P_OF_ELEVEN = 9.457636773011343e-05
#: 150 and 151 pairs: p is 0.0518 and 0.0474.
P_052, P_047 = [8, 9, 9, 9, 15, 15, 15, 15, 15, 20, 20], [9, 9, 9, 9, 15, 15, 15, 15, 15, 20, 20]
ELEVEN_RUNS = [
    scored(
        "better by a p at the limit",
        FALLING,
        below(LOW_OF_ELEVEN),
        look("pass", "eleven runs", faster=True),
        alpha=10 * EXACT_P_OF_ELEVEN,
    ),
    *on_each_score("p 9.5e-5", FALLING, above(LOW_OF_ELEVEN), FINE, look("fail", "eleven runs")),
    *on_each_score(
        "p 1.2e-4", FALLING, above(HIGH_OF_ELEVEN), FINE, look("continue", "eleven runs")
    ),
    *on_each_score("p 0.047", FALLING, above(P_047), FINE, look("continue", "eleven runs")),
    *on_each_score("p 0.052", FALLING, above(P_052), FINE, look("pass", "eleven runs")),
    scored(
        "p at the limit",
        FALLING,
        above(LOW_OF_ELEVEN),
        look(
            "fail",
            "eleven runs",
            p_values=(EXACT_P_OF_ELEVEN,) * 2,
            false_alarm=6.2933808e-4,
        ),
        alpha=10 * EXACT_P_OF_ELEVEN,
    ),
    scored(
        "worse than their own",
        RISING,
        WORSE[:11],
        look("continue", "eleven runs", p_pairs=2**-11, perhaps_worse=False),
    ),
    scored(
        "pairs with a p of 0.051",
        RISING,
        paired(52, 11),
        look("pass", "eleven runs", p_pairs=52 / 1024),
    ),
    scored("pairs with a p of 0.042", RISING, paired(53, 11), look("continue", "eleven runs")),
    scored("none finite", FALLING, (math.inf,) * 11, look("fail", "eleven runs")),
    scored("all alike", (1.0,) * 20, (1.0,) * 11, look("pass", "eleven runs", detectable=0.05)),
    scored("unchanged", RISING, RISING[:11], look("pass", "eleven runs", effect=(0.0, 0.0))),
    scored("better", FALLING, below(LOW_OF_ELEVEN), look("pass", "eleven runs", faster=True)),
    scored(
        "hardly better",
        FALLING,
        below(HIGH_OF_ELEVEN),
        look("pass", "eleven runs", faster=False),
    ),
    scored(
        "half better, half worse without bound",
        (*[math.inf] * 6, *RISING[:14]),
        (*[0.0] * 5, *[math.inf] * 6),
        look("pass", "eleven runs", effect=(0.0, 0.0)),
    ),
]

ALL_PAIRS_P = 2**-13
THIRTEEN_RUNS = [
    scored(
        "all worse than their own",
        RISING,
        WORSE[:13],
        look("fail", "thirteen runs", p_pairs=ALL_PAIRS_P, perhaps_worse=False),
    ),
    scored("all but the least", RISING, paired(90, 13), look("continue", "thirteen runs")),
    scored(
        "all, at the limit",
        RISING,
        WORSE[:13],
        look("fail", "thirteen runs"),
        alpha=ALL_PAIRS_P / 0.13,
    ),
    scored(
        "all, above the limit",
        RISING,
        WORSE[:13],
        look("continue", "thirteen runs"),
        alpha=0.999 * ALL_PAIRS_P / 0.13,
    ),
    scored("none finite", FALLING, (math.inf,) * 13, look("fail", "thirteen runs")),
]

#: Looks that let pass and never fail, each with ranks at the edge: one more pair is too much.
BETWEEN = [
    scored("p 0.212", FALLING, above([14, 14]), look("pass", "two runs", p_pairs=None)),
    scored("p 0.182", FALLING, above([15, 14]), look("continue", "two runs")),
    scored("p 0.202", FALLING, above([14, 13, 13]), look("pass", "three runs", p_pairs=None)),
    scored("p 0.177", FALLING, above([14, 14, 13]), look("continue", "three runs")),
    scored("p 0.054", FALLING, above([14] * 3 + [15] * 3), look("pass", "six runs")),
    scored("p 0.048", FALLING, above([14] * 2 + [15] * 4), look("continue", "six runs")),
    scored("p 0.055", FALLING, above([14] * 8), look("pass", "eight runs")),
    scored("p 0.0495", FALLING, above([15] + [14] * 7), look("continue", "eight runs")),
    scored("p 0.051", FALLING, above([14] * 6 + [13] * 7), look("pass", "thirteen runs")),
    scored("p 0.047", FALLING, above([14] * 7 + [13] * 6), look("continue", "thirteen runs")),
    scored("p 0.051", FALLING, above([14] * 4 + [13] * 12), look("pass", "sixteen runs")),
    scored("p 0.047", FALLING, above([14] * 5 + [13] * 11), look("continue", "sixteen runs")),
    scored("pairs of 0.078", RISING, paired(18, 6), look("pass", "six runs", p_pairs=5 / 64)),
    scored("pairs of 0.047", RISING, paired(19, 6), look("continue", "six runs", p_pairs=3 / 64)),
    scored("pairs of 0.055", RISING, paired(30, 8), look("pass", "eight runs")),
    scored("pairs of 0.039", RISING, paired(31, 8), look("continue", "eight runs")),
    scored("pairs of 0.055", RISING, paired(69, 13), look("pass", "thirteen runs")),
    scored("pairs of 0.047", RISING, paired(70, 13), look("continue", "thirteen runs")),
    scored("pairs of 0.052", RISING, paired(100, 16), look("pass", "sixteen runs")),
    scored("pairs of 0.047", RISING, paired(101, 16), look("continue", "sixteen runs")),
    scored("both worse", RISING, (HAIR, 0.1 + HAIR), look("continue", "two runs")),
    scored("the second is not", RISING, (HAIR, 0.1), look("pass", "two runs")),
    scored("all worse", RISING, (HAIR, 0.1 + HAIR, 0.2 + HAIR), look("continue", "three runs")),
    scored("the third is not", RISING, (HAIR, 0.1 + HAIR, 0.2), look("pass", "three runs")),
    *(
        scored("worse than all", RISING, (9.0,) * count, look("continue", name))
        for name, (count, _) in COUNTS.items()
        if count in (1, 2, 3, 6, 16) and name != "signature"
    ),
]

ABOVE_ALL = "runs are worse than all 20 stored ones beyond the tolerance"
OWN = "seeds worse beyond tolerance: 5.1 % worse"
OWN_5 = "seeds worse beyond tolerance: 5 % worse"
AT_END = look("fail", "twenty runs")
FEW, JUST = 2.7959463e-5, 5.9215946e-4
LIMITS = {0: 3.9613832, 6: 3.6497070, 9: 3.2305067}
#: Sums of ranks of 20 pairs at the edges, and the alpha with which a p is the limit.
SIGNS_P = 21 / 2**20
FAILS, PASSES, PAIRS_P = 198, 197, 6.67572021484375e-05
TWENTY_RUNS = [
    scored("unchanged", RISING, RISING, look("pass", "twenty runs", p_pairs=1.0, detectable=0.05)),
    scored("p 6.7e-5", RISING, paired(FAILS), look("fail", "twenty runs", p_pairs=PAIRS_P)),
    scored(
        "p 8.4e-5",
        RISING,
        paired(PASSES),
        look("pass", "twenty runs", perhaps_worse=True, needed=0),
    ),
    scored(
        "p at the limit",
        RISING,
        paired(FAILS),
        look("fail", "twenty runs", perhaps_worse=False),
        alpha=PAIRS_P / 0.075,
    ),
    scored(
        "p above it",
        RISING,
        paired(FAILS),
        look("pass", "twenty runs"),
        alpha=0.999 * PAIRS_P / 0.075,
    ),
    scored("19 of 20 and a stray one", RISING, stray(1), look("fail", "twenty runs")),
    scored(
        "18 of 20 and two stray ones",
        RISING,
        stray(2),
        look("pass", "twenty runs", perhaps_worse=True),
    ),
    scored(
        "18 of 20 with a larger alpha", RISING, stray(2), look("fail", "twenty runs"), alpha=0.0085
    ),
    scored(
        "signs at the limit", RISING, stray(1), look("fail", "twenty runs"), alpha=SIGNS_P / 0.025
    ),
    *on_each_score(
        "p 0.0096 and worse on one score only",
        RISING,
        tuple(score + DELTA for score in paired(167)),
        RISING,
        look("pass", "twenty runs", perhaps_worse=True),
    ),
    scored(
        "unlikely by its ranks, and worse by the tolerance alone at the median",
        (tuple(map(float, range(20))),),
        ((*[99.0] * 9, *(number + 0.5 for number in range(9, 20))),),
        look("pass", "twenty runs", perhaps_worse=False),
        logarithmic=False,
    ),
    scored("p 0.0096", RISING, paired(167), look("pass", "twenty runs", perhaps_worse=True)),
    scored("p 0.0107", RISING, paired(166), look("pass", "twenty runs", perhaps_worse=False)),
    scored(
        "unlikely by its ranks, and no worse at the median",
        RISING,
        ((9.0,) * 9 + RISING[9:]),
        look("pass", "twenty runs", perhaps_worse=False),
    ),
    scored(
        "unlikely by its ranks, and worse at the median",
        (0.0,) * 18 + (9.0,) * 2,
        (DELTA + HAIR,) * 20,
        look("pass", "twenty runs", perhaps_worse=True),
    ),
    *on_each_score(
        "worse than their own on one score only",
        RISING,
        tuple(score + DELTA + HAIR for score in RISING),
        RISING,
        look("pass", "twenty runs", perhaps_worse=False),
    ),
    *on_each_score(
        "by twice the tolerance on one score only",
        RISING,
        tuple(score + 2 * DELTA + HAIR for score in RISING),
        RISING,
        look("fail", "twenty runs"),
    ),
    scored(
        "by the tolerance alone",
        RISING,
        tuple(score + DELTA - HAIR for score in RISING),
        look("pass", "twenty runs", perhaps_worse=False),
    ),
    scored("none finite", RISING, (math.inf,) * 20, look("fail", "twenty runs", detectable=None)),
    scored(
        "as infinite as before",
        (math.inf,) * 20,
        (math.inf,) * 20,
        look("pass", "twenty runs", p_pairs=1.0, detectable=None),
    ),
    scored(
        "better", RISING, tuple(s - 3 for s in RISING), look("pass", "twenty runs", faster=True)
    ),
]


def repeated(name, losses, score, outcome, **options):
    """A first run with such losses and a score, against ones of 10,000 and 0.

    Beside it the baseline is so good that the run passes by its signature or not at all.
    """
    column = (0.0, *[-5.0] * 19)
    expected = look("pass", "signature") if outcome else look("continue", "one run")
    baseline = runs(column, column, losses=(10000.0,) * 12)
    return case(
        name, baseline, runs((score,), (score,), losses=losses), expected=expected, **options
    )


def with_loss(step, loss, count=12):
    return tuple(loss if number == step else 10000.0 for number in range(1, count + 1))


NEAR, ELSEWHERE = math.log(1.03), {"same_environment": False}
SIGNATURES = [
    repeated("same losses", with_loss(1, 10000.0), 0.0, True),
    repeated("3e-4 below", with_loss(1, 9997.0), 0.0, True),
    repeated("3.1e-4 below", with_loss(1, 9996.9), 0.0, False),
    repeated("3.1e-4 above", with_loss(1, 10003.2), 0.0, False),
    repeated("at step 10", with_loss(10, 9996.9), 0.0, False),
    repeated("at step 11", with_loss(11, 9000.0), 0.0, True),
    repeated("NaN at step 5", with_loss(5, math.nan), 0.0, False),
    repeated("infinite at step 5", with_loss(5, math.inf), 0.0, False),
    repeated("ended before", with_loss(1, 10000.0, count=9), 0.0, False),
    repeated("ended at step 10", with_loss(1, 10000.0, count=10), 0.0, True),
    repeated("without losses", (), 0.0, False),
    repeated("3 % worse", with_loss(1, 10000.0), NEAR - HAIR, True),
    repeated("and by a hair more", with_loss(1, 10000.0), NEAR + HAIR, False),
    repeated("3 % better", with_loss(1, 10000.0), HAIR - NEAR, True),
    repeated("and by a hair more better", with_loss(1, 10000.0), -HAIR - NEAR, False),
    repeated(
        "3 % with twice the tolerance", with_loss(1, 10000.0), 1.9 * NEAR, True, tolerance=0.1
    ),
    repeated("equal, without tolerance", with_loss(1, 10000.0), 0.0, True, tolerance=0),
    repeated("elsewhere 1e-3 below", with_loss(1, 9990.0), 0.0, True, **ELSEWHERE),
    repeated("elsewhere 1.1e-3 below", with_loss(1, 9989.0), 0.0, False, **ELSEWHERE),
    repeated("elsewhere 5 % worse", with_loss(1, 10000.0), DELTA, True, **ELSEWHERE),
    repeated("elsewhere more", with_loss(1, 10000.0), DELTA + HAIR, False, **ELSEWHERE),
    case(
        "one score is not alike",
        runs((0.0, *[-5.0] * 19), (0.0, *[-5.0] * 19)),
        runs((0.0,), (0.5,)),
        expected=look("continue", "one run"),
    ),
    case(
        "only the run of the same seed counts",
        (*runs(FALLING[:1]), *runs(FALLING[1:], losses=OTHER_LOSSES, first=1)),
        runs(FALLING[:1]),
        expected=look("pass", "signature"),
    ),
    case(
        "zeros are alike",
        runs(RISING, losses=(0.0,) * 12),
        runs((0.0,), losses=(0.0,) * 12),
        expected=look(
            "pass",
            "signature",
            reason="the first losses repeat the stored ones to 0.0e+00, and the run is equal",
        ),
    ),
    case(
        "the signature hides 3 % and the rank more",
        runs(FALLING),
        runs((1.9,)),
        expected=look("pass", "signature", detectable=1.854304, false_alarm=4.1909638e-4),
    ),
]

METRIC = {"logarithmic": False}
#: An accuracy of 0.8 in the median, negated: 5 % of it are 0.04.
ACCURACIES = tuple(-0.8 + 0.001 * (number - 9) for number in range(20))
METRICS = [
    scored(
        "0.039 worse",
        (ACCURACIES,),
        ((ACCURACIES[0] + 0.0399,),),
        look("pass", "one run", effect=(0.0399 / 0.8,), detectable=0.058777),
        **METRIC,
    ),
    scored(
        "0.041 worse",
        (ACCURACIES,),
        ((ACCURACIES[0] + 0.0401,),),
        look("continue", "one run"),
        **METRIC,
    ),
    scored(
        "four 0.07 worse",
        (ACCURACIES,),
        (tuple(score + 0.07 for score in ACCURACIES[:4]),),
        look("fail", "four runs", effect=(0.07 / 0.8,), false_alarm=4.1909638e-4),
        **METRIC,
    ),
    scored(
        "of zeros", ((0.0,) * 20,), ((0.05,),), look("pass", "one run", effect=(0.05,)), **METRIC
    ),
    scored("and more", ((0.0,) * 20,), ((0.06,),), look("continue", "one run"), **METRIC),
]

SETTINGS = [
    scored("the least alpha", RISING, (0.0,), look("pass", "one run"), alpha=least_alpha()),
    scored("no tolerance", RISING, (0.0,), look("pass", "one run"), tolerance=0),
    scored("the largest tolerance", RISING, (0.69,), look("pass", "one run"), tolerance=1.0),
    scored(
        "the largest alpha",
        FALLING,
        above(P_HIGH),
        look("fail", "eight runs", false_alarm=3.0628579e-2),
        alpha=0.05,
    ),
]

SHUFFLED = tuple(0.1 * ((7 * number) % 20) ** 1.1 for number in range(20))
DRAWN = (
    *(0.1, -0.9, -0.4, 0.0, 0.7, 0.0, -0.8, 0.2, -0.6, 0.6),
    *(-0.1, 0.9, -0.1, -0.5, -0.7, -0.2, 0.2, 0.6, 0.1, -0.4),
)
#: What is said, and what else hangs on the looks.
SAID = [
    scored(
        "eight of which one ties with the worst",
        FALLING,
        (1.9 + DELTA, *[5.0] * 7),
        look(
            "fail",
            "eight runs",
            reason="3050 % worse at the median of 8 seeds, p = 6.4e-07, fails at 2.5e-05",
        ),
    ),
    scored(
        "eight above all",
        FALLING,
        (5.0,) * 8,
        look(
            "fail",
            "eight runs",
            reason=f"all 8 {ABOVE_ALL}: 3050 % worse",
        ),
    ),
    scored(
        "thirteen that are all worse",
        RISING,
        WORSE[:13],
        look(
            "fail",
            "thirteen runs",
            reason="13 of 13 seeds worse beyond tolerance: 5 % worse, p 0.00012 (limit 0.00013)",
        ),
    ),
    scored(
        "eleven that tell nothing",
        RISING,
        RISING[:11],
        look(
            "pass",
            "eleven runs",
            reason="equal at the median of 11 seeds, p = 0.99, fails at 0.0001",
        ),
    ),
    scored(
        "by the ranks of pairs at the limit",
        RISING,
        paired(FAILS),
        look("fail", "twenty runs", reason=f"16 of 20 {OWN}, p 6.7e-05 (limit 6.7e-05)"),
        alpha=PAIRS_P / 0.075,
    ),
    scored(
        "by their signs",
        RISING,
        stray(1),
        look("fail", "twenty runs", reason=f"19 of 20 {OWN_5}, p 2e-05 (limit 2.5e-05)"),
    ),
    scored(
        "by neither",
        RISING,
        stray(2),
        look("pass", "twenty runs", reason=f"18 of 20 {OWN_5}, p 0.006 (limit 7.5e-05)"),
    ),
    scored(
        "signs above the limit",
        RISING,
        stray(1),
        look("pass", "twenty runs"),
        alpha=0.99 * SIGNS_P / 0.025,
    ),
    scored(
        "all by the tolerance alone",
        (0.0,) * 20,
        (DELTA,) * 20,
        look("pass", "twenty runs", p_pairs=1.0),
    ),
    scored(
        "no limit where none can fail",
        FALLING,
        (1.9, 0.0),
        look("pass", "two runs", reason="59 % better at the median of 2 seeds, p = 0.57"),
    ),
    scored("four have no p of pairs", RISING, FINE_FOUR, look("pass", "four runs", p_pairs=None)),
    scored(
        "no limit before it is decided",
        RISING,
        (DELTA + HAIR,),
        look("continue", "one run", detectable=None),
    ),
    scored(
        "an alpha below what four runs attain",
        FALLING,
        FOUR_WORST,
        look("continue", "four runs", false_alarm=FEW),
        alpha=1e-4,
    ),
    scored(
        "an alpha just below it",
        FALLING,
        FOUR_WORST,
        look("continue", "four runs"),
        alpha=9.9 * FOUR_P,
    ),
    scored(
        "an alpha that is attained",
        FALLING,
        FOUR_WORST,
        look("fail", "four runs", false_alarm=JUST),
        alpha=10 * FOUR_P,
    ),
    scored(
        "a limit by the first choice of other seeds",
        (DRAWN, DRAWN),
        (DRAWN[:1], DRAWN[:1]),
        look("pass", "one run", detectable=1.3368782),
    ),
    *(
        scored(
            f"a limit, {number} places on",
            SHUFFLED[number:] + SHUFFLED[:number],
            (SHUFFLED[number],),
            look("pass", "one run", detectable=limit),
        )
        for number, limit in LIMITS.items()
    ),
]

#: The same of all runs at once.
AT_ONCE = [
    scored("a lucky first run", FALLING, (0.5, *[s + DELTA + HAIR for s in FALLING[1:]]), AT_END),
    scored("four worse than all", RISING, (9.0,) * 20, look("fail", "four runs")),
    scored("eight", FALLING, (*above(P_LOW), *[-5.0] * 12), look("fail", "eight runs")),
    scored("thirteen", RISING, (*WORSE[:13], *[-5.0] * 7), look("fail", "thirteen runs")),
    scored("none", RISING, RISING, look("pass", "twenty runs", detectable=0.05)),
]

#: Runs of which as many are taken as are needed.
IN_TURN = [scored("one of twenty", RISING, RISING, look("pass", "one run"))]

CASES = [
    *SAID,
    *SETTINGS,
    *ONE_RUN,
    *BETWEEN,
    *FOUR_RUNS,
    *EIGHT_RUNS,
    *ELEVEN_RUNS,
    *THIRTEEN_RUNS,
    *TWENTY_RUNS,
    *SIGNATURES,
    *METRICS,
]

#: (baseline, new runs, options, what the complaint says).
REFUSED = [
    (runs(RISING[:19]), runs([0.0]), {}, "a baseline of 19 runs"),
    (runs((*RISING, 2.0)), runs([0.0]), {}, "a baseline of 21 runs"),
    (runs(RISING), (), {}, "0 new runs; expected one of 1, 2, 3, 4, 6, 8, 11, 13, 16, 20"),
    (runs(RISING), runs([0.0] * 5), {}, "5 new runs"),
    (runs(RISING), runs([0.0] * 12), {}, "12 new runs"),
    (runs(RISING), runs([0.0], first=1), {}, r"new runs of seeds \[1\]; expected \[0\]"),
    (runs(RISING, first=5), runs([0.0] * 4), {}, r"\[0, 1, 2, 3\]; expected \[5, 6, 7, 8\]"),
    (runs(RISING), runs([0.0], [0.0]), {}, r"runs of \[1, 2\] scores"),
    (runs(count=20), runs(count=1), {}, r"runs of \[0\] scores"),
    (runs([math.nan, *RISING[1:]]), runs([0.0]), {}, "a score that is NaN"),
    (runs(RISING), runs([math.nan]), {}, "a score that is NaN"),
    *(
        (runs(RISING), runs([0.0]), {"tolerance": value}, "got tolerance=")
        for value in (-0.01, 1.01, math.nan, math.inf, True, "5 %", None)
    ),
    *(
        (runs(RISING), runs([0.0]), {"alpha": value}, "got alpha=")
        for value in (0.0, 1.2e-5, 0.051, math.nan, True, "0.001", None)
    ),
]
