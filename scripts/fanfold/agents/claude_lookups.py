"""What a sub-agent looked up with the CLI's own tools, as lookups that can be checked later.

The same is asked of fanfold's own tools; their replies are what a stored answer stands on. What has no counterpart
there makes the answer depend on more than can be checked: it is asked again rather than reused.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fanfold.agents.claude_stream import Use
from fanfold.agents.spec import Lookup
from fanfold.sources.text import shown

if TYPE_CHECKING:
    from fanfold.agents.tools.toolbox import Toolbox

UNCHECKED = Lookup(tool="unchecked", arguments={}, digest="")
"""A lookup that no tool can repeat, so that no stored answer stands on it."""

# The CLI's Read returns so many lines unless it is told otherwise; a call of read_file returns at most 1,000.
_READ_LINES = 2_000
_PAGE = 1_000
_GREP_HITS = 300
_FILES = 500

Question = tuple[str, dict[str, Any]]


async def lookups_of(uses: Iterable[Use], root: Path, toolbox: Toolbox) -> tuple[Lookup, ...]:
    """Return the lookups that `uses`, made in `root`, stand for; each once, in their order."""
    found: dict[str, Lookup] = {}
    for use in uses:
        for question in _questions(use, root):
            if question is None:
                found.setdefault("unchecked", UNCHECKED)
            elif (key := repr(question)) not in found:
                found[key] = await _looked_up(question, toolbox)
    return tuple(found.values())


async def _looked_up(question: Question, toolbox: Toolbox) -> Lookup:
    name, arguments = question
    reply, lookup = await toolbox.call(name, arguments)
    # The sub-agent may have seen more than a reply that is cut, or a pattern that this side does not take.
    if name != "read_file" and (reply.cut or reply.is_error):
        return UNCHECKED
    return Lookup(tool=lookup.tool, arguments=lookup.arguments, digest=lookup.digest)


def _questions(use: Use, root: Path) -> Iterator[Question | None]:
    """Yield what fanfold's own tools are asked in place of a call; None for what they can't be asked."""
    asked = use.arguments
    if use.tool == "Read":
        yield from _read(asked, root)
    elif use.tool == "Glob":
        glob = _below(asked.get("path"), asked.get("pattern"), root)
        yield None if glob is None else ("list_files", {"glob": glob, "count": _FILES})
    elif use.tool == "Grep":
        glob = _below(asked.get("path"), asked.get("glob") or "**", root)
        plain = isinstance(asked.get("pattern"), str) and not asked.get("multiline") and not asked.get("type")
        arguments = {
            "pattern": asked.get("pattern"),
            "glob": glob,
            "ignore_case": bool(asked.get("-i")),
            "count": _GREP_HITS,
        }
        yield ("grep", arguments) if plain and glob is not None else None
    else:
        yield None


def _read(asked: Mapping[str, Any], root: Path) -> Iterator[Question | None]:
    path = _relative(asked.get("file_path"), root)
    if path is None:
        return  # outside of the copy nothing is read
    first = max(1, _number(asked.get("offset"), 1))
    last = first + min(max(1, _number(asked.get("limit"), _READ_LINES)), _READ_LINES)
    for start in range(first, last, _PAGE):
        yield "read_file", {"path": path, "first": start, "count": min(_PAGE, last - start)}


def _below(folder: object, glob: object, root: Path) -> str | None:
    """Return a glob as fanfold's tools take it; None for one that is none."""
    if not isinstance(glob, str) or not glob or glob.startswith(("/", "~", "..", "!")):
        return None
    if folder is None or folder == "":
        return glob
    below = _relative(folder, root)
    if below is None:
        return None
    if below in {"", "."}:
        return glob
    return below if glob == "**" else f"{below}/{glob if '/' in glob else f'**/{glob}'}"


def _relative(name: object, root: Path) -> str | None:
    """Return the path of a file below `root` as the target calls it; None for one outside."""
    if not isinstance(name, str) or "\0" in name:
        return None
    path = Path(root, name)
    if ".." in path.parts or not path.is_relative_to(root):
        return None
    return shown(os.fsencode(path.relative_to(root).as_posix()))


def _number(value: object, otherwise: int) -> int:
    return int(value) if isinstance(value, int | float) and abs(value) < 2**31 else otherwise
