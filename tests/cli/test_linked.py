"""`fanfold analyze --output docs/`: a linked set of pages, whole or not at all, and nobody else's files touched."""

import shlex

import pytest

from fanfold import __version__
from fanfold.reports.linked import INDEX, MARK
from fanfold.testing.repository import Repository

ANALYZE = ("analyze", "--backend", "none", "--quiet")


@pytest.fixture
def project(tmp_path, monkeypatch):
    repository = Repository.init(tmp_path / "project")
    repository.write("shop.py", "import tax\n\ndef total(rows):\n    return tax.of(rows)\n")
    repository.write("tax.py", "def of(rows):\n    return 1\n")
    repository.commit("Sell")
    monkeypatch.chdir(repository.root)
    return repository


def written(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_a_folder_gets_the_linked_set(project, fanfold):
    """With a slash at its end it is made, with those around it; nothing goes to stdout."""
    ended = fanfold(*ANALYZE, "--output", "docs/analysis/")
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    docs = project.root / "docs" / "analysis"
    assert {"index.md", "modules/shop.py.md", "modules/tax.py.md", "facts/entry-points.md"} <= set(written(docs))
    assert "(modules/shop.py.md)" in (docs / INDEX).read_text()


def test_the_next_run_replaces_its_own_pages_alone(project, fanfold):
    """A page of a module that is gone goes with it; whatever else lies in the folder stays."""
    docs = project.root / "docs"
    fanfold(*ANALYZE, "--output", "docs/")
    (docs / "guide.md").write_text("mine")
    (docs / "modules" / "drawing.svg").write_text("mine")
    project.write("shop.py", "import rates\n")
    project.write("rates.py", "RATE = 1\n")
    (project.root / "tax.py").unlink()
    assert fanfold(*ANALYZE, "--output", "docs").code == 0
    assert not (docs / "modules" / "tax.py.md").exists()
    assert (docs / "modules" / "rates.py.md").exists()
    assert {"guide.md", "modules/drawing.svg"} <= set(written(docs))
    assert not [path for path in written(docs) if path.startswith(".")]


def test_it_is_said_what_was_written(project, fanfold):
    """On stderr in one line, the index first; the next run counts these pages as generated."""
    ended = fanfold("analyze", "--backend", "none", "--output", "docs/")
    pages = len(written(project.root / "docs")) - 1
    assert f"fanfold: wrote docs/index.md and {pages} pages\n" in ended.err
    assert fanfold("report", "--output", "again/").err == f"fanfold: wrote again/index.md and {pages} pages\n"
    assert f"generated ({2 * (pages + 1)})" in fanfold(*ANALYZE).out


def test_a_saved_analysis_is_written_again(project, fanfold):
    """By `fanfold report`, with no model call; with a format, the folder gets that report alone."""
    fanfold(*ANALYZE)
    assert fanfold("report", "--output", "docs/").code == 0
    assert (project.root / "docs" / INDEX).is_file()
    assert fanfold("report", "--format", "md", "--output", "plain/").code == 0
    assert written(project.root / "plain") == ["report.md"]


@pytest.mark.parametrize("path", ["docs/index.md", "docs/modules/mine.md"])
def test_somebody_elses_page_is_in_the_way(path, project, fanfold):
    """It is found out before anything runs, and left as it is."""
    project.write(path, "# Mine\n")
    ended = fanfold(*ANALYZE, "--output", "docs/")
    assert ended.code == 2
    assert "is not fanfold's" in ended.err
    assert written(project.root / "docs") == [path.removeprefix("docs/")]


def test_a_set_that_can_not_be_written_leaves_the_old_one(project, fanfold):
    """What stands in the way of one page stops all of them: no half of a new set, and no trace of it."""
    docs = project.root / "docs"
    fanfold(*ANALYZE, "--output", "docs/")
    before = {path: (docs / path).read_text() for path in written(docs) if path.startswith("facts/") or path == INDEX}
    for path in (docs / "modules").iterdir():
        path.unlink()
    (docs / "modules").rmdir()
    (docs / "modules").write_text("in the way")
    ended = fanfold(*ANALYZE, "--output", "docs/")
    assert ended.code != 0
    assert "docs" in ended.err
    assert {path: (docs / path).read_text() for path in written(docs) if path != "modules"} == before


def test_every_page_says_whose_it_is(project, fanfold):
    """By the first line, which is how the next run knows them."""
    fanfold(*ANALYZE, "--output", "docs/")
    docs = project.root / "docs"
    assert {(docs / path).read_text().split("\n")[0] for path in written(docs)} == {MARK}


def test_a_repeated_run_writes_the_same_bytes(project, fanfold):
    """How long it took, what was reused and the run's number are the run's, and no page's."""
    docs = project.root / "docs"
    fanfold(*ANALYZE, "--output", "docs/")
    first = {path: (docs / path).read_bytes() for path in written(docs)}
    fanfold(*ANALYZE, "--output", "docs/")
    assert {path: (docs / path).read_bytes() for path in written(docs)} == first
    assert b"no request" not in first[INDEX]


def test_every_page_says_how_it_is_made_anew(project, fanfold):
    """The version and the command, which gives the same pages; it is from the repository's top."""
    (project.root / "sub").mkdir()
    fanfold(*ANALYZE, "--analysis", "dead-code", "--exclude", "x y/", "--output", "docs/")
    foot = (project.root / "docs" / "modules" / "tax.py.md").read_text().split("---")[-1]
    command = "fanfold analyze --analysis dead-code --exclude 'x y/' --backend none --output docs/"
    assert f"Generated by fanfold {__version__}; to renew: `{command}`" in foot
    before = {path: (project.root / "docs" / path).read_bytes() for path in written(project.root / "docs")}
    assert fanfold(*shlex.split(command)[1:]).code == 0
    assert {path: (project.root / "docs" / path).read_bytes() for path in written(project.root / "docs")} == before


@pytest.mark.parametrize(
    "change", [lambda text: text + "My own words.\n", lambda text: text.replace("shop", "store", 1)]
)
@pytest.mark.parametrize("page", ["index.md", "modules/shop.py.md"])
def test_what_somebody_wrote_into_a_page_is_not_lost(page, change, project, fanfold):
    """The run stops before it has begun; with the page gone, it is written again."""
    place = project.root / "docs" / page
    fanfold(*ANALYZE, "--output", "docs/")
    place.write_text(change(place.read_text()))
    edited = place.read_text()
    ended = fanfold(*ANALYZE, "--output", "docs/")
    assert ended.code == 2
    assert f"{page} was edited since fanfold wrote it" in ended.err
    assert place.read_text() == edited
    place.unlink()
    assert fanfold(*ANALYZE, "--output", "docs/").code == 0


def test_a_page_that_was_laid_out_anew_is_replaced(project, fanfold):
    """Line ends of another system, and what a formatter makes of a table, are nobody's words."""
    fanfold(*ANALYZE, "--output", "docs/")
    for page in (project.root / "docs").rglob("*.md"):
        page.write_bytes(page.read_bytes().replace(b"|---|", b"| :-- |").replace(b"\n", b"\r\n"))
    assert fanfold(*ANALYZE, "--output", "docs/").code == 0


def test_pages_of_an_older_version_are_replaced(project, fanfold):
    """They say whose they are, and nothing by which an edit could be told."""
    fanfold(*ANALYZE, "--output", "docs/")
    (project.root / "docs" / "facts" / "gone.md").write_text(f"{MARK}\n\n# Old\n")
    assert fanfold(*ANALYZE, "--output", "docs/").code == 0
    assert not (project.root / "docs" / "facts" / "gone.md").exists()


def test_an_incomplete_run_leaves_the_pages_that_are_there(project, fanfold):
    """It says so, and how to write them all the same; where there are none, its own are better than nothing."""
    docs = project.root / "docs"
    fanfold(*ANALYZE, "--output", "docs/")
    first = {path: (docs / path).read_bytes() for path in written(docs)}
    project.write("new.py", "import shop\n")
    ended = fanfold(*ANALYZE, "--deadline", "0.000001", "--output", "docs/")
    assert ended.code == 3
    assert {path: (docs / path).read_bytes() for path in written(docs)} == first
    assert "docs is left as it was: the run is incomplete; to write it: fanfold report " in ended.err
    command = ended.err.partition("to write it: ")[2].split("\n")[0]
    assert fanfold(*shlex.split(command)[1:]).code == 0
    assert (docs / INDEX).read_bytes() != first[INDEX]
    assert fanfold(*ANALYZE, "--deadline", "0.000001", "--output", "fresh/").code == 3
    assert (project.root / "fresh" / INDEX).exists()
