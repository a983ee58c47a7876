"""What Claude Code's ReportFindings tool takes, so that the host shows findings as its own.

The shape is that of ReportFindingsInput in the types that Claude Code ships (`sdk-tools.d.ts`). It has no place for a
run that is incomplete: the first finding says so.
"""

from __future__ import annotations

from typing import Any

from fanfold.models import Finding, Run, Severity, Verdict
from fanfold.reports.escape import clip, one_line
from fanfold.reports.machine import INCOMPLETE, document, gap, sentence, slug
from fanfold.sources.text import visible

MOST = 32
_SHORT = 60
_IMPORTANT = Severity.MEDIUM
_LEVELS = ("low", "medium", "high", "xhigh", "max")
_VERDICTS = {Verdict.CONFIRMED: "CONFIRMED", Verdict.PLAUSIBLE: "PLAUSIBLE"}


def render(run: Run) -> str:
    """Return the worst findings, at most 32 entries: those of the change first, then those that stood there before."""
    missing = gap(run)
    standing = [finding for finding in run.findings if not finding.suppressed]
    ordered = sorted(standing, key=lambda finding: not finding.introduced)
    notice = [_notice(missing)] if missing else []
    room = MOST - len(notice)
    shown = ordered if len(ordered) <= room else ordered[: room - 1]
    rest = [_cut(len(ordered), len(shown))] if len(shown) < len(ordered) else []
    level = run.request.get("effort")
    told = {"level": level} if level in _LEVELS else {}
    return document({**told, "findings": [*notice, *map(_entry, shown), *rest]})


def _entry(finding: Finding) -> dict[str, Any]:
    verdict = _VERDICTS.get(finding.verdict)
    title = one_line(finding.title)
    return {
        "file": visible(finding.path),
        "line": finding.line,
        "summary": title,
        "short_summary": clip(title, _SHORT),
        "failure_scenario": one_line(finding.failure_scenario or finding.explanation or finding.title),
        "category": slug(finding.mechanism or finding.aspect) or "finding",
        "severity": _severity(finding),
        **({"verdict": verdict} if verdict else {}),
    }


def _severity(finding: Finding) -> str:
    if not finding.introduced:
        return "pre_existing"
    return "important" if finding.severity.rank >= _IMPORTANT.rank else "nit"


def _notice(missing: str) -> dict[str, Any]:
    return _own_word("The review is incomplete", missing, "important")


def _cut(count: int, told: int) -> dict[str, Any]:
    summary = f"{count - told:,} more findings are not listed"
    return _own_word(summary, f"{summary}: the worst {told} of {count:,} are here, all of them in run.json", "nit")


def _own_word(summary: str, why: str, severity: str) -> dict[str, Any]:
    return {
        "file": ".",
        "summary": sentence(why),
        "short_summary": clip(summary, _SHORT),
        "failure_scenario": sentence(why),
        "category": INCOMPLETE,
        "severity": severity,
    }
