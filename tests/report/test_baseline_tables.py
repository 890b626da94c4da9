"""Baselines as text: what one holds, how two differ, at every width."""

from __future__ import annotations

import dataclasses
import math

import pytest

from pytest_converge.core.baseline import EnvironmentChange
from pytest_converge.report.baseline_tables import baseline_lines, comparison_lines
from pytest_converge.report.layout import cell_width
from tests.recorded import recorded, stored_run

#: Losses that halve, alike in all runs: 8, 4, 2, 1 at steps 1, 11, 21, 31.
STEPS = (*range(1, 12), 21, 31)
HALVED = (8.0, *(7.0,) * 9, 4.0, 2.0, 1.0)


def text(lines):
    return ["".join(segment.text for segment in line) for line in lines]


def halving(seed, factor=1.0, scores=None):
    return dataclasses.replace(
        stored_run(seed, steps=STEPS, losses=[factor * loss for loss in HALVED]),
        scores=scores or (math.log(4 * factor), math.log(2 * factor)),
    )


def halving_baseline(factor=1.0, scores=None, **changes):
    runs = tuple(halving(seed, factor, scores) for seed in range(7, 27))
    return recorded(**{"runs": runs, "settings": {"steps": 31}, "environment": {}, **changes})


def shown(training, width=80, **options):
    return text(baseline_lines(training, width=width, unicode=True, **options))


def compared(old, new, p_values=(0.5, 0.5), width=80, unicode=True):
    return text(comparison_lines(old, new, p_values, width=width, unicode=unicode))


def test_the_data_are_listed():
    lines = shown(halving_baseline(data={"rows": 178, "x_mean": 0.5}))
    assert "  data         rows 178, x_mean 0.5" in lines


def test_changed_data_and_the_accepted_reason_are_shown():
    old = halving_baseline(data={"rows": 178})
    new = halving_baseline(1.2, data={"rows": 150}, reason="fewer rows")
    rows = EnvironmentChange(name="rows", recorded=178, present=150)
    options = {"width": 80, "unicode": True}
    lines = text(comparison_lines(old, new, (0.5, 0.5), data=[rows], **options))
    assert "  data         rows 178 -> 150" in lines
    assert lines.index("  accepted     fewer rows") < lines.index(
        next(line for line in lines if "median loss" in line)
    )
    same = text(comparison_lines(old, old, (0.5, 0.5), data=(), **options))
    assert "  data         the same" in same
    untold = text(comparison_lines(halving_baseline(), old, (0.5, 0.5), **options))
    assert "  data         not told by both" in untold


class TestBaseline:
    def test_all_of_it(self):
        training = halving_baseline(reason="a larger batch", environment={"keras": "3.15.0"})
        assert shown(training) == [
            "tests/test_models.py::test_wine",
            "  recorded     20 runs, seeds 7 to 26, commit 0123456789ab",
            "  accepted     a larger batch",
            "  settings     steps 31",
            "  environment  keras 3.15.0",
            "  median loss  8.000     █▄▂▁ 1.000",
            "  whole curve  4.000 (4.000 to 4.000)",
            "  last half    2.000 (2.000 to 2.000)",
        ]

    def test_the_range_is_that_of_the_runs(self):
        runs = tuple(halving(7 + i, factor=1 + i) for i in range(20))
        lines = shown(halving_baseline(runs=runs))
        assert "  median loss  80.00     █▄▂▁ 10.00" in lines
        assert "  whole curve  40.00 (4.000 to 80.00)" in lines

    def test_a_metric_stands_as_it_is(self):
        training = halving_baseline(scores=(-0.95,), settings={"metric": "accuracy"})
        assert shown(training)[-1] == "  accuracy     -0.9500 (-0.9500 to -0.9500)"

    def test_runs_that_broke_off_count_as_infinite(self):
        broken = stored_run(0, steps=(1, 2), losses=(8.0, math.nan), scores=(math.inf,) * 2)
        runs = [halving(seed) for seed in range(7, 27)]
        few = (*runs[:10], *(dataclasses.replace(broken, seed=seed) for seed in range(17, 26)))
        assert "  median loss  8.000     █▄▂▁ 1.000" in shown(
            halving_baseline(runs=(*few, dataclasses.replace(runs[0], seed=26)))
        )
        most = tuple(dataclasses.replace(broken, seed=seed) for seed in range(11))
        lines = shown(halving_baseline(runs=(*most, *runs[:9])))
        assert "  median loss  8.000     ▅××× inf" in lines
        assert "  whole curve  inf (4.000 to inf)" in lines

    def test_huge_scores_do_not_overflow(self):
        assert "  whole curve  inf (inf to inf)" in shown(halving_baseline(scores=(1e4, 1.0)))

    def test_every_run_in_a_row(self):
        table = shown(halving_baseline(), seeds=True)[-21:]
        assert table[:2] == [
            "  seed  first  curve    last  whole  last half",
            "     7  8.000  █▄▂▁    1.000  4.000      2.000",
        ]
        assert table[-1].startswith("    26  ")

    def test_all_curves_of_a_table_have_one_scale(self):
        steps, usual, deep = (1, 2, 3), (100.0, 15.0, 1.0), (100.0, 1.5, 0.01)
        runs = [stored_run(seed, steps=steps, losses=usual) for seed in range(7, 26)]
        runs.append(stored_run(26, steps=steps, losses=deep))
        table = shown(halving_baseline(runs=tuple(runs)), seeds=True)[-20:]
        # On a linear scale the second bar of the usual runs would be the second lowest.
        assert {line.split()[2] for line in table} == {"█▅▁"}

    def test_a_table_of_a_metric(self):
        training = halving_baseline(scores=(-0.95,), settings={"metric": "accuracy"})
        assert shown(training, seeds=True)[-21:-19] == [
            "  seed  first  curve    last    score",
            "     7  8.000  █▄▂▁    1.000  -0.9500",
        ]

    @pytest.mark.parametrize(
        ("width", "titles"),
        [
            (46, "seed first curve last whole last half"),
            (45, "seed curve last whole last half"),
            (38, "seed curve last whole"),
            (27, "seed curve whole"),
            (20, "seed whole"),
        ],
    )
    def test_columns_give_way(self, width, titles):
        header = shown(halving_baseline(), width=width, seeds=True)[-21]
        assert " ".join(header.split()) == titles

    @pytest.mark.parametrize("width", [20, 30, 40, 60, 80, 200])
    @pytest.mark.parametrize("unicode", [True, False])
    def test_it_fits_the_width(self, width, unicode):
        training = recorded(
            "tests/models/test_\N{CJK UNIFIED IDEOGRAPH-4E2D}.py::TestLong::test_name["
            + "x" * 60
            + "]",
            number=12,
            reason="words " * 20 + "w" * 50 + "\x1b[31m",
        )
        lines = text(baseline_lines(training, width=width, unicode=unicode, seeds=True))
        assert max(map(cell_width, lines)) <= width
        assert all(line.isprintable() for line in lines)
        assert unicode or all(map(str.isascii, lines))

    def test_a_curve_of_one_point(self):
        run = stored_run(7, steps=(1,), losses=(2.0,), scores=(0.5, 0.5))
        runs = tuple(dataclasses.replace(run, seed=seed) for seed in range(20))
        assert "  median loss  2.000     ▅ 2.000" in shown(recorded(runs=runs))


