"""What was read of files, packed: one row of the store for a sixty-fourth of a tree.

A row for each file would be sealed and looked up by itself, which takes longer than reading what it says; one row for
all of them would be written anew after each edit.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import accumulate, pairwise, starmap
from zlib import crc32

from fanfold.sources.files import Stamp
from fanfold.sources.repo_map.reading import Reading

PACKS = 64
_NUMBERS = struct.Struct("<2Q3qQ")
"""The length of facts, the size of a file, and its stamp. JSON would take three times as long to read."""


def pack_of(name: str) -> int:
    """Return the number of the pack that something belongs to."""
    return crc32(name.encode("utf-8", "surrogatepass")) % PACKS


def encode(readings: Iterable[tuple[str, Reading]]) -> bytes:
    """Return a pack: names and contents as a line of JSON, numbers of as many files, and the facts one by one.

    Of a stamp that does not fit it holds one that no file has.
    """
    rows = [*readings]
    names = [[name for name, _ in rows], [reading.content for _, reading in rows]]
    head = json.dumps(names, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
    numbers = [_numbers(reading) for _, reading in rows]
    return b"".join((head, b"\n", *numbers, *(reading.facts for _, reading in rows)))


def decode(pack: bytes) -> Iterator[tuple[str, Reading]]:
    """Yield what was packed, in order; by columns, so that next to nothing is done in Python for each of many files."""
    start = pack.index(b"\n") + 1
    names, contents = json.loads(pack[:start].decode("utf-8", "surrogatepass"))
    end = start + len(names) * _NUMBERS.size
    numbers = [*zip(*_NUMBERS.iter_unpack(memoryview(pack)[start:end]), strict=True)] or [()] * 6
    lengths, sizes, *stamps = numbers
    facts = map(memoryview(pack).__getitem__, starmap(slice, pairwise(accumulate(lengths, initial=end))))
    made = map(_STAMP, zip(*stamps, strict=True))
    return zip(names, map(_READING, zip(contents, sizes, made, facts, strict=True)), strict=True)


def _numbers(reading: Reading) -> bytes:
    length, size, stamp, none = len(reading.facts), reading.size, reading.stamp, Stamp(-1, 0, 0, 0)
    try:
        return _NUMBERS.pack(length, size, *(stamp or none))
    except struct.error:
        return _NUMBERS.pack(length, size, *none)


# As `_make` of named tuples, which is written in Python.
_STAMP = partial(tuple.__new__, Stamp)
_READING = partial(tuple.__new__, Reading)
