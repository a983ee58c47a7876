"""A GitHub pull-request review: the body of `POST /repos/{owner}/{repo}/pulls/{number}/reviews`.

GitHub refuses a whole review for one comment on a line that its diff doesn't show, so what is elsewhere goes into the
body; and texts of more than 65,536 characters. Each text carries a marker by which a second post of it is known.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice
from typing import Any, NamedTuple

from fanfold.models import Finding, Run, content_key
from fanfold.reports.amounts import count
from fanfold.reports.escape import code, fenced, inline, prose, without_controls
from fanfold.reports.filters import also_in, badge, introduced, older, place, plain_diff, severities
from fanfold.reports.machine import document, edit_for, fingerprints, gap
from fanfold.reports.mentions import unmentioned
from fanfold.sources.edits import Edit
from fanfold.sources.text import real

MOST_COMMENTS = 50
# Characters; no text has more than five such parts, each grows by half at the most, and GitHub takes 65,536.
_LONGEST_PART = 8_000
_LISTED = 50


class _Lines(NamedTuple):
    """Lines that can be commented on, and the hunk that they are in."""

    first: int
    last: int
    hunk: range


def render(run: Run) -> str:
    """Return the review of a run as JSON."""
    return document(review(run))


def review(run: Run, already: Collection[str] = (), *, beside: bool = True) -> dict[str, Any]:
    """Return the review of a run: comments on lines that the diff shows, everything else in its body.

    `already` are fingerprints of findings that have a comment from an earlier review. Without `beside`, no comment is
    made, and all are told in the body.
    """
    found = introduced(run)
    keyed = [(finding, key) for finding, key in fingerprints(found) if key not in already]
    placed = ((finding, key, _lines(run, finding)) for finding, key in (keyed if beside else ()))
    commented = list(islice(((finding, key, lines) for finding, key, lines in placed if lines), MOST_COMMENTS))
    ids = {finding.id for finding, _, _ in commented}
    comments = [_comment(finding, key, lines) for finding, key, lines in commented]
    text = _body(run, found, [finding for finding, _ in keyed if finding.id not in ids], len(comments))
    commit = {"commit_id": run.target.head} if run.target.head else {}
    return {**commit, "event": "COMMENT", "body": text, "comments": comments}


def _body(run: Run, found: list[Finding], apart: list[Finding], comments: int) -> str:
    """Return the review's own text, its marker last; `apart` are the findings without a comment of their own."""
    missing = gap(run)
    parts = [f"**{count(len(found), 'finding')}: {severities(found)}.**"] if found else []
    if missing:
        parts.append(f"> [!WARNING]\n> **{_cut(inline(missing))}**")
    if not found and run.coverage.planned:
        parts.append(f"**Nothing found{' in what was covered' if missing else ''}.**")
    if run.backend == "none":
        parts.append("No model was called: what follows comes from static analyzers alone.")
    if comments:
        parts.append(f"{count(comments, 'comment')} on the lines concerned.")
    if earlier := len(found) - comments - len(apart):
        parts.append(f"{count(earlier, 'finding')} of these {'has' if earlier == 1 else 'have'} a comment already.")
    if apart:
        heading = "Elsewhere, or beyond the comments that fit:" if comments else "Found:"
        parts.append(_cut("\n".join([heading, "", *_listed(apart)])))
    parts += _folded(run)
    return "\n\n".join([*map(unmentioned, parts), _marker(run, found, missing)])


def marker(run: Run) -> str:
    """Return the comment by which a review is known: the same for the same findings at the same commit."""
    return _marker(run, introduced(run), gap(run))


def _marker(run: Run, found: list[Finding], missing: str | None) -> str:
    key = content_key(run.target.head, sorted(finding.fingerprint for finding in found), missing)
    return f"<!-- fanfold:review:{key} -->"


