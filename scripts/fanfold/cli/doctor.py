"""`fanfold doctor`: why did it not work? What this machine has, one line each."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from fanfold.agents.backends import NO_BACKEND, Choice, choose_backend
from fanfold.cli.checks import CHECKS, Check, Look, Place, State
from fanfold.cli.config import repository_root
from fanfold.cli.streams import printable

EXIT_NOTHING_WORKS = 2
_MARKS = {State.OK: "ok", State.MISSING: "-", State.PROBLEM: "!"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As one JSON document.")
def doctor(*, as_json: bool) -> int:
    """Show what this machine has, and which backend `auto` takes: one line each, never the value of a secret.

    Nothing is sent anywhere. A line begins with ok, with - for what is not there and not needed, or with ! for what
    keeps something from working. The exit code is 0 unless neither an analyzer nor a sub-agent could run.
    """
    place = Place(os.environ, Path.home(), Path.cwd(), repository_root(Path.cwd()))
    with ThreadPoolExecutor(max_workers=8, thread_name_prefix="doctor") as threads:
        chosen = threads.submit(choose_backend, "auto", place.environ, place.home)
        looking = [threads.submit(_looked, name, look, place) for name, look in CHECKS.items()]
        found = [check for checks in looking for check in checks.result()]
        choice = chosen.result()
    click.echo(_as_json(found, choice) if as_json else _as_text(found, choice))
    analyzers = any(check.name.startswith("analyzer ") and check.state is State.OK for check in found)
    return 0 if analyzers or choice.name != NO_BACKEND else EXIT_NOTHING_WORKS


def _looked(name: str, look: Look, place: Place) -> list[Check]:
    """Run one check; one that breaks is a line like the others, without its words: they may hold anything."""
    try:
        return list(look(place))
    except Exception as error:  # noqa: BLE001  a doctor that dies helps nobody
        return [Check(name, State.PROBLEM, f"looking at it failed ({type(error).__name__})")]


def _as_text(found: list[Check], choice: Choice) -> str:
    backend = Check("backend auto", State.OK, f"{choice.name}: {choice.reason}")
    lines = [*found, backend]
    width = max(len(check.name) for check in lines)
    return "\n".join(printable(f"{_MARKS[c.state]:2}  {c.name:{width}}  {c.says}") for c in lines)


def _as_json(found: list[Check], choice: Choice) -> str:
    return json.dumps(
        {
            "checks": [{"name": check.name, "state": check.state.value, "says": check.says} for check in found],
            "backend": {"name": choice.name, "reason": choice.reason},
        },
        indent=1,
    )
