"""What finders and verifiers hand in, and how a report becomes a finding with a place in the code, or is dropped."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, Protocol

from fanfold.agents.said import clean, one_line
from fanfold.models import Dropped, Finding, Frozen, Severity
from fanfold.skills.code_review.suggestions import for_whole_lines
from fanfold.sources.anchors import FileText
from fanfold.sources.secrets import HIDDEN, read_out
from fanfold.sources.target import Target
from fanfold.sources.text import printable

# One reader that nobody has verified yet.
_UNVERIFIED_CONFIDENCE = 0.5
_SLUG = re.compile(r"[^a-z0-9]+")


class ReportedFinding(Frozen):
    """One finding in a finder's own words; the prompt describes each field."""

    aspect: str
    path: str
    anchor: str
    quote: str
    severity: Severity
    mechanism: str
    title: str
    explanation: str
    failure_scenario: str
    suggestion: str | None
    evidence: tuple[str, ...]


class FinderAnswer(Frozen):
    """Everything one finder reports."""

    findings: tuple[ReportedFinding, ...]


class VerifierAnswer(Frozen):
    """What one verifier says of one claim; the prompt describes each field."""

    verdict: Literal["holds", "refuted", "unsure"]
    reason: str
    severity: Severity
    by_this_change: bool


class Reader(Protocol):
    """Whose report it is: the `aspects` it looked for, and the mark of a further `sample`, "" for the first."""

    @property
    def aspects(self) -> tuple[str, ...]: ...

    @property
    def sample(self) -> str: ...


class Placer:
    """Finds the place of reported findings in the target's files, each read and indexed once."""

    def __init__(self, target: Target) -> None:
        self._target = target
        # Sub-agents know files by the names that they were shown.
        self._paths = {shown: path for path in target.paths for shown in (printable(path), path)}
        self._files: dict[str, FileText] = {}
        self._others: frozenset[str] | None = None

    def place(self, reported: ReportedFinding, reader: Reader, evidence: Mapping[str, Finding]) -> Finding | Dropped:
        """Return the finding with the lines its quote stands on, or why it is dropped.

        It belongs to the aspect that it names, or to the first that its reader looked for.
        """
        aspect = reported.aspect if reported.aspect in reader.aspects else reader.aspects[0]
        named, title = reported.path.strip().removeprefix("./"), one_line(reported.title)
        source = (f"{aspect}{reader.sample}",)
        path = self._paths.get(named) or self._beyond(named)
        if path is None:
            return Dropped(title=title, path=one_line(named), reason="outside-the-target", sources=source)
        file = self._file(path)
        near = file.resolve_anchor(reported.anchor)
        place = file.locate(reported.quote, near)
        if place is None:
            return Dropped(title=title, path=path, reason="not-in-file", sources=source)
        cited = [evidence[label] for label in reported.evidence if label in evidence]
        same = [e for e in cited if e.path == path and e.line <= place.end_line and place.line <= e.end_line]
        return Finding(
            path=path,
            line=place.line,
            end_line=place.end_line,
            aspect=aspect,
            severity=reported.severity,
            confidence=_UNVERIFIED_CONFIDENCE,
            title=title,
            explanation=clean(reported.explanation),
            failure_scenario=clean(reported.failure_scenario),
            quote=place.quote,
            suggestion=_without_masks(for_whole_lines(reported.suggestion, reported.quote, place)),
            introduced=self._target.touches(path, place.line, place.end_line),
            sources=tuple(sorted({*source, *(source for e in same for source in e.sources)})),
            mechanism=_SLUG.sub("-", reported.mechanism.lower()).strip("-")[:60],
        )

    def _beyond(self, named: str) -> str | None:
        """Return a file that the change leaves alone: a caller there may be what has to be mended."""
        if self._target.whole:
            return None
        if self._others is None:
            self._others = frozenset(self._target.snapshot.paths())
        return named if named in self._others else None

    def _file(self, path: str) -> FileText:
        if path not in self._files:
            # As sub-agents saw it, so that a quote of a masked line has its place and the report holds no secret.
            self._files[path] = FileText(read_out(path, self._target.snapshot.read(path) or "") or "")
        return self._files[path]


def _without_masks(suggestion: str | None) -> str | None:
    """Return None for a suggestion that would put a mask where a secret stands."""
    return None if suggestion is None or HIDDEN in suggestion else suggestion
