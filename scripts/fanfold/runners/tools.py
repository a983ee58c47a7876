"""The project's own programs, as runners ask for them: interpreters, node packages, build tools."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fanfold.runners.interpreters import Facts, Interpreter, find_python
from fanfold.runners.node_packages import NodeTool, find_node_tool
from fanfold.runners.surroundings import project_environment


@dataclass(frozen=True, slots=True)
class Tools:
    """The programs of the project at `root`.

    `environ` is the project's environment, without what belongs to fanfold (`surroundings`). `facts` are what
    interpreters said of themselves, by their command (`interpreters.ask`); those that were not asked are not there.
    """

    root: Path
    environ: Mapping[str, str]
    facts: Mapping[tuple[str, ...], Facts] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Path, environ: Mapping[str, str]) -> Tools:
        """Return the tools of a project, from the environment that fanfold itself was started in."""
        return cls(root, project_environment(environ, root))

    def which(self, name: str) -> str | None:
        """Return the program that a shell would run for `name`, None when there is none on PATH."""
        return shutil.which(name, path=self.environ.get("PATH", ""))

    def python(self, folder: str) -> Interpreter:
        """Return the interpreter that the tests of a folder are to run with."""
        return find_python(self.root, folder, self.environ)

    def has_python(self, folder: str) -> bool:
        """Tell whether there is an interpreter at all."""
        return self.which(self.python(folder).argv[0]) is not None

    def has_module(self, folder: str, module: str) -> bool:
        """Tell whether that interpreter can import a module; one that was not asked has it."""
        facts = self.facts.get(self.python(folder).argv)
        return facts is None or module in facts.modules

    def node(self, folder: str, name: str) -> NodeTool:
        """Return how a node package's program is called from a folder."""
        return find_node_tool(self.root, folder, name, self.environ)
