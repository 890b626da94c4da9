"""Wider layers: the proof that a model was too small, or puts out too few numbers."""

from __future__ import annotations

import contextlib
import functools
import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import tensorflow as tf

from pytest_converge.training.interventions import pasted
from pytest_converge.training.interventions.intervention import Intervention, Variant
from pytest_converge.training.interventions.optimizers import reconfigured
from pytest_converge.training.keras_internals import own_variables
from pytest_converge.training.model.structure import (
    call_model,
    compiled_metrics,
    create_all_variables,
    layers_of,
    output_layer,
    output_layers,
)
from pytest_converge.training.state.seeding import preserved
from pytest_converge.training.state.snapshot import attributes_set, method_replaced
from pytest_converge.training.training import Training

__all__ = ["built_wider", "cloned", "deeper", "of_another_model", "output_of", "rebuilt", "wider"]

#: Times the units, filters or embedded numbers of every hidden layer, and at least so many.
FACTOR, FEWEST = 8, 32
SIZES = ("units", "filters", "output_dim")
#: Layers that are made with a size, where a model is built anew by the user's function.
SIZED = (
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.Dense,
    keras.layers.Embedding,
    keras.layers.GRU,
    keras.layers.LSTM,
    keras.layers.SimpleRNN,
)
#: Units of a hidden layer where there was none.
HIDDEN_UNITS = 64
#: Layers of which a model stays linear in its numbers, where they have no activation.
LINEAR = (
    keras.layers.Add,
    keras.layers.AveragePooling1D,
    keras.layers.AveragePooling2D,
    keras.layers.BatchNormalization,
    keras.layers.CategoryEncoding,
    keras.layers.Concatenate,
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Dense,
    keras.layers.Dropout,
    keras.layers.Embedding,
    keras.layers.Flatten,
    keras.layers.GlobalAveragePooling1D,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.Normalization,
    keras.layers.Rescaling,
    keras.layers.Reshape,
    keras.layers.Subtract,
)


def wider(model: keras.Model) -> Intervention | None:
    """The same model with more units in its hidden layers; None where Keras cannot clone it."""
    outputs = {id(output) for output in output_layers(model)}
    # What is frozen is meant to stay what it was made to be, in size too.
    hidden = [x for x in model.layers if id(x) not in outputs and _size(x) and x.trainable]
    hidden = [layer for layer in hidden if not _is_offset(layer, hidden)]
    if not hidden or type(model).__name__ not in ("Sequential", "Functional"):
        return None

    def enlarged(layer: keras.layers.Layer) -> Any:
        config = layer.get_config()
        name = _size(layer)
        if name and layer in hidden:
            config[name] = _enlarged(config[name])
        return _with_initialisers(type(layer).from_config(config), layer)

    return Intervention(
        code="too-small-capacity",
        change=f"hidden layers {FACTOR} times as wide",
        fix=pasted.layer_lines((x, {_size(x): _enlarged(getattr(x, _size(x)))}) for x in hidden),
        where=tuple(layer.name for layer in hidden),
        variant=of_another_model(lambda: cloned(model, enlarged)),
    )


def rebuilt(model: keras.Model, settings: Mapping[str, Mapping[str, Any]]) -> keras.Model:
    """A copy of a sequential or functional model in which some layers have other settings.

    Args:
        model: that Keras can clone.
        settings: of the layers that get others, by their names.
    """

    def changed(layer: keras.layers.Layer) -> Any:
        config = {**layer.get_config(), **settings.get(layer.name, {})}
        return _with_initialisers(type(layer).from_config(config), layer)

    return cloned(model, changed)


def _with_initialisers(copy: Any, layer: Any) -> Any:
    """A copy whose weights are drawn alike, also by what does not tell its settings.

    Of `keras.initializers.Identity` the configuration lacks the gain.
    """
    base = keras.initializers.Initializer
    for owner, of in ((copy, layer), (getattr(copy, "cell", None), getattr(layer, "cell", None))):
        for name, held in list(vars(of).items()) if of is not None else []:
            if isinstance(held, base) and type(held).get_config is base.get_config and vars(held):
                setattr(owner, name, held)
    return copy


def built_wider(training: Training) -> Intervention | None:
    """The model that the user's function builds where it asks for wider hidden layers.

    For models that Keras cannot clone. What is made at the first call keeps its size, as does the
    last layer that is as wide as the output.

    Returns:
        None where there is no function, where Keras clones the model, where it trains by a step of
        its own, has several outputs or no hidden layer of a size of its own.
    """
    model, builder = training.model, training.builder
    cloned = type(model).__name__ in ("Sequential", "Functional")
    # What a step of the user's makes of its batches need not be what a call does.
    if builder is None or cloned or training.own_train_step:
        return None
    every = [x for x in layers_of(model) if type(x) in SIZED]
    x, _, _ = keras.utils.unpack_x_y_sample_weight(training.first_batch())
    answer = call_model(model, x, training=False)
    if not isinstance(answer, tf.Tensor) or not answer.shape.rank:
        return None
    looked_up = [x for x in every if isinstance(x, keras.layers.Embedding)]
    last = [x for x in every if x not in looked_up and getattr(x, _size(x)) == answer.shape[-1]]
    hidden = [x for x in every if x not in last[-1:] and x.trainable]
    hidden = [x for x in hidden if not _is_offset(x, every)]
    if not hidden:
        return None
    made: list[Any] = []
    with preserved(), _made_larger(made.append):
        known = layers_of(builder())
    # A function may make layers that are no part of its model, in any order.
    places = [made.index(x) if x in made else None for x in known if type(x) in SIZED]
    if len(places) != len(every) or None in places:
        return None
    chosen = {place for layer, place in zip(every, places, strict=True) if layer in hidden}

    def build() -> keras.Model:
        count = itertools.count()
        with _made_larger(lambda _: next(count) in chosen):
            return builder()

    return Intervention(
        code="too-small-capacity",
        change=f"hidden layers {FACTOR} times as wide",
        fix=pasted.layer_lines((x, {_size(x): _enlarged(getattr(x, _size(x)))}) for x in hidden),
        where=tuple(layer.name for layer in hidden),
        variant=of_another_model(build),
    )


