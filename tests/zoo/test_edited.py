"""Test files with the code of a diagnosis in its place: plain texts, and one training."""

from __future__ import annotations

import textwrap

import keras
import pytest

import benchmarks.diagnosis as benchmark
from pytest_converge.core.diagnosis import Diagnosis
from tests.zoo.called import call_in
from tests.zoo.edited import ForAPersonError, edited

HEAD = """\
import keras, numpy as np, pytest, tensorflow as tf

rng = np.random.default_rng(0)
X = rng.normal(size=(32, 3)).astype("float32")
Y = X[:, :1]
"""

SEQUENTIAL = """
def build():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(8), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.5), "mse")  # as in the book
    return model

@pytest.mark.converges(max_loss=0.1, steps=50)
def test_sick(converge):
    converge.fit(build, X, Y)
"""

OTHER_NAMES = """
def compiled(loss, optimizer="adam"):
    i = keras.Input((3,)); h = keras.layers.Dense(8, "relu", name="wide")(i)
    m = keras.Model(i, keras.layers.Dense(1)(h)); m.compile(optimizer, loss); return m
faulty = lambda: dict(model=lambda: compiled("mae"), x=X, y=Y, batch_size=8)
EXPECT = dict(max_loss=0.1, steps=50)

@pytest.mark.converges(**EXPECT)
def test_sick(converge): converge.fit(**faulty())
"""

CHANGED = """keep = x[:, 0] > 0; x, y = x[keep], y[keep]
norm = keras.layers.Normalization(); norm.adapt(x)  # as the first layer"""

RECTIFIED = 'keras.layers.Dense({}, activation="relu")  # layer dense'

SUBCLASSED = """
class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.first, self.last = keras.layers.Dense(8), keras.layers.Dense(1)

    def call(self, x):
        return self.last(self.first(x))

@pytest.mark.converges(max_loss=0.1)
def test_sick(converge):
    model = Net()
    model(X[:2])
    model.compile(loss="mse", optimizer=keras.optimizers.SGD(0.5))
    converge.fit(model, X, Y, steps=50)
"""

STEP = """
def parts():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    opt = keras.optimizers.SGD(0.5)

    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum((model(x) - y) ** 2)
        grads = tape.gradient(loss, model.trainable_variables)
        opt.apply_gradients(zip(grads, model.trainable_variables))
        return loss

    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(8)
    return step, model, data

@pytest.mark.converges(max_loss=0.1, steps=50)
def test_sick(converge):
    step, model, data = parts()
    converge.step(step, variables=model.trainable_variables, data=data)
"""

OPTIMIZER_IN_STEP = """
W = tf.Variable(tf.zeros((3, 1)))

def step():
    optimizer = keras.optimizers.Adam(0.1)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((X @ W - Y) ** 2)
    optimizer.apply_gradients([(tape.gradient(loss, W), W)])
    return loss

@pytest.mark.converges(max_loss=0.1, steps=50)
def test_sick(converge):
    converge.step(step, variables=[W])
"""

MINIMIZE = """
def problem():
    targets = np.where(Y > 0, 255.0, 0.0).astype("float32")
    w = tf.Variable(tf.zeros((3, 1)))

    def loss():
        return tf.reduce_mean(tf.sqrt((X @ w - targets) ** 2))

    return loss, [w], tf.compat.v1.train.GradientDescentOptimizer(0.5)

@pytest.mark.converges(max_loss=0.1, steps=50)
def test_sick(converge):
    converge.minimize(problem)
"""

LISTED = """
def build():
    model = keras.Sequential([
        keras.Input((3,)),
        keras.layers.Lambda(lambda h: tf.sqrt(h)),
        keras.layers.Dense(1),
    ])
    model.compile("sgd", "mse")
    return model

@pytest.mark.converges(max_loss=0.1, steps=50)
def test_sick(converge):
    converge.fit(build, X, Y)
"""

ATTRIBUTE = """
class Fitted:
    def __init__(self):
        self.w = tf.Variable(tf.zeros((3, 1)))

    def loss(self):
        return tf.reduce_mean((X @ self.w - Y) ** 2)

@pytest.mark.converges(max_loss=0.1, steps=50)
def test_sick(converge):
    fitted = Fitted()
    converge.minimize(fitted.loss, [fitted.w], keras.optimizers.SGD(0.1))
"""

