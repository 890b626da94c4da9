"""Baselines of real trainings: recorded, checked, replaced, and alike in parallel."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

MODELS = """
import json, os, keras, numpy as np, pytest
from pathlib import Path

rng = np.random.default_rng(0)
x = rng.normal(size=(96, 4)).astype("float32")
y = (x.sum(axis=1) > 0).astype("int32")
rate = float(Path("rate").read_text()) if Path("rate").exists() else 0.2

def build():
    layers = [keras.Input((4,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(2, "softmax")]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.SGD(rate), "sparse_categorical_crossentropy", metrics=["acc"])
    return model
"""
ONE = (
    MODELS
    + """
@pytest.mark.converges(baseline=True, steps=40)
def test_it(converge):
    result = converge.fit(build, x, y, batch_size=16)
    assert result.baseline is not None
"""
)


def baselines(pytester: pytest.Pytester) -> dict[str, Path]:
    """The files of all baselines by the readable part of their names."""
    found = pytester.path.glob("**/__converge__/*/*.json")
    return {path.name.partition("--")[0]: path for path in found}


def record(pytester: pytest.Pytester, source: str = ONE) -> Path:
    """The file of the baseline of a test, recorded in a session of its own."""
    pytester.makepyfile(test_a=source)
    pytester.runpytest("--converge-baseline=new").assert_outcomes(failed=1)
    (path,) = baselines(pytester).values()
    return path


def change_rate(pytester: pytest.Pytester, rate: float) -> None:
    (pytester.path / "rate").write_text(str(rate))


def test_recorded_once_and_checked_from_then_on(real: pytest.Pytester) -> None:
    real.makepyfile(test_a=ONE)
    result = real.runpytest("--converge-baseline=new")
    result.assert_outcomes(failed=1)
    path = baselines(real)["test_it"]
    shown = path.relative_to(real.path).as_posix()
    result.stdout.fnmatch_lines(
        [
            f"recorded the baseline {shown}; review and commit, then run the test again",
            "convergence: 1 training, 1 baseline recorded, *",
            "baselines written, to be reviewed and committed:",
            f"  recorded {shown}",
        ]
    )
    text = path.read_bytes()
    (training,) = json.loads(text)["trainings"]
    assert len(training["runs"]) == 20
    assert training["settings"] == {
        "batch_size": 16,
        "loss": "sparse_categorical_crossentropy",
        "metric": None,
        "reduction": "mean",
        "seed": training["runs"][0]["seed"],
        "shuffle": True,
        "steps": 40,
        "verb": "fit",
    }
    assert training["environment"]["device"] == "CPU"
    assert (training["data"]["rows"], training["data"]["x_shape"]) == (96, "4")
    result = real.runpytest("-v", "--converge-json=a.json")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["  baseline: passed at the look 'signature', whole curve equal*"])
    result.stdout.no_fnmatch_line("*baselines written*")
    assert path.read_bytes() == text
    (told,) = json.loads((real.path / "a.json").read_text())["trainings"]
    assert (told["baseline_action"], told["baseline_look"]) == ("checked", "signature")
    assert told["baseline"]["verdict"]["outcome"] == "pass"


def test_half_the_learning_rate_is_noticed(real: pytest.Pytester) -> None:
    record(real)
    change_rate(real, 0.1)
    result = real.runpytest("--junit-xml=a.xml")
    result.assert_outcomes(failed=1)
    result.stdout.re_match_lines(
        [
            r"E +.*: trains worse than its baseline: \d+ % worse in (4|8|11|13|20) runs",
            r"E +.* worse",
            r"E +whole curve: \d+ % worse, p = \S+",
            r"E +last half: \d+ % worse, p = \S+",
            r"E +loss .* steps, learning rate 0.1",
            r"E +reproduce: pytest test_a.py::test_it",
            r"baseline +checked: (4|8|11|13|20) runs, __converge__/test_a/test_it--\w+.json",
        ]
    )
    message = [line for line in result.outlines if line.startswith("E   ")]
    assert len(message) <= 8
    widths = [len(line.replace("ConvergenceError: ", "")) for line in message]
    assert max(widths) <= 80 + len("E       ")
    result.stdout.no_fnmatch_line("*cause:*")
    assert "converge_baseline_effect" in (real.path / "a.xml").read_text()


HELD_OUT = (
    MODELS
    + """
@pytest.mark.converges(baseline=True, metric="val_loss", steps=40)
def test_it(converge):
    held_out = x[64:], y[64:]
    result = converge.fit(build, x[:64], y[:64], batch_size=16, validation_data=held_out)
    assert result.baseline.metric == "val_loss"
"""
)


@pytest.mark.slow
def test_the_loss_on_held_out_data_is_compared(real: pytest.Pytester) -> None:
    path = record(real, HELD_OUT)
    (training,) = json.loads(path.read_text())["trainings"]
    assert {len(run["scores"]) for run in training["runs"]} == {1}
    result = real.runpytest("-v")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["  baseline: passed at the look 'signature', val_loss equal*"])
    change_rate(real, 0.04)
    result = real.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.re_match_lines([r"E +val_loss: \d+ % worse, p = "])


MANY = (
    MODELS
    + """
@pytest.mark.converges(baseline=True, steps=20)
@pytest.mark.parametrize("size", [8, 16])
def test_sizes(converge, size):
    converge.fit(build, x, y, batch_size=size)

@pytest.mark.converges(baseline=True, steps=20)
def test_three(converge):
    converge.minimize(three, monotone="off")

def three():
    w = keras.Variable(np.float32(rng.normal()))
    return lambda: (w - 1.0) ** 2 + 1.0, [w], keras.optimizers.SGD(0.1)
"""
)


def but_for_threads(path: Path) -> list[bytes]:
    """The lines of a file but for those that say how many threads a process has, and their sum."""
    lines = path.read_bytes().splitlines()
    return [line for line in lines if b"threads" not in line and b"checksum" not in line]


@pytest.mark.slow
def test_parallel_runs_write_the_same_bytes(real: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    real.makepyfile(test_a=MANY)
    written = []
    for arguments in (("-p", "no:xdist"), ("-n2",)):
        result = real.runpytest("--converge-baseline=new", *arguments)
        result.assert_outcomes(failed=3)
        listed = [line for line in result.outlines if line.startswith("  recorded ")]
        files = {name: but_for_threads(path) for name, path in baselines(real).items()}
        written.append((files, listed))
        for path in baselines(real).values():
            path.unlink()
    assert written[0] == written[1]
    assert len(written[0][0]) == len(written[0][1]) == 3


REFUSALS = {
    "an object": ("converge.fit(build(), x, y, baseline=True)", "baseline=True with objects that"),
    "a wrong size": (
        "converge.fit(build, x, y, batch_size='a', baseline=True)",
        "got batch_size='a' (str); expected an integer of at least 1",
    ),
    "a step": ("converge.step(print, variables=[], baseline=True)", "Leave baseline out"),
    "no metric": ("converge.fit(build, x, y, baseline=True, metric='loss_')", "got metric='loss_'"),
    "no baseline": ("converge.fit(build, x, y, metric='loss')", "metric='loss' without a baseline"),
}


@pytest.mark.parametrize("option", ["", "--converge-baseline=new"])
def test_an_object_with_a_step_of_its_own_is_refused_before_anything_is_recorded(
    real: pytest.Pytester, option: str
) -> None:
    (real.path / "conftest.py").write_text(
        "import tensorflow as tf\n\n"
        "def pytest_converge_adapt(x, y):\n"
        "    w = tf.Variable(1.0)\n"
        "    return {'step': lambda *_: w ** 2, 'variables': [w], 'data': [(x, y)]}\n"
    )
    call = "converge.fit(object, x, y, baseline=True)"
    real.makepyfile(test_a=f"{MODELS}\ndef test_it(converge):\n    {call}\n")
    result = real.runpytest(*filter(None, [option]))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*got baseline=True for an object that is trained by a step of*"])


@pytest.mark.parametrize("kind", REFUSALS)
def test_refusals_are_one_message(real: pytest.Pytester, kind: str) -> None:
    call, message = REFUSALS[kind]
    real.makepyfile(test_a=f"{MODELS}\ndef test_it(converge):\n    {call}\n")
    result = real.runpytest("--converge-baseline=new")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"E       InvalidTrainingError: *{message}*"])
    assert not (real.path / "__converge__").exists()


NEGATIVE = (
    MODELS
    + """
@pytest.mark.converges(baseline=True, steps=20, monotone="off", min_decrease=0)
def test_it(converge):
    def three():
        w = keras.Variable(np.float32(0.5))
        return lambda: (w - 1.0) ** 2 - 1.0, [w], keras.optimizers.SGD(0.1)
    converge.minimize(three)
"""
)


def test_losses_below_zero_are_an_error_that_names_the_way_out(real: pytest.Pytester) -> None:
    real.makepyfile(test_a=NEGATIVE)
    result = real.runpytest("--converge-baseline=new")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E       InvalidTrainingError: got negative losses*metric=*"])


FAILING = ONE.replace("steps=40", "steps=40, max_loss=1e-6")


def test_a_training_that_does_not_converge_is_not_recorded(real: pytest.Pytester) -> None:
    real.makepyfile(test_a=FAILING)
    result = real.runpytest("--converge-baseline=new", "--converge-diagnose=off")
    result.stdout.fnmatch_lines(["*ConvergenceError: target-missed: loss *"])
    assert not (real.path / "__converge__").exists()


DATASET = (
    MODELS
    + """
import tensorflow as tf
rows = int(Path("rows").read_text()) if Path("rows").exists() else 96
DATA = tf.data.Dataset.from_tensor_slices((x[:rows], y[:rows])).shuffle(96).batch(16)

@pytest.mark.converges(steps=9)
def test_before(converge):
    print("before", converge.fit(build, DATA, seeds=2).curve.batch_loss[:3])

@pytest.mark.converges(baseline=True, steps=9)
def test_it(converge):
    given = (x, y) if Path("arrays").exists() else (DATA,)
    result = converge.fit(build, *given, **({"batch_size": 16} if len(given) == 2 else {}))
    print("it", result.curve.batch_loss[:3])
"""
)


def printed(result: pytest.RunResult, name: str) -> str:
    (losses,) = [line.split(f"{name} (")[1] for line in result.outlines if f"{name} (" in line]
    return losses


@pytest.mark.slow
def test_a_dataset_of_the_module_is_equal_alone_after_others_and_in_any_order(
    real: pytest.Pytester,
) -> None:
    real.makepyfile(test_a=DATASET)
    real.runpytest("--converge-baseline=new", "-k", "test_it").assert_outcomes(failed=1)
    seen = [
        real.runpytest("-s", *arguments)
        for arguments in (["-k", "test_it"], [], ["test_a.py::test_it", "test_a.py::test_before"])
    ]
    assert len({printed(result, "it") for result in seen}) == 1
    assert printed(seen[1], "before") == printed(seen[2], "before")
    assert all("failed" not in result.parseoutcomes() for result in seen)
    told = real.runpytest("-v", "-n2")
    told.assert_outcomes(passed=2)
    told.stdout.fnmatch_lines(["  baseline: passed at the look 'signature'*"])


def test_rows_are_the_same_as_arrays_and_others_are_named(real: pytest.Pytester) -> None:
    real.makepyfile(test_a=DATASET)
    real.runpytest("--converge-baseline=new", "-k", "test_it").assert_outcomes(failed=1)
    (real.path / "arrays").touch()
    result = real.runpytest("-v", "-k", "test_it")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*other data*")
    (real.path / "arrays").unlink()
    (real.path / "rows").write_text("80")
    result = real.runpytest("-v", "-k", "test_it", "--converge-json=a.json")
    result.stdout.fnmatch_lines(["*other data: *rows*"])


@pytest.mark.slow
def test_a_source_that_no_session_repeats_is_refused(real: pytest.Pytester) -> None:
    source = DATASET.replace(".shuffle(96)", ".shuffle(96, reshuffle_each_iteration=False)")
    real.makepyfile(test_a=source)
    # In a process of its own: a global seed that another test left would be taken for the user's.
    result = real.runpytest_subprocess("--converge-baseline=new", "-k", "test_it")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*got data that no session can repeat (it shuffles once*"])


@pytest.mark.slow
def test_a_repair_satisfies_the_baseline_of_its_test(real: pytest.Pytester) -> None:
    loose = ONE.replace("baseline=True, steps=40", "baseline=True, steps=40, max_loss=0.67")
    record(real, loose)
    change_rate(real, 1e-4)
    real.runpytest("--converge-json=a.json", "--converge-diagnose=full")
    (told,) = json.loads((real.path / "a.json").read_text())["trainings"]
    trials = told["diagnosis"]["tried"]
    assert [trial for trial in trials if trial["worse_than_baseline"]]
    assert all(trial["losses"][0] < 0.45 for trial in told["diagnosis"]["verified"])
    assert told["diagnosis"]["cause"] == "learning-rate-too-low"
    (proposed,) = re.findall(r"SGD\(([\d.]+)\)", told["diagnosis"]["fix"])
    change_rate(real, float(proposed))
    real.runpytest().assert_outcomes(passed=1)
