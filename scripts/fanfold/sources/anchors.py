"""Where a quote stands: line anchors for what a sub-agent is shown, and the way back from a quote to its lines.

A shown line carries `LINE#HASH`. A quote is looked up in the file, exactly first, then ignoring white space;
the line number is set from where it is found. A quote that is nowhere has no place.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

_HASH_DIGITS = 3
_LEAST_QUOTE = 3
_ANCHOR = re.compile(r"\s*L?(\d{1,9})#([0-9a-f]{3})")
# What a sub-agent may copy along with the code: our own numbering, or a diff's sign.
_NUMBERING = re.compile(r"^ *\d{1,9}#[0-9a-f]{3}[ +]\| ?")
_SPACE = re.compile(r"\s+")


def line_hash(text: str) -> str:
    """Return the three hex digits that a shown line carries; white space at its ends doesn't count."""
    return hashlib.sha256(text.strip().encode()).hexdigest()[:_HASH_DIGITS]


def anchor(number: int, text: str) -> str:
    """Return the anchor of a line: `41#a3f`."""
    return f"{number}#{line_hash(text)}"


def without_numbering(text: str) -> str:
    """Return the code alone of lines that were copied as they are shown, anchors and signs included."""
    return "\n".join(_NUMBERING.sub("", line) for line in text.split("\n"))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a quote stands: 1-based lines, and those lines as the file has them."""

    line: int
    end_line: int
    quote: str


class FileText:
    """One file's text with what is needed to look quotes up, each part built when first used."""

    def __init__(self, text: str) -> None:
        self.lines = [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")] if text else []

    @cached_property
    def _joined(self) -> tuple[str, list[int]]:
        return "\n".join(self.lines), _starts(len(line) + 1 for line in self.lines)

    @cached_property
    def _squeezed(self) -> tuple[str, list[int]]:
        squeezed = [_SPACE.sub("", line) for line in self.lines]
        return "".join(squeezed), _starts(map(len, squeezed))

    def resolve_anchor(self, text: str) -> int | None:
        """Return the line that an anchor names; the nearest one with its hash when the number is off; else None."""
        match = _ANCHOR.match(text)
        if match is None:
            return None
        number, wanted = int(match[1]), match[2]
        same = [n for n, line in enumerate(self.lines, 1) if line_hash(line) == wanted]
        return min(same, key=lambda n: (abs(n - number), n), default=None)

    def locate(self, quote: str, near: int | None = None) -> Place | None:
        """Find `quote`; of several places the one nearest to the line `near`, or the first. None when it is nowhere.

        A quote of fewer than three visible characters, or without a letter or a digit, says nothing about
        where it is from, so it has no place.
        """
        wanted = without_numbering(quote.strip("\n")).strip()
        bare = _SPACE.sub("", wanted)
        if len(bare) < _LEAST_QUOTE or not any(character.isalnum() for character in bare):
            return None
        for text, starts, needle in ((*self._joined, wanted.replace("\r", "")), (*self._squeezed, bare)):
            found = self._nearest(text, starts, needle, near)
            if found is not None:
                return found
        return None

    def _nearest(self, text: str, starts: list[int], needle: str, near: int | None) -> Place | None:
        places = ((bisect_right(starts, at), bisect_right(starts, at + len(needle) - 1)) for at in _every(text, needle))
        best = min(places, key=lambda place: (abs(place[0] - (near or 1)), place[0]), default=None)
        if best is None:
            return None
        return Place(best[0], best[1], "\n".join(self.lines[best[0] - 1 : best[1]]))


def _starts(lengths: Iterator[int] | map[int]) -> list[int]:
    """Turn lengths into the offsets at which each part starts."""
    starts, offset = [], 0
    for length in lengths:
        starts.append(offset)
        offset += length
    return starts


def _every(text: str, needle: str) -> Iterator[int]:
    """Yield each offset of `needle`, occurrences within one another left out: linear in the length of `text`."""
    at = text.find(needle)
    while at >= 0:
        yield at
        at = text.find(needle, at + len(needle))
