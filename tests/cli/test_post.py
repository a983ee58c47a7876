"""`fanfold review --pr N --post`, before a program that stands in for gh: what is asked of it, what is posted, once."""

import io
import json
import os
import shutil
import stat
import sys
from pathlib import Path

import pytest

from fanfold.cli.post import post_review
from fanfold.errors import OutputError
from fanfold.reports.samples import FULL

# It answers as gh does: from `answers.json`, and each POST goes to `posted.jsonl` and into what is there afterwards.
FAKE = """\
#!{python}
import json, sys
from pathlib import Path
here = Path(__file__).parent
answers = json.loads((here / "answers.json").read_text())
words = sys.argv[1:]
with (here / "asked.jsonl").open("a") as file:
    file.write(json.dumps(words) + chr(10))
if words[:2] == ["pr", "view"]:
    if "pr" not in answers:
        sys.exit("GraphQL: Could not resolve to a PullRequest with the number of 12. (repository.pullRequest)")
    print(json.dumps(answers["pr"]))
elif "POST" in words:
    body = json.load(sys.stdin)
    if answers.get("refuses") and body["comments"]:
        print(json.dumps({{"message": "Unprocessable Entity"}}))
        sys.exit("gh: Unprocessable Entity (HTTP 422)")
    with (here / "posted.jsonl").open("a") as file:
        file.write(json.dumps(body) + chr(10))
    me = answers["user"] or {{"login": "github-actions[bot]", "type": "Bot"}}
    answers["reviews"].append({{"user": me, "body": body["body"]}})
    answers["comments"] += [{{"user": me, "body": comment["body"]}} for comment in body["comments"]]
    (here / "answers.json").write_text(json.dumps(answers))
    print(json.dumps({{"html_url": "https://github.com/acme/shop/pull/12#pullrequestreview-1"}}))
elif words[-1] == "user":
    if not answers["user"]:
        sys.exit("gh: Resource not accessible by integration (HTTP 403)")
    print(json.dumps(answers["user"]))
else:
    kind = words[-1].rpartition("/")[2].partition("?")[0]
    pages = answers[kind]
    print(json.dumps(pages[:1]) + json.dumps(pages[1:]))
"""


class Gh:
    """The stand-in's folder: what it is asked, what was posted, what it answers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        program = folder / "gh"
        program.write_text(FAKE.format(python=sys.executable))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        self.answer(user={"login": "me", "type": "User"}, reviews=[], comments=[])

    def answer(self, **answers):
        file = self.folder / "answers.json"
        known = json.loads(file.read_text()) if file.exists() else {}
        file.write_text(json.dumps({**known, **answers}))

    def pull_request(self, base, head, **more):
        pr = {"number": 12, "baseRefName": "main", "baseRefOid": base, "headRefOid": head}
        self.answer(pr={**pr, "url": "https://github.com/acme/shop/pull/12", **more})

    def _lines(self, name):
        file = self.folder / name
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    @property
    def posted(self):
        return self._lines("posted.jsonl")

    @property
    def asked(self):
        return self._lines("asked.jsonl")


@pytest.fixture
def gh(tmp_path, monkeypatch):
    """Put the stand-in before everything else on PATH."""
    stand_in = Gh(tmp_path / "gh-stand-in")
    monkeypatch.setenv("PATH", f"{stand_in.folder}{os.pathsep}{os.environ['PATH']}")
    return stand_in


@pytest.fixture
def pull(repository, gh):
    """Give pull request 12: a branch with two problems, while main has moved on."""
    repository.git("checkout", "--quiet", "-b", "change")
    head = repository.commit("Find by any name")
    repository.git("checkout", "--quiet", "main")
    repository.write("other.py", "x = 1\n")
    base = repository.commit("Move on")
    gh.pull_request(base, head)
    return head


def test_a_pull_request_is_reviewed_as_github_shows_it(repository, fanfold, pull):
    """Its head against where that forked from the base: what the base got since is not part of it."""
    ended = fanfold("review", "--pr", "12", "--analyzer", "ruff", "--backend", "none", "--format", "json", "--quiet")
    assert ended.code == 0
    assert ended.run["target"]["description"] == "pull request 12 (1 commit)"
    assert ended.run["target"]["head"] == pull
    assert ended.run["target"]["base"] == repository.git("merge-base", "main", "change").strip()
    assert {finding["path"] for finding in ended.run["findings"]} == {"app.py"}
    assert ended.run["request"]["pull_request"] == 12


def test_the_review_is_posted_once(repository, fanfold, gh, pull):
    """What is posted is what was shown; the same review again is not; a finding has one comment ever."""
    command = ("review", "--pr", "12", "--analyzer", "ruff", "--backend", "none", "--post", "--yes", "--quiet")
    first = fanfold(*command)
    (posted,) = gh.posted
    assert posted["event"] == "COMMENT"
    assert posted["commit_id"] == pull
    assert posted["comments"]
    for comment in posted["comments"]:
        assert comment["path"] == "app.py"
        for line in comment["body"].splitlines():
            assert line.strip() in first.err
    assert "posted to pull request 12: https://github.com/acme/shop/pull/12#pullrequestreview-1" in first.err
    again = fanfold(*command)
    assert "is on pull request 12 already; nothing is posted" in again.err
    assert len(gh.posted) == 1
    repository.git("checkout", "--quiet", "change")
    repository.write("new.py", "y = 2\n")
    gh.pull_request(repository.git("rev-parse", "main").strip(), repository.commit("More"))
    fanfold(*command)
    assert gh.posted[1]["comments"] == []
    assert "a comment already" in gh.posted[1]["body"]


def test_somebody_elses_marker_counts_for_nothing(fanfold, gh, pull):
    """Whoever opened the pull request can't keep a finding from being posted by writing its marker."""
    command = ("review", "--pr", "12", "--analyzer", "ruff", "--backend", "none", "--post", "--yes", "--quiet")
    fanfold(*command)
    (first,) = gh.posted
    stranger = {"login": "stranger", "type": "User"}
    gh.answer(
        reviews=[{"user": stranger, "body": first["body"]}],
        comments=[{"user": stranger, "body": comment["body"]} for comment in first["comments"]],
    )
    fanfold(*command)
    assert gh.posted[1] == first


