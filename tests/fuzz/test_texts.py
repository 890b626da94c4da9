"""Numbers, curves, tables and whole reports as texts: never wider than asked, nothing crashes."""

from __future__ import annotations

import json
import math
import string

from hypothesis import assume, given
from hypothesis import strategies as st

from pytest_converge.checks.gates import judge
from pytest_converge.core import numbers
from pytest_converge.core.origin import Origin
from pytest_converge.core.result import ConvergenceResult, Run
from pytest_converge.report import layout
from pytest_converge.report.json_report import json_report, junit_properties
from pytest_converge.report.message import MOST_LINES, WIDTH, failure_message
from pytest_converge.report.section import section
from pytest_converge.report.sparkline import ASCII_BLOCKS, BLOCKS, NOT_FINITE, sparkline
from pytest_converge.report.summary import summary_lines
from pytest_converge.report.table import Column, Table, fact_lines
from tests.fuzz.records import anything, expectations, finite, maybe, rarely, records

texts = st.text(max_size=40)
widths = st.integers(-1, 120)
unicode = st.booleans()
marks = unicode.map(layout.ellipsis)
values = st.lists(anything, max_size=60)


@given(anything)
def test_a_loss_has_four_digits_and_a_place_in_any_table(value):
    text = numbers.loss(value)
    assert len(text) <= numbers.LOSS_WIDTH
    if not math.isfinite(value):
        assert text in {"nan", "inf", "-inf"}
    elif value:
        # The largest float rounds up to what is no float any more.
        assert math.isclose(float(text), value, rel_tol=0.05) or abs(value) > 1e308


@given(anything, st.integers(1, 17))
def test_a_number_reads_back_as_itself(value, digits):
    text = numbers.number(value, digits)
    if math.isfinite(value):
        assert float(text) == float(f"{value:.{digits}g}") or "e" not in text
        # Half a unit of the last digit, which is half of the first one where there is no other.
        assert math.isclose(
            float(text), value, rel_tol=0.51 * 10.0 ** (1 - digits), abs_tol=5e-324
        ) or (abs(value) > 1e308)
    else:
        assert text in {"nan", "inf", "-inf"}


@given(anything, anything)
def test_what_missed_a_bound_does_not_read_as_the_bound(value, bound):
    assume(value != bound and not (math.isnan(value) and math.isnan(bound)))
    assume(not (value == bound == 0))
    shown = numbers.beyond(bound, value, numbers.number)
    assert numbers.beyond(value, bound) != shown
    assert numbers.beyond(value, bound, numbers.number) != shown


@given(st.floats(min_value=0, max_value=1))
def test_a_share_reads_as_nothing_or_the_whole_where_it_is(part):
    text = numbers.share(part)
    assert (text == "0 %") == (part == 0)
    assert (text == "100 %") == (part == 1)


@given(anything)
def test_every_other_number_has_a_text(value):
    for word in (numbers.share, numbers.rate, numbers.factor, numbers.exact):
        assert word(value)


@given(finite.map(abs))
def test_a_duration_has_a_text(value):
    assert numbers.seconds(value)[0].isdigit()


@given(values, widths, unicode, maybe(st.booleans()))
def test_a_curve_is_as_wide_as_asked(losses, width, is_unicode, log):
    text = sparkline(losses, width, is_unicode, log)
    assert len(text) == min(len(losses), max(width, 0))
    assert set(text) <= set(BLOCKS + NOT_FINITE if is_unicode else ASCII_BLOCKS + "x")


@given(values.filter(bool), st.integers(-300, 300))
def test_a_curve_that_is_not_finite_shows_it(losses, power):
    text = sparkline(losses, 60)
    assert (NOT_FINITE in text) == (not all(map(math.isfinite, losses)))


@given(texts, widths, marks)
def test_what_is_cut_fits(text, width, mark):
    width = max(width, 0)
    for cut in (
        layout.cut(text, width, mark=mark),
        layout.cut_middle(text, width, mark=mark),
        layout.elide_node_id(text, width, mark=mark),
    ):
        assert layout.cell_width(cut) <= width
    if layout.cell_width(text) <= width:
        assert layout.cut(text, width, mark=mark) == text


node_ids = st.builds(
    "{}::{}[{}]".format,
    st.lists(texts, min_size=1, max_size=4).map("/".join),
    st.lists(texts, min_size=1, max_size=3).map("::".join),
    texts,
)


@given(node_ids, widths, marks)
def test_an_id_fits(node_id, width, mark):
    width = max(width, 0)
    assert layout.cell_width(layout.elide_node_id(node_id, width, mark=mark)) <= width


