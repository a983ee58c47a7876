"""What can be wrong with a store: the disk, the file, its format, and whoever made it."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanfold import Outcome, Status, Unit
from fanfold.engine import database
from fanfold.engine.database import FORMAT, MIGRATIONS
from fanfold.engine.events import EventLog
from fanfold.engine.folder import state_folder, user_secret
from fanfold.engine.rows import Row
from fanfold.engine.store import SqliteStore
from fanfold.testing.virtual_time import run_virtual

SECRET = b"s" * 32
SCRIPTS = Path(__file__).parents[2] / "scripts"


def unit(key: str = "k") -> Unit[None]:
    return Unit(key=key, label=f"unit {key}", payload=None, returns=str)


def outcome(key: str = "k", value: str | None = None) -> Outcome[str]:
    return Outcome(key, "l", "call", Status.OK, value or f"value of {key}")


def use(
    folder: Path, *puts: str, get: tuple[str, ...] = (), secret: bytes = SECRET
) -> tuple[dict[str, Any], list[str]]:
    """Open a store, put and get outcomes by key, close it; returns what was got and what was said."""

    async def main() -> tuple[dict[str, Any], list[str]]:
        store = SqliteStore(folder, secret=secret)
        await asyncio.gather(*(store.put(unit(key), outcome(key)) for key in puts))
        found = {key: await store.get(unit(key)) for key in get}
        await store.close()
        return {key: one and one.value for key, one in found.items()}, store.problems

    return run_virtual(main())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / ".fanfold"


@pytest.fixture
def file(folder: Path) -> Path:
    """Return the path of a store that holds two outcomes."""
    assert use(folder, "a", "b") == ({}, [])
    return folder / "store.db"


def asides(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("store.db.damaged-*"))


# -- the file


def _page(number: int) -> Callable[[bytes], bytes]:
    return lambda raw: raw[: number * 4096] + b"\xa5" * 4096 + raw[(number + 1) * 4096 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"garbage" * 1000,
        lambda raw: b"SQLite format 4\0" + raw[16:],
        lambda raw: raw[:1000],
        lambda raw: raw[:4096],
        lambda raw: raw[: len(raw) // 2],
        _page(0),
        lambda raw: raw[:100] + b"\xff" * 200 + raw[300:],
    ],
)
def test_a_damaged_file_is_set_aside_and_rebuilt(folder, file, damage):
    """Garbage, a wrong header, a cut file, a broken page: said once, set aside as it is, and storing works again."""
    broken = damage(file.read_bytes())
    file.write_bytes(broken)
    found, problems = use(folder, "c", get=("c",))
    assert found == {"c": "value of c"}
    assert len(problems) == 1
    assert problems[0].startswith(f"{file} was damaged (")
    assert "set aside as store.db.damaged-1" in problems[0]
    assert (folder / "store.db.damaged-1").read_bytes() == broken
    assert use(folder, get=("c",)) == ({"c": "value of c"}, [])


def test_an_empty_file_is_a_new_store(folder, file):
    """A file of no bytes is no damage."""
    file.write_bytes(b"")
    assert use(folder, "c", get=("a", "c")) == ({"a": None, "c": "value of c"}, [])
    assert asides(folder) == []


def test_what_is_set_aside_never_replaces_what_was(folder, file):
    """Each damaged file gets a name of its own."""
    for number in (1, 2, 3):
        file.write_bytes(b"garbage %d" % number)
        use(folder, get=("a",))
    assert [(folder / name).read_bytes() for name in asides(folder)] == [b"garbage %d" % n for n in (1, 2, 3)]


def test_what_can_be_read_of_a_damaged_file_is_saved(folder):
    """A page broken in the middle costs the outcomes on it; those before and behind are taken over and reused."""
    keys = tuple(f"{n:04}" for n in range(500))
    use(folder, *keys)
    file = folder / "store.db"
    pages = file.stat().st_size // 4096
    file.write_bytes(_page(pages // 2)(file.read_bytes()))
    found, problems = use(folder, get=keys)
    saved = [key for key, value in found.items() if value == f"value of {key}"]
    assert 400 < len(saved) < 500
    assert set(found.values()) <= {None, *(f"value of {key}" for key in keys)}
    assert len(problems) == 1
    assert f"; {len(saved)} outcomes saved from it" in problems[0]


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.integers(0, 20_000), st.binary(min_size=1, max_size=64)), min_size=1, max_size=5),
    st.none() | st.integers(0, 40_000),
)
def test_no_damage_makes_an_outcome_wrong(tmp_path_factory, patches, cut):
    """Whatever bytes of the file are overwritten or cut off, nothing raises and no wrong value comes back."""
    folder = tmp_path_factory.mktemp("damaged")
    keys = tuple(str(n) for n in range(60))
    use(folder, *keys)
    raw = bytearray((folder / "store.db").read_bytes())
    for at, patch in patches:
        raw[at % len(raw) : at % len(raw) + len(patch)] = patch
    (folder / "store.db").write_bytes(raw[:cut])
    found, _ = use(folder, "new", get=(*keys, "new"))
    assert all(value in (None, f"value of {key}") for key, value in found.items())
    assert found["new"] == "value of new"


def test_damage_while_it_is_open_is_noticed(folder):
    """A file that breaks under a running store is set aside at the next request, which is served."""
    keys = tuple(f"{n:04}" for n in range(500))
    use(folder, *keys)

    async def main() -> tuple[Any, list[str]]:
        async with SqliteStore(folder, secret=SECRET) as store:
            await store.durations("call")
            file = folder / "store.db"
            file.write_bytes(file.read_bytes()[:4096] + b"\xa5" * (file.stat().st_size - 4096))
            store._desk._database.connection.execute("PRAGMA shrink_memory")  # type: ignore[union-attr]  # it is open
            await store.put(unit("new"), outcome("new"))
            return await store.get(unit("new")), store.problems

    found, problems = run_virtual(main())
    assert found.value == "value of new"
    assert len(problems) == 1
    assert asides(folder) == ["store.db.damaged-1"]


def test_a_database_of_somebody_else_is_set_aside(folder):
    """A SQLite file that is no store is not written to."""
    folder.mkdir()
    with closing(sqlite3.connect(folder / "store.db")) as other, other:
        other.execute("CREATE TABLE outcomes (theirs)")
    before = (folder / "store.db").read_bytes()
    found, problems = use(folder, "a", get=("a",))
    assert found == {"a": "value of a"}
    assert "it is no store of fanfold's" in problems[0]
    assert (folder / "store.db.damaged-1").read_bytes() == before


@pytest.mark.parametrize(
    "extra",
    [
        "CREATE TRIGGER t AFTER INSERT ON outcomes BEGIN DELETE FROM outcomes; END",
        "CREATE VIEW v AS SELECT 1",
        "CREATE TABLE more (x)",
        "CREATE INDEX i ON outcomes (label)",
        "DROP TABLE durations",
    ],
)
def test_tables_that_are_not_ours_are_not_used(folder, file, extra):
    """A trigger, a view, a table too many or too few: the file is set aside; what we sealed in it is taken over."""
    with closing(sqlite3.connect(file)) as other, other:
        other.execute(extra)
    found, problems = use(folder, "c", get=("a", "b", "c"))
    assert found == {key: f"value of {key}" for key in "abc"}
    assert f"its tables are not those of format {FORMAT}" in problems[0]


def test_a_view_in_the_place_of_the_outcomes_is_not_read(folder, file):
    """A view could keep SQLite busy for ever, or make up rows: nothing is taken over from it."""
    with closing(sqlite3.connect(file)) as other, other:
        columns = [column[1] for column in other.execute("PRAGMA table_info(outcomes)")]
        other.execute("ALTER TABLE outcomes RENAME TO real")
        other.execute(f"CREATE VIEW outcomes AS SELECT {', '.join(columns)}, rowid FROM real")  # noqa: S608  ours
    found, problems = use(folder, "c", get=("a", "c"))
    assert found == {"a": None, "c": "value of c"}
    assert "0 outcomes saved" in problems[0]


def test_a_file_that_keeps_sqlite_busy_is_given_up(folder, file, monkeypatch):
    """Work on a file of unknown origin is bounded in time, and what takes too long is left unused."""
    monkeypatch.setattr(database, "_MOST_S", -1.0)
    monkeypatch.setattr(database, "_STEPS", 1)
    found, problems = use(folder, "c", get=("c",))
    assert found == {"c": "value of c"}
    assert "interrupted" in problems[0]


# -- formats


def old_store(folder: Path, *keys: str) -> None:
    """Make a store of format 1 with sealed outcomes, as that version did."""
    folder.mkdir(parents=True)
    with closing(sqlite3.connect(folder / "store.db")) as old, old:
        old.executescript(MIGRATIONS[0])
        old.execute(f"PRAGMA application_id = {database.APPLICATION_ID}")
        old.execute("PRAGMA user_version = 1")
        for key in keys:
            row = Row(key, "call", "l", "ok", json.dumps(f"value of {key}"), None, "{}", 1.0)
            values = (row.key, row.kind, row.label, row.status, row.value, row.error, row.usage, row.created)
            old.execute("INSERT INTO outcomes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*values, row.seal(SECRET)))


def version(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "store.db")) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_an_older_format_is_migrated(folder):
    """A store of the first format is brought up to date, and its outcomes are reused."""
    old_store(folder, "a", "b")
    assert use(folder, "c", get=("a", "b", "c")) == ({key: f"value of {key}" for key in "abc"}, [])
    assert version(folder) == FORMAT
    assert asides(folder) == []


def test_a_migration_happens_whole_or_not_at_all(folder, monkeypatch):
    """When a migration fails in the middle, the file is as it was, and the run goes on without it."""
    old_store(folder, "a")
    monkeypatch.setattr(database, "MIGRATIONS", (MIGRATIONS[0], "CREATE TABLE runs (id); CREATE TABLE runs (id)"))
    found, problems = use(folder, "c", get=("c",))
    assert found == {"c": "value of c"}
    assert "table runs already exists" in problems[0]
    monkeypatch.undo()
    assert version(folder) == 1
    assert use(folder, get=("a",)) == ({"a": "value of a"}, [])


def test_a_newer_format_is_not_touched(folder, file):
    """A store of a later fanfold stays as it is; the run goes on without, and is told what to do."""
    with closing(sqlite3.connect(file)) as newer:
        newer.execute("PRAGMA user_version = 99")
    before = file.read_bytes()
    found, problems = use(folder, "c", get=("a", "c"))
    assert found == {"a": None, "c": "value of c"}
    assert len(problems) == 1
    assert (
        f"it has format 99, and this fanfold knows up to {FORMAT}: use a newer fanfold, or remove the file"
        in problems[0]
    )
    assert file.read_bytes() == before
    assert asides(folder) == []


# -- the disk


def test_a_full_disk_does_not_stop_the_run(folder):
    """When the disk is full outcomes stay in memory, which is said once; they are written when there is room again."""
    keys = [f"{n:04}" for n in range(300)]

    async def main() -> tuple[list[str | None], list[str], list[str]]:
        log = EventLog()
        async with SqliteStore(folder, secret=SECRET, events=log) as store:
            await store.put(unit("first"), outcome("first"))
            connection = store._desk._database.connection  # type: ignore[union-attr]  # open since the put
            connection.execute("PRAGMA max_page_count = 1")
            for key in keys:
                await store.put(unit(key), outcome(key))
            found = [one.value for key in keys if (one := await store.get(unit(key)))]
            said = list(store.problems)
            connection.execute("PRAGMA max_page_count = 1000000")
        events = [str(event.attributes["error"]) for event in log.events if event.name == "store.failed"]
        assert events == store.problems
        return found, said, store.problems

    found, said, problems = run_virtual(main())
    assert found == [f"value of {key}" for key in keys]
    assert len(said) == 1
    assert "database or disk is full" in said[0]
    assert problems[1].endswith("works again")
    assert use(folder, get=("first", *keys)) == ({key: f"value of {key}" for key in ("first", *keys)}, [])


def test_a_fresh_run_on_a_full_disk_still_replaces(folder):
    """What a fresh run kept in memory replaces the older outcome when there is room again."""
    use(folder, "a")

    async def main() -> None:
        async with SqliteStore(folder, secret=SECRET, fresh=True) as store:
            assert await store.get(unit("a")) is None
            connection = store._desk._database.connection  # type: ignore[union-attr]  # open since the get
            connection.execute("PRAGMA query_only = ON")
            await store.put(unit("a"), outcome("a", "new"))
            connection.execute("PRAGMA query_only = OFF")

    run_virtual(main())
    assert use(folder, get=("a",)) == ({"a": "new"}, [])


def test_a_locked_file_does_not_stop_the_run(folder, file, monkeypatch):
    """A writer that never lets go costs the wait and nothing else; what it held up is written with the next outcome."""
    monkeypatch.setattr(database, "BUSY_S", 0.05)

    async def main() -> list[str]:
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            async with SqliteStore(folder, secret=SECRET) as store:
                await store.get(unit("a"))
                other.execute("BEGIN IMMEDIATE")
                await store.put(unit("c"), outcome("c"))
                other.execute("COMMIT")
                await store.put(unit("d"), outcome("d"))
                assert store._desk._memory == {}
            return store.problems

    problems = run_virtual(main())
    assert "database is locked" in problems[0]
    assert problems[1].endswith("works again")
    assert use(folder, get=("c", "d")) == ({"c": "value of c", "d": "value of d"}, [])


def _as_nobody(code: str, *args: object) -> list[Any]:
    """Run `code` in a process that may not write what only root may; returns the JSON that it prints."""
    head = f"""
        import asyncio, json, os, sys
        sys.path.insert(0, {str(SCRIPTS)!r})
        from pathlib import Path
        from fanfold import Outcome, Status, Unit
        from fanfold.engine import desk, rows
        from fanfold.engine.store import SqliteStore
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        folder = Path(sys.argv[1])
        unit = Unit(key="k", label="l", payload=None, returns=str)
        outcome = Outcome("k", "l", "call", Status.OK, "value")
    """
    script = textwrap.dedent(head) + textwrap.dedent(code)
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, args)], capture_output=True, text=True, check=True, cwd="/"
    )
    assert done.stderr == ""
    return list(json.loads(done.stdout))


@pytest.fixture
def closed_folder(tmp_path: Path) -> Iterator[Path]:
    """Return a folder that can be read and not written."""
    for part in (tmp_path, *tmp_path.parents[:3]):  # pytest-of-NAME, its run, and of several processes each one's own
        if not part.stat().st_mode & 0o001:
            part.chmod(0o755)
    place = tmp_path / "closed"
    place.mkdir()
    place.chmod(0o555)
    yield place
    place.chmod(0o755)


def test_a_read_only_folder_does_not_stop_the_run(closed_folder):
    """Where nothing can be written the store works from memory, and says so once."""
    said = _as_nobody(
        """
        async def main():
            async with SqliteStore(folder / ".fanfold", secret=b"s" * 32) as store:
                await store.put(unit, outcome)
                found = await store.get(unit)
            return [found.value, *store.problems]
        print(json.dumps(asyncio.run(main())))
        """,
        closed_folder,
    )
    assert said[0] == "value"
    assert len(said) == 2
    assert "can't be written: Permission denied" in said[1]


def test_a_folder_that_goes_away_comes_back(folder, file):
    """When somebody removes `.fanfold` under a running store it is made again, and later outcomes are kept."""

    async def main() -> list[str]:
        async with SqliteStore(folder, secret=SECRET) as store:
            await store.get(unit("a"))
            shutil.rmtree(folder)
            await store.put(unit("c"), outcome("c"))
            return store.problems

    assert run_virtual(main()) == []
    assert use(folder, get=("a", "c")) == ({"a": None, "c": "value of c"}, [])


# -- whoever made it


@pytest.mark.parametrize("place", [".fanfold", "store.db", "store.db-wal", "store.db.lock"])
def test_a_link_is_not_followed(tmp_path, folder, place):
    """A symbolic link that a repository ships is not written through: no store, said, and its target untouched."""
    precious = tmp_path / "precious"
    if place == ".fanfold":
        precious.mkdir()
        folder.symlink_to(precious)
    else:
        precious.write_text("precious")
        folder.mkdir()
        (folder / place).symlink_to(precious)
    found, problems = use(folder, "a", get=("a",))
    assert found == {"a": "value of a"}
    assert len(problems) == 1
    assert "is a symbolic link, which fanfold does not use; remove it" in problems[0]
    assert list(precious.iterdir()) == [] if precious.is_dir() else precious.read_text() == "precious"


def test_what_is_no_file_is_not_opened(folder):
    """A pipe in the place of the store does not hang the run, nor does a file in the place of the folder."""
    folder.mkdir()
    os.mkfifo(folder / "store.db")
    assert "is no regular file" in use(folder, "a")[1][0]
    shutil.rmtree(folder)
    folder.write_text("a file")
    assert "is no folder" in use(folder, "a")[1][0]
    assert folder.read_text() == "a file"


def test_an_outcome_that_was_changed_is_paid_again(folder):
    """Each column is sealed: changed by whoever lacks the user's secret, an outcome is as good as absent."""
    columns = ("kind", "label", "status", "value", "error", "usage", "created", "seal")
    change = {"status": "'refused'", "value": "'\"no findings\"'", "created": "created + 1", "seal": "zeroblob(32)"}
    use(folder, "whole", *columns)
    with closing(sqlite3.connect(folder / "store.db")) as other, other:
        for column in columns:
            other.execute(f"UPDATE outcomes SET {column} = {change.get(column, repr('x'))} WHERE key = ?", (column,))  # noqa: S608  columns of ours
    gone, values = dict.fromkeys(columns), {column: f"value of {column}" for column in columns}
    assert use(folder, get=("whole", *columns)) == ({"whole": "value of whole", **gone}, [])
    assert use(folder, *columns, get=columns) == (values, [])
    assert use(folder, get=columns) == (values, [])


