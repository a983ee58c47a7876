"""The hooks: they come before all others' where they change options, and see what others have made of reports."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generator, Sequence

import pytest

from fanfold_reporter.captures import Captures
from fanfold_reporter.channel import Channel, shown
from fanfold_reporter.describe import MESSAGE, TEXT, Describer, details, failure
from fanfold_reporter.economy import Economy
from fanfold_reporter.measuring import Measure
from fanfold_reporter.ports import Ports
from fanfold_reporter.running import Server
from fanfold_reporter.sharing import Watch

if TYPE_CHECKING:
    from typing_extensions import TypeAlias

    Wrapper: TypeAlias = Generator[None, Any, None]

# What the project's options may say and a worker must not do: spread out, stop early, ask a person, write result files.
_OPTIONS: dict[str, Any] = {
    "numprocesses": None,
    "maxprocesses": None,
    "dist": "no",
    "tx": [],
    "looponfail": False,
    "maxfail": 0,
    "usepdb": False,
    "trace": False,
    "xmlpath": None,
    "htmlpath": None,
    "json_report": None,
    "report_log": None,
    "allure_report_dir": None,
    "stepwise": False,
    "stepwise_skip": False,
}


# What shows in the terminal how far the tests are.
_SHOWN = ("pytest_runtest_logstart", "pytest_runtest_logreport", "pytest_runtest_logfinish")


def _show_nothing(config: Any) -> None:
    """Spare a worker the dots that nobody sees; the terminal's reporter stays there for whoever asks for it."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    for name in _SHOWN:
        # Pluggy has no public way to take one hook of a plugin; where this one is missing, the dots stay.
        with suppress(AttributeError, ValueError):
            getattr(config.hook, name)._remove_plugin(reporter)  # noqa: SLF001


class Plugin:
    """What is registered with pytest; `channel` is where it speaks."""

    def __init__(self, settings: dict[str, Any], measure: Measure) -> None:
        self._settings = settings
        self.measure = measure
        self._watch = Watch()
        self._economy = Economy()
        self._captures = Captures(settings["capture"])
        self._ports = Ports(settings["ports"])
        self._began = time.time()
        self._deselected = 0
        self._index: dict[pytest.Item, int] = {}
        self._current: pytest.Item | None = None
        self._subtests = 0
        self._error: BaseException | None = None
        # By the reports of the running test, which are not all hashable: plugins that rerun tests pass them on later.
        self._errors: dict[int, tuple[object, BaseException]] = {}
        self.channel = Channel(settings["messages"], settings["socket"])

    def be_worker(self, config: Any, workerinput: dict[str, Any] | None) -> None:
        """Be a worker as pytest-xdist's are, for plugins and fixtures that ask which one they are in."""
        if workerinput is not None:
            config.workerinput = workerinput
            config.workeroutput = {}
        _show_nothing(config)
        self._ports.watch(lambda seconds: self.channel.say_at_once("waiting", seconds=seconds))

    @pytest.hookimpl(hookwrapper=True)
    def pytest_load_initial_conftests(self, early_config: pytest.Config) -> Wrapper:
        """Keep pytest-cov out: the coverage of one shard means nothing, and it would fail the run for it."""
        if getattr(early_config.known_args_namespace, "cov_source", None):
            early_config.known_args_namespace.cov_source = None
        yield

    @pytest.hookimpl(hookwrapper=True)
    def pytest_cmdline_main(self, config: pytest.Config) -> Wrapper:
        for name, value in _OPTIONS.items():
            if hasattr(config.option, name):
                setattr(config.option, name, value)
        if self._settings["files"] is not None:
            config.args = self._settings["files"]
        yield

    def pytest_configure(self) -> None:
        self._captures.disarm()

    # -- collecting

    @pytest.hookimpl(hookwrapper=True)
    def pytest_make_collect_report(self) -> Wrapper:
        outcome = yield
        call = getattr(outcome.get_result(), "call", None)
        self._error = call.excinfo.value if call and call.excinfo else None

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        error, self._error = self._error, None
        if report.passed:
            return
        said = report.longrepr
        self.channel.say(
            f"collect-{report.outcome}",
            id=report.nodeid,
            path=str(getattr(report, "fspath", "") or ""),
            message=shown(said[2] if isinstance(said, tuple) else said, TEXT),
            failure=failure(error, said) if error is not None and report.failed else None,
        )

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        self._deselected += len(items)

    # -- running

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        session.testsfailed = 0  # what can be collected is run; what can't has been said
        self._watch.stop()
        self._economy.end()
        no_fork = self._watch.verdict()
        describer = Describer(self.channel.keep)
        for index, item in enumerate(session.items):
            self._index[item] = index
            describer.item(index, item)
        took = time.time() - self._began
        counts = {"count": len(session.items), "deselected": self._deselected}
        python = {"python": sys.executable, "unmeasured": self.measure.unmeasured}
        self.channel.say("collected", no_fork=no_fork, took=took, **python, **counts)
        self.be_worker(session.config, self._settings["worker"])
        Server(session, self).serve()
        self.measure.end()
        self.channel.say("closed")
        return True

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Wrapper:
        self._current, self._subtests, self._error = item, 0, None
        self._errors.clear()
        yield

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, call: pytest.CallInfo[None]) -> Wrapper:
        outcome: Any = yield
        self._error = call.excinfo.value if call.excinfo else None
        if self._error is not None:
            report = outcome.get_result()
            self._errors[id(report)] = (report, self._error)

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        _, error = self._errors.pop(id(report), (report, self._error))
        self._error = None
        context: Any = getattr(report, "context", None)  # of a subtest
        if context is not None and report.passed:
            self._subtests += 1
            return
        index = self._index.get(self._current) if self._current else None
        said: dict[str, Any] = {"when": report.when, "outcome": report.outcome, "duration": report.duration}
        if hasattr(report, "wasxfail"):
            said["wasxfail"] = shown(report.wasxfail, MESSAGE)
        if context is not None:
            said["subtest"] = shown([context.msg, context.kwargs], MESSAGE)
        if self._subtests and report.when == "call":
            said["subtests"] = self._subtests
        if not report.passed:
            said.update(details(self._current, report, error))
        # Of a process that dies no more is worth knowing than where it was and what had failed.
        say = self.channel.keep if report.passed else self.channel.note
        say("phase", index=index, **said)
