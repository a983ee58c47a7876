"""What `fanfold doctor` looks at: one function for each thing, each yields its lines.

Variables are shown by name. Of an address the scheme, the host and the port are shown, never what stands before the @
or behind the host.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

import click

from fanfold import __version__
from fanfold.agents.claude_cli import find_claude, login_of, version_of
from fanfold.agents.clients import lacking, platform_of, remedy
from fanfold.agents.credentials import credential_source
from fanfold.analyzers import ANALYZERS, load
from fanfold.engine.database import NAME
from fanfold.engine.folder import FOLDER, SECRET_VARIABLE, Unusable, refuse_link, state_folder
from fanfold.errors import FanfoldError
from fanfold.pack import how_to_install


class State(StrEnum):
    """How a thing is: as it should be, absent without harm, or in the way of something."""

    OK = "ok"
    MISSING = "missing"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Check:
    """One line."""

    name: str
    state: State
    says: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where one looks from; `root` is the repository's, or the working directory."""

    environ: Mapping[str, str]
    home: Path
    cwd: Path
    root: Path


Look = Callable[[Place], Iterable[Check]]

_PATIENCE_S = 10
_OLDEST = 1_790_000_000  # 2026-09-21: nothing here is older than that
_YEARS_S = 20 * 365 * 86_400
_SKEW_S = 60.0
_MB = 2**20
_GRAMMARS = ("c", "c_sharp", "cpp", "go", "java", "javascript", "php", "python", "ruby", "rust", "typescript")
_CREDENTIALS = (
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_PROFILE",
    "ANTHROPIC_IDENTITY_TOKEN",
    "ANTHROPIC_IDENTITY_TOKEN_FILE",
    "CLAUDE_CODE_OAUTH_TOKEN",
)
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")
_SCHEMES = frozenset({"http", "https", "socks4", "socks5", "socks5h"})


def interpreter(_place: Place) -> Iterator[Check]:
    """Name the Python that runs this."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Check("python", State.OK, f"{version}, {sys.executable}")


def environment(_place: Place) -> Iterator[Check]:
    """Where the packages are: an environment that the launcher made, or the user's own."""
    prefix = Path(sys.prefix)
    made = prefix.parent.name == "environments" and (prefix / "complete").exists()
    yield Check("environment", State.OK, f"{prefix}{', made by the launcher' if made else ''}")
    yield Check("fanfold", State.OK, f"{__version__}, {Path(__file__).resolve().parents[1]}")


def git(place: Place) -> Iterator[Check]:
    """Look for git, and for a repository here."""
    yield _program(place, "git", State.PROBLEM, "without it only folders can be looked at, no change, commit or branch")
    in_one = any((folder / ".git").exists() for folder in (place.root, *place.root.parents))
    yield Check("repository", State.OK if in_one else State.MISSING, str(place.root) if in_one else "none here")


def other_programs(place: Place) -> Iterator[Check]:
    """Look for what only some commands call."""
    yield _program(place, "gh", State.MISSING, "only --pr needs it")
    yield _program(place, "node", State.MISSING, "only JavaScript's own tools need it")


def claude(place: Place) -> Iterator[Check]:
    """The CLI and its login, which it says itself; no network is needed for that."""
    found = find_claude(place.environ)
    if found is None:
        yield Check("claude", State.MISSING, "no claude CLI: the backend claude-code is not there")
        return
    version = version_of(found, place.environ)
    yield Check("claude", State.OK if version else State.PROBLEM, f"{version or 'does not tell its version'}, {found}")
    login = login_of(found, place.environ)
    if login.logged_in:
        yield Check("claude login", State.OK, f"logged in ({login.how})")
    else:
        state = State.PROBLEM if login.problem else State.MISSING
        yield Check("claude login", state, login.problem or "not logged in: `claude auth login`")
    inside = [name for name in ("CLAUDECODE", "CLAUDE_CODE_SESSION_ID") if place.environ.get(name)]
    yield Check("claude session", State.OK if inside else State.MISSING, "inside of one" if inside else "not in one")


