"""Diffs become changes: whatever wrote them, and nothing is lost without a word."""

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.errors import TargetError
from fanfold.sources.diff import parse_diff
from fanfold.sources.diff_names import unquoted
from fanfold.sources.patched import applied
from fanfold.sources.text import split_lines

# Each of these splits a line for str.splitlines, and none of them for git.
ODD_ENDS = "\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"

LINES = st.lists(st.text(st.sampled_from("ab +-@\\" + ODD_ENDS), max_size=4).map(lambda text: f"{text}\n"), max_size=12)


def one(text):
    (change,) = parse_diff(text)
    return change


def body(change):
    return [(line.kind, line.old, line.new, line.text) for hunk in change.hunks for line in hunk.lines]


SIMPLE = "--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,2 @@ def f():\n kept\n-old\n+new\n"


def test_a_hunk_numbers_its_lines_on_both_sides():
    """Kept lines have two numbers, the others one, and the section is what the header says behind the counts."""
    change = one(SIMPLE)
    assert (change.path, change.kind, change.hunks[0].section) == ("x.py", "modified", "def f():")
    assert body(change) == [(" ", 1, 1, "kept"), ("-", 2, None, "old"), ("+", None, 2, "new")]


def test_nothing_is_no_change():
    """An empty text and plain prose hold no change."""
    assert parse_diff("") == ()
    assert parse_diff("Dear all,\n\nno patch today.\n-- \nA.\n") == ()


@given(LINES, LINES, st.integers(0, 3))
def test_the_old_side_and_the_hunks_make_the_new_side(old, new, context):
    """What the parser reads, applied to the old text, gives the new one, whatever characters lines hold."""
    text = "".join(difflib.unified_diff(old, new, "a/x", "b/x", n=context))
    changes = parse_diff(text)
    assert bool(changes) == (old != new)
    for change in changes:
        assert applied("".join(old), change.hunks) == "".join(new)


@given(LINES, LINES)
def test_numbers_point_at_the_lines(old, new):
    """The line with new number n is line n of the new text; `added` are exactly the numbers of the new lines."""
    for change in parse_diff("".join(difflib.unified_diff(old, new, "a/x", "b/x"))):
        lines = [line for hunk in change.hunks for line in hunk.lines]
        assert all(f"{line.text}\n" == new[line.new - 1] for line in lines if line.new)
        assert all(f"{line.text}\n" == old[line.old - 1] for line in lines if line.old)
        added = [line.new for line in lines if line.kind == "+"]
        assert [number for numbers in change.added for number in numbers] == added


@given(LINES, LINES, st.integers(1, 14), st.integers(0, 3))
def test_touching_is_membership(old, new, line, more):
    """`touches` agrees with looking at each line of the ranges, which neither meet nor overlap."""
    for change in parse_diff("".join(difflib.unified_diff(old, new, "a/x", "b/x"))):
        numbers = {number for numbers in change.touched for number in numbers}
        assert change.touches(line, line + more) == bool(numbers & set(range(line, line + more + 1)))
        assert all(a.stop < b.start for a, b in zip(change.touched, change.touched[1:], strict=False))


PIECES = """\
diff --git a/x b/x|diff --git "a/x" b/x|--- a/x|+++ b/x|--- /dev/null|@@ -1 +1 @@|@@ -0,0 +1,2 @@|@@ -9,0 +9
@@ +a|-a| a||\\ No|rename from x|rename to y|new file mode 100644|deleted file mode 100644|index 1..2 100644
GIT binary patch|literal 3|-- |Binary files a and b differ|Submodule x 1234567..1234567:"""


@given(
    st.lists(st.sampled_from(PIECES.replace("\n", "|").split("|")), max_size=12),
    st.text(st.sampled_from('ab \t\\"/\n@+-,019'), max_size=200),
)
def test_any_text_is_read_or_refused(lines, prose):
    """Whatever the text, the answer is changes or a TargetError of one line, and no path comes twice."""
    text = "\n".join([*lines, prose])
    refused = None
    try:
        changes = parse_diff(text)
    except TargetError as error:
        refused, changes = str(error), ()
    assert refused is None or ("line " in refused and "\n" not in refused)
    assert len({change.path for change in changes}) == len(changes)


