"""Coverage of a run: the data of all its processes, or parts, combined by the project's own coverage.py."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fanfold.engine.process import run_process
from fanfold.errors import WorkerError
from fanfold.runners.interpreters import ask
from fanfold.runners.sight import of_tests
from fanfold.runners.tools import Tools
from fanfold.runners.unittest import CHILDREN
from fanfold.skills.parallel_test.job import SuiteRun
from fanfold.sources.text import counted
from fanfold.suites import FileCoverage

PARTS = "coverage-parts"
"""The folder, in that of the run, of the data of single processes."""

COMBINED = ".coverage"
NOTHING = "coverage: nothing was measured"
_SCRIPT = str(CHILDREN / "fanfold_coverage.py")
_NOBODY = "no Python of these suites has coverage.py; get it with: python -m pip install coverage"
_PREFIX = ".coverage"
_COMBINE_S = 600.0
_WHY = {
    "missing": "its Python has no coverage.py; get it with: {python} -m pip install coverage",
    "taken": "its own command measures already",
}


def data_file(folder: Path) -> Path:
    """Return what the data files of single processes are called, without what tells them apart."""
    return folder / PARTS / _PREFIX


@dataclass(frozen=True, slots=True)
class Combined:
    """What is said of a run's coverage, and the project's files that have least of it."""

    notes: tuple[str, ...]
    least: tuple[FileCoverage, ...] = ()


async def combined(folder: Path, runs: Iterable[SuiteRun], tools: Tools) -> Combined:
    """Combine what processes have left in `folder`/coverage-parts into `folder`/.coverage.

    Notes say where the file is, how much is covered, how to look at it, and which suites were not measured, and why.
    """
    runs = tuple(runs)
    notes = [line for run in runs if (line := _unmeasured(run)) is not None]
    measured = next((run for run in runs if run.python and not run.unmeasured), None)
    if not _files(folder) or measured is None:
        return Combined((*notes, NOTHING))
    parts = f"{counted(len(_files(folder)), 'data file')} in {folder / PARTS}"
    try:
        note, least = await _combine(folder, measured.python, tools.root / measured.job.suite.folder, tools)
        return Combined((*notes, note), least)
    except WorkerError as error:
        return Combined((*notes, _not_combined(parts, error)))


@dataclass(frozen=True, slots=True)
class Measured:
    """What one part of a run has measured, below `root` of its machine; without `data`, `why` there is none."""

    label: str
    data: Path | None = None
    why: str = ""
    root: str = ""


async def combined_parts(
    folder: Path, parts: Sequence[Measured], pythons: Iterable[tuple[tuple[str, ...], str]], tools: Tools
) -> Combined:
    """Combine what the parts of a run have measured into `folder`/.coverage; data files stay.

    `pythons` are the interpreters of the suites that are here, with the suites' folders: the first that has coverage.py
    does it. The notes name each part whose data is missing, and are as those of `combined`.
    """
    files: dict[str, Measured] = {}
    missing: list[str] = []
    for number, one in enumerate(parts):
        try:
            _copy(one, folder / PARTS / f"{_PREFIX}.{number}")
            files[f"{_PREFIX}.{number}"] = one
        except OSError as error:
            missing.append(_missing(one, one.why or f"{one.data}: {error.strerror or error}"))
    if not files:
        return Combined((*missing, NOTHING))
    found = await _with_coverage(pythons, tools)
    if found is None:
        return Combined((*missing, _not_combined(counted(len(files), "data file"), _NOBODY)))
    python, place = found
    others = dict.fromkeys(one.root for one in files.values() if one.root and one.root != str(tools.root))
    least: tuple[FileCoverage, ...] = ()
    try:
        note, least = await _combine(folder, python, tools.root / place, tools, others)
        missing += [_missing(files[path.name], f"{files[path.name].data} can't be read") for path in _files(folder)]
    except WorkerError as error:
        note = _not_combined(counted(len(files), "data file"), error)
    finally:
        shutil.rmtree(folder / PARTS, ignore_errors=True)
    return Combined((*missing, note), least)


def _copy(part: Measured, place: Path) -> None:
    """Copy a part's data, since coverage.py takes away what it has combined. Raises OSError, also without any."""
    if part.data is None:
        raise FileNotFoundError
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(part.data, place)


