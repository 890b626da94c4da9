"""Strict, deterministic JSON and the JUnit scalars."""

from __future__ import annotations

import dataclasses
import json
import math
import platform

from pytest_converge.core.curve import LossCurve
from pytest_converge.core.data_report import DataFinding, DataReport
from pytest_converge.core.finding import Finding
from pytest_converge.core.origin import Origin
from pytest_converge.core.rate_range import RatePoint, RateRange
from pytest_converge.report.json_report import json_report, junit_properties, study_properties
from tests.published_schema import validated

ORIGIN = Origin(version="1.2.3", created="2026-01-31T12:00:00Z", commit="1234567")


def strictly(text):
    def refuse(constant):
        raise AssertionError(f"not JSON: {constant}")

    validated(text)
    return json.loads(text, parse_constant=refuse)


def test_what_a_reader_finds(failed):
    document = strictly(json_report([failed], origin=ORIGIN))
    assert document["schema_version"] == 1
    assert document["version"] == "1.2.3"
    assert document["created"] == "2026-01-31T12:00:00Z"
    assert document["commit"] == "1234567"
    assert document["environment"] == {"python": platform.python_version()}
    [training] = document["trainings"]
    assert {key: training[key] for key in ("test", "number", "verb", "verdict", "steps")} == {
        "test": "tests/test_models.py::test_wine",
        "number": 1,
        "verb": "fit",
        "verdict": "failed",
        "steps": 200,
    }
    assert (training["initial_loss"], training["final_loss"]) == (2.303, 0.431)
    assert training["seconds"] == 1.24
    assert training["runs"][0]["findings"][0]["code"] == "target-missed"
    assert training["runs"][0]["record"]["curve"]["checkpoints"][-1] == 200
    assert training["expectation"]["max_loss"] == 0.1


def test_numbers_that_are_not_finite_are_spelled_out(make_result):
    curve = LossCurve(steps=(1, 2, 3), batch_loss=(math.inf, -math.inf, math.nan))
    finding = Finding(code="nonfinite-loss", message="m", evidence={"loss": math.nan})
    text = json_report([make_result([finding], curve=curve)], origin=ORIGIN)
    [training] = strictly(text)["trainings"]
    run = training["runs"][0]
    assert run["record"]["curve"]["batch_loss"] == ["Infinity", "-Infinity", "NaN"]
    assert run["findings"][0]["evidence"] == {"loss": "NaN"}
    assert training["final_loss"] == "NaN"


def test_the_text_does_not_depend_on_the_order_of_arrival(make_result):
    results = [make_result(test=test, number=n) for test in "ba" for n in (2, 1)]
    text = json_report(results, origin=ORIGIN)
    assert text == json_report(results[::-1], origin=ORIGIN)
    order = [(t["test"], t["number"]) for t in strictly(text)["trainings"]]
    assert order == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]


def test_keys_are_sorted_and_the_text_is_ascii_in_one_line(make_result):
    text = json_report([make_result(test="tests/test_数字.py::test_é")], origin=ORIGIN)
    assert text.isascii()
    assert text.count("\n") == 1
    assert text.endswith("\n")
    pairs = []
    json.loads(text, object_pairs_hook=lambda items: pairs.append([key for key, _ in items]))
    assert all(keys == sorted(keys) for keys in pairs)
    assert len(pairs) > 5


def test_no_results_are_an_empty_list():
    assert strictly(json_report([], origin=ORIGIN))["trainings"] == []


def test_junit_properties(failed):
    assert junit_properties(failed) == [
        ("converge_final_loss", "0.431"),
        ("converge_initial_loss", "2.303"),
        ("converge_outcome", "target-missed"),
        ("converge_seconds", "1.24"),
        ("converge_steps", "200"),
        ("converge_verdict", "failed"),
    ]


def test_junit_properties_of_a_second_training_are_numbered(make_result, make_curve):
    curve = make_curve(final_loss=math.nan)
    properties = dict(junit_properties(make_result(number=2, curve=curve)))
    assert properties["converge_final_loss_2"] == "NaN"
    assert properties["converge_verdict_2"] == "passed"
    assert len(properties) == 6


