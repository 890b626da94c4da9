"""Every private name of Keras and TensorFlow that the package uses, each behind a function.

None of them has a public counterpart. `tests/training/test_keras_internals.py` holds that each
exists and does what is assumed here, on the oldest and the newest supported versions.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf
from keras.src.backend.common import global_state
from keras.src.trainers.compile_utils import CompileLoss
from tensorflow.core.config import flags as tf_flags
from tensorflow.python.eager import context as tf_context
from tensorflow.python.eager import record
from tensorflow.python.eager.polymorphic_function.polymorphic_function import Function
from tensorflow.python.framework import auto_control_deps, op_callbacks, op_def_registry
from tensorflow.python.framework import ops as tf_ops
from tensorflow.python.ops import (
    array_ops,
    gen_array_ops,
    gen_math_ops,
    gen_nn_ops,
    gen_random_ops,
    gen_stateless_random_ops_v2,
    math_ops,
    nn_ops,
)
from tensorflow.python.ops.resource_variable_ops import BaseResourceVariable, ResourceVariable
from tensorflow.python.util import tf_stack

__all__ = [
    "WRITING_ERRORS",
    "Setting",
    "added_losses",
    "additions_through",
    "adds_at_will",
    "any_shape_of_reductions",
    "build_from_batch",
    "call_takes_training",
    "calls_of_operation",
    "child_layers",
    "compiled_loss",
    "dataset_as_graph",
    "dataset_of_graph",
    "direction",
    "flat_layers",
    "function_anew",
    "functions_called_through",
    "functions_watched",
    "global_attribute",
    "graphs_built_faster",
    "has_compiled_metrics",
    "held_setting",
    "inputs_of_node",
    "is_stateless",
    "iterations",
    "layer_of",
    "learning_rate_held",
    "loss_counts_in_metrics",
    "loss_settings",
    "loss_takes_training",
    "made_from",
    "mark_logits",
    "mark_mask",
    "mask_of",
    "metrics_as_given",
    "mirrored_variable",
    "one_stack_trace",
    "operation_seeds",
    "operations_watched",
    "optimized_variables",
    "optimizer_config",
    "optimizer_strategy",
    "outside_of_graphs",
    "own_strategy",
    "own_variables",
    "rate_name",
    "rate_tensors",
    "resource_types",
    "seeding_replaced",
    "set_global_attribute",
    "set_operation_seeds",
    "settings_of_loss",
    "short_cut_for_one_replica",
    "tensorflow_variable",
    "trainable_flag",
    "trainable_set_to",
    "values_watched",
    "variable_around",
    "variable_set_to",
    "variables_held",
    "weights_of_losses",
    "without_short_cut",
    "works_in_several_processes",
    "writes_watched",
]

#: (object, attribute, value) to be set meanwhile.
Setting = tuple[Any, str, Any]

#: The method by which Keras' optimizers for TensorFlow add up the gradients of all replicas.
SUM_OVER_REPLICAS = "_all_reduce_sum_gradients"
#: Where `tf.compat.v1.train` optimizers keep their learning rate.
#: The method by which a Keras optimizer reads its learning rate, and that of a variable's writes.
READS_RATE, ASSIGN = "_get_current_learning_rate", "assign"
COMPAT_RATES = ("_learning_rate", "_lr")
#: Where they keep what they have made of it in a graph.
COMPAT_RATE_TENSORS = ("_learning_rate_tensor", "_lr_t")
#: The method by which every operation gets into a graph.
ADDS = "_create_op_internal"
#: The function that tells which resources an operation uses, for the order of their uses.
RESOURCES_OF = "_get_resource_inputs"
#: The function by which every operation of a graph gets its stack trace.
STACK_TRACE = "extract_stack"


# ---- models and layers --------------------------------------------------------------------------


def build_from_batch(model: Any, batch: Any) -> None:
    """Creates the weights and metrics of a compiled model from the shapes of a batch."""
    model._symbolic_build(data_batch=batch)


def flat_layers(model: Any) -> list[Any]:
    """Every layer of a model, nested ones included, the model itself left out."""
    return list(model._flatten_layers(include_self=False))


def layer_of(tensor: Any) -> Any:
    """The layer or operation that makes a symbolic tensor of a functional model."""
    return tensor._keras_history.operation


def made_from(tensor: Any) -> list[Any]:
    """The symbolic tensors that this layer or operation makes it of; empty for an input."""
    history = tensor._keras_history
    return list(history.operation._inbound_nodes[history.node_index].input_tensors)


def own_strategy(model: Any) -> Any:
    """The `tf.distribute` strategy that a model was made under; None without one."""
    return getattr(model, "_distribute_strategy", None)


def child_layers(layer: Any) -> list[Any]:
    """The layers that a layer or model holds itself, in the order in which it lists them."""
    return list(layer._layers)


def own_variables(layer: Any) -> list[Any]:
    """The variables that a layer itself made for training, whether they are trained or frozen."""
    return list(layer._trainable_variables)


def added_losses(layer: Any) -> list[Any]:
    """What the layer added to the loss by `add_loss` when it was called last."""
    return list(getattr(layer, "_losses", None) or ())


def trainable_flag(owner: Any) -> bool:
    """What a layer or variable was itself told about `trainable`, whatever holds it says."""
    return bool(owner._trainable)


def trainable_set_to(owner: Any, value: bool) -> Setting:
    """That flag of a layer, a Keras or a TensorFlow variable, and of nothing below it."""
    return owner, "_trainable", value


def call_takes_training(layer: Any) -> bool:
    """True where `call` takes the argument `training`."""
    return bool(getattr(layer, "_call_has_training_arg", True))


def loss_takes_training(model: Any) -> bool:
    """True where `compute_loss` takes the argument `training`: an override may not."""
    return bool(getattr(model, "_compute_loss_has_training_arg", True))


def variable_around(variable: Any, name: str) -> Any:
    """A trainable Keras variable that holds an existing `tf.Variable`."""
    around = keras.Variable(variable.numpy(), dtype=variable.dtype.name, name=name)
    around._value = variable
    return around


def variables_held(layer: Any, variables: list[Any]) -> Setting:
    """Other variables as those that a layer itself made for training; see `own_variables`."""
    return layer, "_trainable_variables", variables


def tensorflow_variable(variable: Any) -> Any:
    """The `tf.Variable` behind a Keras variable; any other as it is."""
    inner = getattr(variable, "_value", None)
    return variable if inner is None else inner


def variable_set_to(variable: Any, inner: tf.Variable) -> Setting:
    """Another `tf.Variable` behind a Keras variable."""
    return variable, "_value", inner


# ---- what a model was compiled with -------------------------------------------------------------


def compiled_loss(model: Any) -> Any:
    """The compiled loss as a function of targets, predictions and weights; None without one."""
    return model._compile_loss


def loss_counts_in_metrics(model: Any) -> bool:
    """True where computing the loss updates metrics: those of several outputs, one for each."""
    return bool(getattr(model._compile_loss, "metrics", None))


def settings_of_loss(loss: Any) -> dict[str, Any]:
    """The settings that a loss object of Keras calculates with, of which its config leaves some."""
    return {**loss.get_config(), **getattr(loss, "_fn_kwargs", {})}


def weights_of_losses(model: Any) -> Any:
    """The `loss_weights` that a model was compiled with; None without any."""
    return getattr(model._compile_loss, "_user_loss_weights", None)


def loss_settings(model: Any, loss: Any) -> list[Setting]:
    """What makes another loss the compiled one; its weights, metrics and optimizer stay."""
    held = model._compile_loss
    weights = getattr(held, "_user_loss_weights", None)
    names = getattr(held, "output_names", None)
    return [
        (model, "loss", loss),
        (model, "_compile_loss", CompileLoss(loss, weights, output_names=names)),
    ]


def mark_logits(probabilities: Any, logits: Any) -> None:
    """Lets Keras' cross-entropies find the logits behind probabilities, as they do in a graph."""
    probabilities._keras_logits = logits


