"""The store: what is kept, reused, measured, and shared between runs."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from fanfold import Outcome, Status, Supervisor, Unit, Usage, fan_out
from fanfold.engine.attempt import Attempt
from fanfold.engine.events import Event, EventLog
from fanfold.engine.store import SqliteStore
from fanfold.models import Finding, Severity
from fanfold.testing.virtual_time import run_virtual

SECRET = b"s" * 32


class Answer(BaseModel):
    text: str
    findings: tuple[Finding, ...] = ()


ANSWER = Answer(
    text="ä\n\0",
    findings=(
        Finding(path="a.py", line=1, end_line=2, aspect="security", severity=Severity.HIGH, confidence=0.5, title="t",
                quote="x", sources=("security",)),
    ),
)  # fmt: skip


def unit(key: str = "k", returns: Any = Answer, **fields: Any) -> Unit[Any]:
    return Unit(key=key, label=f"label of {key}", payload=None, returns=returns, **fields)


def outcome(key: str = "k", value: Any = ANSWER, status: Status = Status.OK, **fields: Any) -> Outcome[Any]:
    return Outcome(key, "elsewhere", "elsewhere", status, value, **fields)


@asynccontextmanager
async def opened(folder: Path, secret: bytes = SECRET, **options: Any) -> AsyncIterator[SqliteStore]:
    async with SqliteStore(folder / ".fanfold", secret=secret, **options) as store:
        yield store
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("fanfold-store")]


def with_store(folder: Path, ask: Callable[[SqliteStore], Coroutine[Any, Any, Any]], **options: Any) -> Any:
    """Open a store, ask it, close it, return the answer."""

    async def main() -> Any:
        async with opened(folder, **options) as store:
            answer = await ask(store)
            assert store.problems == []
            return answer

    return run_virtual(main())


def test_an_outcome_is_reused_by_the_next_run(tmp_path):
    """What one run put, the next gets: the same value, as the unit's own, marked as reused and free of charge."""
    kept = outcome(usage=Usage(cost_usd=0.25, requests=2), attempts=2, hedged=True, started_s=1.0, ended_s=3.0)
    with_store(tmp_path, lambda store: store.put(unit(), kept))
    found = with_store(tmp_path, lambda store: store.get(unit()))
    assert found == Outcome("k", "label of k", "call", Status.OK, ANSWER, reused=True)


def test_nothing_is_known_of_another_key(tmp_path):
    """A unit whose key was never put has no outcome."""
    with_store(tmp_path, lambda store: store.put(unit(), outcome()))
    assert with_store(tmp_path, lambda store: store.get(unit("other"))) is None


@pytest.mark.parametrize("status", Status)
def test_only_what_stays_true_is_kept(tmp_path, status):
    """An answer and a refusal will be the same next time; a failure, a timeout or a cancellation may not."""
    ok = status is Status.OK
    kept = outcome(status=status, value=ANSWER if ok else None, error=None if ok else "why")
    with_store(tmp_path, lambda store: store.put(unit(), kept))
    found = with_store(tmp_path, lambda store: store.get(unit()))
    if status in {Status.OK, Status.REFUSED}:
        assert (found.status, found.value, found.error, found.reused) == (status, kept.value, kept.error, True)
    else:
        assert found is None


def test_a_unit_that_returns_nothing_stays_out(tmp_path):
    """Without a type for its value a unit is not kept, and the file is not even made."""
    with_store(tmp_path, lambda store: store.put(unit(returns=None), outcome()))
    assert with_store(tmp_path, lambda store: store.get(unit(returns=None))) is None
    assert not (tmp_path / ".fanfold").exists()


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=25)
@given(st.lists(st.tuples(st.text(), json_values, st.text(), st.booleans()), max_size=4))
def test_any_value_comes_back_as_it_was(tmp_path_factory, entries):
    """Whatever value, key, label and error: what comes back is what was put, and the first of a key stands."""
    folder = tmp_path_factory.mktemp("store")
    first: dict[str, tuple[Any, str, bool]] = {}

    async def put(store: SqliteStore) -> None:
        for key, value, error, refused in entries:
            first.setdefault(key, (value, error, refused))
            status = Status.REFUSED if refused else Status.OK
            await store.put(Unit(key, error, None, returns=Any), outcome(key, value, status, error=error))

    async def get(store: SqliteStore) -> None:
        for key, (value, error, refused) in first.items():
            found = await store.get(Unit(key, "now", None, returns=Any))
            assert found is not None
            assert (found.value, found.error) == (None if refused else value, error)

    with_store(folder, put)
    with_store(folder, get)


