"""Suggestions applied to a file as it lies in the working tree, each with the patch that takes it back.

A suggestion knows the content that it was made for. A file that has it, or that is it but for suggestions that were
applied before, is changed by line numbers, which can't go wrong; any other only by force, where the lines are found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from fanfold.sources import edits
from fanfold.sources.edits import Edit
from fanfold.sources.text import comparable, split_kept

_TRIED = 64


@dataclass(frozen=True, slots=True)
class Fix:
    """A finding's suggestion: the finding's id, the diff, and what that does."""

    id: str
    diff: str
    edit: Edit

    @classmethod
    def of(cls, finding_id: str, path: str, diff: str | None) -> Fix | None:
        """Return the fix that a diff of the file `path` is, None when it is none."""
        edit = edits.edit_of(diff) if diff else None
        return cls(finding_id, diff or "", edit) if edit and edit.path == path else None


@dataclass(slots=True)
class Fixed:
    """What came of fixes of one file: its content, and by id the patches of those applied and why others are not.

    A patch leads from the content without its fix to `after`, so that it can be taken back on its own, and all of them
    from the top of the file downwards. `steps` are the same changes one after the other, as one patch.
    """

    after: bytes
    patches: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)
    present: tuple[str, ...] = ()


CHANGED = "the file is no longer what was reviewed; --force looks for the lines"
NOT_THERE = "the lines that it replaces do not stand there"


def fixed(data: bytes, chosen: Sequence[Fix], earlier: Sequence[Fix], *, force: bool = False) -> Fixed:
    """Apply the chosen fixes of one file to its content, in their order.

    `earlier` are those that may have been applied to it before. Of two that overlap the first is applied.
    """
    lines = split_kept(data.decode("utf-8", "surrogateescape"))
    found = _unfixed(lines, chosen, earlier)
    if found is None:
        return _by_force(data, chosen) if force else Fixed(data, problems=dict.fromkeys(_ids(chosen), CHANGED))
    base, present = found
    made = Fixed(data, present=tuple(_ids(present)))
    taken = list(present)
    for fix in chosen:
        if fix.id in made.present:
            continue
        if over := next((other for other in taken if _overlap(fix.edit, other.edit)), None):
            made.problems[fix.id] = f"it overlaps {over.id}, which is applied"
        elif not _stands(fix.edit.old, base, fix.edit.start - 1):
            made.problems[fix.id] = NOT_THERE
        else:
            taken.append(fix)
    _settle(made, base, present, taken[len(present) :])
    return made


def _patch(edit: Edit, before: str, after: str, others: Sequence[Fix]) -> str:
    """Return a diff that has no line of other fixes for its context, so that those may be taken back before it.

    Git must have a line that follows, and where only another fix's does, that one is taken back later.
    """
    hidden = _numbers(others)
    try:
        return edits.unified(edit.path, before, after, hidden)
    except ValueError:
        above = _numbers([fix for fix in others if fix.edit.start < edit.start])
        return edits.unified(edit.path, before, after, above)


def _numbers(fixes: Sequence[Fix]) -> frozenset[int]:
    """Return which lines are those of fixes, in the text that they make."""
    numbers: set[int] = set()
    shift = 0
    for fix in sorted(fixes, key=lambda fix: fix.edit.start):
        start = fix.edit.start + shift
        numbers.update(range(start, start + len(fix.edit.new)))
        shift += len(fix.edit.new) - len(fix.edit.old)
    return frozenset(numbers)


def _ids(fixes: Sequence[Fix]) -> list[str]:
    return [fix.id for fix in fixes]


def _settle(made: Fixed, base: Sequence[str], present: Sequence[Fix], new: Sequence[Fix]) -> None:
    """Set the content, the patches and the steps."""
    if not new:
        return
    everything = [*present, *new]
    after = _built(base, everything)
    for fix in new:
        others = [other for other in everything if other is not fix]
        made.patches[fix.id] = _patch(fix.edit, _built(base, others), after, others)
    for count, fix in enumerate(new):
        before, then = (_built(base, everything[: len(present) + n]) for n in (count, count + 1))
        made.steps.append(edits.unified(fix.edit.path, before, then))
    made.after = after.encode("utf-8", "surrogateescape")


def _overlap(a: Edit, b: Edit) -> bool:
    return a.start <= b.end and b.start <= a.end


def _stands(wanted: Sequence[str], lines: Sequence[str], at: int) -> bool:
    there = lines[at : at + len(wanted)]
    return [comparable(line.removesuffix("\n")) for line in there] == [comparable(line) for line in wanted]


def _unfixed(lines: list[str], chosen: Sequence[Fix], earlier: Sequence[Fix]) -> tuple[list[str], list[Fix]] | None:
    """Return the lines as they were reviewed, and which of the earlier fixes are applied now; None when it is neither.

    Each of those is there or was taken back; the content that results must be the one that was reviewed.
    """
    ordered = sorted(earlier, key=lambda fix: fix.edit.start)
    for present in islice(_guesses(lines, ordered, 0, 0), _TRIED):
        base = _taken_back(lines, present)
        if edits.is_made_from(chosen[0].diff, "".join(base).encode("utf-8", "surrogateescape")):
            return base, present
    return None


def _guesses(lines: Sequence[str], ordered: Sequence[Fix], at: int, shift: int) -> Iterator[list[Fix]]:
    """Yield which fixes may be applied: where the lines of one stand that it would have put there."""
    if at == len(ordered):
        yield []
        return
    fix = ordered[at]
    if _stands(fix.edit.new, lines, fix.edit.start - 1 + shift):
        grown = len(fix.edit.new) - len(fix.edit.old)
        yield from ([fix, *rest] for rest in _guesses(lines, ordered, at + 1, shift + grown))
    yield from _guesses(lines, ordered, at + 1, shift)


def _taken_back(lines: list[str], present: Sequence[Fix]) -> list[str]:
    for fix in present:  # from the top: what is above is as it was, so the numbers are right
        at = fix.edit.start - 1
        there = lines[at : at + len(fix.edit.new)]
        lines = [*lines[:at], *_ended(fix.edit.old, there), *lines[at + len(there) :]]
    return lines


def _built(base: Sequence[str], fixes: Sequence[Fix]) -> str:
    """Return the text of the lines with fixes that do not overlap."""
    lines = list(base)
    for fix in sorted(fixes, key=lambda fix: fix.edit.start, reverse=True):
        first, behind = fix.edit.start - 1, fix.edit.end
        lines[first:behind] = _ended(fix.edit.new, lines[first:behind])
    return "".join(lines)


def _ended(texts: Sequence[str], replaced: Sequence[str]) -> list[str]:
    """Return lines with the ends of those that they replace: the last one has the last one's, if it has any."""
    bom = "\ufeff" if replaced[0].startswith("\ufeff") else ""
    ending = "\r\n" if any(line.endswith("\r\n") for line in replaced) else "\n"
    made = [f"{line.removesuffix(chr(13))}{ending}" for line in texts]
    if not replaced[-1].endswith("\n"):
        made[-1] = made[-1].removesuffix(ending)
    return [f"{bom}{made[0].removeprefix(bom)}" if bom else made[0], *made[1:]]


def _by_force(data: bytes, chosen: Sequence[Fix]) -> Fixed:
    """Apply each fix where its lines are found, from the bottom up, so that none moves another."""
    made = Fixed(data)
    for fix in sorted(chosen, key=lambda fix: fix.edit.start, reverse=True):
        after = edits.apply(fix.diff, made.after)
        if after is None:
            made.problems[fix.id] = NOT_THERE
            continue
        before, then = (content.decode("utf-8", "surrogateescape") for content in (made.after, after))
        made.patches[fix.id] = edits.unified(fix.edit.path, before, then)
        made.steps.append(made.patches[fix.id])
        made.after = after
    return made
