"""Numbers and runs, as a person says them."""

import pytest
from markdown_it import MarkdownIt

from fanfold.reports.amounts import count, duration, money
from fanfold.reports.escape import code
from fanfold.reports.filters import link, place
from fanfold.reports.samples import FULL


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


@pytest.mark.parametrize(
    ("path", "lines", "address"),
    [
        ("src/a.py", (3, 3), "src/a.py#L3"),
        ("src/a b(1).py", (3, 9), "src/a%20b%281%29.py#L3-L9"),
        ("javascript:alert(1)", (1, 1), "javascript%3Aalert%281%29#L1"),
        ("//example.org/x", (1, 1), "example.org/x#L1"),
        ("a](https://example.org)[.py", (1, 1), "a%5D%28https%3A//example.org%29%5B.py#L1"),
        ("é\n`<b>.py", (1, 1), "%C3%A9%0A%60%3Cb%3E.py#L1"),
    ],
)
def test_a_link_leads_to_the_file_and_nowhere_else(path, lines, address):
    """Whatever the file is called: one link, to a relative address, with the place as its text."""
    finding = FULL.findings[0].model_copy(update={"path": path, "line": lines[0], "end_line": lines[1]})
    (token,) = [token for token in MarkdownIt("commonmark").parse(link(finding)) if token.type == "inline"]
    kinds = [child.type for child in token.children or ()]
    assert kinds == ["link_open", "code_inline", "link_close"]
    assert (token.children or [])[0].attrs["href"] == address
    assert (token.children or [])[1].content == place(finding).replace("\n", " ")
    assert (
        link(finding, "https://example.com/blob/main/")
        == f"[{code(place(finding))}](https://example.com/blob/main/{address})"
    )
