r"""The vocabulary of test runs as frozen types: suites, environments, attempts, verdicts, and `result` in run.json.

A suite is run in an environment; its tests lie in shards, each one process at a time. What became of a test is a list
of attempts, and its verdict is a pure function of them (`verdict_of`): no model and no person changes it.

Folders and files are posix paths relative to the root, spelled as `fanfold.sources.text.shown` does. Seconds are
floats; what is not known is None.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import ConfigDict, Field

from fanfold.models import Frozen

DEFAULT_ENVIRONMENT = "default"


class TestVerdict(StrEnum):
    """What became of a test, or (all but `flaky`) of one attempt at it.

    `error` is a failure outside of the test's own body (a fixture, the import of its file); `crashed` is one that took
    its process along; `lost` was collected and given to a worker that ended well without a word about it; `not_run`
    was never started.
    """

    __test__: ClassVar[bool] = False  # not a class of tests, whatever pytest makes of its name

    PASSED = "passed"
    FAILED = "failed"
    FLAKY = "flaky"
    SKIPPED = "skipped"
    XFAILED = "xfailed"
    ERROR = "error"
    TIMED_OUT = "timed_out"
    CRASHED = "crashed"
    LOST = "lost"
    NOT_RUN = "not_run"


BAD = frozenset({TestVerdict.FAILED, TestVerdict.ERROR, TestVerdict.TIMED_OUT, TestVerdict.CRASHED})
"""Verdicts for which the run ends with 1."""

GOOD = frozenset({TestVerdict.PASSED, TestVerdict.XFAILED})
"""Verdicts that say that a test ran and did what it should."""

UNFINISHED = frozenset({TestVerdict.LOST, TestVerdict.NOT_RUN})
"""Verdicts that make the run incomplete: nobody knows."""


INSTALLED = re.compile(r"(?:^|/)(?:node_modules|site-packages|dist-packages|vendor/(?:phpunit|bundle))/")
"""What lies in a repository and was put there by a package manager."""


class Frame(Frozen):
    """One frame of a stack; `line` counts from 1, `function` may be ""."""

    path: str
    line: int = Field(ge=1)
    function: str = ""

    @property
    def inside(self) -> bool:
        """Tell whether it is in the repository, and not in what is installed there."""
        elsewhere = self.path.startswith(("/", "<", "..", "node:")) or ":" in self.path[:3]
        return not elsewhere and not INSTALLED.search(self.path)


Conditions = Literal["shard", "alone", "predecessors"]


class TestAttempt(Frozen):
    """One go at a test.

    `worker` is the number of the process slot that it ran in, None when not known. `message` is what failed or why it
    was skipped, in a line or a few; `trace` is the stack as text, `output` what was captured; all three bounded by
    whoever reads them. `frames` run from the outermost to where it was raised. `conditions` tell how it was run: in
    its shard, alone, or after the tests that had run before it.
    """

    __test__: ClassVar[bool] = False

    outcome: TestVerdict
    duration_s: float | None = None
    worker: int | None = None
    message: str | None = None
    error_type: str | None = None
    trace: str | None = None
    output: str | None = None
    frames: tuple[Frame, ...] = ()
    conditions: Conditions = "shard"


_TELLING = BAD | GOOD | {TestVerdict.FLAKY}


def verdict_of(attempts: Sequence[TestAttempt]) -> TestVerdict:
    """Fold attempts, in the order in which they were made, into the one verdict.

    The last attempt that says something counts. One that did what it should after one that did not is flaky, and so is
    one that passed and failed when it was rerun in the same way. Runs alone say nothing against those after its
    predecessors: what fails in its shard and after them, and passes alone, has failed. Being skipped says nothing about
    a failure, and an attempt that was lost or never started says nothing at all.
    """
    outcomes = [attempt.outcome for attempt in attempts]
    telling = [one for one in attempts if one.outcome in _TELLING]
    if telling:
        reruns = [[one.outcome for one in telling if one.conditions == how] for how in ("alone", "predecessors")]
        if any(not BAD.isdisjoint(ended) and not GOOD.isdisjoint(ended) for ended in reruns):
            return TestVerdict.FLAKY
        weighed = [one.outcome for one in telling if not reruns[1] or one.conditions != "alone"]
        last = weighed[-1]
        return TestVerdict.FLAKY if last in GOOD and not GOOD.issuperset(weighed) else last
    for verdict in (TestVerdict.SKIPPED, TestVerdict.LOST):
        if verdict in outcomes:
            return verdict
    return TestVerdict.NOT_RUN


class Case(Frozen):
    """What a runner says of one test: where it is, what it is called, what was tried.

    `file` is relative to the root, "" when the runner names none. `name` is the whole name below the file, classes and
    parameters included; `parameters` is the part of it that is one case of several, "" when there is none. `native`
    is what the runner takes to run this test alone, "" when it takes nothing of the kind. `line` counts from 1.
    `fixtures` and `markers` are what a pytest test asks for and carries, so that failures can be grouped by it.
    """

    file: str = ""
    name: str
    parameters: str = ""
    native: str = ""
    line: int | None = None
    fixtures: tuple[str, ...] = ()
    markers: tuple[str, ...] = ()
    attempts: tuple[TestAttempt, ...] = ()

    @property
    def verdict(self) -> TestVerdict:
        return verdict_of(self.attempts)


class TestResult(Frozen):
    """One test of one suite in one environment, as run.json keeps it; `duration_s` is the sum of its attempts'."""

    __test__: ClassVar[bool] = False

    id: str
    suite: str
    environment: str = DEFAULT_ENVIRONMENT
    file: str = ""
    name: str
    parameters: str = ""
    native: str = ""
    line: int | None = None
    fixtures: tuple[str, ...] = ()
    markers: tuple[str, ...] = ()
    verdict: TestVerdict
    duration_s: float | None = None
    attempts: tuple[TestAttempt, ...] = ()

    @classmethod
    def of(cls, case: Case, suite: str, environment: str = DEFAULT_ENVIRONMENT, occurrence: int = 1) -> TestResult:
        """Return the record of `case`; `occurrence` counts, from 1, those of the same suite, file and name."""
        known = [attempt.duration_s for attempt in case.attempts if attempt.duration_s is not None]
        fields = {name: getattr(case, name) for name in Case.model_fields}
        return cls(
            **fields,
            id=id_of(suite, environment, case.file, case.name, occurrence),
            suite=suite,
            environment=environment,
            verdict=case.verdict,
            duration_s=sum(known) if known else None,
        )


