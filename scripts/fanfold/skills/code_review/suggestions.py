"""What a reporter wants in the place of some lines becomes a diff that applies and parses, or nothing.

Nobody should be shown a suggestion that can't be taken as it is: it is applied to a copy in memory, and the result is
parsed, before anyone sees it. Models drop the indentation of what they suggest, or give only the part of a line that
they have quoted; both are mended where the mended text parses.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from fanfold.models import Finding
from fanfold.sources.anchors import Place, without_numbering
from fanfold.sources.edits import unified
from fanfold.sources.secrets import read_out
from fanfold.sources.syntax import faults
from fanfold.sources.text import comparable, split_lines

LONGEST = 4_000
"""Characters. A longer suggestion is a rewrite, which nobody reads in a report."""

_FENCE = re.compile(r"\s*(`{3,}|~{3,})[^\n]*\n(.*?)\n?\s*\1\s*", re.DOTALL)
_REPLACED = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True)
class Checked:
    """A diff that applies and parses, or why there is none; neither when nothing was suggested."""

    diff: str | None = None
    problem: str | None = None


def for_whole_lines(suggested: str | None, quote: str, place: Place) -> str | None:
    """Return what is to stand in the place of the lines of `place`, of which the reporter may have quoted a part.

    What stands around the quote in its first and last line stays, unless the suggestion already has it.
    """
    text = _bare(suggested or "")
    if not text.strip():
        return None
    wanted = without_numbering(quote).strip()
    before, found, behind = place.quote.partition(wanted) if wanted else (place.quote, "", "")
    if not found or wanted in behind or "\n" in before + behind:
        return text
    indent = before[: len(before) - len(before.lstrip())]
    kept, behind = before.strip(), behind.rstrip()
    if not kept and not behind:
        return text
    body = text.strip("\n")
    if kept:
        return text if body.lstrip().startswith(kept) else f"{before}{body.strip()}{behind}"
    return text if body.rstrip().endswith(behind.strip()) else f"{indent}{body.strip()}{behind}"


def _bare(text: str) -> str:
    """Return the code alone: no fence, no numbering of lines, no characters that can't be seen."""
    fenced = _FENCE.fullmatch(text)
    code = without_numbering(fenced[2] if fenced else text).replace("\r", "")
    return "".join(c for c in code if c in "\n\t\f" or unicodedata.category(c) not in {"Cc", "Cf", "Cs"})


def with_checked_suggestions(findings: Iterable[Finding], read: Callable[[str], str | None]) -> tuple[Finding, ...]:
    """Return the findings, their suggestions as diffs that apply to what `read` has, the others dropped with a note.

    A diff never shows a line in which the secrets scan has found something, nor one that is masked for sub-agents.
    """
    findings = tuple(findings)
    secrets = secret_lines(findings)
    return tuple(_checked(f, read, secrets[f.path]) if f.suggestion else f for f in findings)


def secret_lines(findings: Iterable[Finding]) -> defaultdict[str, set[int]]:
    """Return the lines of each file in which the secrets scan has found something."""
    secrets: defaultdict[str, set[int]] = defaultdict(set)
    for finding in findings:
        if any(source.startswith("secrets:") for source in finding.sources):
            secrets[finding.path].update(range(finding.line, finding.end_line + 1))
    return secrets


def _checked(finding: Finding, read: Callable[[str], str | None], hidden: Collection[int]) -> Finding:
    checked = check(finding, read(finding.path) or "", hidden)
    notes = (*finding.notes, f"A suggestion was left out: {checked.problem}.") if checked.problem else finding.notes
    return finding.model_copy(update={"suggestion": checked.diff, "notes": notes})


def check(finding: Finding, text: str, hidden: Collection[int] = ()) -> Checked:
    """Return the finding's suggestion as a diff of `text`, or why there is none; `hidden` lines are never shown.

    `finding.suggestion` is what is to stand in the place of the lines `line` to `end_line`.
    """
    replacement = finding.suggestion
    if not replacement or not replacement.strip():
        return Checked()
    masked = masked_lines(finding.path, text)
    lines = split_lines(text) if text else []
    if masked is None:
        return Checked(problem="its file holds secrets")
    if problem := _misfit(replacement, finding, lines):
        return Checked(problem=problem)
    made = [_with(text, lines, finding, candidate) for candidate in _candidates(replacement, finding, lines)]
    changing = [after for after in made if after != text]
    if not changing:
        return Checked(problem="it changes nothing")
    allowed = faults(finding.path, text)
    after = next((after for after in changing if _parses(finding.path, after, allowed)), None)
    if after is None:
        return Checked(problem="the file would no longer parse")
    return _shown(finding.path, text, after, masked.union(hidden))


