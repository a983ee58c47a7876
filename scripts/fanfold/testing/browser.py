"""A real browser for tests of HTML reports: Debian's chromium, driven through a pipe, kept off the network.

    with Chromium(find_chromium(), folder) as browser:
        page = browser.open(report)
        page.press("Tab", "Space")
        assert page.evaluate("document.activeElement.checked")
        assert not page.problems and not page.requests

It speaks the Chrome DevTools Protocol, version 1.3 (chromedevtools.github.io/devtools-protocol), over file descriptors
3 and 4, each message ended by a zero byte, as `--remote-debugging-pipe` wants it: there is no port, and no driver.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_PATIENCE_S = 30.0
_READ = 1 << 20
_ABOVE = 10  # descriptors that are about to become 3 and 4 must be neither
_FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    # Whoever runs tests as root or in a container has no sandbox to offer; what is opened comes from the tests.
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--disable-features=OptimizationHints,MediaRouter,Translate",
    "--force-color-profile=srgb",
    # No name is looked up, and no address but a proxy that nobody is behind is asked.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--proxy-server=127.0.0.1:9",
    "--proxy-bypass-list=<-loopback>",
)
# What a key sends besides its name: the code that pages and the browser itself go by.
_KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, "Space": 32, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39}
_KEYS |= {"ArrowDown": 40, "End": 35, "Home": 36}
_TEXTS = {"Space": " ", "Enter": "\r"}
_SHIFT = 8


class BrowserMissing(Exception):
    """There is no chromium on this machine; the message says how to get one."""


class BrowserFailed(Exception):
    """The browser does not do what it was told."""


def find_chromium() -> Path:
    """Return the chromium on PATH. Raises BrowserMissing."""
    for name in _PROGRAMS:
        if found := shutil.which(name):
            return Path(found)
    raise BrowserMissing("chromium is not installed: apt-get install chromium")


class Chromium:
    """One browser process; `folder` takes its profile. It ends with the block."""

    def __init__(self, program: Path, folder: Path) -> None:
        self._folder = folder
        self._held = b""
        self._number = 0
        self._answers: dict[int, dict[str, Any]] = {}
        self._pages: dict[str, Page] = {}
        self._pid, self._to, self._from = _start(program, folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the browser and all its processes; again is no fault."""
        if not self._pid:
            return
        with contextlib.suppress(OSError):
            os.killpg(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._to)
        os.close(self._from)
        self._pid = 0

    def open(self, file: Path, *, width: int = 1400, height: int = 900, dark: bool = False) -> Page:
        """Open an HTML file in a page of its own, `width` × `height` pixels, and wait until it is loaded."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self._pages[session] = Page(self, session, target)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.call(f"{domain}.enable")
        page.resize(width, height)
        page.prefer(dark=dark)
        page.go(file.resolve().as_uri())
        return page

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Send one command and return its result. Raises BrowserFailed."""
        self._number += 1
        number = self._number
        told = {"id": number, "method": method, "params": parameters, **({"sessionId": session} if session else {})}
        _write(self._to, json.dumps(told).encode() + b"\0")
        deadline = time.monotonic() + _PATIENCE_S
        while number not in self._answers:
            self._hear(deadline, method)
        answer = self._answers.pop(number)
        if "error" in answer:
            raise BrowserFailed(f"{method}: {answer['error']['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    def wait(self, deadline: float, what: str) -> None:
        """Take in what the browser says next. Raises BrowserFailed when it says nothing until `deadline`."""
        self._hear(deadline, what)

    def _hear(self, deadline: float, what: str) -> None:
        while b"\0" not in self._held:
            ready, _, _ = select.select([self._from], [], [], max(0.0, deadline - time.monotonic()))
            read = os.read(self._from, _READ) if ready else b""
            if not read:
                why = "has ended" if ready else f"did not answer within {_PATIENCE_S:.0f} s"
                raise BrowserFailed(f"{what}: the browser {why}: {self._last_words()}")
            self._held += read
        *messages, self._held = self._held.split(b"\0")
        for message in map(json.loads, messages):
            if "id" in message:
                self._answers[message["id"]] = message
            elif page := self._pages.get(message.get("sessionId", "")):
                page.heard(message["method"], message["params"])

    def _last_words(self) -> str:
        with contextlib.suppress(OSError):
            return (self._folder / "said.log").read_text(encoding="utf-8", errors="replace")[-500:]
        return ""


class Page:
    """One page.

    `problems` are errors of its scripts, its console and its policy, `requests` what it asked for besides its own file,
    `dialogs` the messages of what it popped up.
    """

    def __init__(self, browser: Chromium, session: str, target: str) -> None:
        self._browser = browser
        self._session = session
        self._target = target
        self.url = ""
        self._loaded = False
        self.problems: list[str] = []
        self.requests: list[str] = []
        self.dialogs: list[str] = []

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command to this page. Raises BrowserFailed."""
        return self._browser.call(method, self._session, **parameters)

    def go(self, url: str) -> None:
        """Load an address and wait for it. Raises BrowserFailed."""
        self.url, self._loaded = url, False
        failed = self.call("Page.navigate", url=url).get("errorText")
        if failed:
            raise BrowserFailed(f"{url}: {failed}")
        deadline = time.monotonic() + _PATIENCE_S
        while not self._loaded:
            self._browser.wait(deadline, url)

    def close(self) -> None:
        self._browser.call("Target.closeTarget", targetId=self._target)

    def resize(self, width: int, height: int = 900) -> None:
        """Give the page a window of so many pixels."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def prefer(self, *, dark: bool = False, medium: str = "") -> None:
        """Say which colours the reader prefers, and with `print` that the page is to be printed."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media=medium, features=[scheme])

    def evaluate(self, expression: str) -> Any:
        """Return the value of a script's expression, awaited. Raises BrowserFailed."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise BrowserFailed(_thrown(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def press(self, *keys: str, shift: bool = False) -> None:
        """Press keys, one after the other: `Tab`, `Space`, `ArrowDown`, a letter."""
        for key in keys:
            text = _TEXTS.get(key, key if len(key) == 1 else "")
            code = _KEYS.get(key) or ord(key.upper())
            event = {"key": " " if key == "Space" else key, "code": key, "windowsVirtualKeyCode": code}
            event |= {"modifiers": _SHIFT if shift else 0}
            self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **event)
            self.call("Input.dispatchKeyEvent", type="keyUp", **event)

    def screenshot(self, *, whole: bool = False) -> bytes:
        """Return what is seen as a PNG; with `whole`, all of the page."""
        options: dict[str, Any] = {"captureBeyondViewport": whole}
        if whole:
            size = self.call("Page.getLayoutMetrics")["cssContentSize"]
            options["clip"] = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        return base64.b64decode(self.call("Page.captureScreenshot", format="png", **options)["data"])

    def heard(self, event: str, said: dict[str, Any]) -> None:
        """Take note of what happened to the page."""
        if event == "Page.loadEventFired":
            self._loaded = True
        elif event == "Network.requestWillBeSent" and said["request"]["url"].partition("#")[0] != self.url:
            self.requests.append(said["request"]["url"])
        elif event == "Runtime.exceptionThrown":
            self.problems.append(_thrown(said["exceptionDetails"]))
        elif event == "Runtime.consoleAPICalled" and said["type"] in {"error", "warning", "assert"}:
            self.problems.append(" ".join(str(part.get("value", part.get("description"))) for part in said["args"]))
        elif event == "Log.entryAdded" and said["entry"]["level"] in {"error", "warning"}:
            self.problems.append(said["entry"]["text"])
        elif event == "Page.javascriptDialogOpening":
            self.dialogs.append(said["message"])