_AMBIGUOUS = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|#[0-9])")
_LETTERS = 0x7F


def _unambiguous(found: re.Match[str]) -> str:
    """Keep what stands for a letter, as pytest spells it in parameters: letters are not escaped here."""
    code = int(found[1] or found[2] or found[3] or "0", 16)
    letter = _LETTERS < code <= sys.maxunicode and chr(code).isprintable()
    return found[0] if letter and found[0] == _escape(chr(code)) else rf"\x5c{found[0][1:]}"


def id_of(suite: str, environment: str, file: str, name: str, occurrence: int = 1) -> str:
    r"""Return the id of a test: `suite@environment::file::name`, on one line, no two tests the same.

    The default environment is left out. What can't be printed is shown as `\xNN` or `\uNNNN`, and so is what would
    make two ids the same (not a letter that pytest has spelled as `\u65e5`); the second test of one name ends in `\#2`.
    """
    where = spelled_suite(suite)
    if environment != DEFAULT_ENVIRONMENT:
        where += "@" + spelled_suite(environment)
    again = f"\\#{occurrence}" if occurrence > 1 else ""
    return f"{where}::{_shown(file, ':')}::{spelled(name)}{again}"


def spelled(name: str) -> str:
    """Return a test's name as its id has it."""
    return _shown(name)


def spelled_suite(name: str) -> str:
    """Return a suite's name, or an environment's, as ids have it."""
    return _shown(name, "@:")


_SPELLED = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8}))")


def unspelled(text: str) -> str:
    """Return what a part of an id stands for; of a letter's own escape, which ids keep, the letter."""
    return _SPELLED.sub(lambda found: chr(min(int(found[1] or found[2] or found[3], 16), sys.maxunicode)), text)


def _shown(text: str, also: str = "") -> str:
    clear = _AMBIGUOUS.sub(_unambiguous, text)
    return "".join(c if c.isprintable() and c not in also else _escape(c) for c in clear)


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004  as Python's literals do


def results_of(cases: Iterable[Case], suite: str, environment: str = DEFAULT_ENVIRONMENT) -> tuple[TestResult, ...]:
    """Return the records of all cases of a suite in an environment; those of one name are told apart by their order."""
    seen: Counter[tuple[str, str]] = Counter()
    records = []
    for case in cases:
        seen[case.file, case.name] += 1
        records.append(TestResult.of(case, suite, environment, seen[case.file, case.name]))
    return tuple(records)


class Suite(Frozen):
    """A named set of tests that one runner runs from one folder.

    `framework` is a runner's registered name. `paths` are the files and folders below `folder` that it is made of,
    relative to it, () for whatever the runner finds; `files` are the test files that are known without running
    anything. `command` stands in for the runner's own command, `arguments` are added to either. `timeout_s` is for one
    shard, `shards` the most shards it is split into (None: as many as pay). Suites that share a name in `resources`
    never run at the same time. `results` are globs, relative to `folder`, of the result files that `command` writes.
    `found_by` says what it was recognised by.
    """

    name: str
    framework: str
    folder: str = "."
    paths: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    variables: Mapping[str, str] = Field(default_factory=dict)
    timeout_s: float | None = Field(default=None, gt=0)
    shards: int | None = Field(default=None, ge=1)
    resources: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    found_by: str = ""


class Environment(Frozen):
    """Where a suite runs: variables that are added, and words put in front of its command."""

    name: str = DEFAULT_ENVIRONMENT
    variables: Mapping[str, str] = Field(default_factory=dict)
    prefix: tuple[str, ...] = ()


