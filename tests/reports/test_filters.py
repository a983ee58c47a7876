"""Text from a model or a repository can't become markup."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from fanfold.reports.filters import code, count, duration, fenced, inline, money, prose

HOSTILE = [
    "# heading",
    "[link](javascript:alert(1))",
    "![image](https://example.org/x.png)",
    "<script>alert(1)</script>",
    "a | b | c",
    "``` fence",
    "`code`",
    "1. list",
    "- list",
    "> quote",
    "***bold***",
    "\x1b[31mred\x1b[0m",
    "right\u202eleft",
    "https://example.org",
    "www.example.org",
    "line\n# heading",
    "\\# escaped",
    "<!-- comment",
    "~~~\nfence",
    "$x$",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_inline_text_is_shown_as_it_is(text):
    """After escaping, an independent markdown parser finds one paragraph with nothing but text in it."""
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(f"x {inline(text)} y")
    assert [t.type for t in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    assert {child.type for child in tokens[1].children or ()} <= {"text", "code_inline"}
    assert tokens[1].children


@given(st.text())
def test_inline_is_one_paragraph_of_text_at_the_start_of_a_line(text):
    """Wherever it stands, and whatever it is."""
    escaped = inline(text)
    assert "\n" not in escaped
    tokens = MarkdownIt("commonmark").parse(escaped)
    assert [t.type for t in tokens] in ([], ["paragraph_open", "inline", "paragraph_close"])
    kinds = {child.type for token in tokens for child in token.children or ()}
    assert kinds <= {"text", "code_inline"}


def test_code_in_a_sentence_stays_code():
    """Models and analyzers write names between backticks."""
    assert inline("`shell=True` in `a*b` and a lone ` here") == "`shell=True` in `a*b` and a lone \\` here"


@given(st.text(), st.text(max_size=8))
def test_a_code_block_cannot_be_left(text, suffix):
    """One block, whatever the code and the file's name."""
    tokens = MarkdownIt("commonmark").parse(fenced(text, f"a.{suffix}") + "\n")
    assert [t.type for t in tokens] == ["fence"]


@given(st.text())
def test_a_code_span_cannot_be_left(text):
    """One span, whatever the text."""
    (paragraph,) = [t for t in MarkdownIt("commonmark").parse(f"x {code(text)} y") if t.type == "inline"]
    assert [child.type for child in paragraph.children or ()] == ["text", "code_inline", "text"]


def test_no_control_characters_pass():
    """Neither terminal escapes nor direction overrides reach a report."""
    for filtered in (
        inline("a\x1b[2Jb\u202ec"),
        prose("a\x1b[2Jb\u202ec"),
        fenced("a\x1b[2Jb\u202ec"),
        code("a\x1b[2Jb\u202ec"),
    ):
        assert not re.search("[\x1b\u202e]", filtered)


def test_paragraphs_survive_prose():
    """Blank lines are kept, single ones are not."""
    assert prose("one\ntwo\n\nthree") == "one two\n\nthree"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (2.34, "2.3 s"), (59.4, "59 s"), (60, "1 min 0 s"), (185, "3 min 5 s"), (3720, "1 h 2 min")],
)
def test_durations(seconds, text):
    """Seconds as a person says them."""
    assert duration(seconds) == text


@pytest.mark.parametrize(("usd", "text"), [(None, "unknown cost"), (0.0, "$0.00"), (0.0042, "$0.0042"), (1.5, "$1.50")])
def test_money(usd, text):
    """Unknown is not nothing."""
    assert money(usd) == text


@pytest.mark.parametrize(("number", "text"), [(0, "no retries"), (1, "1 retry"), (1200, "1,200 retries")])
def test_counts(number, text):
    """One is singular."""
    assert count(number, "retry", "retries") == text
