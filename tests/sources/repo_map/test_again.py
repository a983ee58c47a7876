"""A map that is made again reads what has changed, and is the one that would have been made anew."""

import asyncio
import os
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.engine.shelf import Shelf
from fanfold.sources.files import Stamp
from fanfold.sources.repo_map import packs
from fanfold.sources.repo_map.cache import Memory
from fanfold.sources.repo_map.discover import discover
from fanfold.sources.repo_map.facts import decode, encode, facts_of
from fanfold.sources.repo_map.kept import recall
from fanfold.sources.repo_map.mapping import map_tree
from fanfold.sources.repo_map.reading import Reading

EDITS = {
    "a comment": ("pkg/a.py", "# more\ndef one(): ...\n"),
    "a new name, used elsewhere": ("pkg/a.py", "def one(): ...\ndef fresh(): ...\n"),
    "a name that is gone": ("pkg/a.py", "x = 1\n"),
    "another import": ("pkg/b.py", "from pkg import c\n"),
    "a package that binds a name": ("pkg/__init__.py", "from pkg.a import one as c\n"),
    "a new file": ("pkg/d.py", "def two(): ...\n"),
    "a file that is gone": ("pkg/c.py", None),
    "another language": ("web/x.js", "import './y'; one();"),
    "a manifest": ("web/tsconfig.json", '{"compilerOptions": {"baseUrl": "."}}'),
    "a Go package": ("go/p/p.go", "package p\nfunc Do() {}\n"),
}


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "tree"
    for path, text in {
        "pkg/__init__.py": "",
        "pkg/a.py": "def one(): ...\n",
        "pkg/b.py": "from pkg.a import one\n\none(fresh)\n",
        "pkg/c.py": "from pkg import c, b\n\ndef two(): return one()\n",
        "web/x.js": "import './y'\n",
        "web/y.js": "export const y = 'base/z'\n",
        "go/go.mod": "module m\n",
        "go/p/p.go": "package p\nfunc Do() {}\nfunc Other() {}\n",
        "go/p/q.go": "package p\nfunc More() {}\n",
        "go/main.go": 'package main\nimport "m/p"\nfunc main() { p.Other() }\n',
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
        os.utime(root / path, (1, 1))
    return root


def test_after_each_edit_it_is_as_if_made_anew(tree):
    """Whatever the edit, edges that were taken over are those that would have been found."""
    for path, text in EDITS.values():
        with Shelf(tree / ".fanfold", secret=b"s" * 32) as shelf:
            asyncio.run(map_tree(discover([], tree), cache=shelf))
        place = tree / path
        place.unlink() if text is None else place.write_text(text)
        with Shelf(tree / ".fanfold", secret=b"s" * 32) as shelf:
            again = asyncio.run(map_tree(discover([], tree), cache=shelf))
        assert again == asyncio.run(map_tree(discover([], tree)))
        assert shelf.problems == []


class Watched:
    """A cache that says what it was given last."""

    def __init__(self):
        self.values = {}
        self.given = set()

    def get(self, keys):
        return {key: self.values[key] for key in keys if key in self.values}

    def put(self, values):
        self.given = set(values)
        self.values.update(values)


def test_only_what_changed_is_read_again(tree, monkeypatch):
    """After one edit, one pack of facts is written anew; without one, no file is opened at all."""
    later = 10**10 + max(stamp.status_ns for stamp in discover([], tree).files.values())
    monkeypatch.setattr("time.time_ns", lambda: later)  # a stamp says nothing until some time has passed
    kept = Watched()
    first = asyncio.run(map_tree(discover([], tree), cache=kept))
    (tree / "pkg/a.py").write_text("def one(): ...\ndef three(): ...\n")
    asyncio.run(map_tree(discover([], tree), cache=kept))
    assert [key.partition(":")[0] for key in kept.given] == ["read"]

    def never(*_args):
        raise AssertionError("a file was opened")

    monkeypatch.setattr("fanfold.sources.repo_map.cache.load", never)
    monkeypatch.setattr("fanfold.sources.repo_map.reading.load", never)
    again = asyncio.run(map_tree(discover([], tree), cache=kept))
    assert again.files.keys() == first.files.keys()


def test_going_back_to_another_content_parses_nothing(tree, monkeypatch):
    """As after a look at another branch: what a file said with this content is still known, for a few contents."""
    kept = Watched()
    texts = [f"def name_{number}(): ...\n" for number in range(3)]
    for text in texts:
        (tree / "pkg/a.py").write_text(text)
        asyncio.run(map_tree(discover([], tree), cache=kept))

    def never(*_args, **_options):
        raise AssertionError("a file was parsed")

    monkeypatch.setattr("fanfold.sources.repo_map.pool.read_file", never)
    for number in (0, 2, 1, 0):
        (tree / "pkg/a.py").write_text(texts[number])
        again = asyncio.run(map_tree(discover([], tree), cache=kept))
        assert [symbol.name for symbol in again.files["pkg/a.py"].facts.symbols] == [f"name_{number}"]


def test_what_is_gone_is_forgotten(tree):
    """A store does not grow with files that were there once, nor with all that a file ever held."""
    kept = Watched()
    for number in range(20):
        (tree / "pkg/c.py").write_text(f"def old_{number}(): ...\n")
        asyncio.run(map_tree(discover([], tree), cache=kept))
    known = [pack for key, pack in kept.values.items() if key.startswith("read:")]
    assert sum(pack.count(b'["old_') for pack in known) == 3
    (tree / "pkg/c.py").unlink()
    number = packs.pack_of("pkg/c.py")
    beside = next(f"new{at}.py" for at in range(10**4) if packs.pack_of(f"new{at}.py") == number)
    (tree / beside).write_text("")
    asyncio.run(map_tree(discover([], tree), cache=kept))
    assert not any(b"old_" in pack for key, pack in kept.values.items() if key.startswith("read:"))


def test_a_file_that_is_named_may_say_more(tree):
    """What is generated nobody reads, unless a person names it: neither way of reading it is taken for the other."""
    (tree / "pkg/made.py").write_text("# @generated\ndef made(): ...\n")
    kept = Watched()
    for names, known in (([], False), (["pkg/made.py"], True)) * 2:
        found = asyncio.run(map_tree(discover(names, tree), cache=kept))
        assert ("pkg/made.py" in found.files) is known


@given(
    st.lists(
        st.tuples(
            st.text(),
            st.builds(
                Reading,
                st.text("0123456789abcdef"),
                st.integers(0, 2**40),
                st.none() | st.builds(Stamp, *[st.integers(-(2**63), 2**65)] * 4),
                st.binary(),
            ),
        )
    )
)
def test_packs_hold_what_was_put_in(readings):
    """In its order, whatever paths and facts are made of; a stamp that does not fit comes back as that of no file."""
    found = list(packs.decode(packs.encode(readings)))
    assert [(name, reading._replace(stamp=None)) for name, reading in found] == [
        (name, reading._replace(stamp=None)) for name, reading in readings
    ]
    for (_, now), (_, put) in zip(found, readings, strict=True):
        fits = put.stamp and max(put.stamp[:3]) < 2**63 and 0 <= put.stamp.inode < 2**64
        assert now.stamp == put.stamp if fits else now.stamp and now.stamp.size < 0


def test_a_stamp_of_just_now_says_nothing(tree):
    """As in git's index: a file that changed so shortly before it was read may change again and look the same."""
    found = discover([], tree)
    newest = max(stamp.status_ns for stamp in found.files.values())
    for now_ns, known in ((newest + 1, 0), (newest + 10**10, len(found.files))):
        kept = Watched()
        memory = Memory(kept, found, now_ns)
        for path in found.files:
            facts = facts_of(path, Path(tree, path).read_text())
            memory.note(path, _reading(found.files[path], facts))
        memory.keep()
        assert len(Memory(kept, found, now_ns).recall()) == known


def _reading(stamp, facts):
    return Reading("content", stamp.size, stamp, encode(facts))


def test_a_file_with_the_size_and_time_of_another_is_read(tree):
    """Content that came back under an old time of change, as after a checkout or an unpacking, is noticed."""
    with Shelf(tree / ".fanfold", secret=b"s" * 32) as shelf:
        asyncio.run(map_tree(discover([], tree), cache=shelf))
        (tree / "pkg/a.py").write_text("def two(): ...\n")
        os.utime(tree / "pkg/a.py", (1, 1))
        again = asyncio.run(map_tree(discover([], tree), cache=shelf))
    assert [symbol.name for symbol in again.files["pkg/a.py"].facts.symbols] == ["two"]


def test_a_store_of_somebody_else_is_not_believed(tree):
    """A repository that ships a store with a map in it: its facts are not those on the map."""
    with Shelf(tree / ".fanfold", secret=b"x" * 32) as theirs:
        asyncio.run(map_tree(discover([], tree), cache=theirs))
    with Shelf(tree / ".fanfold", secret=b"s" * 32) as ours:
        assert ours.get([key for key in _keys(tree) if key]) == {}
        assert asyncio.run(map_tree(discover([], tree), cache=ours)) == asyncio.run(map_tree(discover([], tree)))


def _keys(tree):
    import sqlite3

    with sqlite3.connect(tree / ".fanfold" / "store.db") as connection:
        rows = [key for (key,) in connection.execute("SELECT key FROM shelf")]
    connection.close()
    assert rows
    return rows


@pytest.mark.parametrize("text", ["", "é\0", "def f():\n  '''d\ud800'''\n", "x" * 1000, "import a.b as c\n"])
def test_facts_come_back_as_they_were(text):
    """What is kept or sent is what was read; so is why nobody reads a file."""
    facts = facts_of("a.py", text)
    assert decode(encode(facts)) == facts
    assert decode(encode("binary")) == "binary"


def test_what_was_recalled_ahead_is_taken_once(tree):
    """While files are listed the store is looked into; a second map of the same listing looks again."""
    kept = Watched()
    asyncio.run(map_tree(discover([], tree), cache=kept))
    (tree / "pkg/a.py").write_text("def fresh(): ...\n")
    found = discover([], tree, recall=partial(recall, kept))
    wanted = asyncio.run(map_tree(discover([], tree)))
    for _ in range(2):
        assert asyncio.run(map_tree(found, cache=kept)) == wanted


def test_a_look_into_the_store_that_fails_is_no_silence(tree):
    """What goes wrong in the other thread comes up in this one."""

    def broken(_root, _scope, _looked):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        discover([], tree, recall=broken)
