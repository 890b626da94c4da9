"""The batches of a training and its probe set."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.training.data.batch_order import BatchOrder, BatchRows
from pytest_converge.training.data.batches import (
    PROBE_ROWS,
    ArrayData,
    StreamData,
    batch_rows,
)

SIZES = pytest.mark.parametrize(
    ("rows", "batch_size", "steps"),
    [(10, 5, 5), (10, 4, 7), (10, 3, 4), (10, 10, 3), (3, 32, 4), (1, 1, 3), (7, 2, 1), (7, 1, 20)],
)


def flat(lists):
    return list(itertools.chain.from_iterable(lists))


def numbered(rows):
    """Arrays of which every value tells its row."""
    return (
        {"a": np.arange(rows, dtype="float32"), "b": np.arange(2 * rows).reshape(rows, 2) // 2},
        np.arange(rows)[:, None],
        None,
    )


def shuffled(rows=10, batch_size=4, steps=7, seed=0, **changes):
    values = {"rows": rows, "batch_size": batch_size, "steps": steps, "shuffle": True, "seed": seed}
    return ArrayData.shuffled(numbered(rows), **{**values, **changes})


def rows_of(data):
    """The row numbers of each batch; every leaf must agree on them."""
    found = []
    for x, y, w in data.batches():
        assert w is None
        assert x["a"].numpy().tolist() == y.numpy()[:, 0].tolist()
        assert x["b"].numpy()[:, 0].tolist() == x["b"].numpy()[:, 1].tolist()
        assert x["b"].numpy()[:, 0].tolist() == y.numpy()[:, 0].tolist()
        found.append(y.numpy()[:, 0].tolist())
    return found


def fed_by_keras(rows, batch_size, steps):
    """The rows that reach the `train_step` of a model under `fit` without shuffling."""
    fed = []

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(1)

        def call(self, x):
            return self.dense(x)

        def train_step(self, batch):
            fed.append(np.asarray(batch[0])[:, 0].astype(int).tolist())
            return {"loss": 0.0}

    model = Model()
    model.compile("sgd", "mse", run_eagerly=True)
    x = np.arange(rows, dtype="float32")[:, None]
    epochs = -(-steps // (-(-rows // batch_size)))
    model.fit(x, x, batch_size=batch_size, shuffle=False, epochs=epochs, verbose=0)
    return fed[:steps]


@SIZES
def test_unshuffled_batches_are_those_of_fit(rows, batch_size, steps):
    order, offsets = BatchOrder.of_epochs(rows, batch_size, steps=steps, seed=None).whole()
    ours = [order[a:b].tolist() for a, b in itertools.pairwise(offsets)]
    assert ours == fed_by_keras(rows, batch_size, steps)


@SIZES
def test_every_epoch_holds_every_row_once(rows, batch_size, steps):
    batches = rows_of(shuffled(rows, batch_size, steps))
    assert len(batches) == steps
    an_epoch = -(-rows // batch_size)
    for start in range(0, steps - an_epoch + 1, an_epoch):
        epoch = batches[start : start + an_epoch]
        assert sorted(flat(epoch)) == list(range(rows))
        assert [len(batch) for batch in epoch[:-1]] == [batch_size] * (an_epoch - 1)


def test_every_epoch_has_an_order_of_its_own():
    batches = rows_of(shuffled(rows=50, batch_size=50, steps=3))
    assert len({tuple(batch) for batch in batches}) == 3


@pytest.mark.parametrize("batch_size", [5, 4])
def test_another_seed_reorders_the_same_rows(batch_size):
    data = shuffled(batch_size=batch_size)
    other = data.reshuffled(1)
    assert rows_of(other) != rows_of(data)
    assert rows_of(other) == rows_of(shuffled(batch_size=batch_size, seed=1))
    assert rows_of(data) == rows_of(shuffled(batch_size=batch_size))
    assert rows_of(other.reshuffled(0)) == rows_of(data)
    assert other.tensors is data.tensors
    assert other.probe_index.tolist() == data.probe_index.tolist()


def test_rows_in_place_have_no_other_order():
    data = shuffled(shuffle=False)
    assert rows_of(data.reshuffled(1)) == rows_of(data)


@pytest.mark.parametrize(
    ("rows", "batch_size", "even", "largest"),
    [(10, 5, True, 5), (10, 4, False, 4), (3, 32, True, 3), (10, 9, False, 9)],
)
def test_batches_of_one_size_are_planned_as_a_table(rows, batch_size, even, largest):
    data = shuffled(rows, batch_size, steps=7)
    assert (data.order.even, data.batch_size, data.steps) == (even, largest, 7)
    order, _ = data.plan(BatchRows(data.order), 0, 7)
    assert len(order.shape) == (2 if even else 1)
    assert order.dtype == tf.int32


@pytest.mark.parametrize("batch_size", [5, 4])
def test_a_batch_inside_a_graph_is_that_outside_of_it(batch_size):
    data = shuffled(batch_size=batch_size)

    @tf.function(autograph=False)
    def targets(order, offsets, step):
        return data.take(data.tensors, order, offsets, step)[1][:, 0]

    plan = data.plan(BatchRows(data.order), 0, data.steps)
    inside = [targets(*plan, tf.constant(step)) for step in range(data.steps)]
    assert [batch.numpy().tolist() for batch in inside] == rows_of(data)


def test_listed_batches_keep_their_order_and_their_sizes():
    x, y, _ = numbered(10)

    def batch(a, b):
        return {"a": x["a"][a:b], "b": x["b"][a:b]}, y[a:b], None

    data = ArrayData.listed(
        [batch(0, 4), batch(4, 8), batch(8, 10), batch(2, 6)], epoch_batches=3, probe_seed=0
    )
    assert rows_of(data) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9], [2, 3, 4, 5]]
    assert (data.rows, data.steps, data.batch_size, data.order.even) == (14, 4, 4, False)
    # Rows of the next epoch are the same rows again.
    assert sorted(data.probe_index.tolist()) == list(range(10))
    assert rows_of(data.reshuffled(1)) == rows_of(data)


def probed_rows(chunks):
    return [np.asarray(chunk.batch[1])[:, 0].tolist() for chunk in chunks]


def test_the_probe_set_is_every_row_once_in_random_order():
    picked = flat(probed_rows(shuffled(rows=50).probe(50, 50)))
    assert sorted(picked) == list(range(50))
    assert picked != list(range(50))


def test_a_large_probe_set_is_a_sample_from_all_rows():
    data = shuffled(rows=5000)
    index = data.probe_index
    assert len(index) == len(set(index.tolist())) == PROBE_ROWS == 1024
    # The mean of 1,024 of 5,000 rows, within four of its standard errors; so that of a part.
    assert abs(index.mean() - 2499.5) < 4 * 1443 / 1024**0.5
    assert abs(index[:64].mean() - 2499.5) < 4 * 1443 / 64**0.5


def test_the_probe_set_is_the_same_for_the_same_seed():
    first, again, other = (shuffled(rows=50, seed=seed).probe_index.tolist() for seed in (3, 3, 4))
    assert first == again != other


@pytest.mark.parametrize(
    ("rows", "together", "sizes"),
    [(10, 4, [4, 4, 2]), (10, 10, [10]), (10, 99, [10]), (99, 6, [6, 4]), (3, 2, [2, 1])],
)
def test_the_probe_set_comes_in_chunks(rows, together, sizes):
    data = shuffled(rows=10)
    chunks = data.probe(rows, together)
    assert [chunk.rows for chunk in chunks] == sizes
    assert [len(found) for found in probed_rows(chunks)] == sizes
    assert flat(probed_rows(chunks)) == data.probe_index[:rows].tolist()


def streamed(sizes=(3, 2, 4), **fields):
    batches = [(np.full((size, 1), i), np.full((size, 1), i), None) for i, size in enumerate(sizes)]
    return StreamData(lambda: batches, kept=batches, reason="too large", **fields)


def test_a_stream_starts_again_for_every_run():
    data = streamed()
    for _ in range(2):
        assert [batch_rows(batch) for batch in data.batches()] == [3, 2, 4]
    assert (data.batch_size, data.reason, data.replays) == (4, "too large", True)


@pytest.mark.parametrize(
    ("rows", "sizes"), [(0, []), (1, [3]), (3, [3]), (4, [3, 2]), (99, [3, 2, 4])]
)
def test_the_probe_set_of_a_stream_is_its_first_batches(rows, sizes):
    chunks = streamed().probe(rows, 1)
    assert [chunk.rows for chunk in chunks] == sizes
    assert [found[0] for found in probed_rows(chunks)] == list(range(len(sizes)))


@pytest.mark.parametrize(
    ("batch", "rows"),
    [
        ((np.zeros((4, 2)), np.zeros(4), None), 4),
        ((None, tf.zeros((3, 1))), 3),
        ({"a": np.zeros((2, 5))}, 2),
        ((np.float32(1.0), np.zeros(6)), 6),
        (tf.ragged.constant([[1], [1, 2], []]), 3),
        ((np.float32(1.0), np.float32(2.0)), 1),
    ],
)
def test_the_rows_of_a_batch(batch, rows):
    assert batch_rows(batch) == rows


def test_a_single_batch_in_a_given_order_is_probed_in_that_order():
    given = shuffled(rows=8, batch_size=8, shuffle=False).probe(8, 8)
    assert flat(probed_rows(given)) == list(range(8))
    drawn = shuffled(rows=8, batch_size=8)
    assert flat(probed_rows(drawn.probe(8, 8))) == drawn.probe_index.tolist() != list(range(8))


@pytest.mark.parametrize("batch", [(), (None, None)])
def test_a_batch_without_rows_is_refused(batch):
    with pytest.raises(InvalidTrainingError, match=r"got a batch without rows; .*batch\(32\)"):
        batch_rows(batch)


def test_what_a_stream_cannot_do_changes_nothing():
    batches = [np.ones((n, 1), "float32") for n in (2, 3)]
    stream = StreamData(lambda: batches, kept=batches, reason="shapes that change")
    assert stream.rows_in_memory is None
    assert not stream.repeats_all_rows
    assert stream.reshuffled(3) is stream
    again = stream.repeating().batches()
    assert [len(next(again)) for _ in range(4)] == [2, 2, 2, 2]


def test_a_stream_that_can_be_seen_again_is_prolonged_by_its_first_batches():
    batches = [np.full((n, 1), n, "float32") for n in (2, 3)]
    stream = StreamData(lambda: batches, kept=batches, reason="shapes that change")
    longer = stream.prolonged(5)
    for _ in range(2):
        assert [len(batch) for batch in longer.batches()] == [2, 3, 2, 3, 2]
    once = StreamData(lambda: batches, kept=batches, reason="read once", replays=False)
    assert once.prolonged(5) is once


def test_rows_in_memory_can_be_drawn_anew_and_prolonged():
    data = shuffled(rows=10, steps=4, seed=1)
    assert data.rows_in_memory is data
    longer = data.reshuffled(5).prolonged(9)
    assert longer.steps == 9
    assert rows_of(longer)[:4] == rows_of(data.reshuffled(5))
    assert rows_of(longer.reshuffled(5)) == rows_of(longer)


def test_batches_of_all_rows_are_known():
    assert shuffled(rows=10, batch_size=10).repeats_all_rows
    assert not shuffled(rows=10, batch_size=5).repeats_all_rows


def test_some_rows_stay():
    with pytest.raises(InvalidTrainingError, match="every row is left out"):
        shuffled(rows=10).without_rows(np.arange(10))
    assert set(flat(rows_of(shuffled(rows=10).without_rows(np.arange(9))))) == {9}


@pytest.mark.parametrize("left_out", [range(5), range(5, 10), range(0, 10, 2)])
def test_the_rows_that_stay_take_the_places_of_the_others_in_turn(left_out):
    """One row in the place of half of them would be half of what is trained on."""
    (_, places, _) = shuffled(rows=10).without_rows(np.array(left_out)).arrays
    kept = [row for row in range(10) if row not in left_out]
    assert np.bincount(places[:, 0], minlength=10)[kept].tolist() == [2] * 5
    assert places[kept, 0].tolist() == kept


@pytest.mark.parametrize(
    ("rows", "batch_size", "asked", "chunk_rows", "expected"),
    [
        (12, 4, 12, 4, [4, 4, 4]),
        (12, 4, 10, 4, [4, 4]),
        (12, 4, 1, 1, [4]),
        (12, 4, 12, 8, [8, 4]),  # the rows are pooled: any number will do
        (8 * PROBE_ROWS, 2 * PROBE_ROWS, PROBE_ROWS, 2 * PROBE_ROWS, [2 * PROBE_ROWS]),
        (10, 4, 10, 4, [4, 4, 2]),  # the program makes a short batch itself
    ],
)
def test_where_all_batches_are_alike_the_chunks_of_the_probe_set_are_too(
    rows, batch_size, asked, chunk_rows, expected
):
    data = shuffled(rows=rows, batch_size=batch_size)
    chunks = data.probe(asked, chunk_rows)
    assert data.even == (rows % batch_size == 0)
    assert [chunk.rows for chunk in chunks] == expected
    assert [batch_rows(chunk.batch) for chunk in chunks] == expected


@pytest.mark.parametrize(("sizes", "even"), [((3, 3), True), ((3, 2), False)])
def test_a_stream_is_even_as_far_as_it_is_known(sizes, even):
    kept = [tf.zeros((size, 1)) for size in sizes]
    assert StreamData(lambda: kept, kept=kept, reason="streamed").even is even
