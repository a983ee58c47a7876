#!/usr/bin/env python3
"""Check this checkout the way CI does: format, lint, types, tests. Arguments go to pytest."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from launcher import start

USAGE = """Usage: scripts/selftest.py [PYTEST ARGUMENT]...

Check this checkout the way CI does: ruff format, ruff check, mypy, pytest, all four whatever the others say. Arguments
go to pytest, as in: scripts/selftest.py -q tests/test_docs.py. The exit code is that of the first step that failed.
"""

if __name__ == "__main__":
    if {"-h", "--help"}.intersection(sys.argv[1:]):
        sys.stdout.write(USAGE)
        sys.exit(0)
    sys.exit(start(requirements="requirements-dev.txt", inside="checks.py"))
