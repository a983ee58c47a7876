"""Where sub-agents run: one protocol, one file per backend, one line each in the registry."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from fanfold.agents.claude_cli import find_claude, login_of
from fanfold.agents.clients import lacking, platform_of, remedy
from fanfold.agents.credentials import credential_source
from fanfold.errors import UsageError

if TYPE_CHECKING:
    from fanfold.agents.spec import A, AgentSpec, Answered
    from fanfold.agents.tools.toolbox import Toolbox
    from fanfold.engine.attempt import Attempt


class Backend(Protocol):
    """Turns a spec into an answer.

    `interactive` tells whether its sub-agents can look things up; where they can't, specs are made without lookups, and
    whoever makes them packs more into the context. `most` bounds how many may be asked at once, None: as many as the
    run has jobs.
    """

    name: str
    interactive: bool
    most: int | None

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of it, once it is closed."""

    async def ask(self, spec: AgentSpec[A], attempt: Attempt) -> Answered[A]:
        """Return the validated answer. Raises WorkerError; charges `attempt` for whatever was paid."""

    async def close(self) -> None:
        """Release connections and processes."""


@dataclass(frozen=True, slots=True)
class Premises:
    """Where sub-agents work.

    `toolbox` looks things up in the target, None where nothing is to be looked up; `folder` (the target's `.fanfold/`)
    holds what must outlive this process, what belongs to one run under its id `run`; `recording` is what `replay`
    answers from.
    """

    toolbox: Toolbox | None
    folder: Path
    recording: Path | None = None
    run: str | None = None


BACKENDS: Mapping[str, str] = {
    "api": "fanfold.agents.api:ApiBackend",
    "batch": "fanfold.agents.batch:BatchBackend",
    "claude-code": "fanfold.agents.claude_code:ClaudeCodeBackend",
    "host": "fanfold.agents.host:HostBackend",
    "replay": "fanfold.agents.replay:ReplayBackend",
}
NO_BACKEND = "none"
AUTO = "auto"
REPLAY = "replay"
BATCH = "batch"


@dataclass(frozen=True, slots=True)
class Choice:
    """A backend's name, and why it was taken."""

    name: str
    reason: str


def choose_backend(
    asked: str, environ: Mapping[str, str], home: Path, replay: str | None = None, *, sends: bool = True
) -> Choice:
    """Resolve `auto`: `api` when a credential is set, else `claude-code` when its CLI is logged in, else `none`.

    A platform that the CLI can use, and this environment can't, is the CLI's: Amazon Bedrock without its extra.
    Never asks for a key. A recording to `replay` is answered from, whatever else there is. Raises UsageError when what
    was asked for by name can't work here, and when `replay` is no file or something else was asked for. Where nothing
    `sends`, as in a dry run, what it lacks is part of the reason.
    """
    if replay is not None or asked == REPLAY:
        return _replayed(asked, replay)
    source, platform = credential_source(environ, home), platform_of(environ)
    unready = lacking(platform, environ) if platform else ""
    lacks = _lacks(asked, source, environ)
    if lacks and sends:
        raise UsageError(f"--backend {asked}: {lacks}")
    if asked == BATCH and platform:
        raise UsageError(
            f"--backend {BATCH}: {platform.switch} is set, and {platform.name} has no Message Batches; "
            "take --backend api, or unset it"
        )
    if asked != AUTO:
        return Choice(asked, f"as asked; {lacks}" if lacks else "as asked")
    if source and not unready:
        return Choice("api", f"a credential is set ({source})")
    return _without_api(environ, unready or "no credential for the Claude API was found")


def _lacks(asked: str, source: str | None, environ: Mapping[str, str]) -> str:
    """Say what a backend that was asked for by name can't send anything without; "" when it has that."""
    if asked in {"api", BATCH} and not source:
        return "no credential for the Claude API; set ANTHROPIC_API_KEY or run `ant auth login`"
    platform = platform_of(environ)
    if asked == "api" and platform and (why := lacking(platform, environ)):
        return f"{why}{remedy(platform)}"
    if asked == "claude-code" and find_claude(environ) is None:
        return "there is no claude CLI on PATH: install Claude Code"
    return ""


def _without_api(environ: Mapping[str, str], lacks: str) -> Choice:
    """Choose by the claude CLI, which is asked whether it is logged in; that takes a fifth of a second."""
    claude = find_claude(environ)
    if claude is None:
        return Choice(NO_BACKEND, f"{lacks}, and no claude CLI")
    login = login_of(claude, environ)
    if login.logged_in:
        return Choice("claude-code", f"{lacks}, and the claude CLI is logged in ({login.how})")
    why = login.problem or "it is not logged in: `claude auth login`"
    return Choice(NO_BACKEND, f"{lacks}, and of the claude CLI, {why}")


def _replayed(asked: str, replay: str | None) -> Choice:
    if replay is None:
        raise UsageError(f"--backend {REPLAY}: --replay FILE says which recording to answer from")
    if asked not in {AUTO, REPLAY}:
        raise UsageError(f"--replay {replay}: answers come from the recording alone, not from --backend {asked}")
    if not Path(replay).is_file():
        raise UsageError(f"--replay {replay}: there is no such file")
    return Choice(REPLAY, f"answers come from {replay}")


def open_backend(name: str, premises: Premises) -> Backend | None:
    """Return the backend of that name, ready to ask; None for `none`."""
    if name == NO_BACKEND:
        return None
    module, _, attribute = BACKENDS[name].partition(":")
    factory = cast("Callable[[Premises], Any]", getattr(importlib.import_module(module), attribute))
    return cast("Backend", factory(premises))
