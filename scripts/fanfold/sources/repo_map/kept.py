"""What the store has of a tree from an earlier map: what was read of its files, and the edges between them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Protocol

from fanfold.sources.files import Stamp, stamps_of
from fanfold.sources.garbage import uncollected
from fanfold.sources.outline.languages import GRAMMARS
from fanfold.sources.repo_map.facts import VERSION
from fanfold.sources.repo_map.packs import PACKS, decode
from fanfold.sources.repo_map.reading import Reading, content_key
from fanfold.sources.repo_map.weave import Woven
from fanfold.sources.repo_map.weave import decode as decode_woven
from fanfold.sources.text import real

_VERSION = re.compile(r"^Version: *(.*)", re.MULTILINE)


class Cache(Protocol):
    """Keeps bytes by key for another run; it may forget, and must return nothing that somebody else has put there."""

    def get(self, keys: Collection[str]) -> Mapping[str, bytes]:
        """Return what is kept, of those keys that are there."""
        ...

    def put(self, values: Mapping[str, bytes]) -> None:
        """Keep values, in the place of those that were there."""
        ...


@dataclass(frozen=True, slots=True)
class Keys:
    """Under which keys a tree is kept: the packs of what was read, and the edges of what was asked for."""

    packs: tuple[str, ...]
    woven: str

    @classmethod
    def of(cls, root: Path, scope: str) -> Keys:
        tree = f"{_made_by()}:{content_key(os.fsencode(root))}"
        return cls(tuple(f"read:{tree}:{number}" for number in range(PACKS)), f"woven:{tree}:{scope}")


@dataclass(slots=True)
class Kept:
    """What was read of each file last, and before that, oldest first; the names in each pack, in order; the edges.

    Files have the names that `cache.Memory` gives them; what it learns it puts in here.
    """

    last: dict[str, Reading] = field(default_factory=dict)
    older: dict[str, list[Reading]] = field(default_factory=dict)
    packs: dict[int, dict[str, None]] = field(default_factory=dict)
    woven: Woven | None = None


class Ahead:
    """What was recalled before it was asked for. It is handed out once: another map may have kept more since."""

    def __init__(self, kept: Kept | None = None) -> None:
        self._kept = kept

    def take(self) -> Kept | None:
        """Return it, None from the second time on."""
        kept, self._kept = self._kept, None
        return kept


class Recall(Protocol):
    """Returns what is kept of the tree at a root, and of the scope with this key.

    Before it does, it may tell the stamps that files have now; whoever lists them need not look at those again.
    """

    def __call__(self, root: Path, scope: str, looked: Callable[[Mapping[str, Stamp]], object], /) -> Kept: ...


def scope_key(*named: Collection[str]) -> str:
    """Return a key of what was asked for."""
    return content_key(json.dumps([sorted(names) for names in named]).encode())


def recall(
    cache: Cache, root: Path, scope: str, looked: Callable[[Mapping[str, Stamp]], object] = lambda _: None
) -> Kept:
    """Return what a cache has of a tree. Needs no list of the files: it can be done while somebody makes one.

    The files that had edges are looked at first, and the stamps that they have now handed to `looked`: what takes the
    longest after that, reading and unsealing packs, leaves the interpreter to others.
    """
    keys = Keys.of(root, scope)
    kept = Kept()
    with uncollected(lasting=True):
        kept.woven = decode_woven(cache.get([keys.woven]).get(keys.woven, b""))
        names = {real(path): path for path in (kept.woven.contents if kept.woven else ())}
        looked({names[name]: stamp for name, stamp in (stamps_of(root, names) if names else {}).items()})
        found = cache.get(keys.packs)
        for number, key in enumerate(keys.packs):
            if key in found:
                kept.packs[number] = _unpack(found[key], kept)
    return kept


def _unpack(pack: bytes, kept: Kept) -> dict[str, None]:
    """Take the readings of a pack, of each file the last one apart; returns the names in it."""
    readings = [*decode(pack)]
    names = dict.fromkeys([name for name, _ in readings])
    if len(names) < len(readings):
        for name, reading in readings:
            if name in kept.last:
                kept.older.setdefault(name, []).append(kept.last[name])
            kept.last[name] = reading
    else:
        kept.last.update(readings)
    return names


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
