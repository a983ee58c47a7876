"""The real claude CLI for tests: one version, from npm, kept in a folder, run without any login or network of its own.

    program = install_claude(Path("/some/cache"))
    with MessagesServer(script) as server:
        env = lone_surroundings(tmp_path, server.url)
        subprocess.run([program, "-p", "hello"], env=env)

The binary takes 380 MB on disk. It is the one that npm has for this machine; npm runs none of the package's scripts.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

VERSION = "2.1.330"
"""The version that everything here was measured with."""

_PACKAGE = "@anthropic-ai/claude-code"
_PATIENCE_S = 300


class ClaudeMissing(Exception):
    """The CLI can't be had on this machine; the message says why."""


def install_claude(cache: Path) -> Path:
    """Return the CLI of the pinned version, from `cache` or else from npm. Raises ClaudeMissing."""
    place = cache / f"claude-code-{VERSION}"
    if found := _program(place):
        return found
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise ClaudeMissing(f"the claude CLI {VERSION} is not installed, and there is no node and npm to get it with")
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix=".claude-code-", ignore_cleanup_errors=True) as draft:
            _install(npm, Path(draft))
            if not _program(Path(draft)):
                raise ClaudeMissing(f"npm has no claude CLI {VERSION} for this machine")
            _publish(Path(draft), place)
    except OSError as error:
        raise ClaudeMissing(f"the claude CLI can't be installed into {cache}: {error}") from error
    found = _program(place)
    if found is None:
        raise ClaudeMissing(f"the claude CLI in {place} is not whole: remove that folder")
    return found


def _install(npm: str, folder: Path) -> None:
    command = [npm, "install", "--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund", "--no-save"]
    # A registry that does not answer is no reason to wait.
    command += ["--fetch-retries=1", "--fetch-timeout=30000"]
    try:
        done = subprocess.run(  # noqa: S603  the npm of whoever runs the tests
            [*command, f"{_PACKAGE}@{VERSION}"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ClaudeMissing(f"npm did not bring the claude CLI {VERSION} within {_PATIENCE_S} s") from error
    if done.returncode:
        said = " ".join(done.stderr.split())[-300:]
        raise ClaudeMissing(f"npm could not install the claude CLI {VERSION}: {said}")


def _publish(draft: Path, place: Path) -> None:
    """Put the folder in its place at once; somebody else may have been quicker."""
    try:
        (draft / "node_modules").rename(place)
    except OSError:
        if not _program(place):
            raise


def _program(folder: Path) -> Path | None:
    """Return the native binary in a folder that npm has filled, or in its `node_modules`."""
    for top in (folder, folder / "node_modules"):
        for found in sorted(top.glob(f"{_PACKAGE}-*/claude*")):
            if found.is_file() and os.access(found, os.X_OK):
                return found
    return None


def lone_surroundings(home: Path, url: str | None = None) -> dict[str, str]:
    """Return an environment that knows nothing of the user's: a home of its own, and no way but to loopback.

    `url` is the Messages API's; with it comes a key, without it the CLI is not logged in.
    """
    (home / ".claude").mkdir(parents=True, exist_ok=True)
    dead = "http://127.0.0.1:9"
    login = {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "test"} if url else {}
    return {
        "HOME": str(home),
        "CLAUDE_CONFIG_DIR": str(home / ".claude"),
        "PATH": os.environ.get("PATH", os.defpath),
        "TMPDIR": tempfile.gettempdir(),
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
        "HTTP_PROXY": dead,
        "HTTPS_PROXY": dead,
        "NO_PROXY": "127.0.0.1,localhost",
        **login,
    }
