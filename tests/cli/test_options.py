"""The shared options: what they take, and what the environment may say in their place."""

import re

import pytest

from fanfold.cli.config import named_settings
from fanfold.cli.options import unread_variables
from fanfold.cli.review import review
from fanfold.errors import ConfigError

LIMITS = ("max-cost", "deadline", "timeout")


@pytest.mark.parametrize("option", LIMITS)
@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999"])
def test_a_limit_is_a_finite_number(repository, fanfold, monkeypatch, option, value):
    """What no comparison holds for, or everything is below, is one line and exit 2, from wherever it comes."""
    given = fanfold("review", "--dry-run", f"--{option}", value)
    variable = f"FANFOLD_{option.upper().replace('-', '_')}"
    monkeypatch.setenv(variable, value)
    for ended, name in ((given, f"--{option}"), (fanfold("review", "--dry-run"), variable)):
        assert (ended.code, ended.out) == (2, "")
        (line,) = ended.err.splitlines()
        assert name in line


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("max-cost", "'abc' is not a number (USD, 0 or more). (see"),
        ("deadline", "'abc' is not a number (SECONDS, more than 0). (see"),
        ("jobs", "'abc' is not a whole number (1 or more). (see"),
    ],
)
def test_what_is_no_number_is_told_by_what_was_set(repository, fanfold, monkeypatch, option, says):
    """A value from the environment by its variable and no option, one of the command line by its option."""
    ended = fanfold("review", "--dry-run", f"--{option}", "abc")
    assert ended.err.startswith(f"fanfold: Invalid value for '--{option}': {says}")
    variable = f"FANFOLD_{option.upper().replace('-', '_')}"
    monkeypatch.setenv(variable, "abc")
    ended = fanfold("review", "--dry-run")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"fanfold: {variable} in the environment: {says}")
    assert f"--{option}" not in ended.err


@pytest.mark.parametrize("option", LIMITS)
@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_limit_in_a_file_is_a_finite_number(repository, option, value):
    """TOML can write both."""
    repository.write("own.toml", f"{option} = {value}\n")
    with pytest.raises(ConfigError, match=f"{option}: {value} is not a finite number"):
        named_settings(review, repository.root / "own.toml")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("FANFOLD_ASPECTS", "did you mean FANFOLD_ASPECT?"),
        ("FANFOLD_MAXCOST", "did you mean FANFOLD_MAX_COST?"),
        ("FANFOLD_REVIEW_FAIL_ON", "did you mean FANFOLD_FAIL_ON?"),
        ("FANFOLD_XYZ", "nothing reads it\n"),
    ],
)
def test_a_variable_that_nothing_reads_is_said(repository, fanfold, monkeypatch, name, says):
    """One line with the nearest name; the command goes on."""
    monkeypatch.setenv(name, "x")
    ended = fanfold("review", "--dry-run")
    assert ended.code == 0
    (line,) = ended.err.splitlines(keepends=True)
    assert line.startswith(f"fanfold: {name} is set")
    assert says in line


def test_what_is_read_is_not_complained_about():
    """Neither the options' own variables nor those of the launcher and the store, nor anybody else's."""
    names = ("FANFOLD_JOBS", "FANFOLD_ASPECT", "FANFOLD_CONFIG", "FANFOLD_CACHE_DIR", "FANFOLD_STORE_SECRET", "HOME")
    assert not list(unread_variables(review, dict.fromkeys(names, "1")))


def test_several_values_in_the_environment(repository, fanfold, monkeypatch):
    """They are separated by spaces, as the help says."""
    said = " ".join(fanfold("review", "--help").out.split())
    for name in ("FANFOLD_FORMAT", "FANFOLD_ASPECT", "FANFOLD_ANALYZER"):
        assert f"In {name}, several are separated by spaces." in said
    monkeypatch.setenv("FANFOLD_ANALYZER", "ruff bandit")
    assert "analyzers   ruff, bandit\n" in fanfold("review", "--dry-run").out


@pytest.mark.parametrize(("command", "own", "others"), [("review", "sarif", "junit"), ("test", "junit", "sarif")])
def test_the_help_shows_the_formats_of_the_skill(repository, fanfold, command, own, others):
    """A format of the other skill is not offered, and still told apart from one that does not exist."""
    ended = fanfold(command, "--help")
    assert (own in ended.out, others in ended.out) == (True, False)
    refused = fanfold(command, "--format", others, "--backend", "none", "--quiet")
    assert refused.code == 2
    assert f"--format {others} is for runs of" in refused.err


@pytest.mark.parametrize("command", ["review", "test", "analyze"])
def test_a_refused_format_names_those_of_the_help(repository, fanfold, command):
    """Neither more nor fewer: whichever of them is asked for next is taken."""
    offered = re.search(r"--format \[([^]]+)]", fanfold(command, "--help").out)
    assert offered
    refused = fanfold(command, "--format", "htm").err
    assert "--format htm is no format; did you mean 'html'?" in refused
    assert f"can be {', '.join(offered[1].split('|'))}\n" in refused


def test_the_help_of_what_is_prepared_names_both(repository, fanfold):
    """The usage line can be typed as it stands."""
    usage = fanfold("prepare", "review", "--help").out.splitlines()[0]
    assert usage == "Usage: fanfold prepare review [OPTIONS] [TARGET]..."
