"""Scores as plain text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.quality.scoring import RANKS, Contribution, Score, Share, Summary, contributions, summarise

_UNKNOWN = "unknown"


def render(name: str, scores: Sequence[Score], tolerance: int) -> str:
    """Return the per-case table, the summary, and what each source adds."""
    parts = [f"# {name}", *case_rows(scores), "", *summary_rows(summarise(scores))]
    for label in ("kind", "language"):
        parts += group_rows(label, scores)
    added = contributions(scores, tolerance)
    if added:
        parts += ["", "## what each source adds", *source_rows(added)]
    return "\n".join(parts)


def group_rows(label: str, scores: Sequence[Score]) -> Iterator[str]:
    """Yield a line for each kind of bug, or language; nothing where the cases name no more than one."""
    values = sorted({getattr(score.case, label) for score in scores if getattr(score.case, label)})
    if len(values) < 2:
        return
    width = max(map(len, [label, *values]))
    yield ""
    ranks = " ".join(f"{f'@{rank}':>4}" for rank in RANKS)
    yield f"{label:<{width}}  bugs {ranks}  all  false alarms"
    for value in values:
        summary = summarise(score for score in scores if getattr(score.case, label) == value)
        found = " ".join(f"{share.count:>4}" for share in summary.recall.values())
        every = summary.recall_all
        yield f"{value:<{width}} {every.of:>5} {found} {every.count:>4} {summary.false_alarms:>13}"


def case_rows(scores: Sequence[Score]) -> Iterator[str]:
    """Yield a line per case: bugs, bugs found by rank, findings shown, those beside any bug, seconds and cost."""
    width = max([4, *(len(score.case.id) for score in scores)])
    ranks = " ".join(f"{f'@{rank}':>4}" for rank in RANKS)
    yield f"{'case':<{width}} bugs {ranks}  all  away shown beside  anchors       s        $"
    for score in scores:
        if score.review.error is not None:
            yield f"{score.case.id:<{width}} not reviewed: {score.review.error}"
            continue
        found = " ".join(f"{'-' if score.case.clean else count:>4}" for count in score.found)
        shown = score.review.shown
        anchors = f"{sum(finding.anchored for finding in shown)}/{len(shown)}"
        every = "-" if score.case.clean else score.found_all
        partly = "" if score.review.status == "complete" else f"  {score.review.status}"
        yield (
            f"{score.case.id:<{width}} {score.bugs:>4} {found} {every:>4} {score.filed_away:>5} {len(shown):>5}"
            f" {score.beside:>6} {anchors:>8} {score.review.wall_s:7.1f} {_money(score.review.cost_usd):>8}{partly}"
        )


def summary_rows(summary: Summary) -> Iterator[str]:
    """Yield the figures over all cases."""
    for rank, share in summary.recall.items():
        yield f"{f'recall@{rank}':<26} {_share(share)}"
    yield f"{'recall, all shown':<26} {_share(summary.recall_all)}"
    yield f"{'false alarms, clean cases':<26} {summary.false_alarms} (nothing shown on {_share(summary.quiet)})"
    yield f"{'findings shown a change':<26} {_number(summary.shown_per_change)}"
    yield f"{'beside any bug, a change':<26} {_number(summary.beside_per_change)} (cases with bugs)"
    yield f"{'found, but filed away':<26} {summary.filed_away} (as older, or suppressed)"
    yield f"{'right anchors':<26} {_share(summary.anchored)}"
    unknown = f" ({summary.unknown_costs} unknown)" if summary.unknown_costs else ""
    yield f"{'cost a review':<26} {_money(summary.cost_usd)}{unknown}"
    yield f"{'seconds a review':<26} {_number(summary.wall_s)} (slowest {_number(summary.slowest_s)})"
    yield f"{'reviewed':<26} {summary.cases}"
    if summary.incomplete:
        yield f"{'incomplete':<26} {', '.join(summary.incomplete)}"
    if summary.failed:
        yield f"{'not reviewed':<26} {', '.join(summary.failed)}"


def source_rows(added: Sequence[Contribution]) -> Iterator[str]:
    """Yield a line per source: what would be lost without it, and what would be spared."""
    width = max([6, *(len(each.source) for each in added)])
    yield f"{'source':<{width}}  bugs  only here  beside  false alarms"
    for each in added:
        yield f"{each.source:<{width}} {each.bugs:>5} {each.only_here:>10} {each.beside:>7} {each.false_alarms:>13}"


def _share(share: Share) -> str:
    if share.value is None:
        return "- (of none)"
    low, high = share.interval()
    return f"{share.value:.1%} ({share.count} of {share.of}; 95 %: {low:.0%}–{high:.0%})"


def _number(value: float | None) -> str:
    return _UNKNOWN if value is None else f"{value:.2f}"


def _money(value: float | None) -> str:
    return _UNKNOWN if value is None else f"{value:.4f}"
