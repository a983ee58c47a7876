"""Where a run's texts go: stdout, a file, a folder; checked before a run starts, written after it."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from fanfold.cli.outlook import inside_claude_code
from fanfold.cli.streams import check_stdout
from fanfold.engine.events import Event
from fanfold.engine.folder import FOLDER
from fanfold.engine.runs import kept_folder
from fanfold.errors import OutputError, UsageError
from fanfold.models import Run
from fanfold.pack import pack_folder
from fanfold.reports.escape import without_controls
from fanfold.reports.formats import FORMATS, Renderer, TemplateChoice
from fanfold.reports.summary import shortened

STDOUT = Path("-")
# What is left of what Claude Code shows of a command, besides progress: of one that succeeds, and of one that fails.
_ROOM = 24_000
_ROOM_FAILED = 7_000


def template_choice(file: Path | None, folder: Path | None) -> TemplateChoice:
    """Return where templates come from: what was asked for, then the user's own folder. Raises UsageError.

    A `folder` that has nothing under a shipped name would change no report; beside a `file` it may hold its parts.
    """
    folders = search_folders(folder)
    if folder and not file and not _replaces_any(folder):
        raise UsageError(f"--templates {folder}: nothing in it has the name of a template; see fanfold templates list")
    return TemplateChoice(file, folders)


def _replaces_any(folder: Path) -> bool:
    shipped = pack_folder("templates")
    return any((folder / place.relative_to(shipped)).is_file() for place in shipped.rglob("*.j2"))


def search_folders(folder: Path | None) -> list[Path]:
    """Return the folders searched before the shipped templates: `folder`, the user's own. Raises UsageError."""
    if folder is not None and not folder.is_dir():
        raise UsageError(f"--templates {folder}: no such folder")
    return [place for place in (folder, own_folder()) if place and place.is_dir()]


def own_folder() -> Path | None:
    """Return the user's own folder of templates, whether it is there or not; None without a home.

    A relative XDG_CONFIG_HOME counts for nothing, as its specification has it: it would lie in the repository.
    """
    configured = Path(os.environ.get("XDG_CONFIG_HOME") or "")
    try:
        base = configured if configured.is_absolute() else Path.home() / ".config"
    except RuntimeError:
        return None
    return base / "fanfold" / "templates"


def places(output: str | None, formats: Sequence[str]) -> dict[str, Path]:
    """Return where each format goes: to stdout, a file, or `report.*` in a folder, which a slash at the end means too.

    Nothing is made yet. Raises UsageError, or OutputError when a place can't be written.
    """
    if output is None or Path(output) == STDOUT:
        if len(formats) > 1:
            raise UsageError(f"--format {' and '.join(formats)} can't both go to stdout: give --output a folder")
        check_stdout()
        return {formats[0]: STDOUT}
    if not output or "\0" in output:
        raise UsageError(f"--output {output!r}: the name of a file or folder is expected")
    folder = folder_of(output, several=len(formats) > 1)
    if folder is None:
        chosen = {formats[0]: Path(output)}
    else:
        chosen = {name: folder / f"report.{FORMATS[name]}" for name in formats}
    for place in chosen.values():
        _check_writable(output, place)
    return chosen


def folder_of(output: str, *, several: bool = False) -> Path | None:
    """Return the folder that `output` means, None when it means a file; `several` files need one. Raises UsageError."""
    path = Path(output)
    asked = output.endswith(tuple(filter(None, (os.sep, os.altsep))))
    if not asked and not several and not path.is_dir():
        return None
    if path.exists() and not path.is_dir():
        wanted = "the slash at its end means a folder" if asked else "several formats need a folder"
        raise UsageError(f"--output {output}: {wanted}, and this is a file")
    return path


def _check_writable(output: str, place: Path) -> None:
    """Try it before anything is spent; asking for permissions would believe what root is told.

    Folders that are missing are made when there is something to write.
    """
    if place.exists() and not place.is_file() and not place.is_dir():
        # To open and close a pipe would be the end of it for its reader.
        return
    folder = place.resolve().parent if place.is_symlink() else place.parent
    folder = (
        folder if place.is_symlink() else next(one for one in (folder, *folder.absolute().parents) if _is_there(one))
    )
    if not folder.is_dir():
        raise OutputError(f"--output {output}: {folder} is not a folder")
    try:
        if place.exists():
            place.open("ab").close()
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise OutputError(f"--output {place}: {error.strerror or error}") from error


def _is_there(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def deliver(run: Run, renderer: Renderer, chosen: dict[str, Path], events: Iterable[Event] = ()) -> None:
    """Write each format to its place. What can't be written to its file goes to stdout, then raises OutputError."""
    failures = []
    for name, place in chosen.items():
        text = renderer.render(run, name, events)
        kept = keep(run, name, text)
        if place == STDOUT:
            _print(_fitting(text, run, kept) if name == "md" else text)
            continue
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            write_whole(place, text)
        except OSError as error:
            failures.append(f"--output {place}: {error.strerror or error}; {_print_instead(text)}")
    if failures:
        raise OutputError("; ".join(failures))


def keep(run: Run, name: str, text: str) -> Path | None:
    """Keep what was rendered beside the run's record; return its file, None when there is no such place."""
    folder = kept_folder(Path(run.target.root) / FOLDER, run.id)
    if folder is None:
        return None
    file = folder / f"report.{FORMATS[name]}"
    if file.is_symlink():
        return None  # not ours: somebody would have it written elsewhere
    try:
        write_whole(file, text)
    except OSError:
        return None
    return file


def _fitting(text: str, run: Run, kept: Path | None) -> str:
    """Return a report; inside Claude Code what of it can be shown, with the file that holds all of it."""
    if kept is None or not inside_claude_code(os.environ):
        return text
    fails = run.status != "complete" or bool(run.result.get("clusters"))
    return shortened(text, _ROOM_FAILED if fails else _ROOM, str(kept))


def _print_instead(text: str) -> str:
    """Print what could not be written to its file, and say what became of it."""
    try:
        _print(text)
    except OutputError as error:
        return str(error)
    return "the report went to stdout instead"


def _print(text: str) -> None:
    if sys.stdout.isatty():
        # Whatever is in it, and whatever a template made of it: nothing of it steers the terminal.
        text = without_controls(text)
    try:
        click.echo(text, nl=False)
    except OSError as error:
        raise OutputError(f"stdout: {error.strerror or error}") from error


def write_whole(place: Path, content: str | bytes) -> None:
    """Write a file so that it is there whole or not at all; what is no regular file (a pipe, a device) directly."""
    data = content.encode() if isinstance(content, str) else content
    if place.exists() and not place.is_file():
        place.write_bytes(data)
        return
    place = place.resolve()
    handle, temporary = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
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
