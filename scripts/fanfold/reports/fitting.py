"""Markdown for places that take so much and no more: cut where nothing is open, and saying that it was cut."""

from __future__ import annotations

import re
from dataclasses import dataclass

_FENCE = re.compile(r" {0,3}(?P<mark>`{3,}|~{3,})(?P<info>.*)")
_FOLD = re.compile(r"<(/?)details\b")
_NOTE = "\n**Cut here: {} of {} lines fit.** All of it is in `run.json`.\n"
_ROOM = len(_NOTE) + 20


def fence_after(line: str, fence: str) -> str:
    """Return the marks that open the fenced block in which the next line stands, "" outside of one."""
    found = _FENCE.match(line.rstrip())
    if found is None:
        return fence
    if not fence:
        return found["mark"]
    closes = found["mark"].startswith(fence) and not found["info"].strip()
    return "" if closes else fence


@dataclass(slots=True)
class _State:
    """What is open at the end of a line: the mark of a code block, how many folds, HTML (up to a blank line)."""

    fence: str = ""
    folds: int = 0
    html: bool = False

    def take(self, line: str) -> None:
        before, self.fence = self.fence, "" if self.html else fence_after(line, self.fence)
        if not before and not self.fence:
            fold = _FOLD.match(line)
            self.folds = max(0, self.folds + (0 if fold is None else -1 if fold[1] else 1))
            self.html = bool(fold or self.html) and not line.isspace()

    def closed(self) -> str:
        """Return the lines that close what is open."""
        fence = f"{self.fence}\n" if self.fence else ""
        return fence + "\n</details>\n" * self.folds


def fit(markdown: str, most: int) -> str:
    """Return markdown of at most `most` bytes (UTF-8): all of it, or its beginning and a line that says so.

    It is cut between blocks where that keeps at least half of what there is room for, else between lines, and what is
    open is closed. So the number of characters is below `most` as well, however they are counted.
    """
    if len(markdown.encode()) <= most:
        return markdown
    lines = markdown.splitlines(keepends=True)
    state, size = _State(), 0
    kept, closing, sizes = 0, "", [0]
    between = 0
    for number, line in enumerate(lines, 1):
        state.take(line)
        size += len(line.encode())
        closed = state.closed()
        if size + len(closed) + _ROOM > most:
            break
        kept, closing = number, closed
        sizes.append(size)
        between = number if not closed and line.isspace() else between
    if sizes[between] * 2 >= sizes[kept]:
        kept, closing = between, ""
    return "".join(lines[:kept]) + closing + _NOTE.format(f"{kept:,}", f"{len(lines):,}")
