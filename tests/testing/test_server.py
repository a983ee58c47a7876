"""The stand-in Messages API, called by the real SDK over real sockets."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import anthropic
import pytest
from anthropic.types import Message, MessageParam, TextBlockParam, ToolParam
from pydantic import BaseModel

from fanfold.testing import (
    Fault,
    FaultKind,
    Latency,
    MessagesServer,
    RateLimits,
    Reply,
    Rule,
    ScriptError,
    ServerOptions,
    Stats,
    run_virtual,
)
from fanfold.testing.books import Bill

T = TypeVar("T")

MODEL = "claude-opus-5-5"
HELLO: list[MessageParam] = [{"role": "user", "content": "hello"}]


@pytest.fixture
def server() -> Iterator[MessagesServer]:
    """Serve with the default script and options."""
    with MessagesServer() as running:
        yield running


@asynccontextmanager
async def _client(server: MessagesServer, key: str = "test") -> AsyncIterator[anthropic.AsyncAnthropic]:
    # Building a TLS context that loopback doesn't need would take most of the time.
    plain = anthropic.DefaultAsyncHttpxClient(verify=False)
    async with anthropic.AsyncAnthropic(base_url=server.url, api_key=key, max_retries=0, http_client=plain) as client:
        yield client


def _call(server: MessagesServer, use: Callable[[anthropic.AsyncAnthropic], Awaitable[T]], key: str = "test") -> T:
    """Use a client in a loop of its own."""

    async def main() -> T:
        async with _client(server, key) as client:
            return await use(client)

    return asyncio.run(main())


async def _create(client: anthropic.AsyncAnthropic, **more: Any) -> Message:
    request: dict[str, Any] = {"model": MODEL, "max_tokens": 1000, "messages": HELLO} | more
    message = await client.messages.create(**request)
    assert isinstance(message, Message)
    return message


async def _stream(client: anthropic.AsyncAnthropic, **more: Any) -> Message:
    request: dict[str, Any] = {"model": MODEL, "max_tokens": 1000, "messages": HELLO} | more
    async with client.messages.stream(**request) as stream:
        return await stream.get_final_message()


async def _both(client: anthropic.AsyncAnthropic) -> tuple[dict[str, Any], dict[str, Any]]:
    plain, streamed = await _create(client), await _stream(client)
    assert plain.id != streamed.id
    drop = {"id", "parsed_output"}
    return _without(plain.model_dump(), drop), _without(streamed.model_dump(), drop)


def _without(value: Any, names: set[str]) -> Any:
    if isinstance(value, dict):
        return {name: _without(part, names) for name, part in value.items() if name not in names}
    return [_without(part, names) for part in value] if isinstance(value, list) else value


REPLIES = {
    "text": Reply("Good morning, all of you — 朝."),
    "thinking": Reply("So.", thinking="Let me think about that for a while."),
    "tools": Reply(
        blocks=[
            {"type": "text", "text": "I look."},
            {"type": "tool_use", "name": "grep", "input": {"pattern": "a\nb", "deep": [{"x": 1}]}},
            {"type": "tool_use", "name": "ls"},
        ]
    ),
    "empty": Reply(),
    "usage": Reply("hi", usage={"output_tokens": 77, "cache_read_input_tokens": 9}),
    "paused": Reply("…", stop_reason="pause_turn"),
}


@pytest.mark.parametrize("name", REPLIES)
def test_streamed_and_plain_are_the_same(name: str) -> None:
    """The SDK gets the same message from a stream and from a plain response."""
    with MessagesServer(REPLIES[name]) as server:
        plain, streamed = _call(server, _both)
    assert plain == streamed
    assert [block["type"] for block in plain["content"]] == [block["type"] for block in REPLIES[name].content()]
    assert plain["stop_reason"] == (REPLIES[name].stop_reason or ("tool_use" if name == "tools" else "end_turn"))


class Verdicts(BaseModel):
    names: list[str]
    best: str


def test_structured_output() -> None:
    """The SDK's output format arrives as a schema, and the answer is parsed into its type."""

    async def ask(client: anthropic.AsyncAnthropic) -> Verdicts | None:
        async with client.messages.stream(
            model=MODEL, max_tokens=500, messages=HELLO, output_format=Verdicts
        ) as stream:
            return (await stream.get_final_message()).parsed_output

    with MessagesServer(Reply(json={"names": ["a"], "best": "a"})) as server:
        assert _call(server, ask) == Verdicts(names=["a"], best="a")
        schema = server.requests[0].body["output_config"]["format"]["schema"]
    assert schema["required"] == ["names", "best"]


