"""How often the diagnosis is right: failing trainings with known causes, several seeds each.

    python -m benchmarks.diagnosis                        # tests/zoo/faults.py, its twins, the zoo
    python -m benchmarks.diagnosis --seeds 1 --only adam_at_two --verbose
    python -m benchmarks.diagnosis --corpus ../shared/corpus --check-fixes
    python -m benchmarks.diagnosis --tests FOLDER         # test files with a label, see below
    python -m benchmarks.diagnosis --labels               # is every fault what its label says?
    python -m benchmarks.diagnosis --compounds            # tests/zoo/compounds.py, the open half
    python -m benchmarks.diagnosis --labels --compounds all

A line a failing training: what was wanted and got, whether a repair was verified, and the cost;
what was tried follows where the answer is wrong or unproven. Then the totals and which causes were
taken for which. With `--check-fixes` every verified repair is made again by hand, with the code
that the diagnosis gives, in a loop of its own and on ten fresh seeds.

A folder of tests holds files `test_*.py`, each with a test `test_sick` of one call of a verb, maybe
its twin `test_healthy`, and the label: `CODES`, a set of right causes; `ACCEPT`, those that count
as right too; `REPAIR`, whether any change of the training can help.

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
import importlib.util
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from benchmarks.verdict import start_of
from pytest_converge import runner
from pytest_converge.core.calls import FitCall, MinimizeCall, StepCall
from pytest_converge.core.diagnosis import Diagnosis
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.result import ConvergenceResult
from pytest_converge.diagnosis.trials import OUT_OF_REACH
from tests.zoo import (
    compounds,
    faults,
    problems,
    trainings,
)
from tests.zoo.compounds import Compound
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
    """

    name: str
    begin: Callable[[int], Begun]
    cause: str | None = None
    accepted: frozenset[str] = frozenset()
    repairable: bool | None = None

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
        name, right = path.stem.removeprefix("test_"), frozenset(label.CODES)

        def begin(seed: int, path: Path = path) -> Begun:
            return call_in(path, "test_sick", seed)

        def begin_twin(seed: int, path: Path = path) -> Begun:
            return call_in(path, "test_healthy", seed)

        repairable = getattr(label, "REPAIR", True)
        yield Case(name, begin, "/".join(sorted(right)), right | set(label.ACCEPT), repairable)
        if hasattr(label, "test_healthy"):
            yield Case(f"{name} (twin)", begin_twin)


def module_at(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{path} is no module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def call_in(path: Path, test: str, seed: int) -> Begun:
    """The call of a verb in a test file, which is run anew, and what is expected of it."""
    keras.utils.set_random_seed(seed)
    function, called = getattr(module_at(path), test), []

    class CalledError(Exception):
        """Ends the test where the call is."""

    class Verbs:
        def __getattr__(self, verb: str) -> Callable[..., None]:
            def take(*arguments: Any, **named: Any) -> None:
                called.append((verb, arguments, named))
                raise CalledError

            return take

    with contextlib.suppress(CalledError):
        function(Verbs())
    ((verb, arguments, named),) = called
    kind = {"fit": FitCall, "minimize": MinimizeCall, "step": StepCall}[verb]
    names = [field.name for field in dataclasses.fields(kind)]
    marks = [
        mark.kwargs for mark in getattr(function, "pytestmark", ()) if mark.name == "converges"
    ]
    expectation = {name: value for each in marks for name, value in each.items()}
    expectation |= {name: named[name] for name in named if name not in names}
    taken = dict(zip(names, arguments, strict=False)) | {n: named[n] for n in named if n in names}
    if verb == "minimize" and len(taken) == 1:
        taken = dict(zip(names, taken["loss"](), strict=True))
    return Start(verb, taken), expectation


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
        bound: what the final loss must not exceed; None where the loss has another unit.
        metrics: bounds of metrics.
        seed: of its batches.
    """

    repair: Repair
    bound: float | None
    metrics: dict[str, Any]
    seed: int


def repaired(diagnosis: Diagnosis, begun: Begun, seed: int) -> ByHand:
    """The training with the code of the first verified change.

    Raises:
        CannotPasteError: code that has no place here.
    """
    start, expectation = begun
    trial, bound = diagnosis.verified[0], expectation.get("max_loss")
    repair = Repair(start, expectation["steps"])
    before = _spread(repair)
    repair.paste(trial.fix)
    if "targets standardised" in trial.change and bound is not None:
        loss = repair.model.loss
        power = {"mse": 2, "mean_squared_error": 2, "mae": 1, "mean_absolute_error": 1}
        if not isinstance(loss, str) or loss not in power:
            raise CannotPasteError("the unit of the loss")
        bound *= (_spread(repair) / before) ** power[loss]
        if bound < OUT_OF_REACH ** power[loss]:
            bound = None  # it was meant for standardised targets
    bound = bound if trial.comparable else None
    return ByHand(repair, bound, expectation.get("metrics", {}), seed)


def _spread(repair: Repair) -> float:
    y = repair.arguments.get("y")
    arrays = [] if y is None else keras.tree.flatten(y)
    return float(np.std(np.asarray(arrays[0], "float64"), axis=0).mean()) if arrays else 1.0


def reached(by_hand: ByHand) -> bool:
    """Whether a loop written by hand brings the repaired training to its target."""
    repair, metrics = by_hand.repair, by_hand.metrics
    with repair.patched():
        last = faults.train(repair.start, repair.steps, by_hand.seed)[-1]
    if metrics:
        found = faults.metrics_of(repair.start)
        return all(found[name] >= (low or 0.0) for name, (low, _) in metrics.items())
    if by_hand.bound is not None:
        return last <= by_hand.bound
    y = keras.tree.flatten(repair.arguments["y"])[0]
    return 1 - last / constant_loss(y, repair.model) >= SKILL


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
        if options.check_fixes and first is not None and first.proven:
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