@pytest.mark.parametrize(
    ("counts", "line", "what"),
    [
        ("-1,2 +1,3", 7, "0 old and 1 new lines short"),
        ("-1,3 +1,2", 7, "1 old and 0 new lines short"),
        ("-1,2 +1", 6, "has more lines than its header"),
        ("-1 +1", 5, "has more lines than its header"),
        ("-1 +1,2", 5, "0 old and 1 new lines short"),
        ("-1,x +1", 3, "no hunk header"),
        ("-1,9999999999 +1", 3, "no hunk header"),
    ],
)
def test_a_hunk_with_wrong_counts_is_refused(counts, line, what):
    """The message names the line where the hunk goes wrong, and how; what follows the hunk doesn't matter."""
    text = SIMPLE.replace("-1,2 +1,2", counts)
    for more in ("", "diff --git a/y b/y\nold mode 100644\nnew mode 100755\n"):
        with pytest.raises(TargetError, match=f"line {line}: .*{what}"):
            parse_diff(text + more)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("@@ -1 +1 @@\n-a\n+b\n", "line 1: a hunk without a file header"),
        ("diff --cc f\nindex 1,2..3\n--- a/f\n+++ b/f\n@@@ -1 -1 +1 @@@\n- a\n -b\n++c\n", "line 1: a combined diff"),
        ("--- a/f\n+++ b/f\n@@@ -1 -1 +1 @@@\n++c\n", "line 3: a combined diff"),
        ("diff --git a/f b/f\nindex 1..2 100644\n--- a/f\n@@ -1 +1 @@\n-a\n+b\n", "line 3: a '---' line without"),
        ("--- a/f\n+++ b/f\nno hunk\n", "line 3: a file header without a hunk"),
        ("--- a/f\n+++ b/f\n@@ -5 +5 @@\n-a\n+b\n@@ -5 +5 @@\n-a\n+b\n", "line 6: the hunk overlaps"),
        ("--- a/f\n+++ b/f\n@@ -5 +5 @@\n-a\n+b\n@@ -2 +2 @@\n-a\n+b\n", "line 6: the hunk overlaps"),
        ("--- \n+++ \n@@ -1 +1 @@\n-a\n+b\n", "line 1: a file name is missing"),
        ("--- /dev/null\n+++ /dev/null\n@@ -1 +1 @@\n-a\n+b\n", "leads out of the project"),
        ("--- a/../../etc/passwd\n+++ b/../../etc/passwd\n@@ -1 +1 @@\n-a\n+b\n", "leads out of the project"),
        ("--- /etc/passwd\n+++ /etc/passwd\n@@ -1 +1 @@\n-a\n+b\n", "leads out of the project"),
        ("--- a/.GIT/config\n+++ b/.GIT/config\n@@ -1 +1 @@\n-a\n+b\n", "leads out of the project"),
        ("diff --git a/x b/x\nrename from x\nrename to ../y\n", "line 1: .* leads out of the project"),
        ('--- "a/x\n+++ "b/x\n@@ -1 +1 @@\n-a\n+b\n', "line 1: the quoted name .* doesn't end"),
        (f"{SIMPLE}{SIMPLE}", "line 7: 'x.py' comes again"),
        ("diff --git a/x b/y\nold mode 100644\nnew mode 100755\n", "a file name is missing"),
    ],
)  # fmt: skip
def test_what_is_no_sound_diff_is_refused(text, what):
    """A malformed diff is a TargetError that names the line and says what is wrong."""
    with pytest.raises(TargetError, match=what):
        parse_diff(text)


