"""A gate with chosen runs, as a session would ask it."""

from __future__ import annotations

from pytest_converge.baselines.session.baseline_gate import BaselineGate, Subject
from pytest_converge.core.baseline import BaselinePolicy
from tests.recorded import stored_run

__all__ = ["HERE", "TEST", "Machine", "ask", "subject"]

TEST = "test_models.py::test_wine"
HERE = {"device": "CPU", "tensorflow": "2.21.0", "threads": 2}
SETTINGS = {"metric": None, "seed": 7, "steps": 200, "verb": "fit"}


class Machine:
    """Makes runs whose loss is `level` higher on the logarithm, and counts them."""

    def __init__(self, level=0.0, *, broken=(), scores=None):
        self.level, self.broken, self.scores = level, broken, scores
        self.made = []

    def __call__(self, number):
        self.made.append(number)
        if number in self.broken:
            infinite = (float("inf"),) * 2
            return stored_run(7 + number, scores=infinite, steps=(1, 2), losses=(1.0, float("nan")))
        scores = self.scores and self.scores(number)
        return stored_run(7 + number, level=self.level, scores=scores)


def subject(number=1, metric=None, data=None, **settings):
    return Subject(
        test=TEST,
        number=number,
        settings={**SETTINGS, "metric": metric, **settings},
        metric=metric,
        data=data or {},
    )


def ask(folder, machine, *, mode="check", what=None, environment=HERE, higher=False, **policy):
    """(report, finding) of a session that finds and leaves its files in `folder`."""
    given = BaselinePolicy(
        mode=mode,
        test_file=str(folder / "test_models.py"),
        relative_to=str(folder),
        **policy,
    )
    gate = BaselineGate.open(given, what or subject())
    return gate.settle(machine, environment, higher_is_better=higher)
