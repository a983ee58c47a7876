"""The real claude CLI with this pack in it, a loopback server as its model, and no way to anywhere else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fanfold.testing import MessagesServer, Reply
from fanfold.testing.claude_code import lone_surroundings
from fanfold.testing.replies import default_reply, text_of
from fanfold.testing.repository import ISOLATION, Repository
from launcher.entry import environment_name

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120
_TESTS = """\
import unittest


class LoadTest(unittest.TestCase):
    def test_it(self):
        self.assertEqual(1, 1)
"""
_PARTS = (".claude", ".claude-plugin", "agents", "bin", "scripts", "skills", "templates", "LICENSE", "README.md")
# What is compiled comes along: each of many starts would compile it anew.
_LEFT_BEHIND = shutil.ignore_patterns("settings.local.json", ".fanfold")

Turn = Callable[[dict[str, Any]], list[dict[str, Any]]]


@dataclass
class Told:
    """What became of a session."""

    code: int
    events: list[dict[str, Any]]
    requests: list[dict[str, Any]]
    errors: str
    results: list[str] = field(default_factory=list)

    @property
    def init(self) -> dict[str, Any]:
        return next(event for event in self.events if event.get("subtype") == "init")

    @property
    def denied(self) -> list[dict[str, Any]]:
        return [one for event in self.events if event["type"] == "result" for one in event["permission_denials"]]

    @property
    def prompt(self) -> str:
        """All that the model of the session was told before its first answer."""
        return text_of(self.requests[0])


@dataclass
class Host:
    """Runs sessions: `ask(prompt, [turn, …])`, where a turn is what the model wants done, in blocks."""

    program: Path
    home: Path
    cache: Path

    @staticmethod
    def bash(command: str, **more: Any) -> list[dict[str, Any]]:
        """Return a turn in which a command is wanted."""
        return [{"type": "tool_use", "name": "Bash", "input": {"command": command, **more}}]

    def log_in(self, token: str) -> None:
        """Leave what a login with a subscription leaves."""
        login = {
            "accessToken": token,
            "refreshToken": f"{token}-refresh",
            "expiresAt": 4_102_444_800_000,
            "scopes": ["user:inference", "user:profile"],
            "subscriptionType": "max",
        }
        place = self.home / ".claude" / ".credentials.json"
        place.parent.mkdir(exist_ok=True)
        place.write_text(json.dumps({"claudeAiOauth": login}))
        place.chmod(0o600)

    @staticmethod
    def said(request: dict[str, Any]) -> str:
        """Return what the latest tool said to the model."""
        contents = [message["content"] for message in request["messages"] if isinstance(message["content"], list)]
        found = [block for content in contents for block in content if block.get("type") == "tool_result"]
        return text_of({"messages": [{"content": found[-1:]}]})

    def environment(self, url: str | None) -> dict[str, str]:
        return {**lone_surroundings(self.home, url), **ISOLATION, "FANFOLD_CACHE_DIR": str(self.cache)}

    def run(
        self, *arguments: str | Path, cwd: Path | None = None, url: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of the CLI; `url` is that of the model, for those that ask one."""
        return _ended([self.program, *arguments], cwd or self.home, self.environment(url))

    def fanfold(
        self,
        checkout: Path,
        *arguments: str,
        cwd: Path,
        others: Callable[[dict[str, Any]], Reply],
        login: Mapping[str, str | None],
    ) -> subprocess.CompletedProcess[str]:
        """Run the command as a session does, without one."""
        with MessagesServer(others) as server:
            inside = {"CLAUDECODE": "1", "CLAUDE_CODE_EXECPATH": str(self.program)}
            program = checkout / "bin" / "fanfold"
            return _ended([program, *arguments], cwd, {**self.environment(server.url), **inside, **login})

    def ask(
        self,
        prompt: str,
        turns: Sequence[list[dict[str, Any]] | Turn] = (),
        *options: str | Path,
        cwd: Path,
        others: Callable[[dict[str, Any]], Reply] = default_reply,
        login: Mapping[str, str | None] | None = None,
    ) -> Told:
        """Hold a session in which the model wants `turns` done, one after the other; then it says that it is done.

        `others` answers every other request: sub-agents. `login` changes variables; None takes one away.
        """
        requests: list[dict[str, Any]] = []

        def model(request: dict[str, Any]) -> Reply:
            names = {tool["name"] for tool in request.get("tools", ())}
            if not {"Agent", "Bash", "Skill"} <= names or _is_an_agent(request):
                return others(request)
            requests.append(request)
            turn = sum(message["role"] == "assistant" for message in request["messages"])
            if turn >= len(turns):
                return Reply(text="That is all.")
            wanted = turns[turn]
            blocks = wanted(request) if callable(wanted) else wanted
            return Reply(blocks=[{"id": f"toolu_{turn}_{number}", **block} for number, block in enumerate(blocks)])

        with MessagesServer(model) as server:
            command = [self.program, "-p", prompt, *options, "--output-format", "stream-json", "--verbose"]
            done = _ended(command, cwd, {**self.environment(server.url), **(login or {})})
        events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        return Told(done.returncode, events, requests, done.stderr, list(_results(events)))


