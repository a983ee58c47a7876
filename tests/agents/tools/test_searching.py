"""Patterns and globs mean what they say, with RE2 and without, and time that runs out is said."""

import re
import time
from dataclasses import replace
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.agents.tools import matching
from fanfold.agents.tools import toolbox as toolbox_module
from fanfold.agents.tools.globs import Glob
from fanfold.agents.tools.matching import Expression, Literal, matcher
from fanfold.agents.tools.toolbox import Toolbox
from fanfold.agents.tools.watch import ToolError, Watch
from fanfold.sources.snapshot import WorkingTree
from fanfold.sources.target import resolve


@pytest.mark.parametrize(
    ("glob", "paths"),
    [
        ("*.py", "a.py src/b.py src/deep/c.py"),
        ("src/*.py", "src/b.py"),
        ("/a.py", "a.py"),
        ("src/**", "src/b.py src/deep/c.py src/deep/d.txt"),
        ("src/", "src/b.py src/deep/c.py src/deep/d.txt"),
        ("**/deep/*", "src/deep/c.py src/deep/d.txt"),
        ("src/**/c.py", "src/deep/c.py"),
        ("**/**/c.py", "src/deep/c.py"),
        ("{a,src/b}.py", "a.py src/b.py"),
        ("?.{py,txt}", "a.py src/b.py src/deep/c.py src/deep/d.txt"),
        ("[!a].py", "src/b.py src/deep/c.py"),
        ("**", "a.py src/b.py src/deep/c.py src/deep/d.txt"),
        ("./a.py", "a.py"),
        ("A.PY", ""),
        ("", "a.py src/b.py src/deep/c.py src/deep/d.txt"),
    ],
)
def test_globs(glob, paths):
    """Stars stay within a name, two of them don't; without a slash the last part counts."""
    files = ["a.py", "src/b.py", "src/deep/c.py", "src/deep/d.txt"]
    assert [path for path in files if Glob(glob).matches(path)] == paths.split()


NAMES = st.text("ab/", min_size=1, max_size=12).filter(lambda path: all(path.split("/")))
PARTS = st.lists(st.sampled_from(["**", "*", "a", "b", "a*", "*b", "?", "*a*"]), min_size=2, max_size=5)


@given(NAMES, PARTS)
def test_a_glob_is_the_regular_expression_that_it_stands_for(path, parts):
    """Matching greedily, without going back further than the last two stars, misses nothing and adds nothing."""

    def slow(globs: list[str], names: list[str]) -> bool:
        if not globs:
            return not names
        if globs[0] == "**":
            return any(slow(globs[1:], names[count:]) for count in range(len(names) + 1))
        return bool(names) and fnmatchcase(names[0], globs[0]) and slow(globs[1:], names[1:])

    assert Glob("/".join(parts)).matches(path) == slow(parts, path.split("/"))


TEXTS = st.lists(st.text("ab \u00e9\n", max_size=9), max_size=6).map("\n".join)


@given(
    TEXTS, st.sampled_from(["a", "b+", "^a", "b$", "a.b", "[ab]{2}", "", "a*", "\u00e9", "(a|b) ", r"\bb\b", "$", "A"])
)
def test_lines_that_match_are_those_of_the_standard_library(text, pattern):
    """RE2 over a whole text finds the same lines and offsets as `re` line by line, whatever stands across lines."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()  # what follows the last newline is no line
    expected = [(n, m.start()) for n, line in enumerate(lines, 1) if (m := re.search(pattern, line, re.ASCII))]
    assert list(Expression(pattern, ignore_case=False).lines(text)) == expected


@given(TEXTS, st.text("aB\u00e9", min_size=1, max_size=3), st.booleans())
def test_plain_text_is_found_in_the_same_lines(text, wanted, ignore_case):
    """A literal search agrees with looking at each line."""
    fold = str.lower if ignore_case else str
    expected = [n for n, line in enumerate(text.split("\n"), 1) if fold(wanted) in fold(line)]
    assert [number for number, _ in Literal(wanted, ignore_case=ignore_case).lines(text)] == expected


def test_without_re2_a_pattern_is_plain_text_and_the_reply_says_so(project, target_of, ask, monkeypatch):
    """The machine decides what can be searched for, never by silence."""

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(matching, "import_module", missing)
    toolbox = Toolbox(target_of(project, "commit"))
    reply = ask(toolbox, "grep", pattern="helper(2)")
    assert "src/app.py\n5#" in reply.text
    assert "RE2 is not installed" in reply.text
    assert "RE2" not in ask(toolbox, "grep", pattern="helper").text


@pytest.mark.parametrize("pattern", ["(", "[", "a**", "(?<x>", "\\1", "(?=a)", "a{2000}", "\\", "x{1000}{1000}"])
def test_a_pattern_that_re2_refuses_is_a_short_error(pattern):
    """What can't be compiled is named, and nothing is printed."""
    with pytest.raises(ToolError, match="RE2 can't take the pattern"):
        matcher(pattern, literal=False, ignore_case=True)
    assert list(matcher(pattern, literal=True, ignore_case=False).lines(f"x{pattern}")) == [(1, 1)]


class Slow(WorkingTree):
    """A disk that takes its time for each file."""

    def read(self, path):
        time.sleep(0.05)
        return f"needle of {path}\n"


@pytest.mark.parametrize(("tool", "arguments"), [("grep", {"pattern": "needle"}), ("find_symbol", {"name": "needle"})])
def test_when_the_time_is_over_what_was_found_is_the_reply(project, ask, monkeypatch, tool, arguments):
    """A search that takes too long is cut, says so, and is no error."""
    monkeypatch.setattr(toolbox_module, "Watch", lambda: Watch(0.3))
    names = tuple(f"f{number:03}.txt" for number in range(200))
    target = replace(resolve(["."], cwd=project.root), snapshot=Slow(project.root, lambda: names), paths=())
    reply = ask(target, tool, **arguments)
    assert reply.cut
    assert not reply.is_error
    assert "the time is over and not all files were searched" in reply.text


def test_a_watch_ends_what_a_call_has_started():
    """At once when it is cancelled, and at once when it had been before."""
    watch, ended = Watch(), []
    watch.ends(lambda: ended.append("early"))
    watch.cancel()
    watch.ends(lambda: ended.append("late"))
    assert ended == ["early", "late"]
    assert watch.late
    assert watch.left_s == 0
