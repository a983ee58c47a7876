"""Configuration: whose word counts, and what is said about a wrong one."""

import pytest

from fanfold.cli import run
from fanfold.cli.config import find_settings, named_settings
from fanfold.cli.review import review
from fanfold.errors import ConfigError


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A folder with a `.git`, and a working directory two levels below."""
    (tmp_path / ".git").mkdir()
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    return tmp_path


def found(repository, text, name="fanfold.toml"):
    (repository / name).write_text(text)
    return find_settings(review, repository / "a" / "b")


def test_the_file_is_found_at_the_root(repository):
    """From any folder below; the command's own table wins; lists may be named in the plural."""
    settings = found(repository, 'max-cost = 2\njobs = 3\n[review]\nmax-cost = 1\naspects = ["security"]\n')
    assert settings.values == {"max_cost": 1, "jobs": 3, "aspect": ["security"]}


def test_pyproject_serves_as_well(repository):
    """Its table [tool.fanfold]; one without that table says nothing."""
    assert found(repository, "[tool.fanfold]\njobs = 3\n", "pyproject.toml").values == {"jobs": 3}
    assert found(repository, "[project]\n", "pyproject.toml").values == {}


def test_a_repositorys_own_file_cannot_choose_templates_or_outputs(repository):
    """What the repository under review says there is skipped and named; a file that the user names may say it."""
    text = 'templates = "evil"\noutput = "/etc/passwd"\njobs = 2\n'
    settings = found(repository, text)
    assert settings.values == {"jobs": 2}
    assert settings.skipped == ("output", "templates")
    assert "templates" in named_settings(review, repository / "fanfold.toml").values


def test_a_repositorys_own_file_cannot_make_a_run_dearer(repository):
    """Another model, more thinking, more to read: that is the user's word; what makes it cheaper is taken."""
    text = 'model = "claude-dear"\nmodel-for = ["verifier=claude-dear"]\neffort = "max"\nmax-cost = 3\n'
    settings = found(repository, text)
    assert settings.values == {"max_cost": 3}
    assert settings.skipped == ("effort", "model", "model_for")
    assert found(repository, 'effort = "low"\n').values == {"effort": "low"}
    (repository / "fanfold.toml").write_text(text)
    assert named_settings(review, repository / "fanfold.toml").values["effort"] == "max"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("max-csot = 1\n", "unknown key 'max-csot'; did you mean 'max-cost'?"),
        ("[review]\naspcts = []\n", "unknown key 'aspcts'; did you mean 'aspects'?"),
        ("[reviews]\n", "unknown key 'reviews'; did you mean 'review'?"),
        ("[zzzz]\nx = 1\n", "unknown key 'zzzz'; there are"),
        ('jobs = "many"\n', "jobs: 'many' is not a whole number (1 or more)"),
        ("jobs = 0\n", "jobs: 0 is not in the range"),
        ('fail-on = "terrible"\n', "fail-on: 'terrible' is not one of"),
        ('aspects = "security"\n', "aspects: a list is expected"),
        ("jobs = [1]\n", "jobs: a single value is expected"),
        ("jobs = \n", "not valid TOML"),
        ("target = 'x'\n", "unknown key 'target'"),
        ("dry-run = true\n", "unknown key 'dry-run'"),
        ("incldue = 'x'\n", "unknown key 'incldue'; 'include' belongs in [analyze]"),
        ("retries = 2\n", "unknown key 'retries'; it belongs in [test]"),
    ],
)
def test_a_wrong_file_is_one_clear_line(repository, text, says):
    """The message names the file, the key, and the nearest known one."""
    with pytest.raises(ConfigError) as error:
        found(repository, text)
    assert says in str(error.value)
    assert str(repository / "fanfold.toml") in str(error.value)


@pytest.mark.parametrize("command", [("templates", "list"), ("templates", "show", "code-review/report.md.j2")])
def test_a_slip_in_another_commands_key_stops_no_command(repository, command, capsys):
    """It is told, with the key that was meant among those of all commands; what is right is not mentioned."""
    (repository / "fanfold.toml").write_text('max-cots = 3\naspects = ["security"]\nzzzz = 1\n')
    assert run([*command]) == 0
    said = capsys.readouterr()
    assert said.out
    assert "fanfold: fanfold.toml: unknown key 'max-cots'; did you mean 'max-cost'?" in said.err
    assert "unknown key 'zzzz'; there are" in said.err
    assert "aspects'" not in said.err


def test_a_slip_in_its_own_key_stops_it(repository, capsys):
    """What a command takes itself is not to be guessed."""
    (repository / "fanfold.toml").write_text('template = "x"\n')
    assert run(["templates", "list"]) == 0
    (repository / "fanfold.toml").write_text('tempaltes = "x"\n')
    assert run(["templates", "list"]) == 2
    assert "unknown key 'tempaltes'; did you mean 'templates'?" in capsys.readouterr().err


def test_bytes_that_are_no_text(repository):
    """A file that can't be read is named."""
    (repository / "fanfold.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"fanfold\.toml: can't be read"):
        find_settings(review, repository)


def test_precedence(repository, monkeypatch, capsys):
    """Flag over environment over file over default."""
    monkeypatch.chdir(repository)
    (repository / "a.py").write_text("x = 1\n")
    (repository / "fanfold.toml").write_text('backend = "none"\nformat = ["jsn"]\n')
    assert run(["review", "--dry-run"]) == 2
    assert "jsn" in capsys.readouterr().err
    (repository / "a" / "b" / "app.py").write_text("x = 1\n")
    (repository / "fanfold.toml").write_text('aspects = ["file-says"]\n')
    assert run(["review", "--dry-run"]) == 2
    assert "file-says" in capsys.readouterr().err
    monkeypatch.setenv("FANFOLD_ASPECT", "environment-says")
    assert run(["review", "--dry-run"]) == 2
    assert "environment-says" in capsys.readouterr().err
    assert run(["review", "--dry-run", "--aspect", "flag-says"]) == 2
    assert "flag-says" in capsys.readouterr().err
