r"""TAP 13 and 14: the Test Anything Protocol, subtests and YAML blocks included.

https://testanything.org

A test point that closes a subtest is the sum of what is in it: the points inside are the tests, and it is one itself
only when it failed although none of them did. Points that the plan promises and that never came are lost.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from fanfold.runners.base import Reading
from fanfold.runners.results.attempts import attempt
from fanfold.runners.results.place import Place, seconds
from fanfold.suites import BAD, Case, TestAttempt, TestVerdict

_POINT = re.compile(r"^(?P<not>not )?ok\b(?: (?P<number>\d+))?(?:\s+-\s|\s)?(?P<rest>.*)$")
_PLAN = re.compile(r"^1\.\.(?P<count>\d+)(?:\s*#\s*(?:skip\S*\s*)?(?P<reason>.*))?$", re.IGNORECASE)
_DIRECTIVE = re.compile(r"(?<!\\)#\s*(?P<word>skip|todo)\S*\s*(?P<reason>.*)$", re.IGNORECASE)
_TIMING = re.compile(r"\s+(?:#\s*time=|in )(?P<number>[\d.]+)\s*(?P<unit>ms|sec|s)(?=\s*(?:#|$))")
_BAIL = re.compile(r"^Bail out!\s*(?P<reason>.*)$")
_INDENT = 4
_MOST_LOST = 10_000


@dataclass(slots=True)
class _Level:
    """What was read at one depth: its points since the last one that closed it, its plan, how many there were."""

    cases: list[Case] = field(default_factory=list)
    planned: int | None = None
    points: int = 0


def read_tap(data: bytes, place: Place) -> Reading:
    """Read a stream; lines that are no TAP are what tests printed."""
    reader = _Reader(place)
    lines = data.decode("utf-8", "replace").splitlines()
    at = 0
    while at < len(lines):
        at = reader.take(lines, at)
    return reader.reading()


class _Reader:
    def __init__(self, place: Place) -> None:
        self._place = place
        self._levels: list[_Level] = [_Level()]
        self._titles: list[str] = []
        self._notes: list[str] = []
        self._error: str | None = None

    def take(self, lines: list[str], at: int) -> int:
        """Read what begins at a line, and return where the next one begins."""
        text = lines[at].lstrip(" ")
        depth = (len(lines[at]) - len(text)) // _INDENT
        if match := _POINT.match(text):
            return self._point(match, depth, lines, at)
        if match := _PLAN.match(text):
            self._level(depth).planned = int(match["count"])
            self._skipped_whole(match)
        elif match := _BAIL.match(text):
            self._error = f"it bailed out: {match['reason'] or 'no reason given'}"
        elif text.startswith("# Subtest"):
            self._level(depth)
            self._titles[depth:] = [_unescaped(text.partition(":")[2].strip())]
        return at + 1

    def _level(self, depth: int) -> _Level:
        while len(self._levels) <= depth:
            self._levels.append(_Level())
        return self._levels[depth]

    def _skipped_whole(self, plan: re.Match[str]) -> None:
        if plan["count"] == "0" and plan["reason"]:
            self._notes.append(f"everything was skipped: {plan['reason']}")

    def _point(self, match: re.Match[str], depth: int, lines: list[str], at: int) -> int:
        block, after = _yaml_block(lines, at + 1)
        inside = self._closed(depth + 1)
        level = self._level(depth)
        level.points += 1
        case = self._case(match, level.points, block, " > ".join(self._titles[:depth]), _comments(lines, after))
        del self._titles[depth:]
        bad_inside = any(one.verdict in BAD for one in inside)
        level.cases += inside
        if not inside or (case.verdict in BAD and not bad_inside):
            level.cases.append(case)
        return after

    def _closed(self, depth: int) -> list[Case]:
        """End the levels from `depth` on, and return the tests in them."""
        ended = [case for level in self._levels[depth:] for case in (*level.cases, *self._lost(level))]
        del self._levels[depth:]
        return ended

    def _lost(self, level: _Level) -> list[Case]:
        missing = range(level.points + 1, min(level.planned or 0, _MOST_LOST) + 1)
        lost = TestAttempt(outcome=TestVerdict.LOST, message="planned, and never reported")
        return [Case(name=f"test {number}", attempts=(lost,)) for number in missing]

    def _case(self, match: re.Match[str], number: int, block: dict[str, object], above: str, said: str) -> Case:
        rest, took = _timed(match["rest"])
        directive = _DIRECTIVE.search(rest)
        name = _unescaped(_DIRECTIVE.sub("", rest).strip()) or f"test {match['number'] or number}"
        told = attempt(
            _verdict(bool(match["not"]), directive),
            self._place,
            duration_s=seconds(block["duration_ms"], per=1000) if "duration_ms" in block else took,
            says=_text(block, "error", "message") or (directive["reason"] if directive else None) or said,
            trace=_text(block, "stack") or said,
            error_type=_text(block, "code", "name"),
        )
        at = _text(block, "location", "at") or ""
        file, line = _location(at)
        full = f"{above} > {name}" if above else name
        return Case(file=self._place.file(file), name=full, line=line, attempts=(told,))

    def reading(self) -> Reading:
        cases = self._closed(0)
        return Reading(tuple(cases), self._error, tuple(self._notes))


def _verdict(failed: bool, directive: re.Match[str] | None) -> TestVerdict:
    """A failing `todo` is expected to fail; a passing one passes."""
    word = directive["word"].lower() if directive else ""
    if word == "skip":
        return TestVerdict.SKIPPED
    if failed:
        return TestVerdict.XFAILED if word == "todo" else TestVerdict.FAILED
    return TestVerdict.PASSED


def _timed(rest: str) -> tuple[str, float | None]:
    match = _TIMING.search(rest)
    if not match:
        return rest, None
    took = seconds(match["number"], per=1000 if match["unit"] == "ms" else 1)
    return rest[: match.start()] + rest[match.end() :], took


def _unescaped(text: str) -> str:
    return re.sub(r"\\([#\\])", r"\1", text)


def _comments(lines: list[str], at: int) -> str:
    """Return the comments right behind a point, in which bats and others say what failed."""
    said = []
    while at < len(lines) and lines[at].lstrip().startswith("#") and "# Subtest" not in lines[at]:
        said.append(lines[at].lstrip()[1:].removeprefix(" "))
        at += 1
    return "\n".join(said)


def _yaml_block(lines: list[str], at: int) -> tuple[dict[str, object], int]:
    """Return the block that begins at a line, and the line behind it; {} when none begins there or it can't be read."""
    if at >= len(lines) or lines[at].strip() != "---":
        return {}, at
    indent = lines[at][: -len(lines[at].lstrip())]
    end = next(
        (n for n in range(at + 1, len(lines)) if lines[n].strip() == "..." and lines[n].startswith(indent)), None
    )
    if end is None:
        return {}, at + 1
    text = "\n".join(line.removeprefix(indent) for line in lines[at + 1 : end])
    from fanfold.runners.results.yaml_block import read_block

    return read_block(text), end + 1


def _text(block: dict[str, object], *keys: str) -> str | None:
    return next((value for key in keys if isinstance(value := block.get(key), str) and value), None)


def _location(text: str) -> tuple[str | None, int | None]:
    match = re.match(r"^(?P<file>.+?):(?P<line>\d{1,9})(?::\d+)?$", text)
    return (match["file"], int(match["line"]) or None) if match else (text or None, None)
