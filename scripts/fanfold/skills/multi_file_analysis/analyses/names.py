"""Which definitions are named only where they are defined: no word and no string made at run time says them again."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fanfold.skills.multi_file_analysis.analyses.sources import Sources, production
from fanfold.sources.repo_map.values import FileFacts, RepoMap, Symbol

_WORD = re.compile(r"[^\W\d]\w*")
_HOLE = r"(?:%[sdr]|%\(\w+\)[sdr]|[$#]?\{[^{}\"'`\n]{0,60}\})"
# A string of word characters with something to be filled in, or one that is added to another.
_MADE = re.compile(rf"(\+\s*)?[\"'`](\w*(?:{_HOLE}\w*)+|[A-Za-z_]\w{{2,}})[\"'`](\s*\+)?")
_HOLES = re.compile(_HOLE)
_LEAST_LITERAL = 3  # characters that such a string must say itself: fewer would stand for half of all names


@dataclass(frozen=True, slots=True, eq=False)
class Defined:
    """A definition and the file that it is in."""

    path: str
    facts: FileFacts
    symbol: Symbol


def unnamed(tree: RepoMap, sources: Sources, kinds: Iterable[str]) -> list[Defined]:
    """Return the definitions of these kinds in production files whose name is said nowhere else, in the order of files.

    Wherever the word stands counts, in code, comments, strings and in `sources.others`; so does a string that may be
    filled in to give it.
    """
    wanted = frozenset(kinds)
    used = {name for file in tree.files.values() for name in file.facts.uses}
    used |= {name for file in tree.files.values() for one in file.facts.imports if (name := one.name)}
    open_ones = [
        Defined(path, file.facts, symbol)
        for path, file in production(tree)
        for symbol in file.facts.symbols
        if symbol.kind in wanted and symbol.name not in used
    ]
    names = frozenset(one.symbol.name for one in open_ones)
    said = _said(tree, sources, names) if names else frozenset()
    return [one for one in open_ones if one.symbol.name not in said]


def _said(tree: RepoMap, sources: Sources, names: frozenset[str]) -> set[str]:
    """Return those of `names` that some text says beyond defining them."""
    found: set[str] = set()
    patterns: set[str] = set()
    for path in [*tree.files, *sources.others]:
        text = sources.read(path)
        if not text:
            continue
        words = _WORD.findall(text)
        if here := names.intersection(words):
            found |= _more_often_than_defined(here, words, tree.files[path].facts if path in tree.files else None)
        if path in tree.files:
            patterns |= _patterns(text)
    return found | _made_by(patterns, names - found)


def _more_often_than_defined(names: Iterable[str], words: Iterable[str], facts: FileFacts | None) -> set[str]:
    counts = Counter(words)
    defined: Mapping[str, int] = Counter(symbol.name for symbol in facts.symbols) if facts else {}
    return {name for name in names if counts[name] > defined.get(name, 0)}


def _patterns(text: str) -> set[str]:
    """Return, as regular expressions, the names that strings of this text could become."""
    found = set()
    for before, inside, behind in _MADE.findall(text):
        parts = _HOLES.split(inside)
        if len(parts) == 1 and not before and not behind:
            continue
        if sum(map(len, parts)) >= _LEAST_LITERAL:
            middle = r"\w+".join(map(re.escape, parts))
            found.add((r"\w*" if before else "") + middle + (r"\w*" if behind else ""))
    return found


def _made_by(patterns: Iterable[str], names: Iterable[str]) -> set[str]:
    made = [re.compile(pattern) for pattern in sorted(patterns)]
    return {name for name in names if any(pattern.fullmatch(name) for pattern in made)}
