"""The files of a map; the facts of each are made when somebody asks for them, and most of a large tree nobody does."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping

from fanfold.sources.repo_map.facts import decode
from fanfold.sources.repo_map.reading import Reading
from fanfold.sources.repo_map.values import FileFacts, MappedFile


def made(path: str, reading: Reading) -> MappedFile | None:
    """Return the file of which this was read, None when that says why nobody reads it."""
    facts = decode(reading.facts)
    return MappedFile(path, reading.content, reading.size, facts) if isinstance(facts, FileFacts) else None


class Files(Mapping[str, MappedFile]):
    """Files by path, in order, made of what `facts.encode` has kept of them, or made already."""

    def __init__(self, readings: Mapping[str, Reading], files: Mapping[str, MappedFile] | None = None) -> None:
        kept: dict[str, Reading | MappedFile] = {**readings, **(files or {})}
        self._kept = {path: kept[path] for path in sorted(kept)}

    def __getitem__(self, path: str) -> MappedFile:
        kept = self._kept[path]
        if isinstance(kept, MappedFile):
            return kept
        file = made(path, kept)
        if file is None:
            raise KeyError(path)
        self._kept[path] = file
        return file

    def contents(self) -> dict[str, str]:
        """Return the key of each file's content."""
        return {path: kept.content for path, kept in self._kept.items()}

    def using(self, names: Collection[str]) -> set[str]:
        """Return files among which are all that use one of these names; what is not looked at yet is only searched."""
        if not names:
            return set()
        wanted = set(names)
        marks = [f"{json.dumps(name, ensure_ascii=False)}:".encode("utf-8", "surrogatepass") for name in names]
        packs: dict[int, bool] = {}  # by what many facts are parts of: whether one of the names is in there
        found: set[str] = set()
        for path, kept in self._kept.items():
            if isinstance(kept, MappedFile):
                if not wanted.isdisjoint(kept.facts.uses):
                    found.add(path)
                continue
            pack = _whole(kept.facts)
            if (within := packs.get(id(pack))) is None:
                within = packs[id(pack)] = any(map(pack.__contains__, marks))
            if within and any(map(bytes(kept.facts).__contains__, marks)):
                found.add(path)
        return found

    def __contains__(self, path: object) -> bool:
        return path in self._kept

    def __iter__(self) -> Iterator[str]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    def __eq__(self, other: object) -> bool:
        return dict(self) == dict(other) if isinstance(other, Mapping) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as of every mapping that is compared by what it holds


def _whole(facts: bytes | memoryview) -> bytes:
    """Return the bytes that these are a part of."""
    whole = facts.obj if isinstance(facts, memoryview) else facts
    return whole if isinstance(whole, bytes) else bytes(facts)
