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
    ("reached", "step"),
    [((10.0, 20.0, 40.0), 20.0), ((10.0, 20.0, None), 20.0), ((10.0, None, None), None)],
)
def test_the_step_is_the_median_of_the_starts(reached, step):
    assert dataclasses.replace(run("ours", [1, 1, 1]), reached=reached).step == step


def test_the_trainings_on_a_pipeline_are_found_by_its_name():
    study = compared([2.1, 5.0, 9.0])
    assert [study[name] for name in ("raw", "ours")] == list(study.runs[1:])


def test_it_survives_the_way_to_another_process():
    study = compared([4.0] * 3, culprits=("x[:, 1]",), mended=1.0)
    assert PipelineComparison.from_dict(json.loads(json.dumps(study.to_dict()))) == study


def test_its_scalars_are_those_of_the_judged_pipeline():
    study = compared([4.0, 5.0, 6.0], culprits=("x[:, 1]", "x[:, 2]"))
    assert study.scalars == {
        "judged": study.judged,
        "factor": 4.0,
        "final_loss": study.judged_run.final_loss,
        "reference_loss": study.reference.final_loss,
        "culprits": "x[:, 1], x[:, 2]",
        "seconds": round(study.seconds, 3),
    }
