"""What runners share: the words of a command, the calls of Python and node, result files that are this run's."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from fanfold.runners.base import Collected, Command, Ended, Item, Reading, Task
from fanfold.runners.results.place import Place, plain
from fanfold.runners.sight import join, relative_to
from fanfold.runners.tools import Tools
from fanfold.suites import BAD, Case, Suite, TestAttempt, TestVerdict

RESULT_LIMIT = 256 * 2**20
"""Bytes. A result file that is larger is not read."""

_SAID_LINES = 3
# Where build tools come to the point, behind what they say of themselves.
_ERROR = re.compile(r"\[ERROR\] |\* What went wrong:|error(?:\[\w+\])?: |e: ", re.IGNORECASE)
_SAID = 500  # characters of what a program said, in a message of one line
_CLOCK_S = 0.1  # how far a file system's clock lags behind the process's


@dataclass(frozen=True, slots=True)
class Call:
    """How a program is called, and the variables that it needs for that."""

    argv: tuple[str, ...]
    variables: Mapping[str, str]


def python_call(task: Task, tools: Tools) -> Call:
    """Return the call of the project's Python; behind a prefix, of whatever `python` is there.

    The project's own environment is then first on PATH, so that a prefix which stays on this machine finds it.
    """
    found = tools.python(task.suite.folder)
    if not task.environment.prefix:
        return Call(found.argv, dict(found.variables))
    path = os.pathsep.join(part for part in (found.folder, tools.environ.get("PATH", "")) if part)
    return Call(("python",), {"PATH": path} if found.folder else {})


def node_call(task: Task, tools: Tools, name: str) -> Call:
    """Return the call of a node package's program; behind a prefix, by way of the package manager."""
    tool = tools.node(task.suite.folder, name)
    return Call(tool.portable if task.environment.prefix else tool.argv, {})


def command_of(
    task: Task,
    call: Call,
    *words: str,
    variables: Mapping[str, str] | None = None,
    results: Iterable[Path | str] = (),
    last: tuple[str, ...] = (),
    own: tuple[str, ...] = (),
) -> Command:
    """Return the command: prefix, program (or the suite's own command), words, the suite's arguments, `last`.

    `own` are those of the words that only reading its results needs. Variables of the suite win over the runner's, and
    those of the environment over the suite's.
    """
    suite = task.suite
    program = filled(suite.command, task) or call.argv
    added = {**call.variables, **(variables or {}), **suite.variables, **task.environment.variables}
    found = [str(path) for path in results] + [str(task.folder / _filled(pattern, task)) for pattern in suite.results]
    return Command(
        argv=(*prefix_of(task), *program, *words, *suite.arguments, *last),
        folder=task.folder,
        variables={name: _filled(value, task) for name, value in added.items()},
        results=tuple(found),
        own=own,
    )


def prefix_of(task: Task) -> tuple[str, ...]:
    """Return the environment's prefix, with the places in it filled in."""
    return filled(task.environment.prefix, task)


def filled(words: Iterable[str], task: Task) -> tuple[str, ...]:
    """Fill in `{root}`, `{folder}`, `{scratch}` (absolute), `{index}` and `{count}`; other braces stay."""
    return tuple(_filled(word, task) for word in words)


def _filled(word: str, task: Task) -> str:
    places = {
        "root": task.root,
        "folder": task.folder,
        "scratch": task.scratch,
        "index": task.index,
        "count": task.count,
    }
    for name, value in places.items():
        word = word.replace(f"{{{name}}}", str(value))
    return word


def place_of(task: Task) -> Place:
    """Return what names in results are relative to."""
    return Place(task.root, task.suite.folder)


def result_files(ended: Ended) -> Iterator[tuple[Path, bytes | None]]:
    """Yield the result files that this process wrote, in order of their names; None for one that is too large."""
    for name in sorted({name for pattern in ended.command.results for name in glob.glob(pattern, recursive=True)}):  # noqa: PTH207  patterns are absolute
        path = Path(name)
        try:
            about = path.stat()
            if path.is_file() and about.st_mtime >= ended.since - _CLOCK_S:
                yield path, path.read_bytes() if about.st_size <= RESULT_LIMIT else None
        except OSError:
            continue


