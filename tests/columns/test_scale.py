"""Scales of columns, and the rule that says which are too large, too small or too far from zero."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_converge.columns import scale
from pytest_converge.columns.scale import column_scales, scale_evidence


def normal(rows=500, columns=3, mean=0.0, deviation=1.0):
    return mean + deviation * np.random.default_rng(0).normal(size=(rows, columns))


def only(arrays, **options):
    (found,) = column_scales(arrays, **options)
    return found


def fired(x=None, y=None, **options):
    arrays = {name: value for name, value in (("x", x), ("y", y)) if value is not None}
    evidence = scale_evidence(column_scales(arrays, **options))
    return [flag.part for flag in (*evidence.features, *evidence.targets)]


def test_statistics_are_those_of_the_formulas(monkeypatch):
    x = np.array([[0.0, 3.0], [2.0, 3.5], [0.0, 4.0], [-4.0, 5.5]])
    for values in (2, 6, 2**20):  # blocks of one row, of three, of all
        monkeypatch.setattr(scale, "BLOCK_VALUES", values)
        first, second = only({"x": x}).columns
        assert (first.name, first.kind, first.count) == ("x[:, 0]", "continuous", 4)
        assert (first.low, first.high, first.zeros) == (-4.0, 2.0, 0.5)
        assert (second.mean, second.rms) == pytest.approx((4.0, np.sqrt(np.mean(x[:, 1] ** 2))))
        assert second.deviation == pytest.approx(np.std(x[:, 1]))


def test_a_float32_column_far_from_zero_keeps_its_deviation():
    x = (1e6 + np.arange(1000) % 2).astype("float32")
    (column,) = only({"x": x}).columns
    assert column.deviation == pytest.approx(0.5, rel=1e-9)
    assert column.mean == pytest.approx(1e6 + 0.5)


def test_values_that_are_not_finite_are_left_out():
    x = np.array([[1.0], [np.nan], [3.0], [np.inf]], dtype="float32")
    (column,) = only({"x": x}).columns
    assert (column.mean, column.count, column.high) == (2.0, 2, 3.0)
    (empty,) = only({"x": np.full((3, 1), np.nan)}).columns
    assert (empty.kind, empty.count) == ("constant", 0)


KINDS = {
    "constant": np.full(6, 7.0),
    "binary": np.array([0, 1, 1, 0, 0, 1.0]),
    "signs": np.array([-1, 1, 1, -1, -1, 1.0]),
    "ports": np.array([80, 443, 443, 80, 80, 443.0]),
    "measure": np.array([0.3, 1.2, -0.5, 2.0, 1.0, 0.0]),
}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("constant", "constant"),
        ("binary", "binary"),
        ("signs", "binary"),
        ("ports", "continuous"),
        ("measure", "continuous"),
    ],
)
def test_kinds(name, kind):
    assert [column.kind for column in only({"x": KINDS[name]}).columns] == [kind]


def test_one_hot_groups_beside_other_columns():
    colours, sizes = np.eye(3)[[0, 1, 2, 0, 1, 2]], np.eye(2)[[0, 0, 1, 1, 0, 1]]
    x = np.column_stack([KINDS["measure"], colours, sizes, KINDS["constant"]])
    kinds = [column.kind for column in only({"x": x}).columns]
    assert kinds == ["continuous", *["one-hot"] * 5, "constant"]
    flags = np.column_stack([KINDS["binary"], np.ones(6) - KINDS["binary"] * [1, 1, 1, 1, 1, 0]])
    assert "one-hot" not in [column.kind for column in only({"x": flags}).columns]


def test_names_of_columns():
    frame = only({"x": normal()}, columns={"x": ["age", "rooms", "tax"]})
    assert [column.name for column in frame.columns] == ["x['age']", "x['rooms']", "x['tax']"]
    series = only({"x['signal']": normal(60, 2).reshape(20, 3, 2)})
    assert [c.name for c in series.columns] == ["x['signal'][..., 0]", "x['signal'][..., 1]"]
    assert [column.name for column in only({"y": normal(columns=1)}).columns] == ["y"]


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


@pytest.mark.parametrize("shape", [(20, 8, 8), (20, 8, 8, 3)])
def test_images_are_recognised(shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype("float32")
    found = only({"x": pixels})
    assert (found.image, found.high) == (True, 255.0)
    assert len(found.columns) == (1 if len(shape) == 3 else 3)
    (flag, *_) = scale_evidence([found]).features
    assert flag.image
    scaled = only({"x": pixels / 255})
    assert scaled.image
    assert scale_evidence([scaled]).features == ()
    assert not only({"x": pixels - 100}).image


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
        (1e4 * np.eye(4)[np.arange(40) % 4], ["large-rms", "deviation"]),
        (np.eye(400)[np.arange(800) % 400], []),
        (np.zeros((5, 3)), []),
    ],
)
def test_parts_of_the_rule_for_features(x, parts):
    assert fired(x=x) == parts


def test_rare_words_do_not_count_as_small():
    rng = np.random.default_rng(0)
    x = np.where(rng.random((300, 200)) < 0.01, rng.uniform(0.1, 0.5, (300, 200)), 0.0)
    assert np.sqrt(np.mean(x**2)) < scale.LOWEST_RMS
    assert fired(x=x) == []


@pytest.mark.parametrize(
    ("y", "parts"),
    [
        (normal(columns=1, deviation=15.0), []),
        (normal(columns=1, deviation=30.0), ["spread"]),
        (normal(columns=1, mean=500.0), ["mean"]),
        (normal(columns=1, mean=-1e9, deviation=1e6), ["spread", "mean"]),
        (np.arange(100), []),
        (np.eye(4)[np.arange(40) % 4], []),
    ],
)
def test_parts_of_the_rule_for_targets(y, parts):
    assert fired(y=y) == parts


def test_a_flag_names_its_columns_and_numbers():
    x = normal() * [1.0, 30.0, 500.0]
    evidence = scale_evidence(column_scales({"x": x, "y": normal(columns=1, mean=90.0)}))
    rms, deviation = evidence.features
    assert rms.columns == deviation.columns == ("x[:, 2]", "x[:, 1]")
    assert rms.value == pytest.approx(np.sqrt(np.mean(x**2)))
    assert (rms.limit, deviation.limit) == (scale.HIGHEST_RMS, scale.HIGHEST_DEVIATION)
    assert deviation.value == pytest.approx(np.std(x[:, 2]))
    assert evidence.columns == ("x[:, 2]", "x[:, 1]", "y")
    assert evidence.targets[0].value == pytest.approx(90.0, abs=0.2)


def test_the_array_is_left_as_it_is():
    x = normal().astype("float32")
    before = x.copy()
    fired(x=x)
    np.testing.assert_array_equal(x, before)
