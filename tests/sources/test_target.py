"""Commits, branches, ranges and uncommitted work become targets."""

import os
from pathlib import Path

import pytest

from fanfold.errors import NothingToDo, TargetError
from fanfold.sources.target import resolve
from fanfold.sources.text import DECISIONS, READ_LIMIT
from fanfold.testing.repository import Repository


def at(repository, *arguments, below="", **options):
    return resolve(arguments, cwd=repository.root / below, **options)


def kinds(target):
    return {change.path: change.kind for change in target.changes}


def added(target, path):
    (change,) = (change for change in target.changes if change.path == path)
    return [line.text for hunk in change.hunks for line in hunk.lines if line.kind == "+"]


@pytest.fixture
def project(repository: Repository) -> Repository:
    """Return a repository with one commit: a.py, sub/b.py and an ignore file."""
    repository.write("a.py", "one\ntwo\nthree\n")
    repository.write("sub/b.py", "b\n")
    repository.write(".gitignore", "*.log\n")
    repository.commit("Start")
    return repository


def test_uncommitted_is_staged_unstaged_and_untracked(project):
    """Without an argument all work since the last commit counts, but for what is ignored."""
    project.write("a.py", "one\nTWO\nthree\n")
    project.write("sub/b.py", "b\nc\n")
    project.git("add", "sub/b.py")
    project.write("sub/b.py", "b\nc\nd\n")
    project.write("new.py", "n\n")
    project.write("x.log", "l\n")
    target = at(project)
    assert kinds(target) == {"a.py": "modified", "new.py": "added", "sub/b.py": "modified"}
    assert (target.paths, target.whole) == (("a.py", "new.py", "sub/b.py"), False)
    assert target.description == "uncommitted changes (3 files)"
    assert (target.base, target.head) == (project.git("rev-parse", "HEAD").strip(), None)
    assert added(target, "sub/b.py") == ["c", "d"]
    assert target.snapshot.read("sub/b.py") == "b\nc\nd\n"
    assert target.before is not None
    assert target.before.read("a.py") == "one\ntwo\nthree\n"
    assert target.before.read("new.py") is None


def test_touching(project):
    """A changed line is touched, the ones beside it are not, and a path that didn't change never is."""
    project.write("a.py", "one\nTWO\nthree\n")
    target = at(project)
    assert [target.touches("a.py", line, line) for line in (1, 2, 3)] == [False, True, False]
    assert target.touches("a.py", 1, 2)
    assert not target.touches("sub/b.py", 1, 1)


def test_a_clean_tree_is_its_last_commit(project):
    """Without an argument and without changes, the last commit is looked at, against its parent."""
    first = project.git("rev-parse", "HEAD").strip()
    project.write("a.py", "one\n")
    second = project.commit("Fix the parser")
    target = at(project)
    assert target.description == f"commit {second[:7]} Fix the parser"
    assert (target.base, target.head) == (first, second)
    assert kinds(target) == {"a.py": "modified"}
    assert target.record().model_dump() == {
        "root": str(project.root),
        "description": target.description,
        "base": first,
        "head": second,
        "shown": {"a.py": ((1, 1),)},
    }


def test_a_touched_file_is_no_change(project):
    """A file whose time stamp alone is new is not uncommitted work, and the index is not rewritten for it."""
    index = project.root / ".git/index"
    before = index.read_bytes()
    os.utime(project.root / "a.py", (1, 1))
    assert at(project).description.startswith("commit ")
    assert index.read_bytes() == before


def test_a_root_commit_is_all_new(project):
    """The first commit has no parent: everything in it is added, and there is no side before it."""
    target = at(project, "HEAD")
    assert set(kinds(target).values()) == {"added"}
    assert (target.base, target.before) == (None, None)


def test_the_whole_repository_from_a_subfolder(project):
    """Wherever one stands, changes are those of the whole repository, with paths from its top."""
    project.write("a.py", "x\n")
    target = at(project, below="sub")
    assert (kinds(target), target.root) == ({"a.py": "modified"}, project.root)


