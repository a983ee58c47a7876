"""Does a file parse? By its language's own parser, or a tree-sitter grammar where one is installed; nothing is run."""

from __future__ import annotations

import ast
import json
import tomllib
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from fanfold.sources.outline import LARGEST
from fanfold.sources.outline.grammar import tree_of
from fanfold.sources.outline.languages import BY_NAME, language_of
from fanfold.sources.outline.python import PARSING

if TYPE_CHECKING:
    from tree_sitter import Node


@lru_cache(maxsize=32)
def faults(path: str, text: str) -> int | None:
    """Return how many faults its language's parser finds in a file, None when it can't be told.

    A parser that stops at the first one counts 1; a grammar counts what it could not read, and what it missed.
    """
    if len(text) > LARGEST:
        return None
    parse = _PARSERS.get(PurePosixPath(path).suffix.lower())
    if parse is None:
        return _grammar_faults(path, text)
    try:
        with PARSING, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return 1
    return 0


def _grammar_faults(path: str, text: str) -> int | None:
    grammar = BY_NAME.get(language_of(path, text))
    tree = tree_of(text, grammar) if grammar else None
    return None if tree is None else sum(1 for _ in _errors(tree.root_node))


def _errors(root: Node) -> Iterator[Node]:
    """Yield the nodes that stand for what a grammar does not know; only branches that hold one are looked into."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.is_error or node.is_missing:
            yield node
        if node.has_error:
            waiting += node.children


def _python(text: str) -> None:
    """Parse and look at what only the compiler sees, such as a `return` outside of a function; nothing is run."""
    compile(ast.parse(text), "<text>", "exec", dont_inherit=True)


def _yaml(text: str) -> None:
    """Read the events alone: tags are not resolved, and nothing is made of aliases."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        for _ in yaml.parse(text, Loader=loader):
            pass
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


_PARSERS: Mapping[str, Callable[[str], object]] = {
    ".py": _python,
    ".pyi": _python,
    ".json": json.loads,
    ".toml": tomllib.loads,
    ".yaml": _yaml,
    ".yml": _yaml,
}
