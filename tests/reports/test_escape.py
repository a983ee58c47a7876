"""Text from anybody is shown as it is, and is never markup: held to an independent markdown parser."""

import csv as standard_csv
import html
import io
import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from fanfold.reports.escape import (
    cell,
    code,
    code_spans,
    csv,
    fenced,
    html_text,
    inline,
    one_line,
    prose,
    shorten,
    without_controls,
)

PARSERS = (MarkdownIt("gfm-like", {"linkify": False}), MarkdownIt("commonmark"))
NASTY = [
    "# heading",
    "#",
    "## x ##",
    "C #",
    "[link](javascript:alert(1))",
    "![image](https://example.org/x.png)",
    "[a]: https://example.org",
    "[a][b]",
    "[x] done",
    "[!WARNING]",
    "[^1]: note",
    "<script>alert(1)</script>",
    "<!-- comment",
    "<https://example.org>",
    "<?php",
    "a < b",
    "List<int>",
    "a | b | c",
    "--|--",
    ":-:",
    "|",
    "``` fence",
    "```",
    "~~~ fence",
    "~~gone~~",
    "~a~",
    "`code`",
    "`` a`b ``",
    "a `lone",
    "1. list",
    "7)",
    "- list",
    "-",
    "---",
    "===",
    "=",
    "- - -",
    "_ _ _",
    "* * *",
    "+ x",
    "> quote",
    "***bold***",
    "*args and **kwargs",
    "5 * 3",
    "snake_case __init__ _x_",
    "a_b_ _c",
    "\\# escaped",
    "\\",
    "C:\\new\\*",
    "\\`a`",
    "&lt;b&gt; &#35; &copy; a && b",
    "$x$ $$y$$ US$5 $HOME",
    "https://example.org/a_b*c",
    "www.example.org.",
    "_http://a.b",
    "line\n# heading",
    "line\n---",
    "a\n\n    code",
    "|\\| `a|b`",
    "\\|",
    "!",
    "]",
    "*",
]
AWKWARD = st.one_of(
    st.text(),
    st.text(alphabet="`*_~[]()<>!#-+=|:\\$&;/ .1a\n"),
    st.lists(st.sampled_from([*NASTY, " ", "x"]), max_size=5).map("".join),
)
# Where text may stand in a template, and what a parser makes of each place when the text is harmless.
PLACES = [
    "{}",
    "x {} y",
    "({})",
    "- {}",
    "- {} (x)",
    "> {}",
    "1. {}",
    "## {}",
    "## F1 · {}",
    "**{}**",
    "**Why:** {}",
    "x\n{}",
    "{}\nx",
    "{}: {}",
    "{}\n{}",
    "- {}\n- {}",
    "- {} ({}) {}",
]


def structure(markdown, parser):
    """Return what kinds of blocks there are, what is not text in them, and the text."""
    blocks, inlines, text = [], [], []
    for token in parser.parse(markdown):
        blocks.append(token.type)
        for child in token.children or ():
            kind = "text" if child.type in {"text", "code_inline", "softbreak", "text_special"} else child.type
            inlines.append(kind)
            text.append("\n" if child.type == "softbreak" else child.content)
    kinds = [kind for kind in inlines if kind != "text"]
    return blocks, kinds, " ".join("".join(text).split())


def said(text):
    """Return what is to be read of a text: code without its backticks."""
    line, parts, at = one_line(text), [], 0
    for start, end, inner in code_spans(line):
        parts += [line[at:start], one_line(inner)]
        at = end
    return "".join([*parts, line[at:]])


def check(place, text, escape=inline):
    escaped = escape(text)
    if not escaped:
        return
    for parser in PARSERS:
        blocks, kinds, shown = structure(place.replace("{}", escaped), parser)
        harmless = structure(place.replace("{}", "word"), parser)
        assert (blocks, kinds) == harmless[:2], escaped
        assert shown == one_line(harmless[2].replace("word", said(text))), escaped


@pytest.mark.parametrize("place", PLACES)
def test_inline_text_is_shown_as_it_is(place):
    """Wherever it stands: the same blocks as a harmless word makes, and exactly the text."""
    for text in NASTY:
        check(place, text)


