"""Fill an environment with the pinned packages: by uv, or by venv and whichever pip the machine has."""

from __future__ import annotations

import functools
import glob
import os
import re
import subprocess
import sys
from dataclasses import dataclass

from launcher.cache import python_of
from launcher.interpreters import NEWEST, OLDEST, Interpreter, find, find_uv
from launcher.words import LauncherError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

# Where distributions keep pip for their own venv module (Debian's python3-pip-whl, Fedora's python-pip-wheel).
_PIP_WHEELS = ("/usr/share/python-wheels/pip-*.whl", "/usr/share/python3-wheels/pip-*.whl")

# They would turn an installation away from the environment, or its Python away from its own library.
_MISLEADING = frozenset(
    {
        "CONDA_PREFIX", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__",
        "PIP_PREFIX", "PIP_PYTHON", "PIP_ROOT", "PIP_TARGET",
        "UV_BREAK_SYSTEM_PACKAGES", "UV_PREFIX", "UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_TARGET", "UV_VENV_SEED",
    }
)  # fmt: skip
# As pip and uv put it; whole phrases, since a path in the output may hold any word.
_UNREACHABLE = re.compile(
    r"name resolution|resolve host|getaddrinfo failed|nodename nor servname|dns error|no route to host|timed out"
    r"|(?:network|host) (?:is )?unreachable|connection (?:error|aborted|reset|refused)|cannot connect to proxy"
    r"|error sending request|failed to establish a new connection",
    re.IGNORECASE,
)
_REASON_CHARACTERS = 200


class StepError(Exception):
    """A program that takes part in the installation failed; the message is one line."""


@dataclass(frozen=True)
class Runner:
    """Runs programs away from the working directory, whose uv.toml or pip.py belong to the code under review.

    Each of them inherits `lock`, so that the lock is held while one lives, even when this process was killed. What they
    print goes to the file `log`.
    """

    folder: str
    log: str
    lock: int

    def __call__(self, *command: str) -> None:
        """Run `command` to its end.

        Raises:
            StepError: it can't be run, or its exit code is not 0.
        """
        with open(self.log, "a+b") as log:
            log.write(f"$ {' '.join(command)}\n".encode(errors="backslashreplace"))
            log.flush()
            began = log.tell()
            code = self._run(command, log)
            log.seek(began)
            output = log.read().decode(errors="replace")
        if code != 0:
            raise StepError(reason(output) or f"{command[0]}: exit code {code}")

    def _run(self, command: tuple[str, ...], log: BinaryIO) -> int:
        inherited = () if sys.platform == "win32" else (self.lock,)
        try:
            return subprocess.run(
                command,
                cwd=self.folder,
                env=surroundings(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=inherited,
                check=False,
            ).returncode
        except OSError as error:
            raise StepError(f"{command[0]}: {error.strerror}") from error


def surroundings() -> dict[str, str]:
    """Return the environment variables for an installation: the user's own, without those that would misdirect it."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _MISLEADING and (not name.startswith("PYTHON") or name == "PYTHONUTF8")
    }
    return {**kept, "PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "NO_COLOR": "1"}


def reason(output: str) -> str:
    """Return in one line why an installer failed: unreachable, or what its last error says; "" when it said nothing."""
    if _UNREACHABLE.search(output):
        return "the package index can't be reached"
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"(error|caused by|cause)\b", line, re.IGNORECASE)]
    return (errors or lines or [""])[-1][:_REASON_CHARACTERS]


def install(environment: str, requirements: str, run: Runner, discard: Callable[[str], None]) -> None:
    """Make `environment` and install `requirements` into it, by uv when it is there and manages it, else by pip.

    uv comes first because it is faster and brings a Python where there is none; pip is tried after it because it reads
    pip's configuration, which may name the only index that can be reached.

    Raises:
        LauncherError: no way was open, or each of them failed; one line that names each reason once.
    """
    python, uv = find(), find_uv()
    if python is None and uv is None:
        wanted = ".".join(map(str, OLDEST))
        raise LauncherError(f"there is neither uv nor a Python >= {wanted} (with ssl and sqlite3) here; install either")
    ways = []
    if uv is not None:
        ways.append(functools.partial(_by_uv, uv, python))
    if python is not None:
        ways.append(functools.partial(_by_pip, python))
    reasons = []
    for way in ways:
        try:
            way(environment, requirements, run)
        except StepError as error:
            reasons.append(str(error))
            discard(environment)
        else:
            return
    raise LauncherError("; ".join(dict.fromkeys(reasons)))


def _by_uv(uv: str, python: Interpreter | None, environment: str, requirements: str, run: Runner) -> None:
    # Where we found no Python, uv takes one that it manages, or downloads one.
    base = python.path if python else ">={}.{},<{}.{}".format(*OLDEST, NEWEST[0], NEWEST[1] + 1)
    run(uv, "venv", "--python", base, environment)
    target = ("--python", python_of(environment))
    run(uv, "pip", "install", *target, "--require-hashes", "-r", requirements)


def _by_pip(python: Interpreter, environment: str, requirements: str, run: Runner) -> None:
    run(python.path, "-I", "-m", "venv", "--without-pip", environment)
    pip = _pip(environment, python, run)
    run(*pip, "install", "--no-input", "--progress-bar", "off", "--require-hashes", "-r", requirements)


def _pip(environment: str, base: Interpreter, run: Runner) -> list[str]:
    """Return the command of a pip that serves `environment`: the first that was seen to run.

    Raises:
        StepError: there is none; the message names the command that brings one.
    """
    for pip in _pips(environment, base, run):
        try:
            run(*pip, "--version")
        except StepError:
            continue
        return pip
    package = "python{}.{}-venv".format(*base.version)
    raise StepError(f"{base.path} has neither ensurepip nor pip: `apt install {package}`, or install uv")


def _pips(environment: str, base: Interpreter, run: Runner) -> Iterator[list[str]]:
    """Yield the commands that may be a pip for `environment`, the cheapest first."""
    target = python_of(environment)
    yield [base.path, "-I", "-m", "pip", "--python", target]
    try:
        run(target, "-I", "-m", "ensurepip")
    except StepError:  # Debian keeps it in a package of its own
        pass
    else:
        yield [target, "-I", "-m", "pip"]
    if sys.executable:
        yield [sys.executable, "-I", "-m", "pip", "--python", target]
    for pattern in _PIP_WHEELS:
        yield from ([target, "-I", os.path.join(wheel, "pip")] for wheel in sorted(glob.glob(pattern), reverse=True))
