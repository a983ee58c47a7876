"""The shelf: bytes by key, sealed, many at once; one that can't be used is empty."""

import sqlite3

import pytest

from fanfold.engine.shelf import Shelf

SECRET = b"s" * 32


@pytest.fixture
def folder(tmp_path):
    return tmp_path / ".fanfold"


def test_what_was_put_is_there_the_next_time(folder):
    """Thousands of values at once, and only those asked for; a second value stands in the first one's place."""
    values = {f"key {number}": b"%d" % number for number in range(2_500)}
    with Shelf(folder, secret=SECRET) as shelf:
        shelf.put(values)
        shelf.put({"key 1": b"other"})
    with Shelf(folder, secret=SECRET) as shelf:
        assert shelf.get([*values, "no such key"]) == {**values, "key 1": b"other"}
        assert shelf.get([]) == {}
        assert shelf.problems == []


def test_what_somebody_else_wrote_is_not_there(folder):
    """A store that comes with a repository says nothing: values of another secret, moved to another key, of no type."""
    with Shelf(folder, secret=b"x" * 32) as theirs:
        theirs.put({"a": b"theirs"})
    with Shelf(folder, secret=SECRET) as ours:
        ours.put({"b": b"ours", "c": b"ours", "d": b"ours"})
    with sqlite3.connect(folder / "store.db") as connection:
        connection.execute("UPDATE shelf SET seal = (SELECT seal FROM shelf WHERE key = 'b') WHERE key = 'c'")
        connection.execute("UPDATE shelf SET value = 1.5, used = 'never' WHERE key = 'd'")
    connection.close()
    with Shelf(folder, secret=SECRET) as ours:
        assert ours.get(["a", "b", "c", "d"]) == {"b": b"ours"}


def test_what_nobody_uses_goes(folder):
    """A value that was not asked for in a month makes room; one that was stays."""
    day = 86_400.0
    with Shelf(folder, secret=SECRET, now=lambda: 0.0) as shelf:
        shelf.put({"used": b"1", "unused": b"2"})
    with Shelf(folder, secret=SECRET, now=lambda: 20 * day) as shelf:
        assert shelf.get(["used"]) == {"used": b"1"}
    with Shelf(folder, secret=SECRET, now=lambda: 40 * day) as shelf:
        shelf.put({"new": b"3"})
        assert shelf.get(["used"]) == {"used": b"1"}
        assert shelf.get(["used", "unused", "new"]) == {"used": b"1", "new": b"3"}


def test_one_that_cannot_be_used_is_empty(tmp_path):
    """Where the folder can't be made, nothing is kept, and that is said once."""
    (tmp_path / "file").write_text("")
    with Shelf(tmp_path / "file", secret=SECRET) as shelf:
        shelf.put({"a": b"1"})
        assert shelf.get(["a"]) == {}
        assert len(shelf.problems) == 1
