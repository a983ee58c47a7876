"""Whether a file parses: no fault in what is sound, one at least in what is broken, none told of what has no parser."""

import pytest

from fanfold.sources.outline import LARGEST, grammar
from fanfold.sources.syntax import faults

SOUND = {
    "a.py": "def f(x):\n    return x is 1\n",
    "a.pyi": "def f(x: int) -> str: ...\n",
    "a.json": '{"a": [1, 2]}\n',
    "a.toml": "[a]\nb = 1\n",
    "a.yaml": "a: !Ref b\n---\nc: *d\n".replace("*d", "1"),
    "a.js": "function f(x) { return x; }\n",
    "a.ts": "function f(x: number): number { return x; }\n",
    "a.tsx": "const f = (x: number) => <b>{x}</b>;\n",
    "a.go": "package a\n\nfunc f(x int) int { return x }\n",
    "a.rs": "fn f(x: i32) -> i32 { x }\n",
    "A.java": "class A { int f(int x) { return x; } }\n",
    "a.c": "int f(int x) { return x; }\n",
    "a.cpp": "namespace a { int f(int x) { return x; } }\n",
    "a.rb": "def f(x)\n  [x]\nend\n",
    "a.php": "<?php\nfunction f($x) { return $x; }\n",
    "A.cs": "class A { int F(int x) { return x; } }\n",
}
BROKEN = {
    "a.py": "return 1\n",
    "a.pyi": "def f(\n",
    "a.json": '{"a": 1,}\n',
    "a.toml": "a = \n",
    "a.yaml": "a: [1\n",
    "a.rb": "def f(x)\n  [x\nend\n",
}


@pytest.mark.parametrize("name", SOUND)
def test_what_is_sound_has_no_fault(name):
    """A warning is none, and neither is what a file refers to elsewhere."""
    assert faults(name, SOUND[name]) == 0


@pytest.mark.parametrize("name", SOUND)
def test_what_is_broken_has_one(name):
    """A bracket that is missing, or what only a compiler sees."""
    broken = BROKEN.get(name) or SOUND[name].replace(")", "", 1)
    assert (faults(name, broken) or 0) >= 1


@pytest.mark.parametrize("text", ["\0", "(" * 5_000, "\ud800", "x" * 10])
@pytest.mark.parametrize("name", ["a.py", "a.json", "a.toml", "a.yaml", "a.js", "a.rs"])
def test_any_text_has_an_answer(name, text):
    """No text makes a parser fail in a way that is not counted."""
    assert (faults(name, text) or 0) >= 0


def test_what_has_no_parser_is_not_judged(monkeypatch):
    """None for prose, for what is too large, and for a language whose grammar is not installed."""
    assert faults("notes.txt", "((((") is None
    assert faults("a.py", "x = 1\n" * (LARGEST // 6 + 1)) is None
    monkeypatch.setattr(grammar, "load", lambda wanted: f"{wanted.name} is not installed")
    assert faults("other.go", "package a\n") is None
