"""From the arguments of a verb to a training."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.core.errors import InvalidTrainingError, complaint, shown
from pytest_converge.core.expectation import Expectation
from pytest_converge.training.arrays import column_names
from pytest_converge.training.data import ArrayData, StreamData
from pytest_converge.training.keras_model import ModelTraining
from pytest_converge.training.minimize import MinimizeTraining
from pytest_converge.training.model_checks import check_is_model
from pytest_converge.training.own_step import StepTraining
from pytest_converge.training.rehearsal import needed_arguments
from pytest_converge.training.sources import is_dataset, read_arrays, read_batches
from pytest_converge.training.training import Training

__all__ = ["Adapt", "build_training"]

__tracebackhide__ = True  # errors of a user's own code end at that code

#: Turns an unknown object into a compiled Keras model or the arguments of `converge.step`.
Adapt = Callable[[Any, Any, Any], Any]


def build_training(
    verb: str, arguments: dict[str, Any], expectation: Expectation, seed: int, adapt: Adapt
) -> Training:
    """The training that a verb was called for.

    Args:
        verb: "fit", "minimize" or "step".
        arguments: what the verb was called with, apart from the expectation.
        expectation: for the number of steps and the metrics it bounds.
        seed: of the batch order and the probe set.
        adapt: asked about objects that are no Keras model.

    Raises:
        InvalidTrainingError: the arguments make no training.
    """
    if expectation.min_skill is not None and verb != "fit":
        remedy = "Use max_loss or min_decrease, or converge.fit."
        raise InvalidTrainingError(
            complaint(f"min_skill for converge.{verb}", "a training with targets", remedy)
        )
    if expectation.metrics and verb != "fit":
        remedy = "Use max_loss or min_decrease, or converge.fit."
        raise InvalidTrainingError(
            complaint(f"metrics for converge.{verb}", "a compiled model", remedy)
        )
    builders = {"fit": _fit, "minimize": _minimize, "step": _step}
    return builders[verb](arguments, expectation, seed, adapt)


def _fit(arguments: dict[str, Any], expectation: Expectation, seed: int, adapt: Adapt) -> Training:
    given, x, y = arguments["model"], arguments["x"], arguments["y"]
    builder = given if _is_builder(given) else None
    model = given if builder is None else builder()
    if not isinstance(model, keras.Model):
        adapted = adapt(model, x, y)
        if isinstance(adapted, dict):
            whole = {"data": None, "optimizer": None, **adapted}
            return _step(whole, expectation, seed, adapt)
        model = model if adapted is None else adapted
    check_is_model(model)
    remedy = "Pass the function itself: converge.fit(build, x, y)."
    _check_seeds(expectation, builder, "a function that builds the model", remedy)
    data = _fit_data(arguments, expectation.steps, seed)
    columns = {**column_names(x, "x"), **column_names(y, "y")} if not is_dataset(x) else {}
    return ModelTraining(model, data, builder=builder, columns=columns, bounds=expectation.metrics)


def _fit_data(arguments: dict[str, Any], steps: int, seed: int) -> ArrayData | StreamData:
    x, class_weight = arguments["x"], arguments["class_weight"]
    batch_size, shuffle = arguments["batch_size"], arguments["shuffle"]
    if is_dataset(x):
        for name in ("y", "sample_weight"):
            if arguments[name] is not None:
                given = f"{name} beside a {type(x).__name__}"
                remedy = f"Let its batches hold it: (x, y{', w' if name != 'y' else ''})."
                raise InvalidTrainingError(complaint(given, f"no {name}", remedy))
        return read_batches(x, class_weight, steps=steps, shuffle=bool(shuffle), seed=seed)
    if isinstance(batch_size, bool) or not hasattr(batch_size, "__index__") or batch_size < 1:
        remedy = "Give the rows of a batch, as batch_size=32."
        raise InvalidTrainingError(
            complaint(f"batch_size={shown(batch_size)}", "an integer of at least 1", remedy)
        )
    if not isinstance(shuffle, (bool, np.bool_)):
        remedy = "True reshuffles the rows every epoch, False keeps their order."
        raise InvalidTrainingError(complaint(f"shuffle={shown(shuffle)}", "True or False", remedy))
    return read_arrays(
        x,
        arguments["y"],
        arguments["sample_weight"],
        class_weight,
        batch_size=int(batch_size),
        shuffle=bool(shuffle),
        steps=steps,
        seed=seed,
    )


def _minimize(
    arguments: dict[str, Any], expectation: Expectation, seed: int, adapt: Adapt
) -> Training:
    loss, variables, optimizer = (arguments[k] for k in ("loss", "variables", "optimizer"))
    builder = None
    if variables is None and optimizer is None and callable(loss):
        builder = loss
        loss, variables, optimizer = _three_parts(builder())
    remedy = "Pass the function itself: converge.minimize(build)."
    expected = "a function that builds loss, variables and optimizer"
    _check_seeds(expectation, builder, expected, remedy)
    return MinimizeTraining(loss, variables, optimizer, builder=builder)


def _three_parts(parts: Any) -> tuple[Any, Any, Any]:
    if isinstance(parts, (tuple, list)) and len(parts) == 3:
        return parts[0], parts[1], parts[2]
    remedy = "Or pass the three: converge.minimize(loss, [w], keras.optimizers.SGD(0.1))."
    expected = "a function that returns (loss, variables, optimizer)"
    raise InvalidTrainingError(
        complaint(f"a function that returned {shown(parts)}", expected, remedy)
    )


def _step(arguments: dict[str, Any], expectation: Expectation, seed: int, adapt: Adapt) -> Training:
    remedy = "Leave seeds out: a step cannot be built anew."
    _check_seeds(expectation, None, "converge.fit or converge.minimize with a function", remedy)
    return StepTraining(
        arguments["step"],
        variables=arguments["variables"],
        data=_step_data(arguments["data"], expectation.steps, seed),
        optimizer=arguments["optimizer"],
    )


def _step_data(data: Any, steps: int, seed: int) -> ArrayData | StreamData | None:
    """Batches of a source, or the arrays of one batch that is used in every step."""
    if data is None:
        return None
    yields = is_dataset(data) or (isinstance(data, Iterable) and iter(data) is data)
    listed = isinstance(data, list) and data and isinstance(data[0], (tuple, list, dict))
    source = data if yields or listed else [data]
    return read_batches(
        source, None, steps=steps, shuffle=False, seed=seed, unpack=_arguments_of_step
    )


def _arguments_of_step(element: Any) -> Any:
    """A batch as the positional arguments of the step, each a tensor."""
    parts = tuple(element) if isinstance(element, (tuple, list)) else (element,)
    return keras.tree.map_structure(_tensor, parts)


def _tensor(leaf: Any) -> Any:
    """Floats in Keras' float type, as `fit` feeds them; everything else as it is."""
    composite = isinstance(leaf, (tf.RaggedTensor, tf.SparseTensor))
    tensor = leaf if composite else tf.convert_to_tensor(leaf)
    return tf.cast(tensor, keras.config.floatx()) if tensor.dtype == tf.float64 else tensor


def _is_builder(candidate: Any) -> bool:
    if isinstance(candidate, keras.layers.Layer) or not callable(candidate):
        return False
    needed = needed_arguments(candidate)
    if needed:
        given = f"a function that needs {', '.join(needed)}"
        remedy = "Bind them: lambda: build(...)."
        raise InvalidTrainingError(
            complaint(given, "a function without arguments that builds a model", remedy)
        )
    return True


def _check_seeds(expectation: Expectation, builder: Any, expected: str, remedy: str) -> None:
    if expectation.seeds > 1 and builder is None:
        given = f"seeds={expectation.seeds} with objects that are built already"
        raise InvalidTrainingError(complaint(given, expected, remedy))
