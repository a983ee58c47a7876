"""Progress on stderr: a live line on a terminal, a plain line a unit elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, TYPE_CHECKING

import click

from fanfold.engine.events import Event

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

Listener = Callable[[Event], None]


class PlainProgress:
    """One line for each unit that ends."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._labels: dict[str, str] = {}
        self._ended = 0

    def __enter__(self) -> Listener:
        return self._hear

    def __exit__(self, *_: object) -> None:
        return

    def _hear(self, event: Event) -> None:
        if event.unit is None:
            return
        if event.name == "unit.planned":
            self._labels[event.unit] = str(event.attributes.get("label", event.unit))
        elif event.name == "unit.ended":
            self._ended += 1
            told = f"[{self._ended}/{len(self._labels)}] {self._labels.get(event.unit, event.unit)}: {ending(event)}"
            click.echo(told, file=self._stream)


class LiveProgress:
    """How many units have ended and which are running, in one place on the terminal."""

    def __init__(self, stream: IO[str]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        console = Console(file=stream)
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        self._progress: RichProgress = Progress(*columns, console=console, transient=True)
        self._labels: dict[str, str] = {}
        self._running: dict[str, str] = {}
        self._ended = 0

    def __enter__(self) -> Listener:
        self._progress.start()
        self._task = self._progress.add_task("planning", total=None)
        return self._hear

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def _hear(self, event: Event) -> None:
        if event.unit is None:
            return
        if event.name == "unit.planned":
            self._labels[event.unit] = str(event.attributes.get("label", event.unit))
        elif event.name == "attempt.started":
            self._running[event.unit] = self._labels.get(event.unit, event.unit)
        elif event.name == "unit.ended":
            self._ended += 1
            self._running.pop(event.unit, None)
        names = ", ".join(self._running.values())
        self._progress.update(
            self._task,
            description=names if len(names) <= 60 else f"{names[:59]}…",  # noqa: PLR2004  leaves room for the bar
            completed=self._ended,
            total=len(self._labels),
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
        click.echo(f"{event.at_s:8.3f} {event.name} {event.unit or '':.8} {told}", file=self._stream)


class NoProgress:
    """Nothing."""

    def __enter__(self) -> Listener:
        return lambda _: None

    def __exit__(self, *_: object) -> None:
        return


def ending(event: Event) -> str:
    """Say how a unit ended: `ok`, `ok (reused)`, `failed: why`."""
    status = str(event.attributes.get("status", ""))
    if event.attributes.get("reused"):
        return f"{status} (reused)"
    error = event.attributes.get("error")
    return f"{status}: {error}" if error else status


def progress(
    stream: IO[str], *, quiet: bool, verbose: bool
) -> NoProgress | VerboseProgress | LiveProgress | PlainProgress:
    """Choose how progress is shown on `stream`."""
    if quiet:
        return NoProgress()
    if verbose:
        return VerboseProgress(stream)
    return LiveProgress(stream) if stream.isatty() else PlainProgress(stream)
