"""The project's interpreters and packages: found in their order, never fanfold's own."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from fanfold.errors import WorkerError
from fanfold.runners.base import Task
from fanfold.runners.common import python_call
from fanfold.runners.interpreters import ask, find_python
from fanfold.runners.node_packages import find_node_tool
from fanfold.runners.surroundings import own_prefix, project_environment
from fanfold.runners.tools import Tools, with_facts
from fanfold.suites import Environment, Suite


def program(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def environment(folder):
    """Make a virtual environment, as far as anybody looks."""
    python = program(folder / "bin" / "python")
    (folder / "pyvenv.cfg").write_text("")
    return python


@pytest.fixture
def machine(tmp_path):
    """A folder of programs on PATH, and a repository beside it."""
    (tmp_path / "repo" / "api").mkdir(parents=True)
    program(tmp_path / "bin" / "python3")
    return tmp_path


def found(machine, folder="api", **environ):
    python = find_python(machine / "repo", folder, {"PATH": str(machine / "bin"), **environ})
    return python.argv, python.found_by


def test_the_order(machine):
    """PATH is last, then conda, managers, `.venv`, and the active environment before all."""
    repo = machine / "repo"
    assert found(machine) == ((str(machine / "bin" / "python3"),), "PATH")
    conda = environment(machine / "conda")
    assert found(machine, CONDA_PREFIX=str(machine / "conda")) == ((conda,), "the active conda environment")
    (repo / "poetry.lock").write_text("")
    poetry = program(machine / "bin" / "poetry")
    assert found(machine, CONDA_PREFIX=str(machine / "conda")) == ((poetry, "run", "python"), "poetry")
    beside = environment(repo / ".venv")
    assert found(machine) == ((beside,), ".venv")
    nearer = environment(repo / "api" / "venv")
    assert found(machine) == ((nearer,), "venv")
    active = environment(machine / "active")
    assert found(machine, VIRTUAL_ENV=str(machine / "active")) == ((active,), "the active virtual environment")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"uv.lock": ""}, ("uv", "run", "python")),
        ({"pyproject.toml": "[tool.uv]\n"}, ("uv", "run", "python")),
        ({"pyproject.toml": "[tool.poetry]\n"}, ("poetry", "run", "python")),
        ({"pdm.lock": ""}, ("pdm", "run", "python")),
        ({"Pipfile": ""}, ("pipenv", "run", "python")),
        ({"pyproject.toml": "[tool.hatch.envs.test]\n"}, ("hatch", "-e", "test", "run", "python")),
        ({"pyproject.toml": "[tool.hatch.envs.test]\nmatrix = [{python = ['3.12']}]\n"}, ("python3",)),
        ({"hatch.toml": "[envs.default]\n"}, ("hatch", "-e", "default", "run", "python")),
        ({"pyproject.toml": "nonsense ["}, ("python3",)),
    ],
)
def test_managers(machine, files, words):
    """Lock files and tables name the tool that keeps the environment."""
    for name in ("uv", "poetry", "pdm", "pipenv", "hatch"):
        program(machine / "bin" / name)
    for name, text in files.items():
        (machine / "repo" / name).write_text(text)
    argv, _ = found(machine)
    assert (Path(argv[0]).name, *argv[1:]) == words


def test_a_manager_that_is_missing_is_noted(machine):
    """What comes next is taken, and it is said what was passed over."""
    (machine / "repo" / "poetry.lock").write_text("")
    python = find_python(machine / "repo", ".", {"PATH": str(machine / "bin")})
    assert python.found_by == "PATH"
    assert python.note == "this project is poetry's, and poetry is not installed: pip install poetry"


def test_conda_by_name(machine):
    """The environment that environment.yml names, where conda keeps it."""
    python = environment(machine / "conda" / "envs" / "proj")
    (machine / "repo" / "environment.yml").write_text("name: proj\n")
    exe = program(machine / "conda" / "bin" / "conda")
    assert found(machine, CONDA_EXE=exe) == ((python,), "the conda environment proj")


def test_fanfolds_own_environment_is_left_out(machine):
    """Neither its programs nor its variables reach the tests; the user's PYTHONPATH does."""
    own = machine / "own"
    environment(own)
    path = os.pathsep.join([str(own / "bin"), str(machine / "bin")])
    environ = {"PATH": path, "PYTHONHOME": "x", "PYTHONPATH": "lib", "__PYVENV_LAUNCHER__": "y"}
    assert project_environment(environ, machine / "repo", str(own)) == {
        "PATH": str(machine / "bin"),
        "PYTHONPATH": "lib",
    }