def read_files(task: Task, ended: Ended, read: Callable[[bytes, Place], Reading]) -> Reading:
    """Read all result files as one; what each has to say of itself is said with its name."""
    cases: list[Case] = []
    notes: list[str] = []
    error: str | None = None
    for path, data in result_files(ended):
        reading = read(data, place_of(task)) if data is not None else Reading(notes=("it is too large to be read",))
        cases += reading.cases
        notes += [f"{path.name}: {note}" for note in reading.notes]
        error = error or reading.error
    return Reading(tuple(cases), error, tuple(notes))


def explained(reading: Reading, ended: Ended, missing: str, fine: Iterable[int] = (0,)) -> Reading:
    """Return a reading that hides no failure: why there is nothing in it, and what failed beside the tests.

    A program that ends with another exit code than one of `fine`, and reports no test that failed, has failed for a
    reason of its own (a coverage threshold, an error outside of any test): that is a case too. Who was ended by a
    signal is left to the one who watched it.
    """
    if reading.error:
        return reading
    if not reading.cases:
        why = f"{missing} (exit code {ended.returncode}){_said(ended)}" if ended.returncode not in fine else None
        return Reading((), why or (f"{missing}: its report can't be read" if reading.notes else None), reading.notes)
    if ended.returncode <= 0 or ended.returncode in fine or any(case.verdict in BAD for case in reading.cases):
        return reading
    says = f"no test failed, and the exit code is {ended.returncode}{_said(ended)}"
    itself = Case(name="(the run itself)", attempts=(TestAttempt(outcome=TestVerdict.ERROR, message=says),))
    return Reading((*reading.cases, itself), None, reading.notes)


def _said(ended: Ended) -> str:
    """Return the first lines of what was said, from where an error is, on one line behind a colon."""
    said = plain((ended.stderr + b"\n" + ended.stdout).decode("utf-8", "replace"))
    every = [line.strip() for line in said.splitlines() if line.strip()]
    begin = next((at for at, line in enumerate(every) if _ERROR.match(line)), 0)
    lines = every[begin : begin + _SAID_LINES]
    return f": {' / '.join(lines)[:_SAID]}" if lines else ""


def asked(reading: Reading, task: Task) -> Reading:
    """Return what is said of the tests that were asked for: others are reported as skipped, since they were left out.

    What failed and is no test that can be asked for (a file that does not load) stays.
    """
    if not task.tests:
        return reading
    cases = tuple(c for c in reading.cases if c.native in task.tests or (not c.native and c.verdict in BAD))
    return Reading(cases, reading.error, reading.notes)


def split_natives(task: Task) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the files, seen from the suite's folder, and the names of the tests asked for as `file::name`."""
    parts = [native.partition("::") for native in task.tests]
    files = dict.fromkeys(relative_to(path, task.suite.folder) for path, _, _ in parts if path)
    return tuple(files), tuple(dict.fromkeys(name for _, _, name in parts))


def files_of(task: Task, named: tuple[str, ...]) -> tuple[str, ...]:
    """Return the files to run, seen from the suite's folder: those of its tests, else its items; () for all."""
    return named or tuple(relative_to(item, task.suite.folder) for item in task.items)


class Plain:
    """A runner's parts that most do without: nothing is collected, single tests can't be run."""

    runs_single_tests: bool = False

    def items(self, suite: Suite) -> tuple[Item, ...]:  # noqa: ARG002  the protocol's
        return ()

    def most_shards(self, suite: Suite, tools: Tools) -> int | None:  # noqa: ARG002  the protocol's
        return None

    def collecting(self, task: Task, tools: Tools) -> Command | None:  # noqa: ARG002  the protocol's
        return None

    def collected(self, task: Task, ended: Ended) -> Collected:  # noqa: ARG002  the protocol's
        return Collected()

    def unbuilt(self, reading: Reading) -> str | None:  # noqa: ARG002  the protocol's
        return None


class FileItems(Plain):
    """A runner whose items are the test files that discovery has seen; their names are relative to the root."""

    def items(self, suite: Suite) -> tuple[Item, ...]:
        return tuple(Item(join(suite.folder, path)) for path in suite.files)