def test_an_app_knows_its_own_posts(fanfold, gh, pull):
    """A build server's credential can't say who it is; it posts as a bot."""
    gh.answer(user=None)
    command = ("review", "--pr", "12", "--analyzer", "ruff", "--backend", "none", "--post", "--yes", "--quiet")
    fanfold(*command)
    assert "already" in fanfold(*command).err
    assert len(gh.posted) == 1


def test_lines_that_github_refuses_go_into_the_text(fanfold, gh, pull):
    """A refused comment costs the whole review: all of it is posted as one text instead."""
    gh.answer(refuses=True)
    ended = fanfold("review", "--pr", "12", "--analyzer", "ruff", "--backend", "none", "--post", "--yes", "--quiet")
    (posted,) = gh.posted
    assert posted["comments"] == []
    assert "`app.py:" in posted["body"]
    assert "GitHub refuses comments on these lines" in ended.err


def test_a_saved_review_can_be_posted_later(fanfold, gh, pull):
    """`fanfold report --post`, after a no, a failure, or agents of a host: the same texts, and still once."""
    fanfold("review", "--pr", "12", "--analyzer", "ruff", "--backend", "none", "--quiet")
    assert gh.posted == []
    assert fanfold("report", "--post", "--yes").code == 0
    assert "already" in fanfold("report", "--post", "--yes").err
    assert len(gh.posted) == 1


def test_only_a_pull_requests_review_can_be_posted(repository, fanfold, gh):
    """Whatever else was reviewed has nowhere to go."""
    fanfold("review", "--analyzer", "ruff", "--backend", "none", "--quiet")
    ended = fanfold("report", "--post", "--yes")
    assert ended.code == 2
    assert "the run is of no pull request: review one with --pr N" in ended.err


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("answer", "count"), [("y\n", 1), ("n\n", 0), ("\n", 0)])
@pytest.mark.usefixtures("pull")
def test_at_a_terminal_it_asks(fanfold, gh, monkeypatch, answer, count):
    """After showing all of it; anything but a yes posts nothing."""
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    ended = fanfold("review", "--pr", "12", "--analyzer", "ruff", "--backend", "none", "--post", "--quiet")
    assert "Post this?" in ended.err
    assert len(gh.posted) == count
    assert ended.code == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--post"], "--post goes with --pr N"),
        (["--pr", "12", "--post"], "there is no terminal to ask at: add --yes"),
        (["--pr", "12", "--staged"], "exclude each other"),
        (["--pr", "0"], "0 is not in the range"),
    ],
)
@pytest.mark.usefixtures("pull")
def test_bad_input_is_one_clear_line(fanfold, gh, monkeypatch, arguments, says):
    """Said before anything is asked of gh or spent."""
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    ended = fanfold("review", *arguments)
    assert ended.code == 2
    assert says in ended.err
    assert gh.asked == []


def test_a_missing_commit_is_named_with_its_fetch(repository, fanfold, gh):
    """Nothing is fetched; the command that brings it names the remote that is the pull request's repository."""
    gh.pull_request(repository.git("rev-parse", "HEAD").strip(), "d" * 40)
    ended = fanfold("review", "--pr", "12")
    assert "git fetch https://github.com/acme/shop main pull/12/head" in ended.err
    repository.git("remote", "add", "origin", "git@github.com:somebody/fork.git")
    repository.git("remote", "add", "upstream", "git@github.com:Acme/Shop.git")
    ended = fanfold("review", "--pr", "12")
    assert ended.code == 2
    assert "pull request 12 needs ddddddd, not here yet: git fetch upstream main pull/12/head" in ended.err
    assert ended.err.count("\n") == 1


def test_gh_that_is_missing_fails_or_tells_nonsense(repository, fanfold, gh, monkeypatch):
    """One line each, with what to do."""
    ended = fanfold("review", "--pr", "12")
    assert "gh pr failed: GraphQL: Could not resolve to a PullRequest" in ended.err
    gh.pull_request("main", "x")
    assert "tells nothing usable of pull request 12" in fanfold("review", "--pr", "12").err
    gh.pull_request("a" * 40, "b" * 40, url="https://evil\n/x")
    assert "an address of pull request 12 that can't be read" in fanfold("review", "--pr", "12").err
    only_git = gh.folder.parent / "only-git"
    only_git.mkdir()
    (only_git / "git").symlink_to(str(shutil.which("git")))
    (repository.root / "relative").symlink_to(gh.folder)
    monkeypatch.setenv("PATH", os.pathsep.join(["relative", str(only_git)]))
    ended = fanfold("review", "--pr", "12")
    assert ended.code == 2
    assert "install it and run gh auth login" in ended.err


def test_what_can_not_be_posted_is_said(repository, gh, tmp_path):
    """A review is not lost when gh fails in the end: the error is OutputError, after the report was delivered."""
    with pytest.raises(OutputError, match="the review is not posted: gh pr failed"):
        post_review(FULL, 12, repository.root, yes=True)


def test_a_repository_cannot_post(repository, fanfold):
    """Its own configuration is not the user's word."""
    for key in ("post", "yes", "pr"):
        repository.write("fanfold.toml", f"{key} = true\n")
        assert f"unknown key '{key}'" in fanfold("review").err
