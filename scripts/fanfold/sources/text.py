r"""Bytes to text, and file names to clean strings, the same way everywhere.

Content is UTF-8, and a byte that is not becomes U+FFFD: git's patch text mixes the encodings of all its
files, so that is the one reading under which a file and its diff hold the same characters. Lines end at "\n"
and nowhere else, as git and every compiler's diagnostics count them; `str.splitlines` would also split at
form feeds and U+2028.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence
from contextlib import suppress

READ_LIMIT = 16 * 2**20
"""Bytes. A larger file is never read, and git is told to show no lines of it."""

LARGE = 2 * 2**20
"""Bytes. A larger file that nobody named, untracked or found in a folder, is not looked at."""

SNIFFED = 8000
"""Bytes. As in git, a NUL among the first ones makes a file binary."""

_BYTE_ESCAPE = re.compile(r"\\x([0-9a-f]{2})")
_OWN_FOLDER = ".fanfold"

DECISIONS = "fanfold-dismissed.jsonl"
"""At a repository's top, what people decided about findings: committed and read, and no code to look at."""

_NAMED = 3


def is_binary(data: bytes) -> bool:
    """Tell whether git would call this content binary."""
    return b"\0" in data[:SNIFFED]


def decode(data: bytes) -> str | None:
    """Return the text, without a byte order mark, or None when the content is binary."""
    return None if is_binary(data) else data.decode("utf-8", "replace").removeprefix("\ufeff")


def split_lines(text: str) -> list[str]:
    r"""Return the lines without their "\n"; a trailing "\r" stays."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    return lines


def split_kept(text: str) -> list[str]:
    r"""Return the lines with their "\n"; the last one may have none."""
    lines = split_lines(text) if text else []
    kept = [f"{line}\n" for line in lines]
    if kept and not text.endswith("\n"):
        kept[-1] = lines[-1]
    return kept


def comparable(line: str) -> str:
    """Return the line as it is compared: without line ending and byte order mark."""
    return line.removesuffix("\r").removeprefix("\ufeff")


def shown(name: bytes) -> str:
    r"""Return a file name as text: bytes that are no UTF-8 as `\xNN`.

    `real` is its inverse: so that no two names are shown alike, a backslash that is followed by `xNN` in the
    name itself is shown as `\x5c`.
    """
    if b"\\x" not in name:
        return name.decode("utf-8", "backslashreplace")
    text = _BYTE_ESCAPE.sub(r"\\x5cx\1", name.decode("utf-8", "surrogateescape"))
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def shown_all(names: Collection[bytes]) -> list[str]:
    """Return what `shown` returns for each name; of thousands in no time when all of them are plain."""
    joined = b"\0".join(names)  # no name has one
    if names and b"\\x" not in joined:
        with suppress(UnicodeDecodeError):
            return joined.decode("utf-8").split("\0")
    return [*map(shown, names)]


def real(path: str) -> bytes:
    """Return the file name that `shown` made `path` of."""
    if "\\x" not in path:
        return path.encode("utf-8", "replace")
    parts = _BYTE_ESCAPE.split(path)
    return b"".join(
        bytes.fromhex(part) if index % 2 else part.encode("utf-8", "replace") for index, part in enumerate(parts)
    )


def os_path(path: str) -> str:
    """Return the shown path as the operating system's functions take it."""
    return os.fsdecode(real(path))


def is_own(path: str) -> bool:
    """Tell whether the path lies in `.fanfold/`, which is never looked at."""
    return _OWN_FOLDER in path and _OWN_FOLDER in path.split("/")


def is_inside(path: str) -> bool:
    """Tell whether a relative path stays where it starts and keeps out of `.git`, on every file system."""
    parts = real(path).replace(b"\\", b"/").split(b"/") if os.name == "nt" else real(path).split(b"/")
    return not any(part in {b"", b".", b".."} or part.lower() == b".git" or b"\0" in part for part in parts)


def printable(text: str) -> str:
    """Return one line of text for a message: what could move a terminal's cursor becomes U+FFFD."""
    return visible(" ".join(text.split()))


def visible(text: str) -> str:
    """Return text, a name for instance, with U+FFFD for each character that can't be printed."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def counted(count: int, noun: str) -> str:
    """Return `1 file`, `2 files`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def listed(names: Sequence[str]) -> str:
    """Return the first names and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(printable(name) for name in names[:_NAMED]) + more