@given(st.sampled_from(PLACES), AWKWARD)
@example("{}\n{}", "a | b\n")
@example("{}: {}", "__")
@example("{}", "`a`https://example.org/&gt;")
@example("- {} ({}) {}", "_~a_)~(")
def test_any_text_is_shown_as_it_is(place, text):
    """Whatever it is."""
    assert "\n" not in inline(text)
    check(place, text)


ROW = "| a | b |\n|---|---|\n| {} | x |\n| y | {} |"


def test_a_cell_stays_a_cell():
    """A pipe ends none, neither in text nor in code."""
    for text in NASTY:
        check_cell(text)


@given(AWKWARD)
def test_any_text_stays_in_its_cell(text):
    """Whatever it is."""
    check_cell(text)


def check_cell(text):
    escaped = cell(text)
    parser = PARSERS[0]
    blocks, kinds, shown = structure(ROW.replace("{}", escaped), parser)
    harmless = structure(ROW.replace("{}", "word"), parser)
    assert (blocks, kinds) == harmless[:2], escaped
    letters = re.sub(r"[\s`]", "", shown)
    assert letters == re.sub(r"[\s`]", "", harmless[2].replace("word", one_line(text))), escaped


def test_code_can_be_put_into_a_cell():
    """`code | cell` keeps the code; its pipes are the table's business."""
    assert cell(code("a|b")) == "`a\\|b`"
    assert cell(code("a`b")) == "`` a`b ``"


@pytest.mark.parametrize(
    "text",
    [
        "The query's name goes into SQL as it is (CWE-89), see #17",
        "`except:` hides every error: list[int], a -> b, x > 1, 5 * 3",
        "snake_case, ~/.config, --fail-on=high, C:\\dir, $HOME, don't & won't!",
        "int | None",
        "f(x)[0] = y; 100 %; a/b; key: value",
        "3.5 times as slow",
        "-5 is a number, --force a flag, #17 a number",
        "assert [1, 2] == [2]",
        "KeyError in src/_app.py _load < lib/_core.py",
        "rerun of tests/test_p.py::test_p[3]",
    ],
)
def test_what_is_harmless_stays_readable(text):
    """No backslash in what people and models usually write."""
    assert inline(text) == text


def test_urls_are_readable_and_no_links():
    """They are code, to be copied as they are."""
    assert inline("see https://example.org/a_b (or www.example.org).") == (
        "see `https://example.org/a_b` (or `www.example.org`)."
    )


@given(AWKWARD, st.text(max_size=8))
def test_a_code_block_can_not_be_left(text, suffix):
    """One block, whatever the code and the file's name."""
    for parser in PARSERS:
        assert [t.type for t in parser.parse(fenced(text, f"a.{suffix}") + "\n")] == ["fence"]


@given(AWKWARD)
def test_a_code_span_can_not_be_left(text):
    """One span, whatever the text."""
    for parser in PARSERS:
        (paragraph,) = [t for t in parser.parse(f"x {code(text)} y") if t.type == "inline"]
        assert [child.type for child in paragraph.children or ()] == ["text", "code_inline", "text"]


@given(AWKWARD)
def test_prose_holds_paragraphs_lists_and_code_alone(text):
    """No heading, quote, table, HTML, link or image comes out of it."""
    for lead in ("", "**Why:**"):
        markdown = prose(text, lead)
        assert "\n\n\n" not in re.sub(r"^(`{3,}).*?^\1$", "", markdown, flags=re.MULTILINE | re.DOTALL)
        for parser in PARSERS:
            blocks, kinds, _ = structure(markdown, parser)
            assert {block.rpartition("_")[0] or block for block in blocks} <= {
                *("paragraph", "inline", "fence", "bullet_list", "ordered_list", "list_item")
            }
            assert set(kinds) <= {"strong_open", "strong_close"}


def test_prose_keeps_what_a_model_wrote():
    """Paragraphs, lists and code blocks; a lead stands on the first line of text, or before what has lines."""
    text = "one\ntwo\n\nthree:\n- a # b\n- c\n  d\n\n```python\nx = 1\n# y\n```\n1. first\n2) second"
    assert prose(text) == ("one two\n\nthree:\n- a # b\n- c d\n\n```python\nx = 1\n# y\n```\n\n1. first\n2. second")
    assert prose("a\n\nb", "**Why:**") == "**Why:** a\n\nb"
    assert prose("- a", "**Why:**") == "**Why:**\n\n- a"
    assert prose("```\na", "**Why:**") == "**Why:**\n\n```\na\n```"
    assert prose("", "**Why:**") == "**Why:**"


