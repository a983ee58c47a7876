"""Names of files in results, as the rest of fanfold spells them, and texts cut to a size that can be kept."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from fanfold.sources.text import shown

MESSAGE = 4_000
"""Characters of a message that are kept."""

TEXT = 20_000
"""Characters of a stack or of captured output that are kept: its beginning and its end."""

ITSELF = "(the file itself)"
"""The name of what is said of a file as a whole."""

_COLOUR = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tool ran: the repository's root, and the folder in it that its relative names start from."""

    root: Path
    folder: str = "."

    def file(self, name: str | None) -> str:
        """Return a file's path relative to the root; one elsewhere stays as it is, and "" for none."""
        if not name:
            return ""
        path = unquote(urlsplit(name).path) if name.startswith("file:") else name
        if not PurePosixPath(path).is_absolute():
            return shown(os.fsencode(os.path.normpath(PurePosixPath(self.folder, path).as_posix())))
        for root in (str(self.root), os.path.realpath(self.root)):
            if f"{path}/".startswith(root.rstrip("/") + "/"):
                return shown(os.fsencode(os.path.normpath(os.path.relpath(path, root))))
        return path


def plain(text: str) -> str:
    """Return text without colours."""
    return _COLOUR.sub("", text)


def message(text: str | None) -> str | None:
    """Return a message in the size that is kept, None for none."""
    clean = plain(text or "").strip("\n")
    return clean[:MESSAGE] if clean.strip() else None


def bounded(text: str | None) -> str | None:
    """Return a long text's beginning and end, None for none."""
    clean = plain(text or "").strip("\n")
    if not clean.strip():
        return None
    half = TEXT // 2
    return (
        clean if len(clean) <= TEXT else f"{clean[:half]}\n… {len(clean) - TEXT} characters left out …\n{clean[-half:]}"
    )


def seconds(value: object, *, per: float = 1.0) -> float | None:
    """Return a duration that a tool wrote, as a number or as text, in units of 1/`per` seconds; None if it is none."""
    try:
        number = float(str(value).replace(",", "").strip()) / per
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None


def parameters_of(name: str) -> str:
    """Return the part of a name that is one case of several, as pytest, JUnit 5 and others write it: in brackets."""
    head, opened, rest = name.partition("[")
    return rest[:-1] if opened and head and rest.endswith("]") else ""
