"""`fanfold report` renders what was saved, without doing any of it again."""

import json

import pytest


@pytest.fixture
def saved(repository, fanfold):
    """A review that has been run."""
    return fanfold("review", "--analyzer", "ruff", "--format", "json").run


def test_a_run_renders_again(saved, fanfold):
    """By id, by the start of it, by file, and the latest one by nothing: the same report each time."""
    path = f".fanfold/runs/{saved['id']}/run.json"
    texts = {fanfold("report", *which).out for which in ((saved["id"],), (saved["id"][:-2],), (path,), ())}
    assert len(texts) == 1
    assert saved["id"] in texts.pop()


def test_other_formats_and_templates(saved, fanfold, tmp_path):
    """--format, --template and --output mean what they mean for a review."""
    assert fanfold("report", "--format", "json").run == saved
    own = tmp_path / "own.md.j2"
    own.write_text("{{ run.findings | length }} found")
    out = tmp_path / "report.txt"
    assert fanfold("report", "--template", own, "--output", out).code == 0
    assert out.read_text() == f"{len(saved['findings'])} found\n"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "no run"),
        ("{}", "not a run"),
        ("[", "not a run"),
        ('{"format": 99}', "format 99"),
        ('{"a": "\\u0000"}', "not a run"),
    ],
)
def test_what_is_no_run_is_said(repository, fanfold, content, says):
    """One clear line, exit 2."""
    if content is not None:
        repository.write("run.json", content)
    ended = fanfold("report", "run.json")
    assert ended.code == 2
    (line,) = ended.err.splitlines()
    assert says in line


def test_a_run_that_was_killed_is_said(saved, repository, fanfold):
    """What to do instead, by every way of naming it; exit 2."""
    place = repository.root / ".fanfold" / "runs" / saved["id"]
    (place / "run.json").unlink()
    for which in ((), (saved["id"],), (place,)):
        ended = fanfold("report", *which)
        assert (ended.code, ended.out) == (2, "")
        assert ended.err == (
            f"fanfold: run {saved['id']} did not finish: run the same command again; "
            f"`fanfold runs show {saved['id']}` tells how far it came\n"
        )


def test_without_runs_that_is_said(repository, fanfold):
    """Not which run is missing, but that there is none; exit 2."""
    ended = fanfold("report")
    assert ended.code == 2
    assert ended.err == f"fanfold: no runs in {repository.root / '.fanfold'} yet\n"


def test_a_file_of_that_name_is_not_the_latest_run(saved, repository, fanfold):
    """Nothing means the latest run, whatever lies in the working directory; the usage says that RUN may be left out."""
    repository.write("latest", "not a run")
    assert fanfold("report", "--format", "json").run == saved
    assert "[RUN]" in fanfold("report", "--help").out


def test_a_run_of_a_newer_fanfold_is_not_guessed_at(saved, repository, fanfold):
    """Its format number decides."""
    repository.write("newer.json", json.dumps({**saved, "format": 2}))
    assert fanfold("report", "newer.json").code == 2
