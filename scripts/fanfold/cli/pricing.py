"""What a dry run says of money and time."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from fanfold.agents.backends import AUTO, BACKENDS, BATCH, NO_BACKEND, REPLAY, Choice, Premises
from fanfold.agents.credentials import credential_source
from fanfold.agents.estimate import Estimate, Tokens, counted_tokens_of, estimate
from fanfold.agents.replay import ReplayBackend
from fanfold.cli.session import jobs_at_once
from fanfold.engine.database import NAME
from fanfold.engine.folder import FOLDER
from fanfold.engine.store import SqliteStore
from fanfold.errors import UsageError, WorkerError
from fanfold.models import Unit
from fanfold.reports.amounts import duration, money
from fanfold.skills.request import Options

_API = "api"
_COUNTS = (_API, BATCH)


def priced(units: Sequence[Unit[Any]], options: Options, choice: Choice, root: Path, *, exact: bool) -> Estimate:
    """Estimate what sub-agents will take; with `exact` the API counts their tokens, which costs nothing.

    Raises UsageError when it can't.
    """
    tokens = _counted(units, choice) if exact and units else None
    folder = root / FOLDER
    # No store is made for a dry run: without one there is no history.
    kept = (folder / NAME).exists()
    history = asyncio.run(_history(folder, {unit.kind for unit in units})) if kept else {}
    jobs = jobs_at_once(choice, options)
    return estimate(units, jobs, tokens=tokens, history=history, batch=choice.name == BATCH)


def can_look_up(choice: Choice, options: Options) -> bool | None:
    """Tell whether sub-agents can look things up in a run, which decides what they are told. Raises UsageError.

    None where no sub-agent was asked for. Where `auto` found no backend the plan is that of the API: its price is what
    one wants to know before there is a credential.

    The backend is not opened for that: some make folders. One that says nothing itself can where there is a target.
    """
    if choice.name == REPLAY and options.replay is not None:
        return ReplayBackend(Premises(None, Path(), recording=Path(options.replay))).interactive
    if choice.name == NO_BACKEND and options.backend != AUTO:
        return None
    name = _API if choice.name == NO_BACKEND else choice.name
    return bool(getattr(resolve_name(BACKENDS[name]), "interactive", True))


def as_planned(lines: Iterable[str], choice: Choice) -> list[str]:
    """Return what sub-agents would do and cost, as lines: set apart where there is no backend to do it."""
    if choice.name != NO_BACKEND:
        return [*lines]
    return [f"with --backend {_API}, which needs a credential:", *(f"  {line}" for line in lines)]


def _counted(units: Sequence[Unit[Any]], choice: Choice) -> Mapping[str, Tokens]:
    if choice.name not in _COUNTS or not credential_source(os.environ, Path.home()):
        raise UsageError(f"--exact: the API counts tokens, and the backend is {choice.name} ({choice.reason})")
    try:
        return asyncio.run(counted_tokens_of(units))
    except WorkerError as error:
        raise UsageError(f"--exact: {error}") from error


async def _history(folder: Path, kinds: set[str]) -> dict[str, dict[str, float]]:
    """Return what units of these kinds took before, in seconds by kind and label."""
    async with SqliteStore(folder) as store:
        return {kind: await store.durations(kind) for kind in sorted(kinds)}


def estimate_lines(told: Estimate, choice: Choice) -> list[str]:
    """Return an estimate as lines, each with its word in front."""
    about = "" if told.exact else "about "
    again = f"{money(told.lookups_usd)} more for each further turn in which all of them look things up"
    waits = " once the batch is under way, which can take up to a day" if choice.name == BATCH else ""
    return [
        f"tokens      {about}{told.input_tokens:,} in, about {told.output_tokens:,} out",
        f"cost        {money(told.parallel_usd)} as fanfold runs it, the shared part written to the cache once",
        *([] if told.lookups_usd == 0 else [f"look-ups    {again}"]),
        f"alone       {money(told.alone_usd)}, one agent that reads everything once and does all of it",
        f"uncached    {money(told.parallel_uncached_usd)}, in parallel without a cache",
        f"worst case  {money(told.worst_case_usd)}",
        f"time        about {duration(told.seconds)}{waits}",
    ]
