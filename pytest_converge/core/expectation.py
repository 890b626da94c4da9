"""What a test expects of a training: the arguments of the marker and of the verbs."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypedDict, get_args

from pytest_converge.core.errors import InvalidTrainingError, complaint, nearest, shown
from pytest_converge.core.finding import GATE_CODES, IGNORABLE_GATES, NOTE_CODES, check_codes
from pytest_converge.core.serialisation import Serialisable

__all__ = ["DEFAULT_MIN_DECREASE", "Expectation", "ExpectationArguments", "Metric", "Monotone"]

#: Enough updates for small models to show a trend; the value of the documented table.
DEFAULT_STEPS = 100
#: The loop counts its steps in 32 bits.
MOST_STEPS = 2**31 - 1
#: A healthy training loses at least this share of its initial loss: 0 of 408 healthy curves did
#: not, all flat ones did (measured on 34 trainings with 12 seeds each).
DEFAULT_MIN_DECREASE = 0.05
#: How the loss has to fall on its way down.
Monotone = Literal["trend", "strict", "off"]
#: What a baseline compares in place of the loss curve: one of these, or a metric's own name.
Metric = Literal["loss", "val_loss"] | str  # noqa: PYI051 - editors complete the two
#: Seeds are handed to NumPy and TensorFlow, which take 32 bits.
LARGEST_SEED = 2**32 - 1
#: Types of Python's and NumPy's truth values by name; the earlier NumPy only warns of an index.
BOOLEAN = frozenset({"bool", "bool_"})
#: What only a call can say, since it depends on the data, and what to do.
LENGTHS = frozenset({"epochs", "steps_per_epoch"})
OF_THE_CALL = "Give it to converge.fit, where the data are, or write steps=200."
#: What a test may set of its baseline in place of the options.
BASELINE_LIMITS = ("tolerance", "alpha")
Bound = tuple[float | None, float | None]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Expectation(Serialisable):
    """The expectation a training is judged by.

    Args:
        max_loss: the final loss must not exceed it; None sets no bound.
        steps: optimizer updates, 1 to 2**31 - 1.
        min_decrease: the share of the initial loss that must be gone at the end; None means 0.05
            where `max_loss` is not given, and no demand where it is.
        monotone: "trend" (rises above the running minimum stay small against the whole drop),
            "strict" (never rises at any checkpoint; for full-batch training) or "off".
        min_skill: advantage over the best constant prediction, from 0 to 1; None is off.
        metrics: bounds on compiled metrics as (lowest, highest), None for an open side.
        seed: base seed, 0 to 2**32 - 1; None derives it from the test's id.
        seeds: how many starts must all pass, at least 1.
        baseline: gate against recorded loss curves; a dict sets its `tolerance` and `alpha`.
        metric: what the baseline compares in place of the loss curve, at the end: "loss" (on the
            probe set), a compiled metric, or of held-out data "val_loss" or "val_<metric>".
        ignore: finding codes not to report.

    Raises:
        InvalidTrainingError: an argument has the wrong type or range.
    """

    max_loss: float | None = None
    steps: int = DEFAULT_STEPS
    min_decrease: float | None = None
    monotone: Monotone = "trend"
    min_skill: float | None = None
    metrics: Mapping[str, Bound] = dataclasses.field(default_factory=dict)
    seed: int | None = None
    seeds: int = 1
    baseline: bool | Mapping[str, float] = False
    metric: Metric | None = None
    ignore: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, check in _CHECKS.items():
            object.__setattr__(self, name, check(name, getattr(self, name)))

    @property
    def required_decrease(self) -> float | None:
        """The share of the initial loss that must be gone, with the default filled in."""
        if self.min_decrease is not None or self.max_loss is not None:
            return self.min_decrease
        return DEFAULT_MIN_DECREASE

    @property
    def baseline_limits(self) -> Mapping[str, float]:
        """What the test sets of its baseline in place of the options."""
        return self.baseline if isinstance(self.baseline, Mapping) else {}

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The argument names in the order of the documentation."""
        return tuple(field.name for field in dataclasses.fields(cls))

    @classmethod
    def of(cls, arguments: Mapping[str, Any], *, hooks: bool = True) -> Expectation:
        """An expectation from a mapping of arguments, refusing names it does not know.

        Args:
            arguments: by name.
            hooks: hooks may report codes of their own, which `ignore` may name.
        """
        for name in arguments:
            if name not in cls.names():
                expected = "an argument of the marker converges"
                remedy = OF_THE_CALL if name in LENGTHS else nearest(name, cls.names())
                raise InvalidTrainingError(complaint(f"the argument {name!r}", expected, remedy))
        if not hooks:
            check_codes(arguments.get("ignore", ()), (*NOTE_CODES, *GATE_CODES))
        return cls(**arguments)


class ExpectationArguments(TypedDict, total=False):
    """The arguments of `Expectation`, none of which has to be given, for type checkers."""

    max_loss: float | None
    steps: int
    min_decrease: float | None
    monotone: Monotone
    min_skill: float | None
    metrics: Mapping[str, Bound]
    seed: int | None
    seeds: int
    baseline: bool | Mapping[str, float]
    metric: Metric | None
    ignore: tuple[str, ...]


