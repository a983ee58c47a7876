"""A review posted to its pull request: shown first, asked for, and never twice.

What was posted is known again by markers in the texts themselves, of which those of other people count for nothing:
whoever opened the pull request could otherwise keep a finding from being posted.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from fanfold.cli.streams import printable
from fanfold.errors import OutputError, TargetError, UsageError
from fanfold.models import Run
from fanfold.reports import github
from fanfold.reports.amounts import count
from fanfold.sources.pull_request import GhFailed, PullRequest, listed, run_gh, view_pull_request
from fanfold.sources.revisions import short

_FINDING = re.compile(r"<!-- fanfold:finding:([0-9a-f]+) -->")
_REFUSED = "HTTP 422"


def check_post(*, post: bool, pull: int | None, yes: bool) -> None:
    """Raise UsageError when a review could not be posted in the end: before anything is spent."""
    if post and pull is None:
        raise UsageError("--post goes with --pr N, the pull request to post to")
    if post and not yes and not (sys.stdin and sys.stdin.isatty()):
        raise UsageError("--post asks before it posts, and there is no terminal to ask at: add --yes")


def post_review(run: Run, number: int, folder: Path, *, yes: bool) -> None:
    """Post the review of a run to its pull request, by way of gh in `folder`, and say where it is.

    Raises OutputError when it can't be posted.
    """
    try:
        pull = view_pull_request(number, folder)
        said = list(_own_texts(pull, folder))
        if any(github.marker(run) in text for text in said):
            click.echo(f"fanfold: this review is on pull request {number} already; nothing is posted", err=True)
            return
        already = frozenset(match[1] for text in said for match in _FINDING.finditer(text))
        review = github.review(run, already)
        _show(review, run, pull)
        if not yes and not click.confirm("Post this?", err=True):
            click.echo("fanfold: nothing is posted; the same command offers it again", err=True)
            return
        place = _post(run, review, already, pull, folder)
    except TargetError as error:
        raise OutputError(f"the review is not posted: {error}") from error
    click.echo(f"fanfold: posted to pull request {number}: {printable(place)}", err=True)


def _own_texts(pull: PullRequest, folder: Path) -> Iterator[str]:
    """Yield the texts of the reviews and their comments that whoever posts has posted before."""
    login = _login(pull, folder)
    for kind in ("reviews", "comments"):
        for entry in listed(_api(pull, folder, "--paginate", f"{pull.api}/{kind}?per_page=100")):
            if isinstance(entry, Mapping) and _is_own(entry.get("user"), login):
                yield str(entry.get("body") or "")


def _is_own(user: object, login: str | None) -> bool:
    if not isinstance(user, Mapping):
        return False
    return user.get("login") == login if login else user.get("type") == "Bot"


def _login(pull: PullRequest, folder: Path) -> str | None:
    """Return who posts; None where the credential is an app's, as on a build server: it posts as a bot."""
    try:
        return str(json.loads(_api(pull, folder, "user"))["login"])
    except (GhFailed, KeyError, TypeError, ValueError):
        return None


def _api(pull: PullRequest, folder: Path, *arguments: str, given: str = "") -> str:
    return run_gh(("api", "--hostname", pull.host, *arguments), folder, given)


def _show(review: Mapping[str, Any], run: Run, pull: PullRequest) -> None:
    """Show on stderr what would be posted."""
    where = f"{pull.owner}/{pull.name}#{pull.number} on {pull.host}"
    click.echo(f"fanfold: to be posted to {printable(where)}, {count(len(review['comments']), 'comment')}:", err=True)
    if run.target.head != pull.head:
        click.echo(f"fanfold: it has moved on to {short(pull.head)} since this was reviewed", err=True)
    _show_text("review", review["body"])
    for comment in review["comments"]:
        _show_text(f"{comment['path']}:{comment['line']}", comment["body"])


def _show_text(label: str, text: str) -> None:
    click.echo(f"\n  {printable(label)}", err=True)
    for line in text.splitlines():
        click.echo(f"  | {printable(line)}", err=True)


def _post(run: Run, review: Mapping[str, Any], already: frozenset[str], pull: PullRequest, folder: Path) -> str:
    """Post the review and return its address; as one text where GitHub does not take a comment's line."""
    try:
        answer = _send(review, pull, folder)
    except GhFailed as error:
        if _REFUSED not in error.output or not review["comments"]:
            raise
        click.echo("fanfold: GitHub refuses comments on these lines: they go into the review's own text", err=True)
        answer = _send(github.review(run, already, beside=False), pull, folder)
    try:
        return str(json.loads(answer)["html_url"])
    except (KeyError, TypeError, ValueError):
        return f"https://{pull.host}/{pull.owner}/{pull.name}/pull/{pull.number}"


def _send(review: Mapping[str, Any], pull: PullRequest, folder: Path) -> str:
    arguments = ("--method", "POST", f"{pull.api}/reviews", "--input", "-")
    return _api(pull, folder, *arguments, given=json.dumps(review))