def _missing(part: Measured, why: str) -> str:
    return f"coverage of {part.label} is missing: {why}"


async def _with_coverage(pythons: Iterable[tuple[tuple[str, ...], str]], tools: Tools) -> tuple[str, str] | None:
    """Return the first interpreter that has coverage.py, and its suite's folder."""
    for argv, folder in dict.fromkeys(pythons):
        try:
            facts = await ask(argv, ("coverage",), folder=tools.root, environ=tools.environ)
        except (WorkerError, TimeoutError):
            continue
        if "coverage" in facts.modules:
            return facts.executable, folder
    return None


def _files(folder: Path) -> list[Path]:
    return sorted((folder / PARTS).glob(f"{_PREFIX}.*"))


def _not_combined(files: str, why: object) -> str:
    return f"coverage: {files} can't be combined: {why}"


async def _combine(
    folder: Path, python: str, place: Path, tools: Tools, others: Iterable[str] = ()
) -> tuple[str, tuple[FileCoverage, ...]]:
    """Combine with the settings that are found in `place`; `others` are what `tools.root` is elsewhere.

    Returns a note, and what is covered least. Raises WorkerError when they can't be combined; those that were by then
    are gone.
    """
    parts = _files(folder)
    variables = {**tools.environ, "COVERAGE_FILE": str(folder / COMBINED)}

    async def ask_it(*words: str) -> tuple[int, str]:
        try:
            done = await run_process((python, *words), cwd=place, timeout_s=_COMBINE_S, env=variables)
        except TimeoutError as error:
            raise WorkerError(str(error)) from error
        return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace").strip()

    code, said = await ask_it(_SCRIPT, str(folder / COMBINED), str(folder / PARTS), str(tools.root), *others)
    if code:
        raise WorkerError(said.splitlines()[-1] if said else f"exit code {code}")
    code, total = await ask_it("-m", "coverage", "report", "--format=total", "--fail-under=0")
    _, table = await ask_it("-m", "coverage", "report", "--sort=cover", "--fail-under=0")
    left = len(_files(folder))
    if not left:
        shutil.rmtree(folder / PARTS, ignore_errors=True)
    rows = rows_of(table)
    tests = (
        ", those of tests included, as the project's settings have it" if any(of_tests(r.path) for r in rows) else ""
    )
    covered = f"{total} % of the lines measured{tests}" if code == 0 and total.isdecimal() else "measured"
    shown = shlex.join(["env", f"COVERAGE_FILE={folder / COMBINED}", python, "-m", "coverage", "report"])
    where = f"{counted(len(parts) - left, 'data file')} combined in {folder / COMBINED}"
    return f"coverage: {covered}, {where}; see {shown}", least_of(rows)


_ROW = re.compile(r"^(\S.*?) +\d+ +\d+ .*?(\d+(?:\.\d+)?)%", re.MULTILINE)
_ROWS = 5


def rows_of(table: str) -> tuple[FileCoverage, ...]:
    """Return how much of each file is covered, of coverage.py's own report, in its order."""
    rows = (row for row in _ROW.finditer(table) if row[1] != "TOTAL")
    return tuple(FileCoverage(path=row[1], percent=float(row[2])) for row in rows)


def least_of(rows: Iterable[FileCoverage]) -> tuple[FileCoverage, ...]:
    """Return the first files that are none of tests and lack something."""
    return tuple(row for row in rows if row.percent < _WHOLE and not of_tests(row.path))[:_ROWS]


_WHOLE = 100.0


def _unmeasured(run: SuiteRun) -> str | None:
    """Return the note for a suite that was not measured."""
    if not run.python:
        return f"coverage of {run.job.name} is not measured: that is done for pytest, where its reporter reaches it"
    if run.unmeasured is None:
        return None
    return f"coverage of {run.job.name} is not measured: {_WHY[run.unmeasured].format(python=shlex.quote(run.python))}"