def test_the_default_answer_parses(server: MessagesServer) -> None:
    """Without a script, structured output is answered with the smallest value that the SDK can parse."""

    async def ask(client: anthropic.AsyncAnthropic) -> Verdicts | None:
        answer = await client.messages.parse(model=MODEL, max_tokens=500, messages=HELLO, output_format=Verdicts)
        return answer.parsed_output

    assert _call(server, ask) == Verdicts(names=[], best="")


GREP: ToolParam = {"name": "grep", "input_schema": {"type": "object", "properties": {"pattern": {"type": "string"}}}}


def test_a_tool_loop() -> None:
    """A tool call, its result and the final answer, with thinking handed back as it came."""
    script = [Rule("3 lines", [Reply("Found.")]), Rule("", [REPLIES["tools"]])]

    async def ask(client: anthropic.AsyncAnthropic) -> Message:
        first = await _stream(client, tools=[GREP])
        results = [
            {"type": "tool_result", "tool_use_id": block.id, "content": "3 lines"}
            for block in first.content
            if block.type == "tool_use"
        ]
        turns = [*HELLO, first.to_param(), {"role": "user", "content": results}]
        return await _stream(client, tools=[GREP], messages=turns)

    with MessagesServer(script) as server:
        answer = _call(server, ask)
    assert answer.content[0].type == "text"
    assert answer.content[0].text == "Found."


def test_counting_agrees_with_usage(server: MessagesServer) -> None:
    """`count_tokens` gives the input that a call then reports; it is not a call of the model."""

    async def ask(client: anthropic.AsyncAnthropic) -> tuple[int, int]:
        counted = await client.messages.count_tokens(model=MODEL, messages=HELLO, system="Be kind.", tools=[GREP])
        return counted.input_tokens, (await _create(client, system="Be kind.", tools=[GREP])).usage.input_tokens

    counted, used = _call(server, ask)
    assert counted == used > 10
    assert server.stats().tokens["input_tokens"] == used


