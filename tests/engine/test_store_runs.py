"""The records of runs: written whole, listed, found, pruned."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanfold import Outcome, Status, Unit, Usage
from fanfold.engine.events import EventLog
from fanfold.engine.runs import (
    Pruned,
    RunEntry,
    find_run,
    kept_folder,
    list_runs,
    prune,
    read_run,
    run_folder,
    run_of,
    write_run,
)
from fanfold.engine.store import SqliteStore
from fanfold.errors import TargetError
from fanfold.models import Coverage, Run, TargetRecord, Timing, UnitRecord
from fanfold.testing.virtual_time import run_virtual

SECRET = b"s" * 32
DAY_S = 86_400.0


def run(run_id: str = "20260101-120000-ab", *keys: str, **fields: Any) -> Run:
    units = tuple(UnitRecord(key=key, label=f"unit {key}", kind="k", status=Status.OK) for key in keys)
    return Run(
        **{
            "id": run_id,
            "skill": "code-review",
            "status": "complete",
            "request": {"aspects": ["security"]},
            "target": TargetRecord(root="/repository", description="the last commit"),
            "backend": "api",
            "coverage": Coverage(planned=len(units), ok=len(units)),
            "units": units,
            "usage": Usage(cost_usd=0.25),
            "timing": Timing(wall_s=10.0),
            **fields,
        }
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / ".fanfold"


def unfinished(folder: Path, run_id: str, *keys: str) -> Path:
    """Leave what a killed run leaves; returns its folder."""
    place = folder / "runs" / run_id
    place.mkdir(parents=True)
    with EventLog(place / "events.jsonl") as log:
        for key in keys:
            log.emit("unit.planned", key, label=key)
    return place


def fill(folder: Path, created: float, *keys: str) -> None:
    """Put outcomes into the store as if it were then."""

    async def main() -> None:
        async with SqliteStore(folder, secret=SECRET, now=lambda: created) as store:
            for key in keys:
                unit = Unit(key=key, label=key, payload=None, returns=str)
                await store.put(unit, Outcome(key, key, "k", Status.OK, key, started_s=0.0, ended_s=1.0))

    run_virtual(main())


def stored(folder: Path) -> set[str]:
    with closing(sqlite3.connect(folder / "store.db")) as connection:
        return {key for (key,) in connection.execute("SELECT key FROM outcomes")}


def test_a_run_is_read_as_it_was_written(folder):
    """run.json gives the run back, from its path and from its folder; nothing else is left beside it."""
    path = write_run(folder, run("r1", "a", "b"))
    assert path == folder / "runs" / "r1" / "run.json"
    assert read_run(path) == read_run(path.parent) == run("r1", "a", "b")
    assert [entry.name for entry in path.parent.iterdir()] == ["run.json"]
    assert json.loads(path.read_text())["format"] == 1


@settings(max_examples=20)
@given(st.text(st.characters()), st.floats())
def test_any_text_can_be_recorded(tmp_path_factory, text, number):
    """File names that are no UTF-8 and numbers that are not finite make no record unreadable."""
    path = write_run(
        tmp_path_factory.mktemp("run"),
        run(request={"text": text}, result={"number": number}, target=TargetRecord(root=text, description=text)),
    )
    back = read_run(path)
    assert back.target.root == back.request["text"] == text
    assert back.result["number"] in (number, None)


def test_writing_again_replaces_the_whole(folder):
    """A second record of the same run stands in the place of the first."""
    write_run(folder, run("r1"))
    write_run(folder, run("r1", status="partial"))
    assert read_run(folder / "runs" / "r1").status == "partial"


def test_a_reader_never_sees_half_a_record(folder):
    """Who has the old record open reads all of it while the new one takes its place."""
    path = write_run(folder, run("r1"))
    old = path.read_text()
    with path.open() as reader:
        write_run(folder, run("r1", status="partial"))
        assert reader.read() == old


def test_a_failed_write_leaves_the_old_record(folder, monkeypatch):
    """A record is there whole or not at all: when the disk fills up the one before stays, and nothing half written."""
    write_run(folder, run("r1"))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_run(folder, run("r1", status="partial"))
    assert read_run(folder / "runs" / "r1").status == "complete"
    assert [entry.name for entry in (folder / "runs" / "r1").iterdir()] == ["run.json"]


@pytest.mark.parametrize("run_id", ["", ".", "..", "../x", "a/b", ".hidden", "a\0b", "a b", "-rf"])
def test_an_id_cannot_lead_elsewhere(folder, run_id):
    """An id that is no plain name writes nothing."""
    with pytest.raises(ValueError, match="not the id of a run"):
        write_run(folder, run(run_id))
    assert not folder.exists()


@pytest.mark.parametrize("link", [".fanfold", "runs", "runs/r1"])
def test_a_record_is_not_written_through_a_link(tmp_path, folder, link):
    """A repository that ships a symbolic link in the place of a folder gets no file written behind it."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    place = folder if link == ".fanfold" else folder / link
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(elsewhere)
    for write in (lambda: write_run(folder, run("r1")), lambda: run_folder(folder, "r1")):
        with pytest.raises(OSError, match="is a symbolic link"):
            write()
    assert list(elsewhere.iterdir()) == []
    assert list_runs(folder) == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not a run"),
        ("[]", "not a run"),
        ("{}", "not a run: id: Field required"),
        ("[" * 100_000, "not a run"),
        ('{"format": 2}', "has format 2, and this fanfold knows up to 1: use a newer one"),
        ('{"format": "1"}', "not a run: "),
        ("\udcff", "not a run"),
    ],
)
def test_what_is_no_run_is_named(tmp_path, text, reason):
    """A file that is no run is refused with its path and the reason, never with a traceback."""
    path = tmp_path / "run.json"
    path.write_text(text, errors="surrogateescape")
    with pytest.raises(TargetError, match=r"run\.json: ") as raised:
        read_run(path)
    assert reason in str(raised.value)