def test_columns_of_any_type_are_paid_again(folder):
    """A column of a wrong type, or text that is no UTF-8, is one outcome less and no error."""
    columns = ("label", "status", "value", "usage", "created", "seal")
    values = ("NULL", "1", "x'ff'", "CAST(x'ff' AS TEXT)", "1e999")
    keys = {f"{column} {value}": (column, value) for column, value in itertools.product(columns, values)}
    use(folder, "whole", *keys)
    with closing(sqlite3.connect(folder / "store.db")) as other, other:
        for key, (column, value) in keys.items():
            other.execute(f"UPDATE outcomes SET {column} = {value} WHERE key = ?", (key,))  # noqa: S608  columns of ours
    assert use(folder, get=("whole", *keys)) == ({"whole": "value of whole", **dict.fromkeys(keys)}, [])


def test_an_outcome_of_another_key_is_not_taken(folder, file):
    """A sealed outcome counts for its own key alone."""
    with closing(sqlite3.connect(file)) as other, other:
        other.execute("DELETE FROM outcomes WHERE key = 'b'")
        other.execute("UPDATE outcomes SET key = 'b'")
    assert use(folder, get=("a", "b")) == ({"a": None, "b": None}, [])


def test_a_store_of_another_user_is_ignored_and_replaced(folder):
    """What somebody else's secret has sealed is not believed; our own outcome takes its place."""
    use(folder, "a", secret=b"another user's secret, of 32 bytes")
    assert use(folder, get=("a",)) == ({"a": None}, [])
    assert use(folder, "a", get=("a",)) == ({"a": "value of a"}, [])


