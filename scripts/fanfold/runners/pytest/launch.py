"""How pytest is called when the reporter is injected, and where it can't be."""

from __future__ import annotations

from pathlib import PurePosixPath

from fanfold.runners.base import Command, Task
from fanfold.runners.common import command_of, python_call
from fanfold.runners.tools import Tools
from fanfold.suites import Environment, Suite

# Behind these, neither this machine's files nor an open socket are there.
_AWAY = frozenset({"docker", "kubectl", "lima", "limactl", "nerdctl", "podman", "ssh", "vagrant", "wsl"})
_PYTEST = frozenset({"pytest", "py.test"})


def can_inject(suite: Suite, environment: Environment) -> bool:
    """Tell whether the reporter reaches the pytest of this suite.

    Not behind a prefix that leads off this machine, and not in a command that has no word `pytest` to put it after.
    """
    if any(PurePosixPath(word).name in _AWAY for word in environment.prefix[:2]):
        return False
    return not suite.command or any(PurePosixPath(word).name in _PYTEST for word in suite.command)


def launch(task: Task, tools: Tools) -> Command:
    """Return pytest's command for the whole suite, without what selects tests or writes results."""
    call = python_call(task, tools)
    module = () if task.suite.command else ("-m", "pytest")
    return command_of(task, call, *module, last=task.suite.paths)
