"""The loop of a sub-agent, against a scripted model: what is told to whom, how it ends, and what it may use."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from fanfold import errors
from fanfold.agents.loop import converse
from fanfold.agents.spec import AgentSpec, Allowance, Answered, Brief
from fanfold.agents.units import agent_unit, reserve_usd
from fanfold.engine.attempt import Attempt
from fanfold.engine.budget import Budget
from fanfold.engine.fan_out import fan_out
from fanfold.engine.hedge import HedgePolicy
from fanfold.engine.limits import LaneLimits
from fanfold.engine.supervisor import Supervisor
from fanfold.models import Outcome, Status, Unit
from fanfold.testing.examples import JUDGE, REPORT, Answer
from fanfold.testing.scripted_model import EchoTools, Says, ScriptedModel, tool_call
from fanfold.testing.virtual_time import run_virtual

MODEL = "claude-sonnet-5-5"


GREP = {"name": "grep", "description": "Search.", "input_schema": {"type": "object", "properties": {}}}


def spec(*, lookups: tuple[Any, ...] = (GREP,), **fields: Any) -> AgentSpec[Answer]:
    brief = Brief(MODEL, None, "You are one of several.", (REPORT, JUDGE), lookups)
    values = {"role": "finder", "brief": brief, "context": "The change. " * 300, "task": "Find.", "answer": REPORT}
    return AgentSpec(**{"max_tokens": 1000, **values, **fields})


def grep(place: int = 0, pattern: str = "x") -> dict[str, Any]:
    return tool_call("grep", {"pattern": pattern}, place)


def report(*words: str, place: int = 0) -> dict[str, Any]:
    return tool_call("report", {"words": list(words)}, place)


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def thinking(said: str = "hm") -> dict[str, Any]:
    return {"type": "thinking", "thinking": said, "signature": f"signed {said}"}


DONE = Says([report("a")])


def run(
    *script: Says, about: AgentSpec[Answer] | None = None, tools: EchoTools | None = None, **options: Any
) -> tuple[Outcome[Answered[Answer]], ScriptedModel]:
    """Run one sub-agent under the engine, in virtual time."""
    model, about = ScriptedModel(script), about or spec()
    tools = tools or EchoTools()

    async def work(unit: Unit[Any], attempt: Attempt) -> Answered[Answer]:
        return await converse(unit.payload, attempt, model, tools)

    async def main() -> list[Outcome[Answered[Answer]]]:
        supervisor = Supervisor(**options)
        return await fan_out([agent_unit(about, about, kind="f", label="f")], work, supervisor=supervisor)

    return run_virtual(main())[0], model


def told(model: ScriptedModel) -> list[tuple[str, str, bool]]:
    """Return the tool results that the newest message holds: id, text, whether it is an error."""
    return [
        (block["tool_use_id"], block["content"], block.get("is_error", False))
        for block in model.last_told
        if block["type"] == "tool_result"
    ]


def said_last(model: ScriptedModel) -> str:
    """Return the text that the newest message ends with."""
    return str(model.last_told[-1].get("text") or model.last_told[-1].get("content"))


# -- looking up


def test_it_looks_things_up_and_hands_in():
    """The answer comes with everything that was looked up for it, in order."""
    outcome, model = run(Says([grep(0, "x")]), Says([grep(1, "y")]), DONE)
    assert outcome.value is not None
    assert outcome.value.answer == Answer(words=["a"])
    assert [lookup.arguments for lookup in outcome.value.lookups] == [{"pattern": "x"}, {"pattern": "y"}]
    assert len(model.requests) == 3
    assert outcome.usage == model.billed


def test_calls_of_one_turn_run_at_the_same_time():
    """Every call gets its result, in the order of the calls, all in one message."""
    tools = EchoTools(delay_s=1)
    outcome, model = run(Says([grep(n) for n in range(5)]), DONE, tools=tools)
    assert outcome.ok
    assert outcome.ended_s == 1
    assert tools.most_running == 5
    assert [call for call, _, _ in told(model)] == [f"toolu_{n:024d}" for n in range(5)]


def test_what_it_thought_goes_back_unchanged():
    """Blocks return to the byte, thinking first, its signature with it; text without text is left out."""
    blocks = [thinking("é\n "), {"type": "redacted_thinking", "data": "x="}, text("Let me see."), text(""), grep()]
    _, model = run(Says(blocks), DONE)
    sent = model.requests[1]["messages"][1]
    assert sent["role"] == "assistant"
    assert json.dumps(sent["content"]) == json.dumps([block for block in blocks if block.get("text") != ""])


def test_an_answer_ends_it_whatever_was_called_beside():
    """Nothing is looked up for somebody who is done."""
    tools = EchoTools()
    outcome, model = run(Says([grep(0), report("a", place=1)]), tools=tools)
    assert outcome.ok
    assert not tools.called
    assert len(model.requests) == 1


def test_the_first_valid_answer_counts():
    """An agent that hands in twice is taken at its word once."""
    outcome, _ = run(Says([tool_call("report", {"words": 1}), report("a", place=1), report("b", place=2)]))
    assert outcome.value is not None
    assert outcome.value.answer == Answer(words=["a"])


@pytest.mark.parametrize("name", ["judge", "write_file", ""])
def test_tools_that_are_not_its_own_are_refused(name):
    """Another role's answer, and what does not exist."""
    tools = EchoTools()
    outcome, model = run(Says([tool_call(name, {"holds": True})]), DONE, tools=tools)
    assert outcome.ok
    assert not tools.called
    assert told(model)[0][2]
    assert "`report`" in told(model)[0][1]