def output_of(model: keras.Model, units: int) -> Intervention | None:
    """The same model with so many outputs; None where Keras cannot clone it.

    Args:
        model: whose last layer puts out another number of them.
        units: how many.
    """
    last = output_layer(model)
    if type(model).__name__ not in ("Sequential", "Functional") or _size(last) != "units":
        return None

    def resized(layer: keras.layers.Layer) -> Any:
        config = layer.get_config()
        if layer is last:
            config["units"] = units
        return _with_initialisers(type(layer).from_config(config), layer)

    return Intervention(
        code="output-loss-mismatch",
        change=f"{units} outputs instead of {last.units}",
        fix=pasted.layer_lines([(last, {"units": units})]),
        where=(last.name,),
        variant=of_another_model(lambda: cloned(model, resized)),
    )


@contextlib.contextmanager
def _made_larger(asks: Callable[[Any], bool | None]) -> Iterator[None]:
    """Layers that are made meanwhile with a larger size, where they are asked for."""

    def replaced(kind: type[Any]) -> contextlib.AbstractContextManager[None]:
        original = kind.__init__
        signature = inspect.signature(original)

        @functools.wraps(original)
        def init(self: Any, *args: Any, **kwargs: Any) -> None:
            given = signature.bind(self, *args, **kwargs)
            if type(self) is kind and asks(self):
                name = next(each for each in SIZES if each in given.arguments)
                given.arguments[name] = _enlarged(given.arguments[name])
            original(*given.args, **given.kwargs)

        init.__signature__ = signature  # type: ignore[attr-defined]  # Keras reads it
        return method_replaced(kind, "__init__", init)

    with contextlib.ExitStack() as stack:
        for kind in SIZED:
            stack.enter_context(replaced(kind))
        yield


def _enlarged(size: int) -> int:
    return max(FACTOR * size, FEWEST)


def deeper(model: keras.Model) -> Intervention | None:
    """A hidden layer before the output of a model without any, or linear up to it; else None."""
    output = output_layer(model)
    if output is None or type(model).__name__ not in ("Sequential", "Functional"):
        return None
    every = layers_of(model)
    alone = type(model).__name__ == "Sequential" and not any(
        own_variables(layer) for layer in every if layer is not output
    )
    if not alone and not all(layer is output or _is_linear(layer) for layer in every):
        return None

    def with_hidden(layer: keras.layers.Layer) -> Any:
        copy = type(layer).from_config(layer.get_config())
        if layer is not output:
            return copy
        hidden = keras.layers.Dense(HIDDEN_UNITS, activation="relu")
        return keras.Sequential([hidden, copy], name=output.name)

    return Intervention(
        code="too-small-capacity",
        change=f"a hidden layer of {HIDDEN_UNITS} units",
        fix=f'keras.layers.Dense({HIDDEN_UNITS}, activation="relu")  # before the output',
        where=(output.name,),
        variant=of_another_model(lambda: cloned(model, with_hidden)),
    )


def _is_linear(layer: Any) -> bool:
    """True for a layer of Keras that puts nothing between input and output but sums and weights."""
    if not type(layer).__module__.startswith("keras."):
        return False
    if isinstance(layer, (keras.Model, keras.layers.InputLayer)):
        return not isinstance(layer, keras.Model) or type(layer) is keras.Sequential
    if isinstance(layer, keras.layers.LeakyReLU):
        return bool(layer.negative_slope == 1)
    held = getattr(layer, "activation", keras.activations.linear)
    return isinstance(layer, LINEAR) and held is keras.activations.linear


def cloned(model: keras.Model, changed: Callable[[keras.layers.Layer], Any]) -> Any:
    """A copy of a model; to compile it too would copy our observer of its optimizer."""
    with attributes_set([(model, "compiled", False)]):
        copy = keras.models.clone_model(model, clone_function=changed)
    for layer in model.layers:
        if layer.weights and not layer.trainable_weights:  # as a normalisation that was adapted
            own = copy.get_layer(layer.name)
            own.set_weights(layer.get_weights())
            if hasattr(own, "finalize_state"):
                own.finalize_state()
    return copy


def of_another_model(make: Callable[[], Any]) -> Variant:
    """The variant of a training with the model that `make` makes."""

    @contextlib.contextmanager
    def variant(training: Training) -> Iterator[None]:
        model = make()
        optimizer = reconfigured(training.optimizers[0])
        metrics = compiled_metrics(training.model)
        model.compile(optimizer, training.model.loss, metrics=metrics, jit_compile=False)
        create_all_variables(model, training.first_batch())
        with training.with_model(model):
            yield

    return variant


def _is_offset(layer: keras.layers.Layer, others: list[Any]) -> bool:
    """True for an embedding of one number beside wider ones: a bias of its row, not a width."""
    sizes = [x.output_dim for x in others if isinstance(x, keras.layers.Embedding)]
    return isinstance(layer, keras.layers.Embedding) and layer.output_dim == 1 < max(sizes)


def _size(layer: keras.layers.Layer) -> str:
    return next((name for name in SIZES if isinstance(getattr(layer, name, None), int)), "")