def test_models(server: MessagesServer) -> None:
    """Models are listed page by page and found by id."""

    async def ask(client: anthropic.AsyncAnthropic) -> tuple[list[str], str]:
        names = [model.id async for model in client.models.list(limit=2)]
        return names, (await client.models.retrieve(MODEL)).display_name

    names, title = _call(server, ask)
    assert MODEL in names
    assert len(names) == len(set(names)) >= 4
    assert title == "Claude Opus 5.5"
    assert server.stats().by_path["/v1/models"] == -(-len(names) // 2)


async def _retrieve_nothing(client: anthropic.AsyncAnthropic) -> object:
    return await client.models.retrieve("claude-9")


MISTAKES: dict[str, tuple[type[anthropic.APIStatusError], Callable[[anthropic.AsyncAnthropic], Awaitable[object]]]] = {
    "unknown model": (anthropic.NotFoundError, lambda client: _create(client, model="claude-9")),
    "unknown model, retrieved": (anthropic.NotFoundError, _retrieve_nothing),
    "temperature": (anthropic.BadRequestError, lambda client: _stream(client, extra_body={"temperature": 1})),
    "prefill": (
        anthropic.BadRequestError,
        lambda client: _create(client, messages=[*HELLO, {"role": "assistant", "content": "{"}]),
    ),
    "version": (
        anthropic.BadRequestError,
        lambda client: _create(client, extra_headers={"anthropic-version": anthropic.omit}),
    ),
    "unknown path": (anthropic.NotFoundError, lambda client: client.get("/v1/nothing", cast_to=object)),
    "bad page": (anthropic.BadRequestError, lambda client: _first(client.models.list(limit=0))),
}


async def _first(pages: Any) -> object:
    return await pages


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_become_the_sdks_errors(mistake: str, server: MessagesServer) -> None:
    """The SDK raises its own error class, with the type and the request id that the server sent."""
    error, ask = MISTAKES[mistake]
    with pytest.raises(error) as caught:
        _call(server, ask)
    assert caught.value.type in {"not_found_error", "invalid_request_error"}
    assert caught.value.request_id == "req_000000000000000000000001"
    assert server.stats().tokens["output_tokens"] == 0


def test_only_the_right_key() -> None:
    """With a key set, another one is a 401; keys are not kept in what is recorded."""
    with MessagesServer(options=ServerOptions(api_key="sk-right")) as server:
        with pytest.raises(anthropic.AuthenticationError, match="invalid x-api-key"):
            _call(server, _create, key="sk-wrong")
        _call(server, _create, key="sk-right")
        recorded = repr(server.requests)
    assert "sk-" not in recorded
    assert [request.status for request in server.requests] == [401, 200]


def test_what_is_recorded() -> None:
    """A request is on record with its body, headers, usage and times as soon as its answer is there."""
    with MessagesServer(Reply("x" * 28)) as server:
        _call(server, _stream)
        request = server.requests[0]
    assert (request.method, request.path, request.status, request.ending) == ("POST", "/v1/messages", 200, "answered")
    assert request.body["messages"] == HELLO
    assert request.headers["anthropic-version"]
    assert request.headers["authorization"] == "***"
    assert request.usage["output_tokens"] == 10
    assert request.began_s is not None
    assert request.ended_s is not None
    assert request.arrived_s <= request.began_s <= request.ended_s


SHARED: TextBlockParam = {"type": "text", "text": "x" * 2800, "cache_control": {"type": "ephemeral"}}


def _worker(name: str) -> list[MessageParam]:
    return [{"role": "user", "content": [SHARED, {"type": "text", "text": name * 28}]}]


def _cache(message: Message) -> tuple[int | None, int | None, int]:
    used = message.usage
    return used.cache_creation_input_tokens, used.cache_read_input_tokens, used.input_tokens


def test_the_cache_over_the_wire(server: MessagesServer) -> None:
    """The first call writes the shared prefix, the next ones read it; five minutes after the last it is gone."""
    assert _cache(_call(server, lambda client: _stream(client, messages=_worker("a")))) == (1000, 0, 10)
    assert _cache(_call(server, lambda client: _create(client, messages=_worker("b")))) == (0, 1000, 10)
    for _ in range(2):
        server.advance(290)
        assert _cache(_call(server, lambda client: _create(client, messages=_worker("c")))) == (0, 1000, 10)
    server.advance(300)
    assert _cache(_call(server, lambda client: _create(client, messages=_worker("d")))) == (1000, 0, 10)
    billed = {"input_tokens": 50, "cache_write_tokens": 2000, "cache_read_tokens": 3000}
    assert billed.items() <= dict(server.stats().tokens).items()


def test_readable_from_the_first_event() -> None:
    """While the writer's stream still runs, its prefix can be read; before its first event it can't."""
    stalls = Reply("later", fault=Fault(kind=FaultKind.STALL, at=0.3))
    script = [Rule("aaa", [stalls]), Rule("", [Reply("ok")])]

    async def ask(client: anthropic.AsyncAnthropic) -> tuple[Message, Message]:
        before = await _create(client, messages=[{"role": "user", "content": "x" * 2800}])
        async with client.messages.stream(model=MODEL, max_tokens=9, messages=_worker("a")) as stream:
            async for event in stream:
                if event.type == "message_start":
                    return before, await _create(client, messages=_worker("b"))
        raise AssertionError("the stream had no start")

    with MessagesServer(script) as server:
        before, during = _call(server, ask)
    assert _cache(before) == (0, 0, 1000)
    assert _cache(during) == (0, 1000, 10)


def test_not_readable_before_the_first_event() -> None:
    """A prefix that is on its way, but whose answer has not begun, is paid for by everybody."""
    script = [Rule("aaa", [Reply(fault=Fault(kind=FaultKind.HANG))]), Rule("", [Reply("ok")])]

    async def ask(running: MessagesServer) -> list[Message]:
        async with _client(running) as client:
            first = asyncio.create_task(_stream(client, messages=_worker("a")))
            await running.until(lambda stats: stats.in_flight == 1)
            later = [await _create(client, messages=_worker(name)) for name in "bc"]
            first.cancel()
            await asyncio.wait({first})
        return later

    with MessagesServer(script) as running:
        later = asyncio.run(ask(running))
    assert [_cache(message) for message in later] == [(1000, 0, 10), (0, 1000, 10)]


def test_waiting_for_the_counters_ends(server: MessagesServer) -> None:
    """Waiting for what never comes is an error that shows the counters."""
    with pytest.raises(TimeoutError, match="never got there: requests=0"):
        asyncio.run(server.until(lambda stats: stats.requests > 0, timeout_s=0.01))


def test_rate_limits() -> None:
    """Over the limit is a 429 with retry-after and headers; when the time has passed it goes through."""
    options = ServerOptions(limits=RateLimits(requests_per_minute=6, burst_s=10, input_tokens_per_minute=60_000))

    async def ask(client: anthropic.AsyncAnthropic) -> Message:
        return await _create(client, messages=_worker("a"))

    with MessagesServer(options=options) as server:
        _call(server, ask)
        with pytest.raises(anthropic.RateLimitError) as caught:
            _call(server, ask)
        headers = caught.value.response.headers
        assert headers["retry-after"] == "10"
        assert headers["anthropic-ratelimit-requests-remaining"] == "0"
        server.advance(10)
        _call(server, ask)
        stats = server.stats()
    assert stats.by_status == {"200": 2, "429": 1}
    assert sum(stats.rejected_by_second.values()) == 1


def test_cached_reads_are_free_of_the_limit() -> None:
    """Input that is read from the cache does not count toward input tokens a minute."""
    options = ServerOptions(limits=RateLimits(input_tokens_per_minute=1100))

    async def ask(client: anthropic.AsyncAnthropic) -> None:
        for name in "abcd":
            await _create(client, messages=_worker(name))

    with MessagesServer(options=options) as server:
        _call(server, ask)
        assert server.stats().by_status == {"200": 4}


def test_reported_output_is_billed_output() -> None:
    """What a reply reports as its output is what it is billed for, streamed or not."""
    with MessagesServer(Reply("hi", usage={"output_tokens": 77})) as server:
        _call(server, _stream)
        _call(server, _create)
        assert server.stats().tokens["output_tokens"] == 2 * 77


def test_output_counts_toward_its_limit() -> None:
    """What was answered is taken from output tokens a minute, and the next call waits for it."""
    options = ServerOptions(limits=RateLimits(output_tokens_per_minute=100))
    with MessagesServer(Reply("x" * 420), options) as server:
        _call(server, _stream)
        with pytest.raises(anthropic.RateLimitError) as caught:
            _call(server, _stream)
    assert caught.value.response.headers["anthropic-ratelimit-output-tokens-remaining"] == "0"
    assert int(caught.value.response.headers["retry-after"]) in range(29, 33)


def test_the_pace_of_a_stream() -> None:
    """Tokens come at their pace: a stream takes as long as its tokens do."""
    options = ServerOptions(latency=Latency(per_token_s=0.005))
    with MessagesServer(Reply("x" * 28), options) as server:
        _call(server, _stream)
        request = server.requests[0]
    assert request.began_s is not None
    assert request.ended_s is not None
    assert request.ended_s - request.began_s >= 0.049


def test_leaving_the_block_lets_go_of_callers() -> None:
    """At the end of the block a call that waits and an idle connection are closed, and no thread is left."""
    before = set(threading.enumerate())
    with MessagesServer(Reply(fault=Fault(kind=FaultKind.HANG))) as server:
        address = ("127.0.0.1", int(server.url.rpartition(":")[2]))
        idle, sock = (socket.create_connection(address, timeout=10) for _ in range(2))
        body = json.dumps({"model": MODEL, "max_tokens": 9, "messages": HELLO}).encode()
        sock.sendall(
            b"POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: k\r\nanthropic-version: 1\r\n"
            b"content-length: %d\r\n\r\n" % len(body) + body
        )
        asyncio.run(server.until(lambda stats: stats.in_flight == 1 and stats.connections == 2))
    with sock, idle:
        assert sock.recv(1) == idle.recv(1) == b""
    assert set(threading.enumerate()) == before
    assert server.stats().in_flight == 0


def test_cost() -> None:
    """The cost is the price list's, by kind of token; nothing sent is 0."""
    with MessagesServer(Reply("x" * 28)) as server:
        assert server.stats().cost_usd == 0
        _call(server, lambda client: _create(client, messages=_worker("a")))
        _call(server, lambda client: _create(client, messages=_worker("b")))
        assert server.stats().cost_usd == pytest.approx((20 * 4 + 1000 * 5 + 1000 * 0.2 + 20 * 20) / 1e6)


def test_the_cost_of_an_hour() -> None:
    """A write that lives for an hour costs twice the input price."""
    hour: TextBlockParam = SHARED | {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    with MessagesServer(Reply("x" * 28)) as server:
        _call(server, lambda client: _create(client, messages=[{"role": "user", "content": [hour]}]))
        assert server.stats().cost_usd == pytest.approx((1000 * 8 + 10 * 20) / 1e6)


def test_an_unknown_price_is_unknown() -> None:
    """Requests of a model without a price make the cost unknown, not smaller."""
    bills = (Bill(model=MODEL, times=1, input_tokens=5), Bill(model="claude-9", times=1, input_tokens=5))
    with MessagesServer() as server:
        assert server.stats().model_copy(update={"bills": bills}).cost_usd is None


def test_a_script_that_raises() -> None:
    """A script's error is a 400 for the client, and comes out where the server was made."""

    def script(request: dict[str, Any]) -> Reply:
        raise KeyError(request["messages"][0]["content"])

    with (
        pytest.raises(ScriptError, match=r"KeyError\('hello'\)"),
        MessagesServer(script) as server,
        pytest.raises(anthropic.BadRequestError, match="KeyError"),
    ):
        _call(server, _create)


def test_the_blocks_own_error_comes_first() -> None:
    """An error in the block is not replaced by the script's."""
    with pytest.raises(anthropic.BadRequestError), MessagesServer([Rule("other", [Reply()])]) as server:
        _call(server, _create)


def test_one_connection_for_many_calls(server: MessagesServer) -> None:
    """Connections are kept alive between calls."""

    async def ask(client: anthropic.AsyncAnthropic) -> None:
        for number in range(6):
            await (_stream if number % 2 else _create)(client)

    _call(server, ask)
    assert server.stats().connections == 1


def test_reset(server: MessagesServer) -> None:
    """A reset forgets requests, counters and the cache, and takes new options."""
    _call(server, lambda client: _create(client, messages=_worker("a")))
    server.reset(ServerOptions(api_key="other"))
    assert server.requests == ()
    assert server.stats() == Stats(
        requests=0, in_flight=0, in_flight_max=0, connections=0, by_path={}, by_status={}, endings={}, faults={},
        tokens=dict.fromkeys(server.stats().tokens, 0), accepted_by_second={}, rejected_by_second={}, bills=(),
    )  # fmt: skip
    assert _cache(_call(server, lambda client: _create(client, messages=_worker("a")), key="other"))[0] == 1000


def test_the_same_draws_in_any_order() -> None:
    """Latencies depend on the request and the seed, not on the order of arrival; another seed differs."""

    def latencies(seed: int, names: str) -> dict[str, float]:
        latency = Latency(first_byte_s=0.001, first_byte_sigma=1.0)
        with MessagesServer(options=ServerOptions(seed=seed, latency=latency)) as server:
            for name in names:
                _call(server, lambda client: _create(client, messages=[{"role": "user", "content": name}]))  # noqa: B023 — called at once
            return {request.body["messages"][0]["content"]: request.wait_s for request in server.requests}

    assert latencies(1, "abc") == latencies(1, "cba")
    assert latencies(1, "a") != latencies(2, "a")


def test_used_from_the_virtual_loop(server: MessagesServer) -> None:
    """A client on the virtual-time loop reaches the server, whose time is real; no timeout jumps ahead."""

    async def main() -> Message:
        async with _client(server) as client, asyncio.timeout(3600):
            return await _stream(client)

    assert run_virtual(main()).stop_reason == "end_turn"


def test_a_taken_port(server: MessagesServer) -> None:
    """A port that is in use is an error where the server is started."""
    port = int(server.url.rpartition(":")[2])
    with pytest.raises(OSError, match="address already in use"), MessagesServer(port=port):
        pass


def test_no_address_before_the_start() -> None:
    """Asking for the URL of a server that doesn't run says what to do."""
    with pytest.raises(RuntimeError, match="context manager"):
        _ = MessagesServer().url


def test_over_http(server: MessagesServer) -> None:
    """Counters and records can be read over HTTP, and reset, without being counted themselves."""
    _call(server, _create)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    stats = json.load(opener.open(f"{server.url}/__stats"))
    assert Stats.model_validate(stats) == server.stats()
    assert json.load(opener.open(f"{server.url}/__requests"))[0]["body"]["messages"] == HELLO
    with pytest.raises(urllib.error.HTTPError, match="400"):
        opener.open(f"{server.url}/__reset", data=b'{"sede": 1}')
    opener.open(f"{server.url}/__reset", data=b"")
    assert server.stats().requests == 0


def _raw(server: MessagesServer, data: bytes) -> bytes:
    """Send bytes, and return all that comes back until the server closes."""
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=10) as sock:
        sock.sendall(data)
        if b"close" not in data:
            sock.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := sock.recv(65536):
            received += chunk
        return received


@pytest.mark.parametrize(
    ("line", "status"),
    [(b"HEAD /v1/models", 405), (b"GET //[x?limit=%zz", 404), (b"DELETE /v1/messages", 405), (b"OPTIONS *", 404)],
)
def test_odd_requests(line: bytes, status: int, server: MessagesServer) -> None:
    """A method or a path that nobody serves gets its error, a HEAD one without a body."""
    answer = _raw(server, line + b" HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert (b"not_found" in answer or b"invalid_request" in answer) == (not line.startswith(b"HEAD"))


@pytest.mark.parametrize("data", [b"", b"\0\1\2\r\n\r\n", b"GET /v1/models HTTP/1.1\r\n", b"\r\n" * 9, b"x" * 99_999])
def test_rubbish_on_the_socket(data: bytes, server: MessagesServer) -> None:
    """A client that speaks no HTTP is dropped, and the others are served."""
    with suppress(ConnectionResetError):
        assert b"200 OK" not in _raw(server, data)
    assert _call(server, _create).stop_reason == "end_turn"
