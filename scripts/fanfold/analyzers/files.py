"""The files that an analyzer is given: which are there, and how their lines are quoted."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path, PurePosixPath

from fanfold.sources.text import READ_LIMIT, decode, os_path, split_lines

PYTHON = frozenset({".py", ".pyw"})
_LONGEST_QUOTE = 400  # characters: of a minified file's line, its beginning
_LEAST_QUOTE = 3  # visible characters: fewer don't say where they are from
_TOOL_LINE = re.compile(r"\r\n?|\n")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file: `path` as it was given, `real` where it lies."""

    path: str
    real: Path


@dataclass(frozen=True, slots=True)
class Place:
    """Lines of a file, 1-based, and the first of them that says something, without its line ending."""

    line: int
    end_line: int
    quote: str


def present(root: Path, paths: Iterable[str], links: Path) -> tuple[SourceFile, ...]:
    """Return those files that can be read: regular, not huge, and inside `root` once links are followed.

    A file whose name is no UTF-8 lies under another one in the folder `links`, because few programs can
    print it.
    """
    top = root.resolve()
    files = (SourceFile(path, top / os_path(path)) for path in dict.fromkeys(paths))
    return tuple(_named(file, links) for file in files if _readable(top, file.real))


def _named(file: SourceFile, links: Path) -> SourceFile:
    try:
        str(file.real).encode()
    except UnicodeEncodeError:
        name = hashlib.sha256(os.fsencode(file.real)).hexdigest()
        link = links / (name + PurePosixPath(file.path).suffix)
        link.unlink(missing_ok=True)
        link.symlink_to(file.real)
        return SourceFile(file.path, link)
    return file


def _readable(top: Path, path: Path) -> bool:
    try:
        found = path.stat()
        return (
            stat.S_ISREG(found.st_mode)
            and found.st_size <= READ_LIMIT
            and path.resolve(strict=True).is_relative_to(top)
        )
    except (OSError, ValueError, RuntimeError):  # missing, a NUL in the name, a loop of links
        return False


class FileLines:
    r"""One file's lines, counted as git counts them, at "\n".

    Analyzers also count a lone "\r": `place` takes their numbers.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = [line.removesuffix("\r") for line in split_lines(text)]

    @classmethod
    def read(cls, file: SourceFile) -> FileLines | None:
        """Read a file; None when it is binary or has vanished."""
        try:
            text = decode(file.real.read_bytes())
        except OSError:
            return None
        return None if text is None else cls(text)

    def place(self, line: int, end_line: int) -> Place | None:
        """Return the lines `line` to `end_line` of an analyzer.

        A line that says nothing where the fault is, blank or a lone bracket, gives way to the last one
        before it that does. None when there is none.
        """
        first, last = self._real(line), self._real(max(line, end_line))
        for number in range(first, 0, -1):
            if says_something(self.lines[number - 1]):
                end = last if last > first else number
                return Place(number, end, self.lines[number - 1].rstrip()[:_LONGEST_QUOTE])
        return None

    def _real(self, line: int) -> int:
        if "\r" in self.text:
            at = self._tool_starts[max(1, min(line, len(self._tool_starts))) - 1]
            line = bisect_right(self._starts, at)
        return max(0, min(line, len(self.lines)))

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in re.finditer("\n", self.text))]

    @cached_property
    def _tool_starts(self) -> list[int]:
        return [0, *(match.end() for match in _TOOL_LINE.finditer(self.text))]


def says_something(line: str) -> bool:
    """Tell whether a line can be found again by its text."""
    visible = [character for character in line[:_LONGEST_QUOTE] if not character.isspace()]
    return len(visible) >= _LEAST_QUOTE and any(character.isalnum() for character in visible)


class LineCache:
    """The lines of files that findings are about, read when first needed."""

    def __init__(self) -> None:
        self._of = cache(FileLines.read)

    def place(self, file: SourceFile, line: int, end_line: int) -> Place | None:
        """Return where a finding stands, None when that can't be quoted."""
        lines = self._of(file)
        return lines.place(line, end_line) if lines else None

    def line(self, file: SourceFile, number: int) -> str:
        """Return a line that `place` has named."""
        lines = self._of(file)
        return lines.lines[number - 1] if lines else ""

    def text(self, file: SourceFile) -> str:
        """Return all of a file, "" when it is binary."""
        lines = self._of(file)
        return lines.text if lines else ""
