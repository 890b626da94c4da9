"""What a pipeline is, whatever library it comes from."""

from __future__ import annotations

import copy
import pickle
from typing import Any

__all__ = ["Pipeline"]


class Pipeline:
    """A pipeline that is never the user's own object, but a copy of it.

    Attributes:
        own: the object.
        name: in a few words.
        fits: True where it learns anything from training data.
        takes_targets: True where fitting takes targets.
    """

    fits = True
    takes_targets = False

    def __init__(self, own: Any) -> None:
        self.own = own
        self.name = getattr(own, "__name__", type(own).__name__)

    def given(self) -> Pipeline | None:
        """As the user gave it, where that was fitted already; None where it was not, or may not."""
        return None

    def fitted(self, train: Any, targets: Any = None) -> Pipeline:
        """A copy fitted to `train`."""
        return self.copy()

    def transform(self, data: Any) -> Any:
        """The features of `data`."""
        return self.own(data)

    def in_training(self, data: Any, targets: Any = None) -> Any:
        """The features that a training on `data` sees; None where there is one way only."""
        return None

    def names(self) -> tuple[str, ...]:
        """Names of the features; empty where it has none."""
        return ()

    def copy(self) -> Pipeline:
        """Another one in the same state."""
        return type(self)(copy.deepcopy(self.own))

    def reloaded(self, data: Any) -> Pipeline | None:
        """Saved and loaded; None for code, which is not saved. `data` are what it takes."""
        return type(self)(pickle.loads(pickle.dumps(self.own)))  # noqa: S301 - dumped in this line
