"""Files are those that can be read inside the root; a quote is found again where its finding says."""

from __future__ import annotations

import os
import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from fanfold.analyzers.files import FileLines, LineCache, Place, SourceFile, present, says_something

texts = st.text(st.sampled_from("ab1 \n\r\f\u2028\u0085\v(é"), max_size=60)


@given(texts)
def test_lines_are_counted_as_git_does(text: str) -> None:
    """An analyzer's line, counted at any line ending, comes back as git counts it, with its text as the quote."""
    lines = FileLines(text)
    tool_lines = re.split(r"\r\n|\r|\n", text)
    offset = 0
    for number, line in enumerate(tool_lines, 1):
        real = text.count("\n", 0, offset) + 1
        place = lines.place(number, number)
        if real <= len(lines.lines) and says_something(lines.lines[real - 1]):
            assert place is not None
            assert place.line == place.end_line == real
            assert line.strip() in place.quote or not line.strip()
        offset += len(line) + len(re.match(r"\r\n|\r|\n|$", text[offset + len(line) :])[0])  # type: ignore[index]  # it always matches


@given(texts, st.integers(-5, 100), st.integers(-5, 100))
def test_a_place_is_in_the_file(text: str, line: int, end_line: int) -> None:
    """Whatever lines are named, the place is a range in the file, and its quote stands on its first line."""
    lines = FileLines(text)
    place = lines.place(line, end_line)
    if place is not None:
        assert 1 <= place.line <= place.end_line <= len(lines.lines)
        assert place.quote in lines.lines[place.line - 1]
        assert says_something(place.quote)


def test_a_line_that_says_nothing_gives_way() -> None:
    """A fault at a bracket, a blank line or the end of the file is quoted from the line before."""
    lines = FileLines("call(\n    first,\n)\n\n\n")
    expected = Place(2, 2, "    first,")
    assert lines.place(2, 2) == lines.place(3, 3) == lines.place(99, 99) == expected
    assert lines.place(3, 5) == Place(2, 5, expected.quote)
    assert FileLines("\n(\n").place(2, 2) is None


def test_a_long_line_is_quoted_by_its_beginning() -> None:
    """The quote of a two megabyte line is short, and still in it."""
    place = FileLines("x" * 2_000_000).place(1, 1)
    assert place is not None
    assert len(place.quote) < 1000


def test_only_files_inside_the_root_are_read(tmp_path: Path) -> None:
    """Missing files, folders, pipes, and everything that leads out of the root by name or link are left out."""
    root, outside = tmp_path / "root", tmp_path / "outside.py"
    (root / "pkg").mkdir(parents=True)
    outside.write_text("secret = 1\n")
    (root / "a.py").write_text("a = 1\n")
    (root / "in.py").symlink_to("a.py")
    (root / "out.py").symlink_to(outside)
    (root / "loop.py").symlink_to("loop.py")
    (root / "device.py").symlink_to("/dev/zero")
    os.mkfifo(root / "pipe.py")
    asked = ["a.py", "in.py", "out.py", "loop.py", "device.py", "pipe.py", "pkg", "gone.py", "../outside.py"]
    asked += [str(outside), "a\0b.py", "a.py", ""]
    assert [file.path for file in present(root, asked, tmp_path)] == ["a.py", "in.py"]


def test_names_that_are_no_text_get_one(tmp_path: Path) -> None:
    r"""`caf\xe9.py` is the file whose name holds that byte, and is read under a name that any program can print."""
    root, links = tmp_path / "root", tmp_path / "links"
    root.mkdir()
    links.mkdir()
    for byte in (b"\xe8", b"\xe9"):
        (root / os.fsdecode(b"caf" + byte + b".py")).write_bytes(b"x = '" + byte.hex().encode() + b"'\n")
    asked = [r"caf\xe8.py", r"caf\xe9.py"]
    for _ in range(2):
        found = present(root, asked, links)
        assert [file.path for file in found] == asked
        assert [file.real.read_text() for file in found] == ["x = 'e8'\n", "x = 'e9'\n"]
        assert all(str(file.real).isascii() and file.real.suffix == ".py" for file in found)


def test_lines_of_a_binary_or_vanished_file_are_none(tmp_path: Path) -> None:
    """What can't be quoted has no place."""
    (tmp_path / "binary.py").write_bytes(b"\0\1\2")
    cache = LineCache()
    for name in ("binary.py", "gone.py"):
        file = SourceFile(name, tmp_path / name)
        assert cache.place(file, 1, 1) is None
        assert cache.text(file) == ""
