"""Paths with slashes, relative to the root of the map; "" is the root itself."""

from __future__ import annotations

from collections.abc import Iterator


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
