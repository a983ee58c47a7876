"""A report that is too long to be shown is cut where a reader would, and says so."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.reports.summary import shortened

WHERE = "/a place/report.md"


def report(*sections):
    return "".join(f"## F{number} · {title}\n\n{body}\n\n" for number, (title, body) in enumerate(sections, 1))


def test_what_fits_stays_as_it_is():
    """To the last character that is allowed."""
    text = report(("one", "x" * 900))
    assert shortened(text, len(text), WHERE) == text


def test_whole_sections_and_the_names_of_the_rest():
    """The worst come first in a report: they stay whole, the others are named, and the file that has them."""
    text = "# Review\n\n**40 findings.**\n\n" + report(*((f"finding {n}", "word " * 40) for n in range(40)))
    short = shortened(text, 4_000, WHERE)
    shown, _, rest = short.partition("\n---\n")
    assert text.startswith(shown.rstrip())
    assert shown.rstrip().endswith("word")
    assert WHERE in rest
    named = re.findall(r"^- F(\d+) · finding", rest, re.MULTILINE)
    more = re.search(r"^- and (\d+) more$", rest, re.MULTILINE)
    assert shown.count("\n## F") + len(named) + (int(more[1]) if more else 0) == 40


def test_a_heading_in_a_code_block_is_none():
    """A comment of a shell, and a fence that is longer because it holds one."""
    code = "````text\n# no heading\n```\n## nor this\n````\n"
    text = "# One\n\n" + code + "# Two\n\n" + "x\n" * 3_000
    short = shortened(text, 2_000, WHERE)
    assert code in short
    assert "- Two" in short
    assert "- no heading" not in short


def test_a_cut_through_a_code_block_closes_it():
    """One section alone can be too long; what comes after it is no code."""
    text = "# One\n\n```python\n" + "x = 1\n" * 3_000 + "```\n\n# Two\n\nend\n"
    short = shortened(text, 2_000, WHERE)
    shown = short.partition("\n---\n")[0]
    assert shown.count("```") == 2
    assert shown.endswith("x = 1\n```\n")
    assert "- Two" in short


@given(
    lines=st.lists(
        st.sampled_from(["# A", "## B " + "b" * 300, "```", "~~~", "text " * 50, "", "x" * 5_000]), max_size=80
    ),
    most=st.integers(1_000, 9_000),
)
def test_it_is_never_too_long_and_always_says_where(lines, most):
    """Whatever the report is made of."""
    text = "\n".join(lines)
    short = shortened(text, most, WHERE)
    assert len(short) <= most
    assert short == text or WHERE in short


@pytest.mark.parametrize("fence", ["", "```\n"])
def test_no_line_end_at_all(fence):
    """One line that is longer than all the room is left out, not cut in the middle of something."""
    short = shortened(fence + "x" * 20_000, 1_000, WHERE)
    assert "xx" not in short
    assert WHERE in short
