"""Find or build the Python environment of the pack, and hand over to it.

    bin/fanfold, scripts/*.py --> start --> the environment is there ----------------> exec: inside.py or checks.py
                                    +----> build, once: interpreters, installers --> exec

The environment holds the third-party packages alone, one for each content of the requirements; the pack itself always
runs from its checkout. Standard library only. This file is read by whatever `python3` the machine has, so that it can
say what is wrong with it; its neighbours need Python 3.8, and inside.py, checks.py and lock.py need 3.11.
"""

import os
import sys

if sys.version_info < (3, 8):  # noqa: UP036  # this file alone is read by older ones
    sys.stderr.write(
        "fanfold: needs Python >= 3.8 to start, and " + sys.executable + " is " + sys.version.split()[0] + "\n"
    )
    sys.exit(2)

# PYTHONPATH may lead into the code under review, whose `json.py` is not ours to run.
try:
    _here = os.getcwd()
except OSError:  # removed meanwhile
    _here = ""
_foreign = {
    os.path.normpath(os.path.join(_here, entry)) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep)
}
sys.path[:] = [entry for entry in sys.path if os.path.isabs(entry) and os.path.normpath(entry) not in _foreign]

from launcher.entry import start  # noqa: E402  # what stands above has to come first

__all__ = ["start"]