def test_a_merge_is_against_its_first_parent(project):
    """What a merge brought in is looked at, not what was there."""
    project.git("checkout", "-q", "-b", "side")
    project.write("side.py", "s\n")
    project.commit("Side")
    project.git("checkout", "-q", "main")
    project.write("main.py", "m\n")
    mine = project.commit("Main")
    project.git("merge", "-q", "--no-ff", "-m", "Merge side", "side")
    target = at(project)
    assert target.base == mine
    assert kinds(target) == {"side.py": "added"}
    assert target.description.endswith("Merge side (against its first parent)")


def test_a_commit_by_any_name(project):
    """A full id, its start, HEAD~1, a tag and `:/text` all name a commit; its change is its own."""
    first = project.git("rev-parse", "HEAD").strip()
    project.git("tag", "-a", "-m", "one", "v1")
    project.write("a.py", "x\n")
    project.commit("Second")
    for name in (first, first[:8], "HEAD~1", "v1", ":/Start", "HEAD^", "main~1"):
        assert at(project, name).head == first


def test_staged(project):
    """--staged is what the next commit will hold, not what is on disk."""
    project.write("a.py", "one\ntwo\nthree\nfour\n")
    project.git("add", "a.py")
    project.write("a.py", "something else\n")
    target = at(project, staged=True)
    assert added(target, "a.py") == ["four"]
    assert target.snapshot.read("a.py") == "one\ntwo\nthree\nfour\n"
    assert target.description == "staged changes (1 file)"
    with target.snapshot.on_disk(target.paths) as folder:
        assert folder != project.root
        assert (folder / "a.py").read_text() == "one\ntwo\nthree\nfour\n"


def test_nothing_staged_is_nothing_to_do(project):
    """An empty index change is no target."""
    project.write("a.py", "x\n")
    with pytest.raises(NothingToDo, match="staged changes: nothing changed"):
        at(project, staged=True)


@pytest.fixture
def forked(project: Repository) -> Repository:
    """Return main and a branch `feature` that both went on after it forked."""
    project.git("checkout", "-q", "-b", "feature")
    for number in (1, 2):
        project.write(f"f{number}.py", "f\n")
        project.commit(f"Feature {number}")
    project.git("checkout", "-q", "main")
    project.write("m.py", "m\n")
    project.commit("Main goes on")
    return project


def test_three_dots_start_at_the_fork(forked):
    """A...B is what B holds since it forked from A."""
    target = at(forked, "main...feature")
    assert kinds(target) == {"f1.py": "added", "f2.py": "added"}
    assert target.description == "main...feature (2 commits)"
    assert target.base == forked.git("merge-base", "main", "feature").strip()


def test_two_dots_compare_the_ends(forked):
    """A..B is the difference of the two, as `git diff` has it; an end left out is HEAD."""
    both = {"f1.py": "added", "f2.py": "added", "m.py": "deleted"}
    assert kinds(at(forked, "main..feature")) == both
    assert kinds(at(forked, "..feature")) == both
    assert kinds(at(forked, "feature...")) == {"m.py": "added"}


def test_a_branch_since_it_forked(forked):
    """A branch is what it holds since it left the default branch, whichever is checked out."""
    for name in ("feature", "heads/feature", "refs/heads/feature"):
        assert at(forked, name).description == "main...feature (2 commits)"
    forked.git("checkout", "-q", "feature")
    assert kinds(at(forked, "feature")) == {"f1.py": "added", "f2.py": "added"}


def test_head_is_its_commit_and_not_its_branch(forked):
    """HEAD on a branch means the last commit."""
    forked.git("checkout", "-q", "feature")
    assert kinds(at(forked, "HEAD")) == kinds(at(forked, "@")) == {"f2.py": "added"}


def test_the_default_branch_is_its_last_commit(forked):
    """The branch that others fork from is looked at by its last commit."""
    assert kinds(at(forked, "main")) == {"m.py": "added"}