def test_an_environment_that_the_project_shares_with_fanfold_stays(machine):
    """When it is the active one, when it lies in the repository, and when fanfold has none of its own."""
    own = machine / "own"
    environment(own)
    assert own_prefix({}, machine / "repo", str(own)) == own
    assert own_prefix({"VIRTUAL_ENV": str(own)}, machine / "repo", str(own)) is None
    environment(machine / "repo" / ".venv")
    assert own_prefix({}, machine / "repo", str(machine / "repo" / ".venv")) is None
    assert own_prefix({}, machine / "repo", "/usr") is None


def test_an_interpreter_says_what_it_has(tmp_path):
    """Its version and the modules that it can import; a file in the repository does not pass for one."""
    (tmp_path / "pytest.py").write_text("raise SystemExit(9)\n")
    facts = asyncio.run(ask([sys.executable], ["pytest", "no_such_module"], folder=tmp_path, environ=dict(os.environ)))
    assert facts.version == sys.version_info[:2]
    assert facts.modules == {"pytest"}
    tools = Tools(tmp_path, {"PATH": ""}, {Tools(tmp_path, {"PATH": ""}).found("."): facts})
    assert tools.has_module(".", "pytest")
    assert not tools.has_module(".", "django")


def test_an_interpreter_that_does_not_work(tmp_path):
    """One line says why."""
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'no such environment' >&2; exit 3\n")
    broken.chmod(0o755)
    with pytest.raises(WorkerError, match="does not work: no such environment"):
        asyncio.run(ask([str(broken)], [], folder=tmp_path, environ={}))
    broken.write_text("#!/bin/sh\necho hello\n")
    with pytest.raises(WorkerError, match="is no Python"):
        asyncio.run(ask([str(broken)], [], folder=tmp_path, environ={}))


NODE = [
    ({"package-lock.json": ""}, ("npm", "exec", "--no", "--", "jest")),
    ({"pnpm-lock.yaml": ""}, ("pnpm", "exec", "jest")),
    ({"yarn.lock": ""}, ("yarn", "run", "jest")),
    ({"bun.lock": ""}, ("bun", "x", "jest")),
    ({"package.json": '{"packageManager": "pnpm@9.1.0"}', "yarn.lock": ""}, ("pnpm", "exec", "jest")),
    ({"package.json": "[1]"}, ("npm", "exec", "--no", "--", "jest")),
]


@pytest.mark.parametrize(("files", "portable"), NODE)
def test_node_managers(machine, files, portable):
    """The manager is the one of the lock file; where nothing is installed it is said how to."""
    for name, text in files.items():
        (machine / "repo" / name).write_text(text)
    tool = find_node_tool(machine / "repo", "api", "jest", {"PATH": ""})
    assert tool.portable == portable
    assert tool.missing == f"jest is not installed in api: run `{portable[0]} install` there"


def test_node_programs_are_called_as_they_are(machine):
    """From the nearest `node_modules`, with their version; a workspace's root serves as well."""
    repo = machine / "repo"
    jest = program(repo / "node_modules" / ".bin" / "jest")
    (repo / "node_modules" / "jest").mkdir()
    (repo / "node_modules" / "jest" / "package.json").write_text('{"version": "29.7.0-beta.1"}')
    tool = find_node_tool(repo, "api", "jest", {"PATH": ""})
    assert (tool.argv, tool.version, tool.missing) == ((jest,), (29, 7, 0), None)


def test_plug_and_play(machine):
    """Without a `node_modules`, yarn runs the program, if it is there."""
    (machine / "repo" / ".pnp.cjs").write_text("")
    tool = find_node_tool(machine / "repo", "api", "jest", {"PATH": ""})
    assert tool.argv == ("yarn", "run", "jest")
    assert tool.missing == "yarn is not installed: npm install -g yarn"


def test_tools_that_have_asked_say_what_is_missing(tmp_path):
    """A module that an interpreter can't import, with the command that installs it; an interpreter that is broken."""
    python = environment(tmp_path / ".venv")
    tools = Tools(tmp_path, {"PATH": ""})
    assert tools.no_python(".", "pytest") is None  # nobody has asked
    program(tmp_path / ".venv" / "bin" / "python")
    asked = asyncio.run(with_facts(tools, [".", "api"]))
    assert asked.no_python(".", "pytest") == f"{python} is no Python: it answers something else"
    Path(python).unlink()
    Path(python).symlink_to(sys.executable)
    asked = asyncio.run(with_facts(tools, [".", "api"]))
    assert asked.no_python(".", "nonesuch") == (
        f"nonesuch is not installed in {python} (.venv): {python} -m pip install nonesuch"
    )
    assert Tools(tmp_path / "gone", {"PATH": ""}).no_python(".") == (
        "Python is not installed: https://www.python.org/downloads"
    )


POETRY = """#!/bin/sh
shift 2
# As poetry does: where its environments are follows from the variables that a worker has for its own.
export KEPT_FOR="$PWD" VIRTUAL_ENV=kept XDG_SEEN="$XDG_CACHE_HOME"
exec {python} "$@"
"""


