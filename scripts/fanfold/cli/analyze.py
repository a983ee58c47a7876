"""`fanfold analyze`."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from fanfold.agents.backends import NO_BACKEND, Choice, choose_backend
from fanfold.agents.estimate import Estimate
from fanfold.agents.tools.toolbox import Toolbox
from fanfold.cli.config import repository_root
from fanfold.cli.hosting import announced
from fanfold.cli.options import option, shared_of, shared_options
from fanfold.cli.pricing import can_look_up, estimate_lines, priced
from fanfold.cli.products import deliver, places, template_choice
from fanfold.cli.runs import chosen_run
from fanfold.cli.session import EXIT_DONE, Session
from fanfold.cli.streams import printable
from fanfold.engine.folder import FOLDER
from fanfold.engine.runs import LATEST, list_runs, read_run
from fanfold.errors import TargetError, UsageError
from fanfold.models import Run
from fanfold.reports.analysed import analysis_of
from fanfold.reports.filters import count
from fanfold.reports.formats import Renderer
from fanfold.skills import MULTI_FILE_ANALYSIS
from fanfold.skills.multi_file_analysis.analyze import DryRun, Knowledge, dry_run
from fanfold.skills.multi_file_analysis.analyze import analyze as analyze_scope
from fanfold.skills.multi_file_analysis.request import MOST_TOKENS, AnalysisRequest
from fanfold.skills.multi_file_analysis.scope import Scope, resolve_scope

_LONGEST_QUESTION = 20_000
# A name of a file that is not there is no question.
_FILE = re.compile(r"[^\s?]*(?:/[^\s?]*|\.\w{1,4})")
_PACKAGE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
_SHOWN_AREAS = 40
_SHOWN_FILES = 10


@click.command()
@click.argument("question_or_path", nargs=-1)
@option("--include", multiple=True, metavar="GLOB", help="Only files like this, as in an ignore file; repeatable.")
@option("--exclude", multiple=True, metavar="GLOB", help="No files like this, as in an ignore file; repeatable.")
@option(
    "--most-tokens",
    type=click.IntRange(1),
    default=MOST_TOKENS,
    show_default=True,
    metavar="N",
    help="How much code sub-agents are given to read, the most relevant first; what is beyond it is named.",
)
@click.option(
    "--continue", "continues", metavar="RUN", help="Ask on: answer from that run's notes, read what they lack."
)
@shared_options
def analyze(**given: Any) -> int:
    """Answer a question about a code base from what sub-agents read of it side by side, every statement with its lines.

    Of the arguments, those that are files or folders (or packages, as `django.db`) say where to look; the other one
    is the question. Without any, the architecture of the whole repository is described.
    """
    formats = tuple(given["format"]) or ("md",)
    renderer = Renderer(MULTI_FILE_ANALYSIS.name, formats, template_choice(given["template"], given["templates"]))
    chosen = places(given["output"], formats)
    asked = _asked(given["question_or_path"], Path.cwd())
    earlier = _earlier(given["continues"], asked.question)
    scope = _scope(asked, earlier, given)
    request = _request(asked, scope, earlier, given)
    knowledge = Knowledge(Toolbox(scope.target), analysis_of(earlier).notes if earlier else ())
    choice = choose_backend(request.backend, os.environ, Path.home(), request.replay)
    if given["dry_run"]:
        click.echo(_dry(request, scope, knowledge, choice, exact=given["exact"]), nl=False)
        return EXIT_DONE
    session = Session(
        MULTI_FILE_ANALYSIS.name,
        request,
        scope.target.record(),
        choice,
        toolbox=knowledge.toolbox,
        quiet=given["quiet"],
        verbose=given["verbose"],
    )
    run = _run(session, request, scope, knowledge)
    session.save(run)
    if announced(session, run):
        return EXIT_DONE
    session.complain(run)
    deliver(run, renderer, chosen)
    return session.exit_code(run, given["fail_on"])


def _run(session: Session, request: AnalysisRequest, scope: Scope, knowledge: Knowledge) -> Run:
    folded = session.run(lambda supervisor, backend: analyze_scope(request, scope, supervisor, backend, knowledge))
    return session.record(
        request.model_dump(mode="json"),
        dropped=folded.dropped,
        result=folded.result.model_dump(mode="json"),
        notes=folded.notes,
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """What the arguments say: the question, "" without one, and where to look."""

    question: str
    paths: tuple[str, ...]


def _asked(words: Sequence[str], cwd: Path) -> Asked:
    """Tell the question from paths and packages. Raises UsageError."""
    question: str | None = None
    paths = []
    for word in words:
        if _names_files(word, cwd):
            paths.append(word)
        elif question is None:
            question = _question(word)
        else:
            raise UsageError(
                f"two questions: {_short(question)!r} and {_short(word)!r}; put a question into quotes, and "
                "for a file or folder, see that it is there"
            )
    return Asked(question or "", tuple(paths))


def _names_files(word: str, cwd: Path) -> bool:
    """Tell whether an argument is there as a file or folder, or is written like one or like a package."""
    try:
        if word and os.path.lexists(cwd / word):
            return True
    except (OSError, ValueError):  # too long for a name, or with a NUL in it
        return False
    return bool(_FILE.fullmatch(word) or _PACKAGE.fullmatch(word))


def _question(word: str) -> str:
    text = word.replace("\0", "").strip()
    if not text:
        raise UsageError("the question is empty: leave it out for an overview")
    if len(text) > _LONGEST_QUESTION:
        raise UsageError(
            f"the question has {len(text):,} characters; {_LONGEST_QUESTION:,} are the most: put material into a file "
            "below the folder, and name that in the question"
        )
    return text


def _short(text: str) -> str:
    return printable(text if len(text) <= 60 else f"{text[:59]}…")  # noqa: PLR2004  a line holds it


def _earlier(name: str | None, question: str) -> Run | None:
    """Return the run that is continued. Raises UsageError, TargetError."""
    if name is None:
        return None
    if not question:
        raise UsageError("--continue: what is the question?")
    run = read_run(chosen_run(_latest_analysis() if name == LATEST else name))
    if not analysis_of(run).notes:
        raise UsageError(f"--continue {name}: run {run.id} has no notes to answer from: ask without --continue")
    return run


def _latest_analysis() -> str:
    """Return the id of the latest analysis. Raises TargetError."""
    folder = repository_root(Path.cwd()) / FOLDER
    found = next((entry.id for entry in list_runs(folder) if entry.skill == MULTI_FILE_ANALYSIS.name), None)
    if found is None:
        raise TargetError(f"--continue {LATEST}: no analysis in {folder} yet")
    return found


def _scope(asked: Asked, earlier: Run | None, given: Mapping[str, Any]) -> Scope:
    """Return the files in question: those of the run that is continued, unless others are named."""
    patterns = {"include": given["include"], "exclude": given["exclude"]}
    if asked.paths or earlier is None:
        folder = Path.cwd() if asked.paths else repository_root(Path.cwd())
        return resolve_scope(asked.paths, folder, **patterns)
    before = {name: given[name] or tuple(earlier.request.get(name, ())) for name in patterns}
    names = tuple(earlier.request.get("paths", ()))
    return resolve_scope(names, repository_root(Path.cwd()), **before)


def _request(asked: Asked, scope: Scope, earlier: Run | None, given: Mapping[str, Any]) -> AnalysisRequest:
    # From the root, so that a run that continues this one finds the same from any folder.
    paths = tuple(
        os.path.relpath(Path(path).absolute(), scope.target.root) if os.path.lexists(path) else path
        for path in asked.paths
    )
    return AnalysisRequest(
        question=asked.question,
        paths=paths or (tuple(earlier.request.get("paths", ())) if earlier else ()),
        include=given["include"],
        exclude=given["exclude"],
        most_tokens=given["most_tokens"],
        continues=earlier.id if earlier else None,
        **shared_of(given),
    )


def _dry(request: AnalysisRequest, scope: Scope, knowledge: Knowledge, choice: Choice, *, exact: bool) -> str:
    """Return what would be done, as text."""
    interactive = None if choice.name == NO_BACKEND else can_look_up(choice, request.replay)
    plan = asyncio.run(dry_run(request, scope, knowledge, interactive=interactive))
    told = priced(plan.workers, request, choice, scope.target.root, exact=exact)
    return "".join(f"{line}\n" for line in _described(plan, scope, choice, told))


def _described(plan: DryRun, scope: Scope, choice: Choice, told: Estimate) -> Iterator[str]:
    files, areas, left_out = plan.tree.files, plan.plan.areas, plan.plan.left_out
    yield f"target      {scope.target.description}"
    yield f"map         {count(len(files), 'file')}, about {plan.tree.tokens:,} tokens"
    yield f"backend     {choice.name} ({choice.reason})"
    if plan.workers:
        read = {path for area in areas for path in area.paths}
        who = f"{count(len(read), 'file')} by {count(len(areas), 'worker')}"
        yield f"read        {who}, about {plan.plan.tokens:,} tokens"
    for area in areas[:_SHOWN_AREAS] if plan.workers else ():
        yield f"  {area.tokens:>8,}  {printable(area.label)}{f' — {printable(area.question)}' if area.question else ''}"
    if plan.workers and len(areas) > _SHOWN_AREAS:
        yield f"            and {len(areas) - _SHOWN_AREAS} more"
    for one in left_out[:_SHOWN_FILES]:
        yield f"left out    {printable(one.path)}: {printable(one.why)}"
    if len(left_out) > _SHOWN_FILES:
        yield f"left out    and {len(left_out) - _SHOWN_FILES} more files"
    if plan.workers:
        yield from estimate_lines(told, choice)
        yield "then        one sub-agent that writes the answer; before it, those that condense notes if there are many"
    yield from (f"note        {printable(note)}" for note in plan.notes)
