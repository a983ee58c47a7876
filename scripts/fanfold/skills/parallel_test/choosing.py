"""Which tests are run: suites, paths and tests by name; those that did not pass; those that a change may break."""

from __future__ import annotations

import difflib
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fanfold.errors import UsageError
from fanfold.runners.base import Item
from fanfold.runners.sight import folder_of, is_below, join
from fanfold.sources.text import counted, listed, os_path, shown
from fanfold.suites import GOOD, Case, Suite, TestResult, TestVerdict, spelled, spelled_suite, unspelled

if TYPE_CHECKING:
    from fanfold.skills.parallel_test.changed import ChangedTests

_DONE = GOOD | {TestVerdict.SKIPPED}


@dataclass(frozen=True, slots=True)
class Target:
    """A path relative to the root, and the beginning of a test's name below it, "" for all of it.

    The name is spelled as the test's runner does, or as its id does. Without `environment` it is meant in all of them.
    """

    path: str
    name: str = ""
    environment: str = ""

    def holds(self, case: Case) -> bool:
        """Tell whether a test is meant: its file, or a folder that it lies in, and its name or that of its class."""
        if not is_below(case.file, self.path):
            return False
        inner = tuple(self.name + separator for separator in ("::", "[", " > ", "/"))
        names = (case.name, spelled(case.name))
        if not self.name or self.name in names or any(name.startswith(inner) for name in names):
            return True
        # `module.Class.test` of unittest may be asked for as `Class::test`.
        dotted = self.name.replace("::", ".")
        return "::" not in case.native and f".{dotted}." in f".{case.name}."


Key = tuple[str, str, str, str]


@dataclass(frozen=True)
class Choice:
    """What is chosen; all of `suites` where nothing else is said.

    `targets` are by suite, without a suite all of it; `files` as in `ChangedTests`; `done` are the tests that are left
    out, as suite, environment, file and name.
    """

    suites: tuple[Suite, ...]
    targets: Mapping[str, tuple[Target, ...]] = field(default_factory=dict)
    files: Mapping[str, frozenset[str] | None] = field(default_factory=dict)
    done: frozenset[Key] = frozenset()
    notes: tuple[str, ...] = ()

    def test(self, suite: str, environment: str) -> Callable[[Case], bool] | None:
        """Return what tells of a test of the suite whether it is chosen; None when all are."""
        targets, files = self._targets(suite, environment), self.files.get(suite)
        done = frozenset((key[2], key[3]) for key in self.done if key[:2] == (suite, environment))
        if not targets and files is None and not done:
            return None

        def chosen(case: Case) -> bool:
            if targets and not any(target.holds(case) for target in targets):
                return False
            in_files = files is None or not case.file or case.file in files
            return in_files and (case.file, case.name) not in done

        return chosen

    def _targets(self, suite: str, environment: str) -> tuple[Target, ...]:
        return tuple(one for one in self.targets.get(suite, ()) if one.environment in {"", environment})

    def wants(self, suite: str, environment: str) -> bool:
        """Tell whether anything of a suite is chosen in an environment."""
        return not self.targets.get(suite) or bool(self._targets(suite, environment))

    def by_name(self, suite: str) -> bool:
        """Tell whether single tests of a suite are chosen, and nothing else of it."""
        targets = self.targets.get(suite, ())
        return bool(targets) and all(target.name for target in targets)

    def unmet(self, suite: str, cases: Iterable[Case]) -> tuple[str, ...]:
        """Say of each `file::test` that was asked for, and that none of a suite's `cases` is, that there is no such."""
        cases = tuple(cases)
        named = [target for target in self.targets.get(suite, ()) if target.name]
        return tuple(
            f"{suite} has no test {target.path}::{target.name}"
            for target in named
            if not any(target.holds(case) for case in cases)
        )

    def items(self, suite: Suite, items: Sequence[Item]) -> tuple[Item, ...]:
        """Return the items that may hold a chosen test: those whose file is not known are kept."""
        targets, files = self.targets.get(suite.name, ()), self.files.get(suite.name)
        return tuple(item for item in items if _may_hold(item_file(item, suite), targets, files))


def _may_hold(path: str | None, targets: Sequence[Target], files: frozenset[str] | None) -> bool:
    if path is None:
        return True
    inside = files is None or any(is_below(file, path) for file in files)
    return inside and (not targets or any(is_below(path, t.path) or is_below(t.path, path) for t in targets))


def item_file(item: Item, suite: Suite) -> str | None:
    """Return the file or folder that an item is, relative to the root; None when its name does not tell."""
    known = {join(suite.folder, path) for path in suite.files}
    start = join(suite.folder, suite.paths[0]) if suite.paths else suite.folder
    dotted = join(start, item.name.replace(".", "/") + ".py")
    within = join(suite.folder, item.name.removeprefix("./"))
    options = (item.name, within, dotted)
    folders = {folder_of(path) for path in known}
    return next((option for option in options if option in known or option in folders), None)


