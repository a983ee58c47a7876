"""`fanfold test` on more than one machine: the plan, what a part is, and the merge."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from pydantic import ValidationError

from fanfold.cli.parts_coverage import split_data, with_coverage
from fanfold.cli.products import STDOUT, write_whole
from fanfold.cli.streams import printable
from fanfold.engine.folder import FOLDER
from fanfold.engine.limits import LaneLimits
from fanfold.engine.runs import RECORD, new_run_id, read_run, write_run
from fanfold.engine.store import SqliteStore
from fanfold.engine.supervisor import Supervisor
from fanfold.errors import OutputError, TargetError, UsageError
from fanfold.models import Run
from fanfold.skills.parallel_test.job import Settings
from fanfold.skills.parallel_test.merged import PartRun, durations_of_merged, merge_parts, parts_of
from fanfold.skills.parallel_test.portions import DealtPlan, Part
from fanfold.skills.parallel_test.request import PartRecord
from fanfold.skills.parallel_test.run import Chosen
from fanfold.skills.parallel_test.settings import TestSettings
from fanfold.skills.parallel_test.work import list_suites
from fanfold.sources.text import counted
from fanfold.suites import TestRunResult

if TYPE_CHECKING:
    from fanfold.skills.parallel_test.deal import Listed

_SHARD = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")
_COUNT = re.compile(r"[0-9]{1,4}")
# A folder that holds a part's run: as fanfold keeps it, or as `--format json --output FOLDER/` leaves it.
_RECORDS = (RECORD, "report.json")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of several machines: to plan for `count` parts, to run `part`, or to merge the runs in `merge`.

    `coverage` asks for that of all parts, also when no part of them says that it was measured.
    """

    count: int | None = None
    part: PartRecord | None = None
    plan: DealtPlan | None = None
    merge: tuple[str, ...] | None = None
    coverage: bool = False


def asked(given: Mapping[str, Any]) -> Asked:
    """Read the options. Raises UsageError for those that don't go together, and TargetError for a plan that is none."""
    plan, shard = given["plan"], given["shard"]
    if given["merge"]:
        _refuse(given, "--merge", ("shard", "last_failed", "changed", "bisect", "dry_run"))
        return Asked(
            merge=given["suite_or_path"], coverage=given["coverage"], plan=read_plan(Path(plan)) if plan else None
        )
    if shard is not None:
        if plan is None:
            raise UsageError(f"--shard {shard}: --plan FILE is needed, which fanfold test --plan N > FILE makes")
        _refuse(given, "--shard", ("suite_or_path", "last_failed", "changed"))
        read = read_plan(Path(plan))
        return Asked(part=_part(shard, read), plan=read)
    if plan is None:
        return Asked()
    _refuse(given, "--plan N", ("dry_run", "format", "coverage", "bisect"))
    if not _COUNT.fullmatch(plan) or int(plan) < 1:
        raise UsageError(
            f"--plan {plan}: how many parts is expected, as --plan 4; a file goes with --shard i/N or --merge"
        )
    return Asked(count=int(plan))


def _refuse(given: Mapping[str, Any], what: str, names: Sequence[str]) -> None:
    for name in names:
        if given[name] not in (None, False, ()):
            shown = "a suite or path" if name == "suite_or_path" else "--" + name.replace("_", "-")
            raise UsageError(f"{what} and {shown} don't go together")


def _part(shard: str, plan: DealtPlan) -> PartRecord:
    match = _SHARD.fullmatch(shard)
    if not match:
        raise UsageError(f"--shard {shard}: a part and how many there are is expected, as --shard 2/4")
    index, count = int(match[1]), int(match[2])
    if count != len(plan.parts):
        raise UsageError(f"--shard {shard}: the plan has {counted(len(plan.parts), 'part')}")
    if not 1 <= index <= count:
        raise UsageError(f"--shard {shard}: parts are counted from 1 to {count}")
    return PartRecord(plan=plan.id, index=index, count=count)


