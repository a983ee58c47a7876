"""Files and folders that a person names, looked at as a whole: no base, every line is under review."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from fanfold.errors import NothingToDo, TargetError
from fanfold.sources.files import (
    Beside,
    FileState,
    Looked,
    Stamp,
    folder_stamps,
    installed_in,
    repository_stamps,
    state,
    unseen,
)
from fanfold.sources.folders import folder_of
from fanfold.sources.git import Git, GitMissing
from fanfold.sources.snapshot import WorkingTree
from fanfold.sources.text import DECISIONS, LARGE, READ_LIMIT, counted, is_own, listed, os_path, printable, shown

_REASONS: dict[FileState, str] = {
    "binary": "binary",
    "large": f"larger than {READ_LIMIT >> 20} MB",
    "special": "no regular file",
    "missing": "gone",
}


@dataclass(frozen=True, slots=True)
class Selection:
    """The text files under what was named; `notes` say what of it is left out, and why."""

    root: Path
    description: str
    paths: tuple[str, ...]
    snapshot: WorkingTree
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Located:
    """What `names` stand for below a root, whatever kind of file it is.

    `named` are the files that were named, `folders` the folders, "." for the root. `stamps` are those of the files in
    folders, from when these were listed.
    """

    root: Path
    tree: WorkingTree
    named: frozenset[str]
    folders: frozenset[str]
    paths: tuple[str, ...]
    stamps: Mapping[str, Stamp]
    beside: Beside


@dataclass(frozen=True, slots=True)
class Places:
    """What was named, before anything is listed; `named` and `folders` as in `Located`, `lister` lists the root.

    It adds to `beside` what it passes over.
    """

    root: Path
    named: frozenset[str]
    folders: frozenset[str]
    lister: Callable[[Looked], dict[str, Stamp]]
    beside: Beside

    def located(self, looked: Looked = unseen) -> Located:
        """List the files; those that were `looked` at meanwhile are not looked at again."""

        @cache
        def listed() -> dict[str, Stamp]:
            return self.lister(looked)

        stamps: dict[str, Stamp] = {}
        for below in self.folders:
            stamps |= _below(self.root, listed(), below)
        stamps.pop(DECISIONS, None)
        paths = tuple(path for path in sorted(dict.fromkeys((*stamps, *self.named))) if not is_own(path))
        tree = WorkingTree(self.root, lambda: tuple(listed()))
        return Located(self.root, tree, self.named, self.folders, paths, stamps, self.beside)


@dataclass(frozen=True, slots=True)
class _Place:
    """One thing that was named: as it was written, and where it really is."""

    name: str
    real: Path
    folder: bool


def select_folder(folder: Path) -> Selection:
    """Return everything in a folder that lies in no repository."""
    return select((".",), folder, description=f"folder {printable(folder.name)}")


def select(names: Sequence[str], folder: Path, *, description: str = "") -> Selection:
    """Return the files that `names`, taken from `folder`, stand for; each of them must exist.

    A file that is named counts even if an ignore file says otherwise, and so does a folder that is ignored as
    a whole. Raises TargetError for a path that can't be read or that would open a whole machine or home
    folder to sub-agents, NothingToDo when no text file is left.
    """
    located = locate(names, folder)
    root, tree, named = located.root, located.tree, located.named
    limits = {path: READ_LIMIT if path in named else LARGE for path in located.paths}
    states = {path: state(root, path, limit) for path, limit in limits.items()}
    paths = tuple(path for path, what in states.items() if what == "text")
    notes = _notes(states, named)
    if not paths:
        raise NothingToDo("; ".join((f"no text file in {listed(names)}", *notes)))
    said = description or listed(names)
    if len(states) > 1 or not named:
        said = f"{said} ({counted(len(paths), 'file')})"
    return Selection(root, said, paths, tree, notes)


def locate(names: Sequence[str], folder: Path) -> Located:
    """Return the files that `names` stand for, before any of them is looked at. Raises TargetError as `select` does."""
    return placed(names, folder).located()


def placed(names: Sequence[str], folder: Path) -> Places:
    """Return where `names` are, and below which root, before it is listed. Raises TargetError as `select` does."""
    places = [_place(name, folder) for name in names]
    beside = Beside()
    root, lister = _root(places, folder, beside)
    within = {place: shown(os.fsencode(place.real.relative_to(root))) for place in places}
    return Places(
        root=root,
        named=frozenset(path for place, path in within.items() if not place.folder),
        folders=frozenset(path for place, path in within.items() if place.folder),
        lister=lister,
        beside=beside,
    )


def _notes(states: Mapping[str, FileState], named: AbstractSet[str]) -> tuple[str, ...]:
    """Return what is said of files that are left out; what a folder holds beside text goes without saying.

    Raises TargetError for a named file that can't be read.
    """
    unreadable = [path for path, what in states.items() if what == "unreadable"]
    if refused := [path for path in unreadable if path in named]:
        raise TargetError(f"can't read {listed(refused)}: permission denied")
    notes = [f"can't be read: {listed(unreadable)}"] if unreadable else []
    if other := [f"{path} is {_REASONS[what]}" for path, what in states.items() if path in named and what in _REASONS]:
        notes.append(f"not looked at: {listed(other)}")
    return tuple(notes)


def _place(name: str, folder: Path) -> _Place:
    try:
        real = (folder / name).resolve(strict=True)
        if real.is_dir():
            next(real.iterdir(), None)
        return _Place(name, real, real.is_dir())
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise TargetError(f"can't read {name!r}: {reason}") from error


def _root(places: Sequence[_Place], folder: Path, beside: Beside) -> tuple[Path, Callable[[Looked], dict[str, Stamp]]]:
    """Return the root of the places, and what lists its files.

    That is the repository which all of them lie in; else `folder`, when all lie below it; else what folder
    they share.
    """
    homes = {_repository_folder(place) for place in places}
    git = _git_at(homes.pop()) if len(homes) == 1 else None
    if git is not None and not git.bare:
        return git.folder, partial(repository_stamps, git, beside=beside)
    start = folder.resolve()
    if not all(place.real.is_relative_to(start) for place in places) or start in _too_wide():
        start = Path(os.path.commonpath([place.real if place.folder else place.real.parent for place in places]))
    if start == Path(start.anchor) or any(place.folder and place.real in _too_wide() for place in places):
        raise TargetError(f"that would be everything in {str(start)!r}: name folders inside it")
    return start, partial(_outside, start, places, beside=beside)


def _too_wide() -> set[Path]:
    try:
        return {Path("/"), Path.home().resolve()}
    except RuntimeError:  # nobody's home is known
        return {Path("/")}


def _repository_folder(place: _Place) -> Path | None:
    start = place.real if place.folder else place.real.parent
    return next((folder for folder in (start, *start.parents) if (folder / ".git").exists()), None)


def _git_at(folder: Path | None) -> Git | None:
    try:
        return Git.at(folder) if folder else None
    except GitMissing:
        return None


def _outside(root: Path, places: Sequence[_Place], looked: Looked, beside: Beside) -> dict[str, Stamp]:
    """Return the files of places that lie in no repository, or in several: a root may hold far more than them."""
    files: dict[str, Stamp] = {}
    for place in places:
        if place.folder:
            files |= folder_stamps(root, shown(os.fsencode(place.real.relative_to(root))), looked)
        else:
            files[shown(os.fsencode(place.real.relative_to(root)))] = Stamp.of(place.real.lstat())
    below = [shown(os.fsencode(place.real.relative_to(root))) for place in places if place.folder]
    folders = dict.fromkeys(["" if one == "." else one for one in below] + [folder_of(path) for path in files])
    beside.installed += installed_in(root, folders)
    return dict(sorted(files.items()))


def _below(root: Path, files: Mapping[str, Stamp], below: str) -> Mapping[str, Stamp]:
    """Return the files in a folder; all that are in it when none of them counts otherwise."""
    if below == ".":
        return files
    inside = {path: stamp for path, stamp in files.items() if path.startswith(f"{below}/")}
    return inside or {f"{below}/{name}": stamp for name, stamp in folder_stamps(root / os_path(below)).items()}
