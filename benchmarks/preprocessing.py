"""What `preprocessing.check` costs, and how often it is wrong.

    python -m benchmarks.preprocessing [--rows 1000000] [--seeds 20] [--repeats 5]

Prints the processor and wall time of a check against np.mean and np.std (along the columns) over
the same array, taken in turns, with the largest additional memory; then, for the zoos in
`pipelines` and `fitted_pipelines` of tests/zoo, how many broken entries were found with the right
columns and how many sound ones were flagged, over several seeds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
import tracemalloc
import warnings
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from pytest_converge.core.data_limits import DataLimits
from pytest_converge.features.reports import check_data, check_pipeline

MEGABYTE = 2**20


def clocked(function: Callable[[], Any]) -> tuple[float, float]:
    """Wall and processor time in seconds."""
    wall, processor = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - wall, time.process_time() - processor


def peak_of(function: Callable[[], Any]) -> float:
    """The largest additional memory in MB, of what Python and NumPy allocate."""
    tracemalloc.start()
    function()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / MEGABYTE


def speed(rows: int, repeats: int) -> None:
    print(f"{rows:,} rows of 100 columns, medians of {repeats}, in turns")
    print("type     what             wall s  processor s  ratio wall  ratio processor  peak MB")
    for dtype in ("float32", "float64"):
        x = np.random.default_rng(0).standard_normal((rows, 100), dtype=dtype)
        y = (x[:, 0] > 0).astype(np.int64)
        calls = {
            "mean and std": lambda x=x: (np.mean(x, axis=0), np.std(x, axis=0)),
            "the same, whole": lambda x=x: (np.mean(x), np.std(x)),
            "check": lambda x=x: check_data(x),
            "check with y": lambda x=x, y=y: check_data(x, y),
        }
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
        for _ in range(repeats):
            for name, call in calls.items():
                times[name].append(clocked(call))
        base = [statistics.median(part) for part in zip(*times["mean and std"], strict=True)]
        for name, call in calls.items():
            wall, processor = (statistics.median(part) for part in zip(*times[name], strict=True))
            print(
                f"{dtype}  {name:15}  {wall:6.2f}  {processor:11.2f}  {wall / base[0]:10.2f}  "
                f"{processor / base[1]:15.2f}  {peak_of(call):7.0f}"
            )


def found_in_data(case: Any) -> Any:
    options = dict(case.options)
    names = options.pop("names", None)
    return check_data(case.data, case.targets, names=names, limits=DataLimits(**options))


def found_in_pipeline(case: Any) -> Any:
    return check_pipeline(
        case.pipeline, case.train, case.other, targets=case.targets, **case.options
    )


def accuracy(zoo: Any, judge: Callable[[Any], Any], seeds: int) -> None:
    flagged, caught, others = [], 0, []
    for name, make in zoo.SOUND.items():
        reports = [judge(make(np.random.default_rng(seed))) for seed in range(seeds)]
        flagged += [(name, report.codes) for report in reports if not report.passed]
    for name, make in zoo.BROKEN.items():
        for seed in range(seeds):
            case = make(np.random.default_rng(seed))
            report = judge(case)
            right = case.columns is None or set(report.columns_of(case.code)) == set(case.columns)
            if case.code in report.codes and right:
                caught += 1
            else:
                print(f"  missed with seed {seed}: {name} ({case.code}), found {report.codes}")
            others += [name] * bool(set(report.codes) - {case.code})
    print(
        f"{zoo.__name__}: {caught} of {seeds * len(zoo.BROKEN)} broken found with their columns "
        f"({len(zoo.BROKEN)} kinds), {len(others)} with a further finding; "
        f"{len(flagged)} of {seeds * len(zoo.SOUND)} sound flagged ({len(zoo.SOUND)} kinds)"
    )
    for name, codes in sorted(set(flagged)):
        print(f"  flagged: {name} {codes}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    speed(arguments.rows, arguments.repeats)
    from tests.zoo import fitted_pipelines, pipelines

    warnings.simplefilter("ignore")
    accuracy(pipelines, found_in_data, arguments.seeds)
    accuracy(fitted_pipelines, found_in_pipeline, max(1, arguments.seeds // 4))


if __name__ == "__main__":
    main()
