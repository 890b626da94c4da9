"""Libraries that come with an extra: asked for at the start, by the option that needs one."""

from __future__ import annotations

import pytest

__all__ = ["require_library"]


def require_library(name: str, *, flag: str, extra: str) -> None:
    """Refuses an option whose library is missing.

    Args:
        name: of the library.
        flag: the option.
        extra: what it comes with.

    Raises:
        pytest.UsageError: it is missing.
    """
    import importlib.util

    if not importlib.util.find_spec(name):
        from pytest_converge.core.errors import complaint

        remedy = f'Install it: pip install "pytest-converge[{extra}]"'
        given = f"{flag} without {name}"
        raise pytest.UsageError(complaint(given, f"an environment with {name}", remedy))