def _ended(
    command: Sequence[str | Path], cwd: Path, environment: Mapping[str, str | None]
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; a variable that is None is not there."""
    return subprocess.run(
        command,
        env={name: value for name, value in environment.items() if value is not None},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def _is_an_agent(request: dict[str, Any]) -> bool:
    """Tell whether a request comes from an agent that the session started as `fanfold prepare` says."""
    return "to its last line and do exactly" in text_of({"messages": request["messages"][:2]})


def _results(events: Sequence[dict[str, Any]]) -> list[str]:
    said = [event["message"]["content"] for event in events if event["type"] == "user"]
    blocks = [block for content in said if isinstance(content, list) for block in content]
    return [text_of({"messages": [{"content": [one]}]}) for one in blocks if one.get("type") == "tool_result"]


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of this pack in a place that no shell likes."""
    place = tmp_path_factory.mktemp("pack") / "plug in & more"
    place.mkdir()
    for part in _PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, place / part, symlinks=True, ignore=_LEFT_BEHIND)
        else:
            shutil.copy2(ROOT / part, place / part)
    return place


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a cache folder in which the environment stands ready: the one that runs the tests."""
    place = tmp_path_factory.mktemp("cache")
    environment = place / "environments" / environment_name(str(ROOT / "scripts" / "requirements.txt"))
    interpreter = environment / "bin" / "python"
    interpreter.parent.mkdir(parents=True)
    interpreter.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    interpreter.chmod(0o755)
    (environment / "complete").touch()
    return place


@pytest.fixture
def host(claude_program: Path, tmp_path: Path, cache: Path) -> Host:
    """Return a host with a new home."""
    home = tmp_path / "home"
    home.mkdir()
    return Host(claude_program, home, cache)


@pytest.fixture
def project(tmp_path: Path) -> Repository:
    """Return a repository with an uncommitted change that brings a problem in."""
    repository = Repository.init(tmp_path / "some project")
    repository.write("app.py", "def load(blob):\n    return blob\n")
    repository.commit("Load")
    repository.write("app.py", "import pickle\n\n\ndef load(blob):\n    return pickle.loads(blob)\n")
    return repository


@pytest.fixture
def tested(project: Repository) -> Repository:
    """Return the project, with a test in it."""
    project.write("tests/__init__.py", "")
    project.write("tests/test_load.py", _TESTS)
    return project


@pytest.fixture(autouse=True)
def _no_pack_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide a `fanfold` that the machine, or the environment of the tests, may have on its PATH."""
    kept = [one for one in os.environ["PATH"].split(os.pathsep) if not Path(one, "fanfold").exists()]
    monkeypatch.setenv("PATH", os.pathsep.join(kept))
