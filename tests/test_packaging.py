"""The wheel and the editable install both carry templates and prompts."""

import ast
import os
import shlex
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = ["templates/code-review/report.md.j2", "templates/run.schema.json", "skills/parallel-code-review/SKILL.md"]

NOT_ASKED_FOR = {
    *(
        "coverage",
        "django",
        "pytest",
        "_pytest",
        "fanfold_reporter",
        "fanfold_unittest",
        "typing_extensions",
    ),  # where tests run
    "httpx2",  # what the SDK of anthropic speaks, whose errors come through it
    "pydantic_core",  # the other half of pydantic, which pins it
    "_typeshed",  # mypy's own
}

ASK = """
from fanfold.pack import pack_folder
from fanfold.skills.code_review.aspects import shipped_aspects
assert "security" in shipped_aspects()
print(pack_folder("templates"), pack_folder("skills"), sep="\\n")
"""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """Build both kinds with the project's own build backend, from a copy of the checkout."""
    copy = tmp_path_factory.mktemp("checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((ROOT / name).read_bytes())
    script = "import hatchling.build as b, sys; print(b.build_wheel(sys.argv[1])); print(b.build_editable(sys.argv[2]))"
    out = tmp_path_factory.mktemp("wheels")
    done = subprocess.run(
        [sys.executable, "-c", script, str(out / "wheel"), str(out / "editable")],
        cwd=copy,
        capture_output=True,
        text=True,
        check=True,
    )
    wheel, editable = done.stdout.split()[-2:]
    return out / "wheel" / wheel, out / "editable" / editable, copy


def asked(folder):
    """What the package says of itself when it is imported from `folder`, away from the checkout."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", ASK], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return [Path(line) for line in done.stdout.split()]


def imported():
    """Yield the first name of everything that the package imports, wherever in a module."""
    for path in (ROOT / "scripts" / "fanfold").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (name.name.split(".")[0] for name in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module.split(".")[0]


def test_what_is_imported_is_asked_for():
    """A package that another one happens to bring is named all the same: the other may do without it one day."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    asked_for = {canonicalize_name(Requirement(text).name) for each in lists for text in each}
    brought = packages_distributions()
    foreign = {*imported()} - {*sys.stdlib_module_names, "fanfold", *NOT_ASKED_FOR}
    assert {"click", "jinja2", "pygments"} <= foreign
    assert {name for name in foreign if not asked_for & {*map(canonicalize_name, brought.get(name, ()))}} == set()


def test_the_wheel_carries_everything(wheels, tmp_path):
    """Installed by unpacking, it finds its templates and prompts inside itself."""
    wheel, _, _ = wheels
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
        names = archive.namelist()
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/", "launcher"))]
    for folder in asked(tmp_path):
        assert folder.is_relative_to(tmp_path / "fanfold")
    for name in SHIPPED:
        assert (tmp_path / "fanfold" / "_pack" / name).read_bytes() == (ROOT / name).read_bytes()


def test_the_editable_install_uses_the_checkout(wheels, tmp_path):
    """Its path leads to the checkout, where templates and prompts are found as they are edited."""
    _, editable, copy = wheels
    with zipfile.ZipFile(editable) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".pth")]
        place = Path(archive.read(name).decode().strip())
    assert place == copy / "scripts"
    assert asked(place) == [copy / "templates", copy / "skills"]


def test_extras_are_installed_from_where_the_pack_is(wheels, tmp_path):
    """By the checkout's path, or by the name of the wheel that is installed: an index has no package of that name."""
    wheel, _, copy = wheels
    ask = "from fanfold.pack import how_to_install; print(how_to_install('bedrock'))"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    told = {
        place: subprocess.run(
            [sys.executable, "-c", ask],
            cwd=place,
            env=os.environ | {"PYTHONPATH": str(place)},
            capture_output=True,
            check=True,
        ).stdout.decode()
        for place in (copy / "scripts", tmp_path)
    }
    assert shlex.split(told[copy / "scripts"]) == ["pip", "install", f"{copy}[bedrock]"]
    assert shlex.split(told[tmp_path]) == ["pip", "install", "fanfold[bedrock]"]


def test_the_command_is_declared(wheels):
    """`pip install` puts `fanfold` on the path."""
    with zipfile.ZipFile(wheels[0]) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
        assert "fanfold = fanfold.cli:main" in archive.read(name).decode()
