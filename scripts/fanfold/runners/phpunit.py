"""PHPUnit: a process for some of the test classes each; a suite for each <testsuite> of its settings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fanfold.errors import WorkerError
from fanfold.runners.base import Collected, Command, Ended, Item, Listing, Reading, Sharding, Task
from fanfold.runners.common import Call, Plain, command_of, explained, read_files
from fanfold.runners.results.junit import read_junit
from fanfold.runners.results.safe_xml import parse_xml
from fanfold.runners.sight import aside, folder_of, in_sight, is_below, named
from fanfold.runners.tools import Tools
from fanfold.suites import Case, Suite

_SETTINGS = ("phpunit.xml", "phpunit.xml.dist", "phpunit.dist.xml")
_LISTED = re.compile(r"^ - (?P<owner>[\w\\]+)::(?P<name>.+)$", re.MULTILINE)
_OWN = "vendor/bin/phpunit"
_DATA_SET = re.compile(r' with data set (?:#(\d+)|"(.*)")$', re.DOTALL)


@dataclass(frozen=True)
class PhpUnit(Plain):
    """The runner; its items are the names of test classes, which PHPUnit lists."""

    name: str = "phpunit"
    sharding: Sharding = Sharding.ITEMS
    runs_single_tests: bool = True

    def detect(self, listing: Listing) -> tuple[Suite, ...]:
        settings = {folder_of(path): path for path in reversed(named(listing, *_SETTINGS))}
        return tuple(
            suite
            for folder, path in sorted(settings.items())
            if not aside(folder) and _has_tests(listing, folder)
            for suite in _suites(listing, folder, path)
        )

    def unavailable(self, suite: Suite, tools: Tools) -> str | None:
        there = suite.command or (tools.root / suite.folder / _OWN).is_file() or tools.which("phpunit")
        return None if there else f"PHPUnit is not installed in {suite.folder}: run `composer install` there"

    def collecting(self, task: Task, tools: Tools) -> Command | None:
        return command_of(task, _call(task, tools), "--list-tests")

    def collected(self, task: Task, ended: Ended) -> Collected:
        """See `Runner.collected`: its classes. Data sets are listed in another spelling than they run under."""
        names = [match["owner"] for match in _LISTED.finditer(ended.stdout.decode("utf-8", "replace"))]
        if ended.returncode and not names:
            raise WorkerError(f"{task.suite.name}: PHPUnit did not list its tests")
        return Collected(tuple(Item(name) for name in sorted(set(names))))

    def command(self, task: Task, tools: Tools) -> Command:
        report = task.scratch / "phpunit.xml"
        chosen: tuple[str, ...] = ()
        if task.tests:
            chosen = ("--filter", f"/^({'|'.join(map(_quoted, task.tests))})$/")
        elif task.items:
            chosen = ("--filter", f"/^({'|'.join(map(_quoted, task.items))})::/")
        own = ("--log-junit", str(report))
        return command_of(task, _call(task, tools), *own, *chosen, results=(report,), own=own)

    def results(self, task: Task, ended: Ended) -> Reading:
        reading = read_files(task, ended, read_junit)
        cases = tuple(map(_named, reading.cases))
        return explained(Reading(cases, reading.error, reading.notes), ended, "PHPUnit wrote no report")


def _has_tests(listing: Listing, folder: str) -> bool:
    return any(path.endswith("Test.php") and is_below(path, folder) and in_sight(path) for path in listing.paths)


def _suites(listing: Listing, folder: str, path: str) -> Iterator[Suite]:
    """Yield a suite for each that the settings name, or one when they name one or none."""
    document = parse_xml((listing.read(path) or "").encode())
    names = [
        name
        for one in (document.root.iter("testsuite") if document.root is not None else ())
        if (name := one.get("name"))
    ]
    whole = Suite(name="phpunit", framework="phpunit", folder=folder, found_by=path)
    if len(set(names)) < 2:  # noqa: PLR2004  one is no choice
        yield whole
        return
    for name in dict.fromkeys(names):
        slug = re.sub(r"[^\w.-]+", "-", name).strip("-").lower() or "phpunit"
        yield whole.model_copy(update={"name": slug, "arguments": ("--testsuite", name)})


def _call(task: Task, tools: Tools) -> Call:
    if (task.folder / _OWN).is_file():
        return Call((str(Path(_OWN)),) if task.environment.prefix else (str(task.folder / _OWN),), {})
    return Call(("phpunit" if task.environment.prefix else tools.which("phpunit") or "phpunit",), {})


def _quoted(name: str) -> str:
    return re.sub(r"([.\\+*?\[\]^$(){}=!<>|:#/-])", r"\\\1", name)


def _named(case: Case) -> Case:
    """Give a case its class as PHP spells it, and the name that `--filter` knows it by."""
    owner, _, method = case.name.partition("::")
    name = f"{owner.replace('.', chr(92))}::{method}"
    data = _DATA_SET.search(method)
    return case.model_copy(update={"name": name, "native": name, "parameters": (data[1] or data[2]) if data else ""})


PHPUNIT = PhpUnit()
