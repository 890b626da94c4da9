"""How often the diagnosis is right: failing trainings with known causes, several seeds each.

    python -m benchmarks.diagnosis                        # tests/zoo/faults.py, its twins, the zoo
    python -m benchmarks.diagnosis --seeds 1 --only adam_at_two --verbose
    python -m benchmarks.diagnosis --corpus ../shared/corpus --check-fixes
    python -m benchmarks.diagnosis --labels               # is every fault what its label says?
    python -m benchmarks.diagnosis --compounds            # tests/zoo/compounds.py, the open half
    python -m benchmarks.diagnosis --labels --compounds all

A line a failing training: what was wanted and got, whether a repair was verified, and the cost;
what was tried follows where the answer is wrong or unproven. Then the totals and which causes were
taken for which. With `--check-fixes` every verified repair is made again by hand, with the code
that the diagnosis gives, in a loop of its own and on ten fresh seeds.

Of compounds, trainings with two or three faults at once, all causes count that are named. The half
of them that is held back is for a figure on what nobody tuned to: no change is made after it.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import functools
import importlib
import os
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from benchmarks.verdict import start_of
from pytest_converge import runner
from pytest_converge.core.diagnosis import Diagnosis
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.result import ConvergenceResult
from tests.zoo import (
    compounds,
    faults,
    problems,
    trainings,
)
from tests.zoo.compounds import Compound
from tests.zoo.problems import Start

FAMILIES = {
    "learning rate": (
        "learning-rate-too-high",
        "learning-rate-too-low",
        "momentum-too-high",
        "too-few-steps",
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
    """

    name: str
    begin: Callable[[int], Begun]
    cause: str | None = None
    accepted: frozenset[str] = frozenset()


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


class CannotCheckError(Exception):
    """A repair that cannot be made from outside."""


@dataclasses.dataclass
class Repair:
    """A training while it is repaired.

    Attributes:
        fix: the lines of code that the diagnosis gives.
        bound: what the final loss must not exceed; None where the loss has another unit.
        metrics: bounds of metrics.
    """

    start: Start
    fix: str
    steps: int
    bound: float | None
    seed: int
    metrics: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def arguments(self) -> dict[str, Any]:
        return self.start.arguments

    @property
    def model(self) -> Any:
        return self.arguments.get("model")

    def rebuild(self, change: Callable[[str, dict[str, Any]], None]) -> None:
        """The model again, its layers from changed settings."""
        optimizer, loss = self.model.optimizer, self.model.loss
        if self.model.built:
            shape = None
        else:
            first = _first_batch(self.arguments)
            shape = None if isinstance(first, dict) else np.shape(first)[1:]
            self.model(first)

        def clone(layer: Any) -> Any:
            config = layer.get_config()
            change(type(layer).__name__, config)
            return type(layer).from_config(config)

        if isinstance(self.model, keras.Sequential):
            parts = [clone(layer) for layer in self.model.layers]
            model = keras.Sequential([*([keras.Input(shape)] if shape else []), *parts])
            model(_first_batch(self.arguments))
        else:
            model = keras.models.clone_model(self.model, clone_function=clone)
        model.compile(type(optimizer).from_config(optimizer.get_config()), loss)
        self.arguments["model"] = model

    def map_data(self, change: Callable[[str, Any], Any]) -> None:
        """Every array of x and y changed; data sets are read first."""
        x, y = self.arguments["x"], self.arguments["y"]
        if isinstance(x, tf.data.Dataset):
            size = len(keras.tree.flatten(next(iter(x)))[0])
            rows = list(x.unbatch().as_numpy_iterator())
            columns = [np.stack(part) for part in zip(*rows, strict=True)]
            x, y = columns[0], columns[1]
            self.arguments.update(batch_size=size, shuffle=True)
        for name, part in (("x", x), ("y", y)):
            changed = keras.tree.map_structure(
                lambda array, name=name: change(name, np.asarray(array)), part
            )
            self.arguments[name] = changed

    def optimize_with(self, optimizer: Any) -> None:
        if self.start.verb == "fit":
            self.model.optimizer = optimizer
        elif self.start.verb == "minimize":
            self.arguments["optimizer"] = optimizer
        else:
            raise CannotCheckError("the optimizer is inside of the step")

    @property
    def optimizer(self) -> Any:
        return self.model.optimizer if self.start.verb == "fit" else self.arguments["optimizer"]


def _first_batch(arguments: dict[str, Any]) -> Any:
    x = arguments["x"]
    if isinstance(x, tf.data.Dataset):
        return next(iter(x))[0]
    return keras.tree.map_structure(lambda array: np.asarray(array)[:4], x)


