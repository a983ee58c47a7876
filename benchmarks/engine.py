"""What the engine costs and what it saves, beside the bare SDK on the same stand-in server.

    python benchmarks/engine.py [--only WORD] [--rounds 5]

Every figure is printed with its bar; exits with 1 when one is missed. The server is a process of its own, so that its
CPU time is not the engine's. Times are the wall's; memory is that of a whole process.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"
sys.path.insert(0, str(SCRIPTS))

import anthropic  # noqa: E402  needs the line above, as do those below

from fanfold import (  # noqa: E402
    Attempt,
    HedgePolicy,
    Outcome,
    Supervisor,
    Unit,
    Usage,
    fan_out,
)
from fanfold.agents.prices import priced  # noqa: E402
from fanfold.engine.limits import RateHeaders  # noqa: E402
from fanfold.engine.store import SqliteStore  # noqa: E402
from fanfold.errors import RateLimited  # noqa: E402
from fanfold.testing import Latency, RateLimits, ServerOptions, ServerProcess, server_process  # noqa: E402

MODEL = "claude-sonnet-5-5"

# What the server answers: a prompt may say how long it takes, or that it is never answered.
SCRIPT = """
import re
from fanfold.testing import Fault, FaultKind, Latency, Reply
from fanfold.testing.replies import text_of

def script(request):
    text = text_of(request)[-200:]
    if "hangs" in text:
        return Reply(text="never", fault=Fault(kind=FaultKind.HANG))
    takes = re.search(r"takes ([0-9.]+) s", text)
    return Reply(text="done", latency=Latency(first_byte_s=float(takes[1])) if takes else None)
"""

# Counts items through a pipeline, in a process without the SDK, whose imports would hide what the engine takes.
THROUGH_PIPELINE = """
import asyncio, json, resource, sys, time
from fanfold import Unit, pipeline

async def step(unit, attempt):
    await asyncio.sleep(0)
    return unit.payload + 1

async def main(count):
    items = (Unit(key=f"{n}", label=f"item {n}", payload=n) for n in range(count))
    done = 0
    async for outcome in pipeline(items, step, step, step):
        done += outcome.value == int(outcome.key) + 3
    assert done == count

