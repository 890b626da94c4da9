"""The text of a baseline's file: written alike for the same values, and every defect named."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import random
import re
import struct
import subprocess
from pathlib import Path

import pytest

from pytest_converge.baselines.files.document import dumps, loads
from pytest_converge.baselines.files.errors import (
    BaselineFileError,
    DefectError,
    MissingBaselineError,
)
from pytest_converge.baselines.files.schema import DOCUMENT, RUN, SCHEMA_VERSION, TRAINING
from pytest_converge.core.baseline import Baseline, StoredRun
from pytest_converge.core.errors import InvalidTrainingError
from tests.recorded import STEPS, TEST, recorded, stored_run

PATH = Path("tests/__converge__/test_models/test_wine--0a1b2c3d.json")


def load(text, test=TEST):
    return loads(text.encode("utf-8", "surrogatepass"), test)


def written(document):
    """The text of a document as dumps would lay it out, with a checksum that holds.

    Only for documents whose layout matters to nothing that is checked before the checksum.
    """
    return json.dumps(document, sort_keys=True, indent=2)


def float32(bits):
    return struct.unpack("f", bits.to_bytes(4, "little"))[0]


def changed(change):
    document = json.loads(dumps([recorded()]))
    change(document)
    return written(document)


@pytest.fixture(scope="module")
def text():
    return dumps([recorded(), recorded(number=3, reason="a larger model")])


@pytest.fixture(scope="module")
def sound():
    return dumps([recorded()]).encode()


class TestWriting:
    def test_the_layout(self):
        runs = [
            dataclasses.replace(
                stored_run(seed), scores=(-1.5, math.inf), steps=(1, 2), losses=(2.0, math.nan)
            )
            for seed in range(7, 27)
        ]
        baseline = recorded(runs=tuple(runs), settings={"steps": 2}, environment={}, commit="")
        lines = dumps([baseline]).splitlines()
        digest = hashlib.sha256("".join(f"{line}\n" for line in lines[:1] + lines[2:]).encode())
        row = '"losses": [2.0, "NaN"], "scores": [-1.5, "Infinity"], "seed": {}, "steps": [1, 2]'
        assert lines == [
            "{",
            f'  "checksum": "sha256:{digest.hexdigest()}",',
            '  "schema_version": 1,',
            '  "test": "tests/test_models.py::test_wine",',
            '  "trainings": [',
            "    {",
            '      "commit": "",',
            '      "environment": {},',
            '      "number": 1,',
            '      "reason": "",',
            '      "runs": [',
            *("        {" + row.format(seed) + "}," for seed in range(7, 26)),
            "        {" + row.format(26) + "}",
            "      ],",
            '      "settings": {',
            '        "steps": 2',
            "      }",
            "    }",
            "  ]",
            "}",
        ]

    def test_the_checksum_is_that_of_the_other_lines(self, text, tmp_path):
        path = tmp_path / "baseline.json"
        path.write_text(text, encoding="ascii", newline="\n")
        command = 'grep -v \'^  "checksum": \' "$1" | sha256sum'
        done = subprocess.run(  # noqa: S603 - the command stands above
            ["/bin/sh", "-c", command, "sh", str(path)], capture_output=True, text=True, check=True
        )
        assert done.stdout.split()[0] in text.splitlines()[1]

    def test_the_text_is_a_function_of_the_values_alone(self):
        one, two = recorded(settings={"b": 1, "a": 2}), recorded(number=2)
        same = recorded(settings={"a": 2, "b": 1})
        assert dumps([one, two]) == dumps([two, same])

    def test_one_changed_run_changes_two_lines(self):
        runs = recorded().runs
        other = (*runs[:5], dataclasses.replace(runs[5], scores=(1.0, 1.0)), *runs[6:])
        pairs = zip(
            dumps([recorded()]).splitlines(),
            dumps([recorded(runs=other)]).splitlines(),
            strict=True,
        )
        assert [index for index, (a, b) in enumerate(pairs) if a != b] == [1, 21]

    def test_it_is_ascii(self):
        text = dumps([recorded("t.py::test_\N{GREEK SMALL LETTER ALPHA}\ud800", reason="\u202e")])
        assert text.isascii()
        assert load(text, "")[0].test == "t.py::test_\N{GREEK SMALL LETTER ALPHA}\ud800"

    @pytest.mark.parametrize("value", [math.nan, math.inf])
    def test_a_setting_that_is_not_finite_is_refused(self, value):
        with pytest.raises(InvalidTrainingError, match=r"clip=.*a finite number"):
            dumps([recorded(settings={"clip": value})])

    def test_trainings_of_two_tests_are_refused(self):
        with pytest.raises(InvalidTrainingError, match="2 tests"):
            dumps([recorded("t.py::a"), recorded("t.py::b")])
        with pytest.raises(InvalidTrainingError, match="0 tests"):
            dumps([])


class TestRoundTrip:
    def test_values_come_back(self, text):
        again = load(text)
        assert dumps(again) == text
        assert load(dumps(again)) == again
        assert [training.number for training in again] == [1, 3]
        assert again[1].reason == "a larger model"

    def test_any_two_float32_values_stay_apart(self):
        rng = random.Random(0)
        values = [rng.getrandbits(32) for _ in range(64 * 20)]
        values = [float32(bits) for bits in values]
        values = [value if math.isfinite(value) else 1.0 for value in values]
        runs = tuple(
            stored_run(i, steps=range(1, 65), losses=values[i * 64 : i * 64 + 64], scores=(1.0,))
            for i in range(20)
        )
        (again,) = load(dumps([recorded(runs=runs)]))
        found = [struct.pack("f", loss) for run in again.runs for loss in run.losses]
        assert found == [struct.pack("f", value) for value in values]

    def test_other_numbers_keep_nine_digits(self):
        first = dataclasses.replace(recorded().runs[0], scores=(1 / 3, -math.pi * 1e-12))
        again = load(dumps([recorded(runs=(first, *recorded().runs[1:]))]))[0].runs[0]
        assert again.scores == (0.333333333, -3.14159265e-12)

    @pytest.mark.parametrize(
        "value", [0.0, -0.0, 5e-324, 1.7976931348623157e308, 1e16, 1e-5, math.inf, -math.inf]
    )
    def test_numbers_at_the_edges(self, value):
        run = dataclasses.replace(stored_run(), losses=(value,) * len(STEPS))
        text = dumps([recorded(runs=(run, *recorded().runs[1:]))])
        again = load(text)
        assert dumps(again) == text
        assert again[0].runs[0].losses[0] == float(f"{value:.9g}")

    def test_a_training_of_one_step(self):
        runs = tuple(stored_run(i, steps=(1,), losses=(2.0,), scores=(0.5,)) for i in range(20))
        assert load(dumps([recorded(runs=runs)]))[0].runs == runs

    def test_the_highest_seed_is_one(self):
        highest = 2**32 - 1
        runs = (*recorded().runs[:19], stored_run(highest))
        assert load(dumps([recorded(runs=runs)]))[0].runs[19].seed == highest

    def test_not_a_number_comes_back(self):
        run = dataclasses.replace(stored_run(), losses=(math.nan,) * len(STEPS))
        again = load(dumps([recorded(runs=(run, *recorded().runs[1:]))]))
        assert all(map(math.isnan, again[0].runs[0].losses))

    def test_settings_keep_their_types(self):
        settings = {"a": 1, "b": 1.0, "c": True, "d": None, "e": "NaN", "f": "1"}
        (again,) = load(dumps([recorded(settings=settings)]))
        assert [(k, type(v), v) for k, v in again.settings.items()] == [
            (k, type(v), v) for k, v in settings.items()
        ]

    def test_line_ends_of_windows_do_not_count(self, text):
        assert load(text.replace("\n", "\r\n")) == load(text)


class TestDamage:
    def test_every_truncation_is_noticed(self, sound):
        rng = random.Random(1)
        lengths = {0, 1, len(sound) - 2, len(sound) - 1, *rng.sample(range(len(sound)), 50)}
        for length in sorted(lengths):
            with pytest.raises(DefectError):
                loads(sound[:length], TEST)

    def test_every_flipped_byte_is_noticed(self, sound):
        rng = random.Random(2)
        for position in rng.sample(range(len(sound)), 500):
            damaged = bytearray(sound)
            damaged[position] ^= rng.randrange(1, 256)
            with pytest.raises(DefectError):
                loads(bytes(damaged), TEST)

    def test_every_flipped_bit_of_the_beginning_is_noticed(self):
        runs = tuple(stored_run(i, steps=(1,), losses=(1.0,), scores=(1.0,)) for i in range(20))
        data = dumps([recorded(runs=runs)]).encode()
        for position in range(200):
            for bit in range(8):
                damaged = bytearray(data)
                damaged[position] ^= 1 << bit
                with pytest.raises(DefectError):
                    loads(bytes(damaged), TEST)

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("\n}\n", "\n}"),
            ("\n}\n", "\n}\n\n"),
            ('": 1,', '":  1,'),
            ('"number": 1', '"number":\t1'),
            ('  "checksum": ', '   "checksum": '),
            ("e-", "E-"),
            ("\n", "\n\n"),
            ('"checksum": "sha256:', '"checksum": "SHA256:'),
        ],
    )
    def test_other_texts_of_the_same_values_are_noticed(self, old, new):
        run = dataclasses.replace(stored_run(), losses=(1e-9,) * len(STEPS))
        text = dumps([recorded(runs=(run, *recorded().runs[1:]))])
        assert old in text
        with pytest.raises(DefectError):
            load(text.replace(old, new, 1))

    def test_a_number_with_more_digits_is_noticed_in_spite_of_its_checksum(self):
        text = dumps([recorded()]).replace('"number": 1,', '"number": 1 ,')
        lines = text.split("\n")
        digest = hashlib.sha256("\n".join(lines[:1] + lines[2:]).encode()).hexdigest()
        lines[1] = f'  "checksum": "sha256:{digest}",'
        with pytest.raises(DefectError, match="not the one that its values give"):
            load("\n".join(lines))


def first_run(document):
    return document["trainings"][0]["runs"][0]


def setting(where, **values):
    return lambda document: where(document).update(values)


def top(document):
    return document


def training(document):
    return document["trainings"][0]


SHAPES = [
    # the newer version comes before everything that it might have changed
    (setting(top, schema_version=2, more=1), "schema_version=2 (this one"),
    (setting(top, schema_version=0), "schema_version=0 (int) for a version"),
    (setting(top, schema_version=True), "schema_version=True (bool)"),
    (setting(top, schema_version=1.0), "schema_version=1.0 (float)"),
    (lambda d: d.pop("schema_version"), "schema_version=None (NoneType)"),
    (setting(top, note="x"), "the unknown key 'note' (str)"),
    (lambda d: d.pop("checksum"), "without the key 'checksum' (str)"),
    (setting(top, test=3), "with test=3 (int) for a text"),
    (setting(top, trainings={}), "trainings={} (dict) for an array"),
    (setting(top, trainings=[]), "have the numbers none"),
    (setting(top, trainings=[1]), "trainings[0]=1 (int) for an object"),
    (setting(training, number=0), "trainings[0].number=0 (int)"),
    (setting(training, number=True), "trainings[0].number=True (bool)"),
    (setting(training, commit=None), "trainings[0].commit=None"),
    (setting(training, reason=1.5), "trainings[0].reason=1.5 (float)"),
    (setting(training, settings=[]), "trainings[0].settings=[] (list)"),
    (
        setting(training, environment={"a": []}),
        "trainings[0].environment.a=[] (list) for a plain value",
    ),
    (setting(training, runs=[]), "with 0 runs in trainings[0], of 20"),
    (lambda d: training(d)["runs"].pop(), "with 19 runs"),
    (setting(first_run, seed=8), "with a seed twice in trainings[0]"),
    (setting(first_run, scores=[1.0]), "with runs of different scores"),
    (setting(first_run, seed=-1), "trainings[0].runs[0].seed=-1 (int)"),
    (setting(first_run, seed=2**32), "at most 4294967295"),
    (setting(first_run, seed=7.0), "runs[0].seed=7.0 (float)"),
    (setting(first_run, scores=[]), "for 1 to 2 scores"),
    (setting(first_run, scores=[0.1] * 3), "for 1 to 2 scores"),
    (setting(first_run, scores=["NaN", 1.0]), "scores[0]=nan (float)"),
    (setting(first_run, scores=["-Infinity", 1.0]), "scores[0]=-inf"),
    (setting(first_run, scores=[1, 1.0]), "scores[0]=1 (int)"),
    (setting(first_run, losses=["nan"]), "losses[0]='nan' (str)"),
    (setting(first_run, losses=[True]), "losses[0]=True (bool)"),
    (setting(first_run, losses=[1.0]), "with 29 steps and 1 losses"),
    (setting(first_run, steps=[], losses=[]), "with 0 steps"),
    (
        setting(first_run, steps=[*range(1, 66)], losses=[1.0] * 65),
        "with 65 steps in trainings[0].runs[0], of 1 to 64",
    ),
    (setting(first_run, steps=[1, 3, 2], losses=[1.0] * 3), "do not rise"),
    (setting(first_run, steps=[1, 1], losses=[1.0] * 2), "do not rise"),
    (setting(first_run, steps=[0, 1], losses=[1.0] * 2), "steps[0]=0 (int)"),
    (setting(first_run, steps=[1.0], losses=[1.0]), "steps[0]=1.0 (float)"),
    (
        lambda d: first_run(d).pop("seed"),
        "'seed' (str) in trainings[0].runs[0]",
    ),
    (setting(first_run, lr=1), "'lr' (str) in trainings[0].runs[0]"),
    (
        lambda d: d["trainings"].append(d["trainings"][0]),
        "have the numbers 1, 1",
    ),
    (setting(top, test="tests/test_models.py::test_beer"), "::test_beer"),
    (setting(top, checksum="sha256:0"), "checksum"),
]


class TestDefects:
    @pytest.mark.parametrize(("change", "part"), SHAPES)
    def test_a_defect_of_the_values_is_named(self, change, part):
        with pytest.raises(DefectError) as caught:
            load(changed(change))
        message = str(BaselineFileError(PATH, caught.value, test=TEST))
        assert part in message
        assert message.startswith(f"got {PATH} ")
        assert "; expected " in message
        assert message.endswith(
            (f"{TEST} --converge-baseline=new", "(pip install --upgrade pytest-converge).")
        )
        assert "\n" not in message

    @pytest.mark.parametrize(
        ("data", "part"),
        [
            (b"", "no JSON"),
            (b"[1", "line 1, column 3"),
            (b"[]", "with [] (list) for an object"),
            (b"\xef\xbb\xbf{}", "BOM"),
            (b'{"a": "\xff"}', "byte 7"),
            ("{}".encode("utf-16"), "byte 0"),
            (b'{"a": NaN}', "the number NaN"),
            (b'{"a": -Infinity}', "the number -Infinity"),
            (b'{"a": 1e999}', "the number 1e999"),
            (b'{"a": ' + b"1" * 5000 + b"}", "the number 1111"),
            (b'{"a": ' + b"1" * 21 + b"}", "the number 1111"),
            (b'{"a": ' + b"1" * 20 + b"}", "schema_version=None"),
            (b'{"b": 1, "a": 2, "a": 2}', "the key 'a' (str) twice"),
            (b"[" * 100_000, "nested without end"),
            (b"{}\n<<<<<<< HEAD\n", "in line 2"),
            (b"=======\n{}", "in line 1"),
            (b"{}\r\n>>>>>>> branch\r\n", "in line 2"),
            (b"{}\n||||||| base\n", "in line 2"),
        ],
    )
    def test_a_defect_of_the_text_is_named(self, data, part):
        with pytest.raises(DefectError, match=re.escape(part)):
            loads(data, TEST)

    def test_a_conflict_says_how_to_go_on(self):
        with pytest.raises(DefectError) as caught:
            load("{\n<<<<<<< HEAD\n")
        assert str(BaselineFileError(PATH, caught.value, test=TEST)) == (
            f"got {PATH} with a merge conflict in line 2; expected one baseline. Two sides of a "
            "baseline cannot be merged: take one side (git checkout --theirs FILE), then record "
            f"what the merged code does: pytest {TEST} --converge-baseline=update"
        )

    def test_any_test_may_be_asked_for(self, text):
        assert load(text, "")[0].test == TEST

    def test_without_a_test_the_remedy_names_none(self):
        with pytest.raises(DefectError) as caught:
            load("{")
        message = str(BaselineFileError(PATH, caught.value))
        assert message.endswith("or delete it and record its test anew")

    def test_what_a_test_is_called_does_not_matter(self):
        message = str(MissingBaselineError(PATH, "that is not there", test="t.py::test_it[{a}]"))
        assert message.endswith("pytest 't.py::test_it[{a}]' --converge-baseline=new")

    def test_the_errors_are_invalid_trainings_with_short_names(self):
        for kind in (BaselineFileError, MissingBaselineError):
            assert issubclass(kind, InvalidTrainingError)
            # pytest's short summary prints the module before the name.
            assert kind.__module__ == "builtins"

    def test_every_key_is_described(self):
        reference = Path(__file__).parents[3] / "docs" / "reference.md"
        section = reference.read_text(encoding="utf-8").split("## Files of baselines")[1]
        rows = re.findall(r"^\| (`.*?`) \|", section.split("\n## ")[0], re.MULTILINE)
        described = {key for row in rows for key in re.findall(r"`(.*?)`", row)}
        assert described == {*DOCUMENT, *TRAINING, *RUN}

    def test_every_value_of_a_run_is_read(self):
        assert RUN.keys() == {field.name for field in dataclasses.fields(StoredRun)}
        read = {*TRAINING, "test"}
        assert read == {field.name for field in dataclasses.fields(Baseline)}

    def test_the_version_that_is_written_is_the_known_one(self):
        assert json.loads(dumps([recorded()]))["schema_version"] == SCHEMA_VERSION
