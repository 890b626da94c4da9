"""What a baseline records of the machine: what may change the numbers of a training a little."""

from __future__ import annotations

import os
import platform
import sys

import keras
import numpy as np
import tensorflow as tf

__all__ = ["describe_machine"]

#: Instruction sets from the widest to the narrowest; NumPy's names for them.
INSTRUCTION_SETS = ("AVX512_SKX", "AVX512F", "AVX2", "AVX", "SSE42", "SVE", "ASIMD", "NEON", "VSX4")
#: Variables that make TensorFlow's kernels calculate in another order.
SWITCHES = ("ONEDNN_MAX_CPU_ISA", "TF_ENABLE_ONEDNN_OPTS", "XLA_FLAGS")


def describe_machine() -> dict[str, str | int]:
    """Versions, platform, instruction set, threads and device.

    Where any of it differs from what is recorded, equal code may give other last digits.
    """
    described: dict[str, str | int] = {
        "device": _device(),
        "instruction_set": _instruction_set(),
        "keras": keras.__version__,
        "numpy": np.__version__,
        "platform": f"{platform.system()}-{platform.machine()}",
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "tensorflow": tf.__version__,
        "threads": _threads(),
    }
    described.update({name: os.environ[name] for name in SWITCHES if os.environ.get(name)})
    return described


def _device() -> str:
    """The accelerator that TensorFlow would use, else the CPU."""
    for kind in ("GPU", "TPU"):
        devices = tf.config.get_visible_devices(kind)
        if devices:
            details = tf.config.experimental.get_device_details(devices[0])
            return str(details.get("device_name", kind))
    return "CPU"


def _instruction_set() -> str:
    """The widest vector instructions; empty where NumPy does not tell."""
    core = getattr(np, "_core", None) or getattr(np, "core", None)
    features = getattr(getattr(core, "_multiarray_umath", None), "__cpu_features__", {})
    return next((name for name in INSTRUCTION_SETS if features.get(name)), "")


def _threads() -> int:
    """Threads within one operation: as set, else one for each processor of the process."""
    told = tf.config.threading.get_intra_op_parallelism_threads()
    variable = os.environ.get("TF_NUM_INTRAOP_THREADS", "")
    if not told and variable.isdecimal():
        told = int(variable)
    if told:
        return int(told)
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1
