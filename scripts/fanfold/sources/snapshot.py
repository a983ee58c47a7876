"""The files of a target as they stand at one revision: on disk, in the index, in a commit.

Reading goes through a cache, so that a file stays as it was first read for as long as the cache holds it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Protocol

from fanfold.sources.files import load, written
from fanfold.sources.git import Git, GitFailed
from fanfold.sources.text import READ_LIMIT, decode, is_own, shown

_CACHED = 64 * 2**20  # characters
_BATCH = 32 * 2**20  # bytes of content that one git process hands over
_BATCHED = 256  # files that are read ahead


class Snapshot(Protocol):
    """The files of one revision. Paths are those of `text.shown`, relative to the target's root, with slashes."""

    def read(self, path: str) -> str | None:
        """Return the file's text as `text.decode` has it; None when there is no such text file.

        A symlink, a submodule, a binary file and one larger than READ_LIMIT are no text files.
        """
        ...

    def paths(self) -> tuple[str, ...]:
        """Return the regular files, in order of their names; `.fanfold/` is not among them."""
        ...

    def each(self, paths: Iterable[str]) -> Iterator[tuple[str, str | None]]:
        """Yield each path, in the order given, with what `read` returns for it; many files in few git calls."""
        ...

    def on_disk(self, paths: Iterable[str]) -> AbstractContextManager[Path]:
        """Return a folder in which those of `paths` that are regular files lie as they are at this revision.

        It is to be read only: for the working tree it is the working tree, with everything else in it. Other
        folders go when the context ends.
        """
        ...


class TextCache:
    """Texts by path, the least recently used ones dropped beyond a number of characters; for several threads."""

    def __init__(self, limit: int = _CACHED) -> None:
        self._limit = limit
        self._texts: OrderedDict[str, str | None] = OrderedDict()
        self._size = 0
        self._lock = Lock()

    def get(self, path: str, load: Callable[[str], Mapping[str, str | None]]) -> str | None:
        """Return the text of `path`; when it isn't there, what `load(path)` has for it, and keep all that it has."""
        with self._lock:
            if path in self._texts:
                self._texts.move_to_end(path)
                return self._texts[path]
        loaded = load(path)
        with self._lock:
            for name, text in loaded.items():
                self._keep(name, text)
        return loaded.get(path)

    def __contains__(self, path: str) -> bool:
        with self._lock:
            return path in self._texts

    def _keep(self, path: str, text: str | None) -> None:
        if path in self._texts:
            return
        self._texts[path] = text
        self._size += len(path) + len(text or "")
        while self._size > self._limit and len(self._texts) > 1:
            oldest, dropped = self._texts.popitem(last=False)
            self._size -= len(oldest) + len(dropped or "")


class WorkingTree:
    """The files below `root` as they are on disk now; `lister` says which ones count."""

    def __init__(self, root: Path, lister: Callable[[], tuple[str, ...]]) -> None:
        self.root = root
        self._lister = lister
        self._cache = TextCache()

    def read(self, path: str) -> str | None:
        return self._cache.get(path, self._load)

    def _load(self, path: str) -> dict[str, str | None]:
        data = None if is_own(path) else load(self.root, path)
        return {path: None if data is None else decode(data)}

    def each(self, paths: Iterable[str]) -> Iterator[tuple[str, str | None]]:
        return ((path, self.read(path)) for path in paths)

    @cached_property
    def _paths(self) -> tuple[str, ...]:
        return self._lister()

    def paths(self) -> tuple[str, ...]:
        return self._paths

    def on_disk(self, paths: Iterable[str]) -> AbstractContextManager[Path]:
        del paths  # they lie there already
        return nullcontext(self.root)


@dataclass(frozen=True, slots=True)
class Entry:
    """A regular file in a commit or in the index: the id of its content, and whether it can be executed."""

    blob: str
    executable: bool


