"""What pytest has collected, read from the reporter's messages."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from fanfold.runners.pytest.attempts import collected_badly, where
from fanfold.suites import Case

Message: TypeAlias = Mapping[str, Any]

_OF_FILES = frozenset({"module", "package"})
_INTERNAL = "_"


@dataclass(frozen=True, slots=True)
class PytestTest:
    """One test as pytest knows it.

    `index` is its place among all that were collected, `nodeid` pytest's name for it, and `nth` tells those of the same
    name apart, from 0. `path` is its file as pytest names it, `owner` the class or file that it is in. `file_wide`
    and `class_wide` tell whether it shares fixtures with others of its file or class, which a split would have set up
    again, and `group` names those that want to be in one process (pytest-xdist's mark).
    """

    index: int
    nodeid: str
    nth: int
    path: str
    owner: str
    file_wide: bool
    class_wide: bool
    group: str | None
    case: Case

    @property
    def label(self) -> str:
        """The name under which its duration is kept."""
        return f"{self.case.file}::{self.case.name}" + (f"#{self.nth + 1}" if self.nth else "")


@dataclass(frozen=True, slots=True)
class Collection:
    """All tests in pytest's order.

    `unread` are files that can't be collected or that skip themselves, as cases of their own; `no_fork` says why
    workers can't be made by fork, None when they can. `took_s` is from the reporter's first moment on. `python` is
    the interpreter. `unmeasured` says why there is no coverage where that was asked for: `missing` or `taken`.
    """

    tests: tuple[PytestTest, ...]
    unread: tuple[Case, ...] = ()
    deselected: int = 0
    no_fork: str | None = None
    took_s: float = 0.0
    python: str = ""
    unmeasured: str | None = None


@dataclass
class CollectionReader:
    """Takes messages until the collection is whole; files are named relative to `root`, natives to `folder`."""

    root: Path
    folder: Path
    _path: str = ""
    _file: str = ""
    _native: str = ""
    _scopes: dict[str, set[str]] = field(default_factory=dict)
    _tests: list[PytestTest] = field(default_factory=list)
    _unread: list[Case] = field(default_factory=list)
    _names: Counter[str] = field(default_factory=Counter)

    def hear(self, message: Message) -> Collection | None:
        """Take one message; returns the collection when that was the last of it."""
        match message["event"]:
            case "file":
                self._path = message["path"]
                self._file = where(self._path, self.root)
                self._native = os.path.relpath(self._path, self.folder)
            case "fixture":
                self._scopes.setdefault(message["name"], set()).add(message["scope"])
            case "item":
                self._tests.append(self._test(message))
            case "collect-failed" | "collect-skipped":
                self._unread.append(collected_badly(message, self.root, self.folder))
            case "collected":
                return Collection(
                    tuple(self._tests),
                    tuple(self._unread),
                    message["deselected"],
                    message["no_fork"],
                    message["took"],
                    message["python"],
                    message["unmeasured"],
                )
        return None

    def _test(self, message: Message) -> PytestTest:
        nodeid: str = message["id"]
        nth = self._names[nodeid]
        self._names[nodeid] += 1
        _, colons, name = nodeid.partition("::")
        fixtures = tuple(message["fixtures"])
        case = Case(
            file=self._file,
            name=name if colons else nodeid,
            parameters=message["parameters"],
            native=f"{self._native}::{name}" if colons else self._native,
            line=message["line"] or None,
            fixtures=tuple(fixture for fixture in fixtures if not fixture.startswith(_INTERNAL)),
            markers=tuple(message["markers"]),
        )
        scopes = set[str]().union(*(self._scopes.get(fixture, ()) for fixture in fixtures))
        return PytestTest(
            index=message["index"],
            nodeid=nodeid,
            nth=nth,
            path=self._path,
            owner=message["owner"],
            file_wide=not scopes.isdisjoint(_OF_FILES),
            class_wide="class" in scopes,
            group=message["group"],
            case=case,
        )
