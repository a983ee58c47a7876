"""How pytest is called when the reporter is injected, and where it can't be."""

from __future__ import annotations

from pathlib import PurePosixPath

from fanfold.runners.base import Command, Task
from fanfold.runners.common import command_of, python_call
from fanfold.runners.tools import Tools
from fanfold.suites import Environment, Suite

# Behind these, neither this machine's files nor an open socket are there.
_AWAY = frozenset({"docker", "hatch", "kubectl", "lima", "limactl", "nerdctl", "podman", "ssh", "vagrant", "wsl"})
# These start pytest with variables of their own choosing.
_CLOSED = frozenset({"nox", "tox"})
_PYTEST = frozenset({"pytest", "py.test"})


def can_inject(suite: Suite, environment: Environment) -> bool:
    """Tell whether the reporter reaches the pytest of this suite.

    Not behind a prefix that leads off this machine, and in a command only if that names pytest, which the reporter's
    option is then for, and hands variables on.
    """
    if any(PurePosixPath(word).name in _AWAY for word in environment.prefix[:2]):
        return False
    names = {PurePosixPath(word).name for word in suite.command}
    return not names or (not names.isdisjoint(_PYTEST) and names.isdisjoint(_CLOSED))


def launch(task: Task, tools: Tools) -> Command:
    """Return pytest's command for the whole suite, without what selects tests or writes results."""
    call = python_call(task, tools)
    module = () if task.suite.command else ("-m", "pytest")
    return command_of(task, call, *module, last=task.suite.paths)
