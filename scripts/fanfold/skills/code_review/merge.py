"""Duplicates become one finding that names all its sources.

`merge` is idempotent and independent of order, never joins across files, and keeps the highest severity. When in
doubt, two findings stay two.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from fanfold.models import Finding, Verdict
from fanfold.skills.code_review.disjoint import DisjointSets

# Words that say nothing about what is wrong.
_FILLER = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "by",
        "can",
        "for",
        "from",
        "has",
        "in",
        "into",
        "is",
        "it",
        "its",
        "may",
        "not",
        "of",
        "on",
        "or",
        "that",
        "the",
        "this",
        "to",
        "with",
    ]
)
_WORD = re.compile(r"[a-z0-9]+")
_OF_A_NAME = frozenset({"undefined-name"})  # faults that are told by the first name in the title
_NAME = re.compile(r"`[^`]+`")
# Out of 100: "SQL injection via name" and "SQL injection through name" are alike.
_SAME_WORDS = 70.0


@dataclass(frozen=True, slots=True)
class Merged:
    """`findings` in canonical order; `duplicates` are the ones that went into another, each with what it went into."""

    findings: tuple[Finding, ...]
    duplicates: tuple[tuple[Finding, Finding], ...]


def merge(findings: Iterable[Finding]) -> Merged:
    """Join what is the same, until nothing more is.

    Each round joins the connected components of `same`, so the result depends on the set of findings alone; rounds
    repeat because a joined finding may be the same as one that its parts were not.
    """
    by_path: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        by_path[finding.path].append(finding)
    kept: list[Finding] = []
    duplicates: list[tuple[Finding, Finding]] = []
    for path in sorted(by_path):
        merged = _merge_file(by_path[path])
        kept += merged.findings
        duplicates += merged.duplicates
    return Merged(tuple(kept), tuple(duplicates))


def _merge_file(findings: Sequence[Finding]) -> Merged:
    current = sorted(findings, key=canonical)
    into: list[tuple[Finding, Finding]] = []
    while True:
        groups = _components(current)
        joined = sorted((_join(group) for group in groups), key=canonical)
        if len(joined) == len(current):
            return Merged(tuple(current), tuple(into))
        target = {member: _join(group) for group in groups for member in group}
        into = [(loser, target[winner]) for loser, winner in into]
        into += [(member, target[member]) for group in groups for member in _losers(group)]
        current = joined


def same(a: Finding, b: Finding) -> bool:
    """Do two findings report one fault?

    The same file and overlapping lines, and a sign that they mean the same:
    the same mechanism, a shared analyzer result, or titles in the same words.
    """
    if a.path != b.path or a.line > b.end_line or b.line > a.end_line or other_secrets(a, b):
        return False
    rules = {source for source in a.sources if ":" in source}
    if _by_rule(a) is not _by_rule(b) and a.aspect == b.aspect and squeezed(a.quote) == squeezed(b.quote):
        # A reader who saw the analyzer's result and reports this very code for the same aspect means it.
        return True
    if rules == set(a.sources) == set(b.sources) and a.line != b.line:
        # One rule that reports two lines means two things, as with a function inside of another.
        return False
    if name_different_things(a, b):
        return False
    if a.mechanism and a.mechanism == b.mechanism:
        return True
    return not rules.isdisjoint(b.sources) or alike(a.title, b.title)


def _by_rule(finding: Finding) -> bool:
    """Is it an analyzer's word alone?"""
    return all(":" in source for source in finding.sources)


def name_different_things(a: Finding, b: Finding) -> bool:
    """Do rules report two things by their names, as in "Undefined name `x`"? One title would hide the other."""
    if not (_by_rule(a) and _by_rule(b)):
        return False
    if a.mechanism == b.mechanism and a.mechanism in _OF_A_NAME:
        return _NAME.findall(a.title)[:1] != _NAME.findall(b.title)[:1]
    return a.sources == b.sources and _NAME.findall(a.title) != _NAME.findall(b.title)


