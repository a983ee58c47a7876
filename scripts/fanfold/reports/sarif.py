"""SARIF 2.1.0, as GitHub's code scanning and editors take it.

Built after the OASIS standard and GitHub's "SARIF support for code scanning"; the SARIF Multitool holds it to both.
Whether the run is complete is said by its invocation, as the standard has it: `executionSuccessful`, and a notification
for each thing that is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from fanfold import __version__
from fanfold.models import Finding, Occurrence, Run, Severity
from fanfold.reports.escape import inline, one_line, prose
from fanfold.reports.filters import missing
from fanfold.reports.machine import document, edit_for, fingerprints, gap, rule_of, sentence, slug
from fanfold.reports.mentions import unmentioned
from fanfold.sources.edits import Edit
from fanfold.sources.text import real

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
# What a skill pack is: fanfold has no page of its own.
ABOUT = "https://code.claude.com/docs/en/skills"
_ROOT = "%SRCROOT%"
_LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
# What GitHub calls critical begins at 9.0, high at 7.0, medium at 4.0.
_SECURITY = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "3.0",
    Severity.INFO: "1.0",
}
_SURE, _LIKELY = 0.85, 0.6
_PLACEHOLDER = re.compile(r"\{(\d+)\}")
_SAFE_IN_URI = "/-._~!$&'()*+,;=@"


def render(run: Run) -> str:
    """Return the run as a SARIF log."""
    rules: dict[str, list[Finding]] = {}
    for finding in run.findings:
        rules.setdefault(rule_of(finding), []).append(finding)
    places = {name: index for index, name in enumerate(rules)}
    driver = {
        "name": "fanfold",
        "version": __version__,
        "semanticVersion": __version__,
        "informationUri": ABOUT,
        "rules": [_rule(name, findings) for name, findings in rules.items()],
        "notifications": [_descriptor(name) for name in _NOTIFICATIONS],
    }
    log = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"fanfold/{run.skill}/{run.id}"},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The top of the repository under review."}}},
        "invocations": [_invocation(run)],
        "results": [_result(finding, key, places) for finding, key in fingerprints(run.findings)],
        "properties": {"target": one_line(run.target.description), "backend": run.backend, "status": run.status},
    }
    return document({"$schema": SCHEMA, "version": "2.1.0", "runs": [log]})


# -- rules


def _rule(name: str, findings: Sequence[Finding]) -> dict[str, Any]:
    """Describe a rule by what it is; how grave it is, by the worst that was found by it."""
    worst = max(findings, key=lambda finding: finding.severity.rank)
    words = _words(name, findings)
    tags = sorted({slug(finding.aspect) or "finding" for finding in findings})
    security = {"security-severity": _SECURITY[worst.severity]} if "security" in tags else {}
    return {
        "id": name,
        "name": "".join(part.capitalize() for part in slug(name).split("-")),
        "shortDescription": {"text": f"{words[:1].upper()}{words[1:]}."},
        "fullDescription": {"text": _origin(name, findings)},
        "help": _help(_origin(name, findings), worst),
        "defaultConfiguration": {"level": _LEVELS[worst.severity]},
        "properties": {
            "tags": tags[:10],
            "precision": _precision(max(finding.confidence for finding in findings)),
            "problem.severity": {"error": "error", "warning": "warning"}.get(_LEVELS[worst.severity], "recommendation"),
            **security,
        },
    }


def _is_analyzed(findings: Sequence[Finding]) -> bool:
    return any(":" in source for source in findings[0].sources)


def _words(name: str, findings: Sequence[Finding]) -> str:
    """Return the fault in words: `security/sql-injection` is about SQL injection."""
    area, _, kind = name.partition("/")
    if _is_analyzed(findings):
        return f"{kind} of {area}"
    return f"{kind.replace('-', ' ')} ({area.replace('-', ' ')})" if kind else f"{area.replace('-', ' ')} problem"


def _origin(name: str, findings: Sequence[Finding]) -> str:
    area, _, kind = name.partition("/")
    if _is_analyzed(findings):
        return f"The static analyzer {area} reports this by its rule {kind}."
    what = f" as {kind.replace('-', ' ')}" if kind else ""
    return f"A sub-agent that reviews the aspect {area} reports this{what}."


def _help(origin: str, worst: Finding) -> dict[str, str]:
    """Say what a reader of an alert wants to know: why it matters, who says so, and what to do with it."""
    why = sentence(worst.explanation) or sentence(worst.title)
    steps = (
        "Read the result's message for what goes wrong and when. Where a fix is attached it applies to the lines as "
        "they were reviewed, and the file parses with it: `fanfold fix` applies it, `git apply -R` takes it back. "
        "A result that is wrong can be dismissed for good: `fanfold dismiss`."
    )
    markdown = f"{unmentioned(inline(origin))}\n\n**As in:** {unmentioned(inline(why))}\n\n{steps}"
    return {"text": f"{origin}\n\nAs in: {why}\n\n{steps}", "markdown": markdown}


def _precision(confidence: float) -> str:
    return "very-high" if confidence >= _SURE else "high" if confidence >= _LIKELY else "medium"


# -- results


def _result(finding: Finding, fingerprint: str, places: dict[str, int]) -> dict[str, Any]:
    """Return one result; what stood there before the change is never more than a note."""
    name = rule_of(finding)
    suppressed = [{"kind": "external", "status": "accepted", "justification": sentence(finding.suppressed)}]
    edit = edit_for(finding)
    return {
        "ruleId": name,
        "ruleIndex": places[name],
        "level": _LEVELS[finding.severity] if finding.introduced else "note",
        "rank": round(finding.confidence * 100, 1),
        "message": _message(finding),
        "locations": [{"physicalLocation": _place(finding)}],
        "partialFingerprints": {"fanfold/v1": finding.fingerprint, "primaryLocationLineHash": f"{fingerprint}:1"},
        **({"relatedLocations": list(_related(finding))} if finding.also else {}),
        **({"suppressions": suppressed} if finding.suppressed else {}),
        **({"fixes": [_fix(finding, edit)]} if edit else {}),
        "properties": {
            "id": finding.id,
            "aspect": one_line(finding.aspect),
            "severity": finding.severity.value,
            "confidence": finding.confidence,
            "verdict": finding.verdict.value,
            "introduced": finding.introduced,
            "sources": [one_line(source) for source in finding.sources],
        },
    }


def _message(finding: Finding) -> dict[str, str]:
    """Say what is wrong, why, and how it fails; GitHub shows the first sentence as the alert's title."""
    before = "" if finding.introduced else "There before this change: "
    parts = [f"{before}{sentence(finding.title)}", sentence(finding.explanation), sentence(finding.failure_scenario)]
    told = [unmentioned(prose(part)) for part in parts if part]
    return {"text": " ".join(_escaped(part) for part in parts if part), "markdown": "\n\n".join(told)}


