"""The map of a tree from beginning to end: read each file, resolve what it imports, weigh what it uses.

found = discover([], Path.cwd(), exclude=["docs/"])
tree = await map_tree(found)
first = cycles(tree), layers(tree), central(tree, {"cli/main.py": 1.0})
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable

from fanfold.sources.files import opened
from fanfold.sources.repo_map.discover import Discovery
from fanfold.sources.repo_map.facts import read_facts
from fanfold.sources.repo_map.references import reference_edges
from fanfold.sources.repo_map.resolve import import_edges
from fanfold.sources.repo_map.values import LeftOut, MappedFile, RepoMap

Progress = Callable[[int, int], object]
"""Is told how many files have been read, and of how many."""


async def map_tree(found: Discovery, *, progress: Progress | None = None) -> RepoMap:
    """Return the map of what was found."""
    return await asyncio.to_thread(_mapped, found, progress)


def _mapped(found: Discovery, progress: Progress | None) -> RepoMap:
    files: dict[str, MappedFile] = {}
    left_out = list(found.left_out)
    for done, (path, stamp) in enumerate(found.files.items(), 1):
        try:
            with opened(found.root, path) as file:
                data = file.read()
        except OSError as error:
            left_out.append(LeftOut(path, error.strerror or str(error), stamp.size))
            continue
        facts = read_facts(path, data)
        if isinstance(facts, str):
            left_out.append(LeftOut(path, facts, len(data)))
        else:
            files[path] = MappedFile(path, hashlib.blake2b(data, digest_size=20).hexdigest(), len(data), facts)
        if progress:
            progress(done, len(found.files))
    return RepoMap(
        files=files,
        left_out=tuple(sorted(left_out)),
        imports=import_edges(files),
        references=reference_edges(files),
        notes=found.notes,
    )
