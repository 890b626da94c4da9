"""Keras models from outside: built, called, and asked what their output depends on."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.core.errors import invalid
from pytest_converge.training import keras_internals
from pytest_converge.training.data.batches import Array, Batch
from pytest_converge.training.model.losses import scalar_loss
from pytest_converge.training.state.graphs import uses_any
from pytest_converge.training.state.snapshot import (
    as_tf_variable,
    attributes_set,
    unique_variables,
)
from pytest_converge.training.state.touched import Touched

__all__ = [
    "INITIALISED",
    "activation_layers",
    "call_model",
    "compiled_metrics",
    "compute_loss",
    "create_all_variables",
    "create_variables",
    "directions",
    "global_seed",
    "has_own_train_step",
    "hidden_layers",
    "initialised_variables",
    "is_built",
    "is_seed",
    "layers_of",
    "loss_of_logs",
    "output_layer",
    "output_layers",
    "redrawn",
    "seeded",
    "takes_any_rows",
    "training_matters",
    "with_loss",
]

#: Where Keras' layers keep initialised weights, and the initialisers they get by default.
INITIALISED = {
    "kernel": "glorot_uniform",
    "depthwise_kernel": "glorot_uniform",
    "pointwise_kernel": "glorot_uniform",
    "recurrent_kernel": "orthogonal",
    "bias": "zeros",
    "gamma": "ones",
    "beta": "zeros",
    "embeddings": "uniform",
}
#: Layers that are nothing but an activation.
ACTIVATION_LAYERS = ("Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax")
#: Layers behind which a value is the same in another place.
SHAPES_ALONE = (keras.layers.Flatten, keras.layers.Permute, keras.layers.Reshape)
#: What a `train_step` should do.
RETURN_THE_LOSS = 'Return {"loss": loss, ...} from train_step.'
#: Two samples of so many numbers differ in their spread by less than a factor of two.
FEWEST_DRAWN, MOST_SPREAD = 16, 2.0


def is_built(model: keras.Model) -> bool:
    """Whether a model and all of its layers have their weights; `build` alone may leave some."""
    return all(layer.built for layer in [model, *layers_of(model)])


def create_variables(model: keras.Model, batch: Batch) -> None:
    """Creates the weights of a model that waits for its first batch; changes no value.

    Nothing is run either, except for a step of the user's that is not to be traced: it is called.
    """
    if is_built(model):
        return
    with _scope_of(model):
        if not _builds_by_its_step(model):
            keras_internals.build_from_batch(model, batch)
        elif model.run_eagerly or tf.config.functions_run_eagerly():
            _call_and_take_back(model.train_step, batch)
        else:
            tf.function(model.train_step, autograph=False).get_concrete_function(batch)


def create_all_variables(model: keras.Model, batch: Batch) -> None:
    """Creates weights, metrics and optimizer slots, so that the loop is traced only once.

    A model with a step of its own need not define what Keras builds it from; where it is not built
    yet, the loop's first trace creates its variables and TensorFlow traces again.
    """
    built = is_built(model)
    own = _builds_by_its_step(model)
    bare = own or not keras_internals.has_compiled_metrics(model)
    with _scope_of(model):
        if not bare or not (built or own):
            keras_internals.build_from_batch(model, batch)
        elif built and model.optimizer is not None and not model.optimizer.built:
            # A loss has no variables: it needs no pass through the model, which takes 30 ms.
            model.optimizer.build(model.trainable_variables)


def _call_and_take_back(step: Any, batch: Batch) -> None:
    """Calls a step once; every variable has the value again that it had, or its first one."""
    touched = Touched()
    with touched.watched():
        step(batch)
    for variable, value in touched.apart_from([]).values():
        variable.assign(value)


def _builds_by_its_step(model: keras.Model) -> bool:
    """True where only a step of the user's tells what a model makes of its batches.

    Under a strategy Keras builds every model first: replicas cannot create slots in a graph.
    """
    return has_own_train_step(model) and keras_internals.own_strategy(model) is None


def _scope_of(model: keras.Model) -> contextlib.AbstractContextManager[Any]:
    strategy = keras_internals.own_strategy(model)
    return contextlib.nullcontext() if strategy is None else strategy.scope()


def has_own_train_step(model: keras.Model) -> bool:
    """True for a model whose class replaces Keras' `train_step`."""
    return type(model).train_step is not keras.Model.train_step