def test_a_merged_branch_has_nothing_of_its_own(forked):
    """A branch whose commits are all in the default branch is nothing to do, and the message says what to name."""
    forked.git("merge", "-q", "-m", "Merge", "feature")
    with pytest.raises(NothingToDo, match=r"main has every commit of feature; for the last one, name it: [0-9a-f]{7}"):
        at(forked, "feature")


def test_a_branch_on_top_of_another(forked):
    """A branch whose upstream is another branch is what it holds since then."""
    forked.git("checkout", "-q", "-b", "more", "--track", "feature")
    forked.write("more.py", "m\n")
    forked.commit("More")
    assert at(forked, "more").description == "feature...more (1 commit)"


def test_the_default_branch_is_what_origin_says(forked, tmp_path):
    """Origin's HEAD names the default branch; a local copy that is behind doesn't add others' commits."""
    forked.git("branch", "-m", "main", "trunk")
    forked.git("checkout", "-q", "trunk")
    clone = Repository(tmp_path / "clone")
    forked.git("clone", "-q", str(forked.root), str(clone.root))
    for number in (1, 2):
        forked.write(f"t{number}.py", "t\n")
        forked.commit(f"Trunk {number}")
    clone.git("fetch", "-q")
    clone.git("checkout", "-q", "-b", "mine", "--no-track", "origin/trunk")
    clone.write("mine.py", "m\n")
    clone.commit("Mine")
    assert at(clone, "mine").description == "origin/trunk...mine (1 commit)"
    assert at(clone, "origin/feature").description == "trunk...origin/feature (2 commits)"
    assert kinds(at(clone, "origin/trunk")) == {"t2.py": "added"}


def test_unrelated_branches_share_nothing(forked):
    """Without a common commit there is no fork, and the message says so."""
    forked.git("checkout", "-q", "--orphan", "island")
    forked.write("island.py", "i\n")
    forked.commit("Island")
    for name in ("island", "main...island"):
        with pytest.raises(TargetError, match="share no commit"):
            at(forked, name)
    assert at(forked, "main..island").changes


def test_a_single_branch_that_is_no_default(repository):
    """Where no default branch exists, a branch is its last commit."""
    repository.git("checkout", "-q", "-b", "lonely")
    repository.write("a.py", "a\n")
    repository.commit("Only")
    assert at(repository, "lonely").description.endswith("Only")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("featur", "'featur' is no revision, file or folder here; did you mean 'feature'"),
        ("a.pi", "did you mean 'a.py'"),
        ("sub/c.py", "did you mean 'sub/b.py'"),
        ("zzzzzzzz", "'zzzzzzzz' is no revision, file or folder here$"),
        ("main..nope", "'main..nope' is no revision"),
        ("HEAD:a.py", "'HEAD:a.py' is not a commit"),
        ("HEAD^{tree}", "is not a commit"),
        ("^main", "is not a commit"),
        ("@{upstream}", "no upstream configured"),
        ("--output=x", "'--output=x' is no revision"),
        ("-x..main", "is no revision"),
        ("./nope", "'./nope' is no revision"),
        ("no\0pe", "is no revision"),
        ("", "an empty argument"),
    ],
)
def test_unknown_names(forked, name, message):
    """What stands for nothing is a TargetError of one line, with the nearest name when one is near."""
    with pytest.raises(TargetError, match=message) as caught:
        at(forked, name)
    assert "\n" not in str(caught.value)
    assert not (forked.root / "x").exists()


def test_an_option_is_a_revision_when_there_is_one(forked):
    """A branch may be called like an option of git; it is a branch."""
    forked.git("update-ref", "refs/heads/--output=x", "feature")
    assert at(forked, "--output=x").description == "main...--output=x (2 commits)"
    assert not (forked.root / "x").exists()


def test_an_ambiguous_id_is_said_to_be_ambiguous(project):
    """A short id of several objects is not taken for an unknown name."""
    for content in (b"142", b"784"):
        start = project.git("hash-object", "-w", "--stdin", stdin=content)[:4]
        assert start == "8324"
    with pytest.raises(TargetError, match="ambiguous"):
        at(project, "8324")


