"""The call of a verb in a test file, and where in the file what it trains is made.

    called = call_in(Path("test_tower.py"), "test_sick", seed=0)
    # train called.start.call with called.expectation
    called.layers["dense_1"]  # where the code makes that layer

The file is run anew each time, and ends where the verb is called.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib.util
import inspect
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from pytest_converge.core.calls import FitCall, MinimizeCall, StepCall
from pytest_converge.training.adapters.step import optimizers_of
from tests.zoo.problems import Start

__all__ = ["Called", "Place", "call_in", "module_at"]

#: (line, last line, column, column behind it) of an expression, as `ast` counts them.
Place = tuple[int, int, int, int]


@dataclasses.dataclass(frozen=True)
class Made:
    """An object of Keras that the code of a file has made.

    Attributes:
        made: the object.
        place: of the call that makes it, or inside of which Keras makes it.
    """

    made: Any
    place: Place


@dataclasses.dataclass
class Called:
    """A call of a verb.

    Attributes:
        start: the verb and its arguments.
        expectation: of the marker and of the call.
        place: of the call.
        of_the_call: the arguments that the call gives by their names.
        names: what the code knows where it calls: its globals, and what is local there.
        local: the names that are local there.
        made: layers, optimizers and compiled models, in the order in which they were made.
        compiled: the same of models where they are compiled.
    """

    start: Start
    expectation: dict[str, Any]
    place: Place
    of_the_call: frozenset[str]
    names: dict[str, Any]
    local: frozenset[str]
    made: list[Made]
    compiled: list[Made]

    @property
    def layers(self) -> dict[str, Made]:
        """Layers by their names; of two of one name the first."""
        layers = [each for each in self.made if isinstance(each.made, keras.layers.Layer)]
        return {each.made.name: each for each in reversed(layers)}

    @property
    def optimizers(self) -> list[Made]:
        """The optimizers that take part, or all if nobody knows which do."""
        every = [each for each in self.made if not isinstance(each.made, keras.layers.Layer)]
        used = self._used()
        return [each for each in every if any(each.made is own for own in used)] or every

    def _used(self) -> list[Any]:
        arguments, verb = self.start.arguments, self.start.verb
        if verb == "fit":
            return [arguments["model"].optimizer]
        if verb == "minimize":
            return [arguments["optimizer"]]
        given = arguments.get("optimizer")
        return [*optimizers_of(arguments["step"]).values(), *([] if given is None else [given])]


class CalledError(Exception):
    """Ends a test where the call is."""


def module_at(path: Path) -> Any:
    """A file run as a module of its own."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{path} is no module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def call_in(path: Path, test: str, seed: int, *, build: bool = False) -> Called:
    """The call of a verb in a test file, which is run anew, and what is expected of it.

    Args:
        path: of the file.
        test: the name of its test.
        seed: what Keras draws from.
        build: have a function that builds a model, or the parts of a problem, build it; else it is
            handed on, as the verb is given it.
    """
    keras.utils.set_random_seed(seed)
    taken: list[tuple[str, tuple[Any, ...], dict[str, Any], types.FrameType]] = []

    class Verbs:
        def __getattr__(self, verb: str) -> Callable[..., None]:
            def take(*arguments: Any, **named: Any) -> None:
                taken.append((verb, arguments, named, sys._getframe(1)))
                raise CalledError

            return take

    made: list[Made] = []
    compiled: list[Made] = []
    with _watched(str(path), made, compiled):
        function = getattr(module_at(path), test)
        with contextlib.suppress(CalledError):
            function(Verbs())
        ((verb, arguments, named, frame),) = taken
        kind = {"fit": FitCall, "minimize": MinimizeCall, "step": StepCall}[verb]
        names = [field.name for field in dataclasses.fields(kind)]
        given = dict(zip(names, arguments, strict=False))
        given |= {name: named[name] for name in named if name in names}
        if build and verb == "minimize" and len(given) == 1:
            given = dict(zip(names, given["loss"](), strict=True))
        if build and verb == "fit" and not isinstance(given["model"], keras.Model):
            given["model"] = given["model"]()
    marks = [m.kwargs for m in getattr(function, "pytestmark", ()) if m.name == "converges"]
    expectation = {name: value for each in marks for name, value in each.items()}
    expectation |= {name: named[name] for name in named if name not in names}
    local = frame.f_locals if frame.f_code.co_name != "<module>" else {}
    return Called(
        start=Start(verb, given, alive=frame),
        expectation=expectation,
        place=_place(frame),
        of_the_call=frozenset(named),
        names={**frame.f_globals, **local},
        local=frozenset(local),
        made=made,
        compiled=compiled,
    )


@contextlib.contextmanager
def _watched(path: str, made: list[Made], compiled: list[Made]) -> Iterator[None]:
    """Notes where a file makes layers and optimizers, and where it compiles models."""
    methods = [
        (keras.layers.Layer, "__init__", made),
        (keras.optimizers.Optimizer, "__init__", made),
        (tf.compat.v1.train.Optimizer, "__init__", made),
        (keras.Model, "compile", compiled),
    ]
    with contextlib.ExitStack() as stack:
        for owner, name, notes in methods:
            original = getattr(owner, name)
            held = name in vars(owner)
            setattr(owner, name, _noting(original, path, notes))
            stack.callback(_put_back, owner, name, original if held else None)
        yield


def _put_back(owner: type, name: str, original: Any) -> None:
    if original is None:
        delattr(owner, name)
    else:
        setattr(owner, name, original)


def _noting(original: Any, path: str, notes: list[Made]) -> Callable[..., Any]:
    @functools.wraps(original)
    def noted(self: Any, *args: Any, **kwargs: Any) -> Any:
        frame = _frame_outside(self, path)
        if frame is not None and not any(each.made is self for each in notes):
            notes.append(Made(self, _place(frame)))
        return original(self, *args, **kwargs)

    noted.__signature__ = inspect.signature(original)  # type: ignore[attr-defined] - Keras asks
    return noted


def _frame_outside(made: Any, path: str) -> types.FrameType | None:
    """The innermost frame of a file that is not in a method of the object itself."""
    frame: types.FrameType | None = sys._getframe(2)
    while frame is not None:
        code = frame.f_code
        own = code.co_name in ("__init__", "compile") and bool(code.co_varnames)
        own = own and _first_of(frame) is made
        if code.co_filename == path and not own:
            return frame
        frame = frame.f_back
    return None


def _first_of(frame: types.FrameType) -> Any:
    """The first argument of a call, also where functions inside of it close over it."""
    return frame.f_locals.get(frame.f_code.co_varnames[0])


def _place(frame: types.FrameType) -> Place:
    """The expression that a frame is at."""
    positions = list(frame.f_code.co_positions())
    return positions[frame.f_lasti // 2]  # type: ignore[return-value]
