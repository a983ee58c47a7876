"""What a reviewer would open next: the heads around a hunk, the imports in use, the call sites of what changed.

Packed within an allowance, the most telling first; every line has its anchor, none is shown twice, and what did not fit
is said. Whatever else is wanted is for the tools.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import zip_longest

from fanfold.agents.prices import estimate_tokens
from fanfold.models import Finding
from fanfold.skills.code_review.view import Mask, Part, anchored, masked, masks_of
from fanfold.sources.change import FileChange
from fanfold.sources.outline import Definition, Outline
from fanfold.sources.secrets import read_out
from fanfold.sources.symbols import Symbols
from fanfold.sources.target import Target
from fanfold.sources.text import counted, printable, split_lines

_ANCHORED = re.compile(r"^ *(\d+)#[0-9a-f]{3}[ +]\|", re.MULTILINE)
_CALL_SITES = 6
_AROUND = 2
_MOST_SYMBOLS = 40
# Too common to tell anything by name alone.
_SHORTEST_NAME = 3


@dataclass(frozen=True)
class Surroundings:
    """The files around the changes of a target; each is read and outlined once."""

    target: Target
    masks: Mapping[str, Mask]
    _read: dict[str, Sequence[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, target: Target, evidence: Iterable[Finding] = ()) -> Surroundings:
        """Return those of `target`; lines in which a secrets scan found something are cut where it begins."""
        return cls(target, masks_of(evidence))

    @cached_property
    def _symbols(self) -> Symbols:
        return Symbols(self.target.snapshot)

    def text(self, part: Part, allowance: int) -> str:
        """Return what stands around the files of `part`, in at most about `allowance` tokens; "" for nothing."""
        if self.target.whole:
            return ""
        shown = _shown(part)
        pieces = [*self._heads(part, shown), *self._call_sites(part, shown)]
        return _packed(pieces, allowance)

    def _lines(self, path: str) -> Sequence[str]:
        """Return the lines of a file as they may be shown; none of one that holds secrets."""
        if path not in self._read:
            known = read_out(path, self.target.snapshot.read(path) or "")
            secrets = self.masks.get(path, {})
            self._read[path] = [masked(n, line, secrets) for n, line in enumerate(split_lines(known or ""), 1)]
        return self._read[path]

    def _heads(self, part: Part, shown: dict[str, set[int]]) -> Iterator[_Piece]:
        """Yield the heads of definitions that hold a change and are not shown whole, and the imports that are used."""
        for change in self._changes(part):
            known, lines = self._symbols.outline(change.path), self._lines(change.path)
            wanted = [d.name_line for d in _changed(known, change) if d.name_line not in shown[change.path]]
            wanted += [line for line in _imports_in_use(known, shown[change.path]) if line not in shown[change.path]]
            if wanted and lines:
                numbers = sorted({number for number in wanted if number <= len(lines)})
                shown[change.path].update(numbers)
                yield _Piece(change.path, "heads and imports", [anchored(n, " ", lines[n - 1]) for n in numbers])

    def _call_sites(self, part: Part, shown: dict[str, set[int]]) -> Iterator[_Piece]:
        """Yield the places where what changed is used, a few a symbol; how many more there are is said."""
        names = self._symbols_of(part)
        for name in names[:_MOST_SYMBOLS]:
            found = self._symbols.used(name, limit=_CALL_SITES)
            more = found.more + found.more_files
            by_path: dict[str, list[int]] = defaultdict(list)
            for place in found.places:
                if place.what != "import" and place.line not in shown[place.path]:
                    by_path[place.path].append(place.line)
            for path, at in by_path.items():
                lines = self._lines(path)
                numbers = sorted(
                    {n for line in at for n in range(line - _AROUND, line + _AROUND + 1) if 1 <= n <= len(lines)}
                    - shown[path]
                )
                shown[path].update(numbers)
                if numbers:
                    yield _Piece(path, f"uses {name}", [anchored(n, " ", lines[n - 1]) for n in numbers])
            if more and by_path:
                yield _Piece("", "", [f"[{name} is used in {counted(more, 'more place')} at least]"])
        if (left := len(names) - _MOST_SYMBOLS) > 0:
            yield _Piece("", "", [f"[where {counted(left, 'more changed symbol')} are used was not looked up]"])

    def _symbols_of(self, part: Part) -> list[str]:
        """Return the names of what the change touches, the innermost of each file first, file by file in turns."""
        by_file = [_changed(self._symbols.outline(change.path), change) for change in self._changes(part)]
        turns = (d for turn in zip_longest(*by_file) for d in turn if d is not None)
        return list(dict.fromkeys(d.name for d in turns if d.kind != "block" and len(d.name) >= _SHORTEST_NAME))

    def _changes(self, part: Part) -> Iterator[FileChange]:
        inside = set(part.paths)
        return (c for c in self.target.changes if c.path in inside and c.kind != "deleted" and not c.binary)


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some lines of one file, and what they are."""

    path: str
    what: str
    lines: Sequence[str]

    @property
    def text(self) -> str:
        heading = [f"=== {printable(self.path)}: {self.what} ==="] if self.path else []
        return "\n".join([*heading, *self.lines])


def _shown(part: Part) -> dict[str, set[int]]:
    shown: dict[str, set[int]] = defaultdict(set)
    for view in part.views:
        shown[view.path].update(int(number) for number in _ANCHORED.findall(view.text))
    return shown


def _changed(known: Outline, change: FileChange) -> list[Definition]:
    """Return the definitions that the change touches, inner ones first."""
    touched = [d for d in known.definitions if change.touches(d.line, d.end_line)]
    return sorted(touched, key=lambda d: (d.end_line - d.line, d.line))


def _imports_in_use(known: Outline, shown: set[int]) -> Iterator[int]:
    """Yield the lines of imports whose names are used in what is shown."""
    used = {reference.name for reference in known.references if not shown.isdisjoint(reference.lines)}
    receivers = {r.receiver.partition(".")[0] for r in known.references if r.receiver and not shown.isdisjoint(r.lines)}
    for imported in known.imports:
        if imported.bound in used | receivers:
            yield imported.line


def _packed(pieces: Iterable[_Piece], allowance: int) -> str:
    """Join pieces while they fit, and say how many did not."""
    kept: list[str] = []
    left_out = 0
    for piece in pieces:
        cost = estimate_tokens(piece.text)
        if cost > allowance:
            left_out += 1
            continue
        allowance -= cost
        kept.append(piece.text)
    if left_out:
        kept.append(f"[{counted(left_out, 'further place')} did not fit; look them up]")
    return "\n\n".join(kept)
