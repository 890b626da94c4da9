"""The hooks that a conftest or another plugin can implement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_converge.core.expectation import Expectation
    from pytest_converge.core.finding import Finding
    from pytest_converge.core.record import TrainingRecord
    from pytest_converge.core.result import ConvergenceResult

__all__ = ["pytest_converge_adapt", "pytest_converge_check", "pytest_converge_result"]


@pytest.hookspec
def pytest_converge_check(
    record: TrainingRecord, expectation: Expectation
) -> Finding | list[Finding] | None:
    """Judge a training by a rule of your own.

    Called after the built-in gates, once for each start. A finding with `fails=True`, the
    default, turns the test red; one with `fails=False` is shown as a note, which `ignore` silences
    by the code that you gave it. In a conftest::

        from pytest_converge import Finding

        def pytest_converge_check(record):
            norms = record.curve.gradient_norm
            if norms and max(norms) > 100:
                return Finding(
                    code="gradient-too-large",
                    message=f"the gradient norm reached {max(norms):.3g}, above 100",
                    evidence={"gradient_norm": max(norms)},
                )

    Args:
        record: everything that was measured.
        expectation: what was expected.
    """


@pytest.hookspec(firstresult=True)
def pytest_converge_adapt(model: Any, x: Any, y: Any) -> Any:
    """Train an object that is no Keras model with `converge.fit`.

    Return a compiled Keras model, or a dict of the arguments of `converge.step`, or None for an
    object that you do not know. What `converge.fit` was given and a step leaves unread is refused.
    In a conftest, for classes that keep their network inside::

        def pytest_converge_adapt(model):
            return getattr(model, "network", None)

    Args:
        model: the first argument of `converge.fit`, or what it built.
        x: the inputs.
        y: the targets.
    """


@pytest.hookspec
def pytest_converge_result(result: ConvergenceResult, item: pytest.Item) -> None:
    """Receive the result of each training, right after it, passed or not.

    Under pytest-xdist it is called in the worker process. In a conftest, for MLflow::

        import mlflow

        def pytest_converge_result(result):
            with mlflow.start_run(run_name=result.test):
                mlflow.log_params({"verb": result.verb, "steps": result.steps})
                for step, loss in zip(*result.curve.trend):
                    mlflow.log_metric("loss", loss, step=step)
                mlflow.set_tag("converged", result.passed)

    and for Weights & Biases::

        import wandb

        def pytest_converge_result(result):
            with wandb.init(project="tests", name=result.test) as run:
                for step, loss in zip(*result.curve.trend):
                    run.log({"loss": loss}, step=step)
                run.summary["converged"] = result.passed

    With a baseline `result.baseline.obtained` has the runs that were made for the comparison or the
    recording, each with its seed, scores and losses.

    Args:
        result: what was measured and judged.
        item: the test.
    """