def test_a_tool_that_fails_is_an_error_to_the_agent():
    """Whatever a tool raises, against its promise, ends nothing."""

    class Broken(EchoTools):
        async def call(self, name: str, arguments: object) -> Any:
            raise OSError(f"disk on fire while {name} read {arguments}")

    outcome, model = run(Says([grep()]), DONE, tools=Broken())
    assert outcome.ok
    assert "disk on fire" in told(model)[0][1]


def test_calls_beyond_the_most_of_a_turn_are_not_run():
    """Each of a thousand gets its result all the same."""
    tools = EchoTools()
    outcome, model = run(
        Says([grep(n) for n in range(1000)], output=900), DONE, tools=tools, about=spec(context="x" * 99999)
    )
    assert outcome.ok
    assert len(tools.called) == 16
    assert len(told(model)) == 1000


def test_a_pause_goes_on_with_what_was_said():
    """The server stopped in the middle of a tool of its own: it gets back what it said, and nothing is added."""
    search = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}}
    outcome, model = run(Says([text("one"), search], "pause_turn"), Says([search], "pause_turn"), DONE)
    assert outcome.ok
    assert model.requests[-1]["messages"][1:] == [{"role": "assistant", "content": [text("one"), search, search]}]


def test_pauses_are_turns():
    """Who does nothing else comes to an end."""
    outcome, model = run(Says([], "pause_turn"), about=spec(allowance=Allowance(turns=3)))
    assert "it paused, and had no turns left" in (outcome.error or "")
    assert len(model.requests) == 4


def test_a_pause_in_the_middle_of_nothing_is_answered():
    """A request that ends with the model's own words would be rejected."""
    outcome, model = run(Says([text("one")], "pause_turn"), Says([], "pause_turn"), DONE)
    assert outcome.ok
    assert [message["role"] for message in model.requests[-1]["messages"]] == ["user", "assistant", "user"]


# -- answers that can't be used


def test_one_repair_round_says_what_was_wrong():
    """The faults go back as the result of the call, beside those of everything else that was called."""
    outcome, model = run(Says([grep(0), tool_call("report", {"words": 1}, 1)]), DONE)
    assert outcome.ok
    assert outcome.attempts == 2
    assert [(call[-1], is_error) for call, _, is_error in told(model)] == [("0", True), ("1", True)]
    assert "words: Input should be a valid list" in told(model)[1][1]
    assert outcome.usage.errors == {"InvalidAnswer": 1}