def mask_of(tensor: Any) -> Any:
    """The mask that Keras hangs onto an output, by which losses and metrics skip steps, or None."""
    return getattr(tensor, "_keras_mask", None)


def mark_mask(tensor: Any, mask: Any) -> None:
    """Hangs a mask onto an output, as a layer does that passes it on."""
    tensor._keras_mask = mask


def has_compiled_metrics(model: Any) -> bool:
    """True for a model that was compiled with metrics."""
    return getattr(model, "_compile_metrics", None) is not None


def metrics_as_given(model: Any) -> Any:
    """The metrics as they were passed to `compile`; None without any."""
    return getattr(getattr(model, "_compile_metrics", None), "_user_metrics", None)


def direction(metric: Any) -> str:
    """Which way a metric gets better: "up", "down", or an empty text where nobody knows."""
    return getattr(metric, "_direction", None) or ""


# ---- optimizers ---------------------------------------------------------------------------------


def learning_rate_held(optimizer: Any) -> Any:
    """What a Keras optimizer holds as its rate: a variable, a schedule or a callable."""
    return getattr(optimizer, "_learning_rate", None)


def rate_read_through(optimizer: Any, read: Callable[[Any], Any]) -> None:
    """Lets a Keras optimizer take `read(held)` for its learning rate, of what it holds as one."""
    optimizer.__dict__[READS_RATE] = lambda: read(getattr(type(optimizer), READS_RATE)(optimizer))