def test_a_path_and_a_revision_of_one_name(forked):
    """Neither is guessed: the message says how to name the path."""
    forked.write("feature", "text\n")
    with pytest.raises(TargetError, match=r"both a path and a revision: write './feature'"):
        at(forked, "feature")
    assert at(forked, "./feature").whole
    assert not at(forked, "heads/feature").whole


def test_several_arguments_are_paths(forked):
    """Two revisions are not a range, and the message says how one is written."""
    with pytest.raises(TargetError, match=r"'main' is a revision and stands alone: for two of them, write A\.\.B"):
        at(forked, "main", "feature")
    with pytest.raises(TargetError, match="'feature' is a revision and stands alone"):
        at(forked, "a.py", "feature")


def test_ways_to_name_a_target_exclude_each_other(project):
    """--staged, --diff and arguments are one or the other."""
    for options in ({"staged": True}, {"diff": "x"}):
        with pytest.raises(TargetError, match="exclude each other"):
            at(project, "main", **options)


def test_the_same_commit_on_both_sides_is_nothing(project):
    """A range without a difference is nothing to do."""
    with pytest.raises(NothingToDo, match=r"main\.\.main"):
        at(project, "main..main")
    project.commit("Empty")
    with pytest.raises(NothingToDo, match="Empty: nothing changed"):
        at(project)


def test_a_subject_can_not_move_the_cursor(project):
    """Control characters of a commit's subject don't reach the description, and it is short."""
    project.write("a.py", "x\n")
    project.commit("Fix \x1b[31m\x07 it " + "x" * 100)
    description = at(project).description
    assert description.isprintable()
    assert "Fix \ufffd[31m\ufffd it" in description
    assert len(description) < 90


# ---- odd files


def test_names_of_every_kind(project):
    """Spaces, quotes, newlines, tabs, other alphabets, backslashes and bytes that are no text come through whole."""
    names = {
        b"a b.py": "a b.py",
        b'"q".py': '"q".py',
        b"n\nl.py": "n\nl.py",
        b"t\tb.py": "t\tb.py",
        "täb ☃.py".encode(): "täb ☃.py",
        b"\xff\xfe.py": "\\xff\\xfe.py",
        b"\\xff.py": "\\x5cxff.py",
        b" lead and trail ": " lead and trail ",
        b"b/b/b": "b/b/b",
        b"-rf": "-rf",
        b":(top)x": ":(top)x",
    }
    for name in names:
        project.write(name, f"{name!r}\n")
    untracked = at(project)
    project.git("add", "-A")
    staged = at(project, staged=True)
    head = project.commit("Names")
    committed = at(project, head)
    for target in (untracked, staged, committed):
        assert sorted(kinds(target)) == sorted(names.values())
        assert target.paths == tuple(sorted(names.values()))
        for name, path in names.items():
            assert target.snapshot.read(path) == f"{name!r}\n"
            assert added(target, path) == [f"{name!r}"]
        with target.snapshot.on_disk(target.paths) as folder:
            for name in names:
                assert (folder / os.fsdecode(name)).read_text() == f"{name!r}\n"


