r"""Unified diffs of one file, written and applied: git and `patch` take what is written here.

A diff is made of texts as a snapshot has them, without a byte order mark, and applied to the bytes of a file, whose
line endings and byte order mark stay. Lines end at "\n" only.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from fanfold.errors import TargetError
from fanfold.sources.change import DiffLine, Hunk
from fanfold.sources.diff import parse_diff
from fanfold.sources.diff_names import quoted
from fanfold.sources.text import comparable, decode, split_kept

_CONTEXT = 3
_ID_DIGITS = 12
_INDEX = "index "
_GIT_ONLY = ("diff --git ", _INDEX)
_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class Edit:
    """The lines `start` to `end` of a file, which read `old`, become `new`; neither is empty.

    Lines come without their ends, of which `ending` is the first.
    """

    path: str
    start: int
    end: int
    old: tuple[str, ...]
    new: tuple[str, ...]
    ending: str = "\n"


def unified(path: str, before: str, after: str, hidden: Collection[int] = ()) -> str:
    """Return the diff that makes `after` of `before`, in one hunk; "" when they are the same.

    No line of `hidden` (numbers in `before`) is shown. Its header names both contents by the id that git would give
    them. Raises ValueError when the change can't be shown without a hidden line.
    """
    old, new = split_kept(before), split_kept(after)
    start, behind = _common(old, new)
    if start == len(old) == len(new):
        return ""
    first, last = _context(len(old), start, len(old) - behind, hidden)
    if start and first == start and last in {start, start + len(old) - len(new)}:
        # One side would have no line at all, by which git could find the place.
        first = start - 1
        if start in hidden:
            raise ValueError("a hidden line is the only context")
    body = [*_signed(" ", old[first:start]), *_changed(old[start : len(old) - behind], new[start : len(new) - behind])]
    body += _signed(" ", old[len(old) - behind : last])
    counts = (last - first, last - first + len(new) - len(old))
    sides = [f"{first + 1 if count else first},{count}" for count in counts]
    return "".join([*_header(path, before, after), f"@@ -{sides[0]} +{sides[1]} @@\n", *body])


def _common(old: Sequence[str], new: Sequence[str]) -> tuple[int, int]:
    """Return how many lines are the same at the start, and how many behind that at the end."""
    least = min(len(old), len(new))
    start = next((at for at in range(least) if old[at] != new[at]), least)
    behind = next((at for at in range(least - start) if old[-1 - at] != new[-1 - at]), least - start)
    return start, behind


def _context(count: int, start: int, end: int, hidden: Collection[int]) -> tuple[int, int]:
    """Return what a hunk shows around the changed lines [start, end), as indexes, without a hidden line.

    The first line is not among it unless it changes: a byte order mark may stand before it. Git takes a hunk that ends
    without context for one at the end of its file.
    """
    lines = {number - 1 for number in hidden}
    if not lines.isdisjoint(range(start, end)):
        raise ValueError("a hidden line changes")
    first, last = start, end
    while first > max(1, start - _CONTEXT) and first - 1 not in lines:
        first -= 1
    while last < min(count, end + _CONTEXT) and last not in lines:
        last += 1
    if last == end < count:
        raise ValueError("a hidden line is the only context")
    return first, last


def _changed(old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    for tag, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from _signed(" ", old[a:b])
        else:
            yield from _signed("-", old[a:b])
            yield from _signed("+", new[c:d])


def _signed(sign: str, lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        yield f"{sign}{line}" if line.endswith("\n") else f"{sign}{line}\n\\ No newline at end of file\n"


def _header(path: str, before: str, after: str) -> Iterator[str]:
    old, new = quoted(path, "a/"), quoted(path, "b/")
    # Behind an unquoted name with a blank, git puts a tab: only there does the name end.
    tab = "\t" if " " in old and not old.startswith('"') else ""
    yield f"diff --git {old} {new}\n"
    yield f"{_INDEX}{content_id(before)}..{content_id(after)}\n"
    yield f"--- {old}{tab}\n"
    yield f"+++ {new}{tab}\n"


def content_id(text: str) -> str:
    """Return the first 12 digits of the id that git gives a file with this text."""
    data = text.encode("utf-8", "surrogateescape")
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()[:_ID_DIGITS]


def made_from(diff: str) -> str | None:
    """Return the `content_id` of the text that a diff was made from, None when it doesn't say."""
    line = next((line for line in diff.split("\n", 3)[:3] if line.startswith(_INDEX)), None)
    return line.removeprefix(_INDEX).partition("..")[0] if line else None


