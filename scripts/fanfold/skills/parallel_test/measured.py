"""Coverage of a run: the data of all its processes combined into one file, by the project's own coverage.py."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterable
from pathlib import Path

from fanfold.engine.process import run_process
from fanfold.errors import WorkerError
from fanfold.runners.tools import Tools
from fanfold.skills.parallel_test.job import SuiteRun
from fanfold.sources.text import counted

PARTS = "coverage-parts"
"""The folder, in that of the run, of the data of single processes."""

COMBINED = ".coverage"
_PREFIX = ".coverage"
_COMBINE_S = 600.0
_WHY = {
    "missing": "its Python has no coverage.py; get it with: {python} -m pip install coverage",
    "taken": "its own command measures already",
}


def data_file(folder: Path) -> Path:
    """Return what the data files of single processes are called, without what tells them apart."""
    return folder / PARTS / _PREFIX


async def combined(folder: Path, runs: Iterable[SuiteRun], tools: Tools) -> tuple[str, ...]:
    """Combine what processes have left in `folder`/coverage-parts into `folder`/.coverage, and return notes.

    They say where the file is, how much is covered, how to look at it, and which suites were not measured, and why.
    """
    runs = tuple(runs)
    notes = [line for run in runs if (line := _unmeasured(run)) is not None]
    parts = sorted((folder / PARTS).glob(f"{_PREFIX}.*"))
    measured = next((run for run in runs if run.python and not run.unmeasured), None)
    if not parts or measured is None:
        return (*notes, "coverage: nothing was measured")
    python = measured.python
    place = tools.root / measured.job.suite.folder
    variables = {**tools.environ, "COVERAGE_FILE": str(folder / COMBINED)}

    async def ask(*words: str) -> tuple[int, str]:
        argv = (python, "-m", "coverage", *words)
        done = await run_process(argv, cwd=place, timeout_s=_COMBINE_S, env=variables)
        return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace").strip()

    try:
        code, said = await ask("combine", str(folder / PARTS))
        if code:
            why = said.splitlines()[-1] if said else f"exit code {code}"
            return (
                *notes,
                f"coverage: {counted(len(parts), 'data file')} in {folder / PARTS} can't be combined: {why}",
            )
        code, total = await ask("report", "--format=total", "--fail-under=0")
    except (WorkerError, TimeoutError) as error:
        return (*notes, f"coverage: the data in {folder / PARTS} can't be combined: {error}")
    shutil.rmtree(folder / PARTS, ignore_errors=True)
    covered = f"{total} % of the lines measured" if code == 0 and total.isdecimal() else "measured"
    shown = shlex.join(["env", f"COVERAGE_FILE={folder / COMBINED}", python, "-m", "coverage", "report"])
    where = f"{counted(len(parts), 'data file')} combined in {folder / COMBINED}"
    return (*notes, f"coverage: {covered}, {where}; see {shown}")


def _unmeasured(run: SuiteRun) -> str | None:
    """Return the note for a suite that was not measured."""
    if not run.python:
        return f"coverage of {run.job.name} is not measured: that is done for pytest, where its reporter reaches it"
    if run.unmeasured is None:
        return None
    return f"coverage of {run.job.name} is not measured: {_WHY[run.unmeasured].format(python=shlex.quote(run.python))}"
