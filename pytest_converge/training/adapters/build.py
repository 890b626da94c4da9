"""From the call of a verb to a training."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.core.calls import Call, FitCall, MinimizeCall, StepCall
from pytest_converge.core.errors import InvalidTrainingError, invalid, shown
from pytest_converge.core.expectation import Expectation
from pytest_converge.core.length import check_count
from pytest_converge.training.adapters.fit import ModelTraining
from pytest_converge.training.adapters.graph_step import GraphStepTraining, has_graph
from pytest_converge.training.adapters.legacy_keras import is_legacy, refuse_legacy
from pytest_converge.training.adapters.length import steps_per_epoch
from pytest_converge.training.adapters.minimize import MinimizeTraining
from pytest_converge.training.adapters.model_checks import check_is_model
from pytest_converge.training.adapters.replicated import ReplicatedTraining, check_strategy
from pytest_converge.training.adapters.step import StepTraining
from pytest_converge.training.adapters.traceability import needed_arguments
from pytest_converge.training.data.arrays import check_kind, column_names
from pytest_converge.training.data.batches import Chunk, TrainingData
from pytest_converge.training.data.held_out import read_held_out, split_off
from pytest_converge.training.data.sources import (
    as_dataset,
    has_composites,
    read_arrays,
    read_batches,
    yields_batches,
)
from pytest_converge.training.keras_internals import own_strategy
from pytest_converge.training.loop.callbacks import Callbacks
from pytest_converge.training.model.structure import has_own_train_step
from pytest_converge.training.state.replicas import strategy_of
from pytest_converge.training.state.seeding import reseed
from pytest_converge.training.training import Training

__all__ = ["Adapt", "build_training", "check_builder"]

#: What gives a training other starts, by verb, and what to do.
BUILDERS = {
    "fit": (
        "a function that builds the model",
        "Pass the function itself: converge.fit(build, x, y).",
    ),
    "minimize": (
        "a function that builds loss, variables and optimizer",
        "Pass the function itself: converge.minimize(build).",
    ),
    "step": (
        "converge.fit or converge.minimize with a function",
        "Leave {name} out: a step cannot be built anew.",
    ),
}
#: What a call of `converge.fit` says also of a model that is trained by a step of its own.
READ = frozenset({"model", "epochs", "steps_per_epoch", "initial_epoch", "verbose"})
#: Turns an unknown object into a compiled Keras model or the arguments of `converge.step`.
Adapt = Callable[[Any, Any, Any], Any]


def check_builder(call: Call, argument: str) -> None:
    """Refuses a training that starts from built objects where other starts are needed.

    Args:
        call: of a verb.
        argument: what needs the other starts, as `baseline=True`.

    Raises:
        InvalidTrainingError: there is no function that builds what is trained.
    """
    if not _is_builder(call.builder):
        raise _cannot_restart(call, argument)


def build_training(call: Call, expectation: Expectation, seed: int, adapt: Adapt) -> Training:
    """The training that a verb was called for.

    Args:
        call: of the verb.
        expectation: for the number of steps and the metrics it bounds.
        seed: of the batch order and the probe set.
        adapt: asked about objects that are no Keras model.

    Raises:
        InvalidTrainingError: the arguments make no training.
    """
    match call:
        case FitCall():
            return _fit(call, expectation, seed, adapt)
        case MinimizeCall():
            return _minimize(call, expectation)
        case StepCall():
            return _step(call, expectation, seed)
    raise TypeError(type(call).__name__)


def _fit(call: FitCall, expectation: Expectation, seed: int, adapt: Adapt) -> Training:
    builder = call.builder if _is_builder(call.builder) else None
    model = call.model if builder is None else builder()
    if not isinstance(model, keras.Model):
        adapted = adapt(model, call.x, call.y)
        if isinstance(adapted, Mapping):
            step = StepCall.adapted(adapted)
            _refuse_unused(call, step)
            return _step(step, expectation, seed)
        if adapted is not None and not isinstance(adapted, keras.Model):
            expected = "a compiled Keras model, a dict of the arguments of converge.step, or None"
            remedy = "Return None for an object that the hook does not know."
            raise invalid(f"{shown(adapted)} from pytest_converge_adapt", expected, remedy)
        model = model if adapted is None else adapted
    check_is_model(model)
    check_strategy(own_strategy(model), "a model built")
    _check_seeds(call, expectation, builder)
    # What the data draw, as a dataset that shuffles, must not depend on how much the model drew.
    reseed(seed)
    call, steps = _split(call), expectation.steps
    data, columns = _fit_data(call, steps, seed, model), {}
    together = data.batch_size
    if not yields_batches(call.x):
        together = call.rows_per_batch
        columns = {**column_names(call.x, "x"), **column_names(call.y, "y")}
    kind = ModelTraining if own_strategy(model) is None else ReplicatedTraining
    callbacks = _callbacks(call, steps)
    if callbacks is not None and kind is ReplicatedTraining:
        given = f"callbacks of a model built under {type(own_strategy(model)).__name__}"
        remedy = "Leave callbacks out, or build the model outside of strategy.scope() in the test."
        raise invalid(given, "no callbacks under a strategy", remedy)
    training = kind(
        model,
        data,
        builder=builder,
        columns=columns,
        bounds=expectation.metrics,
        held_out=_held_out(call, together, seed),
        callbacks=callbacks,
        entry=call.loss,
        wants_skill=expectation.min_skill is not None,
    )
    if call.epochs is not None:
        training.steps_per_epoch = steps_per_epoch(call, steps)
        training.first_epoch = call.length.initial_epoch
    return training


def _split(call: FitCall) -> FitCall:
    """The call with the rows of `validation_split` as its held-out data, as `model.fit` does it."""
    if not call.validation_split or call.validation_data is not None:
        return call
    if yields_batches(call.x):
        given = f"validation_split={shown(call.validation_split)} for a {type(call.x).__name__}"
        remedy = "Pass the rows apart: validation_data=dataset.take(10)."
        raise invalid(given, "arrays, whose last rows are held out", remedy)
    arrays = (call.x, call.y, call.sample_weight)
    (x, y, weight), held_out = split_off(arrays, call.validation_split)
    held_out = held_out[: 2 if held_out[2] is None else 3]
    return dataclasses.replace(call, x=x, y=y, sample_weight=weight, validation_data=held_out)


def _callbacks(call: FitCall, steps: int) -> Callbacks | None:
    if call.callbacks is None or (isinstance(call.callbacks, (list, tuple)) and not call.callbacks):
        return None
    return Callbacks(
        call.callbacks,
        length=call.length,
        steps_per_epoch=steps_per_epoch(call, steps),
        frequency=call.validation_freq,
    )


def _held_out(call: FitCall, together: int, seed: int) -> list[Chunk]:
    """The held-out data in batches of a call's own size, or of that of the training."""
    steps, size = call.validation_steps, call.validation_batch_size
    for name, given in (("validation_steps", steps), ("validation_batch_size", size)):
        if given is not None:
            check_count(name, given)
    if call.validation_data is None:
        return []
    return read_held_out(call.validation_data, size or together, steps, seed=seed)