def test_what_can_happen_to_a_file(project):
    """Renames, deletions, modes, empty files, symlinks and binary files each have their kind; text files are paths."""
    project.write("old.py", "".join(f"line {n}\n" for n in range(20)))
    project.write("gone.py", "g\n")
    project.write("tool.sh", "t\n")
    project.write("type", "t\n")
    project.write("pic.png", b"\x89PNG\0\0")
    project.write("empty-soon", "x\n")
    project.commit("Before")
    project.git("mv", "old.py", "new name.py")
    project.write("new name.py", "".join(f"line {n}\n" for n in range(1, 20)))
    (project.root / "gone.py").unlink()
    (project.root / "tool.sh").chmod(0o755)
    (project.root / "type").unlink()
    (project.root / "type").symlink_to("a.py")
    project.write("pic.png", b"\x89PNG\0\1")
    project.write("empty.py", "")
    project.write("empty-soon", "")
    (project.root / "link").symlink_to("/etc/passwd")
    worked = at(project)
    project.commit("After")
    for target in (worked, at(project)):
        assert kinds(target) == {
            "empty-soon": "modified",
            "empty.py": "added",
            "gone.py": "deleted",
            "link": "added",
            "new name.py": "renamed",
            "pic.png": "modified",
            "tool.sh": "mode",
            "type": "modified",
        }
        assert target.paths == ("empty-soon", "empty.py", "new name.py", "tool.sh")
        by_path = {change.path: change for change in target.changes}
        assert by_path["new name.py"].old_path == "old.py"
        assert by_path["pic.png"].binary
        assert (by_path["tool.sh"].old_mode, by_path["tool.sh"].new_mode) == ("100644", "100755")
        assert by_path["type"].new_mode == by_path["link"].new_mode == "120000"
        assert added(target, "link") == ["/etc/passwd"]
        assert target.notes == ("binary or too large, not looked at: pic.png",)
        assert target.snapshot.read("link") is None
        assert target.before is not None
        assert target.before.read("gone.py") == "g\n"


@pytest.mark.parametrize(
    ("content", "text", "lines"),
    [
        (b"a\r\nb\r\n", "a\r\nb\r\n", ["a\r", "b\r"]),
        (b"a\nb", "a\nb", ["a", "b"]),
        (b"caf\xe9\n", "caf\ufffd\n", ["caf\ufffd"]),
        (b"\xef\xbb\xbfa\n", "a\n", ["a"]),
        ("a\x0cb\x1cc\x85d\u2028e\rf\n".encode(), "a\x0cb\x1cc\x85d\u2028e\rf\n", ["a\x0cb\x1cc\x85d\u2028e\rf"]),
        (b"\n\n", "\n\n", ["", ""]),
    ],
)
def test_content_of_every_kind(project, content, text, lines):
    """Untracked, staged or committed, a file reads the same, and its lines in the change are its lines."""
    project.write("new.txt", content)
    untracked = at(project)
    project.git("add", "-A")
    staged = at(project, staged=True)
    project.commit("Content")
    for target in (untracked, staged, at(project)):
        assert target.snapshot.read("new.txt") == text
        assert [line.removeprefix("\ufeff") for line in added(target, "new.txt")] == lines


def test_large_files(project, monkeypatch):
    """A file beyond the limit has no lines and no text; one that is merely large counts only if git knows it."""
    project.write("huge.txt", "x" * 79 + "\n")
    project.write("large.txt", b"line\n" * 500_000)
    untracked = at(project)
    assert {change.path: change.binary for change in untracked.changes} == {"huge.txt": False, "large.txt": True}
    project.commit("Large")
    target = at(project)
    assert target.paths == ("huge.txt", "large.txt")
    assert target.changes[1].added == (range(1, 500_001),)
    project.write("huge.txt", b"x" * (READ_LIMIT + 1))
    target = at(project)
    assert target.changes[0].binary
    assert target.snapshot.read("huge.txt") is None


def test_an_attribute_can_not_hide_a_change(project):
    """A change that calls its own sources binary is shown line by line; what is binary stays so."""
    project.write("pic.png", b"\0\1")
    project.commit("Picture")
    project.write(".gitattributes", "*.py -diff\n* binary\n")
    project.write("a.py", "one\nevil\nthree\n")
    project.write("pic.png", b"\0\2")
    for name in ("e v\til.py", ":(exclude)a.py", "*.py"):
        project.write(name, "evil\n")
    worked = at(project)
    project.git("add", "-A")
    staged = at(project, staged=True)
    project.commit("Hide")
    for target in (worked, staged, at(project)):
        assert added(target, "a.py") == ["evil"]
        for name in ("e v\til.py", ":(exclude)a.py", "*.py"):
            assert added(target, name) == ["evil"]
        assert [change.path for change in target.changes if change.binary] == ["pic.png"]
        assert "a.py" in target.paths


