"""The verbs, how they fail, and what surrounds a test that uses them."""

from __future__ import annotations

import dataclasses
import inspect
import json
import typing

import pytest

from pytest_converge.plugin.converge_fixture import Converge
from tests.plugin import fake_runner

TESTS = """
import pytest

@pytest.mark.converges(max_loss=0.1)
def test_bad(converge):
    converge.fit("bad")

def test_good(converge):
    result = converge.minimize("good")
    assert result.passed and result.verb == "minimize" and result.number == 1
    assert converge.step("good", variables=[]).number == 2
"""


def test_every_verb_is_documented() -> None:
    for verb in (Converge.fit, Converge.minimize, Converge.step):
        assert "ConvergenceError:" in typing.cast(str, verb.__doc__)


def test_a_failed_training_ends_at_the_line_of_the_user(faked: pytest.Pytester) -> None:
    faked.makepyfile(test_a=TESTS)
    result = faked.runpytest()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            '>       converge.fit("bad")',
            "E       ConvergenceError: target-missed: loss 0.5 > 0.1",
            "E       reproduce: pytest *.py::test_bad",
            "*.py:5: ConvergenceError",
            "*- convergence -*",
            "*= convergence =*",
            "convergence: 3 trainings, 1 did not converge*",
            "FAILED *::test_bad - target-missed: loss 0.5 > 0.1*",
        ]
    )
    result.stdout.no_fnmatch_line("*fixture.py*")


def test_junit_keeps_the_whole_message(faked: pytest.Pytester) -> None:
    faked.makepyfile(test_a=TESTS)
    faked.runpytest("--junitxml=junit.xml")
    text = (faked.path / "junit.xml").read_text()
    message = text.partition('<failure message="')[2].partition('"')[0]
    assert message.startswith("target-missed: loss 0.5 &gt; 0.1")
    assert "reproduce: pytest test_a.py::test_bad" in message


def test_full_trace_shows_the_frames_of_the_plugin(faked: pytest.Pytester) -> None:
    faked.makepyfile(TESTS + "\n\ndef test_invalid(converge): converge.fit('invalid')\n")
    result = faked.runpytest("--full-trace")
    result.stdout.fnmatch_lines(["*fixture.py:*ConvergenceError", "*fake_runner.py:*Invalid*"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("converge.fit('invalid')", "got no data; expected at least one row. Pass some."),
        ("converge.fit('good', max_los=1)", "*argument of converge.fit. Did you mean 'max_loss'?"),
        ("converge.minimize('good', epochs=3)", "*got the argument 'epochs'; *write steps=200."),
        ("converge.fit('good', steps=0)", "got steps=0 (int); expected an integer from 1 to *"),
        ("converge.step('good', variables=[], optimiser=1)", "*Did you mean 'optimizer'?"),
    ],
)
def test_a_refused_training_is_one_message(faked: pytest.Pytester, call: str, message: str) -> None:
    faked.makepyfile(f"def test_it(converge):\n    {call}\n")
    result = faked.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f">       {call}", f"E       InvalidTrainingError: {message}"])
    for hidden in ("fixture.py", "fake_runner.py", "During handling", "direct cause"):
        result.stdout.no_fnmatch_line(f"*{hidden}*")


@pytest.mark.parametrize(
    ("arguments", "ending"),
    [
        ((), ""),
        (("--converge-seed=3",), " --converge-seed=3"),
        (("-o", "converge_seed=3"), " --converge-seed=3"),
        (("--converge-steps=7",), " --converge-steps=7"),
        (("-o", "converge_steps=7"), ""),
    ],
)
def test_the_command_that_reproduces_it(
    faked: pytest.Pytester, arguments: tuple[str, ...], ending: str
) -> None:
    faked.makepyfile(
        test_a="""
        import pytest

        @pytest.mark.parametrize("kind", ["bad"])
        def test_it(converge, kind):
            converge.fit(kind)
        """
    )
    faked.runpytest(*arguments, "--converge-json=a.json").stdout.fnmatch_lines(
        [f"E       reproduce: pytest 'test_a.py::test_it[[]bad[]]'{ending}"]
    )
    (training,) = json.loads((faked.path / "a.json").read_text())["trainings"]
    assert training["command"] == f"pytest 'test_a.py::test_it[bad]'{ending}"


