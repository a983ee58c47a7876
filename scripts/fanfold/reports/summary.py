"""A report that fits where it is shown: whole sections from its beginning, then the names of the rest and its file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from fanfold.reports.escape import clip
from fanfold.reports.fitting import fence_after

_HEADING = re.compile(r"#{1,6} (?P<title>.+)")
_LONGEST_TITLE = 120
# So much of the room is kept for the names of what is cut.
_NAMES = 0.25


def shortened(report: str, most: int, where: str) -> str:
    """Return a markdown report in at most `most` characters, which are to be 1,000 or more.

    One that is longer is cut before a heading, or, where its first section alone is too long, after a line. Its end
    says that it was cut, which headings are missing, and `where` the whole of it is.
    """
    if len(report) <= most:
        return report
    sections = list(_sections(report))
    closing = f"The whole report, {len(report):,} characters, is in this file: {where}\n"
    room = int(most * (1 - _NAMES)) - len(closing)
    kept, length = 0, 0
    while kept < len(sections) and length + len(sections[kept]) <= room:
        length += len(sections[kept])
        kept += 1
    shown = "".join(sections[:kept]) if kept else _first_lines(sections[0], room)
    rest = sections[kept:] if kept else sections[1:]
    head = f"{shown.rstrip()}\n\n---\n\n**The report was cut here to fit.** {closing}"
    return head + _names(rest, most - len(head))


def _sections(text: str) -> Iterator[str]:
    """Yield the text in pieces that begin with a heading; what looks like one in a fenced block is none."""
    piece: list[str] = []
    fence = ""
    for line in text.splitlines(keepends=True):
        if not fence and piece and _HEADING.match(line):
            yield "".join(piece)
            piece = []
        piece.append(line)
        fence = fence_after(line, fence)
    yield "".join(piece)


def _first_lines(section: str, room: int) -> str:
    """Return whole lines of a section, with the fenced block closed that the cut goes through."""
    shown, fence, length = [], "", 0
    for line in section.splitlines(keepends=True):
        if length + len(line) + len(fence) + 1 > room:
            break
        shown.append(line)
        length += len(line)
        fence = fence_after(line, fence)
    return "".join(shown) + fence


def _names(sections: Sequence[str], room: int) -> str:
    """Return the headings of sections, one a line, as many as there is room for."""
    titles = [found["title"].strip() for section in sections if (found := _HEADING.match(section))]
    if not titles:
        return ""
    text = "\nIt goes on with:\n\n"
    for place, title in enumerate(titles):
        line = f"- {clip(title, _LONGEST_TITLE)}\n"
        more = f"- and {len(titles) - place} more\n"
        if len(text) + len(line) + len(more) > room:
            return text + more if len(text) + len(more) <= room else ""
        text += line
    return text
