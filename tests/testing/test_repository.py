"""Test repositories are the same everywhere and touch nothing of the developer's."""

import pytest

from fanfold.testing.repository import Repository


def test_commits_never_vary(tmp_path, monkeypatch):
    """The same writes and commits give the same ids, whatever the environment says of identity, dates and settings."""
    heads = []
    for name in ("one", "two"):
        repository = Repository.init(tmp_path / name)
        repository.write("a.py", "x = 1\n")
        repository.write(b"sub/\xff.py", b"\r\n")
        heads.append([repository.commit("First"), repository.commit("Second")])
        monkeypatch.setenv("GIT_AUTHOR_NAME", "Somebody")
        monkeypatch.setenv("GIT_COMMITTER_DATE", "2001-01-01T00:00:00Z")
        monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
        (tmp_path / "config").write_text("[commit]\n\tgpgSign = true\n[core]\n\tautocrlf = true\n")
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    assert heads[0] == heads[1]
    assert heads[0][0] != heads[0][1]


def test_a_failure_says_what_git_said(tmp_path):
    """A command that fails is an assertion with git's own words."""
    with pytest.raises(AssertionError, match=r"git checkout nowhere: error: pathspec 'nowhere'"):
        Repository.init(tmp_path).git("checkout", "nowhere")
