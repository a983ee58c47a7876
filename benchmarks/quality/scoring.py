"""Scores of a review against labels, as pure functions.

A finding **hits** a bug when it is about the bug's file and its lines come within `tolerance` lines of the bug's, or
its quote contains the bug's code (white space aside). One that spans more than 40 lines points nowhere, and hits
nothing.

Recall at k is the largest number of bugs that can be given a finding each, out of the first k shown, over the number of
bugs: one finding stands for one bug at most, so a vague one can't collect several. (Maximum bipartite matching by
augmenting paths, H. W. Kuhn 1955.) What is **shown** is what stands in a report's main list: brought in by this change
and not suppressed. A **false alarm** is a shown finding on a clean case; **beside** is one on any other case that hits
no bug, which may still be true. The **anchor** is right when the quote stands in the file at the finding's lines.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.quality.cases import Bug, Case, Spot

from fanfold.models import Frozen

TOLERANCE = 3
LONGEST = 40
RANKS = (1, 3, 10)

_SPACE = re.compile(r"\s+")


class Reported(Frozen):
    """A finding as a reviewer reported it; line 0 is unknown, `anchored` says that its quote stands at its lines."""

    path: str
    line: int
    end_line: int
    quote: str
    title: str = ""
    severity: str = ""
    verdict: str = ""
    introduced: bool = True
    suppressed: str | None = None
    sources: tuple[str, ...] = ()
    anchored: bool = False

    @property
    def shown(self) -> bool:
        return self.introduced and self.suppressed is None


class Review(Frozen):
    """What became of one review: its findings, or why there are none; seconds, and US dollars where they are known."""

    findings: tuple[Reported, ...] = ()
    status: str = "complete"
    wall_s: float = 0.0
    cost_usd: float | None = None
    requests: int = 0
    error: str | None = None

    @property
    def shown(self) -> tuple[Reported, ...]:
        return tuple(finding for finding in self.findings if finding.shown)


def squeezed(text: str) -> str:
    """Return `text` without white space."""
    return _SPACE.sub("", text)


def stands_at(lines: Sequence[str], line: int, end_line: int, quote: str) -> bool:
    """Tell whether `quote` stands within lines `line` to `end_line` (1-based), white space aside."""
    wanted = squeezed(quote)
    return (
        bool(wanted) and 1 <= line <= end_line <= len(lines) and wanted in squeezed("".join(lines[line - 1 : end_line]))
    )


def is_hit(finding: Reported, bug: Bug, tolerance: int = TOLERANCE) -> bool:
    """Tell whether `finding` reports `bug`."""
    return any(_points_at(finding, spot, tolerance) for spot in bug.spots)


def _points_at(finding: Reported, spot: Spot, tolerance: int) -> bool:
    if finding.path != spot.file or finding.end_line - finding.line >= LONGEST:
        return False
    if finding.quote.count("\n") < LONGEST and squeezed(spot.code) in squeezed(finding.quote):
        return True
    return 0 < finding.line <= spot.line + tolerance and spot.line - tolerance <= finding.end_line


def matched(findings: Sequence[Reported], bugs: Sequence[Bug], tolerance: int = TOLERANCE) -> int:
    """Return how many of `bugs` can be given a finding each; the order of neither matters."""
    holder: dict[int, int] = {}  # bug → finding

    def place(finding: int, tried: set[int]) -> bool:
        for number, bug in enumerate(bugs):
            if number in tried or not is_hit(findings[finding], bug, tolerance):
                continue
            tried.add(number)
            if number not in holder or place(holder[number], tried):
                holder[number] = finding
                return True
        return False

    return sum(place(finding, set()) for finding in range(len(findings)))


@dataclass(frozen=True, slots=True)
class Score:
    """One case's row. `found` is by rank, in the order of RANKS, and `found_all` among all that is shown.

    `filed_away` are bugs that only a finding which isn't in the main list hits.
    """

    case: Case
    review: Review
    found: tuple[int, ...]
    found_all: int
    filed_away: int
    beside: int

    @property
    def bugs(self) -> int:
        return len(self.case.gt)


def score(case: Case, review: Review, tolerance: int = TOLERANCE) -> Score:
    """Score one review of one case."""
    shown = review.shown
    found_all = matched(shown, case.gt, tolerance)
    return Score(
        case=case,
        review=review,
        found=tuple(matched(shown[:rank], case.gt, tolerance) for rank in RANKS),
        found_all=found_all,
        filed_away=matched(review.findings, case.gt, tolerance) - found_all,
        beside=sum(not any(is_hit(finding, bug, tolerance) for bug in case.gt) for finding in shown),
    )


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many; `value` is None of nothing."""

    count: int
    of: int

    @property
    def value(self) -> float | None:
        return self.count / self.of if self.of else None

    def interval(self, z: float = 1.96) -> tuple[float, float]:
        """Return the 95 % interval of the share behind it (E. B. Wilson 1927); (0, 1) of nothing."""
        if not self.of:
            return 0.0, 1.0
        p, n = self.count / self.of, self.of
        middle = p + z * z / (2 * n)
        half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        # Rounding may not put the share itself outside.
        return max(0.0, min(p, (middle - half) / (1 + z * z / n))), min(1.0, max(p, (middle + half) / (1 + z * z / n)))


