"""How often the diagnosis is right: failing trainings with known causes, several seeds each.

    python -m benchmarks.diagnosis                        # tests/zoo/faults.py, its twins, the zoo
    python -m benchmarks.diagnosis --seeds 1 --only adam_at_two --verbose
    python -m benchmarks.diagnosis --corpus ../shared/corpus --check-fixes
    python -m benchmarks.diagnosis --tests FOLDER         # test files with a label, see below
    python -m benchmarks.diagnosis --tests FOLDER --check-fixes --keep OTHER
    python -m benchmarks.diagnosis --labels               # is every fault what its label says?
    python -m benchmarks.diagnosis --compounds            # tests/zoo/compounds.py, the open half
    python -m benchmarks.diagnosis --labels --compounds all

A line a failing training: what was wanted and got, whether a repair was verified, and the cost;
what was tried follows where the answer is wrong or unproven. Then the totals and which causes were
taken for which. With `--check-fixes` every verified repair is made again by hand, with the code
that the diagnosis gives, in a loop of its own and on ten fresh seeds.

A folder of tests holds files `test_*.py`, each with a test `test_sick` of one call of a verb, maybe
its twin `test_healthy`, and the label: `CODES`, a set of right causes; `ACCEPT`, those that count
as right too; `REPAIR`, whether any change of the training can help. A file of a `test_healthy`
alone is a sound training. With `--check-fixes` the line of each diagnosis is pasted into its file,
which `--keep FOLDER` keeps, and trained by hand.

Of compounds, trainings with two or three faults at once, all causes count that are named. The half
of them that is held back is for a figure on what nobody tuned to: no change is made after it.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import dataclasses
import functools
import importlib
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from benchmarks.verdict import start_of
from pytest_converge import runner
from pytest_converge.core.calls import BATCH_SIZE
from pytest_converge.core.diagnosis import Diagnosis, Trial
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.result import ConvergenceResult
from pytest_converge.diagnosis.trials import OUT_OF_REACH
from tests.zoo import (
    compounds,
    faults,
    problems,
    trainings,
)
from tests.zoo.called import Called, call_in, module_at
from tests.zoo.compounds import Compound
from tests.zoo.edited import ForAPersonError, edited
from tests.zoo.problems import Start
from tests.zoo.repaired import CannotPasteError, Repair

FAMILIES = {
    "learning rate": (
        "learning-rate-too-high",
        "learning-rate-too-low",
        "momentum-too-high",
        "too-few-steps",
        "uphill-steps",
    ),
    "landscape": (
        "plateau",
        "saddle-point",
        "local-minimum",
        "unreachable-target",
        "bad-initialisation",
    ),
    "data and scale": (
        "unscaled-features",
        "unscaled-targets",
        "nonfinite-data",
        "label-encoding",
        "labels-unrelated",
        "unshuffled-data",
        "class-imbalance",
    ),
    "model": (
        "output-loss-mismatch",
        "dead-units",
        "vanishing-gradient",
        "exploding-gradient",
        "frozen-variables",
        "regularisation-too-strong",
        "too-small-capacity",
    ),
}
FAMILY = {cause: family for family, causes in FAMILIES.items() for cause in causes}
#: Causes for which there is no repair to verify.
BEYOND_REPAIR = frozenset({"unreachable-target", "labels-unrelated"})
#: Words of the corpus that the tool has other words for.
RENAMED = {
    "wrong_output_activation_or_loss": "output-loss-mismatch",
    "dead_relu": "dead-units",
    "nonfinite_data": "nonfinite-data",
}
FRESH_SEEDS = range(1000, 1010)
#: On so many of them a line has to work that is of use.
ENOUGH = 9
#: The share of the best constant prediction's loss that a repair which changes the loss must save.
SKILL = 0.5

Begun = tuple[Start, dict[str, Any]]


@dataclasses.dataclass(frozen=True)
class Case:
    """A training with a known answer.

    Attributes:
        begin: makes the start and the arguments of its expectation from a seed.
        cause: None for a training that must pass.
        accepted: the causes that count as right.
        repairable: whether any change of the training can help; None for what its cause says.
        path: of the test file that it is; None for others.
    """

    name: str
    begin: Callable[[int], Begun]
    cause: str | None = None
    accepted: frozenset[str] = frozenset()
    repairable: bool | None = None
    path: Path | None = None

    @property
    def needs_proof(self) -> bool:
        """Whether a repair is expected; by its cause where nobody said it."""
        return self.cause not in BEYOND_REPAIR if self.repairable is None else self.repairable


def cases_of_zoo() -> Iterator[Case]:
    for fault in faults.FAULTS:

        def begin(seed: int, fault: Any = fault) -> Begun:
            return fault.start(fixed=False, seed=seed), fault.expected(fixed=False)

        def begin_twin(seed: int, fault: Any = fault) -> Begun:
            return fault.start(fixed=True, seed=seed), fault.expected(fixed=True)

        yield Case(fault.name, begin, fault.cause, fault.accepted)
        yield Case(f"{fault.name} (twin)", begin_twin)
    for problem in problems.HEALTHY:

        def begin_healthy(seed: int, problem: Any = problem) -> Begun:
            return problem.start(seed), dict(problem.expectation)

        yield Case(problem.name, begin_healthy)


def cases_of_corpus(folder: Path) -> Iterator[Case]:
    sys.path.insert(0, str(folder.resolve().parent))
    corpus = importlib.import_module(f"{folder.name}.corpus")
    for entry in corpus.entries():

        def begin(seed: int, entry: Any = entry) -> Begun:
            return start_of(entry.build(False, seed))

        def begin_twin(seed: int, entry: Any = entry) -> Begun:
            return start_of(entry.build(True, seed))

        if entry.cause is None:
            yield Case(entry.name, begin)
            continue
        accepted = frozenset(map(in_our_words, (entry.cause, *entry.also)))
        yield Case(entry.name, begin, in_our_words(entry.cause), accepted)
        yield Case(f"{entry.name} (twin)", begin_twin)


def cases_of_tests(folder: Path) -> Iterator[Case]:
    for path in sorted(folder.glob("test_*.py")):
        label = module_at(path)
        name = path.stem.removeprefix("test_")

        def begin_twin(seed: int, path: Path = path) -> Begun:
            return begun_in(path, "test_healthy", seed)

        if not hasattr(label, "test_sick"):
            yield Case(name, begin_twin)
            continue
        right = frozenset(label.CODES)

        def begin(seed: int, path: Path = path) -> Begun:
            return begun_in(path, "test_sick", seed)

        accepted, repairable = right | set(label.ACCEPT), getattr(label, "REPAIR", True)
        yield Case(name, begin, "/".join(sorted(right)), accepted, repairable, path)
        if hasattr(label, "test_healthy"):
            yield Case(f"{name} (twin)", begin_twin)


def begun_in(path: Path, test: str, seed: int) -> Begun:
    called = call_in(path, test, seed)
    return called.start, called.expectation


def in_our_words(cause: str) -> str:
    return RENAMED.get(cause, cause.replace("_", "-"))


def result_of(case: Case, seed: int, diagnose: str) -> ConvergenceResult:
    start, expectation = case.begin(seed)
    context = runner.Context(
        test=case.name,
        number=1,
        expectation=Expectation(seed=seed, **expectation),
        hooks=trainings.NoHooks(),
        progress=trainings.quiet,
        diagnose=diagnose,
    )
    return runner.run(context, start.call)


# ---- repairs by hand ----------------------------------------------------------------------------


@dataclasses.dataclass
class ByHand:
    """A training into which the code of its diagnosis was pasted.

    Attributes:
        start: the training.
        steps: how many it makes.
        seed: of its batches.
        bound: what the final loss must not exceed; None without one, or with one in another unit.
        metrics: bounds of metrics.
        decrease: the share of the first loss that must be gone; None where nothing asks for it.
        skill: the share of the loss of the best constant prediction that must be saved; None where
            nothing asks for it.
        patched: edits inside of the user's functions while it is trained.
    """

    start: Start
    steps: int
    seed: int
    bound: float | None = None
    metrics: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    decrease: float | None = None
    skill: float | None = None
    patched: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext


def repaired(diagnosis: Diagnosis, begun: Begun, seed: int) -> ByHand:
    """The training with the code of the first verified change.

    Raises:
        CannotPasteError: code that has no place here.
    """
    start, expectation = begun
    trial = diagnosis.verified[0]
    repair = Repair(start, expectation["steps"])
    before = _spread(repair.start)
    repair.paste(trial.fix)
    bound = bound_in_unit(trial, expectation.get("max_loss"), repair.start, before)
    metrics = expectation.get("metrics", {})
    skill = SKILL if bound is None and not metrics else None
    return ByHand(repair.start, repair.steps, seed, bound, metrics, None, skill, repair.patched)


def bound_in_unit(trial: Trial, bound: float | None, start: Start, before: float) -> float | None:
    """The bound in the unit of the loss that a change gives it; None where it means nothing there.

    Args:
        trial: of the change.
        bound: as the test has it.
        start: the training with the change.
        before: the spread of the targets without it.

    Raises:
        CannotPasteError: a unit that nobody knows.
    """
    if "targets standardised" in trial.change and bound is not None:
        loss = start.arguments["model"].loss if start.verb == "fit" else None
        power = {"mse": 2, "mean_squared_error": 2, "mae": 1, "mean_absolute_error": 1}
        if not isinstance(loss, str) or loss not in power:
            raise CannotPasteError("the unit of the loss")
        bound *= (_spread(start) / before) ** power[loss]
        if bound < OUT_OF_REACH ** power[loss]:
            return None  # it was meant for standardised targets
    return bound if trial.comparable else None


def _spread(start: Start) -> float:
    y = start.arguments.get("y")
    arrays = [] if y is None else keras.tree.flatten(y)
    return float(np.std(np.asarray(arrays[0], "float64"), axis=0).mean()) if arrays else 1.0


def reached(by_hand: ByHand) -> bool:
    """Whether a loop written by hand brings the repaired training to its target."""
    start, good = by_hand.start, True
    with by_hand.patched():
        if by_hand.decrease is not None:
            first = faults.first_loss(start, by_hand.seed)
        last = faults.train(start, by_hand.steps, by_hand.seed)[-1]
    if by_hand.metrics:
        found = faults.metrics_of(start)
        for name, (low, high) in by_hand.metrics.items():
            good &= (low is None or found[name] >= low) and (high is None or found[name] <= high)
    if by_hand.bound is not None:
        good &= last <= by_hand.bound and not below_its_range(last, start)
    if by_hand.decrease is not None:
        good &= last <= first - by_hand.decrease * abs(first)
    if by_hand.skill is not None:
        if start.verb != "fit":
            raise CannotPasteError("the loss has another unit, in which the bound means nothing")
        y = keras.tree.flatten(start.arguments["y"])[0]
        good &= 1 - last / constant_loss(y, start.arguments["model"]) >= by_hand.skill
    return bool(good and math.isfinite(last))


def below_its_range(last: float, start: Start) -> bool:
    """True for a loss below 0 that no right targets give it."""
    loss = start.arguments["model"].loss if start.verb == "fit" else None
    name = loss if isinstance(loss, str) else type(loss).__name__
    return last < 0 and ("crossentropy" in name.lower().replace("_", ""))


def constant_loss(y: Any, model: Any) -> float:
    """The loss of the best constant prediction, for a few losses."""
    loss = model.loss if isinstance(model.loss, str) else type(model.loss).__name__
    name = loss.lower().replace("_", "")
    y = np.asarray(y, "float64").reshape(len(y), -1)
    if "crossentropy" not in name:
        return float(y.var(axis=0).mean())
    if name.startswith("sparse"):
        shares = np.unique(y, return_counts=True)[1] / len(y)
        return float(-(shares * np.log(shares)).sum())
    shares = np.clip(y.mean(axis=0), 1e-9, 1 - 1e-9)
    if name.startswith("binary"):
        return float(-(shares * np.log(shares) + (1 - shares) * np.log(1 - shares)).mean())
    return float(-(shares * np.log(shares)).sum())


def check_fix(case: Case, diagnosis: Diagnosis) -> tuple[int | None, str]:
    """(of ten fresh seeds, how many the repair brings to the target; why it cannot be checked)."""
    good = 0
    for seed in FRESH_SEEDS:
        keras.backend.clear_session()  # names of layers are counted from here
        try:
            by_hand = repaired(diagnosis, case.begin(seed), seed)
        except CannotPasteError as error:
            return None, str(error)
        except NameError as error:
            if case.begin(seed)[0].verb == "fit":
                return 0, f"NameError: {error}"
            return None, f"only the program knows: {error}"
        except Exception as error:  # noqa: BLE001 - code that does not run is what is looked for
            return 0, f"{type(error).__name__}: {str(error).splitlines()[0]}"
        try:
            good += reached(by_hand)
        except Exception as error:  # noqa: BLE001 - a loop by hand that knows less than a verb
            return None, f"{type(error).__name__}: {str(error).splitlines()[0]}"
    return good, ""


# ---- test files ----------------------------------------------------------------------------------


def check_file(path: Path, diagnosis: Diagnosis, keep: Path) -> tuple[int | None, str]:
    """(on how many of ten fresh seeds the test passes with the line pasted, why it cannot be told).

    Args:
        path: of a test file.
        diagnosis: of its training.
        keep: the folder for the file with the line in it.
    """
    unknown = Trial(change="", code="", losses=(), passed=0)
    tried = (*diagnosis.verified, *diagnosis.tried)
    trial = next((each for each in tried if each.fix == diagnosis.fix), unknown)
    keras.backend.clear_session()  # names of layers are counted from here
    pasted_file = keep / path.name
    try:
        before = call_in(path, "test_sick", FRESH_SEEDS[0], build=True)
        pasted_file.write_text(edited(path.read_text(), diagnosis.fix, before), encoding="utf-8")
    except ForAPersonError as error:
        return None, f"for a person: {error}"
    except Exception as error:  # noqa: BLE001 - an edit that fails is no fault of the line
        return None, f"the edit fails: {first_line(error)}"
    good = 0
    for seed in FRESH_SEEDS:
        keras.backend.clear_session()
        spread = _spread(call_in(path, "test_sick", seed).start)
        try:
            good += reached(by_hand_of(pasted_file, trial, seed, spread))
        except CannotPasteError as error:
            return None, f"for a person: {error}"
        except Exception as error:  # noqa: BLE001 - code that does not run is what is looked for
            cannot = why_not_by_hand(path, seed)
            if cannot:
                return None, f"the loop by hand fails: {cannot}"
            return good, first_line(error)
    return good, ""


def why_not_by_hand(path: Path, seed: int) -> str:
    """What a loop written by hand cannot do with a test as it is; empty if it can train it."""
    keras.backend.clear_session()
    try:
        faults.train(call_in(path, "test_sick", seed, build=True).start, 2, seed)
    except Exception as error:  # noqa: BLE001 - any will do
        return first_line(error)
    return ""


def first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"


def by_hand_of(path: Path, trial: Trial, seed: int, spread: float) -> ByHand:
    """The training of an edited file, judged as its test says.

    Args:
        path: of the file.
        trial: of the change that it has.
        seed: of its start and its batches.
        spread: of the targets before.
    """
    called = call_in(path, "test_sick", seed, build=True)
    start, asked = called.start, Expectation(**called.expectation)
    bound = bound_in_unit(trial, asked.max_loss, start, spread)
    metrics, decrease, skill = dict(asked.metrics or {}), asked.required_decrease, asked.min_skill
    if asked.max_loss is not None and bound is None and not metrics and skill is None:
        skill = SKILL
    return ByHand(start, steps_of(called), seed, bound, metrics, decrease, skill)


def steps_of(called: Called) -> int:
    """How many steps a call makes, which may say it in epochs."""
    given = called.start.arguments
    if given.get("epochs") is None:
        return Expectation(**called.expectation).steps
    each = given.get("steps_per_epoch")
    if each is None and isinstance(given["x"], tf.data.Dataset):
        each = int(given["x"].cardinality())
    if each is None:
        rows = len(keras.tree.flatten(given["x"])[0])
        each = math.ceil(rows / (given.get("batch_size") or BATCH_SIZE))
    return int(given["epochs"] * each)


# ---- the run ------------------------------------------------------------------------------------


@dataclasses.dataclass
class Tally:
    """What came of all cases."""

    failing: int = 0
    red: int = 0
    right: int = 0
    family: int = 0
    wrong_direction: list[str] = dataclasses.field(default_factory=list)
    repairable: int = 0
    proven: int = 0
    sound: int = 0
    false_alarms: list[str] = dataclasses.field(default_factory=list)
    notes: int = 0
    seconds: list[float] = dataclasses.field(default_factory=list)
    ratios: list[float] = dataclasses.field(default_factory=list)
    confusion: dict[str, collections.Counter[str]] = dataclasses.field(
        default_factory=lambda: collections.defaultdict(collections.Counter)
    )
    fixes: dict[str, int | None] = dataclasses.field(default_factory=dict)
    useful: dict[str, bool] = dataclasses.field(default_factory=dict)


def diagnose(case: Case, seed: int, tally: Tally, *, mode: str, verbose: bool) -> Diagnosis | None:
    """Runs one failing training and prints its line."""
    keras.backend.clear_session()  # code to paste names layers, which are counted from here
    tally.failing += 1
    needs_proof = case.needs_proof
    tally.repairable += needs_proof
    label = f"{case.name[:38]:38} {seed}"
    try:
        result = result_of(case, seed, mode)
    except Exception as error:  # noqa: BLE001 - an error is an answer here: the wrong one
        print(f"ERROR {label} {type(error).__name__}: {str(error)[:300]}", flush=True)
        return None
    diagnosis = result.diagnosis
    if diagnosis is None:
        print(f"GREEN {label} final loss {result.final_loss:.4g}", flush=True)
        return None
    tally.red += 1
    right = set(named_causes(diagnosis)) <= case.accepted
    tally.right += right
    families = {FAMILY.get(cause, cause) for cause in case.accepted}
    tally.family += right or FAMILY.get(diagnosis.cause) in families
    opposite = {"learning-rate-too-high", "learning-rate-too-low"}
    if diagnosis.cause in opposite and not right and opposite & case.accepted:
        tally.wrong_direction.append(f"{case.name} {seed}")
    tally.proven += diagnosis.proven and needs_proof
    tally.seconds.append(diagnosis.seconds)
    tally.ratios.append(diagnosis.seconds / max(result.seconds, 1e-3))
    tally.confusion[case.cause or ""]["right" if right else diagnosis.cause] += 1
    print(
        f"{'ok   ' if right else 'WRONG'} {label} {case.cause:26} got"
        f" {'+'.join(named_causes(diagnosis)):26}"
        f"{'proven  ' if diagnosis.proven else 'unproven'} {diagnosis.seconds:5.1f} s"
        f" ({tally.ratios[-1]:4.1f}x) {len(diagnosis.tried):3} tried",
        flush=True,
    )
    if verbose or not right or (needs_proof and not diagnosis.proven):
        show(result, diagnosis)
    return diagnosis


def show(result: ConvergenceResult, diagnosis: Diagnosis) -> None:
    """Everything behind an answer."""
    first, last, bound = result.initial_loss, result.final_loss, result.expectation.max_loss
    print(f"        {first:.4g} -> {last:.4g}, bound {bound}: {diagnosis.message}")
    known = {
        name: float(f"{v:.3g}") if isinstance(v, float) else v
        for name, v in diagnosis.evidence.items()
    }
    print(f"        {known} fix {diagnosis.fix!r} bracket {diagnosis.bracket}")
    for trial in diagnosis.tried:
        losses = " ".join(f"{loss:.3g}" for loss in trial.losses)
        print(
            f"          {trial.change} [{trial.code}]: {losses}, {trial.passed} passed,"
            f" {trial.seconds:.1f} s"
        )
    for name, why in diagnosis.excluded:
        print(f"          not possible: {name}: {why}")
    if diagnosis.left_out:
        print(f"          no time for: {', '.join(diagnosis.left_out)}")


def judge_sound(case: Case, seed: int, tally: Tally) -> None:
    """Runs a training that must pass."""
    tally.sound += 1
    try:
        result = result_of(case, seed, "off")
    except Exception as error:  # noqa: BLE001 - an error is an answer here: the wrong one
        tally.false_alarms.append(f"{case.name} {seed}: {type(error).__name__}: {error}"[:300])
        return
    tally.notes += sum(not finding.fails for finding in result.findings)
    if not result.passed:
        messages = "; ".join(f.message for f in result.findings if f.fails)
        tally.false_alarms.append(f"{case.name} {seed}: {messages}")


def judge_use(
    case: Case, path: Path, diagnosis: Diagnosis | None, tally: Tally, keep: Path | None
) -> None:
    """Pastes the line of a diagnosis into its test file and prints what comes of it."""
    good, why = None, "no line"
    if diagnosis is not None and diagnosis.fix:
        with tempfile.TemporaryDirectory() as folder:
            kept = Path(folder) if keep is None else keep
            kept.mkdir(parents=True, exist_ok=True)
            good, why = check_file(path, diagnosis, kept)
            shown = "" if keep is None or not (kept / path.name).exists() else kept / path.name
            print(f"        pasted {shown}: {diagnosis.fix!r}", flush=True)
        tally.fixes[case.name] = good
    right = diagnosis is not None and set(named_causes(diagnosis)) <= case.accepted
    if case.needs_proof:
        tally.useful[case.name] = right and good is not None and good >= ENOUGH
    word = "not checked" if good is None else f"{good} of {len(FRESH_SEEDS)}"
    print(f"        by hand: {word}{', ' if why else ''}{why}", flush=True)


def percent(part: int, whole: int) -> str:
    return f"{part} of {whole}" + (f" ({100 * part / whole:.1f} %)" if whole else "")


def report(tally: Tally) -> None:
    print(f"\nfailing trainings red      {percent(tally.red, tally.failing)}")
    print(f"sound trainings red        {percent(len(tally.false_alarms), tally.sound)}")
    for line in tally.false_alarms:
        print(f"    {line}")
    print(f"cause right or accepted    {percent(tally.right, tally.failing)}")
    print(f"family right               {percent(tally.family, tally.failing)}")
    wrong = f": {', '.join(tally.wrong_direction)}" if tally.wrong_direction else ""
    print(f"direction of rate wrong    {len(tally.wrong_direction)}{wrong}")
    print(f"verified repair            {percent(tally.proven, tally.repairable)}")
    if tally.seconds:
        for name, values in (("seconds", tally.seconds), ("times its run", tally.ratios)):
            middle, high = statistics.median(values), float(np.quantile(values, 0.9))
            print(f"{name:26} median {middle:.1f}, 90th percentile {high:.1f}")
    if tally.sound:
        print(f"notes a sound training     {tally.notes / tally.sound:.2f}")
    if tally.fixes:
        known = {name: good for name, good in tally.fixes.items() if good is not None}
        firm = sum(good >= 0.95 * len(FRESH_SEEDS) for good in known.values())
        print(f"repairs checked by hand    {percent(len(known), len(tally.fixes))}")
        print(f"    reach it on 95 % of fresh seeds {percent(firm, len(known))}")
        print(f"    runs {percent(sum(known.values()), len(known) * len(FRESH_SEEDS))}")
    if tally.useful:
        useful = percent(sum(tally.useful.values()), len(tally.useful))
        needed = f"at least {ENOUGH} of {len(FRESH_SEEDS)}"
        print(f"useful: cause right or accepted, and the pasted line passes on {needed}: {useful}")
    print("\ncauses (rows: wanted) and what they were taken for")
    for cause, answers in sorted(tally.confusion.items()):
        print(f"    {cause:27}" + ", ".join(f"{n} {got}" for got, n in answers.most_common()))


def check_labels(only: list[str] | None) -> int:
    """Trains all faults and twins by hand; the number of labels that do not hold."""
    wrong = 0
    for fault in faults.FAULTS:
        if only and fault.name not in only:
            continue
        for fixed in (False, True):
            began = time.perf_counter()
            runs = [faults.as_labelled(fault, fixed=fixed, seed=seed) for seed in range(3)]
            good = sum(ok for ok, _ in runs)
            wrong += good < len(runs)
            last = " ".join(f"{losses[-1]:.3g}" for _, losses in runs)
            expected = fault.expected(fixed=fixed)
            bound = expected.get("max_loss") or next(iter(expected["metrics"].values()))[0]
            took = (time.perf_counter() - began) / len(runs)
            print(
                f"{'ok   ' if good == len(runs) else 'WRONG'} {fault.name:38}"
                f"{'twin' if fixed else 'faulty':7} bound {bound:<8.3g} {last}  {took:.1f} s",
                flush=True,
            )
            keras.backend.clear_session()
    print(f"labels that do not hold: {wrong}")
    return wrong


# ---- several faults at once ---------------------------------------------------------------------

COMPOUNDS = {"open": compounds.OPEN, "held": compounds.HELD, "all": compounds.COMPOUNDS}


@dataclasses.dataclass
class CompoundTally:
    """What came of all compounds.

    Attributes:
        verified: a set of changes was verified.
        only_injected: every cause that was named is one of the faults put in.
        none_missing: every fault put in is among the causes that were named.
        whole: all of these.
    """

    failing: int = 0
    red: int = 0
    verified: int = 0
    only_injected: int = 0
    none_missing: int = 0
    whole: int = 0
    seconds: list[float] = dataclasses.field(default_factory=list)
    ratios: list[float] = dataclasses.field(default_factory=list)


def case_of_compound(compound: Compound) -> Case:
    def begin(seed: int) -> Begun:
        return compound.start(fixed=False, seed=seed), compound.expected(fixed=False)

    return Case(compound.name, begin, compound.faults[0][0], compound.accepted)


def named_causes(diagnosis: Diagnosis) -> list[str]:
    """The codes of all causes that a diagnosis names."""
    return [each.cause for each in getattr(diagnosis, "causes", ())] or [diagnosis.cause]


def diagnose_compound(
    compound: Compound, seed: int, tally: CompoundTally, *, verbose: bool
) -> None:
    """Runs one compound and prints its line."""
    tally.failing += 1
    label = f"{compound.name} {seed}"
    try:
        result = result_of(case_of_compound(compound), seed, "quick")
    except Exception as error:  # noqa: BLE001 - an error is an answer here: the wrong one
        print(f"ERROR {label} {type(error).__name__}: {str(error)[:300]}", flush=True)
        return
    diagnosis = result.diagnosis
    if diagnosis is None:
        print(f"GREEN {label} final loss {result.final_loss:.4g}", flush=True)
        return
    named = named_causes(diagnosis)
    wrong = [cause for cause in named if cause not in compound.accepted]
    missing = [cause for cause, also in compound.faults if not {cause, *also} & set(named)]
    whole = diagnosis.proven and not wrong and not missing
    tally.red += 1
    tally.verified += diagnosis.proven
    tally.only_injected += not wrong
    tally.none_missing += not missing
    tally.whole += whole
    tally.seconds.append(diagnosis.seconds)
    tally.ratios.append(diagnosis.seconds / max(result.seconds, 1e-3))
    print(
        f"{'ok   ' if whole else 'WRONG'} {label}: got {', '.join(named)}"
        f" {'proven' if diagnosis.proven else 'unproven'}"
        f"{', missing ' if missing else ''}{', '.join(missing)}"
        f" {diagnosis.seconds:.1f} s ({tally.ratios[-1]:.1f}x) {len(diagnosis.tried)} tried",
        flush=True,
    )
    if verbose or not whole:
        show(result, diagnosis)


def report_compounds(tally: CompoundTally) -> None:
    print(f"\ncompounds red              {percent(tally.red, tally.failing)}")
    print(f"verified set               {percent(tally.verified, tally.failing)}")
    print(f"every named cause injected {percent(tally.only_injected, tally.failing)}")
    print(f"no fault missing           {percent(tally.none_missing, tally.failing)}")
    print(f"all of these               {percent(tally.whole, tally.failing)}")
    for name, values in (("seconds", tally.seconds), ("times its run", tally.ratios)):
        if values:
            middle, high = statistics.median(values), float(np.quantile(values, 0.95))
            print(f"{name:26} median {middle:.1f}, 95th percentile {high:.1f}")


def misfits(compound: Compound) -> Iterator[str]:
    """What of a compound does not hold in a training by hand."""
    for left in compound.remainders():
        if not compounds.verified(left):
            yield f"{' and '.join(part.name for part in left.parts)} passes"
    for other in compounds.rates_instead(compound):
        if not compounds.verified(other, seeds=[0]):
            yield f"{other.parts[-1].name} is enough"


def check_compounds(chosen: list[Compound]) -> int:
    """Trains compounds and what is left of them by hand; the number that do not hold."""
    wrong = 0
    sound = functools.cache(lambda base: compounds.verified(Compound(base, ()), fixed=True))
    for compound in chosen:
        began = time.perf_counter()
        found = [*([] if sound(compound.base) else ["the base misses"]), *misfits(compound)]
        wrong += bool(found)
        print(
            f"{'WRONG' if found else 'ok   '} {compound.name}"
            f" {time.perf_counter() - began:.0f} s {'; '.join(found)}",
            flush=True,
        )
    print(f"compounds that do not hold: {wrong}")
    return wrong


def main_of_compounds(options: argparse.Namespace) -> int:
    """The compounds alone: their labels or their diagnoses."""
    only = set(options.only or ())
    chosen = [
        compound
        for compound in COMPOUNDS[options.compounds]
        if not only or {compound.name, compound.base.name} & only
    ]
    if not chosen:
        print("no such compound")
        return 2
    if options.labels:
        return int(check_compounds(chosen) > 0)
    tally = CompoundTally()
    for compound in chosen:
        for seed in range(options.seeds):
            diagnose_compound(compound, seed, tally, verbose=options.verbose)
            keras.backend.clear_session()
    report_compounds(tally)
    return int(tally.red < tally.failing)


def chosen_cases(options: argparse.Namespace) -> Iterator[Case]:
    """The cases that were asked for."""
    if options.corpus:
        every = cases_of_corpus(options.corpus)
    else:
        every = cases_of_tests(options.tests) if options.tests else cases_of_zoo()
    for case in every:
        named = not options.only or case.name in options.only
        if named and not (options.faults and case.cause is None):
            yield case


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, help="folder of a corpus instead of the zoo")
    parser.add_argument("--tests", type=Path, help="folder of labelled tests instead of the zoo")
    parser.add_argument("--seeds", type=int, default=3, help="seeds a training, from 0 on")
    parser.add_argument("--only", action="append", help="a training's name; may be repeated")
    parser.add_argument("--faults", action="store_true", help="leave the sound trainings out")
    parser.add_argument("--verbose", action="store_true", help="what was tried, for all of them")
    parser.add_argument("--mode", default="quick", choices=("quick", "full"), help="of diagnosis")
    parser.add_argument("--check-fixes", action="store_true", help="make the repairs by hand")
    parser.add_argument("--keep", type=Path, help="folder for test files with the line pasted")
    parser.add_argument("--labels", action="store_true", help="check the labels of the zoo")
    parser.add_argument(
        "--compounds",
        nargs="?",
        const="open",
        choices=COMPOUNDS,
        help="trainings with several faults: those that are open (without a word), held back, all",
    )
    options = parser.parse_args()
    if options.compounds:
        return main_of_compounds(options)
    if options.labels:
        return int(check_labels(options.only) > 0)

    tally = Tally()
    for case in chosen_cases(options):
        if case.cause is None:
            for seed in range(options.seeds):
                judge_sound(case, seed, tally)
                keras.backend.clear_session()
            continue
        first = None
        for seed in range(options.seeds):
            diagnosis = diagnose(case, seed, tally, mode=options.mode, verbose=options.verbose)
            first = first or diagnosis
            keras.backend.clear_session()
        if options.check_fixes and case.path is not None:
            judge_use(case, case.path, first, tally, options.keep)
        elif options.check_fixes and first is not None and first.proven:
            good, why = check_fix(case, first)
            tally.fixes[case.name] = good
            shown = "cannot be checked" if good is None else f"{good} of {len(FRESH_SEEDS)}"
            print(f"        by hand, {first.verified[0].change}: {shown} {why}", flush=True)
    if not tally.failing and not tally.sound:
        print("no such training")
        return 2
    report(tally)
    return int(bool(tally.false_alarms) or tally.red < tally.failing)


if __name__ == "__main__":
    sys.exit(main())
