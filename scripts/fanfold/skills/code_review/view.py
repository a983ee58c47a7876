"""What a sub-agent sees of a change: numbered, anchored lines with enough around them to judge."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from fanfold.agents.prices import estimate_tokens
from fanfold.models import Finding
from fanfold.sources.anchors import FileText, anchor
from fanfold.sources.change import FileChange
from fanfold.sources.target import Target
from fanfold.sources.text import printable

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
        return tuple(dict.fromkeys(view.path for view in self.views))

    @property
    def text(self) -> str:
        return "\n\n".join(view.text for view in self.views)


def view_target(target: Target, evidence: Iterable[Finding] = ()) -> tuple[FileView, ...]:
    """Return a view of each file under review, in the target's order.

    Lines in which the secrets scan among the `evidence` found something are shown up to where the secret begins.
    """
    masks = _masks(evidence)
    if target.whole:
        views = (_whole_file(path, target.snapshot.read(path), masks[path]) for path in target.paths)
    else:
        views = (_changed_file(c, target.snapshot.read(c.path), masks[c.path]) for c in target.changes)
    return tuple(views)


# What is shown of a line in which a secret was found, by line number: the code before it.
Mask: TypeAlias = dict[int, str]


def _masks(evidence: Iterable[Finding]) -> defaultdict[str, Mask]:
    masks: defaultdict[str, Mask] = defaultdict(dict)
    for finding in evidence:
        if any(source.startswith("secrets:") for source in finding.sources):
            masks[finding.path][finding.line] = finding.quote
            masks[finding.path].update(dict.fromkeys(range(finding.line + 1, finding.end_line + 1), ""))
    return masks


def _masked(number: int, text: str, mask: Mask) -> str:
    before = mask.get(number)
    return text if before is None else f"{before}[a secret, not shown]"


def pieces(view: FileView, allowance: int) -> Iterator[FileView]:
    """Yield the view, or what it takes to keep each piece within the allowance; every piece has the heading."""
    if view.tokens <= allowance:
        yield view
        return
    heading, *lines = view.text.split("\n")
    piece, room = [heading], allowance
    for line in lines:
        cost = estimate_tokens(f"{line}\n")
        if cost > room and len(piece) > 1:
            yield _view(view.path, piece)
            piece, room = [f"{heading} (continued)"], allowance
        piece.append(line)
        room -= cost
    yield _view(view.path, piece)


def _whole_file(path: str, text: str | None, mask: Mask) -> FileView:
    heading = f"=== {printable(path)} (whole file) ==="
    if text is None:
        return _view(path, [heading, "(not text, or too large; not shown)"])
    lines = (_line(n, "+", _masked(n, line, mask)) for n, line in enumerate(FileText(text).lines, 1))
    return _view(path, [heading, *lines])


def _changed_file(change: FileChange, text: str | None, mask: Mask) -> FileView:
    was = f" from {printable(change.old_path)}" if change.old_path and change.old_path != change.path else ""
    heading = f"=== {printable(change.path)} ({change.kind}{was}) ==="
    if change.submodule or change.binary or not change.hunks:
        return _view(change.path, [heading, _without_lines(change)])
    lines = FileText(text).lines if text is not None else []
    return _view(change.path, [heading, *_hunks(change, lines, mask)])


def _without_lines(change: FileChange) -> str:
    if change.submodule:
        return "(a submodule now names another commit)"
    if change.binary:
        return "(binary, not shown)"
    if change.old_mode and change.new_mode and change.old_mode != change.new_mode:
        return f"(mode {change.old_mode} is now {change.new_mode})"
    return "(no line changed)"


def _hunks(change: FileChange, lines: Sequence[str], mask: Mask) -> Iterator[str]:
    """Yield the hunks' lines, widened on both sides by lines of the file where it is known."""
    firsts = [hunk.new_start if hunk.new_count else hunk.new_start + 1 for hunk in change.hunks]
    lines = [_masked(number, line, mask) for number, line in enumerate(lines, 1)] if mask else lines
    shown_to = 0
    for hunk, first, following in zip(change.hunks, firsts, [*firsts[1:], len(lines) + 1], strict=True):
        start = max(shown_to + 1, first - CONTEXT_LINES)
        if start > shown_to + 1:
            yield f"[lines {shown_to + 1} to {start - 1} unchanged]"
        yield from _plain(lines, start, first)
        for line in hunk.lines:
            text = line.text if line.new is None else _masked(line.new, line.text, mask)
            yield _line(line.new, line.kind, text)
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
        f"{evidence_label(index)} {printable(found.path)}:{found.line} [{', '.join(found.sources)}] {found.title}"
        for index, found in enumerate(findings)
    )


def evidence_label(index: int) -> str:
    """Return the label under which sub-agents know the analyzer result at `index` (from 0)."""
    return f"E{index + 1}"
