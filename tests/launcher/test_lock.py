"""The pinned requirements stand for what pyproject.toml asks for."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from launcher import lock

PYPROJECT = tomllib.loads(lock.PYPROJECT.read_text(encoding="utf-8"))
FILES = [(lock.RUNTIME, lock.runtime(PYPROJECT)), (lock.DEVELOPMENT, lock.development(PYPROJECT))]


def pins(path: Path) -> dict[str, Requirement]:
    """Return the pinned requirements of the file by name, as one logical line each."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.split(" --hash")[0] for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    found = {str(canonicalize_name(Requirement(line).name)): Requirement(line) for line in lines}
    assert len(found) == len(lines) > 20
    return found


def version(pin: Requirement) -> Version:
    (specifier,) = pin.specifier
    assert specifier.operator == "=="
    return Version(specifier.version)


@pytest.mark.parametrize(("path", "wanted"), FILES, ids=lambda value: getattr(value, "name", ""))
def test_every_requirement_is_pinned(path, wanted):
    """What pyproject.toml asks for is satisfied; when this fails, run the command at the head of the file."""
    pinned = pins(path)
    for text in wanted:
        requirement = Requirement(text)
        pin = pinned.get(canonicalize_name(requirement.name))
        assert pin is not None, f"{text} has no pin"
        assert requirement.specifier.contains(version(pin)), f"{text} does not allow {pin}"


@pytest.mark.parametrize("path", [lock.RUNTIME, lock.DEVELOPMENT], ids=lambda path: path.name)
def test_every_pin_has_a_hash_and_no_index_is_named(path):
    """Only the very files that were pinned get in, from whichever index the machine uses."""
    text = path.read_text(encoding="utf-8")
    blocks = text.replace("\\\n", " ").splitlines()
    assert all("--hash=sha256:" in line for line in blocks if "==" in line.split("#")[0])
    assert "://" not in text
    assert "--index" not in text
    assert lock.COMMAND in text


def test_development_pins_are_the_runtime_pins_and_more():
    """What is tested is what runs."""
    runtime, development = pins(lock.RUNTIME), pins(lock.DEVELOPMENT)
    assert {name: version(development[name]) for name in runtime} == {name: version(runtime[name]) for name in runtime}


def test_requirements_on_the_project_itself_are_its_extras():
    """`fanfold[a, b]` asks for the extras' own requirements, however deep, and never for a package of that name."""
    pyproject = {
        "project": {"name": "fanfold", "optional-dependencies": {"a": ["x>=1"], "b": ["fanfold[a]", "y[z]"]}},
    }
    assert lock.wanted(pyproject, ["w", "fanfold[a, b]"]) == ["w", "x>=1", "x>=1", "y[z]"]


def test_without_uv_pinning_fails_in_one_line(monkeypatch, capsys):
    """Nothing is written, and what is missing is named."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(lock, "find_uv", lambda: None)
    assert lock.main([]) == 2
    assert "uv" in capsys.readouterr().err
