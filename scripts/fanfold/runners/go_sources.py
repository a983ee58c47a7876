"""The tests of a Go package from its sources: which of them a process that ended in the middle had not got to."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from fanfold.runners.base import Task
from fanfold.runners.results.attempts import NOT_REACHED
from fanfold.suites import Case, TestAttempt, TestVerdict

_TEST = re.compile(r"^func ((?:Test|Fuzz)(?:[^a-z\W]\w*)?)\(\w+ \*testing\.[TF]\)", re.MULTILINE)
_EXAMPLE = re.compile(r"^func (Example\w*)\(\) \{(.*?)^\}", re.MULTILINE | re.DOTALL)
_OUTPUT = re.compile(r"^\s*// (?:unordered )?output:", re.MULTILINE | re.IGNORECASE)
# Whether these are built depends on the machine: what is in them may not be there at all.
_CONSTRAINT = re.compile(r"^//(?:go:build| \+build) ", re.MULTILINE)
_SYSTEM = re.compile(
    r"_(?:aix|android|darwin|dragonfly|freebsd|illumos|ios|js|linux|netbsd|openbsd|plan9|solaris|wasip1|windows|386|amd64|arm|arm64|loong64|mips\w*|ppc64\w*|riscv64|s390x|wasm)_test\.go$"
)
_ENDS_EARLY = frozenset({TestVerdict.CRASHED, TestVerdict.TIMED_OUT})


def not_reached(task: Task, cases: Iterable[Case]) -> tuple[Case, ...]:
    """Return the tests of which nothing was told in packages where one took the process along, as not run.

    Of a file that is built on some machines alone nothing is said, and neither where tests were chosen.
    """
    if task.tests or any(word.lstrip("-").startswith(("run", "skip", "test.run")) for word in task.suite.arguments):
        return ()
    told: dict[tuple[str, str], set[str]] = defaultdict(set)
    for case in cases:
        package, colons, name = case.native.partition("::")
        if colons:
            told[package, case.file].add(name.partition("/")[0])
    ended = {case.native.partition("::")[0] for case in cases if _took_along(case)}
    return tuple(
        Case(file=file, name=name, native=f"{package}::{name}", attempts=(_NOT_RUN,))
        for (package, file), names in told.items()
        if package in ended
        for name in _tests_in(task.root / file)
        if name not in names
    )


_NOT_RUN = TestAttempt(outcome=TestVerdict.NOT_RUN, message=NOT_REACHED)


def _took_along(case: Case) -> bool:
    """Tell whether a test ended its process: a panic does, though Go says that the test has failed."""
    return any(one.outcome in _ENDS_EARLY or (one.message or "").startswith("panic: ") for one in case.attempts)


def _tests_in(folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob("*_test.go")):
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if _CONSTRAINT.search(text) or _SYSTEM.search(path.name):
            continue
        yield from _TEST.findall(text)
        yield from (name for name, body in _EXAMPLE.findall(text) if _OUTPUT.search(body))
