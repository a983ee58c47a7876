"""Paths with slashes, relative to a root; "" is the root itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import takewhile


def folder_of(path: str) -> str:
    """Return the folder that a file or folder lies in."""
    return path.rpartition("/")[0]


def join(folder: str, name: str) -> str:
    """Return the path of what lies in a folder."""
    return f"{folder}/{name}" if folder and name else folder or name


def upwards(folder: str) -> Iterator[str]:
    """Yield the folder and those above it, up to the root."""
    while folder:
        yield folder
        folder = folder_of(folder)
    yield ""


def normal(folder: str, relative: str) -> str | None:
    """Return where a relative path leads from a folder, None when that is out of the root."""
    parts = folder.split("/") if folder else []
    for part in relative.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)


def nearest(paths: Iterable[str], path: str) -> str | None:
    """Return the one that shares the most folders with `path`, None when there is none or more than one such."""
    above = folder_of(path).split("/")

    def shared(other: str) -> int:
        pairs = zip(above, folder_of(other).split("/"), strict=False)
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))

    ranked = sorted(((shared(other), other) for other in paths), reverse=True)
    tied = len(ranked) > 1 and ranked[0][0] == ranked[1][0]
    return None if tied or not ranked else ranked[0][1]
