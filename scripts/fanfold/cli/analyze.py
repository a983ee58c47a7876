"""`fanfold analyze`."""

from __future__ import annotations

import asyncio
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from fanfold.agents.backends import Choice, choose_backend
from fanfold.agents.estimate import Estimate
from fanfold.agents.tools.toolbox import Toolbox
from fanfold.cli.announcing import announced
from fanfold.cli.config import own_word, repository_root
from fanfold.cli.linked import linked_folder, write_unless_worse
from fanfold.cli.options import WholeRange, option, shared_of, shared_options
from fanfold.cli.pricing import as_planned, can_look_up, estimate_lines, priced
from fanfold.cli.products import deliver, places, template_choice
from fanfold.cli.runs import chosen_run
from fanfold.cli.session import EXIT_DONE, Session
from fanfold.cli.streams import printable
from fanfold.engine.folder import FOLDER
from fanfold.engine.runs import LATEST, list_runs, read_run
from fanfold.errors import NothingToDo, TargetError, UsageError
from fanfold.models import Run
from fanfold.reports.amounts import count, money
from fanfold.reports.analysed import analysis_of
from fanfold.reports.formats import Renderer
from fanfold.skills import MULTI_FILE_ANALYSIS
from fanfold.skills.multi_file_analysis.analyses.prompts import (
    Analysis,
    analysis_named,
    known_analyses,
    shipped_analyses,
)
from fanfold.skills.multi_file_analysis.analyze import DryRun, Knowledge, dry_run
from fanfold.skills.multi_file_analysis.analyze import analyze as analyze_scope
from fanfold.skills.multi_file_analysis.request import MOST_TOKENS, AnalysisRequest
from fanfold.skills.multi_file_analysis.scope import Scope, resolve_scope
from fanfold.skills.multi_file_analysis.token_tree import token_tree
from fanfold.sources.change import FileChange
from fanfold.sources.target import resolve
from fanfold.sources.text import listed

_LONGEST_QUESTION = 20_000
# A name of a file that is not there is no question.
_FILE = re.compile(r"[^\s?]*(?:/[^\s?]*|\.\w{1,4})")
_PACKAGE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
_OVERVIEW = "architecture"
_SHOWN_AREAS = 40


@click.command()
@click.argument("question_or_path", nargs=-1)
@option(
    "--analysis",
    metavar="NAME",
    help=f"A ready-made question: {', '.join(shipped_analyses())}. With a question as well, that is what it is about.",
)
@option(
    "--analyses-from",
    "analyses_from",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Analyses of your own, beside those that ship. Default: .fanfold/analyses in the repository's root.",
)
@option("--include", multiple=True, metavar="GLOB", help="Only files like this, as in an ignore file; repeatable.")
@option("--exclude", multiple=True, metavar="GLOB", help="No files like this, as in an ignore file; repeatable.")
@option(
    "--most-tokens",
    type=WholeRange(1),
    default=MOST_TOKENS,
    show_default=True,
    metavar="N",
    help="How much code sub-agents are given to read, the most relevant first; what is beyond it is named.",
)
@click.option(
    "--continue", "continues", metavar="RUN", help="Ask on: answer from that run's notes, read what they lack."
)
@shared_options
@click.pass_context
def analyze(ctx: click.Context, /, **given: Any) -> int:
    """Answer a question about a code base from what sub-agents read of it side by side, every statement with its lines.

    Of the arguments, those that are files or folders (or packages, as `django.db`) say where to look; the other one
    is the question. Without a question and --analysis, the architecture is described. Where change-impact is asked for,
    the question may be a symbol, a file, a commit or a range; without one it is about the uncommitted changes, or else
    about the last commit.

    With --output FOLDER and no --format, the answer is the index of linked pages, one for each module of the code.
    """
    formats = tuple(given["format"]) or ("md",)
    renderer = Renderer(MULTI_FILE_ANALYSIS.name, formats, template_choice(given["template"], given["templates"]))
    linked = None if given["format"] else linked_folder(given["output"])
    chosen = {} if linked else places(given["output"], formats)
    known, notes = known_analyses(repository_root(Path.cwd()), given["analyses_from"])
    analysis = analysis_named(given["analysis"], known) if given["analysis"] else None
    asked = _asked(given["question_or_path"], Path.cwd(), subject=_is_about_change(analysis))
    earlier = _earlier(given["continues"], asked.question)
    if analysis is None and not asked.question:
        analysis = analysis_named(_OVERVIEW, known)
    scope = _scope(asked, earlier, given)
    request = _request(asked, analysis, scope, earlier, given)
    knowledge = Knowledge(
        analysis=analysis,
        change=_change(analysis, asked),
        toolbox=Toolbox(scope.target),
        earlier=analysis_of(earlier).notes if earlier else (),
        notes=(*own_word(ctx), *notes),
    )
    choice = choose_backend(request.backend, os.environ, Path.home(), request.replay, sends=not given["dry_run"])
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
    if linked:
        write_unless_worse(linked, run, renderer, quiet=given["quiet"])
    deliver(run, renderer, chosen, session.recorded)
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
    """What the arguments say: the question, "" without one, and where to look.

    `files` are those that are asked about rather than looked in, from the repository's root; the question names them.
    """

    question: str
    paths: tuple[str, ...]
    files: tuple[str, ...] = ()


