"""What Claude Code is told of a run that may outlast its Bash tool: early, once, and what to do then.

The tool ends a command after two minutes, or after as many as it was given, ten at most; what it is shown of a command
that succeeds is 30,000 characters, of one that fails 10,000, both with what was written to stderr (as measured on
version 2.1.330).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import IO, Self

import click

from fanfold.engine.events import Event
from fanfold.reports.amounts import duration

INSIDE = "CLAUDECODE"
"""The variable that Claude Code sets for the commands that it runs."""

_PLANNED_S = 1.0  # units of one stage are planned in one go
_SHORT_S = 60.0
_LATE_S = 75.0


def inside_claude_code(environ: Mapping[str, str]) -> bool:
    """Tell whether Claude Code runs this command."""
    return bool(environ.get(INSIDE))


class Outlook:
    """Hears the events of a run; says once on `stream` how long it may take, if that is more than a minute.

    It goes by what units are expected to take, `jobs` at once, a second after the first of them is planned; a run of
    which that is not known is spoken of when it has lasted 75 s. Without `jobs`, as in a batch, how long units wait is
    not known, and that they do is said as early. To be entered on a running event loop.
    """

    def __init__(self, stream: IO[str], run_id: str, jobs: int | None) -> None:
        self._stream = stream
        self._run_id = run_id
        self._jobs = jobs
        self._expected: dict[str, float] = {}
        self._timers: list[asyncio.TimerHandle] = []

    def __enter__(self) -> Self:
        self._timers.append(asyncio.get_running_loop().call_later(_LATE_S, self._speak, None))
        return self

    def __exit__(self, *_: object) -> None:
        self._fall_silent()

    def __call__(self, event: Event) -> None:
        if event.unit is None:
            return
        if event.name == "unit.planned":
            if not self._expected:
                self._timers.append(asyncio.get_running_loop().call_later(_PLANNED_S, self._look))
            self._expected[event.unit] = _expected_s(event)
        elif event.name == "unit.ended":
            self._expected[event.unit] = 0.0

    def _look(self) -> None:
        """Weigh what is planned by now and has not ended."""
        seconds = max(sum(self._expected.values()) / (self._jobs or 1), *self._expected.values())
        if seconds > _SHORT_S:
            self._speak(seconds if self._jobs else None)

    def _speak(self, seconds: float | None) -> None:
        self._fall_silent()
        how_long = f"about {duration(seconds)}" if seconds else "longer than two minutes"
        click.echo(
            f"fanfold: run {self._run_id} may take {how_long}; the Bash tool ends a command after 2 min, or at the "
            f"timeout that it was given, 10 min at most. `fanfold runs show` tells where the run stands; if it was "
            "ended, run the same command again: what was paid for is not paid again",
            file=self._stream,
        )

    def _fall_silent(self) -> None:
        for timer in self._timers:
            timer.cancel()


def _expected_s(event: Event) -> float:
    """Return what a unit is expected to take; a sub-agent's findings are verified, which takes as long again."""
    if str(event.attributes.get("lane", "")).startswith("model:"):
        from fanfold.agents.estimate import EXPECTED_SECONDS

        return 2 * EXPECTED_SECONDS
    told = event.attributes.get("expected_s")
    return float(told) if isinstance(told, int | float) else 0.0