def repaired(diagnosis: Diagnosis, begun: Begun, seed: int) -> Repair:
    """The training with the first verified change made by hand.

    Raises:
        CannotCheckError: a change that is not known here.
    """
    start, expectation = begun
    bound = expectation.get("max_loss")
    trial = diagnosis.verified[0]
    metrics = expectation.get("metrics", {})
    repair = Repair(start, trial.fix, expectation["steps"], bound, seed, metrics)
    rest = trial.change
    while rest:
        for pattern, apply in REPAIRS.items():
            found = re.match(rf"(?:{pattern})(?: and |$)", rest)
            if found:
                apply(repair, *found.groups())
                rest = rest[found.end() :]
                break
        else:
            raise CannotCheckError(rest)
    if not trial.comparable:
        repair.bound = None
    return repair


def _optimizer(repair: Repair, *_: str) -> None:
    """The optimizer that the diagnosis says to paste."""
    line = next((x for x in repair.fix.splitlines() if "(" in x and "optimizers." in x), None)
    line = line or next((x for x in repair.fix.splitlines() if "tf.compat" in x), None)
    if line is None:
        raise CannotCheckError(f"no code for the optimizer in {repair.fix!r}")
    if repair.start.verb == "step":
        repair.optimizer.learning_rate.assign(eval(line).get_config()["learning_rate"])  # noqa: S307
        return
    names = {"keras": keras, "tf": tf}
    if isinstance(repair.optimizer, keras.optimizers.Optimizer):
        names["schedule"] = _schedule_of(repair.optimizer)
    repair.optimize_with(eval(line, names))  # noqa: S307 - that it runs is what is checked


def _schedule_of(optimizer: Any) -> Any:
    config = optimizer.get_config()["learning_rate"]
    if isinstance(config, dict):
        return keras.optimizers.schedules.deserialize(config)
    return config


def _steps(repair: Repair, steps: str) -> None:
    repair.steps = int(steps)


def _standardise_features(repair: Repair) -> None:
    def change(name: str, array: Any) -> Any:
        if name != "x" or array.dtype.kind != "f":
            return array
        axes = tuple(range(array.ndim - 1)) if array.ndim > 1 else (0,)
        array = array.astype("float64")
        return ((array - array.mean(axes)) / (array.std(axes) + 1e-12)).astype("float32")

    repair.map_data(change)


def _images(repair: Repair) -> None:
    repair.map_data(lambda name, a: (a / 255.0).astype("float32") if name == "x" else a)


def _standardise_targets(repair: Repair) -> None:
    spreads = []

    def change(name: str, array: Any) -> Any:
        if name != "y":
            return array
        array = array.astype("float64")
        spreads.append(float(array.std(axis=0).mean()))
        return ((array - array.mean(axis=0)) / array.std(axis=0)).astype("float32")

    repair.map_data(change)
    power = {"mse": 2, "mean_squared_error": 2, "mae": 1, "mean_absolute_error": 1}
    known = power.get(repair.model.loss if isinstance(repair.model.loss, str) else "")
    if known is None or repair.bound is None:
        raise CannotCheckError("the unit of the loss")
    repair.bound /= spreads[0] ** known


def _relabel(repair: Repair, new: str, old: str) -> None:
    mapping = dict(zip(map(float, old.split(", ")), map(float, new.split(", ")), strict=True))

    def change(name: str, array: Any) -> Any:
        return np.vectorize(mapping.get)(array).astype("float32") if name == "y" else array

    repair.map_data(change)


def _as_pasted(repair: Repair) -> None:
    """The line to paste, on x and y."""
    repair.map_data(lambda _, array: array)
    names = {"np": np, "x": repair.arguments["x"], "y": repair.arguments["y"]}
    exec(repair.fix, names)  # noqa: S102 - that it runs is what is checked
    repair.arguments.update(x=names["x"], y=names["y"])


def _without_columns(repair: Repair) -> None:
    """Columns of NaN as zeros: without them the model would have other shapes."""

    def change(_: str, array: Any) -> Any:
        if array.dtype.kind != "f" or array.ndim != 2:
            return array
        return np.where(np.isfinite(array).mean(axis=0) >= 0.5, array, 0.0).astype(array.dtype)

    repair.map_data(change)


def _loss_as_pasted(repair: Repair) -> None:
    loss = eval(repair.fix.removeprefix("loss="), {"keras": keras})  # noqa: S307
    repair.model.compile(repair.model.optimizer, loss)


def _one_hot(repair: Repair, classes: str) -> None:
    repair.map_data(
        lambda name, a: keras.utils.to_categorical(a, int(classes)) if name == "y" else a
    )


def _weigh_classes(repair: Repair) -> None:
    found = re.search(r"class_weight=(\{[^}]+\})", repair.fix)
    repair.arguments["class_weight"] = eval(found[1])  # noqa: S307 - the code to paste


