"""What a runner is: the one who knows a test framework, without running anything itself.

A runner recognises suites in a list of files, says how its tool is called for one shard, and reads back what the tool
wrote. Starting processes, watching and ending them is the worker's business (`skills/parallel_test`): a runner is a
set of pure functions, but for reading files. So it is tried on recorded outputs, without its tool.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from fanfold.runners.tools import Tools
from fanfold.suites import Case, Environment, Suite


class Sharding(StrEnum):
    """How a suite can be split.

    ITEMS: the command takes a list of items (files, packages, test ids), so any partition of them is possible.
    COUNT: the tool splits by itself, and is told "shard i of n". WHOLE: one process.
    """

    ITEMS = "items"
    COUNT = "count"
    WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class Listing:
    """A repository as discovery sees it: names of files, and the text of those that are asked for.

    `paths` are relative to `root`, spelled as `fanfold.sources.text.shown` does, in order. `read` returns None for a
    file that is missing, binary or too large. `known` are the paths as a set.
    """

    root: Path
    paths: tuple[str, ...]
    read: Callable[[str], str | None]
    known: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "known", frozenset(self.paths))


@dataclass(frozen=True, slots=True)
class Task:
    """One shard of a suite in an environment: what `command` is asked to run.

    `items` are the suite's items that the shard is made of (ITEMS), () for all; `index` of `count`, from 1, is for
    COUNT. `tests` are the `native` names of single tests, which are then all that is run, in that order where the
    framework keeps one. `scratch` is an existing folder of the worker's own for result files.
    `timeout_s` is what a test may take, None for no limit.
    """

    suite: Suite
    environment: Environment
    root: Path
    scratch: Path
    items: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    index: int = 1
    count: int = 1
    timeout_s: float | None = None

    @property
    def folder(self) -> Path:
        """The suite's folder on disk."""
        return self.root / self.suite.folder


@dataclass(frozen=True, slots=True)
class Command:
    """A process to start: `variables` are added to the environment; result files are absolute, and may be globs.

    `own` is what of `argv` only fanfold needs, to read results: words that stand together.
    """

    argv: tuple[str, ...]
    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    results: tuple[str, ...] = ()
    own: tuple[str, ...] = ()

    @property
    def plain(self) -> tuple[str, ...]:
        """The words without those that are fanfold's own: as a person types it."""
        size = len(self.own)
        at = next((n for n in range(len(self.argv)) if size and self.argv[n : n + size] == self.own), None)
        return self.argv if at is None else (*self.argv[:at], *self.argv[at + size :])


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that has ended: what a runner reads results from.

    `returncode` is minus the signal's number when a signal ended it, `stdout` and `stderr` are what is kept of the
    output, and `truncated` says that it is not all. `command` is what was run, and `since` when it was started, in
    seconds since the epoch: an older result file is another run's.
    """

    command: Command
    returncode: int
    stdout: bytes = b""
    stderr: bytes = b""
    truncated: bool = False
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class Item:
    """Something a suite can be split into; `tests` are the `native` names in it, () when not known."""

    name: str
    tests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Collected:
    """What a suite is made of; `notes` say what could not be collected, and why, in a sentence each."""

    items: tuple[Item, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read back from a process.

    `error` says why the suite did not run as a whole (it does not compile, nothing was collected); `notes` say what of
    the results could not be read.
    """

    cases: tuple[Case, ...] = ()
    error: str | None = None
    notes: tuple[str, ...] = ()


class Runner(Protocol):
    """One test framework. `run_alone` tells whether `Task.tests` can be honoured."""

    @property
    def name(self) -> str:
        """The one it is registered under."""
        ...

    @property
    def sharding(self) -> Sharding:
        """How its suites can be split."""
        ...

    @property
    def runs_single_tests(self) -> bool:
        """Can it run tests that are named one by one?"""
        ...

    def detect(self, listing: Listing) -> tuple[Suite, ...]:
        """Return the suites of this framework; no code of the repository is run."""
        ...

    def unavailable(self, suite: Suite, tools: Tools) -> str | None:
        """Return None when its tool can be called for this suite, else what is missing and how to get it."""
        ...

    def items(self, suite: Suite) -> tuple[Item, ...]:
        """Return the items that are known from the names of files alone; () when none are."""
        ...

    def most_shards(self, suite: Suite, tools: Tools) -> int | None:
        """Return how many shards the tool as it is installed can make at the most, None for any number."""
        ...

    def collecting(self, task: Task, tools: Tools) -> Command | None:
        """Return the command that names the suite's items and tests, better than `items`; None without any."""
        ...

    def collected(self, task: Task, ended: Ended) -> Collected:
        """Read what `collecting` printed.

        Raises:
            WorkerError: it failed; one line says why.
        """
        ...

    def command(self, task: Task, tools: Tools) -> Command:
        """Return the command that runs a shard; `suite.command`, `suite.arguments` and the prefix are in it."""
        ...

    def unbuilt(self, reading: Reading) -> str | None:
        """Return why no suite of the same folder can be built, as was read of one; None when others may be."""
        ...

    def results(self, task: Task, ended: Ended) -> Reading:
        """Read what the command left: its output, its result files; never raises for what they hold."""
        ...