def test_fanfold_s_own_folder_is_never_part(project):
    """.fanfold/ is left out, untracked or committed, at the top or below."""
    project.write(".fanfold/store.db", "x\n")
    project.write("sub/.fanfold/runs/1/run.json", "x\n")
    with pytest.raises(NothingToDo):
        at(project, "main..main")
    assert at(project).description.endswith("Start")
    project.write("a.py", "x\n")
    project.commit("Committed by mistake")
    target = at(project)
    assert kinds(target) == {"a.py": "modified"}
    assert target.snapshot.read(".fanfold/store.db") is None
    assert all(".fanfold" not in path for path in target.snapshot.paths())


def test_a_file_that_git_was_told_to_forget(project):
    """`git rm --cached` leaves a file that is gone and new at once; it is one change, all of it shown."""
    project.git("rm", "-q", "--cached", "a.py")
    target = at(project)
    assert kinds(target) == {"a.py": "added"}


# ---- odd repositories


def test_a_repository_without_commits(repository):
    """Everything staged and untracked is the change; there is no base."""
    repository.write("a.py", "a\n")
    repository.git("add", "a.py")
    repository.write("b.py", "b\n")
    target = at(repository)
    assert kinds(target) == {"a.py": "added", "b.py": "added"}
    assert (target.base, target.before) == (None, None)
    assert kinds(at(repository, staged=True)) == {"a.py": "added"}
    with pytest.raises(TargetError, match="'HEAD' is no revision"):
        at(repository, "HEAD")


def test_an_empty_repository(repository):
    """No commit and no file is nothing to do."""
    with pytest.raises(NothingToDo, match="no commit and no file"):
        at(repository)


def test_a_repository_of_longer_ids(tmp_path):
    """In a SHA-256 repository everything goes by its own ids, the empty tree's included."""
    repository = Repository.init(tmp_path / "long", "--object-format=sha256")
    repository.write("a.py", "a\n")
    assert kinds(at(repository)) == {"a.py": "added"}
    head = repository.commit("Long")
    assert (len(head), at(repository).head) == (64, head)
    assert at(repository, head[:9]).snapshot.read("a.py") == "a\n"


def test_a_detached_head(forked):
    """Uncommitted work and the last commit are found without a branch."""
    forked.git("checkout", "-q", "--detach", "feature~1")
    assert kinds(at(forked)) == {"f1.py": "added"}
    forked.write("a.py", "x\n")
    assert kinds(at(forked)) == {"a.py": "modified"}


def test_a_bare_repository(forked, tmp_path):
    """Commits, branches and ranges are found; what needs a working tree is refused."""
    forked.git("clone", "-q", "--bare", str(forked.root), str(tmp_path / "bare.git"))
    bare = Repository(tmp_path / "bare.git")
    assert kinds(at(bare)) == {"m.py": "added"}
    assert at(bare, "feature").description == "main...feature (2 commits)"
    with at(bare, "main..feature").snapshot.on_disk(("f1.py",)) as folder:
        assert (folder / "f1.py").read_text() == "f\n"
    for arguments, options in (((), {"staged": True}), (("HEAD",), {"staged": True})):
        with pytest.raises(TargetError):
            at(bare, *arguments, **options)
    with pytest.raises(TargetError, match="has no working tree"):
        at(bare, "refs")


def test_a_worktree(forked, tmp_path):
    """A linked working tree has its own changes."""
    forked.git("worktree", "add", "-q", str(tmp_path / "linked"), "feature")
    linked = Repository(tmp_path / "linked")
    linked.write("f1.py", "changed\n")
    target = at(linked)
    assert (kinds(target), target.root) == ({"f1.py": "modified"}, linked.root)
    assert kinds(at(forked)) == {"m.py": "added"}


