"""A `tf.data.Dataset` made anew, with a random state that belongs to a seed.

A dataset that shuffles keeps the state of its generator for as long as the object lives: what an
earlier iteration drew changes what a later one sees. TensorFlow can write a dataset as a graph and
make another one of it; in between every seed can be set.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from pytest_converge.training.keras_internals import (
    WRITING_ERRORS,
    dataset_as_graph,
    dataset_of_graph,
    inputs_of_node,
)

__all__ = ["DatasetRestarts", "held_out_seed"]

#: What TensorFlow takes for the global seed where only the operation has one.
DEFAULT_GLOBAL_SEED = 87654321
#: TensorFlow cuts seeds to what an int32 holds.
SEED_MODULUS = 2**31 - 1
#: Inputs that hold a state, by name, and the operation that makes a fresh one.
STATES = {"cache": "DummyMemoryCache", "seed_generator": "DummySeedGenerator"}
#: Operations that call a function of Python, whatever that does.
PYTHON = frozenset({"EagerPyFunc", "PyFunc", "PyFuncStateless"})
#: Operations that draw rows from a buffer.
SHUFFLES = frozenset({"ShuffleDataset", "ShuffleDatasetV2", "ShuffleDatasetV3"})
#: What may be another from element to element: those, and variables, as of a `tf.random.Generator`.
HOLDS_STATE = PYTHON | {"VarHandleOp"}
#: What `interleave` becomes where it is given a number of parallel calls, and the inputs that only
#: this operation has.
PARALLEL_INTERLEAVE = "ParallelInterleaveDatasetV4"
READ_AHEAD = ("buffer_output_elements", "prefetch_input_elements", "num_parallel_calls")


class DatasetRestarts:
    """Makes a dataset anew as often as needed; none of them knows what another one drew.

    Args:
        dataset: as the user made it; it is not iterated itself where it can be made anew.

    Attributes:
        reason: why another session may see other batches; empty where every one sees the same.
        is_random: False where two readings cannot differ.
        shuffles: True where it can be read without its shuffles.
    """

    def __init__(self, dataset: tf.data.Dataset) -> None:
        self._dataset = dataset
        self.reason = ""
        self.is_random = True
        self.shuffles = False
        self._graph: Any = None
        self._holds_state = True
        try:
            self._graph = dataset_as_graph(dataset)
        except WRITING_ERRORS:
            return  # it is read as it stands, and compared with itself where that counts
        nodes = list(_nodes(self._graph))
        draws = [node for _, node in nodes if _has_seeds(node) and not _fixed(node)]
        self._holds_state = any(node.op in HOLDS_STATE for _, node in nodes)
        self.shuffles = any(_shuffles(node) for _, node in nodes)
        self.is_random = bool(draws) or self._holds_state
        if any(_fixed(node) and _Scope(scope).seeds(node) == (0, 0) for scope, node in nodes):
            self.reason = "it shuffles once, in an order that no seed sets"

    def anew(
        self, seed: int, *, further: bool = False, held_out: bool = False, in_order: bool = False
    ) -> tf.data.Dataset:
        """The dataset as nobody has iterated it.

        Seeds that the user set are kept for the first start. Those that nobody set, or that were
        drawn under the global seed of somebody else, follow from `seed`; for a further start all
        do. A shuffle that keeps its order, as one that splits rows into two sets, is left alone.

        Args:
            seed: of the start.
            further: True for a start after the first.
            held_out: True for held-out data, which draw others than data to train on do.
            in_order: True for the rows as they come without any shuffle of theirs.
        """
        if self._graph is None:
            return self._dataset
        graph = tf.compat.v1.GraphDef()
        graph.CopyFrom(self._graph)
        drawn = held_out_seed(seed) if held_out else seed
        of_users = () if further else (DEFAULT_GLOBAL_SEED, seed % SEED_MODULUS)
        seen: set[bytes] = set()
        for place, (nodes, node) in enumerate(list(_nodes(graph))):
            _set_up(_Scope(nodes), node, _calls_state(graph, node))
            if _has_seeds(node) and not _fixed(node):
                # What two datasets read from one shuffle, each draws an order of its own.
                own = () if _made_by(node) in seen else of_users
                _seed(_Scope(nodes), node, own, np.random.SeedSequence([drawn, place]))
                seen |= {_made_by(node)} - {b""}
            if in_order and _shuffles(node):  # a buffer of one row hands it on
                _Scope(nodes).set_input(node, "buffer_size", 1)
        options = tf.data.Options()
        options.deterministic = True
        # Each iterator, one an epoch, else waits up to 10 ms for its tuner when it ends: 250
        # batches in 32 epochs took 240 ms, and take 80. What is drawn stays.
        options.autotune.enabled = False
        if self._holds_state:
            # Else a thread draws ahead, and how far depends on its speed.
            options.experimental_optimization.inject_prefetch = False
        return dataset_of_graph(graph, self._dataset).with_options(options)


def held_out_seed(seed: int) -> int:
    """The seed of what held-out data draw.

    Under that of the training, rows that are made at random would be those that it trains on.
    """
    return int(np.random.SeedSequence([seed, 1]).generate_state(1)[0]) % SEED_MODULUS


class _Scope:
    """The nodes of a graph, or of a function in it.

    Args:
        nodes: all of them, to which others may be added.
    """

    def __init__(self, nodes: Any) -> None:
        self._nodes = nodes

    def seeds(self, node: Any) -> tuple[int, int] | None:
        """The two seeds of a node; None where they are calculated."""
        if _attribute_seeds(node):
            return node.attr["seed"].i, node.attr["seed2"].i
        places = inputs_of_node(node)
        values = [self._constant(node.input[places[name][0]]) for name in ("seed", "seed2")]
        return None if None in values else (int(values[0]), int(values[1]))

    def number(self, node: Any, name: str) -> int:
        """An input that is a number; 0 where it is calculated."""
        value = self._constant(node.input[inputs_of_node(node)[name][0]])
        return 0 if value is None else int(value)

    def set_input(self, node: Any, name: str, value: Any) -> None:
        """A number in the place of an input, of the input's type."""
        other, kind = self._add(node, name, "Const", "output"), inputs_of_node(node)[name][1]
        other.attr["dtype"].type = kind
        other.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value, tf.as_dtype(kind)))

    def set_state(self, node: Any, name: str) -> None:
        """A fresh state in the place of one that belongs to the user's own dataset."""
        held = self._named(node.input[inputs_of_node(node)[name][0]])
        if held is not None and held.op == "Const":
            self._add(node, name, STATES[name], "handle")

    def _constant(self, reference: str) -> Any:
        found = self._named(reference)
        if found is None or found.op != "Const":
            return None
        return tf.make_ndarray(found.attr["value"].tensor)

    def _named(self, reference: str) -> Any:
        name = reference.partition(":")[0]
        return next((node for node in self._nodes if node.name == name), None)

    def _add(self, node: Any, name: str, operation: str, result: str) -> Any:
        """A new node whose result takes the place of an input."""
        place = inputs_of_node(node)[name][0]
        other = self._nodes.add()
        other.name, other.op = f"{node.name}/{name}/anew", operation
        in_function = ":" in node.input[place]
        node.input[place] = f"{other.name}:{result}:0" if in_function else other.name
        return other


