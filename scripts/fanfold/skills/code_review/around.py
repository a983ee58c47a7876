"""The lines around what is found, so that a report shows where it stands: as the snapshot has them, and no secret."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import takewhile

from fanfold.models import Finding
from fanfold.skills.code_review.suggestions import masked_lines, secret_lines
from fanfold.sources.text import split_lines

AROUND = 3
LONGEST_LINE = 300


def with_lines_around(findings: Iterable[Finding], read: Callable[[str], str | None]) -> tuple[Finding, ...]:
    """Return the findings, those that are shown with up to three lines before and after them of what `read` has.

    The lines end at one that the secrets scan objects to, that is masked for sub-agents, or that is endless.
    """
    findings = tuple(findings)
    secrets = secret_lines(findings)
    return tuple(
        finding if finding.suppressed is not None else _with_lines(finding, read(finding.path), secrets[finding.path])
        for finding in findings
    )


def _with_lines(finding: Finding, text: str | None, secrets: Collection[int]) -> Finding:
    masked = masked_lines(finding.path, text) if text else None
    if not text or masked is None:
        return finding
    lines, hidden = split_lines(text), masked.union(secrets)
    above = range(finding.line - 1, max(0, finding.line - 1 - AROUND), -1)
    below = range(finding.end_line + 1, min(len(lines), finding.end_line + AROUND) + 1)
    before, after = _shown(lines, above, hidden)[::-1], _shown(lines, below, hidden)
    return finding.model_copy(update={"before": before, "after": after})


def _shown(lines: Sequence[str], numbers: Iterable[int], hidden: Collection[int]) -> tuple[str, ...]:
    known = (n for n in numbers if n <= len(lines))
    near = takewhile(lambda n: n not in hidden and len(lines[n - 1]) <= LONGEST_LINE, known)
    return tuple(lines[n - 1].rstrip("\r") for n in near)
