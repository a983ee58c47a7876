#!/usr/bin/env python3
"""Check this checkout the way CI does: format, lint, types, tests. Arguments go to pytest."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from launcher import start

if __name__ == "__main__":
    sys.exit(start(requirements="requirements-dev.txt", inside="checks.py"))
