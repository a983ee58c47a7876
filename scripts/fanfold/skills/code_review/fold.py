"""Fold a review's outcomes into findings with places, ranks and ids."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fanfold.agents.spec import Answered
from fanfold.analyzers.base import Analysis
from fanfold.models import Dropped, Finding, Outcome, Unit, content_key
from fanfold.skills.code_review.answer import FinderAnswer, Placer
from fanfold.skills.code_review.merge import canonical, merge
from fanfold.skills.code_review.plan import FinderTask
from fanfold.skills.code_review.suggestions import with_checked_suggestions
from fanfold.skills.code_review.view import evidence_label
from fanfold.sources.target import Target

_SPACE = re.compile(r"\s+")
# Two readers that report the same thing are more than the surer of them; all analyzers count as one.
_AGREEMENT = 0.25
_SUREST = 0.95


@dataclass(frozen=True, slots=True)
class Folded:
    """What a review found; `findings` worst first, with ids. `unread` are files that nobody looked at, and why."""

    findings: tuple[Finding, ...]
    dropped: tuple[Dropped, ...]
    notes: tuple[str, ...]
    unread: tuple[tuple[str, str], ...] = ()


def analyzer_findings(target: Target, outcomes: Iterable[Outcome[Analysis]]) -> tuple[Finding, ...]:
    """Return what the analyzers found, each marked by whether the change touches it, in canonical order."""
    found = (finding for outcome in outcomes if outcome.value for finding in outcome.value.findings)
    marked = (f.model_copy(update={"introduced": target.touches(f.path, f.line, f.end_line)}) for f in found)
    return tuple(sorted(marked, key=canonical))


def fold(
    target: Target,
    analyzed: Sequence[Finding],
    finders: Sequence[tuple[Unit[FinderTask], Outcome[Answered[FinderAnswer]]]],
    notes: Iterable[str],
) -> Folded:
    """Place, merge, rank and number everything that was reported."""
    placer = Placer(target)
    placed = [
        placer.place(reported, unit.payload.aspect.name, _labelled(unit.payload.evidence))
        for unit, outcome in finders
        if outcome.value
        for reported in outcome.value.answer.findings
    ]
    reported = [*analyzed, *(found for found in placed if isinstance(found, Finding))]
    merged = merge(with_checked_suggestions(reported, target.snapshot.read))
    ranked = sorted(map(weigh, merged.findings), key=rank)
    numbered = tuple(f.model_copy(update={"id": f"F{n}"}) for n, f in enumerate(ranked, 1))
    ids = {_identity(finding): finding.id for finding in numbered}
    duplicates = [_duplicate(loser, ids[_identity(weigh(winner))]) for loser, winner in merged.duplicates]
    dropped = [found for found in placed if isinstance(found, Dropped)]
    ordered = sorted([*dropped, *duplicates], key=lambda d: (d.path, d.line or 0, d.reason, d.title, d.sources))
    return Folded(numbered, tuple(ordered), tuple(notes))


def _labelled(evidence: Sequence[Finding]) -> dict[str, Finding]:
    return {evidence_label(index): finding for index, finding in enumerate(evidence)}


def weigh(finding: Finding) -> Finding:
    """Set the fingerprint, and raise the confidence of what independent readers agree on."""
    readers = {"analyzers" if ":" in source else source for source in finding.sources}
    confidence = min(_SUREST, finding.confidence + _AGREEMENT) if len(readers) > 1 else finding.confidence
    return finding.model_copy(
        update={"fingerprint": fingerprint(finding), "confidence": max(confidence, finding.confidence)}
    )


def fingerprint(finding: Finding) -> str:
    """Return what stays the same while the file is edited elsewhere: path, aspect and the quoted code."""
    return content_key(finding.path, finding.aspect, _SPACE.sub("", finding.quote))


def rank(finding: Finding) -> tuple[object, ...]:
    """Sort what this change brought first, then the worst, then the surest."""
    return (not finding.introduced, -finding.severity.rank, -finding.confidence, *canonical(finding))


def _identity(finding: Finding) -> Finding:
    return finding.model_copy(update={"id": ""})


def _duplicate(loser: Finding, winner: str) -> Dropped:
    return Dropped(
        title=loser.title,
        path=loser.path,
        line=loser.line,
        reason=f"duplicate-of:{winner}",
        sources=loser.sources,
    )
