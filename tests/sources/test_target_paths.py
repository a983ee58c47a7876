"""Named files and folders become targets that are looked at as a whole."""

import os
from pathlib import Path

import pytest

from fanfold.errors import NothingToDo, TargetError
from fanfold.sources.target import resolve
from fanfold.testing.repository import Repository


@pytest.fixture
def project(repository: Repository) -> Repository:
    repository.write("a.py", "a\n")
    repository.write("src/b.py", "b\n")
    repository.write("src/deep/c.py", "c\n")
    repository.write("src/pic.png", b"\0")
    repository.write(".gitignore", "build/\n*.log\n")
    repository.commit("Start")
    repository.write("src/new.py", "n\n")
    repository.write("src/x.log", "l\n")
    repository.write("build/out.py", "o\n")
    return repository


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    folder = tmp_path / "plain"
    for path in ("a.py", "sub/b.py", "sub/c.log", "other/d.py"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(f"{path}\n")
    (folder / ".gitignore").write_text("*.log\n")
    return folder


@pytest.mark.parametrize(
    ("names", "below", "paths", "description"),
    [
        (["src"], "", ("src/b.py", "src/deep/c.py", "src/new.py"), "src (3 files)"),
        (["src/"], "", ("src/b.py", "src/deep/c.py", "src/new.py"), "src/ (3 files)"),
        (["."], "src/deep", ("src/deep/c.py",), ". (1 file)"),
        (["../b.py"], "src/deep", ("src/b.py",), "../b.py"),
        (["a.py", "src/deep"], "", ("a.py", "src/deep/c.py"), "a.py, src/deep (2 files)"),
        (["src/x.log"], "", ("src/x.log",), "src/x.log"),
        (["build"], "", ("build/out.py",), "build (1 file)"),
        (["src", "src/b.py", "src/b.py"], "src/..", ("src/b.py", "src/deep/c.py", "src/new.py"), None),
        (["a.py", "src/b.py", "src/new.py", "src/deep"], "", None, "a.py, src/b.py, src/new.py and 1 more (4 files)"),
    ],
)  # fmt: skip
def test_paths_in_a_repository(project, names, below, paths, description):
    """Files below a folder honour ignore files, tracked or not; what is named itself counts in any case."""
    target = resolve(names, cwd=project.root / below)
    assert target.root == project.root
    assert paths is None or target.paths == paths
    assert description is None or target.description == description
    assert (target.whole, target.changes, target.base, target.head, target.before) == (True, (), None, None, None)
    assert all(target.snapshot.read(path) for path in target.paths)
    assert target.touches(target.paths[0], 1, 1)


def test_the_snapshot_is_the_whole_repository(project):
    """What is not under review can still be read for context."""
    target = resolve(["src/deep"], cwd=project.root)
    assert target.snapshot.read("a.py") == "a\n"
    assert set(target.snapshot.paths()) == {
        ".gitignore", "a.py", "src/b.py", "src/deep/c.py", "src/new.py", "src/pic.png"
    }  # fmt: skip


def test_a_folder_outside_of_a_repository(plain):
    """Without an argument and without a repository, the folder is the target, by its ignore files."""
    target = resolve((), cwd=plain)
    assert target.paths == (".gitignore", "a.py", "other/d.py", "sub/b.py")
    assert (target.description, target.whole, target.root) == ("folder plain (4 files)", True, plain)
    assert target.snapshot.paths() == target.paths


def test_paths_outside_of_a_repository(plain):
    """The root is the folder one stands in, or what the paths share when they lie elsewhere."""
    target = resolve(["sub", "a.py"], cwd=plain)
    assert (target.root, target.paths) == (plain, ("a.py", "sub/b.py"))
    target = resolve(["../a.py", "../other"], cwd=plain / "sub")
    assert (target.root, target.paths) == (plain, ("a.py", "other/d.py"))
    target = resolve([str(plain / "sub/c.log")], cwd=plain / "other")
    assert (target.root, target.paths, target.snapshot.paths()) == (plain / "sub", ("c.log",), ("c.log",))


def test_paths_in_two_repositories(tmp_path):
    """Each is listed by its own rules, below the folder that they share."""
    for name in ("one", "two"):
        repository = Repository.init(tmp_path / name)
        repository.write("a.py", "a\n")
        repository.write("b.log", "b\n")
        repository.write(".gitignore", "*.log\n")
    target = resolve(["one", "two/a.py"], cwd=tmp_path)
    assert (target.root, target.paths) == (tmp_path, ("one/.gitignore", "one/a.py", "two/a.py"))
    assert resolve(["../two"], cwd=tmp_path / "one").root == tmp_path / "two"


def test_a_machine_or_a_home_is_too_wide(plain, monkeypatch):
    """Everything on a machine or in a home folder is no target, nor is a root that would open it to sub-agents."""
    monkeypatch.setenv("HOME", str(plain))
    for arguments, cwd in (((), plain), ((".",), plain), (("/",), plain), ((), Path("/"))):
        with pytest.raises(TargetError, match="name folders inside it"):
            resolve(arguments, cwd=cwd)
    with pytest.raises(TargetError, match="name folders inside it"):
        resolve([str(plain / "sub"), "/etc/passwd"], cwd=plain)
    assert resolve(["sub"], cwd=plain).root == plain / "sub"
    assert resolve(["sub", "other"], cwd=plain).paths == ("other/d.py", "sub/b.py")


def test_a_symlink_stands_for_what_it_points_to(plain):
    """A named symlink is followed once, as its name was given by a person."""
    (plain / "link.py").symlink_to("sub/b.py")
    (plain / "folder").symlink_to("other")
    assert resolve(["link.py", "folder"], cwd=plain).paths == ("other/d.py", "sub/b.py")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("b.py", "there is no file 'b.py' here, and it can't be a revision outside of a git repository"),
        ("sub/bb.py", "did you mean 'sub/b.py'"),
        ("main", "can't be a revision outside of a git repository"),
        ("loop", "can't read 'loop'"),
        ("a.py/x", "there is no file"),
        ("/etc/nowhere-at-all", "there is no file"),
        ("../plain/b.py", "did you mean '../plain/a.py'"),
        ("x" * 5000 + "/y", "there is no file"),
        ("a\0b", "there is no file"),
        ("dangling", "can't read 'dangling': No such file"),
    ],
)
def test_names_that_are_no_files(plain, name, message):
    """Outside of a repository a name is a path or nothing."""
    (plain / "loop").symlink_to("loop")
    (plain / "dangling").symlink_to("nowhere")
    with pytest.raises(TargetError, match=message):
        resolve([name], cwd=plain)


