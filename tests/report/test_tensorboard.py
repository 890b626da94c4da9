"""Runs of TensorBoard, read back by its own reader."""

from __future__ import annotations

import dataclasses
import math
import subprocess
import sys
import types

import pytest

from pytest_converge.report.tensorboard import EVENT_FILE, tensorboard_runs

NOW = 1_770_000_000.0


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Writes the runs of a result, and reads them with TensorBoard, which needs no TensorFlow."""
    pytest.importorskip("tensorboard")
    monkeypatch.setitem(sys.modules, "tensorboard.compat.notf", types.ModuleType("notf"))
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def read(result):
        found = {}
        for name, events in tensorboard_runs(result, time=NOW):
            assert name not in found
            (tmp_path / name).mkdir(parents=True)
            (tmp_path / name / EVENT_FILE).write_bytes(events)
            found[name] = EventAccumulator(str(tmp_path / name)).Reload()
        return found

    return read


def scalars(run, tag):
    return [(event.step, event.value) for event in run.Scalars(tag)]


def text(run, tag="verdict"):
    [event] = run.Tensors(tag)
    assert run.SummaryMetadata(tag).plugin_data.plugin_name == "text"
    return event.tensor_proto.string_val[0].decode()


def test_a_training_is_a_run_with_everything_that_was_measured(read, make_result):
    result = make_result()
    [(name, run)] = read(result).items()
    assert name == "tests-test_models.py-test_wine/training"
    tags = {"loss/probe set", "loss/batch", "learning rate", "gradient norm"}
    assert {*run.Tags()["scalars"]} == tags
    curve = result.curve
    for tag, steps, values in (
        ("loss/batch", curve.steps, curve.batch_loss),
        ("loss/probe set", curve.checkpoints, curve.probe_loss),
        ("learning rate", curve.steps, curve.learning_rate),
        ("gradient norm", curve.steps, curve.gradient_norm),
    ):
        found = scalars(run, tag)
        assert [step for step, _ in found] == list(steps)
        assert [value for _, value in found] == pytest.approx(values, rel=1e-6)
    assert run.Scalars("loss/batch")[0].wall_time == NOW
    assert text(run).startswith("**passed**\n\n```text\nfit: ")


def test_what_was_not_seen_has_no_scalars(read, make_result, make_curve):
    empty = {"gradient_norm": (), "learning_rate": (), "checkpoints": (), "probe_loss": ()}
    [run] = read(make_result(curve=make_curve(**empty))).values()
    assert run.Tags()["scalars"] == ["loss/batch"]


def test_losses_that_are_not_finite_stay_so(read, make_result, make_curve):
    losses = (1.0, math.inf, math.nan)
    curve = make_curve(steps=3, batch_loss=losses, checkpoints=(), probe_loss=())
    [run] = read(make_result(curve=curve)).values()
    assert [value for _, value in scalars(run, "loss/batch")] == pytest.approx(losses, nan_ok=True)


def with_courses(diagnosis):
    """Its trials with a course each, as those of a real diagnosis have."""
    courses = {
        trial.change: dataclasses.replace(trial, course=((0, 2.3), (200, trial.losses[0])))
        for trial in (*diagnosis.tried, *diagnosis.verified)
    }
    return dataclasses.replace(
        diagnosis,
        tried=tuple(courses[trial.change] for trial in diagnosis.tried),
        verified=tuple(courses[trial.change] for trial in diagnosis.verified),
    )


def test_every_change_that_was_tried_is_a_run_beside_the_failed_one(read, diagnosed):
    result = dataclasses.replace(diagnosed, diagnosis=with_courses(diagnosed.diagnosis))
    found = read(result)
    folder = "tests-test_models.py-test_wine"
    assert text(found.pop(f"{folder}/training")).startswith("**unscaled-features**")
    changes = {name.partition("/tried/")[2]: run for name, run in found.items()}
    assert list(changes)[:2] == ["01-features-standardised", "02-learning-rate-1e-5"]
    assert len(changes) == len({trial.change for trial in diagnosed.diagnosis.tried})
    repaired = changes["01-features-standardised"]
    assert scalars(repaired, "loss/probe set")[0] == (0, pytest.approx(2.3))
    assert text(repaired) == "features standardised: loss 0.02364, 3 of 3 seeds pass"
    [other] = [run for name, run in changes.items() if "targets" in name]
    assert other.Tags()["scalars"] == ["loss/in another unit"]


def test_every_start_is_a_run_and_the_one_that_failed_has_the_verdict(read, failed):
    good = dataclasses.replace(failed.runs[0], findings=())
    result = dataclasses.replace(failed, runs=(good, *failed.runs), number=2)
    found = read(result)
    assert list(found) == [f"tests-test_models.py-test_wine-2/start-{i}" for i in (1, 2)]
    assert [run.Tags()["tensors"] for run in found.values()] == [[], ["verdict"]]
    assert text(found["tests-test_models.py-test_wine-2/start-2"]).startswith("**target-missed**")


def test_names_of_tests_are_those_of_folders(read, make_result):
    [name] = read(make_result(test="a/../b.py::test_it[<x>/y-数]" + "z" * 200))
    assert len(name) < 130
    assert ".." not in name.replace("/training", "").split("/")
    assert name.count("/") == 1


def test_no_tensorflow_is_needed_to_write(make_result):
    pytest.importorskip("tensorboard")
    program = """
import sys
from pytest_converge.report.tensorboard import _events
_events({1: {"loss": 0.5}}, {"verdict": "passed"}, 0.0)
print(*sorted({"tensorflow", "keras"} & set(sys.modules)))
"""
    done = subprocess.run(  # noqa: S603 - the program stands above
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
