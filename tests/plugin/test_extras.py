"""Options whose library is missing are refused at the start."""

from __future__ import annotations

import pytest

from pytest_converge.plugin.extras import require_library


def test_a_library_that_is_there_is_enough() -> None:
    require_library("json", flag="--a", extra="b")


def test_a_missing_one_is_refused_with_what_to_install() -> None:
    with pytest.raises(pytest.UsageError) as caught:
        require_library("unheard_of", flag="--converge-plots", extra="plots")
    assert str(caught.value) == (
        "got --converge-plots without unheard_of; expected an environment with unheard_of. "
        'Install the extra: pip install "pytest-converge[plots]"'
    )
