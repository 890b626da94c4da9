"""Features on a scale that does not suit a network."""

from __future__ import annotations

import dataclasses

import pytest

from pytest_converge.columns.scale import ScaleEvidence, ScaleFlag
from pytest_converge.diagnosis.cause import Answer
from pytest_converge.diagnosis.causes import unscaled_features, unscaled_targets
from pytest_converge.diagnosis.evidence import Evidence, numbers
from tests.checks.curves import record_of
from tests.diagnosis.programs import diagnosis_of, failed_of, raw_features


def test_raw_features_need_to_be_standardised():
    found = diagnosis_of(raw_features(), steps=100)
    assert found.cause == "unscaled-features"
    assert found.proven
    assert "x[:, 0]" in found.where
    assert "features standardised" in found.verified[0].change
    assert "Normalization" in found.fix
    assert "1.53e+03" in found.message


def test_the_scale_is_changed_alone_and_then_with_another_rate():
    failed = failed_of(raw_features(), steps=5, max_loss=1e-9)
    with_rate = unscaled_features.CAUSE.steps[-1]
    features, targets, both = unscaled_features.scale_changes(failed)
    pairs = list(with_rate.repairs(failed))
    assert [pair.rate_factor for pair in pairs] == [10.0, 100.0, 0.1, 0.01] * 3
    for change, pair in zip((both, features, targets), pairs[::4], strict=True):
        assert pair.change.startswith(f"{change.change} and learning rate")
    failed.evidence = dataclasses.replace(failed.evidence, scale=ScaleEvidence())
    assert list(with_rate.repairs(failed)) == []


def flag(part, value, *columns, array="x"):
    return ScaleFlag(part=part, array=array, value=value, limit=1.0, columns=columns)


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("large-rms", "root mean square 1.23e+03 in"),
        ("deviation", "standard deviation up to 1.23e+03 in"),
        ("offset", "mean 1.23e+03 times the standard deviation in"),
    ],
)
def test_a_scale_is_told_in_numbers_and_columns(part, said):
    flags = (flag(part, 1234.5, "x[:, 0]", "x[:, 3]"),)
    evidence = Evidence(rate=0.01, scale=ScaleEvidence(features=flags))
    text = unscaled_features.CAUSE.says(evidence, Answer(cause="unscaled-features"))
    assert said in text
    assert text.endswith("x[:, 0], x[:, 3]")
    assert numbers(evidence, record_of([2.0, 1.5]))[f"x {part}"] == 1234.5


def test_targets_have_a_scale_of_their_own():
    scale = ScaleEvidence(targets=(flag("spread", 99.0, "y"),))
    text = unscaled_targets.CAUSE.says(
        Evidence(rate=0.01, scale=scale), Answer(cause="unscaled-targets")
    )
    assert text == "targets on an unsuitable scale: standard deviation 99 in y"
