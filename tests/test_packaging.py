"""What the package says about itself: its metadata, and documents that must match the code."""

import ast
import dataclasses
import itertools
import re
import runpy
import sys
from importlib import metadata
from pathlib import Path

import pytest

import pytest_converge
from pytest_converge import hookspecs
from pytest_converge.core.baseline import BaselineReport, BaselineVerdict
from pytest_converge.core.calibration import Calibration, Candidate, LossBound
from pytest_converge.core.curve import LossCurve
from pytest_converge.core.data_limits import DATA_CODES, KINDS, DataLimits
from pytest_converge.core.data_report import DataReport
from pytest_converge.core.diagnosis import Diagnosis, RateBracket, Trial
from pytest_converge.core.expectation import DEFAULT_MIN_DECREASE, Expectation
from pytest_converge.core.finding import GATE_CODES, NOTE_CODES, Finding
from pytest_converge.core.pipeline_comparison import PipelineComparison
from pytest_converge.core.pipeline_report import PipelineReport
from pytest_converge.core.rate_range import RateRange
from pytest_converge.core.record import TrainingRecord
from pytest_converge.core.result import ConvergenceResult
from pytest_converge.core.sensitivity import Sensitivity, TriedMutation
from pytest_converge.features.checks.pipelines import PIPELINE_CODES

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def tables(name, first_title):
    """The cells of every row of the tables whose first column has this title."""
    lines = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in read(name).splitlines()
    ]
    starts = [index for index, cells in enumerate(lines) if cells[:1] == [first_title]]
    assert starts, f"{name} has no table of {first_title}"
    return [cells for start in starts for cells in itertools.takewhile(bool, lines[start + 2 :])]


def codes(cell):
    """What stands in backticks in a cell of a table."""
    return [code.replace("\\|", "|") for code in re.findall(r"`([^`]*)`", cell)]


def test_the_changelog_begins_with_the_version():
    version = re.search(r"^## \[(.+?)\]", read("CHANGELOG.md"), re.MULTILINE)
    assert version is not None
    assert version[1] == PROJECT["version"]


def test_the_plugin_is_announced_to_pytest():
    assert PROJECT["entry-points"]["pytest11"] == {"converge": "pytest_converge.plugin"}


def test_the_installed_metadata_are_those_of_the_source():
    try:
        found = metadata.distribution("pytest-converge")
    except metadata.PackageNotFoundError:
        pytest.skip("run from a source tree that is not installed")
    plugins = [point for point in found.entry_points if point.group == "pytest11"]
    assert found.version == PROJECT["version"] == pytest_converge.__version__
    assert [(point.name, point.value) for point in plugins] == [
        ("converge", "pytest_converge.plugin")
    ]
    assert found.metadata["License-Expression"] == "MIT"


def test_type_checkers_are_told_that_there_are_types():
    assert Path(pytest_converge.__file__).with_name("py.typed").is_file()
    assert "Typing :: Typed" in PROJECT["classifiers"]


def test_tensorflow_is_in_extras_only():
    extras = PROJECT["optional-dependencies"]
    assert not [name for name in PROJECT["dependencies"] if "tensorflow" in name]
    assert {name for name, needs in extras.items() if "tensorflow" in " ".join(needs)} == {
        "tensorflow",
        "tensorflow-cpu",
    }


def test_the_commands_of_the_readme_are_those_that_are_checked():
    commands = re.findall(r"^python3 -m venv .+$", read("README.md"), re.MULTILINE)
    checked = read(".ci/run")
    assert len(commands) == 2
    for command in commands:
        install = re.search(r'pip install ((?:-e )?"\.\[(.+?)\]")', command)
        assert install is not None
        assert install[1] in checked
        assert set(install[2].split(",")) <= set(PROJECT["optional-dependencies"])


@pytest.mark.parametrize("name", ["README.md", "docs/reference.md"])
def test_the_table_of_arguments_is_that_of_the_expectation(name):
    fields = {field.name: field for field in dataclasses.fields(Expectation)}
    rows = tables(name, "argument")
    assert [codes(argument) for argument, _, _ in rows] == [[field] for field in fields]
    for (argument, _, default), field in zip(rows, fields.values(), strict=True):
        has_factory = field.default_factory is not dataclasses.MISSING
        real = field.default_factory() if has_factory else field.default
        assert ast.literal_eval(codes(default)[0]) == real, argument
    decrease = next(default for argument, _, default in rows if "min_decrease" in argument)
    assert str(DEFAULT_MIN_DECREASE) in decrease


