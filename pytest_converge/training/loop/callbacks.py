"""Keras callbacks in a training: what they ask for, and their calls in one run of the loop."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.core.errors import invalid, shown
from pytest_converge.core.guard import Guard
from pytest_converge.core.length import Length, check_count
from pytest_converge.training.data.batches import Chunk
from pytest_converge.training.data.held_out import PREFIX
from pytest_converge.training.model.running_metrics import RunningMetrics, flat_logs
from pytest_converge.training.state.graphs import TracedForAnyRows
from pytest_converge.training.state.snapshot import Snapshot, unique_variables
from pytest_converge.training.training import Training

__all__ = ["CallbackRun", "Callbacks", "HeldOutSteps", "asks_for_batches", "only_writes"]

#: Keras' callbacks that write and change nothing about the training: they take part in the first
#: run alone, so that no run beside it overwrites what it wrote.
WRITERS = (
    "BackupAndRestore",
    "CSVLogger",
    "ModelCheckpoint",
    "OrbaxCheckpoint",
    "ProgbarLogger",
    "RemoteMonitor",
    "TensorBoard",
)
#: Keras' callbacks that take part in every run and change nothing but its end.
WATCHERS = ("History", "TerminateOnNaN")
#: The hooks around a step, and by what name they were known before, which Keras still calls.
OF_OLD = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}
BATCH_HOOKS = (*OF_OLD, *OF_OLD.values())
TEST_HOOKS = ("on_test_begin", "on_test_batch_begin", "on_test_batch_end", "on_test_end")
#: What a callback may hold that is not its own, and stays the very object in a copy.
NOT_ITS_OWN = (
    keras.callbacks.Callback,
    keras.layers.Layer,
    keras.optimizers.Optimizer,
    tf.Module,
    tf.data.Dataset,
)
EXPECTED = "Keras callbacks in a list, or a function without arguments that builds them"


class Callbacks:
    """The callbacks of a training, which begin every run as they began the first.

    Args:
        given: a callback, a list of them, or a function that builds them anew for every run.
        length: the epochs of the call.
        steps_per_epoch: updates of an epoch.
        frequency: as `validation_freq`: every so many epochs, or the numbers of some.

    Attributes:
        steps_per_epoch: updates of an epoch.
        first_epoch: the number of the first one.
        names: the callbacks of the first run by their classes.
        rate_setters: by their classes those that set the learning rate: Keras' scheduler, and any
            that was seen to change it.

    Raises:
        InvalidTrainingError: something else was passed.
    """

    def __init__(
        self, given: Any, *, length: Length, steps_per_epoch: int, frequency: Any = 1
    ) -> None:
        self._make = _maker(given)
        self._given = [] if self._make is not None else _as_list(given)
        self.steps_per_epoch = steps_per_epoch
        self.first_epoch = length.initial_epoch
        self.names: tuple[str, ...] = tuple(type(each).__name__ for each in self._given)
        self.rate_setters: dict[str, Any] = {}
        self.metrics = RunningMetrics()
        self._length = length
        self._frequency = _checked_frequency(frequency)
        self._kept = [_Kept(callback) for callback in self._given]
        self._runs = 0
        self._after_first: list[dict[str, Any]] = []
        self._all: Sequence[Any] = ()
        self._absent = ""
        self._history: tuple[Any, Any] | None = None

    @property
    def left_out(self) -> tuple[str, ...]:
        """The classes of those that take part in the first run alone."""
        return tuple(dict.fromkeys(type(each).__name__ for each in self._all if only_writes(each)))

    @property
    def repeated(self) -> tuple[str, ...]:
        """The classes of those that take part in every run."""
        every = dict.fromkeys(type(each).__name__ for each in self._all if not only_writes(each))
        return tuple(every)

    @property
    def acting(self) -> tuple[str, ...]:
        """The classes of those repeated ones that may change the weights or the optimizer."""
        return tuple(name for name in self.repeated if name not in WATCHERS)

    def begin(self, training: Training, steps: int, held_out: HeldOutSteps) -> CallbackRun:
        """A run of them, with all their state as it was before the first.

        Args:
            training: a model, at its start.
            steps: updates of the run.
            held_out: evaluates the model between epochs.
        """
        callbacks = [each for each in self._fresh() if type(each).__name__ != self._absent]
        self._runs += 1
        run = CallbackRun(self, callbacks, training, steps, held_out)
        self._history = self._history or (training.model, training.model.history)
        return run

    def without(self, name: str) -> Callbacks:
        """The same callbacks without those of a class.

        Args:
            name: of the class.
        """
        other = copy.copy(self)
        vars(other)["_absent"] = name
        return other

    def release(self) -> None:
        """Leaves the user's callbacks as the first run left them."""
        if self._runs > 1 and self._after_first:
            for callback, state in zip(self._given, self._after_first, strict=True):
                _set_state(callback, state)
        if self._history is not None:
            model, history = self._history
            model.history = history

    def sees_held_out(self, epoch: int) -> bool:
        """Whether an epoch, counted from 0, ends with a look at held-out data."""
        if isinstance(self._frequency, int):
            return (epoch + 1) % self._frequency == 0
        return epoch + 1 in self._frequency

    def last_epoch(self, steps: int) -> int:
        """The number of epochs that callbacks are told of."""
        return self._length.last_epoch(steps, self.steps_per_epoch)

    def _fresh(self) -> list[Any]:
        if self._make is not None:
            callbacks = _as_list(self._make())
            if not self._runs:
                self.names = tuple(type(each).__name__ for each in callbacks)
        else:
            callbacks = self._given
            if self._runs == 1:
                self._after_first = [dict(vars(each)) for each in callbacks]
            if self._runs:
                for kept in self._kept:
                    kept.restore()
        if not self._runs:
            self._all = list(callbacks)
            return callbacks
        return [each for each in callbacks if not only_writes(each)]


