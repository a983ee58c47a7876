"""What an analysis is about: the files below what was named, as they are now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fanfold.engine.database import NAME as STORE
from fanfold.engine.folder import FOLDER
from fanfold.engine.shelf import Shelf
from fanfold.errors import NothingToDo
from fanfold.sources.files import Stamp
from fanfold.sources.outline.languages import CODE, language_of
from fanfold.sources.repo_map.discover import Discovery, discover
from fanfold.sources.repo_map.kept import Kept, recall
from fanfold.sources.target import Target
from fanfold.sources.text import counted, listed, printable


@dataclass(frozen=True, slots=True)
class Scope:
    """The files to map, and the target that they are part of: what sub-agents may look up is all of that."""

    found: Discovery
    target: Target


def resolve_scope(
    names: Sequence[str],
    folder: Path,
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    fresh: bool = False,
) -> Scope:
    """Return what `names` stand for, taken from `folder`: files, folders, packages; the folder itself without any.

    What the store has of an earlier map is recalled while the files are listed, unless it is to be `fresh`.
    Raises TargetError as `discover` does, NothingToDo when there is no code.
    """
    found = discover(names, folder, include=include, exclude=exclude, recall=None if fresh else _recalled)
    said = listed(names) if names else printable(found.root.name)
    if not any(map(is_code, found.files)):
        raise NothingToDo("; ".join((f"there is no code in {said}: {_endings(found.files)}", *found.notes)))
    target = Target(
        root=found.root,
        description=said,  # how many files of it are text is known when they have been read
        base=None,
        head=None,
        changes=(),
        snapshot=found.tree,
        before=None,
        whole=True,
        paths=tuple(found.files),
    )
    return Scope(found, target)


def _recalled(root: Path, scope: str, looked: Callable[[Mapping[str, Stamp]], object]) -> Kept:
    """Look into the store if there is one."""
    if not (root / FOLDER / STORE).exists():
        return Kept()
    with Shelf(root / FOLDER, visit=True) as shelf:
        return recall(shelf, root, scope, looked)


def is_code(path: str) -> bool:
    """Tell by its name whether a file is written in a programming language."""
    return language_of(path) in CODE


def _endings(paths: Iterable[str]) -> str:
    names = [PurePosixPath(path).suffix or path.rpartition("/")[2] for path in paths]
    return f"{counted(len(names), 'file')} ({listed(sorted(set(names)))})"
