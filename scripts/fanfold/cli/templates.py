"""`fanfold templates`: which there are and where each comes from, a copy to begin with, what is wrong in one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fanfold.cli.options import search_options
from fanfold.cli.products import own_folder, search_folders, write_whole
from fanfold.cli.streams import printable
from fanfold.errors import OutputError, TemplateError, UsageError
from fanfold.pack import pack_folder
from fanfold.reports.amounts import count
from fanfold.reports.checking import Checked, check_templates, misplaced, names_in
from fanfold.reports.samples import SAMPLED
from fanfold.reports.sandbox import nearest
from fanfold.reports.templates import SHIPPED


@click.group()
def templates() -> None:
    """List report templates, show or copy one, check your own."""


@templates.command("list")
@search_options
def list_command(**given: Any) -> None:
    """List the templates, where each comes from, and which are your own in the place of shipped ones."""
    folders = search_folders(given["templates"])
    shipped = names_in(pack_folder("templates"))
    rows = [_row(name, shipped, folders) for name in sorted({*shipped, *(n for f in folders for n in names_in(f))})]
    width = max(len(name) for name, _ in rows)
    for name, where in rows:
        click.echo(f"{name.ljust(width)}  {where}")


def _row(name: str, shipped: list[str], folders: list[Path]) -> tuple[str, str]:
    homes = [folder / name for folder in folders if (folder / name).is_file()]
    if not homes:
        return printable(name), "shipped"
    hidden = [*map(str, homes[1:]), *(["the shipped one"] if name in shipped else [])]
    told = f" (in the place of {' and '.join(hidden)})" if hidden else " (your own name)"
    hint = misplaced(name, shipped)
    return printable(name), printable(f"{homes[0]}{f' (in the place of nothing{hint})' if hint else told}")


@templates.command()
@click.argument("name")
@search_options
def show(name: str, **given: Any) -> None:
    """Show the source of a template as a report would use it; shipped/NAME is always the original."""
    folders = [] if name.startswith(f"{SHIPPED}/") else search_folders(given["templates"])
    folders.append(pack_folder("templates"))
    wanted = name.removeprefix(f"{SHIPPED}/")
    for folder in folders:
        if wanted in names_in(folder):
            click.echo(f"fanfold: {printable(str(folder / wanted))}", err=True)
            click.echo(_text_of(folder / wanted), nl=False)
            return
    raise UsageError(_no_template(wanted, [known for folder in folders for known in names_in(folder)]))


@templates.command()
@click.argument("name")
@click.argument("folder", required=False, type=click.Path(path_type=Path), metavar="[DIR]")
@click.option("--force", is_flag=True, help="Write over files that are there.")
def copy(name: str, folder: Path | None, *, force: bool) -> None:
    """Copy a shipped template, or a folder of them, into DIR: to be changed, and found before the shipped one.

    Without DIR it goes into your own folder, ~/.config/fanfold/templates, which is always searched.
    """
    target = folder or own_folder()
    if target is None:
        raise UsageError("there is no home folder to copy to: name a DIR")
    shipped = names_in(pack_folder("templates"))
    wanted = name.removeprefix(f"{SHIPPED}/").rstrip("/")
    chosen = [one for one in shipped if one == wanted or one.startswith(f"{wanted}/")]
    if not chosen:
        raise UsageError(_no_template(wanted, [*shipped, *(one.split("/")[0] for one in shipped)]))
    there = [one for one in chosen if (target / one).exists()]
    if there and not force:
        raise OutputError(f"{target / there[0]} is there already; --force writes over it")
    for one in chosen:
        _copy_one(pack_folder("templates") / one, target / one)
        click.echo(f"fanfold: wrote {printable(str(target / one))}", err=True)
    if target != own_folder():
        click.echo(f"fanfold: --templates {printable(str(target))} takes what is in it", err=True)


def _copy_one(source: Path, place: Path) -> None:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        write_whole(place, source.read_bytes())
    except OSError as error:
        raise OutputError(f"{place}: {error.strerror or error}") from error


@templates.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path), metavar="[DIR]")
@search_options
def check(folder: Path | None, **given: Any) -> None:
    """Render your own templates, or those in DIR, with sample runs of every skill, and say all that is wrong.

    The runs are full, empty, partial and hostile ones. Without templates of your own, the shipped ones are checked.
    """
    if folder is not None and not folder.is_dir():
        raise UsageError(f"{folder}: no such folder")
    folders = [*([folder] if folder else []), *search_folders(given["templates"])]
    shipped = names_in(pack_folder("templates"))
    own = sorted({name for one in ([folder] if folder else folders) for name in names_in(one)})
    if folder and not own:
        raise UsageError(f"{folder}: no template in it, which ends in .j2")
    checked = check_templates(own or shipped, folders, shipped)
    for one in checked.faults:
        click.echo(printable(str(one)))
    if checked.faults:
        raise TemplateError(f"{count(len(checked.faults), 'error')} in {_what(checked, own=bool(own))}")
    click.echo(f"fanfold: {_what(checked, own=bool(own))} rendered with {count(checked.renders, 'run')}", err=True)


def _what(checked: Checked, *, own: bool) -> str:
    if own:
        return count(len(checked.names), "template")
    return f"{count(len(checked.names), 'shipped template')} of {', '.join(SAMPLED)}"


def _text_of(place: Path) -> str:
    try:
        return place.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{place}: can't be read: {error}") from error


def _no_template(name: str, known: list[str]) -> str:
    return f"no template {name!r}{nearest(name, known) or '; `fanfold templates list` names those that are there'}"