class TestComparison:
    def test_all_of_it(self):
        old = halving_baseline(environment={"keras": "3.15.0"})
        new = halving_baseline(1.25, commit="", settings={"steps": 62, "seed": 1})
        assert compared(old, new, (0.0004, 0.25)) == [
            "tests/test_models.py::test_wine",
            "  settings     seed none -> 1, steps 31 -> 62",
            "  environment  keras 3.15.0 -> none",
            "  commit       0123456789ab -> unknown",
            "  median loss  8.000     █▄▂▁ 1.000",
            "               10.00     █▄▂▁ 1.250",
            "  whole curve  4.000 -> 5.000, 25 % worse, p 0.0004",
            "  last half    2.000 -> 2.500, 25 % worse, p 0.25",
        ]

    def test_only_a_clear_difference_is_coloured(self):
        lines = comparison_lines(
            halving_baseline(), halving_baseline(1.25), (0.001, 0.0011), width=80, unicode=True
        )
        assert [line[0].markup for line in lines[-2:]] == [("red", "bold"), ()]

    def test_what_is_the_same_is_said_so(self):
        assert compared(halving_baseline(), halving_baseline()) == [
            "tests/test_models.py::test_wine",
            "  settings     the same",
            "  environment  the same",
            "  commit       0123456789ab",
            "  runs         the same numbers",
        ]

    def test_equal_scores_of_other_runs(self):
        new = halving_baseline(runs=tuple(halving(seed) for seed in range(20)))
        assert compared(halving_baseline(), new)[-2:] == [
            "  whole curve  4.000, the same, p 0.5",
            "  last half    2.000, the same, p 0.5",
        ]

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            (-0.9, -0.6, "-0.9000 -> -0.6000, 33 % worse"),
            (-0.6, -0.9, "-0.6000 -> -0.9000, 50 % better"),
            (0.0, 0.5, "0 -> 0.5000, worse"),
            (0.5, 0.0, "0.5000 -> 0, 100 % better"),
            (math.inf, 0.5, "inf -> 0.5000, better"),
            (0.5, math.inf, "0.5000 -> inf, worse"),
        ],
    )
    def test_a_metric_is_compared_as_it_is(self, old, new, said):
        pair = [halving_baseline(i, scores=(value,)) for i, value in enumerate((old, new), 1)]
        assert compared(*pair, (0.5,))[-1] == f"  metric       {said}, p 0.5"

    def test_another_test_is_named(self):
        new = halving_baseline(1.25, test="tests/test_models.py::test_beer", number=2)
        lines = compared(halving_baseline(), new)
        assert lines[1] == "  against      tests/test_models.py::test_beer #2"

    @pytest.mark.parametrize("width", [20, 30, 40, 80])
    def test_it_fits_the_width(self, width):
        new = recorded(
            "tests/test_models.py::test_beer", settings={"long_name" * 9: "x" * 90}, level=1
        )
        lines = compared(recorded(), new, width=width, unicode=False)
        assert max(map(len, lines)) <= width
        assert all(map(str.isascii, lines))
