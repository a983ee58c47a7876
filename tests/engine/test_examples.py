"""The examples in the docstrings of the patterns, and the names that the package offers."""

from __future__ import annotations

import asyncio
import doctest
import importlib
import json
import subprocess
import sys
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

import fanfold
from fanfold.testing.virtual_time import run_virtual

PATTERNS = ["gather", "fan_out", "supervise", "pipeline"]


@pytest.mark.parametrize("name", PATTERNS)
def test_the_examples_run(name):
    """Every pattern's docstring shows it at work, and what it prints is what is printed."""
    module = importlib.import_module(f"fanfold.engine.{name}")
    names: dict[str, Any] = {exported: getattr(fanfold, exported) for exported in fanfold.__all__}
    names |= {"asyncio": SimpleNamespace(run=run_virtual, sleep=asyncio.sleep), "partial": partial}
    (example,) = doctest.DocTestFinder(recurse=False).find(getattr(module, name), name, globs=names)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    results = runner.run(example)
    assert results.attempted >= 3
    assert results.failed == 0


def test_every_name_of_the_package_is_there():
    """What `__all__` offers can be imported, and anything else is an AttributeError that names it."""
    for name in fanfold.__all__:
        assert getattr(fanfold, name) is getattr(importlib.import_module(fanfold._HOME_OF[name]), name)
    assert set(fanfold.__all__) == set(fanfold._HOME_OF)
    assert set(fanfold.__all__) <= set(dir(fanfold))
    with pytest.raises(AttributeError, match="no_such_name"):
        fanfold.no_such_name  # noqa: B018  the access is the test


def test_importing_the_package_is_free_and_the_engine_is_light():
    """No SDK, no HTTP, no templates, no terminal: those come with what needs them."""
    code = """
import json, sys
import fanfold
before = sorted(name for name in sys.modules if name.startswith("fanfold"))
from fanfold import fan_out, gather, pipeline, supervise
heavy = {"anthropic", "httpx2", "httpx", "jinja2", "rich", "genai_prices", "unidiff", "sqlite3", "click"}
print(json.dumps([before, sorted(heavy & set(sys.modules))]))
"""
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert json.loads(answer.stdout) == [["fanfold"], []]