@pytest.mark.parametrize(
    ("old", "new", "path", "old_path", "kind"),
    [
        ("a/x.py", "b/x.py", "x.py", None, "modified"),
        ("x.py", "x.py", "x.py", None, "modified"),
        ("b/x.py", "b/x.py", "b/x.py", None, "modified"),
        ("./x.py", "./x.py", "x.py", None, "modified"),
        ("i/x.py", "w/x.py", "x.py", None, "modified"),
        ("orig/p/x.py\t2026-01-01 00:00", "mine/p/x.py\t2026-01-02 00:00", "p/x.py", None, "modified"),
        ("x.py.orig\t2026-01-01", "x.py\t2026-01-01", "x.py", None, "modified"),
        ("/srv/before.py", "src/x.py", "src/x.py", None, "modified"),
        ("x.py\t(revision 5)", "x.py\t(working copy)", "x.py", None, "modified"),
        ("a/my file.py\t", "b/my file.py\t", "my file.py", None, "modified"),
        ("a/my  file.py ", "b/my  file.py ", "my  file.py ", None, "modified"),
        ('"a/\\303\\244 \\"1\\"\\tx\\n.py"', '"b/\\303\\244 \\"1\\"\\tx\\n.py"', 'ä "1"\tx\n.py', None, "modified"),
        ('"a/\\377\\\\xff.py"', '"b/\\377\\\\xff.py"', "\\xff\\x5cxff.py", None, "modified"),
        ("a/x.py\r", "b/x.py\r", "x.py", None, "modified"),
    ],
)  # fmt: skip
def test_names_of_a_plain_diff(old, new, path, old_path, kind):
    """Prefixes, time stamps and quotes come off; what remains is the name after the change."""
    change = one(f"--- {old}\n+++ {new}\n@@ -1 +1 @@\n-a\n+b\n")
    assert (change.path, change.old_path, change.kind) == (path, old_path, kind)


@pytest.mark.parametrize(
    ("old", "new", "counts", "kind"),
    [
        ("/dev/null", "b/n.py", "-0,0 +1", "added"),
        ("a/n.py", "/dev/null", "-1 +0,0", "deleted"),
        ("a/n.py\t1970-01-01 01:00:00.000000000 +0100", "b/n.py\t2026-01-01 00:00:00.0 +0000", "-0,0 +1", "added"),
        ("a/n.py\t2026-01-01 00:00:00.0 +0000", "b/n.py\t1969-12-31 19:00:00.000000000 -0500", "-1 +0,0", "deleted"),
        ("a/n.py\t1970-01-01 00:00:01.0 +0000", "b/n.py\t1970-01-01 00:00:01.0 +0000", "-1 +1", "modified"),
        ("n.py\t(nonexistent)", "n.py\t(working copy)", "-0,0 +1", "added"),
        ("a/n.py", "b/n.py", "-0,0 +1", "modified"),
    ],
)
def test_a_missing_side_of_a_plain_diff(old, new, counts, kind):
    """A file is added or deleted when its name or its time stamp says so and its counts agree."""
    lines = ("" if "-0,0" in counts else "-a\n") + ("" if "+0,0" in counts else "+b\n")
    change = one(f"--- {old}\n+++ {new}\n@@ {counts} @@\n{lines}")
    assert (change.path, change.kind) == ("n.py", kind)


@pytest.mark.parametrize(
    ("header", "path", "old_path", "kind"),
    [
        ("a/x b/x b/x b/x\nnew file mode 100644\nindex 0000000..e69de29", "x b/x", None, "added"),
        ('"a/t\\tb" "b/t\\tb"\nold mode 100644\nnew mode 100755', "t\tb", None, "mode"),
        ("a/a b b/c d\nsimilarity index 100%\nrename from a b\nrename to c d", "c d", "a b", "renamed"),
        ('a/a "b/\\303\\244"\nsimilarity index 100%\ncopy from a\ncopy to "\\303\\244"', "ä", "a", "copied"),
        ("a/x.bin b/x.bin\nindex 1..2 100644\nBinary files a/x.bin and b/x.bin differ", "x.bin", None, "modified"),
        ("a/x b/x\ndeleted file mode 100644\nindex 1..0\nBinary files a/x and /dev/null differ", "x", None, "deleted"),
        ("a/x b/x\ndeleted file mode 100644\nindex e69de29..0000000", "x", None, "deleted"),
        ("b/x b/x\nold mode 100644\nnew mode 100755", "b/x", None, "mode"),
        ("old/x y new/x y\nold mode 100644\nnew mode 100755", "x y", None, "mode"),
    ],
)  # fmt: skip
def test_git_sections_without_hunks(header, path, old_path, kind):
    """Renames, copies, modes, binary and empty files are told by what stands under `diff --git`."""
    change = one(f"diff --git {header}\n")
    assert (change.path, change.old_path, change.kind, change.hunks) == (path, old_path, kind, ())
    assert change.binary == ("Binary" in header)


