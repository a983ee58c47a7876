"""Work that grows with its input: loops within loops, and slow calls in loops. Python alone, by its own parser."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from fanfold.reports.analysed import Row, Table
from fanfold.skills.multi_file_analysis.analyses.pythons import Names, nodes
from fanfold.skills.multi_file_analysis.analyses.sources import Sources, limited, row, table, texts_of
from fanfold.sources.garbage import uncollected
from fanfold.sources.repo_map.values import FileFacts, RepoMap

_LANGUAGES = frozenset({"python"})

_DEEP = 3
_SLOW = re.compile(
    r"(?:subprocess\.(?:run|call|check_call|check_output|Popen)|os\.system|time\.sleep|re\.compile"
    r"|urllib\.request\.urlopen|(?:requests|httpx)\.(?:get|post|put|patch|delete|head|request)"
    r"|socket\.create_connection|copy\.deepcopy|importlib\.import_module|open)"
)
_QUERY = re.compile(r"\w[\w.]*\.(?:execute|executemany|fetchone|objects\.(?:get|filter|create|update)|commit)")


def loops(tree: RepoMap, sources: Sources) -> Table:
    """Return the deepest nests of loops, then slow calls in loops, the deepest first."""
    with uncollected():
        rows = [
            found
            for path, file, text in texts_of(tree, sources, _LANGUAGES)
            if "for " in text or "while " in text
            for found in _rows(path, file.facts, text)
        ]
    rows.sort(key=lambda found: (-int(found.cells[2] or 0), found.path, found.line))
    found = table(
        "loops",
        "Work in loops",
        f"Python's loops at least {_DEEP} deep in one function, and calls in a loop that start a process, wait for a "
        "network, a disk or a database, or compile a pattern. Loops over what is written out do not count, nor those "
        "that sleep until something holds. Whether the input ever gets long is for a reader to say.",
        ("what", "in", "loops around it"),
        rows,
    )
    return limited(found, tree, _LANGUAGES)


def _rows(path: str, facts: FileFacts, text: str) -> Iterator[Row]:
    names = Names(facts)
    for node, within in nodes(text):
        if isinstance(node, ast.For | ast.AsyncFor | ast.While) and within.loops >= _DEEP - 1:
            yield row(path, node.lineno, "loop in loops", within.name, within.loops + 1, end_line=node.end_lineno)
        elif isinstance(node, ast.Call) and within.loops:
            full = names.full(node.func)
            if (_SLOW.fullmatch(full) or _QUERY.fullmatch(full)) and not (full == "time.sleep" and within.waits):
                yield row(path, node.lineno, full, within.name, within.loops)
