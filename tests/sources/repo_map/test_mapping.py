"""A map of a small tree, from its files on disk to the edges between them."""

import asyncio
import subprocess

import pytest

from fanfold.errors import NothingToDo, TargetError
from fanfold.sources.repo_map.discover import discover
from fanfold.sources.repo_map.mapping import map_tree


@pytest.fixture
def tree(tmp_path):
    for path, text in {
        "app/__init__.py": '"""An app."""\n',
        "app/main.py": "from app.shapes import Square\n\ndef main():\n    return Square(2)\n",
        "app/shapes.py": "class Square:\n    '''Four sides.'''\n    def area(self): return 1\n",
        "README.md": "# App\n",
        "web/index.js": 'import {draw} from "./draw";\ndraw();\n',
        "web/draw.js": "export function draw() { return 1 }\n",
        "yarn.lock": "",
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def test_files_and_their_edges(tree):
    """What each file defines and imports, and where that leads."""
    found = asyncio.run(map_tree(discover([], tree)))
    assert list(found.files) == sorted(found.files)
    assert found.imports == {"app/main.py": ("app/shapes.py",), "web/index.js": ("web/draw.js",)}
    assert found.references["app/main.py"] == {"app/shapes.py": 1.0}
    assert [symbol.qualified for symbol in found.files["app/shapes.py"].facts.symbols] == ["Square", "Square.area"]
    assert [(left.path, left.why) for left in found.left_out] == [("yarn.lock", "a lock file")]


def test_a_package_is_a_scope(tree):
    """A dotted name stands for its folder or module, one that is nowhere is an error in one line."""
    assert list(discover(["app"], tree).files) == ["app/__init__.py", "app/main.py", "app/shapes.py"]
    assert list(discover(["app.shapes"], tree).files) == ["app/shapes.py"]
    with pytest.raises(TargetError, match=r"'no\.such' is no file, folder or package"):
        discover(["no.such"], tree)


def test_patterns(tree):
    """Include and exclude are patterns as in a .gitignore; what is left of nothing is nothing to do."""
    assert list(discover([], tree, include=["*.js"], exclude=["draw.*"]).files) == ["web/index.js"]
    with pytest.raises(NothingToDo, match="taken away"):
        discover([], tree, include=["*.rs"])


@pytest.mark.parametrize("tracked", [True, False])
@pytest.mark.parametrize("folder", ["node_modules/lib", "env", "env/lib/python3.12/site-packages/lib"])
def test_installed_packages_are_left_out_unless_they_are_named(tree, folder, tracked):
    """An environment that no ignore file names is not the project's code; who names a folder of it wants to read it."""
    (tree / "env" / "lib" / "python3.12" / "site-packages" / "lib").mkdir(parents=True)
    (tree / "node_modules" / "lib").mkdir(parents=True)
    for path in ("env/pyvenv.cfg", "env/bin.py", "env/lib/python3.12/site-packages/lib/a.py", "node_modules/lib/a.py"):
        (tree / path).write_text("def f(): pass\n")
    subprocess.run(["git", "init", "--quiet"], cwd=tree, check=True)
    subprocess.run(["git", "add", "." if tracked else "app"], cwd=tree, check=True)
    found = discover([], tree)
    assert not [path for path in found.files if path.startswith(("env/", "node_modules/"))]
    left_out = [left.why for left in found.left_out if left.path.startswith(("env/", "node_modules/"))]
    assert left_out == (["vendored"] * 4 if tracked else [])  # nobody expects what is not even tracked
    assert discover([folder], tree).files
