"""A plan as text: what `fanfold test --dry-run` shows."""

from __future__ import annotations

from collections.abc import Iterator

from fanfold.skills.parallel_test.plan import Plan, PlannedSuite, shell_line
from fanfold.sources.text import counted, printable

_SHOWN = 12


def plan_text(plan: Plan) -> str:
    """Return a plan as lines: the sums, then each suite with its shards, its command, and why it is planned so."""
    return "\n".join([_sums(plan), *(line for suite in plan.suites for line in _suite(suite))]) + "\n"


def _sums(plan: Plan) -> str:
    head = f"{counted(len(plan.suites), 'suite')}, {counted(plan.shards, 'shard')}, {counted(plan.workers, 'worker')}"
    if plan.expected_s is None or plan.alone_s is None or plan.bound_s is None:
        return f"{head}; how long they take is not known"
    return (
        f"{head}; expected {plan.expected_s:.1f} s, one after the other {plan.alone_s:.1f} s, "
        f"no less than {plan.bound_s:.1f} s"
    )


def _suite(planned: PlannedSuite) -> Iterator[str]:
    suite = planned.suite
    found = f", found by {suite.found_by}" if suite.found_by else ""
    yield ""
    yield printable(f"{planned.name}: {suite.framework} in {suite.folder}{found}")
    if planned.missing:
        yield f"  can't run: {printable(planned.missing)}"
        return
    yield f"  {_shards(planned)}"
    yield f"  $ {printable(shell_line(planned.command))}"
    if suite.resources:
        yield f"  not at the same time as others that use {printable(', '.join(suite.resources))}"
    for note in planned.notes:
        yield f"  {printable(note)}"


def _shards(planned: PlannedSuite) -> str:
    told = [f"{shard.expected_s:.1f}" for shard in planned.shards if shard.expected_s is not None]
    count = counted(len(planned.shards), "shard")
    if not told:
        return f"{count}; expected seconds not known"
    unknown = len(planned.shards) - len(told)
    more = f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    beside = f", {unknown} not known" if unknown else ""
    return f"{count}; expected {' + '.join(told[:_SHOWN])} s{more}{beside}"