def other_secrets(a: Finding, b: Finding) -> bool:
    """Are they about two secrets? A mask looks the same over both."""
    return bool(a.digest and b.digest) and a.digest != b.digest


def squeezed(text: str) -> str:
    """Leave white space out."""
    return "".join(text.split())


def alike(a: str, b: str) -> bool:
    """Do two titles say the same, in whatever order of words? By the edit distance of their sorted words."""
    from rapidfuzz.fuzz import ratio

    words_a, words_b = _words(a), _words(b)
    return bool(words_a and words_b) and ratio(words_a, words_b) >= _SAME_WORDS


@lru_cache(maxsize=8192)
def _words(title: str) -> str:
    return " ".join(sorted(set(_WORD.findall(title.lower())) - _FILLER))


def _components(findings: Sequence[Finding]) -> list[list[Finding]]:
    """Group findings (sorted by line) into the connected components of `same`."""
    sets = DisjointSets(len(findings))
    secret = {index: finding for index, finding in enumerate(findings) if finding.digest}  # by a component's root
    reaching: list[int] = []
    for index, finding in enumerate(findings):
        # Only those that reach this line can overlap it: far fewer than all.
        reaching = [other for other in reaching if findings[other].end_line >= finding.line]
        for other in reaching:
            roots = sets.root(other), sets.root(index)
            if roots[0] == roots[1] or not same(findings[other], finding):
                continue
            told = [secret[root] for root in roots if root in secret]
            if len(told) == len(roots) and other_secrets(*told):
                continue  # a reader's word on a line with two secrets is about one of them
            sets.join(other, index)
            secret.update({sets.root(index): one for one in told})
        reaching.append(index)
    return [[findings[index] for index in group] for group in sets.groups().values()]


def _join(group: Sequence[Finding]) -> Finding:
    """Return the strongest member, with what the others add."""
    best, *others = sorted(group, key=_strength)
    if not others:
        return best
    suggestions = [finding.suggestion for finding in (best, *others) if finding.suggestion]
    mechanisms = [finding.mechanism for finding in (best, *others) if finding.mechanism]
    digests = [finding.digest for finding in (best, *others) if finding.digest]
    verdicts = {finding.verdict for finding in group}
    # A secrets scan quotes the line without the secret; nobody else's quote may bring it back.
    quotes = [f.quote for f in (best, *others) if any(source.startswith("secrets:") for source in f.sources)]
    return best.model_copy(
        update={
            "confidence": max(finding.confidence for finding in group),
            "verdict": next(verdict for verdict in Verdict if verdict in verdicts),
            "introduced": any(finding.introduced for finding in group),
            "caused": any(finding.caused for finding in group),
            "sources": tuple(sorted({source for finding in group for source in finding.sources})),
            "quote": quotes[0] if quotes else best.quote,
            "suggestion": suggestions[0] if suggestions else None,
            "mechanism": mechanisms[0] if mechanisms else "",
            "digest": digests[0] if digests else "",
            "also": tuple(dict.fromkeys(place for finding in (best, *others) for place in finding.also)),
            "notes": tuple(dict.fromkeys(note for finding in (best, *others) for note in finding.notes)),
        }
    )


def _losers(group: Sequence[Finding]) -> list[Finding]:
    return sorted(group, key=_strength)[1:]


def _strength(finding: Finding) -> tuple[object, ...]:
    """Sort the strongest first: severity, a reader's words, confidence, the fuller explanation, any fixed order."""
    said = len(finding.explanation)
    return (-finding.severity.rank, _by_rule(finding), -finding.confidence, -said, canonical(finding))


def canonical(finding: Finding) -> tuple[object, ...]:
    """Sort by place, then by everything else: an order that no two different findings share."""
    return (finding.path, finding.line, finding.end_line, finding.title, finding.model_dump_json())
