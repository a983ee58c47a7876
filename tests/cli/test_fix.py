"""`fanfold fix`: suggestions in the working tree, nothing lost, each taken back by git."""

import os
import shlex
import subprocess

import pytest

from fanfold.engine.runs import write_run
from fanfold.models import Finding, Occurrence, Severity
from fanfold.reports.samples import FULL
from fanfold.sources.edits import unified
from fanfold.testing.examples import reported
from fanfold.testing.replies import Reply, Rule
from fanfold.testing.repository import ISOLATION
from fanfold.testing.server import MessagesServer

TEXT = "".join(f"line_{n} = {n}\n" for n in range(1, 31))
RUN = "20260102-030405-abcd"


def finding(name, path, text, old, new, **fields):
    values = FULL.findings[0].model_dump() | {"id": name, "path": path, "title": f"About {old.strip()}"}
    diff = unified(path, text, text.replace(old, new))
    return Finding.model_validate({**values, "suggestion": diff, **fields})


@pytest.fixture
def project(repository):
    """Give a repository with a clean file, an uncommitted one and a run that suggests something for both."""
    repository.write("src/clean.py", TEXT)
    repository.commit("Add clean")
    repository.write("dirty.py", "a = 1\nb = 2\n")
    save(
        repository,
        finding("F1", "src/clean.py", TEXT, "line_5 = 5\n", "line_5 = five\n"),
        finding("F2", "src/clean.py", TEXT, "line_20 = 20\n", "line_20 = 20\nmore = 1\n", severity=Severity.LOW),
        finding("F3", "dirty.py", "a = 1\nb = 2\n", "b = 2\n", "b = 3\n"),
        finding("F4", "src/clean.py", TEXT, "line_9 = 9\n", "older = 1\n", introduced=False),
        finding("F5", "src/clean.py", TEXT, "line_5 = 5\nline_6 = 6\n", "both = 56\n"),
        FULL.findings[1].model_copy(update={"id": "F6"}),
    )
    return repository


def save(repository, *findings):
    write_run(repository.root / ".fanfold", FULL.model_copy(update={"id": RUN, "findings": findings}))


def read(repository, path):
    return (repository.root / path).read_bytes().decode()


def undo(repository, said):
    """Run every command that the output says takes a fix back."""
    for line in said.splitlines():
        if "undo: " in line:
            command = line.partition("undo: ")[2]
            environment = {**os.environ, **ISOLATION}
            subprocess.run(shlex.split(command), cwd=repository.root, check=True, env=environment)


FIXED = TEXT.replace("line_5 = 5\n", "line_5 = five\n").replace("line_20 = 20\n", "line_20 = 20\nmore = 1\n")


def test_all_that_stands_is_applied_and_taken_back(project, fanfold):
    """Without ids: what the change brought; the one that overlaps another is named; older ones wait to be asked for."""
    ended = fanfold("fix")
    assert read(project, "src/clean.py") == FIXED
    assert read(project, "dirty.py") == "a = 1\nb = 3\n"
    assert ended.code == 3
    assert [line.split()[0] for line in ended.out.splitlines()[::2]] == ["F1", "F2", "F3"]
    assert "F5 is not applied: it overlaps F1" in ended.err
    assert "dirty.py has changes that are not committed; they are kept" in ended.err
    assert "clean.py has changes" not in ended.err
    undo(project, ended.out)
    assert read(project, "src/clean.py") == TEXT
    assert read(project, "dirty.py") == "a = 1\nb = 2\n"


@pytest.mark.parametrize(
    "arguments", [["F1", "F2"], ["F1,F2"], [RUN, "F1", "f2"], ["20260102", "F2,F1"], ["latest", "F1", "F2"]]
)
def test_ids_and_runs_are_told_apart(project, fanfold, arguments):
    """A finding's id is an F and a number; anything else names the run."""
    ended = fanfold("fix", *arguments)
    assert ended.code == 0
    assert read(project, "src/clean.py") == FIXED


def test_one_after_the_other(project, fanfold):
    """The second fix of a file is applied to what the first one left; the first one again is nothing to do."""
    assert fanfold("fix", "F2").code == 0
    first = fanfold("fix", "F1")
    assert read(project, "src/clean.py") == FIXED
    again = fanfold("fix", "F1", "F2")
    assert again.code == 0
    assert again.err.count("is applied already") == 2
    undo(project, first.out)
    assert fanfold("fix", "F1").code == 0
    assert read(project, "src/clean.py") == FIXED


