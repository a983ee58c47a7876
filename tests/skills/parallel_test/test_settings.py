"""Settings of test runs: what they say, what overrides what, and one clear line for a wrong one."""

import re
import tomllib
from pathlib import Path

import click
import pytest

from fanfold.cli.config import check
from fanfold.errors import ConfigError
from fanfold.runners import RUNNERS
from fanfold.skills.parallel_test.settings import (
    NOTHING,
    _EnvironmentTable,
    _MatrixTable,
    _SuiteTable,
    configured,
    pairs,
    read_tables,
)
from fanfold.suites import Environment, Suite

FOUND = (
    Suite(name="unit", framework="pytest", folder="api", paths=("tests/unit",), found_by="api/pytest.ini"),
    Suite(name="web", framework="jest", folder="web"),
)


@click.command(name="test")
@click.option("--jobs", type=int)
def command(jobs):
    """Stand in for the command: one option."""


def settings_of(tmp_path, text):
    return check(command, tomllib.loads(text), tmp_path / "fanfold.toml")


def read(text):
    return read_tables(tomllib.loads(text), "fanfold.toml")


def test_options_and_tables_side_by_side(tmp_path):
    """What is an option goes its way, the tables are read, and another command does not look at them."""
    text = '[test]\njobs = 3\n[test.suites.unit]\ncommand = "make test"\n[test.environments.a]\n'
    settings = settings_of(tmp_path, text)
    assert settings.values == {"jobs": 3}
    assert settings.tables.suites == {"unit": {"framework": "command", "command": ("make", "test")}}
    assert settings_of(tmp_path, "[test]\njobs = 3\n").tables is None


def test_everything_that_can_be_said():
    """Each key ends where it belongs."""
    settings = read(
        """
        discover = true
        [suites.unit]
        framework = "pytest"
        command = ["python3", "-m", "pytest"]
        arguments = "-x --durations '5'"
        folder = "api"
        paths = ["tests"]
        variables = { A = "1" }
        timeout = 60
        shards = 2
        resources = ["db"]
        results = ["out/*.xml"]
        environments = ["py312"]
        [environments.py312]
        prefix = "uv run --python 3.12"
        variables = { B = "2" }
        [matrix]
        include = [{ suite = "u*" }]
        exclude = [{ suite = "web", environment = "py312" }]
        """
    )
    (suite, web) = configured(settings, FOUND)
    assert suite == Suite(
        name="unit",
        framework="pytest",
        command=("python3", "-m", "pytest"),
        arguments=("-x", "--durations", "5"),
        folder="api",
        paths=("tests",),
        variables={"A": "1"},
        timeout_s=60,
        shards=2,
        resources=("db",),
        results=("out/*.xml",),
        environments=("py312",),
        found_by="fanfold.toml",
    )
    assert web == FOUND[1]
    assert settings.environments == (
        Environment(name="py312", variables={"B": "2"}, prefix=("uv", "run", "--python", "3.12")),
    )
    assert [(s.name, e.name) for s, e in pairs(settings, (suite, web))] == [("unit", "py312")]