@dataclass(frozen=True, slots=True)
class Summary:
    """A set of scores folded. Counts are over cases that were reviewed; `failed` names those that were not."""

    cases: int
    failed: tuple[str, ...]
    incomplete: tuple[str, ...]
    recall: Mapping[int, Share]
    recall_all: Share
    filed_away: int
    shown_per_change: float | None
    beside_per_change: float | None
    false_alarms: int
    quiet: Share
    anchored: Share
    cost_usd: float | None
    unknown_costs: int
    wall_s: float | None
    slowest_s: float | None


def summarise(scores: Iterable[Score]) -> Summary:
    """Fold scores; their order doesn't matter."""
    every = sorted(scores, key=lambda s: s.case.id)
    done = [s for s in every if s.review.error is None]
    buggy, clean = [s for s in done if not s.case.clean], [s for s in done if s.case.clean]
    bugs = sum(s.bugs for s in buggy)
    shown = [finding for s in done for finding in s.review.shown]
    costs = [s.review.cost_usd for s in done if s.review.cost_usd is not None]
    walls = sorted(s.review.wall_s for s in done)
    return Summary(
        cases=len(done),
        failed=tuple(s.case.id for s in every if s.review.error is not None),
        incomplete=tuple(s.case.id for s in done if s.review.status != "complete"),
        recall={rank: Share(sum(s.found[at] for s in buggy), bugs) for at, rank in enumerate(RANKS)},
        recall_all=Share(sum(s.found_all for s in buggy), bugs),
        filed_away=sum(s.filed_away for s in buggy),
        shown_per_change=_mean([len(s.review.shown) for s in done]),
        beside_per_change=_mean([s.beside for s in buggy]),
        false_alarms=sum(len(s.review.shown) for s in clean),
        quiet=Share(sum(not s.review.shown for s in clean), len(clean)),
        anchored=Share(sum(finding.anchored for finding in shown), len(shown)),
        cost_usd=_mean(costs),
        unknown_costs=len(done) - len(costs),
        wall_s=_mean(walls),
        slowest_s=walls[-1] if walls else None,
    )


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one source (an aspect or an analyzer) adds.

    Bugs that it reported, those of them that no other source did, and how many findings beside any bug and false
    alarms would go with it.
    """

    source: str
    bugs: int
    only_here: int
    beside: int
    false_alarms: int


def contributions(scores: Sequence[Score], tolerance: int = TOLERANCE) -> tuple[Contribution, ...]:
    """Leave out one source at a time; what adds most comes first."""
    names = {source_name(s) for score in scores for finding in score.review.shown for s in finding.sources}
    found = (_contribution(name, scores, tolerance) for name in names)
    return tuple(sorted(found, key=lambda c: (-c.only_here, -c.bugs, c.beside + c.false_alarms, c.source)))


def source_name(source: str) -> str:
    """Return who reported it: `ruff:S301` is ruff's."""
    return source.partition(":")[0]


def _contribution(name: str, scores: Sequence[Score], tolerance: int) -> Contribution:
    bugs = only_here = beside = false_alarms = 0
    for each in scores:
        shown = each.review.shown
        own = [f for f in shown if name in map(source_name, f.sources)]
        rest = [f for f in shown if {*map(source_name, f.sources)} != {name}]
        bugs += matched(own, each.case.gt, tolerance)
        only_here += each.found_all - matched(rest, each.case.gt, tolerance)
        gone = len(shown) - len(rest)
        if each.case.clean:
            false_alarms += gone
        else:
            beside += each.beside - sum(not any(is_hit(f, bug, tolerance) for bug in each.case.gt) for f in rest)
    return Contribution(name, bugs, only_here, beside, false_alarms)
