"""The sentence that says why the gate decided as it did, with its numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pytest_converge.baselines.gate.comparison import Comparison

__all__ = ["effect_in_words", "eleven_runs", "four_runs", "one_run", "signature"]


def signature(parts: Sequence[Comparison], drift: float) -> str:
    """Why a run counts as the stored one."""
    effect = effect_in_words(_largest_effect(parts))
    return f"the first losses repeat the stored ones to {drift:.1e}, and the run is {effect}"


def one_run(parts: Sequence[Comparison]) -> str:
    """Where the first run stands."""
    rank = max(part.ranks[0] for part in parts)
    effect = effect_in_words(_largest_effect(parts))
    total = len(parts[0].baseline)
    return f"{rank} of {total} stored runs are better beyond the tolerance; {effect} on its seed"


def four_runs(parts: Sequence[Comparison], p_values: Sequence[float]) -> str:
    """How four runs compare."""
    if any(part.all_above() for part in parts):
        effect = effect_in_words(_largest_effect(parts))
        total = len(parts[0].baseline)
        return f"all 4 runs are worse than all {total} stored ones beyond the tolerance: {effect}"
    return _by_p(parts, p_values)


def eleven_runs(
    parts: Sequence[Comparison], p_values: Sequence[float], limit: float, *, failed: bool
) -> str:
    """How eleven runs compare."""
    if failed and min(p_values) > limit:
        effect = effect_in_words(_largest_effect(parts))
        return f"all 11 runs are worse than their own seeds beyond the tolerance: {effect}"
    return f"{_by_p(parts, p_values)}, fails at {limit:.1g}"


def effect_in_words(effect: float) -> str:
    """`12 % worse`, `0.3 % better`, `equal`."""
    percent = abs(100 * effect)
    if not math.isfinite(percent):
        return "not finite" if effect > 0 else "better without bound"
    text = f"{percent:.0f}" if percent >= 10 else f"{percent:.2g}"
    if float(text) < 0.01:
        return "equal"
    return f"{text} % {'worse' if effect > 0 else 'better'}"


def _by_p(parts: Sequence[Comparison], p_values: Sequence[float]) -> str:
    lowest = min(p_values)
    effect = parts[p_values.index(lowest)]
    return (
        f"{effect_in_words(effect.scale.effect(effect.median_excess))} at the median of"
        f" {len(effect.new)} seeds, p = {lowest:.2g}"
    )


def _largest_effect(parts: Sequence[Comparison]) -> float:
    """The effect on the score where it is largest for the worse."""
    return max(part.scale.effect(part.median_excess) for part in parts)
