"""Errors about baselines that have nothing to do with their files.

InvalidTrainingError
├── BaselineSettingsError  the training is set in another way than the recorded one
└── BaselineTimeError      the runs take longer than allowed
"""

from __future__ import annotations

from pytest_converge.core.errors import InvalidTrainingError

__all__ = ["BaselineSettingsError", "BaselineTimeError"]


class BaselineSettingsError(InvalidTrainingError):
    """The training is not set as it was when its baseline was recorded."""


class BaselineTimeError(InvalidTrainingError):
    """The runs for a baseline take longer than allowed, so that nothing was decided."""


for _error in (BaselineSettingsError, BaselineTimeError):
    _error.__module__ = "builtins"