def test_a_run_that_is_not_there_is_named(tmp_path):
    """Reading a folder without a record says so."""
    with pytest.raises(TargetError, match=r"run\.json: can't be read: No such file"):
        read_run(tmp_path)


def test_runs_are_listed_newest_first(folder):
    """The list has finished runs with their figures, killed ones as unfinished, and broken ones as unreadable."""
    write_run(folder, run("old"), started=1000.0)
    write_run(folder, run("new", skill="parallel-test", status="partial", usage=Usage(cost_usd=None)), started=2000.0)
    os.utime(unfinished(folder, "killed"), (1500.0, 1500.0))
    broken = folder / "runs" / "broken"
    broken.mkdir()
    (broken / "run.json").write_text("{")
    os.utime(broken / "run.json", (500.0, 500.0))
    (folder / "runs" / "a file").write_text("")
    assert list_runs(folder) == (
        RunEntry("new", "parallel-test", "partial", 2000.0, 10.0, None),
        RunEntry("killed", None, "unfinished", 1500.0, None, None),
        RunEntry("old", "code-review", "complete", 1000.0, 10.0, 0.25),
        RunEntry("broken", None, "unreadable", 500.0, None, None),
    )


def test_a_list_needs_no_store(folder):
    """Without the store's index, or with a damaged one, the records themselves are read."""
    write_run(folder, run("r1"), started=1000.0)
    os.utime(folder / "runs" / "r1" / "run.json", (1010.0, 1010.0))
    expected = (RunEntry("r1", "code-review", "complete", 1000.0, 10.0, 0.25),)
    assert list_runs(folder) == expected
    (folder / "store.db").write_bytes(b"garbage" * 100)
    assert list_runs(folder) == expected
    (folder / "store.db").unlink()
    assert list_runs(folder) == expected
    assert not (folder / "store.db").exists()


def test_the_index_speaks_of_no_run_that_is_gone(folder):
    """A run whose folder somebody has removed is not listed; one without its record is unfinished."""
    for run_id in ("r1", "r2"):
        write_run(folder, run(run_id), started=1000.0)
    (folder / "runs" / "r1" / "run.json").unlink()
    (folder / "runs" / "r1").rmdir()
    (folder / "runs" / "r2" / "run.json").unlink()
    assert [(entry.id, entry.status) for entry in list_runs(folder)] == [("r2", "unfinished")]