def _nodes(graph: Any) -> Iterator[tuple[Any, Any]]:
    """(nodes beside it, node) of a graph and of the functions it calls, in the order of calls.

    The names of functions differ from session to session; the order of calls does not.
    """
    seen: set[str] = set()
    waiting = [graph.node]
    functions = {function.signature.name: function for function in graph.library.function}
    while waiting:
        nodes = waiting.pop(0)
        for node in list(nodes):
            yield nodes, node
            for name in _called(node):
                if name in functions and name not in seen:
                    seen.add(name)
                    waiting.append(functions[name].node_def)


def _called(node: Any) -> list[str]:
    """The functions that a node calls."""
    found = [node.op]
    for name in sorted(node.attr):
        value = node.attr[name]
        found += [value.func.name] if value.HasField("func") else []
        found += [function.name for function in value.list.func]
    return found


def _calls_state(graph: Any, node: Any) -> bool:
    """Whether what a node calls draws numbers or runs Python, so that the order of calls counts."""
    functions = {function.signature.name: function for function in graph.library.function}
    waiting, seen = [name for name in _called(node) if name in functions], set()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        for inner in functions[name].node_def:
            if inner.op in PYTHON or _attribute_seeds(inner):
                return True
            waiting += [n for n in _called(inner) if n in functions and n not in seen]
    return False


def _set_up(scope: _Scope, node: Any, calls_state: bool) -> None:
    """Fresh states, and an order of elements that does not depend on which thread is first."""
    names = inputs_of_node(node)
    for name in sorted(STATES.keys() & names.keys()):
        if not _fixed(node):
            scope.set_state(node, name)
    if "deterministic" in node.attr and node.attr["deterministic"].s == b"false":
        node.attr["deterministic"].s = b"true"
    if "sloppy" in node.attr and node.attr["sloppy"].b:
        node.attr["sloppy"].b = False
    if calls_state and node.op == PARALLEL_INTERLEAVE and scope.number(node, "cycle_length") > 0:
        _call_in_turn(node)
    elif calls_state and "num_parallel_calls" in names:
        scope.set_input(node, "num_parallel_calls", 1)


def _call_in_turn(node: Any) -> None:
    """The interleaving without threads: one thread alone would still read ahead of the other."""
    first = len(node.attr["Targuments"].list.type) + 3  # dataset, arguments, cycle and block length
    del node.input[first : first + len(READ_AHEAD)]
    del node.attr["deterministic"]
    node.op = "InterleaveDataset"


def _seed(scope: _Scope, node: Any, own: Collection[int], drawn: np.random.SeedSequence) -> None:
    """Sets the seeds of a node unless they are the user's own."""
    present = scope.seeds(node)
    if present is not None and present != (0, 0) and present[0] in own:
        return
    first, second = (int(part) % SEED_MODULUS + 1 for part in drawn.generate_state(2))
    if _attribute_seeds(node):
        node.attr["seed"].i, node.attr["seed2"].i = first, second
    else:
        scope.set_input(node, "seed", first)
        scope.set_input(node, "seed2", second)


def _shuffles(node: Any) -> bool:
    return node.op in SHUFFLES


def _made_by(node: Any) -> bytes:
    """The call that made a dataset, of which a graph may have several; empty where unknown."""
    return bytes(node.attr["metadata"].s) if "metadata" in node.attr else b""


def _has_seeds(node: Any) -> bool:
    return _attribute_seeds(node) or {"seed", "seed2"} <= inputs_of_node(node).keys()


def _attribute_seeds(node: Any) -> bool:
    return "seed" in node.attr and "seed2" in node.attr


def _fixed(node: Any) -> bool:
    """True for a shuffle that has one order for good."""
    name = "reshuffle_each_iteration"
    return name in node.attr and not node.attr[name].b
