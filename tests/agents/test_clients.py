"""Where models are served: each platform through the SDK's own client, against the stand-in.

Bedrock and Vertex have paths and a framing of their own: a translator in front of the stand-in speaks them.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import struct
import threading
import urllib.request
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import anthropic
import google.auth
import google.auth.credentials
import pytest
from pydantic import BaseModel

from fanfold import errors
from fanfold.agents import clients
from fanfold.agents.api import ApiBackend
from fanfold.agents.backends import Premises, choose_backend
from fanfold.agents.clients import PLATFORMS, platform_of
from fanfold.agents.spec import AgentSpec, AnswerTool, Brief
from fanfold.engine.attempt import Attempt
from fanfold.pack import how_to_install
from fanfold.testing import MessagesServer, Reply
from fanfold.testing.scripted_model import tool_call


class Answer(BaseModel):
    words: list[str]


REPORT = AnswerTool("report", "Hand in.", Answer)
SPEC = AgentSpec("finder", Brief("claude-sonnet-5-5", None, "You.", (REPORT,)), "Context.", "Find.", REPORT, 1000)
DONE = Reply(blocks=[tool_call("report", {"words": ["a"]})], thinking="hm")
SWITCHES = [platform.switch for platform in clients.PLATFORMS]


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide the developer's own platforms."""
    for name in (
        *SWITCHES,
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_BEARER_TOKEN_BEDROCK",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_PROFILE",
        "CLOUD_ML_REGION",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))


def ask() -> Any:
    """Ask one agent; returns its answer, or the error."""

    async def main() -> Any:
        backend = ApiBackend(Premises(None, Path("/nowhere")))
        try:
            return (await backend.ask(SPEC, Attempt())).answer
        except errors.WorkerError as error:
            return error
        finally:
            await backend.close()

    return asyncio.run(main())


