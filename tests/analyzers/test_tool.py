"""An analyzer's program gets batches that fit, sees nothing that it need not, and one bad file costs that file."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.analyzers.files import SourceFile
from fanfold.analyzers.tool import (
    CrashError,
    batches,
    environment,
    in_batches,
    installed,
    one_line,
    python_program,
    run_tool,
    why_missing,
    workplace,
)
from fanfold.errors import FinalError
from fanfold.pack import how_to_install

names = st.lists(st.text("abé/ '\n", min_size=1, max_size=40), max_size=60)


def files(paths: Sequence[str]) -> list[SourceFile]:
    return [SourceFile(path, Path("/r") / path) for path in paths]


@given(paths=names, most=st.integers(1, 20), most_bytes=st.integers(1, 300))
def test_batches_hold_every_file_once(paths: list[str], most: int, most_bytes: int) -> None:
    """Batches keep order, lose nothing, and stay within both limits unless one name alone exceeds them."""
    given_files = files(paths)
    made = list(batches(given_files, most=most, most_bytes=most_bytes))
    assert [file for batch in made for file in batch] == given_files
    for batch in made:
        size = sum(len(os.fsencode(file.real)) + 1 for file in batch)
        assert 0 < len(batch) <= most
        assert size <= most_bytes or len(batch) == 1


@given(paths=st.lists(st.integers(0, 10_000), unique=True, max_size=200), data=st.data())
def test_a_crash_costs_the_files_that_cause_it(paths: list[int], data: st.DataObject) -> None:
    """Whichever files crash the program, all others are looked at once, in order, and a note names each culprit."""
    names = [f"{number}.py" for number in paths]
    bad = set(data.draw(st.lists(st.sampled_from(names), max_size=5))) if names else set()

    async def run(batch: Sequence[SourceFile]) -> list[str]:
        if any(file.path in bad for file in batch):
            raise CrashError("tool was ended by signal 6")
        return [file.path for file in batch]

    results, notes = asyncio.run(in_batches(files(names), run, most=50))
    assert results == [name for name in names if name not in bad]
    culprits = [name for name in names if name in bad]
    assert notes == [f"tool was ended by signal 6 on {name}, which it did not look at" for name in culprits]


def test_a_program_that_always_crashes_is_given_up() -> None:
    """A broken program isn't started for each of a thousand files."""
    starts = 0

    async def run(batch: Sequence[SourceFile]) -> list[str]:
        nonlocal starts
        starts += 1
        raise CrashError("tool was ended by signal 4")

    with pytest.raises(CrashError, match="signal 4"):
        asyncio.run(in_batches(files([f"{n}.py" for n in range(1000)]), run))
    assert starts < 30


def test_other_failures_are_not_retried() -> None:
    """Only a crash is a file's fault."""

    async def run(batch: Sequence[SourceFile]) -> list[str]:
        raise FinalError("tool printed nonsense")

    with pytest.raises(FinalError, match="nonsense"):
        asyncio.run(in_batches(files(["a.py", "b.py"]), run))


def test_the_environment_carries_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program sees where it may write and which language is spoken, and none of the caller's tokens."""
    for name in ("ANTHROPIC_API_KEY", "GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "PYTHONPATH", "RUFF_OUTPUT_FILE"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    kept = environment()
    assert "secret" not in kept.values()
    assert kept["PATH"] == os.environ["PATH"]
    assert kept["LC_ALL"] == "C.UTF-8"


def test_what_lies_in_the_way_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution counts when it lies where packages are installed, not when the current folder pretends."""
    (tmp_path / "ruff-99.dist-info").mkdir()
    (tmp_path / "ruff-99.dist-info" / "METADATA").write_text("Name: ruff\nVersion: 99\n")
    (tmp_path / "nonesuch-1.dist-info").mkdir()
    (tmp_path / "nonesuch-1.dist-info" / "METADATA").write_text("Name: nonesuch\nVersion: 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert installed("ruff") != "99"
    assert installed("nonesuch") is None


def test_what_is_missing_says_how_to_get_it() -> None:
    """The reason names the distribution and the command that installs it; there is none for what is there."""
    assert why_missing("nonesuch") == f"nonesuch is not installed: {how_to_install('analyzers')}"
    assert why_missing("pytest") is None


def test_python_programs_import_only_what_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the current folder, nor the script's, nor PYTHONPATH is a place to import from."""
    (tmp_path / "script.py").write_text("import sys; print(*sys.path, sep='\\n')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    argv = python_program(str(tmp_path / "script.py"))
    done = asyncio.run(run_tool("script", argv, cwd=tmp_path, env=dict(os.environ)))
    assert str(tmp_path) not in done.stdout.decode().splitlines()
    assert "" not in done.stdout.decode().splitlines()


@pytest.mark.parametrize(
    ("script", "error", "says"),
    [
        ("import os; os.abort()", CrashError, r"^tool was ended by signal 6$"),
        ("raise ValueError('a\\x1b[31m' + 'b' * 1000)", FinalError, r"exit code 1: ValueError: a \[31mb{100,190}$"),
        ("import sys; sys.exit(9)", FinalError, r"^tool failed with exit code 9: it said nothing$"),
    ],
)
def test_failures_are_one_clean_line(tmp_path: Path, script: str, error: type[Exception], says: str) -> None:
    """What a failed program printed last is the reason: short, and without control characters."""
    with pytest.raises(error, match=says):
        asyncio.run(run_tool("tool", [sys.executable, "-c", script], cwd=tmp_path))


@given(st.text())
def test_one_line_is_one_line(text: str) -> None:
    """Whatever the text, the line is printable, short, and the same when cleaned again."""
    line = one_line(text)
    assert line.isprintable()
    assert len(line) <= 200
    assert one_line(line) == line


def test_a_workplace_is_empty_and_gone_afterwards() -> None:
    """Each run gets a folder of its own, which doesn't outlive it."""

    async def story() -> Path:
        async with workplace("tool", None) as folder:
            assert list(folder.iterdir()) == []
            (folder / "left").write_text("x")
        return folder

    assert not asyncio.run(story()).exists()


def test_a_timeout_inside_is_not_taken_for_the_own_one() -> None:
    """Only the workplace's own limit gets its message."""

    async def story() -> None:
        async with workplace("tool", 60):
            raise TimeoutError("somebody else's")

    with pytest.raises(TimeoutError, match="somebody else's"):
        asyncio.run(story())