began = time.perf_counter()
asyncio.run(main(int(sys.argv[1])))
if sys.platform == "linux":  # where rusage still counts the process that this one was forked from
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    megabytes = int(status["VmHWM"].split()[0]) / 2**10
else:
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(json.dumps({"megabytes": megabytes, "seconds": time.perf_counter() - began}))
"""


@dataclass(frozen=True)
class Figure:
    """One line of the table: what was measured, the figure, its bar, and whether it holds."""

    what: str
    figure: str
    bar: str
    holds: bool


class Caller:
    """Calls the server through the SDK; as a worker it tells the attempt what there is to tell."""

    def __init__(self, client: anthropic.AsyncAnthropic, *, prefix: str = "") -> None:
        self._client = client
        self._system = [{"type": "text", "text": prefix, "cache_control": {"type": "ephemeral"}}] if prefix else []

    def request(self, prompt: str) -> dict[str, Any]:
        messages = [{"role": "user", "content": prompt}]
        system = {"system": self._system} if self._system else {}
        return {"model": MODEL, "max_tokens": 64, "messages": messages, **system}

    async def create(self, prompt: str) -> str:
        """Call without streaming."""
        return str((await self._client.messages.create(**self.request(prompt))).id)

    async def __call__(self, unit: Unit[str], attempt: Attempt) -> str:
        try:
            async with self._client.messages.stream(**self.request(unit.payload)) as stream:
                if rate := RateHeaders.parse(stream.response.headers):
                    attempt.limits(rate)
                async for event in stream:
                    if event.type == "message_start":
                        attempt.began()
                        attempt.charge(Usage(input_tokens=event.message.usage.input_tokens))
                return str((await stream.get_final_message()).id)
        except anthropic.RateLimitError as error:
            if rate := RateHeaders.parse(error.response.headers):
                attempt.limits(rate)
            wait_s = error.response.headers.get("retry-after")
            raise RateLimited("429", retry_after_s=float(wait_s) if wait_s else None) from error


@contextlib.asynccontextmanager
async def sdk(server: ServerProcess, retries: int = 0) -> AsyncIterator[anthropic.AsyncAnthropic]:
    """Open a client on the transport that the SDK recommends for many calls."""
    async with anthropic.AsyncAnthropic(
        base_url=server.url, api_key="benchmark", max_retries=retries, http_client=anthropic.DefaultAioHttpClient()
    ) as client:
        yield client


def units(prompts: Iterable[str], **fields: Any) -> list[Unit[str]]:
    return [Unit(**{"key": f"{n}", "label": f"call {n}", "payload": text, **fields}) for n, text in enumerate(prompts)]


async def bounded(calls: Sequence[Callable[[], Awaitable[Any]]], width: int) -> list[Any]:
    """A plain semaphore and gather."""
    semaphore = asyncio.Semaphore(width)

    async def one(call: Callable[[], Awaitable[Any]]) -> Any:
        async with semaphore:
            return await call()

    return await asyncio.gather(*(one(call) for call in calls), return_exceptions=True)


@dataclass
class Clock:
    """Wall and CPU seconds of a block."""

    wall_s: float = 0.0
    cpu_s: float = 0.0


@contextlib.contextmanager
def clocked() -> Iterator[Clock]:
    clock, wall, cpu = Clock(), time.perf_counter(), time.process_time()
    yield clock
    clock.wall_s, clock.cpu_s = time.perf_counter() - wall, time.process_time() - cpu


# -- the rows


async def overhead(server: ServerProcess, rounds: int) -> list[Figure]:
    """1,000 calls of 200 ms, 100 in flight."""
    server.reset(ServerOptions(latency=Latency(first_byte_s=0.2)))
    calls = 1000

    async def created(unit: Unit[str], _attempt: Attempt) -> str:
        return await caller.create(unit.payload)

    async def plain() -> None:
        await bounded([lambda: caller.create("go")] * calls, 100)

    async def engine() -> None:
        outcomes = await fan_out(units(["go"] * calls), created, jobs=100)
        assert all(outcome.ok for outcome in outcomes)

    clocks: dict[Any, list[Clock]] = {plain: [], engine: []}
    async with sdk(server) as client:
        caller = Caller(client)
        await bounded([lambda: caller.create("warm up")] * 200, 100)
        # A full collection looks at all that the SDK's import left, a tenth of a second: whom it hits would be chance.
        gc.collect()
        gc.freeze()
        for _ in range(rounds):
            for run, seen in clocks.items():
                with clocked() as clock:
                    await run()
                seen.append(clock)
    bare, ours = least(clocks[plain]), least(clocks[engine])
    wall = ours.wall_s / bare.wall_s
    added_ms = (ours.cpu_s - bare.cpu_s) / calls * 1000
    what = "1,000 calls of 200 ms, 100 in flight, over semaphore and gather"
    return [
        Figure(f"{what}: wall", f"{wall:.3f}×  (bare SDK {bare.wall_s:.2f} s)", "≤ 1.05×", wall <= 1.05),
        Figure(f"{what}: CPU added a call", f"{added_ms:.3f} ms", "≤ 0.3 ms", added_ms <= 0.3),
    ]


def least(clocks: Iterable[Clock]) -> Clock:
    """Return the least of each figure: what other programs take from the machine is not the engine's."""
    return Clock(min(clock.wall_s for clock in clocks), min(clock.cpu_s for clock in clocks))


async def makespan(server: ServerProcess, _rounds: int) -> list[Figure]:
    """200 units of log-normal length on 16 slots; the plan knows each to a factor of about 1.5."""
    server.reset(ServerOptions())
    rng = random.Random(5)
    lengths = [0.4 * math.exp(rng.gauss(0, 0.8)) for _ in range(200)]
    known = [length * math.exp(rng.gauss(0, 0.4)) for length in lengths]
    prompts = [f"takes {length:.4f} s" for length in lengths]
    planned = [
        Unit(key=f"{n}", label=f"{n}", payload=text, expected_s=expected)
        for n, (text, expected) in enumerate(zip(prompts, known, strict=True))
    ]
    ordered = sorted(lengths, reverse=True)
    bound = max(sum(lengths) / 16, ordered[0], ordered[15] + ordered[16])
    async with sdk(server) as client:
        caller = Caller(client)
        await caller.create("warm up")
        with clocked() as plain:
            await bounded([lambda text=text: caller.create(text) for text in prompts], 16)  # type: ignore[misc]  # a default has no type
        with clocked() as engine:
            assert all(outcome.ok for outcome in await fan_out(planned, caller, jobs=16))
    ratio = engine.wall_s / bound
    figure = f"{ratio:.3f}×  (semaphore {plain.wall_s / bound:.3f}×)"
    return [
        Figure("200 units, log-normal (sigma 0.8), 16 slots, over the lower bound", figure, "≤ 1.10×", ratio <= 1.10)
    ]


