"""Have failures explained: one sub-agent a cluster, asked as soon as reruns have said what the first of it is.

A model explains; it never changes a verdict or a class. What it says stands on quotes that are looked up in the files.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from fanfold.agents.fence import FENCE_RULE, fence
from fanfold.agents.prices import beginning_of
from fanfold.agents.spec import AgentSpec, Answered, AnswerTool, Brief, Tool
from fanfold.agents.units import AgentWorker, agent_unit
from fanfold.models import Outcome, Unit
from fanfold.pack import pack_folder
from fanfold.skills.parallel_test.clusters import Failure
from fanfold.sources.anchors import FileText
from fanfold.sources.text import printable
from fanfold.suites import Evidence, Explanation

if TYPE_CHECKING:
    from fanfold.agents.backends import Backend
    from fanfold.engine.supervisor import Supervisor

EXPLAIN = AnswerTool("explain", "Hand in your explanation of the cluster. Ends your work.", Explanation)
# More clusters than this are a broken checkout: the first ones say why.
MOST_CLUSTERS = 20
_MAX_TOKENS = 8_000
_CHANGE_TOKENS = 20_000
_TRACE = 6_000
_OUTPUT = 3_000

Read = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class TriageTask:
    """The payload of a triage unit."""

    spec: AgentSpec[Explanation]
    signature: str


@dataclass(slots=True)
class Triage:
    """The explanations of a run, begun while its tests still run.

    `change` is the diff since the base as text, "" without one. `read` gives a file's text at the head. `timeout_s` is
    for one explanation.
    """

    supervisor: Supervisor
    backend: Backend
    brief: Brief
    change: str
    read: Read
    timeout_s: float | None = None
    tasks: dict[str, asyncio.Task[Outcome[Answered[Explanation]]]] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)

    def wants(self, failure: Failure) -> bool:
        """Tell whether `begin` would ask about a failure, which it does once for all that are alike."""
        return failure.name not in self.tasks and len(self.tasks) < MOST_CLUSTERS

    def begin(self, failure: Failure, suspected: Sequence[str] = ()) -> None:
        """Have the failure's signature explained, unless that was begun already."""
        name = failure.name
        if name in self.tasks:
            return
        if len(self.tasks) >= MOST_CLUSTERS:
            self.left_out.add(name)
            return
        unit = self._unit(failure, suspected)
        self.tasks[name] = asyncio.get_running_loop().create_task(self.supervisor.run(unit, AgentWorker(self.backend)))

    async def explanations(self) -> dict[str, Explanation]:
        """Wait for all that were asked; returns what was said, by the name of the failure."""
        said: dict[str, Explanation] = {}
        for name, task in self.tasks.items():
            outcome = await task
            if outcome.value is not None:
                said[name] = checked(outcome.value.answer, self.read)
        return said

    @property
    def notes(self) -> list[str]:
        """Say what was not explained."""
        if not self.left_out:
            return []
        return [f"{len(self.left_out)} kinds of failure were not explained: {MOST_CLUSTERS} are the most in one run"]

    def _unit(self, failure: Failure, suspected: Sequence[str]) -> Unit[TriageTask]:
        spec = AgentSpec(
            role="triager",
            brief=self.brief,
            context=_context(self.change),
            task=_task(failure, suspected),
            answer=EXPLAIN,
            max_tokens=_MAX_TOKENS,
        )
        label = f"explain {printable(failure.signature[:80])}"
        unit = agent_unit(spec, TriageTask(spec, failure.signature), kind="triage", label=label)
        return replace(unit, timeout_s=self.timeout_s)


def triage_brief(model: str, effort: str | None, lookups: tuple[Tool, ...]) -> Brief:
    """Return what all sub-agents of a test run share."""
    text = (pack_folder("skills") / "parallel-test" / "prompts" / "system.md").read_text(encoding="utf-8")
    return Brief(model, effort, f"{text}\n{FENCE_RULE}\n", (EXPLAIN,), lookups)


def _context(change: str) -> str:
    if not change:
        return "There is no base to compare with: nothing is known of what changed."
    kept = beginning_of(change, _CHANGE_TOKENS)
    note = "" if len(kept) == len(change) else "\n\nIt is longer; this is its beginning. Look the rest up."
    return f"What changed since the base:\n\n{fence('change', kept)}{note}"


# What another run of the same failure has else: addresses, and folders that pytest or Python made for it.
_OF_THIS_RUN = (
    (re.compile(r"\b0x[0-9a-fA-F]{6,}"), "0x…"),
    (re.compile(r"pytest-of-([\w.-]+)/pytest-\d+"), r"pytest-of-\1/pytest-…"),
    (re.compile(r"/tmp/tmp[a-z0-9_]{8}\b"), "/tmp/tmp…"),  # noqa: S108  a name in a text
)


def _steady(text: str) -> str:
    """Leave out what differs from run to run: the same failure is then the same question, and asked once."""
    for pattern, instead in _OF_THIS_RUN:
        text = pattern.sub(instead, text)
    return text


def _task(failure: Failure, suspected: Sequence[str]) -> str:
    attempt, test = failure.attempt, failure.test
    facts = [
        f"class: {failure.kind.value}",
        f"test: {test.file} {test.name}",
        f"fixtures: {', '.join(test.fixtures) or 'none'}",
        f"suspected lines: {', '.join(suspected) or 'none'}",
        f"message: {attempt.message or attempt.outcome.value}",
    ]
    parts = [fence("failure", _steady("\n".join(facts)))]
    if attempt.trace:
        parts.append(fence("stack", _steady(attempt.trace)[-_TRACE:]))
    if attempt.output:
        parts.append(fence("output", _steady(attempt.output)[-_OUTPUT:]))
    return "\n\n".join(["Explain this cluster of failed tests.", *parts])


def checked(said: Explanation, read: Read) -> Explanation:
    """Keep the evidence that is there, its lines set right; without any the cause is not known."""
    if not said.enough_information:
        return Explanation(enough_information=False)
    evidence = tuple(found for one in said.evidence if (found := _placed(one, read)) is not None)
    if not evidence:
        return Explanation(enough_information=False)
    return said.model_copy(update={"evidence": evidence})


def _placed(one: Evidence, read: Read) -> Evidence | None:
    path = one.path.strip().removeprefix("./")
    text = read(path)
    place = FileText(text).locate(one.quote, one.line) if text and one.quote else None
    return None if place is None else Evidence(path=path, line=place.line, quote=place.quote)
