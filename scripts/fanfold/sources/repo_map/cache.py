"""What a map keeps for the next one: which content each file had when it was last read, and what that said.

A file whose stamp is as it was is not read again, as in git's index. And as there, a stamp says nothing when the file
changed so shortly before it was read that another change may have left the same one ("racily clean" in git's
technical documentation, racy-git): then the content is read and decides.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from typing import Protocol

from fanfold.sources.outline.languages import GRAMMARS
from fanfold.sources.repo_map.discover import Discovery
from fanfold.sources.repo_map.facts import VERSION
from fanfold.sources.repo_map.packs import PACKS, decode, encode, pack_of
from fanfold.sources.repo_map.reading import Reading, content_key, load
from fanfold.sources.repo_map.weave import Woven
from fanfold.sources.repo_map.weave import decode as decode_woven
from fanfold.sources.repo_map.weave import encode as encode_woven
from fanfold.sources.text import os_path

_RACY_NS = 2_000_000_000
"""Nanoseconds. The coarsest times that a file system keeps (FAT's) are that far apart."""
_CONTENTS = 3  # that are kept of a file, the one that it has now included
_VERSION = re.compile(r"^Version: *(.*)", re.MULTILINE)
_NAMED = "\0"  # a path has none


class Cache(Protocol):
    """Keeps bytes by key for another run; it may forget, and must return nothing that somebody else has put there."""

    def get(self, keys: Collection[str]) -> Mapping[str, bytes]:
        """Return what is kept, of those keys that are there."""
        ...

    def put(self, values: Mapping[str, bytes]) -> None:
        """Keep values, in the place of those that were there."""
        ...


class Memory:
    """What is known of a tree from before, and what is to be known the next time.

    Of each file the last few contents are kept, so that going back to another branch reads nothing again. A reading is
    found by the file's path; where a person named the file, which says more of it, by that with a mark.
    """

    def __init__(self, shelf: Cache | None, found: Discovery, now_ns: int) -> None:
        self._cache = shelf
        self._found = found
        self._settled_ns = now_ns - _RACY_NS
        tree = f"{_made_by()}:{content_key(os.fsencode(found.root))}"
        self._pack_keys = [f"read:{tree}:{number}" for number in range(PACKS)]
        self._woven_key = f"woven:{tree}:{_scope(found)}"
        self._last: dict[str, Reading] = {}
        self._older: dict[str, list[Reading]] = {}
        self._packs: dict[int, dict[str, None]] = {}  # the names in each pack, in order
        self._changed: set[int] = set()  # packs

    def recall(self) -> dict[str, Reading]:
        """Return what is known of files as they are now, by path."""
        self._read_packs()
        known: dict[str, Reading] = {}
        marked = self._found.named
        for path, stamp in self._found.files.items():
            last = self._last.get(self._name(path) if marked else path)
            if last and last.stamp != stamp:
                last = self._looked_up(path)
            if last:
                known[path] = last
        return known

    def note(self, path: str, reading: Reading) -> None:
        """Take in what has been read."""
        if self._cache is None or not reading.content:
            return
        name, stamp = self._name(path), reading.stamp
        if stamp and max(stamp.changed_ns, stamp.status_ns) >= self._settled_ns:
            reading = reading._replace(stamp=None)
        before = [*self._older.get(name, ()), *filter(None, [self._last.get(name)])]
        self._older[name] = [other for other in before if other.content != reading.content][1 - _CONTENTS :]
        self._last[name] = reading
        number = pack_of(name)
        self._packs.setdefault(number, {})[name] = None
        self._changed.add(number)

    def keep(self) -> None:
        """Write what is new."""
        if self._cache is not None:
            self._cache.put({self._pack_keys[number]: encode(self._packed(number)) for number in sorted(self._changed)})

    def woven(self) -> Woven | None:
        """Return the edges that were kept last."""
        kept = {} if self._cache is None else self._cache.get([self._woven_key])
        return decode_woven(kept[self._woven_key]) if kept else None

    def keep_woven(self, woven: Woven) -> None:
        """Keep edges for the next time."""
        if self._cache is not None and woven.fresh:
            self._cache.put({self._woven_key: encode_woven(woven)})

    def _name(self, path: str) -> str:
        return f"{_NAMED}{path}" if path in self._found.named else path

    def _read_packs(self) -> None:
        for key, pack in ({} if self._cache is None else self._cache.get(self._pack_keys)).items():
            readings = [*decode(pack)]
            names = dict.fromkeys([name for name, _ in readings])
            if len(names) < len(readings):
                self._set_older(readings)
            self._last.update(readings)
            self._packs[int(key.rpartition(":")[2])] = names

    def _set_older(self, readings: Iterable[tuple[str, Reading]]) -> None:
        """Take the readings of each file but the last."""
        last: dict[str, Reading] = {}
        for name, reading in readings:
            if name in last:
                self._older.setdefault(name, []).append(last[name])
            last[name] = reading

    def _looked_up(self, path: str) -> Reading | None:
        """Return what is known of the content of a file that has another stamp, which is read to tell what it is."""
        name = self._name(path)
        data, stamp = load(self._found.root, path)
        if not isinstance(data, bytes):
            return None
        content = content_key(data)
        same = (other for other in (self._last[name], *self._older.get(name, ())) if other.content == content)
        known = next(same, None)
        if known is None:
            return None
        self.note(path, known._replace(stamp=stamp))
        return self._last[name]

    def _packed(self, number: int) -> Iterator[tuple[str, Reading]]:
        """Yield what is to be in a pack: of each file that is still there the last few contents, in order."""
        for name in self._packs[number]:
            path = name.removeprefix(_NAMED)
            if path in self._found.files or os.path.lexists(self._found.root / os_path(path)):
                for reading in (*self._older.get(name, ()), self._last[name]):
                    yield name, reading


def _scope(found: Discovery) -> str:
    """Return a key of which part of the tree is mapped."""
    return content_key("\0".join(found.files).encode("utf-8", "surrogatepass"))


@cache
def _made_by() -> str:
    """Return what decides about facts beside the file: this code, Python's parser, and which grammars there are."""
    parts = [VERSION, *map(str, sys.version_info[:2])]
    parts += map(_version, sorted({"tree_sitter", *(grammar.module for grammar in GRAMMARS)}))
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=8).hexdigest()


def _version(name: str) -> str:
    """Return the version of what is installed, as `importlib.metadata.version` does, which parses all that is said."""
    try:
        said = _VERSION.search(distribution(name).read_text("METADATA") or "")
    except PackageNotFoundError:
        said = None
    return said[1] if said else ""