def _shuffle(repair: Repair) -> None:
    x = repair.arguments["x"]
    if isinstance(x, tf.data.Dataset):
        size = len(keras.tree.flatten(next(iter(x)))[0])
        repair.arguments["x"] = x.unbatch().shuffle(100_000, seed=repair.seed).batch(size)
    else:
        repair.arguments["shuffle"] = True


def _without_nonfinite(repair: Repair) -> None:
    repair.map_data(lambda _, array: array)
    arrays = [a for name in ("x", "y") for a in keras.tree.flatten(repair.arguments[name])]
    keep = np.all(
        [np.isfinite(a).reshape(len(a), -1).all(axis=1) for a in arrays if a.dtype.kind == "f"],
        axis=0,
    )
    repair.map_data(lambda _, array: array[keep])


def _head(repair: Repair, activation: str, loss: str | None) -> None:
    layer = next(x for x in reversed(repair.model.layers) if hasattr(x, "activation"))
    layer.activation = keras.activations.get(None if activation == "no activation" else activation)
    if loss:
        repair.model.compile(repair.model.optimizer, getattr(keras.losses, loss)())


def _logits(repair: Repair, logits: str) -> None:
    loss = keras.losses.get(repair.model.loss)
    config = {**loss.get_config(), "from_logits": logits == "True"}
    repair.model.compile(repair.model.optimizer, type(loss).from_config(config))


def _hidden(repair: Repair, activation: str) -> None:
    layers = [x for x in repair.model.layers if getattr(x, "activation", None) is not None]
    for layer in layers[:-1]:
        layer.activation = keras.activations.get(activation)


def _initialisers(repair: Repair) -> None:
    def change(_: str, config: dict[str, Any]) -> None:
        for name in list(config):
            if name.endswith("_initializer"):
                usual = {"kernel": "glorot_uniform", "recurrent": "orthogonal", "gamma": "ones"}
                part = name.removesuffix("_initializer")
                config[name] = "uniform" if part == "embeddings" else usual.get(part, "zeros")

    repair.rebuild(change)


def _settings(**values: Any) -> Callable[[Repair], None]:
    def apply(repair: Repair) -> None:
        def change(kind: str, config: dict[str, Any]) -> None:
            for name, value in values.items():
                if name in config and (name != "rate" or "Dropout" in kind):
                    config[name] = value

        repair.rebuild(change)

    return apply


def _wider(repair: Repair, factor: str) -> None:
    last = repair.model.layers[-1].name

    def change(_: str, config: dict[str, Any]) -> None:
        for size in ("units", "filters", "output_dim"):
            if size in config and config["name"] != last:
                config[size] = max(int(factor) * config[size], 32)

    repair.rebuild(change)


def _deeper(repair: Repair, units: str) -> None:
    old = repair.model
    parts = [type(x).from_config(x.get_config()) for x in old.layers]
    parts.insert(len(parts) - 1, keras.layers.Dense(int(units), activation="relu"))
    model = keras.Sequential(parts)
    model.compile(type(old.optimizer).from_config(old.optimizer.get_config()), old.loss)
    repair.arguments["model"] = model


def _all_trainable(repair: Repair) -> None:
    old = repair.model
    exec(repair.fix, {"model": old})  # noqa: S102 - that it works is what is checked
    if "before it is built" in repair.fix:
        repair.arguments["model"] = keras.models.clone_model(old)
        repair.model(_first_batch(repair.arguments))
        repair.model.set_weights(old.get_weights())
    repair.model.compile(type(old.optimizer).from_config(old.optimizer.get_config()), old.loss)


def _all_variables(repair: Repair) -> None:
    cells = [cell.cell_contents for cell in repair.arguments["loss"].__closure__]
    repair.arguments["variables"] = [x for x in cells if isinstance(x, tf.Variable)]


def _nudge(repair: Repair) -> None:
    generator = tf.random.Generator.from_seed(repair.seed)
    for variable in repair.arguments.get("variables") or repair.model.trainable_variables:
        variable.assign_add(generator.normal(variable.shape, stddev=0.01))


