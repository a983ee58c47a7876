"""`fanfold report`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fanfold.cli.config import repository_root
from fanfold.cli.options import rendering_options
from fanfold.cli.products import deliver, places, template_choice
from fanfold.engine.folder import FOLDER
from fanfold.engine.runs import find_run, read_run
from fanfold.reports.formats import Renderer


@click.command()
@click.argument("run", metavar="RUN", default="latest")
@rendering_options
def report(run: str, **given: Any) -> int:
    """Render a saved run again, in any format and with any template; no model is called.

    RUN is a run's id, the start of one, a run.json, or nothing for the latest run of this repository.
    """
    path = Path(run)
    saved = read_run(path if path.exists() else find_run(repository_root(Path.cwd()) / FOLDER, run))
    formats = tuple(given["format"]) or ("md",)
    renderer = Renderer(saved.skill, formats, template_choice(given["template"], given["templates"]))
    deliver(saved, renderer, places(given["output"], formats))
    return 0
