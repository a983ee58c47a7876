"""Running items one by one, and making workers by fork."""

from __future__ import annotations

import array
import atexit
import gc
import json
import os
import select
import signal
import socket
import sys
import tempfile
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, Sequence

import pytest

from fanfold_reporter.captures import redirect
from fanfold_reporter.channel import Channel, out_of_the_way, shown
from fanfold_reporter.describe import MESSAGE, frames

if TYPE_CHECKING:
    from fanfold_reporter.measuring import Measure

_RECEIVED = 1 << 16


class Reporter(Protocol):
    """What running needs of the plugin that asks for it."""

    channel: Channel
    measure: Measure

    def be_worker(self, config: Any, workerinput: dict[str, Any] | None) -> None:
        """Be a worker for whoever asks which one this process is."""


class EndOfShard(pytest.Item):
    """Stands in for the test after the last one of a shard: what the session holds stays, all else is torn down."""

    def runtest(self) -> None:
        """Is never called."""

    def listchain(self) -> list[Any]:
        return [self.session, self]


class Runner:
    """Runs items of a session and says so."""

    def __init__(self, session: pytest.Session, plugin: Reporter) -> None:
        self._session = session
        self._plugin = plugin
        self._after = EndOfShard.from_parent(session, name="the end of a shard")
        self._last: pytest.Item | None = None
        # The same in all processes of a machine; held here, where tools that stop the time for a test don't find it.
        self._clock = time.monotonic

    def run(self, indices: Sequence[int]) -> bool:
        """Run a shard's items in their order; tells whether the process can go on."""
        items = self._session.items
        for place, index in enumerate(indices):
            following = items[indices[place + 1]] if place + 1 < len(indices) else self._after
            if not self._one(index, items[index], following):
                return False
        self._plugin.measure.save()
        self._plugin.channel.say("done")
        return True

    def _one(self, index: int, item: pytest.Item, following: pytest.Item) -> bool:
        self._last = item
        self._plugin.channel.note("start", index=index, at=self._clock())
        try:
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        except (KeyboardInterrupt, pytest.exit.Exception) as error:
            # Here pytest would end the run. This process ends, and what is left is run in a new one.
            kind = "interrupted" if isinstance(error, KeyboardInterrupt) else "exit"
            chain = [{"type": kind, "message": shown(error, MESSAGE), "frames": frames(error.__traceback__)}]
            self._plugin.channel.say(kind, index=index, at=self._clock(), failure={"chain": chain, "text": ""})
            return False
        self._session.shouldstop = self._session.shouldfail = False
        self._plugin.channel.keep("end", index=index, at=self._clock())
        return True

    def tear_down(self) -> None:
        """Tear down what the session holds; what fails then is a failure of the test that ran last."""
        if self._last is None:
            return
        item, session = self._last, self._session
        call = pytest.CallInfo.from_call(lambda: session._setupstate.teardown_exact(None), when="teardown")  # noqa: SLF001  pytest has no other way
        if call.excinfo is not None:
            report = item.ihook.pytest_runtest_makereport(item=item, call=call)
            item.ihook.pytest_runtest_logreport(report=report)


class Server:
    """Takes commands from a socket, and says which of the workers that it made have ended."""

    def __init__(self, session: pytest.Session, plugin: Reporter) -> None:
        self._session = session
        self._plugin = plugin
        self._runner = Runner(session, plugin)
        self._buffer = b""
        self._descriptors: list[int] = []
        self._children: set[int] = set()
        self._wake: list[int] = []

    def serve(self) -> None:
        """Do what is asked until the end, or until a test has made going on impossible."""
        while True:
            command = self._next()
            if command is None or command["do"] == "end":
                break
            if command["do"] == "fork":
                self._fork(command)
            elif not self._runner.run(command["tests"]):
                break
        for child in self._children:
            with suppress(OSError):
                os.killpg(child, signal.SIGKILL)  # with what its tests have started: each leads a group
        self._runner.tear_down()

    def _next(self) -> dict[str, Any] | None:
        """Return the next command, None at the end of the socket; meanwhile say who has ended."""
        channel = self._plugin.channel.descriptor
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([channel, *self._wake[:1]], [], [])
            if self._wake and self._wake[0] in ready:
                self._reap()
            if channel in ready and not self._receive(channel):
                return None
        line, self._buffer = self._buffer.split(b"\n", 1)
        command: dict[str, Any] = json.loads(line)
        return command

    def _receive(self, descriptor: int) -> bool:
        end = socket.socket(fileno=descriptor)
        try:
            data, ancillary, _, _ = end.recvmsg(_RECEIVED, socket.CMSG_SPACE(16 * array.array("i").itemsize))
        except ConnectionError:
            return False
        finally:
            end.detach()
        for _, _, descriptors in ancillary:
            self._descriptors += array.array("i", descriptors)
        self._buffer += data
        return bool(data)

    def _reap(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._wake[0], 4096)
        for child in list(self._children):
            found, status = os.waitpid(child, os.WNOHANG)
            if found:
                self._children.discard(child)
                code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
                self._plugin.channel.say("exit", pid=child, code=code)

    def _watch_children(self) -> None:
        """Wake up when a child ends."""
        if self._wake:
            return
        self._wake = list(os.pipe())
        for end in self._wake:
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._wake[1], warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _fork(self, command: dict[str, Any]) -> None:
        self._watch_children()
        mine, self._descriptors = self._descriptors[:3], self._descriptors[3:]
        # As the documentation of gc has it: what is there by now no worker has to copy in order to look through it.
        gc.freeze()
        child = os.fork()
        if child:
            for descriptor in mine:
                os.close(descriptor)
            self._children.add(child)
            self._plugin.channel.say("forked", pid=child, worker=command["worker"])
            return
        try:
            self._be_worker(command, *mine)
        finally:
            os._exit(1)  # the rest of pytest's session is the server's business

    def _be_worker(self, command: dict[str, Any], messages: int, channel: int, output: int) -> NoReturn:
        """Live a worker's life in the forked process."""
        atexit._clear()  # noqa: SLF001  as multiprocessing does: what is registered is the server's
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._plugin.channel.close()
        for descriptor in self._wake:
            os.close(descriptor)
        os.environ.update(command["variables"])
        self._plugin.measure.again()
        tempfile.tempdir = None
        self._plugin.channel = Channel(messages, channel)
        self._plugin.be_worker(self._session.config, command["input"])
        redirect(self._session.config, out_of_the_way(output), command["capture"])
        Server(self._session, self._plugin).serve()
        self._plugin.measure.end()
        self._plugin.channel.say("closed")
        _save_coverage()
        atexit._run_exitfuncs()  # noqa: SLF001  what tests have registered
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _save_coverage() -> None:
    """Write what coverage.py has measured in this process, if it measures."""
    coverage: Any = sys.modules.get("coverage")
    current = coverage.Coverage.current() if coverage else None
    if current is not None:
        current.stop()
        current.save()
