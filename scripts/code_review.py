#!/usr/bin/env python3
"""Review the repository that this is run in: the same as `fanfold review`."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from launcher import start

if __name__ == "__main__":
    sys.exit(start("review"))
