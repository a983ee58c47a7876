"""The linked pages of an analysis in a folder: all of them or none, and nothing of anybody else's is touched."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import click

from fanfold.cli.products import folder_of, write_whole
from fanfold.cli.streams import printable
from fanfold.errors import OutputError
from fanfold.reports.amounts import count
from fanfold.reports.linked import INDEX, MARK

_FOLDERS = ("modules", "facts")


def linked_folder(output: str | None) -> Path | None:
    """Return the folder that `--output` means, None when it means a file or stdout; nothing is made yet.

    Raises UsageError, and OutputError when it can't be written or has an index that is not fanfold's own.
    """
    folder = folder_of(output) if output else None
    if folder is not None:
        _check(folder)
    return folder


def _check(folder: Path) -> None:
    try:
        top = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
        tempfile.TemporaryFile(dir=top).close()
    except OSError as error:
        raise OutputError(f"--output {folder}: {error.strerror or error}") from error
    if theirs := [path for path in (folder / INDEX, *_pages(folder)) if path.exists() and not _is_ours(path)]:
        raise OutputError(
            f"--output {folder}: {theirs[0].relative_to(folder)} is not fanfold's: name another folder, or a file"
        )


def _pages(folder: Path) -> list[Path]:
    """Return the pages in the folders that fanfold writes to; those of anybody else in them are in the way."""
    return sorted(path for name in _FOLDERS for path in (folder / name).glob("*.md"))


def _is_ours(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return not path.is_symlink() and file.readline().strip() == MARK
    except OSError:
        return False


def write_linked(folder: Path, pages: Mapping[str, str], *, quiet: bool = False) -> None:
    """Write the pages, and remove those of an earlier run that are no longer among them. Raises OutputError.

    They are written beside the folder's first, and moved into it when all are there, the index last. Which they are is
    said on stderr unless it is to be `quiet`.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        staged = Path(tempfile.mkdtemp(dir=folder, prefix=".fanfold-"))
        try:
            for path, text in pages.items():
                (staged / path).parent.mkdir(exist_ok=True)
                write_whole(staged / path, text)
            _move(staged, folder, pages)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
    except OSError as error:
        raise OutputError(f"--output {folder}: {error.strerror or error}") from error
    if not quiet:
        click.echo(f"fanfold: wrote {printable(str(folder / INDEX))} and {count(len(pages) - 1, 'page')}", err=True)


def _move(staged: Path, folder: Path, pages: Mapping[str, str]) -> None:
    before = [path for path in _pages(folder) if _is_ours(path)]
    for name in sorted(pages, key=lambda name: name == INDEX):
        (folder / name).parent.mkdir(exist_ok=True)
        (staged / name).replace(folder / name)
    wanted = {folder / name for name in pages}
    for path in before:
        if path not in wanted:
            path.unlink()
