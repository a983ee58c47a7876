"""Failures that are one: by normalised stack, and by what the failing tests share and the passing ones don't.

A signature is an error's type, its message without what varies, and the innermost frames of the repository by file and
function; lines move, so they don't count. What failures share (a fixture, a parameter, a marker, a file, a worker, an
environment) is told for each cluster, and joins clusters of one error type when nearly everything with it fails and
hardly anything without it does. Regressions that come from the one change that their tests use are one as well, however
the tests noticed it.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from fanfold.runners.pytest.attempts import COLLECTING
from fanfold.skills.parallel_test.evidence import rule_uncollected
from fanfold.suites import BAD, Cluster, ClusterClass, Frame, TestAttempt, TestResult, TestVerdict

# Decided for each failed test by its reruns; a test that is not named is `unknown`.
Kinds = Mapping[str, ClusterClass]

# Tells of a regression the one change that it comes from, as a shared trait has it; None where that is not known.
Cause = Callable[[TestResult], str | None]

CHANGE = "change:"
AFTER = "after:"

FAILING = BAD | {TestVerdict.FLAKY}
"""Verdicts of tests that are grouped."""

_KIND_OF_VERDICT = {
    TestVerdict.FLAKY: ClusterClass.FLAKY,
    TestVerdict.TIMED_OUT: ClusterClass.TIMEOUT,
    TestVerdict.CRASHED: ClusterClass.CRASH,
}
_INNERMOST = 2
_LONGEST_MESSAGE = 160
# A shared thing tells something when at least so many fail with it, so large a share of those that have it, and so
# small a share of those that don't.
_LEAST = 3
_WITH = 0.8
_WITHOUT = 0.2
_NAMED = 6
# Failures of one signature that are asked for their cause.
_ASKED = 20

# What differs between two failures of one cause, in the order in which it is replaced.
_VARYING = (
    (re.compile(r"0x[0-9a-fA-F]+"), "0x…"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"\b[0-9a-f]{12,64}\b"), "<hash>"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"(/[\w.@+-]+)+/"), "<folder>/"),
    (re.compile(r"'[^'\n]{0,200}'|\"[^\"\n]{0,200}\""), "'…'"),
    (re.compile(r"\b\d+(\.\d+)?([eE][+-]?\d+)?\b"), "#"),
    (re.compile(r"\s+"), " "),
)


def normalised(message: str) -> str:
    """Return a failure's message without numbers, addresses, ids, times, folders and quoted values."""
    text = message.strip().split("\n", 1)[0][: 4 * _LONGEST_MESSAGE]
    for pattern, replacement in _VARYING:
        text = pattern.sub(replacement, text)
    return text[:_LONGEST_MESSAGE]


_UNPARSED = frozenset({"SyntaxError", "IndentationError", "TabError"})


@dataclass(frozen=True)
class Failure:
    """A test that failed, with the attempt that says most about it."""

    test: TestResult
    attempt: TestAttempt
    kind: ClusterClass

    @classmethod
    def of(cls, test: TestResult, kinds: Kinds) -> Failure:
        told = [a for a in test.attempts if a.outcome in BAD]
        attempt = max(told, key=lambda a: (bool(a.frames), bool(a.message)), default=TestAttempt(outcome=test.verdict))
        # What can't be collected or does not parse fails wherever and whenever it runs; there is nothing to rerun.
        says = {attempt.error_type, (attempt.message or "").partition(":")[0]}
        broken = test.name == COLLECTING or not says.isdisjoint(_UNPARSED)
        default = rule_uncollected(attempt) if broken else ClusterClass.UNKNOWN
        default = _KIND_OF_VERDICT.get(test.verdict, default)
        return cls(test, attempt, kinds.get(test.id, default))

    @cached_property
    def signature(self) -> str:
        """What failures of one cause have in common, on one line: `KeyError: '…' in orders.py load < parse`."""
        error = self.attempt.error_type or self.attempt.outcome.value
        said = normalised(self.attempt.message or "")
        said = said.removeprefix(f"{error}: ").removeprefix(error).strip()
        where = " < ".join(f"{f.path} {f.function}".strip() for f in self.telling[::-1])
        return " ".join(part for part in (f"{error}:", said, f"in {where}" if where else "") if part)

    @property
    def name(self) -> str:
        """What failures that are explained together have in common."""
        return f"{self.kind.value} {self.signature}"

    @property
    def telling(self) -> tuple[Frame, ...]:
        """The innermost frames in the repository, outermost first; without any, those elsewhere.

        Those of the test itself count only when there are no others.
        """
        found = [frame for frame in self.attempt.frames if frame.inside] or list(self.attempt.frames)
        own = [frame for frame in found if frame.path != self.test.file]
        return tuple((own or found)[-_INNERMOST:])

    @property
    def error_type(self) -> str:
        return self.attempt.error_type or self.attempt.outcome.value