@pytest.mark.parametrize("name", ["README.md", "docs/reference.md"])
def test_the_table_of_options_is_the_generated_one(name):
    generator = runpy.run_path(str(ROOT / "docs" / "generate_options.py"))
    details = generator["DOCUMENTS"][name]
    assert generator["options_table"](details=details) in read(name)
    assert generator["with_table"](read(name), details=details) == read(name)


@pytest.mark.parametrize("name", ["README.md", "docs/reference.md", "docs/how-it-judges.md"])
def test_every_gate_is_described(name):
    listed = [code for row in tables(name, "gate") for code in codes(row[0])]
    assert sorted(listed) == sorted(GATE_CODES)


def test_every_note_is_described():
    listed = [code for row in tables("docs/reference.md", "note") for code in codes(row[0])]
    assert listed == list(NOTE_CODES)


@pytest.mark.parametrize("name", ["README.md", "docs/reference.md"])
def test_every_hook_is_described(name):
    assert sorted(set(re.findall(r"def (pytest_converge_\w+)", read(name)))) == sorted(
        hookspecs.__all__
    )


@pytest.mark.parametrize(
    ("title", "value"),
    [
        ("field of a result", ConvergenceResult),
        ("field of a record", TrainingRecord),
        ("field of a curve", LossCurve),
        ("field of a finding", Finding),
        ("field of a data report", DataReport),
        ("field of a pipeline report", PipelineReport),
        ("field of a comparison", PipelineComparison),
        ("field of a range", RateRange),
        ("field of a baseline report", BaselineReport),
        ("field of a verdict", BaselineVerdict),
        ("field of a sensitivity", Sensitivity),
        ("field of a mutation", TriedMutation),
        ("field of a calibration", Calibration),
        ("field of a candidate", Candidate),
        ("field of a bound", LossBound),
        ("field of a diagnosis", Diagnosis),
        ("field of a trial", Trial),
        ("field of a bracket", RateBracket),
    ],
)
def test_every_field_is_described(title, value):
    listed = [code for row in tables("docs/reference.md", title) for code in codes(row[0])]
    properties = [name for name in dir(value) if isinstance(getattr(value, name), property)]
    assert sorted(listed) == sorted({f.name for f in dataclasses.fields(value)} | {*properties})


def test_the_limits_of_the_check_are_described():
    rows = {codes(row[0])[0]: codes(row[2])[0] for row in tables("docs/reference.md", "limit")}
    assert rows.keys() == {field.name for field in dataclasses.fields(DataLimits)}
    for name, default in rows.items():
        assert ast.literal_eval(default) == getattr(DataLimits(), name), name


def test_the_kinds_of_columns_are_described():
    listed = [c for row in tables("docs/reference.md", "kind of column") for c in codes(row[0])]
    assert set(KINDS) <= set(listed)


def test_what_is_tried_with_a_pipeline_is_described():
    listed = [code for row in tables("docs/reference.md", "code") for code in codes(row[0])]
    assert listed == list(PIPELINE_CODES)


def test_every_code_of_the_fixture_preprocessing_is_in_the_index():
    index = read("docs/findings/index.md").split("## Features")[1]
    assert {*DATA_CODES, *PIPELINE_CODES} <= set(codes(index))


def test_every_example_is_listed():
    listed = [code for row in tables("examples/README.md", "file") for code in codes(row[0])]
    examples = ROOT / "examples"
    found = [path.relative_to(examples).as_posix() for path in examples.rglob("test_*.py")]
    assert sorted(listed) == sorted(found)


@pytest.mark.parametrize(
    "name",
    sorted(
        path.relative_to(ROOT).as_posix()
        for folder in (ROOT, ROOT / "docs", ROOT / "examples")
        for path in folder.glob("*.md")
    ),
)
def test_links_between_documents_lead_somewhere(name):
    path = ROOT / name
    text = read(name)
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        assert re.match("https?:", target) or (path.parent / target).exists(), target
