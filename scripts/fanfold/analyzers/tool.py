"""Running an analyzer's program: where it is from, what it may see, and what to do when it crashes.

A program in Python runs in the interpreter that runs fanfold, with `-P` and `-E`, from an empty folder:
nothing in the repository, `bandit.py` or `sitecustomize.py`, can be imported instead of what is installed.
The environment is cut down to what programs need to start, so that no credential reaches them.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from fanfold.analyzers.files import SourceFile
from fanfold.engine.process import Completed, run_process
from fanfold.errors import FinalError, WorkerError
from fanfold.pack import how_to_install

T = TypeVar("T")

_KEPT = frozenset({"HOME", "LANG", "PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "USERPROFILE", "XDG_CACHE_HOME"})
_COMMAND_LINE = 100_000  # bytes of file names: Linux takes twenty times that, macOS ten times
_MOST_FILES = 500
_MOST_CRASHES = 5
_LONGEST_LINE = 200  # characters


class CrashError(WorkerError):
    """A signal ended the program: one of the files was too much for it."""


def python_program(*words: str) -> tuple[str, ...]:
    """Return the command that runs a module or a script which nothing but what is installed can replace."""
    return (sys.executable, "-E", "-P", "-X", "utf8", *words)


def installed(distribution: str) -> str | None:
    """Return the version of an installed distribution, None when there is none.

    Only folders for installed packages count: not the current one, which may be the repository.
    """
    folders = [folder for folder in sys.path if Path(folder).name in {"site-packages", "dist-packages"}]
    for found in importlib.metadata.distributions(name=distribution, path=folders):
        return found.version
    return None


def why_missing(distribution: str) -> str | None:
    """Return None when a distribution is installed, else what to do about it."""
    return None if installed(distribution) else f"{distribution} is not installed: {how_to_install('analyzers')}"


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of an analyzer's program."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith("LC_")}
    return kept | dict(extra or {})


@asynccontextmanager
async def workplace(name: str, timeout_s: float | None) -> AsyncIterator[Path]:
    """Give an empty folder, and so many seconds; then it is a TimeoutError that names the analyzer."""
    with tempfile.TemporaryDirectory(prefix="fanfold-") as folder:
        limit = asyncio.timeout(timeout_s)
        try:
            async with limit:
                yield Path(folder)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise TimeoutError(f"{name} did not end within {timeout_s:g} s") from error


async def run_tool(
    name: str,
    argv: Sequence[str | os.PathLike[str]],
    *,
    cwd: Path,
    stdin: bytes | None = None,
    env: Mapping[str, str] | None = None,
    fine: frozenset[int] = frozenset({0}),
) -> Completed:
    """Run a program whose exit code must be one of `fine`.

    Raises:
        CrashError: a signal ended it.
        FinalError: another exit code, or more output than fanfold reads.
    """
    done = await run_process(argv, cwd=cwd, timeout_s=None, stdin=stdin, env=env or environment())
    if done.returncode < 0:
        raise CrashError(f"{name} was ended by signal {-done.returncode}")
    if done.returncode not in fine:
        raise FinalError(f"{name} failed with exit code {done.returncode}: {reason(done.stderr)}")
    if done.truncated:
        raise FinalError(f"{name} printed more than fanfold reads")
    return done


def reason(stderr: bytes) -> str:
    """Return the last line that a program had to say, cleaned and short: in Python that is the exception."""
    lines = stderr.decode("utf-8", "replace").strip().splitlines() or ["it said nothing"]
    return one_line(lines[-1])


def one_line(text: str) -> str:
    """Return text on one line, without control characters, and short."""
    clean = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(clean.split())[:_LONGEST_LINE]


async def in_batches(
    files: Iterable[SourceFile],
    run: Callable[[Sequence[SourceFile]], Awaitable[Iterable[T]]],
    *,
    most: int = _MOST_FILES,
    most_bytes: int = _COMMAND_LINE,
) -> tuple[list[T], list[str]]:
    """Run a program on all files, so many at a time as `batches` gives it; return its results and notes.

    A batch on which it crashes is halved until the file is found that does it, which a note names.

    Raises:
        CrashError: more than a handful of files do it.
    """
    results: list[T] = []
    notes: list[str] = []
    waiting = list(batches(files, most=most, most_bytes=most_bytes))[::-1]
    while waiting:
        batch = waiting.pop()
        try:
            results += await run(batch)
        except CrashError as crash:
            half = len(batch) // 2
            if half:
                waiting += [batch[half:], batch[:half]]
                continue
            notes.append(f"{crash} on {batch[0].path}, which it did not look at")
            if len(notes) > _MOST_CRASHES:
                raise
    return results, notes


def batches(files: Iterable[SourceFile], *, most: int, most_bytes: int) -> Iterator[list[SourceFile]]:
    """Yield the files in order, `most` at once at most, and so many as have names of `most_bytes` together."""
    batch: list[SourceFile] = []
    size = 0
    for file in files:
        length = len(os.fsencode(file.real)) + 1
        if batch and (size + length > most_bytes or len(batch) == most):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += length
    if batch:
        yield batch