ESCAPES = {
    "a\x1b[31mred\x1b[0m": "ared",
    "a\x1b]0;title\x07b": "ab",
    "a\x1b]8;;https://example.org\x1b\\b\x1b]8;;\x1b\\": "ab",
    "a\x9b31mb": "ab",
    "a\x1bcb": "ab",
    "a\x1b": "a",
    "a\u202eb\u2066c\u061cd": "abcd",
    "a\u200b\ufeff\U000e0041b": "ab",
    "a\x00\x07\x7f\x85b": "ab",
    "a\ud800b": "ab",
}


@pytest.mark.parametrize("text", ESCAPES)
@pytest.mark.parametrize("escape", [inline, prose, cell, code, fenced, html_text, csv, without_controls])
def test_nothing_that_steers_a_terminal_passes(text, escape):
    """Neither escape sequences nor control, direction, invisible and half characters."""
    escaped = escape(text)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", escaped)
    assert ESCAPES[text] in escaped.replace("\n", "")


def test_what_writing_needs_stays():
    """Joiners, accents, emoji and right-to-left letters."""
    text = "می‌خواهم é 👩‍💻 עברית"
    assert inline(text) == text


@pytest.mark.parametrize("escape", [inline, prose, cell, fenced])
@pytest.mark.parametrize("part", ["`", "``x`", "*_", "[](", "https://", "\x1b]", "\n- ", "# ", "&lt;", "1.", "\\|"])
def test_a_megabyte_takes_no_time_to_speak_of(escape, part):
    """The effort grows with the text, not with its square: what takes minutes would never end in a report."""
    text = part * (1_000_000 // len(part))
    began = time.process_time()
    escape(text)
    assert time.process_time() - began < 20


def test_what_is_too_long_is_counted():
    """Long lines and many lines say how much more there is."""
    assert shorten("abcdef", 3) == "abc… (3 more characters)"
    assert inline("*" * 5_000).endswith("… (1,000 more characters)")
    assert inline("abcdef", 3) == cell("abcdef", 3) == html_text("abcdef", 3) == "abc… (3 more characters)"
    assert code("abcdef", 3) == "`abc… (3 more characters)`"
    assert prose("a\n\n" * 10_000).endswith("… (10,000 more characters)")
    assert shorten("abcd", 3) == "abc… (1 more character)"
    assert shorten("abc", 3) == "abc"
    assert fenced("a\nb\nc", lines=2) == "```\na\nb\n… 1 more line\n```"
    assert fenced("a\nb\nc\nd", lines=2) == "```\na\nb\n… 2 more lines\n```"
    assert fenced("x" * 9, columns=4) == "```\nxxxx… (5 more characters)\n```"


@given(st.text(alphabet="<>&\"' ab\n"))
def test_html_within_markdown_is_text(text):
    """In a `<summary>`, which no backslash escapes."""
    assert not set(html_text(text)) & set('<>"')
    assert html.unescape(html_text(text)) == one_line(text)
    assert html_text(f"`{text}x` `y") == f"<code>{html_text(f'{text}x')}</code> `y"


@given(st.lists(st.text(alphabet="a,;\"'=+-@ \n\t1"), min_size=2, max_size=4))
def test_fields_of_csv_are_read_back(fields):
    """By the standard library's reader; only what a spreadsheet would compute gets an apostrophe."""
    line = ",".join(map(csv, fields))
    (row,) = standard_csv.reader(io.StringIO(line, newline=""))
    assert [field.removeprefix("'") for field in row] == [field.removeprefix("'") for field in fields]
    assert not [field for field in row if field.startswith(("=", "+", "-", "@", "\t"))]


def test_csv_leaves_numbers_alone():
    """They are no formulas; what is not known is empty."""
    assert [csv(-1.5), csv(3), csv(None), csv("-1"), csv("a,b")] == ["-1.5", "3", "", "'-1", '"a,b"']
