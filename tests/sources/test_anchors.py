"""Quotes find their lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.sources.anchors import FileText, anchor, line_hash

CODE = "def f(x):\n    return x + 1\n\n\ndef g(x):\n    return x + 1\n"

LINES = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=30), min_size=1, max_size=20)


def test_an_exact_quote_gets_its_lines():
    """A quote over two lines is placed on both of them."""
    place = FileText(CODE).locate("def g(x):\n    return x + 1")
    assert place is not None
    assert (place.line, place.end_line, place.quote) == (5, 6, "def g(x):\n    return x + 1")


@pytest.mark.parametrize(("near", "line"), [(1, 2), (2, 2), (4, 2), (5, 6), (99, 6), (None, 2)])
def test_of_two_places_the_nearer_one_is_taken(near, line):
    """The line that the anchor names decides between equal quotes."""
    place = FileText(CODE).locate("return x + 1", near)
    assert place is not None
    assert place.line == line


@pytest.mark.parametrize(
    "quote",
    [
        "return  x+1",
        "def f(x): return x + 1",
        "\treturn x + 1\n",
        "def f(x):\r\n    return x + 1\r\n",
        "     2#" + line_hash("    return x + 1") + "+|     return x + 1",
    ],
)
def test_white_space_and_our_own_numbering_do_not_matter(quote):
    """What a model changes when it copies code is forgiven."""
    assert FileText(CODE).locate(quote) is not None


@pytest.mark.parametrize("quote", ["return y + 1", "", "   \n", "):", "}", "x", "def f(x):\n    return x + 2"])
def test_what_is_not_there_has_no_place(quote):
    """Neither other code nor code that could be anywhere is found."""
    assert FileText(CODE).locate(quote) is None


def test_an_empty_file_has_no_lines():
    """Nothing is found in nothing."""
    assert FileText("").lines == []
    assert FileText("").locate("anything") is None


def test_crlf_files_match_lf_quotes():
    """Line ends are not part of a quote."""
    place = FileText(CODE.replace("\n", "\r\n")).locate("def f(x):\n    return x + 1")
    assert place is not None
    assert place.quote == "def f(x):\n    return x + 1"


@given(LINES, st.data())
def test_every_line_finds_itself(lines, data):
    """A quote of a file's own lines, given their number, is placed exactly there."""
    start = data.draw(st.integers(1, len(lines)))
    end = data.draw(st.integers(start, len(lines)))
    file = FileText("\n".join(lines) + "\n")
    quote = "\n".join(file.lines[start - 1 : end])
    place = file.locate(quote, start)
    if place is None:
        visible = "".join(quote.split())
        assert len(visible) < 3 or not any(c.isalnum() for c in visible)
    else:
        assert "".join(quote.split()) in "".join("".join(place.quote.split()))
        assert 1 <= place.line <= place.end_line <= len(file.lines)


@given(LINES, st.data())
def test_an_anchor_resolves_to_a_line_with_its_hash(lines, data):
    """A right anchor resolves to its line; one whose number is off, to a line of the same hash."""
    file = FileText("\n".join(lines) + "\n")
    number = data.draw(st.integers(1, len(lines)))
    assert file.resolve_anchor(anchor(number, file.lines[number - 1])) == number
    moved = file.resolve_anchor(anchor(number + 3, file.lines[number - 1]))
    assert moved is not None
    assert line_hash(file.lines[moved - 1]) == line_hash(file.lines[number - 1])


@pytest.mark.parametrize("text", ["", "12", "a#b", "#abc", "12#zzz", "99999999999#abc"])
def test_what_is_no_anchor_resolves_to_nothing(text):
    """A model may answer anything."""
    assert FileText(CODE).resolve_anchor(text) is None
