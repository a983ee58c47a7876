"""The claude CLI on this machine: where it is, which version, and whether it is logged in.

Its own `auth status` says the latter without a call to any network, and shows no secret. It is asked as sub-agents
are run, without the settings of users and projects, and outside of the repository under review, whose settings could
name a program that hands out credentials.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PROGRAM = "claude"
EXECPATH = "CLAUDE_CODE_EXECPATH"
BARE_START = ("--restricted", "--setting-sources=")
"""Confine the file tools to the working directory, run no command, and take nobody's settings."""

_PATIENCE_S = 15.0
_VERSION = re.compile(r"\d+\.\d+\.\d+\S*")
_METHOD = re.compile(r"[a-z0-9._ -]{1,40}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Login:
    """Whether the CLI is logged in; `how` is its own word for the kind of login, `problem` why that isn't known."""

    logged_in: bool
    how: str | None = None
    problem: str | None = None


def find_claude(environ: Mapping[str, str]) -> Path | None:
    """Return the CLI that runs this session (`CLAUDE_CODE_EXECPATH`), or else the one on PATH; None without any."""
    named = environ.get(EXECPATH)
    if named and os.access(named, os.X_OK) and Path(named).is_file():
        return Path(named).absolute()
    found = shutil.which(PROGRAM, path=environ.get("PATH", os.defpath))
    return Path(found).absolute() if found else None


def version_of(claude: Path, environ: Mapping[str, str]) -> str | None:
    """Return what the CLI says its version is, None when it can't be run or says something else."""
    done = _ask(claude, ["--version"], environ)
    found = _VERSION.search(done.stdout) if isinstance(done, subprocess.CompletedProcess) else None
    return found[0] if found else None


def login_of(claude: Path, environ: Mapping[str, str]) -> Login:
    """Ask the CLI whether sub-agents would be logged in."""
    done = _ask(claude, [*BARE_START, "auth", "status"], environ)
    if isinstance(done, str):
        return Login(logged_in=False, problem=done)
    try:
        said = json.loads(done.stdout)
        logged_in, how = said["loggedIn"] is True, said.get("authMethod")
    except (ValueError, TypeError, KeyError, AttributeError):
        return Login(
            logged_in=False, problem="it does not know `auth status` as fanfold asks it: is it an old version?"
        )
    known = isinstance(how, str) and how != "none" and _METHOD.fullmatch(how)
    return Login(logged_in=logged_in, how=how if known else None)


def _ask(claude: Path, arguments: Sequence[str], environ: Mapping[str, str]) -> subprocess.CompletedProcess[str] | str:
    """Run the CLI in an empty folder; returns what became of it, or why that is nothing."""
    try:
        with tempfile.TemporaryDirectory(prefix="fanfold-") as nowhere:
            return subprocess.run(  # noqa: S603  the user's own CLI
                [claude, *arguments],
                cwd=nowhere,
                env={**environ, "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                encoding="utf-8",
                errors="replace",
                timeout=_PATIENCE_S,
                check=False,
            )
    except subprocess.TimeoutExpired:
        return f"it did not answer within {_PATIENCE_S:g} s"
    except (OSError, ValueError) as error:
        return f"it can't be run: {getattr(error, 'strerror', None) or error}"