def comment_marker(fingerprint: str) -> str:
    """Return the comment by which a review comment is known, whatever commit it was made at."""
    return f"<!-- fanfold:finding:{fingerprint} -->"


def _lines(run: Run, finding: Finding) -> _Lines | None:
    """Return which of the finding's lines can be commented on: those in one hunk of the diff."""
    if real(finding.path).decode("utf-8", "replace") != finding.path:
        return None  # GitHub can't be told of a file whose name is no UTF-8
    for first, last in (run.target.shown or {}).get(finding.path, ()):
        if first <= finding.end_line and finding.line <= last:
            return _Lines(max(first, finding.line), min(last, finding.end_line), range(first, last + 1))
    return None


def _comment(finding: Finding, fingerprint: str, lines: _Lines) -> dict[str, Any]:
    edit = edit_for(finding)
    first, last = lines.first, lines.last
    suggestion = _suggestion(edit) if edit and {edit.start, edit.end} <= set(lines.hunk) else None
    if edit and suggestion:
        # It replaces the lines that its comment is on.
        first, last = edit.start, edit.end
    several = {"start_line": first, "start_side": "RIGHT"} if first < last else {}
    text = unmentioned("\n\n".join(_told(finding, suggestion)))
    place = {"path": finding.path, **several, "line": last, "side": "RIGHT"}
    return {**place, "body": f"{text}\n\n{comment_marker(fingerprint)}"}


def _suggestion(edit: Edit) -> str | None:
    """Return the block that GitHub offers to commit, None when a code block can't hold those lines as they are."""
    text = "\n".join(edit.new)
    exact = without_controls(text).strip("\n") == text and len(text) <= _LONGEST_PART
    return fenced(text, "a.suggestion") if exact else None


def _told(finding: Finding, suggestion: str | None) -> Iterator[str]:
    yield f"{badge(finding.severity)} · **{inline(finding.title)}**"
    if finding.explanation:
        yield _cut(prose(finding.explanation))
    if finding.failure_scenario:
        yield _cut(f"**How it fails:** {prose(finding.failure_scenario)}")
    if finding.also:
        yield _cut(f"Also in {also_in(finding)}.")
    if suggestion:
        yield suggestion
    elif finding.suggestion and len(finding.suggestion) <= _LONGEST_PART:
        yield fenced(plain_diff(finding.suggestion), "a.diff")
    yield f"<sub>{_cut(inline(_sources(finding)))}</sub>"


def _sources(finding: Finding) -> str:
    sure = f"{finding.verdict.value}, confidence {finding.confidence:.0%}"
    return f"{finding.id} · {finding.aspect} · {sure} · {', '.join(finding.sources)}"


def _listed(findings: list[Finding]) -> Iterator[str]:
    for finding in findings[:_LISTED]:
        yield f"- {badge(finding.severity)} {code(place(finding))} {inline(finding.title)}"
    if len(findings) > _LISTED:
        yield f"- and {count(len(findings) - _LISTED, 'more finding')}, none of them worse than these"


def _folded(run: Run) -> Iterator[str]:
    """Yield what is worth a look, and not everybody's."""
    before = [finding for finding in older(run) if not finding.suppressed]
    if before:
        lines = _cut("\n".join(_listed(before)))
        summary = f"{count(len(before), 'finding')} on lines that the change leaves alone"
        yield f"<details><summary>{summary}</summary>\n\n{lines}\n\n</details>"
    if run.notes:
        notes = _cut("\n".join(f"- {inline(note)}" for note in run.notes))
        yield f"<details><summary>{count(len(run.notes), 'note')}</summary>\n\n{notes}\n\n</details>"


def _cut(text: str) -> str:
    """Return the text; of one that is too long, what fits of its lines or, if it has but one, of its characters."""
    if len(text) <= _LONGEST_PART:
        return text
    fits = text[:_LONGEST_PART]
    return f"{fits.rpartition(chr(10))[0] or fits} … (more than fits here: all of it is in run.json)"
