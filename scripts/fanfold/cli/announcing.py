"""What the host is told: which agents to start before there is a report, and which answers count for nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from fanfold.agents.host_folder import HOST, HostFolder, Manifest, Prompted, unanswered
from fanfold.cli.hosting import AT_ONCE, MERGED, merged_run, meta
from fanfold.cli.session import Session
from fanfold.cli.streams import printable
from fanfold.models import Run, Status, content_key
from fanfold.reports.amounts import count

# Claude Code runs so many agents at once.
_TOGETHER = 20


def announced(session: Session, run: Run) -> bool:
    """Say which agents are to be started before there is a report; False when there are none."""
    _name_strangers(session, run)
    waiting = _waiting(session)
    if waiting:
        others = tuple(unit for unit in run.units if unit.status is not Status.NOT_RUN)
        session.complain(run.model_copy(update={"units": others}))
        click.echo(_instruction(session, waiting, _missing(session, run)), nl=False)
    return bool(waiting)


def _folder(session: Session) -> HostFolder | None:
    return HostFolder(session.folder / "runs" / session.id / HOST) if session.choice.name == HOST else None


def _waiting(session: Session) -> tuple[Prompted, ...]:
    """Return the agents of the newest round, if that was asked for just now."""
    folder = _folder(session)
    if folder is None or meta().get(AT_ONCE):
        return ()
    manifest = folder.load()
    known: int = meta().get(f"{MERGED}.rounds", 0)
    return tuple(unit for unit in manifest.units if unit.round > known)


def _missing(session: Session, run: Run) -> tuple[Prompted, ...]:
    """Return the agents of earlier rounds that left no answer to what the run still asks."""
    folder = _folder(session)
    if folder is None or merged_run() is None:
        return ()
    manifest = folder.load()
    known: int = meta().get(f"{MERGED}.rounds", 0)
    stale = _stale(manifest, run)
    return tuple(unit for unit in unanswered(folder, manifest) if unit.round <= known and unit not in stale)


def _stale(manifest: Manifest, run: Run) -> list[Prompted]:
    planned, kinds = {unit.key for unit in run.units}, {unit.kind for unit in run.units}
    return [u for u in manifest.units if planned.isdisjoint(content_key(kind, u.key) for kind in kinds)]


def _name_strangers(session: Session, run: Run) -> None:
    """Say which answers count for nothing: those to no unit, and those to what the run does not ask any more."""
    folder = _folder(session)
    if folder is None:
        return
    manifest = folder.load()
    found = folder.answers(manifest)
    stale = _stale(manifest, run)
    lines = [
        *map(str, found.strangers),
        *(f"{u.answer}: this is not asked any more: has the code changed?" for u in stale if u.key in found.by_key),
    ]
    for line in lines:
        click.echo(f"fanfold: {line}", err=True)


def _instruction(session: Session, waiting: Sequence[Prompted], missing: Sequence[Prompted]) -> str:
    """Return what the host is to do: it is Claude who reads this. Who left no answer is to be started again."""
    place = session.folder / "runs" / session.id / HOST
    roles = ", ".join(dict.fromkeys(unit.role for unit in waiting))
    names = ", ".join(unit.answer for unit in missing)
    again = f"No answer in {names}: start those agents again, or the report goes without them.\n" if missing else ""
    further = f"{'The review calls' if missing else 'The answers call'} for further agents ({roles}). "
    later = f"{again}{further}" if merged_run() else ""
    waiting = (*missing, *waiting)
    many = (
        f"Start at most {_TOGETHER} at a time, each {_TOGETHER} in one message."
        if len(waiting) > _TOGETHER
        else "Start them all in ONE message, so that they run in parallel."
    )
    agents = "1 agent is" if len(waiting) == 1 else f"{count(len(waiting), 'agent')} are"
    now = f"\nTo fold without them: fanfold merge {session.id} --now\n" if merged_run() else ""
    return (
        "\n".join(
            [
                f"{later}{agents} to be started, each with one of the files below. {many}",
                "",
                # In the background they end the session's turn, and with it what the skill may run without a question.
                "Use your tool for agents (general-purpose), with run_in_background: false where it takes that.",
                "The prompt of each, with its own file:",
                "",
                "    Read FILE to its last line and do exactly what it says. Reply with the one word: done.",
                "",
                *(f"{unit.number:3}  {printable(str(place / unit.prompt))}" for unit in waiting),
                "",
                f"When all of them have ended: fanfold merge {session.id}",
                now,
            ]
        ).rstrip("\n")
        + "\n"
    )


def still_waiting(place: Path) -> str | None:
    """Return what a run in the folder `place` waits for, None when that is nothing."""
    folder = HostFolder(place / HOST)
    if not folder.place.is_dir():
        return None
    manifest = folder.load()
    missing = sum(1 for _ in unanswered(folder, manifest))
    if not missing:
        return None
    return f"{missing} of {count(len(manifest.units), 'answer')} of the host's agents: fanfold merge {place.name}"
