"""The same scripted agent gives the same outcome on every backend.

A case is what the model says turn by turn. Each backend is set up so that its model says just that, and must come to
the same status, answer, lookups and error. To add a backend, add a line to `PLACES`.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from fanfold.agents import batch
from fanfold.agents.backends import Backend, Premises, open_backend
from fanfold.agents.host_folder import HostFolder
from fanfold.agents.recording import Recorder
from fanfold.agents.spec import AgentSpec, Answered, Brief, Tool
from fanfold.agents.tools.toolbox import Toolbox
from fanfold.agents.units import agent_unit
from fanfold.engine.attempt import Attempt
from fanfold.engine.fan_out import fan_out
from fanfold.engine.retry import RetryPolicy
from fanfold.engine.supervisor import Supervisor
from fanfold.models import Outcome, Status, Unit
from fanfold.sources.target import resolve
from fanfold.testing import Fault, FaultKind, MessagesServer, Reply, Rule
from fanfold.testing.claude_code import install_claude, lone_surroundings
from fanfold.testing.examples import REPORT, Answer
from fanfold.testing.replies import text_of
from fanfold.testing.scripted_model import tool_call

MODEL = "claude-sonnet-5-5"


@dataclass(frozen=True)
class Case:
    """What the model says, and what must become of it; `looks` is how often it looks something up."""

    says: Sequence[Reply]
    status: Status
    names: str = ""
    words: Sequence[str] = ()
    looks: int = 0


def hands_in(*words: str) -> Reply:
    return Reply(blocks=[tool_call("report", {"words": list(words)})])


def looks(*paths: str) -> Reply:
    calls = [tool_call("read_file", {"path": path, "first": 1, "count": 5}, n) for n, path in enumerate(paths)]
    return Reply(blocks=calls, thinking="Where is it?")


WRONG = Reply(blocks=[tool_call("report", {"words": 1})])
CASES = {
    "at once": Case([hands_in("a")], Status.OK, words=["a"]),
    "as text": Case([Reply(json={"words": ["a"]})], Status.OK, words=["a"]),
    "after a look": Case([looks("a.py"), hands_in("a")], Status.OK, words=["a"], looks=1),
    "after two at a time": Case([looks("a.py", "b.py"), hands_in("a")], Status.OK, words=["a"], looks=2),
    "repaired": Case([WRONG, hands_in("b")], Status.OK, words=["b"]),
    "reminded": Case([Reply(text="Fine."), hands_in("b")], Status.OK, words=["b"]),
    "empty, then not": Case([Reply(), hands_in("b")], Status.OK, words=["b"]),
    "after a rejection": Case(
        [Reply(fault=Fault(kind=FaultKind.RATE_LIMITED, retry_after_s=0.01)), hands_in("a")], Status.OK, words=["a"]
    ),
    "refused": Case([Reply(stop_reason="refusal")], Status.REFUSED, "declined"),
    "wrong twice": Case([WRONG, WRONG], Status.FAILED, "does not fit its schema: words"),
    "never handed in": Case([Reply(text="Fine.")], Status.FAILED, "without a call of `report`"),
    "empty twice": Case([Reply()], Status.FAILED, "the answer is empty"),
    "cut twice": Case([Reply(text="x" * 30_000)], Status.FAILED, "the token limit ended the answer"),
    "without credit": Case([Reply(fault=Fault(kind=FaultKind.NO_CREDIT))], Status.FAILED, "no credit (402)"),
}


@pytest.fixture
def toolbox(tmp_path: Path) -> Toolbox:
    folder = tmp_path / "target"
    folder.mkdir()
    for name in ("a.py", "b.py"):
        (folder / name).write_text("def f():\n    return 1\n")
    return Toolbox(resolve([str(folder)], cwd=folder))


# -- one line a backend


@asynccontextmanager
async def on_api(case: Case, premises: Premises) -> AsyncIterator[Backend]:
    """The Messages API."""
    with MessagesServer([Rule("", case.says)]) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANTHROPIC_BASE_URL", server.url)
        patch.setenv("ANTHROPIC_API_KEY", "test")
        yield opened("api", premises)


@asynccontextmanager
async def on_batch(case: Case, premises: Premises) -> AsyncIterator[Backend]:
    """Message batches, which answer at once here."""
    async with on_api(case, premises):
        with pytest.MonkeyPatch.context() as patch:
            for name in ("GATHER_S", "FIRST_POLL_S"):
                patch.setattr(batch, name, 0.01)
            yield opened("batch", premises)


@asynccontextmanager
async def on_replay(case: Case, premises: Premises) -> AsyncIterator[Backend]:
    """A recording of the same agent on the API."""
    file = premises.folder / "recording.jsonl"
    async with on_api(case, premises) as backend:
        recorder = Recorder(backend, file)
        await asked(recorder, premises)
        recorder.save()
    yield opened("replay", Premises(None, premises.folder, recording=file))


@asynccontextmanager
async def on_claude_code(case: Case, premises: Premises) -> AsyncIterator[Backend]:
    """The real claude CLI, which calls its tools by names of its own."""
    turns = iter(case.says)
    last = case.says[-1]

    def script(request: dict[str, Any]) -> Reply:
        said = next(turns, last)
        return replace(said, blocks=[_as_the_cli_calls_it(block, _working_directory(request)) for block in said.blocks])

    with MessagesServer(script) as server, pytest.MonkeyPatch.context() as patch:
        for name, value in lone_surroundings(premises.folder / "home", server.url).items():
            patch.setenv(name, value)
        patch.setenv("CLAUDE_CODE_EXECPATH", str(install_claude(Path(sys.prefix, "caches"))))
        yield opened("claude-code", premises)


def _working_directory(request: dict[str, Any]) -> str:
    found = re.search(r"Primary working directory: (\S+)", text_of(request))
    assert found
    return found[1]


def _as_the_cli_calls_it(block: dict[str, Any], folder: str) -> dict[str, Any]:
    given = block["input"]
    if block["name"] != "read_file":
        return {**block, "name": "StructuredOutput"}
    asked = {"file_path": f"{folder}/{given['path']}", "offset": given["first"], "limit": given["count"]}
    return {**block, "name": "Read", "input": asked}


@asynccontextmanager
async def on_host(case: Case, premises: Premises) -> AsyncIterator[Backend]:
    """An agent of the host, which writes the answer that the model ends with into its file."""
    premises = Premises(None, premises.folder, run="r")
    await asked(opened("host", premises), premises)
    folder = HostFolder(premises.folder / "runs" / "r" / "host")
    (unit,) = folder.load().units
    answer = case.says[-1].json or case.says[-1].blocks[0]["input"]
    folder.write(unit.answer, json.dumps({"unit": unit.key, "answer": answer}))
    yield opened("host", premises)


Place = Callable[[Case, Premises], AbstractAsyncContextManager[Backend]]
PLACES: dict[str, Place] = {
    "api": on_api,
    "batch": on_batch,
    "replay": on_replay,
    "claude-code": on_claude_code,
    "host": on_host,
}
# The host's agents are asked once, by somebody else, and can only hand in: turns and a server's doings are not theirs.
IN_HOST = ("at once", "as text", "wrong twice")
# A batch's agents have one turn: they can look nothing up.
BOTH = [
    (place, case)
    for place in PLACES
    for case in CASES
    if (place != "host" or case in IN_HOST) and (place != "batch" or not CASES[case].looks)
]


def opened(name: str, premises: Premises) -> Backend:
    backend = open_backend(name, premises)
    assert backend is not None
    return backend


async def asked(backend: Backend, premises: Premises) -> Outcome[Answered[Answer]]:
    """Ask the one agent of this test, with lookups where the backend has them."""
    lookups: tuple[Tool, ...] = premises.toolbox.definitions if backend.interactive and premises.toolbox else ()
    spec = AgentSpec("finder", Brief(MODEL, None, "You.", (REPORT,), lookups), "Context.", "Find.", REPORT, 2000)

    async def work(unit: Unit[Any], attempt: Attempt) -> Answered[Answer]:
        answered: Answered[Answer] = await backend.ask(unit.payload, attempt)
        return answered

    try:
        supervisor = Supervisor(retry=RetryPolicy(base_s=0.001))
        return (await fan_out([agent_unit(spec, spec, kind="f", label="f")], work, supervisor=supervisor))[0]
    finally:
        await backend.close()


@pytest.mark.parametrize(("name", "said"), BOTH)
def test_the_same_agent_has_the_same_outcome(name, said, toolbox, tmp_path, request):
    """Status, answer, what was looked up, and the name of what went wrong."""
    if name == "claude-code":
        request.getfixturevalue("claude_program")
    place, case = PLACES[name], CASES[said]
    premises = Premises(toolbox, tmp_path)

    async def main() -> Outcome[Answered[Answer]]:
        async with place(case, premises) as backend:
            return await asked(backend, premises)

    outcome = asyncio.run(main())
    assert outcome.status is case.status
    assert case.names in (outcome.error or "")
    if case.status is not Status.OK:
        assert outcome.value is None
        return
    assert outcome.value is not None
    assert outcome.value.answer == Answer(words=list(case.words))
    assert len(outcome.value.lookups) == case.looks
    assert asyncio.run(toolbox.stands(outcome.value.lookups))
