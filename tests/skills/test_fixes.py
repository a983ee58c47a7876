"""Fixes of one file: what is asked for is what changes, and each can be taken back."""

import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanfold.skills.code_review.fixes import CHANGED, NOT_THERE, Fix, fixed
from fanfold.sources.edits import unified

TEXT = "".join(f"{n}\n" for n in range(1, 41))


def change(name, line, new, text=TEXT, end=None):
    """Return the fix that puts `new` in the place of a line, or of the lines up to `end`."""
    lines = text.split("\n")
    lines[line - 1 : end or line] = new.split("\n")
    fix = Fix.of(name, "x", unified("x", text, "\n".join(lines)))
    assert fix
    return fix


def after(chosen, text=TEXT, earlier=(), **options):
    return fixed(text.encode(), chosen, earlier, **options)


def test_all_fixes_of_a_file_at_once():
    """Line numbers are those of the review, however many lines the others add or remove."""
    fixes = [change("F1", 30, "thirty"), change("F2", 10, "ten\nand more\nand more"), change("F3", 11, "11", end=14)]
    made = after([*fixes, change("F4", 29, "x\ny")])
    wanted = TEXT.replace("\n10\n11\n12\n13\n14\n", "\nten\nand more\nand more\n11\n").replace("30\n", "thirty\n")
    assert made.after.decode() == wanted.replace("\n29\n", "\nx\ny\n")
    assert not made.problems
    assert set(made.patches) == {"F1", "F2", "F3", "F4"}


def test_of_two_that_overlap_the_first_is_applied():
    """The other is named, with the one that it overlaps."""
    made = after([change("F1", 10, "a", end=12), change("F2", 12, "b"), change("F3", 13, "c")])
    assert made.problems == {"F2": "it overlaps F1, which is applied"}
    assert made.after.decode() == TEXT.replace("\n10\n11\n12\n13\n", "\na\nc\n")


def test_one_after_the_other():
    """Each run starts from what the ones before it left; what is there already is said to be."""
    first, second, third = change("F1", 10, "a\nb"), change("F2", 20, "c"), change("F3", 30, "d")
    one = after([first])
    two = after([second], one.after.decode(), [first])
    assert two.after.decode() == TEXT.replace("\n10\n", "\na\nb\n").replace("\n20\n", "\nc\n")
    both = after([first, second, third], two.after.decode(), [first, second])
    assert both.present == ("F1", "F2")
    assert set(both.patches) == {"F3"}
    assert not after([first], one.after.decode(), [first]).patches


def test_what_was_taken_back_is_known_to_be_gone():
    """After `git apply -R` of one of two, the other one still stands, and both can be asked for again."""
    first, second = change("F1", 10, "a\nb"), change("F2", 20, "c")
    only_second = after([second])
    again = after([first, second], only_second.after.decode(), [first, second])
    assert again.present == ("F2",)
    assert again.after == after([first, second]).after


def test_a_file_that_has_changed_since_is_left_alone():
    """With --force the lines are looked for, and what is not found is named."""
    moved = "new\n" + TEXT.replace("30\n", "thirty\n")
    fixes = [change("F1", 10, "ten"), change("F2", 30, "30!")]
    made = after(fixes, moved)
    assert made.problems == {"F1": CHANGED, "F2": CHANGED}
    assert made.after.decode() == moved
    forced = after(fixes, moved, force=True)
    assert forced.after.decode() == moved.replace("\n10\n", "\nten\n")
    assert forced.problems == {"F2": NOT_THERE}


def test_line_endings_are_not_a_change():
    """Checked out with CRLF, the file is still what was reviewed, and stays CRLF; its byte order mark stays too."""
    text = "\ufeff" + TEXT.replace("\n", "\r\n")
    made = after([change("F1", 1, "one\nmore"), change("F2", 40, "forty")], text)
    assert made.after.decode() == text.replace("\ufeff1\r\n", "\ufeffone\r\nmore\r\n").replace("40\r\n", "forty\r\n")


@pytest.mark.parametrize("diff", [None, "", "x = 1", unified("y", "a\n", "b\n")])
def test_what_is_no_diff_of_the_file_is_no_fix(diff):
    """A record from elsewhere can't reach into another file."""
    assert Fix.of("F1", "x", diff) is None


LINES = st.lists(st.sampled_from(["a", "b", "", "é"]), min_size=3, max_size=14)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LINES, st.data(), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_git_takes_each_one_back(tmp_path, lines, data, ending, ends):
    """`git apply -R` of any patch leaves the file as it were without that fix; all, downwards, as it was.

    The steps lead from what it was to what it is.
    """
    text = ending.join(lines) + (ending if ends else "")
    fixes = []
    for number in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(lines) - 1))
        end = data.draw(st.integers(start, min(len(lines) - 1, start + 2)))
        new = data.draw(st.lists(st.sampled_from(["x", "y", ""]), min_size=1, max_size=3))
        wanted = ending.join([*lines[:start], *new, *lines[end + 1 :]]) + (ending if ends else "")
        if fix := Fix.of(f"F{number}", "x", unified("x", text, wanted)):
            fixes.append(fix)
    if not fixes:
        return
    made = after(fixes, text)
    place = tmp_path / "x"
    for name, patch in made.patches.items():
        place.write_bytes(made.after)
        _git_apply(tmp_path, patch, "-R")
        others = [fix for fix in fixes if fix.id in made.patches and fix.id != name]
        assert place.read_bytes() == (after(others, text).after if others else text.encode())
    place.write_bytes(made.after)
    for fix in sorted(fixes, key=lambda fix: fix.edit.start):
        if fix.id in made.patches:
            _git_apply(tmp_path, made.patches[fix.id], "-R")
    assert place.read_bytes() == text.encode()
    place.write_bytes(text.encode())
    _git_apply(tmp_path, "".join(made.steps))
    assert place.read_bytes() == made.after


def _git_apply(folder, patch, *options):
    command = ["git", "apply", "--whitespace=nowarn", *options, "-"]
    done = subprocess.run(command, cwd=folder, input=patch.encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode() + patch
