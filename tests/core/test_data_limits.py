"""The limits of `preprocessing.check`."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pytest_converge.core.data_limits import DATA_CODES, DataLimits
from pytest_converge.core.errors import InvalidTrainingError

NUMBER = "a number from {} to {}. The default is {}."
RANGE = "a smallest and a largest value. Write, for example, image_range=(0, 255)."
TASK = "('classes', 'values'). Write task='classes' or task='values', or leave it out."
COLUMNS = 'a dict of kinds by column. Write, for example, kinds={"postcode": "categorical"}.'
KNOWN = "binary, categorical, continuous, cyclic, one-hot, ordinal, text, tokens"
CODES = 'a tuple of finding codes. Write, for example, ignore=("nonfinite-data",).'


@pytest.mark.parametrize(
    ("arguments", "given", "expected"),
    [
        ({"max_ratio": 0.5}, "max_ratio=0.5 (float)", NUMBER.format(1, "inf", 1000.0)),
        ({"max_ratio": True}, "max_ratio=True (bool)", NUMBER.format(1, "inf", 1000.0)),
        ({"min_balance": 2}, "min_balance=2 (int)", NUMBER.format(0, 1, 0.05)),
        ({"max_conflicts": 1.5}, "max_conflicts=1.5 (float)", NUMBER.format(0, 1, 0.01)),
        ({"max_conflicts": "1"}, "max_conflicts='1' (str)", NUMBER.format(0, 1, 0.01)),
        ({"max_conflicts": math.nan}, "max_conflicts=nan (float)", NUMBER.format(0, 1, 0.01)),
        ({"image_range": (1, 1)}, "image_range=(1, 1) (tuple)", RANGE),
        ({"image_range": 255}, "image_range=255 (int)", RANGE),
        ({"task": "regression"}, "task='regression' (str)", TASK),
        (
            {"task": np.array(["values"] * 2)},
            "task=array(['values', 'values'], dtype='<U6') (ndarray)",
            TASK,
        ),
        (
            {"kinds": {"a": "token"}},
            "kinds={'a': 'token' (str)}",
            "a kind of column. Did you mean 'tokens'?",
        ),
        (
            {"kinds": {"a": np.ones(2)}},
            "kinds={'a': array([1., 1.]) (ndarray)}",
            f"a kind of column. Known names: {KNOWN}.",
        ),
        ({"kinds": ["tokens"]}, "kinds=['tokens'] (list)", COLUMNS),
        (
            {"ignore": ("outlier",)},
            "the code 'outlier' in ignore",
            "a code that can be reported here. Did you mean 'outliers'?",
        ),
        ({"ignore": "outliers"}, "ignore='outliers' (str)", CODES),
    ],
)
def test_a_limit_of_a_wrong_type_or_range_is_refused(arguments, given, expected):
    with pytest.raises(InvalidTrainingError) as caught:
        DataLimits(**arguments)
    assert str(caught.value) == f"got {given}; expected {expected}"


@pytest.mark.parametrize(
    "arguments",
    [
        {"max_ratio": 1, "min_balance": 0, "max_conflicts": 0},
        {"max_ratio": math.inf, "min_balance": 1, "max_conflicts": 1},
        {"task": "classes", "kinds": {"a": "tokens"}, "image_range": (0, 255)},
        {"ignore": DATA_CODES},
    ],
)
def test_limits_within_range_are_taken(arguments):
    limits = DataLimits(**arguments)
    assert {name: getattr(limits, name) for name in arguments} == arguments
