"""Settings are written as TOML that says the same as what was read."""

from __future__ import annotations

import tomllib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from fanfold.analyzers.ruff_settings import SettingsReader, _layered, _toml, bare

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
leaves = words | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4))
tables = st.dictionaries(st.sampled_from(["ignore", "a", "b"]), st.lists(words, max_size=3) | words)


@given(values)
def test_what_is_written_reads_the_same(value: object) -> None:
    """Any value, with whatever characters, survives being written, on one line."""
    text = _toml(value)
    assert "\n" not in text
    assert tomllib.loads(f"x = {text}") == {"x": value}


@given(tables, tables)
def test_layers_keep_what_only_adds(below: dict[str, object], above: dict[str, object]) -> None:
    """The upper layer wins, key by key; of two lists of ignored rules nothing is lost."""
    layered = _layered(below, above)
    assert layered.keys() == below.keys() | above.keys()
    for key, value in layered.items():
        low, high = below.get(key), above.get(key)
        if key == "ignore" and isinstance(low, list) and isinstance(high, list):
            assert value == low + high
        else:
            assert value == (high if key in above else low)


def test_without_a_configuration_there_is_nothing_to_honour(tmp_path: Path) -> None:
    """A project that says nothing has the settings of one whose settings can't be honoured, without the note."""
    found = SettingsReader(tmp_path).of(tmp_path)
    assert found.toml == bare(tmp_path).toml
    assert (found.folder, found.ignored, found.notes) == (tmp_path, (), ())
    assert tomllib.loads(found.toml) == {"exclude": [], "target-version": "py314"}


def test_each_file_is_read_once(tmp_path: Path) -> None:
    """Files of one folder share one object, so that they are one group."""
    (tmp_path / "ruff.toml").write_text("builtins = ['x']\n")
    reader = SettingsReader(tmp_path)
    first = reader.of(tmp_path)
    (tmp_path / "ruff.toml").unlink()
    assert reader.of(tmp_path) is first
    assert reader.of(tmp_path / "pkg") == first