def test_xfail_sees_an_ordinary_assertion(faked: pytest.Pytester) -> None:
    faked.makepyfile(
        """
        import pytest
        from pytest_converge import ConvergenceError

        @pytest.mark.xfail(strict=True, raises=ConvergenceError)
        def test_expected(converge): converge.fit("bad")

        @pytest.mark.xfail(strict=True, raises=ConvergenceError)
        def test_unexpected(converge): converge.fit("good")

        @pytest.mark.xfail(raises=ConvergenceError)
        def test_refused(converge): converge.fit("invalid")

        def test_caught(converge):
            with pytest.raises(AssertionError, match="target-missed") as caught:
                converge.fit("bad")
            assert caught.value.result.final_loss == 0.5
        """
    )
    result = faked.runpytest()
    result.assert_outcomes(xfailed=1, failed=2, passed=1)
    result.stdout.fnmatch_lines(
        ["*::test_caught *", "convergence: 3 trainings, 1 failed as expected, 1 failed in tests t*"]
    )


def test_a_refused_call_is_no_training_also_where_the_test_goes_on(faked: pytest.Pytester) -> None:
    faked.makepyfile(
        """
        import pytest

        def test_refused(converge):
            with pytest.raises(ValueError):
                converge.fit("invalid")

        def test_misspelt(converge):
            with pytest.raises(ValueError):
                converge.fit("good", max_los=0.1)

        def test_then_trained(converge):
            with pytest.raises(ValueError):
                converge.fit("invalid")
            converge.fit("good")
        """
    )
    result = faked.runpytest()
    result.assert_outcomes(failed=2, passed=1)
    result.stdout.fnmatch_lines(
        [
            "got no training from *, whose call was refused (got no data; *",
            "*whose call was refused (got the argument 'max_los'; *",
        ]
    )


def test_trainings_in_several_threads_take_turns(faked: pytest.Pytester) -> None:
    conftest = faked.path / "conftest.py"
    conftest.write_text(
        conftest.read_text()
        + """
import time

real, at_once = fake_runner.run, []

def run(context, call):
    at_once.append(1)
    assert len(at_once) == 1
    time.sleep(0.02)
    at_once.pop()
    return real(context, call)

sys.modules["pytest_converge.runner"].run = run
"""
    )
    faked.makepyfile(
        """
        from concurrent.futures import ThreadPoolExecutor

        def test_it(converge):
            with ThreadPoolExecutor(4) as pool:
                results = list(pool.map(converge.fit, ["good"] * 8))
            assert sorted(result.number for result in results) == [1, 2, 3, 4, 5, 6, 7, 8]
        """
    )
    faked.runpytest_subprocess().assert_outcomes(passed=1)


def test_functions_methods_and_subtests(faked: pytest.Pytester) -> None:
    faked.makepyfile(
        """
        import pytest

        class TestIt:
            @pytest.fixture
            def trained(self, converge):
                return converge.fit("good")

            def test_method(self, converge): converge.fit("good")

            def test_fixture(self, trained): assert trained.passed

        def test_dynamic(request):
            assert request.getfixturevalue("converge").fit("good").passed
        """
    )
    faked.runpytest("-W", "error", "-o", "strict=true").assert_outcomes(passed=3)


def test_an_own_assertion_is_explained_by_the_last_training(faked: pytest.Pytester) -> None:
    faked.makepyfile(
        """
        def test_it(converge):
            assert converge.fit("good").final_loss < 0.001
        """
    )
    result = faked.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*assert 0.01 < 0.001*", "*- convergence -*", "fit: *"])


