"""Pictures: what is on them, and that nothing of matplotlib is left changed."""

from __future__ import annotations

import builtins
import math
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_converge.core.baseline_history import BaselineHistory, RecordedVersion
from pytest_converge.core.curve import LossSurface
from pytest_converge.core.data_report import ColumnProfile, DataFinding, DataReport
from pytest_converge.report import figures
from pytest_converge.report.figures import can_draw, plot, training_figure
from tests.comparisons import compared
from tests.rate_ranges import point, rate_range, usual, with_schedule
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


def test_the_rate_range_shows_the_bracket_and_the_own_rate():
    (axes,) = figures._rate_range(with_schedule()).axes
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert axes.get_xlabel() == "learning rate (per update)"
    assert axes.get_ylabel() == "loss after 100 steps"
    assert labels(axes) == [
        "passing",
        "passed",
        "failed",
        "broken off",
        "under cosine, at its peak",
        "own rate 0.1",
        "limit by curvature 2.5",
        "diverges from 3",
        "max_loss 0.5",
        "initial loss",
    ]


def test_losses_that_can_be_negative_have_a_linear_axis():
    (axes,) = figures._rate_range(rate_range([point(0.1, -0.5, True), point(1, 0.9)])).axes
    assert axes.get_yscale() == "linear"


def test_the_comparison_shows_courses_and_what_columns_do():
    courses, bars = figures._comparison(compared([4.0] * 3, culprits=("x[:, 1]",), mended=1.0)).axes
    assert labels(courses) == ["z-scored raw", "raw", "ours", "target 0.1"]
    assert [text.get_text() for text in bars.get_yticklabels()] == ["x[:, 1]", "x[:, 0]"]
    (alone,) = figures._comparison(compared([1.0] * 3, exchanges=())).axes
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
    axes = figures._history(history).axes[0]
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels[:3] == ["whole curve", "last half", "last loss"]
    assert axes.get_xticklabels()[0].get_text() == "abc1\n2026-01-01"
    assert len(axes.get_xticklabels()) == 3
    # The dashed line of the accepted reason, and the dotted one of the other data.
    marks = [line.get_xdata()[0] for line in axes.lines if len(set(line.get_xdata())) == 1]
    assert marks == [1, 2]
    assert axes.get_yscale() == "log"


def test_columns_with_findings_are_red():
    (axes,) = figures._columns(COLUMNS).axes
    assert axes.get_xscale() == "log"
    ticks = {text.get_text(): text.get_color() for text in axes.get_yticklabels()}
    assert ticks == {"area": figures.RED, "sold (binary)": "black"}


@pytest.mark.parametrize(
    ("surface", "x_label", "shown"),
    [
        (LINE, "w", ["loss", "path", "start", "end"]),
        (PLANE, "a", ["path", "start", "end"]),
        (SLICE, "direction 1 (lengths of the weights)", ["end of the training"]),
    ],
)
def test_the_surface_stands_beside_the_curve(failed, surface, x_label, shown):
    curve, beside, *_ = training_figure(failed, surface).axes
    assert curve.get_ylabel() == "loss"
    assert beside.get_xlabel() == x_label
    assert labels(beside) == shown


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
