"""The text of a diff becomes a target, with the files behind it as far as they can be known."""

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.errors import NothingToDo, TargetError
from fanfold.sources.diff import parse_diff
from fanfold.sources.patched import applied, fragments
from fanfold.sources.snapshot import WorkingTree
from fanfold.sources.target import resolve
from fanfold.sources.text import READ_LIMIT
from fanfold.testing.repository import Repository

OLD = "".join(f"line {number}\n" for number in range(1, 41))
NEW = OLD.replace("line 5\n", "LINE 5\n").replace("line 30\n", "line 30\nmore\n")


@pytest.fixture
def project(repository: Repository) -> Repository:
    """Return a repository whose branch `work` changes, adds, deletes and renames; `main` is checked out."""
    repository.write("a.py", OLD)
    repository.write("gone.py", "g\n")
    repository.write("old.py", OLD.upper())
    repository.write("kept.py", "k\n")
    repository.commit("Start")
    repository.git("checkout", "-q", "-b", "work")
    repository.write("a.py", NEW)
    repository.write("new.py", "n\nm")
    repository.git("rm", "-q", "gone.py")
    repository.git("mv", "old.py", "sub.py")
    repository.commit("Work")
    repository.git("checkout", "-q", "main")
    return repository


def patch(repository, *options):
    return repository.git("diff", *options, "main", "work")


def of(repository, text, below=""):
    return resolve((), cwd=repository.root / below, diff=text)


def kinds(target):
    return {change.path: change.kind for change in target.changes}


@pytest.mark.parametrize("side", ["main", "work"])
def test_the_tree_may_stand_on_either_side(project, side):
    """Whether the diff is applied already or not, the files after it are known whole, with all others."""
    project.git("checkout", "-q", side)
    target = of(project, patch(project))
    assert kinds(target) == {"a.py": "modified", "gone.py": "deleted", "new.py": "added", "sub.py": "renamed"}
    assert target.paths == ("a.py", "new.py", "sub.py")
    assert (target.description, target.base, target.head, target.before) == ("a diff of 4 files", None, None, None)
    assert (target.whole, target.notes, target.root) == (False, (), project.root)
    read = target.snapshot.read
    assert (read("a.py"), read("new.py"), read("sub.py"), read("kept.py")) == (NEW, "n\nm", OLD.upper(), "k\n")
    assert (read("gone.py"), read("old.py")) == (None, None)
    assert target.snapshot.paths() == ("a.py", "kept.py", "new.py", "sub.py")
    assert isinstance(target.snapshot, WorkingTree) == (side == "work")
    with target.snapshot.on_disk(target.paths) as folder:
        assert (folder / "a.py").read_text() == NEW
        assert (folder / "sub.py").read_text() == OLD.upper()


def test_a_tree_at_another_state(project):
    """A file that fits neither side is known in fragments, each line at its number, and no analyzer gets it."""
    text = patch(project)
    project.write("a.py", "something else\n")
    target = of(project, text)
    assert target.notes == ("not on disk as the diff has them, so known in fragments only: a.py",)
    lines = (target.snapshot.read("a.py") or "").split("\n")
    assert (lines[4], lines[30], lines[15]) == ("LINE 5", "more", "")
    assert target.snapshot.read("new.py") == "n\nm"
    assert target.snapshot.read("kept.py") is None, "the tree is at another state, so this may be, too"
    assert target.snapshot.paths() == ("a.py", "new.py", "sub.py")
    with target.snapshot.on_disk(target.paths) as folder:
        assert sorted(path.name for path in folder.iterdir()) == ["new.py", "sub.py"]
    assert target.touches("a.py", 31, 31)


