"""What a model can do is asked of the API, and a request is fitted to it; notes come once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import anthropic
import pytest
from pydantic import BaseModel

from fanfold.agents.api import ApiBackend
from fanfold.agents.backends import Premises
from fanfold.agents.capabilities import Capabilities, announced, ask_capabilities, deprecations, fitted
from fanfold.agents.spec import AgentSpec, AnswerTool, Brief
from fanfold.engine.attempt import Attempt
from fanfold.testing import MessagesServer, Reply
from fanfold.testing.scripted_model import tool_call


class Answer(BaseModel):
    words: list[str]


REPORT = AnswerTool("report", "Hand in.", Answer)
OLD, NEW = "claude-haiku-4-5", "claude-sonnet-5-5"
DONE = Reply(blocks=[tool_call("report", {"words": []})])


def ask(monkeypatch, model: str, effort: str | None, *, times: int = 1, max_tokens: int = 1000) -> tuple[Any, Any]:
    """Ask agents at the same time; returns the backend's notes and what the server was asked."""
    spec = AgentSpec("finder", Brief(model, effort, "You.", (REPORT,)), "Context.", "Find.", REPORT, max_tokens)

    async def main() -> tuple[str, ...]:
        backend = ApiBackend(Premises(None, Path("/nowhere")))
        await asyncio.gather(*(backend.ask(spec, Attempt()) for _ in range(times)))
        await backend.close()
        return backend.notes

    with MessagesServer(DONE) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "test")
        return asyncio.run(main()), server.requests


def test_an_effort_that_the_model_does_not_know_is_left_out(monkeypatch):
    """With a note, once, however many agents there are; the API is asked once as well."""
    notes, requests = ask(monkeypatch, OLD, "high", times=5)
    assert notes == (
        f"{OLD} does not know the effort 'high' (it knows: none): it was left out",
        f"the model {OLD} is deprecated, and retires on 2027-02-01",
    )
    asked = [request for request in requests if request.method == "GET"]
    assert [request.path for request in asked] == [f"/v1/models/{OLD}"]
    assert all("output_config" not in request.body for request in requests)


def test_an_effort_that_it_knows_is_passed_on(monkeypatch):
    """Without a note."""
    notes, requests = ask(monkeypatch, NEW, "xhigh")
    assert notes == ()
    assert requests[-1].body["output_config"] == {"effort": "xhigh"}


def test_an_answer_longer_than_the_model_gives_is_cut_to_that(monkeypatch):
    """Otherwise the API would reject the request."""
    notes, requests = ask(monkeypatch, OLD, None, max_tokens=100_000)
    assert requests[-1].body["max_tokens"] == 64_000
    assert "64,000 tokens at most" in notes[0]


def test_nothing_is_asked_that_nothing_depends_on(monkeypatch):
    """A plain request costs no other."""
    _, requests = ask(monkeypatch, NEW, None)
    assert [request.method for request in requests] == ["POST"]


def test_a_models_api_that_cannot_be_reached_changes_nothing():
    """Nor does a platform that has none."""

    async def main() -> list[Capabilities | None]:
        gone = anthropic.AsyncAnthropic(base_url="http://127.0.0.1:9", api_key="k", max_retries=0)
        with MessagesServer() as server:
            there = anthropic.AsyncAnthropic(base_url=server.url, api_key="k", max_retries=0)
            foundry: Any = anthropic.AsyncAnthropicFoundry(base_url=server.url, api_key="k")
            found = [await ask_capabilities(*pair) for pair in ((gone, NEW), (there, "gpt-9"), (foundry, NEW))]
        for client in (gone, there, foundry):
            await client.close()
        return found

    assert asyncio.run(main()) == [None, None, None]


@pytest.mark.parametrize("can", [Capabilities("m"), Capabilities("m", efforts=frozenset({"low"}))])
def test_what_is_not_said_is_not_held_against_a_request(can):
    """An unknown is no limit."""
    request = {"max_tokens": 10**6, "output_config": {"effort": "low"}}
    assert fitted(request, can) == (request, [])


def test_the_sdks_warnings_become_notes():
    """One line each; the program goes on."""
    name = min(anthropic.resources.messages.messages.DEPRECATED_MODELS)
    notes: list[str] = []
    client = anthropic.AsyncAnthropic(api_key="k")

    async def main() -> None:
        with deprecations(notes):
            answer = client.messages.stream(model=name, max_tokens=1, messages=[])
        answer._AsyncMessageStreamManager__api_request.close()  # type: ignore[attr-defined]  # never awaited
        await client.close()

    asyncio.run(main())
    (note,) = notes
    assert f"The model '{name}' is deprecated" in note
    assert "\n" not in note


def test_what_headers_announce_is_a_note():
    """By the names that HTTP has for it."""
    assert announced({"content-type": "x"}, "m") == []
    (note,) = announced({"deprecation": "@1793836800", "sunset": "Sat, 01 May 2027 00:00:00 GMT"}, "m")
    assert "the end of m" in note
    assert "01 May 2027" in note
