"""Targets of every kind on one repository that no setting of this machine reaches, and a way to ask tools."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from fanfold.agents.tools.base import ToolReply
from fanfold.agents.tools.toolbox import Toolbox
from fanfold.sources.target import Target, resolve
from fanfold.testing.repository import Repository, isolate_git


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch) -> None:
    isolate_git(monkeypatch)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Return an empty repository; nothing is committed yet."""
    return Repository.init(tmp_path / "project")


@pytest.fixture
def project(repository: Repository) -> Repository:
    """Return a repository with two commits; the second changes `src/app.py` and so is every kind of target."""
    repository.write("src/app.py", "import os\n\n\ndef main():\n    return 1\n")
    repository.write("src/util.py", "def helper(value):\n    return value\n")
    repository.write("README.md", "# Project\n\nCall `main`.\n")
    repository.commit("First")
    repository.write("src/app.py", "import os\n\n\ndef main():\n    return helper(2)\n")
    repository.commit("Second")
    return repository


@pytest.fixture
def target_of() -> Callable[[Repository, str], Target]:
    """Return what makes a target of a kind whose head side holds the files as they are now, all of them committed."""
    return _target_of


def _target_of(repository: Repository, kind: str) -> Target:
    root = repository.root
    if kind == "paths":
        return resolve(["."], cwd=root)
    if kind == "commit":
        return resolve(["HEAD"], cwd=root)
    if kind == "patch":
        change = repository.git("diff", "HEAD~1", "HEAD")
        repository.git("checkout", "--quiet", "HEAD~1")
        return resolve([], cwd=root, diff=change)
    repository.git("reset", "--quiet", "--soft", "HEAD~1")
    return resolve([], cwd=root, staged=kind == "staged")


@pytest.fixture
def ask() -> Callable[..., ToolReply]:
    """Return what asks a tool of a target or of a toolbox."""

    def run(target: Target | Toolbox, tool: str, **arguments: object) -> ToolReply:
        toolbox = target if isinstance(target, Toolbox) else Toolbox(target)
        return asyncio.run(toolbox.call(tool, arguments))[0]

    return run
