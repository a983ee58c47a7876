"""`fanfold report` renders what was saved, without doing any of it again."""

import json
import sys
import webbrowser

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


def test_a_timeline_tells_of_attempts_where_events_were_kept(repository, saved, fanfold):
    """The page is that of the run itself; without the events, or with torn ones, it tells of units."""
    page = fanfold("report", "--format", "html").out
    assert "<caption>Attempts, the longest first" in page
    events = repository.root / ".fanfold" / "runs" / saved["id"] / "events.jsonl"
    events.write_text("{}\n")
    assert "<caption>Units, the longest first" in fanfold("report", "--format", "html").out
    events.unlink()
    assert "<caption>Units, the longest first" in fanfold("report", "--format", "html").out


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


def test_a_format_that_the_run_has_not_is_told_with_those_it_has(saved, repository, fanfold):
    """Also one that no run has: what is named can be asked for next."""
    for name, why in (
        ("junit", "is for runs of parallel-test; one"),
        ("htm", "is no format; did you mean 'html'? A run"),
    ):
        ended = fanfold("report", "--format", name)
        assert (ended.code, ended.out) == (2, "")
        assert ended.err.startswith(f"fanfold: --format {name} {why} of code-review can be md, html, ")
        for offered in ended.err.strip().partition("can be ")[2].split(", "):
            assert fanfold("report", "--format", offered).code == 0


@pytest.fixture
def browser(monkeypatch, tmp_path):
    """A program in the browser's place, which notes what it was to open; `browser()` are the addresses."""
    program, seen = tmp_path / "browser", tmp_path / "seen"
    program.write_text(f'#!/bin/sh\necho "$1" >> {seen}\n')
    program.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{program} %s")
    monkeypatch.setattr(webbrowser, "_tryorder", None)
    monkeypatch.setattr(webbrowser, "_browsers", {})
    return lambda: seen.read_text().splitlines() if seen.exists() else []


def test_open_shows_the_page(saved, repository, fanfold, browser):
    """From beside the run's record; stdout stays empty, unless something else is asked for as well."""
    ended = fanfold("report", "--open")
    page = repository.root / ".fanfold" / "runs" / saved["id"] / "report.html"
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == f"fanfold: {page}: opened in the browser\n"
    assert browser() == [page.as_uri()]
    assert page.read_text().startswith("<!doctype html>")
    assert fanfold("report", "--open", "--format", "json").run == saved
    assert len(browser()) == 2


def test_open_of_a_record_that_lies_elsewhere(saved, repository, fanfold, browser, tmp_path):
    """The page is in a folder of its own."""
    copied = tmp_path / "copied.json"
    copied.write_text(json.dumps({**saved, "id": "20200101-000000-none"}))
    assert fanfold("report", copied, "--open").code == 0
    (address,) = browser()
    assert address.endswith("/report-code-review.html")
    assert not (tmp_path / "report-code-review.html").exists()


def test_without_a_browser_open_says_where_the_page_is(saved, repository, fanfold, monkeypatch):
    """No text browser takes the terminal over."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    page = repository.root / ".fanfold" / "runs" / saved["id"] / "report.html"
    for html in ((), ("--format", "html")):
        ended = fanfold("report", "--open", *html)
        told = f"fanfold: {page}: no browser was found; open it yourself\n"
        assert (ended.code, ended.out, ended.err) == (0, "", told)
    assert page.exists()
    assert fanfold("report", "--open", "--format", "html", "--format", "json").run == saved
    assert fanfold("report", "--open", "--format", "html", "--output", "own.html").out == ""
    assert repository.root.joinpath("own.html").read_text() == page.read_text()


def test_what_was_rendered_is_kept_beside_the_record(saved, repository, fanfold):
    """In each format that was asked for; never through a link, never by an id that is no plain name."""
    place = repository.root / ".fanfold" / "runs" / saved["id"]
    fanfold("report", "--format", "md", "--format", "sarif", "--output", "out/")
    assert (place / "report.md").read_text() == (repository.root / "out" / "report.md").read_text()
    assert (place / "report.sarif").exists()
    precious = repository.root / "precious"
    precious.write_text("keep")
    (place / "report.md").unlink()
    (place / "report.md").symlink_to(precious)
    assert fanfold("report").code == 0
    assert precious.read_text() == "keep"
    (repository.root / "elsewhere").mkdir()
    (repository.root / "elsewhere" / "run.json").write_text("{}")
    hostile = repository.root / "hostile.json"
    hostile.write_text(json.dumps({**saved, "id": "../../elsewhere"}))
    assert fanfold("report", hostile).code == 0
    assert [path.name for path in (repository.root / "elsewhere").iterdir()] == ["run.json"]


def test_nothing_steers_a_terminal(saved, repository, fanfold, monkeypatch):
    """Not even what a format for machines holds as it is; into a file or a pipe it goes unchanged."""
    hostile = repository.root / "hostile.json"
    hostile.write_text(json.dumps({**saved, "notes": ["a\x9b31mb\u202ec"]}))
    assert fanfold("report", hostile, "--format", "json").run["notes"] == ["a\x9b31mb\u202ec"]
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert fanfold("report", hostile, "--format", "json").run["notes"] == ["abc"]
