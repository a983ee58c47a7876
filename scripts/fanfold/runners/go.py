"""go: a process for some of the packages each; go's build cache is shared, and made for that."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace

from fanfold.errors import WorkerError
from fanfold.runners.base import Collected, Command, Ended, Item, Listing, Reading, Sharding, Task
from fanfold.runners.common import Call, Plain, command_of, explained, place_of
from fanfold.runners.go_sources import not_reached
from fanfold.runners.results.gotest import read_go
from fanfold.runners.sight import aside, folder_of, in_sight, join, named, nearest, relative_to
from fanfold.runners.tools import Tools
from fanfold.suites import Suite

# Names, and not folders: those are spelled in several ways where there are links, and are others in a container.
_LISTED = "{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}} {{with .Module}}{{.Path}}{{end}}{{end}}"
_MODULE = re.compile(r"^module\s+\"?(\S+?)\"?\s*(?://.*)?$", re.MULTILINE)


@dataclass(frozen=True)
class Go(Plain):
    """The runner; a suite is a module, its items are the packages that have tests."""

    name: str = "go"
    sharding: Sharding = Sharding.ITEMS
    runs_single_tests: bool = True

    def detect(self, listing: Listing) -> tuple[Suite, ...]:
        modules = {folder_of(path) for path in named(listing, "go.mod")}
        files: dict[str, list[str]] = defaultdict(list)
        for path in listing.paths:
            if path.endswith("_test.go") and in_sight(path) and (folder := nearest(path, modules)):
                files[folder].append(relative_to(path, folder))
        return tuple(
            Suite(name="go", framework="go", folder=at, files=tuple(files[at]), found_by=join(at, "go.mod"))
            for at in sorted(files)
            if not aside(at)
        )

    def unavailable(self, suite: Suite, tools: Tools) -> str | None:
        return None if suite.command or tools.which("go") else "go is not installed: https://go.dev/doc/install"

    def items(self, suite: Suite) -> tuple[Item, ...]:
        folders = sorted({folder_of(path) for path in suite.files})
        return tuple(Item("." if folder == "." else f"./{folder}") for folder in folders)

    def collecting(self, task: Task, tools: Tools) -> Command | None:
        return command_of(task, self._call(task, tools), "list", "-f", _LISTED, *(task.suite.paths or ("./...",)))

    def collected(self, task: Task, ended: Ended) -> Collected:
        """See `Runner.collected`: its packages, as `./folder`."""
        if ended.returncode:
            last = (ended.stderr.decode("utf-8", "replace").strip().splitlines() or ["it said nothing"])[-1]
            raise WorkerError(f"{task.suite.name}: go did not list its packages: {last}")
        lines = ended.stdout.decode("utf-8", "replace").splitlines()
        return Collected(tuple(Item(name) for name in sorted(_item(line) for line in lines if line.strip())))

    def _call(self, task: Task, tools: Tools) -> Call:
        return Call(("go" if task.environment.prefix else tools.which("go") or "go",), {})

    def command(self, task: Task, tools: Tools) -> Command:
        # Packages run one after the other inside of a shard: the shards are what runs at the same time.
        own = ("-json", "-p=1")
        words = ["test", *own]
        packages = task.items or task.suite.paths or ("./...",)
        if task.tests:
            # A package that did not compile is named as a whole.
            named = tuple(name for name in task.tests if "::" in name)
            words += ["-run", _pattern(named)] if named else []
            packages = tuple(dict.fromkeys(name.partition("::")[0] for name in task.tests))
        return command_of(task, self._call(task, tools), *words, last=tuple(packages), own=own)

    def results(self, task: Task, ended: Ended) -> Reading:
        try:
            match = _MODULE.search((task.folder / "go.mod").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            match = None
        reading = read_go(ended.stdout, ended.stderr, place_of(task), module=match[1] if match else "")
        reading = replace(reading, cases=(*reading.cases, *not_reached(task, reading.cases)))
        return explained(reading, ended, "go ran no tests")


def _item(line: str) -> str:
    """Return a listed package as it is named from its module's folder; by its own name where it is in no module."""
    package, _, module = line.strip().partition(" ")
    if package == module:
        return "."
    return f"./{package[len(module) + 1 :]}" if module and package.startswith(module + "/") else package


def _pattern(tests: tuple[str, ...]) -> str:
    """Return what `-run` takes for tests of one name each: the levels of subtests have patterns of their own."""
    names = [name.partition("::")[2].split("/") for name in tests]
    depth = min(len(parts) for parts in names)
    levels = [sorted({re.escape(parts[at]).replace(r"\ ", " ") for parts in names}) for at in range(depth)]
    return "/".join(f"^({'|'.join(level)})$" for level in levels)


GO = Go()
