"""jest: shards by its own `--shard` from version 28 on; one process before that."""

from __future__ import annotations

import json
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
from fanfold.runners.tools import Tools
from fanfold.suites import Suite

_JEST = NodeFramework(
    name="jest",
    program="jest",
    package="jest",
    settings=tuple(f"jest.config.{end}" for end in ("js", "cjs", "mjs", "ts", "cts", "mts", "json")),
    patterns=("*.test.[jt]s*", "*.spec.[jt]s*", "*.test.[cm][jt]s", "*.spec.[cm][jt]s", "*/__tests__/*.[jt]s*"),
    key="jest",
)
_LIMIT = Limit("--testTimeout", "testTimeout", 5_000)
_UNWRITTEN = "New snapshot was not written"
_WRITE_IT = "it is run with --ci, which writes no new snapshot: run it without, and commit what it has written"
_SHARDS_SINCE = (28,)


@dataclass(frozen=True)
class Jest(NodeRunner):
    """The runner. It splits files by itself, and is told not to use several processes: the shards are those."""

    name: str = "jest"
    sharding: Sharding = Sharding.COUNT

    def detect(self, listing: Listing) -> tuple[Suite, ...]:
        return node_suites(listing, _JEST)

    def most_shards(self, suite: Suite, tools: Tools) -> int | None:
        version = tools.node(suite.folder, "jest").version
        return 1 if version and version < _SHARDS_SINCE else None

    def collecting(self, task: Task, tools: Tools) -> Command | None:
        return command_of(task, node_call(task, tools, "jest"), "--listTests", "--json")

    def collected(self, task: Task, ended: Ended) -> Collected:
        """See `Runner.collected`: its files."""
        try:
            # Settings may print lines of their own before it.
            names = json.loads(ended.stdout.decode("utf-8", "replace").strip().splitlines()[-1])
        except (ValueError, IndexError) as error:
            raise WorkerError(f"{task.suite.name}: jest did not list its tests") from error
        place = place_of(task)
        return Collected(tuple(sorted((Item(place.file(str(name))) for name in names), key=lambda item: item.name)))

    def command(self, task: Task, tools: Tools) -> Command:
        report = task.scratch / "jest.json"
        own = ("--json", f"--outputFile={report}", "--testLocationInResults", "--maxWorkers=1")
        # It writes no new snapshot then: a run must not change what it judges by.
        words = [*own, "--ci", *limit_words(task, _JEST, (_LIMIT,))]
        if task.count > 1:
            words += [f"--shard={task.index}/{task.count}", "--passWithNoTests"]
        named, names = split_natives(task)
        if task.tests:
            words += ["--testNamePattern", pattern_of(names)]
        if files := files_of(task, named):
            words += ["--runTestsByPath", *files]
        return command_of(task, node_call(task, tools, "jest"), *words, results=(report,), own=own)

    def results(self, task: Task, ended: Ended) -> Reading:
        reading = asked(read_files(task, ended, read_jest), task)
        if any(_UNWRITTEN in (one.trace or "") for case in reading.cases for one in case.attempts):
            reading = replace(reading, notes=(*reading.notes, _WRITE_IT))
        return explained(reading, ended, "jest wrote no report")


JEST = Jest()