def traits(test: TestResult) -> frozenset[str]:
    """Return what a test has that others may share."""
    found = {f"environment:{test.environment}", f"file:{test.file}"} - {"file:"}
    found |= {f"fixture:{name}" for name in test.fixtures} | {f"marker:{name}" for name in test.markers}
    if test.parameters:
        found.add(f"parameter:{test.parameters}")
    workers = {attempt.worker for attempt in test.attempts if attempt.worker is not None}
    if len(workers) == 1:
        found.add(f"worker:{workers.pop()}")
    return frozenset(found)


def cluster(tests: Sequence[TestResult], kinds: Kinds, cause: Cause | None = None) -> tuple[Cluster, ...]:
    """Group what failed; the largest first, then by signature. Every failed or flaky test is in exactly one."""
    failures = [Failure.of(test, kinds) for test in tests if test.verdict in FAILING]
    groups: dict[tuple[str, ...], list[Failure]] = defaultdict(list)
    for failure in failures:
        groups[failure.kind.value, failure.signature].append(failure)
    telling = _telling(tests, failures)
    joined = _of_one_cause(_joined(list(groups.values()), telling), cause)
    found = [(sorted(group, key=_plainest), why) for group, why in joined]
    ordered = sorted(found, key=lambda one: (-len(one[0]), one[0][0].signature, one[0][0].test.id))
    return tuple(_made(number, group, telling, why) for number, (group, why) in enumerate(ordered, 1))


def _of_one_cause(groups: Sequence[list[Failure]], cause: Cause | None) -> list[tuple[list[Failure], str | None]]:
    """Join the regressions that come from one change; returns them with that."""
    causes = [_cause_of(group, cause) if cause else None for group in groups]
    homes: dict[object, tuple[list[Failure], str | None]] = {}
    for number, (group, why) in enumerate(zip(groups, causes, strict=True)):
        homes.setdefault(why or number, ([], why))[0].extend(group)
    return list(homes.values())


def _cause_of(group: Sequence[Failure], cause: Cause) -> str | None:
    if group[0].kind is not ClusterClass.REGRESSION:
        return None
    found = {cause(failure.test) for failure in group[:_ASKED]}
    return found.pop() if len(found) == 1 else None


def _telling(tests: Iterable[TestResult], failures: Sequence[Failure]) -> frozenset[str]:
    """Return the traits with which nearly everything fails, and without which hardly anything does."""
    having = Counter(trait for test in tests if _ran(test) for trait in traits(test))
    failing = Counter(trait for failure in failures for trait in traits(failure.test))
    ran = sum(_ran(test) for test in tests)
    return frozenset(
        trait
        for trait, count in failing.items()
        if count >= _LEAST
        and count >= _WITH * having[trait]
        # What everything has tells nothing.
        and having[trait] < ran
        and len(failures) - count <= _WITHOUT * (ran - having[trait])
    )


def _ran(test: TestResult) -> bool:
    return test.verdict in FAILING or test.verdict in {TestVerdict.PASSED, TestVerdict.XFAILED}


def _joined(groups: list[list[Failure]], telling: frozenset[str]) -> list[list[Failure]]:
    """Join groups of one kind and error type whose tests all have the same telling traits."""
    homes: dict[tuple[object, ...], list[Failure]] = defaultdict(list)
    for number, group in enumerate(groups):
        shared = frozenset.intersection(*(traits(failure.test) for failure in group)) & telling
        causes = frozenset(trait for trait in shared if not trait.startswith("file:"))
        first = group[0]
        home = (first.kind, first.error_type, causes) if causes else (number,)
        homes[home] += group
    return list(homes.values())


def _made(number: int, group: Sequence[Failure], telling: frozenset[str], cause: str | None) -> Cluster:
    shared = frozenset.intersection(*(traits(failure.test) for failure in group))
    named = sorted(shared & telling) if len(group) == 1 else _most_telling(shared, telling)
    first = [cause] if cause else []
    return Cluster(
        id=f"C{number}",
        signature=group[0].signature,
        kind=group[0].kind,
        tests=tuple(failure.test.id for failure in group),
        shared=tuple([*first, *named][:_NAMED]),
    )


def _most_telling(shared: frozenset[str], telling: frozenset[str]) -> list[str]:
    """Put what tells something first; environments and workers alone tell nothing where there is only one."""
    rest = {trait for trait in shared - telling if trait.startswith(("fixture:", "parameter:", "file:"))}
    return [*sorted(shared & telling), *sorted(rest)]


def change_of(shared: Iterable[str]) -> str | None:
    """Return the change that is among what failures share."""
    return next((trait for trait in shared if trait.startswith(CHANGE)), None)


def _plainest(failure: Failure) -> tuple[object, ...]:
    """Sort the representative first: with a stack, the shortest one, the quickest test, then any fixed order."""
    frames = len(failure.attempt.frames)
    return (frames == 0, frames, failure.test.duration_s or 0.0, failure.test.id)
