"""The head side of a diff that came as text: its files as they are after it, as far as they can be known.

A file on disk may stand at either side of the diff, or at another state altogether. At the head side it is
what it is; at the base side the hunks are applied to it; otherwise only the hunks' own lines are known, and
all others are empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal

from fanfold.sources.change import SUBMODULE_MODE, SYMLINK_MODE, FileChange, Hunk
from fanfold.sources.files import written
from fanfold.sources.snapshot import Snapshot, TextCache
from fanfold.sources.text import READ_LIMIT, comparable, listed, split_lines

Side = Literal["head", "base", "neither"]


class Patched:
    """The files after a diff. Whatever the diff doesn't show is the tree's, if every file of the diff fits the tree."""

    def __init__(self, tree: Snapshot, changes: Sequence[FileChange]) -> None:
        self._tree = tree
        self._changes = {change.path: change for change in changes if change.kind != "deleted"}
        self._gone = {c.old_path or c.path for c in changes if c.kind in {"deleted", "renamed"}} - self._changes.keys()
        self._sides = {change.path: side_of(tree, change) for change in changes}
        self._fits = "neither" not in self._sides.values()
        self._cache = TextCache()

    @property
    def at_head(self) -> bool:
        """Tell whether the tree stands at the head side of every change: then it is the snapshot itself."""
        return set(self._sides.values()) == {"head"}

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said of files that are known in fragments only."""
        unknown = [path for path in sorted(self._changes) if self._in_fragments(path)]
        return (f"not on disk as the diff has them, so known in fragments only: {listed(unknown)}",) if unknown else ()

    def read(self, path: str) -> str | None:
        change = self._changes.get(path)
        if change is None:
            return self._tree.read(path) if self._fits and path not in self._gone else None
        return self._cache.get(path, lambda _: {path: self._text(change)})

    def each(self, paths: Iterable[str]) -> Iterator[tuple[str, str | None]]:
        return ((path, self.read(path)) for path in paths)

    def _text(self, change: FileChange) -> str | None:
        if change.binary or change.new_mode in {SYMLINK_MODE, SUBMODULE_MODE}:
            return None
        side = self._sides[change.path]
        if side == "head":
            return self._tree.read(change.path)
        if change.kind == "added":
            return applied("", change.hunks).removeprefix("\ufeff")
        text = self._tree.read(change.old_path or change.path) if side == "base" else None
        return fragments(change.hunks) if text is None else applied(text, change.hunks).removeprefix("\ufeff")

    def paths(self) -> tuple[str, ...]:
        known = set(self._tree.paths()) - self._gone if self._fits else set()
        return tuple(sorted(known | self._changes.keys()))

    def on_disk(self, paths: Iterable[str]) -> AbstractContextManager[Path]:
        """See Snapshot; a file of which only fragments are known is left out, as no analyzer could parse it."""
        return written(self._files(paths))

    def _files(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes, bool]]:
        for path in paths:
            text = None if self._in_fragments(path) else self.read(path)
            if text is not None:
                change = self._changes.get(path)
                yield path, text.encode("utf-8", "replace"), change is not None and change.new_mode == "100755"

    def _in_fragments(self, path: str) -> bool:
        change = self._changes.get(path)
        return change is not None and change.kind != "added" and self._sides[path] == "neither"


def side_of(tree: Snapshot, change: FileChange) -> Side:
    """Tell at which side of the change the tree's file stands; "head" when the change shows no text.

    Where it agrees with both, as when lines went from its end, or a diff has no context, lines that came
    decide: the file has them, so it stands at the head. Where none came, it still has those that go.
    """
    if change.binary or change.submodule or SYMLINK_MODE in {change.old_mode, change.new_mode}:
        return "head"
    here, there = tree.read(change.path), tree.read(change.old_path or change.path)
    at_head = here is None if change.kind == "deleted" else _agrees(here, change, old=False)
    at_base = there is None if change.kind == "added" else _agrees(there, change, old=True)
    if at_head and at_base:
        return "head" if change.added or not change.hunks else "base"
    return "head" if at_head else "base" if at_base else "neither"


def _agrees(text: str | None, change: FileChange, *, old: bool) -> bool:
    """Tell whether the text has, where the hunks say, the lines that they show of one side."""
    if text is None:
        return False
    lines = [comparable(line) for line in split_lines(text)]
    if change.kind == "added" and len(lines) != sum(hunk.new_count for hunk in change.hunks):
        return False
    other = "+" if old else "-"
    for hunk in change.hunks:
        first, count = _place(hunk, old=old)
        if lines[first : first + count] != [comparable(line.text) for line in hunk.lines if line.kind != other]:
            return False
    return True


def _place(hunk: Hunk, *, old: bool) -> tuple[int, int]:
    """Return the index of the first line that the hunk has on a side, and how many they are."""
    start, count = (hunk.old_start, hunk.old_count) if old else (hunk.new_start, hunk.new_count)
    return (start - 1 if count else start), count


def applied(text: str, hunks: Sequence[Hunk]) -> str:
    """Return the text after the hunks, which must agree with it."""
    lines = split_lines(text)
    result: list[str] = []
    at = 0
    for hunk in hunks:
        first, count = _place(hunk, old=True)
        result += lines[at:first]
        result += [line.text for line in hunk.lines if line.kind != "-"]
        at = first + count
    ends = text.endswith("\n")
    if hunks and at >= len(lines):
        ends = next((line.newline for line in reversed(hunks[-1].lines) if line.kind != "-"), True)
    result += lines[at:]
    return "\n".join(result) + ("\n" if result and ends else "")


def fragments(hunks: Sequence[Hunk]) -> str | None:
    """Return the hunks' new lines, each at its own number, with empty lines for what isn't known.

    None when that would be longer than READ_LIMIT: a hunk's header may claim any line number.
    """
    parts: list[str] = []
    at = 1
    for line in (line for hunk in hunks for line in hunk.lines):
        if line.new is not None:
            if line.new > READ_LIMIT:
                return None
            parts.append("\n" * (line.new - at) + line.text)
            at = line.new
    return "".join(parts) + "\n" if parts else ""