RANDOM = """
import pathlib, random, pytest

@pytest.fixture
def drawn():
    return random.random()

@pytest.mark.parametrize("again", [1, 2])
def test_fixture(drawn, again, converge):
    converge.fit("good", seed=1)
    pathlib.Path(f"fixture{again}").write_text(str(drawn))

def test_body(converge, request):
    drawn = random.random()
    converge.fit("good")
    print(f"\\ndrawn {drawn}")

def test_body_after_fixture(drawn, converge):
    assert random.random() == drawn
    converge.fit("good")

def test_state_is_put_back():
    print(f"\\nstate {hash(random.getstate())}")
"""


def test_the_body_and_the_fixtures_are_seeded(faked: pytest.Pytester) -> None:
    faked.makepyfile(test_a="import random\nrandom.seed()\n" + RANDOM)
    drawn = set()
    for order in ("test_a.py", "test_a.py::test_body"):
        result = faked.runpytest("-s", order)
        assert result.ret == 0
        drawn |= {line for line in result.outlines if line.startswith("drawn")}
    assert len(drawn) == 1
    seeds = {(faked.path / f"fixture{i}").read_text() for i in (1, 2)}
    assert len(seeds) == 2, "each test has a seed of its own"
    other = faked.runpytest("-s", "--converge-seed=1", "test_a.py::test_body")
    assert not drawn & set(other.outlines)


def test_random_state_is_put_back(faked: pytest.Pytester) -> None:
    faked.makepyfile(test_a="import random\nrandom.seed(5)\n" + RANDOM)
    states = set()
    for tests in (["test_a.py"], ["test_a.py::test_state_is_put_back"]):
        result = faked.runpytest("-s", *tests)
        assert result.ret == 0
        states |= {line for line in result.outlines if line.startswith("state")}
    assert len(states) == 1


def test_the_stand_in_has_the_fields_of_the_real_context(tensorflow_loaded: None) -> None:
    from pytest_converge.runner import Context

    assert [f.name for f in dataclasses.fields(Context)] == [
        f.name for f in dataclasses.fields(fake_runner.Context)
    ]


def test_fit_takes_the_arguments_of_model_fit_in_their_order(faked: pytest.Pytester) -> None:
    """The signature is Keras' own, with the expectation behind it."""
    keras = pytest.importorskip("keras")
    of_keras = list(inspect.signature(keras.Model.fit).parameters)
    mine = list(inspect.signature(Converge.fit).parameters)
    assert mine[2 : len(of_keras) + 1] == of_keras[1:]
    faked.makepyfile(
        """
        def test_by_position(converge):
            converge.fit("good", [1], [2], 16, 3, 0, [], 0.2)

        def test_workers(converge):
            converge.fit("good", workers=2)

        import pytest

        @pytest.mark.converges(epochs=3)
        def test_marker(converge):
            converge.fit("good")
        """
    )
    result = faked.runpytest()
    result.assert_outcomes(passed=1, failed=1, errors=1)
    result.stdout.fnmatch_lines(["*argument 'epochs'; * Give it to converge.fit, where the data*"])
    result.stdout.fnmatch_lines(["*argument 'workers'; * MyPyDataset(workers=2*"])


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ((), "off no scales"),
        (("--converge-html=a.html",), "failed scales"),
        (("--converge-plots=a",), "all no scales"),
    ],
    ids=str,
)
def test_surfaces_are_for_pictures_and_for_what_failed_on_the_page_and_scales_for_the_page(
    faked: pytest.Pytester, arguments: tuple[str, ...], wanted: str
) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("plotly")
    faked.makeconftest(
        (faked.path / "conftest.py").read_text()
        + """
kept = fake_runner.Context.__init__

def noting(context, **values):
    print("wanted:", values["surface"], "scales" if values["scales"] else "no scales")
    kept(context, **values)

fake_runner.Context.__init__ = noting
"""
    )
    faked.makepyfile("def test_it(converge): converge.fit('good')")
    result = faked.runpytest(*arguments, "-s")
    result.stdout.fnmatch_lines([f"*wanted: {wanted}"])
