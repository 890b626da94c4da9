"""How often the gate of baselines is wrong, what it sees, and what it costs.

    python -m benchmarks.baseline                               # everything
    python -m benchmarks.baseline --only replays --replays 100000 --cache curves.json
    python -m benchmarks.baseline --only power --models mlp cnn --cache curves.json

- `replays`: real runs of thirteen unchanged models, three of them from `tf.data` sets, each trained
  once from many seeds. 40 of them are drawn without replacement, 20 as the baseline and 20 as new
  runs. So a new run has nothing to do with the stored one of its seed, which is the worst case;
  with the same code it repeats it.
- `hard`: scores from distributions that break means and variances.
- `sessions`: normal scores of unchanged code, where all runs of a session have something in common.
- `spreads`: normal scores of so many spreads: the runs of unchanged code, and the effects seen.
- `power`: changes for the worse, from the seeds of the baseline, in other orders of them: frozen
  filters of a CNN, and what three models are `TRIED` under from arrays and from `tf.data` sets.
- `environments`: the same code with other threads, kernels and instruction sets.
- `reseed`: a run through the trace that is there, against building and training anew.

Every verdict is that of `decide` or `decide_all`. The trained runs are kept in the file `--cache`.
The exit code is 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import itertools
import json
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks import baseline_trainings
from benchmarks.baseline_trainings import CHANGED, SETS, TRIED, ZOO
from pytest_converge.baselines.gate.bounds import LOOKS, SEEDS, false_alarm
from pytest_converge.baselines.gate.decision import decide, decide_all, judge
from pytest_converge.baselines.gate.rules import largest_drift
from pytest_converge.core.baseline import BaselineVerdict, StoredRun

SECTIONS = ("replays", "hard", "sessions", "spreads", "power", "environments", "reseed")
#: Targets: false alarms on real and on hard distributions, power, mean runs, cost of a run.
ALPHA = 0.001
MOST_FALSE, LEAST_POWER = false_alarm(ALPHA, 2), 0.98
MOST_RUNS_HEALTHY, MOST_RUNS_BROKEN, MOST_COST = 2.6, 8.0, 0.1
#: What is common to a session, and the tolerance beside it, as shares of the seeds' spread.
COMMON, TOLERANCES = (0.0, 0.25, 0.5), (0.0, 0.15, 0.3)
#: The tolerance of all else, which is the default.
TOLERANCE = 0.05
#: The CNN with twelve filters, of which the first convolution is frozen.
FROZEN = "cnn12"
#: How much of the spread is the seed's own, the same in both sessions.
OWN = (0.0, 0.5)
#: Spreads of the scores over seeds, from that of an MLP to that of an LSTM; how much of it is the
#: seed's own where code changed; and the effects.
SPREADS, OWN_CHANGED, EFFECTS = (0.05, 0.1, 0.2, 0.3), (0.0, 0.5, 0.9), (0.2, 0.3, 0.4, 0.6)
#: Changes that cost less, by the larger median of the two scores, need not be seen; those that cost
#: up to so much are told apart.
SMALL = (0.2, 0.6)
#: Changes that are seen after 20 runs, if at all: there every order of 20 seeds ends at the same
#: pairs, and one verdict of theirs, 0 or 100 %, says little about other seeds.
MANY_SEEDS = {("lstm", "rate x0.85"): 60, ("lstm", "rate x0.8"): 60}
#: A change that stands out less from the spread of its pairs, beyond the tolerance, is beyond 20 of
#: them: normal scores and their known spread would not show it in 98 % of cases either.
CLEAR = sum(map(statistics.NormalDist().inv_cdf, (1 - MOST_FALSE, LEAST_POWER))) / math.sqrt(SEEDS)
#: By chance a count of false alarms is so many standard deviations above its mean at most.
DEVIATIONS = 3.0
BELOW, BEYOND = "below 20 %", "beyond what 20 pairs show"
SMALLER, LARGER = "of 20 to 60 %", "above 60 %"
NEW = LOOKS[-1]
#: The columns of the runs that it took.
TAKEN = {"1": range(1, 2), "2 to 4": range(2, 5), "6 to 11": range(6, 12), "more": range(12, 21)}
HEADER = "{:26}" + "".join(f"{name:>9}" for name in TAKEN) + f"{'runs':>7}  false alarms"
ENVIRONMENTS = {
    "1 thread": (["--threads", "1"], {}),
    "2 threads": (["--threads", "2"], {}),
    "without oneDNN": ([], {"TF_ENABLE_ONEDNN_OPTS": "0"}),
    "AVX2 only": ([], {"ONEDNN_MAX_CPU_ISA": "AVX2"}),
}


@dataclasses.dataclass
class Tally:
    """What came out of many verdicts."""

    taken: collections.Counter[int] = dataclasses.field(default_factory=collections.Counter)
    outcomes: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    faster: int = 0

    def add(self, verdict: BaselineVerdict) -> None:
        self.taken[verdict.runs] += 1
        self.outcomes[verdict.outcome] += 1
        self.faster += verdict.faster

    @property
    def count(self) -> int:
        return sum(self.outcomes.values())

    @property
    def failed(self) -> float:
        return self.outcomes["fail"] / self.count

    @property
    def mean_runs(self) -> float:
        return sum(runs * times for runs, times in self.taken.items()) / self.count

    def share(self, runs: range) -> str:
        return f"{100 * sum(self.taken[number] for number in runs) / self.count:7.1f} %"


class Pool:
    """Runs that stand for any seed."""

    def __init__(self, runs: Sequence[StoredRun]) -> None:
        self.runs = runs

    def as_seed(self, number: int, seed: int) -> StoredRun:
        run = self.runs[number]
        return StoredRun(seed=seed, scores=run.scores, steps=run.steps, losses=run.losses)

    def chosen(self, numbers: Sequence[int]) -> tuple[StoredRun, ...]:
        return tuple(self.as_seed(number, seed) for seed, number in enumerate(numbers))

    def in_turn(self, numbers: Sequence[int]) -> Iterator[StoredRun]:
        return (self.as_seed(number, seed) for seed, number in enumerate(numbers))


class Store:
    """Measured runs, kept in a file where there is one."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        known = json.loads(path.read_text()) if path is not None and path.exists() else {}
        self.runs = {key: [StoredRun.from_dict(run) for run in runs] for key, runs in known.items()}

    def get(self, key: str, seeds: int) -> list[StoredRun]:
        """At least so many runs, or whatever the file holds."""
        if key not in self.runs:
            print(f"  {seeds} runs of {key} ...", file=sys.stderr, flush=True)
            self.runs[key] = baseline_trainings.measure(key, seeds)
            if self.path is not None:
                kept = {name: [run.to_dict() for run in runs] for name, runs in self.runs.items()}
                self.path.write_text(json.dumps(kept))
        return self.runs[key]


