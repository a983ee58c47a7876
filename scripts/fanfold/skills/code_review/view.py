"""What a sub-agent sees of a change: numbered, anchored lines with enough around them to judge."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from fanfold.agents.prices import estimate_tokens
from fanfold.models import Finding
from fanfold.sources.anchors import FileText, anchor
from fanfold.sources.change import DiffLine, FileChange
from fanfold.sources.outline import Outline, enclosing, outline
from fanfold.sources.secrets import HIDDEN, mask, mask_alone, read_out
from fanfold.sources.target import Target
from fanfold.sources.text import printable

# What is shown around a hunk where no definition holds it, or one that is too long to be shown whole.
CONTEXT_LINES = 20
_LONGEST_DEFINITION = 150
_BESIDE = 3
_ANCHOR_WIDTH = 9
_LONGEST_LINE = 2_000
_NOT_SHOWN = "(it holds secrets, so its lines are not shown)"


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


def view_target(
    target: Target, evidence: Iterable[Finding] = (), *, without: Container[str] = ()
) -> tuple[FileView, ...]:
    """Return a view of each file under review but those `without`, in the target's order.

    Lines in which the secrets scan among the `evidence` found something are shown up to where the secret begins.
    """
    masks = masks_of(evidence)
    if target.whole:
        paths = (path for path in target.paths if path not in without)
        return tuple(_whole_file(path, target.snapshot.read(path), masks[path]) for path in paths)
    changes = (change for change in target.changes if change.path not in without)
    return tuple(_changed_file(target, change, masks[change.path]) for change in changes)


# What is shown of a line in which a secret was found, by line number.
Mask: TypeAlias = dict[int, str]


def masks_of(evidence: Iterable[Finding]) -> defaultdict[str, Mask]:
    """Return by file what may be shown of the lines in which a secrets scan found something."""
    masks: defaultdict[str, Mask] = defaultdict(dict)
    for finding in evidence:
        if any(source.startswith("secrets:") for source in finding.sources):
            masks[finding.path][finding.line] = finding.quote
            masks[finding.path].update(dict.fromkeys(range(finding.line + 1, finding.end_line + 1), ""))
    return masks


def masked(number: int, text: str, secrets: Mask) -> str:
    """Return a line as it may be shown."""
    shown = secrets.get(number)
    return text if shown is None else shown if HIDDEN in shown else f"{shown}{HIDDEN}"


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


def _whole_file(path: str, text: str | None, secrets: Mask) -> FileView:
    heading = f"=== {printable(path)} (whole file) ==="
    if text is None:
        return _view(path, [heading, "(not text, or too large; not shown)"])
    shown = read_out(path, text)
    if shown is None:
        return _view(path, [heading, _NOT_SHOWN])
    lines = (anchored(n, "+", masked(n, line, secrets)) for n, line in enumerate(FileText(shown).lines, 1))
    return _view(path, [heading, *lines])


def _changed_file(target: Target, change: FileChange, secrets: Mask) -> FileView:
    was = f" from {printable(change.old_path)}" if change.old_path and change.old_path != change.path else ""
    heading = f"=== {printable(change.path)} ({change.kind}{was}) ==="
    if change.submodule or change.binary or not change.hunks:
        return _view(change.path, [heading, _without_lines(change)])
    sides = _Sides.of(target, change)
    if sides is None:
        return _view(change.path, [heading, _NOT_SHOWN])
    return _view(change.path, [heading, *_hunks(change, sides, secrets)])


@dataclass(frozen=True, slots=True)
class _Sides:
    """The lines of a file after and before a change, secrets masked; `diff_alone` says that only the diff is known."""

    after: list[str]
    before: list[str]
    diff_alone: bool

    @classmethod
    def of(cls, target: Target, change: FileChange) -> _Sides | None:
        """Return the lines that may be shown, None when the file holds secrets on one of the sides."""
        old = change.old_path or change.path
        after = read_out(change.path, target.snapshot.read(change.path) or "")
        before = read_out(old, (target.before and target.before.read(old)) or "")
        if after is None or before is None:
            return None
        return cls(FileText(after).lines, FileText(before).lines, target.before is None and change.kind != "added")

    def text(self, line: DiffLine) -> str:
        """Return a line of the diff as it may be shown."""
        lines, number = (self.after, line.new) if line.new is not None else (self.before, line.old)
        known = lines[number - 1] if number is not None and number <= len(lines) else ""
        if HIDDEN in known:
            return known
        return mask_alone(line.text) if self.diff_alone else mask(line.text)


def _without_lines(change: FileChange) -> str:
    if change.submodule:
        return "(a submodule now names another commit)"
    if change.binary:
        return "(binary, not shown)"
    if change.old_mode and change.new_mode and change.old_mode != change.new_mode:
        return f"(mode {change.old_mode} is now {change.new_mode})"
    return "(no line changed)"


def _hunks(change: FileChange, sides: _Sides, secrets: Mask) -> Iterator[str]:
    """Yield the hunks' lines, widened on both sides by lines of the file where it is known."""
    firsts = [hunk.new_start if hunk.new_count else hunk.new_start + 1 for hunk in change.hunks]
    lines = [masked(number, line, secrets) for number, line in enumerate(sides.after, 1)]
    known = outline(change.path, "\n".join(sides.after))
    shown_to = 0
    for hunk, first, following in zip(change.hunks, firsts, [*firsts[1:], len(lines) + 1], strict=True):
        around = reach(known, first, first + hunk.new_count - 1)
        start = max(shown_to + 1, around.start)
        if start > shown_to + 1:
            yield f"[lines {shown_to + 1} to {start - 1} unchanged]"
        yield from _plain(lines, start, first)
        for line in hunk.lines:
            text = sides.text(line) if line.new is None else masked(line.new, sides.text(line), secrets)
            yield anchored(line.new, line.kind, text)
        last = first + hunk.new_count - 1
        shown_to = max(last, min(around.stop - 1, following - 1, len(lines)))
        yield from _plain(lines, last + 1, shown_to + 1)
    if shown_to < len(lines):
        yield f"[lines {shown_to + 1} to {len(lines)} unchanged]"


def reach(known: Outline, first: int, last: int) -> range:
    """Return the lines to show for a hunk of the new lines `first` to `last` (before `first` when it has none).

    That is the function or class that holds it, whole, or else so many lines on either side.
    """
    last = max(first, last)
    holding = enclosing(known, first, last)
    if holding is None or holding.kind == "block" or holding.end_line - holding.line >= _LONGEST_DEFINITION:
        return range(first - CONTEXT_LINES, last + CONTEXT_LINES + 1)
    return range(min(holding.line, first) - _BESIDE, max(holding.end_line, last) + _BESIDE + 1)


def _plain(lines: Sequence[str], start: int, stop: int) -> Iterator[str]:
    for number in range(start, min(stop, len(lines) + 1)):
        yield anchored(number, " ", lines[number - 1])


def anchored(number: int | None, sign: str, text: str) -> str:
    """Return a line with its anchor and sign; a removed line has neither number nor anchor."""
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
