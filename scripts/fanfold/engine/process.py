"""One child process from its start to its end, leaving nothing behind.

The child leads its own session, so that a signal to its process group reaches everything that it started.
Whatever ends it, its own exit, the timeout or a cancellation, ends the group: SIGTERM, a grace, SIGKILL. A
child that outlives it and holds its pipes delays the answer by `LEAK_S` and is ended like the rest
(cargo-nextest calls it leaky). A process that starts a session of its own has left the group and is out of
reach; it can't hold the answer back either.

POSIX only: Windows has no process groups to signal.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from fanfold.errors import FinalError, TransientError, WorkerError

GRACE_S = 2.0
LEAK_S = 0.2
MAX_OUTPUT = 64 * 1024 * 1024

_STDIN, _STDOUT, _STDERR = range(3)
_SHORT_OF = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE})


@dataclass(frozen=True, slots=True)
class Completed:
    """A process that has ended.

    `returncode` is minus the signal's number when a signal ended it. `truncated` says that one of the
    outputs was longer than what is here: its beginning is kept.
    """

    returncode: int
    stdout: bytes
    stderr: bytes
    truncated: bool


class ProcessTimeoutError(TimeoutError):
    """The process was ended at its timeout; `completed` is what it had printed until then."""

    def __init__(self, message: str, completed: Completed) -> None:
        super().__init__(message)
        self.completed = completed


async def run_process(
    argv: Sequence[str | os.PathLike[str]],
    *,
    cwd: Path,
    timeout_s: float | None,
    stdin: bytes | None = None,
    env: Mapping[str, str] | None = None,
    max_output: int = MAX_OUTPUT,
    grace_s: float = GRACE_S,
) -> Completed:
    """Run `argv` in `cwd`, without a shell, and return what it printed and how it ended.

    `stdin` is what the program reads before the end of its input. `env` replaces the environment, None
    inherits it. `max_output` bytes of either output are kept; the rest is read and dropped, so that the
    program never blocks. `grace_s` is how long the group has between SIGTERM and SIGKILL.

    Raises:
        ProcessTimeoutError: a TimeoutError, after `timeout_s` seconds.
        FinalError: the program is missing or can't be started; `cwd` is no folder.
        TransientError: the machine is short of processes, memory or file descriptors.
    """
    out, err = Head(max_output), Head(max_output)
    child = await start(argv, cwd=cwd, env=env, piped=stdin is not None, out=out, err=err)
    timed_out = False
    try:
        async with asyncio.timeout(timeout_s):
            child.feed(stdin)
            await child.exited.wait()
        await child.within(LEAK_S)
    except TimeoutError:
        timed_out = True
    finally:
        await child.stop(grace_s)
    completed = Completed(child.returncode, bytes(out.kept), bytes(err.kept), out.truncated or err.truncated)
    if timed_out:
        raise ProcessTimeoutError(f"{Path(argv[0]).name} did not end within {timeout_s:g} s", completed)
    return completed


class Sink(Protocol):
    """Takes what a program prints."""

    def write(self, data: bytes, /) -> object: ...


class Head:
    """Keeps the first `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self.kept = bytearray()
        self.truncated = False
        self._limit = limit

    def write(self, data: bytes, /) -> None:
        room = self._limit - len(self.kept)
        self.kept += data[:room]
        self.truncated |= len(data) > room


async def start(
    argv: Sequence[str | os.PathLike[str]],
    *,
    cwd: Path,
    out: Sink,
    err: Sink,
    env: Mapping[str, str] | None = None,
    piped: bool = False,
    pass_fds: Sequence[int] = (),
) -> Child:
    """Start a program at the head of a session of its own; whoever does so has to `stop` it.

    A cancellation during the start ends it and whatever it has started by then. `piped` gives it an input, and
    `pass_fds` are descriptors that stay open in it.

    Raises:
        FinalError: the program is missing or can't be started; `cwd` is no folder.
        TransientError: the machine is short of processes, memory or file descriptors.
    """
    words = [os.fspath(word) for word in argv]
    loop = asyncio.get_running_loop()
    starting = loop.create_task(
        loop.subprocess_exec(
            lambda: Child(out, err),
            *words,
            cwd=cwd,
            env=env,
            stdin=asyncio.subprocess.PIPE if piped else asyncio.subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=pass_fds,
        )
    )
    try:
        _, child = await asyncio.shield(starting)
    except asyncio.CancelledError:
        with suppress(OSError, ValueError):
            await (await starting)[1].stop(0)
        raise
    except (OSError, ValueError) as error:
        raise _not_started(words[0], cwd, error) from error
    return child


def _not_started(program: str, cwd: Path, error: OSError | ValueError) -> WorkerError:
    """Say why a program did not start: its own fault, the folder's, or the machine's."""
    if isinstance(error, ValueError):  # a NUL byte in a word or in the environment
        return FinalError(f"can't start {program!r}: {error}")
    if error.errno in _SHORT_OF:
        return TransientError(f"can't start {program}: {error.strerror}; fewer --jobs would help")
    if not cwd.is_dir():
        return FinalError(f"can't start {program} in {cwd}: no such folder")
    if error.errno == errno.ENOENT:
        return FinalError(f"can't start {program}: no such program; install it, or put it on PATH")
    return FinalError(f"can't start {program}: {error.strerror or error}")


class Child(asyncio.SubprocessProtocol):
    """The process and its outputs: `exited` when it has ended, `drained` when nobody holds them open."""

    def __init__(self, out: Sink, err: Sink) -> None:
        self.exited = asyncio.Event()
        self.drained = asyncio.Event()
        self._closed = asyncio.Event()
        self._output = {_STDOUT: out, _STDERR: err}
        self._open = {_STDIN, _STDOUT, _STDERR}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.SubprocessTransport", transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self._output[fd].write(data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        del exc  # a program may well end without reading its input
        self._open.discard(fd)
        if not self._open & self._output.keys():
            self.drained.set()

    def process_exited(self) -> None:
        self.exited.set()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # always None
        self._closed.set()

    @property
    def pid(self) -> int:
        """The process's id, which is that of its group and session as well."""
        return self._transport.get_pid()

    @property
    def returncode(self) -> int:
        """How it ended: minus the signal's number when a signal did it, or when it hangs in the kernel."""
        code = self._transport.get_returncode()
        return -signal.SIGKILL if code is None else code

    def feed(self, data: bytes | None) -> None:
        """Write all of the input, then its end."""
        writer = self._input
        if writer is not None:
            writer.write(data or b"")
            writer.write_eof()

    def send(self, data: bytes) -> None:
        """Write a part of the input; nothing once the program no longer reads."""
        if self._input is not None and _STDIN in self._open:
            self._input.write(data)

    @property
    def _input(self) -> asyncio.WriteTransport | None:
        return cast("asyncio.WriteTransport | None", self._transport.get_pipe_transport(_STDIN))

    async def within(self, seconds: float) -> None:
        """Wait until the process has ended and its outputs are closed, at most so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.exited.wait()
                await self.drained.wait()

    async def stop(self, grace_s: float) -> None:
        """End the group, release the pipes; a cancellation meanwhile skips the grace and is raised after."""
        cancelled = False
        for number, seconds in ((signal.SIGTERM, grace_s), (signal.SIGKILL, LEAK_S)):
            if not self._signal(number):
                break
            try:
                await self.within(seconds)
            except asyncio.CancelledError:
                cancelled = True
        self._release()
        with suppress(TimeoutError):  # SIGKILL doesn't end what hangs in the kernel
            async with asyncio.timeout(GRACE_S):
                await self._closed.wait()
        if cancelled:
            raise asyncio.CancelledError

    def _signal(self, number: int) -> bool:
        """Signal the group; False when nobody is left in it."""
        try:
            os.killpg(self._transport.get_pid(), number)
        except (ProcessLookupError, PermissionError):  # the latter when only zombies are left (macOS)
            return False
        return True

    def _release(self) -> None:
        if self._input is not None and _STDIN in self._open:  # close() would wait for what nobody reads
            self._input.abort()
        self._transport.close()