def decided(baseline: Sequence[StoredRun], runs: Iterable[StoredRun]) -> BaselineVerdict:
    """The verdict without the limit of the procedure, which takes longer than all else."""
    return decide(baseline, runs, alpha=ALPHA, finds_limit=False)


def highest(probability: float, count: int) -> float:
    """What a share of so many may be by chance."""
    return probability + DEVIATIONS * math.sqrt(probability / count)


def mark(is_met: bool) -> str:
    return "" if is_met else "  MISSED"


# ---- false alarms --------------------------------------------------------------------------------


def replays(store: Store, options: argparse.Namespace) -> bool:
    """Unchanged code, its runs drawn again."""
    rng = np.random.default_rng(options.seed)
    models = [name for name in options.models if name != FROZEN]
    each = math.ceil(options.replays / len(models))
    total = Tally()
    print(f"\nfalse alarms on {each} replays of each model")
    print(HEADER.format("model"))
    for model in models:
        runs = store.get(f"{model}/unchanged", options.seeds)
        pool, tally = Pool(runs), Tally()
        for _ in range(each):
            drawn = rng.permutation(len(runs))[: SEEDS + NEW].tolist()
            verdict = decided(pool.chosen(drawn[:SEEDS]), pool.in_turn(drawn[SEEDS:]))
            tally.add(verdict)
            total.add(verdict)
        print(line(f"{model}, {len(runs)} seeds", tally), flush=True)
    print(line("all", total))
    print(f"faster, where nothing is: {100 * total.faster / total.count:.2f} %")
    met = total.failed <= MOST_FALSE, total.mean_runs <= MOST_RUNS_HEALTHY
    print(f"target: at most {MOST_FALSE:.2g} false alarms{mark(met[0])}")
    print(f"target: at most {MOST_RUNS_HEALTHY} runs in the mean{mark(met[1])}")
    return all(met)


def line(name: str, tally: Tally) -> str:
    shares = [tally.share(runs) for runs in TAKEN.values()]
    failed = f"{tally.outcomes['fail']} of {tally.count}, {tally.failed:.1e}"
    return f"{name:26}{''.join(shares)}{tally.mean_runs:7.2f}  {failed}"


