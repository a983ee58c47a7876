"""Where a run's texts go: stdout, a file, a folder; checked before a run starts, written after it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from fanfold.errors import OutputError, UsageError
from fanfold.models import Run
from fanfold.reports.formats import FORMATS, Renderer, TemplateChoice

STDOUT = Path("-")


def template_choice(file: Path | None, folder: Path | None) -> TemplateChoice:
    """Return where templates come from: what was asked for, then the user's own folder. Raises UsageError."""
    if folder is not None and not folder.is_dir():
        raise UsageError(f"--templates {folder}: no such folder")
    own = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "fanfold" / "templates"
    return TemplateChoice(file, [place for place in (folder, own) if place and place.is_dir()])


def places(output: Path | None, formats: Sequence[str]) -> dict[str, Path]:
    """Return where each format goes. Raises UsageError, or OutputError when a place can't be written."""
    if output is None or output == STDOUT:
        if len(formats) > 1:
            raise UsageError(f"--format {' and '.join(formats)} can't both go to stdout: give --output a folder")
        return {formats[0]: STDOUT}
    if len(formats) > 1 or output.is_dir():
        if output.exists() and not output.is_dir():
            raise UsageError(f"--output {output}: several formats need a folder, and this is a file")
        chosen = {name: output / f"report.{FORMATS[name]}" for name in formats}
    else:
        chosen = {formats[0]: output}
    for place in chosen.values():
        _check_writable(place)
    return chosen


def _check_writable(place: Path) -> None:
    """Try it before anything is spent; asking for permissions would believe what root is told."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.exists():
            with place.open("ab"):
                return
        with tempfile.TemporaryFile(dir=place.parent):
            return
    except OSError as error:
        raise OutputError(f"--output {place}: {error.strerror or error}") from error


def deliver(run: Run, renderer: Renderer, chosen: dict[str, Path]) -> None:
    """Write each format to its place. What can't be written to its file goes to stdout, then raises OutputError."""
    failures = []
    for name, place in chosen.items():
        text = renderer.render(run, name)
        if place == STDOUT:
            _print(text)
            continue
        try:
            write_whole(place, text)
        except OSError as error:
            _print(text)
            failures.append(f"--output {place}: {error.strerror or error}; the report went to stdout instead")
    if failures:
        raise OutputError("; ".join(failures))


def _print(text: str) -> None:
    try:
        click.echo(text, nl=False)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"stdout: {error.strerror or error}") from error


def write_whole(place: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all; what is no regular file (a pipe, a device) directly."""
    if place.exists() and not place.is_file():
        place.write_text(text, encoding="utf-8")
        return
    place = place.resolve()
    handle, temporary = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        _keep_mode(place, Path(temporary))
        Path(temporary).replace(place)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise


def _keep_mode(place: Path, temporary: Path) -> None:
    """Give a new file the mode that the user's umask would, an old one its own."""
    mask = os.umask(0)
    os.umask(mask)
    temporary.chmod(place.stat().st_mode & 0o777 if place.exists() else 0o666 & ~mask)