class Totals(Frozen):
    """How many tests have which verdict; adds up."""

    passed: int = 0
    failed: int = 0
    flaky: int = 0
    skipped: int = 0
    xfailed: int = 0
    error: int = 0
    timed_out: int = 0
    crashed: int = 0
    lost: int = 0
    not_run: int = 0

    @classmethod
    def of(cls, verdicts: Iterable[TestVerdict]) -> Totals:
        return cls(**{verdict.value: count for verdict, count in Counter(verdicts).items()})

    def __add__(self, other: Totals) -> Totals:
        return Totals(**{name: getattr(self, name) + getattr(other, name) for name in Totals.model_fields})

    @property
    def tests(self) -> int:
        """All of them."""
        return sum(getattr(self, name) for name in Totals.model_fields)

    @property
    def bad(self) -> int:
        """Those for which the run ends with 1."""
        return sum(getattr(self, verdict.value) for verdict in BAD)

    @property
    def unfinished(self) -> int:
        """Those of which nobody knows."""
        return sum(getattr(self, verdict.value) for verdict in UNFINISHED)


class SuiteRecord(Frozen):
    """One suite in one environment, as run.json keeps it.

    `collected` counts the tests that the runner named before it ran them, None when it can't. `wall_s` runs from the
    start of the first shard to the end of the last. `error` says why it could not run at all. `notes` say what the
    plan decided about it, and why.
    """

    name: str
    framework: str
    folder: str
    environment: str = DEFAULT_ENVIRONMENT
    found_by: str = ""
    shards: int = 0
    collected: int | None = None
    totals: Totals = Totals()
    expected_s: float | None = None
    wall_s: float | None = None
    error: str | None = None
    notes: tuple[str, ...] = ()


ShardStatus = Literal["ok", "failed", "timed_out", "crashed", "cancelled", "not_run"]


class ShardRecord(Frozen):
    """One shard as run.json keeps it: `index` counts from 1 to `count`.

    `command` and `folder` are what was run, so that it can be copied. `startup_s` is the part of its wall time before
    the first test. `status` is about the process: a shard whose tests fail is "ok". `processes` is how many it took,
    more than one after a crash.
    """

    id: str
    suite: str
    environment: str = DEFAULT_ENVIRONMENT
    index: int = Field(default=1, ge=1)
    count: int = Field(default=1, ge=1)
    status: ShardStatus = "not_run"
    tests: int = 0
    worker: int | None = None
    processes: int = 0
    exit_code: int | None = None
    expected_s: float | None = None
    started_s: float | None = None
    ended_s: float | None = None
    startup_s: float | None = None
    command: tuple[str, ...] = ()
    folder: str = "."
    error: str | None = None
    notes: tuple[str, ...] = ()


class ClusterClass(StrEnum):
    """What kind of failure a cluster is, decided by reruns and not by a model."""

    REGRESSION = "regression"
    FLAKY = "flaky"
    ORDER = "order"
    ENVIRONMENT = "environment"
    TIMEOUT = "timeout"
    CRASH = "crash"
    UNKNOWN = "unknown"


class Evidence(Frozen):
    """A place in the repository that a sub-agent's explanation stands on."""

    path: str
    line: int = Field(ge=1)
    quote: str = ""


class Explanation(Frozen):
    """What a sub-agent says of a cluster; without `enough_information` its cause is "" and nothing is proposed."""

    enough_information: bool
    cause: str = ""
    evidence: tuple[Evidence, ...] = ()
    proposed_fix: str = ""


class Cluster(Frozen):
    """Failures that are one: the same normalised stack, or what they share; written with `class` as the key.

    `tests` are ids, the representative first. `reproduce` is a shell line, `suspects` are "path:line",
    before them what a bisection found, as "commit ID SUBJECT".
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_serialization_defaults_required=True,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
    )

    id: str
    signature: str
    kind: ClusterClass = Field(default=ClusterClass.UNKNOWN, alias="class")
    tests: tuple[str, ...]
    shared: tuple[str, ...] = ()
    reproduce: str = ""
    suspects: tuple[str, ...] = ()
    explanation: Explanation | None = None


class FileCoverage(Frozen):
    """How much of a file is covered, in percent, as coverage.py counts it; `path` is as that names it."""

    path: str
    percent: float = Field(ge=0, le=100)


class TestRunResult(Frozen):
    """`result` of a test run in run.json.

    `bound_s` is the least wall time in which this many workers could have run all units, each of which weighs its own
    wall time and none of which begins before its suite is collected; `efficiency` is that over the time from the first
    unit's start to the last one's end. Both are None when no duration is known. Of merged parts only shards count.
    `least_covered` are, where coverage was measured, the files of the project that have least of it, tests aside.
    """

    __test__: ClassVar[bool] = False

    totals: Totals = Totals()
    tests: tuple[TestResult, ...] = ()
    clusters: tuple[Cluster, ...] = ()
    suites: tuple[SuiteRecord, ...] = ()
    shards: tuple[ShardRecord, ...] = ()
    bound_s: float | None = None
    efficiency: float | None = None
    least_covered: tuple[FileCoverage, ...] = ()
