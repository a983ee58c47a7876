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
_UNDERSCORED = re.compile(rf"[\"'`]_{_HOLE}[\"'`]")
_QUOTED = re.compile(r"[\"'`](\w{6,60})[\"'`]")
_LEAST_PREFIX = 6
# What a dispatcher puts in front of a name; a short one is known to do so in the file that has such names.
_PREFIX = re.compile(r"[\"'`](\w{2,40}_)[\"'`]")
_LONG_PREFIX = 6
# What C's preprocessor pastes together in a macro that takes arguments: `#define API(name) api_##name`.
_MACRO = re.compile(r"^[ \t]*#[ \t]*define[ \t]+\w+\(([^()\n]*)\)((?:[^\\\n]|\\\r?\n|\\.)*)", re.MULTILINE)
_PASTED = re.compile(r"\w+(?:\s*##\s*\w+)+")
_PASTING = frozenset({"c", "cpp"})
_LEAST_LITERAL = 3  # characters that such a string must say itself: fewer would stand for half of all names


@dataclass(frozen=True, slots=True, eq=False)
class Defined:
    """A definition and the file that it is in."""

    path: str
    facts: FileFacts
    symbol: Symbol


def unnamed(tree: RepoMap, sources: Sources, kinds: Iterable[str]) -> list[Defined]:
    """Return the definitions of these kinds in production files whose name is said nowhere else, in the order of files.

    Wherever the word stands counts, in code, comments, strings and documents; so does a string that may be filled in to
    give it.
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
    said, underscored = _said(tree, sources, names) if names else (set(), False)
    if underscored:  # some text makes a private name of another one
        said |= {name for name in names if name.lstrip("_") in used}
    return [one for one in open_ones if one.symbol.name not in said]


def _said(tree: RepoMap, sources: Sources, names: frozenset[str]) -> tuple[set[str], bool]:
    """Return those of `names` that some text says beyond defining them, and whether one makes `_name` of a name."""
    found: set[str] = set()
    patterns: set[_Pattern] = set()
    begun = _beginnings(names)
    underscored = False
    for path, file in tree.files.items():
        text = sources.read(path)
        if not text:
            continue
        words = _WORD.findall(text)
        here = names.intersection(words)
        if here:
            found |= _more_often_than_defined(here, words, file.facts)
        patterns |= _patterns(text)
        if file.facts.language in _PASTING and "##" in text:
            patterns |= _pasted(text)
        for prefix in set(_PREFIX.findall(text)):
            candidates = names if len(prefix) >= _LONG_PREFIX else here
            found.update(name for name in candidates if name.startswith(prefix))
        underscored = underscored or _UNDERSCORED.search(text) is not None
        for quoted in begun.keys() & set(_QUOTED.findall(text)):
            found.update(begun[quoted])
    return found | _made_by(patterns, names - found), underscored


def _beginnings(names: Iterable[str]) -> dict[str, set[str]]:
    """Return, by what they begin with, the names that a dispatcher might make: "visit" and a kind, `_visit_name`."""
    begun: dict[str, set[str]] = {}
    for name in names:
        plain = name.lstrip("_")
        for at, letter in enumerate(plain):
            if letter == "_" and at >= _LEAST_PREFIX:
                begun.setdefault(plain[:at], set()).add(name)
                begun.setdefault(name[: len(name) - len(plain) + at], set()).add(name)
    return begun


def _more_often_than_defined(names: Iterable[str], words: Iterable[str], facts: FileFacts) -> set[str]:
    counts = Counter(words)
    defined: Mapping[str, int] = Counter(symbol.name for symbol in facts.symbols)
    return {name for name in names if counts[name] > defined.get(name, 0)}


_Pattern = tuple[bool, tuple[str, ...], bool]
"""What a string may become: whether something comes before, its literal parts, whether something follows."""


def _patterns(text: str) -> set[_Pattern]:
    """Return what the strings of this text that are filled in, or added to others, could become."""
    found = set()
    for before, inside, behind in _MADE.findall(text):
        parts = tuple(_HOLES.split(inside))
        if (len(parts) > 1 or before or behind) and sum(map(len, parts)) >= _LEAST_LITERAL:
            found.add((bool(before), parts, bool(behind)))
    return found


def _pasted(text: str) -> set[_Pattern]:
    """Return what the macros of this text could paste together."""
    found: set[_Pattern] = set()
    for said, body in _MACRO.findall(text):
        arguments = {one.strip() for one in said.split(",")}
        for chain in _PASTED.findall(body):
            parts = [""]
            for token in re.split(r"\s*##\s*", chain):
                if token in arguments:
                    parts.append("")
                else:
                    parts[-1] += token
            if len(parts) > 1 and sum(map(len, parts)) >= _LEAST_LITERAL:
                found.add((False, tuple(parts), False))
    return found


def _made_by(patterns: Iterable[_Pattern], names: Iterable[str]) -> set[str]:
    """Return the names that one of these could become; most patterns are ruled out by their longest part."""
    left = sorted(names)
    together = "\n".join(left)
    found: set[str] = set()
    for before, parts, behind in sorted(patterns):
        if max(parts, key=len) in together:
            middle = r"\w+".join(map(re.escape, parts))
            pattern = re.compile((r"\w*" if before else "") + middle + (r"\w*" if behind else ""))
            found.update(name for name in left if pattern.fullmatch(name))
    return found