class CallbackRun:
    """The calls of callbacks in one run, in the order and with the logs of `model.fit`.

    Attributes:
        stopped_by: the class of the callback that asked for the end; empty where none did.
        over: True once the run has ended so.
    """

    def __init__(
        self,
        callbacks: Callbacks,
        called: list[Any],
        training: Training,
        steps: int,
        held_out: HeldOutSteps,
    ) -> None:
        self._of = callbacks
        self._training = training
        self._model = training.model
        self._held_out = held_out
        self._called = called
        if not any(isinstance(each, keras.callbacks.History) for each in called):
            self._called = [*called, keras.callbacks.History()]
        self.stopped_by = ""
        self.over = False
        self._open = False
        self._ended = False
        asked = any(asks_for_batches(each) for each in called)
        execution = int(getattr(self._model, "steps_per_execution", 1) or 1)
        self._stride = execution if asked else callbacks.steps_per_epoch
        self._asked = asked
        self._looks = any(_overrides(each, ("on_epoch_end", *TEST_HOOKS)) for each in called)
        params = {
            "verbose": 0,
            "epochs": callbacks.last_epoch(steps),
            "steps": callbacks.steps_per_epoch,
        }
        for each in self._called:
            each.set_model(self._model)
            if isinstance(each, keras.callbacks.History):
                self._model.history = each
        for each in self._called:
            each.set_params(params)
            if isinstance(each, keras.callbacks.LearningRateScheduler):
                callbacks.rate_setters.setdefault(type(each).__name__, each)
        self._epoch_logs: Mapping[str, Any] | None = None
        self._model.stop_training = False
        self._call("on_train_begin", None)

    def before(self, done: int, stop: int) -> int:
        """Calls what comes before the next step.

        Args:
            done: updates made so far.
            stop: where the loop would stop next.

        Returns:
            Where it has to stop for the callbacks.
        """
        epoch, place = divmod(done, self._of.steps_per_epoch)
        if not self._open:
            self._open = True
            self._model.reset_metrics()
            self._call("on_epoch_begin", self._of.first_epoch + epoch)
        if self._asked and place % self._stride == 0:
            self._call("on_train_batch_begin", place)
        ends = min((place // self._stride + 1) * self._stride, self._of.steps_per_epoch)
        if self._stopped:  # before its first step: `model.fit` makes one
            ends = place + 1
        return min(stop, done - place + ends)

    def after(self, done: int) -> None:
        """Calls what comes after the latest step.

        Args:
            done: updates made so far.
        """
        place = (done - 1) % self._of.steps_per_epoch + 1
        whole = place == self._of.steps_per_epoch
        if self._asked and (place % self._stride == 0 or whole):
            last = (place - 1) // self._stride * self._stride + self._stride - 1
            self._call("on_train_batch_end", last, self._of.metrics.batch_logs(self._model))
        if whole or self._stopped:
            self._end_epoch((done - 1) // self._of.steps_per_epoch)
        self.over = self._stopped

    def finish(self, done: int) -> None:
        """Calls what comes after the last step; an epoch that was cut ends with it."""
        if self._ended:
            return
        self._ended = True
        if self._open:
            self._end_epoch((done - 1) // self._of.steps_per_epoch)
        self._call("on_train_end", None, self._epoch_logs)

    @property
    def _stopped(self) -> bool:
        return bool(self._model.stop_training)

    def _end_epoch(self, number: int) -> None:
        self._open = False
        epoch = self._of.first_epoch + number
        logs = dict(self._of.metrics.epoch_logs(self._model))
        if self._looks and self._training.held_out and self._of.sees_held_out(epoch):
            found = self._held_out.logs(self._training.held_out, self._call)
            logs.update({f"{PREFIX}{name}": value for name, value in found.items()})
        self._call("on_epoch_end", epoch, logs)
        self._epoch_logs = logs

    def _call(self, hook: str, place: int | None, logs: Mapping[str, Any] | None = None) -> None:
        """Calls one hook of every callback."""
        called = [each for each in self._called if _overrides(each, (hook, OF_OLD.get(hook, hook)))]
        if not called:
            return
        given = {name: _plain(value) for name, value in flat_logs(logs or {}).items()}
        arguments = () if place is None else (place,)
        for each in called:
            before = self._rates()
            getattr(each, hook)(*arguments, given)
            name = type(each).__name__
            if self._rates() != before:
                self._of.rate_setters.setdefault(name, each)
            if self._stopped and not self.stopped_by:
                self.stopped_by = name

    def _rates(self) -> list[float]:
        return [rate for o in self._training.optimizers if (rate := o.plain_rate()) is not None]


class HeldOutSteps:
    """Evaluates a model on held-out data as `model.evaluate` does, by one trace.

    Args:
        model: compiled and built.
        eager: True where nothing may be traced.
    """

    def __init__(self, model: Any, *, eager: bool) -> None:
        self._model = model
        self._step = model.test_step if eager else TracedForAnyRows(model.test_step)

    def logs(self, chunks: Sequence[Chunk], call: Callable[..., None]) -> dict[str, Any]:
        """Loss and metrics, as `model.evaluate` returns them.

        Args:
            chunks: the held-out data.
            call: calls a hook of the callbacks by its name.
        """
        model = self._model
        call("on_test_begin", None)
        model.reset_metrics()
        logs: dict[str, Any] = {}
        for number, chunk in enumerate(chunks):
            call("on_test_batch_begin", number)
            logs = dict(self._step(chunk.batch) or {})
            call("on_test_batch_end", number, logs)
        results = dict(model.get_metrics_result())
        logs = results if set(results) == set(logs) else logs
        found = {name: _plain(value) for name, value in flat_logs(logs).items()}
        call("on_test_end", None, found)
        return found


def asks_for_batches(callback: Any) -> bool:
    """True where a callback has something to do around every step.

    Keras' own that save do so only where they were told to save within epochs; and what stops at a
    loss that is not finite comes too late: there the loop ends by itself.
    """
    if getattr(callback, "save_freq", None) == "epoch" and _is_of_keras(callback):
        return False
    if type(callback) is keras.callbacks.TerminateOnNaN:
        return False
    return _overrides(callback, BATCH_HOOKS)


def _overrides(callback: Any, hooks: Sequence[str]) -> bool:
    base = keras.callbacks.Callback
    return any(
        name in vars(callback) or getattr(type(callback), name, None) is not getattr(base, name)
        for name in hooks
    )


def _is_of_keras(callback: Any) -> bool:
    name = type(callback).__name__
    return getattr(keras.callbacks, name, None) is type(callback)


def only_writes(callback: Any) -> bool:
    """True for a callback of Keras that writes and changes nothing about the training."""
    kinds = tuple(
        kind for name in WRITERS if (kind := getattr(keras.callbacks, name, None)) is not None
    )
    return isinstance(callback, kinds)


def _maker(given: Any) -> Callable[[], Any] | None:
    is_function = callable(given) and not isinstance(given, (keras.callbacks.Callback, type))
    return given if is_function else None


def _as_list(given: Any) -> list[Any]:
    listed = getattr(given, "callbacks", given) if _is_list_of_keras(given) else given
    callbacks: list[Any] = keras.tree.flatten(listed)
    for each in callbacks:
        if not isinstance(each, keras.callbacks.Callback):
            remedy = "Write, for example, callbacks=[keras.callbacks.EarlyStopping(patience=3)]."
            raise invalid(f"callbacks={shown(each)}", EXPECTED, remedy)
    return callbacks


def _is_list_of_keras(given: Any) -> bool:
    return isinstance(given, keras.callbacks.CallbackList)


def _checked_frequency(frequency: Any) -> int | tuple[int, ...]:
    if isinstance(frequency, (list, tuple)):
        return tuple(check_count("validation_freq", each) for each in frequency)
    return check_count("validation_freq", frequency)


def _plain(value: Any) -> Any:
    """A number of Python where the value is one number, as Keras hands it to callbacks."""
    array = np.asarray(value)
    return float(array.reshape(())) if array.size == 1 and array.dtype.kind in "biuf" else value


class _Kept:
    """The state of a callback before the first run.

    What cannot be copied, as an open file, is shared by all runs; so is what functions close over.
    """

    def __init__(self, callback: Any) -> None:
        self._callback = callback
        leaves = keras.tree.flatten(list(vars(callback).values()))
        metrics = [v for leaf in leaves if isinstance(leaf, keras.Metric) for v in leaf.variables]
        held = [leaf for leaf in leaves if isinstance(leaf, (tf.Variable, keras.Variable))]
        self._variables = Snapshot(unique_variables([*metrics, *held]))
        foreign = (*NOT_ITS_OWN, tf.Variable, keras.Variable, keras.Metric)
        self._shared = {id(leaf): leaf for leaf in leaves if isinstance(leaf, foreign)}
        self._state = self._copied(vars(callback))

    def restore(self) -> None:
        """Puts it back, in objects of its own."""
        self._variables.restore()
        _set_state(self._callback, self._copied(self._state))

    def _copied(self, state: Mapping[str, Any]) -> dict[str, Any]:
        guard, memo = Guard(), dict(self._shared)
        found: dict[str, Any] = {}
        for name, value in state.items():
            made = guard.tried(name, functools.partial(_boxed_copy, value, memo))
            found[name] = value if made is None else made[0]
        return found


def _boxed_copy(value: Any, memo: dict[int, Any]) -> tuple[Any]:
    """A copy that is told from none at all."""
    return (copy.deepcopy(value, memo),)


def _set_state(callback: Any, state: Mapping[str, Any]) -> None:
    vars(callback).clear()
    vars(callback).update(state)
