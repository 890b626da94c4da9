"""Comparisons of pipelines made by hand."""

from __future__ import annotations

from pytest_converge.core.pipeline_comparison import Exchange, PipelineComparison, PipelineRun

__all__ = ["compared", "run"]


def run(name, factors, final=0.9, reached=(None, None, None)):
    """The trainings on a pipeline."""
    return PipelineRun(
        name=name,
        final_losses=(final,) * 3,
        factors=tuple(map(float, factors)),
        reached=reached,
        steps=(0, 50, 100),
        losses=(1.2, (1.2 + final) / 2, final),
        width=3,
    )


def compared(factors, *, judged="ours", tolerance=1.0, **changes):
    """A comparison of a raw and a judged pipeline with the reference."""
    reached = (90.0, 100.0, 95.0)
    values = {
        "test": "test_a.py::test_it",
        "judged": judged,
        "tolerance": tolerance,
        "target": 0.1,
        "runs": (
            run("z-scored raw", [1, 1, 1], 0.1, reached),
            run("raw", [8, 9, 7], 1.0),
            run(judged, factors),
        ),
        "exchanges": (
            Exchange(columns=("x[:, 1]",), factor=5.0),
            Exchange(columns=("x[:, 0]",), factor=1.1),
        ),
        "steps": 100,
        "seconds": 1.5,
    }
    return PipelineComparison(**{**values, **changes})
