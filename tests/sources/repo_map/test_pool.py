"""Reading many files in processes: one that hangs or crashes its parser costs itself, and nothing is left behind."""

import asyncio
import sys

import psutil
import pytest

from fanfold.sources.repo_map.discover import discover
from fanfold.sources.repo_map.mapping import map_tree

WIDE = "// " + "x" * 3_000 + "\n"  # nobody wrote that by hand, so it is not read in this process


class Kept:
    """A cache for one test."""

    def __init__(self):
        self.values = {}

    def get(self, keys):
        return {key: self.values[key] for key in keys if key in self.values}

    def put(self, values):
        self.values.update(values)


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "tree"
    root.mkdir()
    for number in range(60):
        (root / f"m{number}.py").write_text(f"import m{(number + 1) % 60}\n\ndef f{number}(): ...\n")
    (root / "bad.go").write_text(f"{WIDE}package bad\n")
    return root


@pytest.fixture
def parser(tmp_path, monkeypatch):
    """Put a grammar for Go in the place of the real one, as the workers import it."""

    def install(body):
        folder = tmp_path / "injected"
        folder.mkdir()
        (folder / "tree_sitter_go.py").write_text(f"import os, signal, time\n\ndef language():\n    {body}\n")
        monkeypatch.setattr(sys, "path", [str(folder), *sys.path])

    return install


@pytest.fixture
def children():
    """Return a function: the processes that this one has besides those that it had before, as other tests' servers."""
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    return lambda: {process.pid for process in psutil.Process().children(recursive=True)} - before


@pytest.mark.parametrize("jobs", [1, 3])
@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("time.sleep(600)", "reading it took longer than 3 s, so it was not parsed"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "the process that parsed it ended, so it was not parsed"),
        ("os._exit(0)", "the process that parsed it ended, so it was not parsed"),
    ],
)
def test_a_bad_file_costs_itself(tree, parser, children, *, body, why, jobs):
    """A parser that hangs or takes its process down: the file has a note and its size, all the others have facts."""
    parser(body)
    found = asyncio.run(map_tree(discover([], tree), jobs=jobs, timeout_s=3))
    bad = found.files["bad.go"].facts
    assert (bad.note, bad.language, bad.lines, bad.symbols) == (why, "go", 2, ())
    assert len(found.files) == 61
    assert all(len(found.files[f"m{number}.py"].facts.symbols) == 1 for number in range(60))
    assert found.imports["m7.py"] == ("m8.py",)
    assert children() == set()


def test_it_is_not_tried_again_before_it_changes(tree, parser):
    """What hung a parser once is known by its content: the next run neither waits for it nor reads it here."""
    parser("time.sleep(600)")
    kept = Kept()
    first = asyncio.run(map_tree(discover([], tree), cache=kept, timeout_s=2))
    assert asyncio.run(map_tree(discover([], tree), cache=kept, timeout_s=30)) == first


def test_a_cancelled_map_leaves_no_process(tree, parser, children):
    """Ctrl-C while a parser hangs."""
    parser("time.sleep(600)")

    async def cancelled():
        mapping = asyncio.create_task(map_tree(discover([], tree), jobs=2))
        while len(children()) < 2:  # noqa: ASYNC110  processes set no event
            await asyncio.sleep(0.02)
        mapping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await mapping

    asyncio.run(cancelled())
    assert children() == set()


def test_where_no_process_starts_files_are_read_all_the_same(tree, monkeypatch, tmp_path):
    """An interpreter that is gone, or one that ends at once, costs time and nothing else."""
    wanted = asyncio.run(map_tree(discover([], tree)))
    for program in (tmp_path / "gone", "/bin/false"):
        monkeypatch.setattr(sys, "executable", str(program))
        assert asyncio.run(map_tree(discover([], tree))) == wanted


def test_processes_and_this_one_read_alike(tree):
    """A map does not depend on how many read it; progress ends at all files."""
    (tree / "bad.go").unlink()
    here, told = asyncio.run(map_tree(discover([], tree))), []
    (tree / "wide.txt").write_text(WIDE)
    there = asyncio.run(map_tree(discover([], tree), jobs=2, progress=lambda *said: told.append(said)))
    assert {path: file for path, file in there.files.items() if path != "wide.txt"} == dict(here.files)
    assert there.imports == here.imports
    assert told == [(number, 61) for number in range(1, 62)]