def hard_distributions() -> dict[str, Callable[[np.random.Generator, int], np.ndarray]]:
    """Scores of runs; the second of each is much like the first."""

    def second(rng: np.random.Generator, first: np.ndarray) -> np.ndarray:
        return np.stack([first, first + 0.3 * rng.normal(size=len(first))], axis=1)

    def diverging(share: float) -> Callable[[np.random.Generator, int], np.ndarray]:
        def draw(rng: np.random.Generator, count: int) -> np.ndarray:
            scores = second(rng, rng.normal(size=count))
            scores[rng.random(count) < share] = np.inf
            return scores

        return draw

    def coarse(rng: np.random.Generator, count: int) -> np.ndarray:
        return np.round(second(rng, rng.normal(size=count)))

    return {
        "Cauchy": lambda rng, count: second(rng, rng.standard_cauchy(count)),
        "log-normal, sigma 2": lambda rng, count: second(rng, rng.lognormal(0, 2, count)),
        "two modes": lambda rng, count: second(
            rng, np.where(rng.random(count) < 0.5, 0.0, 5.0) + 0.1 * rng.normal(size=count)
        ),
        "a tenth in a bad mode": lambda rng, count: second(
            rng, np.where(rng.random(count) < 0.1, 9.0, 0.0) + 0.1 * rng.normal(size=count)
        ),
        "5 % diverging": diverging(0.05),
        "30 % diverging": diverging(0.3),
        "ties": coarse,
        "constants": lambda rng, count: np.ones((count, 2)),
        "scores unrelated": lambda rng, count: rng.normal(size=(count, 2)),
    }


def hard(store: Store, options: argparse.Namespace) -> bool:
    """Distributions that break means and variances, wide against the tolerance."""
    rng = np.random.default_rng(options.seed)
    print(f"\nfalse alarms on {options.hard_replays} replays of each distribution")
    print(HEADER.format("distribution"))
    met = True
    for name, draw in hard_distributions().items():
        tally = Tally()
        for _ in range(options.hard_replays):
            scores = draw(rng, SEEDS + NEW).tolist()
            losses = rng.random(SEEDS + NEW).tolist()
            runs = [
                StoredRun(seed=number % SEEDS, scores=tuple(pair), steps=(1,), losses=(loss,))
                for number, (pair, loss) in enumerate(zip(scores, losses, strict=True))
            ]
            tally.add(decided(runs[:SEEDS], runs[SEEDS:]))
        met &= tally.failed <= highest(MOST_FALSE, tally.count)
        print(line(name, tally), flush=True)
    print(
        f"target: at most {MOST_FALSE:.2g} false alarms on each, as far as counts tell{mark(met)}"
    )
    return met


def sessions(store: Store, options: argparse.Namespace) -> bool:
    """Unchanged code whose runs of one session share something random."""
    rng = np.random.default_rng(options.seed)
    count = options.session_replays
    print(
        f"\nfalse alarms on {count} replays with a common effect of a session, in turn and at once"
    )
    print(f"{'tolerance':>9}{'own':>6}  " + "".join(f"{f'common {c:g}':>22}" for c in COMMON))
    met = True
    for tolerance, own in itertools.product(TOLERANCES, OWN):
        texts = []
        for common in COMMON:
            failed = np.zeros(2)
            for _ in range(count):
                old, new = two_sessions(rng, own, common)
                terms = {"tolerance": math.expm1(tolerance), "alpha": ALPHA, "finds_limit": False}
                failed += [d(old, new, **terms).outcome == "fail" for d in (decide, decide_all)]
            if common == 0:
                met &= failed[1] / count <= highest(MOST_FALSE, count)
            elif common <= COMMON[1] and tolerance >= TOLERANCES[1]:
                met &= failed[1] / count <= highest(ALPHA, count)
            texts.append(f"{failed[0] / count:.1e} {failed[1] / count:.1e}")
        print(f"{tolerance:9g}{own:6g}  " + "".join(f"{text:>22}" for text in texts), flush=True)
    print(
        f"target: at most {MOST_FALSE:.2g} without, {ALPHA:g} with {COMMON[1]:g} of the spread from"
        f" a tolerance of {TOLERANCES[1]:g} on{mark(met)}"
    )
    return met


