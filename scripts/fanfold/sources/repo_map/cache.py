"""What a map keeps for the next one: which content each file had when it was last read, and what that said.

A file whose stamp is as it was is not read again, as in git's index. And as there, a stamp says nothing when the file
changed so shortly before it was read that another change may have left the same one ("racily clean" in git's
technical documentation, racy-git): then the content is read and decides.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from fanfold.sources.repo_map.discover import Discovery
from fanfold.sources.repo_map.kept import Cache, Kept, Keys, recall
from fanfold.sources.repo_map.packs import encode, pack_of
from fanfold.sources.repo_map.reading import Reading, content_key, load
from fanfold.sources.repo_map.weave import Woven
from fanfold.sources.repo_map.weave import encode as encode_woven
from fanfold.sources.text import os_path

_RACY_NS = 2_000_000_000
"""Nanoseconds. The coarsest times that a file system keeps (FAT's) are that far apart."""
_CONTENTS = 3  # that are kept of a file, the one that it has now included
_NAMED = "\0"  # a path has none


class Memory:
    """What is known of a tree from before, and what is to be known the next time.

    Of each file the last few contents are kept, so that going back to another branch reads nothing again. A reading is
    found by the file's path; where a person named the file, which says more of it, by that with a mark.
    """

    def __init__(self, cache: Cache | None, found: Discovery, now_ns: int) -> None:
        self._cache = cache
        self._found = found
        self._settled_ns = now_ns - _RACY_NS
        self._keys = Keys.of(found.root, found.scope)
        self._kept = Kept()
        self._changed: set[int] = set()  # packs

    def recall(self) -> dict[str, Reading]:
        """Return what is known of files as they are now, by path."""
        if self._cache is not None:
            self._kept = self._found.ahead.take() or recall(self._cache, self._found.root, self._found.scope)
        known: dict[str, Reading] = {}
        kept, marked = self._kept.last, self._found.named
        for path, stamp in self._found.files.items():
            last = kept.get(self._name(path) if marked else path)
            if last:
                found = last if last.stamp == stamp else self._looked_up(path)
                if found:
                    known[path] = found
        return known

    def note(self, path: str, reading: Reading) -> None:
        """Take in what has been read."""
        if self._cache is None or not reading.content:
            return
        name, stamp = self._name(path), reading.stamp
        if stamp and max(stamp.changed_ns, stamp.status_ns) >= self._settled_ns:
            reading = reading._replace(stamp=None)
        before = [*self._kept.older.get(name, ()), *filter(None, [self._kept.last.get(name)])]
        self._kept.older[name] = [other for other in before if other.content != reading.content][1 - _CONTENTS :]
        self._kept.last[name] = reading
        number = pack_of(name)
        self._kept.packs.setdefault(number, {})[name] = None
        self._changed.add(number)

    def keep(self) -> None:
        """Write what is new."""
        if self._cache is not None:
            self._cache.put(
                {self._keys.packs[number]: encode(self._packed(number)) for number in sorted(self._changed)}
            )

    def woven(self) -> Woven | None:
        """Return the edges that were kept last, once `recall` has been called."""
        return self._kept.woven

    def keep_woven(self, woven: Woven) -> None:
        """Keep edges for the next time."""
        if self._cache is not None:
            self._cache.put({self._keys.woven: encode_woven(woven)})

    def _name(self, path: str) -> str:
        return f"{_NAMED}{path}" if path in self._found.named else path

    def _looked_up(self, path: str) -> Reading | None:
        """Return what is known of the content of a file that has another stamp, which is read to tell what it is."""
        name = self._name(path)
        data, stamp = load(self._found.root, path)
        if not isinstance(data, bytes):
            return None
        content = content_key(data)
        same = (other for other in (self._kept.last[name], *self._kept.older.get(name, ())) if other.content == content)
        known = next(same, None)
        if known is None:
            return None
        self.note(path, known._replace(stamp=stamp))
        return self._kept.last[name]

    def _packed(self, number: int) -> Iterator[tuple[str, Reading]]:
        """Yield what is to be in a pack: of each file that is still there the last few contents, in order."""
        for name in self._kept.packs[number]:
            path = name.removeprefix(_NAMED)
            if path in self._found.files or os.path.lexists(self._found.root / os_path(path)):
                for reading in (*self._kept.older.get(name, ()), self._kept.last[name]):
                    yield name, reading
