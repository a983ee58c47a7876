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
        ("no/report.md", OutputError, "no is not a folder; make it first"),
        ("no/way/report.md", OutputError, "no/way is not a folder; make it first"),
        ("no/out/", OutputError, "no is not a folder; make it first"),
        ("file/report.md", OutputError, "file is not a folder"),
    ],
)
def test_what_can_not_be_written_is_said_at_once(here, output, error, says):
    """A folder that is missing above is more often a slip than a wish: it is named, and nothing is made."""
    (here / "file").write_text("kept")
    with pytest.raises(error) as raised:
        places(output, ["md"])
    assert says in str(raised.value)
    assert os.listdir(here) == ["file"]  # noqa: PTH208  names are what is asked for
    assert (here / "file").read_text() == "kept"


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
