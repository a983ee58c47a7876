"""The one place that runs git, so that neither the repository nor anybody's settings decide what happens.

A repository under review may be hostile, and git runs programs that a configuration names. Nothing here does:
hooks, file system monitors, external differs, text converters and pagers are off, the clean
filters that the repository's own configuration defines are emptied (those of the user, such as git-lfs,
stay), and no transport is allowed, so that a partial clone can't fetch. Nothing is written: no index is
refreshed, no lock is taken. What a person has set for their own `git diff` has no say either, as all commands are
plumbing. Names that a person gave stand behind `--end-of-options`.

The repository is found from the folder alone. A `GIT_DIR` in the environment, as a hook of some other
repository sets it, is ignored; where a hook hands over an index or an object folder of this very repository,
those count.

Needs git 2.31 or newer.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Timer
from typing import IO, cast

from fanfold.errors import TargetError
from fanfold.sources.text import READ_LIMIT, printable, shown

TIMEOUT_S = 120.0
MAX_OUTPUT = 128 * 2**20
"""Bytes. More is no change that anybody reviews, and may be a repository made to fill the memory."""

_CHUNK = 2**20
_MAX_MESSAGE = 2**16

# Only what plumbing commands take notice of. Names in patches are quoted in ASCII (core.quotePath), so that decoding a
# patch can't damage them.
_SETTINGS = {
    "core.bigFileThreshold": str(READ_LIMIT),
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.quotePath": "true",
    "diff.renameLimit": "1000",
    "i18n.logOutputEncoding": "UTF-8",
    "mailmap.blob": "",
    "mailmap.file": os.devnull,
}
_OPTIONS = ("--no-pager", *(part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")))

_VARIABLES = {
    "GIT_ALLOW_PROTOCOL": "none",  # a list of what is allowed, stronger than any protocol.*.allow
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
_KEPT = ("GIT_CEILING_DIRECTORIES", "GIT_CONFIG_", "GIT_DISCOVERY_ACROSS_FILESYSTEM", "GIT_EXEC_PATH")
_HANDED_OVER = {"GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES"}


class GitMissing(TargetError):
    """There is no git on this machine."""


class GitFailed(TargetError):
    """Git said no: `reason` is the line in which it said why, `status` its exit status."""

    def __init__(self, message: str, reason: str, status: int) -> None:
        super().__init__(message)
        self.reason = reason
        self.status = status


@dataclass(frozen=True, slots=True)
class Git:
    """One repository. Commands run in `folder`: the top of its working tree or, for a bare one, itself.

    `directory` is where its own files are (`.git`, or a worktree's part of it). A command has `timeout_s` seconds
    (None: TIMEOUT_S), and `started` is given what ends it early.
    """

    folder: Path
    directory: Path
    bare: bool = False
    shallow: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)  # added to the environment of every command
    timeout_s: float | None = None
    started: Callable[[Callable[[], None]], None] | None = None

    @classmethod
    def at(cls, folder: Path) -> Git | None:
        """Return the repository that `folder` lies in, None when it lies in none.

        Raises TargetError when git is missing, refuses the repository, or takes its working tree to be
        elsewhere.
        """
        probe = cls(folder, folder)
        try:
            found = probe.text("rev-parse", "--is-bare-repository", "--is-shallow-repository", "--absolute-git-dir")
        except GitFailed as error:
            if error.reason.startswith("fatal: not a git repository (or any"):
                return None
            raise
        bare, shallow, path = found.split("\n", 2)
        directory = Path(os.fsdecode(path.encode("utf-8", "surrogateescape")))
        top = directory if bare == "true" else _checked_top(probe, folder)
        return cls(top, directory, bare == "true", shallow == "true", _handed_over(top, directory))

    def run(self, *arguments: str, stdin: bytes = b"", variables: Mapping[str, str] | None = None) -> bytes:
        """Return what `git arguments` prints.

        Raises GitFailed when it fails, another TargetError when it takes too long or prints too much.
        """
        environment = {**_inherited(), **_VARIABLES, **self.variables, **(variables or {})}
        command = (_program(), *_OPTIONS, *arguments)
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as said:
            given.write(stdin)
            given.seek(0)
            status, output = _run(self, command, environment, given, said)
            said.seek(0)
            message = said.read(_MAX_MESSAGE).decode("utf-8", "replace")
        if status:
            raise _failure(arguments[0], status, message, self.folder)
        return output

    def run_or(self, *arguments: str, otherwise: int) -> bytes:
        """Return what `git arguments` prints, b"" when it ends with the status `otherwise`, its way to say none."""
        try:
            return self.run(*arguments)
        except GitFailed as error:
            if error.status == otherwise:
                return b""
            raise

    def text(self, *arguments: str) -> str:
        """Return what `git arguments` prints, without the last newline; undecodable bytes are surrogates."""
        return self.run(*arguments).decode("utf-8", "surrogateescape").removesuffix("\n")

    def records(self, *arguments: str) -> Iterator[bytes]:
        r"""Yield what `git arguments` prints, which ends every record with "\0"."""
        return (record for record in self.run(*arguments).split(b"\0") if record)


def _program() -> str:
    """Return the git to run, never one that a relative entry of PATH finds in the folder under review."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    absolute = os.pathsep.join(folder for folder in folders if Path(folder).is_absolute())
    program = shutil.which("git", path=absolute)
    if program is None:
        raise GitMissing("git is not on PATH: install it, or run in a folder that is no repository")
    return program


def _inherited() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name.startswith(_KEPT)}


