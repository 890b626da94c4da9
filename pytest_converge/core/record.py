"""The record of one training: everything that was measured, nothing judged."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

from pytest_converge.core.curve import LossCurve
from pytest_converge.core.input_scales import InputScales
from pytest_converge.core.overlap import RowOverlap
from pytest_converge.core.serialisation import Serialisable, written_as

__all__ = ["NonFinite", "TrainingRecord"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NonFinite:
    """Where a NaN or an infinity was found.

    Attributes:
        what: "loss", "weights" or "data".
        name: the variable, the array and its column, as in `x['age']` or `x[:, 3]`, or the value
            of a loss and where it was seen, as in `nan on the probe set`.
        row: the first row it stands in, for data.
        step: the step after which it was seen, for losses and weights; 0 before the first one.
        count: how many values are not finite, where counted.
    """

    what: str
    name: str
    row: int | None = None
    step: int | None = None
    count: int | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRecord(Serialisable):
    """The measurements of one training from one start.

    Attributes:
        seed: the seed of the start, the batch order and the random layers.
        curve: losses, gradient norms and learning rates; written thinned.
        seconds: wall time from the first trace to the last measurement.
        driver: "loop" (all steps in one compiled loop), "step" (one compiled step called from
            Python) or "eager".
        driver_reason: why the driver is not "loop"; empty where it is.
        traces: how often a graph was traced for this run; 0 for a run from a restored start.
        probe_rows: rows in the whole probe set; 0 without one.
        metrics: compiled metrics on the probe set at the end, in inference mode.
        loss_name: the name of the compiled loss, or of the loss callable.
        nonnegative: True where that loss cannot be negative on targets that suit it.
        reported_loss: the data loss at the end in inference mode as Keras reports it, without
            regularisation; None where it cannot be told.
        predicted_loss: the same loss recomputed from the output of `predict()`.
        saturated: True where a prediction lies so near 0 or 1 that cross-entropies clip it.
        constant_loss: the loss of the best constant prediction; None where it is not known.
        regularisation: the share of the loss that does not depend on the targets.
        constant_columns: input columns with the same value other than 0 in every row, by name.
        input_scales: the scale of what the first trained layers are fed with; None where it cannot
            be told or nobody wanted to see it, and of all starts but the first, which have the same
            data.
        dead_units: share of units that are 0 on every row at the end, by layer of ReLUs; measured
            of a training that passes.
        limit_share: the learning rate over the largest stable one along the last steps; measured
            of a training that passes by gradient descent on all data, else None.
        overlap: rows of `validation_data` that are trained on, of a training that passes; None
            where there are none held out, or where they lie in no arrays.
        variables_changed: whether a trained variable had another value at the end than at the
            start; None where it was not measured.
        nonfinite: everything that was found not to be finite, in the order of discovery.
        callbacks: the Keras callbacks of the training, by their classes.
        stopped_by: the callback that ended it before its last step; empty where none did.
        excluded: (measurement, error) of what could not be measured of the inputs, or of a training
            that passes.
    """

    seed: int
    curve: LossCurve = dataclasses.field(metadata=written_as(LossCurve.thinned))
    seconds: float = 0.0
    driver: str = "loop"
    driver_reason: str = ""
    traces: int = 0
    probe_rows: int = 0
    metrics: Mapping[str, float] = dataclasses.field(default_factory=dict)
    loss_name: str = "loss"
    nonnegative: bool = False
    reported_loss: float | None = None
    predicted_loss: float | None = None
    saturated: bool = False
    constant_loss: float | None = None
    regularisation: float = 0.0
    constant_columns: tuple[str, ...] = ()
    input_scales: InputScales | None = None
    dead_units: Mapping[str, float] = dataclasses.field(default_factory=dict)
    limit_share: float | None = None
    overlap: RowOverlap | None = None
    variables_changed: bool | None = None
    nonfinite: tuple[NonFinite, ...] = ()
    callbacks: tuple[str, ...] = ()
    stopped_by: str = ""
    excluded: tuple[tuple[str, str], ...] = ()

    @property
    def skill(self) -> float | None:
        """The advantage over the best constant prediction: 1 - loss / constant loss."""
        if self.constant_loss is None or not self.constant_loss > 0:
            return None
        return 1.0 - (self.curve.last - self.regularisation) / self.constant_loss

    def is_whole(self, steps: int) -> bool:
        """Whether it made its steps, or was ended by a callback, which is an end by right.

        Args:
            steps: that were asked for.
        """
        return self.curve.updates >= steps or bool(self.stopped_by)

    @property
    def never_updated(self) -> bool:
        """True where no trained variable changed and no gradient was seen either."""
        return self.variables_changed is False and not self.curve.gradient_norm

    @property
    def nonfinite_loss(self) -> NonFinite | None:
        """The first loss that is not finite: of a batch, on the probe set, or in inference.

        The batches may never meet the rows that make it NaN.
        """
        listed = [item for item in self.nonfinite if item.what == "loss"]
        if listed:
            return listed[0]
        curve, end = self.curve, self.curve.updates
        probe = " on the probe set" if self.probe_rows else ""
        probes = zip(curve.checkpoints, curve.probe_loss, strict=True)
        places = [
            *((step, loss, "") for step, loss in zip(curve.steps, curve.batch_loss, strict=True)),
            (0, curve.initial_loss, probe),
            *((at, loss, probe) for at, loss in probes),
            (end, curve.final_loss, probe),
            (end, curve.inference_loss, " in inference"),
            (end, self.reported_loss, " in inference"),
        ]
        for step, loss, where in places:
            if loss is not None and not math.isfinite(loss):
                return NonFinite(what="loss", name=f"{loss:g}{where}", step=step)
        if math.isfinite(curve.first) and math.isfinite(curve.last):
            return None
        return NonFinite(what="loss", name="not recorded", step=end)