def credential(place: Place) -> Iterator[Check]:
    """Where a credential for the API comes from: by name alone."""
    source = credential_source(place.environ, place.home)
    set_ones = [name for name in _CREDENTIALS if place.environ.get(name)]
    also = f"; set: {', '.join(set_ones)}" if set_ones else ""
    yield Check("credential", State.OK if source else State.MISSING, f"{source or 'none for the Claude API'}{also}")
    if platform := platform_of(place.environ):
        says = f"{platform.name} ({platform.switch} is set)"
        if lacks := lacking(platform, place.environ):
            yield Check("platform", State.PROBLEM, f"{says}: {lacks}{remedy(platform)}")
        else:
            yield Check("platform", State.OK, says)
    if url := place.environ.get("ANTHROPIC_BASE_URL"):
        yield _address("ANTHROPIC_BASE_URL", url)


def analyzers(_place: Place) -> Iterator[Check]:
    """Say of each analyzer whether it can run, and what its findings depend on."""
    for name in ANALYZERS:
        analyzer = load(name)
        why = analyzer.unavailable()
        if why is None:
            asked = "; runs the project's code, so only when it is named" if analyzer.runs_repository_code else ""
            yield Check(f"analyzer {name}", State.OK, f"{analyzer.version()}{asked}")
        else:
            yield Check(f"analyzer {name}", State.MISSING, why)


def grammars(_place: Place) -> Iterator[Check]:
    """Name the languages whose grammars are installed, and whether patterns are safe."""
    there = [name for name in _GRAMMARS if _installed("tree_sitter") and _installed(f"tree_sitter_{name}")]
    missing = [name for name in _GRAMMARS if name not in there]
    lacking = f"; not {', '.join(missing)}: {how_to_install('grammars')}" if missing else ""
    yield Check("grammars", State.MISSING if missing else State.OK, f"{', '.join(there) or 'none'}{lacking}")
    linear = _installed("re2")
    says = "RE2" if linear else f"no RE2: patterns of sub-agents are taken as plain text; {how_to_install('grammars')}"
    yield Check("patterns", State.OK if linear else State.MISSING, says)


def folders(place: Place) -> Iterator[Check]:
    """Can what fanfold keeps be written: runs and the store, the user's secret, environments."""
    own = place.root / FOLDER
    try:
        refuse_link(own)
        yield _writable("folder .fanfold", own, "nothing is kept of a run, and it can't be resumed")
    except Unusable as error:
        yield Check("folder .fanfold", State.PROBLEM, str(error))
    if place.environ.get(SECRET_VARIABLE):
        yield Check("user's secret", State.OK, f"from {SECRET_VARIABLE}")
    else:
        yield _writable("user's secret", state_folder(place.environ), "stored outcomes can't be sealed")
    yield _writable("cache", Path(sys.prefix), "only a new environment needs it", State.MISSING)
    yield _writable("temporary", Path(tempfile.gettempdir()), "analyzers can't run")


