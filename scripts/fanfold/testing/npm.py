"""Packages from npm for tests: one version each, kept in a cache, so that they come over the network once."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

_PATIENCE_S = 300
# A registry that does not answer is no reason to wait.
_QUICKLY = ("--fetch-retries=1", "--fetch-timeout=30000")


class NpmMissing(Exception):
    """The package can't be had on this machine; the message says why."""


def npm_package(package: str, cache: Path | None = None, *, scripts: bool = True) -> Path:
    """Return the `node_modules` that `package`, as in `axe-core@4.10.0`, is installed in. Raises NpmMissing.

    It is kept in `cache`, by default the user's. Without `scripts` npm runs none of what the package wants run.
    """
    cache = cache or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fanfold" / "npm"
    place = cache / package.rpartition("/")[2]
    if not place.exists():
        npm = shutil.which("npm")
        if not npm or not shutil.which("node"):
            raise NpmMissing(f"{package} needs npm and Node")
        try:
            cache.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=cache, ignore_cleanup_errors=True) as draft:
                _install(npm, package, Path(draft), scripts=scripts)
                _publish(Path(draft), place)
        except OSError as error:
            raise NpmMissing(f"{package} can't be installed into {cache}: {error}") from error
    return place / "node_modules"


def _install(npm: str, package: str, folder: Path, *, scripts: bool) -> None:
    options = [*_QUICKLY, *([] if scripts else ["--ignore-scripts"])]
    command = [npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", *options, package]
    try:
        done = subprocess.run(  # noqa: S603  the npm of whoever runs the tests
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE_S,
        )
    except subprocess.TimeoutExpired as error:
        raise NpmMissing(f"npm did not bring {package} within {_PATIENCE_S} s") from error
    if done.returncode:
        raise NpmMissing(f"npm can't install {package}: {done.stderr.strip()[-200:]}")


def _publish(draft: Path, place: Path) -> None:
    """Put the folder in its place at once; somebody else may have been quicker."""
    try:
        draft.rename(place)
    except OSError:
        if not place.exists():
            raise