def choose(arguments: Sequence[str], suites: Sequence[Suite], root: Path, cwd: Path) -> Choice:
    """Return what the arguments of a command line name: suites, files, folders, `file::test`; everything without any.

    A test may be named by its id as well, `suite@environment::file::name`, as reports have it; so may a suite in an
    environment. A name of a suite counts before a path of that name; `./name` is the path. Paths are seen from `cwd`,
    those of ids from the root.

    Raises:
        UsageError: an argument is none of these, or no suite has tests there.
    """
    if not arguments:
        return Choice(tuple(suites))
    whole: set[str] = set()
    targets: dict[str, list[Target]] = defaultdict(list)
    notes: list[str] = []
    for argument in arguments:
        named = [suite.name for suite in suites if suite.name == argument]
        whole.update(named)
        by_id = next((found for suite in suites if (found := _by_id(argument, suite.name))), None)
        if by_id is not None:
            targets[by_id[0]].append(by_id[1])
        elif not named:
            target = _target(argument, suites, root, cwd)
            for suite in _owners(argument, target, suites):
                if suite.files and not (is_below(suite.folder, target.path) and not target.name):
                    targets[suite.name].append(target)
                    continue
                whole.add(suite.name)
                if not is_below(suite.folder, target.path):
                    notes.append(f"all of {suite.name} runs: it can't be narrowed to {argument}")
    chosen = tuple(suite for suite in suites if suite.name in whole or suite.name in targets)
    narrowed = {name: tuple(its) for name, its in targets.items() if name not in whole}
    return Choice(chosen, narrowed, notes=tuple(notes))


_AGAIN = re.compile(r"\\#\d+$")


def _by_id(argument: str, suite: str) -> tuple[str, Target] | None:
    """Return the suite and what is meant of it where an argument is the id of one of its tests, or their beginning."""
    head, _, rest = argument.partition("::")
    name, _, environment = head.partition("@")
    if name != spelled_suite(suite) or head == argument == name:
        return None
    file, _, test = rest.partition("::")
    return suite, Target(unspelled(file) or ".", _AGAIN.sub("", test), unspelled(environment))


def _target(argument: str, suites: Sequence[Suite], root: Path, cwd: Path) -> Target:
    name, _, test = argument.partition("::")
    path = Path(os.path.normpath(cwd / name))
    top = Path(os.path.realpath(root))
    inside = next((path.relative_to(base) for base in (root, top) if path.is_relative_to(base)), None)
    if inside is None:
        raise UsageError(f"{argument!r} is not inside of {root}")
    shown_path = shown(os.fsencode(inside))
    if not (root / os_path(shown_path)).exists():
        near = difflib.get_close_matches(argument, [suite.name for suite in suites], n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"there are the suites {', '.join(s.name for s in suites)}"
        raise UsageError(f"{argument!r} is no suite and no path; {hint}")
    return Target(shown_path, test)


def _owners(argument: str, target: Target, suites: Sequence[Suite]) -> list[Suite]:
    """Return the suites that have tests at a path: by their known files, else by their folders, the nearest."""
    by_files = [
        suite for suite in suites if any(is_below(join(suite.folder, path), target.path) for path in suite.files)
    ]
    if by_files:
        return by_files
    blind = [suite for suite in suites if not suite.files]
    below = [suite for suite in blind if is_below(suite.folder, target.path)]
    above = [suite for suite in blind if is_below(target.path, suite.folder)]
    deepest = max((len(suite.folder) for suite in above), default=0)
    owners = below or [suite for suite in above if len(suite.folder) == deepest]
    if not owners:
        # pytest collects what it is told to, whatever the file is called.
        owners = [s for s in suites if s.framework == "pytest" and not s.paths and is_below(target.path, s.folder)][-1:]
    if not owners:
        raise UsageError(f"no suite has tests in {argument!r}")
    return owners


def unfinished(choice: Choice, results: Iterable[TestResult]) -> Choice:
    """Leave out what passed (or was skipped) the last time it was run: the failed, the not-run and the new are left.

    A test of a name that several have is left out only when all of them passed.
    """
    good: set[Key] = set()
    bad: set[Key] = set()
    for result in results:
        key = (result.suite, result.environment, result.file, result.name)
        (good if result.verdict in _DONE else bad).add(key)
    said = f"--last-failed: left out: {counted(len(good - bad), 'test')} that passed"
    again = [f"{file}::{name}" for _, _, file, name in sorted(bad)]
    said += f"; again: {listed(again)}" if again else "; none had failed, so that only new ones run"
    return Choice(choice.suites, choice.targets, choice.files, frozenset(good - bad), (*choice.notes, said))


def affected(choice: Choice, changed: ChangedTests) -> Choice:
    """Leave out what a change can't break; a suite of which nothing is left is left out."""
    suites = tuple(suite for suite in choice.suites if changed.files.get(suite.name) != frozenset())
    return Choice(suites, choice.targets, changed.files, choice.done, (*choice.notes, *changed.notes))
