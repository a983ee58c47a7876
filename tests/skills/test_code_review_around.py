"""The lines around what is found: as many as may be shown, and never one that holds a secret."""

import pytest

from fanfold.reports.samples import FULL
from fanfold.skills.code_review.around import AROUND, LONGEST_LINE, with_lines_around

LINES = [f"line {n}" for n in range(1, 11)]


def around(lines, path="a.txt", **fields):
    """The lines before and after a finding on line 5."""
    plain = {"path": path, "line": 5, "end_line": 5, "quote": "line 5", "before": (), "after": ()}
    finding = FULL.findings[0].model_copy(update={**plain, **fields})
    found = with_lines_around([finding], {path: "\n".join(lines)}.get)[0]
    return found.before, found.after


def test_three_lines_stand_on_each_side():
    """In the order of the file."""
    assert AROUND == 3
    assert around(LINES) == (("line 2", "line 3", "line 4"), ("line 6", "line 7", "line 8"))


@pytest.mark.parametrize(
    ("line", "end_line", "before", "after"),
    [(1, 1, (), ("line 2", "line 3", "line 4")), (10, 10, ("line 7", "line 8", "line 9"), ()), (1, 10, (), ())],
)
def test_the_ends_of_a_file_are_no_lines(line, end_line, before, after):
    """There is nothing before the first and nothing after the last."""
    assert around(LINES, line=line, end_line=end_line) == (before, after)


def test_a_place_beyond_the_file_has_nothing_around_it():
    """Whatever a record says."""
    assert around(LINES[:2], line=40, end_line=41) == ((), ())
    assert around(LINES, path="elsewhere.txt")[0]
    gone = FULL.findings[0].model_copy(update={"path": "gone.py", "before": (), "after": ()})
    assert with_lines_around([gone], lambda _path: None) == (gone,)


def test_nothing_is_shown_beyond_a_secret():
    """Neither what is masked for sub-agents nor what the scan found on another line; an endless line ends it too."""
    key = "AKIA" + "QYLPMN5HFIQR7XYA"
    secret = [*LINES[:2], f'aws_access_key_id = "{key}"', *LINES[3:]]
    assert around(secret) == (("line 4",), ("line 6", "line 7", "line 8"))
    endless = [*LINES[:6], "x" * (LONGEST_LINE + 1), *LINES[7:]]
    assert around(endless)[1] == ("line 6",)


def test_what_the_secrets_scan_found_is_not_around_another_finding():
    """The lines of its findings are hidden in the whole file."""
    plain = FULL.findings[0].model_copy(update={"path": "a.txt", "line": 5, "end_line": 5, "before": (), "after": ()})
    scanned = plain.model_copy(update={"line": 6, "end_line": 7, "sources": ("secrets:key",)})
    shown, _ = with_lines_around([plain, scanned], {"a.txt": "\n".join(LINES)}.get)
    assert (shown.before, shown.after) == (("line 2", "line 3", "line 4"), ())


def test_a_file_that_is_there_for_its_secrets_shows_nothing():
    """A key's file, an environment's variables."""
    assert around(LINES, path=".env") == ((), ())


def test_what_is_not_shown_takes_no_room():
    """Suppressed findings are recorded without the lines around them."""
    assert around(LINES, suppressed="baseline") == ((), ())