def read_plan(file: Path) -> DealtPlan:
    """Read a plan. Raises TargetError."""
    try:
        return DealtPlan.model_validate_json(file.read_bytes())
    except OSError as error:
        raise TargetError(f"--plan {file}: can't be read: {error.strerror or error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise TargetError(f"--plan {file}: not a plan of fanfold test --plan N: {where}: {first['msg']}") from error


# -- the plan


def write_plan(chosen: Chosen, settings: Settings, count: int, output: str | None, *, quiet: bool) -> None:
    """Ask the suites what they are made of, deal that out, and write the plan; what could not be asked is said.

    Raises UsageError, NothingToDo and OutputError.
    """
    from fanfold.skills.parallel_test.deal import deal

    listed = asyncio.run(listed_tests(chosen, settings))
    text = deal(listed, count).model_dump_json(indent=1) + "\n"
    if output is None or Path(output) == STDOUT:
        click.echo(text, nl=False)
    else:
        try:
            write_whole(Path(output), text)
        except OSError as error:
            raise OutputError(f"--output {output}: {error.strerror or error}") from error
    if not quiet:
        for line in (*chosen.choice.notes, *_blind(listed)):
            click.echo(f"fanfold: {printable(line)}", err=True)


async def listed_tests(chosen: Chosen, settings: Settings) -> tuple[Listed, ...]:
    """Ask the chosen suites what they are made of; no test is run."""
    async with Supervisor(jobs=settings.workers, lanes=lanes(settings.workers)) as supervisor:
        return await list_suites(chosen.jobs(), settings, supervisor)


def _blind(listed: Sequence[Listed]) -> list[str]:
    return [f"{one.job.name} is one part's as a whole: {one.error.splitlines()[0]}" for one in listed if one.error]


def lanes(workers: int) -> dict[str, LaneLimits]:
    """Return the limits of what runs at once: processes, and those that a named resource ties together."""
    return {"process": LaneLimits(limit=workers, start=workers), "resource:*": LaneLimits(limit=1, start=1)}


def part_text(number: int, part: Part) -> str:
    """Return what a part runs, as lines: what `--shard i/N --dry-run` shows."""
    expected = "how long it takes is not known" if part.expected_s is None else f"expected {part.expected_s:.1f} s"
    lines = [f"part {number}: {counted(len(part.portions), 'suite')}; {expected} in one process", ""]
    for portion in part.portions:
        shards = [f"shard {shard.index} of {shard.count}" for shard in portion.shards]
        tests = [counted(len(portion.tests), "test")] if portion.tests else []
        items = [counted(len(portion.items), "item")] if portion.items else []
        lines.append(f"{'@'.join(portion.pair)}: {', '.join((*tests, *items, *shards)) or 'all of it'}")
    return printable("\n".join(lines)) + "\n"


# -- the merge


def merge(asked_for: Asked, root: Path, configured: TestSettings) -> tuple[Run, TestRunResult]:
    """Fold the runs of parts into one, with what they have measured; keep it, and what tests took for the next plan.

    Raises UsageError and TargetError.
    """
    data, given = split_data(asked_for.merge or ())
    records = {name: _record(Path(name)) for name in given}
    runs = [(name, read_run(records[name])) for name in given]
    parts, run, result = _merged(runs, asked_for.plan, root)
    if asked_for.coverage or any(one.run.request.get("coverage") for one in parts):
        run = with_coverage(run, result, parts, records=records, data=data, configured=configured)
    _keep(run, result, root / FOLDER)
    return run, result


def merge_read(
    runs: Sequence[tuple[str, Run]], plan: DealtPlan | None, root: Path, absent: Mapping[int, str] | None = None
) -> tuple[Run, TestRunResult]:
    """Fold runs of parts into one, as `merge` does; `absent` says why there is none of some. Raises UsageError."""
    _, run, result = _merged(runs, plan, root, absent)
    _keep(run, result, root / FOLDER)
    return run, result


def _merged(
    runs: Sequence[tuple[str, Run]], plan: DealtPlan | None, root: Path, absent: Mapping[int, str] | None = None
) -> tuple[tuple[PartRun, ...], Run, TestRunResult]:
    parts = parts_of(runs, plan)
    run = merge_parts(parts, new_run_id(), plan, absent)
    run = run.model_copy(update={"target": run.target.model_copy(update={"root": str(root)})})
    return parts, run, TestRunResult.model_validate(dict(run.result))


def _record(place: Path) -> Path:
    """Return the record that a file or folder means."""
    if not place.is_dir():
        return place
    found = [place / name for name in _RECORDS if (place / name).is_file()]
    if not found:
        raise TargetError(f"{place}: there is no {' or '.join(_RECORDS)} in it")
    return found[0]


def _keep(run: Run, result: TestRunResult, folder: Path) -> None:
    """Write the record; a disk that is full or read-only costs that, never the report."""
    try:
        # It is the latest run here, whenever its parts have begun.
        write_run(folder, run, started=time.time())
    except OSError as error:
        click.echo(f"fanfold: nothing is kept of this run: {error}", err=True)
        return
    asyncio.run(_note(folder, durations_of_merged(result)))


async def _note(folder: Path, durations: Mapping[str, Mapping[str, float]]) -> None:
    async with SqliteStore(folder) as store:
        for kind, seconds in durations.items():
            await store.note_durations(kind, seconds)
