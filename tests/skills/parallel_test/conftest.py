"""Tiny real projects, and their suites run as fanfold runs them."""

from __future__ import annotations

import asyncio
import os
import sys
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from fanfold.engine.events import EventLog
from fanfold.engine.supervisor import Supervisor
from fanfold.engine.watched import Limits
from fanfold.models import Outcome
from fanfold.runners import load
from fanfold.runners.tools import Tools
from fanfold.skills.parallel_test.job import Deaf, Job, Settings, SuiteRun
from fanfold.skills.parallel_test.work import running
from fanfold.suites import Environment, Suite, TestVerdict


@dataclass
class Result:
    """What a run came to, in shapes that are easily compared."""

    run: SuiteRun
    outcomes: tuple[Outcome[Any], ...]
    log: EventLog

    @property
    def verdicts(self) -> dict[str, str]:
        return {case.name: case.verdict.value for case in self.run.cases}

    @property
    def attempts(self) -> dict[str, list[str]]:
        return {case.name: [attempt.outcome.value for attempt in case.attempts] for case in self.run.cases}

    @property
    def kinds(self) -> dict[str, str]:
        return {settled.case.name: settled.kind.value for settled in self.run.settled}

    def first(self, name: str) -> Any:
        """Return the first attempt at a test."""
        return next(case for case in self.run.cases if case.name == name).attempts[0]


@dataclass
class Project:
    """A folder with tests; `options` are those of `Settings` and `Suite`."""

    root: Path
    listener: Any = field(default_factory=Deaf)

    def write(self, files: Mapping[str, str]) -> Project:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text), encoding="utf-8")
        return self

    def job(self, **options: Any) -> Job:
        chosen, durations = options.pop("chosen", None), options.pop("durations", {})
        by_name = options.pop("by_name", False)
        framework = options.pop("framework", "pytest")
        prefix = options.pop("prefix", ())
        suite = Suite(name="unit", framework=framework, **options)
        return Job(suite, Environment(prefix=prefix), load(framework), chosen, by_name=by_name, durations=durations)

    async def arun(
        self,
        *,
        workers: int = 2,
        retries: int = 0,
        limits: Limits | None = None,
        **options: Any,
    ) -> Result:
        log, path = EventLog(), options.pop("path", os.environ["PATH"])
        environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        # The pytest that runs this test runs the project's as well.
        environ |= {"PATH": path, "VIRTUAL_ENV": sys.prefix, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        settings = Settings(
            self.root,
            Tools(self.root, environ),
            workers,
            limits or Limits(slow_s=30, timeout_s=60, grace_s=0.5),
            retries,
            log,
            self.listener,
        )
        async with Supervisor(jobs=workers, events=log) as supervisor:
            if hasattr(self.listener, "supervisor"):
                self.listener.supervisor = supervisor
            async with running([self.job(**options)], settings, supervisor) as (runs, outcomes):
                return Result(runs[0], outcomes, log)

    def run(self, **options: Any) -> Result:
        return asyncio.run(self.arun(**options))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path).write({"pytest.ini": "[pytest]\n"})


@pytest.fixture
def gone() -> Callable[[int], bool]:
    """Tell whether a process has ended; one that nobody has waited for has."""

    def tell(pid: int) -> bool:
        try:
            return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    return tell


# A thread that is there when tests have been collected: no worker is made by fork then.
NO_FORK = """
import threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
"""


@pytest.fixture(params=["forked", "started"])
def either(request: pytest.FixtureRequest, project: Project) -> Project:
    """Return a project whose workers are forked, and one whose workers are not."""
    return project.write({"conftest.py": "" if request.param == "forked" else NO_FORK})


__all__ = ["NO_FORK", "Project", "Result", "TestVerdict"]