@given(texts, st.integers(2, 120), st.integers(0, 1))
def test_wrapped_text_fits_and_loses_nothing(text, width, indent):
    lines = layout.wrap(text, width, first=" " * indent, rest=" " * indent)
    # A wide character takes two cells, and a line has one at least.
    assert all(layout.cell_width(line) <= max(width, indent + 2) for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


@given(texts, st.integers(2, 80), st.integers(1, 5), marks)
def test_text_of_so_many_lines_has_no_more(text, width, most, mark):
    lines = layout.wrap_at_most(text, width, most, mark=mark)
    assert len(lines) <= most
    assert all(layout.cell_width(line) <= width for line in lines)


@given(st.text(st.characters(exclude_categories=())), unicode)
def test_printable_text_is_one_line_without_control_characters(text, is_unicode):
    shown = layout.printable(text, is_unicode)
    assert len(shown.splitlines()) <= 1
    assert is_unicode or shown.isascii()
    shown.encode("utf-8")


@given(st.text(max_size=80), st.integers(1, 80), unicode)
def test_code_keeps_what_it_says(code, width, is_unicode):
    assert all(line.isascii() for line in layout.code_lines(code, width, unicode=False))
    layout.code_lines(code, width, unicode=is_unicode)


columns = st.builds(
    Column,
    title=st.text(max_size=12),
    right=st.booleans(),
    gives_way=st.integers(0, 2),
    least=maybe(st.integers(1, 12)),
    usual=st.integers(0, 20),
)


@st.composite
def tables(draw):
    titles = draw(st.lists(columns, min_size=1, max_size=5))
    cells = st.lists(st.text(max_size=15), min_size=len(titles), max_size=len(titles))
    return Table.of(titles, draw(st.lists(cells, max_size=4)))


#: Words of ours.
fact_names = st.text(string.ascii_lowercase + " ", max_size=14)


@given(tables(), st.integers(0, 80), unicode)
def test_a_table_is_no_wider_than_asked(table, width, is_unicode):
    assert all(layout.cell_width(line) <= width for line in table.lines(width, is_unicode))


@given(st.lists(st.tuples(fact_names, texts), max_size=3), st.integers(20, 80))
def test_facts_are_no_wider_than_asked(facts, width):
    facts = [(layout.printable(name, True), layout.printable(text, True)) for name, text in facts]
    assert all(layout.cell_width(line) <= width for line in fact_lines(facts, width))


@st.composite
def results(draw):
    expectation = draw(expectations)
    made = draw(st.lists(records(), min_size=1, max_size=2))
    return ConvergenceResult(
        test=draw(node_ids),
        verb=draw(st.sampled_from(["fit", "minimize", "step"])),
        number=draw(st.integers(1, 3)),
        expectation=expectation,
        runs=tuple(Run(record=record, findings=judge(record, expectation)) for record in made),
    )


@rarely
@given(results(), st.integers(10, 120), unicode)
def test_a_section_is_no_wider_than_asked(result, width, is_unicode):
    text = section(result, width=width, unicode=is_unicode)
    assert all(layout.cell_width(line) <= width for line in text.split("\n"))
    assert is_unicode or text.isascii()


@rarely
@given(st.lists(results(), max_size=2), st.integers(10, 120), st.integers(-2, 2), unicode)
def test_a_summary_is_no_wider_than_asked(found, width, verbosity, is_unicode):
    lines = summary_lines(found, width=width, verbosity=verbosity, unicode=is_unicode)
    shown = ["".join(segment.text for segment in line) for line in lines]
    assert all(layout.cell_width(line) <= width for line in shown)
    assert is_unicode or all(line.isascii() for line in shown)


@rarely
@given(results().filter(lambda result: not result.passed))
def test_a_message_is_short_and_its_first_line_stands_alone(result):
    lines = failure_message(result, reproduce="pytest 'a b'").split("\n")
    assert lines[0].strip()
    assert layout.cell_width(lines[0]) <= WIDTH
    assert len(lines) <= MOST_LINES


@rarely
@given(st.lists(results(), max_size=2))
def test_a_report_is_strict_json(found):
    text = json_report(found, origin=Origin(version="1", created="", commit=""))
    document = json.loads(text, parse_constant=_refuse)
    assert len(document["trainings"]) == len(found)
    for result in found:
        assert all(isinstance(value, str) for _, value in junit_properties(result))


def _refuse(literal):
    raise AssertionError(literal)
