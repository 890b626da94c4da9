"""What a slip in code may be, turned round."""

import ast

import pytest

from pytest_converge.training.interventions.edits import edits, never_read
from pytest_converge.training.state.own_code import OwnFunction


def any_name(node):
    return [name for name in "xyhz" if name != node.id] if isinstance(node, ast.Name) else []


def made(body, *, arguments="self, x, y", alike=any_name, unused=()):
    text = f"def call({arguments}):\n    {body}\n"
    tree = ast.parse(text)
    parents = {inner: outer for outer in ast.walk(tree) for inner in ast.iter_child_nodes(outer)}
    lines = tuple(text.splitlines(keepends=True))
    own = OwnFunction(None, tree.body[0], "user.py", lines, parents)
    found = []
    for changes in edits(own, alike, unused, lambda _: never_read(own)):
        changed = own.source(changes)
        ast.parse(changed)
        found.append(changed.splitlines()[-1].strip())
    return found


@pytest.mark.parametrize(
    ("body", "slip"),
    [
        ("return tf.nn.softmax(x, axis=0)", "return tf.nn.softmax(x, axis=-1)"),
        ("return tf.nn.softmax(x, axis=self.axis)", "return tf.nn.softmax(x, axis=1)"),
        (
            "return tf.exp(x - tf.reduce_max(x, axis=0)) / tf.reduce_sum(tf.exp(x), axis=0)",
            "return tf.exp(x - tf.reduce_max(x, axis=1)) / tf.reduce_sum(tf.exp(x), axis=1)",
        ),
        ("return x / y", "return y / x"),
        ("return tf.reduce_sum(x)", "return tf.reduce_mean(x)"),
        ("return x - y", "return y - x"),
        ("return x @ y", "return y @ x"),
        ("return self.loss(x, y)", "return self.loss(y, x)"),
        ("return tf.where(y, x, x + 1)", "return tf.where(y, x + 1, x)"),
        ("return self.drop(x, training=False)", "return self.drop(x, training=True)"),
        ("return x[:, 0]", "return x[:, -1]"),
        ("return x[:, 1:]", "return x[:, :-1]"),
        ("return x[:-1]", "return x[1:]"),
        ("return tf.where(x < y, 1.0, 0.0)", "return tf.where(x > y, 1.0, 0.0)"),
        ("return ~x", "return x"),
        ("return 2 * (x + y)", "return 2 * (x - y)"),
        ("return 2 * tf.exp(x + y)", "return 2 * (x + y)"),
        ("return ~(x | y) & z", "return (x | y) & z"),
        ("return (x - y).shape", "return (y - x).shape"),
        ("return x + y", "return x - y"),
        ("return x + y", "return x"),
        ("return tf.round(x)", "return x"),
        ("return self.f(x)", "return x + self.f(x)"),
        ("return self.f(x) + y", "return self.f(y) + y"),
        ("x = f(x) if y else x; return x", "x = x + f(x) if y else x; return x"),
        (
            "return tf.reshape(x, (-1, 4))",
            "return tf.reshape(tf.transpose(x, [0, 2, 1]), (-1, 4))",
        ),
        ("return tf.transpose(x, [0, 2, 1])", "return tf.transpose(x, [0, 1, 2])"),
        ("return tf.reshape(x, (-1, 8, 8, 1))", "return tf.nn.depth_to_space(x, 2)"),
        ("return tf.stack([x, y], -1)", "return tf.stack([y, x], -1)"),
        ("return (x, y, z)", "return (x, z, y)"),
        ("self.v.assign_add(x)", "self.v.assign_sub(x)"),
        ("return tf.clip_by_value(x, 0.0, 1.0)", "return x"),
        ("return self.f(x) if y else x", "return x + self.f(x) if y else x"),
        ("z = self.f(x); return z", "z = self.f(x, y); return z"),
        ("z = self.f(x); return z", "z = self.f(x, y=y); return z"),
        ("z = x + 1; return z", "z = (x + 1) * (1.0 - y); return z"),
        ("z = -x; return z", "z = x; return z"),
        ("return [x, y]", "return [x, -y]"),
        ("return m * x + (1 - m) * y", "return (1 - m) * x + (m) * y"),
        (
            "self.a.assign(m * (x + 1) + (1.0 - m) * y)",
            "self.a.assign((1 - m) * (x + 1) + (m) * y)",
        ),
    ],
)
def test_one_expression_is_another(body, slip):
    assert slip in made(body)


def test_no_two_are_the_same():
    found = made("return tf.reduce_sum(self.f(x - y), axis=0) / y")
    assert len(found) == len(set(found))


def test_other_attributes_that_hold_a_thing_of_its_kind():
    other = {"self.first": ["self.second"]}
    found = made("return self.first(x)", alike=lambda node: other.get(ast.unparse(node), []))
    assert "return self.second(x)" in found


def test_names_that_hold_nothing_yet_are_no_others():
    found = made("h = self.f(x); z = self.g(h); return z", arguments="self, x")
    assert "h = self.f(x); z = self.g(h); return h" not in found  # in one line: nothing is above
    assert not any("self.f(z)" in each or "self.f(h)" in each for each in found)


def test_what_was_given_and_never_applied_is():
    assert "return self.activation(self.f(x))" in made("return self.f(x)", unused=["activation"])
    assert not any("activation" in each for each in made("return self.f(x)"))


def test_a_share_that_is_set_in_the_function_stays_set():
    found = made("m = 0.1; return m * x + (1 - m) * y")
    assert "m = 0.1; return (1 - m) * x + (m) * y" in found


@pytest.mark.parametrize("body", ["return tf.zeros([2, 3])", "return x[y, 0], x[1:, y]"])
def test_shapes_and_slices_keep_their_order(body):
    assert not any("[3, 2]" in each or "[y, 1:]" in each for each in made(body))


def test_no_rule_waits_for_one_with_many_edits():
    sums = " + ".join(f"tf.reduce_sum(x, axis={n})" for n in (3, 4, 5, 6))
    found = made(f"z = {sums}; return x - y")
    assert found.index(f"z = {sums}; return y - x") < 10
