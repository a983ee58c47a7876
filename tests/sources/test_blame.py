"""Blame tells what moved and where lines are from, and runs nothing that the repository names."""

import pytest

from fanfold.errors import TargetError
from fanfold.sources.blame import blame, carried_over, commits_of_lines, time_of_line
from fanfold.sources.git import Git
from fanfold.testing.repository import Repository

MOVED = "".join(f"def function_{number}():\n    return compute({number})\n\n\n" for number in range(8))


def git_of(repository: Repository) -> Git:
    git = Git.at(repository.root)
    assert git is not None
    return git


@pytest.mark.parametrize("committed", [True, False])
def test_moved_lines_are_carried_over(repository, committed):
    """Lines that only went to another file were there before; new ones were not."""
    repository.write("a.py", MOVED)
    base = repository.commit("Before")
    repository.write("a.py", "")
    repository.write("b.py", f"fresh = True\n{MOVED}")
    repository.git("add", "--all")
    head = repository.commit("After") if committed else None
    carried = carried_over(git_of(repository), base, head, "b.py")
    assert 1 not in carried
    assert set(range(2, 30)) <= carried


def test_lines_and_their_commits(repository):
    """Each line has its commit, and one of a text that isn't committed has zeros."""
    repository.write("a.py", "one\n")
    first = repository.commit("First")
    repository.write("a.py", "one\ntwo\n")
    second = repository.commit("Second")
    git = git_of(repository)
    assert commits_of_lines(blame(git, "a.py", second)) == {1: first, 2: second}
    assert commits_of_lines(blame(git, "a.py", text="one\nthree\n")) == {1: first, 2: "0" * 40}


def test_neither_converters_nor_filters_of_the_repository_run(repository, tmp_path):
    """Blame by itself runs the text converter that a hostile configuration names for a file."""
    ran = tmp_path / "ran"
    repository.write(".gitattributes", "* diff=evil filter=evil\n")
    repository.write("a.py", "one\n")
    base = repository.commit("First")
    repository.write("a.py", "one\ntwo\n")
    for name in ("diff.evil.textconv", "filter.evil.clean", "filter.evil.process"):
        repository.git("config", name, f"touch {ran}; cat")
    git = git_of(repository)
    assert carried_over(git, base, None, "a.py") == {1}
    blame(git, "a.py", text="one\n")
    blame(git, "a.py", base)
    assert not ran.exists()


def test_when_a_line_last_changed(repository):
    """The time of its commit; of one that isn't committed, or isn't there, nobody knows."""
    repository.write("a.py", "one\ntwo\n")
    repository.commit("First")
    repository.write("a.py", "one\nthree\n")
    git = git_of(repository)
    told = float(repository.git("log", "-1", "--format=%ct").strip())
    assert time_of_line(git, "a.py", 1) == told
    assert time_of_line(git, "a.py", 2) is None
    with pytest.raises(TargetError):
        time_of_line(git, "a.py", 9)
