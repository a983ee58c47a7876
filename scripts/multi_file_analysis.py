#!/usr/bin/env python3
"""Answer a question about the repository that this is run in: the same as `fanfold analyze`."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from launcher import start

if __name__ == "__main__":
    sys.exit(start("analyze"))
