"""Which files use names that other files define: edges by name alone, weighted by how much the name says. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

from fanfold.sources.repo_map.definers import Named, Numbers
from fanfold.sources.repo_map.values import FileFacts, MappedFile

_MOST_DEFINERS = 8  # a name that more files define says nothing about which of them is meant
_SHORTEST = 3  # characters
_MOST_SHARES = 1 << 12
_FAMILIES = {"javascript": "script", "typescript": "script", "tsx": "script", "c": "c", "cpp": "c", "kt": "java"}

Definers: TypeAlias = dict[str, Named]
"""Who defines a name, by what its language is family with."""


def reference_edges(files: Mapping[str, MappedFile], definers: Definers) -> dict[str, dict[str, float]]:
    """Return for each file the files that define names which it uses, and how much that says."""
    paths = list(files)
    found = ((file.path, references_of(at, file.facts, definers, paths)) for at, file in enumerate(files.values()))
    return {path: weights for path, weights in found if weights}


def definers_in(files: Iterable[MappedFile]) -> Definers:
    """Return who defines what; the files come in order of their paths."""
    found: dict[str, dict[str, Numbers]] = defaultdict(dict)
    for at, file in enumerate(files):
        if names := defined(file.facts):
            named = found[family(file.facts.language)]
            for name in names:
                others = named.get(name)
                named[name] = at if others is None else [*_several(others), at]
    return {kind: Named(named) for kind, named in found.items()}


def defined(facts: FileFacts) -> set[str]:
    """Return the names that a file defines for others to use."""
    return {symbol.name for symbol in facts.symbols if len(symbol.name) >= _SHORTEST}


def references_of(at: int, facts: FileFacts, definers: Definers, paths: Sequence[str]) -> dict[str, float]:
    """Return the files that define names which the file at this number uses, and how much that says, in order.

    As aider's repo map weighs them: a use counts by the square root of how often it stands there, shared among those
    that define the name. Names that the file defines itself, and definitions in other languages, do not count.
    """
    named = definers.get(family(facts.language))
    uses = facts.uses
    weights: dict[int, float] = defaultdict(float)
    for name, found in named.used(uses.keys()) if named else ():
        if len(found) <= _MOST_DEFINERS and at not in found:
            share = _share(uses[name], len(found))
            for other in found:
                weights[other] += share
    return {paths[other]: round(weights[other], 3) for other in sorted(weights)}


@lru_cache(_MOST_SHARES)
def _share(often: int, among: int) -> float:
    """Return what a name says that stands somewhere so often; in steps of 2^-20, of which sums are exact in any order.

    Names come in another order in each process.
    """
    return round(math.sqrt(often) / among * 2**20) / 2**20


def redefine(definers: Definers, at: int, facts: FileFacts) -> set[str]:
    """Put what a file defines now in the place of what it defined before; returns the names of which that is news."""
    changed: set[str] = set()
    home = family(facts.language)
    definers.setdefault(home, Named())
    for kind, named in definers.items():
        before = named.by(at)
        after = defined(facts) if kind == home else set()
        for name in before ^ after:
            others = [other for other in named[name] if other != at]
            named.put(name, sorted([*others, at]) if name in after else others)
        changed |= before ^ after
    return changed


def _several(found: Numbers) -> Sequence[int]:
    return (found,) if isinstance(found, int) else found


def family(language: str) -> str:
    """Return what languages have in common whose files use each other's names."""
    return _FAMILIES.get(language, language)
