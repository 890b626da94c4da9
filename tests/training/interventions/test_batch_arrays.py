"""Arrays of the batches changed, in memory and in a stream."""

from __future__ import annotations

import numpy as np

from pytest_converge.training.interventions.batch_arrays import in_array
from pytest_converge.training.interventions.intervention import Intervention
from tests.training.interventions.trainings import regression
from tests.training.measures.steps import own_step
from tests.zoo.trainings import training_of

SAID = Intervention(code="label-encoding", change="y the other way round", fix="y = -y")


def turned(training):
    return in_array(SAID, training, "y", of_rows=lambda y: -y, of_batch=lambda y: -y)


def test_rows_in_memory_are_changed_and_batches_left_alone():
    training = training_of(regression())
    change, step = turned(training), training.step
    x, y = change.data(training.rows_in_memory).arrays
    assert x is training.rows_in_memory.arrays[0]
    np.testing.assert_array_equal(y, -training.rows_in_memory.arrays[1])
    with change.variant(training):
        assert training.step == step
    assert (change.change, change.fix) == (SAID.change, SAID.fix)


def test_a_batch_of_a_stream_is_changed_once(monkeypatch):
    training, seen = training_of(own_step(lambda y, p: y - p)), []
    monkeypatch.setattr(type(training), "rows_in_memory", None)
    monkeypatch.setattr(training, "step", seen.append)

    def probe(batch):  # a probe may be a step, which then gets the batch as it is by now
        training.step(batch)

    monkeypatch.setattr(training, "probe", probe)
    batch = training.first_batch()
    change = turned(training)
    assert change.data is None
    with change.variant(training):
        training.probe(batch)
        training.step(batch)
    training.step(batch)
    signs = [float(np.sign(y / batch[1]).mean()) for _, y in seen]
    assert signs == [-1.0, -1.0, 1.0]
