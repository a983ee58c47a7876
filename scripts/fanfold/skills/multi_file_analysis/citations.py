"""Citations are looked up: the file is there, its lines are, and the quote stands in them, or there is no note.

What sub-agents were shown is what quotes are held against: the same revision, secrets masked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from fanfold.agents.said import clean, one_line
from fanfold.models import Dropped
from fanfold.reports.analysed import Note
from fanfold.skills.multi_file_analysis.answer import ReportedNote
from fanfold.sources.anchors import FileText, Place
from fanfold.sources.secrets import read_out
from fanfold.sources.target import Target
from fanfold.sources.text import is_inside, is_own, printable

MOST_RELEVANT = 10
_LONGEST_STATEMENT = 600
# A statement may be about a whole function; one that names half a file says nothing about where.
_LONGEST_RANGE = 120
_LONGEST_QUOTE = 12
# Our own numbering, which a sub-agent may copy along with the code.
_NUMBERED = re.compile(r"^ *\d{1,9}\| ?", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Checked:
    """A note whose quote stands where it says; `repaired` when it was found elsewhere in the file than it was said."""

    note: Note
    status: Literal["verified", "repaired"]


class Checker:
    """Looks notes up in the files of one target, each read and indexed once."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._paths: dict[str, str] | None = None
        self._files: dict[str, FileText | None] = {}

    def check(self, said: ReportedNote, area: str) -> Checked | Dropped:
        """Return the note with the lines that its quote stands on, or why it is dropped."""
        statement, named = one_line(said.statement, _LONGEST_STATEMENT), said.path.strip().removeprefix("./")
        line, end_line = max(1, said.line), max(1, said.line, said.end_line)
        path = self._known.get(named)
        file = self._file(path) if path is not None else None
        if path is None or file is None:
            return Dropped(title=statement, path=one_line(named), line=line, reason="outside-the-target")
        place = _located(file, _bare(said.quote), line, end_line)
        if place is None or not statement:
            return Dropped(title=statement, path=path, line=line, reason="not-in-file")
        first, last, status = _placed(place, line, end_line, len(file.lines))
        note = Note(
            path=path,
            line=first,
            end_line=last,
            statement=statement,
            quote=_shortened(place.quote),
            quote_line=place.line,
            relevance=min(max(said.relevance, 0), MOST_RELEVANT) / MOST_RELEVANT,
            area=area,
        )
        return Checked(note, status)

    def again(self, note: Note) -> Checked | None:
        """Return an earlier run's note if its quote still stands in the file, with the lines it has now."""
        file = self._file(note.path) if self._known.get(note.path) == note.path else None
        was = note.quote_line or note.line
        place = file.locate(note.quote, was) if file else None
        if file is None or place is None:
            return None
        by = place.line - was
        if not by and note.end_line <= len(file.lines):
            return Checked(note, "verified")
        first, last = max(1, note.line + by), min(max(place.end_line, note.end_line + by), len(file.lines))
        return Checked(note.model_copy(update={"line": first, "end_line": last, "quote_line": place.line}), "repaired")

    def stated(self, note: Note) -> Checked | None:
        """Return a note of ours on the lines that it names, with the first of them that says anything as its quote."""
        file = self._file(note.path) if self._known.get(note.path) == note.path else None
        lines = enumerate(file.lines[note.line - 1 : note.end_line], note.line) if file else ()
        found = next(((number, line) for number, line in lines if any(map(str.isalnum, line))), None)
        if found is None:
            return None
        number, line = found
        last = min(note.end_line, number + _LONGEST_RANGE - 1, len(file.lines) if file else number)
        at = {"line": number, "end_line": last, "quote": line, "quote_line": number}
        return Checked(note.model_copy(update=at), "verified")

    @property
    def _known(self) -> dict[str, str]:
        """The files by the names that sub-agents were shown."""
        if self._paths is None:
            found = {*self._target.snapshot.paths(), *self._target.paths}
            there = [path for path in sorted(found) if is_inside(path) and not is_own(path)]
            self._paths = {printable(path): path for path in there} | {path: path for path in there}
        return self._paths

    def _file(self, path: str) -> FileText | None:
        if path not in self._files:
            text = self._target.snapshot.read(path)
            shown = None if text is None else read_out(path, text)
            self._files[path] = None if shown is None else FileText(shown)
        return self._files[path]


def _bare(quote: str) -> str:
    """Return a quote without what was shown beside the code."""
    return _NUMBERED.sub("", quote)


def _located(file: FileText, quote: str, line: int, end_line: int) -> Place | None:
    """Return where a quote stands: among these lines if it is there, wherever in them, or else the nearest to them."""
    places = [file.locate(quote, near) for near in dict.fromkeys((line, (line + end_line) // 2, end_line))]
    return next((place for place in places if place and _is_inside(place, line, end_line)), places[0])


def _is_inside(place: Place, line: int, end_line: int) -> bool:
    return line <= place.line and place.end_line <= end_line


def _placed(place: Place, line: int, end_line: int, lines: int) -> tuple[int, int, Literal["verified", "repaired"]]:
    """Return the lines of a note: those it names when its quote is among them, else those of the quote."""
    if _is_inside(place, line, end_line) and end_line <= lines and end_line - line < _LONGEST_RANGE:
        return line, end_line, "verified"
    return place.line, place.end_line, "verified" if place.line == line else "repaired"


def _shortened(quote: str) -> str:
    lines = clean(quote).split("\n")
    return "\n".join(lines[:_LONGEST_QUOTE])


def sorted_out(checked: Iterable[Checked | Dropped]) -> tuple[list[Checked], list[Dropped]]:
    """Return what stands, and what is dropped."""
    every = list(checked)
    return [one for one in every if isinstance(one, Checked)], [one for one in every if isinstance(one, Dropped)]
