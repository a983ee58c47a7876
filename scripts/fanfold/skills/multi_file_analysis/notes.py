"""Notes as sub-agents are shown them: ranked, each thing once, with the ids by which they are cited."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fanfold.agents.prices import estimate_tokens
from fanfold.reports.analysed import Note
from fanfold.skills.multi_file_analysis.citations import Checked
from fanfold.sources.text import printable

# Two statements about the same lines are one when so much of their words agrees, in per cent.
_ALIKE = 88.0
_ID = re.compile(r"N?(\d{1,6})")
_SHOWN_QUOTE = 3


@dataclass(frozen=True, slots=True)
class Item:
    """A statement and the notes it stands on, by their places in the list of notes; `relevance` is 0 to 1."""

    statement: str
    notes: tuple[int, ...]
    relevance: float
    text: str

    @property
    def tokens(self) -> int:
        return estimate_tokens(self.text) + 1


def ranked(found: Iterable[Checked]) -> tuple[Checked, ...]:
    """Return the notes most relevant first, what says the same of the same lines once; the order is that of content."""
    by_path: dict[str, list[Checked]] = defaultdict(list)
    kept: list[Checked] = []
    for one in sorted(found, key=_rank):
        if not any(_same(one.note, other.note) for other in by_path[one.note.path]):
            by_path[one.note.path].append(one)
            kept.append(one)
    return tuple(kept)


def _rank(one: Checked) -> tuple[object, ...]:
    note = one.note
    return -note.relevance, note.path, note.line, note.end_line, note.statement, note.area, one.status


def _same(a: Note, b: Note) -> bool:
    from rapidfuzz.fuzz import token_sort_ratio

    if a.line > b.end_line or b.line > a.end_line:
        return False
    return a.statement == b.statement or token_sort_ratio(a.statement.lower(), b.statement.lower()) >= _ALIKE


def note_id(index: int) -> str:
    """Return the id under which sub-agents know the note at `index` (from 0): N1 is the first."""
    return f"N{index + 1}"


def known_ids(said: Iterable[str], count: int) -> tuple[list[int], int]:
    """Return the places of the notes that ids name, each once, and how many ids name none of `count` notes."""
    found: dict[int, None] = {}
    unknown = 0
    for one in said:
        match = _ID.fullmatch(one.strip().strip("[]()"))
        index = int(match[1]) - 1 if match else -1
        if 0 <= index < count:
            found[index] = None
        else:
            unknown += 1
    return list(found), unknown


def items_of(notes: Sequence[Checked]) -> tuple[Item, ...]:
    """Return one item a note, in their order."""
    return tuple(
        Item(one.note.statement, (index,), one.note.relevance, _noted(index, one.note))
        for index, one in enumerate(notes)
    )


def item(statement: str, notes: Sequence[int], relevance: float) -> Item:
    """Return what several notes say together."""
    text = f"{' '.join(map(note_id, notes))} [{round(relevance * 10)}]\n  {statement}"
    return Item(statement, tuple(notes), relevance, text)


def _noted(index: int, note: Note) -> str:
    place = f"{note.line}-{note.end_line}" if note.end_line > note.line else f"{note.line}"
    head = f"{note_id(index)} [{round(note.relevance * 10)}] {printable(note.path)}:{place}"
    quote = [f"  | {line}" for line in note.quote.split("\n")[:_SHOWN_QUOTE]]
    return "\n".join([head, f"  {note.statement}", *quote])
