"""What the documents show: their blocks run in order, and print what stands below them."""

from __future__ import annotations

import pytest

from docs.blocks import LANGUAGES, blocks, difference, part, pasted, without_times
from docs.outputs import PAGES, ROOT, printed

PAGE = """# A page

<!-- in test_a.py:
number = 1
-->

```python
def test_a():
    assert number == 2
```

<!-- prints from "E   " to "E   ": pytest test_a.py -->

```text
E       assert 1 == 3
```

<!-- in test_a.py: -->
<!-- passes: pytest --collect-only test_a.py -->
<!-- fails -->

```sh
pytest \\
    test_a.py
```

```toml
a = 1
```
"""
#: The program of a block in each of these languages, and what says so.
SAID = {"python": {"in", "fragment"}, "text": {"prints", "fragment"}, "diff": {"prints"}}


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_every_block_of_a_page_says_what_it_is(name):
    shown = [block for block in blocks(text_of(name)) if block.language in LANGUAGES]
    assert [block.line for block in shown if block.kind not in SAID[block.language]] == []


#: Dozens of trainings each.
LONG = {"docs/how-to/how-sensitive-is-a-test.md", "docs/how-to/update-a-baseline.md"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name in LONG else ())
        for name in PAGES
        if any(block.kind for block in blocks(text_of(name)))
    ],
)
def test_what_a_page_shows_is_what_is_printed(name, tmp_path, tensorflow_loaded):
    pytest.importorskip("sklearn")
    texts = printed(text_of(name), tmp_path, addopts="--converge-diagnose=full")
    differences = {block.line: difference(block.text, text) for block, text in texts.items()}
    assert {line: found for line, found in differences.items() if found} == {}, (
        f"python -m docs.outputs {name}"
    )


def test_blocks_are_found_with_what_is_said_of_them():
    found = [(b.line, b.kind, b.language) for b in blocks(PAGE)]
    assert found == [
        (3, "in", "python"),
        (12, "prints", "text"),
        (18, "in", None),
        (19, "passes", None),
        (20, "fails", "sh"),
        (27, None, "toml"),
    ]


def test_what_is_printed_is_compared_and_pasted(tmp_path):
    texts = printed(PAGE, tmp_path)
    ((block, text),) = texts.items()
    assert text == "E       assert 1 == 2\n"
    assert difference(block.text, text) == "shown 3, printed 2"
    assert pasted(PAGE, texts) == PAGE.replace("1 == 3", "1 == 2")
    assert (tmp_path / "test_a.py").read_text(encoding="utf-8").startswith("number = 1\n\n\ndef")


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("<!-- passes: pytest none.py -->\n", "line 1: `pytest none.py` exits 4"),
        ("\n<!-- fails: git --version -->\n", "line 2: `git --version` exits 0"),
        (
            '<!-- prints from "no": git --version -->\n\n```text\n```\n',
            "line 1: no line with 'no' in",
        ),
    ],
)
def test_a_page_whose_commands_do_not_as_it_says_is_an_error(page, expected, tmp_path):
    with pytest.raises(ValueError, match="line") as raised:
        printed(page, tmp_path)
    assert str(raised.value).startswith(expected)


def test_a_part_begins_at_its_text_and_ends_at_a_line():
    output = "a\n  b 1\n  c 2\n  b 3\n\n"
    assert part(output, None, None) == "a\n  b 1\n  c 2\n  b 3\n"
    assert part(output, "b", None) == "b 1\nc 2\nb 3\n"
    assert part(output, "b", "c") == "b 1\nc 2\n"
    assert part(output, "b", "b") == "b 1\n"


@pytest.mark.parametrize(
    ("shown", "other"),
    [
        ("time  0.9 s", "time 12 s"),
        ("=== 1 passed in 0.52s ===", "= 1 passed in 87.28s (0:01:27) ===".replace("= 1", "=== 1")),
        ("a  █▃▁  1.0", "a  █▁  1.0"),
        ("loss 0.3000", "loss 0.3001"),
        ("a long\n  line", "a\n  long line"),
        ("commit  3884aa9dfc02 ->\n 51f0c8a7d2be", "commit 1884aa9dfc02 -> 61f0c8a7d2be"),
        ("2026-09-14  3884aa9", "2026-09-14  abcdef0"),
    ],
)
def test_times_machines_and_last_digits_do_not_count(shown, other):
    assert difference(shown, other) is None


@pytest.mark.parametrize(
    ("shown", "other"),
    [
        ("loss 0.30", "loss 0.31"),
        ("1 failed", "2 failed"),
        ("unscaled-features", "unscaled-targets"),
        ("a b", "a b c"),
        ("2026-09-14  3884aa9", "2026-09-15  3884aa9"),
        ("loss nan", "loss 1.0"),
    ],
)
def test_everything_else_counts(shown, other):
    assert difference(shown, other) is not None
    assert without_times(shown) != without_times(other)


def test_a_page_is_not_pasted_for_its_times():
    assert without_times("a  12 s  b\n=====") == without_times("a  1.5 s  b\n=======")
