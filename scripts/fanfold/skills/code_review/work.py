"""The workers of a review: one runs an analyzer, the other asks sub-agents."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fanfold.agents.spec import A, AgentSpec, Answered
from fanfold.analyzers.base import Analysis, AnalyzerRequest
from fanfold.models import Unit
from fanfold.skills.code_review.plan import AnalyzerTask
from fanfold.sources.target import Target

if TYPE_CHECKING:
    from fanfold.agents.backends import Backend
    from fanfold.engine.attempt import Attempt


class HasSpec(Protocol[A]):
    """A payload with the sub-agent to ask."""

    @property
    def spec(self) -> AgentSpec[A]: ...


@dataclass(frozen=True, slots=True)
class AnalyzerWorker:
    """Runs analyzers on the files as they lie in `head`, at the head of the target, and in `before`, at its base."""

    head: Path
    before: Path | None
    target: Target | None = None

    async def __call__(self, unit: Unit[AnalyzerTask], attempt: Attempt) -> Analysis:
        request = AnalyzerRequest(
            root=self.head,
            paths=unit.payload.paths,
            before=self.before,
            timeout_s=attempt.remaining_s(),
            target=self.target,
        )
        return await unit.payload.analyzer.analyze(request)


@dataclass(frozen=True, slots=True)
class AgentWorker:
    """Asks sub-agents on a backend."""

    backend: Backend

    async def __call__(self, unit: Unit[Any], attempt: Attempt) -> Answered[Any]:
        task: HasSpec[Any] = unit.payload
        return await self.backend.ask(task.spec, attempt)
