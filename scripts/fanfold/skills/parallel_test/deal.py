"""Deal suites out to parts: pure functions of what was collected and of recorded durations.

What has to stay together is an atom. Atoms are given out the longest first, those of which nothing is known before all
others, each to the part that is done with it the earliest (LPT: Graham, 1969); a part that has nothing of a suite yet
pays for its start. Where that leaves too few atoms for a part each, files come apart, and then tests.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial

from fanfold.errors import NothingToDo, UsageError
from fanfold.models import content_key
from fanfold.runners.base import Item, Sharding
from fanfold.runners.pytest.collection import PytestTest
from fanfold.runners.pytest.shards import plan_shards
from fanfold.runners.schedule import seconds_of
from fanfold.skills.parallel_test.job import Job
from fanfold.skills.parallel_test.plan import shards_of
from fanfold.skills.parallel_test.portions import DealtPlan, Part, Portion, ToolShard, name_of
from fanfold.suites import Case

# A part runs its tests in processes that share one collection: between them a cut costs next to nothing.
_FORKED_S = 0.02
_GUESS_S = 1.0


class Grain(IntEnum):
    """How small atoms are: as pays, files, single tests."""

    PIECES = 0
    FILES = 1
    TESTS = 2


@dataclass(frozen=True, slots=True)
class Listed:
    """What a job is made of: tests of pytest, and files that it can't read; items of another framework; or nothing.

    `start_s` is what each machine spends on it before its first test, in seconds; `most` how many shards its tool can
    make at the most. `error` says why it could not be listed, and `by_test` whether it is dealt out by pytest's tests.
    """

    job: Job
    tests: tuple[PytestTest, ...] = ()
    unread: tuple[Case, ...] = ()
    items: tuple[Item, ...] = ()
    start_s: float = 0.0
    most: int | None = None
    error: str | None = None
    by_test: bool = False


@dataclass(frozen=True, slots=True)
class Atom:
    """Work that stays together, `weight` seconds of it; `known` tells whether that was measured."""

    job: Job
    start_s: float
    weight: float
    known: bool
    tests: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    shard: ToolShard | None = None


def deal(listed: Sequence[Listed], count: int, *, fewer: bool = False) -> DealtPlan:
    """Deal suites out to `count` parts, or to `fewer` if need be: every test is in exactly one, and none is empty.

    Raises:
        NothingToDo: there are no tests.
        UsageError: they do not come apart into so many parts.
    """
    guess = _guess(listed)
    atoms: list[Atom] = []
    for grain in Grain:
        atoms = [atom for one in listed for atom in _atoms(one, count, grain, guess)]
        if len(atoms) >= count:
            break
    if not atoms:
        raise NothingToDo("no tests were found")
    if len(atoms) < count and not fewer:
        raise UsageError(
            f"--plan {count}: the tests come apart into {len(atoms)} at the most, so that parts were empty"
        )
    parts = tuple(bin_.part() for bin_ in _dealt(atoms, min(count, len(atoms))))
    return DealtPlan(id=content_key("test-plan", [part.model_dump(mode="json") for part in parts]), parts=parts)


def _guess(listed: Iterable[Listed]) -> float:
    """Return what a test takes of which nothing is known: what the others take on average, in seconds."""
    known = [one.job.durations[test.label] for one in listed for test in one.tests if test.label in one.job.durations]
    return sum(known) / len(known) if known else _GUESS_S


def _atoms(listed: Listed, count: int, grain: Grain, guess: float) -> Iterator[Atom]:
    if listed.by_test and not listed.error:
        yield from _of_tests(listed, count, grain, guess)
    else:
        yield from _of_items(listed, count, grain, guess)


# -- pytest


def _of_tests(listed: Listed, count: int, grain: Grain, guess: float) -> Iterator[Atom]:
    durations = listed.job.durations
    taken: set[str] = set()
    for piece in _pieces(listed, count, grain):
        # Tests of one name can't be told apart: they stay where the first of them is.
        names = tuple(dict.fromkeys(t.case.native for t in piece if t.case.native not in taken))
        taken.update(names)
        if names:
            told = [durations.get(test.label) for test in piece]
            weight = sum(guess if seconds is None else seconds for seconds in told)
            yield Atom(listed.job, listed.start_s, weight, None not in told, tests=names)
    for name in dict.fromkeys(map(name_of, listed.unread)):
        if name not in taken:
            yield Atom(listed.job, listed.start_s, 0.0, known=True, tests=(name,))


def _pieces(listed: Listed, count: int, grain: Grain) -> Iterable[Sequence[PytestTest]]:
    suite, tests = listed.job.suite, listed.tests
    if grain is Grain.PIECES or suite.shards is not None:
        by_index = {test.index: test for test in tests}
        shards = plan_shards(tests, listed.job.durations, count, start_s=_FORKED_S, most=suite.shards)
        return [[by_index[index] for index in shard.tests] for shard in shards]
    together: dict[str, list[PytestTest]] = defaultdict(list)
    for test in tests:
        alone = test.path if grain is Grain.FILES else test.case.native
        together[alone if test.group is None else f"{test.group}\0"].append(test)
    return together.values()


# -- other frameworks


def _of_items(listed: Listed, count: int, grain: Grain, guess: float) -> Iterator[Atom]:
    job = listed.job
    sharding = job.runner.sharding
    items = () if listed.error or sharding is Sharding.WHOLE else listed.items
    weigh = _Scale(listed, guess)
    if sharding is not Sharding.ITEMS or not items:
        yield from _of_tool(listed, items, count if sharding is Sharding.COUNT and not listed.error else 1, weigh)
    elif grain is Grain.PIECES or job.suite.shards is not None:
        yield from (weigh.atom(names) for names in _gathered(listed, count))
    else:
        yield from (weigh.atom((item.name,)) for item in items)


def _gathered(listed: Listed, count: int) -> Iterator[tuple[str, ...]]:
    """Yield the names of items that pay as one shard."""
    job, names = listed.job, tuple(item.name for item in listed.items)
    shards, _ = shards_of(job.suite, Sharding.ITEMS, listed.items, job.durations, count, most=listed.most)
    yield from (shard.items or names for shard in shards)


def _of_tool(listed: Listed, items: Sequence[Item], count: int, weigh: _Scale) -> Iterator[Atom]:
    """Yield the shards of a tool that splits by itself; what can't be split is a single atom."""
    limits = [limit for limit in (count, listed.most, listed.job.suite.shards, len(items) or None) if limit is not None]
    most = min(limits)
    whole = weigh.atom(tuple(item.name for item in items))
    for index in range(1, most + 1):
        shard = ToolShard(index=index, count=most) if most > 1 else None
        yield Atom(listed.job, listed.start_s, whole.weight / most, whole.known, shard=shard)


