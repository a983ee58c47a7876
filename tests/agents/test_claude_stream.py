"""What the claude CLI says, and what is made of it. The events are those that version 2.1.330 was seen to write."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from fanfold import errors
from fanfold.agents.claude_stream import Transcript, Use
from fanfold.agents.spec import AnswerTool

MODEL = "claude-opus-5-5"


class Answer(BaseModel):
    n: int


REPORT = AnswerTool("report", "Hand in.", Answer)


def usage(full=0, write=0, read=0, output=1):
    return {
        "input_tokens": full,
        "cache_creation_input_tokens": write,
        "cache_read_input_tokens": read,
        "output_tokens": output,
    }


def streamed(event):
    return {"type": "stream_event", "event": event}


def started(number, **counts):
    return streamed({"type": "message_start", "message": {"id": f"msg_{number}", "usage": usage(**counts)}})


def called(tool, **arguments):
    block = {"type": "tool_use", "id": "t", "name": tool, "input": arguments}
    return {"type": "assistant", "message": {"id": "msg_1", "content": [block]}}


def result(**fields):
    return {"type": "result", "subtype": "success", "is_error": False, "result": "", "total_cost_usd": 0, **fields}


def failed(said, **fields):
    return result(is_error=True, result=said, **fields)


def heard(*events):
    transcript = Transcript(MODEL)
    transcript.feed("".join(json.dumps(event) + "\n" for event in events).encode())
    transcript.end()
    return transcript


def test_an_answer_that_fits_is_the_answer():
    """What stands in `structured_output` is validated and returned."""
    assert heard(result(structured_output={"n": 5})).answer(REPORT, 0, b"") == Answer(n=5)


def test_json_as_the_last_text_is_an_answer_too():
    """A CLI that left `structured_output` out still answered when its text is the object."""
    assert heard(result(result='{"n": 5}')).answer(REPORT, 0, b"") == Answer(n=5)


FAILURES = {
    "not logged in": (
        [{"type": "assistant", "error": "authentication_failed", "message": {"content": []}}],
        failed("Not logged in · Please run /login", terminal_reason="api_error", api_error_status=None),
        errors.Unauthorized,
        "claude auth login",
    ),
    "usage limit": (
        [{"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": 1795602789}}],
        failed("You've hit your 5-hour limit", api_error_status=429, api_error="usage_limit_reached"),
        errors.NoCredit,
        "until 2026-11-25 10:33 UTC",
    ),
    "usage limit in words": (
        [],
        failed("You have hit your usage limit", api_error_status=429),
        errors.NoCredit,
        "a spend limit was reached (429)",
    ),
    "rate limit": ([], failed("rejected", api_error_status=429), errors.RateLimited, "429"),
    "spend limit": (
        [],
        failed("rejected", api_error_status=429, api_error_code="enforced_spend_limit_reached"),
        errors.NoCredit,
        "",
    ),
    "no credit": ([], failed("Credit balance is too low", api_error_status=402), errors.NoCredit, "402"),
    "credential": (
        [],
        failed("Failed to authenticate.", api_error_status=401),
        errors.Unauthorized,
        "claude auth login",
    ),
    "permission": ([], failed("Failed to authenticate.", api_error_status=403), errors.Unauthorized, "403"),
    "model": ([], failed("There's an issue with the selected model", api_error_status=404), errors.NotFound, "--model"),
    "too large": ([], failed("Request too large", api_error_status=413), errors.BadRequest, "413"),
    "bad request": ([], failed("API Error: 400", api_error_status=400), errors.BadRequest, "400"),
    "timeout": ([], failed("API Error: 408", api_error_status=408), errors.ConnectionLost, "408"),
    "overloaded": ([], failed("API Error: 529 Overloaded.", api_error_status=529), errors.Overloaded, "529"),
    "no connection": (
        [],
        failed("Connection refused", api_error_status=None, api_error="connection_failed"),
        errors.ConnectionLost,
        "Connection refused",
    ),
    "cut off": ([], failed("exceeded the 16000", api_error="max_output_tokens"), errors.Truncated, "token limit"),
    "turns": (
        [],
        {**failed(None, terminal_reason="max_turns"), "subtype": "error_max_turns", "errors": ["Reached maximum (2)"]},
        errors.MissingToolCall,
        "Reached maximum (2)",
    ),
    "budget": ([], failed(None, terminal_reason="budget_exhausted"), errors.FinalError, "reserved"),
    "schema": (
        [],
        failed(
            None,
            terminal_reason="structured_output_retry_exhausted",
            errors=["5 attempts: Output does not match required schema: /n: must be integer"],
        ),
        errors.InvalidAnswer,
        "the answer does not fit its schema: n: must be integer",
    ),
    "prompt": ([], failed("Prompt is too long", terminal_reason="blocking_limit"), errors.BadRequest, "context window"),
    "refused": (
        [{"type": "system", "subtype": "model_refusal_no_fallback", "api_refusal_explanation": "It was declined."}],
        failed("can't help with this", stop_reason="refusal"),
        errors.Refused,
        "It was declined.",
    ),
    "wrong shape": ([], result(structured_output={"n": "x"}), errors.InvalidAnswer, "n:"),
    "prose": ([], result(result="I give up"), errors.MissingToolCall, "I give up"),
    "nothing": ([], result(), errors.EmptyAnswer, "empty"),
}


@pytest.mark.parametrize(("events", "last", "kind", "says"), FAILURES.values(), ids=FAILURES)
def test_every_way_to_end_has_its_own_name(events, last, kind, says):
    """A result that is no answer is the error that the engine knows what to do with, and says what happened."""
    with pytest.raises(errors.WorkerError) as raised:
        heard(*events, last).answer(REPORT, 1, b"")
    assert type(raised.value) is kind
    assert says in str(raised.value)


@pytest.mark.parametrize("reason", ["max_turns", "budget_exhausted"])
def test_what_was_handed_in_before_the_end_is_the_answer(reason):
    """The last of its turns, or of its money, may be the one that answers."""
    transcript = heard(called("StructuredOutput", n=7), failed(None, terminal_reason=reason))
    assert transcript.answer(REPORT, 1, b"") == Answer(n=7)


ENDINGS = {
    "an old CLI": (1, b"error: unknown option '--restricted'", b"", errors.FinalError, "claude update"),
    "killed": (-9, b"", b"", errors.ConnectionLost, "signal 9"),
    "crashed": (1, b"panic: oh no\n  at x", b"", errors.ConnectionLost, "panic: oh no at x"),
    "garbage": (0, b"", b"<html>\n{\n", errors.ConnectionLost, "2 lines"),
    "silence": (0, b"", b"", errors.ConnectionLost, "exit code 0"),
}


@pytest.mark.parametrize(("code", "stderr", "stdout", "kind", "says"), ENDINGS.values(), ids=ENDINGS)
def test_without_a_result_the_process_says_what_happened(code, stderr, stdout, kind, says):
    """A program that dies, is too old or talks about something else is named in one line."""
    transcript = Transcript(MODEL)
    transcript.feed(stdout)
    transcript.end()
    with pytest.raises(errors.WorkerError) as raised:
        transcript.answer(REPORT, code, stderr)
    assert type(raised.value) is kind
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_usage_is_known_before_the_end():
    """Every message counts from its start, once, so that a sub-agent that is ended half-way is charged."""
    transcript = heard(
        started(1, write=1000),
        streamed({"type": "message_delta", "usage": usage(write=1000, output=40)}),
        started(2, full=10, read=1000),
    )
    assert transcript.began
    assert transcript.usage is not None
    assert (transcript.usage.requests, transcript.usage.output_tokens) == (2, 41)
    assert (transcript.usage.cache_write_tokens, transcript.usage.cache_read_tokens) == (1000, 1000)
    assert transcript.usage.cost_usd == pytest.approx((1000 * 5 + 10 * 4 + 1000 * 0.2 + 41 * 20) / 1e6)


def test_the_result_has_the_last_word_on_usage():
    """The CLI's own count covers every model that it used, and its cost stands."""
    by_model = {
        MODEL: {"inputTokens": 1, "outputTokens": 100, "cacheReadInputTokens": 1000, "cacheCreationInputTokens": 2000},
        "claude-haiku-5-5": {"inputTokens": 50, "outputTokens": 5},
    }
    transcript = heard(started(1), result(structured_output={"n": 1}, total_cost_usd=0.0125, modelUsage=by_model))
    assert transcript.usage is not None
    assert transcript.usage.cost_usd == 0.0125
    assert transcript.usage.input_tokens == 51
    assert transcript.usage.output_tokens == 105
    assert transcript.usage.cost_uncached_usd == pytest.approx((3001 * 4 + 100 * 20) / 1e6 + (50 * 0.1 + 5 * 0.5) / 1e6)