def test_a_mistake_in_several_places_is_mended_in_all_of_them(repository, fanfold):
    """F1 means all of its places, F1-2 its second one; each has a patch of its own."""
    repository.write("x.py", TEXT)
    repository.write("y.py", "b = 2\n")
    found = finding("F1", "x.py", TEXT, "line_5 = 5\n", "five = 5\n")
    also = [finding("F2", "x.py", TEXT, "line_9 = 9\n", "nine = 9\n"), finding("F3", "y.py", "b = 2\n", "b", "c")]
    places = [Occurrence(**{name: getattr(f, name) for name in Occurrence.model_fields}) for f in also]
    save(repository, found.model_copy(update={"also": tuple(places)}))
    assert fanfold("fix", "F1-2").out.startswith("F1-2 applied: x.py")
    ended = fanfold("fix", "F1")
    assert ended.code == 0
    assert [line.split()[0] for line in ended.out.splitlines()[::2]] == ["F1", "F1-3"]
    assert "F1-2 is applied already" in ended.err
    assert read(repository, "x.py") == TEXT.replace("line_5", "five").replace("line_9", "nine")
    assert read(repository, "y.py") == "c = 2\n"
    undo(repository, ended.out)
    assert read(repository, "x.py") == TEXT.replace("line_9", "nine")


def test_edits_made_since_the_review_are_not_overwritten(project, fanfold):
    """The file is refused with a word; --force finds the lines, and names what is not there."""
    mine = "# mine\n" + TEXT.replace("line_20 = 20\n", "line_20 = 'mine'\n")
    project.write("src/clean.py", mine)
    ended = fanfold("fix", "F1", "F2")
    assert ended.code == 3
    assert "F1 is not applied: the file is no longer what was reviewed; --force" in ended.err
    assert read(project, "src/clean.py") == mine
    forced = fanfold("fix", "F1", "F2", "--force")
    assert forced.code == 3
    assert "F2 is not applied: the lines that it replaces do not stand there" in forced.err
    assert "src/clean.py has changes that are not committed; they are kept" in forced.err
    assert read(project, "src/clean.py") == mine.replace("line_5 = 5", "line_5 = five")
    undo(project, forced.out)
    assert read(project, "src/clean.py") == mine


def test_a_dry_run_prints_a_patch_and_changes_nothing(project, fanfold):
    """What it prints is what git applies to the same end."""
    ended = fanfold("fix", "--dry-run", "F1", "F2")
    assert read(project, "src/clean.py") == TEXT
    assert not (project.root / ".fanfold" / "runs" / RUN / "fixes").exists()
    project.git("apply", "-", stdin=ended.out.encode())
    assert read(project, "src/clean.py") == FIXED


@pytest.mark.parametrize(
    "text",
    ["a = 1\r\nb = 2\r\n", "a = 1\nb = 2", "\ufeffa = 1\nb = 2\n", "a = 1\r\nb = 2", "b = 2"],
    ids=["crlf", "no newline", "mark", "crlf and no newline", "one line"],
)
def test_the_files_own_ways_stay(repository, fanfold, text):
    """Line endings, the missing last newline, the byte order mark, the mode: kept, and kept when taken back."""
    place = repository.write("x.sh", text)
    place.chmod(0o754)
    shown = text.removeprefix("\ufeff")
    save(repository, finding("F1", "x.sh", shown, "b = 2", "b = 3"))
    ended = fanfold("fix", "F1")
    assert ended.code == 0
    assert read(repository, "x.sh") == text.replace("b = 2", "b = 3")
    assert place.stat().st_mode & 0o777 == 0o754
    undo(repository, ended.out)
    assert read(repository, "x.sh") == text


