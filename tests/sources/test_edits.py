"""Diffs that are written here: git takes them and gives what was meant, and so does `apply`."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fanfold.sources import edits
from fanfold.sources.diff import parse_diff
from fanfold.sources.diff_names import quoted, unquoted
from fanfold.sources.edits import Edit, edit_of, unified
from fanfold.sources.text import shown, split_lines
from fanfold.testing.repository import ISOLATION

# Few different lines, so that they repeat; every kind of end; what git could take for a marker.
LINES = st.sampled_from(["a", "b", "", " ", "--- a/x", "+++ b/x", "\\ No newline at end of file", "@@ -1 +1 @@", "é\f"])
TEXTS = st.builds(
    lambda lines, ending, last: "".join(f"{line}{ending}" for line in lines) + last,
    st.lists(LINES, max_size=12),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "", "z"]),
)


def git_apply(folder: Path, diff: str, *options: str) -> None:
    """Apply a diff outside of any repository, as git does without anybody's settings."""
    environment = {**os.environ, **ISOLATION, "GIT_CEILING_DIRECTORIES": str(folder.parent)}
    done = subprocess.run(
        ["git", "apply", "--whitespace=nowarn", *options, "-"],
        cwd=folder,
        input=diff.encode(),
        env=environment,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode() + diff


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS, TEXTS)
@example("a\nb\nc\n", "a\nc\n")
@example("a", "a\n")
@example("a\n", "")
@example("a\n", "a\na\n")
@example("a\nz", "a\n")
def test_git_takes_what_is_written(tmp_path, before, after):
    """`git apply` makes the second text of the first, and `git apply -R` the first of the second."""
    diff = unified("dir/x y.py", before, after)
    if not diff:
        assert before == after
        return
    place = tmp_path / "dir" / "x y.py"
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(before.encode())
    git_apply(tmp_path, diff)
    assert place.read_bytes().decode() == after
    git_apply(tmp_path, diff, "-R")
    assert place.read_bytes().decode() == before


@given(TEXTS, TEXTS)
def test_apply_does_the_same(before, after):
    """What git makes of a file by a diff, `apply` makes of its bytes."""
    diff = unified("x.py", before, after)
    if diff and ("\r" in before) == ("\r" in after):
        assert edits.apply(diff, before.encode()) == after.encode()


@given(TEXTS, TEXTS)
@example("a\na\n", "a\n")
def test_an_edit_says_what_the_diff_does(before, after):
    """The edit's lines in place of its old ones make the second text of the first, but for its last newline."""
    edit = edit_of(unified("x.py", before, after))
    if edit is None:
        assert before == after or not before or not after
        return
    lines, wanted = ([line.removesuffix("\r") for line in split_lines(text)] for text in (before, after))
    assert tuple(lines[edit.start - 1 : edit.end]) == edit.old
    assert [*lines[: edit.start - 1], *edit.new, *lines[edit.end :]] == wanted


NAMES = st.binary(min_size=1, max_size=12).filter(lambda name: b"/" not in name and b"\0" not in name)


@given(NAMES)
def test_any_file_name_comes_back(name):
    """A name that is quoted for a header is read again as the same."""
    path = shown(name)
    assert unquoted(quoted(path, "a/")) == f"a/{path}"


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(NAMES.filter(lambda name: name not in {b".", b".."} and name.lower() != b".git"))
@example(b'q"uo\\te')
@example(b" x ")
@example(b"t\xc3\xa4b\t")
@example(b"new\nline")
@example(b"\xff")
def test_git_finds_the_file_by_any_name(tmp_path, name):
    """Blanks, tabs, quotes, line breaks and bytes that are no UTF-8 in a file's name."""
    place = os.path.join(os.fsencode(tmp_path), b"d", name)  # noqa: PTH118  a name of bytes
    (tmp_path / "d").mkdir(exist_ok=True)
    with open(place, "wb") as file:  # noqa: PTH123  as above
        file.write(b"1\n2\n")
    diff = unified(f"d/{shown(name)}", "1\n2\n", "1\n3\n")
    git_apply(tmp_path, diff)
    with open(place, "rb") as file:  # noqa: PTH123  as above
        assert file.read() == b"1\n3\n"
    os.unlink(place)  # noqa: PTH108  as above
    assert [change.path for change in parse_diff(diff)] == [f"d/{shown(name)}"]


