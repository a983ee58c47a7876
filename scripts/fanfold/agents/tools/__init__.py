"""Read-only tools for sub-agents, confined to the target's root at the target's revision; one line each."""

from __future__ import annotations

from collections.abc import Mapping

from fanfold.agents.tools import grep, history, list_files, outlines, read_file
from fanfold.agents.tools.base import Tool

TOOLS: Mapping[str, Tool] = {
    tool.name: tool
    for tool in (
        list_files.TOOL,
        read_file.TOOL,
        grep.TOOL,
        outlines.OUTLINE,
        outlines.SYMBOL,
        history.LOG,
        history.SHOW,
        history.BLAME,
    )
}
"""Every tool by its name, in the order in which sub-agents are told of them."""