def is_made_from(diff: str, data: bytes) -> bool:
    """Tell whether a file holds what the diff was made from, whatever its line endings and byte order mark."""
    text = decode(data)
    return text is not None and made_from(diff) in {content_id(text), content_id(text.replace("\r\n", "\n"))}


def plain(diff: str) -> str:
    """Return the diff without the lines that only git knows: what a person reads, and `patch` needs."""
    lines = diff.split("\n")
    while lines and lines[0].startswith(_GIT_ONLY):
        del lines[0]
    return "\n".join(lines)


def edit_of(diff: str) -> Edit | None:
    """Return what a diff with one hunk does, None when the text is no such diff.

    What only adds or removes lines takes in one that stays, so that there is something to replace and to put there.
    """
    found = _only_hunk(diff)
    if found is None:
        return None
    path, hunk = found
    changed = [at for at, line in enumerate(hunk.lines) if line.kind != " "]
    if not changed:
        return None
    first, last = changed[0], changed[-1] + 1
    if len({line.kind for line in hunk.lines[first:last]}) == 1:
        first, last = (first - 1, last) if first else (first, last + 1)
    lines = hunk.lines[first:last]
    numbers = [line.old for line in lines if line.old is not None]
    if not numbers or not any(line.new for line in lines):
        return None
    ending = "\r\n" if lines[0].text.endswith("\r") else "\n"
    return Edit(path, numbers[0], numbers[-1], _side(lines, "+"), _side(lines, "-"), ending)


def _only_hunk(diff: str) -> tuple[str, Hunk] | None:
    try:
        changes = parse_diff(diff)
    except TargetError:
        return None
    if len(changes) != 1 or len(changes[0].hunks) != 1:
        return None
    return changes[0].path, changes[0].hunks[0]


def _side(lines: Sequence[DiffLine], other: str) -> tuple[str, ...]:
    return tuple(line.text.removesuffix("\r") for line in lines if line.kind != other)


def apply(diff: str, data: bytes) -> bytes | None:
    """Return what the diff makes of a file's content, None when its lines don't stand there.

    They are looked for where the diff says and then ever further away, as `patch` does; line endings don't count, and
    new lines get those of the lines that they replace.
    """
    found = _only_hunk(diff)
    text = data.decode("utf-8", "surrogateescape")
    if found is None:
        return None
    hunk = found[1]
    lines = split_kept(text)
    wanted = [comparable(line.text) for line in hunk.lines if line.kind != "+"]
    at = _nearest([comparable(line.removesuffix("\n")) for line in lines], wanted, hunk)
    if at is None:
        return None
    made = "".join([*lines[:at], *_replaced(lines, at, hunk), *lines[at + hunk.old_count :]])
    bom = _BOM if text.startswith(_BOM) and not made.startswith(_BOM) else ""
    return f"{bom}{made}".encode("utf-8", "surrogateescape")


def _nearest(lines: list[str], wanted: list[str], hunk: Hunk) -> int | None:
    """Return the index at which the wanted lines stand nearest to where the hunk says."""
    said = hunk.old_start - 1 if hunk.old_count else hunk.old_start
    ends_file = hunk.lines[-1].kind != " " or not hunk.lines[-1].newline
    places = [len(lines) - len(wanted)] if ends_file else range(len(lines) - len(wanted) + 1)
    fits = [at for at in places if at >= 0 and lines[at : at + len(wanted)] == wanted]
    return min(fits, key=lambda at: (abs(at - said), at), default=None)


def _replaced(lines: Sequence[str], at: int, hunk: Hunk) -> Iterator[str]:
    """Yield the lines that come to stand from `at` on; those that stay, as they are."""
    ending = _ending(lines, at)
    for line in hunk.lines:
        if line.kind == "+":
            yield line.text.removesuffix("\r") + (ending if line.newline else "")
            continue
        if line.kind == " ":
            yield lines[at]
        else:
            ending = _ending(lines, at)
        at += 1


def _ending(lines: Sequence[str], at: int) -> str:
    near = [lines[n] for n in (at, at - 1) if 0 <= n < len(lines) and lines[n].endswith("\n")]
    return "\r\n" if near and near[0].endswith("\r\n") else "\n"
