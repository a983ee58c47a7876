"""What happened to a file, as values: the lines of a diff, its hunks, the change."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from fanfold.sources.text import printable, split_lines

ChangeKind = Literal["added", "modified", "deleted", "renamed", "copied", "mode"]

SYMLINK_MODE = "120000"
SUBMODULE_MODE = "160000"


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line of a hunk, with its 1-based number on either side.

    `newline` is False for a file's last line when no newline ends it.
    """

    kind: Literal[" ", "+", "-"]
    old: int | None
    new: int | None
    text: str
    newline: bool = True


@dataclass(frozen=True, slots=True)
class Hunk:
    """One changed place. A side with a count of 0 starts behind the line of that number, as in the diff."""

    old_start: int
    old_count: int
    new_start: int
    new_count: int
    section: str
    lines: tuple[DiffLine, ...]


@dataclass(frozen=True, slots=True)
class FileChange:
    """What happened to one file. `path` is its name after the change, before it for a deleted one.

    `old_path` is set when it was renamed or copied. `binary` says that no lines are shown for it: it is
    binary, or larger than `text.READ_LIMIT` (`text.LARGE` when git doesn't know it). A file that became a
    symlink (or the reverse) is "modified", its modes differ, and it has one hunk for each.

    `added` are the numbers of the new lines. `touched` are those and, where lines went without any coming in,
    the two lines around the gap. Both are ascending ranges that neither meet nor overlap.
    """

    path: str
    old_path: str | None = None
    kind: ChangeKind = "modified"
    binary: bool = False
    submodule: bool = False
    old_mode: str | None = None
    new_mode: str | None = None
    hunks: tuple[Hunk, ...] = ()
    added: tuple[range, ...] = field(init=False, repr=False, compare=False)
    touched: tuple[range, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        runs = [run for hunk in self.hunks for run in _runs(hunk)]
        added = [range(at, at + count) for at, count in runs if count]
        gaps = [range(max(at - 1, 1), at + 1) for at, count in runs if not count]
        object.__setattr__(self, "added", _merged(added))
        object.__setattr__(self, "touched", _merged(added + gaps))

    @property
    def shown(self) -> tuple[tuple[int, int], ...]:
        """The new lines that the diff shows, context included: (first, last) of each hunk that has any."""
        hunks = (hunk for hunk in self.hunks if hunk.new_count)
        return tuple((hunk.new_start, hunk.new_start + hunk.new_count - 1) for hunk in hunks)

    def touches(self, line: int, end_line: int) -> bool:
        """Tell whether the change touches one of these new lines; logarithmic in the number of ranges."""
        at = bisect_right(self.touched, end_line, key=lambda lines: lines.start) - 1
        return at >= 0 and self.touched[at].stop > line


def _runs(hunk: Hunk) -> Iterator[tuple[int, int]]:
    """Yield, for each run of changed lines, the new number where it stands and how many lines came in."""
    number = hunk.new_start if hunk.new_count else hunk.new_start + 1
    came, changed = 0, False
    for line in hunk.lines:
        if line.kind == "+":
            came += 1
        if line.kind != " ":
            changed = True
            continue
        if changed:
            yield number, came
        number += came + 1
        came, changed = 0, False
    if changed:
        yield number, came


def _merged(ranges: Iterable[range]) -> tuple[range, ...]:
    merged: list[range] = []
    for lines in sorted(ranges, key=lambda lines: lines.start):
        if merged and lines.start <= merged[-1].stop:
            merged[-1] = range(merged[-1].start, max(merged[-1].stop, lines.stop))
        else:
            merged.append(lines)
    return tuple(merged)


def whole_file(path: str, text: str, mode: str = "100644") -> FileChange:
    """Return the change that adds a file with this text."""
    texts = split_lines(text)
    last = len(texts) if not text.endswith("\n") else 0
    lines = tuple(DiffLine("+", None, number, line, number != last) for number, line in enumerate(texts, 1))
    hunks = (Hunk(0, 0, 1, len(lines), "", lines),) if lines else ()
    return FileChange(path, kind="added", new_mode=mode, hunks=hunks)


def change_text(changes: Iterable[FileChange]) -> str:
    """Return a change as a diff without context lines beyond its own."""
    return "\n".join(line for change in changes for line in _shown(change))


def _shown(change: FileChange) -> Iterator[str]:
    yield f"--- {printable(change.old_path or change.path)}"
    yield f"+++ {printable(change.path)} ({change.kind})"
    for hunk in change.hunks:
        yield f"@@ -{hunk.old_start},{hunk.old_count} +{hunk.new_start},{hunk.new_count} @@"
        yield from (f"{line.kind}{line.text}" for line in hunk.lines)
