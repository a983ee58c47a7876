"""A run that is killed and started again: nothing paid is paid again, nothing is missing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from itertools import islice
from pathlib import Path

from fanfold import Unit
from fanfold.engine.events import read_events
from fanfold.engine.metrics import coverage
from fanfold.engine.store import SqliteStore
from fanfold.testing.virtual_time import run_virtual

SCRIPTS = Path(__file__).parents[2] / "scripts"
SECRET = b"s" * 32
KILLS = 25
UNITS = 160
JOBS = 6

# Imports once, then forks a process for every line on stdin, which makes a start cheap. A run says on stdout, and in a
# log that is synced as an invoice would be, what it paid for and what it was told or knew; lines come whole.
RUNS = f"""
import asyncio, os, random, sys
sys.path.insert(0, {str(SCRIPTS)!r})
from pathlib import Path
from fanfold import Supervisor, Unit, fan_out
from fanfold.engine import desk, rows
from fanfold.engine.events import EventLog
from fanfold.engine.store import SqliteStore
from fanfold.engine.supervisor import Supervisor

folder = Path(sys.argv[1])

def say(log, line):
    os.write(log, line.encode())
    os.fsync(log)
    os.write(1, line.encode())

async def run(seed):
    rng = random.Random(seed)
    log = os.open(folder / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def worker(unit, attempt):
        await asyncio.sleep(rng.uniform(0, 0.004))
        say(log, f"paid {{unit.key}}\\n")
        attempt.began()
        await asyncio.sleep(rng.uniform(0, 0.004))
        return [unit.payload] * 100

    units = [Unit(key=f"k{{n}}", label=f"unit {{n}}", payload=n, returns=list[int]) for n in range({UNITS})]
    with EventLog(folder / f"events-{{seed}}.jsonl") as events:
        async with SqliteStore(folder / ".fanfold", secret={SECRET!r}, events=events) as store:
            async with Supervisor(jobs={JOBS}, store=store, events=events) as supervisor:
                async with fan_out(units, worker, supervisor=supervisor) as outcomes:
                    async for outcome in outcomes:
                        assert outcome.value == [int(outcome.key[1:])] * 100, outcome
                        say(log, f"{{'known' if outcome.reused else 'told'}} {{outcome.key}}\\n")
        assert not store.problems, store.problems

for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        asyncio.run(run(int(line)))
        os._exit(0)
    os.write(1, f"began {{pid}}\\n".encode())
    _, status = os.waitpid(pid, 0)
    os.write(1, f"gone {{os.waitstatus_to_exitcode(status)}}\\n".encode())
"""


def stored(folder: Path) -> set[str]:
    """Return the keys whose outcome a new run would find in the store."""

    async def main() -> set[str]:
        async with SqliteStore(folder / ".fanfold", secret=SECRET) as store:
            units = [Unit(key=f"k{n}", label="u", payload=n, returns=list[int]) for n in range(UNITS)]
            found = {unit.key for unit in units if await store.get(unit)}
            assert store.problems == []
            return found

    return run_virtual(main())


class Runs:
    """The process that forks the runs, and their log."""

    def __init__(self, folder: Path, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._log = folder / "log"
        self._input, self._output = process.stdin, process.stdout
        self._read = 0

    def run(self, seed: int, kill_after: int | None = None) -> tuple[list[str], int]:
        """Run once, killed when it has said so many lines; returns what its log holds, and its exit code."""
        self._input.write(f"{seed}\n")
        self._input.flush()
        pid = int(next(line for line in self._output if line.startswith("began ")).split()[1])
        if kill_after is not None:
            assert len(list(islice(self._output, kill_after))) == kill_after
            os.kill(pid, signal.SIGKILL)
        code = int(next(line for line in self._output if line.startswith("gone ")).split()[1])
        log = self._log.read_text().splitlines()
        new, self._read = log[self._read :], len(log)
        return new, code


def keys(said: str, lines: list[str]) -> list[str]:
    return [line.split()[1] for line in lines if line.startswith(f"{said} ")]


def test_a_killed_run_pays_for_nothing_twice(tmp_path):
    """Killed at 25 moments and started again each time: what was durable or told is never paid again.

    In the end every unit has its outcome, each killed run's events can be read up to the kill, and what was paid twice
    was at a kill still being worked on, or on its way to the disk.
    """
    rng = random.Random(7)
    durable: set[str] = set()
    in_flight = 0
    command = [sys.executable, "-c", RUNS, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        runs = Runs(tmp_path, process)
        for seed in range(KILLS):
            lines, code = runs.run(seed, kill_after=len(durable) + rng.randint(1, 24))
            assert code == -signal.SIGKILL
            paid, told = keys("paid", lines), keys("told", lines)
            assert len(paid) == len(set(paid)), "one run paid twice for the same unit"
            assert not durable & set(paid), "a durable outcome was paid again"
            after = stored(tmp_path)
            assert durable | set(told) <= after, "what was durable or told is not in the store"
            in_flight += len(set(paid) - after)
            durable = after
            assert coverage(read_events(tmp_path / f"events-{seed}.jsonl")).ok >= len(told)
        assert 0 < len(durable) < UNITS, "the kills came too late to prove anything"
        lines, code = runs.run(KILLS)
    assert code == 0
    assert sorted(keys("told", lines) + keys("known", lines)) == sorted(f"k{n}" for n in range(UNITS))
    assert set(keys("known", lines)) == durable
    assert stored(tmp_path) == {f"k{n}" for n in range(UNITS)}
    assert len(keys("paid", (tmp_path / "log").read_text().splitlines())) == UNITS + in_flight
