"""Every fault as the real SDK meets it, streamed and not; and what happens to a thousand callers."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic.types import Message, MessageParam, TextBlockParam

from fanfold.testing import Fault, FaultKind, FaultRate, Faults, MessagesServer, RateLimits, Reply, Rule, ServerOptions

HELLO: list[MessageParam] = [{"role": "user", "content": "hello"}]
ANSWER = Reply("An answer of some length, so that there is something to cut.")


@contextlib.asynccontextmanager
async def _client(server: MessagesServer, timeout_s: float = 30.0) -> AsyncIterator[anthropic.AsyncAnthropic]:
    plain = anthropic.DefaultAsyncHttpxClient(verify=False)  # no TLS on loopback: saves building its context
    async with anthropic.AsyncAnthropic(
        base_url=server.url, api_key="test", max_retries=0, http_client=plain, timeout=timeout_s
    ) as client:
        yield client


async def _ask(server: MessagesServer, *, stream: bool, timeout_s: float = 30.0) -> Message | str:
    async with _client(server, timeout_s) as client:
        if not stream:
            return await client.messages.create(model="claude-opus-5-5", max_tokens=1000, messages=HELLO)
        async with client.messages.stream(model="claude-opus-5-5", max_tokens=1000, messages=HELLO) as events:
            return await events.get_final_message()


def _server(fault: Fault) -> MessagesServer:
    """Serve one call with the fault and all others without."""
    return MessagesServer(ANSWER, ServerOptions(faults=Faults(first=(fault,))))


StatusCase = tuple[Fault, type[anthropic.APIStatusError], int, str, str | None]
STATUS: list[StatusCase] = [
    (Fault(kind=FaultKind.RATE_LIMITED), anthropic.RateLimitError, 429, "rate_limit_error", None),
    (Fault(kind=FaultKind.RATE_LIMITED, retry_after_s=3), anthropic.RateLimitError, 429, "rate_limit_error", "3"),
    (Fault(kind=FaultKind.SPEND_LIMIT), anthropic.RateLimitError, 429, "rate_limit_error", None),
    (Fault(kind=FaultKind.NO_CREDIT), anthropic.PaymentRequiredError, 402, "billing_error", None),
    (Fault(kind=FaultKind.OVERLOADED), anthropic.OverloadedError, 529, "overloaded_error", None),
    (Fault(kind=FaultKind.SERVER_ERROR), anthropic.InternalServerError, 500, "api_error", None),
    (Fault(kind=FaultKind.STATUS, status=503), anthropic.ServiceUnavailableError, 503, "api_error", None),
    (Fault(kind=FaultKind.STATUS, status=413), anthropic.ContentTooLargeError, 413, "request_too_large", None),
]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("case", STATUS, ids=lambda case: str(case[0].kind))
def test_error_responses(case: StatusCase, stream: bool) -> None:
    """An error response is the SDK's own error for its status; the next call is well; it bills nothing."""
    fault, error, status, kind, retry_after = case
    with _server(fault) as server:
        with pytest.raises(error) as caught:
            asyncio.run(_ask(server, stream=stream))
        assert (caught.value.status_code, caught.value.type) == (status, kind)
        assert caught.value.response.headers.get("retry-after") == retry_after
        assert server.stats().tokens["input_tokens"] == 0
        asyncio.run(_ask(server, stream=stream))
        assert [request.fault for request in server.requests] == [fault.kind, None]


def test_error_responses_tell_the_limits() -> None:
    """An error response has the rate-limit headers too."""
    options = ServerOptions(
        limits=RateLimits(requests_per_minute=60), faults=Faults(first=(Fault(kind=FaultKind.OVERLOADED),))
    )
    with MessagesServer(ANSWER, options) as server, pytest.raises(anthropic.OverloadedError) as caught:
        asyncio.run(_ask(server, stream=True))
    assert caught.value.response.headers["anthropic-ratelimit-requests-remaining"] == "59"


