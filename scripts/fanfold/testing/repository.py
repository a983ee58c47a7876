"""Real git repositories for tests: small, the same every time, and untouched by anybody's git settings."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

_EPOCH = 1_767_225_600  # 2026-01-01T00:00:00Z: the first commit's date; each next one is a minute later

ISOLATION: Mapping[str, str] = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_SYSTEM": os.devnull,
}
"""Environment variables under which git reads the repository's own configuration and no other.

`isolate_git` sets them in the test's environment, for code under test that runs git itself.
"""


# What a git hook sets, and what would lead git elsewhere.
_LEADING = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_CONFIG_COUNT", "GIT_CONFIG_PARAMETERS")


def isolate_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the git that the code under test runs away from the developer's configuration and a hook's variables."""
    for name in _LEADING:
        monkeypatch.delenv(name, raising=False)
    for name, value in ISOLATION.items():
        monkeypatch.setenv(name, value)


@dataclass
class Repository:
    r"""A repository in `root`. Names, mail addresses, dates, and so the ids of its commits, never vary.

    repository = Repository.init(tmp_path)
    repository.write("a.py", "x = 1\n")
    first = repository.commit("Add a")
    """

    root: Path
    clock: int = field(default=_EPOCH)

    @classmethod
    def init(cls, root: Path, *options: str, branch: str = "main") -> Repository:
        """Make a repository in `root`, which is made when missing; `options` are those of `git init`."""
        root.mkdir(parents=True, exist_ok=True)
        repository = cls(root)
        repository.git("init", "--quiet", "--template=", f"--initial-branch={branch}", *options)
        return repository

    def write(self, path: str | bytes, content: str | bytes = "") -> Path:
        """Write a file and its folders; text is written as UTF-8, its line endings as they are."""
        place = self.root / os.fsdecode(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)
        return place

    def commit(self, message: str = "change", *options: str) -> str:
        """Stage all there is, commit it, and return the full id; a commit may be empty."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", f"--message={message}", *options)
        return self.git("rev-parse", "HEAD").strip()

    def git(self, *arguments: str, stdin: bytes = b"") -> str:
        """Run git in the repository and return what it prints; a failure is an AssertionError with what it said."""
        done = subprocess.run(  # noqa: S603  a test says what git does
            ["git", *arguments],  # noqa: S607  the git of whoever runs the tests
            cwd=self.root,
            input=stdin,
            capture_output=True,
            env=self._environment(),
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"git {' '.join(arguments)}: {done.stderr.decode(errors='replace')}")
        return done.stdout.decode("utf-8", "replace")

    def _environment(self) -> dict[str, str]:
        self.clock += 60
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        person = {"NAME": "A U Thor", "EMAIL": "author@example.com", "DATE": f"{self.clock} +0000"}
        identity = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in person.items()}
        return {**inherited, **ISOLATION, **identity, "LC_ALL": "C", "HOME": str(self.root)}
