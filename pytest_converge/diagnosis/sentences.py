"""The sentences of the diagnosis: what is wrong, with the numbers that show it."""

from __future__ import annotations

import math

from pytest_converge.core.diagnosis import Trial
from pytest_converge.core.numbers import number
from pytest_converge.core.record import TrainingRecord
from pytest_converge.diagnosis.clues import Clues

__all__ = ["evidence", "sentence"]

#: Names listed in a sentence; the rest is counted.
MOST_NAMES = 3

_PLAIN = {
    "class-imbalance": "one class is rare; the bounds are met with {change}",
    "frozen-variables": "not trained: {where}",
    "momentum-too-high": "with {change} it converges",
    "regularisation-too-strong": "with {change} it converges",
    "output-loss-mismatch": "output and loss do not fit the targets; it converges with {change}",
    "label-encoding": "the labels are not what the loss reads; it converges with {change}",
    "unshuffled-data": "the rows come in an order that batches cannot learn from",
    "exploding-gradient": "single gradients are too large; it converges with {change}",
    "too-small-capacity": "the model is too small; it converges with {change}",
    "saddle-point": "it rests on a saddle point; it converges with the {change}",
    "plateau": "the start lies on a plateau; it converges with {change}",
    "local-minimum": "this start leads to a local minimum; it converges with {change}",
    "too-few-steps": "only time is missing; it converges in {change}",
}


def sentence(
    cause: str,
    trial: Trial | None,
    record: TrainingRecord,
    clues: Clues,
    gauge: float,
    where: tuple[str, ...],
) -> str:
    """One sentence on a cause, at most about 160 characters."""
    change = trial.change if trial is not None else ""
    if cause == "nonfinite-data":
        return f"{named(where)} holds values that are not finite"
    if cause.startswith("learning-rate"):
        return _rate(cause, change, record, clues, gauge)
    if cause == "unscaled-features":
        return _scale(clues.scale.features, "features") or f"with {change} it converges"
    if cause == "unscaled-targets":
        return _scale(clues.scale.targets, "targets") or f"with {change} it converges"
    if cause in ("dead-units", "vanishing-gradient", "bad-initialisation"):
        return _start(cause, change, clues)
    pattern = _PLAIN.get(cause, "with {change} it converges")
    return pattern.format(change=change, where=named(where) or "some variables")


def evidence(
    clues: Clues, record: TrainingRecord, gauge: float
) -> dict[str, float | int | str | None]:
    """The numbers behind the diagnosis, those that were measured."""
    norms = [norm for norm in record.curve.gradient_norm if math.isfinite(norm)]
    values: dict[str, float | int | str | None] = {
        "learning_rate": _known(clues.rate),
        "step_gauge": _known(gauge),
        "initial_loss": _known(record.curve.first),
        "final_loss": _known(record.curve.last),
        "constant_loss": _known(record.constant_loss),
        "first_gradient_norm": _known(norms[0] if norms else None),
        "largest_gradient_norm": _known(max(norms, default=None)),
        "gradient_first_to_last": _known(clues.layers.first_to_last if clues.layers else None),
        "dead_layers": ", ".join(clues.dead) or None,
        "saturated_layers": ", ".join(clues.saturated) or None,
        "layers_of_equal_units": ", ".join(clues.alike) or None,
    }
    for flag in (*clues.scale.features, *clues.scale.targets):
        values[f"{flag.array} {flag.part}"] = _known(float(flag.value))
    return {name: value for name, value in values.items() if value is not None}


def named(names: tuple[str, ...]) -> str:
    """Up to three names and how many more."""
    listed = ", ".join(names[:MOST_NAMES])
    more = len(names) - MOST_NAMES
    return f"{listed} and {more} more" if more > 0 else listed


def _known(value: float | None) -> float | None:
    """Without the digits that float32 adds: 0.10000000149 is 0.1."""
    if value is None:
        return None
    return float(f"{value:.7g}") if math.isfinite(value) else None


def _rate(cause: str, change: str, record: TrainingRecord, clues: Clues, gauge: float) -> str:
    own = number(clues.rate) if math.isfinite(clues.rate) else "the rate"
    how = "high" if cause.endswith("high") else "low"
    gauged = ""
    if math.isfinite(gauge) and how == "high" and gauge < 0:
        gauged = f" (steps overshoot: gauge {gauge:.2g})"
    elif math.isfinite(gauge) and how == "low" and gauge > 0.5:
        gauged = f" (steps feel no curvature: gauge {gauge:.2g})"
    return f"learning rate {own} is too {how}{gauged}; it converges with {change}"


def _scale(flags: tuple[object, ...], what: str) -> str:
    if not flags:
        return ""
    flag = flags[0]
    words = {
        "small-rms": "root mean square {:.3g}",
        "large-rms": "root mean square {:.3g}",
        "deviation": "standard deviation up to {:.3g}",
        "offset": "mean {:.3g} times the standard deviation",
        "spread": "standard deviation {:.3g}",
        "mean": "mean {:.3g}",
    }
    part, value = getattr(flag, "part", ""), getattr(flag, "value", math.nan)
    columns = getattr(flag, "columns", ())
    size = words.get(part, "{:.3g}").format(value)
    return f"{what} on an unsuitable scale: {size} in {named(columns)}"


def _start(cause: str, change: str, clues: Clues) -> str:
    return f"{_symptom(cause, clues)}; it converges with {change}"


def _symptom(cause: str, clues: Clues) -> str:
    """What shows at the start, the plainest symptom first."""
    ratio = clues.layers.first_to_last if clues.layers else None
    symptoms = [
        (cause == "dead-units", f"units of {named(tuple(clues.dead))} are dead on every row"),
        (
            cause == "vanishing-gradient" and ratio is not None,
            f"the first layer gets {ratio or 0.0:.1g} of the last one's gradient",
        ),
        (bool(clues.alike), f"all units of {named(tuple(clues.alike))} start alike"),
        (bool(clues.saturated), f"units of {named(tuple(clues.saturated))} start saturated"),
        (clues.no_gradient, "layers without any gradient at the start"),
        (
            clues.start_ratio > 2,
            f"the initial loss is {number(clues.start_ratio)} times that of a constant",
        ),
    ]
    return next((text for seen, text in symptoms if seen), "the start does not train")
