"""From every place where an expectation can be stated to the one that counts."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from pytest_converge.core.expectation import Expectation

__all__ = ["resolve"]


def resolve(
    *,
    call: Mapping[str, Any],
    markers: Iterable[Mapping[str, Any]],
    command_line: Mapping[str, Any],
    ini: Mapping[str, Any],
    base_seed: int,
    test: str,
    hooks: bool = True,
) -> Expectation:
    """The expectation of one training, argument by argument from the first place that has it.

    Args:
        call: arguments of the training call.
        markers: arguments of the test's markers, closest first.
        command_line: arguments given as options.
        ini: arguments given in the configuration.
        base_seed: what the seed is derived from where none is given.
        test: the id of the test.
        hooks: hooks may report codes of their own, which `ignore` may name.

    Raises:
        InvalidTrainingError: an argument is unknown or has a wrong type or range.
    """
    merged: dict[str, Any] = {}
    for place in (call, *markers, command_line, ini):
        merged = {**place, **merged}
    expectation = Expectation.of(merged, hooks=hooks)
    if expectation.seed is None:
        return dataclasses.replace(expectation, seed=derived_seed(base_seed, test))
    return expectation


def derived_seed(base_seed: int, test: str) -> int:
    """A seed of 32 bits that depends on nothing but the base seed and the test's id."""
    digest = hashlib.sha256(f"{base_seed}:{test}".encode()).digest()
    return int.from_bytes(digest[:4], "big")
