"""What users write, right and wrong, for type checkers: `# expect error` on each wrong line.

`tests/test_typing.py` has mypy and pyright read it; nobody runs it.
"""

from __future__ import annotations

import pytest

from pytest_converge import (
    Converge,
    ConvergenceError,
    ConvergenceResult,
    Diagnosis,
    Expectation,
    Finding,
    LearningRate,
    Preprocessing,
    RateRange,
    Trial,
    converges,
)

pytestmark = converges(steps=200)


@converges(max_loss=0.1, steps=200, monotone="strict", metrics={"accuracy": (0.9, None)})
def test_right(converge: Converge) -> None:
    result: ConvergenceResult = converge.fit(object(), [1.0], [2.0], batch_size=32, seeds=3)
    loss: float = result.final_loss
    diagnosis: Diagnosis | None = result.diagnosis
    assert loss < 1
    if diagnosis is not None:
        tried: tuple[Trial, ...] = diagnosis.tried
        assert tried[0].verified


@converges()
def test_without_arguments(converge: Converge) -> None:
    converge.minimize(lambda: 0.0, [], object(), metric="val_accuracy", baseline=True)


@converges(baseline={"tolerance": 0.02}, metric="val_loss", ignore=("dead-units",), seed=None)
class TestOfAClass:
    def test_it(self, converge: Converge) -> None:
        with pytest.raises(ConvergenceError) as caught:
            converge.step(lambda: 0.0, variables=[], max_loss=0.1)
        findings: tuple[Finding, ...] = caught.value.result.findings
        assert findings[0].code


@pytest.mark.parametrize("kind", [pytest.param("a", marks=converges(max_loss=0.2)), "b"])
def test_studies(kind: str, learning_rate: LearningRate, preprocessing: Preprocessing) -> None:
    found: RateRange = learning_rate.range(dict, [1.0], max_loss=0.1)
    found.assert_within(margin=3)
    assert preprocessing.check([[1.0]]).passed


expectation = Expectation(max_loss=1, monotone="off")


@converges(max_los=0.1)  # expect error
def test_a_misspelt_argument() -> None: ...


@converges(steps="200")  # expect error
def test_a_number_as_text() -> None: ...


@converges(steps=1.5)  # expect error
def test_half_a_step() -> None: ...


@converges(monotone="strictly")  # expect error
def test_a_value_that_is_none() -> None: ...


@converges(metrics={"accuracy": 0.9})  # expect error
def test_a_bound_that_is_no_pair() -> None: ...


@converges(0.1)  # expect error
def test_a_positional_argument() -> None: ...


@converges(ignore="dead-units")  # expect error
def test_a_code_that_is_no_tuple() -> None: ...


@converges  # expect error
def test_without_brackets() -> None: ...


def test_wrong_calls(converge: Converge, learning_rate: LearningRate) -> None:
    converge.fit(object(), [1.0], max_los=0.1)  # expect error
    converge.fit(object(), [1.0], monotone="never")  # expect error
    converge.step(lambda: 0.0)  # expect error
    converge.train(object())  # expect error
    learning_rate.range(dict, [1.0], steps="9")  # expect error


def test_wrong_uses_of_a_result(result: ConvergenceResult, trial: Trial) -> None:
    result.final_loss = 0.0  # expect error
    assert result.final_los  # expect error
    assert result.diagnosis.cause  # expect error
    trial.losses.append(0.1)  # expect error


wrong = Expectation(monotone="down")  # expect error
