"""Where the pack's own data lies: the shipped templates and skills."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

_PACKAGE = Path(__file__).resolve().parent


def pack_folder(name: Literal["skills", "templates"]) -> Path:
    """Return the shipped folder `name`.

    An installed wheel carries it inside the package; in a checkout it stands at the top.
    """
    installed = _PACKAGE / "_pack" / name
    return installed if installed.is_dir() else _PACKAGE.parents[1] / name