def test_a_manager_is_asked_where_its_interpreter_is(tmp_path):
    """In the project's own folder, of which there may be several; then it is called as it is, with what that set."""
    (tmp_path / "bin").mkdir()
    poetry = tmp_path / "bin" / "poetry"
    poetry.write_text(POETRY.format(python=sys.executable))
    poetry.chmod(0o755)
    for name in ("api", "web"):
        (tmp_path / "repo" / name).mkdir(parents=True)
        (tmp_path / "repo" / name / "poetry.lock").write_text("")
    environ = {"PATH": f"{tmp_path / 'bin'}{os.pathsep}/bin", "XDG_CACHE_HOME": "/theirs"}
    tools = Tools(tmp_path / "repo", environ)
    assert tools.python("api").argv == (str(poetry), "run", "python")
    asked = asyncio.run(with_facts(tools, ["api", "web"]))
    for name in ("api", "web"):
        python = asked.python(name)
        assert python.argv == (sys.executable,)
        assert python.found_by == "poetry"
        kept_for = {"KEPT_FOR": str(tmp_path / "repo" / name), "VIRTUAL_ENV": "kept", "XDG_SEEN": "/theirs"}
        assert kept_for.items() <= dict(python.variables).items()
        assert not {"XDG_CACHE_HOME", "PYTHONSAFEPATH", "PWD", "_"} & dict(python.variables).keys()
    task = Task(Suite(name="s", framework="pytest", folder="web"), Environment(), asked.root, tmp_path)
    assert python_call(task, asked).variables["KEPT_FOR"].endswith("web")


@pytest.mark.parametrize(
    ("manager", "sign", "says"),
    [
        (
            "poetry",
            "poetry.lock",
            "`poetry install`, or if the project does not name it yet, `poetry add --group dev nonesuch`",
        ),
        (
            "pipenv",
            "Pipfile",
            "`pipenv install --dev`, or if the project does not name it yet, `pipenv install --dev nonesuch`",
        ),
        ("uv", "uv.lock", "`uv sync --all-groups`, or if the project does not name it yet, `uv add --dev nonesuch`"),
        ("pdm", "pdm.lock", "`pdm install`, or if the project does not name it yet, `pdm add -d nonesuch`"),
    ],
)
def test_what_a_managers_environment_lacks_is_put_there_by_the_manager(tmp_path, manager, sign, says):
    """And not by pip, which it would take out again."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / manager).write_text(POETRY.format(python=sys.executable))
    (tmp_path / "bin" / manager).chmod(0o755)
    (tmp_path / sign).write_text("")
    tools = asyncio.run(with_facts(Tools(tmp_path, {"PATH": f"{tmp_path / 'bin'}{os.pathsep}/bin"}), ["."]))
    assert tools.no_python(".", "pytest") is None
    assert tools.no_python(".", "nonesuch") == f"nonesuch is not installed in {sys.executable} ({manager}): {says}"


def test_a_manager_that_fails_is_why_nothing_runs(tmp_path):
    """In its own last words."""
    poetry = tmp_path / "poetry"
    poetry.write_text("#!/bin/sh\necho 'pyproject.toml is not valid' >&2; exit 1\n")
    poetry.chmod(0o755)
    (tmp_path / "poetry.lock").write_text("")
    tools = asyncio.run(with_facts(Tools(tmp_path, {"PATH": f"{tmp_path}{os.pathsep}/bin"}), ["."]))
    assert tools.no_python(".") == f"{poetry} run python does not work: pyproject.toml is not valid"


def test_a_conda_environment_that_is_not_there_is_noted(machine):
    """What is on PATH, or is active under another name, is taken, and it is said that it is not the project's."""
    (machine / "repo" / "environment.yml").write_text("name: proj\n")
    note = "this project names the conda environment proj, which is not there: conda env create"
    assert find_python(machine / "repo", ".", {"PATH": str(machine / "bin")}).note == note
    environment(machine / "envs" / "other")
    environment(machine / "envs" / "proj")
    active = {"PATH": "", "CONDA_PREFIX": str(machine / "envs" / "other")}
    assert find_python(machine / "repo", ".", active).note == note
    active["CONDA_PREFIX"] = str(machine / "envs" / "proj")
    assert find_python(machine / "repo", ".", active).note == ""


def test_a_manager_that_is_missing_is_said_to_be_where_its_environment_lacks_something(tmp_path):
    """It can't fill the environment without being there."""
    (tmp_path / "pdm.lock").write_text("")
    said = Tools(tmp_path, {"PATH": ""}).put_there(".", "pytest")
    assert said.endswith("`pdm add -d pytest`; pdm itself is not installed: pip install pdm")
    assert Tools(tmp_path / "none", {"PATH": ""}).put_there(".", "pytest") == ""