async def storm(server: ServerProcess, _rounds: int) -> list[Figure]:
    """300 calls at a server of 20 requests a second."""
    options = ServerOptions(latency=Latency(first_byte_s=0.2), limits=RateLimits(requests_per_minute=1200, burst_s=1.0))
    ideal_s = (300 - 20) / 20 + 0.2
    server.reset(options)
    async with sdk(server, retries=2) as client:
        caller = Caller(client)
        with clocked() as bare:
            answers = await bounded([lambda: caller.create("go")] * 300, 100)
    lost = sum(isinstance(answer, Exception) for answer in answers)
    bare_attempts = server.stats().requests / 300
    server.reset(options)
    async with sdk(server) as client:
        with clocked() as clock:
            outcomes = await fan_out(units(["go"] * 300), Caller(client), jobs=100)
    attempts = server.stats().requests / 300
    missing = sum(not outcome.ok for outcome in outcomes)
    ratio = clock.wall_s / ideal_s
    what = "300 calls at 20 requests a second"
    return [
        Figure(f"{what}: lost", f"{missing}  (bare SDK, 2 retries: {lost})", "0", missing == 0),
        Figure(f"{what}: attempts a call", f"{attempts:.2f}  ({bare_attempts:.2f})", "≤ 1.2", attempts <= 1.2),
        Figure(f"{what}: wall over ideal", f"{ratio:.2f}×  ({bare.wall_s:.1f} s)", "≤ 1.15×", ratio <= 1.15),
    ]


async def stalls(server: ServerProcess, _rounds: int) -> list[Figure]:
    """30 workers, 3 % of whose calls stall, 40 times over; ten runs at a time to save time."""
    latency = Latency(first_byte_s=0.15, first_byte_sigma=0.4, per_token_s=0.5, stall_rate=0.03, stall_s=4.0)

    async def wall(client: anthropic.AsyncAnthropic, seed: int, hedge: HedgePolicy | None) -> float:
        began = time.perf_counter()
        supervisor = Supervisor(jobs=40, hedge=hedge, rng=random.Random(seed))
        await fan_out(units(f"run {seed}, worker {n}" for n in range(30)), Caller(client), supervisor=supervisor)
        return time.perf_counter() - began

    medians, requests = [], []
    for hedge in (None, HedgePolicy()):
        server.reset(ServerOptions(latency=latency, seed=7))
        walls: list[float] = []
        async with sdk(server) as client:
            for batch in range(4):
                walls += await asyncio.gather(*(wall(client, 10 * batch + run, hedge) for run in range(10)))
        medians.append(statistics.median(walls))
        requests.append(server.stats().requests)
    ratio, more = medians[1] / medians[0], requests[1] / requests[0] - 1
    what = "30 workers, 3 % stalls, hedging against none"
    return [
        Figure(f"{what}: median wall", f"{ratio:.2f}×  ({medians[0]:.2f} s)", "≤ 0.7×", ratio <= 0.7),
        Figure(f"{what}: more requests", f"{more:.1%}", "≤ 5 %", more <= 0.05),
    ]


async def hang(server: ServerProcess, _rounds: int) -> list[Figure]:
    """One of 20 calls is never answered."""
    server.reset(ServerOptions(latency=Latency(first_byte_s=0.2)))
    prompts = ["hangs" if n == 13 else "go" for n in range(20)]
    async with sdk(server) as client:
        with clocked() as clock:
            supervisor = Supervisor(jobs=20, unit_timeout_s=2.0)
            outcomes = await fan_out(units(prompts), Caller(client), supervisor=supervisor)
    missing = [f"{outcome.label} {outcome.status}" for outcome in outcomes if not outcome.ok]
    over_s = clock.wall_s - 2.0
    what = "1 of 20 hangs for ever"
    return [
        Figure(f"{what}: wall over the unit's limit", f"{over_s:.2f} s", "≤ 0.5 s", over_s <= 0.5),
        Figure(f"{what}: named", ", ".join(missing), "call 13", missing == ["call 13 timed_out"]),
    ]