def test_json_in_place_of_the_call_is_an_answer():
    """When it fits; what is wrong with it is told as text."""
    outcome, _ = run(Says([text(' {"words": ["a"]}')]))
    assert outcome.value is not None
    assert outcome.value.answer == Answer(words=["a"])
    outcome, model = run(Says([text('{"words": 1}')]), DONE)
    assert outcome.ok
    assert "words: Input should be a valid array" in said_last(model)


def test_an_agent_that_forgets_to_hand_in_is_told():
    """Its words stay in the conversation."""
    outcome, model = run(Says([thinking(), text("Looks good.")]), DONE)
    assert outcome.ok
    assert model.requests[1]["messages"][1]["content"] == [thinking(), text("Looks good.")]
    assert "without a call of `report`" in said_last(model)
    assert outcome.usage.errors == {"MissingToolCall": 1}


@pytest.mark.parametrize("blocks", [[], [thinking()], [text(" ")]])
def test_an_empty_answer_is_dropped(blocks):
    """It is asked again from where it stood."""
    outcome, model = run(Says([grep()]), Says(blocks), DONE)
    assert outcome.ok
    assert [message["role"] for message in model.requests[2]["messages"]] == ["user", "assistant", "user"]
    assert "empty" in said_last(model)
    assert outcome.usage.errors == {"EmptyAnswer": 1}


def test_a_cut_answer_is_dropped_and_has_more_room():
    """The same question once more, with twice the tokens."""
    outcome, model = run(Says([grep()]), Says([grep(1)], "max_tokens"), DONE)
    assert outcome.ok
    assert model.requests[2]["messages"] == model.requests[1]["messages"]
    assert [request["max_tokens"] for request in model.requests] == [1000, 1000, 2000]
    assert outcome.usage.errors == {"Truncated": 1}


@pytest.mark.parametrize(
    ("said", "status", "names"),
    [
        (Says([], "refusal"), Status.REFUSED, "declined"),
        (Says([grep()], "max_tokens"), Status.FAILED, "token limit"),
        (Says([]), Status.FAILED, "empty"),
        (Says([text("Fine.")]), Status.FAILED, "without a call of `report`"),
        (Says([tool_call("report", {})]), Status.FAILED, "does not fit its schema: words: Field required"),
        (Says([text("x")], "model_context_window_exceeded"), Status.FAILED, "context window"),
    ],
)
def test_each_way_to_fail_has_its_name(said, status, names):
    """In the outcome's text; and a refusal has its own status."""
    outcome, model = run(Says([grep()]), said)
    assert outcome.status is status
    assert names in (outcome.error or "")
    assert outcome.usage.cost_usd == pytest.approx(model.billed.cost_usd)


# -- what it may use


@pytest.mark.parametrize("most", [2, 3, 7])
def test_turns_are_bounded(most):
    """After the last but one it is told to conclude; then lookups are refused, and it fails for want of an answer."""
    tools = EchoTools()
    outcome, model = run(Says([grep()]), about=spec(allowance=Allowance(turns=most)), tools=tools)
    assert "was to call `report` and called `grep`" in (outcome.error or "")
    assert len(tools.called) == most - 1
    # One more is the repair round.
    assert len(model.requests) == most + 1
    assert "no lookups left" in said_last_of(model.requests[most - 1])
    assert told(model)[0][2]


def said_last_of(request: dict[str, Any]) -> str:
    return str(request["messages"][-1]["content"][-1].get("text"))


def test_an_agent_told_to_conclude_does():
    """That is what the last turn is for."""
    outcome, _ = run(Says([grep()]), Says([grep()]), DONE, about=spec(allowance=Allowance(turns=3)))
    assert outcome.ok
    assert outcome.attempts == 1


