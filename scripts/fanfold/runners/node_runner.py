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
    escaped = "|".join(re.sub(r"([\\^$.*+?()[\]{}|/])", r"\\\1", name) for name in names)
    return f"^({escaped})$"
