"""Which files use names that other files define: edges by name alone, weighted by how much the name says. Pure."""

from __future__ import annotations

import math
from bisect import insort
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from fanfold.sources.repo_map.values import FileFacts, MappedFile

_MOST_DEFINERS = 8  # a name that more files define says nothing about which of them is meant
_SHORTEST = 3  # characters
_FAMILIES = {"javascript": "script", "typescript": "script", "tsx": "script", "c": "c", "cpp": "c", "kt": "java"}

Definers: TypeAlias = dict[str, dict[str, list[str]]]
"""The paths that define a name, in order, by the name and what its language is family with."""


def reference_edges(files: Mapping[str, MappedFile], definers: Definers) -> dict[str, dict[str, float]]:
    """Return for each file the files that define names which it uses, and how much that says."""
    found = ((path, references_of(file, definers)) for path, file in files.items())
    return {path: weights for path, weights in found if weights}


def definers_in(files: Iterable[MappedFile]) -> Definers:
    """Return who defines what; the files come in order of their paths."""
    found: Definers = defaultdict(dict)
    for file in files:
        named = found[family(file.facts.language)]
        for name in defined(file.facts):
            named.setdefault(name, []).append(file.path)
    return found


def defined(facts: FileFacts) -> set[str]:
    """Return the names that a file defines for others to use."""
    return {symbol.name for symbol in facts.symbols if len(symbol.name) >= _SHORTEST}


def references_of(file: MappedFile, definers: Definers) -> dict[str, float]:
    """Return the files that define names which this one uses, and how much that says, in order of their paths.

    As aider's repo map weighs them: a use counts by the square root of how often it stands there, shared among those
    that define the name. Names that the file defines itself, and definitions in other languages, do not count.
    """
    named = definers.get(family(file.facts.language), {})
    uses, path = file.facts.uses, file.path
    weights: dict[str, float] = defaultdict(float)
    for name in uses.keys() & named.keys():
        found = named[name]
        if len(found) <= _MOST_DEFINERS and path not in found:
            share = math.sqrt(uses[name]) / len(found)
            for other in found:
                weights[other] += share
    return {other: round(weights[other], 3) for other in sorted(weights)}


def redefine(definers: Definers, file: MappedFile) -> set[str]:
    """Put what a file defines now in the place of what it defined before; returns the names of which that is news."""
    changed: set[str] = set()
    home = family(file.facts.language)
    now = defined(file.facts)
    for kind, named in definers.items():
        before = {name for name, found in named.items() if file.path in found}
        after = now if kind == home else set()
        for name in before - after:
            named[name].remove(file.path)
            if not named[name]:
                del named[name]
        for name in after - before:
            insort(named.setdefault(name, []), file.path)
        changed |= before ^ after
    if home not in definers and now:
        definers[home] = {name: [file.path] for name in now}
        changed |= now
    return changed


def family(language: str) -> str:
    """Return what languages have in common whose files use each other's names."""
    return _FAMILIES.get(language, language)
