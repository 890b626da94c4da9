"""The typed form of the marker is the marker."""

from __future__ import annotations

import pytest

from pytest_converge import converges
from pytest_converge.core.expectation import Expectation


def test_it_is_the_marker_with_its_arguments() -> None:
    given = {"max_loss": 0.1, "steps": 200}
    assert converges(**given).mark == pytest.mark.converges(**given).mark  # type: ignore[arg-type]
    assert converges().mark == pytest.mark.converges.mark


def test_it_is_validated_as_the_marker_is(faked: pytest.Pytester) -> None:
    faked.makepyfile(
        """
        import pytest
        from pytest_converge import converges

        pytestmark = converges(steps=7)

        @converges(max_loss=0.1)
        def test_good(converge):
            result = converge.fit("good")
            assert (result.steps, result.expectation.max_loss) == (7, 0.1)

        @converges(max_los=0.1)
        def test_misspelt(converge):
            converge.fit("good")

        @pytest.mark.parametrize("kind", [pytest.param("bad", marks=converges(monotone="never"))])
        def test_wrong(converge, kind):
            converge.fit(kind)
        """
    )
    result = faked.runpytest("--strict-markers")
    result.assert_outcomes(passed=1, errors=2)
    result.stdout.fnmatch_lines(
        ["*converges: got the argument 'max_los'; *Did you mean 'max_loss'?*"]
    )
    result.stdout.fnmatch_lines(["*converges: got monotone='never' (str); expected one of 'tre*"])


def test_every_argument_reaches_the_marker() -> None:
    arguments = {name: getattr(Expectation(), name) for name in Expectation.names()}
    assert converges(**arguments).kwargs == arguments
