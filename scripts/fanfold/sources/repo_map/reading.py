"""Reads one file of a tree, whatever it turns out to be."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from fanfold.sources.files import Stamp, opened
from fanfold.sources.repo_map.facts import encode, read_facts
from fanfold.sources.text import READ_LIMIT


class Reading(NamedTuple):
    """What became of one file: its content's key ("" when it can't be read) and what `facts.encode` made of it.

    The latter may be a part of much that was kept, which is not copied before somebody looks at it.
    `stamp` is that of the content which was read, None when the file changed meanwhile.
    """

    content: str
    size: int
    stamp: Stamp | None
    facts: bytes | memoryview


def read_file(root: Path, path: str, *, named: bool = False) -> Reading:
    """Read a file below a root, without following a symlink; what can't be read has a reason in place of facts."""
    data, stamp = load(root, path)
    if isinstance(data, str):
        return Reading("", stamp.size if stamp else 0, stamp, encode(data))
    return Reading(content_key(data), len(data), stamp, encode(read_facts(path, data, named=named)))


def load(root: Path, path: str) -> tuple[bytes | str, Stamp | None]:
    """Return a file's bytes, or why there are none, and its stamp if that stayed the same from beginning to end."""
    try:
        with opened(root, path) as file:
            before = Stamp.of(os.fstat(file.fileno()))
            data = file.read(READ_LIMIT + 1)
            after = Stamp.of(os.fstat(file.fileno()))
    except FileNotFoundError:
        return "gone", None
    except OSError as error:
        return f"can't be read: {error.strerror or error}", None
    if len(data) > READ_LIMIT:
        return f"larger than {READ_LIMIT >> 20} MB", None
    return data, after if before == after else None


def content_key(data: bytes) -> str:
    """Return the key of a file's bytes."""
    return hashlib.blake2b(data, digest_size=20).hexdigest()