def test_where_a_shallow_clone_ends(forked, tmp_path):
    """The commit at the boundary has a parent that isn't here: that is said, and not taken for a root commit."""
    forked.git("clone", "-q", "--depth=1", forked.root.as_uri(), str(tmp_path / "shallow"))
    shallow = Repository(tmp_path / "shallow")
    for arguments in ((), ("HEAD",)):
        with pytest.raises(TargetError, match=r"this shallow clone ends at [0-9a-f]{7}.*git fetch --deepen 1"):
            at(shallow, *arguments)
    shallow.write("a.py", "x\n")
    assert kinds(at(shallow)) == {"a.py": "modified"}
    shallow.commit("On top")
    assert kinds(at(shallow)) == {"a.py": "modified"}


def test_a_shallow_clone_of_a_root_commit_is_whole(project, tmp_path):
    """A commit without parents is a root commit in a shallow clone, too."""
    project.git("clone", "-q", "--depth=1", project.root.as_uri(), str(tmp_path / "shallow"))
    assert set(kinds(at(Repository(tmp_path / "shallow"))).values()) == {"added"}


def test_a_partial_clone_fetches_nothing(forked, tmp_path):
    """Content that isn't here is not fetched behind anybody's back; the message says what to do."""
    forked.git("config", "uploadpack.allowFilter", "true")
    forked.git("clone", "-q", "--filter=blob:none", "--no-checkout", forked.root.as_uri(), str(tmp_path / "partial"))
    partial = Repository(tmp_path / "partial")
    with pytest.raises(TargetError, match=r"partial clone.*git fetch first"):
        at(partial, "HEAD")


def test_a_conflict(forked):
    """In a merge that stopped, the file with its markers is a change; nothing of it is staged."""
    forked.write("f1.py", "other\n")
    forked.commit("Conflicting")
    with pytest.raises(AssertionError):
        forked.git("merge", "-q", "feature")
    target = at(forked)
    assert kinds(target) == {"f1.py": "modified", "f2.py": "added"}
    assert "<<<<<<< HEAD" in added(target, "f1.py")
    staged = at(forked, staged=True)
    assert kinds(staged) == {"f2.py": "added"}
    assert staged.notes == ("in conflict, so not staged: f1.py",)
    assert staged.snapshot.read("f1.py") is None


def test_intent_to_add(project):
    """`git add -N` makes a file part of the uncommitted changes, and of nothing staged."""
    project.write("new.py", "n\n")
    project.git("add", "-N", "new.py")
    assert added(at(project), "new.py") == ["n"]
    with pytest.raises(NothingToDo):
        at(project, staged=True)


def test_submodules(project, tmp_path):
    """A submodule that moved is a change without files; dirt inside it is its own business."""
    library = Repository.init(tmp_path / "library")
    library.write("l.py", "l\n")
    library.commit("Library")
    project.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library.root), "lib")
    project.commit("Add lib")
    inside = Repository(project.root / "lib")
    assert {change.path: change.submodule for change in at(project).changes} == {".gitmodules": False, "lib": True}
    inside.write("l.py", "dirty\n")
    assert at(project).description.endswith("Add lib")
    inside.commit("Moved")
    project.git("config", "diff.ignoreSubmodules", "all")
    project.git("config", "-f", ".gitmodules", "submodule.lib.ignore", "all")
    target = at(project)
    assert {change.path: change.submodule for change in target.changes} == {".gitmodules": False, "lib": True}
    assert target.paths == (".gitmodules",)
    assert target.notes == ("submodules, their files not looked at: lib",)
    assert kinds(at(inside)) == {"l.py": "modified"}


def test_a_repository_inside(project):
    """An untracked repository inside is named and not looked at; from within, it is the target."""
    nested = Repository.init(project.root / "vendor/nested")
    nested.write("n.py", "n\n")
    nested.commit("Nested")
    project.write("a.py", "x\n")
    target = at(project)
    assert kinds(target) == {"a.py": "modified"}
    assert target.notes == ("repositories of their own, not looked at: vendor/nested/",)
    assert kinds(at(nested)) == {"n.py": "added"}


