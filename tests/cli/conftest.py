"""A real repository to review, and the command line in this process."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fanfold.cli import run
from fanfold.testing.options import ServerOptions
from fanfold.testing.repository import Repository, isolate_git
from fanfold.testing.server import MessagesServer

BEFORE = 'def find(db, name):\n    return db.execute("select * from t where name = ?", (name,))\n'
AFTER = """\
def find(db, name, seen=[]):
    seen.append(name)
    return db.execute(f"select * from t where name = '{name}'")
"""


@dataclass
class Ended:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def run(self) -> Any:
        return json.loads(self.out)


@pytest.fixture(autouse=True)
def _isolated(monkeypatch, tmp_path):
    isolate_git(monkeypatch)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """One commit, and an uncommitted change that brings in two problems."""
    repository = Repository.init(tmp_path / "project")
    repository.write("app.py", BEFORE)
    repository.commit("Find by name")
    repository.write("app.py", AFTER)
    monkeypatch.chdir(repository.root)
    return repository


@pytest.fixture
def fanfold(capsys):
    """Run the command line in this process."""

    def call(*arguments: str | Path) -> Ended:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return call


@pytest.fixture
def served(monkeypatch):
    """Start a stand-in server, and make it the API."""

    def start(script, options=ServerOptions()):  # noqa: B008 — frozen
        server = MessagesServer(script, options)
        server.__enter__()
        stack.append(server)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "test")
        return server

    stack: list[MessagesServer] = []
    yield start
    for server in stack:
        server.__exit__(None, None, None)
