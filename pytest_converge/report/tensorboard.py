"""Trainings as runs of TensorBoard: the bytes of its event files."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_converge.core.curve import LossCurve
from pytest_converge.core.diagnosis import Trial
from pytest_converge.core.files import digest, slug
from pytest_converge.core.result import ConvergenceResult
from pytest_converge.report import diagnosis as words
from pytest_converge.report.layout import one_line
from pytest_converge.report.markdown import code_block, escaped
from pytest_converge.report.section import section

__all__ = ["EVENT_FILE", "tensorboard_runs"]

#: TensorBoard reads files with `tfevents` in their names. One name, so that the next session takes
#: the place of the last.
EVENT_FILE = "events.out.tfevents.converge"
#: Tags of scalars; those alike before the slash are drawn side by side.
BATCH_LOSS, PROBE_LOSS = "loss/batch", "loss/probe set"
#: Of a change that gives the loss another unit, whose values say nothing beside the others.
OTHER_UNIT = "loss/in another unit"
LEARNING_RATE, GRADIENT_NORM = "learning rate", "gradient norm"
#: Tag of the text.
VERDICT = "verdict"
#: Characters of a run's name that are kept of a test's id, and of a change.
MOST_OF_TEST, MOST_OF_CHANGE = 100, 60
#: Of a line of the text, which TensorBoard shows in a fixed font.
WIDTH = 100
#: `DT_STRING` of TensorFlow's types.
STRING_TYPE = 7

#: Scalars of each step, by their tags.
Scalars = Mapping[int, Mapping[str, float]]


def tensorboard_runs(result: ConvergenceResult, *, time: float) -> Iterator[tuple[str, bytes]]:
    """The runs of one training, each a folder's name and the bytes of the file in it.

    One for each start, and one below `tried` for each change that a diagnosis tried, whose losses
    have the tag of those they are compared with.

    Args:
        result: of the training.
        time: seconds since 1970, which TensorBoard shows beside each value.
    """
    folder = _folder(result)
    text = _text(result)
    for index, run in enumerate(result.runs, start=1):
        name = f"{folder}/start-{index}" if len(result.runs) > 1 else f"{folder}/training"
        texts = {VERDICT: text} if run is result.shown_run else {}
        yield name, _events(_scalars(run.record.curve), texts, time)
    if result.diagnosis is None:
        return
    tag = PROBE_LOSS if result.curve.checkpoints else BATCH_LOSS
    for index, trial in enumerate(words.all_trials(result.diagnosis), start=1):
        if trial.course:
            own = tag if trial.comparable else OTHER_UNIT
            scalars = {step: {own: loss} for step, loss in trial.course}
            change = slug(trial.change, besides=".=").strip("-")[:MOST_OF_CHANGE]
            # Numbered: two names may differ in what was cut.
            yield f"{folder}/tried/{index:02}-{change}", _events(scalars, _of_trial(trial), time)


def _folder(result: ConvergenceResult) -> str:
    number = f"-{result.number}" if result.number > 1 else ""
    kept = slug(result.test, besides=".=").strip("-")
    cut = kept if len(kept) <= MOST_OF_TEST else f"{kept[-MOST_OF_TEST:]}-{digest(result.test)}"
    return f"{cut}{number}"


def _scalars(curve: LossCurve) -> Scalars:
    found: dict[int, dict[str, float]] = {}
    for tag, steps, values in (
        (BATCH_LOSS, curve.steps, curve.batch_loss),
        (LEARNING_RATE, curve.steps, curve.learning_rate),
        (GRADIENT_NORM, curve.steps, curve.gradient_norm),
        (PROBE_LOSS, curve.checkpoints, curve.probe_loss),
    ):
        for step, value in zip(steps, values, strict=False):  # what was not seen is empty
            found.setdefault(step, {})[tag] = value
    return found


def _text(result: ConvergenceResult) -> str:
    """The verdict, and what the section under a failing test says."""
    lines = code_block(section(result, width=WIDTH, unicode=True, message=""))
    return "\n".join([f"**{escaped(words.verdict(result))}**", "", *lines])


def _of_trial(trial: Trial) -> Mapping[str, str]:
    return {VERDICT: escaped(one_line(f"{trial.change}: {words.outcome(trial)}"))}


def _events(scalars: Scalars, texts: Mapping[str, str], time: float) -> bytes:
    """An event file: its version, then an event for each step, with the texts at the first."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    file = io.BytesIO()
    writer = RecordWriter(file)
    writer.write(Event(wall_time=time, file_version="brain.Event:2").SerializeToString())
    said = [_text_value(tag, text) for tag, text in texts.items()]
    for step in sorted({*scalars, *([0] if said else [])}):
        values: Sequence[Any] = [*_scalar_values(scalars.get(step, {})), *said]
        said = []
        event = Event(wall_time=time, step=step)
        event.summary.value.extend(values)
        writer.write(event.SerializeToString())
    return file.getvalue()


def _scalar_values(scalars: Mapping[str, float]) -> Iterator[Any]:
    from tensorboard.compat.proto.summary_pb2 import Summary

    for tag, value in scalars.items():
        yield Summary.Value(tag=tag, simple_value=value)


def _text_value(tag: str, text: str) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.compat.proto.tensor_pb2 import TensorProto

    plugin = SummaryMetadata.PluginData(plugin_name="text")
    tensor = TensorProto(dtype=STRING_TYPE, string_val=[text.encode()])
    # A shape without dimensions: one text.
    tensor.tensor_shape.SetInParent()
    return Summary.Value(tag=tag, tensor=tensor, metadata=SummaryMetadata(plugin_data=plugin))
