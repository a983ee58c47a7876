"""What `node_reporter.mjs` writes: the events of node's own test runner, a line of JSON each.

Node tells of a test's start and end in order, so that the titles above it are known; it tells them of its file too,
which its TAP and JUnit reporters leave out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fanfold.runners.base import Reading
from fanfold.runners.results.attempts import NOT_REACHED, attempt
from fanfold.runners.results.place import ITSELF, Place, seconds
from fanfold.suites import Case, TestVerdict


def read_node(data: bytes, place: Place) -> Reading:
    """Read the lines; the last one may be cut off. A suite, or a test around others, is no test of its own.

    It counts when it failed for another reason than what is in it. A test that began and never ended took its process
    along, and the failure of its file is that; those that were waiting behind it were not run.
    """
    titles: dict[int, str] = {}
    under_way = _UnderWay(place)
    told = _Told(place)
    unread = 0
    around: set[int] = set()
    for event in _events(data):
        if event is None:
            unread += 1
            continue
        kind, test = event
        depth = test.get("nesting")
        if not isinstance(depth, int):
            continue
        under_way.hear(kind, test)
        if kind == "start":
            titles = {level: title for level, title in titles.items() if level < depth} | {depth: str(test.get("name"))}
        if kind not in _RESULTS:
            continue
        is_around = depth in around
        around = {level for level in around if level < depth} | set(range(depth))
        counts = not (is_around or test.get("suite")) or _failed_itself(kind, test)
        told.hear(kind, test, titles, counts=counts)
    notes = (f"{unread} lines of node's report can't be read",) if unread else ()
    left = under_way.left()
    blamed = {case.file for case in left if case.verdict is TestVerdict.CRASHED}
    kept = (case for case in told.cases() if case.native or case.file not in blamed)
    return Reading((*kept, *left), notes=notes)


JOINT = " > "
"""Between the titles of a test and of those around it, in names, and in what takes several of them to run one test."""

_ERROR = re.compile(r"(?:[A-Z]\w*)?Error\b(?: \[\w+\])?(?::|$)")
_RESULTS = frozenset({"pass", "fail"})


@dataclass(slots=True)
class _Ended:
    """A test that has ended: the event, its titles by level, and the levels of the tests (no suites) that it is in."""

    kind: str
    test: Mapping[str, Any]
    titles: Mapping[int, str]
    inside: set[int] = field(default_factory=set)


class _Told:
    """The tests that have ended; that what is around them is a test, and no suite, is told when that has ended too."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._ended: list[_Ended] = []
        # By depth, how many had ended by the time of the last result there.
        self._before: dict[int, int] = {}

    def hear(self, kind: str, test: Mapping[str, Any], titles: Mapping[int, str], *, counts: bool) -> None:
        """Take note of a result; one that does not count is only around others."""
        depth = test["nesting"]
        if not test.get("suite"):
            begin = max((count for level, count in self._before.items() if level <= depth), default=0)
            for one in self._ended[begin:]:
                one.inside.add(depth)
        if counts:
            self._ended.append(_Ended(kind, test, dict(titles)))
        self._before[depth] = len(self._ended)

    def cases(self) -> Iterator[Case]:
        """Yield them in their order."""
        return (_case(one, self._place) for one in self._ended)


