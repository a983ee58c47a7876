"""Where environments are kept, and how one that is ready is recognised."""

from __future__ import annotations

import os
import stat
import sys
import time

from launcher.words import LauncherError

TYPE_CHECKING = False  # importing typing costs more than the rest of this module
if TYPE_CHECKING:
    from collections.abc import Iterator

STAMP = "complete"  # written last: an environment without it is half-built
_DAY_S = 24 * 60 * 60


def folders() -> Iterator[str]:
    """Yield the folders that may hold environments, best first.

    The temporary folder comes in, and is made, only where the user's cache folder can't be written.

    Raises:
        LauncherError: somebody else has been at this user's folder in the temporary folder.
    """
    chosen = os.environ.get("FANFOLD_CACHE_DIR")
    if chosen:
        yield os.path.join(os.path.abspath(os.path.expanduser(chosen)), "environments")
        return
    standard = os.path.join(_user_cache(), "fanfold", "environments")
    if os.path.isabs(standard):
        yield standard
        if writable(standard):
            return
    yield os.path.join(_temporary(), "environments")


def writable(folder: str) -> bool:
    """Tell whether the folder can be written, or made."""
    while not os.path.lexists(folder) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
    return os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK)


def _user_cache() -> str:
    """Return the platform's cache folder; not an absolute path when there is no home folder."""
    if sys.platform == "win32":
        return os.environ.get("LOCALAPPDATA") or os.path.expanduser(r"~\AppData\Local")
    if sys.platform == "darwin" and not os.environ.get("XDG_CACHE_HOME"):
        return os.path.expanduser("~/Library/Caches")
    chosen = os.environ.get("XDG_CACHE_HOME", "")
    return chosen if os.path.isabs(chosen) else os.path.expanduser("~/.cache")


def _temporary() -> str:
    """Make this user's folder in the temporary folder, where everybody can write; one that exists must be ours."""
    import tempfile

    user = os.getuid() if sys.platform != "win32" else 0
    folder = os.path.join(tempfile.gettempdir(), f"fanfold-{user}")
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        there = os.lstat(folder)
        shared = sys.platform != "win32" and (there.st_uid != user or bool(there.st_mode & 0o077))
        if shared or not stat.S_ISDIR(there.st_mode):
            raise LauncherError(f"{folder} is not a folder of yours alone; set FANFOLD_CACHE_DIR to one") from None
    return folder


def python_of(environment: str) -> str:
    """Return the path of the environment's interpreter."""
    if sys.platform == "win32":
        return os.path.join(environment, "Scripts", "python.exe")
    return os.path.join(environment, "bin", "python")


def usable(environment: str) -> bool:
    """Tell whether the environment is whole and its interpreter still there; remember that it was used, by the day."""
    stamp = os.path.join(environment, STAMP)
    try:
        age_s = time.time() - os.stat(stamp).st_mtime
    except OSError:
        return False
    if not os.access(python_of(environment), os.X_OK):
        return False
    if age_s > _DAY_S:
        try:
            os.utime(stamp)
        except OSError:
            return True  # a cache that can't be written serves all the same
    return True