def test_a_git_rename_with_lines():
    """A renamed file keeps where it came from, its modes and its lines."""
    change = one(
        "diff --git a/o.py b/n.py\nsimilarity index 90%\nrename from o.py\nrename to n.py\nindex 1..2 100755\n"
        "--- a/o.py\n+++ b/n.py\n@@ -1 +1 @@\n-a\n+b\n"
    )
    assert (change.path, change.old_path, change.kind) == ("n.py", "o.py", "renamed")
    assert (change.old_mode, change.new_mode, len(change.hunks)) == ("100755", "100755", 1)


def test_a_section_with_nothing_under_it_is_no_change():
    """A file that was only touched, or differs in white space that the diff ignores, is left out."""
    assert parse_diff("diff --git a/x b/x\nindex 1..2 100644\ndiff --git a/y b/y\n") == ()


def test_binary_data_is_skipped():
    """The data of a binary patch is no lines, and what follows it is read."""
    data = "GIT binary patch\nliteral 5\nMcmZQzV4\n\nliteral 0\nHcmV?d00001\n\n"
    binary, text = parse_diff(f"diff --git a/x b/x\nindex 1..2 100644\n{data}{SIMPLE}")
    assert (binary.path, binary.binary, binary.hunks, text.path) == ("x", True, (), "x.py")


def test_plain_diff_says_binary_in_one_line():
    """`diff -r` names a binary pair in prose; a name may hold " and "."""
    change = one("Only in b: y\nBinary files a/salt and pepper.png and b/salt and pepper.png differ\n")
    assert (change.path, change.binary, change.kind) == ("salt and pepper.png", True, "modified")


def test_lines_with_a_nul_are_binary():
    """A differ that was told to take a binary file for text doesn't make it one."""
    change = one("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\0c\n")
    assert (change.binary, change.hunks) == (True, ())


def test_submodules():
    """A submodule is told by its mode, or by git's one-line form."""
    section = (
        "index 1111111..2222222 160000\n--- a/sub\n+++ b/sub\n@@ -1 +1 @@\n-Subproject commit 1\n+Subproject commit 2\n"
    )
    assert one(f"diff --git a/sub b/sub\n{section}").submodule
    listed = one("Submodule lib/sub 1111111...2222222 (rewind):\n  < One\n")
    assert (listed.path, listed.submodule) == ("lib/sub", True)


def test_a_file_that_becomes_a_symlink_is_one_change():
    """Git shows a deletion and an addition of the same path; they are one modification with two modes."""
    change = one(
        "diff --git a/x b/x\ndeleted file mode 100644\nindex 1..0\n--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n"
        "diff --git a/x b/x\nnew file mode 120000\nindex 0..1\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+t\n"
        "\\ No newline at end of file\n"
    )
    assert (change.kind, change.old_mode, change.new_mode, len(change.hunks)) == ("modified", "100644", "120000", 2)


def test_a_missing_last_newline_belongs_to_its_line():
    """The marker is no line; it says of the one before that no newline ends it, in whatever language."""
    text = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n\\ Kein Zeilenumbruch am Dateiende.\n"
    assert [(line.kind, line.newline) for line in one(text).hunks[0].lines] == [("-", False), ("+", False)]


def test_odd_characters_end_no_line():
    """Only a line feed ends a line; a carriage return stays, even at its end or on its own."""
    content = [f"a{end}b" for end in ODD_ENDS] + ["\r", "x\r", ODD_ENDS]
    text = f"--- a/x\n+++ b/x\n@@ -0,0 +1,{len(content)} @@\n" + "".join(f"+{line}\n" for line in content)
    assert [line.text for line in one(text).hunks[0].lines] == content


def test_a_diff_with_windows_line_ends():
    """Headers are read without their carriage return; content keeps it."""
    change = one("diff --git a/x b/x\nold mode 100644\nnew mode 100755\n" + SIMPLE.replace("x.py", "x"))
    windows = one(
        ("diff --git a/x b/x\nold mode 100644\nnew mode 100755\n" + SIMPLE.replace("x.py", "x")).replace("\n", "\r\n")
    )
    assert (windows.path, windows.kind, windows.old_mode) == (change.path, change.kind, change.old_mode)
    assert [line.text for line in windows.hunks[0].lines] == ["kept\r", "old\r", "new\r"]


def test_a_byte_order_mark_before_the_diff():
    """What an editor put before the first header doesn't hide it."""
    assert one("\ufeff" + SIMPLE).path == "x.py"


