"""Scales of columns, and the rule that says which are too large, too small or too far from zero."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_converge.columns import scale
from pytest_converge.columns.profile import profile_arrays
from pytest_converge.columns.scale import scale_evidence
from pytest_converge.core.input_scales import HIGHEST_RMS, LOWEST_RMS


def normal(rows=500, columns=3, mean=0.0, deviation=1.0):
    return mean + deviation * np.random.default_rng(0).normal(size=(rows, columns))


def only(arrays, **options):
    (found,) = profile_arrays(arrays, **options)
    return found


def fired(x=None, y=None, **options):
    arrays = {name: value for name, value in (("x", x), ("y", y)) if value is not None}
    evidence = scale_evidence(profile_arrays(arrays, **options))
    return [flag.part for flag in (*evidence.features, *evidence.targets)]


def test_integers_are_tokens_unless_it_is_known_better():
    words = np.random.default_rng(0).integers(0, 5000, (50, 8))
    assert {column.kind for column in only({"x": words}).columns} == {"tokens"}
    assert fired(x=words) == []
    assert fired(x=words.astype("float32"), codes={"x"}) == []
    assert fired(x=words, codes=set()) == ["large-rms", "deviation"]


def test_texts_and_sample_weights_have_no_scale():
    texts = np.array([["good"], ["bad"]], dtype=object)
    assert only({"x": texts, "sample_weight": np.ones(2)}).columns[0].kind == "text"
    assert fired(x=texts) == []


@pytest.mark.parametrize("shape", [(20, 8, 8), (20, 8, 8, 3), (20, 4, 8, 8, 1)])
def test_images_of_bytes_are_recognised(shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype("float32")
    found = only({"x": pixels})
    assert (found.shape, found.high) == ("image", 255.0)
    assert len(found.columns) == (3 if len(shape) == 4 else 1)
    (flag,) = scale_evidence([found]).features
    assert (flag.part, flag.image) == ("deviation", True)
    assert fired(x=pixels / 255) == []


@pytest.mark.parametrize(
    ("pixels", "part", "image"),
    [
        (lambda p: p - 100, "deviation", False),  # no bytes: to be standardised
        (lambda p: p / 255 / 255, "contrast", False),
        (lambda p: np.where(np.arange(20)[:, None, None, None] < 1, p / 8, p / 255), "range", True),
        (lambda p: p / 127.5 - 1, None, False),
    ],
)
def test_parts_of_the_rule_for_images(pixels, part, image):
    bytes_ = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3)).astype("float32")
    flags = scale_evidence([only({"x": pixels(bytes_)})]).features
    assert [(flag.part, flag.image) for flag in flags] == ([(part, image)] if part else [])


@pytest.mark.parametrize(
    ("x", "parts"),
    [
        (normal(), []),
        (normal(deviation=0.06), []),
        (normal(deviation=0.04), ["small-rms"]),
        (normal(deviation=5.5), []),
        (normal(deviation=7.0), ["large-rms"]),
        (normal(deviation=30.0), ["large-rms", "deviation"]),
        (normal(mean=0.9, deviation=0.1), ["offset"]),
        (normal(mean=0.7, deviation=0.1), []),
        (np.column_stack([normal(columns=60), normal(columns=1, deviation=25.0)]), ["deviation"]),
        (np.full((9, 2), 1e4), []),
        (np.column_stack([normal(columns=19), normal(columns=1, mean=21.0)]), ["large-rms"]),
        (
            np.column_stack([normal(columns=9), normal(columns=1, mean=5.0, deviation=0.04)]),
            ["offset"],
        ),
        (np.random.default_rng(0).integers(0, 21, (400, 3)).astype("float32"), ["large-rms"]),
        (np.random.default_rng(0).integers(0, 6, (400, 3)).astype("float32"), []),
        (1e4 * np.eye(4)[np.arange(40) % 4], ["large-rms", "deviation"]),
        (np.eye(400)[np.arange(800) % 400], []),
        (np.zeros((5, 3)), []),
    ],
)
def test_parts_of_the_rule_for_features(x, parts):
    assert fired(x=x) == parts


def test_rows_of_length_one_are_not_small():
    x = normal(columns=768)
    assert fired(x=x / np.linalg.norm(x, axis=1, keepdims=True)) == []


def test_rare_words_do_not_count_as_small():
    rng = np.random.default_rng(0)
    x = np.where(rng.random((300, 200)) < 0.01, rng.uniform(0.1, 0.5, (300, 200)), 0.0)
    assert np.sqrt(np.mean(x**2)) < LOWEST_RMS
    assert fired(x=x) == []


@pytest.mark.parametrize(
    ("y", "parts"),
    [
        (normal(columns=1, deviation=15.0), []),
        (normal(columns=1, deviation=30.0), ["spread"]),
        (normal(columns=1, mean=500.0), ["mean"]),
        (normal(columns=1, mean=-1e9, deviation=1e6), ["spread", "mean"]),
        (normal(columns=1, deviation=1e-6), ["small-rms"]),
        (np.arange(100), []),
        (np.eye(4)[np.arange(40) % 4], []),
    ],
)
def test_parts_of_the_rule_for_targets(y, parts):
    assert fired(y=y) == parts


def test_a_flag_names_its_columns_and_numbers():
    x = normal() * [1.0, 30.0, 500.0]
    evidence = scale_evidence(profile_arrays({"x": x, "y": normal(columns=1, mean=90.0)}))
    rms, deviation = evidence.features
    assert rms.columns == deviation.columns == ("x[:, 2]", "x[:, 1]")
    assert rms.value == pytest.approx(np.sqrt(np.mean(x**2)))
    assert (rms.limit, deviation.limit) == (HIGHEST_RMS, scale.HIGHEST_DEVIATION)
    assert deviation.value == pytest.approx(np.std(x[:, 2]))
    assert evidence.columns == ("x[:, 2]", "x[:, 1]", "y")
    assert evidence.targets[0].value == pytest.approx(90.0, abs=0.2)


def test_the_array_is_left_as_it_is():
    x = normal().astype("float32")
    before = x.copy()
    fired(x=x)
    np.testing.assert_array_equal(x, before)