def _refuse_unused(call: FitCall, step: StepCall) -> None:
    """Refuses arguments of `converge.fit` that the step of the adapt hook would leave unread."""
    for field in dataclasses.fields(call):
        value = getattr(call, field.name)
        given = value is not None if field.default is None else value != field.default
        read = field.name in READ or (field.name in ("x", "y") and step.data is not None)
        if read or not given:
            continue
        remedy = "Leave it out, or let pytest_converge_adapt return a compiled Keras model."
        if field.name in ("x", "y"):
            remedy = f"Let pytest_converge_adapt return {field.name} in the 'data' of its dict."
        what = f"{field.name} for a model that is trained by a step of its own"
        raise invalid(what, "a compiled Keras model", remedy)


def _refuse_targets(call: Call, expectation: Expectation) -> None:
    """Refuses what needs the targets or compiled metrics that only a model comes with."""
    if expectation.min_skill is not None:
        name, expected = "min_skill", "a training with targets"
    elif expectation.metrics:
        name, expected = "metrics", "a compiled model"
    else:
        return
    remedy = "Use max_loss or min_decrease, or converge.fit with a compiled model."
    raise invalid(f"{name} for converge.{call.verb}", expected, remedy)


def _fit_data(call: FitCall, steps: int, seed: int, model: keras.Model) -> TrainingData:
    x = call.x
    refuse_legacy("data", x)
    batch_size: Any = call.rows_per_batch
    shuffle: Any = call.shuffle
    if yields_batches(x):
        for name, part in (("y", call.y), ("sample_weight", call.sample_weight)):
            if part is not None:
                given = f"{name} beside a {type(x).__name__}"
                remedy = f"Let its batches hold it: (x, y{', w' if name != 'y' else ''})."
                raise invalid(given, f"no {name}", remedy)
        # Weights of classes give the parts of an element the roles that Keras gives them.
        as_it_is = has_own_train_step(model) and call.class_weight is None
        return read_batches(
            x,
            call.class_weight,
            steps=steps,
            shuffle=bool(shuffle),
            seed=seed,
            unpack=_element if as_it_is else None,
        )
    check_count("batch_size", batch_size, remedy="Give the rows of a batch, as batch_size=32.")
    if not isinstance(shuffle, (bool, np.bool_)):
        remedy = "True reshuffles the rows every epoch, False keeps their order."
        raise invalid(f"shuffle={shown(shuffle)}", "True or False", remedy)
    arrays = (x, call.y, call.sample_weight)
    if has_composites(arrays):
        rows = as_dataset(arrays, int(batch_size), shuffle=bool(shuffle), seed=seed)
        return read_batches(rows, call.class_weight, steps=steps, shuffle=False, seed=seed)
    return read_arrays(
        x,
        call.y,
        call.sample_weight,
        call.class_weight,
        batch_size=int(batch_size),
        shuffle=bool(shuffle),
        steps=steps,
        seed=seed,
    )


