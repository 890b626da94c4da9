"""What a baseline records of the machine."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import keras
import pytest
import tensorflow as tf

from pytest_converge.training.state import machine
from pytest_converge.training.state.machine import describe_machine


def test_the_description_is_plain_and_the_same_each_time():
    described = describe_machine()
    assert json.loads(json.dumps(described)) == described == describe_machine()
    assert described["keras"] == keras.__version__
    assert described["tensorflow"] == tf.__version__
    assert described["platform"] == f"{platform.system()}-{platform.machine()}"
    assert described["device"]
    assert described["threads"] >= 1


@pytest.mark.skipif(platform.machine() != "x86_64", reason="names of another architecture")
def test_the_instruction_set_is_the_widest_that_there_is():
    name = describe_machine()["instruction_set"]
    assert name in machine.INSTRUCTION_SETS
    told = Path("/proc/cpuinfo")
    if told.exists():
        assert ("avx2" in told.read_text()) == (name in {"AVX512_SKX", "AVX512F", "AVX2"})


def test_threads_are_those_that_are_set(monkeypatch):
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "3")
    assert describe_machine()["threads"] == 3
    monkeypatch.setattr(tf.config.threading, "get_intra_op_parallelism_threads", lambda: 5)
    assert describe_machine()["threads"] == 5


def test_switches_of_the_kernels_are_recorded_where_they_are_set(monkeypatch):
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    assert "TF_ENABLE_ONEDNN_OPTS" not in describe_machine()
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    assert describe_machine()["TF_ENABLE_ONEDNN_OPTS"] == "0"


@pytest.mark.skipif(not tf.config.list_physical_devices("GPU"), reason="needs a GPU")
def test_a_gpu_is_named():
    device = tf.config.get_visible_devices("GPU")[0]
    name = tf.config.experimental.get_device_details(device).get("device_name", "GPU")
    assert describe_machine()["device"] == name != "CPU"
