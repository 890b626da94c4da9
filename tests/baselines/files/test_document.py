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

import pytest

from pytest_converge.baselines.files.document import dumps, loads
from pytest_converge.baselines.files.errors import DefectError
from pytest_converge.baselines.files.schema import SCHEMA_VERSION
from pytest_converge.core.errors import InvalidTrainingError
from tests.recorded import STEPS, TEST, recorded, stored_run


def load(text, test=TEST):
    return loads(text.encode("utf-8", "surrogatepass"), test)


def float32(bits):
    return struct.unpack("f", bits.to_bytes(4, "little"))[0]


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
                stored_run(seed),
                scores=(-1.5, math.inf),
                steps=(1, 2, 3, 4, 5, 6),
                losses=(2.0, 1.5, 1.25, 1.0, 1.5e-7, math.nan),
            )
            for seed in range(7, 27)
        ]
        settings, reason = {"steps": 6}, "a wider net"
        baseline = recorded(
            runs=tuple(runs), settings=settings, environment={}, commit="", reason=reason
        )
        infinite = '{"median": "Infinity", "lowest": "Infinity", "highest": "Infinity"}'
        seeds = range(7, 26)
        row = ["          2.0, 1.5, 1.25, 1.0, 1.5e-07,", '          "NaN"']
        lines = dumps([baseline]).splitlines()
        digest = hashlib.sha256("".join(f"{line}\n" for line in lines[:1] + lines[2:]).encode())
        assert lines == [
            "{",
            f'  "checksum": "sha256:{digest.hexdigest()}",',
            '  "schema_version": 3,',
            '  "test": "tests/test_models.py::test_wine",',
            '  "trainings": [',
            "    {",
            '      "number": 1,',
            '      "reason": "a wider net",',
            '      "summary": {',
            '        "whole curve": {"median": 0.2231, "lowest": 0.2231, "highest": 0.2231},',
            f'        "last half": {infinite},',
            '        "first loss": {"median": 2.0, "lowest": 2.0, "highest": 2.0},',
            f'        "last loss": {infinite}',
            "      },",
            '      "commit": "",',
            '      "settings": {',
            '        "steps": 6',
            "      },",
            '      "data": {},',
            '      "environment": {},',
            '      "runs": [',
            *(f'        {{"seed": {seed}, "scores": [-1.5, "Infinity"]}},' for seed in seeds),
            '        {"seed": 26, "scores": [-1.5, "Infinity"]}',
            "      ]",
            "    }",
            "  ],",
            '  "curves": [',
            "    {",
            '      "training": 1,',
            '      "steps": [',
            "        1, 2, 3, 4, 5,",
            "        6",
            "      ],",
            '      "losses": {',
            *(line for seed in seeds for line in (f'        "{seed}": [', *row, "        ],")),
            '        "26": [',
            *row,
            "        ]",
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

    def test_a_changed_number_changes_its_line_those_of_the_summary_and_the_checksum(self):
        runs = recorded().runs
        losses = (*runs[5].losses[:12], 0.5, *runs[5].losses[13:])
        other = dataclasses.replace(runs[5], scores=(runs[5].scores[0], 1.0), losses=losses)
        before = dumps([recorded()]).splitlines()
        after = dumps([recorded(runs=(*runs[:5], other, *runs[6:]))]).splitlines()
        changed = [new for old, new in zip(before, after, strict=True) if old != new]
        first, second, third, fourth = changed
        assert "checksum" in first
        assert "last half" in second
        assert '"seed": 12,' in third
        assert ", 0.5, " in fourth

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


class TestDefects:
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

    def test_any_test_may_be_asked_for(self, text):
        assert load(text, "")[0].test == TEST

    def test_the_version_that_is_written_is_the_known_one(self):
        assert json.loads(dumps([recorded()]))["schema_version"] == SCHEMA_VERSION
