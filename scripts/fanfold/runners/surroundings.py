"""The environment that tests run in: the user's, without what belongs to fanfold.

fanfold runs in an environment of its own. Its interpreter, its packages and its variables are no business of the
project's tests: they would import fanfold's libraries instead of finding that their own are missing. When fanfold is
installed in the very environment that the project uses (it lies below the root, or it is the active one), that one is
the project's, and stays.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

# What says where Python's own files are: true of the interpreter that read it, wrong for any other.
_PYTHONS_OWN = frozenset({"PYTHONHOME", "PYTHONEXECUTABLE", "__PYVENV_LAUNCHER__"})


def own_prefix(environ: Mapping[str, str], root: Path, prefix: str = sys.prefix) -> Path | None:
    """Return the folder of fanfold's own environment; None when the project uses the same one."""
    own = Path(os.path.realpath(prefix))
    active = environ.get("VIRTUAL_ENV") or environ.get("CONDA_PREFIX")
    if active and Path(os.path.realpath(active)) == own:
        return None
    if own.is_relative_to(os.path.realpath(root)):
        return None
    # Without an environment of its own, fanfold is installed into the machine's Python, and that is the project's too.
    return own if (own / "pyvenv.cfg").is_file() else None


def project_environment(environ: Mapping[str, str], root: Path, prefix: str = sys.prefix) -> dict[str, str]:
    """Return the variables that the project's programs are given."""
    own = own_prefix(environ, root, prefix)
    kept = {name: value for name, value in environ.items() if name not in _PYTHONS_OWN}
    if own is not None and "PATH" in kept:
        kept["PATH"] = os.pathsep.join(part for part in kept["PATH"].split(os.pathsep) if not _inside(part, own))
    return kept


def _inside(folder: str, own: Path) -> bool:
    return bool(folder) and Path(os.path.realpath(folder)).is_relative_to(own)
