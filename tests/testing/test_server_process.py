"""The stand-in as a process of its own: it starts from a file, is read over HTTP, and never outlives its user."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import anthropic
import pytest

import fanfold.testing
from fanfold.testing import FaultKind, Faults, Latency, Reply, Rule, ServerOptions, server_process
from fanfold.testing.options import Fault
from fanfold.testing.server import load_script

SOURCES = str(Path(fanfold.testing.__file__).parents[2])


def _ask(url: str) -> str:
    async def main() -> str:
        plain = anthropic.DefaultAsyncHttpxClient(verify=False)
        async with anthropic.AsyncAnthropic(base_url=url, api_key="k", max_retries=0, http_client=plain) as client:
            answer = await client.messages.create(
                model="claude-haiku-5-5", max_tokens=9, messages=[{"role": "user", "content": "hello"}]
            )
            return "".join(block.text for block in answer.content if block.type == "text")

    return asyncio.run(main())


def test_a_process_of_its_own(tmp_path: Path) -> None:
    """It answers by its script, and its counters, records and options are read and set over HTTP."""
    script = tmp_path / "script.py"
    script.write_text(
        "from fanfold.testing import Reply\n"
        "def script(request):\n"
        "    return Reply(request['messages'][0]['content'].upper())\n"
    )
    with server_process(script, ServerOptions(seed=4)) as server:
        assert _ask(server.url) == "HELLO"
        assert server.stats().by_status == {"200": 1}
        assert server.requests[0].body["messages"][0]["content"] == "hello"
        server.reset(ServerOptions(faults=Faults(first=(Fault(kind=FaultKind.OVERLOADED),))))
        assert server.stats().requests == 0
        with pytest.raises(anthropic.OverloadedError):
            _ask(server.url)
        server.reset()
        with pytest.raises(anthropic.OverloadedError):
            _ask(server.url)


def test_a_script_that_does_not_load(tmp_path: Path) -> None:
    """A process that can't start is an error with its exit code, not a hang."""
    script = tmp_path / "script.json"
    script.write_text("{")
    with pytest.raises(RuntimeError, match="did not start; exit code 1"), server_process(script):
        pass


def test_script_files(tmp_path: Path) -> None:
    """A script is JSON rules, or Python that defines `script`."""
    as_json, as_python, empty = tmp_path / "a.json", tmp_path / "a.py", tmp_path / "b.py"
    as_json.write_text(json.dumps([{"match": "x", "replies": [{"text": "y"}]}]))
    as_python.write_text("from fanfold.testing import Reply\nscript = Reply('z')\n")
    empty.write_text("answer = 1\n")
    assert load_script(as_json) == [Rule("x", [Reply("y")])]
    assert load_script(as_python) == Reply("z")
    with pytest.raises(ValueError, match="defines no `script`"):
        load_script(empty)


@contextlib.contextmanager
def _python(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "PYTHONPATH": SOURCES}
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [sys.executable, *arguments], stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def test_the_command(tmp_path: Path) -> None:
    """The command prints its URL first, takes options from a file, and ends at Ctrl-C without a traceback."""
    options = tmp_path / "options.json"
    options.write_text(ServerOptions(latency=Latency(per_token_s=0.001)).model_dump_json())
    with _python("-m", "fanfold.testing.server", "--options", str(options)) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        assert _ask(url) == "ok"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
        assert process.stderr is not None
        assert (process.stdout.read(), process.stderr.read()) == ("", "")


def test_it_does_not_outlive_its_parent() -> None:
    """When the process that started it is killed, the server ends by itself."""
    code = (
        "from fanfold.testing import server_process\n"
        "with server_process() as server:\n"
        "    print(server.url, flush=True)\n"
        "    input()\n"
    )
    with _python("-c", code) as parent:
        assert parent.stdout is not None
        assert parent.stderr is not None
        assert _ask(parent.stdout.readline().strip()) == "ok"
        parent.kill()
        # The server has inherited this pipe's other end: reading comes to an end when both are gone.
        assert parent.stderr.read() == ""