def test_names_that_are_no_utf8_are_kept(tmp_path):
    """A label made of a file name that is not UTF-8 costs nobody the outcome."""
    strange = Unit(key="k", label="b\udc80d.py", payload=None, returns=int)
    with_store(tmp_path, lambda store: store.put(strange, outcome(value=1, ended_s=1.0, error="\udcff")))
    assert with_store(tmp_path, lambda store: store.get(strange)).value == 1


def test_a_value_that_is_not_what_the_unit_returns_is_said(tmp_path):
    """A value that can't be written as the unit's type is not kept; the run goes on and is told, once."""

    async def main() -> tuple[list[str], list[Event], Outcome[Any] | None]:
        log = EventLog()
        async with opened(tmp_path, events=log) as store:
            for key in "kab":
                await store.put(unit(key), outcome(key, value=object()))
            return store.problems, log.events, await store.get(unit())

    problems, events, found = run_virtual(main())
    assert found is None
    assert len(problems) == 1
    assert problems[0].startswith("the value of label of k is not what the unit returns")
    assert [(event.name, event.attributes["error"]) for event in events] == [("store.failed", problems[0])]


class Picky(BaseModel):
    text: str
    severity: int


class Angry(BaseModel):
    text: str

    def model_post_init(self, _: Any, /) -> None:
        raise KeyError("not a validation error")


@pytest.mark.parametrize("returns", [Picky, Angry, int, list[Answer]])
def test_a_value_that_no_longer_validates_is_paid_again(tmp_path, returns):
    """When the type of a unit's value has changed, the old value is as good as absent, and is replaced."""
    with_store(tmp_path, lambda store: store.put(unit(), outcome()))

    async def again(store: SqliteStore) -> Any:
        assert await store.get(unit(returns=returns)) is None
        await store.put(unit(returns=str), outcome(value="new"))

    with_store(tmp_path, again)
    assert with_store(tmp_path, lambda store: store.get(unit(returns=str))).value == "new"


def test_the_first_outcome_of_a_key_stands(tmp_path):
    """Two runs that both put a key are both fine, and the first outcome is the one that is reused."""

    async def main() -> Any:
        async with opened_twice(tmp_path) as (one, two):
            await asyncio.gather(one.put(unit(), outcome()), two.get(unit()))
            await two.put(unit(), outcome(value=Answer(text="later")))
            return await one.get(unit()), await two.get(unit())

    first, second = run_virtual(main())
    assert first == second
    assert first.value == ANSWER


@asynccontextmanager
async def opened_twice(folder: Path) -> AsyncIterator[tuple[SqliteStore, SqliteStore]]:
    async with SqliteStore(folder / "s", secret=SECRET) as one, SqliteStore(folder / "s", secret=SECRET) as two:
        yield one, two
        assert one.problems == two.problems == []


def test_fresh_reuses_nothing_from_before_and_replaces_it(tmp_path):
    """A fresh run sees no older outcome, sees its own, and leaves its own to the next run."""
    with_store(tmp_path, lambda store: store.put(unit(), outcome()))
    new = Answer(text="new")

    async def fresh(store: SqliteStore) -> Any:
        assert await store.get(unit()) is None
        await store.put(unit(), outcome(value=new))
        await store.put(unit(), outcome(value=Answer(text="newer")))
        return await store.get(unit())

    assert with_store(tmp_path, fresh, fresh=True).value == new
    assert with_store(tmp_path, lambda store: store.get(unit())).value == new


def test_what_reuse_saved_adds_up(tmp_path):
    """`saved` is what the reused outcomes cost when they were made."""

    async def fill(store: SqliteStore) -> None:
        for key in "ab":
            await store.put(unit(key), outcome(key, usage=Usage(cost_usd=0.5, requests=1, errors={"429": 1})))

    async def reuse(store: SqliteStore) -> Usage:
        for key in "abc":
            await store.get(unit(key))
        return store.saved

    with_store(tmp_path, fill)
    assert with_store(tmp_path, reuse) == Usage(cost_usd=1.0, requests=2, errors={"429": 2})


