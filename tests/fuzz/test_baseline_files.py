"""Files of baselines with anything in them: read as what they say, or refused in a sentence."""

from __future__ import annotations

import hashlib
import json
import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pytest_converge.baselines.files import layout
from pytest_converge.baselines.files.document import dumps, loads
from pytest_converge.baselines.files.errors import BaselineFileError, DefectError
from pytest_converge.baselines.files.schema import SCHEMA_VERSION
from pytest_converge.baselines.files.store import load, read
from pytest_converge.baselines.gate.bounds import SEEDS
from pytest_converge.baselines.gate.decision import decide
from pytest_converge.core.baseline import Baseline, StoredRun
from pytest_converge.core.errors import InvalidTrainingError
from tests.fuzz.records import anything, finite, rarely
from tests.recorded import TEST, recorded

WHOLE = dumps([recorded(), recorded(number=2)])
VERSIONS = [
    dumps([recorded(data={} if version == 1 else {"rows": 3})], version) for version in (1, 2, 3)
]
seeds = st.integers(0, 2**32 - 1)
scores = finite | st.just(math.inf)
plain = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | finite | st.text(max_size=8)
facts = st.dictionaries(st.text(max_size=8), plain, max_size=4)
#: Any value of JSON, and what Python's writer makes of NaN.
values = st.recursive(
    plain | anything,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def runs(draw, count):
    steps = tuple(sorted(draw(st.sets(st.integers(1, 10**9), min_size=1, max_size=5))))
    size = draw(st.integers(1, 2))
    pool = draw(st.lists(anything, min_size=1, max_size=4))
    ranks = draw(st.lists(scores, min_size=1, max_size=4))
    return tuple(
        StoredRun(
            seed=seed,
            scores=tuple(ranks[(at + n) % len(ranks)] for n in range(size)),
            steps=steps,
            losses=tuple(pool[(at + n) % len(pool)] for n in range(len(steps))),
        )
        for at, seed in enumerate(
            draw(st.lists(seeds, min_size=count, max_size=count, unique=True))
        )
    )


@st.composite
def baselines(draw):
    return Baseline(
        test=draw(st.text(max_size=20)),
        number=draw(st.integers(1, 10**6)),
        settings=draw(facts),
        environment=draw(facts),
        data=draw(facts),
        commit=draw(st.text(max_size=8)),
        reason=draw(st.text(max_size=8)),
        runs=draw(runs(SEEDS)),
    )


def tried(content):
    """What is read, None for what is refused; nothing else can happen."""
    try:
        return loads(content)
    except DefectError:
        return None


def signed(document):
    """The text of a document with the checksum that belongs to it."""
    opening, *lines = [*layout.lines_of(document), ""]
    digest = hashlib.sha256("\n".join([opening, *lines]).encode()).hexdigest()
    return "\n".join([opening, f'  "checksum": "sha256:{digest}",', *lines])


@rarely
@given(baselines())
def test_a_baseline_comes_back_as_it_was_written(baseline):
    text = dumps([baseline])
    (again,) = loads(text.encode(), baseline.test)
    assert dumps([again]) == text
    assert (again.test, again.number, again.commit) == (
        baseline.test,
        baseline.number,
        baseline.commit,
    )
    assert [run.seed for run in again.runs] == [run.seed for run in baseline.runs]
    for before, after in zip(baseline.runs, again.runs, strict=True):
        assert after.steps == before.steps
        for one, other in zip(before.losses, after.losses, strict=True):
            assert other == float(f"{one:.9g}") or math.isnan(one) or abs(one) > 1e308


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode()))
def test_bytes_of_something_else_are_refused(content):
    assert tried(content) is None


@given(st.sampled_from(VERSIONS), st.data())
def test_no_other_byte_reads_as_something_else(text, data):
    content = bytearray(text.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        how = data.draw(st.sampled_from(["change", "cut", "insert", "drop"]))
        if how == "change":
            content[at] = data.draw(st.integers(0, 255))
        elif how == "cut":
            del content[at + 1 :]
        elif how == "insert":
            content[at:at] = data.draw(st.binary(min_size=1, max_size=4))
        else:
            del content[at : at + data.draw(st.integers(1, 40))]
        assume(content)
    assume(bytes(content).replace(b"\r\n", b"\n") != text.encode())
    assert tried(bytes(content)) is None


@given(st.sampled_from(VERSIONS), st.data())
def test_no_other_order_of_lines_reads_as_something_else(text, data):
    lines = text.split("\n")
    one, other = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
    assume(lines[one] != lines[other])
    lines[one], lines[other] = lines[other], lines[one]
    assert tried("\n".join(lines).encode()) is None


@rarely
@given(st.data())
def test_a_document_of_other_values_is_refused_or_can_be_compared_with(data):
    """Whoever edits a file may well write the right checksum to it."""
    document = json.loads(WHOLE)
    del document["checksum"]
    holder, key = document, data.draw(st.sampled_from(list(document)))
    while isinstance(holder[key], (dict, list)) and holder[key] and data.draw(st.integers(0, 4)):
        holder = holder[key]
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        key = data.draw(st.sampled_from(list(keys)))
    if isinstance(holder, dict) and data.draw(st.booleans()):
        del holder[key]
    else:
        holder[key] = data.draw(values)
    try:
        text = signed(document)
    except ValueError:
        return  # no such number in a file
    trainings = tried(text.encode())
    for training in trainings or ():
        _compare(training)


@rarely
@given(baselines(), baselines())
def test_any_two_baselines_are_compared_or_refused(baseline, other):
    """As the gate takes them: the runs of one under the seeds of the other."""
    pairs = zip(baseline.runs, other.runs, strict=True)
    made = [
        StoredRun(seed=old.seed, scores=new.scores, steps=new.steps, losses=new.losses)
        for old, new in pairs
    ]
    try:
        verdict = decide(baseline.runs, made)
    except InvalidTrainingError:
        return
    assert verdict.outcome in {"pass", "fail"}
    assert verdict.reason


@rarely
@given(baselines())
def test_a_baseline_passes_against_itself(baseline):
    assert decide(baseline.runs, baseline.runs).passed


@given(st.binary(max_size=300))
def test_a_file_of_anything_is_refused_by_its_name(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "odd.json"
    path.write_bytes(content)
    for reader in (lambda: load(path, TEST), lambda: read(path)):
        with pytest.raises(BaselineFileError, match=r"odd\.json"):
            reader()


def test_the_files_of_all_versions_are_read():
    assert [json.loads(text)["schema_version"] for text in VERSIONS] == [1, 2, SCHEMA_VERSION]
    assert all(tried(text.encode()) for text in (WHOLE, *VERSIONS))


def _compare(training):
    verdict = decide(training.runs, training.runs)
    assert verdict.passed
