"""ctest: a process for some of the tests each, by their numbers, in a build folder that is there already.

fanfold does not configure or build: which generator, which options and which folder is the project's business.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from fanfold.errors import WorkerError
from fanfold.runners.base import Collected, Command, Ended, Item, Listing, Reading, Sharding, Task
from fanfold.runners.common import Call, Plain, command_of, explained, read_files
from fanfold.runners.results.junit import read_junit
from fanfold.runners.sight import aside, folder_of, is_below, named
from fanfold.runners.tools import Tools
from fanfold.suites import Case, Suite, TestAttempt, TestVerdict

_ENABLED = re.compile(r"^\s*(?:enable_testing\s*\(|include\s*\(\s*CTest\s*\))", re.MULTILINE | re.IGNORECASE)
_FOLDERS = ("build", "cmake-build-debug", "cmake-build-release", "out/build", "_build")
_MARK = "CTestTestfile.cmake"
# Before version 3.26 a report says only that a test failed; the lines that are printed say how.
_LINE = re.compile(
    r"^\s*\d+/\d+ Test +#\d+: (?P<name>.+?) [ .]*(?P<why>[A-Za-z ]*)"
    r"\*\*\*(?P<word>Timeout|Exception: *[A-Za-z]*|Not Run)",
    re.MULTILINE,
)
_HOW = {"Timeout": TestVerdict.TIMED_OUT, "Not": TestVerdict.NOT_RUN, "Exception:": TestVerdict.CRASHED}


@dataclass(frozen=True)
class Ctest(Plain):
    """The runner; its items are test numbers and names, as `12 name`."""

    name: str = "ctest"
    sharding: Sharding = Sharding.ITEMS
    runs_single_tests: bool = True

    def detect(self, listing: Listing) -> tuple[Suite, ...]:
        lists = [path for path in named(listing, "CMakeLists.txt") if not aside(folder_of(path))]
        enabled = [path for path in lists if _ENABLED.search(listing.read(path) or "")]
        top = [
            p
            for p in lists
            if not any(is_below(folder_of(p), folder_of(q)) for q in lists if folder_of(q) != folder_of(p))
        ]
        return tuple(
            Suite(name="ctest", framework="ctest", folder=folder_of(path), found_by=path)
            for path in top
            if any(is_below(one, folder_of(path)) for one in enabled)
        )

    def unavailable(self, suite: Suite, tools: Tools) -> str | None:
        if suite.command:
            return None
        if not tools.which("ctest"):
            return "ctest is not installed: https://cmake.org/download"
        folder = tools.root / suite.folder
        return (
            None
            if _build(folder)
            else f"{suite.folder} is not built: run `cmake -B build && cmake --build build` there"
        )

    def collecting(self, task: Task, tools: Tools) -> Command | None:
        return command_of(task, _call(task, tools), *_where(task), "--show-only=json-v1")

    def collected(self, task: Task, ended: Ended) -> Collected:
        """See `Runner.collected`: its tests; those of one name can't be, as CMake does not allow it."""
        try:
            tests = json.loads(ended.stdout)["tests"]
            names = [str(test["name"]) for test in tests]
        except (ValueError, KeyError, TypeError) as error:
            raise WorkerError(f"{task.suite.name}: ctest did not list its tests") from error
        return Collected(tuple(Item(f"{number} {name}", (name,)) for number, name in enumerate(names, 1)))

    def command(self, task: Task, tools: Tools) -> Command:
        report = task.scratch / "ctest.xml"
        own = ("--no-tests=ignore", "--output-junit", str(report))
        words = [*_where(task), "--output-on-failure", *own]
        if task.tests:
            words += ["-R", f"^({'|'.join(map(_quoted, task.tests))})$"]
        elif task.items:
            # Start, end and step of nothing, and then the numbers.
            words += ["-I", ",".join(["0", "0", "0", *(item.partition(" ")[0] for item in task.items)])]
        return command_of(task, _call(task, tools), *words, results=(report,), own=own)

    def results(self, task: Task, ended: Ended) -> Reading:
        reading = read_files(task, ended, read_junit)
        text = ended.stdout.decode("utf-8", "replace")
        how = {match["name"]: f"{match['word'].strip()} {match['why']}".strip() for match in _LINE.finditer(text)}
        cases = tuple(_told(case, how.get(case.name)) for case in reading.cases)
        return explained(Reading(cases, reading.error, reading.notes), ended, "ctest wrote no report")


def _build(folder: Path) -> Path | None:
    return next((folder / name for name in _FOLDERS if (folder / name / _MARK).is_file()), None)


def _where(task: Task) -> tuple[str, ...]:
    build = _build(task.folder)
    return ("--test-dir", str(build)) if build else ()


def _call(task: Task, tools: Tools) -> Call:
    return Call(("ctest" if task.environment.prefix else tools.which("ctest") or "ctest",), {})


def _quoted(name: str) -> str:
    return re.sub(r"([.\\+*?\[\]^$()|])", r"\\\1", name)


def _told(case: Case, how: str | None) -> Case:
    attempt = case.attempts[-1]
    verdict = _HOW.get((how or "").split(" ")[0].split("\t")[0], attempt.outcome)
    if how and how.startswith("Exception"):
        verdict = TestVerdict.CRASHED
    if attempt.outcome is TestVerdict.PASSED and attempt.output == "Disabled":
        verdict = TestVerdict.SKIPPED
    first = (attempt.output or "").strip().splitlines()
    said = attempt.message or how or (first[-1] if first and verdict is not TestVerdict.PASSED else None)
    told: TestAttempt = attempt.model_copy(update={"outcome": verdict, "message": said})
    return case.model_copy(update={"native": case.name, "attempts": (told,)})


CTEST = Ctest()
