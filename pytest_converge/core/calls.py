"""Calls of the three verbs, as values: what each was given apart from the expectation."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

from pytest_converge.core.errors import invalid, nearest
from pytest_converge.core.length import Length

__all__ = ["BATCH_SIZE", "Call", "FitCall", "MinimizeCall", "StepCall"]

#: Rows of a batch where nobody says how many, as in `model.fit`.
BATCH_SIZE = 32


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Call:
    """What a verb was called with; holds the user's objects, so that no two calls are equal.

    Attributes:
        verb: the name of the verb.
    """

    verb: ClassVar[str]

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The names of the arguments, what is trained first."""
        return tuple(field.name for field in dataclasses.fields(cls))

    @property
    def builder(self) -> Any:
        """What builds the trained objects anew, if it is a function; None where nothing can."""
        return None

    @property
    def batching(self) -> Mapping[str, int | float | bool]:
        """How arrays are cut into batches; empty for other data."""
        return {}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FitCall(Call):
    """A call of `converge.fit`, whose documentation says what the arguments are."""

    verb: ClassVar[str] = "fit"

    model: Any
    x: Any = None
    y: Any = None
    batch_size: int | None = None
    epochs: int | None = None
    verbose: Any = "auto"
    callbacks: Any = None
    validation_split: float = 0.0
    validation_data: Any = None
    shuffle: bool = True
    class_weight: Mapping[int, float] | None = None
    sample_weight: Any = None
    initial_epoch: int = 0
    steps_per_epoch: int | None = None
    validation_steps: int | None = None
    validation_batch_size: int | None = None
    validation_freq: Any = 1
    loss: Any = None

    @property
    def builder(self) -> Any:
        """The model, which may be a function."""
        return self.model

    @property
    def batching(self) -> Mapping[str, int | float | bool]:
        """The size of a batch, the order of the rows, and which of them are held out."""
        held_out = {"validation_split": self.validation_split} if self.validation_split else {}
        return {"batch_size": int(self.rows_per_batch), "shuffle": bool(self.shuffle), **held_out}

    @property
    def rows_per_batch(self) -> Any:
        """The size of a batch of arrays, as it was given or by default."""
        return BATCH_SIZE if self.batch_size is None else self.batch_size

    @property
    def length(self) -> Length:
        """The length of the training, as far as the call says it in epochs.

        Raises:
            InvalidTrainingError: it says it by something else than whole numbers.
        """
        return Length(
            epochs=self.epochs,
            steps_per_epoch=self.steps_per_epoch,
            initial_epoch=self.initial_epoch,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MinimizeCall(Call):
    """A call of `converge.minimize`, whose documentation says what the arguments are."""

    verb: ClassVar[str] = "minimize"

    loss: Any
    variables: Any = None
    optimizer: Any = None

    @property
    def builder(self) -> Any:
        """The loss where it was given alone: then it builds the three parts."""
        return self.loss if self.variables is None and self.optimizer is None else None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StepCall(Call):
    """A call of `converge.step`, whose documentation says what the arguments are."""

    verb: ClassVar[str] = "step"

    step: Any
    variables: Any
    data: Any = None
    optimizer: Any = None
    session: Any = None

    @classmethod
    def adapted(cls, arguments: Mapping[str, Any]) -> StepCall:
        """The call that the hook `pytest_converge_adapt` described.

        Raises:
            InvalidTrainingError: an argument is unknown or missing.
        """
        source, expected = "from pytest_converge_adapt", "the arguments of converge.step"
        for name in arguments:
            if name not in cls.names():
                given = f"the argument {name!r} {source}"
                remedy = nearest(str(name), cls.names())
                raise invalid(given, expected, remedy)
        for name in ("step", "variables"):
            if name not in arguments:
                given = f"no argument {name!r} {source}"
                raise invalid(given, expected, f"Add {name!r} to the dict.")
        return cls(**arguments)
