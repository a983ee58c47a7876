"""The shared fixtures do what they are for, tried in a test session of their own."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import anthropic
import pytest
import respx
from hypothesis import settings

pytest_plugins = ["pytester"]

CONFTEST = Path(__file__).parents[1] / "conftest.py"


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """Make an empty project that uses the same conftest.py."""
    pytester.makeconftest(CONFTEST.read_text())
    return pytester


def test_golden_files(project: pytest.Pytester) -> None:
    """A missing and a differing golden file fail and say how to accept; --accept writes; then it passes."""
    project.makepyfile("def test_report(golden): golden('sub/report.md', 'one\\r\\nzwei \\u00e9\\n')")
    missing = project.runpytest_inprocess()
    missing.assert_outcomes(failed=1)
    missing.stdout.fnmatch_lines(["*sub/report.md does not exist; pytest --accept writes it"])
    project.runpytest_inprocess("--accept").assert_outcomes(passed=1)
    written = project.path / "golden" / "sub" / "report.md"
    assert written.read_bytes() == "one\r\nzwei é\n".encode()
    project.runpytest_inprocess().assert_outcomes(passed=1)
    written.write_text("one\ndeux\n", encoding="utf-8")
    differs = project.runpytest_inprocess()
    differs.assert_outcomes(failed=1)
    differs.stdout.fnmatch_lines(["*-deux", "*+zwei*", "*pytest --accept takes this run's text"])


def test_swallowed_attempts_fail_the_test(project: pytest.Pytester) -> None:
    """Code that tries the network and hides the error fails its test; the next test is not blamed."""
    project.makepyfile(
        """
        import contextlib, socket
        def test_hides_it():
            with contextlib.suppress(Exception):
                socket.create_connection(("203.0.113.7", 80))
        def test_innocent():
            pass
        """
    )
    result = project.runpytest_inprocess()
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*the network was tried: create_connection to '203.0.113.7'*"])


def test_no_credentials_from_outside(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own key is not seen by a test, nor by a process that it starts."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-mine")
    project.makepyfile(
        """
        import subprocess, sys
        def test_environment():
            code = "import os; print(os.environ.get('ANTHROPIC_API_KEY'), os.environ['ANTHROPIC_CONFIG_DIR'])"
            out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
            assert out.startswith("None ") and "no-anthropic-config" in out
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=1)
    assert os.environ["ANTHROPIC_API_KEY"] == "sk-mine"


def test_properties_are_deterministic() -> None:
    """Property tests run the same examples everywhere, and no slow machine fails them."""
    current = settings()
    assert current.derandomize
    assert current.deadline is None


ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-opus-5-5",
    "content": [{"type": "text", "text": "mocked"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 1},
}


async def _ask() -> anthropic.types.Message:
    async with anthropic.AsyncAnthropic(api_key="test", max_retries=0) as client:
        question: anthropic.types.MessageParam = {"role": "user", "content": "hello"}
        return await client.messages.create(model="claude-opus-5-5", max_tokens=9, messages=[question])


def test_respx_catches_the_sdk(respx_httpx2: respx.MockRouter) -> None:
    """A route of the fixture answers a call of the Anthropic SDK."""
    route = respx_httpx2.post("https://api.anthropic.com/v1/messages").respond(json=ANSWER)
    assert asyncio.run(_ask()).content[0].type == "text"
    assert route.call_count == 1


def test_unmocked_calls_fail(respx_httpx2: respx.MockRouter, network_attempts: list[str]) -> None:
    """A call that no route matches fails at the router; it does not get as far as the network."""
    respx_httpx2.get("https://api.anthropic.com/v1/models").respond(json={})
    with pytest.raises(anthropic.APIConnectionError) as caught:
        asyncio.run(_ask())
    assert isinstance(caught.value.__cause__, AssertionError)
    assert not network_attempts


def test_without_respx_the_guard_stops_it(network_attempts: list[str]) -> None:
    """A call of the SDK in a test without the fixture is stopped before it leaves, and is on record."""
    with pytest.raises(anthropic.APIConnectionError):
        asyncio.run(_ask())
    assert network_attempts
    network_attempts.clear()


def test_aiohttp_is_off_under_respx(respx_httpx2: respx.MockRouter) -> None:
    """The transport that respx can't see looks as if it were not installed."""
    with pytest.raises(RuntimeError, match="aiohttp"):
        anthropic.DefaultAioHttpClient()