def spreads(store: Store, options: argparse.Namespace) -> bool:
    """What a plan can do with scores that spread so much, whatever the model.

    Unchanged code shares nothing with its recorded runs here, as in the replays.
    """
    rng = np.random.default_rng(options.seed)
    print(f"\nnormal scores, {options.spread_replays} replays of each; red by effect")
    print(f"{'spread':>6}{'own':>5}{'runs':>7}" + "".join(f"{100 * e:6.0f} %" for e in EFFECTS))
    met = True
    for spread in SPREADS:
        runs = played(rng, options.spread_replays, 0.0, 0.0, spread).mean_runs
        met &= runs <= MOST_RUNS_HEALTHY
        for own in OWN_CHANGED:
            red = [played(rng, options.spread_replays, own, e, spread).failed for e in EFFECTS]
            shares = "".join(f"{100 * share:6.1f} %" for share in red)
            print(f"{spread:6g}{own:5g}{runs:7.2f}{shares}", flush=True)
    print(f"target: at most {MOST_RUNS_HEALTHY} runs in the mean{mark(met)}")
    return met


def played(rng: np.random.Generator, count: int, own: float, effect: float, spread: float) -> Tally:
    """Normal scores, of which such a share is the seed's own, and a change that costs so much."""
    tally = Tally()
    for _ in range(count):
        tally.add(decided(*two_sessions(rng, own, 0.0, math.log1p(effect) / spread, spread)))
    return tally


def two_sessions(
    rng: np.random.Generator, own: float, common: float, shift: float = 0.0, spread: float = 1.0
) -> tuple[list[StoredRun], list[StoredRun]]:
    """Runs of two sessions whose difference has a common part.

    The common part and the shift are in units of the spread.
    """

    def noise() -> np.ndarray:
        return math.sqrt(0.9) * rng.normal(size=(SEEDS, 1)) + math.sqrt(0.1) * rng.normal(
            size=(SEEDS, 2)
        )

    character, effect = noise(), common * rng.normal() + shift
    found = []
    for moved, loss in ((0.0, 1.0), (effect, 2.0)):
        scores = spread * (math.sqrt(own) * character + math.sqrt(1 - own) * noise() + moved)
        found.append(
            [
                StoredRun(seed=seed, scores=tuple(pair), steps=(1,), losses=(loss,))
                for seed, pair in enumerate(scores.tolist())
            ]
        )
    return found[0], found[1]


# ---- power ---------------------------------------------------------------------------------------


def power(store: Store, options: argparse.Namespace) -> bool:
    """Changes for the worse, from the seeds of the baseline, of which 20 are drawn."""
    rng = np.random.default_rng(options.seed)
    print(f"\nchanges for the worse, {options.power_replays} orders of the seeds of each")
    print(f"{'model':10}{'change':28}{'effects':>14}{'clear':>7}{'red':>9}{'runs':>7}")
    groups: dict[str, list[Tally]] = collections.defaultdict(list)
    for model, change in changes(options.models):
        seeds = MANY_SEEDS.get((model, change), options.changed_seeds)
        old = store.get(f"{model}/unchanged", max(seeds, options.seeds))
        new = store.get(f"{model}/{change}", seeds)
        effects, clear = cost(old, new)
        before, after, tally = Pool(old), Pool(new), Tally()
        for _ in range(options.power_replays):
            own = rng.permutation(min(len(old), len(new)))[:SEEDS].tolist()
            tally.add(decided(before.chosen(own), after.in_turn(own)))
        group = group_of(max(effects), clear)
        groups[group].append(tally)
        texts = " ".join(f"{100 * effect:5.0f} %" for effect in effects)
        print(
            f"{model:10}{change:28}{texts:>14}{clear:7.2f}{100 * tally.failed:7.1f} %"
            f"{tally.mean_runs:7.2f}  {group}",
            flush=True,
        )
    for name, tallies in groups.items():
        red = 100 * statistics.fmean(tally.failed for tally in tallies)
        runs = statistics.fmean(tally.mean_runs for tally in tallies)
        print(f"{len(tallies)} {name}: {red:.1f} % red, {runs:.2f} runs in the mean")
    broken = [one for name, some in groups.items() if name != BELOW for one in some]
    met = (
        sum(tally.failed for tally in groups[SMALLER]) >= LEAST_POWER * len(groups[SMALLER]),
        sum(tally.mean_runs for tally in broken) <= MOST_RUNS_BROKEN * len(broken),
    )
    print(f"target: at least {100 * LEAST_POWER:g} % red {SMALLER}{mark(met[0])}")
    print(f"target: at most {MOST_RUNS_BROKEN:g} runs in the mean, {BEYOND} too{mark(met[1])}")
    return all(met)


