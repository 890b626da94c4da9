"""Every key, type and range of a file is checked, and the defect named."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from pytest_converge.baselines.files.document import dumps, loads
from pytest_converge.baselines.files.errors import BaselineFileError, DefectError
from pytest_converge.baselines.files.schema import (
    CURVE,
    DOCUMENT,
    RUN,
    SCHEMA_VERSION,
    TRAINING,
)
from pytest_converge.core.baseline import Baseline, StoredRun
from tests.recorded import TEST, recorded

PATH = Path("tests/__converge__/test_models/test_wine--0a1b2c3d.json")


def changed(change, version=SCHEMA_VERSION):
    document = json.loads(dumps([recorded()], version))
    change(document)
    return json.dumps(document, sort_keys=True, indent=2).encode("utf-8")


def first_run(document):
    return document["trainings"][0]["runs"][0]


def setting(where, **values):
    return lambda document: where(document).update(values)


def top(document):
    return document


def training(document):
    return document["trainings"][0]


def curve(document):
    return document["curves"][0]


def losses(document):
    return curve(document)["losses"]


SHAPES = [
    # the newer version comes before everything that it might have changed
    (setting(top, schema_version=4, more=1), "schema_version=4 (this one"),
    (setting(top, schema_version=0), "schema_version=0 (int) for a version"),
    (setting(top, schema_version=True), "schema_version=True (bool)"),
    (setting(top, schema_version=1.0), "schema_version=1.0 (float)"),
    (lambda d: d.pop("schema_version"), "schema_version=None (NoneType)"),
    (setting(top, note="x"), "the unknown key 'note' (str)"),
    (lambda d: d.pop("checksum"), "without the key 'checksum' (str)"),
    (setting(top, test=3), "with test=3 (int) for a text"),
    (setting(top, trainings={}), "trainings={} (dict) for an array"),
    (setting(top, trainings=[]), "have the numbers none"),
    (setting(top, trainings=[1]), "trainings[0]=1 (int) for an object"),
    (setting(training, number=0), "trainings[0].number=0 (int)"),
    (setting(training, number=True), "trainings[0].number=True (bool)"),
    (setting(training, commit=None), "trainings[0].commit=None"),
    (setting(training, reason=1.5), "trainings[0].reason=1.5 (float)"),
    (setting(training, settings=[]), "trainings[0].settings=[] (list)"),
    (
        setting(training, environment={"a": []}),
        "trainings[0].environment.a=[] (list) for a plain value",
    ),
    (setting(training, runs=[]), "with 0 runs in trainings[0], of 20"),
    (lambda d: training(d)["runs"].pop(), "with 19 runs"),
    (setting(first_run, seed=8), "with a seed twice in trainings[0]"),
    (setting(first_run, seed=5), "without losses of seed 5 of training 1"),
    (setting(training, number=2), "without losses of seed 7 of training 2"),
    (setting(curve, training=2), "without losses of seed 7 of training 1"),
    (setting(losses, **{"5": [1.0] * 29}), "losses of seed 5, of no run of training 1"),
    (setting(losses, **{"07": [1.0] * 29}), "'07' (str) for a seed"),
    (setting(losses, **{"4294967296": [1.0] * 29}), "for a seed of at most 4294967295"),
    (setting(curve, losses=[]), "curves[0].losses=[] (list) for an object"),
    (lambda d: d["curves"].append(d["curves"][0]), "twice in curves[1]"),
    (setting(curve, training="1"), "curves[0].training='1' (str)"),
    (lambda d: d.pop("curves"), "without the key 'curves' (str)"),
    (lambda d: training(d).pop("summary"), "without the key 'summary' (str)"),
    (setting(first_run, scores=[1.0]), "with runs of different scores"),
    (setting(first_run, seed=-1), "trainings[0].runs[0].seed=-1 (int)"),
    (setting(first_run, seed=2**32), "at most 4294967295"),
    (setting(first_run, seed=7.0), "runs[0].seed=7.0 (float)"),
    (setting(first_run, scores=[]), "for 1 to 2 scores"),
    (setting(first_run, scores=[0.1] * 3), "for 1 to 2 scores"),
    (setting(first_run, scores=["NaN", 1.0]), "scores[0]=nan (float)"),
    (setting(first_run, scores=["-Infinity", 1.0]), "scores[0]=-inf"),
    (setting(first_run, scores=[1, 1.0]), "scores[0]=1 (int)"),
    (setting(losses, **{"7": ["nan"]}), "curves[0].losses.7[0]='nan' (str)"),
    (setting(losses, **{"7": [True]}), "losses.7[0]=True (bool)"),
    (setting(losses, **{"7": [1.0]}), "with 29 steps and 1 losses in curves[0]"),
    (setting(curve, steps=[], losses={"7": []}), "with 0 steps"),
    (
        setting(curve, steps=[*range(1, 66)], losses={"7": [1.0] * 65}),
        "with 65 steps in curves[0], of 1 to 64",
    ),
    (setting(curve, steps=[1, 3, 2], losses={"7": [1.0] * 3}), "do not rise"),
    (setting(curve, steps=[1, 1], losses={"7": [1.0] * 2}), "do not rise"),
    (setting(curve, steps=[0, 1], losses={"7": [1.0] * 2}), "steps[0]=0 (int)"),
    (setting(curve, steps=[1.0], losses={"7": [1.0]}), "steps[0]=1.0 (float)"),
    (
        lambda d: first_run(d).pop("seed"),
        "'seed' (str) in trainings[0].runs[0]",
    ),
    (setting(first_run, lr=1), "'lr' (str) in trainings[0].runs[0]"),
    (
        lambda d: d["trainings"].append(d["trainings"][0]),
        "have the numbers 1, 1",
    ),
    (setting(top, test="tests/test_models.py::test_beer"), "::test_beer"),
    (setting(top, checksum="sha256:0"), "checksum"),
]


#: Of a run that has its losses beside it.
JOINED_SHAPES = [
    (setting(first_run, losses=["nan"]), "losses[0]='nan' (str)"),
    (setting(first_run, losses=[True]), "losses[0]=True (bool)"),
    (setting(first_run, losses=[1.0]), "with 29 steps and 1 losses"),
    (setting(first_run, steps=[], losses=[]), "with 0 steps"),
    (
        setting(first_run, steps=[*range(1, 66)], losses=[1.0] * 65),
        "with 65 steps in trainings[0].runs[0], of 1 to 64",
    ),
    (setting(first_run, steps=[1, 3, 2], losses=[1.0] * 3), "do not rise"),
    (setting(first_run, steps=[1, 1], losses=[1.0] * 2), "do not rise"),
    (setting(first_run, steps=[0, 1], losses=[1.0] * 2), "steps[0]=0 (int)"),
    (setting(first_run, steps=[1.0], losses=[1.0]), "steps[0]=1.0 (float)"),
    (lambda d: first_run(d).pop("losses"), "'losses' (str) in trainings[0].runs[0]"),
    (setting(first_run, scores=[]), "for 1 to 2 scores"),
    (lambda d: training(d)["runs"].pop(), "with 19 runs"),
    (setting(training, summary={}), "the unknown key 'summary' (str)"),
    (setting(top, curves=[]), "the unknown key 'curves' (str)"),
]


@pytest.mark.parametrize(("change", "part"), JOINED_SHAPES)
@pytest.mark.parametrize("version", [1, 2])
def test_a_defect_of_an_older_file_is_named(version, change, part):
    with pytest.raises(DefectError) as caught:
        loads(changed(change, version), TEST)
    assert part in str(BaselineFileError(PATH, caught.value, test=TEST))


@pytest.mark.parametrize(("change", "part"), SHAPES)
def test_a_defect_of_the_values_is_named(change, part):
    with pytest.raises(DefectError) as caught:
        loads(changed(change), TEST)
    message = str(BaselineFileError(PATH, caught.value, test=TEST))
    assert part in message
    assert message.startswith(f"got {PATH} ")
    assert "; expected " in message
    assert message.endswith(
        (f"{TEST} --converge-baseline=new", "(pip install --upgrade pytest-converge).")
    )
    assert "\n" not in message


def test_every_key_is_described():
    reference = Path(__file__).parents[3] / "docs" / "reference.md"
    section = reference.read_text(encoding="utf-8").split("## Files of baselines")[1]
    rows = re.findall(r"^\| (`.*?`) \|", section.split("\n## ")[0], re.MULTILINE)
    described = {key for row in rows for key in re.findall(r"`(.*?)`", row)}
    assert described == {*DOCUMENT, *TRAINING, *RUN, *CURVE, "training"}


def test_every_value_of_a_run_is_read():
    assert {*RUN, *CURVE} == {field.name for field in dataclasses.fields(StoredRun)}
    read = {*TRAINING, "test"} - {"summary"}
    assert read == {field.name for field in dataclasses.fields(Baseline)}


def test_a_file_of_the_first_version_is_read_as_what_it_says():
    (training,) = loads(dumps([recorded()], version=1).encode(), TEST)
    assert (training.data, training.runs[0].seed) == ({}, 7)
    assert b'"schema_version": 3' in dumps([training]).encode()


def test_a_key_that_its_version_did_not_have_is_unknown():
    text = dumps([recorded()], version=2).replace('"schema_version": 2', '"schema_version": 1')
    with pytest.raises(DefectError, match="unknown key 'data'"):
        loads(text.encode())


def test_fewer_runs_are_read_where_a_training_need_not_be_whole():
    text = dumps([recorded(runs=recorded().runs[:4])]).encode()
    assert len(loads(text, TEST, whole=False)[0].runs) == 4
    with pytest.raises(DefectError, match="with 4 runs"):
        loads(text, TEST)
