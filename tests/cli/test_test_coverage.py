"""`fanfold test --coverage`: the data of all processes as one, by the project's own coverage.py."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from coverage import CoverageData

from fanfold.skills.parallel_test.measured import least_of, rows_of
from fanfold.testing.repository import Repository

LIBRARY = """\
AT_IMPORT = 1


def used(n):
    if n == 1:
        return "one"
    if n == 2:
        return "two"
    return "many"


def unused():
    return None
"""
TESTS = "from lib import used\n\n\ndef test_n():\n    assert used({number})\n"
NO_FORK = "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A library and two files of tests, each of which runs other lines of it."""
    repository = Repository.init(tmp_path / "project")
    repository.write("lib.py", LIBRARY)
    repository.write("conftest.py", "")
    for number in (1, 2):
        repository.write(f"tests/test_{number}.py", TESTS.format(number=number))
    write_config(repository)
    repository.commit()
    monkeypatch.chdir(repository.root)
    return repository


def write_config(repository, variables="", ini='pythonpath = ["."]'):
    call = json.dumps([sys.executable, "-m", "pytest", "-p", "no:cacheprovider"])
    text = f'[test.suites.unit]\nframework = "pytest"\ncommand = {call}\n{variables}\n'
    repository.write("fanfold.toml", text)
    repository.write("pyproject.toml", f"[tool.pytest.ini_options]\n{ini}\n")


def lines(file):
    """Return the lines that ran, by file."""
    data = CoverageData(basename=str(file))
    data.read()
    return {Path(path).name: sorted(data.lines(path) or []) for path in data.measured_files()}


def combined(project):
    (file,) = (project.root / ".fanfold").glob("runs/*/.coverage")
    return file