def store(place: Place) -> Iterator[Check]:
    """Check the store without changing it."""
    path = place.root / FOLDER / NAME
    if not path.exists():
        yield Check("store", State.MISSING, "none yet: the first run makes it")
        return
    try:
        refuse_link(path.parent)
        refuse_link(path, folder=False)
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=1)) as connection:
            (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except (OSError, sqlite3.Error) as error:
        yield Check("store", State.PROBLEM, f"{path}: {error}")
        return
    size = f"{path.stat().st_size / _MB:.1f} MB"
    if said == "ok":
        yield Check("store", State.OK, f"{path}, {size}")
    else:
        yield Check("store", State.PROBLEM, f"{path} is damaged; the next run sets it aside")


def settings(place: Place) -> Iterator[Check]:
    """The variables and the configuration file that a command would read here, checked as the command does."""
    from fanfold.cli.config import find_settings
    from fanfold.cli.options import unread_variables
    from fanfold.cli.review import review

    for line in (*unread_variables(review, place.environ), *_unfit(review, place.environ)):
        yield Check("variable", State.PROBLEM, line)
    try:
        found = find_settings(review, place.cwd)
    except FanfoldError as error:
        yield Check("settings", State.PROBLEM, str(error))
        return
    says = f"{found.file}: {', '.join(found.values) or 'nothing'}" if found.file else "no fanfold.toml"
    yield Check("settings", State.OK if found.file else State.MISSING, says)


def _unfit(command: click.Command, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield one line for each variable whose value its option does not take; the value is not shown."""
    context = click.Context(command)
    for option in command.params:
        value = environ.get(option.envvar) if isinstance(option.envvar, str) else None
        if not value:
            continue
        try:
            option.type_cast_value(context, option.type.split_envvar_value(value) if option.multiple else value)
        except (click.UsageError, FanfoldError):
            yield f"{option.envvar} is set to what {option.opts[0]} does not take"


def proxies(place: Place) -> Iterator[Check]:
    """Show where requests would go through."""
    named = [name for known in _PROXIES for name in (known, known.lower()) if place.environ.get(name)]
    if not named:
        yield Check("proxy", State.MISSING, "none set")
    for name in named:
        if name.upper() == "NO_PROXY":
            yield Check(name, State.OK, f"set, {place.environ[name].count(',') + 1} entries")
        else:
            yield _address(name, place.environ[name])


def clock(_place: Place) -> Iterator[Check]:
    """A clock that is wrong breaks certificates, and what is older than what."""
    now = time.time()
    says = f"{datetime.fromtimestamp(now).astimezone():%Y-%m-%d %H:%M:%S %z}"
    with tempfile.TemporaryFile() as file:
        skew = os.fstat(file.fileno()).st_mtime - now
    if not _OLDEST < now < _OLDEST + _YEARS_S:
        yield Check("clock", State.PROBLEM, f"{says}: that can't be right, so certificates will be refused")
    elif abs(skew) > _SKEW_S:
        yield Check("clock", State.PROBLEM, f"{says}: the disk's clock is {skew:+.0f} s off")
    else:
        yield Check("clock", State.OK, says)


def machine(_place: Place) -> Iterator[Check]:
    """Say how much room there is for processes."""
    import psutil

    memory = psutil.virtual_memory()
    says = f"{os.cpu_count() or '?'} cores, {memory.available // _MB:,} of {memory.total // _MB:,} MB free"
    yield Check("machine", State.OK, says)


CHECKS: Mapping[str, Look] = {
    "interpreter": interpreter,
    "environment": environment,
    "machine": machine,
    "clock": clock,
    "git": git,
    "other programs": other_programs,
    "claude": claude,
    "credential": credential,
    "proxies": proxies,
    "analyzers": analyzers,
    "grammars": grammars,
    "folders": folders,
    "store": store,
    "settings": settings,
}


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _program(place: Place, name: str, without: State, why: str) -> Check:
    """Look for a program and ask for its version."""
    found = shutil.which(name, path=place.environ.get("PATH", os.defpath))
    if found is None:
        return Check(name, without, f"not on PATH; {why}")
    try:
        done = subprocess.run(  # noqa: S603  a program of the user's, asked for its version
            [found, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_S,
            check=False,
            cwd=place.home if place.home.is_dir() else None,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        return Check(name, State.PROBLEM, f"{found} can't be run ({type(error).__name__})")
    words = done.stdout.decode("utf-8", "replace").split("\n", 1)[0].split()
    version = next((word for word in words if word.lstrip("v")[:1].isdigit()), None)
    if done.returncode or version is None:
        return Check(name, State.PROBLEM, f"{found} does not tell its version (exit code {done.returncode})")
    return Check(name, State.OK, f"{version[:40]}, {found}")


def _writable(name: str, folder: Path, otherwise: str, without: State = State.PROBLEM) -> Check:
    """Try to write where a folder is, or would be made; nothing is left behind."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        tempfile.TemporaryFile(dir=place).close()
    except OSError as error:
        return Check(name, without, f"{folder} can't be written ({error.strerror or error}): {otherwise}")
    return Check(name, State.OK, f"{folder}{'' if folder.exists() else ', made when it is needed'}")


def _address(name: str, value: str) -> Check:
    """Show where an address leads to: scheme, host and port. A word that could be anything else is not shown."""
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
        host, port, scheme = parts.hostname, parts.port, parts.scheme
    except ValueError:
        host, port, scheme = None, None, ""
    if not host or scheme not in _SCHEMES or ("://" not in value and not port):
        return Check(name, State.PROBLEM, "set, and is no address")
    return Check(name, State.OK, f"{scheme}://{host}{f':{port}' if port else ''}")
