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

from pytest_converge.baselines.files import errors
from pytest_converge.baselines.files.document import dumps, loads
from pytest_converge.baselines.files.schema import (
    DOCUMENT_KEYS,
    RUN_KEYS,
    SCHEMA_VERSION,
    TRAINING_KEYS,
)
from pytest_converge.core.errors import InvalidTrainingError
from tests.recorded import STEPS, TEST, recorded, stored_run

PATH = Path("tests/__converge__/test_models/test_wine--0a1b2c3d.json")


def load(text, test=TEST):
    return loads(text.encode("utf-8", "surrogatepass"), path=PATH, test=test)


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
            with pytest.raises(errors.BaselineFileError):
                loads(sound[:length], path=PATH, test=TEST)

    def test_every_flipped_byte_is_noticed(self, sound):
        rng = random.Random(2)
        for position in rng.sample(range(len(sound)), 500):
            damaged = bytearray(sound)
            damaged[position] ^= rng.randrange(1, 256)
            with pytest.raises(errors.BaselineFileError):
                loads(bytes(damaged), path=PATH, test=TEST)

    def test_every_flipped_bit_of_the_beginning_is_noticed(self):
        runs = tuple(stored_run(i, steps=(1,), losses=(1.0,), scores=(1.0,)) for i in range(20))
        data = dumps([recorded(runs=runs)]).encode()
        for position in range(200):
            for bit in range(8):
                damaged = bytearray(data)
                damaged[position] ^= 1 << bit
                with pytest.raises(errors.BaselineFileError):
                    loads(bytes(damaged), path=PATH, test=TEST)

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
        with pytest.raises(errors.BaselineChecksumError):
            load(text.replace(old, new, 1))

    def test_a_number_with_more_digits_is_noticed_in_spite_of_its_checksum(self):
        text = dumps([recorded()]).replace('"number": 1,', '"number": 1 ,')
        lines = text.split("\n")
        digest = hashlib.sha256("\n".join(lines[:1] + lines[2:]).encode()).hexdigest()
        lines[1] = f'  "checksum": "sha256:{digest}",'
        with pytest.raises(errors.BaselineChecksumError, match="not the one that its values give"):
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
    (setting(top, schema_version=2, more=1), "NewerBaselineError", "schema_version=2 (this one"),
    (setting(top, schema_version=0), "BaselineTypeError", "schema_version=0 (int) for a version"),
    (setting(top, schema_version=True), "BaselineTypeError", "schema_version=True (bool)"),
    (setting(top, schema_version=1.0), "BaselineTypeError", "schema_version=1.0 (float)"),
    (lambda d: d.pop("schema_version"), "BaselineTypeError", "schema_version=None (NoneType)"),
    (setting(top, note="x"), "BaselineKeyError", "the unknown key 'note' (str)"),
    (lambda d: d.pop("checksum"), "BaselineKeyError", "without the key 'checksum' (str)"),
    (setting(top, test=3), "BaselineTypeError", "with test=3 (int) for a text"),
    (setting(top, trainings={}), "BaselineTypeError", "trainings={} (dict) for an array"),
    (setting(top, trainings=[]), "BaselineNumberingError", "have the numbers none"),
    (setting(top, trainings=[1]), "BaselineTypeError", "trainings[0]=1 (int) for an object"),
    (setting(training, number=0), "BaselineTypeError", "trainings[0].number=0 (int)"),
    (setting(training, number=True), "BaselineTypeError", "trainings[0].number=True (bool)"),
    (setting(training, commit=None), "BaselineTypeError", "trainings[0].commit=None"),
    (setting(training, reason=1.5), "BaselineTypeError", "trainings[0].reason=1.5 (float)"),
    (setting(training, settings=[]), "BaselineTypeError", "trainings[0].settings=[] (list)"),
    (
        setting(training, environment={"a": []}),
        "BaselineTypeError",
        "trainings[0].environment.a=[] (list) for a plain value",
    ),
    (setting(training, runs=[]), "BaselineRunsError", "with 0 runs in trainings[0], of 20"),
    (lambda d: training(d)["runs"].pop(), "BaselineRunsError", "with 19 runs"),
    (setting(first_run, seed=8), "BaselineRunsError", "with a seed twice in trainings[0]"),
    (setting(first_run, scores=[1.0]), "BaselineRunsError", "with runs of different scores"),
    (setting(first_run, seed=-1), "BaselineTypeError", "trainings[0].runs[0].seed=-1 (int)"),
    (setting(first_run, seed=2**32), "BaselineTypeError", "at most 4294967295"),
    (setting(first_run, seed=7.0), "BaselineTypeError", "runs[0].seed=7.0 (float)"),
    (setting(first_run, scores=[]), "BaselineTypeError", "for 1 to 2 scores"),
    (setting(first_run, scores=[0.1] * 3), "BaselineTypeError", "for 1 to 2 scores"),
    (setting(first_run, scores=["NaN", 1.0]), "BaselineTypeError", "scores[0]=nan (float)"),
    (setting(first_run, scores=["-Infinity", 1.0]), "BaselineTypeError", "scores[0]=-inf"),
    (setting(first_run, scores=[1, 1.0]), "BaselineTypeError", "scores[0]=1 (int)"),
    (setting(first_run, losses=["nan"]), "BaselineTypeError", "losses[0]='nan' (str)"),
    (setting(first_run, losses=[True]), "BaselineTypeError", "losses[0]=True (bool)"),
    (setting(first_run, losses=[1.0]), "BaselineStepsError", "with 29 steps and 1 losses"),
    (setting(first_run, steps=[], losses=[]), "BaselineStepsError", "with 0 steps"),
    (
        setting(first_run, steps=[*range(1, 66)], losses=[1.0] * 65),
        "BaselineStepsError",
        "with 65 steps in trainings[0].runs[0], of 1 to 64",
    ),
    (setting(first_run, steps=[1, 3, 2], losses=[1.0] * 3), "BaselineStepsError", "do not rise"),
    (setting(first_run, steps=[1, 1], losses=[1.0] * 2), "BaselineStepsError", "do not rise"),
    (setting(first_run, steps=[0, 1], losses=[1.0] * 2), "BaselineTypeError", "steps[0]=0 (int)"),
    (setting(first_run, steps=[1.0], losses=[1.0]), "BaselineTypeError", "steps[0]=1.0 (float)"),
    (
        lambda d: first_run(d).pop("seed"),
        "BaselineKeyError",
        "'seed' (str) in trainings[0].runs[0]",
    ),
    (setting(first_run, lr=1), "BaselineKeyError", "'lr' (str) in trainings[0].runs[0]"),
    (
        lambda d: d["trainings"].append(d["trainings"][0]),
        "BaselineNumberingError",
        "have the numbers 1, 1",
    ),
    (setting(top, test="tests/test_models.py::test_beer"), "OtherTestError", "::test_beer"),
    (setting(top, checksum="sha256:0"), "BaselineChecksumError", "checksum"),
]


