"""node's own test runner: a process for some of the test files each, reported by `children/node_reporter.mjs`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fanfold.runners.base import Command, Ended, Listing, Reading, Sharding, Task
from fanfold.runners.common import Call, FileItems, asked, command_of, explained, files_of, read_files, split_natives
from fanfold.runners.node_runner import pattern_of
from fanfold.runners.node_suites import NodeFramework, matches, node_suites
from fanfold.runners.results.node_test import JOINT, read_node
from fanfold.runners.tools import Tools
from fanfold.runners.unittest import CHILDREN
from fanfold.suites import Suite


class _NodeTest(NodeFramework):
    __slots__ = ()

    def calls(self, script: str) -> bool:
        """`node --test`, and `--test` alone when only a word is looked at."""
        return bool(re.search(r"(?:^|\s)(?:node|tsx)\s(?:.*\s)?--test(?:\s|$)", script)) or script == "--test"


_NODE = _NodeTest(
    name="node",
    program="node",
    package="",
    settings=(),
    patterns=(
        *("*.test.js", "*[-_]test.js", "test-*.js", "test.js", "test/*.js", "*/test/*.js"),
        *("*.test.[cm]js", "*[-_]test.[cm]js", "test-*.[cm]js", "test.[cm]js", "test/*.[cm]js", "*/test/*.[cm]js"),
    ),
)


@dataclass(frozen=True)
class NodeTest(FileItems):
    """The runner; a suite is a package whose script calls `node --test`."""

    name: str = "node"
    sharding: Sharding = Sharding.ITEMS
    runs_single_tests: bool = True

    def detect(self, listing: Listing) -> tuple[Suite, ...]:
        return tuple(_with_files(suite) for suite in node_suites(listing, _NODE))

    def unavailable(self, suite: Suite, tools: Tools) -> str | None:
        return None if suite.command or tools.which("node") else "node is not installed: https://nodejs.org"

    def command(self, task: Task, tools: Tools) -> Command:
        report = task.scratch / "node.jsonl"
        reporter = CHILDREN / "node_reporter.mjs"
        own = (f"--test-reporter={reporter}", f"--test-reporter-destination={report}")
        words = ["--test", *own]
        named, names = split_natives(task)
        if task.tests:
            # A name alone up to version 20, the titles above it as well from 22 on.
            words += [f"--test-name-pattern=/{pattern_of(_titles(names)).replace('^', '(?:^| )', 1)}/"]
        files = files_of(task, named) or task.suite.paths
        node = tools.which("node") or "node"
        call = Call(("node" if task.environment.prefix else node,), {})
        return command_of(task, call, *words, results=(report,), last=tuple(files), own=own)

    def results(self, task: Task, ended: Ended) -> Reading:
        return explained(asked(read_files(task, ended, read_node), task), ended, "node ran no tests")


def _titles(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the titles that have to be chosen: a subtest is run by the test around it, which is chosen with it."""
    return tuple(dict.fromkeys(title for name in names for title in _parts(name)))


def _parts(name: str) -> tuple[str, ...]:
    """Return the titles in a name, and the name itself, which may be one title that looks like several."""
    parts = name.split(JOINT)
    return (*parts, name) if len(parts) > 1 else (name,)


def _with_files(suite: Suite) -> Suite:
    """Take the files that a script names, as node would: folders and patterns are looked up in the list of files."""
    words = [word for word in suite.arguments if not word.startswith("-")]
    options = tuple(word for word in suite.arguments if word.startswith("-"))
    files = tuple(path for path in suite.files if not words or _named(path, words))
    return suite.model_copy(update={"files": files, "paths": tuple(words), "arguments": options, "command": ()})


def _named(path: str, words: list[str]) -> bool:
    clean = [word.removeprefix("./").rstrip("/") for word in words]
    return any(path == word or path.startswith(word + "/") or matches(path, (word,)) for word in clean)


NODE = NodeTest()
