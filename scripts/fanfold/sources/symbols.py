"""Where a name is defined and used in a tree: a scan for the word first, outlines of those files alone that have it.

By name, not by type: a use of `close` may be of another `close`. What is certain is that nothing is left out
without a word: places beyond the limit are counted, and files that were too large to be parsed are searched as text.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TypeAlias

from fanfold.models import Frozen
from fanfold.sources.outline import Outline, language_of, outline
from fanfold.sources.outline.languages import BY_NAME
from fanfold.sources.snapshot import Snapshot
from fanfold.sources.text import split_lines

_WORD = re.compile(r"[^\W\d]\w*")
_FEW = 8  # names for which searching each is faster than splitting the text into words
_KEPT = 256  # outlines
_LONGEST_TEXT = 200  # characters of a place's line
_SEPARATOR = re.compile(r"\.|::|#|->")

Paths: TypeAlias = Iterable[str]
Places: TypeAlias = "Callable[[str, str, Sequence[str]], Iterator[SymbolPlace]]"


class SymbolPlace(Frozen):
    """A place in a file, 1-based. `what` is a definition's kind, or "call", "attribute", "name" or "import".

    `name` is the qualified name of what is defined, or the name that is used with what it is taken of; `text` the
    line itself, cut at 200 characters.
    """

    path: str
    line: int
    end_line: int
    what: str
    name: str
    text: str


class Found(Frozen):
    """The first places, code in languages that are parsed before other text, each in order of path and line.

    `more` is how many there are besides in the files that were looked into; `more_files` are those that have the word
    and were not, because there was enough.
    """

    places: tuple[SymbolPlace, ...] = ()
    more: int = 0
    more_files: int = 0


class Symbols:
    """The names in a snapshot, or in those of its files that are given."""

    def __init__(self, snapshot: Snapshot, paths: Paths | None = None) -> None:
        self._snapshot = snapshot
        self._paths = tuple(sorted(snapshot.paths() if paths is None else paths, key=lambda path: (_rank(path), path)))
        self._outlines: OrderedDict[str, Outline] = OrderedDict()

    def defined(self, name: str, limit: int = 20) -> Found:
        """Return where `name` is defined: a bare name, or the end of a qualified one (`Class.method`)."""
        wanted = ".".join(part for part in _SEPARATOR.split(name.strip()) if part)

        last = re.escape(wanted.rpartition(".")[2])
        # In Python it can be told from the text alone that a file only uses the name, as most do.
        binds = re.compile(rf"\b(?:def|class|type)\s+{last}\b|^[^\n#(]*\b{last}\b[^\n(]*?[:=]", re.MULTILINE)

        def places(path: str, text: str, lines: Sequence[str]) -> Iterator[SymbolPlace]:
            if language_of(path) == "python" and not binds.search(text):
                return
            for d in self.outline(path).definitions_of(wanted):
                yield _place(path, d.name_line, d.kind, d.qualified, lines, end_line=d.end_line)

        return self._found(wanted, places, limit)

    def used(self, name: str, limit: int = 50) -> Found:
        """Return where `name` is used: called, taken as an attribute, named, imported; its definitions are no uses.

        Of a qualified name the last part counts, and only where it is an attribute.
        """
        *above, last = [part for part in _SEPARATOR.split(name.strip()) if part] or [""]

        def places(path: str, _text: str, lines: Sequence[str]) -> Iterator[SymbolPlace]:
            found = self.outline(path)
            imports = [i for i in found.imports if last in {i.name, i.bound} and not above]
            aliases = {i.bound for i in imports if i.bound}  # what it is called here
            uses = [
                (line, "call" if r.call else "attribute" if r.attribute else "name", _spelled(r.receiver, r.name))
                for spelled in sorted({last, *aliases})
                for r in found.references_to(spelled)
                if r.attribute or not above
                for line in r.lines
            ]
            uses += [(i.line, "import", i.name or i.module) for i in imports]
            best: dict[int, tuple[int, str, str]] = {}
            for use in sorted(uses, key=lambda use: (use[0], _STRENGTH[use[1]], use)):
                best.setdefault(use[0], use)
            for line, what, spelled in best.values():
                yield _place(path, line, what, spelled, lines)

        return self._found(last, places, limit)

    def outline(self, path: str) -> Outline:
        """Return a file's outline, an empty one where there is no text."""
        if path not in self._outlines:
            self._outlines[path] = outline(path, self._snapshot.read(path) or "")
            if len(self._outlines) > _KEPT:
                self._outlines.popitem(last=False)
        self._outlines.move_to_end(path)
        return self._outlines[path]

    def naming(self, names: Collection[str]) -> Iterator[tuple[str, str, frozenset[str]]]:
        """Yield the files in which one of these words stands, with their text and which words: one pass for all."""
        wanted = frozenset(name for name in names if name)
        if not wanted:
            return
        for path, text in self._snapshot.each(self._paths):
            words = _words(text, wanted) if text else frozenset()
            if words and text:
                yield path, text, words

    def _found(self, name: str, places: Places, limit: int) -> Found:
        kept: list[SymbolPlace] = []
        more = more_files = 0
        for path, text, _ in self.naming({name.rpartition(".")[2]}):
            if len(kept) == limit:
                more_files += 1
                continue
            found = list(places(path, text, split_lines(text)))
            more += max(0, len(kept) + len(found) - limit)
            kept += found[: limit - len(kept)]
        return Found(places=tuple(kept), more=more, more_files=more_files)


_STRENGTH = {"call": 0, "attribute": 1, "name": 2, "import": 3}


def _words(text: str, wanted: frozenset[str]) -> frozenset[str]:
    if len(wanted) > _FEW:
        return wanted.intersection(_WORD.findall(text))
    return frozenset(
        name for name in wanted if name in text and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None
    )


def _rank(path: str) -> int:
    return 0 if language_of(path) in BY_NAME else 1


def _spelled(receiver: str, name: str) -> str:
    return f"{receiver}.{name}" if receiver else name


def _place(
    path: str, line: int, what: str, name: str, lines: Sequence[str], *, end_line: int | None = None
) -> SymbolPlace:
    text = lines[line - 1].strip()[:_LONGEST_TEXT] if line <= len(lines) else ""
    return SymbolPlace(path=path, line=line, end_line=end_line or line, what=what, name=name, text=text)