@lru_cache(maxsize=32)
def masked_lines(path: str, text: str) -> frozenset[int] | None:
    """Return the lines that look like they hold a secret, None when the whole file is there for that."""
    masked = read_out(path, text)
    if masked is None:
        return None
    pairs = zip(text.split("\n"), masked.split("\n"), strict=True)
    return frozenset(number for number, (line, shown) in enumerate(pairs, 1) if line != shown)


def _misfit(replacement: str, finding: Finding, lines: Sequence[str]) -> str | None:
    """Return why a replacement can't be one, whatever it says."""
    if len(replacement) > LONGEST:
        return f"it is longer than {LONGEST:,} characters"
    return None if _stands(finding, lines) else "the lines that it replaces do not stand there"


def _stands(finding: Finding, lines: Sequence[str]) -> bool:
    """Tell whether the quote stands where the finding says; an analyzer's quote may be cut at its end."""
    if finding.end_line > len(lines) or finding.line > finding.end_line:
        return False
    quoted = finding.quote.split("\n")
    there = lines[finding.line - 1 : finding.line - 1 + len(quoted)]
    pairs = zip(quoted, there, strict=False)
    return len(there) == len(quoted) and all(comparable(b).startswith(comparable(a).rstrip()) for a, b in pairs)


def _with(text: str, lines: Sequence[str], finding: Finding, new: Sequence[str]) -> str:
    """Return the text with new lines in the place of the finding's; each gets the ending of those."""
    ending = "\r" if lines[finding.line - 1].endswith("\r") else ""
    made = [*lines[: finding.line - 1], *(f"{line}{ending}" for line in new), *lines[finding.end_line :]]
    if finding.end_line == len(lines) and not text.endswith("\n"):
        made[-1] = made[-1].removesuffix(ending)
    return "\n".join(made) + ("\n" if text.endswith("\n") else "")


def _candidates(replacement: str, finding: Finding, lines: Sequence[str]) -> Iterator[list[str]]:
    """Yield how the replacement may be meant, the most likely first.

    Lines that it leaves as they were show where it stands: as it is, with the indentation of its first line lost, or
    moved as a whole. Without any, its first line stands where the one did that it replaces or, if it is indented, but
    less, where it is, as when code moves out of a block.
    """
    old, new = lines[finding.line - 1 : finding.end_line], replacement.strip("\n").split("\n")
    indent, found = _indent(old[0]), _indent(new[0])
    whole = [f"{indent}{new[0].lstrip()}", *new[1:]] if not found else new
    moves = _moves(old, new)
    if moves:
        was, becomes = max(moves, key=lambda move: abs(len(move[0]) - len(move[1])))
        yield whole if was == becomes else _moved(new, was, becomes)
    elif found and indent.startswith(found):
        yield new
    elif not found and all(line.startswith(indent) for line in new[1:] if line.strip()) and len(new) > 1:
        yield whole
    yield _moved(new, found, indent)
    yield new


def _moves(old: Sequence[str], new: Sequence[str]) -> set[tuple[str, str]]:
    """Return how lines that stay the same are indented in the new lines and in the old ones.

    The first one tells nothing when it has no indentation: often it alone has lost it.
    """
    before, after = ([line.strip() for line in lines] for lines in (old, new))
    blocks = difflib.SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
    pairs = ((block.a + n, block.b + n) for block in blocks for n in range(block.size))
    return {(_indent(new[b]), _indent(old[a])) for a, b in pairs if new[b].strip() and (b or _indent(new[b]))}


def _moved(lines: Sequence[str], was: str, becomes: str) -> list[str]:
    """Return the lines moved together, so that what was indented by `was` is indented as it `becomes`."""
    if becomes.endswith(was):
        return [f"{becomes[: len(becomes) - len(was)]}{line}" if line.strip() else line for line in lines]
    if was.endswith(becomes):
        return [line.removeprefix(was[: len(was) - len(becomes)]) for line in lines]
    return [f"{becomes}{line.removeprefix(was)}" if line.startswith(was) else line for line in lines]


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _parses(path: str, text: str, allowed: int | None) -> bool:
    """Tell whether a text has no more faults than the one that it came from; where that can't be told, yes."""
    if allowed is None:
        return True
    found = faults(path, text)
    return found is not None and found <= allowed


def _shown(path: str, before: str, after: str, hidden: Collection[int]) -> Checked:
    try:
        diff = unified(path, before, after, hidden)
    except ValueError:
        return Checked(problem="it stands beside a secret")
    if _REPLACED in diff:
        return Checked(problem="the file is not UTF-8 there")
    return Checked(diff=diff)
