"""The marker `converges` as a decorator whose arguments a type checker and an editor know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pytest_converge.core.expectation import ExpectationArguments

__all__ = ["converges"]


def converges(**expectation: Unpack[ExpectationArguments]) -> pytest.MarkDecorator:
    """The marker `pytest.mark.converges`: what the trainings of a test must reach.

    It decorates a test or a class, and may stand in `pytestmark` and in `pytest.param`::

        from pytest_converge import converges

        @converges(max_loss=0.1, steps=200)
        def test_wine(converge):
            converge.fit(build, x, y)

    Values are checked where those of the marker are, when the test is set up.

    Args:
        **expectation: arguments of `Expectation`.
    """
    return pytest.mark.converges(**expectation)
