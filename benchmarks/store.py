"""What keeping outcomes and events costs.

    python3 benchmarks/store.py [--folder DIR]

DIR is where the stores are made, by default the system's folder for temporary files; what is measured is its disk. The
raw line is SQLite alone, one commit a row, in the same place. Exits with 1 when a bar is missed.
"""

import argparse
import asyncio
import multiprocessing
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from fanfold import Outcome, Status, Supervisor, Unit, Usage, fan_out
from fanfold.engine.attempt import Attempt
from fanfold.engine.events import EventLog
from fanfold.engine.metrics import RunFold
from fanfold.engine.store import SqliteStore
from fanfold.models import Finding, Severity

UNITS = 1000
RESUME_BAR_S = 1.0
EMIT_BAR_US = 20.0
SECRET = b"s" * 32
FINDING = Finding(
    path="src/module.py", line=10, end_line=12, aspect="security", severity=Severity.HIGH, confidence=0.8,
    title="A title of some words", explanation="An explanation. " * 20, quote="return x", sources=("security",),
)  # fmt: skip
USAGE = Usage(input_tokens=900, cache_read_tokens=20_000, output_tokens=700, cost_usd=0.02, requests=1)


def units(prefix: str = "") -> list[Unit[int]]:
    """Return units whose values are lists of findings."""
    return [Unit(f"{prefix}{n}", f"unit {n}", n, returns=list[Finding]) for n in range(UNITS)]


def outcome(unit: Unit[int]) -> Outcome[list[Finding]]:
    """Return an outcome of about 2.5 kB."""
    return Outcome(unit.key, unit.label, unit.kind, Status.OK, [FINDING] * 4, usage=USAGE, started_s=0.0, ended_s=9.0)


@contextmanager
def timed(results: dict[str, float], name: str) -> Iterator[None]:
    """Note how many seconds the block takes."""
    began = time.perf_counter()
    yield
    results[name] = time.perf_counter() - began


async def with_store(folder: Path, ask: Callable[[SqliteStore], Awaitable[Any]]) -> None:
    """Open a store, ask it, close it."""
    async with SqliteStore(folder, secret=SECRET) as store:
        await ask(store)
        if store.problems:
            raise RuntimeError(store.problems[0])


async def put_one_by_one(store: SqliteStore) -> None:
    """Wait for each put before the next."""
    for unit in units("a"):
        await store.put(unit, outcome(unit))


async def put_at_once(store: SqliteStore) -> None:
    """Put all in one moment."""
    await asyncio.gather(*(store.put(unit, outcome(unit)) for unit in units("b")))


async def resume(store: SqliteStore) -> None:
    """Run 1,000 units that all have their outcome."""

    async def worker(unit: Unit[int], attempt: Attempt) -> list[Finding]:
        raise RuntimeError(f"{unit.label} was called at attempt {attempt.number}")

    outcomes = await fan_out(units("b"), worker, supervisor=Supervisor(jobs=100, store=store, events=EventLog()))
    if not all(one.ok and one.reused for one in outcomes):
        raise RuntimeError("not everything was reused")


def raw(folder: Path) -> None:
    """Put 1,000 rows with SQLite alone: WAL, synced, one commit each."""
    folder.mkdir(parents=True)
    with closing(sqlite3.connect(folder / "raw.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE outcomes (key TEXT PRIMARY KEY, value TEXT)")
        for n in range(UNITS):
            connection.execute("INSERT INTO outcomes VALUES (?, ?)", (str(n), "x" * 2500))


def run_process(folder: Path, name: str) -> None:
    """Put 1,000 outcomes, half of them under keys that the other process uses too."""

    async def put(store: SqliteStore) -> None:
        own = [*units("shared")[: UNITS // 2], *units(name)[UNITS // 2 :]]
        await asyncio.gather(*(store.put(unit, outcome(unit)) for unit in own))

    asyncio.run(with_store(folder, put))


def two_processes(folder: Path) -> None:
    """Let two processes use one store at once."""
    spawn = multiprocessing.get_context("fork")
    processes = [spawn.Process(target=run_process, args=(folder, name)) for name in "xy"]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        if process.exitcode:
            raise RuntimeError(f"a process ended with {process.exitcode}")


def emit_us(log: EventLog, count: int = 20_000) -> float:
    """Return microseconds of CPU an event."""
    began = time.process_time()
    for _ in range(count):
        log.emit("attempt.ended", "0123456789abcdef", number=1, hedge=False, status="ok", error=None, usage=USAGE)
    return (time.process_time() - began) / count * 1e6


def main() -> int:
    """Measure and print; returns an exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    took: dict[str, float] = {}
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        with timed(took, "raw"):
            raw(folder / "raw")
        for ask in (put_one_by_one, put_at_once, resume):
            with timed(took, ask.__name__):
                asyncio.run(with_store(folder / "store", ask))
        with timed(took, "two processes"):
            two_processes(folder / "shared")
        memory, fold = emit_us(EventLog(keep=False)), emit_us(EventLog(listeners=[RunFold().see], keep=False))
        with EventLog(folder / "events.jsonl", keep=False) as log:
            file = emit_us(log)
    both = took["two processes"]
    print(f"{UNITS:,} outcomes of 2.5 kB, each commit on the disk when its put returns")
    print(f"  SQLite alone, one by one  {took['raw']:6.2f} s  {UNITS / took['raw']:8,.0f} a second")
    print(
        f"  puts one by one           {took['put_one_by_one']:6.2f} s  {UNITS / took['put_one_by_one']:8,.0f} a second"
    )
    print(f"  puts at once              {took['put_at_once']:6.2f} s  {UNITS / took['put_at_once']:8,.0f} a second")
    print(f"  two processes at once     {both:6.2f} s  {2 * UNITS / both:8,.0f} a second")
    print(f"  resume of a finished run  {took['resume']:6.2f} s  bar {RESUME_BAR_S:.1f} s, no call")
    print("an event, microseconds of CPU")
    print(f"  to memory {memory:.1f} (bar {EMIT_BAR_US:.0f}), with a fold {fold:.1f}, to a file {file:.1f}")
    return int(took["resume"] > RESUME_BAR_S or memory > EMIT_BAR_US)


if __name__ == "__main__":
    sys.exit(main())