def test_an_index_of_somebody_else_is_taken_for_what_it_is(folder):
    """Rows of wrong types in the index, which anybody could have made, are left out and the record is read."""
    write_run(folder, run("r1"), started=1000.0)
    with closing(sqlite3.connect(folder / "store.db")) as other, other:
        other.execute("UPDATE runs SET started = 'now'")
    (entry,) = list_runs(folder)
    assert entry.skill == "code-review"


def test_no_runs(folder):
    """A repository without runs has an empty list, and looking leaves nothing behind."""
    assert list_runs(folder) == ()
    assert prune(folder) == Pruned((), 0)
    assert not folder.exists()


def test_a_run_is_found_by_what_begins_its_id(folder):
    """A whole id, a beginning that only one has, or `latest` name a run."""
    for number, run_id in enumerate(("20260101-1", "20260101-12", "20260202-1")):
        write_run(folder, run(run_id), started=float(number))
    names = {"20260101-1": "20260101-1", "20260101-12": "20260101-12", "202602": "20260202-1", "latest": "20260202-1"}
    assert {name: find_run(folder, name).name for name in names} == names


@pytest.mark.parametrize(
    ("name", "reason"),
    [("2026", "2 runs begin with '2026'"), ("x", "no run 'x'"), ("", "no run ''"), ("../..", "no run '../..'")],
)
def test_a_run_that_is_not_there_is_not_found(folder, name, reason):
    """What names no run, or several, is an error that says which; a path leads nowhere."""
    for run_id in ("20260101", "20260202"):
        write_run(folder, run(run_id))
    with pytest.raises(TargetError, match="run") as raised:
        find_run(folder, name)
    assert reason in str(raised.value)


def test_pruning_keeps_the_newest(folder):
    """The newest runs stay, others go with the outcomes that no run that stays has used."""
    fill(folder, 1000.0, "old only", "shared")
    write_run(folder, run("old", "old only", "shared"), started=1000.0)
    fill(folder, 2000.0, "new only")
    write_run(folder, run("new", "new only", "shared"), started=2000.0)
    assert prune(folder, keep=1, now=3000.0) == Pruned(("old",), 1)
    assert [entry.id for entry in list_runs(folder)] == ["new"]
    assert stored(folder) == {"new only", "shared"}
    assert not (folder / "runs" / "old").exists()


def test_pruning_by_age(folder):
    """What is older than so many seconds goes; what is younger stays, however much it is."""
    for day in range(5):
        fill(folder, day * DAY_S, f"k{day}")
        write_run(folder, run(f"r{day}", f"k{day}"), started=day * DAY_S)
    assert prune(folder, older_than_s=2.5 * DAY_S, now=5 * DAY_S) == Pruned(("r2", "r1", "r0"), 3)
    assert stored(folder) == {"k3", "k4"}


def test_pruning_by_age_and_number(folder):
    """With both, a run must be old and beyond the newest to go."""
    for day in range(5):
        write_run(folder, run(f"r{day}"), started=day * DAY_S)
    assert prune(folder, keep=4, older_than_s=2.5 * DAY_S, now=5 * DAY_S).runs == ("r0",)


def test_pruning_keeps_what_an_unfinished_run_needs(folder):
    """A killed run that stays keeps its outcomes, new and reused, so that it can be resumed."""
    fill(folder, 1000.0, "reused", "of nobody")
    write_run(folder, run("old", "reused"), started=1000.0)
    os.utime(unfinished(folder, "killed", "reused", "just made"), (2000.0, 2000.0))
    fill(folder, 2001.0, "just made")
    assert prune(folder, keep=1, now=3000.0) == Pruned(("old",), 1)
    assert stored(folder) == {"reused", "just made"}


def test_pruning_leaves_a_run_that_is_under_way(folder):
    """A run without a record that wrote an event within the hour stays, with its outcomes; later it goes."""
    place = unfinished(folder, "alive", "k")
    fill(folder, 900.0, "k")
    os.utime(place / "events.jsonl", (2000.0, 2000.0))
    os.utime(place, (1000.0, 1000.0))
    assert prune(folder, now=5000.0) == Pruned((), 0)
    assert prune(folder, now=6000.0) == Pruned(("alive",), 1)


