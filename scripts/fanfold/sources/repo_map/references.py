"""Which files use names that other files define: edges by name alone, weighted by how much the name says. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping

from fanfold.sources.repo_map.values import MappedFile

_MOST_DEFINERS = 8  # a name that more files define says nothing about which of them is meant
_SHORTEST = 3  # characters
_FAMILIES = {"javascript": "script", "typescript": "script", "tsx": "script", "c": "c", "cpp": "c", "kt": "java"}


def reference_edges(files: Mapping[str, MappedFile]) -> dict[str, dict[str, float]]:
    """Return for each file the files that define names which it uses, and how much that says.

    As aider's repo map weighs them: a use counts by the square root of how often it stands there, shared among those
    that define the name. Names that the file defines itself, and definitions in other languages, do not count.
    """
    definers = _definers(files)
    edges: dict[str, dict[str, float]] = {}
    for path, file in files.items():
        named = definers.get(family(file.facts.language), {})
        weights: dict[str, float] = defaultdict(float)
        for name in file.facts.uses.keys() & named.keys():
            found = named[name]
            if len(found) <= _MOST_DEFINERS and path not in found:
                share = math.sqrt(file.facts.uses[name]) / len(found)
                for other in found:
                    weights[other] += share
        if weights:
            edges[path] = {other: round(weights[other], 6) for other in sorted(weights)}
    return edges


def family(language: str) -> str:
    """Return what languages have in common whose files use each other's names."""
    return _FAMILIES.get(language, language)


def _definers(files: Mapping[str, MappedFile]) -> dict[str, dict[str, list[str]]]:
    """Return the files that define each name, by family of languages."""
    found: dict[str, dict[str, list[str]]] = defaultdict(dict)
    for path, file in files.items():
        named = found[family(file.facts.language)]
        for name in {symbol.name for symbol in file.facts.symbols if len(symbol.name) >= _SHORTEST}:
            named.setdefault(name, []).append(path)
    return found
