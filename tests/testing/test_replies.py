"""Scripts choose replies: by rule, by function, or the smallest that fits."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from fanfold.agents.spec import closed_schema
from fanfold.models import Finding, Severity
from fanfold.testing.options import Fault, FaultKind, FaultRate, Faults, Latency, ServerOptions
from fanfold.testing.replies import Reply, Rule, answer_of, smallest, text_of
from fanfold.testing.tool_rules import signature_of


def _request(text: str, system: Any = "") -> dict[str, Any]:
    return {"system": system, "messages": [{"role": "user", "content": text}]}


def test_content_in_order() -> None:
    """Thinking comes first; blocks stand before json, json before text; empty text is no block."""
    assert Reply("hi", thinking="hm").content() == [
        {"type": "thinking", "thinking": "hm", "signature": signature_of("hm")},
        {"type": "text", "text": "hi"},
    ]
    assert Reply("hi", json={"é": [1]}).content() == [{"type": "text", "text": '{"é": [1]}'}]
    assert Reply("hi", json={}, blocks=[{"type": "text", "text": "b"}]).content()[0]["text"] == "b"
    assert Reply().content() == []


def test_tool_calls_get_ids() -> None:
    """A tool call without an id gets one of its own, one with an id keeps it."""
    calls: list[dict[str, Any]] = [
        {"type": "tool_use", "name": "grep"},
        {"type": "tool_use", "name": "ls", "id": "mine", "input": {"a": 1}},
    ]
    first, second = Reply(blocks=calls).content()
    assert first["id"].startswith("toolu_")
    assert first["input"] == {}
    assert (second["id"], second["input"]) == ("mine", {"a": 1})


def test_rules_in_order_and_in_turn() -> None:
    """The first rule that matches answers; its replies come in turn and the last repeats."""
    answer = answer_of([Rule("alpha", [Reply("1"), Reply("2")]), Rule("", [Reply("other")])])
    assert [answer(_request("an alpha")).text for _ in range(3)] == ["1", "2", "2"]
    assert answer(_request("beta")).text == "other"
    assert answer(_request("beta", "alpha is the system")).text == "2"


def test_no_rule_matches() -> None:
    """A request that no rule expects is an error that shows it, not a made-up answer."""
    with pytest.raises(LookupError, match=r"no rule matches; the request begins .*beta"):
        answer_of([Rule("alpha", [Reply("1")])])(_request("beta"))


def test_a_rule_needs_a_reply() -> None:
    """A rule without replies is refused when the server is made, not when it is met."""
    with pytest.raises(ValueError, match=r"no reply: \['alpha'\]"):
        answer_of([Rule("alpha", [])])


def test_text_of_every_kind_of_content() -> None:
    """Rules see the system prompt, text blocks and tool results, in order."""
    result = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "deep"}]}
    request = {
        "system": [{"type": "text", "text": "sys"}],
        "messages": [{"role": "user", "content": "one"}, {"role": "user", "content": [result, {"type": "image"}]}],
    }
    assert text_of(request) == "sys\none\ndeep"


class Inner(BaseModel):
    severity: Severity
    line: int | None
    score: float


class Outer(BaseModel):
    findings: list[Inner]
    first: Inner
    title: str
    sure: bool


def test_the_default_is_ok() -> None:
    """Without a script a plain request is answered "ok"."""
    assert answer_of(None)(_request("hello")).text == "ok"


@pytest.mark.parametrize("model", [Outer, Finding])
def test_the_default_fits_the_schema(model: type[BaseModel]) -> None:
    """Without a script a request for structured output is answered with a value of its schema's shape."""
    schema = closed_schema(model.model_json_schema())
    reply = answer_of(None)({"messages": [], "output_config": {"format": {"schema": schema}}})
    types_only = {name: field for name, field in reply.json.items() if name not in {"line", "end_line"}}
    lines = {"line": 1, "end_line": 1} if model is Finding else {}
    assert model.model_validate({**types_only, **lines})


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_smallest_takes_constants(value: Any) -> None:
    """A constant and a one-value enumeration are their own smallest value."""
    assert smallest({"const": value}) == value
    assert smallest({"enum": [value, 0]}) == value


def test_smallest_follows_references() -> None:
    """References into definitions are followed, with escaped names."""
    schema = {"$defs": {"a/b": {"type": "array"}}, "anyOf": [{"$ref": "#/$defs/a~1b"}, {"type": "null"}]}
    assert smallest(schema) == []


def test_rules_come_from_json() -> None:
    """A JSON script has the same fields; a misspelt one is an error, not ignored."""
    rules = TypeAdapter(list[Rule])
    text = '[{"match": "a", "replies": [{"json": {"b": 1}, "fault": {"kind": "cut", "at": 0.25}}]}]'
    reply = rules.validate_json(text)[0].replies[0]
    assert reply.json == {"b": 1}
    assert reply.fault == Fault(kind=FaultKind.CUT, at=0.25)
    with pytest.raises(ValidationError, match="txet"):
        rules.validate_json('[{"match": "a", "replies": [{"txet": "typo"}]}]')


def test_faults_first_then_rates() -> None:
    """The first calls have the faults that are listed, the rest have them at their rates."""
    cut, reset = Fault(kind=FaultKind.CUT), Fault(kind=FaultKind.RESET)
    rates = (FaultRate(fault=reset, rate=0.2), FaultRate(fault=cut, rate=0.1))
    faults = Faults(first=(cut, None), rates=rates)
    rng = random.Random(7)
    assert [faults.draw(index, rng) for index in (0, 1)] == [cut, None]
    drawn = [faults.draw(2, rng) for _ in range(5000)]
    assert 900 < drawn.count(reset) < 1100
    assert 430 < drawn.count(cut) < 570


def test_impossible_options_are_refused() -> None:
    """Rates above 1, a status without its kind, an unknown option: each is an error at once."""
    cut = Fault(kind=FaultKind.CUT)
    with pytest.raises(ValidationError, match="more than 1"):
        Faults(rates=(FaultRate(fault=cut, rate=0.6), FaultRate(fault=cut, rate=0.5)))
    for fault in ({"kind": "status"}, {"kind": "cut", "status": 503}):
        with pytest.raises(ValidationError, match="goes with the kind"):
            Fault.model_validate(fault)
    with pytest.raises(ValidationError, match="laetncy"):
        ServerOptions.model_validate({"laetncy": {}})


def test_latency_is_log_normal() -> None:
    """The median is what is asked for, sigma spreads it, and sigma 0 is constant."""
    rng = random.Random(1)
    assert {Latency(first_byte_s=0.2, per_token_s=0.01).draw(rng) for _ in range(9)} == {(0.2, 0.01)}
    draws = sorted(Latency(first_byte_s=2.0, first_byte_sigma=0.8).draw(rng)[0] for _ in range(4001))
    assert 1.9 < draws[2000] < 2.1
    assert 2.0 * 2.1 < draws[int(4001 * 0.841)] < 2.0 * 2.35


def test_stalls_at_their_rate() -> None:
    """The share of draws that stall is the rate, and a stall adds its seconds."""
    rng = random.Random(1)
    latency = Latency(first_byte_s=1.0, stall_rate=0.03, stall_s=30.0)
    draws = [latency.draw(rng)[0] for _ in range(5000)]
    assert set(draws) == {1.0, 31.0}
    assert 110 < draws.count(31.0) < 190
