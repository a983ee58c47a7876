"""What became of a test, folded from the phases that the reporter told."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from fanfold.sources.text import shown
from fanfold.suites import Case, Frame, TestAttempt, TestVerdict

Message: TypeAlias = Mapping[str, Any]

COLLECTING = "(collecting)"
"""The name of what stands for a file that was not collected."""

_SUMMARY = 500


def where(path: str, root: Path) -> str:
    """Return a file as fanfold names it: relative to the root when it is below it, else as it is."""
    for base in (str(root), os.path.realpath(root)):
        if path.startswith(base.rstrip("/") + "/"):
            return shown(os.fsencode(os.path.relpath(path, base)))
    return path


def attempts_of(phases: Sequence[Message], root: Path, **common: Any) -> tuple[TestAttempt, ...]:
    """Fold the phases of one test; those that a plugin has rerun are attempts before the last.

    `common` are further fields of each attempt; `duration_s` among them is that of the last.
    """
    earlier = {name: value for name, value in common.items() if name != "duration_s"}
    found, part = [], list[Message]()
    for phase in phases:
        part.append(phase)
        if phase["outcome"] == "rerun":
            found.append(_attempt([*part[:-1], {**phase, "outcome": "failed"}], root, earlier))
            part = []
    # What comes after a rerun's report is the teardown of the same try.
    if any(phase["when"] != "teardown" or phase["outcome"] != "passed" for phase in part):
        found.append(_attempt(part, root, common))
    return tuple(found)


def _attempt(phases: Sequence[Message], root: Path, common: Mapping[str, Any]) -> TestAttempt:
    """Fold one try: what failed first says why, and where it failed makes it a failure or an error."""
    failed = [phase for phase in phases if phase["outcome"] == "failed"]
    in_test = [phase for phase in failed if phase["when"] == "call"]
    outcome = TestVerdict.FAILED if in_test else TestVerdict.ERROR if failed else _unfailed(phases)
    telling = (in_test or failed or [phase for phase in phases if _is_skip(phase)])[:1]
    told = _told(telling[0], root) if telling else {}
    duration_s = sum(phase["duration"] or 0.0 for phase in phases)
    return TestAttempt(outcome=outcome, **{"duration_s": duration_s, **common, **told})


def _is_skip(phase: Message) -> bool:
    return bool(phase["outcome"] == "skipped" and "subtest" not in phase)


def _unfailed(phases: Sequence[Message]) -> TestVerdict:
    skips = [phase for phase in phases if _is_skip(phase)]
    if not skips:
        return TestVerdict.PASSED
    return TestVerdict.XFAILED if any("wasxfail" in phase for phase in skips) else TestVerdict.SKIPPED


def _told(phase: Message, root: Path) -> dict[str, Any]:
    failure = phase.get("failure")
    if not failure:
        return {"message": phase.get("wasxfail") or phase.get("message"), "output": _output(phase)}
    return {**failed_by(failure, root, phase.get("subtest")), "output": _output(phase)}


def failed_by(failure: Message, root: Path, subtest: str | None = None) -> dict[str, Any]:
    """Return the fields of an attempt that say by what it failed: its type, message, stack."""
    raised = failure["chain"][-1]
    name = raised["type"].removeprefix("builtins.")
    said = raised["message"][:_SUMMARY]
    return {
        "error_type": name,
        "message": (f"subtest {subtest}: " if subtest else "") + (f"{name}: {said}" if said else name),
        "trace": failure["text"] or None,
        "frames": tuple(_frames(raised["frames"], root)),
    }


def _frames(frames: Iterable[Sequence[Any]], root: Path) -> Iterable[Frame]:
    for path, line, function in frames:
        if line:
            yield Frame(path=where(path, root), line=line, function=function)


def _output(phase: Message) -> str | None:
    parts = [f"--- {title} ---\n{text}" for title, text in phase.get("output") or () if text]
    return "\n".join(parts) or None


def collected_badly(message: Message, root: Path, folder: Path) -> Case:
    """Return the case that stands for a file which can't be collected, or which skips itself."""
    path = message["path"] or message["id"]
    absolute = path if Path(path).is_absolute() else str(folder / path)
    failed = message["event"] == "collect-failed"
    told = failed_by(message["failure"], root) if message["failure"] else {"message": message["message"]}
    attempt = TestAttempt(outcome=TestVerdict.ERROR if failed else TestVerdict.SKIPPED, **told)
    return Case(
        file=where(absolute, root),
        name=COLLECTING,
        native=os.path.relpath(absolute, folder) if message["id"] else "",
        attempts=(attempt,),
    )
