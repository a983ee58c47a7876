"""The folder `.fanfold`, and the user's secret outside of it.

Whatever lies in a repository may have been put there by somebody else. Nothing here is followed where it is a symbolic
link: a repository could ship one that leads to the user's own files.
"""

from __future__ import annotations

import os
import secrets
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

FOLDER = ".fanfold"
SECRET_VARIABLE = "FANFOLD_STORE_SECRET"  # noqa: S105  a name, no secret
_SECRET_BYTES = 32


class Unusable(OSError):
    """The folder or a file in it can't be used; the message says why and what to do."""


def ensure_folder(folder: Path) -> None:
    """Make `folder`, which ignores itself in git. Raises Unusable."""
    refuse_link(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _ignore_itself(folder / ".gitignore")
    except OSError as error:
        raise Unusable(f"{folder} can't be written: {error.strerror or error}") from error


def refuse_link(path: Path, *, folder: bool = True) -> None:
    """Raise Unusable when `path` is there and is no real folder, or else no regular file."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not (stat.S_ISDIR(mode) if folder else stat.S_ISREG(mode)):
        what = "a symbolic link" if stat.S_ISLNK(mode) else f"no {'folder' if folder else 'regular file'}"
        raise Unusable(f"{path} is {what}, which fanfold does not use; remove it")


def _ignore_itself(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w") as file:
        file.write("*\n")


def state_folder(environment: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path:
    """Return where the user's own state lies: the XDG base directory, or what the system has in its place."""
    if platform == "darwin":
        return Path.home() / "Library/Application Support/fanfold"
    variable, usual = ("LOCALAPPDATA", "AppData/Local") if platform == "win32" else ("XDG_STATE_HOME", ".local/state")
    named = Path(environment.get(variable, ""))
    # A relative path would lead into whatever repository is under review.
    return (named if named.is_absolute() else Path.home() / usual) / "fanfold"


def user_secret(environment: Mapping[str, str] = os.environ) -> bytes:
    """Return the secret that seals the user's outcomes; made when it is first asked for.

    `FANFOLD_STORE_SECRET` stands in for the file where a home does not last, as on a build server that keeps `.fanfold`
    between jobs. Raises Unusable when the file can neither be read nor made.
    """
    if given := environment.get(SECRET_VARIABLE):
        return given.encode("utf-8", "surrogateescape")
    try:
        path = state_folder(environment) / "store-secret"
    except RuntimeError as error:
        raise Unusable(f"{error}; {SECRET_VARIABLE} can be set to the secret that seals stored outcomes") from error
    try:
        return _read_secret(path) or _make_secret(path)
    except OSError as error:
        raise Unusable(
            f"{path} can't be used ({error.strerror or error}); it holds the secret that seals stored outcomes, "
            f"for which {SECRET_VARIABLE} can be set instead"
        ) from error


def _read_secret(path: Path) -> bytes | None:
    try:
        secret = path.read_bytes()
    except FileNotFoundError:
        return None
    return secret if len(secret) >= _SECRET_BYTES else None


def _make_secret(path: Path) -> bytes:
    """Write a new secret; when two processes do so at once, both get the same."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(_SECRET_BYTES))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except OSError:
        # Somebody was quicker; or the file that is there is broken, or the file system has no links.
        if _read_secret(path) is None:
            draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path.read_bytes()
