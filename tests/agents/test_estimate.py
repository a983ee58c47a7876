"""What a plan will cost: by expectation, and by the API's own count on the stand-in server."""

import asyncio

import pytest

from fanfold.agents.estimate import EXPECTED_OUTPUT_TOKENS, Tokens, counted_tokens_of, estimate
from fanfold.agents.prices import cost_usd
from fanfold.agents.spec import AgentSpec, Brief
from fanfold.agents.units import agent_unit
from fanfold.testing import MessagesServer
from fanfold.testing.examples import REPORT

MODEL = "claude-opus-5-5"


class Task:
    def __init__(self, spec):
        self.spec = spec


BRIEF = Brief(MODEL, "high", "You are one of several.", (REPORT,))


def unit(number, model=MODEL, context="The change. " * 500):
    brief = BRIEF if model == MODEL else Brief(model, None, "x", (REPORT,))
    spec = AgentSpec("finder", brief, context, f"Task {number}.", REPORT, 1000)
    return agent_unit(spec, Task(spec), kind="finder", label=f"task {number}")


UNITS = [unit(n) for n in range(4)]
TOKENS = {one.key: Tokens(10_000, 100) for one in UNITS}


def test_the_three_prices():
    """One agent for all of it, all without a cache, and as it is run: the last is close to the first."""
    told = estimate(UNITS, 8, tokens=TOKENS)
    output = 4 * EXPECTED_OUTPUT_TOKENS
    assert told.alone_usd == cost_usd(MODEL, full=10_400, output=output)
    assert told.parallel_uncached_usd == cost_usd(MODEL, full=40_400, output=output)
    assert told.parallel_usd == cost_usd(MODEL, full=400, cache_write=10_000, cache_read=30_000, output=output)
    assert told.exact
    halved = estimate(UNITS, 8, tokens=TOKENS, batch=True)
    assert halved.parallel_usd == pytest.approx((told.parallel_usd or 0) / 2)


def test_turns_that_look_things_up_are_priced_apart():
    """Nothing where there are no tools; otherwise each costs less than what is reserved for it."""
    assert estimate(UNITS, 8).lookups_usd == 0
    tool = {"name": "grep", "description": "Search.", "input_schema": {"type": "object", "properties": {}}}
    brief = Brief(MODEL, "high", "You are one of several.", (REPORT,), (tool,))
    spec = AgentSpec("finder", brief, "The change. " * 500, "Task.", REPORT, 1000)
    told = estimate([agent_unit(spec, Task(spec), kind="finder", label=label) for label in "ab"], 8)
    lookups, worst = told.lookups_usd or 0, told.worst_case_usd or 0
    assert 0 < lookups * spec.allowance.turns < worst


def test_an_unknown_price_is_unknown():
    """Not zero, for none of the three."""
    told = estimate([unit(1), unit(2, "no-such-model")], 8)
    assert (told.alone_usd, told.parallel_uncached_usd, told.parallel_usd, told.worst_case_usd) == (None,) * 4
    assert not told.exact


@pytest.mark.parametrize(
    ("history", "jobs", "seconds"),
    [
        ({}, 8, 45.0),
        ({}, 2, 90.0),
        ({"finder": {"task 0": 10.0, "task 1": 20.0}}, 1, 10.0 + 20.0 + 15.0 + 15.0),
        ({"finder": {"task 0": 100.0}}, 4, 100.0),
        ({"other": {"task 0": 1.0}}, 8, 45.0),
    ],
)
def test_the_time_goes_by_what_earlier_runs_took(history, jobs, seconds):
    """The unit's own time, else the mean of its kind, else what is usual."""
    assert estimate(UNITS, jobs, history=history).seconds == pytest.approx(seconds)


def test_nothing_planned_costs_nothing():
    """And takes no time."""
    told = estimate([], 8)
    assert (told.parallel_usd, told.seconds, told.units) == (0.0, 0.0, 0)


def test_the_api_counts_each_prefix_once(monkeypatch):
    """What is shared and what is each one's own, as the server's count of the same requests."""
    with MessagesServer() as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "test")
        counted = asyncio.run(counted_tokens_of([*UNITS, unit(9, context="Another part.")]))
        asked = [record.path for record in server.requests]
    assert asked == ["/v1/messages/count_tokens"] * 7
    shared = {counted[one.key].shared for one in UNITS}
    assert len(shared) == 1
    assert shared.pop() > 1_000
    assert all(0 < tokens.own < 100 for tokens in counted.values())
