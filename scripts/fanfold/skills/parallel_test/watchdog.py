"""Run a command for as long as somebody holds the other end of the standard input, and no longer.

    python watchdog.py COMMAND …

A Dask worker that is killed, or whose task is cancelled, leaves the child processes of that task alive. This one sees
its input end then, and ends the command with everything that it has started: it asks first, since the command folds
and ends its own workers when it is asked. It stands alone, and depends on nothing.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress

GRACE_S = 10.0


def main() -> int:
    """Run the command in `sys.argv`; returns its return code."""
    child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603  as told
    threading.Thread(target=_end_with_input, args=(child,), daemon=True).start()
    return child.wait()


def _end_with_input(child: subprocess.Popen[bytes]) -> None:
    while os.read(0, 4096):
        pass
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with suppress(subprocess.TimeoutExpired):
            child.wait(GRACE_S)


if __name__ == "__main__":
    raise SystemExit(main())
