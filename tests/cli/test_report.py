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


def test_a_run_of_a_newer_fanfold_is_not_guessed_at(saved, repository, fanfold):
    """Its format number decides."""
    repository.write("newer.json", json.dumps({**saved, "format": 2}))
    assert fanfold("report", "newer.json").code == 2