def test_pruning_removes_old_damaged_stores_and_shrinks_the_file(folder):
    """Files that were set aside long ago go, newer ones stay, and the store gives back what it does not need."""
    fill(folder, 1000.0, *(f"{n}" * 500 for n in range(500)))
    size = (folder / "store.db").stat().st_size
    for number, moment in ((1, 1000.0), (2, 4000.0)):
        aside = folder / f"store.db.damaged-{number}"
        aside.write_bytes(b"x")
        os.utime(aside, (moment, moment))
    assert prune(folder, older_than_s=1000.0, now=4000.0).outcomes == 500
    assert (folder / "store.db").stat().st_size < size / 4
    assert [path.name for path in folder.glob("*damaged*")] == ["store.db.damaged-2"]


def test_pruning_follows_no_link(tmp_path, folder):
    """A link among the runs, or in a run, is not followed: what it leads to stays."""
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("x")
    write_run(folder, run("r1"), started=1000.0)
    (folder / "runs" / "r1" / "link").symlink_to(precious)
    (folder / "runs" / "r0").symlink_to(precious)
    assert prune(folder, now=2000.0).runs == ("r1",)
    assert (precious / "file").read_text() == "x"
    assert (folder / "runs" / "r0").is_symlink()


def test_pruning_works_without_a_store(folder):
    """A damaged store is left for the next run to set aside; the runs are pruned all the same."""
    write_run(folder, run("r1"), started=1000.0)
    (folder / "store.db").write_bytes(b"garbage" * 100)
    assert prune(folder, now=1e11) == Pruned(("r1",), 0)
    assert (folder / "store.db").read_bytes() == b"garbage" * 100


def outcome(label: str, status: Status = Status.OK, **fields: Any) -> Outcome[Any]:
    return Outcome(key=label, label=label, kind="call", status=status, attempts=1, **fields)


def test_outcomes_fold_into_a_run() -> None:
    """Values by label, coverage, usage and time; what failed is missing, what was reused took no time."""
    made = run_of(
        "line-count",
        [
            outcome("a", value=3, started_s=1.0, ended_s=3.0, usage=Usage(cost_usd=0.5, requests=1)),
            outcome("b", Status.FAILED, error="no such file", started_s=0.0, ended_s=4.0),
            outcome("c", value=(1, 2), reused=True, ended_s=0.5),
        ],
    )
    assert made.result == {"a": 3, "c": [1, 2]}
    assert (made.status, made.coverage.planned, made.coverage.ok, made.coverage.reused) == ("partial", 3, 2, 1)
    assert made.coverage.missing == ("b — no such file",)
    assert (made.usage.cost_usd, made.usage.requests) == (0.5, 1)
    assert made.timing == Timing(wall_s=4.0, worker_s=6.0, speedup=1.5, critical_path_s=4.0)
    assert Run.model_validate_json(made.model_dump_json()) == made


def test_a_run_of_nothing_and_one_of_failures() -> None:
    """Neither looks like work that was done."""
    nothing = run_of("x", [], run_id="r1", result={"said": 1}, root="/r", description="d")
    assert (nothing.id, nothing.status, nothing.timing.speedup) == ("r1", "complete", None)
    assert (nothing.result, nothing.target) == ({"said": 1}, TargetRecord(root="/r", description="d"))
    assert run_of("x", [outcome("a", Status.FAILED)]).status == "failed"
    with pytest.raises(TypeError):
        run_of("x", [outcome("a", value=object())])


def test_a_run_of_ones_own_is_kept_and_found(folder: Path) -> None:
    """Its id sorts by time, and its folder is that of its name; no other name has one."""
    made = run_of("line-count", [outcome("a", value=1)])
    write_run(folder, made)
    assert read_run(find_run(folder, "latest")) == made
    assert kept_folder(folder, made.id) == folder / "runs" / made.id
    assert kept_folder(folder, "../runs") is None
    assert kept_folder(folder, "none") is None
    (folder / "runs" / "linked").symlink_to(folder / "runs" / made.id)
    assert kept_folder(folder, "linked") is None