def test_durations_of_any_type_are_left_out(folder, file):
    """Durations that make no sense, which nobody seals, are not handed out."""
    with closing(sqlite3.connect(file)) as other, other:
        rows = [("t", "good", 1.5), ("t", "text", "x"), ("t", "low", -1.0), ("t", "inf", 9e999), ("t", b"\xff", 1.0)]
        other.executemany("INSERT INTO durations VALUES (?, ?, ?, 0)", rows)

    async def main() -> dict[str, float]:
        async with SqliteStore(folder, secret=SECRET) as store:
            return await store.durations("t")

    assert run_virtual(main()) == {"good": 1.5}


# -- the secret


def test_the_secret_is_made_once_and_for_the_user_alone(tmp_path):
    """The first to ask makes a secret that only the user can read; everybody after that gets the same."""
    environment = {"XDG_STATE_HOME": str(tmp_path / "state")}
    path = state_folder(environment) / "store-secret"
    secret = user_secret(environment)
    assert len(secret) == 32
    assert user_secret(environment) == secret == path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_a_broken_secret_is_replaced(tmp_path):
    """A secret file that was cut off is made anew."""
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    path = state_folder(environment) / "store-secret"
    path.parent.mkdir()
    path.write_bytes(b"short")
    assert len(user_secret(environment)) == 32
    assert user_secret(environment) == path.read_bytes()


