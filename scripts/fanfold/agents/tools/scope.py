"""What tools may see: the target's files at its revision, without those that hold secrets, and its git history."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from threading import Lock

from fanfold.agents.tools.watch import ToolError, Watch
from fanfold.agents.tools.wording import echo, named
from fanfold.errors import TargetError
from fanfold.sources.files import written
from fanfold.sources.git import Git
from fanfold.sources.revisions import head_id
from fanfold.sources.secrets import holds_secrets, mask, may_be_read
from fanfold.sources.snapshot import TextCache
from fanfold.sources.target import Target
from fanfold.sources.text import READ_LIMIT, is_inside, is_own

_MASKED = 16 * 2**20  # characters of masked texts that are kept
_CLEAN = 200_000  # texts that are known to need no mask
_SUGGESTED = 5


class Scope:
    """The files of one target as its snapshot has them, secrets masked; for several threads.

    A file counts when the snapshot lists it or the target names it. Nothing else can be read: not what git
    ignores, no symlink, no folder of git or of fanfold.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self._masked = TextCache(_MASKED)
        self._clean: set[tuple[str, int]] = set()
        self._lock = Lock()

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """The files, in order of their names."""
        found = {*self.target.snapshot.paths(), *self.target.paths}
        return tuple(sorted(path for path in found if is_inside(path) and not is_own(path)))

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.paths)

    @cached_property
    def added(self) -> Mapping[str, tuple[range, ...]]:
        """The lines that the change under review adds, by file."""
        return {change.path: change.added for change in self.target.changes}

    def path(self, asked: str) -> str:
        """Return the file that was asked for as the snapshot calls it. Raises ToolError when there is none."""
        path = asked.removeprefix("./")
        if path in self._known:
            return path
        if not is_inside(path.removesuffix("/") or "."):
            raise ToolError(f"{echo(asked)}: paths are relative to the target's root and stay inside it, without '..'")
        folder = f"{path.removesuffix('/')}/"
        at = bisect_left(self.paths, folder)
        if at < len(self.paths) and self.paths[at].startswith(folder):
            raise ToolError(f"{echo(asked)} is a folder: call list_files with the glob {echo(folder + '**')}")
        raise ToolError(
            f"there is no file {echo(asked)} in the target (ignored files, symlinks and submodules are not part of it)",
            self._suggestions(path),
        )

    def _suggestions(self, path: str) -> str:
        name = path.rpartition("/")[2]
        same = [known for known in self.paths if known.rpartition("/")[2] == name]
        return "\n".join(["Files of that name:", *map(named, same[:_SUGGESTED])]) if same else ""

    def text(self, asked: str) -> tuple[str, str]:
        """Return the file's path and its text, secrets masked. Raises ToolError when it can't be read out."""
        path = self.path(asked)
        if not may_be_read(path):
            raise ToolError(_secret(asked))
        text = self.target.snapshot.read(path)
        if text is None:
            raise ToolError(f"{echo(asked)} is no text file: binary, larger than {READ_LIMIT >> 20} MB, or gone")
        if holds_secrets(path, text):
            raise ToolError(_secret(asked))
        return path, self.masked(path, text)

    def each(self, paths: Iterable[str], watch: Watch) -> Iterator[tuple[str, str]]:
        """Yield those of the files that may be read out with their texts, secrets masked, until it is late."""
        for path, text in self.target.snapshot.each(path for path in paths if may_be_read(path)):
            if watch.late:
                return
            if text is not None and not holds_secrets(path, text):
                yield path, self.masked(path, text)

    def masked(self, path: str, text: str) -> str:
        """Return `mask(text)`; of a text that was masked before without looking at it again."""
        seen = (path, hash(text))
        if seen in self._clean:
            return text
        key = f"{path}\0{seen[1]}"
        masked = self._masked.get(key, lambda _: {key: mask(text)}) or ""
        if masked == text:
            with self._lock:
                if len(self._clean) >= _CLEAN:
                    self._clean.clear()
                self._clean.add(seen)
        return masked

    @cached_property
    def _history(self) -> tuple[Git, str] | None:
        try:
            git = Git.at(self.target.root)
            head = self.target.head or (git and head_id(git))
        except TargetError:
            return None
        return (git, head) if git and head and git.folder == self.target.root.resolve() else None

    def history(self, watch: Watch) -> tuple[Git, str]:
        """Return the target's repository, its commands bound to the watch, and the commit its history ends with.

        Raises ToolError outside of git, and when nothing is committed.
        """
        if self._history is None:
            raise ToolError("the target has no git history")
        git, head = self._history
        return replace(git, timeout_s=watch.left_s, started=watch.ends), head


class Readable:
    """The files of a scope that may be read out, as a snapshot, secrets masked; none once it is late."""

    def __init__(self, scope: Scope, watch: Watch) -> None:
        self._scope = scope
        self._watch = watch

    def read(self, path: str) -> str | None:
        return next((text for _, text in self._scope.each([path], self._watch)), None)

    def paths(self) -> tuple[str, ...]:
        return self._scope.paths

    def each(self, paths: Iterable[str]) -> Iterator[tuple[str, str | None]]:
        return iter(self._scope.each(paths, self._watch))

    def on_disk(self, paths: Iterable[str]) -> AbstractContextManager[Path]:
        return written((path, text.encode(), False) for path, text in self._scope.each(paths, self._watch))


def _secret(asked: str) -> str:
    return f"{echo(asked)} holds secrets: it is listed, and never read out; reason from the code that uses it"