BY_HAND = """
@pytest.mark.converges(max_loss=0.1, steps=50)
def test_sick(converge):
    w = tf.Variable(tf.zeros((3, 1)))

    def descend(x, y):
        with tf.GradientTape() as tape:
            error = tf.reduce_mean((x @ w - y) ** 2)
        w.assign_sub(5.0 * tape.gradient(error, w))
        return error

    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(8)
    converge.step(descend, variables=[w], data=data)
"""

OWN_LAYER = """
class Mine(keras.layers.Layer):
    def build(self, shape):
        self.w = tf.Variable(tf.ones((shape[-1], 3)))

    def call(self, x):
        return x @ self.w

@pytest.mark.converges(max_loss=0.1, steps=50)
def test_sick(converge):
    model = keras.Sequential([keras.Input((3,)), Mine(), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    converge.fit(model, X, Y)
"""

TWO_OPTIMIZERS = """
a, b = tf.Variable(tf.zeros((3, 1))), tf.Variable([0.0])
slow = keras.optimizers.SGD(0.5)
fast = keras.optimizers.SGD(0.125)

def step():
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((X @ a + b - Y) ** 2)
    of_a, of_b = tape.gradient(loss, [a, b])
    slow.apply_gradients([(of_a, a)]); fast.apply_gradients([(of_b, b)])
    return loss

@pytest.mark.converges(max_loss=0.1, steps=50)
def test_sick(converge):
    converge.step(step, variables=[a, b])
"""

SCHEDULE = """
def build():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    rate = keras.optimizers.schedules.ExponentialDecay(1.0, 10, 0.9)
    model.compile(loss="mse", optimizer=keras.optimizers.Adam(learning_rate=rate))
    return model

@pytest.mark.converges(max_loss=0.1, steps=50)
def test_sick(converge):
    converge.fit(build(), X, Y)
"""

LOCAL_DATA = """
def test_sick(converge):
    x, y = X * 100, Y
    model = keras.Sequential()
    model.add(keras.Input((3,)))
    model.add(keras.layers.Dense(8))
    model.add(keras.layers.Dense(1))
    model.compile(optimizer="sgd", loss="mse")
    converge.fit(model, x, y, max_loss=0.1, steps=50)
"""

