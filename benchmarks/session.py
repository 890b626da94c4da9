"""What a session of many convergence tests costs: memory a test, and time with two workers.

    python -m benchmarks.session [--tests 200] [--startup 15]

Runs pytest in subprocesses: one process (resident memory after each test), two workers of
pytest-xdist against one process (wall time), and `--collect-only` of a suite without convergence
tests, with and without the plugin.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

WARM_UP = 20

SUITE = """
import keras
import numpy as np
import pytest

rng = np.random.default_rng(0)
x = rng.normal(size=(256, 8)).astype("float32")
y = (x.sum(axis=1) > 0).astype("int32")


def build():
    model = keras.Sequential(
        [keras.Input((8,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(2, "softmax")]
    )
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    return model


@pytest.mark.parametrize("number", range(TESTS))
@pytest.mark.converges(max_loss=0.5, steps=100)
def test_small(converge, number):
    converge.fit(build, x, y)
"""

CONFTEST = """
import pathlib

def resident():
    pages = pathlib.Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * 4096 / 2**20

def pytest_runtest_logfinish(nodeid, location):
    with open("memory.txt", "a") as file:
        file.write(f"{resident():.2f}\\n")
"""


def pytest_run(folder: Path, *arguments: str) -> float:
    began = time.perf_counter()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 5):
        raise SystemExit(done.stdout[-2000:] + done.stderr[-2000:])
    return time.perf_counter() - began


def memory_and_workers(tests: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_many.py").write_text(SUITE.replace("TESTS", str(tests)))
        two = pytest_run(folder, "-n", "2")
        (folder / "conftest.py").write_text(CONFTEST)
        one = pytest_run(folder)
        memory = [float(line) for line in (folder / "memory.txt").read_text().split()]
    growth = (memory[-1] - memory[WARM_UP - 1]) / (len(memory) - WARM_UP)
    print(f"{tests} tests: {memory[WARM_UP - 1]:.0f} MB after {WARM_UP}, {memory[-1]:.0f} MB at the"
          f" end, {growth:.2f} MB a test (less than 1)")  # fmt: skip
    print(f"one process {one:.1f} s, two workers {two:.1f} s = {two / one:.2f}x (at most 0.65)")


def startup(repeats: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_plain.py").write_text(
            textwrap.dedent("""
            def test_nothing():
                pass
        """)
        )
        with_plugin, without = [], []
        for _ in range(repeats):
            with_plugin.append(pytest_run(folder, "--collect-only"))
            without.append(pytest_run(folder, "--collect-only", "-p", "no:converge"))
    more = 1000 * (statistics.median(with_plugin) - statistics.median(without))
    print(f"--collect-only: {1000 * statistics.median(without):.0f} ms without the plugin,"
          f" {more:+.1f} ms with it (at most 15)")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tests", type=int, default=200)
    parser.add_argument("--startup", type=int, default=25, help="repeats of --collect-only")
    options = parser.parse_args()
    startup(options.startup)
    memory_and_workers(options.tests)


if __name__ == "__main__":
    main()