def rate_as_held(optimizer: Any) -> None:
    """Takes that back."""
    optimizer.__dict__.pop(READS_RATE, None)


def optimizer_config(optimizer: Any) -> dict[str, Any]:
    """The settings of a Keras optimizer, of whose schedule nobody has to know any.

    `get_config` asks the schedule for its own, which one of the user's need not have.
    """
    innermost = optimizer
    while hasattr(innermost, "inner_optimizer"):
        innermost = innermost.inner_optimizer
    held = learning_rate_held(innermost)
    if not isinstance(held, keras.optimizers.schedules.LearningRateSchedule):
        return dict(optimizer.get_config())
    innermost._learning_rate = 0.0
    try:
        config = dict(optimizer.get_config())
    finally:
        innermost._learning_rate = held
    return {**config, "learning_rate": held} if innermost is optimizer else config


def share_learning_rate(optimizer: Any, variable: Any) -> None:
    """Lets a Keras optimizer hold a variable as its learning rate that another one holds."""
    optimizer._learning_rate = variable


def assignments_watched(variable: Any, watch: Callable[[], None]) -> None:
    """Calls `watch()` before a Keras variable is assigned a value; nothing where somebody does."""
    if ASSIGN in variable.__dict__:
        return

    def assign(value: Any) -> Any:
        watch()
        return getattr(type(variable), ASSIGN)(variable, value)

    variable.__dict__[ASSIGN] = assign


def assignments_unwatched(variable: Any) -> None:
    """Takes that back."""
    variable.__dict__.pop(ASSIGN, None)


def iterations(optimizer: Any) -> Any:
    """The variable with the number of updates that a Keras optimizer has made."""
    return optimizer._iterations


def optimized_variables(optimizer: Any) -> list[Any]:
    """The variables for which a Keras optimizer was built."""
    return list(optimizer._trainable_variables)


def held_setting(optimizer: Any, name: str) -> Any:
    """A setting where Keras' optimizers keep it, or those of TensorFlow 1; None without it."""
    return getattr(optimizer, name, getattr(optimizer, f"_{name}", None))


def rate_name(optimizer: Any) -> str:
    """The attribute in which a `tf.compat.v1.train` optimizer keeps its rate; "" for none."""
    return next((name for name in COMPAT_RATES if hasattr(optimizer, name)), "")


def rate_tensors(optimizer: Any) -> list[Any]:
    """The tensors that an optimizer of `tf.compat.v1.train` has made of its rate in a graph."""
    held = (getattr(optimizer, name, None) for name in COMPAT_RATE_TENSORS)
    return [tensor for tensor in held if tf.is_tensor(tensor)]


def short_cut_for_one_replica(optimizer: Any) -> None:
    """Lets a Keras optimizer take the gradients themselves for their sum over all replicas.

    Does nothing where there are several, or where a release adds them up in another way.
    """
    strategy = getattr(optimizer, "_distribution_strategy", None)
    alone = getattr(strategy, "num_replicas_in_sync", 1) == 1
    if alone and hasattr(optimizer, SUM_OVER_REPLICAS):
        optimizer.__dict__[SUM_OVER_REPLICAS] = list


def without_short_cut(optimizer: Any) -> None:
    """Takes the short cut back."""
    optimizer.__dict__.pop(SUM_OVER_REPLICAS, None)