#: (file, code to paste, what is in the file then, what is no more).
PLACES = {
    "optimizer in compile": (
        SEQUENTIAL,
        "keras.optimizers.SGD(0.05)",
        ['model.compile(keras.optimizers.SGD(0.05), "mse")  # as in the book'],
        ["SGD(0.5)"],
    ),
    "optimizer of a word": (
        OTHER_NAMES,
        "keras.optimizers.Adam(0.1)",
        ["m.compile(keras.optimizers.Adam(0.1), loss)"],
        [],
    ),
    "several lines": (
        OTHER_NAMES,
        "y = y / 2\nkeras.layers.Dense(2)  # layer dense\nkeras.optimizers.Adam(0.1)\nsteps=500",
        ["y = y / 2", "keras.layers.Dense(2)(h)", "compile(keras.optimizers.Adam(0.1)", "=500"],
        ["Dense(1)"],
    ),
    "optimizer by its keyword": (
        SUBCLASSED,
        "keras.optimizers.Adam(0.1)",
        ["optimizer=keras.optimizers.Adam(0.1)"],
        ["SGD"],
    ),
    "optimizer of a step": (
        STEP,
        "keras.optimizers.SGD(0.05)",
        ["opt = keras.optimizers.SGD(0.05)"],
        ["0.5"],
    ),
    "optimizer of TensorFlow 1": (
        MINIMIZE,
        "tf.compat.v1.train.GradientDescentOptimizer(0.05)",
        ["GradientDescentOptimizer(0.05)\n"],
        ["(0.5)"],
    ),
    "one of two optimizers": (
        TWO_OPTIMIZERS,
        "keras.optimizers.SGD(0.0125)  # as fast, instead of SGD(0.125)",
        ["slow = keras.optimizers.SGD(0.5)", "fast = keras.optimizers.SGD(0.0125)"],
        ["SGD(0.125)"],
    ),
    "optimizer made once": (
        OPTIMIZER_IN_STEP,
        "optimizer = keras.optimizers.Adam(0.1)  # once, outside of the step",
        ["kept_optimizer = keras.optimizers.Adam(0.1)\ndef step", "optimizer = kept_optimizer"],
        ["optimizer = keras.optimizers.Adam(0.1)\n    with"],
    ),
    "rate of the schedule": (
        SCHEDULE,
        "optimizer = keras.optimizers.Adam(lambda: 0.1 * schedule(optimizer.iterations))",
        ["schedule = rate", "optimizer=optimizer)"],
        [],
    ),
    "layer in a list": (
        SEQUENTIAL,
        'keras.layers.Dense(8, activation="relu")  # layer dense',
        ["keras.layers.Dense(8, activation='relu'), keras.layers.Dense(1)"],
        ["Dense(8),"],
    ),
    "layer of a class": (
        SUBCLASSED,
        'keras.layers.Dense(8, activation="relu")  # layer dense',
        ["self.last = keras.layers.Dense(8, activation='relu'), keras.layers.Dense(1)\n"],
        [],
    ),
    "layer that keeps its name": (
        OTHER_NAMES,
        'keras.layers.Dense(16, activation="relu")  # layer wide',
        ["keras.layers.Dense(16, activation='relu', name='wide')(i)"],
        [],
    ),
    "normalisation in front of a list": (
        SEQUENTIAL,
        "norm = keras.layers.Normalization(); norm.adapt(x)  # as the first layer",
        ["norm.adapt(X)\n", "[keras.Input((3,)), norm, keras.layers.Dense(8)"],
        [],
    ),
    "normalisation in front of a function": (
        OTHER_NAMES,
        "norm = keras.layers.Normalization(); norm.adapt(x)  # as the first layer",
        ["norm.adapt(X)\n", "(norm(i))"],
        [],
    ),
    "normalisation of local data": (
        LOCAL_DATA,
        "norm = keras.layers.Normalization(); norm.adapt(x)  # as the first layer",
        [
            "norm = keras.layers.Normalization()\n",
            "X * 100, Y)\n    norm.adapt(x)\n",
            "model.add(norm)\n    model.add(keras",
        ],
        [],
    ),
    "layer before the output": (
        SEQUENTIAL,
        'keras.layers.Dense(32, activation="relu")  # before the output',
        ["keras.layers.Dense(8), keras.layers.Dense(32, activation='relu'), keras.layers.Dense(1)"],
        [],
    ),
    "loss": (SEQUENTIAL, "loss=keras.losses.Huber()", ["SGD(0.5), keras.losses.Huber())"], ["mse"]),
    "loss given as an argument": (
        OTHER_NAMES,
        "loss=keras.losses.Huber()",
        ["m.compile(optimizer, keras.losses.Huber())"],
        [],
    ),
    "data before the call": (
        SEQUENTIAL,
        "x = (x - x.mean(axis=0)) / x.std(axis=0)",
        [
            "def pasted(model, x, y, **others):\n        x = (x - x.mean",
            "fit(**pasted(build, X, Y))",
        ],
        [],
    ),
    "data of a dict": (
        OTHER_NAMES,
        "y = y / 255",
        ["y = y / 255", "converge.fit(**pasted(**faulty()))"],
        [],
    ),
    "data of a data set": (
        STEP,
        "y = y[:, None]",
        ["def pasted(x, y):\n        y = y[:, None]", "from_tensor_slices(pasted(X, Y))"],
        [],
    ),
    "data that a function closes over": (
        MINIMIZE,
        "targets = targets / 255",
        [".astype('float32')\n    targets = targets / 255\n"],
        [],
    ),
    "weights before the call": (
        SEQUENTIAL,
        "for v in variables: v.assign_add(0.1 * np.ones(v.shape))",
        ["variables = model.trainable_variables\n", "    for v in variables:"],
        [],
    ),
    "an argument of the call": (
        OTHER_NAMES,
        "converge.fit(model, x, y, batch_size=16)",
        ["'batch_size': 16}"],
        [],
    ),
    "an argument that was not given": (
        SEQUENTIAL,
        "model.fit(x, y, class_weight={0: 2.0})  # and so converge.fit",
        ["converge.fit(build, X, Y, class_weight={0: 2.0})"],
        [],
    ),
    "steps of the marker": (SEQUENTIAL, "steps=500", ["steps=500)"], ["steps=50)"]),
    "steps of the call": (SUBCLASSED, "steps=500", ["converge.fit(model, X, Y, steps=500)"], []),
    "steps of a dict": (OTHER_NAMES, "steps=500", ["converge.fit(**faulty(), steps=500)"], []),
    "operation of a function": (
        MINIMIZE,
        "tf.sqrt(tf.maximum(x, 1e-7))  # in loss",
        ["tf.sqrt(tf.maximum((X @ w - targets) ** 2, 1e-07))"],
        [],
    ),
    "updates of a step": (
        BY_HAND,
        "# in descend: 0.1 times the learning rate",
        ["w.assign_sub(0.1 * (5.0 * tape.gradient(error, w)))"],
        [],
    ),
    "loss of a step": (
        STEP,
        "# in step: loss = loss / 8, as tf.reduce_mean over the rows",
        ["loss = tf.reduce_sum((model(x) - y) ** 2) / 8"],
        [],
    ),
    "weight of a class": (
        OWN_LAYER,
        "self.w = self.add_weight(shape=(3, 3), initializer='ones')  # in mine",
        ["self.w = self.add_weight(shape=(3, 3), initializer='ones')"],
        ["tf.Variable(tf.ones"],
    ),
    "a line": (
        BY_HAND,
        "w.assign_sub(0.1 * tape.gradient(error, w))  # test_one.py:LINE",
        ["w.assign_sub(0.1 * tape.gradient(error, w))"],
        ["w.assign_sub(0.5"],
    ),
    "a line of a longer statement": (
        LISTED,
        "keras.layers.Lambda(lambda h: tf.abs(h)),  # test_one.py:LINE",
        ["keras.layers.Lambda(lambda h: tf.abs(h))"],
        ["tf.sqrt"],
    ),
    "variables by name": (
        MINIMIZE,
        "for n, v in enumerate([w]): v.assign_add(tf.ones(v.shape) * n)",
        ["    w = tf.Variable(tf.zeros((3, 1)))\n    for n, v in enumerate([w]):"],
        [],
    ),
    "a name of its own": (
        MINIMIZE,
        "shift = np.ones((3, 1))\nfor v in [w]: v.assign_add(shift)",
        ["    shift = np.ones((3, 1))\n    for v in [w]:"],
        [],
    ),
    "adapted to changed data": (
        SEQUENTIAL,
        CHANGED,
        ["        x, y = (x[keep], y[keep])\n        norm.adapt(x)", "keras.Input((3,)), norm,"],
        [],
    ),
    "behind a layer": (
        SEQUENTIAL,
        "keras.layers.Rescaling(0.1)  # behind dense",
        ["keras.layers.Dense(8), keras.layers.Rescaling(0.1), keras.layers.Dense(1)"],
        [],
    ),
    "layers of one code": (
        SEQUENTIAL.replace("keras.layers.Dense(8),", "*[keras.layers.Dense(n) for n in (4, 8)],"),
        f"{RECTIFIED.format(4)}\n{RECTIFIED.format(8)}_1",
        ["*[keras.layers.Dense(n, activation='relu') for n in (4, 8)]"],
        [],
    ),
    "in front of a layer": (
        SEQUENTIAL,
        "keras.layers.Rescaling(0.1)  # in front of dense_1",
        ["keras.layers.Dense(8), keras.layers.Rescaling(0.1), keras.layers.Dense(1)"],
        [],
    ),
    "after each update": (
        STEP,
        "for v in model.trainable_variables: v.assign(v)  # after each update",
        ["model.trainable_variables))\n        for v in model.trainable_variables:"],
        [],
    ),
    "an attribute": (
        ATTRIBUTE,
        "for v in [self.w]: v.assign_add(tf.ones(v.shape))  # in Fitted",
        ["        self.w = tf.Variable(tf.zeros((3, 1)))\n        for v in [self.w]:"],
        [],
    ),
    "before compile": (
        SEQUENTIAL,
        "model.trainable = True  # before compile",
        ["    model.trainable = True\n    model.compile("],
        [],
    ),
}