def _refuse(name: str, value: object, expected: str, remedy: str) -> InvalidTrainingError:
    return InvalidTrainingError(complaint(f"{name}={shown(value)}", expected, remedy))


def _as_float(value: object) -> float | None:
    """A finite float for Python and NumPy numbers, None for everything else (also bool)."""
    if isinstance(value, (str, bytes)) or type(value).__name__ in BOOLEAN:
        return None
    # Whatever raises is none: of many rows PyTorch says so by a RuntimeError.
    with contextlib.suppress(Exception):
        number = float(value)  # type: ignore[arg-type]
        return number if math.isfinite(number) else None
    return None


def _as_int(value: object) -> int | None:
    """An integer for Python and NumPy integers, None for everything else (also bool)."""
    if type(value).__name__ in BOOLEAN:
        return None
    with contextlib.suppress(Exception):
        return operator.index(value)  # type: ignore[arg-type]
    return None


def _number(expected: str, remedy: str, lowest: float, highest: float) -> Callable[..., Any]:
    def check(name: str, value: object) -> float | None:
        if value is None:
            return None
        number = _as_float(value)
        if number is None or not lowest <= number <= highest:
            raise _refuse(name, value, expected, remedy)
        return number

    return check


def _integer(expected: str, remedy: str, lowest: int, highest: float) -> Callable[..., Any]:
    def check(name: str, value: object) -> int:
        number = _as_int(value)
        if number is None or not lowest <= number <= highest:
            raise _refuse(name, value, expected, remedy)
        return number

    return check


def _seed(name: str, value: object) -> int | None:
    if value is None:
        return None
    remedy = "Leave it out to derive the seed from the test's id."
    checked: int = _integer("an integer from 0 to 2**32 - 1", remedy, 0, LARGEST_SEED)(name, value)
    return checked


def _monotone(name: str, value: object) -> str:
    choices = get_args(Monotone)
    if not isinstance(value, str) or value not in choices:
        expected = "one of " + ", ".join(map(repr, choices))
        raise _refuse(name, value, expected, "Use 'off' where the loss may rise by right.")
    return value


def _metrics(name: str, value: object) -> dict[str, Bound]:
    expected = "a dict of metric names to (lowest, highest) with None for an open side"
    remedy = 'Write, for example, metrics={"accuracy": (0.9, None)}.'
    if not isinstance(value, Mapping):
        raise _refuse(name, value, expected, remedy)
    bounds: dict[str, Bound] = {}
    for metric, pair in value.items():
        if not isinstance(metric, str) or not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise _refuse(name, value, expected, remedy)
        low, high = (None if side is None else _as_float(side) for side in pair)
        given = [side for side in pair if side is not None]
        if not given or [s for s in (low, high) if s is not None] != [_as_float(s) for s in given]:
            raise _refuse(name, value, expected, remedy)
        if low is not None and high is not None and low > high:
            raise _refuse(name, value, "a lowest value not above the highest", remedy)
        bounds[metric] = (low, high)
    return bounds


def _baseline(name: str, value: object) -> bool | dict[str, float]:
    if isinstance(value, Mapping):
        for key, limit in value.items():
            if key not in BASELINE_LIMITS:
                remedy = nearest(str(key), BASELINE_LIMITS)
                raise _refuse(name, value, "limits that a baseline has", remedy)
            if _as_float(limit) is None:
                remedy = "Write, for example, baseline={'tolerance': 0.02}."
                raise _refuse(name, value, "numbers as its limits", remedy)
        return {key: float(limit) for key, limit in value.items()} or True
    if not isinstance(value, bool) and type(value).__name__ not in BOOLEAN:
        remedy = "True compares with the loss curves that --converge-baseline=new recorded."
        raise _refuse(name, value, "True, False or a dict of its limits", remedy)
    return bool(value)


def _metric(name: str, value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        remedy = 'Write, for example, metric="val_loss".'
        raise _refuse(name, value, "the name of a metric", remedy)
    return value


def _ignore(_: str, value: object) -> tuple[str, ...]:
    codes = check_codes(value, (*NOTE_CODES, *GATE_CODES), others=True)
    for code in codes:
        if code in GATE_CODES and code not in IGNORABLE_GATES:
            given, expected = f"the gate {code!r} in ignore", "codes of notes"
            remedy = "A gate decides: leave it out, and state other bounds where it is wrong."
            raise InvalidTrainingError(complaint(given, expected, remedy))
    return codes


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "max_loss": _number(
        "a finite number",
        "Give the highest final loss that counts as converged.",
        -math.inf,
        math.inf,
    ),
    "steps": _integer(
        "an integer from 1 to 2**31 - 1",
        "Give the number of optimizer updates, as steps=200.",
        1,
        MOST_STEPS,
    ),
    "min_decrease": _number(
        "a share of the initial loss from 0 to 1", "Write 0.5 for a loss that must halve.", 0.0, 1.0
    ),
    "monotone": _monotone,
    "min_skill": _number(
        "a share from 0 to 1", "0 is the best constant prediction, 1 a perfect one.", 0.0, 1.0
    ),
    "metrics": _metrics,
    "seed": _seed,
    "seeds": _integer("an integer of at least 1", "Give how many starts must pass.", 1, 10_000),
    "baseline": _baseline,
    "metric": _metric,
    "ignore": _ignore,
}
