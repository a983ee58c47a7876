"""Listing files by a glob."""

from __future__ import annotations

from bisect import bisect_right

from pydantic import Field

from fanfold.agents.tools.base import Answer, Arguments, Lines, Tool
from fanfold.agents.tools.globs import BadGlob, Glob
from fanfold.agents.tools.scope import Scope
from fanfold.agents.tools.watch import ToolError, Watch
from fanfold.agents.tools.wording import echo, named

_MOST = 500
_WATCHED = 1000


class ListFiles(Arguments):
    """Which files."""

    glob: str = Field(
        default="**",
        max_length=500,
        description="Such as `*.py` (in any folder), `src/**`, `src/*/test_*.{js,ts}`; `**` is every file.",
    )
    after: str = Field(default="", max_length=4096, description="List what comes behind this path.")
    count: int = Field(default=200, ge=1, le=_MOST, description="How many files.")


def list_files(scope: Scope, asked: ListFiles, watch: Watch) -> Answer:
    """Return the paths that match, and how many there are."""
    paths = scope.paths
    matching = selected(scope, asked.glob, watch)
    if not matching:
        return Answer("", f"None of {len(paths)} files matches {echo(asked.glob)}.")
    start = bisect_right(matching, asked.after) if asked.after else 0
    shown = Lines()
    last = start
    for path in matching[start : start + asked.count]:
        if not shown.add(named(path)):
            break
        last += 1
    cut = last < len(matching)
    more = "; for more, `after` is the last path here" if cut else ""
    return Answer(str(shown), f"Files {min(start + 1, last)} to {last} of {len(matching)}{more}.", cut)


def selected(scope: Scope, glob: str, watch: Watch) -> list[str]:
    """Return the files that a glob stands for, or that are in a folder of that name. Raises ToolError for a bad one."""
    try:
        wanted = Glob(glob)
    except BadGlob as error:
        raise ToolError(f"{error}: use fewer braces") from error
    folder = f"{glob.removeprefix('./').removesuffix('/')}/"
    found = []
    for index, path in enumerate(scope.paths):
        if index % _WATCHED == 0:
            watch.check()
        if path.startswith(folder) or wanted.matches(path):
            found.append(path)
    return found


TOOL = Tool(
    "list_files",
    """List the files of the target by name. What git ignores, symlinks and submodules are not part of it. A name in
    double quotes is a JSON string; ask for it by the name that it stands for.""",
    ListFiles,
    list_files,
)
