"""The `claude-code` backend: one `claude -p` for each sub-agent, under the user's own login.

What holds it in, measured on version 2.1.330: `--restricted` takes away every tool that runs something and keeps the
file tools inside the working directory, symlinks included; `--tools` leaves Read, Grep and Glob; `--setting-sources=`
and `--strict-mcp-config` keep out the settings, hooks and servers of users and repositories, and variables CLAUDE.md
files and what stands behind an @ in a prompt. The working directory is a copy of the target (`sealed`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fanfold.agents.claude_cli import BARE_START, find_claude
from fanfold.agents.claude_lookups import lookups_of
from fanfold.agents.claude_stream import ANSWER_TOOL, Transcript
from fanfold.agents.layout import context_of, correction_of, system_of, task_of
from fanfold.agents.prices import most_tokens, turn_usd
from fanfold.agents.sealed import Sealed
from fanfold.agents.spec import A, AgentSpec, Answered
from fanfold.agents.units import CLOSING_TOKENS, reserve_usd
from fanfold.engine.process import LEAK_S, Head, start
from fanfold.errors import UsageError

if TYPE_CHECKING:
    from fanfold.agents.backends import Premises
    from fanfold.engine.attempt import Attempt

READ_ONLY = "Read,Grep,Glob"

# One of them takes 200 to 300 MB.
_EACH_BYTES = 300 * 2**20
_KEPT = 256 * 1024
# The engine abandons a worker that takes longer than 0.3 s to end.
_GRACE_S = 0.2

_SET: Mapping[str, str] = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    # Only the engine knows the rate limit, the budget and the deadline.
    "CLAUDE_CODE_MAX_RETRIES": "0",
    "CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK": "1",
    "CLAUDE_CODE_DISABLE_REFUSAL_RETRY": "1",
    "CLAUDE_CODE_DISABLE_REFUSAL_FALLBACK": "1",
    # What the code under review says is no instruction, and names no file.
    "CLAUDE_CODE_DISABLE_CLAUDE_MDS": "1",
    "CLAUDE_CODE_DISABLE_FILE_MENTIONS": "1",
    "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
}
# What a session tells its own commands about itself; a sub-agent is a session of its own.
_UNSET = ("CLAUDE_CODE_SESSION_ID", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_EFFORT", "CLAUDE_CODE_EFFORT_LEVEL")

_LOOK_UP = (
    "Your working directory holds the files of the target at the revision under review; look things up there with your "
    "tools. Binary files, and those that are there to hold secrets, are left out."
)
_CUT = "It holds only the {files} files that lie nearest to what is under review."
_CLOSE = f"Hand in your answer with `{ANSWER_TOOL}`: that call is what other texts here may call by another name."


class ClaudeCodeBackend:
    """Sub-agents as processes of the claude CLI; as many at once as there is memory for."""

    name = "claude-code"
    notes = ()

    def __init__(self, premises: Premises) -> None:
        claude = find_claude(os.environ)
        if claude is None:
            raise UsageError(
                "--backend claude-code: there is no claude CLI on PATH; install Claude Code, or use another backend"
            )
        self._claude = claude
        self._toolbox = premises.toolbox
        self._sealed = Sealed(None if self._toolbox is None else self._toolbox.scope)
        self.interactive = self._toolbox is not None
        self.most: int | None = _room_for()
        self._system_prompts: dict[str, Path] = {}

    async def ask(self, spec: AgentSpec[A], attempt: Attempt) -> Answered[A]:
        """Run one sub-agent; see `Backend.ask`."""
        looks = bool(spec.brief.lookups) and self._toolbox is not None
        note = await self._note() if looks else ""
        heard = _Heard(Transcript(spec.model), attempt)
        stderr = Head(_KEPT)
        child = await start(
            [self._claude, *self._arguments(spec, attempt, looks=looks)],
            cwd=self._sealed.files if looks else self._sealed.empty,
            env=surroundings(os.environ, spec.enlarged_tokens if attempt.enlarge else spec.max_tokens),
            piped=True,
            out=heard,
            err=stderr,
        )
        try:
            child.feed(prompt_of(spec, attempt, note).encode())
            await child.exited.wait()
            await child.within(LEAK_S)
        finally:
            await child.stop(_GRACE_S)
            heard.end()
        answer = heard.transcript.answer(spec.answer, child.returncode, bytes(stderr.kept))
        if not looks or self._toolbox is None:
            return Answered(answer=answer)
        return Answered(
            answer=answer, lookups=await lookups_of(heard.transcript.uses, self._sealed.files, self._toolbox)
        )

    async def close(self) -> None:
        await self._sealed.close()

    async def _note(self) -> str:
        """Fill the copy of the target, and say what it is."""
        copied = await self._sealed.filled()
        return f"{_LOOK_UP} {_CUT.format(files=copied.files)}" if copied.cut else _LOOK_UP

    def _arguments(self, spec: AgentSpec[Any], attempt: Attempt, *, looks: bool) -> list[str]:
        budget = allowance_usd(spec, again=attempt.enlarge or attempt.correction is not None)
        return [
            "-p",
            *BARE_START,
            "--strict-mcp-config",
            "--disable-slash-commands",
            "--no-session-persistence",
            "--permission-prompts=none",
            f"--tools={READ_ONLY if looks else ''}",
            "--input-format=stream-json",
            "--output-format=stream-json",
            "--include-partial-messages",
            "--verbose",
            f"--model={spec.model}",
            *([f"--effort={spec.brief.effort}"] if spec.brief.effort else []),
            f"--max-turns={spec.allowance.turns if looks else 1}",
            *([f"--max-budget-usd={budget:.6f}"] if budget and looks else []),
            f"--system-prompt-file={self._system_prompt(system_of(spec))}",
            f"--json-schema={json.dumps(spec.answer.schema)}",
        ]

    def _system_prompt(self, text: str) -> Path:
        """Return a file that holds the system prompt: an argument could be too long."""
        if text not in self._system_prompts:
            place = self._sealed.top / f"system-{len(self._system_prompts)}.md"
            place.write_text(text, encoding="utf-8")
            self._system_prompts[text] = place
        return self._system_prompts[text]


class _Heard:
    """Passes on to the attempt what the CLI says."""

    def __init__(self, transcript: Transcript, attempt: Attempt) -> None:
        self.transcript = transcript
        self._attempt = attempt

    def write(self, data: bytes, /) -> None:
        self.transcript.feed(data)
        if self.transcript.began:
            self._attempt.began()
        self._attempt.alive()
        self._charge()

    def end(self) -> None:
        self.transcript.end()
        self._charge()

    def _charge(self) -> None:
        usage = self.transcript.usage
        if usage is not None and usage is not self._attempt.usage:
            self._attempt.charge(usage)


def allowance_usd(spec: AgentSpec[Any], *, again: bool) -> float | None:
    """Return after how many US dollars no further turn begins, None when the model's price is unknown.

    The CLI looks at its budget between turns, so the worst of one turn is kept back from what was reserved.
    """
    reserved = reserve_usd(spec, again=again)
    output = spec.enlarged_tokens if again else spec.max_tokens
    turn = turn_usd(spec.model, most_tokens("".join(spec.texts)) + output + CLOSING_TOKENS, output)
    return None if reserved is None or turn is None else max(reserved - turn, turn)


def prompt_of(spec: AgentSpec[Any], attempt: Attempt, note: str) -> str:
    """Return the one line of JSON that the CLI reads: the shared context with the cache breakpoint, then the rest.

    The last block is fanfold's own words: the CLI looks into that one for what stands behind an @.
    """
    correction = correction_of(attempt.correction) if attempt.correction else ""
    own = (task_of(spec), note, correction, _CLOSE)
    texts = [{"type": "text", "text": text} for text in own if text]
    shared = {"type": "text", "text": context_of(spec), "cache_control": {"type": "ephemeral"}}
    message = {"role": "user", "content": [*([shared] if spec.context else []), *texts]}
    return json.dumps({"type": "user", "message": message}) + "\n"


def surroundings(environ: Mapping[str, str], max_tokens: int) -> dict[str, str]:
    """Return the environment of a sub-agent's process; the login comes from the user's own."""
    kept = {name: value for name, value in environ.items() if name not in _UNSET}
    return {**kept, **_SET, "CLAUDE_CODE_MAX_OUTPUT_TOKENS": str(max_tokens)}


def _room_for() -> int:
    """Return how many of these processes the free memory holds, at least one."""
    import psutil

    return max(1, int(psutil.virtual_memory().available // _EACH_BYTES))
