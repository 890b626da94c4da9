"""Pictures: what is on them, and that nothing of matplotlib is left changed."""

from __future__ import annotations

import builtins
import dataclasses
import math
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_converge.core.baseline import BaselineReport
from pytest_converge.core.baseline_history import BaselineHistory, RecordedVersion
from pytest_converge.core.curve import LossCurve, LossSurface
from pytest_converge.core.data_report import ColumnProfile, DataFinding, DataReport
from pytest_converge.report.figures import can_draw, figure_of, plot
from tests.comparisons import compared
from tests.pages import diagnosis, training
from tests.rate_ranges import usual, with_schedule
from tests.recorded import recorded

pytest.importorskip("matplotlib")

LINE = LossSurface(
    x=(0.0, 1.0, 2.0),
    losses=((4.0, 1.0, 0.5),),
    names=("w",),
    path=((0.0, 0.0, 4.0), (1.5, 0.0, 0.7)),
)
PLANE = LossSurface(
    x=(0.0, 1.0, 2.0),
    y=(0.0, 1.0),
    losses=((4.0, 1.0, math.nan), (100.0, 0.1, 0.5)),
    names=("a", "b"),
    path=((0.0, 0.0, 4.0), (1.0, 1.0, 0.1)),
)
SLICE = LossSurface(
    x=(-1.0, 0.0, 1.0),
    y=(-1.0, 1.0),
    losses=((1.0, 1.0, 1.0), (1.0, 1.0, 1.0)),
    names=("direction 1", "direction 2"),
    slice_of_model=True,
)
COLUMNS = DataReport(
    test="test_a.py::test_it",
    rows=10,
    width=2,
    columns=(
        ColumnProfile(name="area", dtype="float64", kind="continuous", values=10, mean=90.0,
                      deviation=30.0, low=20.0, high=200.0),
        ColumnProfile(name="sold", dtype="int64", kind="binary", values=10, mean=0.3,
                      deviation=0.4, high=1.0),
    ),
    findings=(DataFinding(code="unscaled-features", message="large", columns=("area",)),),
)  # fmt: skip


def labels(axes):
    legend = axes.get_legend()
    return [text.get_text() for text in legend.get_texts()] if legend else []


def signs(axes):
    return [text.get_text() for text in axes.texts]


def ticks(axis):
    """The numbers along an axis that are on it."""
    low, high = sorted(axis.get_view_interval())
    places = axis.get_majorticklocs()
    return [text for place, text in zip(places, axis.get_major_formatter().format_ticks(places),
                                        strict=True) if low <= place <= high]  # fmt: skip


def with_losses(result, *losses):
    """The result with other losses, of batches and of the probe set alike."""
    (run,) = result.runs
    steps = tuple(range(len(losses)))
    curve = LossCurve(steps=steps, batch_loss=losses, checkpoints=steps, probe_loss=losses,
                      final_loss=losses[-1])  # fmt: skip
    record = dataclasses.replace(run.record, curve=curve)
    return dataclasses.replace(result, runs=(dataclasses.replace(run, record=record),))


def drawn(result):
    """The axes of the curve."""
    figure = figure_of(result)
    figure.draw_without_rendering()
    return figure.axes[0]


def test_the_title_says_what_happened_and_why(failed):
    assert figure_of(failed).get_suptitle().splitlines() == [
        "tests/test_models.py::test_wine",
        "target-missed: loss 0.4310 > max_loss=0.1",
    ]
    diagnosed = training(last=1.3, diagnosis=diagnosis())
    assert "unscaled-features: loss 1.300 > max_loss=0.1" in figure_of(diagnosed).get_suptitle()
    assert "converged: loss 2.300 -> 0.05069" in figure_of(training()).get_suptitle()
    assert "0.1 passes; passing from 0.01 to 1" in figure_of(usual()).get_suptitle()


def test_the_repaired_curve_is_beside_the_failing_one():
    axes = drawn(training(last=1.3, diagnosis=diagnosis()))
    assert labels(axes) == [
        "loss of each batch",
        "loss on the probe set",
        "with features standardised",
        "max_loss 0.1",
        "best constant 1.100",
    ]
    assert ticks(axes.yaxis) == ["0.02", "0.05", "0.1", "0.2", "0.5", "1", "2"]


def test_a_repair_in_another_unit_has_an_axis_of_its_own():
    result = training(last=1.3, diagnosis=diagnosis())
    repair = dataclasses.replace(result.diagnosis.verified[0], comparable=False)
    found = dataclasses.replace(result.diagnosis, verified=(repair,), tried=(repair,))
    axes, other = figure_of(dataclasses.replace(result, diagnosis=found)).axes
    assert other.get_ylabel() == "loss in another unit"
    assert "with features standardised" in labels(axes)
    assert "another unit" in axes.get_title()


def test_one_spike_leaves_the_axis_to_the_rest(failed):
    losses = [2.0 - i / 40 for i in range(40)]
    losses[20] = 1e6
    axes = drawn(with_losses(failed, *losses))
    assert axes.get_ylim()[1] < 3
    assert signs(axes) == ["▴ 1.000e6"] * 2


def test_what_has_no_place_on_the_axis_stands_at_its_edge(failed):
    falling = [10.0 * 0.9**i for i in range(40)]
    zero = drawn(with_losses(failed, *falling, 0.0))
    assert zero.get_yscale() == "log"
    assert signs(zero) == ["▾ 0"] * 2
    broken = drawn(with_losses(failed, *falling, math.nan, math.nan))
    assert set(signs(broken)) == {"× nan"}
    assert broken.get_xlim()[1] > 41  # also where there is nothing to be drawn
    diverged = drawn(with_losses(failed, *(2.0 * 10**i for i in range(30)), math.inf))
    assert set(signs(diverged)) == {"▴ inf"}


