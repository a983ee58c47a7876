"""mypy runs as the project has set it up, plugins and all: which is why it has to be asked for."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fanfold.analyzers.mypy import MYPY, Mypy
from fanfold.errors import FinalError
from fanfold.models import Severity

if TYPE_CHECKING:
    from .conftest import Analyze, Tree


@pytest.fixture
def project(tree: Tree) -> Path:
    """A project with an environment of its own, in which there is a mypy."""
    root = tree(
        {
            "pkg/__init__.py": "",
            "pkg/a.py": "from pkg.b import double\n\nx: str = double(2)\nprint(undefined)\nimport nonesuch\n",
            "pkg/b.py": "def double(x: int) -> int:\n    return x * 2\n\n\ny: str = double(1)\n",
            "mypy.ini": "[mypy]\nplugins = plugin.py\n",
            "plugin.py": (
                "from mypy.plugin import Plugin\nopen('ran', 'w').close()\ndef plugin(version):\n    return Plugin\n"
            ),
            ".venv/bin/mypy": f'#!/bin/sh\nexec "{sys.executable}" -m mypy "$@"\n',
        }
    )
    (root / ".venv/bin/mypy").chmod(0o755)
    return root


def test_it_runs_code_of_the_repository_and_says_so(project: Path, analyze: Analyze) -> None:
    """The plugin that the configuration names is run, and what is wrong in the files asked for is found."""
    assert MYPY.runs_repository_code
    analysis = analyze(MYPY, project, ["pkg/a.py", "gone.py"])
    assert (project / "ran").exists()
    assert not (project / ".mypy_cache").exists()
    found = {finding.sources[0]: finding for finding in analysis.findings}
    assert set(found) == {"mypy:assignment", "mypy:name-defined"}
    assert (found["mypy:assignment"].path, found["mypy:assignment"].line) == ("pkg/a.py", 3)
    assert found["mypy:assignment"].severity is Severity.MEDIUM
    assert found["mypy:assignment"].quote == "x: str = double(2)"
    assert found["mypy:name-defined"].mechanism == "undefined-name"


def test_it_is_the_projects_or_the_one_on_path(
    project: Path, tmp_path: Path, analyze: Analyze, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without one in the target, the current folder's is taken, then PATH's; without any it is unavailable."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert MYPY.unavailable() == "no mypy in .venv/bin or on PATH: install it where the project's libraries are"
    empty = tmp_path / "staged"
    empty.mkdir()
    (empty / "a.py").write_text("x: int = ''\n")
    with pytest.raises(FinalError, match="no mypy"):
        analyze(MYPY, empty)
    monkeypatch.chdir(project)
    assert MYPY.unavailable() is None
    assert len(analyze(MYPY, empty).findings) == 1
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.fspath(project / ".venv/bin"))
    assert MYPY.unavailable() is None


def test_it_gets_no_credentials(project: Path, analyze: Analyze, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code of the repository runs, but not with the caller's keys."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "hunter2")
    (project / ".venv/bin/mypy").write_text("#!/bin/sh\nenv > seen\n")
    analyze(MYPY, project, ["pkg/a.py"])
    assert "hunter2" not in (project / "seen").read_text()


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("echo 'usage: mypy: unknown option --output'; exit 2", "exit code 2"),
        ("echo 'a.py:1: error: old'; exit 1", r"has to be 1\.11 or newer: a\.py:1: error: old"),
        ("exit 3", "exit code 3: it said nothing"),
    ],
)
def test_a_mypy_that_fails_is_one_line(project: Path, analyze: Analyze, script: str, says: str) -> None:
    """A mypy that is too old, or set up wrongly, is an error that says so."""
    (project / ".venv/bin/mypy").write_text(f"#!/bin/sh\n{script}\n")
    with pytest.raises(FinalError, match=says):
        analyze(Mypy((str(project / ".venv/bin/mypy"),)), project, ["pkg/a.py"])
