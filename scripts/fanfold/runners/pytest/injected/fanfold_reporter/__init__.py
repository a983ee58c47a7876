"""The pytest plugin that fanfold injects into a project's own pytest: says what happens, and runs what it is told.

It runs under the project's interpreter, from Python 3.8 and pytest 7.0 on, depends on nothing else, and takes back the
variables by which it came before the first conftest is read, so that a pytest which a test starts is an ordinary one.

`FANFOLD_PYTEST` names a file of settings in JSON:

    messages     the descriptor of the file that messages are written to
    socket       the descriptor of the socket that commands come from
    files        what pytest is to collect in place of its arguments; null leaves them
    capture      the path, without suffix, of the files that hold what the running test has printed
    worker       what goes into `config.workerinput`; null for no such thing
    python_path  what PYTHONPATH was; null when it was not set
    ports        the folder in which the workers of a run lock the ports that they listen on
    coverage     the path, without suffix, of the files for coverage.py's data; null measures nothing

Every message is one line of JSON with an `event`, written before the next thing happens, or before the next test begins
if it says no more than that a phase has passed: a process which dies keeps what it has said. The file is in memory, and
a byte on the socket says that something in it is worth reading at once; to wake fanfold for each test would take time
from the tests. A message that the file can't take is a line on the socket. Commands are lines of JSON too:
`{"do": "run", "tests": [index, …]}`, `{"do": "fork", …}` with three descriptors (the new worker's file, its socket and
its output) and `{"do": "end"}`, as which the socket's end counts.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest


def _settings() -> dict[str, Any] | None:
    """Read the settings and take back the variables by which this plugin came."""
    path = os.environ.pop("FANFOLD_PYTEST", None)
    if path is None:
        return None
    settings: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    if settings["python_path"] is None:
        os.environ.pop("PYTHONPATH", None)
    else:
        os.environ["PYTHONPATH"] = settings["python_path"]
    return settings


def _forget_the_way() -> None:
    """Take the folder that this package came from out of the path: what is looked up from now on is the project's."""
    mine = Path(__file__).resolve().parents[1]
    sys.path[:] = [entry for entry in sys.path if not entry or Path(entry).resolve() != mine]


# Here and not in what it imports: those don't even load there.
if sys.version_info < (3, 8):  # noqa: UP036  the project's Python, not fanfold's
    raise ImportError("it needs Python 3.8 or later, and this is " + sys.version.split()[0])
_SETTINGS = _settings()
if _SETTINGS is not None:
    from fanfold_reporter.measuring import Measure
    from fanfold_reporter.plugin import Plugin

    _forget_the_way()
    _MEASURE = Measure(_SETTINGS["coverage"])


def pytest_plugin_registered(plugin: object, manager: pytest.PytestPluginManager) -> None:
    """Bring in the hooks once this module is known to pytest."""
    if plugin is sys.modules[__name__] and _SETTINGS is not None:
        manager.register(Plugin(_SETTINGS, _MEASURE), "fanfold")