def optimizer_strategy(optimizer: Any) -> Any:
    """The `tf.distribute` strategy that an optimizer was made under."""
    return getattr(optimizer, "_distribution_strategy", None) or tf.distribute.get_strategy()


def mirrored_variable(variable: tf.Variable) -> tf.Variable:
    """The variable of a `tf.distribute` strategy of which one is a copy; any other as it is.

    Of one that is summed on reading, as of a metric, the parts are variables of their own.
    """
    if isinstance(variable, tf.distribute.DistributedValues):
        return variable
    container = getattr(getattr(variable, "handle", None), "_distributed_container", None)
    whole = None if container is None else container()
    on_read = whole is not None and whole.synchronization == tf.VariableSynchronization.ON_READ
    return variable if whole is None or on_read else whole


def works_in_several_processes(strategy: Any) -> bool:
    """True where the replicas of a strategy are in several processes."""
    extended = strategy.extended
    return bool(getattr(extended, "_in_multi_worker_mode", lambda: False)())


# ---- operations ---------------------------------------------------------------------------------


@contextlib.contextmanager
def operations_watched(watch: Callable[[str, Any, Any], None]) -> Iterator[None]:
    """Calls `watch(kind, inputs, outputs)` after each TensorFlow operation of this thread.

    The tensors are the very objects that the caller of the operation gave and gets.
    """

    def note(kind: Any, inputs: Any, _: Any, outputs: Any, *__: Any, **___: Any) -> None:
        name = kind.decode() if isinstance(kind, bytes) else str(kind)
        watch(name, inputs, outputs)

    op_callbacks.add_op_callback(note)
    try:
        yield
    finally:
        op_callbacks.remove_op_callback(note)


