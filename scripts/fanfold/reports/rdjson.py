"""reviewdog's rdjson: the DiagnosticResult of its Reviewdog Diagnostic Format.

reviewdog posts messages as markdown, so they are escaped for it. Ranges are given by lines, which the format takes to
include the last one.
"""

from __future__ import annotations

from typing import Any

from fanfold.models import Finding, Occurrence, Run, Severity
from fanfold.reports.escape import inline, prose
from fanfold.reports.machine import INCOMPLETE, document, edit_for, gap, places, rule_of
from fanfold.reports.mentions import unmentioned
from fanfold.sources.text import visible

_SEVERITIES = {
    Severity.CRITICAL: "ERROR",
    Severity.HIGH: "ERROR",
    Severity.MEDIUM: "WARNING",
    Severity.LOW: "INFO",
    Severity.INFO: "INFO",
}


def render(run: Run) -> str:
    """Return what the change brought as a DiagnosticResult; that the run is incomplete is a diagnostic of its own."""
    missing = gap(run)
    notice = [_notice(missing)] if missing else []
    return document(
        {"source": {"name": "fanfold"}, "diagnostics": [*notice, *(_diagnostic(*one) for one in places(run))]}
    )


def _diagnostic(finding: Finding, place: Finding | Occurrence) -> dict[str, Any]:
    edit = edit_for(place)
    suggestions = [{"range": _range(edit.start, edit.end), "text": "\n".join(edit.new)}] if edit else []
    return {
        "message": _message(finding),
        "location": {"path": visible(place.path), "range": _range(place.line, place.end_line)},
        "severity": _SEVERITIES[finding.severity],
        "code": {"value": rule_of(finding)},
        **({"suggestions": suggestions} if suggestions else {}),
    }


def _message(finding: Finding) -> str:
    parts = [inline(finding.title), prose(finding.explanation), prose(finding.failure_scenario)]
    return unmentioned("\n\n".join(part for part in parts if part))


def _range(start: int, end: int) -> dict[str, Any]:
    return {"start": {"line": start}, "end": {"line": end}}


def _notice(missing: str) -> dict[str, Any]:
    return {
        "message": unmentioned(inline(missing)),
        "location": {"path": "."},
        "severity": "WARNING",
        "code": {"value": INCOMPLETE},
    }
