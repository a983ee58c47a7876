"""Files on disk: which there are, and how to read one without following a symlink, blocking, or leaving the root."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

from fanfold.errors import TargetError
from fanfold.sources.folders import folder_of, upwards
from fanfold.sources.garbage import uncollected
from fanfold.sources.git import Git, GitMissing
from fanfold.sources.setaside import INSTALLED, environments
from fanfold.sources.text import READ_LIMIT, SNIFFED, is_binary, is_inside, is_own, os_path, real, shown, shown_all

FileState = Literal["text", "binary", "large", "special", "unreadable", "missing"]

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

# What tools put beside a project's own files, left out where no ignore file may say so.
_CACHES = frozenset({".hg", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".svn", "__pycache__"})
_LOOKED_INTO = 256  # folders
_NOT_OURS = INSTALLED | _CACHES


class Stamp(NamedTuple):
    """What the file system says of a file, as git's index keeps it: another content has another stamp.

    `size` in bytes, times in nanoseconds since 1970.
    """

    size: int
    changed_ns: int
    status_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        return tuple.__new__(cls, (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino))


Looked = Callable[[], Mapping[str, Stamp]]
"""Returns the stamps of files that somebody has looked at meanwhile, by path."""


def unseen() -> Mapping[str, Stamp]:
    """Return the stamps of no file."""
    return {}


@contextmanager
def opened(root: Path, path: str) -> Iterator[BinaryIO]:
    """Open a regular file below `root` for reading. OSError for anything else that may stand there.

    Each folder on the way is opened in its turn, so that no symlink is followed even if one is put there
    meanwhile.
    """
    if not is_inside(path):
        raise FileNotFoundError(path)
    *folders, name = os_path(path).split("/")
    at = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for folder in folders:
            below = os.open(folder, _FOLDER, dir_fd=at)
            os.close(at)
            at = below
        descriptor = os.open(name, _FILE, dir_fd=at)
    finally:
        os.close(at)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"no regular file: {path}")
        yield file


def load(root: Path, path: str) -> bytes | None:
    """Return the file's content; None when it is no regular file, can't be read, or is beyond READ_LIMIT."""
    try:
        with opened(root, path) as file:
            data = file.read(READ_LIMIT + 1)
    except OSError:
        return None
    return data if len(data) <= READ_LIMIT else None


def state(root: Path, path: str, limit: int) -> FileState:
    """Tell what a file is from its size (in bytes, against `limit`) and its beginning."""
    try:
        with opened(root, path) as file:
            if os.fstat(file.fileno()).st_size > limit:
                return "large"
            return "binary" if is_binary(file.read(SNIFFED)) else "text"
    except FileNotFoundError:
        return "missing"
    except PermissionError:
        return "unreadable"
    except OSError:
        return "special"


@contextmanager
def written(files: Iterable[tuple[str, bytes, bool]]) -> Iterator[Path]:
    """Yield a temporary folder that holds these files: path, content, and whether it can be executed.

    A path that leads out is left out, and so is one that the file system can't take.
    """
    with tempfile.TemporaryDirectory(prefix="fanfold-") as name:
        root = Path(name).resolve()
        for path, content, executable in files:
            place = root / os_path(path)
            if is_inside(path):
                with suppress(OSError):
                    place.parent.mkdir(parents=True, exist_ok=True)
                    place.write_bytes(content)
                    place.chmod(0o755 if executable else 0o644)
        yield root


class Untracked(NamedTuple):
    """What git does not track and no ignore file names, each in order.

    `files` may be the project's own; `repositories` are folders that are repositories of their own, `installed` those
    that tools fill: virtual environments, dependencies, caches.
    """

    files: tuple[str, ...]
    repositories: tuple[str, ...]
    installed: tuple[str, ...]


@dataclass(slots=True)
class Beside:
    """What a listing passes over, each by its path from the root: a person may want to know, and to name it.

    `submodules` and `repositories` are repositories of their own, `installed` folders that tools fill, `absent` files
    that git tracks and that are not on disk, as in a sparse checkout.
    """

    submodules: list[str] = field(default_factory=list)
    repositories: list[str] = field(default_factory=list)
    installed: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)


def untracked_files(git: Git) -> Untracked:
    """Return what git does not track, sorted by whose it is."""
    names = [shown(name) for name in git.records("ls-files", "--others", "--exclude-standard", "-z")]
    files = [name for name in names if not name.endswith("/") and not is_own(name)]
    found = environments(files)
    within = {name: _installed(name, found) for name in files}
    return Untracked(
        tuple(sorted(name for name in files if within[name] is None)),
        tuple(sorted(name for name in names if name.endswith("/"))),
        tuple(sorted({f"{folder}/" for folder in within.values() if folder is not None})),
    )


def _installed(path: str, known: Container[str]) -> str | None:
    """Return the outermost folder above `path` that tools fill, None when there is none."""
    outermost_first = reversed([*upwards(folder_of(path))])
    return next((f for f in outermost_first if f in known or f.rpartition("/")[2] in _NOT_OURS), None)


def repository_files(git: Git) -> tuple[str, ...]:
    """Return the regular files of the working tree that are tracked or not ignored, in order of their names.

    What tools have installed and git does not track is not among them.
    """
    return tuple(repository_stamps(git))


def repository_stamps(git: Git, looked: Looked = unseen, beside: Beside | None = None) -> dict[str, Stamp]:
    """Return the files that `repository_files` does, each with its stamp; `looked` is called when they are listed.

    Adds to `beside` what is none of them.
    """
    untracked = untracked_files(git)
    tracked = [*git.records("ls-files", "--cached", "-z")]
    found = _regular(git.folder, (*tracked, *map(real, untracked.files)), looked)
    if beside is not None:
        beside.repositories += untracked.repositories
        beside.installed += (folder for folder in untracked.installed if is_installed(folder))
        _passed_over(git.folder, (name for name in map(shown, tracked) if name not in found), beside)
    return found


def _passed_over(root: Path, tracked: Iterable[str], beside: Beside) -> None:
    """Tell submodules from what is not there; a symlink is neither."""
    for name in dict.fromkeys(tracked):
        try:
            mode = os.lstat(root / os_path(name)).st_mode
        except OSError:
            beside.absent.append(name)
        else:
            if stat.S_ISDIR(mode):
                beside.submodules.append(f"{name}/")


def is_installed(folder: str) -> bool:
    """Tell whether packages are in a folder that tools fill, rather than what they remember."""
    return folder.rstrip("/").rpartition("/")[2] not in _CACHES


def installed_in(root: Path, folders: Iterable[str]) -> list[str]:
    """Return the folders of installed packages that are right in one of these, the outer ones first.

    Very many folders are not all looked into: packages lie near the top.
    """
    outer = sorted(folders, key=lambda folder: (folder.count("/") + bool(folder), folder))[:_LOOKED_INTO]
    found: list[str] = []
    for folder in outer:
        with suppress(OSError):
            there = INSTALLED.intersection(os.listdir(f"{root}/{os_path(folder)}"))  # noqa: PTH208  in half the time
            found += (f"{folder}/{name}" if folder else name for name in sorted(there))
    return [f"{path}/" for path in found if (root / os_path(path)).is_dir()]


def folder_files(root: Path, below: str = ".") -> tuple[str, ...]:
    """Return the files of a folder that is in no repository, or those `below` a path in it, by git's ignore rules.

    Git reads the ignore files, from `root` down, by way of an empty repository elsewhere. A repository that
    is met is listed by its own rules, unless git refuses it. Without git every file counts but those in
    caches and installed dependencies.
    """
    return tuple(folder_stamps(root, below))


def folder_stamps(root: Path, below: str = ".", looked: Looked = unseen) -> dict[str, Stamp]:
    """Return the files that `folder_files` does, each with its stamp; `looked` is called when they are listed."""
    try:
        return _regular(root, _listed(root, below), looked)
    except GitMissing:
        return _regular(root, _walked(root, below), looked)


def _listed(root: Path, below: str = ".") -> Iterator[bytes]:
    with tempfile.TemporaryDirectory(prefix="fanfold-") as empty:
        excluded = [part for name in sorted(_NOT_OURS) for part in ("-x", f"{name}/")]
        elsewhere = {"GIT_DIR": str(_empty_repository(Path(empty))), "GIT_WORK_TREE": str(root)}
        outside = Git(root, Path(empty), variables=elsewhere)
        options = ("--others", "--exclude-standard", "-z", *excluded)
        names = [*outside.records("ls-files", *options, "--", os_path(below))]
    for name in names:
        if name.endswith(b"/"):
            yield from (name + inside for inside in _nested(root / os.fsdecode(name)))
        else:
            yield name


def _empty_repository(folder: Path) -> Path:
    """Make the least that is a repository, by gitrepository-layout(5): `git init` takes longer than listing a tree."""
    (folder / "objects").mkdir()
    (folder / "refs").mkdir()
    (folder / "HEAD").write_text("ref: refs/heads/main\n")
    return folder


def _nested(folder: Path) -> Iterable[bytes]:
    """Return the files of the repository in a folder."""
    try:
        git = Git.at(folder)
    except GitMissing:
        raise
    except TargetError:
        git = None
    if git is None or git.folder != folder.resolve() or git.bare:
        return _listed(folder)
    return map(real, repository_files(git))


def _walked(root: Path, below: str) -> Iterator[bytes]:
    for folder, folders, names in os.walk(root / os_path(below)):
        folders[:] = [name for name in folders if name not in {".git", *_NOT_OURS}]
        for name in names:
            yield os.fsencode(Path(folder, name).relative_to(root))


def stamps_of(root: Path, names: Iterable[bytes]) -> dict[bytes, Stamp]:
    """Return those names that are of regular files, each with its stamp."""
    found: dict[bytes, Stamp] = {}
    look, is_regular, new = os.stat, stat.S_ISREG, tuple.__new__
    with _descriptor(root) as top:  # from which a name is found sooner than from the top of all
        for name in names:
            try:
                status = look(name, dir_fd=top, follow_symlinks=False)
            except OSError:
                continue
            if is_regular(status.st_mode):  # as `Stamp.of` does, of thousands
                found[name] = new(Stamp, (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino))
    return found


def _regular(root: Path, names: Iterable[bytes], looked: Looked) -> dict[str, Stamp]:
    """Return those names that are of regular files, in order, as they are shown; each is looked at once."""
    listed = [*dict.fromkeys(names)]
    known = looked()
    with uncollected(lasting=True):
        found = dict(zip(shown_all(listed), listed, strict=True))
        fresh = stamps_of(root, [name for path, name in found.items() if path not in known])
        stamps = ((path, known.get(path) or fresh.get(found[path])) for path in sorted(found))
        return {path: stamp for path, stamp in stamps if stamp and not is_own(path)}


@contextmanager
def _descriptor(folder: Path) -> Iterator[int]:
    try:
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise TargetError(f"can't read {str(folder)!r}: {error.strerror or error}") from error
    try:
        yield opened
    finally:
        os.close(opened)
