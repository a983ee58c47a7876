"""What a test run was asked."""

from __future__ import annotations

from pydantic import Field

from fanfold.models import Frozen
from fanfold.skills.request import Options


class PartRecord(Frozen):
    """Which part of a run that was dealt out to several machines it is: `plan` is the plan's id, `index` from 1."""

    plan: str
    index: int = Field(ge=1)
    count: int = Field(ge=1)


class TestRequest(Options):
    """One test run: suites and paths by name, what of them is left out, and how failures are treated.

    `changed` is the base of a selection by change, "" for the uncommitted changes, None for no selection. `retries` is
    how often a failed test may be rerun alone. `bisect` names a commit at which regressions were not there. `workers`
    is how many processes run tests at once.
    """

    __test__ = False

    arguments: tuple[str, ...] = ()
    last_failed: bool = False
    changed: str | None = None
    retries: int = Field(default=1, ge=0)
    fail_on_flaky: bool = False
    bisect: str | None = None
    coverage: bool = False
    part: PartRecord | None = None
    workers: int = Field(default=1, ge=1)
