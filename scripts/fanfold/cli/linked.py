"""The linked pages of an analysis in a folder: all of them or none, and nothing of anybody else's is touched."""

from __future__ import annotations

import shlex
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import click

from fanfold.agents.roles import DEFAULT_MODEL
from fanfold.cli.products import folder_of, write_whole
from fanfold.cli.streams import printable
from fanfold.errors import OutputError
from fanfold.models import Run
from fanfold.reports.amounts import count
from fanfold.reports.formats import Renderer
from fanfold.reports.linked import INDEX, MARK, is_edited, lasting, pages
from fanfold.skills.multi_file_analysis.request import MOST_TOKENS
from fanfold.sources.text import listed

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
    _check_pages(folder)


def _check_pages(folder: Path) -> None:
    """Raise OutputError where a page would be lost that somebody else wrote, or wrote something into."""
    there = [path for path in (folder / INDEX, *_pages(folder)) if path.exists()]
    if theirs := [path for path in there if not _is_ours(path)]:
        raise OutputError(
            f"--output {folder}: {theirs[0].relative_to(folder)} is not fanfold's: name another folder, or a file"
        )
    if edited := [str(path.relative_to(folder)) for path in there if is_edited(path.read_text("utf-8", "replace"))]:
        raise OutputError(
            f"--output {folder}: {listed(edited)} {'was' if len(edited) == 1 else 'were'} edited since fanfold wrote "
            "it: put what you wrote elsewhere and delete the page, or name another folder"
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


def pages_of(run: Run, renderer: Renderer, folder: Path) -> dict[str, str]:
    """Return the linked pages of a run, which say how they are made anew in that folder."""
    root = Path(run.target.root)
    place = folder.absolute()
    inside = place.relative_to(root).as_posix() if place.is_relative_to(root) else ""
    return pages(run, renderer.render(lasting(run, inside), "md"), _renewal(run, inside or str(folder)))


def _renewal(run: Run, folder: str) -> str:
    """Return the command, given at the repository's top, that makes the pages of this run anew."""
    asked = run.request
    options = {"--analysis": [asked.get("analysis")], "--continue": [asked.get("continues")]}
    options |= {"--include": asked.get("include", ()), "--exclude": asked.get("exclude", ())}
    options |= {"--most-tokens": [asked.get("most_tokens")] if asked.get("most_tokens") != MOST_TOKENS else []}
    options |= {"--backend": [asked.get("backend")] if asked.get("backend") != "auto" else []}
    options |= {
        "--model": [asked.get("model")] if asked.get("model") != DEFAULT_MODEL else [],
        "--effort": [asked.get("effort")],
    }
    words = [str(word) for name, values in options.items() for value in values if value for word in (name, value)]
    questions = [asked["question"]] if asked.get("question") else []
    return shlex.join(["fanfold", "analyze", *questions, *asked.get("paths", ()), *words, "--output", f"{folder}/"])


def write_linked(folder: Path, pages: Mapping[str, str], *, quiet: bool = False) -> None:
    """Write the pages, and remove those of an earlier run that are no longer among them. Raises OutputError.

    They are written beside the folder's first, and moved into it when all are there, the index last. Which they are is
    said on stderr unless it is to be `quiet`.
    """
    try:
        _check_pages(folder)  # it may have taken a while
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


def write_unless_worse(folder: Path, run: Run, renderer: Renderer, *, quiet: bool = False) -> None:
    """Write the pages of a run, unless it is incomplete and pages are there already: those may tell more.

    Raises OutputError.
    """
    if run.status == "complete" or not (folder / INDEX).exists():
        write_linked(folder, pages_of(run, renderer, folder), quiet=quiet)
        return
    anyway = shlex.join(["fanfold", "report", run.id, "--output", f"{folder}/"])
    click.echo(
        f"fanfold: {printable(str(folder))} is left as it was: the run is incomplete; to write it: {anyway}", err=True
    )


def _move(staged: Path, folder: Path, pages: Mapping[str, str]) -> None:
    before = [path for path in _pages(folder) if _is_ours(path)]
    for name in sorted(pages, key=lambda name: name == INDEX):
        (folder / name).parent.mkdir(exist_ok=True)
        (staged / name).replace(folder / name)
    wanted = {folder / name for name in pages}
    for path in before:
        if path not in wanted:
            path.unlink()
