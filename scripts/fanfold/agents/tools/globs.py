"""Globs over paths, in time linear in the path for each star: `*` and `?` within a name, `**` for any folders, `{a,b}`.

As in ignore files, a glob without a slash is matched with the last part of the path, wherever it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import translate

_MOST_ALTERNATIVES = 64
_BRACES = re.compile(r"\{([^{}]*)\}")

Part = Callable[[str], object] | None  # None is `**`


class BadGlob(ValueError):
    """A glob that stands for too much; the message says so."""


class Glob:
    """A glob, compiled."""

    def __init__(self, text: str) -> None:
        self._alternatives = [_parts(glob) for glob in _expanded(text)]

    def matches(self, path: str) -> bool:
        """Tell whether the path, relative and with slashes, is one of those that are meant."""
        names = path.split("/")
        return any(_match(parts, names) for parts in self._alternatives)


def _expanded(text: str) -> list[str]:
    """Return the globs without braces that one with braces stands for."""
    done: list[str] = []
    waiting = [text]
    while waiting:
        glob = waiting.pop()
        braces = _BRACES.search(glob)
        if braces is None:
            done.append(glob)
        else:
            waiting += [glob[: braces.start()] + part + glob[braces.end() :] for part in braces[1].split(",")]
        if len(done) + len(waiting) > _MOST_ALTERNATIVES:
            raise BadGlob(f"the glob has more than {_MOST_ALTERNATIVES} alternatives")
    return done


def _parts(glob: str) -> tuple[Part, ...]:
    glob = glob.removeprefix("./")
    if glob in {"", ".", "/"}:
        return (None,)
    if glob.endswith("/"):
        glob += "**"
    parts = glob.removeprefix("/").split("/")
    if len(parts) == 1 and "/" not in glob:
        parts = ["**", *parts]
    # Several ** in a row are one.
    kept = [part for index, part in enumerate(parts) if part != "**" or index == 0 or parts[index - 1] != "**"]
    return tuple(None if part == "**" else re.compile(translate(part)).match for part in kept)


def _never(_name: str) -> bool:
    return False


def _match(parts: tuple[Part, ...], names: list[str]) -> bool:
    """Match greedily: only the last `**` is ever tried again, as what stands before it is as short as it can be."""
    part = name = 0
    back: tuple[int, int] | None = None
    while name < len(names):
        matcher = parts[part] if part < len(parts) else _never
        if matcher is None:
            back = (part, name)
            part += 1
        elif matcher(names[name]):
            part, name = part + 1, name + 1
        elif back is not None:
            back = (back[0], back[1] + 1)
            part, name = back[0] + 1, back[1]
        else:
            return False
    return part == len(parts) or (part == len(parts) - 1 and parts[part] is None)