def test_a_diff_without_context(project):
    """Added lines alone show that they are there; removed lines alone show that they aren't gone yet."""
    project.git("checkout", "-q", "work")
    assert isinstance(of(project, patch(project, "-U0")).snapshot, WorkingTree)
    project.git("checkout", "-q", "main")
    assert of(project, patch(project, "-U0")).snapshot.read("a.py") == NEW
    removal = "--- a/a.py\n+++ b/a.py\n@@ -5 +4,0 @@\n-line 5\n"
    assert of(project, removal).snapshot.read("a.py") == OLD.replace("line 5\n", "")
    project.write("a.py", OLD.replace("line 5\n", ""))
    assert of(project, removal).snapshot.read("a.py") == OLD.replace("line 5\n", "")


@pytest.mark.parametrize("after", ["".join(OLD.splitlines(keepends=True)[:-5]), OLD + "more\n", "first\n" + OLD, ""])
def test_changes_at_an_end(project, after):
    """Lines that go from an end, or come to one, leave context that fits both sides; the side is still told."""
    project.git("checkout", "-q", "-b", "end")
    project.write("a.py", after)
    text = project.git("diff")
    assert isinstance(of(project, text).snapshot, WorkingTree)
    project.write("a.py", OLD)
    target = of(project, text)
    assert not isinstance(target.snapshot, WorkingTree)
    assert target.snapshot.read("a.py") == after


def test_a_byte_order_mark_is_no_text(project):
    """A mark that is in the hunk and in the file is in no text, as in every other snapshot."""
    project.write("bom.py", "\ufeffone\n")
    project.commit("Mark")
    project.write("bom.py", "\ufeffONE\n")
    project.write("new.py", "\ufeffnew\n")
    project.git("add", "-N", "new.py")
    text = project.git("diff")
    project.git("rm", "-q", "--cached", "new.py")
    (project.root / "new.py").unlink()
    project.git("checkout", "-q", "bom.py")
    target = of(project, text)
    assert (target.snapshot.read("bom.py"), target.snapshot.read("new.py")) == ("ONE\n", "new\n")


def test_a_symlink_fits_every_tree(project):
    """A symlink has no text that could agree or not; it doesn't keep the other files from being known."""
    (project.root / "kept.py").unlink()
    (project.root / "kept.py").symlink_to("a.py")
    project.write("a.py", NEW)
    text = project.git("diff")
    assert isinstance(of(project, text).snapshot, WorkingTree)
    project.git("checkout", "-q", ".")
    target = of(project, text)
    assert (target.snapshot.read("a.py"), target.snapshot.read("kept.py")) == (NEW, None)


def test_line_ends_and_marks_do_not_matter(project):
    """A checkout with Windows line ends, or with a byte order mark, fits a diff without them."""
    project.git("checkout", "-q", "work")
    text = patch(project)
    project.write("a.py", b"\xef\xbb\xbf" + NEW.replace("\n", "\r\n").encode())
    assert isinstance(of(project, text).snapshot, WorkingTree)


def test_from_a_subfolder(project):
    """Names from the repository's top are found from anywhere; names that fit only where one stands are its."""
    project.write("pkg/mod.py", "x\n")
    project.commit("Package")
    relative = "--- mod.py\n+++ mod.py\n@@ -1 +1 @@\n-w\n+x\n"
    target = of(project, relative, below="pkg")
    assert (target.paths, target.root) == (("pkg/mod.py",), project.root)
    assert kinds(of(project, patch(project), below="pkg")).keys() >= {"a.py", "new.py"}
    assert of(project, relative.replace("mod.py", "kept.py"), below="pkg").paths == ("kept.py",)


def test_outside_of_a_repository(tmp_path):
    """A diff needs no repository; its names are relative to the folder one stands in."""
    (tmp_path / "a.py").write_text("x\n")
    target = resolve((), cwd=tmp_path, diff="--- a.py.orig\n+++ a.py\n@@ -1 +1 @@\n-w\n+x\n")
    assert (target.paths, target.root, target.snapshot.paths()) == (("a.py",), tmp_path, ("a.py",))