@contextmanager
def translated(server: MessagesServer) -> Iterator[tuple[str, list[str]]]:
    """Speak the platforms' dialects in front of `server`; yields the address, and the paths that were asked for."""
    paths: list[str] = []

    class Translator(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            paths.append(self.path)
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            assert body.pop("anthropic_version")
            body |= {"model": _model(self.path), "stream": True}
            sent = {"x-api-key": self.headers["authorization"], "anthropic-version": "2026-10-21"}
            ask_for = urllib.request.Request(f"{server.url}/v1/messages", json.dumps(body).encode(), sent)  # noqa: S310
            with urllib.request.urlopen(ask_for) as answer:  # noqa: S310  loopback
                events = answer.read()
            framed = b"".join(map(_aws_event, _data_of(events))) if self.path.startswith("/model/") else events
            kind = "vnd.amazon.eventstream" if framed is not events else "text/event-stream"
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(framed)))
            self.end_headers()
            self.wfile.write(framed)

        def log_message(self, *_args: object) -> None: ...

    front = ThreadingHTTPServer(("127.0.0.1", 0), Translator)
    threading.Thread(target=front.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{front.server_port}", paths
    finally:
        front.shutdown()
        front.server_close()


def _model(path: str) -> str:
    """Return the model that a platform's path names."""
    return unquote(path.split("/")[2] if path.startswith("/model/") else path.rpartition("/")[2].partition(":")[0])


def _data_of(events: bytes) -> list[bytes]:
    return [line[6:] for line in events.splitlines() if line.startswith(b"data: ")]


def _aws_event(data: bytes) -> bytes:
    """Frame an event as `application/vnd.amazon.eventstream` has it: lengths, headers, payload, two checksums."""
    payload = json.dumps({"bytes": base64.b64encode(data).decode()}).encode()
    headers = b"".join(
        struct.pack("!B", len(name)) + name + struct.pack("!BH", 7, len(value)) + value
        for name, value in ((b":event-type", b"chunk"), (b":message-type", b"event"))
    )
    prelude = struct.pack("!II", 16 + len(headers) + len(payload), len(headers))
    start = prelude + struct.pack("!I", zlib.crc32(prelude)) + headers + payload
    return start + struct.pack("!I", zlib.crc32(start))


def test_the_fast_transport_is_used_and_nothing_is_retried(monkeypatch):
    """That of aiohttp where it is installed, as it is for these tests; only the engine asks again."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test")

    async def main() -> None:
        client = clients.open_client()
        try:
            assert isinstance(client._client, type(anthropic.DefaultAioHttpClient()))
            assert client.max_retries == 0
        finally:
            await client.close()

    asyncio.run(main())


def test_amazon_bedrock(monkeypatch):
    """By its own path, key and framing; thinking and calls arrive whole."""
    with MessagesServer(DONE) as server, translated(server) as (url, paths):
        monkeypatch.setenv("CLAUDE_CODE_USE_BEDROCK", "1")
        monkeypatch.setenv("AWS_REGION", "eu-central-1")
        monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "test")
        monkeypatch.setenv("ANTHROPIC_BEDROCK_BASE_URL", url)
        assert ask() == Answer(words=["a"])
    assert paths == ["/model/claude-sonnet-5-5/invoke-with-response-stream"]


def test_google_vertex(monkeypatch):
    """With the credentials that Google's library finds."""

    class Found(google.auth.credentials.Credentials):
        def refresh(self, request: object) -> None:  # noqa: ARG002  its name is the library's
            self.token = "test"  # noqa: S105

    monkeypatch.setattr(google.auth, "default", lambda **_options: (Found(), "own-project"))
    with MessagesServer(DONE) as server, translated(server) as (url, paths):
        monkeypatch.setenv("CLAUDE_CODE_USE_VERTEX", "true")
        monkeypatch.setenv("CLOUD_ML_REGION", "europe-west1")
        monkeypatch.setenv("ANTHROPIC_VERTEX_PROJECT_ID", "mine")
        monkeypatch.setenv("ANTHROPIC_VERTEX_BASE_URL", url)
        assert ask() == Answer(words=["a"])
    models = "/projects/mine/locations/europe-west1/publishers/anthropic/models"
    assert paths == [f"{models}/claude-sonnet-5-5:streamRawPredict"]


def test_microsoft_foundry(monkeypatch):
    """With its own key, never Anthropic's."""
    with MessagesServer(DONE) as server:
        monkeypatch.setenv("CLAUDE_CODE_USE_FOUNDRY", "1")
        monkeypatch.setenv("ANTHROPIC_API_KEY", "another")
        monkeypatch.setenv("ANTHROPIC_FOUNDRY_API_KEY", "test")
        monkeypatch.setenv("ANTHROPIC_FOUNDRY_BASE_URL", server.url)
        assert ask() == Answer(words=["a"])
        (request,) = server.requests
    assert "authorization" not in request.headers


@pytest.mark.parametrize(
    ("settings", "kind", "says"),
    [
        ({"CLAUDE_CODE_USE_BEDROCK": "1"}, errors.BadRequest, "Amazon Bedrock can't be used: No AWS region"),
        ({"CLAUDE_CODE_USE_VERTEX": "1"}, errors.BadRequest, "Google Vertex AI can't be used: No region"),
        ({"CLAUDE_CODE_USE_FOUNDRY": "1"}, errors.BadRequest, "Microsoft Foundry can't be used: Missing credentials"),
        (
            {"CLAUDE_CODE_USE_VERTEX": "1", "CLOUD_ML_REGION": "eu"},
            errors.Unauthorized,
            "settings or its credential can't be used: No project_id",
        ),
        (
            {"CLAUDE_CODE_USE_BEDROCK": "1", "AWS_REGION": "eu-central-1", "AWS_EC2_METADATA_DISABLED": "true"},
            errors.Unauthorized,
            "credential",
        ),
    ],
)
def test_a_setting_that_is_missing_is_one_clear_line(monkeypatch, settings, kind, says):
    """Final, so that nobody asks four times; and nothing leaves this machine."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    said = ask()
    assert type(said) is kind
    assert says in str(said)
    assert "\n" not in str(said)


@pytest.mark.parametrize(
    ("switch", "module", "extra"),
    [("CLAUDE_CODE_USE_BEDROCK", "botocore", "bedrock"), ("CLAUDE_CODE_USE_VERTEX", "google.auth", "vertex")],
)
def test_an_extra_that_is_missing_is_one_clear_line(monkeypatch, switch, module, extra):
    """It says what to install."""
    monkeypatch.setenv(switch, "1")
    monkeypatch.setattr(clients, "find_spec", lambda name: None if name == module else object())
    said = ask()
    assert type(said) is errors.BadRequest
    assert f"({module}): {how_to_install(extra)}" in str(said)


@pytest.mark.parametrize(
    ("environ", "missing", "why"),
    [
        ({"CLAUDE_CODE_USE_BEDROCK": "1"}, "boto3", "what Amazon Bedrock needs is not installed (boto3)"),
        ({"CLAUDE_CODE_USE_VERTEX": "1"}, None, "Google Vertex AI needs CLOUD_ML_REGION"),
        ({"CLAUDE_CODE_USE_FOUNDRY": "1"}, None, "Microsoft Foundry needs ANTHROPIC_FOUNDRY_API_KEY"),
        (
            {"CLAUDE_CODE_USE_FOUNDRY": "1", "ANTHROPIC_FOUNDRY_API_KEY": "k"},
            None,
            "Microsoft Foundry needs ANTHROPIC_FOUNDRY_RESOURCE or ANTHROPIC_FOUNDRY_BASE_URL",
        ),
    ],
)
def test_a_platform_that_only_the_cli_can_use_is_the_clis(monkeypatch, tmp_path, environ, missing, why):
    """`auto` leaves to Claude Code what it has no client for; without one no model is called, and why is said."""
    monkeypatch.setattr(clients, "find_spec", lambda name: None if name == missing else find_spec(name))
    cli = tmp_path / "claude"
    cli.write_text('#!/bin/sh\necho \'{"loggedIn": true, "authMethod": "third_party"}\'\n')
    cli.chmod(0o755)
    chosen = choose_backend("auto", {**environ, "CLAUDE_CODE_EXECPATH": str(cli), "PATH": os.environ["PATH"]}, tmp_path)
    assert (chosen.name, why in chosen.reason, "third_party" in chosen.reason) == ("claude-code", True, True)
    alone = choose_backend("auto", {**environ, "PATH": "/nowhere"}, tmp_path)
    assert (alone.name, why in alone.reason) == ("none", True)
    with pytest.raises(errors.UsageError, match="--backend api: "):
        choose_backend("api", environ, tmp_path)


@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda platform: platform.name)
def test_where_there_are_no_batches_they_are_refused_before_the_run(platform, tmp_path):
    """In one line, that names the switch; the Messages API is there all the same."""
    environ = {platform.switch: "1", "ANTHROPIC_API_KEY": "k"} | {
        name: "set" for names in platform.settings for name in names[:1]
    }
    with pytest.raises(errors.UsageError) as said:
        choose_backend("batch", environ, tmp_path)
    assert f"{platform.switch} is set, and {platform.name} has no Message Batches" in str(said.value)
    assert choose_backend("api", environ, tmp_path).name == "api"
    assert choose_backend("batch", {**environ, platform.switch: "0"}, tmp_path).name == "batch"


@pytest.mark.parametrize(
    ("value", "on"), [("1", True), ("true", True), ("YES", True), ("0", False), ("", False), ("false", False)]
)
def test_a_platform_is_switched_on_as_in_claude_code(value, on, tmp_path):
    """And then it is what `auto` takes."""
    environ = {"CLAUDE_CODE_USE_BEDROCK": value}
    assert (platform_of(environ) is not None) is on
    if on:
        choice = choose_backend("auto", environ, tmp_path)
        assert choice.name == "api"
        assert "Amazon Bedrock, CLAUDE_CODE_USE_BEDROCK" in choice.reason
