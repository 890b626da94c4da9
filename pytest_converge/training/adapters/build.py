"""From the arguments of a verb to a training."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.core.errors import InvalidTrainingError, complaint, shown
from pytest_converge.core.expectation import Expectation
from pytest_converge.training.adapters.fit import ModelTraining
from pytest_converge.training.adapters.minimize import MinimizeTraining
from pytest_converge.training.adapters.model_checks import check_is_model
from pytest_converge.training.adapters.step import StepTraining
from pytest_converge.training.adapters.traceability import needed_arguments
from pytest_converge.training.data.arrays import column_names
from pytest_converge.training.data.batches import ArrayData, StreamData
from pytest_converge.training.data.held_out import read_held_out
from pytest_converge.training.data.sources import is_dataset, read_arrays, read_batches
from pytest_converge.training.state.seeding import reseed
from pytest_converge.training.training import Training

__all__ = ["Adapt", "build_training", "check_builder"]

__tracebackhide__ = True  # errors of a user's own code end at that code

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
#: Turns an unknown object into a compiled Keras model or the arguments of `converge.step`.
Adapt = Callable[[Any, Any, Any], Any]


def check_builder(verb: str, arguments: Mapping[str, Any], argument: str) -> None:
    """Refuses a training that starts from built objects where other starts are needed.

    Args:
        verb: "fit", "minimize" or "step".
        arguments: what the verb was called with, apart from the expectation.
        argument: what needs the other starts, as `baseline=True`.

    Raises:
        InvalidTrainingError: there is no function that builds what is trained.
    """
    if verb == "fit":
        builds = _is_builder(arguments["model"])
    else:
        given = arguments.get("variables"), arguments.get("optimizer")
        builds = verb == "minimize" and given == (None, None) and callable(arguments["loss"])
    if not builds:
        raise _cannot_restart(verb, argument)


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
            _refuse_held_out(arguments)
            whole = {"data": None, "optimizer": None, **adapted}
            return _step(whole, expectation, seed, adapt)
        model = model if adapted is None else adapted
    check_is_model(model)
    _check_seeds("fit", expectation, builder)
    # What the data draw, as a dataset that shuffles, must not depend on how much the model drew.
    reseed(seed)
    data = _fit_data(arguments, expectation.steps, seed)
    validation, held_out = arguments.get("validation_data"), []
    if validation is not None:
        together = data.batch_size if is_dataset(x) else arguments["batch_size"]
        held_out = read_held_out(validation, together)
    columns = {**column_names(x, "x"), **column_names(y, "y")} if not is_dataset(x) else {}
    return ModelTraining(
        model,
        data,
        builder=builder,
        columns=columns,
        bounds=expectation.metrics,
        held_out=held_out,
    )


def _refuse_held_out(arguments: dict[str, Any]) -> None:
    if arguments.get("validation_data") is not None:
        given = "validation_data for a model that is trained by a step of its own"
        remedy = "Leave it out, or let pytest_converge_adapt return a compiled Keras model."
        raise InvalidTrainingError(complaint(given, "a compiled Keras model", remedy))


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
    _check_seeds("minimize", expectation, builder)
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
    _check_seeds("step", expectation, None)
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


def _check_seeds(verb: str, expectation: Expectation, builder: Any) -> None:
    if expectation.seeds > 1 and builder is None:
        raise _cannot_restart(verb, f"seeds={expectation.seeds}")


def _cannot_restart(verb: str, argument: str) -> InvalidTrainingError:
    expected, remedy = BUILDERS[verb]
    name = argument.partition("=")[0]
    given = f"{argument} with objects that are built already"
    return InvalidTrainingError(complaint(given, expected, remedy.format(name=name)))
