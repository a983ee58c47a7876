"""The change that a failure comes from where no frame meets it: by what its test uses, and by what its file imports.

A wrong value is noticed in the test, long after the changed function has returned. So names are followed: a test uses
what stands in it and in its fixtures, and what stands in the definitions of those names, through the files that the
test's file imports, directly or not. Nothing is run, and two definitions of one name are one, so this may name a change
too many; a change that it does not name is used in no way that the text shows. Python alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from fanfold.runners.sight import of_tests
from fanfold.skills.parallel_test.imports import PythonFiles
from fanfold.sources.change import FileChange
from fanfold.sources.outline.values import SCOPES, Definition, Outline
from fanfold.suites import BAD, Frame, TestResult

# Files that are read for the tests of one file, the nearest imports first.
_MOST_FILES = 500
# Files in which what a test calls is looked for.
_CALLED_IN = 60
# What runs before a test without its asking: of its class, or of one that this is made from; and of its file.
_SET_UP = frozenset({"setUp", "asyncSetUp", "setUpClass", "setUpTestData", "setup_method", "setup_class"})
_OF_FILE = ("setUpModule", "setup_module", "setup_function")


@dataclass(frozen=True, slots=True, order=True)
class Changed:
    """A definition that a change touches, by the name under which it is used; `line` is the first touched one in it."""

    path: str
    line: int
    name: str


@dataclass(frozen=True, slots=True)
class _Reach:
    """What the tests of one file can come by.

    `changed` are the changed definitions in it, `users` the names of the definitions in which a name stands. `files`
    are the changed files, the nearest first.
    """

    changed: tuple[Changed, ...]
    users: Mapping[str, frozenset[str]]
    files: tuple[str, ...]

    def uses(self, names: Iterable[str], changed: Changed) -> bool:
        """Tell whether one of `names` is, or leads to, what has changed."""
        return not self._leading_to(changed.name).isdisjoint(names)

    def _leading_to(self, name: str) -> frozenset[str]:
        found: set[str] = set()
        waiting = [name]
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting += self.users.get(one, frozenset()) - found
        return frozenset(found)


class Causes:
    """Finds the changes that tests depend on; `changes` are those of the files by path."""

    def __init__(self, files: PythonFiles, changes: Mapping[str, FileChange]) -> None:
        self._files = files
        self._changes = {path: change for path, change in changes.items() if path.endswith(".py")}
        self._known = frozenset(files.paths)
        self._reach = lru_cache(maxsize=64)(self._reach_of)
        self._owners = lru_cache(maxsize=2 * _MOST_FILES)(self._owners_of)

    def used(self, test: TestResult) -> tuple[Changed, ...]:
        """Return the changed definitions that a failure ran through; failing that, those that its test uses."""
        if not self._changes or test.file not in self._known:
            return ()
        return self._met(test) or self._named(test)

    def imported(self, test: TestResult) -> tuple[str, ...]:
        """Return what changed in files that the test's own imports, directly or not: "path:line", the nearest first."""
        if not self._changes or test.file not in self._known:
            return ()
        firsts = ((path, next(self._code_touched(path), None)) for path in self._reach(test.file).files)
        return tuple(f"{path}:{line}" for path, line in firsts if line is not None)

    def called(self, test: TestResult) -> tuple[str, ...]:
        """Return where what a test calls by name is defined: "path:line", the nearest first, methods before classes.

        Outside of tests, and a method only of a class that the test names: other names are those of too many.
        """
        own = self._definition(test)
        outline = self._files.look(test.file).outline if own else None
        if own is None or outline is None:
            return ()
        here = [one for one in outline.references if any(own.line <= line <= own.end_line for line in one.lines)]
        calls = {one.name for one in here if one.call}
        names = {one.name for one in here}
        found: dict[str, tuple[bool, str]] = {}
        for path in islice(self._nearest(test.file), _CALLED_IN):
            for one in self._defined(path) if not of_tests(path) else ():
                owner = one.qualified.rpartition(".")[0]
                if one.name in calls and (not owner or owner in names):
                    found.setdefault(one.qualified, (one.kind in SCOPES, f"{path}:{one.line}"))
        return tuple(place for _, place in sorted(found.values(), key=lambda one: one[0]))

    def _defined(self, path: str) -> tuple[Definition, ...]:
        outline = self._files.look(path).outline
        return outline.definitions if outline else ()

    def _met(self, test: TestResult) -> tuple[Changed, ...]:
        frames = dict.fromkeys(frame for one in test.attempts if one.outcome in BAD for frame in one.frames)
        found = (self._changed_at(frame) for frame in frames if frame.path != test.file)
        return tuple(dict.fromkeys(one for one in found if one is not None))

    def _changed_at(self, frame: Frame) -> Changed | None:
        if frame.path not in self._changes or frame.path not in self._known:
            return None
        at = self._owner(frame.path, frame.line)
        return next((one for one in self._changed_in(frame.path) if at and one.name == _used_as(at)), None)

    def _named(self, test: TestResult) -> tuple[Changed, ...]:
        reach = self._reach(test.file)
        if not reach.changed:
            return ()
        names = {*self._standing_in(test), *test.fixtures, *_OF_FILE}
        return tuple(changed for changed in reach.changed if reach.uses(names, changed))

    def _standing_in(self, test: TestResult) -> Iterator[str]:
        """Yield the names that stand in a test, its own included, which may be what has changed, and its class's."""
        outline = self._files.look(test.file).outline
        its = self._definition(test)
        if outline is None or its is None:
            return
        yield from its.qualified.split(".")
        for reference in outline.references:
            if any(its.line <= line <= its.end_line for line in reference.lines):
                yield reference.name

    def _definition(self, test: TestResult) -> Definition | None:
        """Return what a test is in its file, by its name and, where several have that, its line."""
        outline = self._files.look(test.file).outline if test.file in self._known else None
        bare = test.name.partition("[")[0].replace("::", ".").rpartition(".")[2]
        found = outline.definitions_of(bare) if outline else ()
        exact = [one for one in found if test.line is not None and one.line <= test.line <= one.end_line]
        return next(iter((*exact, *found)), None)

    def _reach_of(self, file: str) -> _Reach:
        users: dict[str, set[str]] = defaultdict(set)
        changed: list[Changed] = []
        near = list(self._nearest(file))
        for path in near:
            for name, user in self._uses(path):
                users[name].add(user)
            changed += self._changed_in(path)
        files = tuple(path for path in near if path in self._changes and path != file)
        return _Reach(tuple(changed), {name: frozenset(by) for name, by in users.items()}, files)

    def _nearest(self, file: str) -> Iterator[str]:
        """Yield a file and what it imports, the nearest first."""
        seen, waiting = {file}, [file]
        while waiting:
            following: list[str] = []
            for path in waiting:
                if path not in self._known:
                    continue
                yield path
                new = sorted(self._files.look(path).imports - seen)[: _MOST_FILES - len(seen)]
                seen.update(new)
                following += new
            waiting = following

    def _uses(self, path: str) -> Iterator[tuple[str, str]]:
        """Yield each name that stands in a definition, and the name under which that one is used."""
        outline = self._files.look(path).outline
        for reference in outline.references if outline else ():
            for line in reference.lines:
                owner = self._owner(path, line)
                if owner is not None:
                    yield reference.name, _used_as(owner)

    def _changed_in(self, path: str) -> list[Changed]:
        """Return the innermost definitions that a change touches, in their order."""
        found: dict[str, Changed] = {}
        for line in self._code_touched(path):
            owner = self._owner(path, line)
            if owner is not None:
                found.setdefault(owner.qualified, Changed(path, line, _used_as(owner)))
        return list(found.values())

    def _code_touched(self, path: str) -> Iterator[int]:
        """Yield the lines that a change touches, but for comments and empty ones: nothing fails by those."""
        change = self._changes.get(path)
        lines = self._files.look(path).bare
        return (line for touched in change.touched for line in touched if line not in lines) if change else iter(())

    def _owner(self, path: str, line: int) -> Definition | None:
        owners = self._owners(path)
        return owners[line] if line < len(owners) else None

    def _owners_of(self, path: str) -> Sequence[Definition | None]:
        """Return the innermost definition of each line, by its number."""
        outline = self._files.look(path).outline
        return _owners_in(outline) if outline else ()


def _owners_in(outline: Outline) -> Sequence[Definition | None]:
    owners: list[Definition | None] = [None] * (outline.lines + 2)
    for one in outline.definitions:  # outer ones first
        for line in range(one.line, min(one.end_line, outline.lines) + 1):
            owners[line] = one
    return owners


def _used_as(definition: Definition) -> str:
    """Return the name by which others use it: that of its class for what is called by itself (`__init__`, `setUp`)."""
    name = definition.name
    called = name in _SET_UP or (name.startswith("__") and name.endswith("__"))
    if called and "." in definition.qualified:
        return definition.qualified.split(".")[-2]
    return name
