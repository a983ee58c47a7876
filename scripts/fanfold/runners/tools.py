"""The project's own programs, as runners ask for them: interpreters, node packages, build tools."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from fanfold.errors import WorkerError
from fanfold.runners.interpreters import Facts, Interpreter, ask, find_python, keeper
from fanfold.runners.node_packages import NodeTool, find_node_tool
from fanfold.runners.surroundings import project_environment

PYTHON = frozenset({"pytest", "unittest", "django"})
"""The frameworks whose tests an interpreter of Python runs."""


@dataclass(frozen=True, slots=True)
class Tools:
    """The programs of the project at `root`.

    `environ` is the project's environment, without what belongs to fanfold (`surroundings`). `facts` are what
    interpreters said of themselves, and `broken` why others said nothing (`with_facts`); those that were not asked are
    in neither.
    """

    root: Path
    environ: Mapping[str, str]
    facts: Mapping[Interpreter, Facts] = field(default_factory=dict)
    broken: Mapping[Interpreter, str] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Path, environ: Mapping[str, str]) -> Tools:
        """Return the tools of a project, from the environment that fanfold itself was started in."""
        return cls(root, project_environment(environ, root))

    def which(self, name: str) -> str | None:
        """Return the program that a shell would run for `name`, None when there is none on PATH."""
        return shutil.which(name, path=self.environ.get("PATH", ""))

    def python(self, folder: str) -> Interpreter:
        """Return the interpreter that the tests of a folder are to run with; of a manager its answer, if it has one."""
        found = self.found(folder)
        return found.answered(self.facts[found]) if found.kept and found in self.facts else found

    def found(self, folder: str) -> Interpreter:
        """Return that interpreter as it was found, whatever it was asked: the key of `facts` and `broken`."""
        return find_python(self.root, folder, self.environ)

    def has_python(self, folder: str) -> bool:
        """Tell whether there is an interpreter at all."""
        return self.which(self.python(folder).argv[0]) is not None

    def no_python(self, folder: str, module: str | None = None) -> str | None:
        """Return why Python tests can't run in a folder, and what to do; None when nothing is known against it.

        `module` is what they need to be installed there, under the name by which pip knows it.
        """
        found, python = self.found(folder), self.python(folder)
        if found in self.broken:
            return self.broken[found]
        if not self.has_python(folder):
            return "Python is not installed: https://www.python.org/downloads"
        if module is None or self.has_module(folder, module):
            return None
        install = self.put_there(folder, module) or " ".join((*python.argv, "-m", "pip", "install", module))
        return f"{module} is not installed in {python.argv[0]} ({python.found_by}): {install}"

    def put_there(self, folder: str, module: str) -> str:
        """Return how the manager of the folder's project brings a module into its environment; "" without a manager."""
        manager = keeper(self.root, folder)
        if manager is None:
            return ""
        fill, add = _FILLED_BY[manager]
        said = f"`{fill}`, or if the project does not name it yet, {add.format(module=module)}"
        return said if self.which(manager) else f"{said}; {manager} itself is not installed: pip install {manager}"

    def has_module(self, folder: str, module: str) -> bool:
        """Tell whether that interpreter can import a module; one that was not asked has it."""
        facts = self.facts.get(self.found(folder))
        return facts is None or module in facts.modules

    def node(self, folder: str, name: str) -> NodeTool:
        """Return how a node package's program is called from a folder."""
        return find_node_tool(self.root, folder, name, self.environ)


# By who keeps an environment: what puts into it what the project names, and what has the project name one more.
_FILLED_BY = {
    "uv": ("uv sync --all-groups", "`uv add --dev {module}`"),
    "poetry": ("poetry install", "`poetry add --group dev {module}`"),
    "pdm": ("pdm install", "`pdm add -d {module}`"),
    "hatch": ("hatch env prune", "add {module} to the `dependencies` of hatch's environment"),
    "pipenv": ("pipenv install --dev", "`pipenv install --dev {module}`"),
}
_ASKED = ("pytest", "django", "coverage")


async def with_facts(tools: Tools, folders: Iterable[str]) -> Tools:
    """Ask the interpreters of some folders what they are, all at once, each one time; return tools that know it."""
    found = list(dict.fromkeys(map(tools.found, folders)))
    asking = [ask(one.argv, _ASKED, folder=Path(one.kept or tools.root), environ=tools.environ) for one in found]
    answers = dict(zip(found, await asyncio.gather(*asking, return_exceptions=True), strict=True))
    for answer in answers.values():
        if isinstance(answer, BaseException) and not isinstance(answer, WorkerError | TimeoutError):
            raise answer
    return replace(
        tools,
        facts={one: answer for one, answer in answers.items() if isinstance(answer, Facts)},
        broken={one: str(answer) for one, answer in answers.items() if isinstance(answer, Exception)},
    )
