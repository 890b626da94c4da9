"""The adapter of `converge.step`: a training step that the user wrote."""

from __future__ import annotations

import contextlib
import inspect
import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.core.errors import InvalidTrainingError, complaint, shown
from pytest_converge.core.record import NonFinite
from pytest_converge.training.arrays import nonfinite
from pytest_converge.training.data import ArrayData, Batch, StreamData
from pytest_converge.training.minimize import check_variables, observed
from pytest_converge.training.optimizer import is_optimizer
from pytest_converge.training.snapshot import Snapshot, unique_variables
from pytest_converge.training.training import Training

__all__ = ["StepTraining"]

#: A plain step is compiled only if the compiled one repeats this many of its losses.
REHEARSED_STEPS = 3
#: Graph and eager arithmetic differ in the last digits only.
REHEARSAL_TOLERANCE = 1e-4


class StepTraining(Training):
    """A training step of the user, `step(*batch) -> loss`, plain or already a `tf.function`.

    Args:
        step: makes one update and returns its loss.
        variables: what it updates.
        data: batches that it is called with; None for a step without arguments.
        optimizer: the one it uses; needed to see gradients and to probe the loss without an update.

    Raises:
        InvalidTrainingError: the step cannot be called, or a variable is none.
    """

    verb = "step"
    probe_cost = 1.0

    def __init__(
        self, step: Any, *, variables: Any, data: ArrayData | StreamData | None, optimizer: Any
    ) -> None:
        if not callable(step):
            remedy = "Pass the function itself: converge.step(train_step, ...)."
            raise InvalidTrainingError(complaint(f"step={shown(step)}", "a function", remedy))
        self._step = step
        given = check_variables(variables)
        self._variables = unique_variables(given)
        self.data = data
        self.loss_name = getattr(step, "__name__", "step")
        used = optimizers_of(step) if optimizer is None else [optimizer]
        self.optimizers = tuple(observed(each, given) for each in used)
        self.full_batch = data is None and bool(self.optimizers)
        if not hasattr(step, "get_concrete_function"):
            self.eager_reason = self._rehearse()

    @property
    def trainable(self) -> list[Any]:
        """The variables given."""
        return self._variables

    @property
    def transient(self) -> list[Any]:
        """Everything: a probe is a step that is taken back."""
        slots = [v for optimizer in self.optimizers for v in optimizer.variables]
        return unique_variables([*self._variables, *slots])

    def step(self, batch: Batch) -> Any:
        """One call of the user's step."""
        loss = self._step() if batch is None else self._step(*batch)
        if isinstance(loss, dict):
            loss = loss.get("loss")
        if loss is None:
            given = f"a step that returned {shown(loss)}"
            remedy = "End it with: return loss."
            raise InvalidTrainingError(complaint(given, "the loss of the step", remedy))
        tensor = tf.convert_to_tensor(loss)
        return tf.cast(tf.reduce_mean(tensor) if tensor.shape.rank else tensor, tf.float32)

    def probe_chunks(self) -> tuple[int, int]:
        """Batches as in the training; none where the optimizer is not known."""
        if self.data is None or not self.optimizers:
            return 0, 0
        if isinstance(self.data, StreamData):
            return self.data.batch_size, self.data.batch_size
        return len(self.data.probe_index), self.data.batch_size

    def probe(self, batch: Batch) -> Any:
        """The loss of a step whose changes the loop takes back."""
        with contextlib.ExitStack() as stack:
            for optimizer in self.optimizers:
                stack.enter_context(optimizer.muted())
            return self.step(batch)

    def nonfinite_data(self) -> tuple[NonFinite, ...]:
        """Columns of the batches that hold a NaN or an infinity."""
        if not isinstance(self.data, ArrayData):
            return ()
        return nonfinite(self.data.arrays, None)

    def _rehearse(self) -> str:
        """Whether a plain step may be compiled: empty if so, else why it may not.

        A plain step may count in Python, draw from a generator or call `.numpy()`; a graph would
        freeze what it saw while it was traced. So the first steps are made both ways.
        """
        batches = None if self.data is None else self.data.batches()
        taken = [None if batches is None else next(batches, None) for _ in range(REHEARSED_STEPS)]
        taken = [batch for batch in taken if batches is None or batch is not None]
        start = Snapshot(self.transient)
        plain = [float(np.asarray(self.step(batch))) for batch in taken]
        start.restore()
        compiled = tf.function(self.step, autograph=False, reduce_retracing=True)
        try:
            repeated = [float(compiled(batch)) for batch in taken]
        except InvalidTrainingError:
            raise
        except Exception as error:
            return f"the step cannot be traced ({type(error).__name__})"
        finally:
            start.restore()
        if all(map(_agree, plain, repeated)):
            return ""
        return "the step gives other losses when it is compiled"


def optimizers_of(step: Any) -> list[Any]:
    """The optimizers that a function closes over or names, those of compiled models included."""
    function = inspect.unwrap(getattr(step, "python_function", step))
    function = getattr(function, "__func__", function)
    if not inspect.isfunction(function):
        return []
    seen = inspect.getclosurevars(function)
    named = [*seen.nonlocals.values(), *seen.globals.values()]
    found = [each for each in named if is_optimizer(each)]
    if not found:
        found = [each.optimizer for each in named if _is_model(each) and each.optimizer]
    return list({id(each): each for each in found}.values())


def _is_model(candidate: Any) -> bool:
    return isinstance(candidate, keras.Model)


def _agree(first: float, second: float) -> bool:
    return math.isclose(first, second, rel_tol=REHEARSAL_TOLERANCE, abs_tol=1e-7) or (
        math.isnan(first) and math.isnan(second)
    )