@pytest.mark.parametrize("lookups", [(), (GREP,)])
def test_one_turn_has_no_lookups(lookups):
    """Without tools, or without turns for them, a lookup is refused at once."""
    tools = EchoTools()
    outcome, model = run(Says([grep()]), DONE, about=spec(lookups=lookups, allowance=Allowance(turns=1)), tools=tools)
    assert outcome.ok
    assert outcome.attempts == 2
    assert not tools.called
    assert told(model)[0][2]


def test_tokens_are_bounded():
    """It concludes before one more turn and the one after it would take it beyond."""
    about = spec(allowance=Allowance(turns=100, tokens=20_000))
    outcome, model = run(*[Says([grep(n)]) for n in range(99)], DONE, about=about)
    used = model.billed.cache_write_tokens + model.billed.output_tokens
    assert "no lookups left" in said_last_of(model.requests[-2])
    assert 10_000 < used < 20_000 + 3000
    assert not outcome.ok


def test_a_reply_that_is_too_long_for_what_is_left_is_held_back():
    """The agent is told so and concludes with what it has; what it never saw is none of its lookups."""
    tools = EchoTools(reply="x" * 100_000)
    about = spec(allowance=Allowance(tokens=60_000))
    outcome, model = run(Says([grep(0), grep(1)]), DONE, about=about, tools=tools)
    assert outcome.value is not None
    assert [len(reply) > 99_999 for _, reply, _ in told(model)] == [True, False]
    assert len(outcome.value.lookups) == 1


def test_it_concludes_before_its_time_is_up():
    """What it has found is worth more than one more look and no answer."""
    turn = Says([grep()], delay_s=2)
    outcome, model = run(turn, turn, turn, Says([report("a")], delay_s=2), unit_timeout_s=10)
    assert outcome.ok
    assert "no lookups left" in said_last(model)
    outcome, model = run(turn, turn, turn, Says([report("a")], delay_s=2), unit_timeout_s=100)
    assert "no lookups left" not in said_last(model)


def test_the_reservation_holds_whatever_it_does():
    """An agent that looks up as long as it may costs no more than was reserved, attempt by attempt."""
    for limit, context in ((200, "x" * 3000), (4000, "x" * 3000), (4000, "x" * 200_000)):
        about = spec(max_tokens=limit, context=context, allowance=Allowance(turns=50, tokens=10**9))
        tools = EchoTools(reply="y" * 20_000)
        outcome, model = run(Says([grep(n) for n in range(3)], output=limit - 1), about=about, tools=tools)
        first, again = reserve_usd(about), reserve_usd(about, again=True)
        assert first is not None
        assert again is not None
        assert len(model.requests) > 2
        assert (outcome.usage.cost_usd or 0.0) <= first + again


def test_a_budget_of_one_reservation_is_enough_and_never_exceeded():
    """What a run may cost holds, over all turns and attempts."""
    about = spec(allowance=Allowance(turns=50, tokens=10**9))
    reserved = reserve_usd(about)
    assert reserved is not None
    budget = Budget(reserved)
    outcome, _ = run(Says([grep()]), about=about, tools=EchoTools(reply="y" * 9000), budget=budget)
    assert outcome.status is Status.OVER_BUDGET
    assert 0 < budget.spent_usd <= reserved


def test_a_model_without_a_price_is_bounded_by_turns_and_tokens():
    """There is nothing to reserve then."""
    brief = Brief("claude-unheard-of", None, "You.", (REPORT,), (GREP,))
    outcome, _ = run(Says([grep()]), Says([grep()]), DONE, about=spec(brief=brief))
    assert outcome.ok
    assert outcome.usage.cost_usd is None


# -- going on


