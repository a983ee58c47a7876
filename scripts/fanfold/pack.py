"""Where the pack's own data lies: the shipped templates and skills."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Literal

_PACKAGE = Path(__file__).resolve().parent


def pack_folder(name: Literal["skills", "templates"]) -> Path:
    """Return the shipped folder `name`.

    An installed wheel carries it inside the package; in a checkout it stands at the top.
    """
    installed = _PACKAGE / "_pack" / name
    return installed if installed.is_dir() else _PACKAGE.parents[1] / name


def how_to_install(extra: str) -> str:
    """Return the command that brings the packages of an extra.

    The pack is in no package index: a checkout is installed by its path; of a wheel that is installed, pip takes what
    the extra names and leaves the rest as it is.
    """
    pack = "fanfold" if (_PACKAGE / "_pack").is_dir() else str(_PACKAGE.parents[1])
    return f"pip install {shlex.quote(f'{pack}[{extra}]')}"