class _UnderWay:
    """The tests that have begun and not ended, or are waiting, by file.

    Node of 20.19 and 22.7 on tells at once when a test is taken up and done with. Of older ones only starts count:
    these come in order, and late.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._begun: dict[tuple[Any, ...], Mapping[str, Any]] = {}
        self._taken: dict[tuple[Any, ...], Mapping[str, Any]] = {}
        self._queued: dict[tuple[Any, ...], Mapping[str, Any]] = {}
        self._done_is_told = True

    def hear(self, kind: str, test: Mapping[str, Any]) -> None:
        """Take note of an event."""
        key = _key(test)
        if kind == "queued":
            self._queued[key] = test
            return
        self._queued.pop(key, None)
        if kind == "taken":
            self._taken[key] = test
        elif kind == "start":
            self._begun[key] = test
        else:
            # A result without a word that it was done: this node tells of no such.
            self._done_is_told &= kind == "done" or key not in self._taken
            self._taken.pop(key, None)
            self._begun.pop(key, None)

    def left(self) -> list[Case]:
        """Return the innermost of those that have begun, and those that have not, with the titles of those around."""
        left = {**self._begun, **self._taken, **self._queued} if self._done_is_told else self._begun
        above: dict[str, list[str]] = {}
        suites: set[tuple[str, ...]] = set()
        found: dict[tuple[str, ...], Case] = {}
        for key, test in sorted(left.items(), key=lambda one: one[1]["nesting"]):
            path, depth = self._place.file(test.get("file")), test["nesting"]
            if _is_file(test, self._place) or (not depth and not self._done_is_told):
                continue
            titles = [*above.get(path, ())[:depth], str(test.get("name"))]
            if key not in self._queued:
                above[path] = titles
            if test.get("suite"):
                suites.add((path, *titles))
            found.pop((path, *titles[:-1]), None)
            around = [title for at, title in enumerate(titles[:-1], 1) if (path, *titles[:at]) not in suites]
            found[path, *titles] = _cut_off(test, titles, around, self._place, begun=key not in self._queued)
        return list(found.values())


def _events(data: bytes) -> Iterator[tuple[str, Mapping[str, Any]] | None]:
    lines = data.split(b"\n")
    for line in lines[:-1]:
        try:
            kind, test = json.loads(line)
        except (ValueError, TypeError):
            yield None
            continue
        yield (str(kind), test) if isinstance(test, dict) else None


def _key(test: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(str(test.get(name)) for name in ("file", "line", "column", "nesting", "name"))


def _failed_itself(kind: str, test: Mapping[str, Any]) -> bool:
    return kind == "fail" and test.get("failure") != "subtestsFailed"


def _is_file(test: Mapping[str, Any], place: Place) -> bool:
    """Tell whether it stands for the process of a file."""
    return not test["nesting"] and place.file(str(test.get("name"))) == place.file(test.get("file"))


def _case(one: _Ended, place: Place) -> Case:
    kind, test, depth = one.kind, one.test, one.test["nesting"]
    above = {level: title for level, title in sorted(one.titles.items()) if level < depth}
    path = place.file(test.get("file"))
    name = str(test.get("name"))
    says, trace = test.get("message") or _reason(test), test.get("stack")
    if _is_file(test, place):
        name = ITSELF  # its process failed
        says, trace = _why_a_process_failed(test) or says, test.get("stderr") or trace
    line = test.get("line")
    told = attempt(
        _verdict(kind, test),
        place,
        duration_s=seconds(test.get("ms"), per=1000),
        says=says,
        trace=trace,
        error_type=test.get("error"),
    )
    return Case(
        file=path,
        name=JOINT.join([*above.values(), name]),
        native=_native(path, [title for level, title in above.items() if level in one.inside], name),
        line=line if isinstance(line, int) and line > 0 else None,
        attempts=(told,),
    )


def _native(path: str, around: Sequence[str], name: str) -> str:
    """Return what chooses a test, "" for a file: its own title, behind those of the tests in whose bodies it is run."""
    return f"{path}::{JOINT.join([*around, name])}" if name != ITSELF else ""


def _why_a_process_failed(test: Mapping[str, Any]) -> str | None:
    """Return the error that a file's process wrote, or what it ended with; node itself says "test failed"."""
    lines = str(test.get("stderr") or "").splitlines()
    if error := next((line for line in lines if _ERROR.match(line)), None):
        return error
    return f"its process ended with exit code {test['code']}" if isinstance(test.get("code"), int) else None


def _verdict(kind: str, test: Mapping[str, Any]) -> TestVerdict:
    if test.get("skip") not in (None, False):
        return TestVerdict.SKIPPED
    if kind == "pass":
        return TestVerdict.PASSED
    if test.get("todo") not in (None, False):
        return TestVerdict.XFAILED
    failures = {
        "testTimeoutFailure": TestVerdict.TIMED_OUT,
        "hookFailed": TestVerdict.ERROR,
        "cancelledByParent": TestVerdict.NOT_RUN,
    }
    return failures.get(str(test.get("failure")), TestVerdict.FAILED)


def _reason(test: Mapping[str, Any]) -> str | None:
    skip = test.get("skip")
    return skip if isinstance(skip, str) else None


def _cut_off(
    test: Mapping[str, Any], titles: Sequence[str], around: Sequence[str], place: Place, *, begun: bool
) -> Case:
    path = place.file(test.get("file"))
    if begun:
        came_to = attempt(TestVerdict.CRASHED, place, says="it started, and its process ended before it did")
    else:
        came_to = attempt(TestVerdict.NOT_RUN, place, says=NOT_REACHED)
    line = test.get("line")
    return Case(
        file=path,
        name=JOINT.join(titles),
        native=_native(path, around, titles[-1]),
        line=line if isinstance(line, int) and line > 0 else None,
        attempts=(came_to,),
    )
