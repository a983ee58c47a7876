#!/usr/bin/env python3
"""Run the tests of the repository that this is run in: the same as `fanfold test`."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from launcher import start

if __name__ == "__main__":
    sys.exit(start("test"))
