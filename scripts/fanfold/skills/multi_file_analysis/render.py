"""From an answer in blocks to markdown with numbered citations: mechanical, so that no model can cite what isn't there.

`[n]` stands for the nth citation. A sentence that states something of the code and has no citation is marked; one that
had only citations that don't exist is left out. Both are counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from fanfold.agents.said import one_line
from fanfold.reports.analysed import Citation, Contradiction
from fanfold.skills.multi_file_analysis.answer import Block, Conflict, Sentence, SynthesisAnswer
from fanfold.skills.multi_file_analysis.citations import Checked
from fanfold.skills.multi_file_analysis.notes import known_ids

UNSUPPORTED = "*(no source)*"
_LONGEST_SENTENCE = 1_200
_LONGEST_HEADING = 120
_LONGEST_ABOUT = 300
_CODE = re.compile(r"(`[^`]*`)")
# Ids of notes inside of the text, where they don't belong.
_INLINE = re.compile(r"\s*[\[(]((?:N\d{1,6}[,;\s]*)+)[\])]")
_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[A-Z`*])")
_ABBREVIATED = re.compile(r"(?:\b(?:e\.g|i\.e|cf|vs|etc|resp|approx|incl|no|fig)|\b[A-Z])\.$", re.IGNORECASE)
# What leads on is short; what is longer says something, whatever it is called.
_LEADS_ON = 16
# What a sentence can hardly have without being about the code.
_OF_CODE = re.compile(r"`|\w\(\)|\w_\w|[a-z][A-Z]|\w\.(?:py|[cm]?[jt]sx?|go|rs|java|rb|php|cs|[ch](?:pp|xx)?)\b")
# What would begin a heading, a list, a quote, a table, a rule or a fence.
_STRUCTURE = re.compile(r"^(?:[#>|=~+*-]|\d+[.)])")
_END = re.compile(r"([.!?:]?)$")
_SPECIAL = re.compile(r"[\\\[\]<>]")


@dataclass(slots=True)
class Rendered:
    """An answer as markdown, and what it stands on."""

    answer: str = ""
    citations: list[Citation] = field(default_factory=list)
    contradictions: list[Contradiction] = field(default_factory=list)
    dropped: int = 0
    unsupported: int = 0


def render(said: SynthesisAnswer, notes: Sequence[Checked], conflicts: Iterable[Conflict] = ()) -> Rendered:
    """Return the answer as markdown; `conflicts` are those that reducers saw."""
    writer = _Writer(notes)
    return writer.write(said, conflicts)


class _Writer:
    """Writes one answer, and numbers citations in the order in which they are first used."""

    def __init__(self, notes: Sequence[Checked]) -> None:
        self._notes = notes
        self._numbers: dict[tuple[str, int, int, str], int] = {}
        self._made = Rendered()

    def write(self, said: SynthesisAnswer, conflicts: Iterable[Conflict]) -> Rendered:
        parts: list[str] = []
        before = ""
        for block in said.blocks:
            text = self._block(block)
            if text:
                # Items of one list stand on lines that follow one another.
                apart = "\n" if block.kind == before == "item" else "\n\n"
                parts += [apart, text] if parts else [text]
                before = block.kind
        self._made.answer = "".join(parts)
        self._made.contradictions = list(self._contradictions([*said.contradictions, *conflicts]))
        return self._made

    def _block(self, block: Block) -> str:
        if block.kind == "heading":
            return _heading(block)
        if block.kind == "quote":
            return "\n\n".join(self._quotes(block))
        text = " ".join(filter(None, (self._sentence(sentence) for sentence in block.sentences)))
        if not text:
            return ""
        return f"- {text}" if block.kind == "item" else _STRUCTURE.sub(lambda found: f"\\{found[0]}", text)

    def _sentence(self, sentence: Sentence) -> str:
        """Return a sentence with its citations; each, when there are several in its text."""
        found, unknown, text = self._cited(sentence)
        self._made.dropped += unknown
        text = one_line(text, _LONGEST_SENTENCE)
        if not text:
            return ""
        stated = sentence.states or bool(_OF_CODE.search(text)) or len(text.split()) > _LEADS_ON
        pieces = list(_split(text))
        if not found and stated:
            self._made.unsupported += len(pieces)
            if unknown:
                return ""
        marks = " ".join(f"[{number}]" for number in sorted({self._number(index) for index in found}))
        marks = marks or (UNSUPPORTED if stated else "")
        return " ".join(_marked(_inline(piece), marks) for piece in pieces)

    def _cited(self, sentence: Sentence) -> tuple[list[int], int, str]:
        """Return the notes that a sentence stands on, how many ids name none, and the text without ids."""
        inside = [one for found in _INLINE.finditer(sentence.text) for one in re.findall(r"N\d+", found[1])]
        found, unknown = known_ids([*sentence.notes, *inside], len(self._notes))
        return found, unknown, _INLINE.sub("", sentence.text)

    def _number(self, index: int) -> int:
        """Return the number of the citation that a note is; notes on the same lines are one."""
        one = self._notes[index]
        note = one.note
        key = (note.path, note.line, note.end_line, note.quote)
        if key not in self._numbers:
            self._numbers[key] = len(self._numbers) + 1
            self._made.citations.append(
                Citation(path=note.path, line=note.line, end_line=note.end_line, quote=note.quote, status=one.status)
            )
        return self._numbers[key]

    def _quotes(self, block: Block) -> Iterator[str]:
        """Yield the code of notes: as it stands in the files, not as a model says it."""
        for sentence in block.sentences:
            found, unknown, _ = self._cited(sentence)
            self._made.dropped += unknown
            for index in found:
                quote = self._notes[index].note.quote
                fence = "`" * max(3, 1 + max(map(len, re.findall("`+", quote)), default=0))
                yield f"[{self._number(index)}]\n\n{fence}\n{quote}\n{fence}"

    def _contradictions(self, conflicts: Iterable[Conflict]) -> Iterator[Contradiction]:
        seen: set[frozenset[int]] = set()
        for conflict in conflicts:
            found, unknown = known_ids(conflict.notes, len(self._notes))
            self._made.dropped += unknown
            if len(found) > 1 and frozenset(found) not in seen:
                seen.add(frozenset(found))
                notes = tuple(self._notes[index].note for index in found)
                yield Contradiction(about=one_line(conflict.about, _LONGEST_ABOUT), notes=notes)


def _heading(block: Block) -> str:
    text = one_line(" ".join(_INLINE.sub("", sentence.text) for sentence in block.sentences), _LONGEST_HEADING)
    text = _inline(text.lstrip("# "))
    return f"## {text}" if text else ""


def _split(text: str) -> Iterator[str]:
    """Yield the sentences of a text; what stands in backquotes is never cut."""
    if not text:
        return
    start = 0
    codes = [found.span() for found in _CODE.finditer(text)]
    for found in _SENTENCES.finditer(text):
        inside = any(begin < found.start() < end for begin, end in codes)
        if not inside and not _ABBREVIATED.search(text[start : found.start()]):
            yield text[start : found.start()]
            start = found.end()
    yield text[start:]


def _marked(text: str, marks: str) -> str:
    """Put citations before the sentence's full stop."""
    return _END.sub(lambda end: f" {marks}{end[1]}", text, count=1) if marks else text


def _inline(text: str) -> str:
    """Return a model's text as inline markdown: emphasis and code stay; links, HTML and made-up citations don't."""
    if text.count("`") % 2:
        text = text.replace("`", "'")
    parts = _CODE.split(text)
    return "".join(part if place % 2 else _SPECIAL.sub(r"\\\g<0>", part) for place, part in enumerate(parts))
