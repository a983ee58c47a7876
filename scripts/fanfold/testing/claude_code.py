"""The real claude CLI for tests: one version, from npm, kept in a folder, run without any login or network of its own.

    program = install_claude(Path("/some/cache"))
    with MessagesServer(script) as server:
        env = lone_surroundings(tmp_path, server.url)
        subprocess.run([program, "-p", "hello"], env=env)

The binary takes 380 MB on disk. It is the one that npm has for this machine; npm runs none of the package's scripts.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from fanfold.testing.npm import NpmMissing, npm_package

VERSION = "2.1.330"
"""The version that everything here was measured with."""

_PACKAGE = "@anthropic-ai/claude-code"


def install_claude(cache: Path) -> Path:
    """Return the CLI of the pinned version, from `cache` or else from npm. Raises NpmMissing."""
    modules = npm_package(f"{_PACKAGE}@{VERSION}", cache, scripts=False)
    found = next((one for one in sorted(modules.glob(f"{_PACKAGE}-*/claude*")) if os.access(one, os.X_OK)), None)
    if found is None:
        raise NpmMissing(f"npm has no claude CLI {VERSION} for this machine: {modules} holds none that runs")
    return found


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