def _escaped(text: str) -> str:
    """Escape what means something in a message even if it is plain text: links, and places for arguments."""
    return _PLACEHOLDER.sub(r"{{\1}}", text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]"))


def _place(found: Finding | Occurrence) -> dict[str, Any]:
    region = {"startLine": found.line, "endLine": found.end_line, "snippet": {"text": found.quote}}
    return {"artifactLocation": _artifact(found.path), "region": region}


def _related(finding: Finding) -> Iterator[dict[str, Any]]:
    for number, other in enumerate(finding.also, 1):
        message = {"text": "The same mistake stands here."}
        yield {"id": number, "physicalLocation": _place(other), "message": message}


def _artifact(path: str) -> dict[str, Any]:
    return {"uri": quote(real(path), safe=_SAFE_IN_URI), "uriBaseId": _ROOT}


def _fix(finding: Finding, edit: Edit) -> dict[str, Any]:
    """Replace whole lines: without columns, a region ends before the last one's line break."""
    replacement = {
        "deletedRegion": {"startLine": edit.start, "endLine": edit.end},
        "insertedContent": {"text": edit.ending.join(edit.new)},
    }
    return {
        "description": {"text": f"What fanfold suggests for {finding.id}."},
        "artifactChanges": [{"artifactLocation": _artifact(finding.path), "replacements": [replacement]}],
    }


# -- what the run has not done

# What each kind of notification is, and what to do about it.
_NOTIFICATIONS = {
    "incomplete": (
        "A part of the review is missing.",
        "Run the same command again: it takes up where this one ended. Of the missing part, nothing is known.",
    ),
    "no-model": (
        "No model was called.",
        "The results come from static analyzers alone. Set a credential to have Claude sub-agents review as well.",
    ),
    "note": ("What to know about the run.", "The message says what was not looked at, and why."),
}


def _descriptor(name: str) -> dict[str, Any]:
    what, then = _NOTIFICATIONS[name]
    return {
        "id": name,
        "shortDescription": {"text": what},
        "fullDescription": {"text": f"{what} {then}"},
        "help": {"text": then},
    }


def _invocation(run: Run) -> dict[str, Any]:
    return {"executionSuccessful": gap(run) is None, "toolExecutionNotifications": list(_notifications(run))}


def _notifications(run: Run) -> Iterator[dict[str, Any]]:
    if whole := gap(run):
        yield _notification("incomplete", "error", whole)
        for line in missing(run) if run.coverage.planned else ():
            yield _notification("incomplete", "warning", f"Missing: {line}")
    if run.backend == "none":
        yield _notification("no-model", "note", "No model was called: the results come from static analyzers alone")
    for note in run.notes:
        yield _notification("note", "note", note)


def _notification(name: str, level: str, text: str) -> dict[str, Any]:
    index = list(_NOTIFICATIONS).index(name)
    return {"descriptor": {"id": name, "index": index}, "level": level, "message": {"text": _escaped(sentence(text))}}
