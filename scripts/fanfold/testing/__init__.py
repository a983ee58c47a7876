"""Stand-ins for tests of fanfold and of skills built on it: real sockets and real loops, no network, no waiting.

A test of a skill of your own, against a Messages API on loopback:

    import asyncio
    import anthropic
    from fanfold import Unit, fan_out
    from fanfold.testing import MessagesServer, Reply, Rule

    async def summarise(unit, attempt):
        async with anthropic.AsyncAnthropic(max_retries=0) as client:
            prompt = {"role": "user", "content": f"Summarise {unit.payload}"}
            answer = await client.messages.create(model="claude-haiku-5-5", max_tokens=99, messages=[prompt])
            return answer.content[0].text

    async def summaries(names):
        return await fan_out([Unit(key=name, label=name, payload=name) for name in names], summarise)

    def test_every_file_is_summarised(monkeypatch):
        with MessagesServer([Rule("a.py", [Reply("Adds.")]), Rule("b.py", [Reply("Subtracts.")])]) as server:
            monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
            monkeypatch.setenv("ANTHROPIC_API_KEY", "test")
            outcomes = asyncio.run(summaries(["a.py", "b.py"]))
        assert [outcome.value for outcome in outcomes] == ["Adds.", "Subtracts."]
        assert server.stats().requests == 2

What is here:

- `MessagesServer`, `server_process` (a `ServerProcess`): a Messages API that checks requests as the real one
  does, keeps its prompt cache and rate limits, and fails on purpose: `ServerOptions`, `Latency`,
  `RateLimits`, `Faults`, `FaultRate`, `Fault`, `FaultKind`. Answers come from a `Script`: a function of the
  request, a list of `Rule`, or a `Reply`; what it raises comes out as a `ScriptError`. `Stats` and
  `Recorded` say what was asked.
- `ScriptedWorker`, `Step`: a worker for the engine that does what its script says.
- `ScriptedModel`, `Says`, `EchoTools`, `tool_call`: a model that says what it is told to, and tools that echo, for a
  sub-agent's loop without a server.
- `run_virtual`, `VirtualTimeLoop`, `Deadlock`, `LeakedTasks`: a loop on which waiting costs nothing.
- `loopback_only`, `NetworkBlocked`: a guard against leaving this machine.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fanfold.testing.books import Recorded, Stats
    from fanfold.testing.model_calls import ScriptError
    from fanfold.testing.network import NetworkBlocked, loopback_only
    from fanfold.testing.options import (
        Fault,
        FaultKind,
        FaultRate,
        Faults,
        Latency,
        RateLimits,
        ServerOptions,
    )
    from fanfold.testing.replies import Reply, Rule, Script
    from fanfold.testing.scripted import ScriptedWorker, Step
    from fanfold.testing.scripted_model import EchoTools, Says, ScriptedModel, tool_call
    from fanfold.testing.server import MessagesServer, ServerProcess, server_process
    from fanfold.testing.virtual_time import Deadlock, LeakedTasks, VirtualTimeLoop, run_virtual

__all__ = [
    "Deadlock",
    "EchoTools",
    "Fault",
    "FaultKind",
    "FaultRate",
    "Faults",
    "Latency",
    "LeakedTasks",
    "MessagesServer",
    "NetworkBlocked",
    "RateLimits",
    "Recorded",
    "Reply",
    "Rule",
    "Says",
    "Script",
    "ScriptError",
    "ScriptedModel",
    "ScriptedWorker",
    "ServerOptions",
    "ServerProcess",
    "Stats",
    "Step",
    "VirtualTimeLoop",
    "loopback_only",
    "run_virtual",
    "server_process",
    "tool_call",
]

_HOMES = {
    "books": ["Recorded", "Stats"],
    "model_calls": ["ScriptError"],
    "network": ["NetworkBlocked", "loopback_only"],
    "options": ["Fault", "FaultKind", "FaultRate", "Faults", "Latency", "RateLimits", "ServerOptions"],
    "replies": ["Reply", "Rule", "Script"],
    "scripted": ["ScriptedWorker", "Step"],
    "scripted_model": ["EchoTools", "Says", "ScriptedModel", "tool_call"],
    "server": ["MessagesServer", "ServerProcess", "server_process"],
    "virtual_time": ["Deadlock", "LeakedTasks", "VirtualTimeLoop", "run_virtual"],
}


def __getattr__(name: str) -> object:
    """Import a part when it is first asked for."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
