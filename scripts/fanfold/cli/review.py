"""`fanfold review`."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from fanfold.agents.backends import NO_BACKEND, Choice, choose_backend
from fanfold.agents.estimate import Estimate
from fanfold.agents.tools.toolbox import Toolbox
from fanfold.analyzers import ANALYZERS, load
from fanfold.cli.announcing import announced
from fanfold.cli.config import FROM_REPOSITORY, own_word, repository_root
from fanfold.cli.fix import apply_suggestions
from fanfold.cli.hosting import STDIN
from fanfold.cli.options import WholeRange, option, shared_of, shared_options
from fanfold.cli.post import check_post, post_review
from fanfold.cli.pricing import as_planned, can_look_up, estimate_lines, priced
from fanfold.cli.products import deliver, places, template_choice
from fanfold.cli.session import EXIT_DONE, EXIT_INCOMPLETE, Session
from fanfold.errors import OutputError, UsageError
from fanfold.models import Run
from fanfold.reports.amounts import count
from fanfold.reports.formats import Renderer
from fanfold.skills import CODE_REVIEW
from fanfold.skills.code_review.aspects import Aspect, known_aspects
from fanfold.skills.code_review.guidance import read_guidance
from fanfold.skills.code_review.memory import FILE, Decision, Known, read_memory, remember
from fanfold.skills.code_review.request import ReviewRequest, default_analyzers
from fanfold.skills.code_review.review import DryRun, Knowledge, dry_run
from fanfold.skills.code_review.review import review as review_target
from fanfold.sources.target import Target, resolve

_STDIN = "-"
_NO_ANALYZER = "none"


@click.command()
@click.argument("target", nargs=-1)
@click.option("--staged", is_flag=True, help="What is staged.")
@click.option("--diff", metavar="FILE", help="A unified diff; - reads stdin.")
@click.option("--pr", type=WholeRange(1), metavar="N", help="A pull request on GitHub, through gh; nothing is fetched.")
@option(
    "--aspect",
    multiple=True,
    metavar="NAME",
    help="Only this aspect; repeatable. Default: those that the change and the effort call for.",
)
@option(
    "--analyzer",
    multiple=True,
    metavar="NAME",
    help=f"Only this analyzer, or {_NO_ANALYZER}; repeatable. One whose configuration can run code of the repository "
    "runs only when it is named here.",
)
@option(
    "--aspects-from",
    "aspects_from",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Aspects of your own, beside those that ship. Default: .fanfold/aspects in the repository's root.",
)
@option(
    "--baseline",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Findings that are known: a run.json, or a file that `fanfold dismiss` wrote. They are not reported again.",
)
@click.option("--accept", is_flag=True, help=f"Take what this run reports into {FILE}: no later run reports it.")
@click.option("--fix", is_flag=True, help="Then apply its suggestions to the working tree, as `fanfold fix` does.")
@click.option("--post", is_flag=True, help="Then show the review and post it to the pull request, never twice.")
@click.option("--yes", is_flag=True, help="Post without asking.")
@shared_options
@click.pass_context
def review(ctx: click.Context, /, **given: Any) -> int:
    """Review a change: static analyzers side by side, then Claude sub-agents side by side, and one report of it all.

    TARGET is nothing (uncommitted changes; if there are none, the last commit; outside git, the folder), a commit, a
    range A..B or A...B, a branch, or paths, of which every line is under review.
    """
    check_post(post=given["post"], pull=given["pr"], yes=given["yes"])
    formats = tuple(given["format"]) or ("md",)
    renderer = Renderer(CODE_REVIEW.name, formats, template_choice(given["template"], given["templates"]))
    chosen = places(given["output"], formats)
    aspects, notes = known_aspects(repository_root(Path.cwd()), given["aspects_from"])
    request = _request(ctx, given, aspects)
    target = resolve(
        given["target"],
        cwd=Path.cwd(),
        staged=given["staged"],
        diff=_read_diff(given["diff"]),
        pull_request=given["pr"],
    )
    knowledge = _knowledge(target, aspects, given["baseline"], [*own_word(ctx), *notes])
    choice = choose_backend(request.backend, os.environ, Path.home(), request.replay, sends=not given["dry_run"])
    if given["dry_run"]:
        plan = dry_run(request, target, knowledge, interactive=can_look_up(choice, request))
        told = priced(plan.finders, request, choice, target.root, exact=given["exact"])
        click.echo(_describe(plan, target, choice, told), nl=False)
        return 0
    if not request.analyzers and choice.name == NO_BACKEND:
        raise UsageError(f"nothing would look at it: no analyzer is chosen, and no sub-agent ({choice.reason})")
    session = Session(
        CODE_REVIEW.name,
        request,
        target.record(),
        choice,
        toolbox=knowledge.toolbox,
        quiet=given["quiet"],
        verbose=given["verbose"],
    )
    run = _run(session, request, target, knowledge)
    session.save(run)
    if announced(session, run):
        return 0
    session.complain(run)
    deliver(run, renderer, chosen, session.recorded)
    if given["accept"]:
        _accept(run, target)
    fixed = apply_suggestions(run, (), target.root, err=True) if given["fix"] else EXIT_DONE
    if given["post"]:
        post_review(run, given["pr"], target.root, yes=given["yes"])
    code = session.exit_code(run, given["fail_on"])
    # Suggestions that could not be applied are missing; that there are none is no news.
    return fixed if code == EXIT_DONE and fixed == EXIT_INCOMPLETE else code


def _knowledge(target: Target, aspects: Mapping[str, Aspect], baseline: Path | None, notes: Sequence[str]) -> Knowledge:
    """Gather what the review knows besides the change. Raises ConfigError."""
    return Knowledge(
        aspects=aspects,
        guidance=read_guidance(target),
        memory=read_memory(target, baseline),
        toolbox=Toolbox(target),
        notes=tuple(notes),
    )


def _accept(run: Run, target: Target) -> None:
    """Take what the run reports as known."""
    standing = [finding for finding in run.findings if finding.stands]
    entries = [known for finding in standing for known in Known.of(finding, Decision.ACCEPTED)]
    file = target.root / FILE
    try:
        remember(file, entries)
    except OSError as error:
        raise OutputError(f"{file}: can't be written: {error.strerror or error}") from error
    click.echo(f"fanfold: {count(len(standing), 'finding')} accepted into {file}: commit it", err=True)


def _run(session: Session, request: ReviewRequest, target: Target, knowledge: Knowledge) -> Run:
    folded = session.run(lambda supervisor, backend: review_target(request, target, supervisor, backend, knowledge))
    return session.record(
        request.model_dump(mode="json"),
        folded.unread,
        findings=folded.findings,
        dropped=folded.dropped,
        result={"files": [{"path": f.path, "status": f.status, "reason": f.reason} for f in folded.files]},
        notes=folded.notes,
    )


def _request(ctx: click.Context, given: dict[str, Any], aspects: Mapping[str, Aspect]) -> ReviewRequest:
    analyzers = _analyzers(ctx, given["analyzer"])
    return ReviewRequest(
        target=given["target"],
        staged=given["staged"],
        diff=given["diff"],
        pull_request=given["pr"],
        aspects=_known("aspect", given["aspect"], list(aspects)),
        analyzers=analyzers,
        **shared_of(given),
    )


def _analyzers(ctx: click.Context, names: Sequence[str]) -> tuple[str, ...]:
    """Return the analyzers that were asked for; one that runs the repository's code only at the user's own word."""
    if tuple(names) == (_NO_ANALYZER,):
        return ()
    chosen = _known("analyzer", names, [*ANALYZERS]) or default_analyzers()
    own_word = ctx.get_parameter_source("analyzer") is not ParameterSource.DEFAULT_MAP
    if own_word or ctx.meta.get(FROM_REPOSITORY) is None:
        return chosen
    refused = [name for name in chosen if load(name).runs_repository_code]
    for name in refused:
        click.echo(
            f"fanfold: the repository's configuration asks for {name}, which can run its code: "
            f"it runs only with --analyzer {name}",
            err=True,
        )
    return tuple(name for name in chosen if name not in refused)


def _known(kind: str, names: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
            raise UsageError(f"unknown {kind} {name!r}; {hint}")
    return tuple(dict.fromkeys(names))


def _read_diff(name: str | None) -> str | None:
    if name is None:
        return None
    if name == _STDIN and sys.stdin is None:
        raise UsageError("--diff -: stdin is closed")
    try:
        data = sys.stdin.buffer.read() if name == _STDIN else Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"--diff {name}: {error.strerror or error}") from error
    text = data.decode("utf-8", "replace")
    if name == _STDIN:
        click.get_current_context().meta[STDIN] = text
    return text


def _describe(plan: DryRun, target: Target, choice: Choice, told: Estimate) -> str:
    """Return a dry run as text."""
    lines = [
        f"target      {target.description}",
        f"backend     {choice.name} ({choice.reason})",
        f"analyzers   {', '.join(plan.analyzers) or 'none'}",
        *(f"left out    {path}: {why}" for path, why in plan.skipped),
    ]
    if choice.name == NO_BACKEND or not plan.finders:
        lines.append("sub-agents  none")
    if plan.finders:
        claims = "one verifier" if plan.lenses == 1 else "two verifiers, and a third when they disagree"
        lines += as_planned(
            [
                f"sub-agents  {', '.join(unit.label for unit in plan.finders)}",
                *estimate_lines(told, choice),
                f"then        for each finding {claims}, at the price of what is cached",
            ],
            choice,
        )
    return "\n".join([*lines, *(f"note        {note}" for note in plan.notes)]) + "\n"
