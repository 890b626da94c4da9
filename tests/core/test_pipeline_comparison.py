"""The comparison of pipelines: its verdict, its message, its way to another process."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest

from pytest_converge.core.pipeline_comparison import PipelineComparison
from tests.comparisons import compared, run


def test_it_fails_where_every_start_agrees():
    assert not compared([2.1, 5.0, 9.0]).passed
    assert compared([1.9, 5.0, 9.0]).passed
    assert not compared([1.9, 5.0, 9.0], tolerance=0.5).passed
    assert not compared([math.inf, math.inf, math.inf]).passed


@pytest.mark.parametrize(
    ("factors", "verdict"),
    [
        ([1.0, 1.0, 1.0], "ours converges as well as z-scored raw"),
        ([0.5, 0.4, 0.6], "ours converges as well as z-scored raw"),
        ([1.5, 1.6, 1.4], "ours converges 1.4x worse than z-scored raw, within 2.0x"),
        ([4.0, 5.0, 6.0], "ours converges 4.0x worse than z-scored raw"),
        ([math.inf] * 3, "ours does not stay finite, z-scored raw does"),
    ],
)
def test_the_verdict_in_a_sentence(factors, verdict):
    assert compared(factors).verdict() == verdict


def test_the_message_names_the_columns():
    study = compared([4.0] * 3, culprits=("x['area']", "x['tax']"), mended=1.02)
    assert study.failure().split("\n") == [
        "ours converges 4.0x worse than z-scored raw",
        "final loss: z-scored raw 0.1, raw 1, ours 0.9",
        "because of x['area'], x['tax']",
        "with the reference's in their place 1.0x",
        "reproduce: pytest test_a.py::test_it",
    ]


def test_the_message_says_why_nothing_was_exchanged():
    study = compared([4.0] * 3, obstacle="ours has other columns than raw")
    assert (
        study.failure().split("\n")[2] == "columns not exchanged: ours has other columns than raw"
    )


def test_long_names_leave_the_first_line_short():
    study = compared([4.0] * 3, judged="a pipeline with a name that goes on for ever and ever")
    first = study.failure().split("\n")[0]
    assert len(f"PreprocessingError: {first}") <= 80


@pytest.mark.parametrize(
    ("reached", "step"),
    [((10.0, 20.0, 40.0), 20.0), ((10.0, 20.0, None), 20.0), ((10.0, None, None), None)],
)
def test_the_step_is_the_median_of_the_starts(reached, step):
    assert dataclasses.replace(run("ours", [1, 1, 1]), reached=reached).step == step


def test_it_survives_the_way_to_another_process():
    study = compared([4.0] * 3, culprits=("x[:, 1]",), mended=1.0)
    assert PipelineComparison.from_dict(json.loads(json.dumps(study.to_dict()))) == study
