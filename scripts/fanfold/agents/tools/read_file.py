"""Reading a file by lines."""

from __future__ import annotations

from pydantic import Field

from fanfold.agents.tools.base import Answer, Arguments, Lines, Tool
from fanfold.agents.tools.scope import Scope
from fanfold.agents.tools.watch import ToolError, Watch
from fanfold.agents.tools.wording import clipped, echo, named
from fanfold.sources.anchors import anchor
from fanfold.sources.text import split_lines

_MOST = 1000


class ReadFile(Arguments):
    """Which lines of which file."""

    path: str = Field(max_length=4096, description="The file, relative to the root, as list_files names it.")
    first: int = Field(default=1, ge=1, le=2**31, description="The first line, from 1.")
    count: int = Field(default=300, ge=1, le=_MOST, description="How many lines.")


def read_file(scope: Scope, asked: ReadFile, _watch: Watch) -> Answer:
    """Return lines of a file, numbered."""
    path, text = scope.text(asked.path)
    lines = split_lines(text)
    if not lines:
        return Answer("", f"{named(path)} is empty.")
    if asked.first > len(lines):
        raise ToolError(f"{echo(asked.path)} has {len(lines)} lines: line {asked.first} is behind its end")
    shown = Lines()
    last = asked.first - 1
    for number in range(asked.first, min(asked.first + asked.count, len(lines) + 1)):
        if not shown.add(numbered(number, lines[number - 1], scope.added.get(path, ()))):
            break
        last = number
    cut = last < len(lines)
    more = f"; more with first={last + 1}" if cut else ""
    return Answer(str(shown), f"Lines {asked.first} to {last} of {len(lines)}{more}.", cut)


def numbered(number: int, line: str, added: tuple[range, ...] = (), at: int = 0) -> str:
    """Return a line with its anchor and, when the change under review adds it, a plus."""
    sign = "+" if any(number in lines for lines in added) else " "
    return f"{anchor(number, line)}{sign}| {clipped(line, at)}"


TOOL = Tool(
    "read_file",
    """Read lines of a file of the target, at the revision under review. Each line carries an anchor, `41#a3f | code`;
    a plus before the bar marks a line that the change under review adds.""",
    ReadFile,
    read_file,
)
