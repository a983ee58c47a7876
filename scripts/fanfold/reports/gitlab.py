"""GitLab's code quality report: a list of issues, as a merge request shows them beside its diff.

The shape is that of GitLab's documentation, "Code Quality report format". GitLab shows descriptions as plain text,
takes issues with one fingerprint for the same, and has no place for a run that is incomplete: an issue says so.
"""

from __future__ import annotations

from typing import Any

from fanfold.models import Finding, Occurrence, Run, Severity, content_key
from fanfold.reports.machine import INCOMPLETE, document, fingerprints, gap, places, rule_of, sentence
from fanfold.sources.text import visible

_SEVERITIES = {
    Severity.CRITICAL: "blocker",
    Severity.HIGH: "critical",
    Severity.MEDIUM: "major",
    Severity.LOW: "minor",
    Severity.INFO: "info",
}


def render(run: Run) -> str:
    """Return what the change brought as a code quality report; a complete run without findings is an empty list."""
    missing = gap(run)
    notice = [_notice(run, missing)] if missing else []
    found = list(places(run))
    keys = (key for _, key in fingerprints(place for _, place in found))
    return document([*notice, *(_issue(*one, key) for one, key in zip(found, keys, strict=True))])


def _issue(finding: Finding, place: Finding | Occurrence, fingerprint: str) -> dict[str, Any]:
    return {
        "description": f"{sentence(finding.title)} {sentence(finding.failure_scenario or finding.explanation)}".strip(),
        "check_name": f"fanfold/{rule_of(finding)}",
        "fingerprint": fingerprint,
        "severity": _SEVERITIES[finding.severity],
        "location": {"path": visible(place.path), "lines": {"begin": place.line, "end": place.end_line}},
    }


def _notice(run: Run, missing: str) -> dict[str, Any]:
    """Return an issue that no comparison with an earlier report can hide: its fingerprint is this run's."""
    return {
        "description": missing,
        "check_name": f"fanfold/{INCOMPLETE}",
        "fingerprint": content_key(run.id, INCOMPLETE),
        "severity": "info",
        "location": {"path": ".", "lines": {"begin": 1}},
    }
