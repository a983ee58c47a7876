"""The way that every start takes: name the environment, find it, hand over. It imports next to nothing."""

from __future__ import annotations

import hashlib
import os
import sys

from launcher.cache import folders, python_of, usable
from launcher.words import LauncherError, say

SCRIPTS = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
_FAILED = 2
_INTERRUPTED = 130


def start(*arguments: str, requirements: str = "requirements.txt", inside: str = "inside.py") -> int:
    """Run `inside` under the environment of `requirements` with `arguments` and those of the command line.

    On POSIX this process becomes that one, so signals and exit codes are its own. Returns an exit code otherwise: that
    of the child on Windows, 2 with one line on stderr when there can be no environment, 130 when interrupted.
    """
    try:
        environment = _environment(os.path.join(SCRIPTS, requirements))
        script = os.path.join(SCRIPTS, "launcher", inside)
        return _hand_over(environment, [script, *arguments, *sys.argv[1:]])
    except LauncherError as error:
        say(str(error))
        return _FAILED
    except OSError as error:
        say(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        return _FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED


def _environment(requirements: str) -> str:
    """Return the folder of the environment that holds `requirements`, building it when there is none."""
    name = environment_name(requirements)
    for folder in folders():
        environment = os.path.join(folder, name)
        if usable(environment):
            return environment
    from launcher.build import build

    return build(requirements, name)


def environment_name(requirements: str) -> str:
    """Return the name that stands for what `requirements` says on this platform.

    The interpreter's version is no part of it: which one serves is found out when building, and asking on every start
    would cost more than the start. An interpreter that goes away takes its path with it, and that is seen.
    """
    with open(requirements, "rb") as file:
        text = file.read().replace(b"\r\n", b"\n")
    machine = os.uname().machine if sys.platform != "win32" else os.environ.get("PROCESSOR_ARCHITECTURE", "")
    digest = hashlib.sha256(text + f"\0{sys.platform}\0{machine}".encode()).hexdigest()
    return f"{os.path.splitext(os.path.basename(requirements))[0]}-{digest[:16]}"


def _hand_over(environment: str, arguments: list[str]) -> int:
    """Become the environment's interpreter.

    Isolated (`-I`), so that neither the working directory nor a PYTHON* variable puts foreign code on its path; those
    variables stay in its surroundings for the programs that it runs.
    """
    python = python_of(environment)
    command = [python, "-I", "-X", "utf8", *_bytecode(environment), *arguments]
    os.environ.pop("__PYVENV_LAUNCHER__", None)  # macOS: would make the child believe it is this interpreter
    if sys.platform == "win32":
        return _wait(command)
    return os.execv(python, command)  # becomes it: nothing returns


def _bytecode(environment: str) -> list[str]:
    """Return where bytecode goes when it may not, or can't, be written beside the sources."""
    prefix = os.environ.get("PYTHONPYCACHEPREFIX")
    unwanted = os.environ.get("PYTHONDONTWRITEBYTECODE") or not os.access(SCRIPTS, os.W_OK)
    if not prefix and unwanted:
        prefix = os.path.join(environment, "bytecode")
    return ["-X", f"pycache_prefix={prefix}"] if prefix else []


def _wait(command: list[str]) -> int:
    """Run `command` where a process can't become another one; an interrupt reaches it too, and it decides."""
    import subprocess

    with subprocess.Popen(command) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue
