"""The package's front door: its example works, its names exist, and importing it costs nothing."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import fanfold.testing

pytest_plugins = ["pytester"]


def _example() -> str:
    """Return the indented code of the package's docstring."""
    assert fanfold.testing.__doc__
    lines = fanfold.testing.__doc__.splitlines()
    start = lines.index("    import asyncio")
    end = next(place for place, line in enumerate(lines) if place > start and line and line[0] != " ")
    return textwrap.dedent("\n".join(lines[start:end]))


def test_the_example_is_a_test_that_passes(pytester: pytest.Pytester) -> None:
    """The example of the docstring runs under pytest with the shared conftest, and passes."""
    pytester.makeconftest((Path(__file__).parents[1] / "conftest.py").read_text(encoding="utf-8"))
    pytester.makepyfile(_example())
    pytester.runpytest_inprocess().assert_outcomes(passed=1)


@pytest.mark.parametrize("name", fanfold.testing.__all__)
def test_every_name_is_there_and_described(name: str) -> None:
    """Each public name can be imported, and the docstring says what it is for."""
    assert getattr(fanfold.testing, name)
    assert fanfold.testing.__doc__
    assert f"`{name}`" in fanfold.testing.__doc__


def test_unknown_names_are_an_error() -> None:
    """A name that is not there is an AttributeError as of any module."""
    with pytest.raises(AttributeError, match="no attribute 'MessageServer'"):
        getattr(fanfold.testing, "MessageServer")  # noqa: B009 — the misspelling is the point


def test_importing_costs_nothing() -> None:
    """Importing the package imports none of its parts, and nothing heavy."""
    code = (
        "import sys, fanfold.testing; "
        "print([m for m in sys.modules if m.startswith('fanfold.testing.') or m in ('pydantic', 'h11', 'asyncio')])"
    )
    path = str(Path(fanfold.testing.__file__).parents[2])
    environment = {"PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout == "[]\n"
