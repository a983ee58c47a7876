"""Files at a revision: read the same from disk, index and commit, and never through a way out."""

import os
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.sources import snapshot as snapshot_module
from fanfold.sources.files import folder_files, load, repository_files, state
from fanfold.sources.git import Git
from fanfold.sources.snapshot import Revision, TextCache, WorkingTree
from fanfold.sources.text import (
    READ_LIMIT,
    comparable,
    decode,
    is_inside,
    printable,
    real,
    shown,
    shown_all,
    split_lines,
)
from fanfold.testing.repository import Repository


def git_of(repository: Repository) -> Git:
    git = Git.at(repository.root)
    assert git is not None
    return git


@pytest.fixture
def project(repository: Repository) -> Repository:
    repository.write("a.py", "a\n")
    repository.write("sub/tool.sh", "#!/bin/sh\n").chmod(0o755)
    repository.write("pic.png", b"\0\1")
    (repository.root / "link").symlink_to("a.py")
    (repository.root / "away").symlink_to("/etc")
    repository.commit("Files")
    return repository


def every_snapshot(repository):
    git = git_of(repository)
    tree = WorkingTree(git.folder, lambda: repository_files(git))
    return {"disk": tree, "index": Revision.of_index(git), "commit": Revision.of_commit(git, "HEAD")}


@pytest.mark.parametrize("which", ["disk", "index", "commit"])
def test_what_can_be_read(project, which):
    """Text files have text; symlinks, binary files, folders, missing files and ways out have none."""
    snapshot = every_snapshot(project)[which]
    assert snapshot.paths() == ("a.py", "pic.png", "sub/tool.sh")
    assert snapshot.read("a.py") == "a\n"
    for path in ("link", "away/passwd", "pic.png", "sub", "nope", "", ".", "..", "../project/a.py", "/etc/passwd",
                 ".git/config", "sub/../a.py", "sub//tool.sh", "a.py/", "\ud800", "a\0b", "x" * 5000):  # fmt: skip
        assert snapshot.read(path) is None


@pytest.mark.parametrize("which", ["disk", "index", "commit"])
def test_on_disk(project, which):
    """Asked files lie in the folder with their content and mode; symlinks and unknown paths are left out."""
    snapshot = every_snapshot(project)[which]
    with snapshot.on_disk(["a.py", "sub/tool.sh", "pic.png", "link", "nope", "../x"]) as folder:
        assert (folder / "a.py").read_text() == "a\n"
        assert (folder / "pic.png").read_bytes() == b"\0\1"
        assert os.access(folder / "sub/tool.sh", os.X_OK)
        assert not os.access(folder / "a.py", os.X_OK) or os.geteuid() == 0
        if which != "disk":
            assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == ["a.py", "pic.png", "tool.sh"]
    assert folder.exists() == (which == "disk")


def test_the_index_is_as_it_was(project):
    """What is staged later doesn't change a snapshot of the index."""
    snapshot = Revision.of_index(git_of(project))
    project.write("a.py", "later\n")
    project.git("add", "a.py")
    assert snapshot.read("a.py") == "a\n"


def test_a_file_stays_as_it_was_read(project):
    """A file that changes while it is looked at is seen in one state."""
    snapshot = every_snapshot(project)["disk"]
    assert snapshot.read("a.py") == "a\n"
    project.write("a.py", "later\n")
    assert snapshot.read("a.py") == "a\n"


def test_what_is_no_file_is_not_waited_for(project, monkeypatch):
    """A pipe, a socket, a device and a symlink that points at itself are no files and block nothing."""
    os.mkfifo(project.root / "pipe")
    (project.root / "loop").symlink_to("loop")
    monkeypatch.chdir(project.root)  # a socket's name is short
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("socket")
    listener.close()
    snapshot = every_snapshot(project)["disk"]
    for name in ("pipe", "loop", "socket"):
        assert snapshot.read(name) is None
        assert state(project.root, name, READ_LIMIT) == "special"
        assert name not in snapshot.paths()
    assert load(Path("/dev"), "zero") is None


def test_a_file_beyond_the_limit_is_not_read(project):
    """The limit holds for files on disk and for blobs, to the byte."""
    project.write("fits.txt", b"x" * READ_LIMIT)
    project.write("beyond.txt", b"x" * (READ_LIMIT + 1))
    project.commit("Large")
    for snapshot in every_snapshot(project).values():
        assert len(snapshot.read("fits.txt") or "") == READ_LIMIT
        assert snapshot.read("beyond.txt") is None
    with every_snapshot(project)["commit"].on_disk(["fits.txt", "beyond.txt"]) as folder:
        assert [path.name for path in folder.iterdir()] == ["fits.txt"]


def test_likely_files_are_read_together(project, monkeypatch):
    """The first read of a likely file brings the others; a batch is bounded, and all files come in the end."""
    names = [f"n{number:03}.txt" for number in range(60)]
    for name in names:
        project.write(name, f"{name}\n" * 10)
    project.write("copy.txt", f"{names[0]}\n" * 10)
    project.commit("Many")
    calls = []
    run = Git.run

    def counting(self, *arguments, **options):
        calls.append(arguments)
        return run(self, *arguments, **options)

    monkeypatch.setattr(Git, "run", counting)
    snapshot = Revision.of_commit(git_of(project), "HEAD", names)
    assert [snapshot.read(name) for name in [*names, "copy.txt"]] == [f"{name}\n" * 10 for name in [*names, names[0]]]
    assert sum(arguments[0] == "cat-file" for arguments in calls) == 4
    monkeypatch.setattr(snapshot_module, "_BATCH", 1000)
    with Revision.of_commit(git_of(project), "HEAD").on_disk(names) as folder:
        assert sorted(path.name for path in folder.iterdir()) == names


