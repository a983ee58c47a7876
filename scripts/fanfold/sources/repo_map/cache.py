"""What a map keeps for the next one: facts by content, and which content each file had when it was last read.

A file whose stamp is as it was is not read again, as in git's index. And as there, a stamp says nothing when the file
changed so shortly before it was read that another change may have left the same one ("racily clean" in git's
technical documentation, racy-git): then the content is read and decides.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple, Protocol

from fanfold.sources.outline.languages import GRAMMARS
from fanfold.sources.repo_map.discover import Discovery, Stamp
from fanfold.sources.repo_map.facts import VERSION
from fanfold.sources.repo_map.reading import Reading, content_key, load
from fanfold.sources.repo_map.weave import Woven, decode, encode

_RACY_NS = 2_000_000_000
"""Nanoseconds. The coarsest times that a file system keeps (FAT's) are that far apart."""


class Cache(Protocol):
    """Keeps bytes by key for another run; it may forget, and must return nothing that somebody else has put there."""

    def get(self, keys: Collection[str]) -> Mapping[str, bytes]:
        """Return what is kept, of those keys that are there."""
        ...

    def put(self, values: Mapping[str, bytes]) -> None:
        """Keep values, in the place of those that were there."""
        ...


class Seen(NamedTuple):
    """The content that a file had when it had this stamp."""

    stamp: Stamp
    content: str


class Memory:
    """What is known of a tree from before, and what is to be known the next time."""

    def __init__(self, shelf: Cache | None, found: Discovery, now_ns: int) -> None:
        self._cache = shelf
        self._found = found
        self._now_ns = now_ns
        tree = f"{_made_by()}:{content_key(os.fsencode(found.root))}"
        self._index_key, self._woven_key = f"files:{tree}", f"edges:{tree}:{_scope(found)}"
        self._seen = self._read_index()
        self._new: dict[str, bytes] = {}
        self._index: dict[str, Seen] = {}

    def recall(self) -> dict[str, Reading]:
        """Return what is known of files as they are now, by path."""
        if self._cache is None or self._seen is None:
            return {}
        contents = {path: Seen(stamp, content) for path, stamp, content in self._contents()}
        keys = {path: self._key(path, seen.content) for path, seen in contents.items()}
        kept = self._cache.get(set(keys.values()))
        known: dict[str, Reading] = {}
        for path, (stamp, content) in contents.items():
            facts = kept.get(keys[path])
            if facts is not None:
                known[path] = Reading(content, stamp.size, stamp, facts)
                self._see(path, stamp, content)
        return known

    def note(self, path: str, reading: Reading) -> None:
        """Take in what has been read."""
        if self._cache is not None and reading.content:
            self._new[self._key(path, reading.content)] = reading.facts
            if reading.stamp:
                self._see(path, reading.stamp, reading.content)

    def keep(self) -> None:
        """Write what is new."""
        if self._cache is not None and (self._new or self._index != self._seen):
            self._cache.put({**self._new, self._index_key: self._index_bytes()})

    def woven(self) -> Woven | None:
        """Return the edges that were kept last."""
        kept = {} if self._cache is None else self._cache.get([self._woven_key])
        return decode(kept[self._woven_key]) if kept else None

    def keep_woven(self, woven: Woven) -> None:
        """Keep edges for the next time."""
        if self._cache is not None and woven.fresh:
            self._cache.put({self._woven_key: encode(woven)})

    def _see(self, path: str, stamp: Stamp, content: str) -> None:
        if max(stamp.changed_ns, stamp.status_ns) < self._now_ns - _RACY_NS:
            self._index[path] = Seen(stamp, content)

    def _contents(self) -> Iterable[tuple[str, Stamp, str]]:
        """Yield the files whose content is known, and which it is; one whose stamp is another is read to tell."""
        for path, stamp in self._found.files.items():
            seen = (self._seen or {}).get(path)
            if seen and seen.stamp == stamp:
                yield path, stamp, seen.content
                continue
            data, now = load(self._found.root, path)
            if isinstance(data, bytes) and now:
                yield path, now, content_key(data)

    def _key(self, path: str, content: str) -> str:
        """Return the key of facts: they depend on the content, and on what the name says of the language."""
        name = path.rpartition("/")[2]
        stem, dot, ending = name.rpartition(".")
        kind = ending.lower() if dot and stem else name
        return f"facts:{_made_by()}:{content}:{'named' if path in self._found.named else ''}:{kind}"

    def _read_index(self) -> dict[str, Seen] | None:
        """Return what was seen last, None when nothing was."""
        kept = {} if self._cache is None else self._cache.get([self._index_key])
        data = kept.get(self._index_key)
        try:
            rows = json.loads(data.decode("utf-8", "surrogatepass")) if data else None
            return rows if rows is None else {path: Seen(Stamp(*row[:-1]), row[-1]) for path, row in rows.items()}
        except (ValueError, TypeError, AttributeError):
            return None

    def _index_bytes(self) -> bytes:
        rows = {path: [*seen.stamp, seen.content] for path, seen in sorted(self._index.items())}
        return json.dumps(rows, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def _scope(found: Discovery) -> str:
    """Return a key of which part of the tree is mapped."""
    return content_key("\0".join(found.files).encode("utf-8", "surrogatepass"))


@cache
def _made_by() -> str:
    """Return what decides about facts beside the file: this code, Python's parser, and which grammars there are."""
    parts = [VERSION, *map(str, sys.version_info[:2])]
    for name in sorted({"tree_sitter", *(grammar.module for grammar in GRAMMARS)}):
        try:
            parts.append(version(name))
        except PackageNotFoundError:
            parts.append("")
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=8).hexdigest()
