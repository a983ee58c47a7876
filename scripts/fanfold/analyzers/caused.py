"""Which of an analyzer's findings a change caused, on whatever line they show: those that its base did not have."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from fanfold.analyzers.files import FileLines, SourceFile
from fanfold.models import Finding
from fanfold.sources.target import Target

_SYNTAX = "invalid-syntax"
# Faults that code has by what it stands among, so that moving it elsewhere can make them.
_OF_THE_PLACE = frozenset({"undefined-name"})

_Key = tuple[tuple[str, ...], str, str]


def marked(
    now: Sequence[Finding], was: Iterable[Finding], target: Target | None, base: Iterable[SourceFile]
) -> tuple[Finding, ...]:
    """Return the findings `now`, in order, those marked as caused by the change that are not among those that `was`.

    Findings are the same by rule, title and code, over all files, and counted: what moves stays what it was. Lines
    that the change touches need no mark and account for new ones first. A line that is not in the base of its file
    came with the fault that it has, unless that is one of where it stands. Nothing can be said of a file that did not
    parse before.
    """
    was = tuple(was)
    unparsed = {finding.path for finding in was if finding.mechanism == _SYNTAX}
    lines = {file.path: _squeezed_lines(file) for file in base}
    left = Counter(map(_key, now))
    left.subtract(map(_key, was))
    untouched: dict[_Key, list[Finding]] = defaultdict(list)
    for finding in now:
        if target is not None and target.touches(finding.path, finding.line, finding.end_line):
            left[_key(finding)] -= 1
        elif finding.path in lines and finding.path not in unparsed and _may_be_caused(finding, lines[finding.path]):
            untouched[_key(finding)].append(finding)
    caused = {finding for key, findings in untouched.items() for finding in findings[: max(0, left[key])]}
    return tuple(finding.model_copy(update={"caused": True}) if finding in caused else finding for finding in now)


def _may_be_caused(finding: Finding, base: frozenset[str]) -> bool:
    return finding.mechanism in _OF_THE_PLACE | {_SYNTAX} or _squeezed(finding.quote) in base


def _key(finding: Finding) -> _Key:
    return finding.sources, finding.title, _squeezed(finding.quote)


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _squeezed_lines(file: SourceFile) -> frozenset[str]:
    lines = FileLines.read(file)
    return frozenset(map(_squeezed, lines.lines if lines else ()))
