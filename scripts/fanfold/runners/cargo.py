"""cargo: by cargo-nextest in partitions when it is there, else `cargo test` in one process.

Documentation is a suite of its own, since nextest does not run it. Several `cargo test` at once would wait for each
other's lock on the target folder, and build one after the other.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from fanfold.errors import WorkerError
from fanfold.runners.base import Collected, Command, Ended, Item, Listing, Reading, Sharding, Task
from fanfold.runners.common import Call, Plain, command_of, explained, place_of
from fanfold.runners.results.cargo import read_cargo, read_nextest
from fanfold.runners.sight import aside, below, folder_of, in_sight, is_below, join, named, upwards
from fanfold.runners.tools import Tools
from fanfold.suites import Suite

_NEXTEST = "nextest"
_DOCUMENTATION = "--doc"
_TEST = re.compile(r"#\[(?:\w+::)*test\b|::test\]")
_NO_DEPENDENCY = re.compile(
    r"error: (?:failed to (?:get|load|download|fetch|update|select|parse)|no matching package|unable to (?:get|update))"
)
_EXAMPLE = re.compile(r"^\s*//[/!]\s*```", re.MULTILINE)


@dataclass(frozen=True)
class Cargo(Plain):
    """The runner; a suite is a workspace, or a package that is in none."""

    name: str = "cargo"
    sharding: Sharding = Sharding.COUNT
    runs_single_tests: bool = True

    def detect(self, listing: Listing) -> tuple[Suite, ...]:
        manifests = {folder_of(path): path for path in named(listing, "Cargo.toml")}
        sources = [path for path in listing.paths if path.endswith(".rs") and in_sight(path)]
        suites = []
        for folder, path in manifests.items():
            inside = any(above in manifests for above in upwards(folder) if above != folder)
            separate = "[workspace]" in (listing.read(path) or "")
            candidates = below(sources, folder) if not aside(folder) and (separate or not inside) else ()
            whole = Suite(name="cargo", framework="cargo", folder=folder, found_by=path)
            if any(_TEST.search(listing.read(source) or "") for source in candidates):
                suites.append(whole)
            if any(_documents(listing, source) for source in candidates):
                suites.append(whole.model_copy(update={"name": "cargo-doc", "arguments": (_DOCUMENTATION,)}))
        return tuple(suites)

    def unavailable(self, suite: Suite, tools: Tools) -> str | None:
        return None if suite.command or tools.which("cargo") else "cargo is not installed: https://rustup.rs"

    def items(self, suite: Suite) -> tuple[Item, ...]:  # noqa: ARG002  the protocol's
        return ()

    def most_shards(self, suite: Suite, tools: Tools) -> int | None:
        return None if _has_nextest(suite, tools) else 1

    def collecting(self, task: Task, tools: Tools) -> Command | None:
        if not _has_nextest(task.suite, tools):
            return None
        return command_of(
            task, _call(task, tools), "nextest", "list", "--workspace", "--message-format=json", "--color=never"
        )

    def collected(self, task: Task, ended: Ended) -> Collected:
        """See `Runner.collected`: its tests, those that are ignored left out, as nextest does not report them."""
        try:
            suites = json.loads(ended.stdout)["rust-suites"].values()
            names = [
                f"{suite['binary-id']} {name}"
                for suite in suites
                for name, test in suite["testcases"].items()
                if test["filter-match"]["status"] == "matches"
            ]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise WorkerError(f"{task.suite.name}: nextest did not list its tests{_why(ended)}") from error
        return Collected(tuple(Item(name, (name,)) for name in sorted(names)))

    def command(self, task: Task, tools: Tools) -> Command:
        return self._nextest(task, tools) if _has_nextest(task.suite, tools) else self._plain(task, tools)

    def _nextest(self, task: Task, tools: Tools) -> Command:
        own = ("--no-fail-fast", "--color=never", "--no-tests=pass", "--test-threads=1")
        words = ["nextest", "run", "--workspace", *own]
        if task.count > 1:
            words.append(f"--partition=count:{task.index}/{task.count}")
        if task.tests:
            words += ["-E", " | ".join(map(_filter, task.tests))]
        return command_of(task, _call(task, tools), *words, variables={"NEXTEST_STATUS_LEVEL": "pass"}, own=own)

    def _plain(self, task: Task, tools: Tools) -> Command:
        documentation = _DOCUMENTATION in task.suite.arguments
        chosen = map(_part_of, task.tests) if documentation else ("--exact", *task.tests)
        last = ("--", *chosen) if task.tests else ()
        own = ("--color=never", "--message-format=json-render-diagnostics")
        words = ["test", "--no-fail-fast", *own, "--workspace"]
        if not documentation and not task.suite.command:
            words.append("--tests")
        return command_of(task, _call(task, tools), *words, last=last, own=own)

    def unbuilt(self, reading: Reading) -> str | None:
        """See `Runner.unbuilt`: what is wrong with dependencies is so for tests and documentation."""
        return reading.error if reading.error and _NO_DEPENDENCY.match(reading.error) else None

    def results(self, task: Task, ended: Ended) -> Reading:
        if _NEXTEST in ended.command.argv:
            reading = read_nextest(ended.stderr, place_of(task))
        else:
            reading = read_cargo(ended.stdout, ended.stderr, place_of(task))
        return explained(reading, ended, "cargo ran no tests")


def _documents(listing: Listing, source: str) -> bool:
    """Tell whether a source of a library has code in its documentation; that of programs is not run."""
    folder = next((above for above in upwards(folder_of(source)) if join(above, "Cargo.toml") in listing.known), "")
    library = join(folder, "src/lib.rs") in listing.known
    if not (library or "[lib]" in (listing.read(join(folder, "Cargo.toml")) or "")):
        return False
    return is_below(source, join(folder, "src")) and _EXAMPLE.search(listing.read(source) or "") is not None


def _call(task: Task, tools: Tools) -> Call:
    return Call(("cargo" if task.environment.prefix else tools.which("cargo") or "cargo",), {})


def _part_of(native: str) -> str:
    """Return the part of a documentation test's name that chooses it: its item, or its line and those that end alike.

    rustdoc takes what it is given apart at blanks, so that `src/lib.rs - two (line 5)` can't be asked for whole.
    """
    item = native.partition(" - ")[2].rpartition("(line ")[0].split()
    return max(item, key=len) if item else native.rsplit(maxsplit=1)[-1]


def _filter(native: str) -> str:
    """Return the expression that is one test of one binary."""
    binary, _, name = native.partition(" ")
    return f"(binary_id(={binary}) & test(={name}))"


def _why(ended: Ended) -> str:
    lines = [line for line in ended.stderr.decode("utf-8", "replace").splitlines() if line.startswith("error")]
    return f": {lines[0]}" if lines else ""


def _has_nextest(suite: Suite, tools: Tools) -> bool:
    return not suite.command and _DOCUMENTATION not in suite.arguments and tools.which("cargo-nextest") is not None


CARGO = Cargo()
