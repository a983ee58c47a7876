"""Claims before verifiers: which findings are tried, how their verdicts are counted, what becomes of them.

Finders report, verifiers refute, and everything that is counted is counted here, by pure functions: an independent
refutation removes most false findings and some true ones with them, so what is uncertain and grave stays, marked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median_low

from fanfold.models import Dropped, Finding, Severity, Verdict
from fanfold.skills.code_review.answer import VerifierAnswer
from fanfold.skills.code_review.merge import alike, name_different_things, other_secrets, same

# More findings than this from one finder are no review: the gravest are tried, the others are dropped, and named.
MOST_CLAIMS = 30
_CERTAIN = {1: 0.8, 2: 0.9, 3: 0.95}
_MAJORITY_ONLY = 0.75
_OPEN = 0.4
_UNHEARD = 0.3
_TWO_OF_THREE = 2
_AGREEMENT = 0.04
_SUREST = 0.98


@dataclass(slots=True)
class Claim:
    """A finding that verifiers try; `part` is where it was read, `others` are findings that say the same."""

    finding: Finding
    part: int
    others: list[Finding] = field(default_factory=list)


@dataclass(slots=True)
class Docket:
    """The claims of a review, in the order in which they came."""

    claims: list[Claim] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    _by_path: dict[str, list[Claim]] = field(default_factory=lambda: defaultdict(list))

    def admit(self, findings: Iterable[Finding], part: int) -> list[Claim]:
        """Take one finder's findings in; returns the claims among them that nobody has made yet, gravest first.

        What says the same as a claim joins it. Of one mistake in many places, the gravest is tried for all.
        """
        ordered = sorted(findings, key=lambda f: (-f.severity.rank, f.path, f.line, f.title))
        new: list[Claim] = []
        for finding in ordered:
            known = self._same(finding) or next((c for c in new if repeats(c.finding, finding)), None)
            if known is not None:
                known.others.append(finding)
            elif len(new) < MOST_CLAIMS:
                new.append(self._enter(Claim(finding, part)))
            else:
                self.dropped.append(_drop(finding, "too-many", f"more than {MOST_CLAIMS} from one finder"))
        return new

    def _same(self, finding: Finding) -> Claim | None:
        return next((c for c in self._by_path[finding.path] if same(c.finding, finding)), None)

    def _enter(self, claim: Claim) -> Claim:
        self.claims.append(claim)
        self._by_path[claim.finding.path].append(claim)
        return claim


def repeats(one: Finding, other: Finding) -> bool:
    """Are these one mistake, made in two places: of one kind, in the same words?"""
    if name_different_things(one, other) or other_secrets(one, other):
        return False
    if one.mechanism or other.mechanism:
        return one.aspect == other.aspect and one.mechanism == other.mechanism and alike(one.title, other.title)
    return one.sources == other.sources and one.title == other.title


def undecided(heard: Sequence[VerifierAnswer]) -> bool:
    """Do the verifiers heard so far leave it open what two of three will say?"""
    return max(sum(answer.verdict == said for answer in heard) for said in ("holds", "refuted")) < _TWO_OF_THREE


def judge(claim: Claim, heard: Sequence[VerifierAnswer], asked: int) -> list[Finding] | Dropped:
    """Count the verdicts of the `asked` verifiers, of which `heard` answered, and say what becomes of the claim.

    More than half of those asked confirm or refute. In between, a claim that is high or critical stays as `unverified`,
    one that somebody confirmed as `plausible`, and the rest is dropped. Nobody heard: it stays as `unverified`, and the
    run is incomplete.
    """
    holds = [a for a in heard if a.verdict == "holds"]
    refuted = [a for a in heard if a.verdict == "refuted"]
    finding = claim.finding
    if 2 * len(refuted) > asked:
        return _drop(finding, "refuted", refuted[0].reason)
    if 2 * len(holds) > asked:
        sure = _CERTAIN.get(len(holds), _SUREST) if len(holds) == len(heard) else _MAJORITY_ONLY
        return _settled(claim, Verdict.CONFIRMED, sure, holds)
    if not heard:
        return _settled(claim, Verdict.UNVERIFIED, _UNHEARD, holds)
    if finding.severity.rank >= Severity.HIGH.rank:
        return _settled(claim, Verdict.UNVERIFIED, _OPEN, holds)
    if len(holds) > len(refuted):
        return _settled(claim, Verdict.PLAUSIBLE, _OPEN, holds)
    return _drop(finding, "uncertain", heard[0].reason)


def _settled(claim: Claim, verdict: Verdict, sure: float, holds: Sequence[VerifierAnswer]) -> list[Finding]:
    """Return the claim's findings with what the verifiers said: the severity is theirs, the confidence counted."""
    agreeing = {source for other in claim.others for source in other.sources} - set(claim.finding.sources)
    told: Mapping[str, object] = {
        "verdict": verdict,
        "confidence": min(_SUREST, sure + _AGREEMENT * len(agreeing)),
        "severity": _severity(claim.finding, holds),
    }
    findings = [claim.finding, *claim.others]
    if holds:
        # Whether the change is to blame is theirs to say: what it breaks may stand on a line that it leaves alone.
        told = {**told, "introduced": 2 * sum(answer.by_this_change for answer in holds) > len(holds)}
    return [f.model_copy(update=told) for f in findings]


def _severity(finding: Finding, holds: Sequence[VerifierAnswer]) -> Severity:
    """Return the median of what the verifiers say who confirm: a finder's own rating is close to chance."""
    if not holds:
        return finding.severity
    by_rank = {severity.rank: severity for severity in Severity}
    return by_rank[median_low([answer.severity.rank for answer in holds])]


def _drop(finding: Finding, reason: str, why: str) -> Dropped:
    return Dropped(
        title=finding.title, path=finding.path, line=finding.line, sources=finding.sources, reason=reason, why=why
    )
