"""Libraries that come with an extra: asked for at the start, by the option that needs one."""

from __future__ import annotations

import pytest

__all__ = ["require_library"]


def require_library(*names: str, flag: str, extra: str) -> None:
    """Refuses an option whose library is missing.

    Args:
        names: of the library, or of several.
        flag: the option.
        extra: what they come with.

    Raises:
        pytest.UsageError: one is missing.
    """
    import importlib.util

    missing = " and ".join(name for name in names if not importlib.util.find_spec(name))
    if missing:
        from pytest_converge.core.errors import complaint

        remedy = f'Install the extra: pip install "pytest-converge[{extra}]"'
        given = f"{flag} without {missing}"
        raise pytest.UsageError(complaint(given, f"an environment with {missing}", remedy))
