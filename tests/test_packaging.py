"""The wheel and the editable install both carry templates and prompts."""

import os
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = ["templates/code-review/report.md.j2", "templates/run.schema.json", "skills/parallel-code-review/SKILL.md"]

ASK = """
from fanfold.pack import pack_folder
from fanfold.skills.code_review.aspects import shipped_aspects
assert len(shipped_aspects()) == 9
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
