"""The worker that runs an analyzer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fanfold.analyzers.base import Analysis, AnalyzerRequest
from fanfold.models import Unit
from fanfold.skills.code_review.plan import AnalyzerTask
from fanfold.sources.target import Target

if TYPE_CHECKING:
    from fanfold.engine.attempt import Attempt


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
