"""A test file with the code of a diagnosis pasted into it, as a careful user would.

    keras.backend.clear_session()  # names of layers are counted from here
    called = call_in(path, "test_sick", 0, build=True)
    text = edited(path.read_text(), 'keras.layers.Dense(8, "relu")  # layer dense', called)

What a line is about follows from what it says: a layer takes the place of the one in its comment
where the file makes that; an optimizer that of the one in use; lines about the data go before the
call, or behind the place where the data is made if a function closes over it. Where a person would
have to think, `ForAPersonError` says about what.
"""

from __future__ import annotations

import ast
import builtins
import copy
import dataclasses
import functools
import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any, cast

import keras
import numpy as np
import tensorflow as tf

from pytest_converge.core.calls import FitCall, MinimizeCall, StepCall
from pytest_converge.core.expectation import Expectation
from pytest_converge.training.interventions import pasted
from tests.zoo.called import Called, Made, Place
from tests.zoo.source import (
    ForAPersonError,
    Function,
    Source,
    assigned,
    bound_by,
    bound_inside,
    filled,
    last_name,
    loaded,
    names_in,
    of_comprehensions,
    parameters,
    parsed,
    statements,
)

__all__ = ["ForAPersonError", "edited"]

KNOWN: dict[str, Any] = {"keras": keras, "np": np, "tf": tf}
OPTIMIZERS = (keras.optimizers.Optimizer, tf.compat.v1.train.Optimizer)
CALLS = {kind.verb: kind for kind in (FitCall, MinimizeCall, StepCall)}
#: What the marker takes, and the verbs beside their own arguments.
EXPECTED = frozenset(field.name for field in dataclasses.fields(Expectation))
#: Names that stand for what the code around them has instead, as `x` in `tf.sqrt(x)`.
STANDING_IN = frozenset({"a", "b", "h", "p", "x"})
#: Functions that are the same, by the last part of their names.
SAME = {"divide_no_nan": "divide"}


def edited(source: str, fix: str, called: Called, *, test: str = "test_sick") -> str:
    """The source of a file with some code in its place.

    Args:
        source: of the file.
        fix: code to paste.
        called: the call of the test, with a model that is built.
        test: the name of the test.

    Raises:
        ForAPersonError: no place, or more than one, and none better.
    """
    if not fix.strip():
        raise ForAPersonError("no code")
    try:
        parsed = ast.parse(fix)
    except SyntaxError:
        raise ForAPersonError("words, no code") from None
    edit = _Edit(source, called, test)
    lines = fix.splitlines()
    notes = [line.strip() for line in lines if line.strip().startswith("#")]
    for node in parsed.body:
        edit.place(node, lines[(node.end_lineno or 1) - 1].partition("  # ")[2].strip())
    for note in notes:
        edit.note(note.removeprefix("#").strip())
    return edit.text()


