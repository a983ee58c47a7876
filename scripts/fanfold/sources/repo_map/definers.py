"""Who defines a name, as it is kept: tens of thousands of names, of which an edit asks for a few hundred. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TypeAlias

_BLOCK = 64  # names that are searched at once
MARK = "\x7f"
"""Stands between names in a text; JSON need not escape it."""

Numbers: TypeAlias = int | list[int]
"""A file's number in the order of paths, or several, ascending. Most names have one."""

Row: TypeAlias = tuple[str, list[str], list[int], dict[str, Numbers]]
"""Names and numbers as text; the first name of each block and where it begins; names that are not fit for such text."""


class Named:
    """Who defines each name in the files of one family of languages.

    What was kept stays text that is searched, by blocks in order of the names: to make a dictionary of it takes longer
    than everything else that is done with it.
    """

    def __init__(self, news: Mapping[str, Numbers] | None = None, kept: Row = ("", [], [], {})) -> None:
        self._text, self._firsts, self._starts, odd = kept
        self._news: dict[str, Numbers] = {**(news or {}), **odd}

    def __getitem__(self, name: str) -> Sequence[int]:
        """Return the numbers of the files that define a name."""
        found = self._news.get(name)
        if found is None:
            return self._kept(name)
        return (found,) if isinstance(found, int) else found

    def used(self, names: Collection[str]) -> Iterator[tuple[str, Sequence[int]]]:
        """Yield those of these names that a file defines, in any order, each with its definers."""
        news = self._news
        for name in news.keys() & names:
            found = news[name]
            if found != []:
                yield name, (found,) if isinstance(found, int) else found
        for name in names if self._text else ():
            if name not in news and (kept := self._kept(name)):
                yield name, kept

    def by(self, at: int) -> set[str]:
        """Return the names that the file of this number defines."""
        found = {name for name, who in self._news.items() if who == at or (isinstance(who, list) and at in who)}
        for token in (f" {at}{MARK}", f" {at} "):
            hit = self._text.find(token)
            while hit >= 0:
                name, _ = self._around(hit)
                if name is not None and name not in self._news:
                    found.add(name)
                hit = self._text.find(token, hit + 1)
        return found

    def put(self, name: str, numbers: list[int]) -> None:
        """Let these files define a name, from now on; none is nobody."""
        self._news[name] = numbers

    def items(self) -> Iterator[tuple[str, Sequence[int]]]:
        """Yield all names that somebody defines, in order."""
        known = self._text.split(MARK)[1:-1:2]
        for name in sorted({*self._news, *known}):
            if found := self[name]:
                yield name, found

    def row(self) -> Row:
        """Return it as light values."""
        parts: list[str] = []
        firsts: list[str] = []
        starts: list[int] = []
        odd: dict[str, Numbers] = {}
        length = 0
        for name, numbers in self.items():
            if not _fits(name):
                odd[name] = list(numbers)
                continue
            if len(parts) % _BLOCK == 0:
                firsts.append(name)
                starts.append(length)
            parts.append(f"{MARK}{name}{MARK} {' '.join(map(str, numbers))}")
            length += len(parts[-1])
        return "".join(parts) + MARK if parts else "", firsts, starts, odd

    def _kept(self, name: str) -> Sequence[int]:
        block = bisect_right(self._firsts, name) - 1
        if block < 0 or not _fits(name):
            return ()
        start = self._starts[block]
        end = self._starts[block + 1] if block + 1 < len(self._starts) else len(self._text)
        at = self._text.find(f"{MARK}{name}{MARK} ", start, end)
        return self._around(at + len(name) + 2)[1] if at >= 0 else ()

    def _around(self, at: int) -> tuple[str | None, Sequence[int]]:
        """Return a name and the numbers behind it, which are at a place in the text; no name where a name is there."""
        text = self._text
        start = text.rindex(MARK, 0, at + 1)
        if text[start + 1] != " ":
            return None, ()
        numbers = [*map(int, text[start + 2 : text.index(MARK, start + 1)].split(" "))]
        return text[text.rindex(MARK, 0, start) + 1 : start], numbers


def _fits(name: str) -> bool:
    return MARK not in name and not name.startswith(" ")
