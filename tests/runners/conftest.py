"""Listings, tasks and tools for runners; and one way to run a runner's command for real."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from fanfold.runners.base import Command, Ended, Listing, Reading, Runner, Task
from fanfold.runners.discovery import listing_of
from fanfold.runners.results.place import Place
from fanfold.runners.tools import Tools
from fanfold.suites import Environment, Suite

RECORDED = Path(__file__).parent / "recorded"
PLACE = Place(Path("/repo"))


def recorded(name: str) -> bytes:
    return (RECORDED / name).read_bytes()


def told(reading: Reading) -> dict[str, str]:
    """Return the verdicts by file and name."""
    return {f"{case.file}::{case.name}" if case.file else case.name: case.verdict.value for case in reading.cases}


def listing(files: Mapping[str, str] | list[str]) -> Listing:
    """Return a listing of files that are nowhere but here."""
    texts = dict(files) if isinstance(files, Mapping) else dict.fromkeys(files, "")
    return Listing(Path("/repo"), tuple(sorted(texts)), texts.get)


@pytest.fixture
def repo(tmp_path: Path) -> Callable[[Mapping[str, str]], Listing]:
    """Write files into a folder, and return the listing of it."""

    def make(files: Mapping[str, str]) -> Listing:
        root = tmp_path / "repo"
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        return listing_of(root)

    return make


def ended_of(command: Command, environ: Mapping[str, str]) -> Ended:
    """Run a command to its end."""
    since = time.time()
    done = subprocess.run(
        command.argv,
        cwd=command.folder,
        env={**environ, **command.variables},
        capture_output=True,
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=300,
    )
    return Ended(command, done.returncode, done.stdout, done.stderr, since=since)


class Bench:
    """A suite with its runner, on this machine."""

    def __init__(self, runner: Runner, suite: Suite, root: Path, scratch: Path) -> None:
        self.runner, self.suite, self.root, self.scratch = runner, suite, root, scratch
        self.tools = Tools.of(root, os.environ)
        self.runs = 0

    def task(self, **how) -> Task:
        self.runs += 1
        place = self.scratch / str(self.runs)
        place.mkdir(parents=True)
        environment = how.pop("environment", Environment())
        return Task(self.suite, environment, self.root, place, **how)

    def run(self, **how) -> Reading:
        task = self.task(**how)
        return self.runner.results(task, ended_of(self.runner.command(task, self.tools), self.tools.environ))

    def collect(self):
        task = self.task()
        command = self.runner.collecting(task, self.tools)
        assert command is not None
        return self.runner.collected(task, ended_of(command, self.tools.environ))
