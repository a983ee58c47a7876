"""Pin what pyproject.toml asks for: `python3.11 scripts/launcher/lock.py` writes both requirements files, through uv.

    requirements.txt        what the pack runs on: the dependencies and the extras `analyzers` and `grammars`
    requirements-dev.txt    the same pins, and those of the dependency group `dev`

A pin stays where it is while pyproject.toml allows it; `--upgrade` and other arguments go to `uv pip compile`.
"""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from launcher.interpreters import find_uv

SCRIPTS = Path(__file__).resolve().parents[1]
PYPROJECT = SCRIPTS.parent / "pyproject.toml"
RUNTIME = SCRIPTS / "requirements.txt"
DEVELOPMENT = SCRIPTS / "requirements-dev.txt"
COMMAND = "python3.11 scripts/launcher/lock.py"


def wanted(pyproject: Mapping[str, Any], listed: Sequence[str]) -> list[str]:
    """Return the requirements of `listed`, those on the project itself replaced by the extras that they select."""
    project = pyproject["project"]
    itself = re.compile(rf"{re.escape(project['name'])}\[([^\]]+)\]")
    found: list[str] = []
    for requirement in listed:
        extras = itself.fullmatch(requirement.replace(" ", ""))
        if extras is None:
            found.append(requirement)
            continue
        for extra in extras[1].split(","):
            found += wanted(pyproject, project["optional-dependencies"][extra])
    return found


def runtime(pyproject: Mapping[str, Any]) -> list[str]:
    """Return what requirements.txt has to satisfy."""
    project = pyproject["project"]
    return wanted(pyproject, [*project["dependencies"], f"{project['name']}[analyzers,grammars]"])


def development(pyproject: Mapping[str, Any]) -> list[str]:
    """Return what requirements-dev.txt has to satisfy."""
    return [*runtime(pyproject), *wanted(pyproject, pyproject["dependency-groups"]["dev"])]


def pin(requirements: Sequence[str], target: Path, *arguments: str) -> None:
    """Write to `target` the versions and hashes that satisfy `requirements` on every platform and Python from 3.11 on.

    Raises:
        subprocess.CalledProcessError: uv says on stderr why they can't be satisfied.
    """
    fixed = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url", "--quiet"]
    subprocess.run(
        [find_uv() or "uv", "pip", "compile", "-", *fixed, "--output-file", str(target), *arguments],
        input="\n".join(requirements),
        stdout=subprocess.DEVNULL,  # the same as the file
        env={**os.environ, "UV_CUSTOM_COMPILE_COMMAND": COMMAND},
        check=True,
        text=True,
    )


def main(arguments: Sequence[str]) -> int:
    """Write both files; returns an exit code."""
    pyproject = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))
    try:
        pin(runtime(pyproject), RUNTIME, *arguments)
        pin(development(pyproject), DEVELOPMENT, "--constraints", str(RUNTIME), *arguments)
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"lock: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