def test_puts_of_one_moment_share_their_commit(tmp_path, monkeypatch):
    """A thousand puts at once are a few commits, and each returns after its own."""
    commits: list[str] = []
    connect = sqlite3.connect

    def traced(*args: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **options)
        connection.set_trace_callback(lambda said: commits.append(said) if said == "COMMIT" else None)
        return connection

    monkeypatch.setattr("sqlite3.connect", traced)

    async def put(store: SqliteStore) -> None:
        await asyncio.gather(*(store.put(unit(str(n)), outcome(str(n))) for n in range(1000)))

    with_store(tmp_path, put)
    assert len(commits) < 10


def test_a_put_is_in_the_file_when_it_returns(tmp_path):
    """Another process sees an outcome as soon as `put` has returned, while the store is still open."""
    look = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('SELECT key FROM outcomes').fetchall())"

    async def put(store: SqliteStore) -> str:
        await store.put(unit(), outcome())
        args = ["-c", look, str(tmp_path / ".fanfold" / "store.db")]
        process = await asyncio.create_subprocess_exec(sys.executable, *args, stdout=subprocess.PIPE)
        said, _ = await process.communicate()
        return said.decode()

    assert with_store(tmp_path, put) == "[('k',)]\n"


def test_commits_wait_for_the_disk(tmp_path):
    """Outcomes survive the loss of power: the file is in WAL mode and every commit is synced."""

    async def ask(store: SqliteStore) -> tuple[Any, ...]:
        await store.get(unit())
        connection = store._desk._database.connection  # type: ignore[union-attr]  # open since the get
        return *connection.execute("PRAGMA journal_mode").fetchone(), *connection.execute(
            "PRAGMA synchronous"
        ).fetchone()

    assert with_store(tmp_path, ask) == ("wal", 2)


def test_durations_are_kept_by_label(tmp_path):
    """How long units of a kind took is known to the next run, the newest weighing most; failures say nothing."""

    async def fill(store: SqliteStore) -> None:
        await store.put(unit("1", kind="aspect"), outcome("1", started_s=1.0, ended_s=3.0))
        await store.put(unit("2", kind="aspect"), outcome("2", None, Status.REFUSED, started_s=1.0, ended_s=9.0))
        await store.note_durations("test", {"t1": 10.0, "t2": 1.0, "bad": float("nan"), "none": 0.0})
        await store.note_durations("test", {"t1": 20.0})

    async def ask(store: SqliteStore) -> list[dict[str, float]]:
        return [await store.durations(kind) for kind in ("aspect", "test", "other")]

    with_store(tmp_path, fill)
    aspects, tests, others = with_store(tmp_path, ask)
    assert aspects == {"label of 1": 2.0}
    assert tests == {"t1": pytest.approx(13.0), "t2": 1.0}
    assert others == {}


def test_a_cancelled_put_is_kept_all_the_same(tmp_path):
    """Who stops waiting for a put does not take it back."""

    async def put(store: SqliteStore) -> None:
        task = asyncio.create_task(store.put(unit(), outcome()))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    with_store(tmp_path, put)
    assert with_store(tmp_path, lambda store: store.get(unit())) is not None


def test_a_request_that_is_a_bug_harms_no_other(tmp_path):
    """A unit with a key that can't be a key raises for whoever asked; those served with it get their answers."""

    async def main() -> list[Any]:
        async with opened(tmp_path) as store:
            puts = [store.put(unit(key), outcome(key)) for key in ("a", "\udc80", "b")]
            done = await asyncio.gather(*puts, return_exceptions=True)
            return [*done, *(await asyncio.gather(*(store.get(unit(key)) for key in "ab")))]

    first, bug, last, *found = run_virtual(main())
    assert (first, last) == (None, None)
    assert isinstance(bug, UnicodeEncodeError)
    assert [one.value for one in found] == [ANSWER, ANSWER]


def test_a_listener_that_raises_hangs_nobody(tmp_path):
    """When the event about a failed store is too much for a listener, the puts return all the same."""
    (tmp_path / ".fanfold").write_text("a file")

    def raising(event: Event) -> None:
        raise OSError(f"the terminal is gone: {event.name}")

    async def main() -> list[dict[str, Any]]:
        heard: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context))
        async with opened(tmp_path, events=EventLog(listeners=[raising])) as store:
            await asyncio.gather(*(store.put(unit(key), outcome(key)) for key in "ab"))
            await store.put(unit("c"), outcome("c"))
        return heard

    assert ["the terminal is gone" in str(context["exception"]) for context in run_virtual(main())] == [True]


