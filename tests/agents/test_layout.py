"""What is sent, whoever sends it: the same texts, with nothing in them that looks like a secret."""

import json
from pathlib import Path

import pytest

from fanfold.agents import claude_code, host
from fanfold.agents.layout import request_of
from fanfold.agents.spec import AgentSpec, Brief
from fanfold.engine.attempt import Attempt
from fanfold.testing.examples import REPORT

# Put together here, so that no scanner takes this file for a leak.
TOKEN = f"ghp_{'aB3dE6gH9j' * 3}k2L5m8"
BRIEF = Brief("claude-opus-5-5", None, "You.", (REPORT,))


def on_api(spec, correction=None):
    return json.dumps(request_of(spec, correction=correction))


def on_claude_code(spec, correction=None):
    return claude_code.prompt_of(spec, Attempt(correction=correction), "")


def on_host(spec):
    return host.prompt_of(spec, Path("/x/answer.json"))


@pytest.mark.parametrize("send", [on_api, on_claude_code, on_host])
@pytest.mark.parametrize("where", ["context", "task"])
def test_no_secret_is_sent_on_any_backend(send, where):
    """Neither in what agents share nor in what one of them alone is told; what stands around it is."""
    secret = f" token = {TOKEN} is in use"
    context, task = (text + secret * (name == where) for name, text in (("context", "The change."), ("task", "Find.")))
    sent = send(AgentSpec("finder", BRIEF, context, task, REPORT, 1000))
    assert TOKEN[4:] not in sent
    assert "The change." in sent
    assert "is in use" in sent


@pytest.mark.parametrize("send", [on_api, on_host])
def test_no_secret_of_a_system_prompt_is_sent(send):
    """Aspects that a repository brings are in it."""
    brief = Brief("claude-opus-5-5", None, f"You know {TOKEN} by heart.", (REPORT,))
    sent = send(AgentSpec("finder", brief, "The change.", "Find.", REPORT, 1000))
    assert TOKEN[4:] not in sent
    assert "by heart" in sent


@pytest.mark.parametrize("send", [on_api, on_claude_code])
def test_a_correction_is_the_same_words_and_without_secrets(send):
    """It quotes what the model said, which may be a secret of the target."""
    spec = AgentSpec("finder", BRIEF, "The change.", "Find.", REPORT, 1000)
    sent = send(spec, f"words: not {TOKEN}")
    assert TOKEN[4:] not in sent
    assert "Your previous answer could not be used: words: not " in sent
    assert sent.count("Answer again, in full.") == 1