def test_a_reset_is_a_reset() -> None:
    """A reset connection is the transport's read error, as when a peer's machine sends RST."""
    with _server(Fault(kind=FaultKind.RESET)) as server, pytest.raises(anthropic.APIConnectionError) as caught:
        asyncio.run(_ask(server, stream=True))
    assert isinstance(caught.value.__cause__, httpx2.ReadError)


def test_the_spend_limit_says_so() -> None:
    """A spend limit is told from other 429s by its code."""
    with _server(Fault(kind=FaultKind.SPEND_LIMIT)) as server, pytest.raises(anthropic.RateLimitError) as caught:
        asyncio.run(_ask(server, stream=True))
    assert caught.value.error_code == "enforced_spend_limit_reached"


BROKEN: list[tuple[FaultKind, bool, type[Exception]]] = [
    (FaultKind.RESET, True, anthropic.APIConnectionError),
    (FaultKind.RESET, False, anthropic.APIConnectionError),
    (FaultKind.CUT, True, httpx2.RemoteProtocolError),
    (FaultKind.CUT, False, anthropic.APIConnectionError),
    (FaultKind.ERROR_EVENT, True, anthropic.APIStatusError),
    (FaultKind.ERROR_EVENT, False, anthropic.OverloadedError),
    (FaultKind.MALFORMED_JSON, True, json.JSONDecodeError),
    (FaultKind.MALFORMED_JSON, False, json.JSONDecodeError),
    (FaultKind.EARLY_END, False, json.JSONDecodeError),
]


@pytest.mark.parametrize(("kind", "stream", "error"), BROKEN)
def test_broken_answers(kind: FaultKind, stream: bool, error: type[Exception]) -> None:
    """A broken answer raises what claude-api.md says it does; the next call is well."""
    with _server(Fault(kind=kind)) as server:
        with pytest.raises(error):
            asyncio.run(_ask(server, stream=stream))
        asyncio.run(_ask(server, stream=stream))
        assert server.requests[0].fault in {kind, FaultKind.OVERLOADED}
        assert server.stats().in_flight == 0


def test_an_error_event_has_the_streams_status() -> None:
    """An error inside a stream arrives with status 200 and its own type."""
    with _server(Fault(kind=FaultKind.ERROR_EVENT)) as server, pytest.raises(anthropic.APIStatusError) as caught:
        asyncio.run(_ask(server, stream=True))
    assert (caught.value.status_code, caught.value.type) == (200, "overloaded_error")


def test_an_early_end_raises_nothing() -> None:
    """A stream that ends before message_stop leaves a message without a stop reason."""
    with _server(Fault(kind=FaultKind.EARLY_END)) as server:
        message = asyncio.run(_ask(server, stream=True))
    assert isinstance(message, Message)
    assert message.stop_reason is None
    assert message.content


def test_a_page_instead_of_json() -> None:
    """A 200 with HTML is a string where a message is expected, and nothing is billed: the model was not reached."""
    with _server(Fault(kind=FaultKind.HTML)) as server:
        page = asyncio.run(_ask(server, stream=False))
        assert isinstance(page, str)
        assert page.startswith("<!doctype html>")
        assert server.stats().tokens["input_tokens"] == 0


@pytest.mark.parametrize("kind", [FaultKind.HTML, FaultKind.RESET])
def test_what_never_reached_the_model_is_not_cached(kind: FaultKind) -> None:
    """After an answer that came from in front of the model, its prefix is not there to read."""
    shared: TextBlockParam = {"type": "text", "text": "x" * 2800, "cache_control": {"type": "ephemeral"}}

    async def twice(server: MessagesServer) -> Message:
        async with _client(server) as client:
            for _ in range(2):
                with contextlib.suppress(anthropic.APIConnectionError):
                    answer = await client.messages.create(
                        model="claude-opus-5-5", max_tokens=9, messages=[{"role": "user", "content": [shared]}]
                    )
        return answer

    with _server(Fault(kind=kind)) as server:
        assert asyncio.run(twice(server)).usage.cache_creation_input_tokens == 1000


