"""Each private name of Keras and TensorFlow exists and does what the package assumes."""

from __future__ import annotations

import operator
import random
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, optimizers

from pytest_converge.training import keras_internals as internals
from pytest_converge.training.state.snapshot import attributes_set, shadowed


class Penalised(layers.Layer):
    def call(self, inputs):
        self.add_loss(keras.ops.sum(inputs))
        return inputs


class Scaled(keras.Model):
    """A model that waits for its first batch, and whose call knows no training mode."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(2)

    def call(self, inputs):
        return self.dense(inputs)

    def compute_loss(self, x, y, y_pred, sample_weight=None):
        return super().compute_loss(x, y, y_pred, sample_weight)


@pytest.fixture
def model():
    block = keras.Sequential([layers.Dense(3, name="inner"), Penalised(name="penalised")])
    made = keras.Sequential([keras.Input((4,)), block, layers.Dense(1, name="outer")])
    made.compile(optimizers.SGD(0.1), "mse", metrics=["mae"])
    return made


BATCH = np.ones((2, 4), "float32"), np.ones((2, 1), "float32")


def test_a_batch_creates_weights_and_metrics(model):
    waiting = Scaled()
    waiting.compile("sgd", "mse", metrics=["mae"])
    internals.build_from_batch(waiting, BATCH)
    assert [tuple(v.shape) for v in waiting.weights] == [(4, 2), (2,)]
    assert len(waiting.metrics) == 2


def test_the_layers_of_a_model_are_listed_with_nested_ones_or_without(model):
    names = [layer.name for layer in internals.flat_layers(model)]
    assert {"inner", "penalised", "outer"} < set(names)
    assert model not in internals.flat_layers(model)
    children = [layer.name for layer in internals.child_layers(model)]
    assert children[-1] == "outer"
    assert "inner" not in children


def test_what_a_symbolic_tensor_is_made_from_is_known():
    left, right = keras.Input((3,)), keras.Input((3,))
    both = layers.Add(name="both")([left, right])
    assert internals.layer_of(both).name == "both"
    assert [id(part) for part in internals.made_from(both)] == [id(left), id(right)]
    assert internals.made_from(left) == []


def test_variables_made_for_training_are_named_also_when_they_are_frozen(model):
    outer = model.get_layer("outer")
    outer.trainable = False
    assert [v.name for v in internals.own_variables(outer)] == ["kernel", "bias"]
    assert internals.own_variables(model) == []


def test_a_flag_of_a_layer_says_nothing_of_what_holds_it(model):
    outer = model.get_layer("outer")
    assert internals.trainable_flag(outer)
    owner, name, value = internals.trainable_set_to(outer, False)
    setattr(owner, name, value)
    assert not internals.trainable_flag(outer)
    assert internals.trainable_flag(outer.kernel)


def test_a_flag_of_a_variable_decides_what_tapes_watch():
    variable = tf.Variable(1.0, trainable=False)
    for wanted in (True, False):
        owner, name, value = internals.trainable_set_to(variable, wanted)
        setattr(owner, name, value)
        assert variable.trainable is wanted


def test_added_losses_are_those_of_the_latest_call(model):
    penalised = layers.Dense(1)
    assert internals.added_losses(penalised) == []
    layer = Penalised()
    layer(tf.ones((1, 1)))
    assert [float(loss) for loss in internals.added_losses(layer)] == [1.0]


def test_what_takes_the_training_mode_is_known(model):
    assert not internals.call_takes_training(Scaled())
    assert internals.call_takes_training(layers.Dropout(0.5))
    assert internals.loss_takes_training(model)
    assert not internals.loss_takes_training(Scaled())


def test_the_tensorflow_variable_behind_one_of_keras_is_known():
    variable = keras.Variable(np.ones(2))
    assert isinstance(internals.tensorflow_variable(variable), tf.Variable)
    plain = tf.Variable(1.0)
    assert internals.tensorflow_variable(plain) is plain


def test_another_loss_can_be_put_in_the_place_of_the_compiled_one(model):
    y, predicted = tf.zeros((2, 1)), tf.fill((2, 1), 2.0)
    assert float(internals.compiled_loss(model)(y, predicted, None)) == 4.0
    for owner, name, value in internals.loss_settings(model, "mae"):
        setattr(owner, name, value)
    assert float(internals.compiled_loss(model)(y, predicted, None)) == 2.0
    assert float(model.compute_loss(None, y, predicted)) == 2.0
    assert model.loss == "mae"
    assert internals.compiled_loss(Scaled()) is None


def test_the_losses_of_several_outputs_are_counted_in_metrics():
    inputs = keras.Input((2,))
    for outputs, counted in ((1, False), (2, True)):
        many = keras.Model(inputs, [layers.Dense(1)(inputs) for _ in range(outputs)])
        many.compile("sgd", ["mse"] * outputs)
        many.train_on_batch(np.ones((3, 2)), [np.ones((3, 1))] * outputs)
        assert internals.loss_counts_in_metrics(many) == counted


def test_compiled_metrics_are_known_as_they_were_given(model):
    assert internals.has_compiled_metrics(model)
    assert keras.tree.flatten(internals.metrics_as_given(model)) == ["mae"]
    bare = Scaled()
    bare.compile("sgd", "mse")
    assert not internals.has_compiled_metrics(bare)
    assert internals.metrics_as_given(bare) is None


def test_a_metric_knows_which_way_it_gets_better():
    assert internals.direction(keras.metrics.Accuracy()) == "up"
    assert internals.direction(keras.metrics.MeanAbsoluteError()) == "down"
    assert internals.direction(keras.metrics.Sum()) == ""


def test_every_operation_is_watched_with_the_tensors_of_its_caller():
    seen, x, w = [], tf.constant([1.0, 4.0]), tf.Variable([2.0, 3.0])
    with internals.operations_watched(lambda *operation: seen.append(operation)):
        roots = tf.sqrt(x)
        product = w * roots
    tf.sqrt(x)
    kinds = {kind: (inputs, outputs) for kind, inputs, outputs in seen}
    assert kinds["Sqrt"][0][0] is x
    assert kinds["Sqrt"][1][0] is roots
    assert kinds["Mul"][1][0] is product
    assert kinds["ReadVariableOp"][0][0] is w.handle
    assert len(seen) == 3


def test_additions_to_a_graph_pass_through_another_function_meanwhile():
    added = []

    def other(add, kind, inputs, *args, **settings):
        added.append((kind, len(inputs), internals.adds_at_will(add.__self__)))
        return add(kind, inputs, *args, **settings)

    def function(x):
        graph = tf.compat.v1.get_default_graph()
        with internals.additions_through(graph, other):
            doubled = x + x
            with tf.control_dependencies([doubled]):
                root = tf.sqrt(x)
            with tf.GradientTape():
                power = tf.square(x)
        return doubled + root + power

    graph = tf.function(function, autograph=False).get_concrete_function(tf.constant(4.0))
    assert added == [("AddV2", 2, True), ("Sqrt", 1, False), ("Square", 1, False)]
    assert float(graph(tf.constant(4.0))) == 26.0


def test_operations_with_a_state_are_known():
    kinds = ["Mul", "Const", "ReadVariableOp", "RandomUniform", "AssignVariableOp", "of the user"]
    assert [internals.is_stateless(kind) for kind in kinds] == [True] * 2 + [False] * 4


def ordered_by_resources():
    """A graph whose operations have to wait for each other, with a dataset of its own."""
    v = tf.Variable(1.0)
    picked = tf.data.Dataset.range(3).map(lambda x: v + tf.cast(x, tf.float32))

    def function(x):
        v.assign(x)
        total = v + tf.square(x)
        v.assign_add(total)
        value = picked.reduce(0.0, lambda held, each: held + each)
        v.assign(tf.cond(x > 0.0, lambda: v.assign_add(value), v.read_value))
        return v + x

    return tf.function(function, autograph=False).get_concrete_function(tf.TensorSpec(()))


def test_graphs_built_faster_wait_for_the_same_operations():
    with internals.graphs_built_faster():
        fast = ordered_by_resources()
    usual = ordered_by_resources()
    waits = [
        [(each.type, sorted(o.type for o in each.control_inputs)) for each in of.get_operations()]
        for of in (fast.graph, usual.graph)
    ]
    assert waits[0] == waits[1]
    assert sum(bool(others) for _, others in waits[0]) >= 6
    assert float(fast(tf.constant(2.0))) == float(usual(tf.constant(2.0)))


def test_operations_share_a_stack_trace_meanwhile():
    made = []

    def function(x):
        with internals.one_stack_trace():
            made.extend([tf.sqrt(x), tf.square(x)])
        made.extend([tf.exp(x), tf.math.log(x)])
        return x

    tf.function(function, autograph=False).get_concrete_function(tf.constant(4.0))
    one, other, third, fourth = ([*map(tuple, each.op.traceback)] for each in made)
    assert one == other
    assert third != fourth
    assert made[0].op.traceback[-1].name == "function"


def of_a_share(*ways):
    """Ways to functions that take numbers from -1 to 1."""
    return [_one_number(lambda x, o=o, name=name: getattr(o, name)(x / 8)) for o, name in ways]


def choices(*owners):
    """Ways to functions that choose between two values."""
    return [_one_number(lambda x, owner=owner: owner.where(x > 0, x, 0.0)) for owner in owners]


def whole(*owners):
    """Ways to the whole part of a number."""
    return [_one_number(lambda x, owner=owner: owner.cast(x, "int32")) for owner in owners]


def _one_number(function):
    return types.SimpleNamespace(of=function), "of", 1


#: Some of the ways to each operation, and the number of their arguments.
WAYS = {
    "Acos": of_a_share((tf, "acos"), (keras.ops, "arccos")),
    "AddN": [(types.SimpleNamespace(twice=lambda x: tf.add_n([x, x])), "twice", 1)],
    "AddV2": [(operator, "add", 2), (keras.ops, "add", 2), (tf, "add", 2)],
    "Asin": of_a_share((tf, "asin"), (keras.ops, "arcsin")),
    "Atanh": of_a_share((tf, "atanh"), (keras.ops, "arctanh")),
    "Cast": whole(tf, keras.ops),
    "Ceil": [(keras.ops, "ceil", 1), (tf.math, "ceil", 1)],
    "Cos": [(tf, "cos", 1), (keras.ops, "cos", 1), (tf.math, "cos", 1)],
    "Div": [],
    "Floor": [(tf, "floor", 1), (keras.ops, "floor", 1), (tf.math, "floor", 1)],
    "FloorDiv": [(operator, "floordiv", 2), (keras.ops, "floor_divide", 2)],
    "GatherV2": [
        (types.SimpleNamespace(first=lambda x: tf.reduce_sum(tf.gather([x], [0]))), "first", 1)
    ],
    "Greater": [(operator, "gt", 2), (keras.ops, "greater", 2), (tf, "greater", 2)],
    "GreaterEqual": [(operator, "ge", 2), (keras.ops, "greater_equal", 2)],
    "Less": [(operator, "lt", 2), (keras.ops, "less", 2), (tf, "less", 2)],
    "LessEqual": [(operator, "le", 2), (keras.ops, "less_equal", 2)],
    "Log": [(tf.math, "log", 1), (keras.ops, "log", 1)],
    "Log1p": [(tf.math, "log1p", 1), (keras.ops, "log1p", 1)],
    "LogSoftmax": [],
    "Max": [(tf, "reduce_max", 1), (keras.ops, "max", 1)],
    "Maximum": [(tf, "maximum", 2), (keras.ops, "maximum", 2)],
    "Minimum": [(tf, "minimum", 2), (keras.ops, "minimum", 2)],
    "Mean": [(tf, "reduce_mean", 1), (keras.ops, "mean", 1), (tf.math, "reduce_mean", 1)],
    "Pow": [(operator, "pow", 2), (tf, "pow", 2)],
    "RealDiv": [(operator, "truediv", 2), (keras.ops, "divide", 2), (tf, "divide", 2)],
    "Reciprocal": [(tf.math, "reciprocal", 1)],
    "Relu": [(tf.nn, "relu", 1), (keras.ops, "relu", 1), (keras.activations, "relu", 1)],
    "Relu6": [(tf.nn, "relu6", 1), (keras.ops, "relu6", 1)],
    "Rint": [(tf.math, "rint", 1)],
    "Round": [(tf, "round", 1), (keras.ops, "round", 1), (tf.math, "round", 1)],
    "Rsqrt": [(tf.math, "rsqrt", 1), (keras.ops, "rsqrt", 1)],
    "SelectV2": choices(tf, keras.ops),
    "Sigmoid": [(tf, "sigmoid", 1), (tf.nn, "sigmoid", 1), (keras.ops, "sigmoid", 1)],
    "Sign": [(tf, "sign", 1), (keras.ops, "sign", 1), (tf.math, "sign", 1)],
    "Sin": [(tf, "sin", 1), (keras.ops, "sin", 1), (tf.math, "sin", 1)],
    "Softmax": [],
    "SoftmaxCrossEntropyWithLogits": [],
    "Softplus": [(tf.nn, "softplus", 1), (keras.ops, "softplus", 1)],
    "SparseSoftmaxCrossEntropyWithLogits": [],
    "Sqrt": [(tf, "sqrt", 1), (keras.ops, "sqrt", 1), (tf.math, "sqrt", 1)],
    "StopGradient": [(tf, "stop_gradient", 1), (keras.ops, "stop_gradient", 1)],
    "Sum": [(tf, "reduce_sum", 1), (keras.ops, "sum", 1), (tf.math, "reduce_sum", 1)],
    "Sub": [(operator, "sub", 2), (keras.ops, "subtract", 2), (tf, "subtract", 2)],
    "Tan": [(tf, "tan", 1), (keras.ops, "tan", 1), (tf.math, "tan", 1)],
    "Transpose": [(tf, "transpose", 1), (keras.ops, "transpose", 1)],
}


@pytest.mark.parametrize("clip", [tf.clip_by_value, keras.ops.clip])
def test_a_clip_ends_in_both_of_its_functions(clip):
    def one_more(original):
        return lambda *args, **kwargs: original(*args, **kwargs) + 1.0

    for kind in ("Maximum", "Minimum"):
        with attributes_set(internals.calls_of_operation(kind, one_more)):
            assert float(clip(tf.constant(0.5), 0.0, 1.0)) == 1.5
        assert float(clip(tf.constant(0.5), 0.0, 1.0)) == 0.5


@pytest.mark.parametrize("kind", internals.OPERATION_CALLS)
def test_another_function_takes_the_place_of_an_operation(kind):
    x = tf.constant(7.0)

    def values():
        return [float(getattr(owner, name)(*[x] * count)) for owner, name, count in WAYS[kind]]

    assert all(value >= 0 for value in values())
    other = internals.calls_of_operation(kind, lambda _: lambda *_, **__: tf.constant(-1.0))
    with attributes_set(other):
        assert values() == [-1.0] * len(WAYS[kind])
    assert all(value >= 0 for value in values())


@pytest.mark.parametrize(
    ("kind", "loss", "labels"),
    [
        ("SoftmaxCrossEntropyWithLogits", "categorical_crossentropy", [[0.0, 1.0]]),
        ("SparseSoftmaxCrossEntropyWithLogits", "sparse_categorical_crossentropy", [1]),
    ],
)
def test_every_crossentropy_ends_in_the_same_function(kind, loss, labels):
    shares = tf.constant([[0.25, 0.75]])

    def of_logarithms(made):
        return lambda features, *rest, **named: made(tf.math.log(features), *rest, **named)

    with attributes_set(internals.calls_of_operation(kind, of_logarithms)):
        found = getattr(keras.losses, loss)(tf.constant(labels), shares, from_logits=True)
    assert float(found[0]) == pytest.approx(-np.log(0.75), rel=1e-5)


@pytest.mark.parametrize("softmax", [tf.nn.softmax, keras.ops.softmax, keras.activations.softmax])
def test_every_softmax_ends_in_the_same_function(softmax):
    x = tf.constant([[1.0, 2.0]])
    with attributes_set(internals.calls_of_operation("Softmax", lambda _: lambda x, *_, **__: x)):
        np.testing.assert_array_equal(softmax(x), x)
    assert float(tf.reduce_sum(softmax(x))) == pytest.approx(1.0)


def test_logits_that_are_marked_are_found_by_a_loss():
    logits, labels = tf.constant([[9.0, 1.0]]), tf.constant([0])
    loss = keras.losses.SparseCategoricalCrossentropy()
    plain, marked = tf.fill((1, 2), 0.5), tf.fill((1, 2), 0.5)
    internals.mark_logits(marked, logits)
    assert float(loss(labels, plain)) == pytest.approx(np.log(2))
    assert float(loss(labels, marked)) == pytest.approx(np.log1p(np.exp(-8.0)), rel=1e-3)


def test_a_masked_step_counts_in_no_loss_and_in_no_metric():
    targets, mask = tf.constant([[[1.0], [5.0]]]), tf.constant([[True, False]])
    predictions = keras.Sequential([keras.Input((2, 1)), layers.Masking(-1.0)])(targets * 0 - 1.0)
    assert not np.any(internals.mask_of(predictions))
    plain = tf.zeros((1, 2, 1))
    assert internals.mask_of(plain) is None
    internals.mark_mask(plain, mask)
    assert float(keras.losses.MeanSquaredError()(targets, plain)) == 1.0
    assert float(keras.metrics.MeanAbsoluteError()(targets, plain)) == 1.0


def test_a_plain_variable_becomes_a_weight_of_a_layer():
    plain, layer = tf.Variable([1.0, 2.0]), layers.Dense(1)
    weight = internals.variable_around(plain, "plain")
    assert internals.tensorflow_variable(weight) is plain
    with shadowed([internals.variables_held(layer, [weight])]):
        assert layer.trainable_variables == [weight]
        assert internals.own_variables(layer) == [weight]
    assert layer.trainable_variables == []


def test_a_keras_optimizer_holds_its_rate_steps_and_variables():
    variable = keras.Variable(1.0)
    optimizer = optimizers.SGD(0.5)
    optimizer.build([variable])
    assert float(internals.learning_rate_held(optimizer)) == 0.5
    assert int(internals.iterations(optimizer)) == 0
    assert internals.optimized_variables(optimizer) == [variable]
    schedule = optimizers.schedules.CosineDecay(0.1, 10)
    assert internals.learning_rate_held(optimizers.SGD(schedule)) is schedule


def test_settings_are_read_from_both_kinds_of_optimizers():
    compat = tf.compat.v1.train.MomentumOptimizer(0.1, 0.9)
    assert internals.held_setting(compat, "momentum") == 0.9
    assert internals.held_setting(optimizers.SGD(0.1, momentum=0.8), "momentum") == 0.8
    assert internals.held_setting(optimizers.SGD(), "nonsense") is None


def test_the_rate_of_every_optimizer_of_tensorflow_1_is_found():
    train = tf.compat.v1.train
    for kind in (train.GradientDescentOptimizer, train.AdamOptimizer, train.AdagradOptimizer):
        made = kind(0.25)
        assert getattr(made, internals.rate_name(made)) == 0.25
    assert internals.rate_name(object()) == ""


def test_one_replica_needs_no_sum_over_replicas():
    variable, optimizer = keras.Variable(1.0), optimizers.SGD(0.5)
    internals.short_cut_for_one_replica(optimizer)
    assert internals.SUM_OVER_REPLICAS in vars(optimizer)
    optimizer.apply([tf.constant(1.0)], [variable])
    assert float(variable) == 0.5
    internals.without_short_cut(optimizer)
    assert internals.SUM_OVER_REPLICAS not in vars(optimizer)


def test_keras_keeps_its_seed_for_the_whole_process():
    kept = internals.global_attribute("global_random_seed")
    try:
        keras.utils.set_random_seed(5)
        assert internals.global_attribute("global_random_seed") == 5
        internals.set_global_attribute("global_random_seed", 6)
        assert internals.global_attribute("global_random_seed") == 6
    finally:
        internals.set_global_attribute("global_random_seed", kept)


def test_operations_draw_their_seeds_from_a_generator_of_python():
    tf.random.set_seed(3)
    seed, generator = internals.operation_seeds()
    assert seed == 3
    assert generator.getstate() == random.Random(3).getstate()
    first = float(tf.random.uniform(()))
    assert generator.getstate() != random.Random(3).getstate()
    internals.set_operation_seeds(4, random.Random(4))
    assert internals.operation_seeds()[0] == 4
    tf.random.set_seed(3)
    assert float(tf.random.uniform(())) == first


def test_seeding_can_be_replaced_and_comes_back():
    seen = []
    with internals.seeding_replaced(seen.append) as replaced:
        tf.random.set_seed(11)
    assert replaced
    assert seen == [11]
    tf.random.set_seed(12)
    assert internals.operation_seeds()[0] == 12


# ---- what code does -----------------------------------------------------------------------------


def test_a_compiled_function_is_made_anew_without_its_graphs():
    @tf.function(input_signature=[tf.TensorSpec((None,))], jit_compile=False)
    def double(x):
        return 2 * x

    double(tf.ones(3))
    anew = internals.function_anew(double)
    assert anew.python_function is double.python_function
    assert anew.input_signature == double.input_signature
    assert anew.experimental_get_tracing_count() == 0


def test_functions_are_called_through_another_meanwhile():
    double, triple = tf.function(lambda x: 2 * x), tf.function(lambda x: 3 * x)
    with internals.functions_called_through(lambda _: triple):
        assert float(double(tf.constant(1.0))) == 3.0
    assert float(double(tf.constant(1.0))) == 2.0


def test_reads_of_values_are_told_and_those_of_tensorflow_are_not():
    tensor, variable, told = tf.constant(2.0), tf.Variable(3.0), []
    reads = [
        tensor.numpy,
        lambda: float(tensor),
        lambda: bool(tensor),
        lambda: f"{tensor:.1f}",
        variable.numpy,
        lambda: float(variable),
        lambda: keras.Variable(variable).numpy(),
    ]
    with internals.values_watched(lambda: told.append(None)):
        tf.cond(tensor > 1.0, lambda: tensor, lambda: 2 * tensor)
        tf.while_loop(lambda n: n < 3, lambda n: (n + 1,), (tf.constant(0),))
        assert told == []
        for number, read in enumerate(reads):
            read()
            assert len(told) > number
    told.clear()
    float(tensor)
    assert told == []


def test_functions_are_told_with_what_they_captured_before_they_run():
    variable, told = tf.Variable(1.0), []
    function = tf.function(lambda: variable.assign_add(1.0))
    with internals.functions_watched(lambda inputs: told.append((inputs, float(variable)))):
        function()
    ((inputs, value),) = told
    assert [internals.resource_types(tensor) for tensor in inputs] == [[tf.float32]]
    assert inputs[0] is variable.handle
    assert value == 1.0


def test_the_types_behind_a_handle_are_those_of_a_variable():
    iterator = iter(tf.data.Dataset.range(3))
    assert internals.resource_types(tf.Variable([1]).handle) == [tf.int32]
    assert internals.resource_types(iterator._iterator_resource) == []
    assert internals.resource_types(tf.constant(1.0)) == []


@pytest.mark.parametrize(
    "write",
    [
        lambda v: v.assign([2.0, 2.0]),
        lambda v: v.assign_add([2.0, 2.0]),
        lambda v: v.assign_sub([2.0, 2.0]),
        lambda v: v.scatter_update(tf.IndexedSlices([2.0], [0])),
        lambda v: v.scatter_nd_add([[0]], [2.0]),
        lambda v: v[:1].assign([2.0]),
    ],
)
def test_writes_of_a_variable_are_told_before(write):
    variable, told = tf.Variable([1.0, 1.0]), []
    with internals.writes_watched(lambda v: told.append((v is variable, v.numpy().tolist()))):
        write(variable)
    assert told == [(True, [1.0, 1.0])]
    write(variable)
    assert len(told) == 1


def test_the_tensors_that_old_optimizers_make_of_their_rate():
    train = tf.compat.v1.train
    for make in (train.GradientDescentOptimizer, train.AdamOptimizer):
        with tf.Graph().as_default():
            rate = tf.compat.v1.placeholder(tf.float32, ())
            optimizer = make(rate)
            assert internals.rate_tensors(optimizer) == []
            optimizer.minimize(tf.compat.v1.get_variable("w", initializer=1.0) ** 2)
            assert [tensor is rate for tensor in internals.rate_tensors(optimizer)] == [True]


def test_strategies_of_models_and_optimizers_and_copies_of_variables():
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    with strategy.scope():
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(0.1), "mse")
    (kernel, _) = model.variables
    (copy,) = kernel._value.values
    assert internals.own_strategy(model) is strategy
    assert internals.optimizer_strategy(model.optimizer) is strategy
    assert not internals.works_in_several_processes(strategy)
    assert internals.mirrored_variable(copy) is kernel._value
    assert internals.mirrored_variable(kernel._value) is kernel._value
    plain = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    assert internals.own_strategy(plain) is None
    assert internals.optimizer_strategy(keras.optimizers.SGD(0.1)) is tf.distribute.get_strategy()
    variable = tf.Variable(1.0)
    assert internals.mirrored_variable(variable) is variable
    (owner, name, held) = internals.variable_set_to(kernel, copy)
    setattr(owner, name, held)
    assert kernel.value is copy


#: A way to each operation that draws random numbers.
DRAWING = {
    "RandomShuffle": lambda: tf.random.shuffle([1.0, 2.0, 3.0]),
    "RandomStandardNormal": lambda: tf.random.normal((3,)),
    "RandomUniform": lambda: tf.random.uniform((3,)),
    "RandomUniformInt": lambda: tf.random.uniform((3,), 1, 9, dtype=tf.int32),
    "StatelessRandomNormalV2": lambda: tf.random.stateless_normal((3,), (1, 2)),
    "StatelessRandomUniformIntV2": lambda: tf.random.Generator.from_seed(1).uniform(
        (3,), 1, 9, dtype=tf.int32
    ),
    "StatelessRandomUniformV2": lambda: keras.random.uniform((3,), seed=1),
    "TruncatedNormal": lambda: tf.random.truncated_normal((3,)),
}


@pytest.mark.parametrize("kind", internals.DRAWING_CALLS)
def test_another_function_takes_the_place_of_one_that_draws(kind):
    zeros = internals.calls_of_operation(kind, lambda _: lambda *_, **__: tf.zeros((3,)))
    with attributes_set(zeros):
        np.testing.assert_array_equal(DRAWING[kind](), np.zeros(3))
    assert np.any(DRAWING[kind]())
