"""The Python that a project's tests run with: the project's own, never fanfold's.

In this order: the active virtual environment; `.venv` (or `venv`, `env`) in the folder or one above it, up to the
root; what uv, poetry, pdm, hatch or pipenv keep for the project; the active conda environment, or the one that
environment.yml names; what is on PATH.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import Field

from fanfold.engine.process import run_process
from fanfold.errors import WorkerError
from fanfold.models import Frozen

_ENVIRONMENTS = (".venv", "venv", "env")
_PROGRAM = "Scripts/python.exe" if os.name == "nt" else "bin/python"
_ASK_S = 60.0  # the first `uv run` may have to make the environment


@dataclass(frozen=True, slots=True)
class Interpreter:
    """How Python is called: `argv` comes before `-m` or a script. `folder` holds the program where that is known.

    `found_by` says what it was recognised by; `note` what was passed over on the way, and why, "" for nothing. `kept`
    is the folder for which a manager keeps it, relative to nothing, "" where none does: then `argv` is the manager's
    call, and it has to be asked (`answered`). `variables` are what the manager sets for what it runs.
    """

    argv: tuple[str, ...]
    found_by: str
    folder: str = ""
    note: str = ""
    kept: str = ""
    variables: tuple[tuple[str, str], ...] = ()

    def answered(self, facts: Facts) -> Interpreter:
        """Return the program itself, as a manager has answered: called so it needs nothing of what the manager keeps.

        Managers look for their environments in the folders of the user, which tests have for their own, and hand on no
        open socket.
        """
        folder = os.path.dirname(facts.executable)  # noqa: PTH120  text stays text
        return replace(self, argv=(facts.executable,), folder=folder, variables=tuple(sorted(facts.variables.items())))


class Facts(Frozen):
    """What an interpreter says of itself; `modules` are those of the ones asked about that it can import.

    `variables` are those of its environment that it was not given so.
    """

    version: tuple[int, int]
    executable: str
    modules: frozenset[str]
    variables: Mapping[str, str] = Field(default_factory=dict)


def find_python(root: Path, folder: str, environ: Mapping[str, str]) -> Interpreter:
    """Return the interpreter for the tests in `folder`; when there is none at all, `python3`, which won't start."""
    notes: list[str] = []
    places = list(_upwards(root, folder))
    finders: Sequence[Callable[[], Interpreter | None]] = (
        lambda: _active(environ),
        lambda: _beside(places),
        lambda: _managed(places, environ, notes),
        lambda: _conda(places, environ, notes),
        lambda: _on_path(environ),
    )
    found = next((one for find in finders if (one := find())), Interpreter(("python3",), "nothing: no Python on PATH"))
    return replace(found, note="; ".join(notes))


def _upwards(root: Path, folder: str) -> Iterator[Path]:
    """Yield the folder and those above it, up to the root."""
    at = PurePosixPath(folder)
    yield from (root / part for part in (at, *at.parents) if part != PurePosixPath("/"))


def _program_of(environment: Path, found_by: str) -> Interpreter | None:
    program = environment / _PROGRAM
    return Interpreter((str(program),), found_by, str(program.parent)) if os.access(program, os.X_OK) else None


def _active(environ: Mapping[str, str]) -> Interpreter | None:
    active = environ.get("VIRTUAL_ENV")
    return _program_of(Path(active), "the active virtual environment") if active else None


def _beside(places: Iterable[Path]) -> Interpreter | None:
    for place in places:
        for name in _ENVIRONMENTS:
            if (place / name / "pyvenv.cfg").is_file() and (found := _program_of(place / name, name)):
                return found
    return None


def _managed(places: Iterable[Path], environ: Mapping[str, str], notes: list[str]) -> Interpreter | None:
    for place in places:
        for name, words in _managers(place):
            program = shutil.which(name, path=environ.get("PATH", ""))
            if program is None:
                notes.append(f"this project is {name}'s, and {name} is not installed: pip install {name}")
            else:
                return Interpreter((program, *words, "python"), name, kept=str(place))
    return None


def keeper(root: Path, folder: str) -> str | None:
    """Return the manager that keeps the environment of the project in `folder`, installed or not; None for none."""
    return next((name for place in _upwards(root, folder) for name, _ in _managers(place)), None)


