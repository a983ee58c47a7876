"""`fanfold test --coverage` on more than one machine: a part's data goes with its record, and the merge combines it."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from fanfold.engine.folder import FOLDER
from fanfold.engine.runs import RECORD, run_folder
from fanfold.errors import OutputError
from fanfold.models import Run
from fanfold.runners.tools import Tools
from fanfold.skills.parallel_test.measured import COMBINED, NOTHING, Combined, Measured, combined_parts
from fanfold.skills.parallel_test.merged import PartRun
from fanfold.skills.parallel_test.settings import TestSettings
from fanfold.suites import TestRunResult

# What the name of a part's data ends with, beside its record. Uploads leave out what begins with a dot.
_DATA = ".coverage"
# Notes that are about all data of a run, and none when it is one part's.
_OF_ALL = "coverage: "
_NO_RUN = "no run of it was given"


def leave_coverage(run: Run, record: Path) -> None:
    """Put what a part has measured beside its record, for `--merge` to find; remove an earlier run's.

    Raises OutputError.
    """
    place = _beside(record)
    try:
        data = run_folder(Path(run.target.root) / FOLDER, run.id) / COMBINED
        if data.is_file():
            shutil.copyfile(data, place)
        else:
            place.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{place}: {error.strerror or error}") from error


def _beside(record: Path) -> Path:
    """Return where a record's data lies: `part.1.coverage`, for `part.1` as for `part.1.json`."""
    return record.with_name((record.stem if record.suffix == ".json" else record.name) + _DATA)


def split_data(arguments: Iterable[str]) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Split the arguments of `--merge` into files of data, which `out/*` has beside the records, and the rest."""
    names = tuple(arguments)
    data = tuple(Path(name) for name in names if Path(name).suffix == _DATA and Path(name).is_file())
    return data, tuple(name for name in names if Path(name) not in data)


def with_coverage(
    run: Run,
    result: TestRunResult,
    parts: Sequence[PartRun],
    *,
    records: Mapping[str, Path],
    data: Iterable[Path],
    configured: TestSettings,
) -> Run:
    """Return a merged run with notes on its coverage; what its parts have measured is then one file in its folder.

    `records` are the files of `parts` by what was given, `data` the files of data that were given as well. A disk that
    is full or read-only costs the coverage, never the report.
    """
    found = {name: _data_of(record) for name, record in records.items()}
    used = {place.resolve() for place in found.values() if place is not None}
    spare = (Measured(str(place), why=_NO_RUN) for place in data if place.resolve() not in used)
    root = Path(run.target.root)
    tools = Tools.of(root, os.environ)
    pythons = list(_pythons(result, configured, tools))
    try:
        folder = run_folder(root / FOLDER, run.id)
        done = asyncio.run(combined_parts(folder, [*_measured(parts, found), *spare], pythons, tools))
    except OSError as error:
        done = Combined((f"{_OF_ALL}the parts' data can't be combined: {error.strerror or error}",))
    kept = (note for note in run.notes if not note.startswith(_OF_ALL))
    least = [one.model_dump(mode="json") for one in done.least]
    return run.model_copy(update={"notes": (*kept, *done.notes), "result": {**run.result, "least_covered": least}})


def _data_of(record: Path) -> Path | None:
    """Return the data that goes with a record: beside it, or where fanfold keeps a run."""
    kept = [record.parent / COMBINED] if record.name == RECORD else []
    return next((place for place in (_beside(record), *kept) if place.is_file()), None)


def _measured(parts: Sequence[PartRun], data: Mapping[str, Path | None]) -> Iterator[Measured]:
    there = {one.part.index: one for one in parts}
    count = parts[0].part.count
    for number in range(1, count + 1):
        one = there.get(number)
        if one is None:
            yield Measured(f"part {number} of {count}", why=_NO_RUN)
        else:
            yield Measured(one.label, data[one.source], _why_none(one), one.run.target.root)


def _why_none(part: PartRun) -> str:
    if not part.run.request.get("coverage"):
        return "it was run without --coverage"
    if NOTHING in part.run.notes:
        return "nothing of it was measured"
    return f"its data is not beside {part.source}"


def _pythons(result: TestRunResult, configured: TestSettings, tools: Tools) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the interpreters of pytest's suites here, with the suites' folders."""
    for suite in result.suites:
        if suite.framework == "pytest":
            command = configured.suites.get(suite.name, {}).get("command")
            yield from ((tuple(command[:1]), suite.folder),) if command else ()
            yield tools.python(suite.folder).argv, suite.folder