def test_from_a_folder_below_the_command_still_takes_it_back(project, fanfold, monkeypatch):
    """The undo that is printed works where it was printed."""
    (project.root / "deep er").mkdir()
    monkeypatch.chdir(project.root / "deep er")
    ended = fanfold("fix", "F1")
    assert "git -C " in ended.out
    assert read(project, "src/clean.py") != TEXT
    undo(project, ended.out)
    assert read(project, "src/clean.py") == TEXT


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["F99"], "the run has no finding F99; those with one: F1, F2, F3, F4, F5"),
        (["F6"], "F6 has no suggestion"),
        (["F1", "latest"], "'latest' is no finding's id"),
        (["nosuch"], "no run 'nosuch'"),
    ],
)
def test_bad_input_is_one_clear_line(project, fanfold, arguments, says):
    """Nothing is changed."""
    ended = fanfold("fix", *arguments)
    assert ended.code == 2
    assert says in ended.err
    assert ended.err.count("\n") == 1
    assert read(project, "src/clean.py") == TEXT


def test_nothing_suggested_is_nothing_to_do(repository, fanfold):
    """Exit code 4, as for an empty target."""
    save(repository)
    ended = fanfold("fix")
    assert ended.code == 4
    assert "suggests nothing" in ended.err


def test_no_fix_leaves_the_repository(repository, fanfold, tmp_path):
    """Not by a link, not by a path that climbs, not into git's own folder: whatever a record says."""
    outside = tmp_path / "outside.py"
    outside.write_text("b = 2\n")
    (repository.root / "link.py").symlink_to(outside)
    (repository.root / "folder").symlink_to(tmp_path)
    config = repository.root / ".git" / "config"
    before = config.read_text()
    save(
        repository,
        finding("F1", "link.py", "b = 2\n", "b = 2", "b = 3"),
        finding("F2", "folder/outside.py", "b = 2\n", "b = 2", "b = 3"),
        finding("F3", "../outside.py", "b = 2\n", "b = 2", "b = 3"),
        finding("F4", ".git/config", before, "bare = false", "bare = true"),
        finding("F5", "app.py", "b = 2\n", "b = 2", "b = 3").model_copy(update={"path": "other.py"}),
    )
    ended = fanfold("fix", "--force")
    assert ended.code == 3
    assert ended.err.count("is not applied") == 5
    assert outside.read_text() == "b = 2\n"
    assert config.read_text() == before


@pytest.fixture
def suggesting(monkeypatch):
    """Make a server the API whose finder suggests something, with the indentation lost."""
    suggestion = 'return db.execute("select * from t where name = ?", (name,))'
    report = {"findings": [reported(suggestion=suggestion)]}
    holds = {"verdict": "holds", "reason": "It is so.", "severity": "critical", "by_this_change": True}
    script = [
        Rule("Your aspects: performance, security.", [Reply(json=report)]),
        Rule("You are a verifier", [Reply(json=holds)]),
        Rule("", [Reply(json={"findings": []})]),
    ]
    with MessagesServer(script) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "test")
        yield


@pytest.mark.usefixtures("suggesting")
def test_a_review_that_cannot_apply_what_it_suggests_is_incomplete(repository, fanfold):
    """It ends as `fanfold fix` does, unless it has something worse to say."""
    repository.commit("Find by whatever")
    repository.write("app.py", "rewritten = True\n")
    review = ("review", "HEAD", "--analyzer", "none", "--quiet")
    assert fanfold(*review).code == 0
    ended = fanfold(*review, "--fix")
    assert "is not applied" in ended.err
    assert ended.code == fanfold("fix").code == 3
    assert fanfold(*review, "--fix", "--fail-on", "low").code == 1


@pytest.mark.usefixtures("suggesting")
def test_a_review_applies_what_it_suggests(repository, fanfold):
    """`fanfold review --fix`, where a sub-agent has lost the indentation; the report stays alone on stdout."""
    before = read(repository, "app.py")
    ended = fanfold("review", "--analyzer", "none", "--fix", "--quiet")
    assert ended.code == 0
    assert '+    return db.execute("select * from t where name = ?", (name,))' in ended.out
    assert "undo" not in ended.out
    assert read(repository, "app.py").endswith('\n    return db.execute("select * from t where name = ?", (name,))\n')
    assert "app.py has changes that are not committed; they are kept" in ended.err
    undo(repository, ended.err)
    assert read(repository, "app.py") == before


def test_a_repository_cannot_ask_for_fixes(repository, fanfold):
    """Its own configuration is not the user's word."""
    repository.write("fanfold.toml", "fix = true\n")
    assert "unknown key 'fix'" in fanfold("review").err
