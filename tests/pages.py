"""Sessions for the page, made by hand: trainings that pass or fail, diagnoses, and studies."""

from __future__ import annotations

import dataclasses
import math

from pytest_converge.checks.gates import judge
from pytest_converge.core.baseline import BaselineReport
from pytest_converge.core.curve import LossCurve, LossSurface
from pytest_converge.core.data_report import ColumnProfile, DataFinding, DataReport
from pytest_converge.core.diagnosis import Diagnosis, RateBracket, Trial
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.input_scales import ColumnScale, InputScales
from pytest_converge.core.record import TrainingRecord
from pytest_converge.core.result import ConvergenceResult, Run
from tests.comparisons import compared
from tests.rate_ranges import usual

__all__ = [
    "HOSTILE",
    "data_report",
    "diagnosis",
    "scales",
    "session",
    "studies",
    "training",
    "weights_slice",
]

#: What ends a script, a template and an attribute where it is not escaped, and opens a tag of those
#: that the plotting library reads.
HOSTILE = (
    "</script></template><!--<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7*7 }}"
)
STEPS = 512


def _course(first, last, points=33, steps=STEPS, wave=0.0):
    """(step, loss) from the first loss to the last, on the way of most trainings."""
    return tuple(
        (
            round(i * steps / (points - 1)),
            last
            + (first - last) * math.exp(-8 * i / (points - 1)) * (1 + wave * math.sin(1.7 * i)),
        )
        for i in range(points)
    )


def training(index=0, *, last=0.05, test=None, seeds=1, wave=0.1, **changes):
    """A training of so many steps that ends with this loss, bounded by 0.1."""
    expectation = Expectation(max_loss=0.1, steps=STEPS, seeds=seeds)

    def run(seed):
        course = _course(2.3 + seed / 50, last, wave=wave)
        batches = [
            loss * (1 + 0.2 * math.sin(12.9 * i + seed))
            for i, (_, loss) in enumerate(_course(2.3, last, points=STEPS))
        ]
        curve = LossCurve(
            steps=tuple(range(1, STEPS + 1)),
            batch_loss=tuple(batches),
            gradient_norm=tuple(3 * loss for loss in batches),
            learning_rate=tuple(0.01 * 0.99 ** (i // 16) for i in range(STEPS)),
            checkpoints=tuple(step for step, _ in course),
            probe_loss=tuple(loss for _, loss in course),
            initial_loss=course[0][1],
            final_loss=course[-1][1],
        )
        record = TrainingRecord(
            seed=seed,
            curve=curve,
            seconds=0.5 + index / 100,
            probe_rows=256,
            constant_loss=1.1,
            input_scales=scales(index) if seed == index else None,
        )
        return Run(record=record, findings=tuple(judge(record, expectation)))

    test = test or f"tests/models/test_{index % 20}.py::TestModel::test_training[{index}]"
    values = {
        "test": test,
        "verb": ("fit", "minimize", "step")[index % 3],
        "expectation": expectation,
        "runs": tuple(run(index + number) for number in range(seeds)),
        "environment": {"tensorflow": "2.21.0", "device": "CPU", "threads": 2},
        "command": f"pytest '{test}'",
        **changes,
    }
    return ConvergenceResult(**values)


def diagnosis(trials=12, *, name="", cause="unscaled-features"):
    """A diagnosis with a verified repair, a control, and changes that diverge or do nothing."""
    repair = Trial(
        change=f"features standardised{name}",
        code=cause,
        fix=f"norm = keras.layers.Normalization()  # {name}",
        losses=(0.02, 0.021, 0.022),
        passed=3,
        seconds=0.4,
        course=_course(1.1, 0.02),
    )
    others = [
        Trial(
            change=f"learning rate {10.0 ** (i / 4 - 3):.3g}{name}",
            code="learning-rate-too-high",
            losses=(0.2 + i / 10,),
            passed=0,
            control=i == 1,
            comparable=i != 2,
            seconds=0.1,
            course=_course(2.3, 0.2 + i / 10, wave=0.2)
            if i
            else ((0, 2.3), (16, 1e9), (32, math.nan)),
        )
        for i in range(trials - 1)
    ]
    return Diagnosis(
        cause=cause,
        message=f"root mean square 227 in x[:, 12]{name}",
        fix=repair.fix,
        where=("x[:, 12]",),
        evidence={"largest_gradient_norm": 12.0},
        verified=(repair,),
        tried=(repair, *others),
        bracket=RateBracket(
            own=0.1, lowest=1e-4, highest=1e-2, proposed=1e-3, stability_limit=0.02
        ),
        excluded=(("dropout off", "no such layer"),),
        seconds=3.0,
        budget=10.0,
    )


def scales(index=0, *, width=30):
    """The columns of a training's inputs, of which the first is too large."""
    sizes = [227.0 + index, *((1.0 + index / 1000) * 1.07**i for i in range(1, width))]
    columns = tuple(
        ColumnScale(
            name=f"x[:, {i}]",
            mean=size / 3,
            deviation=size,
            low=-2.1 * size,
            high=3.3 * size,
            unsuitable=not i,
        )
        for i, size in enumerate(sizes)
    )
    return InputScales(columns=columns, width=2 * width)


def weights_slice(index=0):
    """The loss around the end of a model's training."""
    places = tuple(-1 + i / 8 for i in range(17))
    losses = tuple(
        tuple(1.3 + x * x + y * y / 2 + math.sin(3 * x * y + index) / 3 for x in places)
        for y in places
    )
    names = ("direction 1", "direction 2")
    return LossSurface(x=places, y=places, losses=losses, names=names, slice_of_model=True)


def data_report(name="area", **changes):
    """Of three columns of which one has a finding."""

    def column(name, **values):
        return ColumnProfile(name=name, dtype="float64", values=200, **values)

    columns = (
        column("rooms", kind="ordinal", mean=2.9, deviation=1.1, low=1.0, high=6.0),
        column(name, kind="continuous", mean=1900.0, deviation=560.5, low=600.0, high=5000.0),
        column("zero", kind="constant"),
    )
    finding = DataFinding(code="unscaled-features", message=f"{name}: mean 1900", columns=(name,))
    values = {"test": "test_a.py::test_it", "rows": 200, "width": 3, "columns": columns}
    return DataReport(findings=(finding,), seconds=0.02, **{**values, **changes})


def studies():
    """One of each kind that has charts; the range misses its margin."""
    return (
        usual(test="tests/test_rates.py::test_rate", margin=30.0, seconds=2.0),
        compared([4, 5, 6], test="tests/test_pipelines.py::test_scaled"),
        data_report(test="tests/test_data.py::test_area"),
    )


def session(count, *, every=10, trials=12):
    """So many trainings, of which each `every`-th failed and was diagnosed; one has a baseline."""
    made = [
        training(i, last=1.3, diagnosis=diagnosis(trials), surface=weights_slice(i))
        if i % every == every - 1
        else training(i)
        for i in range(count)
    ]
    band = tuple((step, loss / 1.5, loss, loss * 1.5) for step, loss in _course(2.3, 0.05)[1:])
    made[0] = dataclasses.replace(
        made[0], baseline=BaselineReport(action="checked", path="base.json", runs=1, band=band)
    )
    return made