def _handed_over(top: Path, directory: Path) -> dict[str, str]:
    """Return the variables of a hook that name a part of this repository, their paths made absolute."""
    kept = {}
    for name in _HANDED_OVER & os.environ.keys():
        for start in (Path.cwd(), top):
            paths = [(start / part).resolve() for part in os.environ[name].split(os.pathsep)]
            if all(path.is_relative_to(directory.resolve()) for path in paths):
                kept[name] = os.pathsep.join(map(str, paths))
    return kept


def _checked_top(probe: Git, folder: Path) -> Path:
    """Return the top of the working tree, where `.git` must lie: core.worktree could name any folder."""
    top = Path(os.fsdecode(probe.text("rev-parse", "--show-toplevel").encode("utf-8", "surrogateescape")))
    start = folder.resolve()
    nearest = next((place for place in (start, *start.parents) if (place / ".git").exists()), None)
    if nearest is None or not nearest.samefile(top):
        said = shown(os.fsencode(top))
        raise TargetError(f"the repository of {str(folder)!r} names {said!r} as its working tree: run there instead")
    return top


def _run(
    git: Git, command: tuple[str, ...], environment: Mapping[str, str], given: IO[bytes], said: IO[bytes]
) -> tuple[int, bytes]:
    """Run to the end, in a session of its own, so that the timeout also ends what git started."""
    try:
        process = subprocess.Popen(  # noqa: S603  the program is git, and no shell is involved
            command,
            cwd=git.folder,
            env=dict(environment),
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=said,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise TargetError(f"can't run git in {str(git.folder)!r}: {error}") from error
    late = Event()

    def stop() -> None:
        if process.returncode is None:
            late.set()
            _kill(process)

    timeout_s = TIMEOUT_S if git.timeout_s is None else git.timeout_s
    timer = Timer(timeout_s, stop)
    timer.start()
    if git.started:
        git.started(stop)
    try:
        output = _read(cast("IO[bytes]", process.stdout))
        status = process.wait()
    except BaseException:
        _kill(process)
        process.wait()
        raise
    finally:
        timer.cancel()
    if late.is_set():
        raise TargetError(f"git took longer than {timeout_s:.0f} s in {str(git.folder)!r}")
    return status, output


def _read(stream: IO[bytes]) -> bytes:
    chunks: list[bytes] = []
    size = 0
    with stream:
        while chunk := stream.read(_CHUNK):
            chunks.append(chunk)
            size += len(chunk)
            if size > MAX_OUTPUT:
                raise TargetError(f"git prints more than {MAX_OUTPUT >> 20} MB: name fewer commits or files")
    return b"".join(chunks)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _failure(command: str, status: int, message: str, folder: Path) -> GitFailed:
    lines = message.splitlines()
    said = next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[0] if lines else "")
    reason = printable(said) or f"exit status {status}"
    text = f"git {command} failed: {reason}"
    if "dubious ownership" in reason or "unsafe repository" in reason:
        text = (
            f"git refuses {str(folder)!r}, as it belongs to somebody else; if you trust it: "
            "git config --global --add safe.directory <its folder>"
        )
    elif "promisor" in reason or "transport" in reason:
        text = f"this is a partial clone, and what is needed isn't here: git fetch first ({reason})"
    return GitFailed(text, reason, status)
