"""From datasets, generators and arrays to batches."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from pytest_converge.core.errors import InvalidTrainingError
from pytest_converge.training.data import sources
from pytest_converge.training.data.batches import ArrayData, StreamData
from pytest_converge.training.data.sources import read_arrays, read_batches, yields_batches


def flat(lists):
    return list(itertools.chain.from_iterable(lists))


def numbers(start, stop):
    column = np.arange(start, stop, dtype="float32")[:, None]
    return column, column


def read(source, steps, *, class_weight=None, shuffle=False, seed=0, **options):
    return read_batches(source, class_weight, steps=steps, shuffle=shuffle, seed=seed, **options)


def batches_of(data):
    return [keras.utils.unpack_x_y_sample_weight(batch) for batch in data.batches()]


def rows_of(data):
    found = []
    for x, y, _ in batches_of(data):
        assert np.asarray(x).tolist() == np.asarray(y).tolist()
        found.append(np.asarray(x).reshape(-1).astype(int).tolist())
    return found


def generator(count, size=2):
    for i in range(count):
        yield numbers(i * size, (i + 1) * size)


def varying():
    """Batches of three shapes, without end."""
    for width in itertools.cycle((2, 3, 4)):
        yield np.zeros((2, width), "float32"), np.zeros((2, 1), "float32")


class Numbers(keras.utils.PyDataset):
    """Three batches of two rows; after an epoch the numbers rise by 100."""

    def __init__(self, count=3):
        super().__init__()
        self.count, self.offset, self.began = count, 0, 0

    @property
    def num_batches(self):
        return self.count

    def __getitem__(self, index):
        return numbers(self.offset + 2 * index, self.offset + 2 * index + 2)

    def on_epoch_begin(self):
        self.began += 1

    def on_epoch_end(self):
        self.offset += 100


@pytest.fixture
def little_memory(monkeypatch):
    """Memory for three of the batches of four float32 values each."""
    monkeypatch.setattr(sources, "MEMORY_LIMIT", 3 * 16)


def dataset(rows=6, batch_size=2):
    return tf.data.Dataset.from_tensor_slices(numbers(0, rows)).batch(batch_size)


def test_more_batches_than_are_held_are_streamed(monkeypatch):
    monkeypatch.setattr(sources, "MOST_BATCHES", 3)
    data = read(dataset(), 8)
    assert isinstance(data, StreamData)
    assert data.reason == "the batches are more than 3"
    assert rows_of(data) == rows_of(read(dataset(), 3)) * 2 + [[0, 1], [2, 3]]
    assert isinstance(read(dataset(), 3), ArrayData)


def test_a_dataset_is_read_in_its_own_order():
    data = read(dataset(), 3, shuffle=True)
    assert isinstance(data, ArrayData)
    assert rows_of(data) == [[0, 1], [2, 3], [4, 5]]


def test_only_as_many_batches_as_steps_are_taken():
    taken = []

    def counted():
        for element in generator(100):
            taken.append(1)
            yield element

    data = read(counted(), 3)
    assert len(rows_of(data)) == len(taken) == 3


@pytest.mark.parametrize("steps", [3, 4, 7])
def test_a_short_dataset_starts_again(steps):
    data = read(dataset(rows=5), steps)
    epoch = [[0, 1], [2, 3], [4]]
    assert rows_of(data) == [epoch[i % 3] for i in range(steps)]
    # The rows of the epochs are the same; the probe set has each once.
    assert sorted(data.probe_index.tolist()) == list(range(5))


def test_a_dataset_that_shuffles_has_a_new_order_in_every_epoch():
    tf.random.set_seed(0)
    shuffled = tf.data.Dataset.from_tensor_slices(numbers(0, 20)).shuffle(20).batch(20)
    epochs = rows_of(read(shuffled, 4))
    assert all(sorted(epoch) == list(range(20)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4


def test_a_dataset_without_end():
    assert rows_of(read(dataset().repeat(), 7)) == [[0, 1], [2, 3], [4, 5]] * 2 + [[0, 1]]


def test_a_pydataset_hears_of_every_epoch():
    source = Numbers()
    data = read(source, 7)
    expected = [[0, 1], [2, 3], [4, 5], [100, 101], [102, 103], [104, 105], [200, 201]]
    assert rows_of(data) == expected
    assert (source.began, source.offset) == (3, 200)


def test_a_pydataset_is_read_in_random_order_where_fit_would():
    first, again, other = (
        rows_of(read(Numbers(30), 60, shuffle=True, seed=seed)) for seed in (1, 1, 2)
    )
    assert first == again != other
    assert sorted(first[:30]) == [[2 * i, 2 * i + 1] for i in range(30)]
    assert [[a - 100, b - 100] for a, b in first[30:]] != first[:30]


def test_a_pydataset_without_end():
    class Endless(Numbers):
        @property
        def num_batches(self):
            return None

    assert rows_of(read(Endless(), 4, shuffle=True)) == [[0, 1], [2, 3], [4, 5], [6, 7]]


def test_a_list_of_batches():
    assert rows_of(read([numbers(0, 2), numbers(2, 4)], 3)) == [[0, 1], [2, 3], [0, 1]]


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: generator(3), "generator"),
        (lambda: iter(list(generator(3))), "list_iterator"),
        (lambda: itertools.islice(generator(9), 3), "islice"),
    ],
)
def test_what_cannot_start_again_runs_dry(make, kind):
    assert len(rows_of(read(make(), 3))) == 3
    with pytest.raises(InvalidTrainingError) as caught:
        read(make(), 10)
    assert str(caught.value) == (
        f"got a {kind} that ran dry at step 4; expected a batch for each of 10 steps."
        " Pass steps=3, or a source that can start again (a Dataset or PyDataset)."
    )


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: generator(0), "generator"),
        (lambda: dataset(rows=0), "_BatchDataset"),
        (lambda: dataset(rows=6).filter(lambda x, y: False), "_FilterDataset"),
        (lambda: Numbers(0), "Numbers"),
        (list, "list"),
    ],
)
def test_an_empty_source_is_refused(make, kind):
    with pytest.raises(InvalidTrainingError) as caught:
        read(make(), 3)
    assert str(caught.value) == (
        f"got a {kind} without any batch; expected at least one batch."
        " Check the path, the filter and drop_remainder of the data."
    )


def test_batches_of_changing_shape_are_streamed():
    data = read(varying(), 5)
    assert isinstance(data, StreamData)
    for _ in range(2):
        assert [x.shape[1] for x, _, _ in batches_of(data)] == [2, 3, 4, 2, 3]
    assert data.replays
    assert "shape or type" in data.reason


@pytest.mark.parametrize(
    "batches",
    [
        [(np.zeros((2, 1), "float32"),), (np.zeros((2, 1), "int32"),)],
        [(np.zeros((2, 1)), np.zeros(2)), (np.zeros((2, 1)),)],
        [({"a": np.zeros((2, 1))},), ({"b": np.zeros((2, 1))},)],
        [(tf.ragged.constant([[1.0], [1.0, 2.0]]),)] * 2,
        [(np.zeros((2, 1)), np.zeros(3))] * 2,
        [(np.zeros((2, 1)), np.float32(1.0))] * 2,
    ],
)
def test_what_does_not_fit_into_one_array_is_streamed(batches):
    data = read(batches, 2, unpack=lambda element: element)
    assert isinstance(data, StreamData)
    assert len(list(data.batches())) == 2


def test_a_stream_is_probed_on_its_first_epoch():
    batches = [(np.zeros((2, width), "float32"), np.zeros((2, 1))) for width in (2, 3)]
    data = read(batches, 7)
    assert sum(chunk.rows for chunk in data.probe(1024, 2)) == 4


# A batch holds two rows of two float32 values: 16 bytes.
def test_what_fits_into_memory_is_kept(little_memory):
    assert isinstance(read(dataset(), 3), ArrayData)


@pytest.mark.parametrize("make", [dataset, Numbers])
def test_what_does_not_is_streamed_again_in_every_run(little_memory, make):
    data = read(make(), 7)
    assert isinstance(data, StreamData)
    assert (data.reason, data.replays) == ("the batches need more than 0 MB", True)
    first = rows_of(data)
    assert len(first) == 7
    assert first[:3] == [[0, 1], [2, 3], [4, 5]] or isinstance(make(), Numbers)


def test_a_stream_from_memory_is_probed_on_its_first_epoch(little_memory):
    data = read(dataset(), 20)
    assert sum(chunk.rows for chunk in data.probe(1024, 2)) == 6


def test_a_generator_that_does_not_fit_is_streamed_once(little_memory):
    data = read(generator(9), 7)
    assert isinstance(data, StreamData)
    assert not data.replays
    assert rows_of(data) == [[2 * i, 2 * i + 1] for i in range(7)]


def test_a_generator_that_does_not_fit_may_run_dry_later(little_memory):
    data = read(generator(5), 10)
    seen = []
    with pytest.raises(InvalidTrainingError, match="ran dry at step 6; expected a batch"):
        seen.extend(data.batches())
    assert len(seen) == 5


def test_class_weights_reach_the_batches_of_a_dataset():
    labels = np.array([0, 1, 2, 1], "int32")
    source = tf.data.Dataset.from_tensor_slices((np.zeros((4, 1), "float32"), labels)).batch(2)
    data = read(source, 2, class_weight={1: 5.0, 2: 0.5})
    assert [w.numpy().tolist() for _, _, w in batches_of(data)] == [[1.0, 5.0], [0.5, 5.0]]


@pytest.mark.parametrize(
    "element",
    [
        np.ones((2, 1)),
        (np.ones((2, 1)),),
        (np.ones((2, 1)), np.ones(2)),
        (np.ones((2, 1)), np.ones(2), np.ones(2)),
        ({"a": np.ones((2, 1)), "b": np.ones(2)}, np.ones(2)),
        {"x": np.ones((2, 1)), "y": np.ones(2)},
    ],
)
def test_a_train_step_gets_its_batches_in_the_form_of_the_source(element):
    (found,) = read([element], 1).batches()
    shapes = [keras.tree.map_structure(np.shape, structure) for structure in (found, element)]
    assert shapes[0] == shapes[1]


def test_floats_are_cast_as_by_fit():
    (batch,) = read([(np.ones((2, 1)), np.ones(2, "int64"), np.ones(2))], 1).batches()
    assert [part.dtype for part in batch] == [tf.float32, tf.int64, tf.float32]


@pytest.mark.parametrize(
    ("x", "answer"),
    [
        (dataset(), True),
        (Numbers(), True),
        (generator(1), True),
        (np.zeros(3), False),
        ([np.zeros(3)], False),
        (tf.zeros(3), False),
        (iter([]), True),
        (None, False),
    ],
)
def test_what_yields_batches_by_itself(x, answer):
    assert yields_batches(x) == answer


def arrays(x, y=None, sample_weight=None, class_weight=None, **options):
    values = {"batch_size": 2, "shuffle": False, "steps": 3, "seed": 0, **options}
    return read_arrays(x, y, sample_weight, class_weight, **values)


def test_arrays_become_batches():
    x, y = numbers(0, 6)
    data = arrays(x, y)
    assert rows_of(data) == [[0, 1], [2, 3], [4, 5]]
    mixed = rows_of(arrays(x, y, shuffle=True, steps=6))
    assert sorted(flat(mixed[:3])) == sorted(flat(mixed[3:])) == list(range(6))


def test_class_weights_of_arrays_become_sample_weights():
    data = arrays(np.zeros((4, 1)), np.array([0, 1, 0, 1]), class_weight={0: 3.0}, steps=2)
    assert [w.numpy().tolist() for _, _, w in batches_of(data)] == [[3.0, 1.0], [3.0, 1.0]]


@pytest.mark.parametrize(
    "with_weights",
    [
        lambda x, y, w: read([(x, y, w)], 1, class_weight={0: 1.0}),
        lambda x, y, w: arrays(x, y, w, {0: 1.0}),
    ],
)
def test_two_kinds_of_weights_are_refused(with_weights):
    with pytest.raises(InvalidTrainingError) as caught:
        with_weights(np.zeros((2, 1)), np.zeros(2), np.ones(2))
    assert str(caught.value) == (
        "got both sample_weight and class_weight; expected one of them."
        " Multiply the weights of the classes into sample_weight."
    )


def test_the_arrays_of_the_user_are_not_touched():
    x = np.arange(6.0)[:, None]
    y = np.arange(6)
    kept = x.copy(), y.copy()
    arrays(x, y, class_weight={0: 3.0}, shuffle=True)
    assert (x.tolist(), y.tolist()) == (kept[0].tolist(), kept[1].tolist())
    assert (x.dtype, y.dtype) == (kept[0].dtype, kept[1].dtype)


def test_data_that_contain_themselves_are_refused():
    endless: list[object] = [np.zeros(4)]
    endless.append(endless)
    with pytest.raises(InvalidTrainingError, match="got data that contain themselves"):
        sources.has_composites((endless, np.zeros(4), None))


@pytest.mark.parametrize(
    ("given", "read"), [("float16", "float16"), ("float32", "float32"), ("float64", "float32")]
)
def test_half_precision_that_somebody_chose_is_kept(given, read):
    data = tf.data.Dataset.from_tensor_slices(np.ones((8, 2), given)).batch(4)
    rows = read_batches(data, None, steps=4, shuffle=False, seed=0, unpack=lambda each: (each,))
    assert rows.arrays[0].dtype == read
    assert next(iter(rows.batches()))[0].dtype == read
