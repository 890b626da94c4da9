"""The range of learning rates in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_converge.core.rate_range import RateRange

__all__ = ["bracket_text", "factor_text", "failure", "rate_text"]

#: Room for the first line behind the name of the call, indented on 80 columns.
FIRST_LINE = 80 - len("  learning_rate.range: ")


def rate_text(rate: float) -> str:
    """A learning rate with three significant digits, as people write it: `0.03`, `1e-5`, `1000`."""
    rounded = float(f"{rate:.3g}")
    text = f"{rounded:.6g}" if 1e-4 <= abs(rounded) < 1e5 else f"{rounded:g}"
    mantissa, letter, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if letter else text


def factor_text(factor: float) -> str:
    """A factor with two significant digits: `1.0x`, `29x`, `180x`."""
    if not math.isfinite(factor):
        return "not finite"
    return f"{factor:.1f}x" if factor < 9.95 else f"{float(f'{factor:.2g}'):g}x"


def failure(study: RateRange) -> str:
    """What is wrong with the user's rate, in at most six lines. The first stands alone."""
    lines = [_first_line(study)]
    if study.bracket is not None:
        lines.append(f"passing: {bracket_text(study)}")
        lines += [f"also passing, apart from these: {_span(*s)}" for s in study.islands[:1]]
    best, limit = study.best, study.divergence
    facts = (
        []
        if best is None
        else [f"lowest loss {best.final_loss:.4g} at {rate_text(best.learning_rate)}"]
    )
    facts += [] if limit is None else [f"diverges from {rate_text(limit)} on"]
    lines += [", ".join(facts)] if facts else []
    if study.proposed is not None:
        rate = rate_text(study.proposed)
        code = study.optimizer.replace("{}", _literal(rate))
        lines.append(f"fix: {code}" if code else f"fix: learning rate {rate}")
    lines.append(f"reproduce: pytest {study.test}")
    return "\n".join(lines)


def bracket_text(study: RateRange) -> str:
    """The bracket in words, with what is known about its edges."""
    if study.bracket is None:
        return "none"
    low, high = study.bracket
    if study.below is None and study.above is None:
        return f"at most {rate_text(low)} to at least {rate_text(high)}, the whole sweep"
    first = f"at most {rate_text(low)}" if study.below is None else rate_text(low)
    last = f"at least {rate_text(high)}" if study.above is None else rate_text(high)
    failing = [rate_text(rate) for rate in (study.below, study.above) if rate is not None]
    verb = "fails" if len(failing) == 1 else "fail"
    return f"{first} to {last}; {' and '.join(failing)} {verb}"


def _first_line(study: RateRange) -> str:
    own, room = rate_text(study.own), study.room
    if study.bracket is None:
        swept = _span(study.points[0].learning_rate, study.points[-1].learning_rate)
        return f"no learning rate from {swept} passes"
    if room is None:
        span = _span(*study.bracket)
        why = f" ({study.own_point.finding})" if study.own_point.finding else ""
        return _fitted(f"{own} fails{why}; {span} pass")
    side, edge = ("lower", study.lowest) if room[0] < room[1] else ("upper", study.highest)
    where = "above" if side == "lower" else "below"
    edge_text, margin = rate_text(edge or 0.0), f"{study.margin or 1:g}"
    factor = factor_text(min(room))
    return _fitted(f"{own} is {factor} {where} the {side} edge {edge_text}, not {margin}x")


def _fitted(text: str) -> str:
    """The text with its subject, where the line has room for it."""
    whole = f"learning rate {text}"
    return whole if len(whole) <= FIRST_LINE else text


def _span(low: float, high: float) -> str:
    return f"{rate_text(low)} to {rate_text(high)}"


def _literal(rate: str) -> str:
    """A literal that Keras takes: it refuses a rate that is an integer."""
    return f"{rate}.0" if rate.isdigit() else rate
