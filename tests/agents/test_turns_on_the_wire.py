"""The loop through the SDK and a socket: what is sent turn by turn, what the cache makes of it, what it costs."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from fanfold.agents.api import ApiBackend
from fanfold.agents.backends import Premises
from fanfold.agents.spec import AgentSpec, Answered, AnswerTool, Brief
from fanfold.agents.tools.toolbox import Toolbox
from fanfold.agents.units import agent_unit
from fanfold.engine.attempt import Attempt
from fanfold.engine.fan_out import fan_out
from fanfold.engine.supervisor import Supervisor
from fanfold.models import Outcome, Unit
from fanfold.sources.target import resolve
from fanfold.testing import Fault, FaultKind, MessagesServer, Reply, Rule, ServerOptions
from fanfold.testing.examples import JUDGE, REPORT
from fanfold.testing.scripted_model import tool_call
from fanfold.testing.tool_rules import signature_of

MODEL = "claude-sonnet-5-5"


@pytest.fixture
def toolbox(tmp_path: Path) -> Toolbox:
    (tmp_path / "a.py").write_text("def f():\n    return 1\n" * 200)
    return Toolbox(resolve([str(tmp_path)], cwd=tmp_path))


@pytest.fixture(autouse=True)
def _credential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test")


def spec(toolbox: Toolbox, task: str, answer: AnswerTool[Any] = REPORT) -> AgentSpec[Any]:
    brief = Brief(MODEL, None, "You are one of several.", (REPORT, JUDGE), toolbox.definitions)
    return AgentSpec("finder", brief, "The change. " * 500, task, answer, 2000)


def reads(start: int, **more: Any) -> Reply:
    call = tool_call("read_file", {"path": "a.py", "first": start, "count": 60}, start)
    return Reply(blocks=[call], thinking=f"Line {start}?\n", **more)


FINDS = Reply(blocks=[tool_call("report", {"words": ["a"]})])
HOLDS = Reply(blocks=[tool_call("judge", {"holds": True})])


def ask(
    toolbox: Toolbox, server: MessagesServer, specs: Sequence[AgentSpec[Any]], **options: Any
) -> list[Outcome[Answered[Any]]]:
    async def main() -> list[Outcome[Answered[Any]]]:
        backend = ApiBackend(Premises(toolbox, Path("/nowhere")))

        async def work(unit: Unit[Any], attempt: Attempt) -> Answered[Any]:
            return await backend.ask(unit.payload, attempt)

        units = [agent_unit(one, one, kind=one.role, label=one.task) for one in specs]
        try:
            return await fan_out(units, work, supervisor=Supervisor(**options))
        finally:
            await backend.close()

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANTHROPIC_BASE_URL", server.url)
        return asyncio.run(main())


def bare(part: Any) -> Any:
    """Return a request without its breakpoints, which are no part of what is cached."""
    if isinstance(part, list):
        return [bare(item) for item in part]
    if isinstance(part, dict):
        return {name: bare(value) for name, value in part.items() if name != "cache_control"}
    return part


def blocks_of(request: dict[str, Any]) -> list[str]:
    """Return everything that the cache sees, in its order, each block as its bytes."""
    parts = [*request["tools"], *request["system"]]
    parts += [{message["role"]: block} for message in request["messages"] for block in message["content"]]
    return [json.dumps(part) for part in bare(parts)]


def breakpoints(request: dict[str, Any]) -> Iterator[tuple[int, int]]:
    """Yield where breakpoints stand: the number of the message, and of its block from the end."""
    for place, message in enumerate(request["messages"]):
        for at, block in enumerate(message["content"]):
            if "cache_control" in block:
                yield place, at - len(message["content"])


def test_each_turn_reads_the_one_before_from_the_cache(toolbox):
    """A request begins with all of the one before, to the byte; only what is new is written, and the bill agrees."""
    script = [Rule("", [reads(1), reads(61), reads(121), reads(181), FINDS])]
    with MessagesServer(script) as server:
        (outcome,) = ask(toolbox, server, [spec(toolbox, "Find.")])
        requests, stats = server.requests, server.stats()
    assert outcome.ok
    sent = [blocks_of(request.body) for request in requests]
    for before, after in itertools.pairwise(sent):
        assert after[: len(before)] == before
    assert [list(breakpoints(request.body)) for request in requests] == [
        [(0, -2)],
        [(0, -2), (2, -1)],
        [(0, -2), (2, -1), (4, -1)],
        [(0, -2), (4, -1), (6, -1)],
        [(0, -2), (6, -1), (8, -1)],
    ]
    used = [request.usage for request in requests]
    for former, latter in itertools.pairwise(used):
        assert latter["cache_read_tokens"] == former["cache_read_tokens"] + former["cache_write_tokens"]
        assert latter["input_tokens"] == 0
    assert outcome.usage.cache_read_tokens == stats.tokens["cache_read_tokens"] > 5000
    assert outcome.usage.cost_usd == pytest.approx(stats.cost_usd)
    assert outcome.usage.requests == stats.requests == 5


def test_two_roles_share_a_prefix_and_read_it_from_the_cache(toolbox):
    """A finder and a verifier agree to the byte on all that stands before their own part."""
    script = [Rule("Refute", [HOLDS]), Rule("Find", [FINDS])]
    with MessagesServer(script) as server:
        found, judged = ask(toolbox, server, [spec(toolbox, "Find."), spec(toolbox, "Refute.", JUDGE)])
        one, two = (blocks_of(request.body) for request in server.requests)
        stats = server.stats()
    assert found.ok
    assert judged.ok
    assert one[:-1] == two[:-1]
    assert one[-1] != two[-1]
    shared = stats.tokens["cache_write_tokens"]
    assert stats.tokens["cache_read_tokens"] == shared > 2000
    assert found.usage.cache_write_tokens == judged.usage.cache_read_tokens == shared


def test_many_blocks_in_one_turn_do_not_lose_the_cache(toolbox):
    """A breakpoint looks back 20 blocks; sixteen calls and their results are more, and are found all the same."""
    calls = [tool_call("read_file", {"path": "a.py", "first": n, "count": 1}, n) for n in range(1, 17)]
    script = [Rule("", [Reply(blocks=calls), Reply(blocks=calls), FINDS])]
    with MessagesServer(script) as server:
        (outcome,) = ask(toolbox, server, [spec(toolbox, "Find.")])
        used = [request.usage for request in server.requests]
    assert outcome.ok
    assert used[2]["cache_read_tokens"] == used[1]["cache_read_tokens"] + used[1]["cache_write_tokens"]


def test_what_the_model_thought_goes_back_to_the_byte(toolbox):
    """Through the SDK and back, with its signature, in front of what it called."""
    with MessagesServer([Rule("", [reads(1), FINDS])]) as server:
        ask(toolbox, server, [spec(toolbox, "Find.")])
        (_, answer, results) = server.requests[1].body["messages"]
    first, second = answer["content"]
    assert first == {"type": "thinking", "thinking": "Line 1?\n", "signature": signature_of("Line 1?\n")}
    assert second == reads(1).blocks[0]
    assert "return 1" in results["content"][0]["content"]


@pytest.mark.parametrize(
    "kind", [FaultKind.RATE_LIMITED, FaultKind.OVERLOADED, FaultKind.CUT, FaultKind.EARLY_END, FaultKind.RESET]
)
def test_a_fault_in_the_middle_costs_one_request_and_no_turn(toolbox, kind):
    """The conversation goes on where it was, and what is known of the bill agrees with the server's."""
    broken = reads(61, fault=Fault(kind=kind, retry_after_s=0.01))
    with MessagesServer([Rule("", [reads(1), broken, reads(61), FINDS])]) as server:
        (outcome,) = ask(toolbox, server, [spec(toolbox, "Find.")])
        requests, stats = server.requests, server.stats()
    assert outcome.ok
    assert outcome.attempts == 2
    assert outcome.usage.requests == stats.requests == 4
    assert blocks_of(requests[1].body) == blocks_of(requests[2].body)
    if kind in {FaultKind.RATE_LIMITED, FaultKind.OVERLOADED}:
        assert outcome.usage.cost_usd == pytest.approx(stats.cost_usd)
    elif kind is FaultKind.RESET:
        assert outcome.usage.cost_usd is None


def test_everybody_waits_when_one_is_rejected(toolbox):
    """A 429 in one agent's third turn holds back the second turns of the others."""
    options = ServerOptions(limits={"requests_per_minute": 600, "burst_s": 1})
    rules = [Rule(f"Find {n}.", [reads(1 + n), reads(61 + n), reads(121 + n), FINDS]) for n in range(8)]
    with MessagesServer(rules, options) as server:
        outcomes = ask(toolbox, server, [spec(toolbox, f"Find {n}.") for n in range(8)])
        stats = server.stats()
    assert all(outcome.ok for outcome in outcomes)
    assert stats.by_status.get("429", 0) <= 16
    assert sum(outcome.usage.requests for outcome in outcomes) == stats.requests


def test_secrets_stay_here(toolbox):
    """What looks like a credential is masked in everything that is sent, and the same way each time."""
    token = f"ghp_{'aB3dE6gH9j' * 3}k2L5m8"
    about = spec(toolbox, f"Find {token}.")
    with MessagesServer([Rule("", [reads(1), FINDS])]) as server:
        (outcome,) = ask(toolbox, server, [about])
        sent = [json.dumps(request.body) for request in server.requests]
    assert outcome.ok
    assert all(token not in text and "not shown" in text for text in sent)