@pytest.mark.parametrize("kind", [FaultKind.HANG, FaultKind.STALL])
@pytest.mark.parametrize("stream", [True, False])
def test_silence(kind: FaultKind, stream: bool) -> None:
    """A hang and a stall last until the client gives up, and are on record as such."""
    with _server(Fault(kind=kind)) as server:
        with pytest.raises((anthropic.APITimeoutError, httpx2.ReadTimeout)):
            asyncio.run(_ask(server, stream=stream, timeout_s=0.2))
        asyncio.run(_ask(server, stream=stream))
        first = server.requests[0]
        assert first.ending == "hung"
        assert first.status == (None if kind is FaultKind.HANG else 200)


@pytest.mark.parametrize("stream", [True, False])
def test_whole_answers_of_no_use(stream: bool) -> None:
    """Refusal, truncation and an empty answer are complete responses with their stop reason."""
    kinds = (FaultKind.REFUSAL, FaultKind.TRUNCATION, FaultKind.EMPTY)
    faults = Faults(first=tuple(Fault(kind=kind) for kind in kinds))
    with MessagesServer(ANSWER, ServerOptions(faults=faults)) as server:
        answers = [asyncio.run(_ask(server, stream=stream)) for _ in kinds]
    refusal, truncated, empty = (answer for answer in answers if isinstance(answer, Message))
    assert refusal.stop_reason == "refusal"
    assert refusal.stop_details
    assert refusal.stop_details.explanation
    assert truncated.stop_reason == "max_tokens"
    assert truncated.content[0].type == "text"
    assert truncated.content[0].text in ANSWER.text[:-1]
    assert (empty.stop_reason, empty.content) == ("end_turn", [])


@pytest.mark.parametrize("kind", [FaultKind.CUT, FaultKind.EARLY_END, FaultKind.STALL])
def test_broken_streams_are_billed_for_what_was_sent(kind: FaultKind) -> None:
    """A stream that breaks is billed for its input and for the output up to there."""
    fault = Fault(kind=kind, at=0.6)
    with MessagesServer(Reply("x" * 280, fault=fault)) as server:

        async def read() -> None:
            try:
                await _ask(server, stream=True, timeout_s=0.2)
            except (httpx2.HTTPError, anthropic.APIError):
                return

        asyncio.run(read())
        tokens = asyncio.run(server.until(lambda stats: stats.in_flight == 0)).tokens
    assert tokens["input_tokens"] == 2
    assert 0 < tokens["output_tokens"] < 100


def test_a_client_that_leaves() -> None:
    """A caller that goes away while it waits is on record as abandoned, and no longer in flight."""
    script = Reply("late", fault=Fault(kind=FaultKind.HANG, seconds=600))

    async def leave(server: MessagesServer) -> None:
        call = asyncio.create_task(_ask(server, stream=True))
        await server.until(lambda stats: stats.in_flight == 1)
        call.cancel()
        await asyncio.wait({call})
        await server.until(lambda stats: stats.in_flight == 0)

    with MessagesServer(script) as server:
        asyncio.run(leave(server))
        assert [request.ending for request in server.requests] == ["abandoned"]


def test_seeded_rates() -> None:
    """Faults by rate strike their share of calls, and the same ones in any order."""
    rates = (FaultRate(fault=Fault(kind=FaultKind.OVERLOADED), rate=0.4),)
    options = ServerOptions(seed=3, faults=Faults(rates=rates))

    async def hit(server: MessagesServer, numbers: list[int]) -> set[int]:
        struck = set()
        async with _client(server) as client:
            for number in numbers:
                question: MessageParam = {"role": "user", "content": str(number)}
                try:
                    await client.messages.create(model="claude-opus-5-5", max_tokens=9, messages=[question])
                except anthropic.OverloadedError:
                    struck.add(number)
        return struck

    with MessagesServer(ANSWER, options) as one, MessagesServer(ANSWER, options) as other:
        forth = asyncio.run(hit(one, list(range(40))))
        back = asyncio.run(hit(other, list(range(39, -1, -1))))
    assert forth == back
    assert 8 <= len(forth) <= 24