async def prefix(server: ServerProcess, _rounds: int) -> list[Figure]:
    """4 workers and 8 verifiers on one prefix of 20,000 tokens."""
    options = ServerOptions(latency=Latency(first_byte_s=0.3, per_token_s=0.1))
    shared = "def f(x):\n    return x\n" * (20_000 * 28 // 10 // 23)
    server.reset(options)
    async with sdk(server) as client:
        caller = Caller(client, prefix=shared)
        await bounded([lambda: caller.create("go")] * 12, 12)
    at_once = input_cost(server)
    server.reset(options)
    async with sdk(server) as client:
        caller, supervisor = Caller(client, prefix=shared), Supervisor(jobs=12)
        await fan_out(units(["work"] * 4, prefix="shared"), caller, supervisor=supervisor)
        await fan_out(units(["verify"] * 8, prefix="shared"), caller, supervisor=supervisor)
    tokens = server.stats().tokens
    once = next(row.cache_write_tokens for row in server.stats().bills if row.cache_write_tokens)
    fresh = tokens["input_tokens"]
    cost = input_cost(server)
    best = cost_of(input_tokens=fresh, cache_write_tokens=once, cache_read_tokens=11 * once)
    uncached = cost_of(input_tokens=fresh + 12 * once)
    what = "4 workers, 8 verifiers, one 20,000-token prefix: input"
    return [
        Figure(f"{what} over one write and 11 reads", f"{cost / best:.3f}×", "≤ 1.05×", cost <= 1.05 * best),
        Figure(
            f"{what} over uncached",
            f"{cost / uncached:.3f}×  (SDK all at once {at_once / uncached:.2f}×)",
            "≤ 0.3×",
            cost <= 0.3 * uncached,
        ),
    ]


def input_cost(server: ServerProcess) -> float:
    """Return what the input of all requests so far costs."""
    tokens = server.stats().tokens
    return cost_of(**{name: tokens[name] for name in ("input_tokens", "cache_write_tokens", "cache_read_tokens")})


def cost_of(**tokens: int) -> float:
    cost = priced(MODEL, Usage(**tokens)).cost_usd
    assert cost is not None
    return cost


async def memory(_server: ServerProcess, _rounds: int) -> list[Figure]:
    """100,000 units through three stages, in a process of its own."""
    few, many = (through_pipeline(count) for count in (1_000, 100_000))
    grown = many["megabytes"] - few["megabytes"]
    figure = f"+{grown:.1f} MB  ({many['megabytes']:.0f} MB, {many['seconds']:.0f} s)"
    return [Figure("100,000 units through three stages, over 1,000", figure, "≤ 20 MB", grown <= 20)]


def through_pipeline(count: int) -> dict[str, float]:
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    command = [sys.executable, "-c", THROUGH_PIPELINE, str(count)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    told: dict[str, float] = json.loads(answer.stdout)
    return told


async def resume(server: ServerProcess, _rounds: int) -> list[Figure]:
    """A finished run of 1,000 units once more."""
    server.reset(ServerOptions())
    wanted = units(["go"] * 1000, returns=str)

    async def run(folder: Path) -> list[Outcome[str]]:
        async with sdk(server) as client, SqliteStore(folder) as store:
            return await fan_out(wanted, Caller(client), supervisor=Supervisor(jobs=100, store=store))

    with tempfile.TemporaryDirectory() as folder:
        with clocked() as first:
            assert all(outcome.ok for outcome in await run(Path(folder) / ".fanfold"))
        before = server.stats().requests
        with clocked() as again:
            outcomes = await run(Path(folder) / ".fanfold")
    assert all(outcome.ok and outcome.reused for outcome in outcomes)
    calls = server.stats().requests - before
    what = "resume of a finished 1,000-unit run"
    return [
        Figure(f"{what}: calls", f"{calls}", "0", calls == 0),
        Figure(f"{what}: wall", f"{again.wall_s:.2f} s  (first {first.wall_s:.1f} s)", "< 1 s", again.wall_s < 1.0),
    ]


ROWS = [overhead, makespan, storm, stalls, hang, prefix, memory, resume]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="the rows whose name holds this word")
    parser.add_argument("--rounds", type=int, default=5, help="how often the overhead is measured; the least counts")
    arguments = parser.parse_args()
    held = True
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "script.py"
        script.write_text(SCRIPT)
        with server_process(script) as server:
            for row in ROWS:
                if arguments.only in row.__name__:
                    for figure in asyncio.run(row(server, arguments.rounds)):
                        held &= figure.holds
                        verdict = "ok" if figure.holds else "MISSED"
                        print(f"{figure.what:<75} {figure.figure:<42} {figure.bar:<9} {verdict}", flush=True)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