def _element(element: Any) -> Any:
    """An element as it is, for a step that alone knows what its parts are."""
    for leaf in keras.tree.flatten(element):
        if hasattr(leaf, "dtype") and not tf.is_tensor(leaf):
            check_kind("data", leaf)
    return element


def _minimize(call: MinimizeCall, expectation: Expectation) -> Training:
    _refuse_targets(call, expectation)
    builder = call.builder if _is_builder(call.builder) else None
    parts = (call.loss, call.variables, call.optimizer)
    loss, variables, optimizer = parts if builder is None else _three_parts(builder())
    _check_seeds(call, expectation, builder)
    steps = expectation.steps
    return _checked(MinimizeTraining(loss, variables, optimizer, builder=builder, steps=steps))


def _three_parts(parts: Any) -> tuple[Any, Any, Any]:
    if isinstance(parts, (tuple, list)) and len(parts) == 3:
        return parts[0], parts[1], parts[2]
    remedy = "Or pass the three: converge.minimize(loss, [w], keras.optimizers.SGD(0.1))."
    expected = "a function that returns (loss, variables, optimizer)"
    raise invalid(f"a function that returned {shown(parts)}", expected, remedy)


def _step(call: StepCall, expectation: Expectation, seed: int) -> Training:
    _refuse_targets(call, expectation)
    _check_seeds(call, expectation, None)
    parts = {
        "variables": call.variables,
        "data": _step_data(call.data, expectation.steps, seed),
        "optimizer": call.optimizer,
    }
    if has_graph(call.variables):
        return GraphStepTraining(call.step, session=call.session, **parts)
    if call.session is not None:
        remedy = "Pass those of its graph, as tf.compat.v1.trainable_variables()."
        raise invalid("a session without variables of a graph", "variables of a tf.Graph", remedy)
    return _checked(StepTraining(call.step, steps=expectation.steps, **parts))


def _checked(training: Training) -> Training:
    """A training of variables under a strategy that can be trained under it, or under none."""
    check_strategy(strategy_of(training.trainable), "variables made")
    return training


def _step_data(data: Any, steps: int, seed: int) -> TrainingData | None:
    """Batches of a source, or the arrays of one batch that is used in every step."""
    if data is None:
        return None
    listed = isinstance(data, list) and data and isinstance(data[0], (tuple, list, dict))
    source = data if yields_batches(data) or listed else [data]
    return read_batches(
        source, None, steps=steps, shuffle=False, seed=seed, unpack=_arguments_of_step
    )


def _arguments_of_step(element: Any) -> Any:
    """A batch as the positional arguments of the step, each a tensor."""
    parts = tuple(element) if isinstance(element, (tuple, list)) else (element,)
    return keras.tree.map_structure(_tensor, parts)


def _tensor(leaf: Any) -> Any:
    """Floats in Keras' float type, as `fit` feeds them; everything else as it is."""
    if not tf.is_tensor(leaf):
        check_kind("data", leaf)
    composite = isinstance(leaf, (tf.RaggedTensor, tf.SparseTensor))
    tensor = leaf if composite else tf.convert_to_tensor(leaf)
    return tf.cast(tensor, keras.config.floatx()) if tensor.dtype == tf.float64 else tensor


def _is_builder(candidate: Any) -> bool:
    if isinstance(candidate, keras.layers.Layer) or is_legacy(candidate):
        return False
    if not callable(candidate):
        return False
    needed = needed_arguments(candidate)
    if needed:
        given = f"a function that needs {', '.join(needed)}"
        remedy = "Bind them: lambda: build(...)."
        raise invalid(given, "a function without arguments that builds what is trained", remedy)
    return True


def _check_seeds(call: Call, expectation: Expectation, builder: Any) -> None:
    if expectation.seeds > 1 and builder is None:
        raise _cannot_restart(call, f"seeds={expectation.seeds}")


def _cannot_restart(call: Call, argument: str) -> InvalidTrainingError:
    expected, remedy = BUILDERS[call.verb]
    name = argument.partition("=")[0]
    given = f"{argument} with objects that are built already"
    return invalid(given, expected, remedy.format(name=name))
