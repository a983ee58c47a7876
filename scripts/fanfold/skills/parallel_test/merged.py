"""Fold the runs of all parts into one run: pure, and nothing hidden of a part that is not there."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from fanfold.engine.metrics import coverage as coverage_of
from fanfold.errors import TargetError, UsageError
from fanfold.models import Run, Status, Timing, UnitRecord, Usage, content_key
from fanfold.skills.parallel_test.clusters import AFTER, change_of, cluster
from fanfold.skills.parallel_test.fold import incomplete, shards_bound_s, shards_wall_s
from fanfold.skills.parallel_test.plan import suite_name
from fanfold.skills.parallel_test.portions import DealtPlan, Portion
from fanfold.skills.parallel_test.request import PartRecord
from fanfold.skills.parallel_test.trials import not_run
from fanfold.sources.text import counted
from fanfold.suites import (
    Cluster,
    Environment,
    ShardRecord,
    Suite,
    SuiteRecord,
    TestResult,
    TestRunResult,
    TestVerdict,
    Totals,
    results_of,
)

_ABSENT = "no run of it was given"
_CUT_SHORT = frozenset({TestVerdict.TIMED_OUT, TestVerdict.CRASHED, TestVerdict.LOST, TestVerdict.NOT_RUN})


@dataclass(frozen=True, slots=True)
class PartRun:
    """The run of one part: `source` is the name of its file, `first_worker` the number that its first worker gets."""

    source: str
    run: Run
    part: PartRecord
    result: TestRunResult
    first_worker: int = 0

    @property
    def label(self) -> str:
        return f"part {self.part.index} of {self.part.count}"

    @property
    def workers(self) -> int:
        return int(self.run.request.get("workers", 1))


def parts_of(runs: Iterable[tuple[str, Run]], plan: DealtPlan | None = None) -> tuple[PartRun, ...]:
    """Return the parts in their order, from runs and the names of their files.

    Raises:
        UsageError: one is no part, or of another plan; two are the same part; a test is in two parts.
    """
    read = [_read(source, run) for source, run in runs]
    if not read:
        raise UsageError("--merge: no run was given: name the run.json of each part")
    first = read[0]
    for one in read:
        if (one.part.plan, one.part.count) != (first.part.plan, first.part.count):
            raise UsageError(f"{one.source} is a part of another plan than {first.source}")
        if plan is not None and (one.part.plan, one.part.count) != (plan.id, len(plan.parts)):
            raise UsageError(f"{one.source} is no part of this plan")
    ordered = sorted(read, key=lambda one: one.part.index)
    for one, other in pairwise(ordered):
        if one.part.index == other.part.index:
            raise UsageError(f"{one.label} is there twice: {one.source} and {other.source}")
    _check_disjoint(ordered)
    return tuple(_numbered(ordered))


def _read(source: str, run: Run) -> PartRun:
    part = run.request.get("part")
    if not isinstance(part, Mapping):
        raise TargetError(f"{source} is not the run of a part: that is made by fanfold test --shard i/N --plan FILE")
    try:
        return PartRun(source, run, PartRecord.model_validate(part), TestRunResult.model_validate(dict(run.result)))
    except ValueError as error:
        raise TargetError(f"{source} is not the run of a part: it can't be read as one") from error


def _check_disjoint(parts: Sequence[PartRun]) -> None:
    seen: dict[str, PartRun] = {}
    for one in parts:
        for test in one.result.tests:
            other = seen.setdefault(test.id, one)
            if other is not one:
                raise UsageError(f"{test.id} is in {other.label} ({other.source}) and in {one.label} ({one.source})")


def _numbered(parts: Sequence[PartRun]) -> Iterable[PartRun]:
    """Give the workers of all machines numbers of their own."""
    before = 0
    for one in parts:
        yield PartRun(one.source, one.run, one.part, one.result, before)
        before += one.workers


def merge_parts(
    parts: Sequence[PartRun], run_id: str, plan: DealtPlan | None = None, why: Mapping[int, str] | None = None
) -> Run:
    """Return the one run that `parts` (of `parts_of`) are together; a part that is not among them is named.

    With the plan, so is each of its tests. `why` is what is known of a part that is not there, by its number.
    """
    first = parts[0]
    missing = _missing(parts)
    result = _result(parts, [p for n in missing for p in plan.parts[n - 1].portions] if plan else [])
    units = (
        *(unit for one in parts for unit in _units(one)),
        *(_absent(n, first.part, (why or {}).get(n, _ABSENT)) for n in missing),
    )
    coverage = coverage_of(units)
    names = [
        suite_name(Suite(name=s.name, framework=s.framework), Environment(name=s.environment)) for s in result.suites
    ]
    whole = coverage.complete and not incomplete(result, coverage)
    backends = list(dict.fromkeys(one.run.backend for one in parts))
    asked = next((one.run for one in parts if one.run.backend != "none"), first.run)
    return first.run.model_copy(
        update={
            "id": run_id,
            "status": "complete" if whole else "partial" if coverage.ok else "failed",
            "request": {**asked.request, "part": None, "merged": [one.run.id for one in parts]},
            "target": first.run.target.model_copy(update={"description": described(names)}),
            "backend": asked.backend if len(backends) > 1 else backends[0],
            "model": asked.model,
            "coverage": coverage,
            "units": units,
            "usage": sum((one.run.usage for one in parts), Usage()),
            "timing": _timing([one.run.timing for one in parts]),
            "notes": tuple(dict.fromkeys(note for one in parts for note in one.run.notes)),
            "result": result.model_dump(mode="json", by_alias=True),
        }
    )


def described(names: Sequence[str]) -> str:
    """Return what a test run is about, in a few words."""
    names = tuple(dict.fromkeys(names))
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > len(names[:5]) else "")
    return f"{counted(len(names), 'suite')} ({shown})"


def _missing(parts: Sequence[PartRun]) -> list[int]:
    there = {one.part.index for one in parts}
    return [number for number in range(1, parts[0].part.count + 1) if number not in there]


def _units(one: PartRun) -> Iterable[UnitRecord]:
    for unit in one.run.units:
        key = content_key("part", one.part.index, unit.key)
        yield unit.model_copy(update={"key": key, "label": f"{one.label}: {unit.label}"})


def _absent(number: int, like: PartRecord, why: str) -> UnitRecord:
    label = f"part {number} of {like.count}"
    return UnitRecord(key=content_key("part", number), label=label, kind="part", status=Status.NOT_RUN, error=why)


def _timing(timings: Sequence[Timing]) -> Timing:
    """Return what machines took that ran at the same time."""
    wall, work = max(one.wall_s for one in timings), sum(one.worker_s for one in timings)
    longest = max(one.critical_path_s for one in timings)
    return Timing(wall_s=wall, worker_s=work, speedup=work / wall if wall else None, critical_path_s=longest)


# -- the result


def _result(parts: Sequence[PartRun], absent: Sequence[Portion]) -> TestRunResult:
    never = {portion: _never_run(portion) for portion in absent}
    tests = (*(test for one in parts for test in _tests(one)), *(test for its in never.values() for test in its))
    shards = tuple(shard for one in parts for shard in _shards(one))
    walls = [wall for one in parts if (wall := shards_wall_s(one.result.shards)) is not None]
    bound = shards_bound_s(shards, sum(one.workers for one in parts))
    return TestRunResult(
        totals=Totals.of(test.verdict for test in tests),
        tests=tests,
        clusters=_clusters(parts, tests),
        suites=_suites(parts, never),
        shards=shards,
        bound_s=bound,
        efficiency=min(1.0, bound / max(walls)) if bound is not None and walls and max(walls) else None,
    )


def _never_run(portion: Portion) -> tuple[TestResult, ...]:
    cases = [portion.case(name).model_copy(update={"attempts": (not_run(_ABSENT),)}) for name in _named(portion)]
    return results_of(cases, portion.suite, portion.environment)


def _named(portion: Portion) -> tuple[str, ...]:
    return (*portion.tests, *portion.items)


def _tests(one: PartRun) -> Iterable[TestResult]:
    for test in one.result.tests:
        if one.first_worker and test.attempts:
            attempts = tuple(a.model_copy(update={"worker": _moved(a.worker, one)}) for a in test.attempts)
            yield test.model_copy(update={"attempts": attempts})
        else:
            yield test


def _shards(one: PartRun) -> Iterable[ShardRecord]:
    for shard in one.result.shards:
        yield shard.model_copy(update={"id": f"{shard.id}, {one.label}", "worker": _moved(shard.worker, one)})


def _moved(worker: int | None, one: PartRun) -> int | None:
    return None if worker is None else worker + one.first_worker


def _clusters(parts: Sequence[PartRun], tests: Sequence[TestResult]) -> tuple[Cluster, ...]:
    """Group the failures of all parts, by what the reruns of each have decided, with what is known of each group."""
    before = {name: old for one in parts for old in one.result.clusters for name in old.tests}
    kinds = {name: old.kind for name, old in before.items()}
    clusters = cluster(tests, kinds, lambda test: change_of(before[test.id].shared) if test.id in before else None)
    return tuple(_completed(one, [before[name] for name in one.tests if name in before]) for one in clusters)


def _completed(one: Cluster, before: Sequence[Cluster]) -> Cluster:
    its_own = next((old for old in before if old.tests[0] == one.tests[0]), before[0] if before else one)
    why = next((old.explanation for old in before if old.explanation is not None), None)
    shared = dict.fromkeys((*one.shared, *(trait for trait in its_own.shared if trait.startswith(AFTER))))
    added = {"shared": tuple(shared), "suspects": its_own.suspects, "reproduce": its_own.reproduce, "explanation": why}
    return one.model_copy(update=added)


def _suites(parts: Sequence[PartRun], never: Mapping[Portion, Sequence[TestResult]]) -> tuple[SuiteRecord, ...]:
    """Return one record for each suite in an environment, of what all parts say of it."""
    told: dict[tuple[str, str], list[SuiteRecord]] = defaultdict(list)
    for one in parts:
        for record in one.result.suites:
            told[record.name, record.environment].append(record)
    for portion, tests in never.items():
        told[portion.pair].append(
            SuiteRecord(
                name=portion.suite,
                framework=portion.framework,
                folder=portion.folder,
                environment=portion.environment,
                totals=Totals.of(test.verdict for test in tests),
            )
        )
    return tuple(_one_suite(records) for records in told.values())


def _one_suite(records: Sequence[SuiteRecord]) -> SuiteRecord:
    ran = [record for record in records if record.shards]
    walls = [record.wall_s for record in ran if record.wall_s is not None]
    errors = dict.fromkeys(record.error for record in records if record.error)
    update: dict[str, Any] = {
        "shards": sum(record.shards for record in records),
        "collected": _sum([record.collected for record in ran]),
        "expected_s": _sum([record.expected_s for record in ran]),
        "totals": sum((record.totals for record in records), Totals()),
        "wall_s": max(walls, default=None),
        "error": "; ".join(errors) or None,
        "notes": tuple(dict.fromkeys(note for record in records for note in record.notes)),
    }
    return records[0].model_copy(update=update)


def _sum(values: Sequence[Any]) -> Any:
    """Return the sum of numbers, None when one of them is not known."""
    return None if None in values or not values else sum(values)


def durations_of_merged(result: TestRunResult) -> dict[str, Mapping[str, float]]:
    """Return what pytest's tests took in all parts, by kind and label as the store keeps it for the next plan."""
    frameworks = {(suite.name, suite.environment): suite.framework for suite in result.suites}
    seen: Counter[tuple[str, str]] = Counter()
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for test in result.tests:
        if frameworks.get((test.suite, test.environment)) != "pytest" or not test.attempts:
            continue
        name = suite_name(Suite(name=test.suite, framework="pytest"), Environment(name=test.environment))
        label = f"{test.file}::{test.name}"
        seen[name, label] += 1
        first = test.attempts[0]
        if first.duration_s is not None and first.outcome not in _CUT_SHORT:
            nth = f"#{seen[name, label]}" if seen[name, label] > 1 else ""
            found[f"test:{name}"][label + nth] = first.duration_s
    return dict(found)
