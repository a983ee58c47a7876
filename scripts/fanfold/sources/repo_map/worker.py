"""A process that reads files, for `pool`: what hangs it or takes it down costs the file that did, and nothing else.

    python -I -c START FOLDER… < requests > answers

Each line of the input is JSON: the root first, then one request after the other: a path, and whether it was named. The
output starts with `READY`; the answers come in the order of the requests, each a head (`HEAD`: the sizes of both
parts), JSON on the file, and its facts as `facts.encode` has them.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from pathlib import Path

from fanfold.sources.repo_map.reading import read_file

HEAD = struct.Struct("!II")
READY = b"ready\n"
START = "import sys; sys.path[:] = sys.argv[1:]; from fanfold.sources.repo_map.worker import main; main()"


def main() -> None:
    """Answer what comes in until it ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a parser may print is no answer
    answers.write(READY)
    answers.flush()
    root = Path(json.loads(sys.stdin.buffer.readline()))
    for line in sys.stdin.buffer:
        path, named = json.loads(line)
        found = read_file(root, path, named=named)
        about = json.dumps([found.content, found.size, found.stamp]).encode()
        answers.write(HEAD.pack(len(about), len(found.facts)) + about + found.facts)
        answers.flush()
