"""The recipes for experiment trackers, with the trackers themselves, offline, and read back."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from pytest_converge.core.baseline import Baseline, BaselineReport, StoredRun
from pytest_converge.core.curve import LossCurve
from pytest_converge.core.diagnosis import Diagnosis, Trial
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.finding import Finding
from pytest_converge.core.record import TrainingRecord
from pytest_converge.core.result import ConvergenceResult, Run

#: The log of LevelDB: bytes of a block and of a record's header, and kinds of records.
LOG_BLOCK, LOG_HEADER, WHOLE, LAST = 32768, 7, 1, 4
#: Bytes before the first record of Weights & Biases.
WANDB_HEADER = 7

PAGE = Path(__file__).parent.parent / "docs" / "how-to" / "trackers.md"
#: What each tracker has to be told: name, losses by step, verdict.
RUNS = {
    "training": ([(0, 1.0), (9, 0.5)], "target-missed"),
    "tried learning rate 0.1": ([(0, 1.0), (9, 0.01)], "passed on 3 of 3 seeds"),
    "seed 7": ([(1, 1.0), (9, 0.5)], "for the baseline"),
    "seed 8": ([(1, 1.0), (9, 0.6)], "for the baseline"),
}


def failed():
    curve = LossCurve(
        steps=(1, 9), batch_loss=(1.0, 0.5), checkpoints=(0, 9), probe_loss=(1.0, 0.5)
    )
    trial = Trial(
        change="learning rate 0.1",
        code="learning-rate-too-low",
        losses=(0.01,) * 3,
        passed=3,
        course=((0, 1.0), (9, 0.01)),
    )
    stored = tuple(
        StoredRun(seed=seed, scores=(0.0,), steps=(1, 9), losses=(1.0, last))
        for seed, last in ((7, 0.5), (8, 0.6))
    )
    obtained = Baseline(test="t", number=1, settings={}, environment={}, runs=stored)
    finding = Finding(code="target-missed", message="m")
    return ConvergenceResult(
        test="a.py::test_it",
        verb="fit",
        expectation=Expectation(),
        runs=(Run(record=TrainingRecord(seed=1, curve=curve), findings=(finding,)),),
        diagnosis=Diagnosis(cause=trial.code, message="m", tried=(trial,)),
        baseline=BaselineReport(action="checked", obtained=obtained),
        environment={"tensorflow": "2.21.0"},
    )


def hook(tracker):
    """The function of the recipe that imports a tracker."""
    blocks = re.findall("^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    [recipe] = [block for block in blocks if f"import {tracker}" in block]
    space = {}
    exec(compile(recipe, PAGE.name, "exec"), space)  # noqa: S102 - it stands in the document
    return space["pytest_converge_result"]


def wandb_records(content):
    """The records in the file of an offline run: a log as LevelDB's, behind a header of its own."""
    place, parts = WANDB_HEADER, b""
    while place + LOG_HEADER < len(content):
        left = LOG_BLOCK - place % LOG_BLOCK
        if left < LOG_HEADER:
            place += left
        _, size, kind = struct.unpack_from("<IHB", content, place)
        place += LOG_HEADER
        parts += content[place : place + size]
        place += size
        if kind in {WHOLE, LAST}:
            yield parts
            parts = b""


def test_mlflow_has_every_run(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"file:{tmp_path}/mlruns")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    hook("mlflow")(failed())
    client = mlflow.MlflowClient()
    found = {}
    for run in client.search_runs(["0"]):
        losses = client.get_metric_history(run.info.run_id, "loss")
        name = run.info.run_name.replace("a.py::test_it 1", "training")
        found[name] = [(loss.step, loss.value) for loss in losses], run.data.tags["verdict"]
        if name == "training":
            assert run.data.params == {"verb": "fit", "steps": "9", "tensorflow": "2.21.0"}
        else:
            assert "mlflow.parentRunId" in run.data.tags
    assert found == RUNS


def test_weights_and_biases_have_every_run(tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    from wandb.proto.wandb_internal_pb2 import Record

    for name, value in (("MODE", "offline"), ("DIR", str(tmp_path)), ("SILENT", "true")):
        monkeypatch.setenv(f"WANDB_{name}", value)
    hook("wandb")(failed())
    found = {}
    for path in tmp_path.rglob("*.wandb"):
        name, losses, verdict = "", [], ""
        for data in wandb_records(path.read_bytes()):
            record = Record.FromString(data)
            name = record.run.display_name or name
            values = {
                item.key or ".".join(item.nested_key): item.value_json
                for item in record.history.item
            }
            if "loss" in values:
                losses.append((int(values["_step"]), float(values["loss"])))
            for item in record.summary.update:
                if (item.key or ".".join(item.nested_key)) == "verdict":
                    verdict = item.value_json.strip('"')
        found[name] = losses, verdict
    assert found == RUNS