def _asked(words: Sequence[str], cwd: Path, *, subject: bool) -> Asked:
    """Tell the question from paths and packages. Raises UsageError.

    Where the question may be a `subject`, such as a symbol or a branch, what is no path that exists is that; without
    one, files are it.
    """
    question: str | None = None
    paths = []
    for word in words:
        if _exists(word, cwd) or (not subject and _is_name(word)):
            paths.append(word)
        elif question is None:
            question = _question(word)
        else:
            raise UsageError(_too_many(question, word))
    if subject and question is None and paths and all((cwd / path).is_file() for path in paths):
        root = repository_root(cwd)
        files = tuple(Path(os.path.relpath((cwd / path).absolute(), root)).as_posix() for path in paths)
        return Asked(" ".join(files), (), files)
    return Asked(question or "", tuple(paths))


def _too_many(first: str, second: str) -> str:
    """Say what is wrong with two questions: one of a single word is rather a file or folder that is not there."""
    for word, question in ((second, first), (first, second)):
        if _is_word(word):
            quoted = "; one of several words goes into quotes" if _is_word(question) else ""
            return (
                f"{_short(word)!r} is no file, folder or package here, and {_short(question)!r} is the question{quoted}"
            )
    return f"two questions: {_short(first)!r} and {_short(second)!r}; put a question into quotes"


def _is_word(text: str) -> bool:
    return re.search(r"[\s?]", text) is None


def _exists(word: str, cwd: Path) -> bool:
    try:
        return bool(word) and os.path.lexists(cwd / word)
    except (OSError, ValueError):  # too long for a name, or with a NUL in it
        return False


def _is_name(word: str) -> bool:
    """Tell whether an argument is written like a file or a package: no such thing is a mistake, and no question."""
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


def _is_about_change(analysis: Analysis | None) -> bool:
    return analysis is not None and analysis.about_change


def _change(analysis: Analysis | None, asked: Asked) -> tuple[FileChange, ...]:
    """Return the change of which the impact is asked: a commit, a branch, a range; else what is uncommitted."""
    if not _is_about_change(analysis) or asked.files:
        return ()
    try:
        return resolve((asked.question,) if asked.question else (), cwd=Path.cwd()).changes
    except (TargetError, NothingToDo):
        return ()  # it is a symbol, or words