def _thrown(details: dict[str, Any]) -> str:
    return str(details.get("exception", {}).get("description") or details["text"])


def _start(program: Path, folder: Path) -> tuple[int, int, int]:
    """Start the browser; return its process id and the descriptors to write to it and to read from it."""
    folder.mkdir(parents=True, exist_ok=True)
    child_reads, to_child = os.pipe()
    from_child, child_writes = os.pipe()
    high = [fcntl.fcntl(end, fcntl.F_DUPFD, _ABOVE) for end in (child_reads, child_writes)]
    log = str(folder / "said.log")
    actions: Sequence[tuple[Any, ...]] = (
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
        (os.POSIX_SPAWN_DUP2, high[0], 3),
        (os.POSIX_SPAWN_DUP2, high[1], 4),
    )
    command = [str(program), *_FLAGS, f"--user-data-dir={folder / 'profile'}", "about:blank"]
    # Its own home: a font cache or a crash report of a test has no place in the developer's.
    env = {**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_CACHE_HOME": str(folder)}
    try:
        pid = os.posix_spawn(program, command, env, file_actions=actions, setpgroup=0)
    finally:
        for end in (child_reads, child_writes, *high):
            os.close(end)
    return pid, to_child, from_child


def _write(to: int, message: bytes) -> None:
    left = memoryview(message)
    try:
        while left:
            left = left[os.write(to, left) :]
    except OSError as error:
        raise BrowserFailed(f"the browser takes no commands: {error.strerror}") from error
