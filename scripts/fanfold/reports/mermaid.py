"""The module graph of an analysis as a mermaid flowchart, for GitHub, GitLab and editors to draw."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fanfold.models import Run
from fanfold.reports.analysed import ModuleGraph, analysis_of
from fanfold.reports.module_graph import shortest_names, strongest

MOST_LINKS = 150
"""Mermaid refuses to draw more than 500, and nobody reads that many."""

_PLAIN = re.compile(r"[^A-Za-z0-9 _./-]")
_LONGEST = 60


def render(run: Run) -> str:
    """Return the graph as mermaid has it, ending with a line break."""
    return flowchart(analysis_of(run).graph)


def flowchart(graph: ModuleGraph) -> str:
    """Return a graph as a flowchart from top to bottom; links are those of most files, cycles have a border."""
    return "\n".join(_lines(graph)) + "\n"


def _lines(graph: ModuleGraph) -> Iterator[str]:
    yield "flowchart TB"
    if not graph.modules:
        yield "  %% no module imports another one here"
        return
    links = strongest(graph.links, MOST_LINKS)
    if graph.note:
        yield f"  %% {_comment(graph.note)}"
    if len(links) < len(graph.links):
        yield f"  %% {len(graph.links) - len(links)} links of fewer files are not drawn"
    numbers = {module.name: number for number, module in enumerate(graph.modules)}
    labels = shortest_names(graph)
    for module in graph.modules:
        yield f'  n{numbers[module.name]}["{_escaped(labels[module.name])}"]'
    for link in links:
        if link.source in numbers and link.target in numbers:
            said = f"|{link.files}| " if link.files > 1 else " "
            yield f"  n{numbers[link.source]} -->{said}n{numbers[link.target]}"
    if cycle := [f"n{numbers[module.name]}" for module in graph.modules if module.cycle]:
        yield "  classDef cycle stroke:#a01431,stroke-width:3px"
        yield f"  class {','.join(cycle)} cycle"


def _escaped(name: str) -> str:
    """Return a label: whatever mermaid or markdown could take for more than text is written by its number."""
    text = " ".join(name.split())
    text = text if len(text) <= _LONGEST else f"…{text[1 - _LONGEST :]}"
    return _PLAIN.sub(lambda match: f"#{ord(match[0])};", text)


def _comment(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9 ,;.]", " ", text)[:200].strip()
