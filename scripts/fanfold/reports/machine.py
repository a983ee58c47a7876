"""What the formats for machines share: their words, which findings they show, and what they say of what is missing."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from fanfold.models import Finding, Occurrence, Run, content_key
from fanfold.reports.amounts import count
from fanfold.reports.escape import one_line
from fanfold.reports.filters import introduced, missing
from fanfold.sources.edits import Edit, edit_of

P = TypeVar("P", Finding, Occurrence, Finding | Occurrence)

INCOMPLETE = "incomplete"
_LISTED = 5
_LONGEST_NAME = 80
_SLUG = re.compile(r"[^a-z0-9]+")
_UNUSUAL = re.compile(r"[^A-Za-z0-9._-]+")  # in the name of an analyzer's rule


def document(value: Any) -> str:
    """Return a value as JSON, ending with a line break; one that is not ASCII alone stays readable."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    # A lone surrogate can't be written as UTF-8.
    return text.encode("utf-8", "backslashreplace").decode() + "\n"


def sentence(text: object) -> str:
    """Return text on one line with a mark at its end."""
    line = one_line(text)
    return line if line.endswith((".", "!", "?", "…")) or not line else f"{line}."


def gap(run: Run) -> str | None:
    """Return what the run has not covered, in a sentence or two; None when it is complete."""
    coverage = run.coverage
    if not coverage.planned:
        return "Nothing was looked at: no analyzer and no sub-agent takes what is under review."
    if coverage.complete:
        return None
    lines = [one_line(line) for line in missing(run) or coverage.missing]
    more = len(lines) - _LISTED
    told = "; ".join([*lines[:_LISTED], *([f"and {count(more, 'more reason')}"] if more > 0 else [])])
    return sentence(f"Incomplete: {coverage.ok:,} of {count(coverage.planned, 'unit')} covered. Missing: {told}")


def edit_for(found: Finding | Occurrence) -> Edit | None:
    """Return what the suggestion for a place does to its file; None when there is none, or it is about another file."""
    edit = edit_of(found.suggestion) if found.suggestion else None
    return edit if edit and edit.path == found.path else None


def rule_of(finding: Finding) -> str:
    """Return the id of what was broken: an analyzer's rule (`ruff/S608`), or `aspect/mechanism`, or the aspect.

    It stays the same from one run to the next: where an analyzer and a sub-agent agree, it is the analyzer's.
    """
    analyzed = sorted(source for source in finding.sources if ":" in source)
    if analyzed:
        tool, _, rule = analyzed[0].partition(":")
        return f"{slug(tool) or 'analyzer'}/{_UNUSUAL.sub('-', rule)[:_LONGEST_NAME] or 'rule'}"
    return "/".join(part for part in (slug(finding.aspect), slug(finding.mechanism)) if part) or "finding"


def slug(text: str) -> str:
    """Return a name in lower case letters, digits and hyphens."""
    return _SLUG.sub("-", text.lower()).strip("-")[:_LONGEST_NAME]


def places(run: Run) -> Iterator[tuple[Finding, Finding | Occurrence]]:
    """Yield each place of the findings that are shown: what annotates lines annotates all of them."""
    for finding in introduced(run):
        yield finding, finding
        yield from ((finding, other) for other in finding.also)


def fingerprints(found: Iterable[P]) -> Iterator[tuple[P, str]]:
    """Yield each finding or place with a fingerprint that no other one has; the same ones get the same.

    Those who read the formats take two results with one fingerprint for the same result.
    """
    seen: Counter[str] = Counter()
    for one in found:
        seen[one.fingerprint] += 1
        number = seen[one.fingerprint]
        yield one, one.fingerprint if number == 1 else content_key(one.fingerprint, number)
