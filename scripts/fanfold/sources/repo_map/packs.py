"""What was read of files, packed: one row of the store for a sixty-fourth of a tree.

A row for each file would be sealed and looked up by itself, which takes longer than reading what it says; one row for
all of them would be written anew after each edit.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from zlib import crc32

from fanfold.sources.files import Stamp
from fanfold.sources.repo_map.reading import Reading

PACKS = 64


def pack_of(name: str) -> int:
    """Return the number of the pack that something belongs to."""
    return crc32(name.encode("utf-8", "surrogatepass")) % PACKS


def encode(readings: Iterable[tuple[str, Reading]]) -> bytes:
    """Return a pack: a line of JSON that says what is in it, and the facts one after the other."""
    about, facts = [], []
    for name, reading in readings:
        about.append((name, reading.content, reading.size, reading.stamp, len(reading.facts)))
        facts.append(reading.facts)
    head = json.dumps(about, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
    return b"\n".join((head, b"".join(facts)))


def decode(pack: bytes) -> Iterator[tuple[str, Reading]]:
    """Yield what was packed, in order."""
    start = pack.index(b"\n") + 1
    for name, content, size, stamp, length in json.loads(pack[:start].decode("utf-8", "surrogatepass")):
        end = start + length
        yield name, Reading(content, size, stamp and Stamp(*stamp), pack[start:end])
        start = end
