"""Whatever a model answers: the loop ends, raises nothing but a WorkerError, and keeps to what it may use."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fanfold import errors
from fanfold.agents.conversation import Call, Handed, Turn, judge
from fanfold.agents.loop import converse
from fanfold.agents.spec import AgentSpec, Allowance, Answered, Brief
from fanfold.agents.units import agent_unit, reserve_usd
from fanfold.engine.attempt import Attempt
from fanfold.engine.budget import Budget
from fanfold.engine.fan_out import fan_out
from fanfold.engine.supervisor import Supervisor
from fanfold.models import Outcome, Status, Unit, Usage
from fanfold.testing.examples import REPORT, Answer
from fanfold.testing.rejections import MODELS
from fanfold.testing.request_rules import check_request
from fanfold.testing.scripted_model import EchoTools, Says, ScriptedModel
from fanfold.testing.tool_rules import signature_of
from fanfold.testing.virtual_time import run_virtual

MODEL = "claude-sonnet-5-5"


GREP = {"name": "grep", "description": "Search.", "input_schema": {"type": "object", "properties": {}}}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["grep", "grep", "report", "judge", "", "g rep\n"])
INPUTS = st.dictionaries(st.sampled_from(["words", "pattern", "x"]), JSON, max_size=3)
TEXTS = st.text(max_size=30) | st.sampled_from(['{"words": ["a"]}', '{"words"', "{", " \n", "Fine."])
WHOLE = st.one_of(
    st.fixed_dictionaries({"type": st.just("text"), "text": TEXTS}),
    st.fixed_dictionaries({"type": st.just("tool_use"), "name": NAMES, "input": INPUTS}),
    st.builds(lambda said: {"type": "thinking", "thinking": said, "signature": signature_of(said)}, TEXTS),
)
GARBAGE = st.one_of(
    WHOLE,
    st.dictionaries(st.sampled_from(["type", "id", "name", "input", "text", "content"]), JSON, max_size=4),
    st.fixed_dictionaries({"type": st.just("tool_use"), "id": st.just("same"), "name": NAMES, "input": JSON}),
    st.fixed_dictionaries({"type": st.sampled_from(["server_tool_use", "new_thing"]), "data": JSON}),
)
STOPS = st.sampled_from(
    [None, None, None, "end_turn", "tool_use", "max_tokens", "pause_turn", "refusal", "stop_sequence", "new_reason"]
)
ERRORS = st.sampled_from(
    [
        errors.RateLimited("429", retry_after_s=1),
        errors.Overloaded("529"),
        errors.ConnectionLost("cut"),
        errors.NoCredit("402"),
    ]
)


@st.composite
def scripts(draw: st.DrawFn, blocks: st.SearchStrategy[dict[str, Any]]) -> list[Says]:
    """A model's turns; each call of a whole turn has an id of its own."""
    turns = []
    for number in range(draw(st.integers(1, 6))):
        said = draw(st.lists(blocks, max_size=5))
        content = [
            {"id": f"toolu_{number}_{place}", **block} if block.get("type") == "tool_use" else block
            for place, block in enumerate(said)
        ]
        error = draw(st.none() | st.none() | ERRORS)
        turns.append(Says(content, draw(STOPS), error, begins=draw(st.booleans()), delay_s=0.1))
    return turns


SPECS = st.builds(
    lambda turns, tokens, limit, context, lookups: AgentSpec(
        "finder",
        Brief(MODEL, None, "You.", (REPORT,), lookups),
        "x" * context,
        "Find.",
        REPORT,
        limit,
        allowance=Allowance(turns, tokens),
    ),
    st.integers(1, 5),
    st.sampled_from([1, 5_000, 400_000]),
    st.sampled_from([50, 500, 16_000, 128_000]),
    st.sampled_from([1, 20_000]),
    st.sampled_from([(GREP,), (GREP,), ()]),
)


