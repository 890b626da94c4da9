"""Records and expectations with any numbers in them."""

from __future__ import annotations

import math

from hypothesis import settings
from hypothesis import strategies as st

from pytest_converge.core.curve import LossCurve
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.input_scales import ColumnScale, InputScales
from pytest_converge.core.record import NonFinite, TrainingRecord

#: For large values, which take a tenth of a second to make.
rarely = settings(max_examples=max(5, settings.default.max_examples // 10))
#: Where arithmetic overflows, underflows and loses digits.
EDGES = [
    0.0,
    -0.0,
    5e-324,
    -5e-324,
    2.2250738585072014e-308,
    1e-300,
    1.7976931348623157e308,
    -1.7976931348623157e308,
    1e200,
    1.0,
    1.0000000000000002,
    0.95,
    0.9499999999999999,
]
finite = st.one_of(
    st.sampled_from(EDGES),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(min_value=-10, max_value=10),
)
anything = st.one_of(finite, st.sampled_from([math.nan, math.inf, -math.inf]))
#: Losses that can be doubled and halved without a digit lost.
ordinary = st.floats(min_value=2.0**-40, max_value=2.0**40)
names = st.text(max_size=8)
shares = st.floats(min_value=0, max_value=1)


def maybe(values):
    return st.none() | values


@st.composite
def curves(draw, values=anything, least=0, most=12):
    """With or without a probe set, with or without what only some trainings show."""
    batch = draw(st.lists(values, min_size=least, max_size=most))
    probe = draw(st.just([]) | st.lists(values, min_size=1, max_size=12))
    norms = draw(st.booleans())
    return LossCurve(
        steps=tuple(range(1, len(batch) + 1)),
        batch_loss=tuple(batch),
        gradient_norm=(draw(values),) * len(batch) if norms else (),
        learning_rate=(draw(values),) * len(batch) if norms else (),
        checkpoints=tuple(range(len(probe))),
        probe_loss=tuple(probe),
        initial_loss=draw(maybe(values)),
        final_loss=draw(maybe(values)),
        inference_loss=draw(maybe(values)),
    )


@st.composite
def records(draw, values=anything, least=0):
    return TrainingRecord(
        seed=draw(st.integers(0, 2**32 - 1)),
        curve=draw(curves(values, least)),
        seconds=draw(finite.map(abs)),
        probe_rows=draw(st.integers(0, 3)),
        metrics=draw(st.dictionaries(names, values, max_size=3)),
        loss_name=draw(names),
        nonnegative=draw(st.booleans()),
        reported_loss=draw(maybe(values)),
        predicted_loss=draw(maybe(values)),
        saturated=draw(st.booleans()),
        constant_loss=draw(maybe(values)),
        regularisation=draw(st.just(0.0) | values),
        constant_columns=tuple(draw(st.lists(names, max_size=5))),
        input_scales=draw(maybe(scales)),
        dead_units=draw(st.dictionaries(names, shares, max_size=5)),
        limit_share=draw(maybe(values)),
        variables_changed=draw(maybe(st.booleans())),
        nonfinite=tuple(draw(st.just([]) | st.lists(places, max_size=3))),
    )


places = st.builds(
    NonFinite,
    what=st.sampled_from(["loss", "weights", "data"]),
    name=names,
    row=maybe(st.integers(0, 10**6)),
    step=maybe(st.integers(0, 10**6)),
    count=maybe(st.integers(0, 10**6)),
)
scales = st.builds(
    InputScales,
    columns=st.lists(
        st.builds(
            ColumnScale,
            name=names,
            mean=finite,
            deviation=finite.map(abs),
            low=finite,
            high=finite,
            unsuitable=st.booleans(),
        ),
        max_size=3,
    ).map(tuple),
    width=st.integers(3, 10**6),
)
bounds = st.tuples(finite, finite).map(sorted).map(tuple)
expectations = st.builds(
    Expectation,
    max_loss=maybe(finite),
    min_decrease=maybe(shares),
    monotone=st.sampled_from(["trend", "strict", "off"]),
    min_skill=maybe(shares),
    metrics=st.dictionaries(names, bounds, max_size=2),
    ignore=st.lists(st.sampled_from(["nonfinite-data", "inference-gap"]), max_size=1).map(tuple),
)
