"""The option `--converge-plots`."""

from __future__ import annotations

import importlib.util

import pytest

# Whatever an inner session is the first to import, it also forgets; two copies of matplotlib do
# not know each other's classes.
pytest.importorskip("matplotlib.pyplot")
pytest.importorskip("matplotlib.backends.backend_agg")

TESTS = """
def test_it(converge, learning_rate):
    converge.fit("good")
    converge.minimize("good")
    learning_rate.range("good", 1)

class TestMore:
    def test_fails(self, converge):
        converge.fit("bad")
"""
NAMES = [
    "test_a-TestMore-test_fails-1-fit.png",
    "test_a-test_it-1-fit.png",
    "test_a-test_it-1-learning-rate.png",
    "test_a-test_it-2-minimize.png",
]


@pytest.mark.parametrize("arguments", [("-p", "no:xdist"), ("-n2",)], ids=" ".join)
def test_every_training_and_study_is_drawn(
    faked: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    if arguments[0] != "-p":
        pytest.importorskip("xdist")
    faked.makepyfile(test_a=TESTS)
    result = faked.runpytest(*arguments, "--converge-plots=new/pictures")
    result.assert_outcomes(passed=1, failed=1)
    folder = faked.path / "new" / "pictures"
    assert sorted(path.name for path in folder.iterdir()) == NAMES


def test_nothing_is_drawn_unless_asked_for(faked: pytest.Pytester) -> None:
    faked.makepyfile(test_a=TESTS)
    faked.runpytest()
    assert not list(faked.path.rglob("*.png"))


def test_the_folder_of_the_configuration_is_beside_it(faked: pytest.Pytester) -> None:
    faked.makeini("[pytest]\nconverge_plots = pictures\n")
    faked.makepyfile(test_a="def test_it(converge): converge.fit('good')")
    faked.runpytest("--rootdir", str(faked.path))
    assert [path.name for path in (faked.path / "pictures").iterdir()] == [
        "test_a-test_it-1-fit.png"
    ]


def test_ids_that_are_no_file_names_get_a_digest(faked: pytest.Pytester) -> None:
    faked.makepyfile(
        test_a="""
import pytest

@pytest.mark.parametrize("name", ["a/b", "a b", "ä"])
def test_it(converge, name):
    converge.fit("good")
"""
    )
    faked.runpytest("--converge-plots=pictures")
    names = [path.name for path in (faked.path / "pictures").iterdir()]
    assert len(set(names)) == 3
    assert all(name.isascii() and name.startswith("test_a-test_it-") for name in names)


def test_a_missing_matplotlib_is_said_before_any_test(
    faked: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "matplotlib" else find(name),
    )
    faked.makepyfile(test_a=TESTS)
    result = faked.runpytest("--converge-plots=pictures")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: got --converge-plots without matplotlib; *converge[[]plots]*"]
    )


@pytest.mark.parametrize("arguments", [("-p", "no:xdist"), ("-n2",)], ids=" ".join)
def test_pictures_that_cannot_be_written_change_no_verdict(
    faked: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    if arguments[0] != "-p":
        pytest.importorskip("xdist")
    faked.makepyfile(
        test_a="""
def test_it(converge):
    open("pictures", "w").close()
    converge.fit("good")
    converge.fit("good")

def test_fails(converge):
    open("pictures", "w").close()
    converge.fit("bad")
"""
    )
    result = faked.runpytest(*arguments, "--converge-plots=pictures", "-W", "error")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "E       ConvergenceError: target-missed: loss 0.5 > 0.1",
            "could not draw to *pictures: FileExistsError: *File exists* (3 times)",
        ],
        consecutive=False,
    )


def test_real_surfaces(real: pytest.Pytester) -> None:
    real.makepyfile(
        test_a="""
import keras, tensorflow as tf

def test_it(converge):
    w = tf.Variable(3.0)
    converge.minimize(lambda: (w - 1) ** 2, [w], keras.optimizers.SGD(0.1), steps=30)
"""
    )
    real.runpytest("--converge-plots=pictures", "-W", "error").assert_outcomes(passed=1)
    assert (real.path / "pictures" / "test_a-test_it-1-minimize.png").stat().st_size > 10_000