class Checked(ScriptedModel):
    """Takes no request that the API would reject, and gives no id twice."""

    async def __call__(self, request: dict[str, Any], attempt: Attempt, spend: Any) -> Turn:
        check_request({**request, "stream": True}, MODELS[request["model"]])
        turn = await super().__call__(request, attempt, spend)
        content = [
            {**block, "id": f"{block['id']}_{len(self.requests)}"} if block["type"] == "tool_use" else block
            for block in turn.content
        ]
        return replace(turn, content=tuple(content))


def run(spec: AgentSpec[Answer], model: ScriptedModel, reply: int, budget: Budget | None) -> Outcome[Answered[Answer]]:
    async def work(unit: Unit[Any], attempt: Attempt) -> Answered[Answer]:
        return await converse(unit.payload, attempt, model, EchoTools(reply="é" * reply))

    async def main() -> Outcome[Answered[Answer]]:
        supervisor = Supervisor(budget=budget)
        return (await fan_out([agent_unit(spec, spec, kind="f", label="f")], work, supervisor=supervisor))[0]

    return run_virtual(main())


ENDS = {Status.OK, Status.FAILED, Status.REFUSED, Status.OVER_BUDGET}


@given(SPECS, scripts(GARBAGE), st.sampled_from([0, 50, 30_000]))
def test_whatever_it_says_there_is_one_outcome(spec, script, reply):
    """No defect: every failure names an error of ours; and it ends in few turns."""
    model = ScriptedModel(script)
    outcome = run(spec, model, reply, None)
    assert outcome.status in ENDS
    assert set(outcome.usage.errors) <= KNOWN
    assert "Error:" not in (outcome.error or "")
    # Every failure may cost one more request: three of the answers', and those of the connection.
    assert len(model.requests) <= spec.allowance.turns + 3 + 16
    assert outcome.usage.requests == len(model.requests)


KNOWN = {
    "429",
    *("Overloaded", "ConnectionLost", "NoCredit", "Refused", "BadRequest"),
    *("Truncated", "EmptyAnswer", "MissingToolCall", "InvalidAnswer"),
}


@given(SPECS, scripts(WHOLE), st.sampled_from([0, 50, 30_000]), st.sampled_from([0.5, 1.0, 2.5]))
def test_neither_reservation_nor_budget_is_exceeded(spec, script, reply, share):
    """And every request is one that the API takes."""
    first, again = reserve_usd(spec), reserve_usd(spec, again=True)
    assert first is not None
    assert again is not None
    budget = Budget(share * again)
    model = Checked(script)
    outcome = run(spec, model, reply, budget)
    assert outcome.status in ENDS
    assert budget.spent_usd <= budget.limit_usd
    assert (model.billed.cost_usd or 0.0) <= budget.limit_usd + 1e-9
    assert "Rejection" not in (outcome.error or "")


@given(scripts(WHOLE), st.integers(1, 5))
def test_lookups_end_with_the_allowance(script, turns):
    """Nothing is looked up in the last turn, nor after it."""
    brief = Brief(MODEL, None, "You.", (REPORT,), (GREP,))
    spec = AgentSpec("finder", brief, "x", "Find.", REPORT, 16_000, allowance=Allowance(turns, 10**9))
    tools = EchoTools()
    model = ScriptedModel(script)

    async def work(unit: Unit[Any], attempt: Attempt) -> Answered[Answer]:
        return await converse(spec, attempt, model, tools)

    async def main() -> None:
        await fan_out([Unit(key="u", label="u", payload=None)], work)

    run_virtual(main())
    assert len(tools.called) <= 5 * (turns - 1)


@given(st.lists(GARBAGE, max_size=6), STOPS)
def test_a_turn_has_one_meaning(blocks, stop):
    """Judging never raises; an answer is handed in only if it fits."""
    turn = Turn(tuple(blocks), stop or "end_turn", Usage())
    step = judge(turn, REPORT)
    if isinstance(step, Handed):
        assert isinstance(step.answer, Answer)
    elif not hasattr(step, "error"):
        assert all(isinstance(call, Call) for call in getattr(step, "calls", ()))
