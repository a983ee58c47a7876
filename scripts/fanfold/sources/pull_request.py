"""Pull requests on GitHub, by way of its own program `gh`, which knows the repository and holds the credential.

Nothing is fetched: what a review needs must be here, and the message says which command brings it.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from fanfold.errors import TargetError
from fanfold.sources.git import Git, GitFailed
from fanfold.sources.revisions import Span, merge_base, short
from fanfold.sources.text import printable

_TIMEOUT_S = 120.0
_FIELDS = "number,url,baseRefName,baseRefOid,headRefOid"
_URL = re.compile(r"https://([^/\s]+)/([^/\s]+)/([^/\s]+)/pull/\d+")
_QUIET = {"GH_PROMPT_DISABLED": "1", "GH_NO_UPDATE_NOTIFIER": "1", "GH_PAGER": "cat", "NO_COLOR": "1"}
_ID = r"^[0-9a-f]{40}([0-9a-f]{24})?$"


class GhFailed(TargetError):
    """gh said no: `output` is what it printed."""

    def __init__(self, message: str, output: str) -> None:
        super().__init__(message)
        self.output = output


class _View(BaseModel):
    """What `gh pr view --json` prints."""

    number: int
    url: str
    base_ref: str = Field(alias="baseRefName")
    base: str = Field(alias="baseRefOid", pattern=_ID)
    head: str = Field(alias="headRefOid", pattern=_ID)


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request: where it is, and the full ids of its two sides."""

    number: int
    host: str
    owner: str
    name: str
    base_ref: str
    base: str
    head: str

    @property
    def api(self) -> str:
        """The path below which GitHub's interface has it."""
        return f"repos/{self.owner}/{self.name}/pulls/{self.number}"


def view_pull_request(number: int, folder: Path) -> PullRequest:
    """Ask gh for a pull request of the repository in `folder`. Raises TargetError."""
    output = run_gh(("pr", "view", str(number), "--json", _FIELDS), folder)
    try:
        view = _View.model_validate_json(output)
    except ValidationError as error:
        field = ".".join(str(part) for part in error.errors(include_url=False)[0]["loc"])
        raise TargetError(f"gh tells nothing usable of pull request {number} ({field or output[:40]!r})") from error
    place = _URL.fullmatch(view.url)
    if place is None:
        raise TargetError(f"gh gives an address of pull request {number} that can't be read: {printable(view.url)}")
    return PullRequest(view.number, place[1], place[2], place[3], view.base_ref, view.base, view.head)


def pull_request_span(git: Git, pull: PullRequest) -> Span:
    """Return what the pull request holds, as GitHub shows it: its head against where that forked from the base.

    Raises TargetError when a commit is not here.
    """
    missing = [commit for commit in (pull.base, pull.head) if not _is_here(git, commit)]
    if missing:
        command = shlex.join(["git", "fetch", _remote(git, pull), pull.base_ref, f"pull/{pull.number}/head"])
        what = " and ".join(short(commit) for commit in missing)
        raise TargetError(f"pull request {pull.number} needs {what}, not here yet: {printable(command)}")
    base = merge_base(git, pull.base, pull.head)
    if base is None:
        raise TargetError(f"pull request {pull.number} and its base share no commit here: git fetch --unshallow")
    commits = int(git.text("rev-list", "--count", f"{base}..{pull.head}"))
    return Span(f"pull request {pull.number}", base, pull.head, commits)


def _is_here(git: Git, commit: str) -> bool:
    try:
        git.run("cat-file", "-e", f"{commit}^{{commit}}")
    except GitFailed:
        return False
    return True


def _remote(git: Git, pull: PullRequest) -> str:
    """Return the remote that is the pull request's repository, or else the address of that."""
    wanted = f"{pull.owner}/{pull.name}".lower()
    for line in (
        git.run_or("config", "--get-regexp", r"^remote\..*\.url$", otherwise=1).decode("utf-8", "replace").splitlines()
    ):
        key, _, url = line.partition(" ")
        if url.lower().removesuffix("/").removesuffix(".git").endswith((f"/{wanted}", f":{wanted}")):
            return key.removeprefix("remote.").removesuffix(".url")
    return f"https://{pull.host}/{pull.owner}/{pull.name}"


def run_gh(arguments: Sequence[str], folder: Path, given: str = "") -> str:
    """Return what `gh arguments` prints when it is run in `folder`.

    Raises GhFailed when it fails, another TargetError when there is no gh or it takes too long.
    """
    environment = {**os.environ, **_QUIET}
    environment.pop("CLICOLOR_FORCE", None)
    try:
        done = subprocess.run(  # noqa: S603  the program is gh, and no shell is involved
            [_program(), *arguments],
            cwd=folder,
            env=environment,
            input=given.encode("utf-8", "replace"),
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TargetError(f"gh {arguments[0]} took longer than {_TIMEOUT_S:.0f} s") from error
    except OSError as error:
        raise TargetError(f"can't run gh: {error.strerror or error}") from error
    output = done.stdout.decode("utf-8", "replace")
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip() or output.strip() or f"exit status {done.returncode}"
        raise GhFailed(f"gh {arguments[0]} failed: {printable(said.splitlines()[0])}", f"{said}\n{output}")
    return output


def _program() -> str:
    """Return the gh to run, never one that a relative entry of PATH finds in the folder under review."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    program = shutil.which("gh", path=os.pathsep.join(folder for folder in folders if Path(folder).is_absolute()))
    if program is None:
        raise TargetError(
            "--pr asks GitHub's gh, which is not on PATH: install it and run gh auth login; or fetch the branches and "
            "name the range, as in origin/main...BRANCH"
        )
    return program


def listed(text: str) -> list[object]:
    """Return the values of all JSON lists in a text: each page that `gh api --paginate` prints is one."""
    decoder = json.JSONDecoder()
    values: list[object] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        page, at = decoder.raw_decode(text, at)
        values += page if isinstance(page, list) else [page]
    return values