def changes(models: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Every change of these models."""
    for model, tried in TRIED.items():
        if model in models:
            yield from ((model, change) for change in tried)


def cost(old: Sequence[StoredRun], new: Sequence[StoredRun]) -> tuple[list[float], float]:
    """The median effects on the scores, and how clear the clearer one is (`CLEAR`)."""
    effects, clear = [], []
    for score in (0, 1):
        pairs = [b.scores[score] - a.scores[score] for a, b in zip(old, new, strict=False)]
        median = statistics.median(pairs)
        effects.append(math.expm1(median))
        clear.append((median - math.log1p(TOLERANCE)) / (statistics.stdev(pairs) or math.inf))
    return effects, max(clear)


def group_of(effect: float, clear: float) -> str:
    """What a change is counted with."""
    if effect < SMALL[0]:
        return BELOW
    if clear < CLEAR:
        return BEYOND
    return SMALLER if effect <= SMALL[1] else LARGER


# ---- environments --------------------------------------------------------------------------------


def environments(store: Store, options: argparse.Namespace) -> bool:
    """The same code elsewhere: how far it drifts, and how many seeds pass as the first run."""
    print("\nthe same code in other environments, the first three seeds")
    print(f"{'model':12}{'environment':16}{'drift':>9}{'effect':>10}  passed at")
    met = True
    models = [name for name in (*CHANGED, "attention", "vae") if name in options.models]
    for model, (name, (arguments, variables)) in itertools.product(models, ENVIRONMENTS.items()):
        key = f"{model}/unchanged"
        stored = Pool(store.get(key, options.seeds)[:SEEDS])
        runs = elsewhere(key, arguments, variables)
        verdicts = [
            judge(
                stored.chosen([number, *(n for n in range(SEEDS) if n != number)]),
                [dataclasses.replace(run, seed=0)],
                same_environment=False,
            )
            for number, run in enumerate(runs)
        ]
        drift = max(map(largest_drift, stored.runs, runs))
        effect = max((verdict.effect[0] for verdict in verdicts), key=abs)
        looks = collections.Counter(verdict.look for verdict in verdicts if verdict.passed)
        early = sum(looks.values()) == len(runs)
        met &= early
        where = ", ".join(f"{look}: {count}" for look, count in looks.items())
        print(
            f"{model:12}{name:16}{drift:9.1e}{100 * effect:8.2f} %  {where}{mark(early)}",
            flush=True,
        )
    print(f"target: passed at the signature or the first look{mark(met)}")
    return met


def elsewhere(key: str, arguments: list[str], variables: dict[str, str]) -> list[StoredRun]:
    """The first three runs in a process of its own."""
    command = [sys.executable, baseline_trainings.__file__, key, "--seeds", "3", *arguments]
    done = subprocess.run(
        command, env={**os.environ, **variables}, capture_output=True, text=True, check=True
    )
    text = done.stdout.splitlines()[-1]
    return [StoredRun.from_dict(item) for item in json.loads(text)]


# ---- cost ----------------------------------------------------------------------------------------


def reseed(store: Store, options: argparse.Namespace) -> bool:
    """One more run against building, compiling and training anew; on a machine that is idle."""
    print("\nseconds of one more run")
    print(f"{'model':6}{'Keras anew':>12}{'plugin anew':>13}{'re-seeded':>11}   of both")
    met = True
    for model in CHANGED:
        fit, anew, again = baseline_trainings.reseed_cost(f"{model}/unchanged", options.repeats)
        cheap = again <= MOST_COST * fit or model == "lstm"
        met &= cheap
        print(
            f"{model:6}{fit:12.2f}{anew:13.2f}{again:11.3f}   {again / fit:.2f} and"
            f" {again / anew:.2f}{mark(cheap)}",
            flush=True,
        )
    print(f"target: at most {MOST_COST:g} of Keras anew, for MLP and CNN{mark(met)}")
    return met


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=SECTIONS)
    every = [*CHANGED, *SETS, *ZOO, FROZEN]
    parser.add_argument(
        "--models", nargs="+", choices=every, default=every, help="of replays, power, environments"
    )
    parser.add_argument("--cache", type=Path, help="file that keeps the runs")
    parser.add_argument("--seeds", type=int, default=60, help="runs of an unchanged model")
    parser.add_argument("--changed-seeds", type=int, default=20, help="runs of a changed one")
    parser.add_argument("--replays", type=int, default=20_000, help="over all models")
    parser.add_argument("--session-replays", type=int, default=2000, help="of each case")
    parser.add_argument("--spread-replays", type=int, default=300, help="of each case")
    parser.add_argument("--hard-replays", type=int, default=5000, help="of each distribution")
    parser.add_argument("--power-replays", type=int, default=50, help="of each change")
    parser.add_argument("--repeats", type=int, default=3, help="new trainings for the cost")
    parser.add_argument("--seed", type=int, default=0, help="of the draws")
    options = parser.parse_args()
    store = Store(options.cache)
    met = [globals()[name](store, options) for name in SECTIONS if name in options.only]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