@pytest.mark.parametrize("conftest", ["", NO_FORK], ids=["forked", "started"])
def test_the_data_is_that_of_one_process(project, fanfold, conftest):
    """The same lines as by `coverage run`, whether workers are forked or started; the file is named in the notes."""
    project.write("conftest.py", conftest)
    ended = fanfold("test", "--coverage", "--jobs", "2", "--format", "json")
    assert ended.code == 0, ended.err
    file = combined(project)
    (note,) = [note for note in ended.run["notes"] if note.startswith("coverage")]
    assert str(file) in note
    assert " % of the lines" in note
    assert "those of tests included" in note
    assert [one["path"] for one in ended.run["result"]["least_covered"]] == ["lib.py"]
    environ = {**os.environ, "COVERAGE_FILE": str(project.root / "plain"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "coverage", "run", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    subprocess.run(command, cwd=project.root, env=environ, check=True, capture_output=True)
    assert lines(file) == lines(project.root / "plain")
    assert lines(file)["lib.py"] == [1, 4, 5, 6, 7, 8, 12]
    assert [path.name for path in file.parent.iterdir() if path.name.startswith("coverage-")] == []


def test_of_many_files_those_covered_least_are_told():
    """Five of the project's, with branches or without; neither tests nor what is covered whole."""
    names = ["tests/test_a.py", "conftest.py", *(f"pkg/a file {n}.py" for n in range(7))]
    rows = "".join(f"{name}    10     9      2      1    {n}.5%   3-9\n" for n, name in enumerate(names))
    head = "Name    Stmts   Miss Branch BrPart  Cover   Missing\n-------\n"
    found = rows_of(f"{head}{rows}pkg/whole.py   3   0   100%\n-------\nTOTAL    170    9    3    3    50%\n")
    assert len(found) == 10
    assert [(one.path, one.percent) for one in least_of(found)] == [(f"pkg/a file {n}.py", n + 2.5) for n in range(5)]
    assert least_of(found[-1:]) == ()
    assert rows_of("No data to report.") == ()


def test_the_project_s_settings_hold(project, fanfold):
    """What it leaves out is left out, and branches are measured where it says so."""
    project.write(".coveragerc", "[run]\nbranch = true\nomit = tests/*\n")
    assert fanfold("test", "--coverage", "--quiet").code == 0
    data = CoverageData(basename=str(combined(project)))
    data.read()
    assert data.has_arcs()
    assert {Path(path).name for path in data.measured_files()} <= {"lib.py", "conftest.py"}


def test_a_project_that_makes_errors_of_warnings_is_measured(project, fanfold):
    """coverage.py warns of what was imported before it began, in each worker; no test is lost to that."""
    write_config(project, ini='pythonpath = ["."]\nfilterwarnings = ["error"]')
    project.write(".coveragerc", "[run]\nsource_pkgs = lib\n")
    project.write("conftest.py", "import lib\n")
    ended = fanfold("test", "--coverage", "--jobs", "2", "--format", "json")
    assert ended.code == 0, ended.err
    assert {6, 8} <= set(lines(combined(project))["lib.py"])


def test_without_coverage_tests_run_and_one_line_says_how_to_get_it(project, fanfold):
    """The project's interpreter does not have it."""
    project.write("hidden/coverage.py", "raise ImportError\n")
    write_config(project, f"variables = {{ PYTHONPATH = {json.dumps(str(project.root / 'hidden'))} }}")
    ended = fanfold("test", "--coverage", "--format", "json")
    assert ended.code == 0
    assert ended.run["result"]["totals"]["passed"] == 2
    (line,) = [note for note in ended.run["notes"] if "coverage of unit" in note]
    assert "-m pip install coverage" in line
    assert "\n" not in line


def test_a_crash_costs_what_ran_since_its_shard_began_and_nothing_else(project, fanfold):
    """The rest is combined all the same."""
    project.write("tests/test_0.py", "import os\n\n\ndef test_gone():\n    os._exit(3)\n")
    ended = fanfold("test", "--coverage", "--jobs", "2", "--retries", "0", "--format", "json")
    assert ended.code == 1
    assert ended.run["result"]["totals"]["crashed"] == 1
    assert {6, 8} <= set(lines(combined(project))["lib.py"])


def test_a_suite_that_is_not_measured_says_so(project, fanfold):
    """Another framework's."""
    config = (project.root / "fanfold.toml").read_text()
    project.write(
        "plain/test_x.py", "import unittest\n\n\nclass T(unittest.TestCase):\n    def test_y(self):\n        pass\n"
    )
    project.write(
        "fanfold.toml", f'{config}[test.suites.old]\nframework = "unittest"\nfolder = "plain"\npaths = ["."]\n'
    )
    ended = fanfold("test", "--coverage", "old", "--format", "json")
    assert ended.run["result"]["totals"]["passed"] == 1
    assert any(note.startswith("coverage of old is not measured") for note in ended.run["notes"])
    assert "coverage: nothing was measured" in ended.run["notes"]


@pytest.fixture
def parts(project, fanfold, tmp_path):
    """Run the parts of a plan, measured but for `bare` ones, and return the folder with what they leave."""

    def run(bare=()):
        place = tmp_path / "out"
        place.mkdir()
        plan = tmp_path / "plan.json"
        plan.write_text(fanfold("test", "--plan", "2").out)
        for number in (1, 2):
            more = () if number in bare else ("--coverage",)
            output = ("--format", "json", "--output", place / f"run-{number}.json")
            assert fanfold("test", "--shard", f"{number}/2", "--plan", plan, *output, *more).code == 0
        return place

    return run


def notes_of(fanfold, *arguments):
    """Return the notes on coverage of a merged run."""
    ended = fanfold("test", "--merge", *arguments, "--format", "json")
    assert ended.run is not None, ended.err
    return [note for note in ended.run["notes"] if note.startswith("coverage")]


def test_the_data_of_parts_is_that_of_one_run(project, fanfold, parts, tmp_path, monkeypatch):
    """From beside the records, with `--merge out/*`, from the folders of runs, and where the project lies elsewhere."""
    place = parts()
    assert sorted(path.name for path in place.iterdir()) == [
        *("run-1.coverage", "run-1.json", "run-2.coverage", "run-2.json")
    ]
    runs = [path.parent for path in project.root.glob(".fanfold/runs/*/.coverage")]
    assert "2 data files combined" in notes_of(fanfold, *runs)[0]
    here = project.root.rename(tmp_path / "elsewhere")
    monkeypatch.chdir(here)
    (note,) = notes_of(fanfold, *sorted(place.iterdir()))
    (file,) = (path for path in here.glob(".fanfold/runs/*/.coverage") if str(path) in note)
    assert lines(file)["lib.py"] == [1, 4, 5, 6, 7, 8, 12]
    data = CoverageData(basename=str(file))
    data.read()
    assert {Path(path).is_relative_to(here) for path in data.measured_files()} == {True}
    assert len(list(place.iterdir())) == 4


def test_names_with_dots_keep_data_apart(project, fanfold, tmp_path):
    """`part.1` and `part.2` are two records, and what was measured lies beside each under a name of its own."""
    place = tmp_path / "out"
    place.mkdir()
    plan = tmp_path / "plan.json"
    plan.write_text(fanfold("test", "--plan", "2").out)
    for number, name in ((1, "part.1"), (2, "part.2.json")):
        output = ("--format", "json", "--output", place / name)
        assert fanfold("test", "--shard", f"{number}/2", "--plan", plan, "--coverage", *output).code == 0
    names = ["part.1", "part.1.coverage", "part.2.coverage", "part.2.json"]
    assert sorted(path.name for path in place.iterdir()) == names
    assert "2 data files combined" in notes_of(fanfold, *place.iterdir())[0]


def test_missing_data_of_parts_is_named(project, fanfold, parts):
    """Of a part that was not given, was not measured, has lost its data, has data that is none, or has no record."""
    place = parts()
    (place / "run-2.json").rename(place / "other")
    first, *rest = notes_of(fanfold, *place.glob("run-*"))
    assert first == "coverage of part 2 of 2 is missing: no run of it was given"
    assert rest[0] == f"coverage of {place / 'run-2.coverage'} is missing: no run of it was given"
    assert "1 data file combined" in rest[1]
    (place / "other").rename(place / "run-2.json")
    (place / "run-2.coverage").write_text("nonsense")
    assert f"{place / 'run-2.coverage'} can't be read" in notes_of(fanfold, *place.iterdir())[0]
    (place / "run-2.coverage").unlink()
    assert "its data is not beside" in notes_of(fanfold, *place.iterdir())[0]
    (place / "run-1.coverage").unlink()
    assert notes_of(fanfold, *place.iterdir())[-1] == "coverage: nothing was measured"


def test_data_of_parts_that_does_not_go_together_is_called_no_less_than_that(project, fanfold, parts):
    """Each of it can be read; the note says why it can't be combined, and leads to no folder that is gone."""
    place = parts()
    data = CoverageData(basename=str(place / "run-2.coverage"))
    data.erase()
    data.add_arcs({str(project.root / "lib.py"): [(1, 4)]})
    data.write()
    (note,) = notes_of(fanfold, *place.iterdir())
    assert note.startswith("coverage: 2 data files can't be combined: ")
    assert "branch" in note


def test_a_part_that_was_not_measured_says_so(project, fanfold, parts):
    """The others are combined; where none was, nothing is said of coverage unless it is asked for."""
    place = parts(bare=(1,))
    missing, combined_ones = notes_of(fanfold, *place.iterdir())
    assert missing == "coverage of part 1 of 2 is missing: it was run without --coverage"
    assert "1 data file combined" in combined_ones
    assert notes_of(fanfold, place / "run-1.json") == []
    assert notes_of(fanfold, place / "run-1.json", "--coverage")[-1] == "coverage: nothing was measured"


def test_a_plan_measures_nothing(project, fanfold):
    """It runs no test."""
    ended = fanfold("test", "--plan", "2", "--coverage")
    assert ended.code == 2
    assert "--coverage don't go together" in ended.err
