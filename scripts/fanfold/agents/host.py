"""The `host` backend: prompts for agents that Claude Code runs itself, and their answers.

The first time that a sub-agent is asked, its prompt is written and nobody waits: the unit ends as not run. When the
same run is folded again, its answer is read. So the same work goes through both phases, and through as many rounds as
it takes: units that come of answers, such as the verifiers of a claim, are prompts of the next round.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fanfold import __version__, errors
from fanfold.agents.host_folder import HOST, Answers, HostFolder, Manifest, Prompted, Unreadable, slug
from fanfold.agents.layout import context_of, system_of, task_of
from fanfold.agents.spec import A, AgentSpec, Answered
from fanfold.engine.folder import Unusable
from fanfold.models import Usage

if TYPE_CHECKING:
    from fanfold.agents.backends import Premises
    from fanfold.engine.attempt import Attempt

_UNKNOWN = Usage(requests=1, cost_usd=None, cost_uncached_usd=None)


class HostBackend:
    """Sub-agents that the host runs. Prompts hold all that there is to see: the files may have moved on since."""

    name = "host"
    interactive = False
    most = None
    notes = ()

    def __init__(self, premises: Premises) -> None:
        if premises.run is None:
            raise errors.UsageError("--backend host: there is no run to keep prompts in")
        self.folder = HostFolder(premises.folder / "runs" / premises.run / HOST)
        try:
            self.folder.make()
            self._manifest = self._known(premises.run)
            self._answers: Answers = self.folder.answers(self._manifest)
        except OSError as error:
            raise errors.OutputError(f"--backend host: {self.folder.place} can't be used: {error}") from error
        self._units = {unit.key: unit for unit in self._manifest.units}
        self._round = self._manifest.rounds + 1
        self._role: str | None = None

    @property
    def strangers(self) -> tuple[Unreadable, ...]:
        """Files among the answers that belong to no unit."""
        return self._answers.strangers

    async def ask(self, spec: AgentSpec[A], attempt: Attempt) -> Answered[A]:
        """Return the answer from its file. Raises Unanswered while there is none, FinalError for a bad one."""
        attempt.began()
        given = self._answers.by_key.get(spec.key)
        if given is None:
            raise self._unanswered(spec)
        attempt.charge(_UNKNOWN)
        if isinstance(given, Unreadable):
            raise errors.FinalError(str(given))
        try:
            return Answered(answer=spec.answer.validate(given.answer))
        except errors.InvalidAnswer as error:
            raise errors.FinalError(f"answers/{given.file}: {error}") from error

    async def close(self) -> None:
        """Write down what was asked."""
        if len(self._units) > len(self._manifest.units):
            self._manifest = self._manifest.model_copy(update={"units": tuple(self._units.values())})
            self.folder.save(self._manifest)

    def _known(self, run: str) -> Manifest:
        if (self.folder.place / "manifest.json").exists():
            return self.folder.load()
        return Manifest(fanfold=__version__, run=run, command="", cwd=str(Path.cwd()))

    def _unanswered(self, spec: AgentSpec[Any]) -> errors.WorkerError:
        """Write the prompt, unless it is written, or waits for those of another role that were asked first.

        What a later role is asked would be another thing once those have answered.
        """
        if spec.key in self._units:
            return errors.Unanswered(f"no answer in {self._units[spec.key].answer}")
        self._role = self._role or spec.role
        if spec.role != self._role:
            return errors.Unanswered(f"it waits for what each {self._role} answers")
        number = len(self._units) + 1
        name = f"{number:03d}-{slug(spec.role)}"
        unit = Prompted(
            key=spec.key,
            number=number,
            role=spec.role,
            round=self._round,
            prompt=f"prompts/{name}.md",
            answer=f"answers/{name}.json",
        )
        try:
            self.folder.write(unit.prompt, prompt_of(spec, self.folder.place / unit.answer))
        except (Unusable, OSError) as error:
            return errors.FinalError(f"its prompt can't be written: {error}")
        self._units[spec.key] = unit
        return errors.Unanswered("it waits for an agent of the host")


def prompt_of(spec: AgentSpec[Any], answer: Path) -> str:
    """Return all that one agent is told: the same request as on every backend, and where its answer goes."""
    envelope = json.dumps({"unit": spec.key, "answer": "…"}, ensure_ascii=False)
    parts = [
        system_of(spec).strip(),
        context_of(spec),
        task_of(spec),
        _TAIL.format(
            place=answer,
            envelope=envelope,
            tool=spec.answer.name,
            schema=json.dumps(spec.answer.schema, indent=1),
        ),
    ]
    rest = "\n\n".join(part for part in parts if part)
    lines = _HEAD.count("\n") + 3 + rest.count("\n")
    return f"{_HEAD.format(role=spec.role, lines=lines)}\n\n{rest}\n"


# A tool that reads files shows the beginning of a long one and says nothing of the rest. What the answer needs stands
# at the end, so that nobody can hand one in who has not come that far.
_HEAD = """\
# One of several agents: {role}

fanfold started several agents side by side, each with a file like this one. Do what this file says and nothing else:
you need no other file, no command, no agent of your own, and you change nothing but the file of your answer.

This file has {lines} lines. Read all of them before you think: a tool for reading shows only the first part of a long
file, so go on with an offset until you have seen line {lines}. Where your answer goes stands there."""

_TAIL = """\
# Your answer

Write it to `{place}` with your tool for writing files. The file holds one JSON object and nothing else, no fence:

{envelope}

In the place of … stands what is elsewhere called a call of `{tool}`: a value that fits this JSON schema.

{schema}

Then reply with the one word: done."""
