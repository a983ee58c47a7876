r"""Unified diffs as values: from git, from `diff -u`, from `git show` or a mail.

The parser is our own. `unidiff` (1.0), the library for this, is linear but wrong where a review can't afford
it: it keeps names in git's C quoting, cuts a hunkless `x b/x` to `x`, yields nothing for a combined diff,
drops in silence the lines that a hunk has beyond its header's counts, takes a folder named `b` for a prefix,
and fails on a mail that says `+++`.

Lines end at "\n" only and keep a trailing "\r"; the byte order mark of a first line stays as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple, TypeVar

from fanfold.errors import TargetError
from fanfold.sources.change import SUBMODULE_MODE, ChangeKind, DiffLine, FileChange, Hunk
from fanfold.sources.diff_names import (
    DEV_NULL,
    binary_names,
    checked,
    git_header_names,
    header_name,
    unquoted,
    without_prefixes,
)
from fanfold.sources.text import split_lines

__all__ = ["DiffLine", "FileChange", "Hunk", "parse_diff"]

T = TypeVar("T")

_HUNK = re.compile(r"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@ ?(.*)", re.DOTALL)
_EXTENDED = (
    "old mode ", "new mode ", "deleted file mode ", "new file mode ", "copy from ", "copy to ",
    "rename from ", "rename to ", "similarity index ", "dissimilarity index ", "index ",
)  # fmt: skip
_BINARY_DATA = re.compile(r"(?:literal|delta) \d+\r?")
_SUBMODULE = re.compile(r"Submodule (.+) [0-9a-f]{7,64}\.{2,3}[0-9a-f]{7,64}(?: \(.*\))?:?\r?")
_COMBINED = ("diff --cc ", "diff --combined ", "@@@ ")
# A kept line that is empty has lost its blank to a mail program or to git's suppressBlankEmpty.
_KEPT = frozenset({" ", "", "\r"})
_SIGNATURE = frozenset({"--", "-- "})  # what ends a mail; it follows a patch's last hunk


def parse_diff(text: str) -> tuple[FileChange, ...]:
    """Return the changes that a unified diff shows, in its order; prose around them is skipped.

    No path comes twice. Linear in the length of the text. Raises TargetError, naming the line, for what is no
    sound diff: wrong counts, hunks out of order, a combined diff, a series of patches to the same file, a
    path that leads out. An empty result means that there is no diff in the text.
    """
    changes: dict[str, FileChange] = {}
    for line, change in _Parser(text).changes():
        earlier = changes.get(change.path)
        if earlier is None:
            changes[change.path] = change
        elif earlier.kind == "deleted" and change.kind == "added" and change.path == next(reversed(changes)):
            changes[change.path] = _type_change(earlier, change)
        else:
            raise _malformed(line, f"{change.path!r} comes again: give one diff of the whole, not a series")
    return tuple(changes.values())


def _type_change(deleted: FileChange, added: FileChange) -> FileChange:
    """Make one of the two that git shows when a file becomes a symlink or a submodule, or the reverse."""
    return FileChange(
        path=added.path,
        binary=deleted.binary or added.binary,
        submodule=added.submodule,
        old_mode=deleted.old_mode,
        new_mode=added.new_mode,
        hunks=deleted.hunks + added.hunks,
    )


def _malformed(line: int, what: str) -> TargetError:
    return TargetError(f"the diff can't be read, line {line}: {what}")


class _Parser:
    """Goes through the lines once; `at` is the index of the next one."""

    def __init__(self, text: str) -> None:
        self.lines = split_lines(text.removeprefix("\ufeff"))
        self.at = 0

    def changes(self) -> Iterator[tuple[int, FileChange]]:
        """Yield each change with the number of its first line."""
        while self.at < len(self.lines):
            start, line = self.at + 1, self.lines[self.at]
            if line.startswith("diff --git "):
                change = self._git_change(start)
            elif line.startswith("--- ") and self._peek(1).startswith("+++ "):
                change = self._plain_change(start)
            else:
                change = self._lone_line(start, line)
                self.at += 1
            if change is not None:
                yield start, change

    def _peek(self, ahead: int = 0) -> str:
        at = self.at + ahead
        return self.lines[at] if at < len(self.lines) else ""

    def _lone_line(self, number: int, line: str) -> FileChange | None:
        """Take a line outside of any file: prose, or a change that is told in one line."""
        if line.startswith(_COMBINED):
            raise _malformed(number, "a combined diff of a merge has no one base: compare with one parent")
        if line.startswith("@@ -") and _HUNK.match(line):
            raise _malformed(number, "a hunk without a file header before it")
        if submodule := _SUBMODULE.fullmatch(line):
            return FileChange(_checked(number, unquoted(submodule[1])), submodule=True)
        if names := binary_names(line):
            old, new = without_prefixes(*names)
            kind = _kind_of_sides(old == DEV_NULL, new == DEV_NULL)
            return FileChange(_checked(number, old if kind == "deleted" else new), kind=kind, binary=True)
        return None

    def _git_change(self, start: int) -> FileChange | None:
        """Take one `diff --git` section; None when nothing stands under its header."""
        names = _named(start, git_header_names, self._peek().removeprefix("diff --git "))
        self.at += 1
        facts = self._extended_header()
        binary = self._binary_body()
        sides = self._sides() if self._peek().startswith("--- ") and not binary else None
        hunks = self._hunks() if sides else ()
        if not (facts.keys() - {"index"} or binary or hunks):
            return None
        return _git_file(start, facts, _git_paths(names, sides), binary, hunks)

    def _extended_header(self) -> dict[str, str]:
        """Return the facts under a `diff --git` line, by what each line starts with."""
        facts: dict[str, str] = {}
        while self.at < len(self.lines):
            line = self._peek().removesuffix("\r")
            name = next((name for name in _EXTENDED if line.startswith(name)), None)
            if name is None:
                break
            facts[name.strip()] = line[len(name) :]
            self.at += 1
        return facts

    def _binary_body(self) -> bool:
        """Take what stands in the place of hunks for a binary file."""
        line = self._peek().removesuffix("\r")
        if line.startswith("Binary files ") and line.endswith(" differ"):
            self.at += 1
            return True
        if line != "GIT binary patch":
            return False
        self.at += 1
        while _BINARY_DATA.fullmatch(self._peek()):
            while self._peek().strip():
                self.at += 1
            self.at += 1
        return True

    def _plain_change(self, start: int) -> FileChange:
        """Take one file of `diff -u`, where a missing side shows in its name or in its time stamp."""
        sides = self._sides()
        hunks = self._hunks()
        old, new = without_prefixes(sides.old, sides.new)
        gone_old = old == DEV_NULL or (sides.old_missing and hunks[0].old_count == 0)
        gone_new = new == DEV_NULL or (sides.new_missing and hunks[0].new_count == 0)
        kind = _kind_of_sides(gone_old, gone_new)
        path = _checked(start, old if new == DEV_NULL else new)
        return _with_lines(FileChange(path, kind=kind), hunks)

    def _sides(self) -> _Sides:
        """Take the two lines that name the file."""
        if not self._peek(1).startswith("+++ "):
            raise _malformed(self.at + 1, "a '---' line without a '+++' line behind it")
        old = _named(self.at + 1, header_name, self._peek()[4:])
        new = _named(self.at + 2, header_name, self._peek(1)[4:])
        self.at += 2
        return _Sides(*old, *new)

    def _hunks(self) -> tuple[Hunk, ...]:
        """Take all hunks of a file; there is at least one, and they go up."""
        hunks: list[Hunk] = []
        old_from = new_from = 0
        while self._peek().startswith("@@"):
            number = self.at + 1
            hunk = self._hunk(number)
            if hunk.old_start < old_from or hunk.new_start < new_from:
                raise _malformed(number, "the hunk overlaps the one before it")
            old_from, new_from = hunk.old_start + hunk.old_count, hunk.new_start + hunk.new_count
            hunks.append(hunk)
        if not hunks:
            raise _malformed(self.at + 1, "a file header without a hunk behind it")
        return tuple(hunks)

    def _hunk(self, start: int) -> Hunk:
        """Take one hunk. `start` is the number of its header line."""
        header = _HUNK.fullmatch(self._peek().removesuffix("\r"))
        if header is None:
            what = "a combined diff" if self._peek().startswith("@@@ ") else "no hunk header"
            raise _malformed(start, f"{what}: expected '@@ -1,2 +1,2 @@', found {self._peek()[:40]!r}")
        self.at += 1
        old, new = int(header[1]), int(header[3])
        counts = [1 if header[index] is None else int(header[index]) for index in (2, 4)]
        lines = self._body(start, old, new, *counts)
        self._refuse_surplus(start)
        return Hunk(old, counts[0], new, counts[1], header[5], tuple(lines))

    def _body(self, start: int, old: int, new: int, old_left: int, new_left: int) -> list[DiffLine]:
        """Take a hunk's lines until both counts are used up."""
        body: list[DiffLine] = []
        lines, at = self.lines, self.at
        while at < len(lines):
            line = lines[at]
            sign = line[:1]
            if sign == "+" and new_left:
                body.append(DiffLine("+", None, new, line[1:]))
                new, new_left = new + 1, new_left - 1
            elif sign == "-" and old_left:
                body.append(DiffLine("-", old, None, line[1:]))
                old, old_left = old + 1, old_left - 1
            elif sign in _KEPT and old_left and new_left:
                body.append(DiffLine(" ", old, new, line[1:] if sign == " " else line))
                old, new, old_left, new_left = old + 1, new + 1, old_left - 1, new_left - 1
            elif sign == "\\" and body:
                body[-1] = replace(body[-1], newline=False)
            else:
                break
            at += 1
        self.at = at
        if old_left or new_left:
            missing = f"{old_left} old and {new_left} new lines short of what its header says"
            raise _malformed(self.at + 1, f"the hunk of line {start} ends here, {missing}")
        return body

    def _refuse_surplus(self, start: int) -> None:
        """Raise when a hunk goes on beyond its counts: those lines would be lost without a word."""
        line = self._peek()
        next_file = line.startswith("--- ") and self._peek(1).startswith("+++ ")
        if line.startswith(("+", "-", " ")) and not next_file and line.removesuffix("\r") not in _SIGNATURE:
            raise _malformed(self.at + 1, f"the hunk of line {start} has more lines than its header says")


