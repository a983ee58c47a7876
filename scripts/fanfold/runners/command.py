"""A command of the project's own, from its settings: whatever it runs, by the results that it leaves.

Results are read from the files that the suite names, by what is in them (JUnit, CTRF, TRX, TAP, `go test -json`, a JSON
report of jest, mocha, playwright or RSpec), else from what it prints. When there is nothing of the kind, the command
itself is the one test, and its exit code the verdict.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from fanfold.runners.base import Command, Ended, Listing, Reading, Sharding, Task
from fanfold.runners.common import Call, Plain, command_of, place_of, read_files
from fanfold.runners.results.attempts import attempt
from fanfold.runners.results.cargo import read_cargo
from fanfold.runners.results.ctrf import read_ctrf
from fanfold.runners.results.gotest import read_go
from fanfold.runners.results.jest import read_jest
from fanfold.runners.results.junit import read_junit
from fanfold.runners.results.mocha import read_mocha
from fanfold.runners.results.place import Place
from fanfold.runners.results.playwright import read_playwright
from fanfold.runners.results.rspec import read_rspec
from fanfold.runners.results.tap import read_tap
from fanfold.runners.results.trx import read_trx
from fanfold.runners.tools import Tools
from fanfold.suites import Case, Suite, TestVerdict

_HEAD = 4_000
_TAP = re.compile(rb"^(?:TAP version 1[34]|1\.\.\d+|(?:not )?ok \d+\b)", re.MULTILINE)
_LIBTEST = re.compile(rb"^running \d+ tests?$", re.MULTILINE)
_JSON_READERS = (
    (b'"assertionResults"', read_jest),
    (b'"fullTitle"', read_mocha),
    (b'"full_description"', read_rspec),
    (b'"specs"', read_playwright),
)


@dataclass(frozen=True)
class OwnCommand(Plain):
    """The runner. A command with `{index}` and `{count}` in it splits by itself; any other is one process."""

    name: str = "command"
    sharding: Sharding = Sharding.COUNT
    runs_single_tests: bool = False

    def detect(self, listing: Listing) -> tuple[Suite, ...]:  # noqa: ARG002  only settings name one
        return ()

    def unavailable(self, suite: Suite, tools: Tools) -> str | None:
        """See `Runner.unavailable`; a path is looked up in the suite's folder."""
        program = suite.command[0] if suite.command else ""
        there = (tools.root / suite.folder / program).is_file() if "/" in program else tools.which(program) is not None
        return None if there else f"{program or 'its command'} is not installed, or not on PATH"

    def most_shards(self, suite: Suite, tools: Tools) -> int | None:  # noqa: ARG002  the protocol's
        splits = any("{index}" in word for word in (*suite.command, *suite.arguments, *suite.variables.values()))
        return (suite.shards or None) if splits else 1

    def command(self, task: Task, tools: Tools) -> Command:  # noqa: ARG002  the protocol's
        return command_of(task, Call((), {}))

    def results(self, task: Task, ended: Ended) -> Reading:
        place = place_of(task)
        reading = read_files(task, ended, read_any)
        if not reading.cases and not reading.error:
            printed = _printed(ended, place)
            reading = Reading(printed.cases, printed.error, reading.notes + printed.notes)
        if not reading.cases and not reading.error:
            return Reading((_itself(task, ended, place),), notes=reading.notes)
        bad = ended.returncode and not any(case.verdict is not TestVerdict.PASSED for case in reading.cases)
        if bad and not reading.error:
            # All that was reported passed, and the command says that something did not.
            return Reading((*reading.cases, _itself(task, ended, place)), notes=reading.notes)
        return reading


def read_any(data: bytes, place: Place) -> Reading:
    """Read a result file by what is in it."""
    head = data[:_HEAD].lstrip(b"\xef\xbb\xbf \r\n\t")
    if head.startswith((b"<", b"\xff\xfe", b"\xfe\xff")):
        return read_trx(data, place) if b"<TestRun" in head else read_junit(data, place)
    if head.startswith(b'{"Time"') or b'"Action":' in head[:200]:
        return read_go(data, b"", place)
    if head.startswith(b"{"):
        reader = next((reader for mark, reader in _JSON_READERS if mark in data), read_ctrf)
        return reader(data, place)
    if _TAP.search(head):
        return read_tap(data, place)
    return Reading(notes=("its format is none that fanfold reads",))


def _printed(ended: Ended, place: Place) -> Reading:
    """Read what was printed, when that is a report."""
    head = ended.stdout[:_HEAD]
    if _LIBTEST.search(ended.stdout):
        return read_cargo(ended.stdout, ended.stderr, place)
    if b'"Action":' in head[:200]:
        return read_go(ended.stdout, ended.stderr, place)
    if _TAP.search(head):
        return read_tap(ended.stdout, place)
    return read_any(ended.stdout, place) if head.lstrip().startswith((b"<?xml", b"<testsuite")) else Reading()


def _itself(task: Task, ended: Ended, place: Place) -> Case:
    """Return the command as the one test that it is."""
    output = (ended.stdout + b"\n" + ended.stderr).decode("utf-8", "replace")
    verdict = TestVerdict.PASSED if ended.returncode == 0 else TestVerdict.FAILED
    if ended.returncode < 0:
        verdict = TestVerdict.CRASHED
    says = None if verdict is TestVerdict.PASSED else f"exit code {ended.returncode}"
    shard = f" {task.index}/{task.count}" if task.count > 1 else ""
    told = attempt(verdict, place, says=says, trace=output if says else None, output=output)
    return Case(name=f"{task.suite.name}{shard}", attempts=(told,))


COMMAND = OwnCommand()