@pytest.mark.parametrize(
    ("error", "begins", "known"),
    [
        (errors.RateLimited("429", retry_after_s=5), False, True),
        (errors.Overloaded("529"), False, True),
        (errors.Overloaded("529"), True, True),
        (errors.ConnectionLost("cut"), True, True),
        (errors.ConnectionLost("reset"), False, False),
    ],
)
def test_the_next_attempt_goes_on_from_the_last_whole_turn(error, begins, known):
    """Nothing is asked or looked up twice; every request counts, and what may have been billed is not free."""
    tools = EchoTools()
    outcome, model = run(
        Says([grep()]), Says([grep(1)]), Says([grep(2)], error=error, begins=begins), DONE, tools=tools
    )
    assert outcome.ok
    assert outcome.attempts == 2
    assert len(tools.called) == 2
    assert len(model.requests) == 4
    assert model.requests[3]["messages"] == model.requests[2]["messages"]
    assert outcome.usage.requests == 4
    assert outcome.usage.cost_usd == (pytest.approx(model.billed.cost_usd) if known else None)


def test_a_final_error_ends_it():
    """What asking again can't help is not asked again, wherever it comes."""
    outcome, model = run(Says([grep()]), Says([], error=errors.NoCredit("no credit"), begins=False))
    assert outcome.status is Status.FAILED
    assert outcome.usage.requests == len(model.requests) == 2
    assert outcome.usage.cost_usd == model.billed.cost_usd


def test_a_hedge_starts_from_the_same_point():
    """The second of two attempts goes on with what the first one found before both."""
    script = [Says([grep()]), Says([], error=errors.ConnectionLost("cut")), Says([], delay_s=1e6), DONE]
    outcome, model = run(*script, hedge=HedgePolicy(initial_s=5))
    assert outcome.ok
    assert outcome.hedged
    assert model.requests[3]["messages"] == model.requests[2]["messages"]
    assert len(model.requests[3]["messages"]) == 3


def test_nothing_is_remembered_of_another_unit():
    """What is kept belongs to the unit, and goes with it."""
    about = spec()
    model = ScriptedModel([Says([grep()]), Says([], "refusal"), DONE])

    async def work(unit: Unit[Any], attempt: Attempt) -> Answered[Answer]:
        return await converse(about, attempt, model, EchoTools())

    async def main() -> list[Status]:
        units = [Unit(key=name, label=name, payload=None) for name in "ab"]
        return [outcome.status for outcome in await fan_out(units, work, jobs=1)]

    assert run_virtual(main()) == [Status.REFUSED, Status.OK]
    assert len(model.requests[2]["messages"]) == 1


# -- signs of life, and the lane


def test_looking_up_is_no_silence():
    """Tools may work for longer than a stream may say nothing."""
    lanes = {f"model:{MODEL}": LaneLimits(first_event_s=10, silence_s=10)}
    outcome, _ = run(Says([grep()]), DONE, tools=EchoTools(delay_s=100), lanes=lanes)
    assert outcome.ok
    assert outcome.attempts == 1


def test_a_turn_has_as_long_to_begin_as_the_first_one():
    """Then it counts as lost, and the next attempt goes on."""
    lanes = {f"model:{MODEL}": LaneLimits(first_event_s=30, silence_s=10)}
    outcome, _ = run(Says([grep()], delay_s=29), Says([grep(1)], delay_s=29), DONE, lanes=lanes)
    assert outcome.attempts == 1
    outcome, model = run(Says([grep()]), Says([], delay_s=31), DONE, lanes=lanes)
    assert outcome.ok
    assert outcome.attempts == 2
    assert len(model.requests) == 3


def test_every_turn_keeps_to_the_pace_of_its_lane():
    """Two requests a minute are two turns a minute."""
    lanes = {f"model:{MODEL}": LaneLimits(requests_per_minute=2, silence_s=10)}
    outcome, _ = run(Says([grep()]), Says([grep(1)]), DONE, lanes=lanes)
    assert outcome.ok
    assert outcome.attempts == 1
    assert outcome.ended_s == pytest.approx(60, abs=0.1)


def test_a_cancelled_agent_leaves_nothing_running():
    """Its tools are cancelled with it."""
    tools = EchoTools(delay_s=1e6)

    async def main() -> None:
        task = asyncio.ensure_future(converse(spec(), Attempt(), ScriptedModel([Says([grep()])]), tools))
        await asyncio.sleep(1)
        assert tools.running == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run_virtual(main())
