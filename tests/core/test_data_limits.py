"""The limits of `preprocessing.check`."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_converge.core.data_limits import DATA_CODES, DataLimits
from pytest_converge.core.errors import InvalidTrainingError


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"max_ratio": 0.5}, "got max_ratio=0.5 (float)"),
        ({"max_ratio": True}, "got max_ratio=True (bool)"),
        ({"min_balance": 2}, "got min_balance=2 (int)"),
        ({"max_conflicts": "1"}, "got max_conflicts='1' (str)"),
        ({"max_conflicts": float("nan")}, "got max_conflicts=nan"),
        ({"image_range": (1, 0)}, "got image_range=(1, 0)"),
        ({"image_range": 255}, "got image_range=255"),
        ({"task": "regression"}, "got task='regression'"),
        ({"kinds": {"a": "token"}}, "got kinds={'a': 'token' (str)}"),
        ({"kinds": {"a": np.ones(2)}}, "got kinds={'a': "),
        ({"kinds": ["tokens"]}, "got kinds=['tokens'] (list)"),
        ({"task": np.array(["classes", "values"])}, "got task="),
        ({"ignore": ("outlier",)}, "got the code 'outlier' in ignore"),
        ({"ignore": "outliers"}, "got ignore='outliers'"),
    ],
)
def test_a_limit_of_a_wrong_type_or_range_is_refused(arguments, said):
    with pytest.raises(InvalidTrainingError) as caught:
        DataLimits(**arguments)
    assert str(caught.value).startswith(said)


def test_the_nearest_kind_is_proposed():
    with pytest.raises(InvalidTrainingError, match="Did you mean 'tokens'"):
        DataLimits(kinds={"a": "token"})


def test_limits_within_range_are_taken():
    limits = DataLimits(max_ratio=10, image_range=(0, 255), ignore=DATA_CODES)
    assert limits.image_range == (0, 255)