def test_a_loss_that_stays_negative_has_a_linear_axis(failed):
    axes = drawn(with_losses(failed, 1.0, -1.0, -2.0, -3.0))
    assert axes.get_yscale() == "linear"
    assert {"-3", "-2", "-1", "0", "1"} <= set(ticks(axes.yaxis))


def test_the_recorded_band_is_behind_the_new_runs():
    band = ((1, 0.5, 1.0, 2.0), (200, 0.1, 0.2, math.inf))
    report = BaselineReport(action="checked", commit="0123456789abcdef", band=band)
    _, axes = figure_of(training(baseline=report)).axes
    assert labels(axes) == ["recorded 0123456789ab", "median recorded", "now, seed 0"]


def test_the_rate_range_shows_the_bracket_and_the_own_rate():
    (axes,) = figure_of(with_schedule()).axes
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert axes.get_xlabel() == "learning rate"
    assert axes.get_ylabel() == "loss after 100 steps"
    assert labels(axes) == [
        "passing",
        "passes",
        "fails",
        "broken off",
        "under cosine",
        "yours 0.1",
        "stable below 2.5",
        "diverges from 3",
        "max_loss 0.5",
        "initial loss",
    ]
    assert signs(axes) == ["▴ 40.00", "× nan"]


def test_the_comparison_shows_courses_and_what_columns_do():
    courses, bars = figure_of(compared([4.0] * 3, culprits=("x[:, 1]",), mended=1.0)).axes
    assert labels(courses) == ["z-scored raw", "raw", "ours", "target 0.1"]
    assert [text.get_text() for text in bars.get_yticklabels()] == ["x[:, 1]", "x[:, 0]"]
    (alone,) = figure_of(compared([1.0] * 3, exchanges=())).axes
    assert alone.get_xlabel() == "steps (optimizer updates)"


def test_the_history_has_a_line_for_each_score_and_marks_what_changed():
    versions = tuple(
        RecordedVersion(
            commit=f"abc{day}",
            date=f"2026-01-0{day}",
            training=recorded(level=0.1 * day, reason="why" if day == 2 else ""),
            other_data=day == 3,
        )
        for day in range(1, 4)
    )
    broken = RecordedVersion(commit="abc9", date="2026-01-09", problem="no JSON")
    history = BaselineHistory(test="t", number=1, versions=(*versions, broken))
    axes = figure_of(history).axes[0]
    assert labels(axes)[:3] == ["whole curve", "last half", "last loss"]
    assert axes.get_xticklabels()[0].get_text() == "abc1\n2026-01-01"
    assert len(axes.get_xticklabels()) == 3
    # The dashed line of the accepted reason, and the dotted one of the other data.
    marks = [line.get_xdata()[0] for line in axes.lines if len(set(line.get_xdata())) == 1]
    assert marks == [1, 2]


def test_columns_with_findings_come_first():
    (axes,) = figure_of(COLUMNS).axes
    assert axes.get_xscale() == "log"
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert names == ["▸ area", "sold (binary)"]


@pytest.mark.parametrize(
    ("surface", "x_label", "shown"),
    [
        (LINE, "w", ["loss", "start", "end"]),
        (PLANE, "a", ["start", "end"]),
        (SLICE, "direction 1 (lengths of the weights)", []),
    ],
)
def test_the_surface_stands_beside_the_curve(failed, surface, x_label, shown):
    curve, beside, *_ = figure_of(dataclasses.replace(failed, surface=surface)).axes
    assert curve.get_ylabel() == "loss"
    assert beside.get_xlabel() == x_label
    assert labels(beside) == shown


def test_a_surface_is_smooth_and_its_holes_are_hatched(failed):
    _, beside, bar = figure_of(dataclasses.replace(failed, surface=PLANE)).axes
    assert beside.patch.get_hatch() == "///"
    assert beside.collections[0]._shading == "gouraud"
    assert ticks(bar.yaxis)[-2:] == ["10", "100"]
    low, high = beside.get_legend().get_bbox_to_anchor().get_points()[:, 1]
    assert max(low, high) < beside.bbox.y0  # below the axes, and so never over the path


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_a_file_of_each_kind_is_written(failed, suffix, tmp_path):
    path = tmp_path / f"picture.{suffix}"
    for subject in (usual(), compared([4.0] * 3), COLUMNS, failed):
        assert can_draw(subject)
        assert plot(subject, path) == path
        assert path.stat().st_size > 1000
        path.unlink()


def test_only_results_and_studies_are_drawn(tmp_path):
    assert not can_draw("text")
    with pytest.raises(TypeError, match="cannot draw str"):
        plot("text", tmp_path / "a.png")


def test_a_missing_matplotlib_is_said(monkeypatch, tmp_path):
    real = builtins.__import__

    def without(name, *arguments):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r'pip install "pytest-converge\[plots\]"'):
        plot(usual(), tmp_path / "a.png")


def test_nothing_global_is_touched(tmp_path):
    program = f"""
import sys, matplotlib
def settings():
    # To look at the backend is to choose one.
    return {{name: matplotlib.rcParams[name] for name in matplotlib.rcParams if name != "backend"}}
before = settings()
from tests.recorded import recorded
from tests.rate_ranges import usual
from pytest_converge import plot
plot(usual(), {str(tmp_path / "a.png")!r})
assert "matplotlib.pyplot" not in sys.modules
assert settings() == before
assert "tensorflow" not in sys.modules
"""
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", program], check=True, cwd=root)  # noqa: S603 - see above
