"""Where texts go: what a path means, and what is found out before anything is spent."""

import os
from pathlib import Path

import pytest

from fanfold.cli.products import STDOUT, deliver, places
from fanfold.errors import OutputError, UsageError
from fanfold.reports.formats import Renderer, TemplateChoice
from fanfold.reports.samples import RUNS

RUN = next(iter(RUNS.values()))
RENDERER = Renderer(RUN.skill, ("md", "json"), TemplateChoice())


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty folder to work in."""
    place = tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


def test_a_slash_means_a_folder(here):
    """Also for one format, whether it is there or not; nothing is made before there is something to write."""
    chosen = places("out/", ["md"])
    assert chosen == {"md": Path("out/report.md")}
    assert not (here / "out").exists()
    deliver(RUN, RENDERER, chosen)
    assert (here / "out" / "report.md").read_text() == RENDERER.render(RUN, "md")
    assert places("out", ["md"]) == places("out/", ["md"]) == chosen


def test_a_name_means_a_file(here):
    """One format goes to a file of that name, several to a folder of that name."""
    assert places("out", ["md"]) == {"md": Path("out")}
    assert places("out", ["md", "json"]) == {"md": Path("out/report.md"), "json": Path("out/report.json")}
    assert places("-", ["md"]) == places(None, ["md"]) == {"md": STDOUT}


@pytest.mark.parametrize(
    ("output", "error", "says"),
    [
        ("file/", UsageError, "the slash at its end means a folder, and this is a file"),
        ("", UsageError, "the name of a file or folder is expected"),
        ("a\0b", UsageError, "the name of a file or folder is expected"),
        ("file/report.md", OutputError, "file is not a folder"),
        ("file/way/report.md", OutputError, "file/way/report.md: "),
        ("loose/report.md", OutputError, "loose is not a folder"),
    ],
)
def test_what_can_not_be_written_is_said_at_once(here, output, error, says):
    """What is in the way is named, and nothing is made."""
    (here / "file").write_text("kept")
    (here / "loose").symlink_to("nowhere")
    with pytest.raises(error) as raised:
        places(output, ["md"])
    assert says in str(raised.value)
    assert sorted(os.listdir(here)) == ["file", "loose"]  # noqa: PTH208  names are what is asked for
    assert (here / "file").read_text() == "kept"


@pytest.mark.parametrize(
    ("output", "file"), [("a/r.md", "a/r.md"), ("a/b/r.md", "a/b/r.md"), ("a/b/", "a/b/report.md")]
)
def test_folders_that_are_missing_are_made(here, output, file):
    """Those of a file as those of a folder, and not before there is something to write."""
    chosen = places(output, ["md"])
    assert not (here / "a").exists()
    deliver(RUN, RENDERER, chosen)
    assert (here / file).read_text() == RENDERER.render(RUN, "md")


def test_several_formats_need_a_folder(here):
    """A file, or stdout, can't take them."""
    (here / "file").write_text("")
    for output in ("file", None, "-"):
        with pytest.raises(UsageError):
            places(output, ["md", "json"])


def test_a_pipe_is_not_tried(here):
    """To open it would wait for its reader, and to close it would be its end."""
    os.mkfifo(here / "pipe")
    assert places("pipe", ["md"]) == {"md": Path("pipe")}


def test_every_format_is_written_or_accounted_for(here, capsys):
    """A folder that went away in the meantime is made again; a file in its place costs the files, not the texts."""
    chosen = places("out/", ["md", "json"])
    (here / "out").write_text("in the way")
    with pytest.raises(OutputError) as raised:
        deliver(RUN, RENDERER, chosen)
    assert capsys.readouterr().out == RENDERER.render(RUN, "md") + RENDERER.render(RUN, "json")
    assert str(raised.value).count("the report went to stdout instead") == 2


# -- inside of Claude Code


@pytest.fixture
def kept(tmp_path):
    """A run with a folder of its own, and a report of 120 findings."""
    finding = RUN.findings[0]
    many = tuple(finding.model_copy(update={"id": f"F{number}"}) for number in range(1, 121))
    target = RUN.target.model_copy(update={"root": str(tmp_path)})
    run = RUN.model_copy(update={"findings": many, "target": target, "status": "complete"})
    (tmp_path / ".fanfold" / "runs" / run.id).mkdir(parents=True)
    return run, tmp_path / ".fanfold" / "runs" / run.id / "report.md"


@pytest.mark.parametrize(("status", "most"), [("complete", 24_000), ("partial", 7_000)])
def test_what_is_shown_fits_and_names_the_file_of_the_rest(kept, monkeypatch, capsys, status, most):
    """What Claude Code shows of a command has bounds, tighter ones where it fails; the file has all of it."""
    run, file = kept
    run = run.model_copy(update={"status": status})
    monkeypatch.setenv("CLAUDECODE", "1")
    deliver(run, RENDERER, {"md": STDOUT})
    out = capsys.readouterr().out
    assert len(out) <= most
    assert str(file) in out
    assert file.read_text() == RENDERER.render(run, "md")


def test_everybody_else_gets_all_of_it(kept, monkeypatch, capsys):
    """A terminal, a pipe, a build server; JSON and files are whole inside of Claude Code as well."""
    run, file = kept
    monkeypatch.delenv("CLAUDECODE", raising=False)
    deliver(run, RENDERER, {"md": STDOUT})
    assert capsys.readouterr().out == file.read_text() == RENDERER.render(run, "md")
    monkeypatch.setenv("CLAUDECODE", "1")
    deliver(run, RENDERER, {"json": STDOUT, "md": Path("own.md")})
    assert capsys.readouterr().out == RENDERER.render(run, "json")
    assert Path("own.md").read_text() == RENDERER.render(run, "md")


def test_without_a_file_nothing_is_cut(kept, monkeypatch, capsys):
    """A report must not name a file that is not there."""
    run, file = kept
    file.mkdir()
    monkeypatch.setenv("CLAUDECODE", "1")
    deliver(run, RENDERER, {"md": STDOUT})
    assert capsys.readouterr().out == RENDERER.render(run, "md")
