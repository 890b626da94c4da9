"""Whether trainings are the same, to the last bit, in every repeat and any company.

    python -m benchmarks.determinism [--repeats 25] [--alone 5] [--seed 0]

Forty varied trainings (`tests/zoo/varied.py`), in sessions of their own: all in order, all in a
random order, and all under two workers of pytest-xdist, in turn; and some, each alone in a process.
Counts the trainings whose numbers differ, and what a test left changed: random states, threads,
settings of TensorFlow and Keras, the environment and the folder.
"""

from __future__ import annotations

import argparse
import collections
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.zoo.varied import CONFTEST, SEEN, SUITE, TRAININGS

ROOT = Path(__file__).parent.parent
Seen = collections.defaultdict[str, collections.Counter[str]]


def session(names: Sequence[str], arguments: Sequence[str], seen: Seen) -> None:
    """Trains in a process of its own, and adds what it has seen of each training."""
    with tempfile.TemporaryDirectory() as folder:
        path, suite = Path(folder, "seen.txt"), Path(folder, "suite")
        suite.mkdir()
        (suite / "conftest.py").write_text(CONFTEST, encoding="utf-8")
        (suite / "test_a.py").write_text(SUITE, encoding="utf-8")
        tests = [f"test_a.py::test_it[{name}]" for name in names]
        common = ["-q", "-pno:cacheprovider", "-pno:randomly", f"--rootdir={suite}"]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *common, *arguments, *tests],
            cwd=suite,
            env={**os.environ, SEEN: str(path), "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(done.stdout)
        for line in path.read_text(encoding="utf-8").splitlines():
            name, _, said = line.partition(" ")
            seen[name][said] += 1


def main() -> None:
    """Prints what differed, and how many trainings were compared."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=25, help="sessions of all trainings")
    parser.add_argument("--alone", type=int, default=5, help="trainings that are run alone too")
    parser.add_argument("--seed", type=int, default=0, help="of the random orders")
    options = parser.parse_args()
    rng = random.Random(options.seed)  # noqa: S311 - an order is no secret
    names, started = list(TRAININGS), time.monotonic()
    seen: Seen = collections.defaultdict(collections.Counter)
    for repeat in range(options.repeats):
        order = names if repeat % 3 == 0 else rng.sample(names, len(names))
        session(order, ["-n2"] if repeat % 3 == 2 else [], seen)
        print(f"{repeat + 1} of {options.repeats} after {time.monotonic() - started:.0f} s")
    for name in rng.sample(names, options.alone):
        session([name], [], seen)
    counts = {n: {s: c for s, c in said.items() if "left" not in s} for n, said in seen.items()}
    differ = [name for name, found in counts.items() if len(found) != 1]
    left = [
        f"{n}: {s}, {c} times" for n, said in seen.items() for s, c in said.items() if "left" in s
    ]
    runs = sum(sum(found.values()) for found in counts.values())
    print(
        f"{runs} runs of {len(counts)} trainings: {len(differ)} differ, {len(left)} left something"
    )
    for line in [f"{name}: {dict(counts[name])}" for name in differ] + left:
        print(f"  {line}")


if __name__ == "__main__":
    main()