def test_an_empty_kept_line_may_have_lost_its_blank():
    """Mail programs and diff.suppressBlankEmpty take the blank off an empty line."""
    change = one("--- a/x\n+++ b/x\n@@ -1,2 +1,3 @@\n a\n\n+b\n")
    assert body(change)[1] == (" ", 2, 2, "")


MAIL = f"""From 1234 Mon Sep 17 00:00:00 2001
From: A <a@example.com>
Subject: [PATCH] Say --- and +++ in prose

--- was there before

+++ is there now
@@ is no header
---
 x.py | 2 +-
 1 file changed, 1 insertion(+), 1 deletion(-)

diff --git a/x.py b/x.py
index 1..2 100644
{SIMPLE}-- \n2.39.5

"""

SHOW = f"commit 1\nAuthor: A\n\n    Say so\n\n    --- a/x\n    +++ b/x\n\n{SIMPLE}\ncommit 2\n"


@pytest.mark.parametrize("text", [MAIL, SHOW])
def test_prose_around_a_diff_is_skipped(text):
    """A mail with a signature, or what `git show` prints, holds exactly its patch, whatever signs its prose has."""
    assert body(one(text)) == body(one(SIMPLE))


def test_removed_lines_that_look_like_headers():
    """A removed line "-- x" reads `--- x`, an added one "++ y" reads `+++ y`; inside a hunk they are lines."""
    change = one("--- a/q.sql\n+++ b/q.sql\n@@ -1,2 +1,2 @@\n--- x\n-y\n+++ y\n+z\n")
    assert [line.text for line in change.hunks[0].lines] == ["-- x", "y", "++ y", "z"]


@pytest.mark.parametrize(
    ("hunk", "touched"),
    [
        ("@@ -1,3 +1,2 @@\n a\n-b\n c\n", [1, 2]),
        ("@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n", [2]),
        ("@@ -1,3 +1,4 @@\n a\n-b\n+B\n+C\n c\n", [2, 3]),
        ("@@ -1,2 +1,1 @@\n-a\n b\n", [1]),
        ("@@ -2 +1,0 @@\n-b\n", [1, 2]),
        ("@@ -1 +0,0 @@\n-a\n", [1]),
        ("@@ -1,5 +1,3 @@\n-a\n b\n c\n-d\n e\n", [1, 2, 3]),
    ],
)
def test_lines_around_a_gap_are_touched(hunk, touched):
    """Where lines only went, the two around the gap count; where others came in, those alone do."""
    change = one(f"--- a/x\n+++ b/x\n{hunk}")
    assert [number for numbers in change.touched for number in numbers] == touched


@given(st.binary(max_size=12))
def test_quoted_names_come_back(name):
    """A name quoted as git does, byte by byte, is the name again."""
    from fanfold.sources.text import shown

    quoted = '"' + "".join(f"\\{byte:03o}" for byte in name) + '"'
    assert unquoted(quoted) == shown(name)


def big_diff(lines):
    return f"--- a/x\n+++ b/x\n@@ -0,0 +1,{lines} @@\n" + "".join(f"+line {n}\n" for n in range(lines))


def test_a_long_hunk_costs_what_many_short_ones_cost():
    """Every line is looked at a bounded number of times: the parser's cursor only goes forward."""
    from fanfold.sources.diff import _Parser

    looks = 0

    class Counting(list[str]):
        def __getitem__(self, key):
            nonlocal looks
            looks += 1
            return super().__getitem__(key)

    for text in (big_diff(2000), "".join(f"--- a/{n}\n+++ b/{n}\n@@ -1 +1 @@\n-a\n+b\n" for n in range(400))):
        parser = _Parser(text)
        parser.lines = Counting(split_lines(text))
        looks = 0
        assert list(parser.changes())
        assert looks < 6 * len(parser.lines)


@pytest.mark.parametrize("start", ["diff --git ", "Binary files ", "Submodule ", "rename from ", "@@ -1 +1 @@"])
def test_a_long_header_is_no_trap(start):
    """A header made of hundreds of thousands of places to split at is given up on; searching it would take hours."""
    text = f"{start}{'and ' * 400_000}differ\nold mode 100644\nnew mode 100755\n"
    try:
        changes = parse_diff(text)
    except TargetError:
        changes = ()
    assert len(changes) <= 1