class Revision:
    """The files of a commit or of the index. Those in `likely` are read together, in as few git calls as it takes."""

    def __init__(self, git: Git, lister: Callable[[], Mapping[str, Entry]], likely: Sequence[str] = ()) -> None:
        self._git = git
        self._lister = lister
        self._likely = likely
        self._cache = TextCache()

    @classmethod
    def of_commit(cls, git: Git, commit: str, likely: Sequence[str] = ()) -> Revision:
        """Return the files of a commit or tree, given by its full id."""
        return cls(git, lambda: _entries(git, "ls-tree", "-r", "-z", "--full-tree", commit), likely)

    @classmethod
    def of_index(cls, git: Git, likely: Sequence[str] = ()) -> Revision:
        """Return what is staged now. A file in conflict is not among it."""
        entries = _entries(git, "ls-files", "--stage", "-z")
        return cls(git, lambda: entries, likely)

    @cached_property
    def _entries(self) -> Mapping[str, Entry]:
        return self._lister()

    def read(self, path: str) -> str | None:
        return self._cache.get(path, self._load) if path in self._entries else None

    def each(self, paths: Iterable[str]) -> Iterator[tuple[str, str | None]]:
        asked = iter(paths)
        while batch := list(islice(asked, _BATCHED)):
            for at, path in enumerate(batch):
                yield (
                    path,
                    self._cache.get(path, partial(self._fetched, batch[at + 1 :])) if path in self._entries else None,
                )

    def _load(self, path: str) -> dict[str, str | None]:
        return self._fetched(self._ahead(path), path)

    def _fetched(self, others: Sequence[str], path: str) -> dict[str, str | None]:
        """Return the texts of `path` and of those of the others that aren't here yet."""
        ahead = [name for name in others if name in self._entries and name not in self._cache]
        # In a partial clone, one object that isn't here fails the whole batch; then the path alone is tried.
        for batch in ([path, *ahead], [path]):
            with suppress(GitFailed):
                contents = _contents(self._git, [self._entries[name].blob for name in batch])
                found = ((name, contents.get(self._entries[name].blob)) for name in batch)
                return {path: None} | {name: decode(data) for name, data in found if data is not None}
        return {path: None}

    def _ahead(self, path: str) -> Sequence[str]:
        """Return the likely files behind `path`."""
        start = self._likely.index(path) + 1 if path in self._likely else len(self._likely)
        return self._likely[start : start + _BATCHED]

    def paths(self) -> tuple[str, ...]:
        return tuple(sorted(self._entries))

    def on_disk(self, paths: Iterable[str]) -> AbstractContextManager[Path]:
        return written(self._files(sorted(set(paths) & self._entries.keys())))

    def _files(self, paths: Sequence[str]) -> Iterator[tuple[str, bytes, bool]]:
        left = [(path, self._entries[path]) for path in paths]
        while left:
            contents = _contents(self._git, [entry.blob for _, entry in left])
            for path, entry in left:
                data = contents.get(entry.blob)
                if data is not None:
                    yield path, data, entry.executable
            left = [(path, entry) for path, entry in left if entry.blob not in contents]


def _entries(git: Git, *arguments: str) -> dict[str, Entry]:
    """Return the regular files that `git ls-tree` or `git ls-files --stage` names."""
    entries = {}
    for record in git.records(*arguments):
        about, _, name = record.partition(b"\t")
        mode, *_, second, third = about.decode().split(" ")
        # ls-tree: mode, type, id. ls-files: mode, id, stage; a stage other than 0 is a side of a conflict.
        blob = third if second == "blob" else second if third == "0" else None
        path = shown(name)
        if blob and mode.startswith("100") and not is_own(path):
            entries[path] = Entry(blob, mode == "100755")
    return entries


def _contents(git: Git, blobs: Iterable[str]) -> dict[str, bytes | None]:
    """Return the content of the first blobs, up to _BATCH bytes; None for one that is missing or beyond READ_LIMIT."""
    asked = list(dict.fromkeys(blobs))
    told = git.run("cat-file", "--batch-check", stdin="\n".join(asked).encode()).decode().splitlines()
    contents: dict[str, bytes | None] = {}
    wanted: list[str] = []
    room = _BATCH
    for blob, answer in zip(asked, told, strict=True):
        size = int(answer.split(" ")[2]) if " blob " in answer else READ_LIMIT + 1
        if size > READ_LIMIT:
            contents[blob] = None
        elif size <= room:
            wanted.append(blob)
            room -= size
    given = git.run("cat-file", "--batch", stdin="\n".join(wanted).encode()) if wanted else b""
    return contents | _parsed(given)


def _parsed(given: bytes) -> dict[str, bytes]:
    """Return what `cat-file --batch` gave: `<id> blob <size>`, that many bytes and a newline, for each object."""
    contents = {}
    at = 0
    while at < len(given):
        start = given.index(b"\n", at) + 1
        blob, _, size = given[at:start].decode().split()
        contents[blob] = given[start : start + int(size)]
        at = start + int(size) + 1
    return contents
