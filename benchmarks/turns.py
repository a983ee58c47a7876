"""What turns of a sub-agent cost through the prompt cache, beside the same turns without it and the least they can.

    python benchmarks/turns.py [--agents 10] [--turns 8] [--context 40000]

Agents of two roles share one context and look files up, all on the stand-in server, which keeps the API's cache rules
and bills by its prices. The bound is what no client can go below: every token written to the cache once by whoever is
first, and read from it in each later turn. Exits with 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from pydantic import BaseModel

from fanfold import Attempt, Outcome, Supervisor, Unit, fan_out
from fanfold.agents.api import ApiBackend
from fanfold.agents.backends import Premises
from fanfold.agents.prices import cost_usd
from fanfold.agents.spec import AgentSpec, Allowance, Answered, AnswerTool, Brief
from fanfold.agents.tools.toolbox import Toolbox
from fanfold.agents.units import agent_unit
from fanfold.sources.target import resolve
from fanfold.testing import MessagesServer, Recorded, Reply, tool_call

MODEL = "claude-sonnet-5-5"
CHARACTERS_PER_TOKEN = 2.8
# What was billed may be this much above the bound: the own part of each agent is written with its first reply.
MOST_OVER_BOUND = 1.1


class Answer(BaseModel):
    """What an agent hands in."""

    words: list[str]


REPORT = AnswerTool("report", "Hand in what you found.", Answer)
JUDGE = AnswerTool("judge", "Hand in your verdict.", Answer)


def answers(turns: int) -> Any:
    """Return a script: a lookup in every turn but the last."""

    def script(request: dict[str, Any]) -> Reply:
        said = sum(message["role"] == "assistant" for message in request["messages"])
        if said < turns - 1:
            return Reply(
                blocks=[
                    tool_call(
                        "read_file", {"path": "scripts/fanfold/models.py", "first": 1 + said * 40, "count": 40}, said
                    )
                ]
            )
        own = request["messages"][0]["content"][1]["text"]
        return Reply(blocks=[tool_call("judge" if "`judge`" in own else "report", {"words": ["a"]}, said)])

    return script


async def run(agents: int, context: int) -> list[Outcome[Answered[Any]]]:
    """Ask the agents, every other one of the second role."""
    toolbox = Toolbox(resolve([str(Path(__file__).parents[1])], cwd=Path.cwd()))
    backend = ApiBackend(Premises(toolbox, Path("/nowhere")))
    brief = Brief(MODEL, None, "You are one of several.", (REPORT, JUDGE), toolbox.definitions)
    shared = "The change. " * int(context * CHARACTERS_PER_TOKEN / 12)
    specs = [
        AgentSpec("finder", brief, shared, f"Task {n}.", (REPORT, JUDGE)[n % 2], 8000, allowance=Allowance(99, 10**9))
        for n in range(agents)
    ]

    async def work(unit: Unit[Any], attempt: Attempt) -> Answered[Any]:
        return await backend.ask(unit.payload, attempt)

    try:
        units = [agent_unit(spec, spec, kind="agent", label=spec.task) for spec in specs]
        return await fan_out(units, work, supervisor=Supervisor(jobs=agents))
    finally:
        await backend.close()


def bound_usd(requests: tuple[Recorded, ...]) -> float:
    """Return the least that these requests can cost: each agent's last prompt written once, the shared part by one."""
    by_agent: dict[str, list[Recorded]] = {}
    for request in requests:
        by_agent.setdefault(request.body["messages"][0]["content"][1]["text"], []).append(request)
    shared = min(_prompt(request) for request in requests if len(request.body["messages"]) == 1)
    total = 0.0
    for place, own in enumerate(by_agent.values()):
        known = 0 if place == 0 else shared
        for request in sorted(own, key=lambda request: len(request.body["messages"])):
            prompt = _prompt(request)
            output = request.usage["output_tokens"]
            total += cost_usd(MODEL, cache_read=known, cache_write=prompt - known, output=output) or 0.0
            known = prompt
    return total


def _prompt(request: Recorded) -> int:
    return sum(request.usage[kind] for kind in ("input_tokens", "cache_write_tokens", "cache_read_tokens"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=10)
    parser.add_argument("--turns", type=int, default=8)
    parser.add_argument("--context", type=int, default=40_000, metavar="TOKENS")
    asked = parser.parse_args()
    with MessagesServer(answers(asked.turns)) as server:
        os.environ |= {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": "test"}
        outcomes = asyncio.run(run(asked.agents, asked.context))
        requests, stats = server.requests, server.stats()
    assert all(outcome.ok for outcome in outcomes), [outcome.error for outcome in outcomes]
    billed, bound = stats.cost_usd or 0.0, bound_usd(requests)
    said = sum(outcome.usage.cost_usd or 0.0 for outcome in outcomes)
    alone = sum(outcome.usage.cost_uncached_usd or 0.0 for outcome in outcomes)
    print(f"{asked.agents} agents, {stats.requests / asked.agents:.1f} turns each, {asked.context:,} tokens shared")
    print(f"without a cache   ${alone:.4f}")
    print(f"as it was billed  ${billed:.4f}   {alone / billed:.1f} times less")
    print(f"no less than      ${bound:.4f}   {billed / bound:.3f} times that, at most {MOST_OVER_BOUND}")
    print(f"as fanfold says   ${said:.4f}   the same")
    return 0 if billed <= MOST_OVER_BOUND * bound and abs(said - billed) < 1e-6 else 1


if __name__ == "__main__":
    sys.exit(main())
