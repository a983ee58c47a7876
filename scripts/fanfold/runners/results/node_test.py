"""What `node_reporter.mjs` writes: the events of node's own test runner, a line of JSON each.

Node tells of a test's start and end in order, so that the titles above it are known; it tells them of its file too,
which its TAP and JUnit reporters leave out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from fanfold.runners.base import Reading
from fanfold.runners.results.attempts import attempt
from fanfold.runners.results.place import Place, seconds
from fanfold.suites import Case, TestVerdict


def read_node(data: bytes, place: Place) -> Reading:
    """Read the lines; the last one may be cut off. A suite, or a test around others, is no test of its own.

    It counts when it failed for another reason than what is in it. A test that started and never ended took its
    process along.
    """
    titles: dict[int, str] = {}
    open_tests: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    cases: list[Case] = []
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
        if kind == "start":
            titles = {level: title for level, title in titles.items() if level < depth} | {depth: str(test.get("name"))}
            open_tests[_key(test)] = test
            continue
        open_tests.pop(_key(test), None)
        is_around = depth in around
        around = {level for level in around if level < depth} | set(range(depth))
        if not (is_around or test.get("suite")) or _failed_itself(kind, test):
            cases.append(_case(kind, test, titles, place))
    notes = (f"{unread} lines of node's report can't be read",) if unread else ()
    return Reading(
        (*cases, *(_crashed(test, place) for test in open_tests.values() if test.get("nesting"))), notes=notes
    )


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


def _case(kind: str, test: Mapping[str, Any], titles: Mapping[int, str], place: Place) -> Case:
    depth = test["nesting"]
    above = [title for level, title in sorted(titles.items()) if level < depth]
    path = place.file(test.get("file"))
    name = str(test.get("name"))
    if not depth and place.file(name) == path:
        name = path  # the file itself: its process failed
    line = test.get("line")
    told = attempt(
        _verdict(kind, test),
        place,
        duration_s=seconds(test.get("ms"), per=1000),
        says=test.get("message") or _reason(test),
        trace=test.get("stack"),
        error_type=test.get("error"),
    )
    return Case(
        file=path,
        name=" > ".join([*above, name]),
        native=f"{path}::{name}" if name != path else "",
        line=line if isinstance(line, int) and line > 0 else None,
        attempts=(told,),
    )


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


def _crashed(test: Mapping[str, Any], place: Place) -> Case:
    name = str(test.get("name"))
    gone = attempt(TestVerdict.CRASHED, place, says="it started, and its process ended before it did")
    path = place.file(test.get("file"))
    return Case(file=path, name=name, native=f"{path}::{name}", attempts=(gone,))