#: What the changes are called, and what does the same by hand.
REPAIRS: dict[str, Callable[..., None]] = {
    r"learning rate [^ ]+(?: instead of [^ ]+)?": _optimizer,
    r"constant learning rate [^ ]+ instead of the schedule": _optimizer,
    r"Adam, learning rate [^ ]+": _optimizer,
    r"(?:momentum|beta_1) [^ ]+ instead of [^ ]+": _optimizer,
    r"gradients clipped to norm [^ ]+": _optimizer,
    r"gradients not clipped": _optimizer,
    r"weight decay off": _optimizer,
    r"(\d+) steps": _steps,
    r"features standardised": _standardise_features,
    r"images to \[0, 1\]": _images,
    r"targets standardised": _standardise_targets,
    r"labels \{([^}]+)\} instead of \{([^}]+)\}": _relabel,
    r"labels (?:above 0 as 1|divided by .+)": _as_pasted,
    r"rows with labels below 0 left out": _as_pasted,
    r"columns that are not finite left out": _without_columns,
    r"label smoothing off instead of [^ ]+": _loss_as_pasted,
    r"plain ReLU layers": _settings(threshold=0.0, max_value=None),
    r"labels one-hot over (\d+) classes": _one_hot,
    r"classes weighted alike": _weigh_classes,
    r"rows shuffled": _shuffle,
    r"rows that are not finite left out": _without_nonfinite,
    r"output with (no activation|\w+)(?:, loss (\w+))?": _head,
    r"loss with from_logits=(True|False)": _logits,
    r"hidden activations (\w+)": _hidden,
    r"Keras' default initialisers": _initialisers,
    r"L1 and L2 penalties off": _settings(
        kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None
    ),
    r"weight constraints off": _settings(kernel_constraint=None, bias_constraint=None),
    r"dropout and noise off": _settings(rate=0.0, stddev=0.0, dropout=0.0, recurrent_dropout=0.0),
    r"hidden layers (\d+) times as wide": _wider,
    r"a hidden layer of (\d+) units": _deeper,
    r"everything trainable": _all_trainable,
    r"every variable of the loss trained": _all_variables,
    r"(?:start|end) moved by [^ ]+ along negative curvature": _nudge,
}


def reached(repair: Repair) -> bool:
    """Whether a loop written by hand brings the repaired training to its target."""
    last = faults.train(repair.start, repair.steps, repair.seed)[-1]
    if repair.metrics:
        found = faults.metrics_of(repair.start)
        return all(found[name] >= (low or 0.0) for name, (low, _) in repair.metrics.items())
    if repair.bound is not None:
        return last <= repair.bound
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
            repair = repaired(diagnosis, case.begin(seed), seed)
        except CannotCheckError as error:
            return None, str(error)
        except Exception as error:  # noqa: BLE001 - code that does not run is what is looked for
            return 0, f"{type(error).__name__}: {str(error).splitlines()[0]}"
        good += reached(repair)
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


def diagnose(case: Case, seed: int, tally: Tally, *, verbose: bool) -> Diagnosis | None:
    """Runs one failing training and prints its line."""
    tally.failing += 1
    tally.repairable += case.cause not in BEYOND_REPAIR
    label = f"{case.name[:38]:38} {seed}"
    try:
        result = result_of(case, seed, "quick")
    except Exception as error:  # noqa: BLE001 - an error is an answer here: the wrong one
        print(f"ERROR {label} {type(error).__name__}: {str(error)[:300]}", flush=True)
        return None
    diagnosis = result.diagnosis
    if diagnosis is None:
        print(f"GREEN {label} final loss {result.final_loss:.4g}", flush=True)
        return None
    tally.red += 1
    right = diagnosis.cause in case.accepted
    tally.right += right
    families = {FAMILY[cause] for cause in case.accepted}
    tally.family += right or FAMILY.get(diagnosis.cause) in families
    opposite = {"learning-rate-too-high", "learning-rate-too-low"}
    if diagnosis.cause in opposite and not right and opposite & case.accepted:
        tally.wrong_direction.append(f"{case.name} {seed}")
    tally.proven += diagnosis.proven and case.cause not in BEYOND_REPAIR
    tally.seconds.append(diagnosis.seconds)
    tally.ratios.append(diagnosis.seconds / max(result.seconds, 1e-3))
    tally.confusion[case.cause or ""]["right" if right else diagnosis.cause] += 1
    print(
        f"{'ok   ' if right else 'WRONG'} {label} {case.cause:26} got {diagnosis.cause:26}"
        f"{'proven  ' if diagnosis.proven else 'unproven'} {diagnosis.seconds:5.1f} s"
        f" ({tally.ratios[-1]:4.1f}x) {len(diagnosis.tried):3} tried",
        flush=True,
    )
    needs_proof = case.cause not in BEYOND_REPAIR
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
    for case in cases_of_corpus(options.corpus) if options.corpus else cases_of_zoo():
        named = not options.only or case.name in options.only
        if named and not (options.faults and case.cause is None):
            yield case


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, help="folder of a corpus instead of the zoo")
    parser.add_argument("--seeds", type=int, default=3, help="seeds a training, from 0 on")
    parser.add_argument("--only", action="append", help="a training's name; may be repeated")
    parser.add_argument("--faults", action="store_true", help="leave the sound trainings out")
    parser.add_argument("--verbose", action="store_true", help="what was tried, for all of them")
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
            diagnosis = diagnose(case, seed, tally, verbose=options.verbose)
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
