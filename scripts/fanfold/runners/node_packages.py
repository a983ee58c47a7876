"""Node packages' programs, called the way the project's package manager does.

A program that lies in `node_modules/.bin`, beside the package or further up, is called as it is. Where a manager keeps
packages otherwise (yarn's plug'n'play), or a prefix takes the command elsewhere, the manager is asked to run it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

# By lock file: the manager, and its words for "run this package's program, and install nothing".
_MANAGERS = {
    "pnpm-lock.yaml": ("pnpm", ("exec",)),
    "yarn.lock": ("yarn", ("run",)),
    "bun.lock": ("bun", ("x",)),
    "bun.lockb": ("bun", ("x",)),
    "package-lock.json": ("npm", ("exec", "--no", "--")),
}
_DEFAULT = ("npm", ("exec", "--no", "--"))


@dataclass(frozen=True, slots=True)
class NodeTool:
    """How a package's program is called: `argv`, or `missing` says how to get it. `version` is "" when not known.

    `portable` is the call that works wherever the project lies, through the package manager.
    """

    argv: tuple[str, ...]
    portable: tuple[str, ...]
    manager: str
    missing: str | None = None
    version: tuple[int, ...] = ()


def find_node_tool(root: Path, folder: str, name: str, environ: Mapping[str, str]) -> NodeTool:
    """Return how the program `name` of the package of that name is called from `folder`."""
    places = [root / part for part in (PurePosixPath(folder), *PurePosixPath(folder).parents)]
    manager, words = _manager(places)
    package = "@playwright/test" if name == "playwright" else name
    portable = (manager, *words, name)
    version = next((v for place in places if (v := _version(place / "node_modules" / package))), ())
    for place in places:
        program = place / "node_modules" / ".bin" / name
        if os.access(program, os.X_OK):
            return NodeTool((str(program),), portable, manager, version=version)
    if any((place / ".pnp.cjs").is_file() for place in places):
        gone = (
            None if shutil.which("yarn", path=environ.get("PATH", "")) else "yarn is not installed: npm install -g yarn"
        )
        return NodeTool(("yarn", "run", name), portable, "yarn", gone)
    return NodeTool(portable, portable, manager, f"{name} is not installed in {folder}: run `{manager} install` there")


def _manager(places: list[Path]) -> tuple[str, tuple[str, ...]]:
    known = dict(_MANAGERS.values())
    for place in places:
        chosen = _read(place / "package.json").get("packageManager")
        name = str(chosen).partition("@")[0] if chosen else ""
        if name in known:
            return name, known[name]
        for lock, found in _MANAGERS.items():
            if (place / lock).is_file():
                return found
    return _DEFAULT


def _version(package: Path) -> tuple[int, ...]:
    numbers = str(_read(package / "package.json").get("version", "")).partition("-")[0].split(".")
    return tuple(int(number) for number in numbers if number.isdecimal())


def _read(file: Path) -> dict[str, object]:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