class _Edit:
    """A file while it is edited.

    Attributes:
        lines: those that go before the call.
        settings: arguments of the call that are set to values, as code.
        of_arrays: lines about the arrays of which the data set is made.
        waiting: lines that go where the next one goes.
        alike: the layers that get some settings where one code makes several.
        left: those of the same code that wait for the line that gives them the same settings.
        norm: what a layer is called that a diagnosis calls `norm`, which the file may know.
    """

    def __init__(self, source: str, called: Called, test: str) -> None:
        self.source, self.called = Source(source), called
        call = self.source.call_at(called.place)
        if call is None:
            raise ForAPersonError("nobody sees where the verb is called")
        self.call = call
        (found,) = self.source.functions(lambda _, name: name == test)
        self.test = cast("ast.FunctionDef", found)
        self.lines: list[ast.stmt] = []
        self.settings: dict[str, str] = {}
        self.of_arrays: list[ast.stmt] = []
        self.waiting: list[ast.stmt] = []
        self.alike: dict[str, set[str]] = {}
        self.left: dict[str, str] = {}
        known = any("norm" in bound_by(each) for each in ast.walk(self.source.tree))
        self.norm = "norm_of_data" if known else "norm"

    # ---- what a line is about -------------------------------------------------------------------

    def place(self, node: ast.stmt, comment: str) -> None:
        """Puts one line of the code where it belongs."""
        for kind in (
            self._at_a_line,
            self._after_updates,
            self._layers,
            self._norm,
            self._in_init,
            self._of_a_class,
            self._in_a_function,
            self._through,
            self._keywords,
            self._optimizer,
            self._loss,
            self._expected,
            self._compiled_with,
            self._object,
            self._process,
            self._argument_lines,
            self._held,
            self._for_the_next,
        ):
            if kind(node, comment):
                return
        raise ForAPersonError(f"where is {ast.unparse(node)}?")

    def note(self, note: str) -> None:
        """A line that is a comment alone: what to do in a function."""
        named = re.match(r"in (\w+): (.+)", note)
        if named is None:
            raise ForAPersonError(f"words, no code: {note}")
        function = self._function_named(named[1])
        if isinstance(function, ast.Lambda):
            raise ForAPersonError(f"{named[1]} is a lambda")
        times = re.match(r"([-\d.e]+) times the learning rate$", named[2])
        loss = re.match(r"loss = ([^,]+)", named[2])
        if times:
            self._updates_times(function, times[1])
        elif loss:
            self._loss_changed(function, loss[1])
        else:
            raise ForAPersonError(f"words, no code: {note}")

    def _at_a_line(self, node: ast.stmt, comment: str) -> bool:
        """`loss = total / 32  # test_wine.py:12`: in the place of that statement."""
        named = re.fullmatch(r"[\w.-]+\.py:(\d+)", comment)
        if named is None:
            return False
        old = self.source.node_at(int(named[1]))
        new: ast.AST = node
        if isinstance(old, ast.expr) and isinstance(node, ast.Expr):
            new = node.value.elts[0] if isinstance(node.value, ast.Tuple) else node.value
        if isinstance(old, ast.expr) != isinstance(new, ast.expr):
            raise ForAPersonError(f"{ast.unparse(old)} is no {ast.unparse(new)}")
        self.source.replace(old, new)
        return True

    def _layers(self, node: ast.stmt, comment: str) -> bool:
        named = re.fullmatch(r"layers? (.+)", comment)
        if named is None or not isinstance(node, ast.Expr):
            return False
        names = named[1].split(", ")
        sites = self._sites([self._layer(name) for name in names])
        alike = [
            name
            for name, layer in self.called.layers.items()
            if self.source.call_at(layer.place) in sites and name not in names
        ]
        kind = self._kind(node)
        inside = [name for name in alike if type(self._layer(name).made) is kind]
        if inside:
            self._set_alike(node.value, names, inside)
            return True
        for site in sites:
            self.source.replace(site, self._renamed(node.value, site))
        return True

    def _set_alike(self, code: ast.expr, names: list[str], others: list[str]) -> None:
        """Settings of layers that one code makes with others, as in a loop, where all get them."""
        changed = [self._settings_changed(self._layer(name).made, code) for name in names]
        if any(each != changed[0] for each in changed):
            raise ForAPersonError(f"the code of {names[0]} makes {others[0]} too")
        setting = "; ".join(f"{name}={value}" for name, value in changed[0].items())
        self.alike.setdefault(setting, set()).update(names)
        for site in self._sites([self._layer(name) for name in names]):
            for name, value in changed[0].items():
                given = [each for each in site.keywords if each.arg == name]
                if given and not value:
                    site.keywords.remove(given[0])
                elif given and ast.unparse(given[0].value) != value:
                    self.source.replace(given[0].value, parsed(value))
                elif not given and value:
                    self.source.add_keyword(site, name, parsed(value))
        self.left.update(dict.fromkeys(others, setting))

    def _settings_changed(self, layer: Any, code: ast.expr) -> dict[str, str]:
        """The settings that some code gives a layer and that it has otherwise; empty for none."""
        own = ast.parse(pasted.call(type(layer), layer.get_config()), mode="eval").body
        before, after = (
            {str(each.arg): ast.unparse(each.value) for each in getattr(x, "keywords", ())}
            for x in (own, code)
        )
        given, plain = ([ast.unparse(y) for y in getattr(x, "args", ())] for x in (code, own))
        if given != plain:
            raise ForAPersonError(f"the code of {layer.name} makes others too")
        every = {name: after.get(name, "") for name in {**before, **after}}
        return {name: value for name, value in every.items() if before.get(name) != value}

    def _layer(self, name: str) -> Made:
        if name not in self.called.layers:
            raise ForAPersonError(f"the file makes no layer {name}")
        return self.called.layers[name]

    def _sites(self, every: Iterable[Made]) -> list[ast.Call]:
        """Where the file makes objects, each place once."""
        found = [self._site(each.place, type(each.made)) for each in every]
        return list(dict.fromkeys(found))

    def _site(self, place: Place, kind: type) -> ast.Call:
        """The call at a place that makes an object of a class: it, or one inside of it."""
        node = self.source.call_at(place)
        if node is None:
            raise ForAPersonError(f"nobody sees where {kind.__name__} is made")
        candidates = [node, *(x for x in ast.walk(node) if x is not node)]
        made = [x for x in candidates if isinstance(x, ast.Call) and self._makes(x, kind)]
        if isinstance(node, ast.Call) and node in made:
            return node
        if len(made) != 1:
            raise ForAPersonError(f"{ast.unparse(node)} makes {kind.__name__}, and how is unclear")
        return made[0]

    def _makes(self, call: ast.Call, kind: type) -> bool:
        made = self._evaluated(call.func)
        if isinstance(made, functools.partial):
            made = made.func
        if isinstance(made, type):
            return made is kind
        return last_name(call.func) == kind.__name__

    def _evaluated(self, node: ast.AST) -> Any:
        """What code is worth where the verb is called; None where nobody knows."""
        names = {**vars(builtins), **KNOWN, **self.called.names}
        if not isinstance(node, (ast.Name, ast.Attribute)):
            return None
        try:
            return eval(ast.unparse(node), names)  # noqa: S307 - a name
        except (AttributeError, NameError):
            return None

    def _renamed(self, code: ast.expr, old: ast.Call) -> ast.expr:
        """The code with the name that the old call gives: another part of the file may read it."""
        given = [keyword for keyword in old.keywords if keyword.arg == "name"]
        named = [keyword for keyword in getattr(code, "keywords", ()) if keyword.arg == "name"]
        if not isinstance(code, ast.Call) or named:
            return code
        return ast.Call(code.func, code.args, [*code.keywords, *given])

    # ---- layers beside others -------------------------------------------------------------------

    def _norm(self, node: ast.stmt, comment: str) -> bool:
        """A layer in front of all others, before the output, or in the place of one."""
        where = re.match(
            r"as the first layer|before the output|in (place|front) of (\w+)|(behind) (\w+)$",
            comment,
        )
        if where is None:
            return False
        self._rename(node, "norm", self.norm)
        if isinstance(node, ast.Assign) or not _is_layer(self._kind(node)):
            self._made_for_all(node)
            if isinstance(node, ast.Assign):
                return True
            code: ast.expr = ast.Name(self.norm, ast.Load())
        else:
            code = node.value  # type: ignore[attr-defined]
        placed = {"place": self.source.replace, "front": self._in_front_of, "behind": self._behind}
        kind, name = where[1] or where[3], where[2] or where[4]
        for site in self._sites([self._layer(name)]) if name else ():
            placed[kind](site, code)
        if not name:
            self._beside(code, front=comment.startswith("as the first"))
        return True

    def _made_for_all(self, node: ast.stmt) -> None:
        """A line that makes or adapts a layer, where all that it names is known.

        It is adapted to what the lines before it make of the data.
        """
        if loaded(node) & {name for line in self.lines for name in bound_by(line)}:
            self.lines.append(node)
            return
        for name in sorted(loaded(node) & {"x", "y", "dataset"}):
            self._rename(node, name, self._name_of_argument("x" if name == "dataset" else name))
        needed = loaded(node) - {self.norm, *KNOWN, *vars(builtins)}
        needed -= {each.arg for each in ast.walk(node) if isinstance(each, ast.arg)}
        local = sorted(name for name in needed if name in self.called.local)
        scope: ast.FunctionDef | ast.Module = self.test if local else self.source.tree
        behind = self.source.last_binding(scope, needed) if needed else None
        lines = [node]
        if local and self.norm in bound_by(node):
            lines.insert(0, ast.Global([self.norm]))
        if behind is None:
            self.source.insert_at_the_top(node)
        else:
            self.source.insert(behind, lines, behind=True)

    def _name_of_argument(self, name: str) -> str:
        value = self.called.start.arguments.get(name)
        names = self.called.names
        if names.get(name) is value and value is not None:
            return name
        for other, held in names.items():
            if held is value and value is not None:
                return other
        raise ForAPersonError(f"where the layer is made, {name} has no name")

    def _rename(self, node: ast.AST, old: str, new: str) -> None:
        for each in ast.walk(node):
            if isinstance(each, ast.Name) and each.id == old:
                each.id = new

    def _beside(self, code: ast.expr, *, front: bool) -> None:
        model = self.called.start.arguments.get("model")
        if isinstance(model, keras.Sequential):
            self._in_sequential(model, code, front=front)
        elif type(model).__name__ == "Functional" and type(model) is not keras.Sequential:
            self._in_functional(model, code, front=front)
        elif front and model is not None:
            function = self._method_of(type(model), "call")
            first = function.args.args[1].arg
            line = ast.Assign(
                [ast.Name(first, ast.Store())], ast.Call(code, [ast.Name(first, ast.Load())], [])
            )
            self.source.insert_first(function, [line])
        else:
            raise ForAPersonError("the model is of a class of its own, or held by a function")

    def _in_front_of(self, site: ast.Call, code: ast.expr) -> None:
        """A layer before the one that a place makes."""
        parent, now = self.source.parent(site), self.source.now(site)
        if isinstance(parent, (ast.List, ast.Tuple)):
            parent.elts.insert(parent.elts.index(now), code)
        elif isinstance(parent, ast.Call) and parent.func is now and parent.args:
            parent.args[0] = ast.Call(code, [parent.args[0]], [])
        elif isinstance(parent, ast.Call) and last_name(parent.func) == "add":
            line = ast.Expr(ast.Call(copy.deepcopy(parent.func), [code], []))
            self.source.insert(self.source.statement_of(site), [line])
        elif isinstance(parent, ast.Assign):
            name = last_name(parent.targets[0])
            calls = [each for each in self.source.calls(name=name) if each.args]
            if len(calls) != 1:
                raise ForAPersonError(f"{name} is called in {len(calls)} places")
            calls[0].args[0] = ast.Call(code, [calls[0].args[0]], [])
        else:
            raise ForAPersonError(f"what goes into {ast.unparse(site)} is unclear")

    def _behind(self, site: ast.Call, code: ast.expr) -> None:
        """A layer behind the one that a place makes."""
        parent, now = self.source.parent(site), self.source.now(site)
        if isinstance(parent, (ast.List, ast.Tuple)):
            parent.elts.insert(parent.elts.index(now) + 1, code)
        elif isinstance(parent, ast.Call) and parent.func is now:
            self.source.replace(parent, ast.Call(code, [copy.deepcopy(parent)], []))
        elif isinstance(parent, ast.Assign):
            name = last_name(parent.targets[0])
            calls = [each for each in self.source.calls(name=name) if each.args]
            if len(calls) != 1:
                raise ForAPersonError(f"{name} is called in {len(calls)} places")
            self.source.replace(calls[0], ast.Call(code, [copy.deepcopy(calls[0])], []))
        else:
            raise ForAPersonError(f"what comes out of {ast.unparse(site)} is unclear")

    def _in_sequential(self, model: Any, code: ast.expr, *, front: bool) -> None:
        (place,) = [each.place for each in self.called.made if each.made is model] or [None]
        site = None if place is None else self._site(place, keras.Sequential)
        given = site.args[0] if site is not None and site.args else None
        if not isinstance(given, ast.List):
            self._by_add(model, code, front=front)
        elif front:
            first = next(iter(given.elts), None)
            inputs = isinstance(first, ast.Call) and last_name(first.func) in (
                "Input",
                "InputLayer",
            )
            given.elts.insert(int(inputs), code)
        else:
            given.elts.insert(len(given.elts) - 1, code)

    def _by_add(self, model: Any, code: ast.expr, *, front: bool) -> None:
        """Before the statement `model.add(...)` of the first layer, or of the last."""
        layer = model.layers[0 if front else -1]
        statement = self.source.statement_of(self._sites([self._layer(layer.name)])[0])
        added = statement.value if isinstance(statement, ast.Expr) else None
        if not isinstance(added, ast.Call) or last_name(added.func) != "add":
            raise ForAPersonError("how the model gets its layers is unclear")
        line = ast.Expr(ast.Call(copy.deepcopy(added.func), [code], []))
        self.source.insert(statement, [line])

    def _in_functional(self, model: Any, code: ast.expr, *, front: bool) -> None:
        layers = [x for x in model.layers if not isinstance(x, keras.layers.InputLayer)]
        inputs = {id(tensor) for tensor in model.inputs}
        if front:
            used = [x for x in layers if any(id(t) in inputs for t in _tensors_into(x))]
        else:
            used = [x for x in layers if any(x.output is out for out in model.outputs)]
        if len(model.inputs) != 1 or len(used) != 1:
            raise ForAPersonError("the layer would go in front of several")
        (site,) = self._sites([self._layer(used[0].name)])
        parent, site = self.source.parent(site), self.source.now(site)
        if not isinstance(parent, ast.Call) or parent.func is not site or not parent.args:
            raise ForAPersonError(f"what {used[0].name} is called with is not beside it")
        parent.args[0] = ast.Call(code, [parent.args[0]], [])

    # ---- code in functions and classes ----------------------------------------------------------

    def _in_init(self, node: ast.stmt, comment: str) -> bool:
        """`self.w.assign(...)  # in Locator`: at the end of what makes an object of that class."""
        kinds = [x for x in ast.walk(self.source.tree) if isinstance(x, ast.ClassDef)]
        named = re.fullmatch(r"in (\w+)", comment)
        if named is None or named[1] not in [each.name for each in kinds]:
            return False
        for each in self.source.class_named(named[1]).body:
            if isinstance(each, ast.FunctionDef) and each.name == "__init__":
                lines, self.waiting = [*self.waiting, node], []
                self.source.insert(each.body[-1], lines, behind=True)
                return True
        raise ForAPersonError(f"{named[1]} has no __init__")

    def _of_a_class(self, node: ast.stmt, comment: str) -> bool:
        """`self.w = ...  # in mine`: where the class of the layer sets that attribute."""
        named = re.match(r"in (?:layer )?(\w+(?:, \w+)*?)(?:, behind .*)?$", comment)
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        own = isinstance(target, ast.Attribute) and ast.unparse(target.value) == "self"
        if named is None or not own or not isinstance(node, ast.Assign):
            return False
        layers = [self._layer(name) for name in named[1].split(", ")]
        (kind,) = {type(each.made).__name__ for each in layers}
        attribute = ast.unparse(node.targets[0])
        owner = self.source.class_named(kind)
        sets = [
            each
            for each in ast.walk(owner)
            if isinstance(each, ast.Assign)
            if any(ast.unparse(target) == attribute for target in each.targets)
        ]
        plain = [each for each in sets if "Variable(" in ast.unparse(each)]  # beside tracked ones
        (old,) = plain if len(plain) == 1 else sets if len(sets) == 1 else [None]
        goes_on = attribute in map(ast.unparse, ast.walk(node.value))
        if old is None and goes_on:
            self.source.insert(
                self._method_that_fills(owner, attribute).body[-1], [node], behind=True
            )
        elif old is None:
            raise ForAPersonError(f"{kind} sets {attribute} in {len(sets)} places")
        elif goes_on:
            self.source.insert(old, [node], behind=True)
        else:
            self.source.replace(old.value, node.value)
        return True

    def _method_that_fills(self, owner: ast.ClassDef, attribute: str) -> ast.FunctionDef:
        """The only method of a class that appends to one of its attributes."""
        found = [
            each
            for each in owner.body
            if isinstance(each, ast.FunctionDef) and f"{attribute}.append(" in ast.unparse(each)
        ]
        if len(found) != 1:
            raise ForAPersonError(f"{len(found)} methods of {owner.name} fill {attribute}")
        return found[0]

    def _after_updates(self, node: ast.stmt, comment: str) -> bool:
        """`for total in self.sums: ...  # after each update`: behind that of the optimizer."""
        if comment != "after each update":
            return False
        made = [
            call
            for name in ("apply_gradients", "apply")
            for call in self.source.calls(self._own_function(), name)
        ]
        if len(made) != 1:
            raise ForAPersonError(f"the step has {len(made)} updates")
        self.source.insert(self.source.statement_of(made[0]), [node], behind=True)
        return True

    def _in_a_function(self, node: ast.stmt, comment: str) -> bool:
        """`tf.sqrt(tf.maximum(x, 1e-7))  # in rmse`: in all places of that function."""
        named = re.match(r"in (.+)", comment)
        if named is None or not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
            return False
        name = named[1].partition(":")[0]
        where = self._loss_function() if name == "the loss" else self._function_named(name)
        template = node.value
        sites = [each for each in ast.walk(where) if _is_same(each, template)]
        if not sites:
            raise ForAPersonError(f"no {last_name(template.func)} in {name}")
        for site in reversed(sites):  # the inner ones first
            self.source.replace(site, _filled(template, site))
        return True

    def _through(self, node: ast.stmt, comment: str) -> bool:
        """`tf.identity(h)  # instead of tf.stop_gradient(h)`: everywhere in the file."""
        named = re.match(r"instead of [\w.]*?(\w+)\(\w+\)$", comment)
        if named is None or not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
            return False
        if _is_optimizer(self._kind(node)):
            return False
        sites = [each for each in self.source.calls(name=named[1]) if each.args]
        if len(sites) != 1:
            raise ForAPersonError(f"{named[1]} is called in {len(sites)} places")
        self.source.replace(sites[0], _filled(node.value, sites[0]))
        return True

    def _updates_times(self, function: ast.FunctionDef, factor: str) -> None:
        """All that a function subtracts from variables times a factor."""
        every = self.source.calls(function)
        changes = [each for each in every if last_name(each.func).startswith("assign")]
        if not changes or any(last_name(each.func) != "assign_sub" for each in changes):
            raise ForAPersonError(f"{function.name} makes its updates in ways of its own")
        for each in changes:
            product = ast.BinOp(parsed(factor), ast.Mult(), each.args[0])
            self.source.replace(each.args[0], product)

    def _loss_changed(self, function: ast.FunctionDef, code: str) -> None:
        """What a function takes the gradient of, by some code about `loss`."""
        tapes = [each for each in self.source.calls(function, "gradient") if each.args]
        name = ast.unparse(tapes[0].args[0]) if len(tapes) == 1 else ""
        sets = [
            each
            for each in ast.walk(function)
            if isinstance(each, ast.Assign) and [ast.unparse(t) for t in each.targets] == [name]
        ]
        if len(sets) != 1:
            raise ForAPersonError(f"where {function.name} has its loss is unclear")
        self.source.replace(sets[0].value, filled(parsed(code), {"loss": sets[0].value}))

    def _function_named(self, name: str) -> Function:
        found = self.source.functions(lambda _, own: own == name)
        if name.startswith("the step") or not found:
            return self._own_function()
        if len(found) != 1:
            raise ForAPersonError(f"{len(found)} functions {name}")
        return found[0]

    def _method_of(self, kind: type, name: str) -> ast.FunctionDef:
        owner = next((each for each in kind.__mro__ if name in vars(each)), kind)
        for each in self.source.class_named(owner.__name__).body:
            if isinstance(each, ast.FunctionDef) and each.name == name:
                return each
        raise ForAPersonError(f"{kind.__name__} has no {name}")

    def _own_function(self) -> Function:
        """What the user's code does in every step: the step, the loss, or `train_step`."""
        arguments, verb = self.called.start.arguments, self.called.start.verb
        if verb != "fit":
            return self._function_of(arguments["step" if verb == "step" else "loss"])
        model = arguments["model"]
        if type(model).train_step is not keras.Model.train_step:
            return self._method_of(type(model), "train_step")
        return self._loss_function()

    def _loss_function(self) -> Function:
        arguments, verb = self.called.start.arguments, self.called.start.verb
        if verb != "fit":
            return self._own_function()
        loss = arguments.get("loss") or getattr(arguments["model"], "loss", None)
        if loss is None:
            return self._own_function()
        return self._function_of(loss)

    def _function_of(self, function: Any) -> Function:
        """The definition of a function of the file."""
        function = inspect.unwrap(getattr(function, "python_function", function))
        function = getattr(function, "__func__", function)
        if not inspect.isfunction(function):
            raise ForAPersonError(f"{type(function).__name__} is no function of the file")
        code = function.__code__

        def fits(each: Function, name: str) -> bool:
            if isinstance(each, ast.Lambda):
                return code.co_name == "<lambda>" and each.lineno == code.co_firstlineno
            first = min([each.lineno, *(x.lineno for x in each.decorator_list)])
            return name == code.co_name and first == code.co_firstlineno

        found = self.source.functions(fits)
        if len(found) != 1:
            raise ForAPersonError(f"where {code.co_name} is written is unclear")
        return found[0]

    # ---- the call, the optimizer, compile -------------------------------------------------------

    def _keywords(self, node: ast.stmt, _: str) -> bool:
        """`model.fit(x, y, class_weight=...)`: arguments by name."""
        if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
            return False
        if ast.unparse(node.value.func) not in ("model.fit", "converge.fit"):
            return False
        for keyword in node.value.keywords:
            self._argument(str(keyword.arg), ast.unparse(keyword.value))
        return True

    def _argument(self, name: str, value: str) -> None:
        """Sets an argument of the call, in the marker if that says it now."""
        for keywords in (self.call.keywords, *self._marked()):
            for keyword in keywords:
                if keyword.arg == name:
                    self.source.replace(keyword.value, parsed(value))
                    return
        if name in self.called.of_the_call:
            self.settings[name] = value
        else:
            self.call.keywords.append(ast.keyword(name, parsed(value)))

    def _marked(self) -> Iterator[list[ast.keyword]]:
        for decorator in self.test.decorator_list:
            if isinstance(decorator, ast.Call) and last_name(decorator.func) == "converges":
                yield decorator.keywords

    def _optimizer(self, node: ast.stmt, comment: str) -> bool:
        assigned = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "optimizer"
        if not _is_optimizer(self._kind(node)) or not (assigned or isinstance(node, ast.Expr)):
            return False
        code = node.value  # type: ignore[attr-defined]
        if "once, outside of the step" in comment:
            self._kept_outside(code)
            return True
        sites = self._optimizer_sites(comment, self._kind(node))
        if len(sites) != 1:
            raise ForAPersonError(f"optimizers are made in {len(sites)} places")
        (site,) = sites
        around = loaded(code) & {"schedule", "optimizer"}
        if not around:
            self.source.replace(site, code)
            return True
        self._around_schedule(site, code)
        return True

    def _optimizer_sites(self, comment: str, kind: Any) -> list[ast.expr]:
        """Where the optimizers are made that a line may mean."""
        every = self.called.optimizers
        named = re.search(r"instead of (\w+)\(([-\d.e]+)\)", comment)
        if named:
            rate = float(named[2])
            alike = [each for each in every if type(each.made).__name__ == named[1]]
            every = [e for e in alike if np.isclose(_rate(e.made), rate, rtol=1e-2)]
            called = re.match(r"as ([\w.]+),", comment)
            if len(every) > 1 and called:
                every = [each for each in every if self._is_called(each, called[1])]
        sites: list[ast.expr] = []
        for each in every:
            node = self.source.call_at(each.place)
            if isinstance(node, ast.Call) and last_name(node.func) == "compile":
                sites.append(self._compile_argument(node, "optimizer", 0))
            else:
                sites.append(self._site(each.place, type(each.made)))
        if not every and not named:
            sites = [x for x in self.source.calls() if self._evaluated(x.func) is kind]
        return list(dict.fromkeys(sites))

    def _is_called(self, each: Made, name: str) -> bool:
        statement = self.source.statement_of(self.source.call_at(each.place))
        return isinstance(statement, ast.Assign) and name in map(ast.unparse, statement.targets)

    def _compile_argument(self, call: ast.Call, name: str, position: int) -> ast.expr:
        for keyword in call.keywords:
            if keyword.arg == name:
                return keyword.value
        if len(call.args) > position:
            return call.args[position]
        if any(keyword.arg is None for keyword in call.keywords):
            raise ForAPersonError(f"{ast.unparse(call)} gets its {name} from elsewhere")
        return self.source.add_keyword(call, name, ast.Constant(None))

    def _around_schedule(self, site: ast.expr, code: ast.expr) -> None:
        """An optimizer whose rate is made of its own schedule, which goes before it."""
        rate = next(
            (k.value for k in getattr(site, "keywords", ()) if k.arg == "learning_rate"), None
        )
        rate = rate or next(iter(getattr(site, "args", ())), None)
        if rate is None:
            raise ForAPersonError("the schedule of the optimizer is nowhere")
        lines: list[ast.stmt] = []
        if "schedule" in loaded(code) and ast.unparse(rate) != "schedule":
            lines.append(assigned("schedule", copy.deepcopy(rate)))
        statement = self.source.statement_of(site)
        target = statement.targets[0] if isinstance(statement, ast.Assign) else None
        if isinstance(statement, ast.Assign) and statement.value is site:
            self._rename(code, "optimizer", ast.unparse(target))  # type: ignore[arg-type]
            self.source.replace(site, code)
        else:
            lines.append(assigned("optimizer", code))
            self.source.replace(site, ast.Name("optimizer", ast.Load()))
        self.source.insert(statement, lines)

    def _kept_outside(self, code: ast.expr) -> None:
        """An optimizer made before the function that makes one in every call."""
        kind = self._evaluated(code.func) if isinstance(code, ast.Call) else None
        if not isinstance(kind, type):
            raise ForAPersonError(f"{ast.unparse(code)} makes nothing that is known")
        function: ast.AST = self._own_function()
        sites = [each for each in self.source.calls(function) if self._makes(each, kind)]
        sites = sites or [each for each in self.source.calls() if self._makes(each, kind)]
        if len(sites) != 1:
            raise ForAPersonError(f"the step makes {kind.__name__} in {len(sites)} places")
        name = "kept_optimizer"
        self.source.replace(sites[0], ast.Name(name, ast.Load()))
        place: ast.AST = sites[0]
        while place is not function and not isinstance(self.source.parent(place), ast.Module):
            place = self.source.parent(place)
        parent = self.source.parent(place)
        place = parent if isinstance(parent, ast.ClassDef) else place
        self.source.insert(self.source.statement_of(place), [assigned(name, code)])

    def _loss(self, node: ast.stmt, comment: str) -> bool:
        if not isinstance(node, ast.Assign) or self.called.start.verb != "fit":
            return False
        name = ast.unparse(node.targets[0])
        if name == "own" and ast.unparse(node.value) == "model.loss":
            return True  # said again in the next line
        if name != "loss":
            return False
        own = [k for k in self.call.keywords if k.arg == "loss"]
        old = own[0].value if own else self._compile_argument(self._compile(), "loss", 1)
        part = re.fullmatch(r"of (\w+)", comment)
        if part:
            old = self._part_of(old, part[1])
        self.source.replace(old, filled(node.value, {"own": old}))
        return True

    def _part_of(self, losses: ast.expr, output: str) -> ast.expr:
        model = self.called.start.arguments["model"]
        if isinstance(losses, ast.Dict):
            for key, value in zip(losses.keys, losses.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == output:
                    return value
        names = list(getattr(model, "output_names", ()))
        if isinstance(losses, (ast.List, ast.Tuple)) and output in names:
            return losses.elts[names.index(output)]
        raise ForAPersonError(f"where the loss of {output} is said is unclear")

    def _compile(self) -> ast.Call:
        model = self.called.start.arguments["model"]
        found = [each.place for each in self.called.compiled if each.made is model]
        nodes = [self.source.call_at(place) for place in found]
        calls = [each for each in nodes if each is not None]
        if len(calls) != 1:
            raise ForAPersonError(f"the model is compiled in {len(calls)} places")
        return calls[0]

    def _expected(self, node: ast.stmt, _: str) -> bool:
        """`steps=300`: in the call or the marker."""
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
            return False
        name = node.targets[0].id
        known = name in EXPECTED or name in ("epochs", "steps_per_epoch", "batch_size", "shuffle")
        if not known or loaded(node.value) - KNOWN.keys():
            return False
        self._argument(name, ast.unparse(node.value))
        return True

    def _compiled_with(self, node: ast.stmt, comment: str) -> bool:
        """Lines about the model before it is compiled."""
        if "before compile" not in comment and "before it is built" not in comment:
            return False
        call = self._compile()
        statement = self.source.statement_of(call)
        owner = call.func.value if isinstance(call.func, ast.Attribute) else None
        if not isinstance(owner, ast.Name):
            raise ForAPersonError("the model has no name where it is compiled")
        self._rename(node, "model", owner.id)
        place = statement
        if "before it is built" in comment:
            made = [
                e.place for e in self.called.made if e.made is self.called.start.arguments["model"]
            ]
            if made:
                place = self.source.statement_of(self.source.call_at(made[0]))
                self.source.insert(place, [node], behind=True)
                return True
        self.source.insert(place, [node])
        return True

    def _object(self, node: ast.stmt, comment: str) -> bool:
        """Any other object by its class: where the file makes the only one of it."""
        kind = self._kind(node)
        if comment or kind is None or not isinstance(node, ast.Expr):
            return False
        sites = [each for each in self.source.calls() if self._makes(each, kind)]
        if len(sites) != 1:
            raise ForAPersonError(f"{kind.__name__} is made in {len(sites)} places")
        old = [*sites[0].args, *(keyword.value for keyword in sites[0].keywords)]
        known = {} if "schedule" in self.called.names or not old else {"schedule": old[0]}
        self.source.replace(sites[0], filled(node.value, known))
        return True

    def _kind(self, node: ast.stmt) -> Any:
        """The class of which a line makes an object; None for other lines."""
        value = getattr(node, "value", None)
        made = self._evaluated(value.func) if isinstance(value, ast.Call) else None
        return made if isinstance(made, type) else None

    def _process(self, node: ast.stmt, _: str) -> bool:
        """Settings of Keras, which go before all else."""
        text = ast.unparse(node)
        if text.startswith("keras.utils.set_random_seed"):
            self.source.insert_first(self.test, [node])
            return True
        if not text.startswith("keras.config.set_"):
            return False
        self.source.insert_at_the_top(node)
        for call in self.source.calls():
            if last_name(call.func) in ("set_dtype_policy", "set_global_policy"):
                self.source.replace(call, node.value)  # type: ignore[attr-defined]
            call.keywords[:] = [k for k in call.keywords if k.arg != "dtype" or not _is_half(k)]
        return True

    # ---- the data -------------------------------------------------------------------------------

    def _argument_lines(self, node: ast.stmt, _: str) -> bool:
        """Lines about the arguments of the call, which go before it."""
        given, verb = set(self.called.start.arguments), self.called.start.verb
        names = names_in(node)
        own = names & self._arguments()
        changed = {name for name in names & {"x", "y", "sample_weight"} if name not in given}
        if verb == "step" and changed and self.called.start.arguments.get("data") is not None:
            self._in_dataset(node)
            return True
        if verb == "fit" and names & {"x", "y"} and self._is_dataset():
            self._in_dataset(node)
            return True
        if not own and not (self.lines and names & self._stored()):
            made = bound_by(node)
            known = {*KNOWN, *vars(builtins), *self._arguments(), *self.called.names}
            fresh = made and not any(name in self.called.names for name in made)
            if not fresh or verb != "fit" or loaded(node) - of_comprehensions(node) - known:
                return False
        if self._held_by_function(node):
            return False
        self.lines.append(node)
        return True

    def _arguments(self) -> set[str]:
        """The names that arguments of the call have in the code of a diagnosis."""
        names = {n for n, v in self.called.start.arguments.items() if v is not None}
        if self.called.start.verb == "fit":
            names |= {"variables", "dataset", "sample_weight", "class_weight", "callbacks"}
        if self.called.start.verb == "minimize":
            names |= {"variables"}
        return names - {"step"}

    def _stored(self) -> set[str]:
        return {name for line in self.lines for name in bound_by(line)}

    def _held_by_function(self, node: ast.stmt) -> bool:
        """Whether a line is about what only a function of the user's knows."""
        if self.called.start.verb == "fit":
            return False
        if isinstance(node, ast.With) and loaded(node) & self._arguments():
            return False
        names = bound_by(node)
        return bool(names) and not names & self._arguments() and not self.lines

    def _is_dataset(self) -> bool:
        return isinstance(self.called.start.arguments.get("x"), tf.data.Dataset)

    def _in_dataset(self, node: ast.stmt) -> None:
        """Around the arrays of which the data set is made."""
        self.of_arrays.append(node)
        if len(self.of_arrays) > 1:
            return
        found = [each for each in self.source.calls(name="from_tensor_slices") if each.args]
        if len(found) != 1:
            raise ForAPersonError(f"a data set is made of arrays in {len(found)} places")
        arrays, several = found[0].args[0], isinstance(found[0].args[0], (ast.Tuple, ast.List))
        parts = arrays.elts if isinstance(arrays, (ast.Tuple, ast.List)) else [arrays]
        names = ", ".join(["x", "y", "sample_weight"][: len(parts)])
        (function,) = statements(
            f"def pasted({names}):\n    return {f'({names},)' if several else names}"
        )
        self.source.insert_first(cast("ast.FunctionDef", function), self.of_arrays)
        self.source.insert(self.source.statement_of(found[0]), [function])
        code = ast.Call(ast.Name("pasted", ast.Load()), copy.deepcopy(parts), [])
        self.source.replace(arrays, code)

    def _held(self, node: ast.stmt, _: str) -> bool:
        """Lines about names that the user's function has: behind where these get their values."""
        names = bound_by(node) or loaded(node)
        if isinstance(node, ast.For):
            names = loaded(node) - bound_by(node)
        names -= {*KNOWN, *vars(builtins), *self._fresh()}
        if not names or self._is_fresh(node):
            return False
        function: ast.AST = self._own_function()
        lines, self.waiting = [*self.waiting, node], []
        if names & bound_inside(function):
            if not isinstance(function, ast.FunctionDef):
                raise ForAPersonError("the lines would go into a lambda")
            self.source.insert(self.source.last_binding(function, names), lines, behind=True)
            return True
        while not isinstance(function, ast.Module):
            if isinstance(function, ast.FunctionDef) and names & parameters(function):
                self.source.insert_first(function, lines)
                return True
            function = self.source.parent(function)
            scope = function if isinstance(function, (ast.FunctionDef, ast.Module)) else None
            if scope is not None and names <= bound_inside(scope):
                self.source.insert(self.source.last_binding(scope, names), lines, behind=True)
                return True
        raise ForAPersonError(f"where is {', '.join(sorted(names))}?")

    def _for_the_next(self, node: ast.stmt, _: str) -> bool:
        """A name of its own, as `rng = ...`, goes where the line goes that needs it."""
        if not self._is_fresh(node):
            return False
        self.waiting.append(node)
        return True

    def _is_fresh(self, node: ast.stmt) -> bool:
        known = {*KNOWN, *vars(builtins)}
        new = isinstance(node, ast.Assign) and not bound_by(node) & self.source.names()
        return new and not loaded(node) - known

    def _fresh(self) -> set[str]:
        return {name for line in self.waiting for name in bound_by(line)}

    # ---- the text -------------------------------------------------------------------------------

    def text(self) -> str:
        """The file with all edits."""
        for name, setting in self.left.items():
            if name not in self.alike[setting]:
                raise ForAPersonError(f"the code of other layers makes {name} too")
        if self.lines or self.settings:
            self._before_the_call()
        return self.source.text()

    def _before_the_call(self) -> None:
        """The lines in a function that takes the arguments of the call and returns others."""
        arguments, verb = self.called.start.arguments, self.called.start.verb
        built = verb == "minimize" and len(self.call.args) + len(self.call.keywords) == 1
        built = built and not self.called.of_the_call - {"loss"}
        given = [name for name in CALLS[verb].names() if name in arguments]
        names = set().union(*map(names_in, self.lines)) if self.lines else set()
        stored = set().union(*map(bound_by, self.lines)) if self.lines else set()
        text = [f"def pasted({', '.join(given[:1] if built else given)}, **others):"]
        if built:
            text.append("    loss, variables, optimizer = loss()")
        if verb == "fit" and names & {"model", "variables"}:
            text.append("    model = model() if not isinstance(model, keras.Model) else model")
        if verb == "fit" and "variables" in names:
            text.append("    variables = model.trainable_variables")
        if "dataset" in names and verb == "fit":
            text.append("    dataset = x")
        if verb == "step" and names & {"x", "y"}:
            text.append("    x, y = data")
        text += [textwrap.indent(ast.unparse(line), "    ") for line in self.lines]
        if "dataset" in stored and verb == "fit":
            text.append("    x = dataset")
            given = [name for name in given if name != "y"] if "y" not in names else given
        if verb == "step" and names & {"x", "y"}:
            text.append("    data = (x, y)")
        back = [*given, *(n for n in CALLS[verb].names() if n in stored and n not in given)]
        pairs = [f"{name!r}: {name}" for name in back if name not in self.settings]
        pairs += [f"{name!r}: {value}" for name, value in self.settings.items()]
        text.append(f"    return {{**others, {', '.join(pairs)}}}")
        (function,) = statements("\n".join(text))
        self.source.insert(self.source.statement_of(self.call), [function])
        taken = ast.Call(ast.Name("pasted", ast.Load()), self.call.args, self.call.keywords)
        self.call.args, self.call.keywords = [], [ast.keyword(None, taken)]


# ---- kinds of objects and operations -----------------------------------------------------------


def _is_layer(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, keras.layers.Layer)


def _is_optimizer(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, OPTIMIZERS)


def _is_half(keyword: ast.keyword) -> bool:
    return isinstance(keyword.value, ast.Constant) and "16" in str(keyword.value.value)


def _rate(optimizer: Any) -> float:
    rate = getattr(optimizer, "learning_rate", getattr(optimizer, "_learning_rate", np.nan))
    try:
        return float(rate)
    except (TypeError, ValueError):
        return float("nan")


def _tensors_into(layer: Any) -> list[Any]:
    inputs = getattr(layer, "input", None)
    return keras.tree.flatten(inputs)


def _is_same(node: ast.AST, template: ast.Call) -> bool:
    """Whether a place has the operation of a template, however the file writes it."""
    name = SAME.get(last_name(template.func), last_name(template.func))
    if isinstance(node, ast.BinOp):
        division = name == "divide" and isinstance(node.op, ast.Div)
        return division or (name in ("pow", "power") and isinstance(node.op, ast.Pow))
    return isinstance(node, ast.Call) and last_name(node.func) == name and bool(node.args)


def _filled(template: ast.Call, site: ast.AST) -> ast.expr:
    """A template with what the place has in it."""
    given = [site.left, site.right] if isinstance(site, ast.BinOp) else site.args  # type: ignore[attr-defined]
    names = sorted(names_in(template) & STANDING_IN, key=lambda name: (name == "p", name))
    return filled(template, dict(zip(names, given, strict=False)))