def call_model(model: keras.Model, x: Any, training: bool) -> Any:
    """The model's output; `training` reaches a model whose `call` takes it."""
    if keras_internals.call_takes_training(model):
        return model(x, training=training)
    return model(x)


def compute_loss(
    model: keras.Model, x: Any, y: Any, predictions: Any, sample_weight: Any, training: bool
) -> Any:
    """The model's compiled loss with regularisation, through an override where there is one."""
    if keras_internals.loss_takes_training(model):
        return model.compute_loss(x, y, predictions, sample_weight, training=training)
    return model.compute_loss(x, y, predictions, sample_weight)


def training_matters(model: keras.Model, step: Any = None) -> bool:
    """False where training and inference mode give the same output: no random or averaging layer.

    Such layers of Keras keep a seed generator or moving averages; of others nothing is known. A
    recurrent layer keeps a generator also where it drops nothing.

    Args:
        model: built.
        step: the graph of its traced training step; None where there is none.
    """
    kept = unique_variables(model.non_trainable_variables)
    if kept and (step is None or uses_any(step, kept)):
        return True
    return any(
        keras_internals.call_takes_training(layer)
        and not type(layer).__module__.startswith("keras.")
        for layer in [model, *layers_of(model)]
    )


def takes_any_rows(model: keras.Model) -> bool:
    """True where nothing of the user's own in a model may be written for one number of rows."""
    every = [model, *layers_of(model)]
    if any(not type(x).__module__.startswith("keras.") for x in every):
        return False
    inputs = getattr(model, "inputs", None) or ()
    fixed = any(part.shape and part.shape[0] is not None for part in inputs)
    return not fixed and not any(isinstance(x, keras.layers.Lambda) for x in every)


def loss_of_logs(logs: Any, entry: str = "loss") -> Any:
    """The loss in what a `train_step` returned: an entry of a dict, or the loss alone.

    Of the losses of several rows it is the mean, which `model.fit` logs too.

    Args:
        logs: what it returned.
        entry: the name of the loss in them.

    Raises:
        InvalidTrainingError: nothing was returned, or no such entry.
    """
    if isinstance(logs, Mapping) and entry not in logs:
        names = sorted(map(str, logs))
        remedy = f"Name the one to judge, as loss={names[0]!r}." if names else RETURN_THE_LOSS
        given = f"a train_step that returned {names or logs}"
        raise invalid(given, f"a dict with the key {entry!r}", remedy)
    if logs is None:
        given = "a train_step that returned None"
        raise invalid(given, "a dict with the key 'loss'", RETURN_THE_LOSS)
    loss = logs[entry] if isinstance(logs, Mapping) else logs
    return tf.cast(scalar_loss(loss, "train_step", of_rows=True), tf.float32)


def layers_of(model: keras.Model) -> list[Any]:
    """Every layer of a model, nested ones included, the model itself left out."""
    return keras_internals.flat_layers(model)


def is_seed(variable: Any) -> bool:
    """True for the state of a Keras seed generator."""
    return str(getattr(variable, "name", "")).startswith("seed_generator_state")


def global_seed() -> list[Any]:
    """The state of the generator that layers without a seed share, once there is one."""
    generator = keras_internals.global_attribute("global_seed_generator")
    return [] if generator is None else [generator.state]


def output_layer(model: keras.Model) -> Any:
    """The layer whose activation shapes the model's single output, or None."""
    outputs = getattr(model, "outputs", None)
    if outputs is not None and len(outputs) != 1:
        return None
    layers = list(getattr(model, "layers", []))
    while isinstance(model, keras.Sequential) and layers and isinstance(layers[-1], SHAPES_ALONE):
        layers.pop()
    return _with_activation(layers[-1]) if layers else None


def _with_activation(layer: Any) -> Any:
    """The layer, or the one within it, that has an activation; None where there is none."""
    if isinstance(layer, keras.Model):
        return output_layer(layer)
    if isinstance(layer, keras.layers.TimeDistributed):
        return _with_activation(layer.layer)
    return layer if hasattr(layer, "activation") else None


def output_layers(model: keras.Model) -> list[Any]:
    """The last layer of each output in the order of `model.outputs`; None without an activation.

    Of a model whose outputs are not known before a call it is the layer listed last.
    """
    tensors = getattr(model, "outputs", None) or []
    if len(tensors) < 2:
        return [output_layer(model)]
    return [_with_activation(keras_internals.layer_of(tensor)) for tensor in tensors]


