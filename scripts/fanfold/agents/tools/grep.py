"""Searching the target's files."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from pydantic import Field

from fanfold.agents.tools.base import Answer, Arguments, Lines, Tool
from fanfold.agents.tools.list_files import selected
from fanfold.agents.tools.matching import matcher
from fanfold.agents.tools.read_file import numbered
from fanfold.agents.tools.scope import Scope
from fanfold.agents.tools.watch import Watch
from fanfold.agents.tools.wording import named
from fanfold.sources.text import counted, split_lines

_MOST = 300
_MOST_OF_A_FILE = 50


class Grep(Arguments):
    """What is searched, and where."""

    pattern: str = Field(
        min_length=1,
        max_length=1000,
        description="A regular expression as RE2 takes it (no look-around, no back-references), matched line by line.",
    )
    glob: str = Field(default="**", max_length=500, description="Which files, as in list_files.")
    context: int = Field(default=0, ge=0, le=10, description="Lines shown before and after each match.")
    ignore_case: bool = Field(default=False, description="Match regardless of case.")
    literal: bool = Field(default=False, description="Take the pattern as plain text.")
    count: int = Field(default=100, ge=1, le=_MOST, description="How many matching lines are shown.")
    after: str = Field(default="", max_length=4096, description="Search the files that come behind this path.")


@dataclass(slots=True)
class _Shown:
    """What is found so far."""

    most: int
    lines: Lines = field(default_factory=Lines)
    hits: int = 0
    files: int = 0
    full: bool = False
    in_part: bool = False

    def add(self, path: str, hits: int, block: list[str]) -> None:
        """Add what was found in a file, as much as fits."""
        before = [""] if self.files else []
        if not self.lines.extend([*before, named(path), block[0]]):
            self.full = True
            return
        self.full = not all(self.lines.add(line) for line in block[1:])
        self.hits += hits
        self.files += 1


def grep(scope: Scope, asked: Grep, watch: Watch) -> Answer:
    """Return matching lines by file, with anchors."""
    wanted = matcher(asked.pattern, literal=asked.literal, ignore_case=asked.ignore_case)
    paths = selected(scope, asked.glob, watch)
    paths = paths[bisect_right(paths, asked.after) if asked.after else 0 :]
    shown = _Shown(asked.count)
    of_a_file = _MOST_OF_A_FILE if len(paths) > 1 else _MOST
    for path, text in scope.each(paths, watch):
        most = min(shown.most - shown.hits, of_a_file)
        found = dict(islice(wanted.lines(text), most + 1))
        if found and most == 0:
            shown.full = True
        elif found:
            more = len(found) > most
            shown.in_part |= more
            block = list(_block(scope, path, text, dict(islice(found.items(), most)), asked.context))
            shown.add(path, min(len(found), most), [*block, *["(more lines of this file match)"] * more])
        if shown.full:
            break
    notes = [f"{counted(shown.hits, 'matching line')} in {counted(shown.files, 'file')} of {len(paths)}"]
    if wanted.literally:
        notes.append("RE2 is not installed, so the pattern was taken as plain text")
    if watch.late:
        notes.append("the time is over and not all files were searched: narrow the glob")
    elif shown.full:
        notes.append("there are more: narrow the pattern or the glob, or set `after` to the last path here")
    elif shown.in_part:
        notes.append("some files have more: search one alone, or narrow the pattern")
    return Answer(str(shown.lines), f"{'; '.join(notes)}.", shown.full or shown.in_part or watch.late)


def _block(scope: Scope, path: str, text: str, found: Mapping[int, int], context: int) -> Iterator[str]:
    """Yield the lines found, by number and offset of the match, and those around them."""
    lines = split_lines(text)
    last = 0
    for hit in found:
        start = max(last + 1, hit - context)
        if context and last and start > last + 1:
            yield "--"
        for number in range(start, min(hit + context, len(lines)) + 1):
            if number > last:
                yield numbered(number, lines[number - 1], scope.added.get(path, ()), found.get(number, 0))
                last = number


TOOL = Tool(
    "grep",
    """Search the lines of the target's text files, at the revision under review. Lines are shown as in read_file, by
    file. Files that hold secrets are not searched.""",
    Grep,
    grep,
)
