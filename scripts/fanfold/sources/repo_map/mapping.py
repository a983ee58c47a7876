"""The map of a tree from beginning to end: read each file, resolve what it imports, weigh what it uses.

found = discover([], Path.cwd(), exclude=["docs/"])
tree = await map_tree(found, cache=shelf)
first = cycles(tree), layers(tree), central(tree, {"cli/main.py": 1.0})
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from fanfold.sources.outline.python import uncollected
from fanfold.sources.repo_map.cache import Cache, Memory
from fanfold.sources.repo_map.discover import Discovery
from fanfold.sources.repo_map.facts import decode
from fanfold.sources.repo_map.pool import Task, read_all
from fanfold.sources.repo_map.reading import Reading, load
from fanfold.sources.repo_map.references import reference_edges
from fanfold.sources.repo_map.resolve import MANIFESTS, import_edges
from fanfold.sources.repo_map.values import LeftOut, MappedFile, RepoMap

Progress = Callable[[int, int], object]
"""Is told how many files have been read, and of how many. It may be called from another thread."""

TIMEOUT_S = 20.0


async def map_tree(
    found: Discovery,
    *,
    cache: Cache | None = None,
    jobs: int | None = None,
    timeout_s: float = TIMEOUT_S,
    progress: Progress | None = None,
) -> RepoMap:
    """Return the map of what was found.

    `cache` spares what was read by an earlier run and has not changed. `jobs` processes read at once, by default one
    for each core; a little work takes none. A file whose parser needs more than `timeout_s` seconds, or ends its
    process, is on the map with a note and without symbols, imports and uses.
    """
    gathered = _Gathered(found, Memory(cache, found, time.time_ns()), progress)
    await asyncio.to_thread(gathered.recall)
    await read_all(found.root, gathered.missing(), gathered.take, jobs=jobs, timeout_s=timeout_s)
    return await asyncio.to_thread(gathered.map)


class _Gathered:
    """The files of a map, as they come in."""

    def __init__(self, found: Discovery, memory: Memory, progress: Progress | None) -> None:
        self._found = found
        self._memory = memory
        self._progress = progress
        self._done = 0
        self._files: dict[str, MappedFile] = {}
        self._left_out = {left.path: left for left in found.left_out}

    def recall(self) -> None:
        """Take what is known from before."""
        with uncollected():
            for path, reading in self._memory.recall().items():
                self._add(path, reading)

    def missing(self) -> list[Task]:
        """Return what is still to be read."""
        here = self._files.keys() | self._left_out.keys()
        files = self._found.files
        return [Task(path, files[path].size, path in self._found.named) for path in files if path not in here]

    def take(self, path: str, reading: Reading) -> None:
        """Take what has just been read."""
        self._add(path, reading)
        self._memory.note(path, reading)

    def _add(self, path: str, reading: Reading) -> None:
        facts = decode(reading.facts)
        if isinstance(facts, str):
            self._left_out[path] = LeftOut(path, facts, reading.size)
        else:
            self._files[path] = MappedFile(path, reading.content, reading.size, facts)
        self._done += 1
        if self._progress:
            self._progress(self._done, len(self._found.files))

    def map(self) -> RepoMap:
        """Return the map of all that was taken, and keep it for another time."""
        self._memory.keep()
        with uncollected():
            files = {path: self._files[path] for path in sorted(self._files)}
            return RepoMap(
                files=files,
                left_out=tuple(self._left_out[path] for path in sorted(self._left_out)),
                imports=import_edges(files, self._manifests(files)),
                references=reference_edges(files),
                notes=self._found.notes,
            )

    def _manifests(self, files: Mapping[str, MappedFile]) -> dict[str, str]:
        texts: dict[str, str] = {}
        for path in files:
            if path.rpartition("/")[2] in MANIFESTS:
                data, _ = load(self._found.root, path)
                if isinstance(data, bytes):
                    texts[path] = data.decode("utf-8", "replace")
        return texts
