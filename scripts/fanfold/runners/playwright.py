"""playwright: shards by its own `--shard`; a suite for each project that its settings name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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
from fanfold.runners.results.playwright import read_playwright
from fanfold.runners.sight import is_below
from fanfold.runners.tools import Tools
from fanfold.suites import Suite

_PLAYWRIGHT = NodeFramework(
    name="playwright",
    program="playwright",
    package="@playwright/test",
    settings=tuple(f"playwright.config.{end}" for end in ("ts", "js", "mts", "mjs", "cts", "cjs")),
    patterns=("*.test.[jt]s*", "*.spec.[jt]s*", "*.test.[cm][jt]s", "*.spec.[cm][jt]s"),
)
_LIMIT = Limit("--timeout", "timeout", 30_000, is_plain=False)
_TEST_FOLDER = re.compile(r"\btestDir\s*:\s*['\"](?:\./)?([^'\"]+)['\"]")
_PROJECTS = re.compile(r"\bprojects\s*:\s*\[")
_PROJECT_NAME = re.compile(r"\bname\s*:\s*['\"]([^'\"]+)['\"]")
_DEPENDS = re.compile(r"\b(?:dependencies|teardown)\s*:")
_COMMENT = re.compile(r"(?<![:'\"])//[^\n]*|/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True)
class Playwright(NodeRunner):
    """The runner; its tests run in browsers that it has to have installed."""

    name: str = "playwright"
    sharding: Sharding = Sharding.COUNT

    def detect(self, listing: Listing) -> tuple[Suite, ...]:
        return tuple(part for suite in node_suites(listing, _PLAYWRIGHT) for part in _by_project(listing, suite))

    def collecting(self, task: Task, tools: Tools) -> Command | None:
        report = task.scratch / "playwright-list.json"
        words = ("test", "--list", "--reporter=json", *task.suite.paths)
        return command_of(
            task, node_call(task, tools, "playwright"), *words, variables=_reported_to(report), results=(report,)
        )

    def collected(self, task: Task, ended: Ended) -> Collected:
        """See `Runner.collected`: its files, and the tests in them by project."""
        reading = read_files(task, ended, read_playwright)
        if not reading.cases:
            why = explained(reading, ended, "playwright wrote no report").error
            raise WorkerError(f"{task.suite.name}: playwright did not list its tests: {why}")
        tests: dict[str, list[str]] = {}
        for case in reading.cases:
            tests.setdefault(case.file, []).append(case.native)
        return Collected(tuple(Item(file, tuple(names)) for file, names in sorted(tests.items())), reading.notes)

    def command(self, task: Task, tools: Tools) -> Command:
        report = task.scratch / "playwright.json"
        own = ("--reporter=json", "--workers=1", f"--output={task.scratch / 'playwright-output'}")
        words = ["test", *own, *limit_words(task, _PLAYWRIGHT, (_LIMIT,))]
        if task.count > 1:
            words += [f"--shard={task.index}/{task.count}", "--pass-with-no-tests"]
        named, names = split_natives(task)
        words += _chosen(task, names)
        call = node_call(task, tools, "playwright")
        paths = files_of(task, named) or task.suite.paths
        return command_of(task, call, *words, *paths, variables=_reported_to(report), results=(report,), own=own)

    def results(self, task: Task, ended: Ended) -> Reading:
        return explained(asked(read_files(task, ended, read_playwright), task), ended, "playwright wrote no report")


def _reported_to(report: Path) -> dict[str, str]:
    return {"PLAYWRIGHT_JSON_OUTPUT_NAME": str(report), "PLAYWRIGHT_JSON_OUTPUT_FILE": str(report)}


def _chosen(task: Task, names: tuple[str, ...]) -> list[str]:
    """Return the words that choose tests by project and full title; several may stand on one line of a file."""
    if not names:
        return []
    parts = [name.partition("::") for name in names]
    projects = (
        [] if any(word.startswith("--project") for word in task.suite.arguments) else [p for p, _, _ in parts if p]
    )
    pattern = pattern_of(tuple(dict.fromkeys(title for _, _, title in parts))).removeprefix("^")
    return ["--grep", f" {pattern}", *(f"--project={project}" for project in dict.fromkeys(projects))]


def _by_project(listing: Listing, suite: Suite) -> Iterator[Suite]:
    """Yield a suite for each project of the settings, one when they name none or need each other.

    The settings are a program; they are read as text, so what they compute is not seen.
    """
    text = _COMMENT.sub("", settings_of(listing, suite, _PLAYWRIGHT))
    folder = _TEST_FOLDER.search(text)
    if folder:
        files = tuple(path for path in suite.files if is_below(path, folder[1].rstrip("/")))
        suite = suite.model_copy(update={"files": files})
    if "webServer" in text:
        # Every process starts it, on one port.
        suite = suite.model_copy(update={"shards": 1, "resources": (f"playwright:{suite.folder}",)})
    projects = _PROJECTS.search(text)
    names = _PROJECT_NAME.findall(text, projects.end()) if projects and not _DEPENDS.search(text) else []
    if len(set(names)) < 2 or len(set(names)) != len(names):  # noqa: PLR2004  one project is no choice
        yield suite
        return
    for name in names:
        yield suite.model_copy(
            update={"name": f"playwright-{name}", "arguments": (*suite.arguments, f"--project={name}")}
        )


PLAYWRIGHT = Playwright()