def _managers(place: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the tools that keep this folder's environment, and how each runs a program in it."""
    tool = _tool_tables(place / "pyproject.toml")
    if (place / "uv.lock").is_file() or "uv" in tool:
        yield "uv", ("run",)
    if (place / "poetry.lock").is_file() or "poetry" in tool:
        yield "poetry", ("run",)
    if (place / "pdm.lock").is_file() or "pdm" in tool:
        yield "pdm", ("run",)
    if hatch := _hatch_environment(place, tool):
        yield "hatch", ("-e", hatch, "run")
    if (place / "Pipfile").is_file():
        yield "pipenv", ("run",)


def _tool_tables(file: Path) -> Mapping[str, Any]:
    tool = _toml(file).get("tool")
    return tool if isinstance(tool, dict) else {}


def _toml(file: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _hatch_environment(place: Path, tool: Mapping[str, Any]) -> str | None:
    """Return the environment of hatch that tests run in: one that is a matrix would run them once for each entry."""
    table = tool.get("hatch")
    hatch = table if isinstance(table, dict) else _toml(place / "hatch.toml")
    environments = hatch.get("envs")
    if not isinstance(environments, dict):
        return None
    plain = [name for name in ("test", "tests", "default") if name in environments]
    return next((name for name in plain if "matrix" not in environments[name]), None)


def _conda(places: Iterable[Path], environ: Mapping[str, str], notes: list[str]) -> Interpreter | None:
    named = next((name for place in places if (name := _conda_name(place))), None)
    if named and (conda := environ.get("CONDA_EXE")):
        found = _program_of(Path(conda).parents[1] / "envs" / named, f"the conda environment {named}")
        if found:
            return found
    active = environ.get("CONDA_PREFIX")
    if named and Path(active or "").name != named:
        notes.append(f"this project names the conda environment {named}, which is not there: conda env create")
    return _program_of(Path(active), "the active conda environment") if active else None


def _conda_name(place: Path) -> str | None:
    for name in ("environment.yml", "environment.yaml"):
        try:
            text = (place / name).read_text(encoding="utf-8")
        except (OSError, ValueError):
            continue
        if match := re.search(r"^name:\s*['\"]?([\w.-]+)", text, re.MULTILINE):
            return match[1]
    return None


def _on_path(environ: Mapping[str, str]) -> Interpreter | None:
    for name in ("python", "python3"):
        # pyenv and others put a stand-in for every name on PATH: `python` is the one that they have chosen.
        program = shutil.which(name, path=environ.get("PATH", ""))
        if program:
            return Interpreter((program,), "PATH", str(Path(program).parent))
    return None


# What a process and a shell on the way to it set for themselves.
_PASSING = frozenset({"PYTHONSAFEPATH", "PWD", "OLDPWD", "SHLVL", "_"})

# Runs under any Python from 3.8 on, and imports nothing of the project. Without a brace: hatch would fill it in.
_QUESTION = """\
import importlib.util, json, os, sys
def there(name):
    try:
        return importlib.util.find_spec(name) is not None
    except Exception:
        return False
print(json.dumps(dict(version=list(sys.version_info[:2]), executable=sys.executable,
                      modules=[name for name in sys.argv[1:] if there(name)], variables=dict(os.environ))))
"""


async def ask(argv: Sequence[str], modules: Iterable[str], *, folder: Path, environ: Mapping[str, str]) -> Facts:
    """Start an interpreter, and return what it says of itself.

    Raises:
        WorkerError: it does not start, fails, or answers something else; one line says which.
        TimeoutError: after a minute.
    """
    done = await run_process(
        [*argv, "-c", _QUESTION, *modules], cwd=folder, timeout_s=_ASK_S, env={**environ, "PYTHONSAFEPATH": "1"}
    )
    name = " ".join(argv)
    if done.returncode:
        last = (done.stderr.decode("utf-8", "replace").strip().splitlines() or ["it said nothing"])[-1]
        raise WorkerError(f"{name} does not work: {last}")
    try:
        facts = Facts.model_validate(json.loads(done.stdout.splitlines()[-1]))
    except (ValueError, IndexError) as error:
        raise WorkerError(f"{name} is no Python: it answers something else") from error
    added = {k: v for k, v in facts.variables.items() if environ.get(k) != v and k not in _PASSING}
    return facts.model_copy(update={"variables": added})
