"""Recordings: what sub-agents answered, one line of JSON each, under the content key of what they were asked.

A recording holds no secret and no time: the same answers give the same bytes, in whatever order they came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError, model_validator

from fanfold import errors
from fanfold.agents.backends import Backend
from fanfold.agents.spec import A, AgentSpec, Answered, Lookup
from fanfold.engine.attempt import Attempt
from fanfold.engine.runs import write_whole
from fanfold.models import Frozen
from fanfold.sources.secrets import mask

_FAULT_CHARACTERS = 200


class Failure(Frozen):
    """Why there is no answer: the name of an error of `fanfold.errors`, and its message."""

    name: str
    message: str


class Entry(Frozen):
    """What became of one sub-agent.

    `interactive` tells whether it could look things up, which decides what it is asked: it must be the same in a
    replay.
    """

    format: Literal[1] = 1
    key: str
    role: str
    interactive: bool
    answer: Mapping[str, Any] | None = None
    failure: Failure | None = None
    lookups: tuple[Lookup, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _without_usage(cls, given: Any) -> Any:
        """Earlier recordings say what each sub-agent used, which is another thing in every run."""
        return {name: value for name, value in given.items() if name != "usage"} if isinstance(given, dict) else given


class Recorder:
    """A backend that passes on to another one and remembers what that answered."""

    def __init__(self, backend: Backend, file: Path) -> None:
        """Raise UsageError when `file` can't be written later."""
        if not file.parent.is_dir() or file.is_dir():
            raise errors.UsageError(f"--record {file}: a file in an existing folder is expected")
        self.name = backend.name
        self.interactive = backend.interactive
        self.most = backend.most
        self._backend = backend
        self._file = file
        self._entries: dict[str, Entry] = {}

    async def ask(self, spec: AgentSpec[A], attempt: Attempt) -> Answered[A]:
        """Return the answer; see `Backend.ask`."""
        try:
            answered = await self._backend.ask(spec, attempt)
        except errors.WorkerError as error:
            failure = Failure(name=type(error).__name__, message=mask(str(error)))
            self._keep(spec, failure=failure)
            raise
        self._keep(
            spec,
            answer=_masked(answered.answer.model_dump(mode="json")),
            lookups=tuple(
                Lookup.model_validate(_masked(lookup.model_dump(mode="json"))) for lookup in answered.lookups
            ),
        )
        return answered

    @property
    def notes(self) -> tuple[str, ...]:
        return self._backend.notes

    async def close(self) -> None:
        await self._backend.close()

    def save(self) -> None:
        """Write the recording, whole or not at all. Raises OSError."""
        write_whole(self._file, lines_of(self._entries.values()))

    def _keep(self, spec: AgentSpec[Any], **said: Any) -> None:
        """Keep what one attempt came to; a failure does not replace an answer."""
        before = self._entries.get(spec.key)
        if before is None or before.answer is None or "failure" not in said:
            self._entries[spec.key] = Entry(key=spec.key, role=spec.role, interactive=self.interactive, **said)


def lines_of(entries: Iterable[Entry]) -> str:
    """Return entries as a recording's text, in the order of their keys."""
    return "".join(f"{entry.model_dump_json()}\n" for entry in sorted(entries, key=lambda entry: entry.key))


def read_recording(file: Path) -> dict[str, Entry]:
    """Return the entries of a recording by key; of several with the same key, the last one.

    Raises UsageError naming the line that can't be used.
    """
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise errors.UsageError(f"--replay {file}: can't be read: {error}") from error
    entries = {}
    for number, line in enumerate(lines, 1):
        if line.strip():
            entry = _entry(line, f"--replay {file}, line {number}")
            entries[entry.key] = entry
    return entries


def _entry(line: str, place: str) -> Entry:
    try:
        return Entry.model_validate_json(line)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(map(str, fault["loc"]))
        said = f"{where}: {fault['msg']}" if where else str(fault["msg"])
        raise errors.UsageError(f"{place}: {said[:_FAULT_CHARACTERS]}") from error


def _masked(value: Any) -> Any:
    """Mask whatever looks like a secret, in every text of a JSON value."""
    match value:
        case str():
            return mask(value)
        case list():
            return [_masked(item) for item in value]
        case dict():
            return {mask(name): _masked(item) for name, item in value.items()}
    return value
