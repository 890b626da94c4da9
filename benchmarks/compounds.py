"""Finds compounds that hold: rows for the table of tests/zoo/compounds.py.

    python -m benchmarks.compounds                         # a few rows for each base program
    python -m benchmarks.compounds --base autoencoder --pairs 8 --triples 2 --minutes 5

Prints a row for each compound that misses its bound on three seeds with all of its parts and with
any of them. Those in the table are left out.
"""

from __future__ import annotations

import argparse
import collections
import itertools
import os
import re
import sys
import time
from collections.abc import Collection, Iterator

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from tests.zoo.compounds import COMPOUNDS, Compound, rates_instead, verified
from tests.zoo.programs import BASES, PARTS, Base, Part


class Search:
    """Looks for compounds that hold, those of parts that were seldom taken first."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.uses: collections.Counter[str] = collections.Counter()
        for compound in COMPOUNDS:
            self.use(compound)
        self.known: dict[tuple[str, frozenset[str]], bool] = {}

    def use(self, compound: Compound) -> None:
        """Counts the parts, each also with its base, so that no base gets its rarest part only."""
        for part in compound.parts:
            self.uses.update((part.name, f"{compound.base.name} {part.name}"))

    def used(self, compound: Compound) -> int:
        """How often the parts were used, in the zoo and in the base."""
        names = [part.name for part in compound.parts]
        return sum(self.uses[n] + 3 * self.uses[f"{compound.base.name} {n}"] for n in names)

    def misses(self, compound: Compound) -> bool:
        """Whether a compound misses its bound, remembered."""
        key = compound.base.name, frozenset(part.name for part in compound.parts)
        if key not in self.known:
            self.known[key] = verified(compound)
        return self.known[key]

    def candidates(self, base_: Base, size: int) -> list[Compound]:
        """Parts of different components that can be told apart."""
        parts = [PARTS[name] for name in base_.parts]
        chosen = [
            c
            for c in itertools.combinations(parts, size)
            if len({part.component for part in c}) == size and not entangled(c)
        ]
        return [Compound(base_, chosen[i]) for i in self.random.permutation(len(chosen))]

    def rows(self, base_: Base, size: int, wanted: int, until: float) -> Iterator[Compound]:
        """As many compounds as are wanted and found in time."""
        taken = {c.name for c in COMPOUNDS}
        candidates = [c for c in self.candidates(base_, size) if c.name not in taken]
        while candidates and wanted and time.perf_counter() < until:
            candidates.sort(key=self.used)
            compound = candidates.pop(0)
            if not all(map(self.misses, reversed(list(compound.remainders())))):
                continue
            if all(verified(other, seeds=[0]) for other in rates_instead(compound)):
                self.use(compound)
                wanted -= 1
                yield compound


def entangled(parts: Collection[Part]) -> bool:
    """Whether one other change may repair two of the parts.

    Targets scaled into the range of an output suit it, and a rate may make up for steps.
    """
    limited = any(re.fullmatch(r"(relu|sigmoid|tanh)_at_the_end", part.name) for part in parts)
    scaled = any(part.spread > 1 for part in parts)
    return (limited and scaled) or {"optimizer", "budget"} <= {part.component for part in parts}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", action="append", choices=BASES, help="a base; may be repeated")
    parser.add_argument("--pairs", type=int, default=4, help="rows of two parts a base")
    parser.add_argument("--triples", type=int, default=1, help="rows of three parts a base")
    parser.add_argument("--minutes", type=float, default=1.0, help="time limit a base")
    parser.add_argument("--seed", type=int, default=0, help="of the order of candidates")
    options = parser.parse_args()
    search = Search(options.seed)
    for name in options.base or BASES:
        until = time.perf_counter() + 60 * options.minutes
        if not verified(Compound(BASES[name], ()), fixed=True):
            print(f"{name} misses its bound", file=sys.stderr)
            continue
        for size, wanted in ((2, options.pairs), (3, options.triples)):
            for compound in search.rows(BASES[name], size, wanted, until):
                row = name, *(part.name for part in compound.parts)
                print(f"    {row},", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