class TestDefects:
    @pytest.mark.parametrize(("change", "name", "part"), SHAPES)
    def test_a_defect_of_the_values_is_named(self, change, name, part):
        kind = getattr(errors, name)
        with pytest.raises(kind) as caught:
            load(changed(change))
        assert type(caught.value) is kind
        message = str(caught.value)
        assert part in message
        assert message.startswith(f"got {PATH} ")
        assert "; expected " in message
        assert message.endswith(
            (f"{TEST} --converge-baseline=new", "(pip install --upgrade pytest-converge).")
        )
        assert "\n" not in message

    @pytest.mark.parametrize(
        ("data", "name", "part"),
        [
            (b"", "BaselineSyntaxError", "no JSON"),
            (b"[1", "BaselineSyntaxError", "line 1, column 3"),
            (b"[]", "BaselineTypeError", "with [] (list) for an object"),
            (b"\xef\xbb\xbf{}", "BaselineSyntaxError", "BOM"),
            (b'{"a": "\xff"}', "BaselineEncodingError", "byte 7"),
            ("{}".encode("utf-16"), "BaselineEncodingError", "byte 0"),
            (b'{"a": NaN}', "BaselineNumberError", "the number NaN"),
            (b'{"a": -Infinity}', "BaselineNumberError", "the number -Infinity"),
            (b'{"a": 1e999}', "BaselineNumberError", "the number 1e999"),
            (b'{"a": ' + b"1" * 5000 + b"}", "BaselineNumberError", "the number 1111"),
            (b'{"a": ' + b"1" * 21 + b"}", "BaselineNumberError", "the number 1111"),
            (b'{"a": ' + b"1" * 20 + b"}", "BaselineTypeError", "schema_version=None"),
            (b'{"b": 1, "a": 2, "a": 2}', "DuplicateKeyError", "the key 'a' (str) twice"),
            (b"[" * 100_000, "BaselineSyntaxError", ""),
            (b"{}\n<<<<<<< HEAD\n", "ConflictedBaselineError", "in line 2"),
            (b"=======\n{}", "ConflictedBaselineError", "in line 1"),
            (b"{}\r\n>>>>>>> branch\r\n", "ConflictedBaselineError", "in line 2"),
            (b"{}\n||||||| base\n", "ConflictedBaselineError", "in line 2"),
        ],
    )
    def test_a_defect_of_the_text_is_named(self, data, name, part):
        kind = getattr(errors, name)
        with pytest.raises(kind) as caught:
            loads(data, path=PATH, test=TEST)
        assert type(caught.value) is kind
        assert part in str(caught.value)

    def test_a_conflict_says_how_to_go_on(self):
        with pytest.raises(errors.ConflictedBaselineError) as caught:
            load("{\n<<<<<<< HEAD\n")
        assert str(caught.value) == (
            f"got {PATH} with a merge conflict in line 2; expected one baseline. Two sides of a "
            "baseline cannot be merged: take one side (git checkout --theirs FILE), then record "
            f"what the merged code does: pytest {TEST} --converge-baseline=update"
        )

    def test_any_test_may_be_asked_for(self, text):
        assert load(text, "")[0].test == TEST

    def test_every_error_has_its_own_name_and_is_an_invalid_training(self):
        kinds = [getattr(errors, name) for name in errors.__all__ if name.endswith("Error")]
        assert len(kinds) == 20
        assert all(issubclass(kind, errors.BaselineFileError) for kind in kinds)
        assert issubclass(errors.BaselineFileError, InvalidTrainingError)
        # pytest's short summary prints the module before the name.
        assert {kind.__module__ for kind in kinds} == {"builtins"}
        documented = {line.split()[1] for line in errors.__doc__.splitlines() if "─ " in line}
        assert documented == {kind.__name__ for kind in kinds}

    def test_every_key_is_described(self):
        reference = Path(__file__).parents[3] / "docs" / "reference.md"
        section = reference.read_text(encoding="utf-8").split("## Files of baselines")[1]
        rows = re.findall(r"^\| (`.*?`) \|", section.split("\n## ")[0], re.MULTILINE)
        described = {key for row in rows for key in re.findall(r"`(.*?)`", row)}
        assert described == DOCUMENT_KEYS | TRAINING_KEYS | RUN_KEYS

    def test_the_version_that_is_written_is_the_known_one(self):
        assert json.loads(dumps([recorded()]))["schema_version"] == SCHEMA_VERSION
