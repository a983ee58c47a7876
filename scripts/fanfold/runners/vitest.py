"""vitest: shards by its own `--shard`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from fanfold.errors import WorkerError
from fanfold.runners.base import Collected, Command, Ended, Item, Listing, Reading, Sharding, Task
from fanfold.runners.common import (
    asked,
    command_of,
    explained,
    files_of,
    node_call,
    place_of,
    read_files,
    split_natives,
)
from fanfold.runners.node_limits import Limit, limit_words
from fanfold.runners.node_runner import NodeRunner, pattern_of
from fanfold.runners.node_suites import NodeFramework, node_suites
from fanfold.runners.results.jest import read_jest
from fanfold.runners.results.junit import read_junit
from fanfold.runners.results.place import Place
from fanfold.runners.results.vitest import completed
from fanfold.runners.tools import Tools
from fanfold.suites import Suite

_ENDS = ("ts", "js", "mts", "mjs", "cts", "cjs")
_VITEST = NodeFramework(
    name="vitest",
    program="vitest",
    package="vitest",
    settings=tuple(f"vitest.{kind}.{end}" for kind in ("config", "workspace") for end in (*_ENDS, "json")),
    patterns=("*.test.[jt]s", "*.spec.[jt]s", "*.test.[jt]sx", "*.spec.[jt]sx", "*.test.[cm][jt]s", "*.spec.[cm][jt]s"),
)
_LIMITS = (Limit("--testTimeout", "testTimeout", 5_000), Limit("--hookTimeout", "hookTimeout", 10_000))
_LISTS_FILES_SINCE = (2, 1)


@dataclass(frozen=True)
class Vitest(NodeRunner):
    """The runner. It splits files by itself, and is told to use one process: the shards are the others."""

    name: str = "vitest"
    sharding: Sharding = Sharding.COUNT

    def detect(self, listing: Listing) -> tuple[Suite, ...]:
        return node_suites(listing, _VITEST)

    def collecting(self, task: Task, tools: Tools) -> Command | None:
        version = tools.node(task.suite.folder, "vitest").version
        if version and version < _LISTS_FILES_SINCE:
            return None
        output = task.scratch / "vitest-files.json"
        words = ("list", "--filesOnly", f"--json={output}", *task.suite.paths)
        return command_of(task, node_call(task, tools, "vitest"), *words, results=(output,))

    def collected(self, task: Task, ended: Ended) -> Collected:
        """See `Runner.collected`: its files; one that several projects run is one item."""
        try:
            with open(ended.command.results[0], encoding="utf-8") as file:  # noqa: PTH123  a name, not a path
                names = {str(entry["file"]) for entry in json.load(file)}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise WorkerError(f"{task.suite.name}: vitest did not list its tests") from error
        place = place_of(task)
        return Collected(tuple(Item(name) for name in sorted(map(place.file, names))))

    def command(self, task: Task, tools: Tools) -> Command:
        report, junit = task.scratch / "vitest.json", task.scratch / "vitest.xml"
        files = (f"--outputFile.json={report}", f"--outputFile.junit={junit}")
        own = ("--reporter=json", "--reporter=junit", *files, "--maxWorkers=1", "--no-color")
        words = ["run", *own, *limit_words(task, _VITEST, _LIMITS)]
        if task.count > 1:
            words += [f"--shard={task.index}/{task.count}", "--passWithNoTests"]
        named, names = split_natives(task)
        if task.tests:
            words += ["--testNamePattern", pattern_of(names)]
        call = node_call(task, tools, "vitest")
        paths = files_of(task, named) or task.suite.paths
        return command_of(task, call, *words, *paths, results=(report, junit), own=own)

    def results(self, task: Task, ended: Ended) -> Reading:
        reading = completed(_of(task, ended, ".json", read_jest), _of(task, ended, ".xml", read_junit))
        return explained(asked(reading, task), ended, "vitest wrote no report")


def _of(task: Task, ended: Ended, ending: str, read: Callable[[bytes, Place], Reading]) -> Reading:
    """Read one kind of the reports."""
    results = tuple(name for name in ended.command.results if name.endswith(ending))
    return read_files(task, replace(ended, command=replace(ended.command, results=results)), read)


VITEST = Vitest()