def test_a_result_that_crossed_a_process_gives_the_same_text(failed, make_result):
    long = LossCurve(
        steps=tuple(range(1, 2001)), batch_loss=tuple(1 + (i % 10) for i in range(2000))
    )
    for result in (failed, make_result(curve=long), dataclasses.replace(failed, number=3)):
        again = type(result).from_dict(json.loads(json.dumps(result.to_dict())))
        assert json_report([again], origin=ORIGIN) == json_report([result], origin=ORIGIN)
        assert junit_properties(again) == junit_properties(result)


def test_a_diagnosis_is_whole_and_strict(diagnosed):
    [training] = strictly(json_report([diagnosed], origin=ORIGIN))["trainings"]
    assert training["cause"] == "unscaled-features"
    diagnosis = training["diagnosis"]
    assert diagnosis["cause"] == "unscaled-features"
    assert diagnosis["verified"][0]["losses"] == [0.02364, 0.02511, 0.1999]
    assert [trial["losses"] for trial in diagnosis["tried"]][3] == ["NaN"]
    assert diagnosis["bracket"]["stability_limit"] == 4.12e-5
    assert diagnosis["excluded"][0] == ["dropout off", "no such layer"]


def test_a_diagnosis_without_a_budget_is_strict(failed, unscaled):
    odd = dataclasses.replace(unscaled, budget=math.inf, floor=-math.inf, evidence={"a": math.nan})
    text = json_report([dataclasses.replace(failed, diagnosis=odd)], origin=ORIGIN)
    diagnosis = strictly(text)["trainings"][0]["diagnosis"]
    assert diagnosis["budget"] == "Infinity"
    assert diagnosis["floor"] == "-Infinity"
    assert diagnosis["evidence"] == {"a": "NaN"}


def test_the_cause_is_a_junit_property(diagnosed, failed, unknown):
    assert junit_properties(diagnosed)[0] == ("converge_cause", "unscaled-features")
    second = dataclasses.replace(failed, number=2, diagnosis=unknown)
    assert ("converge_cause_2", "unknown") in junit_properties(second)
    assert "converge_cause" not in dict(junit_properties(failed))


def test_a_diagnosis_that_crossed_a_process_gives_the_same_text(diagnosed):
    again = type(diagnosed).from_dict(json.loads(json.dumps(diagnosed.to_dict())))
    assert json_report([again], origin=ORIGIN) == json_report([diagnosed], origin=ORIGIN)
    assert junit_properties(again) == junit_properties(diagnosed)


def test_a_study_has_its_scalars_as_junit_properties():
    points = tuple(
        RatePoint(learning_rate=rate, final_loss=loss, passed=loss < 0.1, steps=9)
        for rate, loss in ((0.01, 0.5), (0.1, 0.02), (1.0, math.nan))
    )
    study = RateRange(test="t", own=0.1, points=points, initial_loss=1.0, steps=9, seconds=1.23456)
    assert study_properties(study) == [
        ("converge_learning_rate_highest", "0.1"),
        ("converge_learning_rate_lowest", "0.1"),
        ("converge_learning_rate_own", "0.1"),
        ("converge_learning_rate_proposed", "0.1"),
        ("converge_learning_rate_seconds", "1.235"),
        ("converge_learning_rate_verdict", "passed"),
    ]
    second = dataclasses.replace(study, number=2, margin=3.0)
    assert study_properties(second)[-1] == ("converge_learning_rate_verdict_2", "failed")


def test_what_was_found_in_data_is_a_junit_property():
    found = tuple(DataFinding(code=code, message="m") for code in ("outliers", "missing-values"))
    study = DataReport(test="t", rows=1, width=1, columns=(), findings=found)
    assert dict(study_properties(study)) == {
        "converge_data_findings": "outliers, missing-values",
        "converge_data_seconds": "0.0",
        "converge_data_verdict": "failed",
    }


def test_versions_are_those_of_the_first_training_that_tells(failed):
    told = {"keras": "3.15.1", "tensorflow": "2.21.0", "python": "3.11", "device": "CPU"}
    results = [
        dataclasses.replace(failed, test="a"),
        dataclasses.replace(failed, test="b", environment=told),
        dataclasses.replace(failed, test="c", environment={**told, "keras": "4"}),
    ]
    document = strictly(json_report(results, origin=ORIGIN))
    versions = {"keras": "3.15.1", "tensorflow": "2.21.0", "python": platform.python_version()}
    assert document["environment"] == versions