def _scope(asked: Asked, earlier: Run | None, given: Mapping[str, Any]) -> Scope:
    """Return the files in question: those of the run that is continued, unless others are named."""
    patterns = {"include": given["include"], "exclude": given["exclude"]}
    if asked.paths or earlier is None:
        folder = Path.cwd() if asked.paths else repository_root(Path.cwd())
        return resolve_scope(asked.paths, folder, **patterns, fresh=given["fresh"])
    before = {name: given[name] or tuple(earlier.request.get(name, ())) for name in patterns}
    names = tuple(earlier.request.get("paths", ()))
    return resolve_scope(names, repository_root(Path.cwd()), **before, fresh=given["fresh"])


def _request(
    asked: Asked, analysis: Analysis | None, scope: Scope, earlier: Run | None, given: Mapping[str, Any]
) -> AnalysisRequest:
    # From the root, so that a run that continues this one finds the same from any folder.
    paths = tuple(
        os.path.relpath(Path(path).absolute(), scope.target.root) if os.path.lexists(path) else path
        for path in asked.paths
    )
    return AnalysisRequest(
        question=asked.question,
        analysis=analysis.name if analysis else "",
        paths=paths or (tuple(earlier.request.get("paths", ())) if earlier else ()),
        include=given["include"],
        exclude=given["exclude"],
        most_tokens=given["most_tokens"],
        continues=earlier.id if earlier else None,
        **shared_of(given),
    )


def _dry(request: AnalysisRequest, scope: Scope, knowledge: Knowledge, choice: Choice, *, exact: bool) -> str:
    """Return what would be done, as text."""
    plan = asyncio.run(dry_run(request, scope, knowledge, interactive=can_look_up(choice, request)))
    workers, planner = (
        priced(units, request, choice, scope.target.root, exact=exact)
        for units in (plan.workers, [plan.planner] if plan.planner else [])
    )
    return "".join(f"{line}\n" for line in _described(plan, scope, choice, workers, planner))


def _described(plan: DryRun, scope: Scope, choice: Choice, told: Estimate, planner: Estimate) -> Iterator[str]:
    yield f"target      {scope.target.description}"
    yield f"map         {count(len(plan.tree.files), 'file')}, about {plan.tree.tokens:,} tokens"
    yield from (f"  {line}" for line in token_tree(plan.tree).splitlines())
    yield f"backend     {choice.name} ({choice.reason})"
    reasons: dict[str, list[str]] = defaultdict(list)
    for one in plan.plan.left_out:
        reasons[one.why].append(one.path)
    yield from (
        f"left out    {count(len(paths), 'file')}, {printable(why)}: {listed(paths)}" for why, paths in reasons.items()
    )
    if plan.workers:
        yield from as_planned(_read_by(plan, choice, told, planner), choice)
    yield from (f"note        {printable(note)}" for note in plan.notes)


def _read_by(plan: DryRun, choice: Choice, told: Estimate, planner: Estimate) -> Iterator[str]:
    """Say which sub-agents would read what, and what that costs."""
    areas = plan.plan.areas
    read = {path for area in areas for path in area.paths}
    who = f"{count(len(read), 'file')} by {count(len(areas), 'worker')}"
    yield f"read        {who}, about {plan.plan.tokens:,} tokens"
    for area in areas[:_SHOWN_AREAS]:
        yield f"  {area.tokens:>8,}  {printable(area.label)}{f' — {printable(area.question)}' if area.question else ''}"
    if len(areas) > _SHOWN_AREAS:
        yield f"            and {len(areas) - _SHOWN_AREAS} more"
    yield from estimate_lines(told, choice)
    if planner.units:
        costs = f"{money(planner.parallel_usd)} more, {money(planner.worst_case_usd)} at its worst"
        yield f"first       one sub-agent that looks over who reads what: {costs};"
        yield "            the estimate is without what it changes"
    yield f"then        one sub-agent that writes the answer: {money(plan.answer_usd)} more at its worst"
    yield "            before it, those that condense notes if there are many"