def test_the_index_line_names_gits_own_ids(tmp_path):
    """`git hash-object` of the content begins like the id in the header, so that `git apply --3way` finds it."""
    (tmp_path / "x").write_text("one\n")
    told = subprocess.run(["git", "hash-object", "x"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    diff = unified("x", "one\n", "two\n")
    assert told.startswith(str(edits.made_from(diff)))


def test_a_file_is_known_by_its_content():
    """Line endings and a byte order mark make no other file of it; a changed letter does."""
    diff = unified("x", "one\ntwo\n", "one\n2\n")
    assert edits.is_made_from(diff, b"one\ntwo\n")
    assert edits.is_made_from(diff, b"\xef\xbb\xbfone\r\ntwo\r\n")
    assert not edits.is_made_from(diff, b"one\ntwo!\n")
    assert not edits.is_made_from("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-one\n+two\n", b"one\n")


def test_endings_and_the_byte_order_mark_stay():
    """New lines end like those that they replace, whatever the diff was made from; the mark stays where it is."""
    diff = unified("x", "one\ntwo\nthree\n", "one\n2\n2½\nthree\n")
    assert edits.apply(diff, b"one\r\ntwo\r\nthree\r\n") == "one\r\n2\r\n2½\r\nthree\r\n".encode()
    first = unified("x", "one\ntwo\n", "1\ntwo\n")
    assert edits.apply(first, b"\xef\xbb\xbfone\ntwo\n") == b"\xef\xbb\xbf1\ntwo\n"


def test_bytes_that_are_no_text_stay():
    """Only the changed lines are written anew."""
    diff = unified("x", "a\nb\nc\nd\ne\nf\n", "a\nb\nc\nd\nE\nf\n")
    assert edits.apply(diff, b"\xff\nb\nc\nd\ne\nf\n") == b"\xff\nb\nc\nd\nE\nf\n"


def test_lines_that_have_moved_are_found_and_others_are_not():
    """The nearest place where all lines of the hunk stand; none when one of them differs."""
    diff = unified("x", "a\nb\nc\nd\n", "a\nb\nC\nd\n")
    assert edits.apply(diff, b"new\nnew\na\nb\nc\nd\n") == b"new\nnew\na\nb\nC\nd\n"
    assert edits.apply(diff, b"a\nb\nx\nd\n") is None


def test_no_hidden_line_is_shown():
    """Context ends before it; a diff that can't do without it is refused."""
    before = "".join(f"{n}\n" for n in range(1, 20))
    after = before.replace("10\n", "ten\n")
    diff = unified("x", before, after, hidden={8, 12})
    assert " 8\n" not in diff
    assert " 9\n" in diff
    assert "12\n" not in diff
    for hidden in ({10}, {11}):
        with pytest.raises(ValueError, match="hidden"):
            unified("x", before, after, hidden=hidden)
    with pytest.raises(ValueError, match="hidden"):
        unified("x", "1\n2\n3\n", "1\n2\n", hidden={2})


def test_what_only_adds_or_removes_has_something_to_replace():
    """An edit takes in a line that stays."""
    added = edit_of(unified("x", "1\n2\n3\n4\n", "1\n2\n3\nnew\n4\n"))
    assert added == Edit("x", 3, 3, ("3",), ("3", "new"))
    removed = edit_of(unified("x", "1\n2\n3\n4\n", "1\n2\n4\n"))
    assert removed == Edit("x", 2, 3, ("2", "3"), ("2",))


@pytest.mark.parametrize(
    "text", ["", "x = 1", "--- a/x\n+++ b/x\n", "@@ -1 +1 @@\n-a\n+b\n", "--- a/x\n+++ b/x\n@@ -1,2 +1 @@\n-a\n"]
)
def test_what_is_no_diff_is_no_edit(text):
    """A replacement from an older run, half a diff, nothing: None, and nothing is applied."""
    assert edit_of(text) is None
    assert edits.apply(text, b"a\n") is None


def test_two_files_are_no_one_edit():
    """A suggestion is about its finding's file and no other."""
    assert edit_of(unified("x", "a\n", "b\n") + unified("y", "a\n", "b\n")) is None
