"""The stand-in Messages API on a loopback socket: in a thread of this process, or as a process of its own.

    python -m fanfold.testing.server --port 0 --script FILE --options FILE

prints its URL as its first line and serves until it is told to end. A script file is Python that defines
`script` (see `fanfold.testing.replies`: a function `script(request) -> Reply`, a list of rules, or one
reply), or JSON: a list of `{"match": "…", "replies": [{"text": "…"}, …]}`. An options file is JSON as
`ServerOptions` has it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import runpy
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from pydantic import TypeAdapter

from fanfold.testing.books import Recorded, Stats
from fanfold.testing.http1 import serving
from fanfold.testing.options import ServerOptions
from fanfold.testing.replies import Rule, Script
from fanfold.testing.service import RECORDS, MessagesService

T = TypeVar("T")

_START_TIMEOUT_S = 30.0


class MessagesServer:
    """A Messages API on 127.0.0.1, on a thread with a loop of its own.

        with MessagesServer([Rule("You review", [Reply(json={"findings": []})])]) as server:
            client = anthropic.AsyncAnthropic(base_url=server.url, api_key="test")

    An error that the script raises is raised again at the end of the block, unless the block raises itself.
    """

    def __init__(
        self,
        script: Script = None,
        options: ServerOptions = ServerOptions(),  # noqa: B008 — frozen
        *,
        port: int = 0,
    ) -> None:
        self._service = MessagesService(script, options)
        self._wanted_port = port
        self._port: int | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._started = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._serve, name="messages-server", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._started.wait(_START_TIMEOUT_S):
            raise TimeoutError(f"the server did not start within {_START_TIMEOUT_S:g} s")
        if self._failure:
            raise self._failure
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._loop and self._stop:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        wrong = [self._failure] if self._failure else [*self._service.script_errors]
        if error is None and wrong:
            raise wrong[0]

    @property
    def url(self) -> str:
        """The base URL for a client. Raises RuntimeError before the block begins."""
        if self._port is None:
            raise RuntimeError("the server has no address yet: use it as a context manager")
        return f"http://127.0.0.1:{self._port}"

    @property
    def requests(self) -> tuple[Recorded, ...]:
        """Return what was asked so far, oldest first."""
        return self._on_loop(self._service.requests)

    def stats(self) -> Stats:
        """Return the counters."""
        return self._on_loop(self._service.stats)

    async def until(self, condition: Callable[[Stats], bool], timeout_s: float = 30.0) -> Stats:
        """Wait until the counters meet a condition, and return them; what a test does instead of sleeping.

        Raises TimeoutError after `timeout_s` seconds of the wall.
        """
        give_up_s = time.monotonic() + timeout_s
        while not condition(stats := self.stats()):
            if time.monotonic() > give_up_s:
                raise TimeoutError(f"the counters never got there: {stats}")
            await asyncio.sleep(0.001)
        return stats

    def reset(self, options: ServerOptions | None = None) -> None:
        """Forget everything so far; take new options if given."""
        self._on_loop(lambda: self._service.reset(options))

    def advance(self, seconds: float) -> None:
        """Let that much time pass for the cache and the limits, without waiting."""
        self._on_loop(lambda: self._service.advance(seconds))

    def _on_loop(self, call: Callable[[], T]) -> T:
        """Run `call` where nothing else touches the service at the same time."""
        if self._loop is None or not self._thread.is_alive():
            return call()

        async def run() -> T:
            return call()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def _serve(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:  # noqa: BLE001 — it belongs to the thread that started this one
            self._failure = error
        finally:
            self._started.set()

    async def _main(self) -> None:
        self._stop = asyncio.Event()
        async with serving(self._service, self._wanted_port) as self._port:
            self._loop = asyncio.get_running_loop()
            self._started.set()
            await self._stop.wait()


class ServerProcess:
    """A server in a process of its own, seen from outside."""

    def __init__(self, url: str) -> None:
        self.url = url

    @property
    def requests(self) -> tuple[Recorded, ...]:
        """Return what was asked so far, oldest first."""
        return RECORDS.validate_json(self._fetch("/__requests"))

    def stats(self) -> Stats:
        """Return the counters."""
        return Stats.model_validate_json(self._fetch("/__stats"))

    def reset(self, options: ServerOptions | None = None) -> None:
        """Forget everything so far; take new options if given."""
        self._fetch("/__reset", options.model_dump_json().encode() if options else b"")

    def _fetch(self, path: str, body: bytes | None = None) -> bytes:
        with _opener.open(f"{self.url}{path}", data=body) as answer:
            content: bytes = answer.read()
        return content


# Without the proxies of the environment: this is loopback.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@contextlib.contextmanager
def server_process(
    script: Path | None = None,
    options: ServerOptions = ServerOptions(),  # noqa: B008 — frozen
) -> Iterator[ServerProcess]:
    """Run the server as a process of its own, whose CPU time is not the caller's.

    `script` is a file as the command takes it. The process ends with the block, and with this process,
    however that ends. Raises RuntimeError with what it wrote when it does not start.
    """
    command = [sys.executable, "-m", "fanfold.testing.server", "--options-json", options.model_dump_json()]
    command += ["--script", str(script)] if script else []
    with _running([*command, "--until-stdin-closes"]) as process:
        assert process.stdout is not None  # noqa: S101 — asked for above
        url = process.stdout.readline().strip()
        if not url:
            raise RuntimeError(f"the server did not start; exit code {process.wait()}")
        yield ServerProcess(url)


@contextlib.contextmanager
def _running(command: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    package = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    process = subprocess.Popen(  # noqa: S603 — this interpreter, this package
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}
    )
    with process:
        try:
            yield process
        finally:
            process.terminate()


def load_script(path: Path) -> Script:
    """Read a script file. Raises OSError, ValueError, or whatever Python code in it raises."""
    if path.suffix == ".json":
        return TypeAdapter(list[Rule]).validate_json(path.read_bytes())
    names = runpy.run_path(str(path))
    if "script" not in names:
        raise ValueError(f"{path} defines no `script`")
    script: Script = names["script"]
    return script


async def _serve_until_told(service: MessagesService, port: int, *, until_stdin_closes: bool) -> None:
    async with serving(service, port) as taken:
        sys.stdout.write(f"http://127.0.0.1:{taken}\n")
        sys.stdout.flush()
        if until_stdin_closes:
            await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        else:
            await asyncio.Event().wait()


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m fanfold.testing.server", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--script", type=Path)
    parser.add_argument("--options", type=Path)
    parser.add_argument("--options-json", default="{}", help=argparse.SUPPRESS)
    parser.add_argument("--until-stdin-closes", action="store_true")
    asked = parser.parse_args(arguments)
    text = asked.options.read_text(encoding="utf-8") if asked.options else asked.options_json
    service = MessagesService(
        load_script(asked.script) if asked.script else None, ServerOptions.model_validate_json(text)
    )
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve_until_told(service, asked.port, until_stdin_closes=asked.until_stdin_closes))


if __name__ == "__main__":
    main()
