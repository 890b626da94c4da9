"""The diagnosis and `preprocessing.check` give one answer about scale, classes, contradictions."""

from __future__ import annotations

import dataclasses
import functools
import math

import keras
import numpy as np
import pytest
from keras import layers, optimizers

from pytest_converge.columns.classes import task_of
from pytest_converge.columns.contradictions import contradicting_share
from pytest_converge.columns.frames import read_parts
from pytest_converge.columns.profile import profile_arrays
from pytest_converge.columns.scale import scale_evidence
from pytest_converge.columns.targets import profile_targets
from pytest_converge.core.data_limits import DataLimits
from pytest_converge.core.data_report import DataReport
from pytest_converge.features.reports import check_data
from pytest_converge.test_quality.mutations import label_noise
from pytest_converge.training.data.arrays import batch_leaves
from pytest_converge.training.interventions.class_weights import class_shares
from pytest_converge.training.interventions.outputs import kind_of
from pytest_converge.training.model.losses import loss_names
from tests.diagnosis.programs import diagnosis_of
from tests.zoo.faults import FAULTS
from tests.zoo.problems import BINARY, HEALTHY, SICK, SPARSE, fit, sequential

CROSS_ENTROPIES = {BINARY, SPARSE, "categorical_crossentropy"}


def starts():
    """(name, what gives the start) of the whole zoo, faults with their repaired twins."""
    for problem in (*HEALTHY, *SICK):
        yield problem.name, functools.partial(problem.start, 0)
    for fault in FAULTS:
        for fixed in (False, True):
            name = f"{fault.name}, {'repaired' if fixed else 'faulty'}"
            yield name, functools.partial(fault.start, fixed=fixed, seed=0)


@dataclasses.dataclass
class Case:
    """The arrays of a training in memory, the name of its loss, and what the check says."""

    name: str
    x: dict
    y: np.ndarray
    loss: str
    report: DataReport


def case_of(name, start):
    """None for a training whose inputs and targets are not arrays in memory."""
    x, y = start.arguments.get("x"), start.arguments.get("y")
    arrays = isinstance(x, (np.ndarray, dict, list)) and isinstance(y, np.ndarray)
    if start.verb != "fit" or not arrays:
        return None
    inputs = dict(batch_leaves((x, y)))
    y = inputs.pop("y")
    model = start.arguments["model"]
    known = loss_names((model if isinstance(model, keras.Model) else model()).loss)
    report = check_data(inputs, y, limits=DataLimits(max_ratio=math.inf))
    return Case(name, inputs, y, known[0][0], report)


@pytest.fixture(scope="module")
def zoo():
    found = [case_of(name, make()) for name, make in starts()]
    cases = [case for case in found if case is not None]
    assert len(cases) > 180
    return cases


def diagnosed(arrays):
    """The columns that the diagnosis finds badly scaled; of images the array."""
    flags = scale_evidence(profile_arrays(arrays)).features
    return {name for flag in flags for name in ((flag.array,) if flag.image else flag.columns)}


def checked(report):
    """The columns that the check finds badly scaled."""
    return {*report.columns_of("unscaled-features"), *report.columns_of("image-range")}


@pytest.mark.slow
def test_the_same_columns_are_badly_scaled(zoo):
    answers = {case.name: (diagnosed(case.x), checked(case.report)) for case in zoo}
    assert {name: pair for name, pair in answers.items() if pair[0] != pair[1]} == {}
    assert sum(bool(columns) for columns, _ in answers.values()) >= 7


def test_values_are_badly_scaled_targets_for_both(zoo):
    for case in zoo:
        if case.report.task == "values":
            flags = scale_evidence(profile_arrays({"y": case.y}, codes=())).targets
            assert bool(flags) == ("unscaled-targets" in case.report.codes), case.name


def test_the_same_targets_are_classes(zoo):
    kinds = {
        "classes": {"classes", "two values"},
        "one-hot": {"one-hot", "labels"},
        "labels": {"labels", "real"},
    }
    for case in zoo:
        task = case.report.task
        assert task == task_of(case.y), case.name
        if np.isfinite(case.y).all():
            assert kind_of(case.y) in kinds.get(task, {"real", "two values"}), case.name
        assert label_noise.task_of_places(case.y) == task, case.name


def test_classes_have_the_same_shares(zoo):
    for case in zoo:
        counted = {label: rows for label, rows in case.report.classes if rows}
        shares = class_shares(case.y) if counted else {}
        if shares:
            rows = {str(label): share * len(case.y) for label, share in shares.items()}
            assert rows == pytest.approx(counted), case.name


def test_a_sound_cross_entropy_is_given_classes(zoo):
    sound = [case for case in zoo if "faulty" not in case.name and case.loss in CROSS_ENTROPIES]
    assert [case.name for case in sound if case.report.task == "values"] == []
    assert len(sound) > 60


def test_the_same_rows_contradict_each_other(zoo):
    for case in zoo:
        (x, *others) = case.x.values()
        if others or not np.isfinite(x).all():
            continue
        rows = profile_targets(read_parts(case.y, "y"), read_parts(x, "x")).conflicts
        assert contradicting_share(x, case.y) * len(x) == pytest.approx(rows), case.name


# ---- each of them once got two answers ----------------------------------------------------------


def test_small_whole_numbers_as_floats_have_a_scale():
    x = np.random.default_rng(0).integers(0, 21, (400, 3)).astype("float32")
    assert diagnosed({"x": x}) == checked(check_data(x)) == {"x[:, 0]", "x[:, 1]", "x[:, 2]"}
    x = x % 6
    assert diagnosed({"x": x}) == checked(check_data(x)) == set()


def test_of_two_columns_only_the_wild_one_is_to_blame():
    x = np.random.default_rng(0).normal(size=(100, 2)) * [5000, 1]
    assert diagnosed({"x": x}) == checked(check_data(x)) == {"x[:, 0]"}


def test_fifty_integers_that_repeat_are_classes():
    rng = np.random.default_rng(0)
    for y in (np.arange(200) % 50, rng.permutation(np.repeat(np.arange(50), 4))):
        x = rng.normal(size=(200, 3))
        assert check_data(x, y).task == "classes"
        assert "label-encoding" not in check_data(x, y).codes
        assert kind_of(y) == label_noise.task_of_places(y) == "classes"
        assert len(class_shares(y)) == 50


def test_noise_of_measurement_is_no_contradiction():
    rng = np.random.default_rng(0)
    x = np.repeat(np.linspace(-1, 1, 16), 16)[:, None].astype("float32")
    line = (2 * x + 1).astype("float32")
    for noise, share in ((0.001, 0.0), (0.3, 0.0), (30.0, 1.0)):
        y = line + noise * rng.normal(size=x.shape).astype("float32")
        report = check_data(x, y, limits=DataLimits(task="values"))
        assert contradicting_share(x, y) == share
        assert ("contradictory-labels" in report.codes) == bool(share)


def test_a_slow_training_on_repeated_measurements_is_a_slow_training():
    rng = np.random.default_rng(0)
    x = np.repeat(np.linspace(-1, 1, 16), 16)[:, None].astype("float32")
    y = (2 * x + 1 + 1e-3 * rng.normal(size=x.shape)).astype("float32")
    model = sequential(layers.Dense(1), optimizer=optimizers.SGD(1e-4), loss="mse")
    found = diagnosis_of(fit(model, x, y), steps=100, max_loss=0.01)
    assert found.cause == "learning-rate-too-low"
