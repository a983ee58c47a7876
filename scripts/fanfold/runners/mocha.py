"""mocha: a process for some of the test files each, unless its settings name the files themselves."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fanfold.errors import WorkerError
from fanfold.runners.base import Collected, Command, Ended, Item, Listing, Reading, Sharding, Task
from fanfold.runners.common import (
    asked,
    command_of,
    explained,
    files_of,
    node_call,
    read_files,
    split_natives,
)
from fanfold.runners.node_limits import Limit, limit_words
from fanfold.runners.node_runner import NodeRunner, pattern_of
from fanfold.runners.node_suites import NodeFramework, node_suites, settings_of
from fanfold.runners.results.mocha import read_mocha
from fanfold.runners.tools import Tools
from fanfold.suites import Suite

_MOCHA = NodeFramework(
    name="mocha",
    program="mocha",
    package="mocha",
    settings=tuple(f".mocharc.{end}" for end in ("js", "cjs", "mjs", "json", "jsonc", "yml", "yaml")),
    patterns=(
        "test/*.[jt]s",
        "test/*.[cm][jt]s",
        "*.spec.[jt]s",
        "*.test.[jt]s",
        "*.spec.[cm][jt]s",
        "*.test.[cm][jt]s",
    ),
    key="mocha",
)
_LIMIT = Limit("--timeout", "timeout", 2_000)
_SPEC = re.compile(r"""\bspec["']?\s*:""")


@dataclass(frozen=True)
class Mocha(NodeRunner):
    """The runner. Its items are files, which `--dry-run` names with the tests in them."""

    name: str = "mocha"
    sharding: Sharding = Sharding.ITEMS

    def detect(self, listing: Listing) -> tuple[Suite, ...]:
        return tuple(_with_files(listing, suite) for suite in node_suites(listing, _MOCHA))

    def collecting(self, task: Task, tools: Tools) -> Command | None:
        return self._command(task, tools, "--dry-run", *task.suite.paths)

    def collected(self, task: Task, ended: Ended) -> Collected:
        """See `Runner.collected`: its files, and the full titles in them."""
        reading = read_files(task, ended, read_mocha)
        if ended.returncode and not reading.cases:
            raise WorkerError(f"{task.suite.name}: mocha did not list its tests")
        tests: dict[str, list[str]] = {}
        for case in reading.cases:
            tests.setdefault(case.file, []).append(case.native)
        return Collected(tuple(Item(file, tuple(names)) for file, names in sorted(tests.items())))

    def command(self, task: Task, tools: Tools) -> Command:
        named, names = split_natives(task)
        chosen = ["--grep", pattern_of(names)] if task.tests else []
        chosen += limit_words(task, _MOCHA, (_LIMIT,))
        return self._command(task, tools, *chosen, *(files_of(task, named) or task.suite.paths))

    def _command(self, task: Task, tools: Tools, *words: str) -> Command:
        report = task.scratch / "mocha.json"
        own = ("--reporter", "json", "--reporter-option", f"output={report}")
        return command_of(task, node_call(task, tools, "mocha"), *own, *words, results=(report,), own=own)

    def results(self, task: Task, ended: Ended) -> Reading:
        return explained(asked(read_files(task, ended, read_mocha), task), ended, "mocha wrote no report")


def _with_files(listing: Listing, suite: Suite) -> Suite:
    """Move the files that a script names to `paths`. Settings that name files add them to any: then it is one shard."""
    settings = settings_of(listing, suite, _MOCHA)
    options = [word for word in suite.arguments if word.startswith("-")]
    # A word behind an option may be its value: then it stays where it is.
    plain = suite.arguments if not options else ()
    named_files = _SPEC.search(settings) is not None or bool(options and len(options) != len(suite.arguments))
    return suite.model_copy(
        update={
            "paths": plain or suite.paths,
            "arguments": () if plain else suite.arguments,
            "shards": 1 if named_files else suite.shards,
        }
    )


MOCHA = Mocha()