def test_what_is_configured_is_all_there_is():
    """A suite of a found one's name takes over what is not said; without any, what was found is run."""
    assert configured(NOTHING, FOUND) == FOUND
    (suite,) = configured(read("[suites.unit]\nshards = 1\n"), FOUND)
    assert suite == FOUND[0].model_copy(update={"shards": 1, "found_by": "fanfold.toml"})
    (suite,) = configured(read('[suites.unit]\ncommand = "make unit"\n'), FOUND)
    assert (suite.framework, suite.command, suite.folder) == ("command", ("make", "unit"), "api")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[suites.unit]\nfoldr = 'x'\n", "unknown key 'foldr' in test.suites.unit; did you mean 'folder'?"),
        ("[suites.unit]\nzzzz = 'x'\n", "unknown key 'zzzz' in test.suites.unit; there are arguments,"),
        ("[environments.a]\nprefxi = 'x'\n", "unknown key 'prefxi' in test.environments.a; did you mean 'prefix'?"),
        ("[matrix]\nexclud = []\n", "unknown key 'exclud' in test.matrix; did you mean 'exclude'?"),
        (
            "[matrix]\nexclude = [{ siute = 'x' }]\n",
            "unknown key 'siute' in test.matrix.exclude; did you mean 'suite'?",
        ),
        ("[matrix]\nexclude = ['x']\n", "test.matrix.exclude: a table is expected"),
        ("[suites.unit]\ntimeout = 'long'\n", "test.suites.unit.timeout: input should be a valid number"),
        ("[suites.unit]\ntimeout = 0\n", "test.suites.unit.timeout: input should be greater than 0"),
        ("[suites.unit]\nshards = 1.5\n", "test.suites.unit.shards: input should be a valid integer"),
        ("[suites.unit]\nvariables = { A = 1 }\n", "test.suites.unit.variables: input should be a valid string"),
        ("[suites.unit]\nframework = 'pytset'\n", "unknown 'pytset'; did you mean 'pytest'?"),
        ("[suites.unit]\nframework = 'command'\n", "test.suites.unit: its command is missing"),
        ("[suites.unit]\ncommand = ''\n", "test.suites.unit.command: a command is expected"),
        ('[suites.unit]\ncommand = "echo \'x"\n', "can't be split into words"),
        ("[suites.unit]\nfolder = '../elsewhere'\n", "'../elsewhere' is not inside of the repository"),
        ("[suites.unit]\nfolder = '/etc'\n", "'/etc' is not inside of the repository"),
        ("[suites.'a b']\n", "'a b' is no name"),
        ("suites = 3\n", "a table for each is expected, as [test.suites.NAME]"),
        ("suites = { unit = 3 }\n", "test.suites.unit: a table is expected"),
        ("discover = 'yes'\n", "test.discover: true or false is expected"),
    ],
)
def test_a_wrong_table_is_one_clear_line(text, says):
    """The message names the file, the key, and the nearest known one."""
    with pytest.raises(ConfigError) as error:
        read(text)
    assert says in str(error.value)
    assert str(error.value).startswith("fanfold.toml: ")
    assert "\n" not in str(error.value)


def test_an_unknown_key_beside_the_tables(tmp_path):
    """The nearest known one may be a table."""
    with pytest.raises(ConfigError, match=r"unknown key 'suits'; did you mean 'suites'\?"):
        settings_of(tmp_path, "[test.suits.unit]\n")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[matrix]\nexclude = [{ suite = 'untit' }]\n", "there is no suite 'untit'; did you mean 'unit'?"),
        ("[matrix]\ninclude = [{ environment = 'x' }]\n", "there is no environment 'x'; there are none"),
        ("[suites.unit]\nenvironments = ['py']\n[environments.py312]\n", "no environment 'py'; did you mean 'py312'?"),
        ("[suites.other]\nshards = 1\n", "test.suites.other: no such suite was found"),
    ],
)
def test_names_that_are_not_there(text, says):
    """A rule for something that does not exist is a mistake, not a rule that never holds."""
    settings = read(text)
    with pytest.raises(ConfigError) as error:
        pairs(settings, configured(settings, FOUND))
    assert says in str(error.value)


REFERENCE = Path(__file__).resolve().parents[3] / "skills" / "parallel-test" / "references" / "configuration.md"


def test_the_reference_has_every_key_and_its_example_is_read():
    """The example goes through the reader as a project's would, has each key, and so have the tables below it."""
    text = REFERENCE.read_text(encoding="utf-8")
    (example,) = re.findall(r"^```toml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    given = tomllib.loads(example)["test"]
    found = read_tables(given, "fanfold.toml")
    e2e = Suite(name="e2e", framework="pytest")
    matrix = pairs(found, configured(found, (e2e,)))
    assert [(suite.name, environment.name) for suite, environment in matrix] == [
        *(("unit", "py311"), ("unit", "py312"), ("smoke", "py312")),
    ]
    assert {key for suite in given["suites"].values() for key in suite} == set(_SuiteTable.model_fields)
    assert {key for one in given["environments"].values() for key in one} == set(_EnvironmentTable.model_fields)
    assert set(given["matrix"]) == set(_MatrixTable.model_fields)
    rows = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    assert rows == [*_ordered(rows, _SuiteTable.model_fields), "prefix", "variables"]
    named = re.search(r"^\| `framework` \| one of (.*?);", text, re.MULTILINE)
    assert named is not None
    assert named[1].split(", ") == list(RUNNERS)


def _ordered(rows, fields):
    assert set(rows[:-2]) == set(fields)
    return rows[: len(fields)]
