"""Which rows make up the batch of each step, drawn as far as the training has come."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

__all__ = ["Array", "BatchOrder", "BatchRows"]

#: Numbers of any type and shape.
Array = np.ndarray[Any, Any]

#: Row numbers that are handed out together: 16 MB of them, however large a batch is.
MOST_NUMBERS = 2**22


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BatchOrder:
    """The rows of every batch, as epochs of equally many batches.

    Attributes:
        numbers: the row numbers of an epoch.
        sizes: how many of them each batch of an epoch takes.
        steps: how many batches there are; the last epoch may be cut.
        seed: of the order of the numbers, which is new in every epoch; None leaves them in place.
    """

    numbers: Array
    sizes: Array
    steps: int
    seed: int | None = None

    @classmethod
    def of_epochs(cls, rows: int, batch_size: int, *, steps: int, seed: int | None) -> BatchOrder:
        """Batches as `model.fit` makes them: the last one of an epoch may be short."""
        sizes = np.minimum(batch_size, rows - np.arange(0, rows, batch_size))
        numbers = np.arange(rows, dtype=np.int32)
        return cls(numbers=numbers, sizes=sizes, steps=steps, seed=seed)

    @property
    def largest(self) -> int:
        """Rows of the largest batch."""
        return int(self.sizes[: self.steps].max())

    @property
    def even(self) -> bool:
        """True where all batches have the same number of rows."""
        return bool((self.sizes[: self.steps] == self.sizes[0]).all())

    def epochs(self) -> Iterator[Array]:
        """The row numbers of each epoch, without end."""
        rng = None if self.seed is None else np.random.default_rng(self.seed)
        while True:
            yield self.numbers if rng is None else rng.permutation(self.numbers)

    def every_size(self) -> Array:
        """The rows of each batch in turn."""
        return np.resize(self.sizes, self.steps)

    def whole(self) -> tuple[Array, Array]:
        """All row numbers behind one another, and where those of each step start and end."""
        return BatchRows(self).between(0, self.steps)


class BatchRows:
    """Reads an order from its beginning on, and holds no more of it than the epochs it stands in.

    Args:
        order: what is read.
    """

    def __init__(self, order: BatchOrder) -> None:
        self._order = order
        self._bounds = np.concatenate([[0], np.cumsum(order.sizes)])
        self._begin()
        #: Steps whose rows may be asked for together.
        self.most_steps = max(MOST_NUMBERS // order.largest, 1)

    def between(self, start: int, stop: int) -> tuple[Array, Array]:
        """The row numbers of some steps, and where those of each step start and end.

        Args:
            start: the first step; going back begins anew.
            stop: the one behind the last.

        Returns:
            Both int32; one offset more than there are steps.
        """
        steps_per_epoch, rows = len(self._order.sizes), int(self._bounds[-1])
        first, last = start // steps_per_epoch, (stop - 1) // steps_per_epoch
        if first < min(self._held, default=0):
            self._begin()
        for epoch in [known for known in self._held if known < first]:
            del self._held[epoch]
        while self._drawn <= last:
            numbers = next(self._epochs)
            if self._drawn >= first:
                self._held[self._drawn] = numbers
            self._drawn += 1
        held = [self._held[epoch] for epoch in range(first, last + 1)]
        numbers = held[0] if first == last else np.concatenate(held)
        epochs, places = np.divmod(np.arange(start, stop + 1), steps_per_epoch)
        offsets = (epochs - first) * rows + self._bounds[places]
        return numbers[offsets[0] : offsets[-1]], (offsets - offsets[0]).astype(np.int32)

    def _begin(self) -> None:
        self._epochs, self._drawn = self._order.epochs(), 0
        self._held: dict[int, Array] = {}