def test_processes_that_make_the_secret_at_once_agree(tmp_path):
    """Whoever comes first, all get one and the same secret."""
    script = f"import sys; sys.path.insert(0, {str(SCRIPTS)!r}); from fanfold.engine.folder import user_secret; "
    run = [sys.executable, "-c", f"{script}print(user_secret().hex())"]
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    processes = [subprocess.Popen(run, stdout=subprocess.PIPE, text=True, env=environment) for _ in range(4)]
    assert len({process.communicate()[0] for process in processes}) == 1


def test_the_environment_may_give_the_secret(tmp_path):
    """Where no home lasts, the environment has the secret, and no file is made."""
    environment = {"XDG_STATE_HOME": str(tmp_path), "FANFOLD_STORE_SECRET": "from the build server"}
    assert user_secret(environment) == b"from the build server"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {}, ".local/state/fanfold"),
        ("linux", {"XDG_STATE_HOME": "/x"}, "/x/fanfold"),
        ("linux", {"XDG_STATE_HOME": "in/the/repository"}, ".local/state/fanfold"),
        ("darwin", {"XDG_STATE_HOME": "/x"}, "Library/Application Support/fanfold"),
        ("win32", {}, "AppData/Local/fanfold"),
    ],
)
def test_state_lies_where_the_system_keeps_it(platform, environment, expected):
    """The user's state folder follows the system; a relative path, which a repository could fill, does not count."""
    assert state_folder(environment, platform) == Path.home() / expected


def test_without_a_secret_nothing_is_stored(folder, tmp_path, monkeypatch):
    """When the secret can neither be read nor made the run goes on without storing, and is told what to set."""
    (tmp_path / "state").write_text("a file")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("FANFOLD_STORE_SECRET", raising=False)

    async def main() -> list[str]:
        async with SqliteStore(folder) as store:
            await store.put(unit(), outcome())
            assert await store.get(unit()) is not None
            return store.problems

    problems = run_virtual(main())
    assert len(problems) == 1
    assert "FANFOLD_STORE_SECRET can be set instead" in problems[0]
    assert not (folder / "store.db").exists()


def test_the_users_secret_is_the_default(folder, tmp_path, monkeypatch):
    """Without being told otherwise a store seals with the user's own secret."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("FANFOLD_STORE_SECRET", raising=False)

    async def main(key: str) -> Any:
        async with SqliteStore(folder) as store:
            found = await store.get(unit(key))
            await store.put(unit(key), outcome(key))
            return found and found.value

    assert [run_virtual(main("k")), run_virtual(main("k"))] == [None, "value of k"]
    assert use(folder, get=("k",), secret=user_secret())[0] == {"k": "value of k"}
