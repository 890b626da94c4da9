"""Options, their ini twins, and what is said about bad values."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from pytest_converge.baselines.gate.bounds import MOST_ALPHA, least_alpha
from pytest_converge.core.baseline import BaselinePolicy
from pytest_converge.core.expectation import (
    DEFAULT_STEPS,
    LARGEST_SEED,
    MOST_STEPS,
    Expectation,
)
from pytest_converge.plugin.options import OPTIONS, Option, Settings, read_settings

STEPS = """
def test_it(converge):
    result = converge.fit("good")
    print("\\nsteps", result.steps, "seed", result.expectation.seed)
"""


def steps_of(result: pytest.RunResult) -> int:
    line = next(line for line in result.outlines if line.startswith("steps "))
    return int(line.split()[1])


def test_defaults_that_are_written_out_are_those_of_the_expectation() -> None:
    assert Settings.steps.default == DEFAULT_STEPS
    policy = BaselinePolicy(test_file="")
    assert Settings.baseline.default == policy.mode
    assert Settings.tolerance.default == policy.tolerance
    assert Settings.alpha.default == policy.alpha
    assert Settings.baseline_seconds.default == policy.seconds
    assert Settings.accept_worse.default == policy.accept_worse
    # The bounds of alpha are written out in the option's texts.
    for text in (Settings.alpha.expected, Settings.alpha.details):
        assert f"{least_alpha():.2g}" in text
        assert f"{MOST_ALPHA:g}" in text
    assert Settings.steps.parse(str(MOST_STEPS)) == MOST_STEPS
    with pytest.raises(ValueError, match=str(MOST_STEPS + 1)):
        Settings.steps.parse(str(MOST_STEPS + 1))
    assert Settings.seeds.default == Expectation().seeds
    assert Expectation(seeds=Settings.seeds.parse("10000")).seeds == 10_000
    with pytest.raises(ValueError, match="10001"):
        Settings.seeds.parse("10001")
    assert Settings.seed.parse(str(LARGEST_SEED)) == LARGEST_SEED
    with pytest.raises(ValueError, match=str(LARGEST_SEED + 1)):
        Settings.seed.parse(str(LARGEST_SEED + 1))


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_option_is_whole(option: Option[Any]) -> None:
    assert option.flag or option.ini is not None
    assert option.help[0].islower()
    assert not option.help.endswith(".")
    takes_a_value = option.metavar or option.ini is not None
    assert bool(option.expected and option.remedy) == bool(takes_a_value)
    if option.metavar and option.default:
        assert option.parse(str(option.default)) == option.default


def test_settings_cannot_be_changed() -> None:
    settings = Settings(values={"seed": 3}, command_line={}, ini={})
    assert settings.seed == 3
    with pytest.raises(AttributeError):
        settings.seed = 4  # type: ignore[misc]


def test_help_stands_alone(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest("--help")
    text = " ".join(result.stdout.str().split())
    assert "convergence tests of TensorFlow models:" in text
    for option in OPTIONS:
        value = f"={option.metavar}" if option.metavar else ""
        assert f"{option.flag}{value} {option.help_text}" in text
        assert (f"{option.ini_name} (" in text) == (option.ini is not None)
        if isinstance(option.ini, str):
            assert f"{option.ini_name} ({option.ini}):" in text
    assert "Let --converge-baseline=update replace" in text
    assert "Optimizer updates of a training whose test does not state them (default: 100)" in text


def test_a_switch_takes_no_value(pytester: pytest.Pytester) -> None:
    switches = [option for option in OPTIONS if not option.metavar and option.ini is None]
    assert [option.name for option in switches] == ["power", "calibrate"]
    for option in switches:
        assert pytester.runpytest(f"{option.flag}=yes").ret == pytest.ExitCode.USAGE_ERROR


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pytest.ini", "[pytest]\nconverge_steps = 5\n"),
        ("pyproject.toml", '[tool.pytest.ini_options]\nconverge_steps = "5"\n'),
        ("pyproject.toml", "[tool.pytest]\nconverge_steps = 5\n"),
        ("pytest.toml", "[pytest]\nconverge_steps = 5\n"),
        ("tox.ini", "[pytest]\nconverge_steps = 5\n"),
    ],
)
def test_every_kind_of_configuration_file(faked: pytest.Pytester, name: str, text: str) -> None:
    if "[tool.pytest]" in text or name == "pytest.toml":
        pytest.importorskip("pytest", minversion="9.0")
    faked.makefile(name[name.index(".") :], **{name[: name.index(".")]: text})
    faked.makepyfile(STEPS)
    assert steps_of(faked.runpytest("-s")) == 5


@pytest.mark.parametrize(
    ("arguments", "steps"),
    [
        ((), 100),
        (("-o", "converge_steps=5"), 5),
        (("--converge-steps=6",), 6),
        (("-o", "converge_steps=5", "--converge-steps=6"), 6),
    ],
)
def test_the_command_line_counts_before_the_configuration(
    faked: pytest.Pytester, arguments: tuple[str, ...], steps: int
) -> None:
    faked.makepyfile(STEPS)
    assert steps_of(faked.runpytest("-s", *arguments)) == steps


def test_the_seed_option_changes_the_seed_of_every_test(faked: pytest.Pytester) -> None:
    faked.makepyfile(STEPS)
    lines = []
    for arguments in (
        (),
        ("--converge-seed=0",),
        ("--converge-seed=1",),
        ("-o", "converge_seed=1"),
    ):
        result = faked.runpytest("-s", *arguments)
        lines.append(next(line for line in result.outlines if line.startswith("steps")))
    assert lines[0] == lines[1] != lines[2] == lines[3]


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        (
            "--converge-steps=0",
            "*got --converge-steps=0; expected an integer from 1 to 2[*][*]31 - 1.*",
        ),
        ("--converge-steps=2147483648", "*got --converge-steps=2147483648; expected an integer*"),
        ("-oconverge_steps=1000000000000", "*got converge_steps=1000000000000; expected an int*"),
        ("--converge-steps=1.5", "*got --converge-steps=1.5; expected an integer*"),
        ("--converge-seed=-1", "*got --converge-seed=-1; expected an integer from 0 to 2[*][*]32*"),
        ("--converge-seed=x", "*got --converge-seed=x; expected an integer from 0*"),
        ("--converge-progress=on", "*got --converge-progress=on; expected one of 'auto', 'off'.*"),
        ("--converge-json=", "*got --converge-json=; expected the path of a file.*"),
        ("--converge-json=.", "*got --converge-json=.; expected the path of a file.*"),
        (
            "--converge-json=test_it.py/a.json",
            "*got --converge-json=test_it.py/a.json; *existing *",
        ),
        ("--converge-plots=", "*got --converge-plots=; expected the path of a folder.*"),
        ("--converge-plots=there", "*got --converge-plots=there; expected the path of a folder.*"),
        ("--converge-plots=there/a", "*got --converge-plots=there/a; *the path of a folder. *"),
        ("-oconverge_plots=there", "*got converge_plots=there; expected the path of a folder.*"),
        ("--converge-json=no/a.json", "*got --converge-json=no/a.json; *existing directory*"),
        (
            "--converge-baseline=old",
            "*got --converge-baseline=old; expected one of 'check', 'new'*",
        ),
        ("--converge-tolerance=-1", "*got --converge-tolerance=-1; expected a share from 0 to 1.*"),
        ("--converge-alpha=1e-5", "*got --converge-alpha=1e-5; expected a number from 1.3e-05*"),
        ("--converge-threads=0", "*got --converge-threads=0; expected an integer from 1 to 1024.*"),
        ("--converge-alpha=nan", "*got --converge-alpha=nan; expected a number from 1.3e-05*"),
        (
            "--converge-baseline-seconds=0",
            "*got --converge-baseline-seconds=0; *a number above 0.*",
        ),
        ("--converge-accept-worse= ", "*got --converge-accept-worse= ; expected the reason*"),
        (
            "--converge-accept-worse=why",
            "*got --converge-accept-worse with --converge-baseline=check; *that writes baselines.*",
        ),
        ("--converge-timeout=0", "*got --converge-timeout=0; expected a number above 0.*"),
        ("-oconverge_timeout=-1", "*got converge_timeout=-1.0; expected a number above 0.*"),
        ("-oconverge_baseline=old", "*got converge_baseline=old; expected one of 'check', 'new'*"),
        ("-oconverge_tolerance=2", "*got converge_tolerance=2.0; expected a share from 0 to 1.*"),
        ("-oconverge_alpha=1", "*got converge_alpha=1.0; expected a number from 1.3e-05*"),
        ("-oconverge_baselines=maybe", "*converge_baselines*maybe*expected true or false.*"),
        (
            "-oconverge_steps=0",
            "*got converge_steps=0; expected an integer from 1 to 2[*][*]31 - 1.*",
        ),
        (
            "-oconverge_steps=many",
            "*converge_steps*many*expected an integer from 1 to 2[*][*]31 - 1.*",
        ),
        ("-oconverge_seed=-1", "*got converge_seed=-1; expected an integer from 0*"),
        ("-oconverge_progress=on", "*got converge_progress=on; expected one of 'auto', 'off'.*"),
        ("-oconverge_json=no/a.json", "*got converge_json=no/a.json; *existing directory*"),
        ("-overbosity_converge=high", "*verbosity_converge*high*expected an integer or auto*"),
    ],
)
def test_a_bad_value_is_a_usage_error(
    pytester: pytest.Pytester, argument: str, message: str
) -> None:
    pytester.makepyfile("def test_it(): pass")
    (pytester.path / "there").touch()
    result = pytester.runpytest(argument)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])
    result.stderr.no_fnmatch_line("*Traceback*")


@pytest.mark.parametrize("argument", ["--converge-json=a.json", "--converge-plots=a/b"])
def test_a_folder_that_cannot_be_written_to_is_said_before_any_test(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, argument: str
) -> None:
    pytester.makepyfile("def test_it(): pass")
    access = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: access(path, mode) and Path(path) != pytester.path
    )
    result = pytester.runpytest(argument)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [f"*got {argument}; expected a path that can be written to. Look at the permissions of *"]
    )


def test_an_output_that_the_command_line_replaces_is_not_looked_at(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile("def test_it(): pass")
    assert pytester.runpytest("-oconverge_json=no/a.json", "--converge-json=a.json").ret == 0


def test_outputs_are_looked_at_where_the_session_is(pytester: pytest.Pytester) -> None:
    config = pytester.parseconfig("--converge-json=no/a.json")
    with pytest.raises(pytest.UsageError, match="a path in an existing directory"):
        read_settings(config)
    config.workerinput = {}  # the folder need not be on the machine of a worker process
    assert read_settings(config).json == pytester.path / "no" / "a.json"


def test_a_bad_value_is_a_usage_error_under_xdist(pytester: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    pytester.makepyfile("def test_it(): pass")
    result = pytester.runpytest("-n2", "--converge-steps=0")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.no_fnmatch_line("*INTERNALERROR*")


def test_the_json_path_of_the_configuration_is_relative_to_its_file(
    faked: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    faked.makeini("[pytest]\nconverge_json = report.json\n")
    faked.makepyfile(STEPS)
    sub = faked.mkdir("sub")
    monkeypatch.chdir(sub)
    assert faked.runpytest("--rootdir", faked.path, faked.path).ret == 0
    assert (faked.path / "report.json").is_file()
    assert faked.runpytest("--converge-json=other.json", faked.path).ret == 0
    assert (sub / "other.json").is_file()


@pytest.mark.parametrize("value", ["2", "-1"])
def test_verbosity_of_its_own(faked: pytest.Pytester, value: str) -> None:
    faked.makepyfile(STEPS)
    lines = faked.runpytest("-o", f"verbosity_converge={value}").stdout.str()
    assert ("seed" in lines) == (value == "2")
    assert "convergence: 1 training converged" in lines


@pytest.mark.skipif(pytest.version_tuple < (9, 2), reason="native types came with pytest 9.2")
def test_verbosity_as_a_number_in_native_configuration(faked: pytest.Pytester) -> None:
    faked.makefile(".toml", pytest="[pytest]\nverbosity_converge = 1\n")
    faked.makepyfile(STEPS)
    faked.runpytest().stdout.fnmatch_lines(["test *initial*", "*::test_it *passed*"])


@pytest.mark.skipif(pytest.version_tuple < (9, 2), reason="native types came with pytest 9.2")
def test_a_number_that_is_no_float_is_a_usage_error(pytester: pytest.Pytester) -> None:
    pytester.makefile(".toml", pytest=f"[pytest]\nconverge_timeout = 1{'0' * 400}\n")
    result = pytester.runpytest()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: got converge_timeout=1000*; expected a number above 0.*"])


def test_pytest_itself_knows_the_verbosity(pytester: pytest.Pytester) -> None:
    config = pytester.parseconfig("-vv")
    assert config.get_verbosity("converge") == 2
    config = pytester.parseconfig("-o", "verbosity_converge=-1")
    assert config.get_verbosity("converge") == -1
