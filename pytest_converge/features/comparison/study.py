"""From a call of `preprocessing.compare` to the comparison."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pytest_converge.core.calls import FitCall
from pytest_converge.core.errors import invalid
from pytest_converge.core.pipeline_comparison import PipelineComparison
from pytest_converge.core.record import TrainingRecord
from pytest_converge.runner import Context, seeded_training

if TYPE_CHECKING:
    from pytest_converge.features.comparison.column_exchange import FeatureReruns, Features
    from pytest_converge.training.adapters.built import Built

__all__ = ["compared_pipelines"]

#: Starts that all have to agree: one alone may have been lucky.
STARTS = 3


def compared_pipelines(
    context: Context,
    build: Callable[..., Any],
    pipelines: Mapping[str, Any],
    targets: Any,
    *,
    judged: str,
    tolerance: float,
    batch_size: int,
) -> PipelineComparison:
    """Trains on several preparations of the features, beside the z-scored first one.

    Takes the arguments of `preprocessing.compare` behind the test.

    Raises:
        InvalidTrainingError: a training cannot be run as asked.
    """
    from pytest_converge.features.comparison.column_exchange import read_features, z_scored
    from pytest_converge.training.adapters.built import Built
    from pytest_converge.training.state.seeding import preserved

    began = time.perf_counter()
    with preserved(), contextlib.ExitStack() as stack:
        features = [read_features(name, data) for name, data in pipelines.items()]
        reference = z_scored(features[0], f"z-scored {features[0].name}")
        benches = _Benches(context, stack, build, targets, batch_size, Built())
        benches.check([reference, *features])
        comparison = _comparison(context, benches, reference, features, judged, tolerance)
    return dataclasses.replace(comparison, seconds=time.perf_counter() - began)


def _comparison(
    context: Context,
    benches: _Benches,
    reference: Features,
    features: list[Features],
    judged: str,
    tolerance: float,
) -> PipelineComparison:
    from pytest_converge.features.comparison.judgement import Reference, find_culprits

    starts = max(STARTS, context.expectation.seeds)
    known = benches.records(reference, starts)
    against = Reference(known, context.expectation.max_loss)
    if not against.usable:
        given = "a reference whose loss is not finite, or negative"
        remedy = "Look at it alone: converge.fit(build, z_scored_features, targets)."
        raise invalid(given, "one that trains", remedy)
    runs = [against.run(each, benches.records(each, starts)) for each in features]
    comparison = PipelineComparison(
        test=context.test,
        number=context.number,
        judged=judged,
        tolerance=tolerance,
        target=against.target,
        runs=(against.run(reference, known), *runs),
        steps=context.expectation.steps,
    )
    if comparison.passed:
        return comparison
    own = next(each for each in features if each.name == judged)
    different = own.differing_columns(reference)
    if different is None:
        obstacle = f"{judged} has other columns than {features[0].name}"
        return dataclasses.replace(comparison, obstacle=obstacle)

    def worse(changed: Features, on: int) -> float:
        return against.run(changed, benches.records(changed, on)).factor

    found = find_culprits(own, reference, different, worse, limit=1 + tolerance, starts=starts)
    return dataclasses.replace(
        comparison, exchanges=found.exchanges, culprits=found.columns, mended=found.mended
    )


@dataclasses.dataclass(frozen=True, slots=True)
class _Benches:
    """A traced training for each shape of the features, made where it is first needed."""

    _context: Context
    _stack: contextlib.ExitStack
    _build: Callable[..., Any]
    _targets: Any
    _batch_size: int
    _built: Built
    _benches: dict[tuple[Any, ...], FeatureReruns] = dataclasses.field(default_factory=dict)

    @property
    def _takes_shape(self) -> bool:
        from pytest_converge.training.adapters.traceability import needed_arguments

        return len(needed_arguments(self._build)) == 1

    def check(self, features: list[Features]) -> None:
        """Refuses shapes that a model of one shape cannot take."""
        shapes = {each.shape for each in features}
        if len(shapes) > 1 and not self._takes_shape:
            given = f"features of the shapes {', '.join(map(str, sorted(shapes)))}"
            remedy = "Let build take the shape: def build(shape): ... keras.Input(shape)."
            expected = "one shape, where build takes no argument"
            raise invalid(given, expected, remedy)

    def records(self, features: Features, starts: int) -> list[TrainingRecord]:
        """One training from each of the first starts."""
        key = (*features.shape, features.array.dtype.kind)
        if key not in self._benches:
            self._benches[key] = self._bench(features)
        return self._benches[key].records(features, starts)

    def _bench(self, features: Features) -> FeatureReruns:
        from pytest_converge.features.comparison.column_exchange import FeatureReruns
        from pytest_converge.training.adapters.built import updated
        from pytest_converge.training.loop.run import TrainingRun

        shape = (features.shape,) if self._takes_shape else ()
        call = FitCall(
            model=functools.partial(self._build, *shape),
            x=features.array,
            y=self._targets,
            batch_size=self._batch_size,
        )
        training = seeded_training(self._context, call)
        self._stack.callback(training.release)
        context = self._context
        running = TrainingRun(training, context.expectation.steps, context.progress)
        made = updated(training.trainable, None)
        made += [v for each in training.optimizers for v in each.variables]
        self._built.require_new(made)
        self._built.keep(made)
        return FeatureReruns(running, context.expectation.seed or 0, context.progress)
