"""bats: shell tests, a process for some of the files each."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fanfold.runners.base import Command, Ended, Listing, Reading, Sharding, Task
from fanfold.runners.common import Call, FileItems, command_of, explained, place_of
from fanfold.runners.results.junit import read_junit
from fanfold.runners.sight import aside, folder_of, in_sight, relative_to
from fanfold.runners.tools import Tools
from fanfold.suites import Case, Suite

_LINE = re.compile(r"in (?:test )?file (?P<file>[^,]+), line (?P<line>\d+)")


@dataclass(frozen=True)
class Bats(FileItems):
    """The runner; its report comes on stdout, test by test."""

    name: str = "bats"
    sharding: Sharding = Sharding.ITEMS
    runs_single_tests: bool = True

    def detect(self, listing: Listing) -> tuple[Suite, ...]:
        files = tuple(
            path for path in listing.paths if path.endswith(".bats") and in_sight(path) and not aside(folder_of(path))
        )
        return (Suite(name="bats", framework="bats", files=files, found_by=files[0]),) if files else ()

    def unavailable(self, suite: Suite, tools: Tools) -> str | None:
        there = suite.command or tools.which("bats")
        return None if there else "bats is not installed: npm install -g bats, or https://bats-core.readthedocs.io"

    def command(self, task: Task, tools: Tools) -> Command:
        call = Call(("bats" if task.environment.prefix else tools.which("bats") or "bats",), {})
        files = tuple(relative_to(item, task.suite.folder) for item in task.items) or task.suite.files
        own = ("--formatter", "junit")
        words = list(own)
        if task.tests:
            words += ["--filter", f"^({'|'.join(_quoted(name.partition('::')[2]) for name in task.tests)})$"]
            files = tuple(dict.fromkeys(name.partition("::")[0] for name in task.tests))
        # Its report names files below the folder of the first one; a folder that holds all of them keeps them whole.
        return command_of(task, call, *words, last=tuple(f"./{name}" for name in files), own=own)

    def results(self, task: Task, ended: Ended) -> Reading:
        at = ended.stdout.find(b"<?xml")
        reading = read_junit(ended.stdout[at:], place_of(task)) if at >= 0 else Reading()
        cases = tuple(_with_file(case, task) for case in reading.cases)
        return explained(Reading(cases, reading.error, reading.notes), ended, "bats ran no tests")


def _with_file(case: Case, task: Task) -> Case:
    """Take the file from the name that bats gives as the class."""
    owner, _, name = case.name.partition("::")
    said = _LINE.search(case.attempts[-1].message or case.attempts[-1].trace or "")
    file = place_of(task).file(_full(owner, task))
    line = int(said["line"]) if said else None
    return case.model_copy(
        update={"file": file, "name": name, "native": f"{relative_to(file, task.suite.folder)}::{name}", "line": line}
    )


def _full(owner: str, task: Task) -> str:
    """Return the one file of this shard that bats means: it may leave out the first one's folder."""
    clean = owner.removeprefix("./")
    asked = [relative_to(item, task.suite.folder) for item in task.items] or list(task.suite.files)
    return next((path for path in asked if path == clean or path.endswith("/" + clean)), clean)


def _quoted(name: str) -> str:
    return re.sub(r"([.\\+*?\[\]^$(){}|])", r"\\\1", name)


BATS = Bats()
