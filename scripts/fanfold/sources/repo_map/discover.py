"""Which files there are to map, and which are set aside by their name or size; nothing is read.

Inside a repository git lists them, tracked or not ignored; outside, nested ignore files count by git's own rules
(see `sources.files`). Symlinks are not followed, so that a cycle of them is no cycle here.
"""

from __future__ import annotations

import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fanfold.errors import NothingToDo, TargetError
from fanfold.sources.files import Looked, Stamp, unseen
from fanfold.sources.garbage import uncollected
from fanfold.sources.repo_map.attributes import told_apart
from fanfold.sources.repo_map.kept import Ahead, Recall, scope_key
from fanfold.sources.repo_map.values import LeftOut
from fanfold.sources.selection import Located, locate, placed
from fanfold.sources.setaside import by_name, environments
from fanfold.sources.text import LARGE, READ_LIMIT, counted, listed, os_path, printable

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

    from fanfold.sources.snapshot import WorkingTree

_PACKAGE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")


@dataclass(frozen=True, slots=True)
class Discovery:
    """The files below `root` that are to be read, in order of their paths, and those that nobody reads.

    `tree` has everything that may be looked up: the repository, or what was named outside of one. `named` are the files
    that a person named, one by one. `notes` say what include and exclude patterns took away. `scope` is a key of what
    was asked for, `ahead` what was recalled of an earlier map meanwhile.
    """

    root: Path
    tree: WorkingTree
    files: dict[str, Stamp]
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    named: frozenset[str] = frozenset()
    scope: str = ""
    ahead: Ahead = field(default_factory=Ahead, compare=False, repr=False)


def discover(
    names: Sequence[str],
    folder: Path,
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    recall: Recall | None = None,
) -> Discovery:
    """Return the files that `names`, taken from `folder`, stand for: files, folders, several roots, or packages.

    A name that is no path may be a package, with dots (`django.db`): the folder of that name that is least deep.
    `include` and `exclude` are patterns as in a `.gitignore`, from the root; with `include`, only what it matches
    counts. A file that is named counts whatever its size up to READ_LIMIT, an ignore file or its name say, and what
    installed packages are set aside by does not count for a folder of them that is named. `recall` is called in another
    thread while git lists the files, which takes as long as recalling what is kept of a large tree does.

    Raises TargetError for a name that stands for nothing or a pattern that is none, NothingToDo when no file is left.
    """
    wanted = _Wanted(include, exclude)
    places = placed([_place(name, folder) for name in names or (".",)], folder)
    scope = scope_key(places.named, places.folders, include, exclude)
    with _meanwhile(recall, places.root, scope) as (looked, ahead):
        located = places.located(looked)
        kept = located.paths
        if include or exclude:
            kept = tuple(path for path in kept if wanted(path) or path in located.named)
        with uncollected(lasting=True):
            files, left_out = _sorted_out(located, kept)
        notes = (*wanted.notes(len(located.paths) - len(kept)), *_beside(located))
        if not files:
            raise NothingToDo(
                "; ".join((f"no file to read in {listed(names or (str(folder),))}", *_reasons(left_out), *notes))
            )
        return Discovery(located.root, located.tree, files, tuple(left_out), notes, located.named, scope, ahead=ahead())


def _sorted_out(located: Located, paths: Iterable[str]) -> tuple[dict[str, Stamp], list[LeftOut]]:
    """Return which of the files are to be read, and which nobody reads, by their size and name."""
    aside = _aside(located)
    files: dict[str, Stamp] = {}
    left_out: list[LeftOut] = []
    for path, stamp in _stamped(located, paths):
        named = path in located.named
        limit = READ_LIMIT if named else LARGE
        why = f"larger than {limit >> 20} MB" if stamp.size > limit else None if named else aside(path)
        if why:
            left_out.append(LeftOut(path, why, stamp.size))
        else:
            files[path] = stamp
    return files, left_out


@contextmanager
def _meanwhile(recall: Recall | None, root: Path, scope: str) -> Iterator[tuple[Looked, Callable[[], Ahead]]]:
    """Recall what is kept of a tree while the block runs; who asks for the stamps or all of it waits for that."""
    if recall is None:
        yield unseen, Ahead
        return
    looked: Future[Mapping[str, Stamp]] = Future()

    def tell(stamps: Mapping[str, Stamp]) -> None:
        if not looked.done():
            looked.set_result(stamps)

    with ThreadPoolExecutor(1, "recall") as thread:
        kept = thread.submit(recall, root, scope, tell)
        kept.add_done_callback(lambda _: tell({}))
        yield looked.result, lambda: Ahead(kept.result())