def test_odd_changes_in_a_diff(project):
    """Binary files, modes, symlinks and submodules have no text after the diff, and that is said."""
    target = of(
        project,
        "diff --git a/p.png b/p.png\nindex 1..2 100644\nBinary files a/p.png and b/p.png differ\n"
        "diff --git a/kept.py b/kept.py\nold mode 100644\nnew mode 100755\n"
        "diff --git a/l b/l\nnew file mode 120000\nindex 0..1\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+a.py\n"
        "\\ No newline at end of file\n"
        "diff --git a/s b/s\nindex 1..2 160000\n--- a/s\n+++ b/s\n@@ -1 +1 @@\n"
        "-Subproject commit 1\n+Subproject commit 2\n"
        "diff --git a/.fanfold/x b/.fanfold/x\nold mode 100644\nnew mode 100755\n",
    )
    assert kinds(target) == {"kept.py": "mode", "l": "added", "p.png": "modified", "s": "modified"}
    assert target.paths == ("kept.py",)
    assert [target.snapshot.read(path) for path in ("l", "p.png", "s")] == [None, None, None]
    assert target.notes == (
        "binary or too large, not looked at: p.png",
        "submodules, their files not looked at: s",
    )


@pytest.mark.parametrize("text", ["", "\n \n", "--- a/.fanfold/x\n+++ b/.fanfold/x\n@@ -1 +1 @@\n-a\n+b\n"])
def test_an_empty_diff_is_nothing_to_do(project, text):
    """Nothing at all, or nothing but fanfold's own files, is nothing to do."""
    with pytest.raises(NothingToDo, match="the diff is empty"):
        of(project, text)


def test_a_text_without_a_diff(project):
    """Some other text is an error and not an empty target."""
    with pytest.raises(TargetError, match="is it a unified diff"):
        of(project, "Dear all,\n")


def test_a_diff_with_surrogates(project):
    """Text that was decoded with surrogateescape is taken, and nothing behind it holds a surrogate."""
    target = of(project, "--- a/x\udcff\n+++ b/x\udcff\n@@ -0,0 +1 @@\n+caf\udce9\n")
    assert target.changes[0].hunks[0].lines[0].text.encode()
    assert target.paths[0].encode()


def test_a_diff_can_not_reach_out(project):
    """A symlink on disk doesn't let a diff look at what lies behind it."""
    (project.root / "away").symlink_to("/etc")
    target = of(project, "--- a/away/hostname\n+++ b/away/hostname\n@@ -1 +1 @@\n-a\n+b\n")
    assert target.snapshot.read("away/hostname") == "b\n"
    with pytest.raises(TargetError, match="leads out of the project"):
        of(project, "--- a/../x\n+++ b/../x\n@@ -1 +1 @@\n-a\n+b\n")


LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\n"]), max_size=12)


@given(LINES, LINES, st.integers(0, 3))
def test_fragments_keep_numbers(old, new, context):
    """Every known line stands at its number, and what isn't known is empty."""
    for change in parse_diff("".join(difflib.unified_diff(old, new, "a/x", "b/x", n=context))):
        known = {line.new: line.text for hunk in change.hunks for line in hunk.lines if line.new}
        lines = (fragments(change.hunks) or "").split("\n")
        assert [known.get(number, "") for number in range(1, len(lines) + 1)] == lines


@given(st.text(st.sampled_from("ab\n"), max_size=12), st.text(st.sampled_from("ab\n"), max_size=12))
def test_the_last_newline_is_applied(old, new):
    """A diff with git's marker of a missing last newline, applied, gives the new text to the last character."""
    lines = difflib.unified_diff(old.splitlines(keepends=True), new.splitlines(keepends=True), "a/x", "b/x")
    text = "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
    for change in parse_diff(text):
        assert applied(old, change.hunks) == new


def test_a_line_number_can_not_fill_the_memory():
    """A hunk that claims to stand at line 999,999,999 has no text around it."""
    (change,) = parse_diff("--- a/x\n+++ b/x\n@@ -1 +999999999 @@\n-a\n+b\n")
    assert fragments(change.hunks) is None
    (change,) = parse_diff(f"--- a/x\n+++ b/x\n@@ -1 +{READ_LIMIT + 1} @@\n-a\n+b\n")
    assert fragments(change.hunks) is None