def test_what_is_no_text_is_left_out(project):
    """A named file that is no text is left out with a note, and alone it is nothing to do."""
    os.mkfifo(project.root / "pipe")
    target = resolve(["src/pic.png", "a.py", "pipe"], cwd=project.root)
    assert target.paths == ("a.py",)
    assert target.notes == ("not looked at: pipe is no regular file, src/pic.png is binary",)
    with pytest.raises(NothingToDo, match=r"no text file in src/pic\.png; not looked at: src/pic\.png is binary"):
        resolve(["src/pic.png"], cwd=project.root)


def test_an_empty_folder(plain):
    """A folder without text files is nothing to do."""
    (plain / "empty").mkdir()
    with pytest.raises(NothingToDo, match="no text file in empty"):
        resolve(["empty"], cwd=plain)
    with pytest.raises(NothingToDo, match="no text file in"):
        resolve((), cwd=plain / "empty")


def test_fanfold_s_own_folder_can_not_be_named(project):
    """.fanfold/ is never looked at, not even by name."""
    project.write(".fanfold/store.db", "x\n")
    with pytest.raises(NothingToDo):
        resolve([".fanfold"], cwd=project.root)
    with pytest.raises(NothingToDo):
        resolve([".fanfold/store.db"], cwd=project.root)


def test_large_files_of_a_folder(project):
    """A large file is left out of a folder and taken when it is named."""
    project.write("src/large.txt", b"line\n" * 500_000)
    assert "src/large.txt" not in resolve(["src"], cwd=project.root).paths
    assert resolve(["src/large.txt"], cwd=project.root).paths == ("src/large.txt",)


def test_a_file_that_can_not_be_read(project, monkeypatch):
    """A named file without permission is an error; in a folder it is left out, and that is said."""
    real = os.open

    def guarded(path, *arguments, **options):
        if path in {"b.py", "new.py"}:
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, "open", guarded)
    with pytest.raises(TargetError, match=r"can't read src/b\.py: permission denied"):
        resolve(["src/b.py", "src"], cwd=project.root)
    target = resolve(["src"], cwd=project.root)
    assert (target.paths, target.notes) == (("src/deep/c.py",), ("can't be read: src/b.py, src/new.py",))
    project.write("a.py", "changed\n")
    worked = resolve((), cwd=project.root)
    assert "can't be read: src/new.py" in worked.notes


def test_a_missing_tracked_file(project):
    """A file that is gone from disk isn't among the files of its folder."""
    (project.root / "src/b.py").unlink()
    assert resolve(["src"], cwd=project.root).paths == ("src/deep/c.py", "src/new.py")