def pasted(tmp_path, source, fix):
    path = tmp_path / "test_one.py"
    path.write_text(HEAD + source, encoding="utf-8")
    keras.backend.clear_session()
    called = call_in(path, "test_sick", 0, build=True)
    text = edited(path.read_text(encoding="utf-8"), fix, called)
    path.write_text(text, encoding="utf-8")
    call_in(path, "test_sick", 0, build=True)  # it runs
    return text


@pytest.mark.parametrize("name", PLACES)
def test_a_line_goes_where_a_user_would_paste_it(tmp_path, name):
    source, fix, there, gone = PLACES[name]
    lines = enumerate((HEAD + source).splitlines(), 1)
    begun = [n for n, line in lines if line.strip().startswith(("w.assign", "keras.layers.Lambda"))]
    fix = fix.replace("LINE", str(*begun[:1]))
    text = pasted(tmp_path, source, fix)
    for part in there:
        assert part in text
    for part in gone:
        assert part not in text
    assert text.startswith(HEAD.partition("\n")[0])


def test_what_is_not_changed_stays_as_it_is_written(tmp_path):
    text = pasted(tmp_path, SEQUENTIAL, "steps=500")
    assert text == (HEAD + SEQUENTIAL).replace("steps=50)", "steps=500)")


@pytest.mark.parametrize(
    ("source", "fix", "reason"),
    [
        (SEQUENTIAL, "", "no code"),
        (SEQUENTIAL, "encode all labels by one mapping, fitted once", "words, no code"),
        (SEQUENTIAL, "keras.layers.Dense(9)  # layer hidden", "the file makes no layer hidden"),
        (SEQUENTIAL, "h = h / 2", "is no function of the file"),
        (TWO_OPTIMIZERS, "keras.optimizers.SGD(0.01)", "optimizers are made in 2 places"),
        (BY_HAND, "# in descend: subtract the learning rate", "words, no code"),
    ],
)
def test_a_place_that_is_not_clear_is_left_to_a_person(tmp_path, source, fix, reason):
    with pytest.raises(ForAPersonError, match=reason):
        pasted(tmp_path, source, fix)