class _Scale:
    """What the items of a suite weigh: their seconds, or what those of others suggest."""

    def __init__(self, listed: Listed, guess: float) -> None:
        self._listed, self._guess = listed, guess
        self._seconds = seconds_of(listed.items, listed.job.durations)
        self._tests = {item.name: len(item.tests) for item in listed.items}

    def atom(self, names: tuple[str, ...]) -> Atom:
        weight = sum(map(self._weight, names)) if names else self._guess
        known = bool(names) and all(self._seconds[name] is not None for name in names)
        return Atom(self._listed.job, self._listed.start_s, weight, known, items=names)

    def _weight(self, name: str) -> float:
        seconds = self._seconds[name]
        return self._guess * max(1, self._tests[name]) if seconds is None else seconds


# -- parts


@dataclass(slots=True)
class _Bin:
    """A part as it fills."""

    load: float = 0.0
    atoms: list[Atom] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def end_with(self, atom: Atom) -> float:
        """Return when the part would be done with one more atom, in seconds."""
        return self.load + atom.weight + (0.0 if atom.job.name in self.names else atom.start_s)

    def take(self, atom: Atom) -> None:
        self.load = self.end_with(atom)
        self.atoms.append(atom)
        self.names.add(atom.job.name)

    def part(self) -> Part:
        by_job: dict[str, list[Atom]] = defaultdict(list)
        for atom in self.atoms:
            by_job[atom.job.name].append(atom)
        portions = tuple(_portion(by_job[name]) for name in sorted(by_job))
        known = all(atom.known for atom in self.atoms)
        return Part(portions=portions, expected_s=round(self.load, 3) if known else None)


def _dealt(atoms: Sequence[Atom], count: int) -> list[_Bin]:
    """Deal atoms out; or, where that is done sooner, suites that are short beside their start as a whole each."""
    single = [(atom,) for atom in atoms]
    ways = [_filled(single, count)]
    short = list(_short_together(atoms, count))
    if count <= len(short) < len(single):
        ways.append(_filled(short, count))
    return min(ways, key=lambda bins: max(one.load for one in bins))


def _short_together(atoms: Sequence[Atom], count: int) -> Iterator[tuple[Atom, ...]]:
    """Yield together the atoms of each suite that, with its start, is no more than a part's share."""
    by_job: dict[str, list[Atom]] = defaultdict(list)
    for atom in atoms:
        by_job[atom.job.name].append(atom)
    sums = {name: its[0].start_s + sum(atom.weight for atom in its) for name, its in by_job.items()}
    share = sum(sums.values()) / count
    for name, its in by_job.items():
        yield from [tuple(its)] if sums[name] <= share else [(atom,) for atom in its]


def _filled(groups: Sequence[tuple[Atom, ...]], count: int) -> list[_Bin]:
    bins = [_Bin() for _ in range(count)]
    ordered = sorted(groups, key=_order)
    for place, group in enumerate(ordered):
        empty = [one for one in bins if not one.atoms]
        # As many are left as parts are empty: one for each.
        among = empty if empty and len(ordered) - place <= len(empty) else bins
        soonest = min(among, key=partial(_end_with, group))
        for atom in group:
            soonest.take(atom)
    return bins


def _end_with(group: Sequence[Atom], one: _Bin) -> float:
    return one.end_with(group[0]) + sum(atom.weight for atom in group[1:])


def _order(group: Sequence[Atom]) -> tuple[object, ...]:
    """Unknown first, then the longest, then by name."""
    first = group[0]
    shard = first.shard.index if first.shard else 0
    known, weight = all(atom.known for atom in group), sum(atom.weight for atom in group)
    return known, -weight, first.job.name, first.tests, first.items, shard


def _portion(atoms: Sequence[Atom]) -> Portion:
    job = atoms[0].job
    fields: Mapping[str, object] = {
        "tests": tuple(sorted(name for atom in atoms for name in atom.tests)),
        "items": tuple(sorted(name for atom in atoms for name in atom.items)),
        "shards": tuple(sorted((a.shard for a in atoms if a.shard), key=lambda shard: shard.index)),
    }
    pair = {"suite": job.suite.name, "environment": job.environment.name}
    return Portion.model_validate({**pair, "framework": job.suite.framework, "folder": job.suite.folder, **fields})
