"""One store, several processes at once."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from fanfold import Unit
from fanfold.engine.database import APPLICATION_ID, FORMAT, MIGRATIONS
from fanfold.engine.store import SqliteStore
from fanfold.testing.virtual_time import run_virtual

SCRIPTS = Path(__file__).parents[2] / "scripts"
SECRET = "s" * 32

# Waits for a line on stdin so that all begin together, then gets and puts its keys, in groups and one by one.
RUN = f"""
import asyncio, json, sys
sys.path.insert(0, {str(SCRIPTS)!r})
from pathlib import Path
from fanfold import Outcome, Status, Unit
from fanfold.engine import desk, rows
from fanfold.engine.store import SqliteStore

def unit(n):
    return Unit(key=str(n), label="u", payload=None, returns=str)

async def main(folder, who, first, last):
    async with SqliteStore(Path(folder), secret=b"{SECRET}") as store:
        async def one(n):
            found = await store.get(unit(n))
            if found is None:
                await store.put(unit(n), Outcome(str(n), "u", "call", Status.OK, who))
                found = await store.get(unit(n))
            return found.value
        whose = [await one(n) for n in range(first, first + 20)]
        whose += await asyncio.gather(*(one(n) for n in range(first + 20, last)))
        return [whose, store.problems]

print("ready", flush=True)
sys.stdin.readline()
print(json.dumps(asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))))
"""


def run_at_once(folder: Path, *ranges: tuple[int, int]) -> list[tuple[list[str], list[str]]]:
    """Run one process for each range of keys; returns who each found for its keys, and its problems."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", RUN, str(folder), f"run {n}", str(first), str(last)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n, (first, last) in enumerate(ranges)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return [tuple(json.loads(process.communicate()[0])) for process in processes]


def stored(folder: Path, keys: range) -> list[str | None]:
    async def main() -> list[str | None]:
        async with SqliteStore(folder, secret=SECRET.encode()) as store:
            units = [Unit(key=str(n), label="u", payload=None, returns=str) for n in keys]
            found = await asyncio.gather(*map(store.get, units))
            assert store.problems == []
            return [one.value if one else None for one in found]

    return run_virtual(main())


def test_two_runs_at_once_share_one_store(tmp_path):
    """Both work without a problem; each key has one outcome, and from then on both agree whose it is."""
    (ones, no_problem), (others, none_either) = run_at_once(tmp_path / "s", (0, 400), (200, 600))
    assert no_problem == none_either == []
    assert ones[:200] == ["run 0"] * 200
    assert others[200:] == ["run 1"] * 200
    assert stored(tmp_path / "s", range(600)) == ones + others[200:]
    assert others[:200] == ones[200:]


def test_runs_that_start_on_a_damaged_store_rebuild_it_once(tmp_path):
    """Of three runs that find the same damage one sets the file aside; all store into the one new file."""
    folder = tmp_path / "s"
    folder.mkdir()
    (folder / "store.db").write_bytes(b"garbage" * 1000)
    answers = run_at_once(folder, (0, 100), (100, 200), (200, 300))
    assert sorted(len(problems) for _, problems in answers) == [0, 0, 1]
    assert [path.name for path in folder.glob("*damaged*")] == ["store.db.damaged-1"]
    assert stored(folder, range(300)) == [f"run {n // 100}" for n in range(300)]


def test_runs_that_start_on_an_older_store_migrate_it_once(tmp_path):
    """Three runs at once on a store of the first format: all of them work, and it is up to date."""
    folder = tmp_path / "s"
    folder.mkdir()
    with closing(sqlite3.connect(folder / "store.db")) as old, old:
        old.executescript(f"{MIGRATIONS[0]}; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 1")
    answers = run_at_once(folder, (0, 100), (100, 200), (200, 300))
    assert [problems for _, problems in answers] == [[], [], []]
    with closing(sqlite3.connect(folder / "store.db")) as new:
        assert new.execute("PRAGMA user_version").fetchone() == (FORMAT,)
    assert stored(folder, range(300)) == [f"run {n // 100}" for n in range(300)]