def test_the_cache_is_bounded():
    """Beyond the limit the text that was used longest ago goes; a text larger than the limit is still given."""
    loads = []

    def load_text(path):
        loads.append(path)
        return {path: "x" * 4}

    cache = TextCache(limit=10)
    for path in ("a", "b", "a", "c", "a", "b"):
        assert cache.get(path, load_text) == "xxxx"
    assert loads == ["a", "b", "c", "b"]
    assert cache.get("huge", lambda path: {path: "y" * 100}) == "y" * 100
    assert "huge" in cache
    assert "b" not in cache
    assert cache.get("none", lambda _: {}) is None


def test_a_snapshot_serves_threads(project):
    """Readers in several threads get the text that a single one gets."""
    for number in range(40):
        project.write(f"{number}.txt", f"{number}\n")
    project.commit("Many")
    for snapshot in every_snapshot(project).values():
        with ThreadPoolExecutor(8) as pool:
            texts = list(pool.map(snapshot.read, [f"{number % 40}.txt" for number in range(200)]))
        assert texts == [f"{number % 40}\n" for number in range(200)]


# ---- folders


def test_a_folder_is_listed_by_its_ignore_files(tmp_path):
    """Nested ignore files, negations and all, count in a folder without git; caches and dependencies are left out."""
    folder = tmp_path / "plain"
    for path in ("a.py", "b.log", "sub/c.py", "sub/keep.log", "sub/d.tmp", "node_modules/x.js", "deep/.venv/y.py",
                 "sp ace/ü.py", ".hidden/z.py", ".fanfold/store.db"):  # fmt: skip
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("x\n")
    (folder / ".gitignore").write_text("*.log\n")
    (folder / "sub/.gitignore").write_text("*.tmp\n!keep.log\n")
    (folder / "link.py").symlink_to("a.py")
    assert folder_files(folder) == (
        ".gitignore", ".hidden/z.py", "a.py", "sp ace/ü.py", "sub/.gitignore", "sub/c.py", "sub/keep.log"
    )  # fmt: skip
    assert not (folder / ".git").exists()


def test_repositories_in_a_folder_are_listed_by_their_own_rules(tmp_path):
    """A folder of several repositories is all their files, ignored ones aside, also of one that git refuses."""
    one = Repository.init(tmp_path / "one")
    one.write("a.py", "a\n")
    one.commit("One")
    one.write("b.py", "b\n")
    one.write(".git/info/exclude", "c.py\n")
    one.write("c.py", "c\n")
    two = Repository.init(tmp_path / "deep/two")
    two.write("d.py", "d\n")
    two.write("e.log", "e\n")
    two.write(".gitignore", "*.log\n")
    two.git("config", "core.worktree", "/")
    (tmp_path / "e.py").write_text("e\n")
    assert folder_files(tmp_path) == ("deep/two/.gitignore", "deep/two/d.py", "e.py", "one/a.py", "one/b.py")
    assert folder_files(tmp_path, "one") == ("one/a.py", "one/b.py")


# ---- text


@given(st.binary(max_size=20))
def test_every_name_can_be_shown_and_found_again(name):
    """Showing a file name loses nothing, gives clean text, and leaves a name of text without escapes as it is."""
    text = shown(name)
    assert real(text) == name
    assert text.encode().decode() == text


@given(st.text(max_size=20))
def test_a_name_of_text_is_shown_as_it_is(name):
    """Only a backslash that would read as an escape is itself escaped."""
    encoded = name.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    assert shown(encoded.encode()) == encoded or "\\x" in encoded


@given(st.binary(max_size=40))
def test_decoding_keeps_lines(data):
    """Content that is text has as many line feeds as its bytes have, wherever undecodable bytes stand."""
    text = decode(data)
    assert text is None if b"\0" in data else text is not None and text.count("\n") == data.count(b"\n")


@given(st.text(st.sampled_from("ab\r\n\f\u2028"), max_size=20))
def test_lines_join_to_their_text(text):
    """Splitting ends lines at line feeds alone, and nothing is lost."""
    assert "\n".join(split_lines(text)) == text.removesuffix("\n")


def test_small_rules_of_text():
    """Line ends and marks don't count when comparing; paths that leave are told; a message is one printable line."""
    assert comparable("\ufeffa\r") == "a"
    assert [is_inside(path) for path in ("a", "a/b", "...", "a/..", "/a", "", "a//b", ".git/x", "x/.GiT", "a\0")] == [
        True, True, True, False, False, False, False, False, False, False,
    ]  # fmt: skip
    assert printable(" a\n\x1b[0m\u202eb ") == "a \ufffd[0m\ufffdb"


@given(st.lists(st.binary().map(lambda name: name.replace(b"\0", b"\\x"))))
def test_names_are_shown_at_once_as_one_by_one(names):
    """Whatever bytes they are, and if there is none."""
    assert shown_all(names) == [shown(name) for name in names]
