"""`fanfold test --coverage`: the data of all processes as one, by the project's own coverage.py."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from coverage import CoverageData

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
    environ = {**os.environ, "COVERAGE_FILE": str(project.root / "plain"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "coverage", "run", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    subprocess.run(command, cwd=project.root, env=environ, check=True, capture_output=True)
    assert lines(file) == lines(project.root / "plain")
    assert lines(file)["lib.py"] == [1, 4, 5, 6, 7, 8, 12]
    assert [path.name for path in file.parent.iterdir() if path.name.startswith("coverage-")] == []


def test_the_project_s_settings_hold(project, fanfold):
    """What it leaves out is left out, and branches are measured where it says so."""
    project.write(".coveragerc", "[run]\nbranch = true\nomit = tests/*\n")
    assert fanfold("test", "--coverage", "--quiet").code == 0
    data = CoverageData(basename=str(combined(project)))
    data.read()
    assert data.has_arcs()
    assert {Path(path).name for path in data.measured_files()} <= {"lib.py", "conftest.py"}


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


def test_coverage_is_of_a_run(project, fanfold):
    """A plan and a merge run nothing."""
    for arguments in (("--plan", "2"), ("--merge", "a.json")):
        ended = fanfold("test", *arguments, "--coverage")
        assert ended.code == 2
        assert "--coverage don't go together" in ended.err
