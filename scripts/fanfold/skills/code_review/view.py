"""What a sub-agent sees of a change: numbered, anchored lines with enough around them to judge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from fanfold.agents.prices import estimate_tokens
from fanfold.models import Finding
from fanfold.sources.anchors import FileText, anchor
from fanfold.sources.change import FileChange
from fanfold.sources.target import Target

CONTEXT_LINES = 20
_ANCHOR_WIDTH = 9
_LONGEST_LINE = 2_000


@dataclass(frozen=True, slots=True)
class FileView:
    """One changed file as text; `tokens` is an estimate."""

    path: str
    text: str
    tokens: int


@dataclass(frozen=True, slots=True)
class Part:
    """The files that one sub-agent reads, of `count` parts in all; `number` counts from 1."""

    number: int
    count: int
    views: tuple[FileView, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(view.path for view in self.views)

    @property
    def text(self) -> str:
        return "\n\n".join(view.text for view in self.views)


def view_target(target: Target) -> tuple[FileView, ...]:
    """Return a view of each file under review, in the target's order."""
    if target.whole:
        views = (_whole_file(path, target.snapshot.read(path)) for path in target.paths)
    else:
        views = (_changed_file(change, target.snapshot.read(change.path)) for change in target.changes)
    return tuple(views)


def pack(views: Sequence[FileView], allowance: int) -> tuple[Part, ...]:
    """Pack views into parts of at most `allowance` tokens, order kept; a larger view gets a part of its own."""
    bins: list[list[FileView]] = []
    room = 0
    for view in views:
        if not bins or view.tokens > room:
            bins.append([])
            room = allowance
        bins[-1].append(view)
        room -= view.tokens
    return tuple(Part(number, len(bins), tuple(held)) for number, held in enumerate(bins, 1))


def _whole_file(path: str, text: str | None) -> FileView:
    heading = f"=== {path} (whole file) ==="
    if text is None:
        return _view(path, [heading, "(not text, or too large; not shown)"])
    return _view(path, [heading, *(_line(n, "+", line) for n, line in enumerate(FileText(text).lines, 1))])


def _changed_file(change: FileChange, text: str | None) -> FileView:
    was = f" from {change.old_path}" if change.old_path and change.old_path != change.path else ""
    heading = f"=== {change.path} ({change.kind}{was}) ==="
    if change.submodule or change.binary or not change.hunks:
        return _view(change.path, [heading, _without_lines(change)])
    lines = FileText(text).lines if text is not None else []
    return _view(change.path, [heading, *_hunks(change, lines)])


def _without_lines(change: FileChange) -> str:
    if change.submodule:
        return "(a submodule now names another commit)"
    if change.binary:
        return "(binary, not shown)"
    if change.old_mode and change.new_mode and change.old_mode != change.new_mode:
        return f"(mode {change.old_mode} is now {change.new_mode})"
    return "(no line changed)"


def _hunks(change: FileChange, lines: Sequence[str]) -> Iterator[str]:
    """Yield the hunks' lines, widened on both sides by lines of the file where it is known."""
    firsts = [hunk.new_start if hunk.new_count else hunk.new_start + 1 for hunk in change.hunks]
    shown_to = 0
    for hunk, first, following in zip(change.hunks, firsts, [*firsts[1:], len(lines) + 1], strict=True):
        start = max(shown_to + 1, first - CONTEXT_LINES)
        if start > shown_to + 1:
            yield f"[lines {shown_to + 1} to {start - 1} unchanged]"
        yield from _plain(lines, start, first)
        for line in hunk.lines:
            yield _line(line.new, line.kind, line.text)
        last = first + hunk.new_count - 1
        shown_to = max(last, min(last + CONTEXT_LINES, following - 1, len(lines)))
        yield from _plain(lines, last + 1, shown_to + 1)
    if shown_to < len(lines):
        yield f"[lines {shown_to + 1} to {len(lines)} unchanged]"


def _plain(lines: Sequence[str], start: int, stop: int) -> Iterator[str]:
    for number in range(start, min(stop, len(lines) + 1)):
        yield _line(number, " ", lines[number - 1])


def _line(number: int | None, sign: str, text: str) -> str:
    text = text.removesuffix("\r")
    if len(text) > _LONGEST_LINE:
        text = f"{text[:_LONGEST_LINE]} [{len(text) - _LONGEST_LINE} more characters not shown]"
    if number is None:
        return f"{'':>{_ANCHOR_WIDTH}}-| {text}"
    return f"{anchor(number, text):>{_ANCHOR_WIDTH}}{sign}| {text}"


def _view(path: str, lines: Iterable[str]) -> FileView:
    text = "\n".join(lines)
    return FileView(path, text, estimate_tokens(text))


def view_evidence(findings: Sequence[Finding]) -> str:
    """Return analyzer results as a labelled list, E1 first; the labels are those of `evidence_label`."""
    if not findings:
        return "(no analyzer reported anything)"
    return "\n".join(
        f"{evidence_label(index)} {finding.path}:{finding.line} [{', '.join(finding.sources)}] {finding.title}"
        for index, finding in enumerate(findings)
    )


def evidence_label(index: int) -> str:
    """Return the label under which sub-agents know the analyzer result at `index` (from 0)."""
    return f"E{index + 1}"
