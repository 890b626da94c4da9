"""A learning rate beyond what is stable."""

from __future__ import annotations

import pytest
from keras.optimizers import SGD

from tests.diagnosis.programs import diagnosis_of, distance


def test_a_rate_beyond_the_limit_names_the_limit():
    """The second derivative is 2, the limit of the rate 1."""
    found = diagnosis_of(distance(SGD(1.2)), steps=100, max_loss=0.67)
    assert found.cause == "learning-rate-too-high"
    assert found.proven
    assert found.bracket.stability_limit == pytest.approx(1.0, rel=1e-3)
    assert found.bracket.highest < found.bracket.stability_limit
    assert found.fix == f"keras.optimizers.SGD({found.bracket.proposed:g})"