def test_a_folder_that_is_not_there(tmp_path):
    """A working folder that doesn't exist is said to be none."""
    with pytest.raises(TargetError, match="is no folder"):
        resolve((), cwd=tmp_path / "nowhere")


def test_a_machine_without_git(project, tmp_path, monkeypatch):
    """Outside of a repository git isn't needed; inside, the message says that it is missing."""
    monkeypatch.setenv("PATH", str(tmp_path / "no-programs"))
    with pytest.raises(TargetError, match="git is not on PATH"):
        at(project)
    plain = tmp_path / "plain"
    (plain / "node_modules").mkdir(parents=True)
    (plain / "a.py").write_text("a\n")
    (plain / "node_modules/b.js").write_text("b\n")
    assert resolve((), cwd=plain).paths == ("a.py",)


def test_a_broken_repository_is_not_taken_for_a_folder(tmp_path):
    """A .git file that points nowhere is an error and not a folder to be read as a whole."""
    Path(tmp_path / "broken").mkdir()
    Path(tmp_path / "broken/.git").write_text("gitdir: /nowhere\n")
    with pytest.raises(TargetError, match="not a git repository: /nowhere"):
        resolve((), cwd=tmp_path / "broken")


def test_the_base_side_lies_under_the_names_of_the_head_side(repository):
    """A renamed file can be compared with what it was, wherever it was."""
    repository.write("old/a.py", "x = 1\n" * 20)
    repository.commit()
    repository.git("mv", "old/a.py", "b.py")
    repository.write("b.py", "x = 1\n" * 20 + "y = 2\n")
    repository.commit("Move")
    target = resolve(["HEAD"], cwd=repository.root)
    assert target.old_path("b.py") == "old/a.py"
    with target.before_on_disk() as folder:
        assert folder is not None
        assert (folder / "b.py").read_text() == "x = 1\n" * 20


def test_without_a_base_there_is_no_base_side(repository):
    """Paths as they are were never anything else."""
    repository.write("a.py", "x = 1\n")
    with resolve(["a.py"], cwd=repository.root).before_on_disk() as folder:
        assert folder is None


def test_the_file_of_decisions_is_no_change(project):
    """What fanfold keeps in the repository is not reviewed: alone it leaves the last commit, else the other files."""
    project.write(DECISIONS, "{}\n")
    assert at(project).description.startswith("commit ")
    project.write("a.py", "1\n")
    assert kinds(at(project)) == {"a.py": "modified"}
    project.git("add", DECISIONS)
    with pytest.raises(NothingToDo, match=f"nothing changed but {DECISIONS}"):
        at(project, staged=True)
    head = f"--- /dev/null\n+++ b/{DECISIONS}\n@@ -0,0 +1 @@\n+x\n"
    assert kinds(at(project, diff=f"{head}--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-0\n+1\n")) == {"a.py": "modified"}
    with pytest.raises(NothingToDo, match="nothing but"):
        at(project, diff=head)
    assert DECISIONS not in at(project, ".").paths
    assert at(project, DECISIONS).paths == (DECISIONS,)


def test_what_tools_installed_is_nobodys_change(repository):
    """An environment, dependencies and caches that nobody tracks and no ignore file names: named, and not looked at."""
    for path in (
        "env/pyvenv.cfg",
        "env/lib/site.py",
        "web/node_modules/x/index.js",
        "__pycache__/a.pyc",
        "pyvenv/b.py",
    ):
        repository.write(path, "x = 1\n")
    target = resolve([], cwd=repository.root)
    assert target.paths == ("pyvenv/b.py",)
    assert target.notes == ("installed by tools and not tracked, not looked at: __pycache__/, env/, web/node_modules/",)
    assert "env/lib/site.py" not in target.snapshot.paths()
    repository.commit("somebody tracks them")
    assert "env/lib/site.py" in resolve(["HEAD"], cwd=repository.root).paths
