"""The design holds: imports point one way, every part is where its name promises, nothing speaks out of turn."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fanfold import __version__
from fanfold.skills import SKILLS

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "scripts" / "fanfold"

# A room may import from rooms of a lower floor, and from itself.
FLOORS = {
    "errors": 0,
    "models": 0,
    "pack": 0,
    "suites": 1,
    "engine": 1,
    "sources": 1,
    "agents": 2,
    "analyzers": 2,
    "reports": 2,
    "runners": 2,
    "skills": 3,
    "testing": 3,
    "cli": 4,
}
# Running a process under a deadline knows no unit and no run, so those who look at code may use it.
ALLOWED = {("sources", "fanfold.engine.process"), ("analyzers", "fanfold.engine.process")}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules() -> list[Path]:
    found = sorted(PACKAGE.rglob("*.py"))
    assert len(found) > 30, "the package was not found"
    return found


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path):
    """No room imports from its own floor's other rooms or from a higher one; nothing imports testing."""
    room = room_of(path)
    if room in {"__init__", "__main__", "_pack"}:
        return
    for name in imports(path):
        if not name.startswith("fanfold."):
            continue
        other = name.split(".")[1]
        if other == room or other not in FLOORS or (room, name.rsplit(".", 1)[0]) in ALLOWED or (room, name) in ALLOWED:
            continue
        assert FLOORS[other] < FLOORS[room], f"{room} imports {name}"
        assert other != "testing", f"{room} imports {name}"


def test_the_rule_sees_a_wrong_arrow(tmp_path):
    """The reader of imports finds them wherever they stand."""
    source = tmp_path / "x.py"
    source.write_text("import os\ndef f():\n    from fanfold.cli import main\n")
    assert "fanfold.cli" in set(imports(source))


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_command_line_prints_and_exits(path):
    """Everything below cli returns or raises; the stand-in server's own entry point is a command line too."""
    if room_of(path) in {"cli", "__main__", "testing"}:
        return
    calls = {
        ast.unparse(n.func) for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.Call)
    }
    assert not calls & {"print", "sys.exit", "exit", "quit", "click.echo"}


@pytest.mark.parametrize("skill", SKILLS, ids=lambda skill: skill.name)
def test_a_skill_has_all_its_parts(skill):
    """A prompt for Claude, a room in the package, templates, tests, a symlink, a command and a row in the README."""
    assert (ROOT / "skills" / skill.folder / "SKILL.md").is_file()
    assert (PACKAGE / "skills" / skill.room / "__init__.py").is_file()
    assert list((ROOT / "templates" / skill.name).glob("report.*.j2"))
    assert (ROOT / "tests" / "skills" / f"test_{skill.room}.py").is_file()
    assert (PACKAGE / "cli" / f"{skill.command}.py").is_file()
    link = ROOT / ".claude" / "skills" / skill.folder
    assert link.is_symlink()
    assert link.resolve() == ROOT / "skills" / skill.folder
    assert re.search(rf"^\|.*`fanfold {skill.command}`", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)


def test_no_skill_is_unknown_to_the_registry():
    """Folders, symlinks and templates name exactly the registered skills."""
    folders = {skill.folder for skill in SKILLS}
    assert {path.name for path in (ROOT / "skills").iterdir()} == folders
    assert {path.name for path in (ROOT / ".claude" / "skills").iterdir()} == folders
    assert {path.name for path in (ROOT / "templates").iterdir() if path.is_dir()} == {
        "partials",
        *(skill.name for skill in SKILLS),
    }


@pytest.mark.parametrize("skill", SKILLS, ids=lambda skill: skill.folder)
def test_skill_frontmatter(skill):
    """What Claude Code reads is well-formed, short enough, and its description is quoted."""
    text = (ROOT / "skills" / skill.folder / "SKILL.md").read_text(encoding="utf-8")
    head = text.split("---\n")[1]
    fields = dict(line.split(": ", 1) for line in head.splitlines())
    assert fields["name"] == skill.folder
    assert re.fullmatch(r"[a-z0-9-]{1,64}", fields["name"])
    assert re.fullmatch(r'"[^"\n]+"', fields["description"])
    assert len(fields["description"]) <= 1024
    assert text.count("\n") <= 150


def test_every_version_is_the_same():
    """The package, the plugin and the changelog name one version."""
    plugin = json.loads((ROOT / ".claude-plugin" / "plugin.json").read_text())
    assert plugin["version"] == __version__
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


LAUNCHERS = ["bin/fanfold", *(f"scripts/{path.name}" for path in (ROOT / "scripts").glob("*.py"))]


@pytest.mark.parametrize("name", LAUNCHERS)
def test_front_scripts_use_the_standard_library_alone(name):
    """They start before anything is installed."""
    path = ROOT / name
    allowed = {*sys.stdlib_module_names, "launcher", "__future__"}
    assert {module.split(".")[0] for module in imports(path)} <= allowed


def test_no_file_holds_a_conflict():
    """What git leaves in a file when two sides of a merge disagree is in none of them."""
    texts = [path for path in (*ROOT.glob("*.*"), *ROOT.glob("t*/**/*.*"), *ROOT.glob("s*/**/*.*")) if path.is_file()]
    assert len(texts) > 100, "the files were not found"
    assert [str(path) for path in texts if re.search(rb"^(<{7}|>{7}) ", path.read_bytes(), re.MULTILINE)] == []


ROOT_HOLDS = {
    *(".ci", ".claude", ".claude-plugin", "agents", "benchmarks", "bin", "scripts", "skills", "templates", "tests"),
    *(".gitignore", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "icon.png", "pyproject.toml"),
}


def test_the_root_holds_what_the_layout_names():
    """Nothing that a tool left behind is kept."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no checkout: there is no telling what is kept")
    kept = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, check=True, text=True).stdout
    names = {path.partition("/")[0] for path in kept.split("\0") if path}
    assert "scripts" in names
    assert names <= ROOT_HOLDS
