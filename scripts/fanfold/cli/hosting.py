"""What `prepare` and `merge` share: a command that is run twice, with the host's agents in between.

The first time it leaves prompts, the second time it finds answers, and it is the same command with the same arguments
both times. What the two need to know of each other is kept in the click context while the command runs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from fanfold import __version__
from fanfold.agents.host_folder import HOST, HostFolder, Manifest
from fanfold.cli import ARGUMENTS
from fanfold.engine.folder import SECRET_VARIABLE
from fanfold.engine.runs import run_folder
from fanfold.errors import OutputError

# Keys of the click context: what a command read from stdin; the run that is merged; merge at once.
STDIN = "fanfold.stdin"
MERGED = "fanfold.merged"
AT_ONCE = "fanfold.at-once"

_PREFIX = "FANFOLD_"


def meta() -> dict[str, Any]:
    """Return what commands of this invocation tell each other."""
    context = click.get_current_context(silent=True)
    return {} if context is None else context.meta


def merged_run() -> str | None:
    """Return the id of the run that is being merged, None otherwise."""
    found: str | None = meta().get(MERGED)
    return found


def begin(folder: Path, run_id: str) -> None:
    """Write down which command is to be run again when the answers are there; a run that is merged knows it.

    Raises OutputError.
    """
    if merged_run() is not None:
        return
    command, arguments = meta().get(ARGUMENTS, ("", ()))
    try:
        place = HostFolder(run_folder(folder, run_id) / HOST)
        place.make()
        place.save(
            Manifest(
                fanfold=__version__,
                run=run_id,
                command=command,
                arguments=tuple(_without_stdin(arguments, place)),
                environment=_own_variables(os.environ),
                cwd=str(Path.cwd()),
            )
        )
    except OSError as error:
        raise OutputError(f"--backend host: nowhere to put the prompts: {error}") from error


def _without_stdin(arguments: Sequence[str], place: HostFolder) -> Iterator[str]:
    """Yield the arguments, with a file in the place of a diff that came from stdin: it can be read only once."""
    text = meta().get(STDIN)
    kept = None if text is None else place.write("input.diff", text)
    before = ""
    for word in arguments:
        if kept is not None and (word == "--diff=-" or (word == "-" and before == "--diff")):
            yield str(kept) if word == "-" else f"--diff={kept}"
        else:
            yield word
        before = word


def _own_variables(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name.startswith(_PREFIX) and name != SECRET_VARIABLE}


@contextmanager
def as_then(environment: Mapping[str, str], cwd: Path) -> Iterator[None]:
    """Be where a command was given, with the variables that it had for this program."""
    from contextlib import chdir

    before = _own_variables(os.environ)
    try:
        with chdir(cwd):
            for name in before.keys() - environment.keys():
                del os.environ[name]
            os.environ.update(environment)
            yield
    finally:
        for name in _own_variables(os.environ):
            del os.environ[name]
        os.environ.update(before)