def test_a_layer_made_in_one_place_with_others_is_left_to_a_person(tmp_path):
    source = SEQUENTIAL.replace(
        "keras.layers.Dense(8), keras", "*[keras.layers.Dense(8) for _ in range(2)], keras"
    )
    fix = 'keras.layers.Dense(8, activation="relu")  # layer'
    with pytest.raises(ForAPersonError, match="makes dense_1 too"):
        pasted(tmp_path, source, f"{fix} dense")
    assert "[keras.layers.Dense(8, activation='relu') for _" in pasted(
        tmp_path, source, f"{fix}s dense, dense_1"
    )


def test_modules_that_the_file_lacks_are_imported(tmp_path):
    path = tmp_path / "test_one.py"
    source = textwrap.dedent("""\
        from keras import Input, Sequential, layers
        import numpy

        def test_sick(converge):
            model = Sequential([Input((2,)), layers.Dense(1)])
            model.compile("sgd", "mse")
            converge.fit(model, numpy.ones((8, 2)), numpy.ones((8, 1)))
        """)
    path.write_text(source, encoding="utf-8")
    keras.backend.clear_session()
    called = call_in(path, "test_sick", 0, build=True)
    text = edited(source, "keras.optimizers.SGD(0.1)\ny = np.log(y)", called)
    assert text.startswith("import keras\nimport numpy as np\nfrom keras import Input")


QUICK = SEQUENTIAL.replace("SGD(0.5)", "SGD(50.0)")


@pytest.mark.parametrize(
    ("fix", "good", "why"),
    [
        ("keras.optimizers.SGD(0.1)", 2, ""),
        ("keras.optimizers.SGD(60.0)", 0, ""),
        ("x = x.standardised()", 0, "AttributeError: 'numpy.ndarray' object has no attribute"),
        ("encode all labels by one mapping", None, "for a person: words, no code"),
    ],
    ids=["it passes", "it does not", "it does not run", "words"],
)
def test_an_edited_file_is_trained_by_hand(tmp_path, monkeypatch, fix, good, why):
    monkeypatch.setattr(benchmark, "FRESH_SEEDS", range(2))
    path = tmp_path / "test_one.py"
    path.write_text(HEAD + QUICK, encoding="utf-8")
    found = Diagnosis(cause="learning-rate-too-high", message="", fix=fix)
    (tmp_path / "kept").mkdir()
    number, said = benchmark.check_file(path, found, tmp_path / "kept")
    assert number == good
    assert said.startswith(why)
    assert (tmp_path / "kept" / path.name).exists() == (good is not None)


def test_a_function_that_builds_a_problem_is_handed_on(tmp_path):
    """So that a repair is tried from every start that it draws."""
    path = tmp_path / "test_one.py"
    path.write_text(
        HEAD
        + """
def test_sick(converge):
    def build():
        w = tf.Variable(tf.random.normal(()))
        return lambda: (w - 1.0) ** 2, [w], keras.optimizers.SGD(0.1)

    converge.minimize(build)
""",
        encoding="utf-8",
    )
    call = call_in(path, "test_sick", 0).start.call
    assert call.builder is call.loss
    assert call_in(path, "test_sick", 0, build=True).start.call.builder is None
