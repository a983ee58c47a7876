"""The reports of vitest: its JSON, which is jest's, and what only its JUnit report has.

The JSON names no hook of a `describe` that failed, whose tests it has as skipped, and says of a test that timed out
nothing but where it was defined.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from fanfold.runners.base import Reading
from fanfold.runners.results.attempts import failed_or_timed_out
from fanfold.runners.results.place import ITSELF
from fanfold.suites import BAD, Case, TestAttempt, TestVerdict

_PLACEHOLDER = "STACK_TRACE_ERROR"
_JOINT = " > "
Key = tuple[str, str]


def completed(reading: Reading, junit: Reading) -> Reading:
    """Return the reading of the JSON report with what the other one has beside it."""
    files = {case.file for case in reading.cases}
    told = dict(_told(junit, files))
    known = {(case.file, _in_xml(case.name)) for case in reading.cases}
    # A `describe` is what tests lie in.
    above = {(file, name[:at]) for file, name in known for at in _joints(name)}
    hooks = {key: case for key, case in told.items() if key in above - known}
    own = any(case.line for case in reading.cases if case.verdict not in BAD)
    cases = [_one(case if own else _elsewhere(case), told, hooks, reading.cases) for case in reading.cases]
    cases += [_hook(key, case) for key, case in hooks.items()]
    return Reading(tuple(cases), reading.error, reading.notes)


def _elsewhere(case: Case) -> Case:
    """Forget a line that only tests that failed have: it is where they failed, in whichever file."""
    return case.model_copy(update={"line": None}) if case.line else case


def _joints(name: str) -> Iterator[int]:
    """Yield where the names of the groups that a test lies in end."""
    return (match.start() for match in re.finditer(re.escape(_JOINT), name))


def _told(junit: Reading, files: set[str]) -> Iterator[tuple[Key, Case]]:
    """Yield what failed by file and name: the report names a file as it is seen from vitest's own root."""
    for case in junit.cases:
        where, joint, name = case.name.partition("::")
        file = next((one for one in sorted(files) if joint and f"/{one}".endswith(f"/{where}")), None)
        if file is not None and case.verdict in BAD:
            yield (file, ITSELF if name == where else _in_xml(name)), case


def _in_xml(name: str) -> str:
    """Return a name as it comes out of an attribute, in which lines are folded."""
    return " ".join(name.split())


def _one(case: Case, told: Mapping[Key, Case], hooks: Mapping[Key, Case], every: Sequence[Case]) -> Case:
    better = told.get((case.file, _in_xml(case.name)))
    case = _with_stack(case, better) if better else case
    last = case.attempts[-1] if case.attempts else None
    if last and better and _PLACEHOLDER in (last.message or ""):
        message = better.attempts[-1].message
        update = {"message": message, "outcome": failed_or_timed_out(message), "error_type": None}
        return case.model_copy(update={"attempts": (*case.attempts[:-1], last.model_copy(update=update))})
    if case.verdict is TestVerdict.SKIPPED and (hook := _before(case, hooks, every)):
        why = TestAttempt(outcome=TestVerdict.NOT_RUN, message=f"not run, since a hook of {hook!r} had failed")
        return case.model_copy(update={"attempts": (why,)})
    return case


def _with_stack(case: Case, better: Case) -> Case:
    """Let a failure have the stack that only the other report tells."""
    last, told = case.attempts[-1], better.attempts[-1]
    if last.outcome not in BAD or last.frames or not told.trace:
        return case
    update = {"trace": told.trace.rstrip(), "frames": told.frames, "error_type": last.error_type or told.error_type}
    return case.model_copy(update={"attempts": (*case.attempts[:-1], last.model_copy(update=update))})


def _before(case: Case, hooks: Mapping[Key, Case], every: Sequence[Case]) -> str | None:
    """Return the `describe` that kept a test from being run: one with a hook that failed, and of which none was run."""
    for file, name in hooks:
        inside = [one for one in every if one.file == file and _in_xml(one.name).startswith(name + _JOINT)]
        if case in inside and all(one.verdict is TestVerdict.SKIPPED for one in inside):
            return name
    return None


def _hook(key: Key, case: Case) -> Case:
    attempts = tuple(one.model_copy(update={"outcome": TestVerdict.ERROR}) for one in case.attempts[-1:])
    return Case(file=key[0], name=f"{key[1]} (a hook)", attempts=attempts)
