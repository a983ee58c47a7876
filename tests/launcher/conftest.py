"""A tiny checkout to start: the real launcher and front scripts, a stand-in package, one local wheel to install."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import textwrap
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from launcher import interpreters

ROOT = Path(__file__).resolve().parents[2]

# Says all about how it was started; imports the installed package, so that a start without it fails.
CLI = """
import json, os, sys
import tiny

def main():
    print(json.dumps({"arguments": sys.argv, "directory": os.getcwd(), "isolated": sys.flags.isolated, "path": sys.path,
                      "pid": os.getpid(), "prefix": sys.prefix, "tiny": tiny.__file__, "utf8": sys.flags.utf8_mode}))
    return 7 if "--fail" in sys.argv else 0
"""

# A uv that makes an environment without a package index; what is in FAKE_UV decides how far it gets.
UV = """
import os, pathlib, subprocess, sys

asked = sys.argv[1:]
with open(os.environ["FAKE_UV_LOG"], "a") as log:
    log.write(" ".join([asked[0], os.getcwd()]) + "\\n")
if asked[0] == "venv":
    subprocess.run([asked[2], "-I", "-m", "venv", "--without-pip", asked[3]], check=True)
    sys.exit()
if os.environ["FAKE_UV"] == "fails":
    sys.exit("error: no solution found")
site = next(pathlib.Path(asked[3]).parents[1].glob("lib/python3.*/site-packages"))
(site / "tiny.py").write_text("")
if os.environ["FAKE_UV"] == "hangs":
    with open(os.environ["FAKE_UV_PIPE"], "w") as pipe:  # its reader knows by this that the build is under way
        pipe.write(str(os.getpid()))
    with open(os.environ["FAKE_UV_PIPE"] + ".end") as end:  # held open by the test, or for ever
        end.read()
"""


@dataclass(frozen=True)
class Checkout:
    """A checkout and the surroundings in which its scripts are started; `cache` holds the environments."""

    root: Path
    home: Path
    variables: dict[str, str]

    @property
    def cache(self) -> Path:
        return self.home / ".cache" / "fanfold" / "environments"

    @property
    def requirements(self) -> Path:
        return self.root / "scripts" / "requirements.txt"

    @property
    def environment(self) -> Path:
        """The one environment that there is."""
        (found,) = [path for path in self.cache.iterdir() if path.is_dir()]
        return found

    def given(self, **variables: str) -> "Checkout":
        return replace(self, variables={**self.variables, **variables})

    def begin(
        self, *arguments: str, script: str = "bin/fanfold", python: str = sys.executable, cwd: Path | None = None
    ):
        """Start without waiting for the end."""
        return subprocess.Popen(
            [python, str(self.root / script), *arguments],
            cwd=cwd or self.home,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def start(self, *arguments: str, **how) -> tuple[int, Any, list[str]]:
        """Start, and return the exit code, what the stand-in package printed, and the lines on stderr."""
        process = self.begin(*arguments, **how)
        out, err = process.communicate(timeout=120)  # for a launcher that hangs; no test waits for it
        return process.returncode, json.loads(out) if out else None, err.splitlines()


def make_wheel(folder: Path) -> str:
    """Write tiny 1.0 into `folder`; returns the pinned requirement with its hash."""
    info = {
        "tiny.py": "",
        "tiny-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
        "tiny-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    records = []
    for name, text in info.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
        records.append(f"{name},sha256={digest},{len(text)}\n")
    info["tiny-1.0.dist-info/RECORD"] = "".join(records) + "tiny-1.0.dist-info/RECORD,,\n"
    path = folder / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in info.items():
            wheel.writestr(name, text)
    return f"tiny==1.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


@pytest.fixture(scope="session")
def wheels(tmp_path_factory) -> tuple[Path, str]:
    """A folder with one wheel, and the requirement that names it."""
    folder = tmp_path_factory.mktemp("wheels")
    return folder, make_wheel(folder)


@pytest.fixture
def checkout(tmp_path, wheels) -> Checkout:
    """A checkout whose path needs quoting, an empty home, nothing on PATH, and pip held to a folder of wheels."""
    root = tmp_path / 'it\'s a "check out"'
    shutil.copytree(
        ROOT / "scripts" / "launcher", root / "scripts" / "launcher", ignore=shutil.ignore_patterns("__py*")
    )
    for name in ("bin/fanfold", "scripts/code_review.py", "scripts/selftest.py"):
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    # Neither this machine's uv nor its pip wheels may decide what a test sees.
    for module, name in (("interpreters", "_FOLDERS"), ("installers", "_PIP_WHEELS")):
        with (root / "scripts" / "launcher" / f"{module}.py").open("a") as file:
            file.write(f"\n{name} = ()\n")
    package = root / "scripts" / "fanfold"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "cli.py").write_text(CLI)
    folder, requirement = wheels
    (root / "scripts" / "requirements.txt").write_text(requirement)
    for name in ("home", "programs"):
        (tmp_path / name).mkdir()
    variables = {
        "HOME": str(tmp_path / "home"),
        "PATH": str(tmp_path / "programs"),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(folder),
    }
    return Checkout(root, tmp_path / "home", variables)


@pytest.fixture
def quick(checkout: Checkout, tmp_path) -> Checkout:
    """The same with a stand-in for uv on PATH, which takes a fraction of a second."""
    program(tmp_path / "programs" / "uv", UV)
    return checkout.given(FAKE_UV="works", FAKE_UV_LOG=str(tmp_path / "uv.log"), FAKE_UV_PIPE=str(tmp_path / "uv.pipe"))


@pytest.fixture(scope="session")
def base_python() -> Path:
    """The Python below this one, should this one be a venv's."""
    found = interpreters.probe(sys.executable)
    assert found is not None
    return Path(found.path)


def program(path: Path, source: str) -> None:
    """Write an executable that runs the Python `source`, however long or odd this interpreter's path is."""
    code = path.with_name(f".{path.name}.py")
    code.write_text(textwrap.dedent(source))
    path.write_text(f"#!/bin/sh\nexec '{sys.executable}' -I '{code}' \"$@\"\n")
    path.chmod(0o755)
