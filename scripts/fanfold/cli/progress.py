"""Progress on stderr: a live line on a terminal, a plain line a unit elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable
from typing import IO, TYPE_CHECKING

import click

from fanfold.cli.streams import printable
from fanfold.engine.events import Event
from fanfold.suites import BAD, GOOD, TestVerdict

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

Listener = Callable[[Event], None]
# After so many seconds without a line a reader wonders whether anything still happens.
_SILENCE_S = 30.0
_NAMED = 8
SLOW = "test.slow"
# A run of more than a few units speaks so often, no sooner than so many seconds after it last did, and of each unit
# that did not go well.
_FEW = 8
_LINES = 40
_APART_S = 1.0


class _Tally:
    """Which units there are, which of them run, and how many have ended."""

    def __init__(self) -> None:
        self.labels: dict[str, str] = {}
        self.running: dict[str, str] = {}
        self.ended = 0
        self._grows = False

    def hear(self, event: Event) -> None:
        """Take note of what has become of a unit."""
        if event.unit is None:
            return
        if event.name == "unit.planned":
            self.labels[event.unit] = printable(str(event.attributes.get("label", event.unit)))
            self._grows = self._grows or bool(self.running or self.ended)
        elif event.name == "attempt.started":
            self.running[event.unit] = self.label(event.unit)
        elif event.name == "unit.ended":
            self.ended += 1
            self.running.pop(event.unit, None)

    def label(self, unit: str) -> str:
        return self.labels.get(unit, unit)

    @property
    def count(self) -> str:
        """How many have ended, of how many; units that others have added may add units in turn."""
        return f"{self.ended}/{len(self.labels)}{' so far' if self._grows else ''}"


class PlainProgress:
    """One line for each unit that ends, and one for each `_SILENCE_S` seconds without any.

    To be entered on a running event loop, whose timer breaks the silence; without a loop nothing does.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._tally = _Tally()
        self._began_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told = 0
        self._told_s = -math.inf

    def __enter__(self) -> Listener:
        with contextlib.suppress(RuntimeError):
            self._loop = asyncio.get_running_loop()
            self._began_s = self._loop.time()
        self._listen_for_silence()
        return self._hear

    def __exit__(self, *_: object) -> None:
        if self._timer:
            self._timer.cancel()

    def _hear(self, event: Event) -> None:
        if event.name == SLOW:
            self._say(slow(event))
        self._tally.hear(event)
        if event.name == "unit.ended" and event.unit is not None and self._worth_a_line(event):
            self._told, self._told_s = self._tally.ended, event.at_s
            self._say(f"[{self._tally.count}] {self._tally.label(event.unit)}: {ending(event)}")

    def _worth_a_line(self, event: Event) -> bool:
        """Tell whether an ending is news: each of a few; of many those that went wrong, some between, and the last."""
        planned, ended = len(self._tally.labels), self._tally.ended
        if event.attributes.get("status") != "ok" or planned <= _FEW or ended == planned:
            return True
        return ended - self._told >= -(-planned // _LINES) and event.at_s - self._told_s >= _APART_S

    def _say(self, line: str) -> None:
        click.echo(line, file=self._stream)
        self._listen_for_silence()

    def _listen_for_silence(self) -> None:
        if self._timer:
            self._timer.cancel()
        if self._loop:
            self._timer = self._loop.call_later(_SILENCE_S, self._break_silence, self._loop)

    def _break_silence(self, loop: asyncio.AbstractEventLoop) -> None:
        self._say(f"{self._doing()} after {loop.time() - self._began_s:.0f} s{self._whom()}")

    def _doing(self) -> str:
        if self._tally.running:
            return "still running"
        return "still waiting" if self._tally.ended < len(self._tally.labels) else "still at work"

    def _whom(self) -> str:
        names = [*self._tally.running.values()]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        return f": {', '.join(names[:_NAMED])}{more}" if names else ""


class LiveProgress:
    """How many units have ended and which are running, in one place on the terminal."""

    def __init__(self, stream: IO[str]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        console = Console(file=stream)
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[count]}", markup=False),
            TimeElapsedColumn(),
        )
        self._progress: RichProgress = Progress(*columns, console=console, transient=True)
        self._tally = _Tally()

    def __enter__(self) -> Listener:
        self._progress.start()
        self._task = self._progress.add_task("planning", total=None, count="")
        return self._hear

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def _hear(self, event: Event) -> None:
        if event.name == SLOW:
            self._progress.console.print(slow(event), markup=False, highlight=False)
        if event.unit is None:
            return
        self._tally.hear(event)
        names = ", ".join(self._tally.running.values())
        self._progress.update(
            self._task,
            description=names if len(names) <= 60 else f"{names[:59]}…",  # noqa: PLR2004  leaves room for the bar
            completed=self._tally.ended,
            total=len(self._tally.labels),
            count=self._tally.count,
        )


class VerboseProgress:
    """Every event, one line each."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def __enter__(self) -> Listener:
        return self._hear

    def __exit__(self, *_: object) -> None:
        return

    def _hear(self, event: Event) -> None:
        told = " ".join(f"{name}={value}" for name, value in event.attributes.items() if value not in (None, "", {}))
        click.echo(f"{event.at_s:8.3f} {event.name} {event.unit or '':.8} {printable(told)}", file=self._stream)


class NoProgress:
    """Nothing."""

    def __enter__(self) -> Listener:
        return lambda _: None

    def __exit__(self, *_: object) -> None:
        return


# A test that passes after it had failed is flaky by then.
_PASSED = {*GOOD, TestVerdict.FLAKY}


def slow(event: Event) -> str:
    """Say that a test takes long: it may hang."""
    suite, test, seconds = (event.attributes.get(name) for name in ("suite", "test", "seconds"))
    so_far = f"{seconds:.0f} s so far" if isinstance(seconds, int | float) else ""
    return printable(f"SLOW {suite} {test} {so_far}")


def ending(event: Event) -> str:
    """Say how a unit ended: `ok`, `ok (reused)`, `over budget`; of a test that was rerun, what it came to.

    Why it failed is said once, when the run has ended.
    """
    verdict = str(event.attributes.get("value", ""))
    if verdict in BAD:
        return f"{verdict.replace('_', ' ')} again"
    if verdict in _PASSED:
        return "passed"
    status = str(event.attributes.get("status", "")).replace("_", " ")
    return f"{status} (reused)" if event.attributes.get("reused") else status


def progress(
    stream: IO[str], *, quiet: bool, verbose: bool
) -> NoProgress | VerboseProgress | LiveProgress | PlainProgress:
    """Choose how progress is shown on `stream`."""
    if quiet:
        return NoProgress()
    if verbose:
        return VerboseProgress(stream)
    return LiveProgress(stream) if stream.isatty() else PlainProgress(stream)
