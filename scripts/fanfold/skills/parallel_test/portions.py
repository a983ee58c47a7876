"""A test run in parts, for machines that know nothing of each other: the plan that they all read, and a part's share.

The plan names, for each part, the suites and what of them is that part's: tests by the name that pytest takes, items
(files, packages) of a framework that is told what to run, or "shard i of n" of a tool that splits by itself. A portion
that names none of these is the whole suite.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal
from zlib import crc32

from pydantic import Field

from fanfold.models import Frozen
from fanfold.runners.sight import join
from fanfold.suites import DEFAULT_ENVIRONMENT, Case


class ToolShard(Frozen):
    """Shard `index`, from 1, of `count` that a tool makes by itself."""

    index: int = Field(ge=1)
    count: int = Field(ge=1)


class Portion(Frozen):
    """What a part has of one suite in one environment; without tests, items and shards it is all of it."""

    suite: str
    environment: str = DEFAULT_ENVIRONMENT
    framework: str
    folder: str = "."
    tests: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    shards: tuple[ToolShard, ...] = ()

    @property
    def pair(self) -> tuple[str, str]:
        """The suite and the environment."""
        return self.suite, self.environment

    @property
    def is_whole(self) -> bool:
        """Is it all of the suite?"""
        return not (self.tests or self.items or self.shards)

    def case(self, name: str) -> Case:
        """Return a test or an item of it as a case that nothing is known of."""
        file, colons, test = name.partition("::")
        return Case(file=join(self.folder, file), name=test, native=name) if colons else Case(name=name, native=name)


class Part(Frozen):
    """What one machine runs; `expected_s` are the seconds that one process would take, None unless all are known."""

    portions: tuple[Portion, ...]
    expected_s: float | None = None


class DealtPlan(Frozen):
    """What all parts of a run have to know; `id` is the same for the same parts."""

    format: Literal[1] = 1
    id: str
    parts: tuple[Part, ...]

    def share(self, number: int, pair: tuple[str, str]) -> Share | None:
        """Return what part `number`, from 1, has of a suite in an environment; None when that is nothing."""
        held = {n: p for n, part in enumerate(self.parts, 1) for p in part.portions if p.pair == pair}
        return Share(held[number], number, held) if number in held else None


@dataclass(frozen=True)
class Share:
    """Tells of each test or item of a suite whether it is this part's; every one is that of exactly one part.

    What the plan does not name (a test that is new, a name that is another one on each machine) belongs to the first
    part that has some of the same file, else to one that a checksum of its file chooses: all machines decide the same.
    """

    portion: Portion
    number: int
    held: Mapping[int, Portion]

    @cached_property
    def _owners(self) -> Mapping[str, int]:
        owners: dict[str, int] = {}
        for number, portion in sorted(self.held.items()):
            for name in (*portion.tests, *portion.items):
                owners.setdefault(name, number)
        return owners

    @cached_property
    def _files(self) -> Mapping[str, int]:
        owners: dict[str, int] = {}
        for name, number in self._owners.items():
            file = name.partition("::")[0]
            owners[file] = min(number, owners.get(file, number))
        return owners

    def has(self, name: str) -> bool:
        """Tell whether a test, by its native name, or an item is this part's."""
        owner = self._owners.get(name)
        if owner is None:
            file = name.partition("::")[0]
            holders = sorted(self.held)
            owner = self._files.get(file, holders[crc32(file.encode("utf-8", "surrogatepass")) % len(holders)])
        return owner == self.number

    def has_case(self, case: Case) -> bool:
        """Tell whether a test is this part's."""
        return self.has(name_of(case))

    def missing(self, names: Iterable[str]) -> tuple[Case, ...]:
        """Return what the plan gives this part and what is not among `names`, as cases without attempts."""
        there = set(names)
        planned: Sequence[str] = (*self.portion.tests, *self.portion.items)
        return tuple(self.portion.case(name) for name in planned if name not in there)


def name_of(case: Case) -> str:
    """Return the name by which a plan knows a test."""
    return case.native or f"{case.file}::{case.name}"
