"""The `replay` backend: answers from a recording. What is not in it is a failure with a name, never a call."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fanfold import errors
from fanfold.agents.recording import Entry, Failure, read_recording
from fanfold.agents.spec import A, AgentSpec, Answered
from fanfold.models import Usage

if TYPE_CHECKING:
    from fanfold.agents.backends import Premises
    from fanfold.engine.attempt import Attempt

_KINDS: dict[str, type[errors.WorkerError]] = {
    kind.__name__: kind for base in (errors.FinalError, errors.AnswerError) for kind in base.__subclasses__()
}


class ReplayBackend:
    """Sub-agents that answer what they answered before; nothing is sent and nothing is paid."""

    name = "replay"
    most = None
    notes = ()

    def __init__(self, premises: Premises) -> None:
        """Read the recording. Raises UsageError."""
        if premises.recording is None:
            raise errors.UsageError("--backend replay: --replay FILE says which recording to answer from")
        self._file: Path = premises.recording
        self._entries = read_recording(self._file)
        # Whether agents could look things up decides what they are asked: they are asked what they were asked then.
        self.interactive = next((entry.interactive for entry in self._entries.values()), True)

    async def ask(self, spec: AgentSpec[A], attempt: Attempt) -> Answered[A]:
        """Return what was recorded. Raises NotFound for what was not, and the failure that was recorded."""
        attempt.charge(Usage(requests=0))
        entry = self._entries.get(spec.key)
        if entry is None:
            raise errors.NotFound(
                f"{self._file} has no answer of this {spec.role} ({spec.key}): "
                "it was recorded for another target, model, effort or version"
            )
        attempt.began()
        return self._answered(entry, spec)

    async def close(self) -> None:
        pass

    def _answered(self, entry: Entry, spec: AgentSpec[A]) -> Answered[A]:
        if entry.failure:
            raise _error(entry.failure)
        return Answered(answer=spec.answer.validate(entry.answer), lookups=entry.lookups)


def _error(failure: Failure) -> errors.WorkerError:
    """Return the error that was recorded; one that asking again might have helped then is final now."""
    kind = _KINDS.get(failure.name)
    return kind(failure.message) if kind else errors.FinalError(f"{failure.name}: {failure.message}")
