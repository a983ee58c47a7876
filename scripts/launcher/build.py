"""Build an environment, once: under a lock, in its place, marked as complete last."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import time

from launcher.cache import STAMP, folders, usable, writable
from launcher.installers import Runner, install
from launcher.words import LauncherError, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_UNUSED_S = 60 * 24 * 60 * 60
_SAY_AFTER_S = 1.0
_POLL_S = 0.05


def build(requirements: str, name: str) -> str:
    """Return the path of the environment `name`, made from the file `requirements` unless another start just did.

    A virtual environment can't be moved, so it is built where it stays. What a killed build left behind lacks the stamp
    and is made anew; an installer that outlived its launcher still holds the lock, so nobody else writes there then.

    Raises:
        LauncherError: it can't be built; says why and what to run later.
        OSError: the cache folder is full, or something in it can't be replaced.
    """
    folder = _folder()
    environment = os.path.join(folder, name)
    with _locked(folder) as lock:
        if not usable(environment):
            say(f"preparing its Python packages, this once, in {environment}")
            _discard(environment)
            _install(environment, requirements, Runner(folder, _fresh_log(folder), lock))
            with open(os.path.join(environment, STAMP), "x", encoding="utf-8"):
                pass
            _prune(folder)
    return environment


def _folder() -> str:
    """Make and return the folder to build in.

    Raises:
        LauncherError: there is none that can be written.
    """
    passed_over: list[str] = []
    for folder in folders():
        if writable(folder):
            if passed_over:
                say(f"{passed_over[0]} can't be written, {folder} serves instead")
            os.makedirs(folder, exist_ok=True)
            return folder
        passed_over.append(folder)
    raise LauncherError(f"{passed_over[0]} can't be written; set FANFOLD_CACHE_DIR to a folder that can")


@contextlib.contextmanager
def _locked(folder: str) -> Iterator[int]:
    """Hold the folder's lock; yields its file descriptor. The system frees it with the last process that has it."""
    lock = os.open(os.path.join(folder, "lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _wait_for(lock)
        yield lock
    finally:
        os.close(lock)


def _wait_for(lock: int) -> None:
    patient_until = time.monotonic() + _SAY_AFTER_S
    while not _taken(lock):
        if time.monotonic() > patient_until:
            say("another start is preparing the packages; waiting for it")
            patient_until = float("inf")
        time.sleep(_POLL_S)


def _taken(lock: int) -> bool:
    """Take the lock if it is free.

    Raises:
        LauncherError: the file system knows no locks.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(lock, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError as error:
        raise LauncherError(
            f"the cache folder can't be locked ({error}); set FANFOLD_CACHE_DIR to a local one"
        ) from error
    return True


def _fresh_log(folder: str) -> str:
    log = os.path.join(folder, "build.log")
    with open(log, "w", encoding="utf-8"):
        return log


def _install(environment: str, requirements: str, run: Runner) -> None:
    try:
        install(environment, requirements, run, _discard)
    except LauncherError as error:
        message = f"its Python packages can't be installed: {error} (details: {run.log}). When that is mended, run:"
        raise LauncherError(f"{message} {_same_again()}") from error


def _same_again() -> str:
    """Return the command line of this start, as a shell takes it from any working directory."""
    command = [sys.executable or "python3", os.path.abspath(sys.argv[0]), *sys.argv[1:]]
    return subprocess.list2cmdline(command) if sys.platform == "win32" else " ".join(map(shlex.quote, command))


def _discard(environment: str) -> None:
    """Remove the environment, its stamp first: what a kill leaves of it must not look whole."""
    with contextlib.suppress(FileNotFoundError):
        os.remove(os.path.join(environment, STAMP))
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(environment)


def _prune(folder: str) -> None:
    """Remove the environments that nobody used for 60 days, and half-built ones: under the lock none of them grows."""
    with os.scandir(folder) as entries:
        old = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    for environment in old:
        if not _recently_used(environment):
            with contextlib.suppress(OSError):
                _discard(environment)


def _recently_used(environment: str) -> bool:
    try:
        return time.time() - os.stat(os.path.join(environment, STAMP)).st_mtime < _UNUSED_S
    except OSError:
        return False
