"""What the runners of node packages share: where their program is, and how tests are named to them."""

from __future__ import annotations

import re

from fanfold.runners.common import FileItems
from fanfold.runners.tools import Tools
from fanfold.suites import Suite


class NodeRunner(FileItems):
    """A runner whose program is that of the node package of its own name."""

    name: str
    runs_single_tests: bool = True

    def unavailable(self, suite: Suite, tools: Tools) -> str | None:
        """See `Runner.unavailable`."""
        return None if suite.command else tools.node(suite.folder, self.name).missing


def pattern_of(names: tuple[str, ...]) -> str:
    """Return the regular expression that is these full names of tests and no others."""
    return f"^({'|'.join(map(_escaped, names))})$"


def _escaped(name: str) -> str:
    """Return a name as a regular expression of JavaScript, on one line: a report would fold it."""
    literal = re.sub(r"([\\^$.*+?()[\]{}|/])", r"\\\1", name)
    return "".join(c if c >= " " and c != "\x7f" else f"\\x{ord(c):02x}" for c in literal)
