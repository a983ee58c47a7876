"""Does a file parse? Nothing is run, and nothing is fetched."""

from __future__ import annotations

import ast
import json
import tomllib
import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import PurePosixPath

LARGEST = 2_000_000
"""Characters. A larger file is data or generated, and is not parsed."""


@lru_cache(maxsize=32)
def faults(path: str, text: str) -> int | None:
    """Return how many faults its language's parser finds in a file, None when it can't be told.

    A parser that stops at the first one counts 1.
    """
    parse = _PARSERS.get(PurePosixPath(path).suffix.lower())
    if parse is None or len(text) > LARGEST:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return 1
    return 0


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