def test_a_call_that_was_turned_away_costs_nothing():
    """Without a message there is one request and no token."""
    transcript = heard(failed("Not logged in", modelUsage={}))
    assert transcript.usage is not None
    assert (transcript.usage.requests, transcript.usage.cost_usd) == (1, 0.0)


def test_lookups_are_noted_and_the_answer_is_none():
    """Calls of the file tools are kept in order; the call that hands in the answer is no lookup."""
    transcript = heard(called("Read", file_path="/a"), called("StructuredOutput", n=1), called("Grep", pattern="x"))
    assert transcript.uses == [Use("Read", {"file_path": "/a"}), Use("Grep", {"pattern": "x"})]


@given(st.lists(st.integers(1, 40), max_size=30))
def test_the_pieces_that_stdout_comes_in_do_not_matter(sizes):
    """Lines are put together again wherever the pipe has cut them."""
    data = "".join(
        f"{json.dumps(event)}\n" for event in (started(1, full=7), called("Read", file_path="ü"), result(result="é"))
    ).encode()
    transcript = Transcript(MODEL)
    for size in sizes:
        transcript.feed(data[:size])
        data = data[size:]
    transcript.feed(data)
    transcript.end()
    assert transcript.uses == [Use("Read", {"file_path": "ü"})]
    assert transcript.result is not None
    assert transcript.noise == 0


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KINDS = ["stream_event", "assistant", "result", "rate_limit_event", "system", "user", "?"]
FIELDS = [
    "event", "message", "usage", "content", "error", "is_error", "result", "structured_output", "modelUsage",
    "total_cost_usd", "terminal_reason", "api_error", "api_error_status", "rate_limit_info", "errors", "subtype",
]  # fmt: skip


@given(
    st.lists(
        st.binary(max_size=20)
        | st.builds(
            lambda kind, fields: json.dumps({**fields, "type": kind}).encode(),
            st.sampled_from(KINDS),
            st.dictionaries(st.sampled_from(FIELDS), json_values, max_size=5),
        ),
        max_size=6,
    ),
    st.integers(-15, 2),
)
def test_nothing_that_a_program_says_breaks_out(lines, code):
    """Whatever comes on stdout ends in an answer or in an error of fanfold's, usage in whole numbers."""
    transcript = Transcript(MODEL)
    for line in lines:
        transcript.feed(line + b"\n")
    transcript.end()
    said = ""
    try:
        transcript.answer(REPORT, code, b"\xff\x1b[31m")
    except errors.WorkerError as error:
        said = str(error)
    assert "\x1b" not in said
    assert transcript.usage is None or transcript.usage.input_tokens >= 0
