"""Fold a review's outcomes into findings with places, verdicts, ranks and ids."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

from fanfold.analyzers.base import Analysis
from fanfold.models import Dropped, Finding, Occurrence, Outcome, Severity, content_key
from fanfold.skills.code_review.claims import repeats
from fanfold.skills.code_review.merge import canonical, merge, squeezed
from fanfold.sources.target import Target

# Analyzers that prove what they say, or whose word nobody should have to confirm.
EXACT = frozenset(["addressed", "contracts", "secrets"])
NOT_TAKEN_UP = "an analyzer's word alone: no reader took it up"
MINOR = "for information only"


@dataclass(frozen=True, slots=True)
class FileCoverage:
    """What became of one file under review, and why.

    It is `reviewed`, `partly` read (one of its finders failed), `skipped` on purpose or `missing`. `of_unit` says that
    the units which should have read it are counted as missing already.
    """

    path: str
    status: str
    reason: str | None = None
    of_unit: bool = False


@dataclass(frozen=True, slots=True)
class Folded:
    """What a review found; `findings` worst first, with ids. `files` says of each file whether anybody read it."""

    findings: tuple[Finding, ...]
    dropped: tuple[Dropped, ...]
    notes: tuple[str, ...]
    files: tuple[FileCoverage, ...] = ()

    @property
    def unread(self) -> tuple[tuple[str, str], ...]:
        """The files that nobody looked at although somebody should have, and why; those that no unit stands for."""
        missing = (file for file in self.files if file.status == "missing" and not file.of_unit)
        return tuple((file.path, file.reason or "") for file in missing)


def analyzer_findings(target: Target, outcomes: Iterable[Outcome[Analysis]]) -> tuple[Finding, ...]:
    """Return what the analyzers found, each marked by whether the change touches or caused it, in canonical order."""
    found = (finding for outcome in outcomes if outcome.value for finding in outcome.value.findings)
    marked = (
        f.model_copy(update={"introduced": f.caused or target.touches(f.path, f.line, f.end_line)}) for f in found
    )
    return tuple(sorted(marked, key=canonical))


def fold(
    findings: Iterable[Finding],
    dropped: Iterable[Dropped],
    notes: Iterable[str],
    files: Iterable[FileCoverage] = (),
    *,
    read: Container[str] = (),
) -> Folded:
    """Merge, cluster, rank and number what stands.

    `read` are the files that all their finders have read: what an analyzer reports there has to be taken up by one of
    them, unless it proves itself.
    """
    merged = merge(findings)
    shown = [_marked(_judged(finding, read=finding.path in read)) for finding in merged.findings]
    groups = sorted(cluster(shown), key=lambda group: rank(shown[group[0]]))
    numbered = tuple(
        _with_places(shown[first], [shown[other] for other in others]).model_copy(update={"id": f"F{number}"})
        for number, (first, *others) in enumerate(groups, 1)
    )
    ids = {merged.findings[index]: f"F{number}" for number, group in enumerate(groups, 1) for index in group}
    duplicates = [_duplicate(loser, ids[winner]) for loser, winner in merged.duplicates]
    ordered = sorted([*dropped, *duplicates], key=lambda d: (d.path, d.line or 0, d.reason, d.title, d.sources))
    return Folded(numbered, tuple(ordered), tuple(notes), tuple(files))


def _judged(finding: Finding, *, read: bool) -> Finding:
    """Suppress what is not worth a person's minute."""
    if finding.suppressed is not None:
        return finding
    analyzers = {source.partition(":")[0] for source in finding.sources if ":" in source}
    alone = len(analyzers) > 0 and all(":" in source for source in finding.sources)
    if read and alone and not analyzers & EXACT and finding.verdict.value == "plausible" and finding.introduced:
        return finding.model_copy(update={"suppressed": NOT_TAKEN_UP})
    if read and finding.severity is Severity.INFO:
        return finding.model_copy(update={"suppressed": MINOR})
    return finding


def _marked(finding: Finding) -> Finding:
    told = fingerprint(finding.path, finding.aspect, finding.quote, finding.digest)
    return finding.model_copy(update={"fingerprint": told, "title": _heading(finding.title)})


def _heading(title: str) -> str:
    """Return a title as headings are written: no full stop ends it, unless it is more than one sentence."""
    one = title.strip()
    return one[:-1] if one.endswith(".") and not one.endswith("..") and ". " not in one else one


def fingerprint(path: str, aspect: str, quote: str, digest: str = "") -> str:
    """Return what stays the same while the file is edited elsewhere: path, aspect, the quoted code and a secret's."""
    return content_key(path, aspect, squeezed(quote), *filter(None, [digest]))


def cluster(findings: Sequence[Finding]) -> list[list[int]]:
    """Group by index what is one mistake in several places, the one that ranks first in front.

    Only findings that agree in whether the change brought them and whether they are suppressed are one.
    """
    kept: dict[tuple[object, ...], list[list[int]]] = defaultdict(list)
    for index in sorted(range(len(findings)), key=lambda index: rank(findings[index])):
        finding = findings[index]
        alike = kept[(finding.introduced, finding.suppressed, *_mistake(finding))]
        home = next((group for group in alike if repeats(findings[group[0]], finding)), None)
        if home is None:
            alike.append([index])
        else:
            home.append(index)
    return [group for alike in kept.values() for group in alike]


def _mistake(finding: Finding) -> tuple[object, ...]:
    """Return what two findings must share at least to be one mistake."""
    alike = (finding.aspect, finding.mechanism) if finding.mechanism else (finding.sources, finding.title)
    return (*alike, finding.digest)


def _with_places(first: Finding, others: Sequence[Finding]) -> Finding:
    if not others:
        return first
    also = [Occurrence(**{name: getattr(f, name) for name in Occurrence.model_fields}) for f in others]
    sources = tuple(sorted({source for f in (first, *others) for source in f.sources}))
    return first.model_copy(update={"also": (*first.also, *also), "sources": sources})


def rank(finding: Finding) -> tuple[object, ...]:
    """Sort what is shown first, then what this change brought, then the worst, then the surest."""
    return (
        finding.suppressed is not None,
        not finding.introduced,
        -finding.severity.rank,
        -finding.confidence,
        *canonical(finding),
    )


def _duplicate(loser: Finding, winner: str) -> Dropped:
    return Dropped(
        title=loser.title,
        path=loser.path,
        line=loser.line,
        reason=f"duplicate-of:{winner}",
        sources=loser.sources,
    )
