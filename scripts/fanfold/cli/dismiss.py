"""`fanfold dismiss`: what was looked at and is no fault never comes back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from fanfold.cli.config import repository_root
from fanfold.cli.runs import chosen_run, latest_of
from fanfold.cli.streams import printable
from fanfold.engine.runs import read_run
from fanfold.errors import OutputError, UsageError
from fanfold.models import Finding, Severity
from fanfold.reports.amounts import count
from fanfold.skills import CODE_REVIEW
from fanfold.skills.code_review.memory import FILE, Decision, Known, forget, read_known, remember

_SHORT = 8  # digits of a fingerprint, as shown


@click.command()
@click.argument("finding", nargs=-1)
@click.option("--reason", metavar="TEXT", help="Why it is no fault; a critical finding needs one.")
@click.option("--run", "run", help="The run that reported it. Default: the latest review.")
@click.option("--undo", is_flag=True, help="Let the findings come back.")
@click.option("--list", "listing", is_flag=True, help="List what was decided.")
def dismiss(finding: Sequence[str], reason: str | None, run: str | None, *, undo: bool, listing: bool) -> None:
    """Say of findings that they are no fault: no later review reports them, whatever moves in the file.

    FINDING is an id of the run's report, as in `fanfold dismiss F2 F5 --reason "the caller checks it"`, or the start of
    a fingerprint. It is written to fanfold-dismissed.jsonl in the repository's root: commit that file.
    """
    file = repository_root(Path.cwd()) / FILE
    if listing:
        _list(file)
        return
    run = run or latest_of(CODE_REVIEW.name)
    if not finding:
        raise UsageError("no finding is named; ids such as F1 stand in the report")
    if undo:
        _undo(file, finding, run)
        return
    if reason is not None and not reason.strip():
        raise UsageError("--reason is empty: say why it is no fault, or leave it out")
    found = [_found(name, run) for name in finding]
    grave = [one.id for one in found if one.severity is Severity.CRITICAL]
    if grave and reason is None:
        raise UsageError(f"{', '.join(grave)}: a critical finding is dismissed with a --reason")
    try:
        remember(file, [known for one in found for known in Known.of(one, Decision.DISMISSED, (reason or "").strip())])
    except OSError as error:
        raise OutputError(f"{file}: can't be written: {error.strerror or error}") from error
    for one in found:
        click.echo(f"dismissed {one.id}: {printable(one.title)} ({printable(one.path)}:{one.line})")
    click.echo(f"kept in {file}: commit it, so that nobody is told again", err=True)
    # Ids are numbered anew by each run; a fingerprint stays.
    lasting = " ".join(dict.fromkeys(one.fingerprint[:_SHORT] for one in found))
    click.echo(f"to let it come back: fanfold dismiss --undo {lasting}", err=True)


def _found(name: str, run: str) -> Finding:
    """Return the finding of a run that `name` means. Raises UsageError."""
    findings = read_run(chosen_run(run)).findings
    for one in findings:
        if name in {one.id, one.fingerprint} or name.upper() == one.id:
            return one
    near = [one for one in findings if len(name) >= len("F123456") and one.fingerprint.startswith(name)]
    if len(near) == 1:
        return near[0]
    there = f"it has F1 to F{len(findings)}" if len(findings) > 1 else f"it has {'F1 alone' if findings else 'none'}"
    raise UsageError(f"the run has no finding {name!r}; {there}")


def _undo(file: Path, names: Sequence[str], run: str) -> None:
    known = read_known(file) if file.exists() else ()
    for name in names:
        wanted = name if any(entry.fingerprint.startswith(name) for entry in known) else _dismissed(name, run)
        entries = [entry for entry in known if entry.fingerprint.startswith(wanted)]
        if not forget(file, entries):
            raise UsageError(f"{name!r} is not in {file}; fanfold dismiss --list shows what is")
        click.echo(f"{printable(entries[0].title)} ({printable(entries[0].path)}) may come back")


def _dismissed(name: str, run: str) -> str:
    """Return the fingerprint of a finding of the run that reported it."""
    return _found(name, run).fingerprint


def _list(file: Path) -> None:
    known = read_known(file) if file.exists() else ()
    for entry in known:
        why = f" — {entry.reason}" if entry.reason else ""
        about = f"{entry.decision.value}  {entry.severity.value}  {entry.path}: {entry.title}{why}"
        click.echo(printable(f"{entry.fingerprint[:_SHORT]}  {about}"))
    click.echo(f"fanfold: {count(len(known), 'finding')} in {file}", err=True)
