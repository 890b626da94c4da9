"""Which rows make up the batch of each step."""

from __future__ import annotations

import itertools
import random
import tracemalloc

import numpy as np
import pytest

from pytest_converge.training.data.batch_order import MOST_NUMBERS, BatchOrder, BatchRows


def drawn_at_once(rows, batch_size, steps, seed):
    """The order as one draw of all epochs, which recorded baselines rest on."""
    rng = np.random.default_rng(seed)
    starts = np.arange(0, rows, batch_size)
    sizes = np.minimum(batch_size, rows - starts)
    epochs = -(-steps // len(starts))
    order = np.concatenate([rng.permutation(rows) for _ in range(epochs)])
    offsets = np.concatenate([[0], np.cumsum(np.tile(sizes, epochs)[:steps])])
    return order[: offsets[-1]], offsets


SIZES = [(10, 5, 5), (10, 4, 7), (10, 3, 40), (10, 10, 3), (3, 32, 4), (1, 1, 3), (7, 1, 20)]


@pytest.mark.parametrize(("rows", "batch_size", "steps"), SIZES)
@pytest.mark.parametrize("seed", [0, 7])
def test_epochs_are_drawn_as_all_of_them_at_once_were(rows, batch_size, steps, seed):
    order, offsets = BatchOrder.of_epochs(rows, batch_size, steps=steps, seed=seed).whole()
    expected = drawn_at_once(rows, batch_size, steps, seed)
    assert (order.tolist(), offsets.tolist()) == tuple(part.tolist() for part in expected)
    assert (order.dtype, offsets.dtype) == (np.int32, np.int32)


@pytest.mark.parametrize(("rows", "batch_size", "steps"), SIZES)
def test_any_parts_in_any_turn_are_those_of_the_whole(rows, batch_size, steps):
    order = BatchOrder.of_epochs(rows, batch_size, steps=steps, seed=3)
    numbers, offsets = order.whole()
    reader, rng = BatchRows(order), random.Random(0)
    for _ in range(50):
        start, stop = sorted(rng.sample(range(steps + 1), 2))
        part, ends = reader.between(start, stop)
        assert part.tolist() == numbers[offsets[start] : offsets[stop]].tolist()
        assert ends.tolist() == (offsets[start : stop + 1] - offsets[start]).tolist()


def peak(steps):
    """Bytes that reading the order of so many steps takes, 200 at a time."""
    tracemalloc.start()
    reader = BatchRows(BatchOrder.of_epochs(100, 32, steps=steps, seed=0))
    for start in range(0, min(steps, 20_000), 200):
        reader.between(start, start + 200)
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


def test_the_memory_is_the_same_for_any_number_of_steps():
    assert peak(20_000) < 1.5 * peak(200)
    assert peak(2**31 - 1) < 1.5 * peak(200)


def test_only_what_is_at_hand_is_held():
    reader = BatchRows(BatchOrder.of_epochs(100, 32, steps=10_000, seed=0))
    for start in range(0, 10_000, 4):
        reader.between(start, start + 4)
        assert len(reader._held) == 1


def test_large_batches_are_read_in_smaller_parts():
    assert (
        BatchRows(BatchOrder.of_epochs(100, 32, steps=9, seed=0)).most_steps == MOST_NUMBERS // 32
    )
    huge = BatchOrder(numbers=np.arange(4), sizes=np.array([2 * MOST_NUMBERS]), steps=9)
    assert BatchRows(huge).most_steps == 1


def test_what_is_cut_from_the_first_epoch_is_not_counted():
    order = BatchOrder.of_epochs(7, 3, steps=2, seed=None)
    assert (order.even, order.largest, order.every_size().tolist()) == (True, 3, [3, 3])
    order = BatchOrder.of_epochs(7, 3, steps=4, seed=None)
    assert (order.even, order.every_size().tolist()) == (False, [3, 3, 1, 3])
    assert list(itertools.islice(order.epochs(), 2))[1].tolist() == list(range(7))
