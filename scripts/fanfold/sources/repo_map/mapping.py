"""The map of a tree from beginning to end: read each file, resolve what it imports, weigh what it uses.

found = discover([], Path.cwd(), exclude=["docs/"])
tree = await map_tree(found, cache=shelf)
first = cycles(tree), layers(tree), central(tree, {"cli/main.py": 1.0})
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import cache, cached_property
from operator import attrgetter

from fanfold.sources.garbage import uncollected
from fanfold.sources.repo_map.cache import Memory
from fanfold.sources.repo_map.discover import Discovery
from fanfold.sources.repo_map.facts import decode, is_reason
from fanfold.sources.repo_map.files import Files, made
from fanfold.sources.repo_map.kept import Cache
from fanfold.sources.repo_map.pool import Task, read_all
from fanfold.sources.repo_map.reading import Reading, load
from fanfold.sources.repo_map.resolve import MANIFESTS
from fanfold.sources.repo_map.values import LeftOut, MappedFile, RepoMap, Shape
from fanfold.sources.repo_map.weave import Woven, weave

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
    with uncollected(lasting=True):
        await asyncio.to_thread(gathered.recall)
        await read_all(found.root, gathered.missing(), gathered.take, jobs=jobs, timeout_s=timeout_s)
        return await gathered.map()


class _Gathered:
    """The files of a map, as they come in."""

    def __init__(self, found: Discovery, memory: Memory, progress: Progress | None) -> None:
        self._found = found
        self._memory = memory
        self._progress = progress
        self._readings: dict[str, Reading] = {}
        self._files: dict[str, MappedFile] = {}  # of what was read now: all of it is looked at in a moment

    def recall(self) -> None:
        """Take what is known from before."""
        self._readings.update(self._memory.recall())
        self._tell()

    def missing(self) -> list[Task]:
        """Return what is still to be read."""
        files = self._found.files
        return [Task(path, files[path].size, path in self._found.named) for path in files if path not in self._readings]

    def take(self, path: str, reading: Reading) -> None:
        """Take what has just been read, and make it a file while others are being read."""
        self._readings[path] = reading
        self._memory.note(path, reading)
        if file := made(path, reading):
            self._files[path] = file
        self._tell()

    def _tell(self) -> None:
        if self._progress and self._readings:
            self._progress(len(self._readings), len(self._found.files))

    async def map(self) -> RepoMap:
        """Return the map of all that was taken, and keep what is of use another time."""
        before = self._memory.woven()
        # First, since it waits for the disk, mostly; a task would begin after what comes next.
        keeping = asyncio.get_running_loop().run_in_executor(None, self._memory.keep)
        try:
            files, woven = await asyncio.to_thread(self._woven, before)
        finally:
            await keeping
        if woven.fresh:
            await asyncio.to_thread(self._memory.keep_woven, woven)
        return RepoMap(
            files=files,
            left_out=tuple(sorted([*self._found.left_out, *self._unread.values()], key=attrgetter("path"))),
            imports=woven.imports,
            references=woven.references,
            notes=self._found.notes,
            shape=Shape(*woven.shape, files, woven.imports),
        )

    def _woven(self, before: Woven | None) -> tuple[Files, Woven]:
        unread = self._unread
        files = Files({path: reading for path, reading in self._readings.items() if path not in unread}, self._files)
        return files, weave(files, self._manifests(files), before)

    @cached_property
    def _unread(self) -> dict[str, LeftOut]:
        """What says of itself that nobody reads it."""
        why = cache(decode)  # there are many such files, of few reasons
        return {
            path: LeftOut(path, str(why(reading.facts)), reading.size)
            for path, reading in self._readings.items()
            if is_reason(reading.facts)
        }

    def _manifests(self, files: Files) -> dict[str, str]:
        """Return the texts of the files that say where imports lead."""
        found: dict[str, str] = {}
        for path in files:
            if path.rpartition("/")[2] in MANIFESTS:
                data, _ = load(self._found.root, path)
                if isinstance(data, bytes):
                    found[path] = data.decode("utf-8", "replace")
        return found