def test_faults_in_a_rules_replies() -> None:
    """A rule may fail first and answer then: what a retry needs."""
    rule = Rule("hello", [Reply(fault=Fault(kind=FaultKind.OVERLOADED)), Reply("second try")])
    with MessagesServer([rule]) as server:
        with pytest.raises(anthropic.OverloadedError):
            asyncio.run(_ask(server, stream=True))
        message = asyncio.run(_ask(server, stream=True))
    assert isinstance(message, Message)
    assert message.content[0].type == "text"
    assert message.content[0].text == "second try"


_REQUEST = json.dumps({"model": "claude-opus-5-5", "max_tokens": 9, "messages": HELLO}).encode()
_HEAD = (
    b"POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: k\r\nanthropic-version: 1\r\n"
    b"content-length: " + str(len(_REQUEST)).encode() + b"\r\n\r\n"
)


def test_a_thousand_at_once() -> None:
    """A thousand calls are held at the same time, none is turned away, and all are let go of when they leave."""
    callers = 1000

    async def main(server: MessagesServer) -> None:
        host, port = server.url.removeprefix("http://").split(":")
        opened = await asyncio.gather(*(asyncio.open_connection(host, int(port)) for _ in range(callers)))
        for _, writer in opened:
            writer.write(_HEAD + _REQUEST)
        await server.until(lambda stats: stats.in_flight == callers)
        for _, writer in opened:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for _, writer in opened))
        await server.until(lambda stats: stats.in_flight == 0)

    with MessagesServer(Reply(fault=Fault(kind=FaultKind.HANG)), ServerOptions(keep_requests=5)) as server:
        asyncio.run(main(server))
        stats = server.stats()
        assert (stats.in_flight_max, stats.connections, stats.endings) == (callers, callers, {"hung": callers})
        assert len(server.requests) == 5


def test_pipelined_requests() -> None:
    """Two requests sent in one go are answered in their order."""

    async def main(server: MessagesServer) -> list[dict[str, Any]]:
        host, port = server.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write((_HEAD + _REQUEST) * 2)
        answers = []
        for _ in range(2):
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200")
            size = int((await reader.readline()).strip(), 16)
            answers.append(json.loads(await reader.readexactly(size)))
            assert await reader.readexactly(7) == b"\r\n0\r\n\r\n"
        writer.close()
        await writer.wait_closed()
        return answers

    with MessagesServer([Rule("", [Reply("1"), Reply("2")])]) as server:
        assert [answer["content"][0]["text"] for answer in asyncio.run(main(server))] == ["1", "2"]


def test_a_body_is_asked_for() -> None:
    """A client that waits for leave to send its body gets it."""

    async def main(server: MessagesServer) -> bytes:
        host, port = server.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(_HEAD.replace(b"host: x", b"host: x\r\nexpect: 100-continue"))
        leave = await reader.readuntil(b"\r\n\r\n")
        writer.write(_REQUEST)
        head = await reader.readline()
        writer.close()
        await writer.wait_closed()
        return leave[:12] + head[:12]

    with MessagesServer() as server:
        assert asyncio.run(main(server)) == b"HTTP/1.1 100HTTP/1.1 200"


def test_a_body_nested_too_deeply() -> None:
    """JSON that no recursion survives is a 400, and the server lives on."""
    deep = b'{"a":' * 5000 + b"1" + b"}" * 5000
    almost = b'{"model":"claude-opus-5-5","max_tokens":9,"messages":' + b"[" * 900 + b"]" * 900 + b"}"

    async def main(server: MessagesServer) -> list[int]:
        async with httpx2.AsyncClient(base_url=server.url, verify=False) as client:
            headers = {"x-api-key": "k", "anthropic-version": "1"}
            answers = [await client.post("/v1/messages", content=body, headers=headers) for body in (deep, almost)]
            return [answer.status_code for answer in answers]

    with MessagesServer() as server:
        assert asyncio.run(main(server)) == [400, 400]