def hidden_layers(model: keras.Model) -> list[Any]:
    """The layers with an activation, those of the outputs left out."""
    outputs = output_layers(model)
    return [
        layer
        for layer in layers_of(model)
        if not any(layer is output for output in outputs)
        and hasattr(layer, "activation")
        and not hasattr(layer, "cell")
    ]


def activation_layers(model: keras.Model) -> list[Any]:
    """The layers that are nothing but an activation."""
    return [x for x in layers_of(model) if type(x).__name__ in ACTIVATION_LAYERS]


def with_loss(model: keras.Model, loss: Any) -> contextlib.AbstractContextManager[None]:
    """Another compiled loss meanwhile; metrics and optimizer stay."""
    return attributes_set(keras_internals.loss_settings(model, loss))


def directions(model: keras.Model) -> dict[str, bool | None]:
    """The compiled metrics by name, and whether more of each is better; None where unknown.

    Keras' metrics know it, for its callbacks with `mode="auto"`.
    """
    own = has_own_train_step(model)
    names = [m.name for m in model.metrics] if own else list(model.get_metrics_result())
    known: dict[str, str] = {}
    for metric in model.metrics:
        for part in getattr(metric, "metrics", None) or [metric]:
            known[part.name] = keras_internals.direction(part)
    found: dict[str, bool | None] = {}
    for name in names:
        # With several outputs Keras puts the name of the output before that of the metric.
        ending = next((k for k in known if name == k or name.endswith(f"_{k}")), "")
        told = "down" if name.endswith("_loss") else known.get(ending, "")
        if name != "loss":
            found[name] = {"up": True, "down": False}.get(told)
    return found


def compiled_metrics(model: keras.Model) -> Any:
    """The metrics a model was compiled with, as new objects for another model."""
    return keras.tree.map_structure(_new_metric, keras_internals.metrics_as_given(model))


def _new_metric(metric: Any) -> Any:
    if isinstance(metric, keras.metrics.Metric):
        return type(metric).from_config(metric.get_config())
    return metric


def initialised_variables(model: keras.Model) -> list[tuple[str, Any, Any]]:
    """(kind, the layer or cell that owns it, variable) of what Keras' layers initialise."""
    found: dict[int, tuple[str, Any, Any]] = {}
    for layer in layers_of(model):
        for owner in (layer, getattr(layer, "cell", layer)):
            for name in INITIALISED:
                variable = getattr(owner, name, None)
                if isinstance(variable, keras.Variable):
                    found.setdefault(id(variable), (name, owner, variable))
    return list(found.values())


def seeded(initialiser: Any, seed: int) -> Any:
    """The same initialiser with another seed, where it is random."""
    config = initialiser.get_config()
    if "seed" not in config:
        return initialiser
    return type(initialiser).from_config({**config, "seed": seed})


def redrawn(model: keras.Model, seed: int) -> dict[int, Any]:
    """Initial values as the model's own initialisers draw them from another seed.

    Returns:
        Values by the id of their `tf.Variable`; empty where the present ones do not look drawn so,
        as weights that were loaded or set by hand.
    """
    values: dict[int, Any] = {}
    for number, (name, owner, variable) in enumerate(initialised_variables(model)):
        initialiser = getattr(owner, f"{name}_initializer", None)
        if initialiser is None or (name == "bias" and hasattr(owner, "unit_forget_bias")):
            continue  # an LSTM starts its forget gates at one, whatever the initialiser says
        drawn = np.asarray(seeded(initialiser, seed + number)(variable.shape, dtype="float32"))
        if not _alike(np.asarray(variable), drawn):
            return {}
        values[id(as_tf_variable(variable))] = drawn
    for variable in model.non_trainable_variables:
        if is_seed(variable):
            values[id(as_tf_variable(variable))] = np.array([seed, 0], dtype=variable.dtype)
    return values


def _alike(present: Array, drawn: Array) -> bool:
    """Whether two draws may come from one initialiser, by their spread and their mean."""
    if present.size < FEWEST_DRAWN or drawn.std() == 0:
        return bool(np.allclose(present.mean(), drawn.mean(), atol=3 * drawn.std() + 1e-6))
    ratio = float(present.std() / drawn.std())
    return 1 / MOST_SPREAD <= ratio <= MOST_SPREAD