def test_a_closed_store_says_so(tmp_path):
    """Closing twice is fine; asking after that is a bug and raises instead of hanging."""

    async def main() -> None:
        store = SqliteStore(tmp_path, secret=SECRET)
        await store.put(unit(), outcome())
        await store.close()
        await store.close()
        with pytest.raises(RuntimeError, match="the store is closed"):
            await store.get(unit())

    run_virtual(main())


def test_closing_waits_for_what_was_asked(tmp_path):
    """What was put and not awaited is in the file after closing, and no thread is left."""

    async def main() -> None:
        async with opened(tmp_path) as store:
            tasks = [asyncio.create_task(store.put(unit(str(n)), outcome(str(n)))) for n in range(50)]
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)

    run_virtual(main())

    async def count(store: SqliteStore) -> int:
        return sum([await store.get(unit(str(n))) is not None for n in range(50)])

    assert with_store(tmp_path, count) == 50


def test_closing_that_is_interrupted_still_writes(tmp_path):
    """Who is cancelled while closing leaves no thread, no open file, and no outcome behind."""

    async def main() -> None:
        store = SqliteStore(tmp_path / ".fanfold", secret=SECRET)
        puts = [asyncio.create_task(store.put(unit(str(n)), outcome(str(n)))) for n in range(50)]
        for _ in range(2):
            await asyncio.sleep(0)
        waiting = asyncio.create_task(store.put(unit("late"), outcome("late")))
        await asyncio.sleep(0)
        closing = asyncio.create_task(store.close())
        await asyncio.sleep(0)
        closing.cancel()
        await asyncio.wait([closing, waiting, *puts])
        assert store._desk._database is None
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("fanfold-store")]

    run_virtual(main())

    async def count(store: SqliteStore) -> int:
        return sum([await store.get(unit(str(n))) is not None for n in range(50)])

    assert with_store(tmp_path, count) == 50


def test_nothing_is_left_in_memory_of_what_was_kept(tmp_path):
    """While the file works, a store holds on to no outcome that it was given."""

    async def put(store: SqliteStore) -> None:
        for n in range(200):
            await store.put(unit(str(n)), outcome(str(n), Answer(text="x" * 1000)))
        gc.collect()
        assert [thing for thing in gc.get_objects() if isinstance(thing, Outcome)] == []

    with_store(tmp_path, put)


def test_the_folder_ignores_itself(tmp_path):
    """`.fanfold` comes with its own .gitignore, which is left alone when it is there already."""
    with_store(tmp_path, lambda store: store.get(unit()))
    ignore = tmp_path / ".fanfold" / ".gitignore"
    assert ignore.read_text() == "*\n"
    ignore.write_text("mine\n")
    with_store(tmp_path, lambda store: store.get(unit()))
    assert ignore.read_text() == "mine\n"


def test_a_second_run_calls_nobody(tmp_path):
    """Through the supervisor: 1,000 units are worked on once, and a second run has all their values without a call."""
    units = [Unit(key=str(n), label=f"u{n}", payload=n, returns=int, kind="square") for n in range(1000)]
    calls: list[int] = []

    async def worker(unit: Unit[int], attempt: Attempt) -> int:
        calls.append(unit.payload)
        await asyncio.sleep(0.2)
        return unit.payload**2

    async def run(store: SqliteStore) -> list[Outcome[int]]:
        return list(await fan_out(units, worker, supervisor=Supervisor(jobs=100, store=store)))

    first = with_store(tmp_path, run)
    second = with_store(tmp_path, run)
    assert sorted(calls) == list(range(1000))
    assert [o.value for o in first] == [o.value for o in second] == [n**2 for n in range(1000)]
    assert not any(o.reused for o in first)
    assert all(o.reused and o.usage == Usage() for o in second)


@pytest.mark.parametrize("how", ["says no", "fails"])
def test_a_value_that_no_longer_stands_is_made_again_and_replaced(tmp_path, how):
    """What the key can't know is asked of the unit; when that can't be told the value counts as stale."""
    stands = True

    async def asked(_value):
        if not stands and how == "fails":
            raise OSError("gone")
        return stands

    async def go(store):
        nonlocal stands
        about = unit(stands=asked)
        await store.put(about, outcome(value=Answer(text="old")))
        assert (await store.get(about)).value.text == "old"
        stands = False
        assert await store.get(about) is None
        await store.put(about, outcome(value=Answer(text="new")))
        stands = True
        return (await store.get(about)).value.text

    assert with_store(tmp_path, go) == "new"