@contextlib.contextmanager
def functions_watched(watch: Callable[[Any], None]) -> Iterator[None]:
    """Calls `watch(inputs)` before a traced function runs, those that it captured included."""
    context_type = type(tf_context.context())
    original = context_type.call_function

    @functools.wraps(original)
    def call(context: Any, name: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        watch(inputs)
        return original(context, name, inputs, *args, **kwargs)

    context_type.call_function = call
    try:
        yield
    finally:
        context_type.call_function = original


#: The methods by which Python writes a variable.
WRITES = (
    "assign",
    "assign_add",
    "assign_sub",
    "batch_scatter_update",
    "_strided_slice_assign",
    *(f"scatter_{how}" for how in ("add", "div", "max", "min", "mul", "sub", "update")),
    *(f"scatter_nd_{how}" for how in ("add", "max", "min", "sub", "update")),
)


@contextlib.contextmanager
def writes_watched(watch: Callable[[Any], None]) -> Iterator[None]:
    """Calls `watch(variable)` before a method of a `tf.Variable` writes it."""
    owners = (BaseResourceVariable, ResourceVariable)
    kept = [(o, name, vars(o)[name]) for o in owners for name in WRITES if name in vars(o)]

    def watched(original: Any) -> Any:
        @functools.wraps(original)
        def write(variable: Any, *args: Any, **kwargs: Any) -> Any:
            watch(variable)
            return original(variable, *args, **kwargs)

        return write

    for owner, name, original in kept:
        setattr(owner, name, watched(original))
    try:
        yield
    finally:
        for owner, name, original in kept:
            setattr(owner, name, original)


def resource_types(tensor: Any) -> list[Any]:
    """The types of the values behind a handle; one for a variable, none for anything else."""
    if getattr(tensor, "dtype", None) != tf.resource:
        return []
    held = getattr(tensor, "_handle_data", None)
    if held is None or not held.is_set:
        return []
    return [tf.dtypes.as_dtype(each.dtype) for each in held.shape_and_type]


#: The function in which every public way to an operation ends.
OPERATION_CALLS = {
    "Acos": (gen_math_ops, "acos"),
    "AddN": (gen_math_ops, "add_n"),
    "AddV2": (gen_math_ops, "add_v2"),
    "Asin": (gen_math_ops, "asin"),
    "Atanh": (gen_math_ops, "atanh"),
    "Cast": (gen_math_ops, "cast"),
    "Ceil": (gen_math_ops, "ceil"),
    "Cos": (gen_math_ops, "cos"),
    "Div": (gen_math_ops, "div"),
    "Floor": (gen_math_ops, "floor"),
    "FloorDiv": (gen_math_ops, "floor_div"),
    "GatherV2": (gen_array_ops, "gather_v2"),
    "Greater": (gen_math_ops, "greater"),
    "GreaterEqual": (gen_math_ops, "greater_equal"),
    "Less": (gen_math_ops, "less"),
    "LessEqual": (gen_math_ops, "less_equal"),
    "Log": (gen_math_ops, "log"),
    "Log1p": (gen_math_ops, "log1p"),
    "LogSoftmax": (gen_nn_ops, "log_softmax"),
    "Max": (gen_math_ops, "_max"),
    "Maximum": (gen_math_ops, "maximum"),
    "Mean": (gen_math_ops, "mean"),
    "Minimum": (gen_math_ops, "minimum"),
    "Pow": (gen_math_ops, "_pow"),
    "RealDiv": (gen_math_ops, "real_div"),
    "SelectV2": (gen_math_ops, "select_v2"),
    "Reciprocal": (gen_math_ops, "reciprocal"),
    "Relu": (gen_nn_ops, "relu"),
    "Relu6": (gen_nn_ops, "relu6"),
    "Rint": (gen_math_ops, "rint"),
    "Round": (gen_math_ops, "round"),
    "Rsqrt": (gen_math_ops, "rsqrt"),
    "Sigmoid": (gen_math_ops, "sigmoid"),
    "Sign": (gen_math_ops, "sign"),
    "Sin": (gen_math_ops, "sin"),
    "Softmax": (gen_nn_ops, "softmax"),
    "Softplus": (gen_nn_ops, "softplus"),
    "SoftmaxCrossEntropyWithLogits": (gen_nn_ops, "softmax_cross_entropy_with_logits"),
    "SparseSoftmaxCrossEntropyWithLogits": (
        gen_nn_ops,
        "sparse_softmax_cross_entropy_with_logits",
    ),
    "Sqrt": (gen_math_ops, "sqrt"),
    "StopGradient": (array_ops, "stop_gradient"),
    "Sub": (gen_math_ops, "sub"),
    "Sum": (gen_math_ops, "_sum"),
    "Tan": (gen_math_ops, "tan"),
    "Transpose": (gen_array_ops, "transpose"),
}
#: The same of those that draw random numbers.
DRAWING_CALLS = {
    "RandomShuffle": (gen_random_ops, "random_shuffle"),
    "RandomStandardNormal": (gen_random_ops, "random_standard_normal"),
    "RandomUniform": (gen_random_ops, "random_uniform"),
    "RandomUniformInt": (gen_random_ops, "random_uniform_int"),
    "StatelessRandomNormalV2": (gen_stateless_random_ops_v2, "stateless_random_normal_v2"),
    "StatelessRandomUniformIntV2": (
        gen_stateless_random_ops_v2,
        "stateless_random_uniform_int_v2",
    ),
    "StatelessRandomUniformV2": (gen_stateless_random_ops_v2, "stateless_random_uniform_v2"),
    "TruncatedNormal": (gen_random_ops, "truncated_normal"),
}
#: Operators that TensorFlow bound to their function when it was imported.
BOUND_OPERATORS = {
    "Greater": "__gt__",
    "GreaterEqual": "__ge__",
    "Less": "__lt__",
    "LessEqual": "__le__",
}


def _wraps_the_same(held: Any, original: Any) -> bool:
    """Whether two are one function, as `math_ops` wraps some of those of `gen_math_ops` anew."""
    alike = getattr(held, "__name__", None) == original.__name__
    return alike and inspect.unwrap(held) is inspect.unwrap(original)


def calls_of_operation(kind: str, replaced: Callable[[Any], Any]) -> list[Setting]:
    """What makes TensorFlow call another function for an operation, also from Keras and operators.

    Args:
        kind: one of `OPERATION_CALLS` or `DRAWING_CALLS`.
        replaced: makes the other function of the present one.
    """
    owner, name = {**OPERATION_CALLS, **DRAWING_CALLS}[kind]
    original = getattr(owner, name)
    other = replaced(original)
    drawing = (gen_random_ops, gen_stateless_random_ops_v2)
    ours = (gen_array_ops, gen_math_ops, gen_nn_ops, *drawing, array_ops, math_ops, nn_ops)
    modules = (*ours, tf, tf.math, tf.nn, tf.compat.v1)
    settings = [
        (module, name, other)
        for module in modules
        for name, held in list(vars(module).items())
        if held is original or _wraps_the_same(held, original)
    ]
    bound = BOUND_OPERATORS.get(kind, "")
    owners = (tf.Tensor, tf.Variable) if bound else ()
    return [*settings, *((each, bound, replaced(getattr(each, bound))) for each in owners)]


def any_shape_of_reductions() -> list[Setting]:
    """What makes a sum over all axes keep the shape that it has, in a graph that knows none."""
    return [(math_ops, "_may_reduce_to_scalar", lambda keepdims, axis, output: output)]


# ---- datasets -----------------------------------------------------------------------------------

#: What `dataset_as_graph` raises for a dataset that TensorFlow cannot write, or that is too large.
WRITING_ERRORS = (tf.errors.OpError, ValueError)
#: A protocol buffer holds 2 GB, and the graph is copied for each start.
MOST_BYTES = 2**30


def dataset_as_graph(dataset: Any) -> Any:
    """A dataset as the graph that makes it, with its data, in a `GraphDef`.

    Raises:
        Exception: one of `WRITING_ERRORS`.
    """
    policy = tf.data.experimental.ExternalStatePolicy.IGNORE  # the process remains the same
    text = dataset._as_serialized_graph(external_state_policy=policy).numpy()
    if len(text) > MOST_BYTES:
        raise ValueError(f"{len(text)} bytes")
    return tf.compat.v1.GraphDef.FromString(text)


def dataset_of_graph(graph: Any, like: Any) -> Any:
    """Another dataset of such a graph, with the elements of `like`."""
    variant = tf.raw_ops.DatasetFromGraph(graph_def=graph.SerializeToString())
    return tf.data.experimental.from_variant(variant, like.element_spec)


def inputs_of_node(node: Any) -> dict[str, tuple[int, int]]:
    """The single inputs of a node of a graph: the place and the type of each, by name."""
    definition, found, place = op_def_registry.get(node.op), {}, 0
    for each in () if definition is None else definition.input_arg:
        if each.number_attr:
            place += node.attr[each.number_attr].i
        elif each.type_list_attr:
            place += len(node.attr[each.type_list_attr].list.type)
        else:
            found[each.name] = (place, each.type)
            place += 1
    return found


# ---- graphs of TensorFlow 1 ---------------------------------------------------------------------


def outside_of_graphs() -> contextlib.AbstractContextManager[Any]:
    """Eager execution meanwhile, within `graph.as_default()` and where it was disabled too."""
    return contextlib.nullcontext() if tf.executing_eagerly() else tf_context.eager_mode()


@contextlib.contextmanager
def additions_through(graph: Any, other: Callable[..., Any]) -> Iterator[None]:
    """A graph adds operations by `other(add, kind, inputs, *args, **settings)` meanwhile.

    `add` is its own method, which takes the rest.
    """
    add = getattr(graph, ADDS)
    setattr(graph, ADDS, functools.partial(other, add))
    try:
        yield
    finally:
        delattr(graph, ADDS)
        if getattr(graph, ADDS) != add:  # another one stood in its place
            setattr(graph, ADDS, add)


def adds_at_will(graph: Any) -> bool:
    """True where no tape sees the next operation, and it has to wait for no other one."""
    waits = graph._current_control_dependencies() or graph._get_control_flow_context() is not None
    return not waits and not record.could_possibly_record()


def is_stateless(kind: str) -> bool:
    """True for an operation of TensorFlow whose value depends on inputs and attributes alone."""
    definition = op_def_registry.get(kind)
    return definition is not None and not definition.is_stateful


@contextlib.contextmanager
def graphs_built_faster() -> Iterator[None]:
    """TensorFlow builds the same graphs in less time meanwhile.

    Its quicker way to add operations is off by default. And it asks every operation which resources
    it uses, by an error for most: only one with such an input, or with a dataset, uses any.
    """
    with _operations_added_faster(), _resources_found_faster():
        yield


@contextlib.contextmanager
def _operations_added_faster() -> Iterator[None]:
    flag: Any = getattr(tf_flags.config(), "graph_building_optimization", None)
    if flag is None or flag.value():
        yield
        return
    flag.reset(True)
    try:
        yield
    finally:
        flag.reset(False)


@contextlib.contextmanager
def _resources_found_faster() -> Iterator[None]:
    found = getattr(auto_control_deps, RESOURCES_OF)

    def resources_of(operation: Any) -> Any:
        handles = any(each.dtype in (tf.resource, tf.variant) for each in operation.inputs)
        return found(operation) if handles else ()

    setattr(auto_control_deps, RESOURCES_OF, resources_of)
    try:
        yield
    finally:
        setattr(auto_control_deps, RESOURCES_OF, found)


@contextlib.contextmanager
def one_stack_trace() -> Iterator[None]:
    """Operations that are added to a graph meanwhile share the stack trace of the caller.

    One for each takes a tenth of the time of a trace, and the longer the deeper the call.
    """
    if tf.executing_eagerly():
        yield
        return
    extract = getattr(tf_stack, STACK_TRACE)
    shared = extract(stacklevel=3)  # without this function and that which enters it
    setattr(tf_stack, STACK_TRACE, lambda stacklevel=1: shared)
    try:
        yield
    finally:
        setattr(tf_stack, STACK_TRACE, extract)


# ---- compiled functions and values --------------------------------------------------------------


def function_anew(function: Any) -> Any:
    """A `tf.function` of the same Python function and settings, with no graph yet."""
    return function._clone(None)


@contextlib.contextmanager
def functions_called_through(other: Callable[[Any], Any]) -> Iterator[None]:
    """A call of any `tf.function` is one of `other(function)` meanwhile, also within a trace."""
    original = Function.__call__

    @functools.wraps(original)  # under its name AutoGraph leaves it alone
    def call(function: Any, *args: Any, **kwargs: Any) -> Any:
        return original(other(function), *args, **kwargs)

    Function.__call__ = call
    try:
        yield
    finally:
        Function.__call__ = original


#: Where a read of a variable's value passes through on its way to that of a tensor.
VALUES_OF_VARIABLES = "tensorflow.python.ops.resource_variable_ops"


@contextlib.contextmanager
def values_watched(watch: Callable[[], None]) -> Iterator[None]:
    """Calls `watch()` where Python reads the value of a tensor or variable: `float`, `.numpy()`.

    What TensorFlow itself reads, as in an eager `tf.cond`, does not count, and `np.asarray` of a
    tensor is not seen.
    """
    base = tf_ops._EagerTensorBase
    original = base._numpy

    @functools.wraps(original)
    def read(tensor: Any) -> Any:
        reader = str(sys._getframe(2).f_globals.get("__name__", ""))
        if not reader.startswith("tensorflow.") or reader == VALUES_OF_VARIABLES:
            watch()
        return original(tensor)

    base._numpy = read
    try:
        yield
    finally:
        base._numpy = original


# ---- random state -------------------------------------------------------------------------------


def global_attribute(name: str) -> Any:
    """What Keras keeps for the whole process under a name; None where it keeps nothing."""
    return global_state.get_global_attribute(name)


def set_global_attribute(name: str, value: Any) -> None:
    """Sets what Keras keeps for the whole process under a name."""
    global_state.set_global_attribute(name, value)


def operation_seeds() -> tuple[Any, Any]:
    """TensorFlow's global seed, and the `random.Random` from which its operations draw theirs.

    Each is None where a release keeps it elsewhere, and before anything was seeded.
    """
    context: Any = tf_context.context()
    return getattr(context, "_seed", None), getattr(context, "_rng", None)


def set_operation_seeds(seed: Any, generator: Any) -> None:
    """Sets both; other than by `tf.random.set_seed`, compiled graphs stay ready to run."""
    context: Any = tf_context.context()
    for name, value in (("_seed", seed), ("_rng", generator)):
        if hasattr(context, name):
            setattr(context, name, value)


@contextlib.contextmanager
def seeding_replaced(set_seed: Callable[[int], None]) -> Iterator[bool]:
    """`tf.random.set_seed` calls a function instead meanwhile; yields whether it does."""
    context: Any = tf_context.context()
    if not (hasattr(context, "_set_global_seed") and hasattr(context, "_rng")):
        yield False
        return
    context._set_global_seed = set_seed
    try:
        yield True
    finally:
        del context._set_global_seed  # the method of its class is there again