def _aside(located: Located) -> Callable[[str], str | None]:
    """Return what tells why nobody reads a file: the repository's attributes, or its path below what was named."""
    by_path = _aside_by_path(located)
    told = told_apart(located.root, located.paths)
    return (lambda path: told[path] if path in told else by_path(path)) if told else by_path


def _aside_by_path(located: Located) -> Callable[[str], str | None]:
    known = environments(located.paths)
    # Who names a folder of installed packages wants to read it.
    wanted = tuple(f"{folder}/" for folder in located.folders if by_name(f"{folder}/x", known))
    if not known and not wanted:
        return by_name

    def why(path: str) -> str | None:
        for folder in wanted:
            if path.startswith(folder):
                return by_name(path.removeprefix(folder))
        return by_name(path, known)

    return why


class _Wanted:
    """Tells what include and exclude patterns leave."""

    def __init__(self, include: Sequence[str], exclude: Sequence[str]) -> None:
        self._include = _patterns(include) if include else None
        self._exclude = _patterns(exclude) if exclude else None

    def __call__(self, path: str) -> bool:
        if self._include is not None and not self._include.match_file(path):
            return False
        return self._exclude is None or not self._exclude.match_file(path)

    def notes(self, without: int) -> tuple[str, ...]:
        return (f"{counted(without, 'file')} taken away by include and exclude patterns",) if without else ()


def _beside(located: Located) -> Iterator[str]:
    """Say what was passed over below the folders that were named."""
    found, folders = located.beside, located.folders

    def within(paths: Iterable[str]) -> list[str]:
        return [path for path in paths if any(path.startswith(f"{below}/") or below == "." for below in folders)]

    kinds = (
        (found.submodules, "submodule", "submodules"),
        (found.repositories, "repository inside of this one", "repositories inside of this one"),
        (found.installed, "folder of installed packages", "folders of installed packages"),
    )
    for passed, one, several in kinds:
        if paths := [path for path in within(passed) if path.rstrip("/") not in folders]:
            said = f"1 {one}" if len(paths) == 1 else f"{len(paths):,} {several}"
            yield f"not looked at: {said} ({listed(paths)}); who names it has it read"
    if paths := within(found.absent):
        yield f"not on disk: {counted(len(paths), 'file')} that git tracks ({listed(paths)})"


def _patterns(patterns: Sequence[str]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec

    try:
        return GitIgnoreSpec.from_lines(patterns)
    except ValueError as error:
        raise TargetError(f"{listed(patterns)}: {error}") from error


def _stamped(located: Located, paths: Iterable[str]) -> Iterator[tuple[str, Stamp]]:
    for path in paths:
        stamp = located.stamps.get(path) or _stamp(located.root, path)
        if stamp:
            yield path, stamp


def _stamp(root: Path, path: str) -> Stamp | None:
    """Return the stamp of a file that was named, None when it is no regular file or has gone since."""
    try:
        status = os.lstat(root / os_path(path))
    except OSError:
        return None
    return Stamp.of(status) if stat.S_ISREG(status.st_mode) else None


def _reasons(left_out: Iterable[LeftOut]) -> Iterator[str]:
    for why, count in Counter(left.why for left in left_out).most_common():
        yield f"{counted(count, 'file')} left out: {why}"


def _place(name: str, folder: Path) -> str:
    """Return the path that a name stands for, the name itself unless it is that of a package."""
    if os.path.lexists(folder / name) or not _PACKAGE.fullmatch(name):
        return name
    found = _packages(name.replace(".", "/"), folder)
    if not found:
        raise TargetError(f"{printable(name)!r} is no file, folder or package in {str(folder)!r}")
    least = min(place.count("/") for place in found)
    nearest = sorted(place for place in found if place.count("/") == least)
    if len(nearest) > 1:
        raise TargetError(f"{name!r} may be {listed(nearest)}: name the folder")
    return nearest[0]


def _packages(inside: str, folder: Path) -> set[str]:
    """Return the folders, and the files without their endings, whose path ends so; as they are written in `folder`."""
    located = locate((".",), folder)
    pattern = re.compile(rf"((?:.*/)?{re.escape(inside)})(/|\.\w+$)")
    found = (pattern.match(path) for path in located.paths)
    places = {match[1] if match[2] == "/" else match[0] for match in found if match}
    return {str(located.root / os_path(place)) for place in places}