class _Sides(NamedTuple):
    """What the `---` and `+++` lines say; a side may also look missing by its time stamp."""

    old: str
    old_missing: bool
    new: str
    new_missing: bool


def _named(number: int, read: Callable[[str], T], text: str) -> T:
    """Return `read(text)`, its ValueError as a malformed line."""
    try:
        return read(text)
    except ValueError as error:
        raise _malformed(number, str(error)) from None


def _checked(number: int, path: str) -> str:
    return _named(number, checked, path)


def _git_paths(names: tuple[str, str] | None, sides: _Sides | None) -> tuple[str, str]:
    """Return both names as the header gives them or, when they can't be told apart there, from the sides."""
    if names is not None:
        old, new = without_prefixes(*names)
        if old == new or sides is None:
            return old, new
    return without_prefixes(sides.old, sides.new) if sides else ("", "")


def _git_file(
    start: int, facts: Mapping[str, str], paths: tuple[str, str], binary: bool, hunks: tuple[Hunk, ...]
) -> FileChange:
    """Put together what a `diff --git` section says."""
    old, new = paths
    moved = next((verb for verb in ("rename", "copy") if f"{verb} to" in facts), None)
    if moved:
        old, new = (_named(start, unquoted, facts.get(f"{moved} {way}", "")) for way in ("from", "to"))
    _, _, mode = facts.get("index", "").partition(" ")
    modes = (facts.get("old mode") or facts.get("deleted file mode") or mode or None,
             facts.get("new mode") or facts.get("new file mode") or mode or None)  # fmt: skip
    kind = _git_kind(facts, paths, has_content=bool(binary or hunks))
    change = FileChange(
        path=_checked(start, old if new == DEV_NULL else new),
        old_path=_checked(start, old) if moved else None,
        kind=kind,
        binary=binary,
        submodule=SUBMODULE_MODE in modes,
        old_mode=modes[0] if kind != "added" else None,
        new_mode=modes[1] if kind != "deleted" else None,
    )
    return _with_lines(change, hunks)


def _git_kind(facts: Mapping[str, str], paths: tuple[str, str], *, has_content: bool) -> ChangeKind:
    if "rename to" in facts:
        return "renamed"
    if "copy to" in facts:
        return "copied"
    old_missing = "new file mode" in facts or paths[0] == DEV_NULL
    new_missing = "deleted file mode" in facts or paths[1] == DEV_NULL
    if has_content or old_missing or new_missing:
        return _kind_of_sides(old_missing, new_missing)
    return "mode"


def _kind_of_sides(old_missing: bool, new_missing: bool) -> ChangeKind:
    return "added" if old_missing else "deleted" if new_missing else "modified"


def _with_lines(change: FileChange, hunks: tuple[Hunk, ...]) -> FileChange:
    """Return the change with its lines; a NUL in them makes it binary, whatever the differ took it for."""
    if any("\0" in line.text for hunk in hunks for line in hunk.lines):
        return replace(change, binary=True)
    return replace(change, hunks=hunks)
