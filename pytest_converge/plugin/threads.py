"""Threads of TensorFlow: as many as asked for, or of worker processes a fair share of the cores.

Without worker processes and without the option nothing is changed. TensorFlow takes the number
when it starts, which its variables tell it without its being imported.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any

import pytest

from pytest_converge.core.errors import complaint
from pytest_converge.plugin.options import SETTINGS

__all__ = ["configure", "share_out", "tell_worker"]

#: By these TensorFlow is told, where nothing in a program tells it: threads within an operation,
#: and operations at a time.
VARIABLES = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
#: How many worker processes share the machine of one.
WORKER_KEY = "converge_processes"


def configure(config: pytest.Config) -> None:
    """Set the number that the option gives, for everything in this process.

    Raises:
        pytest.UsageError: TensorFlow was started before with another number.
    """
    threads = config.stash[SETTINGS].threads
    if threads is None:
        return
    _set_variables(config, threads)
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is not None and not _set(tensorflow, threads):
        given = f"--converge-threads={threads} for a TensorFlow that has started"
        remedy = f"Set {VARIABLES[0]}={threads}, or let no plugin or conftest use it at its import."
        raise pytest.UsageError(complaint(given, "one that has not", remedy))


def share_out(config: pytest.Config) -> None:
    """Give a worker process its share of the cores, before its first convergence test.

    A number that the user has set stays, and so does that of a TensorFlow that a module of tests
    has started.
    """
    processes = getattr(config, "workerinput", {}).get(WORKER_KEY)
    told = config.stash[SETTINGS].threads is not None or any(map(os.environ.get, VARIABLES))
    if processes is None or told:
        return
    threads = max(1, _cores() // processes)
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is None:
        _set_variables(config, threads)
    else:
        _set(tensorflow, threads)


def tell_worker(node: Any) -> None:
    """Tell a worker process how many of them share its machine."""
    machines = [_machine(spec) for spec in node.nodemanager.specs]
    node.workerinput[WORKER_KEY] = machines.count(_machine(node.gateway.spec))


def _machine(spec: Any) -> tuple[str, ...]:
    """Where an execution environment of pytest-xdist is: this machine, or the name of another."""
    return tuple(str(getattr(spec, name, None) or "") for name in ("ssh", "vagrant_ssh", "socket"))


def _cores() -> int:
    """The cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def _set_variables(config: pytest.Config, threads: int) -> None:
    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    for name in VARIABLES:
        patch.setenv(name, str(threads))


def _set(tensorflow: Any, threads: int) -> bool:
    """Whether an imported TensorFlow takes the number: once it has started it takes no other."""
    with contextlib.suppress(RuntimeError):
        tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
        tensorflow.config.threading.set_inter_op_parallelism_threads(threads)
        return True
    return False
