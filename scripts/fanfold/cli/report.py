"""`fanfold report`."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from fanfold.cli.browser import show_page
from fanfold.cli.config import repository_root
from fanfold.cli.linked import linked_folder, pages_of, write_linked
from fanfold.cli.options import rendering_options
from fanfold.cli.post import check_post, post_review
from fanfold.cli.products import deliver, keep, places, template_choice, write_whole
from fanfold.cli.runs import chosen_run, latest_of
from fanfold.engine.events import EventFile
from fanfold.engine.runs import EVENTS, LATEST, RECORD, read_run
from fanfold.errors import TargetError, UsageError
from fanfold.models import Run
from fanfold.reports.analysed import SKILL as ANALYSIS
from fanfold.reports.formats import ONLY, Renderer
from fanfold.skills import CODE_REVIEW


@click.command()
@click.argument("run", default=LATEST)
@click.option("--post", is_flag=True, help="Then post the review of a pull request, as `fanfold review --post` does.")
@click.option("--open", "opens", is_flag=True, help="Show it as HTML in the browser.")
@click.option("--yes", is_flag=True, help="Post without asking.")
@rendering_options
def report(run: str, **given: Any) -> int:
    """Render a saved run again, in any format and with any template; no model is called.

    RUN is a run's id, the start of one, a run.json, or nothing for the latest run of this repository; with a format
    that one skill alone has, and with --post, for the latest of that skill.
    """
    run = _latest(given["format"], post=given["post"]) if run == LATEST else run
    place = _place_of(run)
    saved = _read(place)
    pull = saved.request.get("pull_request")
    if given["post"] and not isinstance(pull, int):
        raise UsageError("the run is of no pull request: review one with --pr N")
    check_post(post=given["post"], pull=pull, yes=given["yes"])
    formats = tuple(given["format"]) or (("html",) if given["opens"] else ("md",))
    shown = ("html",) if given["opens"] else ()
    templates = template_choice(given["template"], given["templates"])
    renderer = Renderer(saved.skill, tuple(dict.fromkeys((*formats, *shown))), templates)
    pages_wanted = saved.skill == ANALYSIS and not given["format"] and not given["opens"]
    linked = linked_folder(given["output"]) if pages_wanted else None
    # What the browser shows doesn't go to stdout as well.
    written = formats if given["output"] else tuple(name for name in formats if name not in shown)
    chosen = places(given["output"], written) if written and not linked else {}
    events = EventFile((place if place.is_dir() else place.parent) / EVENTS)
    if linked:
        write_linked(linked, pages_of(saved, renderer, linked))
    deliver(saved, renderer, chosen, events)
    if shown:
        _show(saved, renderer.render(saved, "html", events))
    if given["post"]:
        post_review(saved, saved.request["pull_request"], repository_root(Path.cwd()), yes=given["yes"])
    return 0


def _show(run: Run, page: str) -> None:
    """Show the page, from beside the run's record or, where that can't be, from a folder of its own."""
    file = keep(run, "html", page)
    if file is None:
        file = Path(tempfile.mkdtemp(prefix="fanfold-")) / f"report-{run.skill}.html"
        write_whole(file, page)
    show_page(file)


def _latest(formats: Sequence[str], *, post: bool) -> str:
    """Return the latest run that can be shown so, as far as that is the matter of one skill."""
    skills = {ONLY[name] for name in formats if name in ONLY} | ({CODE_REVIEW.name} if post else set())
    return latest_of(skills.pop()) if len(skills) == 1 else LATEST


def _place_of(name: str) -> Path:
    path = Path(name)
    return path if name != LATEST and path.exists() else chosen_run(name)


def saved_run(name: str) -> Run:
    """Read the run that `name` means. Raises TargetError, also for one that did not finish."""
    return _read(_place_of(name))


def _read(place: Path) -> Run:
    if (place / EVENTS).exists() and not (place / RECORD).exists():
        run_id = place.resolve().name
        raise TargetError(
            f"run {run_id} did not finish: run the same command again; "
            f"`fanfold runs show {run_id}` tells how far it came"
        )
    return read_run(place)
