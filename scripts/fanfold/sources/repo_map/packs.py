"""What was read of files, packed: one row of the store for a sixty-fourth of a tree.

A row for each file would be sealed and looked up by itself, which takes longer than reading what it says; one row for
all of them would be written anew after each edit.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import accumulate, pairwise, starmap
from zlib import crc32

from fanfold.sources.files import Stamp
from fanfold.sources.repo_map.reading import Reading

PACKS = 64


def pack_of(name: str) -> int:
    """Return the number of the pack that something belongs to."""
    return crc32(name.encode("utf-8", "surrogatepass")) % PACKS


def encode(readings: Iterable[tuple[str, Reading]]) -> bytes:
    """Return a pack: a line of JSON that says what is in it, and the facts one after the other."""
    rows = [(name, *reading[:-1], len(reading.facts), reading.facts) for name, reading in readings]
    *columns, facts = zip(*rows, strict=True) if rows else ((),) * 6
    head = json.dumps(columns, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
    return b"\n".join((head, b"".join(facts)))


def decode(pack: bytes) -> Iterator[tuple[str, Reading]]:
    """Yield what was packed, in order; by columns, so that next to nothing is done in Python for each of many files."""
    start = pack.index(b"\n") + 1
    names, contents, sizes, stamps, lengths = json.loads(pack[:start].decode("utf-8", "surrogatepass"))
    facts = map(memoryview(pack).__getitem__, starmap(slice, pairwise(accumulate(lengths, initial=start))))
    made = (stamp and _STAMP(stamp) for stamp in stamps)
    return zip(names, map(_READING, zip(contents, sizes, made, facts, strict=True)), strict=True)


# As `_make` of named tuples, which is written in Python.
_STAMP = partial(tuple.__new__, Stamp)
_READING = partial(tuple.__new__, Reading)
