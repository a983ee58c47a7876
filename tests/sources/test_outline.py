"""Outlines: what a file defines, imports and uses, in every language, whatever the text is."""

import ast
import enum
import inspect
import sys
import textwrap
import threading
import typing
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.pack import how_to_install
from fanfold.sources import outline as package
from fanfold.sources.outline import Outline, Reading, enclosing, language_of, outline, read, skim
from fanfold.sources.outline import grammar as grammars
from fanfold.sources.outline.languages import BY_NAME, GRAMMARS

SAMPLES = Path(__file__).parent / "outline_samples"
# For each sample: some of what it defines (kind, qualified name, first and last line), and what it imports.
EXPECTED = {
    "sample.py": (
        [
            ("constant", "LIMIT", 9, 9),
            ("class", "Cart", 12, 27),
            ("variable", "Cart.items", 16, 16),
            ("method", "Cart.total", 18, 21),
            ("method", "Cart.load", 23, 27),
            ("function", "Cart.load.inner", 25, 26),
            ("function", "checkout", 30, 31),
        ],
        [("os", None, "os"), ("a.b", None, "ab"), (".shop", "Item", "Thing"), ("..", "*", "")],
    ),
    "sample.js": (
        [
            ("variable", "LIMIT", 6, 6),
            ("class", "Cart", 9, 14),
            ("method", "Cart.total", 11, 13),
            ("function", "checkout", 16, 16),
            ("function", "Cart.clear", 18, 18),
            ("function", "help", 19, 19),
        ],
        [
            ("./shop", "default", "shop"),
            ("./items", "Item", "Item"),
            ("./items", "price", "cost"),
            ("./tax", None, "tax"),
            ("./setup", None, ""),
            ("fs", "readFile", "read"),
            ("./again", "*", ""),
            ("./again", "Item", "Thing"),
        ],
    ),
    "sample.tsx": (
        [
            ("interface", "Props", 3, 5),
            ("variable", "Props.name", 4, 4),
            ("type", "Id", 6, 6),
            ("enum", "Kind", 7, 9),
            ("class", "Base", 11, 13),
            ("method", "Base.render", 12, 12),
            ("function", "Hello", 16, 16),
        ],
        [("react", None, "React")],
    ),
    "sample.go": (
        [
            ("constant", "Limit", 8, 8),
            ("struct", "Cart", 11, 13),
            ("interface", "Priced", 15, 17),
            ("method", "Priced.Price", 16, 16),
            ("method", "Cart.Total", 20, 22),
            ("function", "New", 24, 24),
        ],
        [("net/http", None, "http"), ("example.com/shop/v2", None, "shop"), ("example.com/tax", None, "t")],
    ),
    "sample.rs": (
        [
            ("struct", "Cart", 6, 9),
            ("method", "Cart.total", 13, 15),
            ("interface", "Priced", 18, 20),
            ("method", "Priced.price", 19, 19),
            ("macro", "cart", 22, 22),
            ("module", "tests", 24, 27),
            ("function", "tests.adds", 25, 26),
        ],
        [
            ("std::collections", "HashMap", "HashMap"),
            ("crate", "shop", "shop"),
            ("crate::shop", "Item", "Thing"),
            ("crate::tax", "*", ""),
            ("price", None, "price"),
        ],
    ),
    "sample.java": (
        [
            ("class", "Cart", 7, 17),
            ("variable", "Cart.items", 8, 8),
            ("method", "Cart.Cart", 10, 10),
            ("method", "Cart.total", 13, 15),
            ("enum", "Cart.Kind", 16, 16),
            ("constant", "Cart.Kind.OPEN", 16, 16),
        ],
        [("java.util", "List", "List"), ("shop.tax", "*", "")],
    ),
    "sample.c": (
        [
            ("macro", "LIMIT", 4, 4),
            ("type", "cart_t", 6, 8),
            ("struct", "cart", 6, 8),
            ("function", "total", 11, 17),
            ("function", "name", 20, 24),
            ("variable", "count", 26, 26),
        ],
        [("stdio.h", "*", ""), ("cart.h", "*", "")],
    ),
    "sample.cpp": (
        [
            ("module", "shop", 3, 17),
            ("class", "shop.Cart", 4, 10),
            ("method", "shop.Cart.total", 6, 6),
            ("function", "shop.largest", 12, 15),
            ("function", "shop.Cart.clear", 19, 19),
        ],
        [("vector", "*", "")],
    ),
    "sample.rb": (
        [
            ("module", "Shop", 3, 17),
            ("class", "Shop.Cart", 5, 16),
            ("constant", "Shop.Cart.LIMIT", 6, 6),
            ("method", "Shop.Cart.total", 9, 11),
            ("method", "Shop.Cart.load", 13, 15),
        ],
        [("json", None, ""), ("./item", None, "")],
    ),
    "sample.php": (
        [
            ("class", "Cart", 10, 18),
            ("variable", "Cart.items", 12, 12),
            ("method", "Cart.total", 14, 17),
            ("function", "checkout", 20, 20),
        ],
        [
            ("App\\Tax", "Rate", "Rate"),
            ("App\\Shop", "Item", "Thing"),
            ("App\\Util", "One", "One"),
            ("App\\Util", "Two", "Two"),
            ("setup.php", None, ""),
        ],
    ),
    "sample.cs": (
        [
            ("module", "Shop", 4, 15),
            ("class", "Shop.Cart", 7, 12),
            ("variable", "Shop.Cart.Items", 9, 9),
            ("method", "Shop.Cart.Total", 11, 11),
            ("interface", "Shop.IPriced", 14, 14),
        ],
        [("System", "*", ""), ("System.Text.Json", None, "Json")],
    ),
}


def code_of(name: str) -> str:
    return (SAMPLES / f"{name.partition('.')[2]}.txt").read_text(encoding="utf-8")


def sample(name: str) -> Outline:
    return outline(name, code_of(name))


@pytest.mark.parametrize("name", EXPECTED)
def test_what_each_language_defines_and_imports(name):
    """Definitions with their names and lines, decorators and attributes included; imports with what they bind."""
    found = sample(name)
    definitions = [(d.kind, d.qualified, d.line, d.end_line) for d in found.definitions]
    expected, imports = EXPECTED[name]
    assert [one for one in definitions if one in expected] == expected, definitions
    assert [(i.module, i.name, i.bound) for i in found.imports] == imports
    assert found.method == ("ast" if name.endswith(".py") else "tree-sitter")
    assert found.note == ""


def test_every_grammar_has_a_sample_and_its_queries_compile():
    """No language is known by name alone: each grammar loads with the queries that are written for it."""
    assert {grammar.name for grammar in GRAMMARS if isinstance(grammars.load(grammar), str)} == set()
    languages = {language_of(name) for name in EXPECTED}
    assert {*languages, "typescript"} == set(BY_NAME)


@pytest.mark.parametrize("name", EXPECTED)
def test_signatures_docs_and_uses_in_each_language(name):
    """In every sample `total` says what it takes and what it is for, and calls `price`."""
    found = sample(name)
    if name == "sample.tsx":
        total = found.definitions_of("Hello")[0]
        assert "name" in total.signature
    else:
        total = found.definitions_of("Total" if name in {"sample.go", "sample.cs"} else "total")[0]
        assert "total" in total.signature.lower()
        uses = [use for spelled in ("price", "Price") for use in found.references_to(spelled) if use.call]
        assert uses, [r.name for r in found.references]
        assert all(total.line <= line for use in uses for line in use.lines)
    assert total.doc.startswith(("Add up", "Greet")), total
    assert "\n" not in total.signature
    assert not total.signature.endswith(("{", ":"))


def test_a_reference_says_how_a_name_is_used():
    """Calls, attributes and what they are taken of; what is defined, imported or assigned is no use."""
    found = outline("a.py", "import os\nx = os.path.join(y, os.sep)\ny.go()\nf(1)(2).go\nx\n")
    uses = {(r.name, r.call, r.attribute, r.receiver): r.lines for r in found.references}
    assert uses == {
        ("os", False, False, ""): (2,),
        ("path", False, True, "os"): (2,),
        ("join", True, True, "os.path"): (2,),
        ("sep", False, True, "os"): (2,),
        ("y", False, False, ""): (2, 3),
        ("go", True, True, "y"): (3,),
        ("f", True, False, ""): (4,),
        ("go", False, True, ""): (4,),
        ("x", False, False, ""): (5,),
    }
    assert [r.receiver for r in found.references_to("go")] == ["", "y"]


def test_the_same_uses_are_seen_by_grammar_and_by_indentation():
    """A weaker method finds the same calls where nothing but code is in the file."""
    code = "function f(a) {\n  g(a)\n  a.go(b)\n}\n"
    by_grammar = {(r.name, r.call, r.receiver) for r in outline("a.js", code).references}
    by_indentation = {(r.name, r.call, r.receiver) for r in outline("a.unknown", code).references}
    assert by_grammar <= by_indentation
    assert {("g", True, ""), ("go", True, "a"), ("b", False, "")} <= by_grammar


def test_the_innermost_definition_encloses():
    """A line in a method is the method's, one between methods the class's, one at the top level nobody's."""
    found = sample("sample.py")

    def name_at(line: int, end_line: int) -> str | None:
        definition = enclosing(found, line, end_line)
        return definition.qualified if definition else None

    assert name_at(26, 26) == "Cart.load.inner"
    assert name_at(24, 25) == "Cart.load"
    assert name_at(18, 18) == "Cart.total"
    assert name_at(16, 16) == "Cart"
    assert name_at(20, 24) == "Cart"
    assert name_at(9, 9) == "LIMIT"
    assert name_at(12, 31) is None
    assert name_at(1, 10_000) is None


def test_definitions_are_found_by_name_and_by_the_end_of_their_qualified_name():
    """`Cart.total` and `total` name it, `art.total` does not."""
    found = sample("sample.py")
    assert [d.qualified for d in found.definitions_of("total")] == ["Cart.total"]
    assert [d.qualified for d in found.definitions_of("load.inner")] == ["Cart.load.inner"]
    assert found.definitions_of("art.total") == ()


def test_python_that_does_not_parse_is_read_by_the_grammar():
    """A file in the middle of an edit still has its functions, and the outline says how it was read."""
    code = "def whole():\n    return 1\n\ndef broken(:\n    pass\n\nclass After:\n    def method(self):\n        pass\n"
    found = outline("a.py", code)
    assert found.method == "tree-sitter"
    assert "does not parse" in found.note
    assert {"whole", "After", "After.method"} <= {d.qualified for d in found.definitions}


def test_without_a_grammar_indentation_has_to_do_and_says_so(monkeypatch):
    """The extra is optional: what is missing is named together with how to get it."""
    monkeypatch.setitem(sys.modules, "tree_sitter_go", None)
    grammars.load.cache_clear()
    try:
        found = sample("sample.go")
        missing = outline("a.py", "def f(:\n    pass\n")
    finally:
        grammars.load.cache_clear()
    assert found.method == "indentation"
    assert found.note == f"tree-sitter-go is not installed: {how_to_install('grammars')}"
    assert {"Cart", "Total", "New"} <= {d.name for d in found.definitions}
    assert missing.method == "tree-sitter"


def test_a_grammar_of_another_version_is_said_and_survived(monkeypatch):
    """A query that no longer fits its grammar costs the grammar, not the run."""
    monkeypatch.setattr(grammars, "_query", lambda _: "(no_such_node) @name")
    grammars.load.cache_clear()
    try:
        found = outline("a.go", "func New() int { return 1 }\n")
    finally:
        grammars.load.cache_clear()
    assert found.method == "indentation"
    assert "of a version that fanfold can't use" in found.note


def test_blocks_of_a_language_without_a_grammar():
    """Words that languages share, and what stands at the left margin; a closing line belongs to its block."""
    kotlin = """\
    package shop

    /** Counts. */
    class Cart(val items: List<Item>) {
        // Add up.
        fun total(rate: Double): Double {
            if (rate > 1) {
                return 0.0
            }
            return items.sum()
        }
    }
    """
    found = outline("a.kt", textwrap.dedent(kotlin))
    spans = [(d.kind, d.qualified, d.line, d.end_line) for d in found.definitions]
    assert ("class", "Cart", 4, 12) in spans
    assert ("method", "Cart.total", 6, 11) in spans
    assert found.definitions_of("Cart.total")[0].doc == "Add up."
    assert found.method == "indentation"
    yaml = outline("ci.yml", "on: push\njobs:\n  build:\n    steps:\n      - run: make\nenv:\n  A: 1\n")
    assert [(d.name, d.line, d.end_line) for d in yaml.definitions] == [("jobs", 2, 5), ("env", 6, 7)]


def test_branches_of_the_preprocessor_need_not_balance_together():
    """A brace that opens in both branches and closes once still leaves a function; the other branch is kept too."""
    code = "#ifdef A\nint f(int a) {\n#else\nint g(int a) {\n#endif\n  return h(a);\n}\n\nint k(void) { return 2; }\n"
    found = outline("a.c", code)
    assert [(d.name, d.line, d.end_line) for d in found.definitions if d.name in {"f", "k"}] == [
        ("f", 2, 7),
        ("k", 9, 9),
    ]
    assert found.references_to("h")[0].lines == (6,)


def test_lines_are_those_of_git():
    """CRLF, a lone CR, a form feed and a byte order mark move no line."""
    for text in ("\ufeffx = 1\r\n\r\ndef f():\r\n    pass\r\n", "x = 1\f\n\ndef f():\n    pass\n"):
        assert [(d.name, d.line, d.end_line) for d in outline("a.py", text).definitions][-1] == ("f", 3, 4)
    lone = outline("a.py", "x = 1\r\n# a\rb\r\ndef f():\r\n    pass\r\n")
    assert lone.method == "tree-sitter"
    assert lone.definitions_of("f")[0].line == 3


@pytest.mark.parametrize(
    ("path", "text", "language"),
    [
        ("a.PY", "", "python"),
        ("bin/run", "#!/usr/bin/env python3\n", "python"),
        ("bin/run", "#!/usr/bin/node\n", "javascript"),
        ("a.h", "struct a;\n", "c"),
        ("a.h", "namespace a {\n", "cpp"),
        ("a.inc", "<?php\n", "php"),
        ("a.inc", "x\n", "inc"),
        ("Rakefile", "", "ruby"),
        ("Makefile", "", ""),
        ("a.kt", "", "kt"),
    ],
)
def test_the_language_of_a_file(path, text, language):
    """By extension, by name, by its first line; a header by what it holds."""
    assert language_of(path, text) == language


DEEP = 100_000
HOSTILE = {
    "brackets": "(" * DEEP,
    "balanced brackets": "x = " + "[" * DEEP + "]" * DEEP,
    "signs": "x = " + "-" * DEEP + "1",
    "a chain": "x = a" + ".a" * DEEP,
    "a sum": "x = 1" + " + 1" * 20_000,
    "calls": "f(" * 20_000 + ")" * 20_000,
    "angles": "A<" * DEEP,
    "elif": "if x:\n pass\n" + "elif x:\n pass\n" * 5_000,
    "classes": "class A {" * 5_000,
    "NUL": "def f():\n  pass\n\0\n" * 50,
    "replacement characters": "\ufffd" * 10_000,
    "lone surrogates": "def \ud800(): pass\nclass A: pass\n",
    "one line": "var a=function(){return b(c)};" * 10_000,
    "more than is parsed": "x=f(1);" * 300_000,
    "directives": "#if A\n" * 20_000,
    "nothing": "",
    "white space": " \n\t\n" * 20_000,
}


# Each kind of statement and expression that holds names in a way of its own.
PIECES = [
    "from . import (a, b as c)",
    "import x.y, z",
    "@deco(1, key=value, **more)\ndef f(one: A, *two: B, k=D(), **three) -> C: return one.two(three)[four:five, ...]",
    "class K(Base, metaclass=Meta):\n    x: int = y; z = w",
    "async def g(): return [await a async for a in b if c]",
    "lambda q: {**r, s: t, **{u for u in v}}",
    "def h():\n    global i\n    del i.j, k",
    "match k:\n    case L(m, n=o) | {'p': q, **r} if s: t\n    case [*_, u.v]: w\n    case None | X() as y: pass",
    "try: a = b\nexcept (E, F.G) as e: raise H from e\nfinally: assert I, J",
    "with I() as i, j.k: f'{l!r:{m}} {n.o}'",
    "x = y if z else (p := q)",
    "if r < s <= t and not u: pass\nelif v: -w",
    "for a, *b in c.d: e += f; yielded = [(yield g), (yield from h)]",
    "def f(): '''Does it.'''",
    "\tno Python",
]


@given(st.lists(st.sampled_from(PIECES)))
def test_a_quicker_look_finds_the_same_names(pieces):
    """Without signatures, and without where and how names are used; whatever the language, and whether it parses."""
    text = "\n".join(pieces) + "\n"
    for path in ("a.py", "a.js", "a.lua"):
        assert skim(path, text) == read(path, text).skim()


def test_no_use_is_overlooked():
    """Names are counted as they are by the standard library's own, slower walk over everything."""
    for text in ("\n".join(PIECES[:-1]), *map(inspect.getsource, (ast, enum, typing))):
        nodes = list(ast.walk(ast.parse(text)))
        names = [node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store)]
        attributes = [node.attr for node in nodes if isinstance(node, ast.Attribute)]
        assert skim("a.py", text).uses == Counter(names + attributes)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_text_is_too_much(text):
    """Whatever a file holds, every language has an outline of it whose lines exist."""
    for extension in ("py", "js", "rs", "cpp", "cs", "lua"):
        found = outline(f"a.{extension}", text)
        assert all(1 <= d.line <= d.name_line <= d.end_line <= max(found.lines, 1) for d in found.definitions)
        assert enclosing(found, 1, 1) is None or found.definitions


@given(
    st.text(alphabet="defclas fn(){}[]<>;:=.,#@'\"\\\n\t/*ab12é\0\r", max_size=200), st.sampled_from(sorted(BY_NAME))
)
def test_any_text_has_an_outline(text, language):
    """Definitions and uses lie on lines of the file; the same text has the same outline."""
    extension = {"c-sharp": "cs", "python": "py", "javascript": "js", "ruby": "rb", "rust": "rs"}.get(
        language, language
    )
    found = outline(f"a.{extension}", text)
    lines = text.count("\n") + 1
    assert all(1 <= d.line <= d.end_line <= lines for d in found.definitions)
    assert all(1 <= line <= lines for r in found.references for line in r.lines)
    assert found == outline(f"a.{extension}", text)


@given(
    st.lists(st.sampled_from(["def f(a, b=1):", "class A:", "    def g(self):", "        return h(1)", "    x = 1"]))
)
def test_the_grammar_and_the_parser_see_the_same_python(lines):
    """Where Python parses, tree-sitter finds the same functions and classes on the same lines."""
    code = "\n".join(lines) + "\n"
    try:
        ast.parse(code)
    except SyntaxError:
        return
    by_parser = outline("a.py", code)
    reading = grammars.read_grammar(code, BY_NAME["python"])
    assert isinstance(reading, Reading)
    by_grammar = reading.outline("a.py")

    def bodies(found: Outline) -> list[tuple[object, ...]]:
        kinds = {"function", "method", "class"}
        return [(d.kind, d.qualified, d.line, d.end_line) for d in found.definitions if d.kind in kinds]

    assert bodies(by_parser) == bodies(by_grammar)


def test_several_threads_may_ask_at_once():
    """Nothing is shared between calls but the loaded grammars; warnings stay as they were."""
    texts = [code_of(name) + "\n" for name in EXPECTED] + ["x = '\\d'\n"]
    names = [*EXPECTED, "warns.py"]
    expected = [outline(name, text) for name, text in zip(names, texts, strict=True)]
    results: list[list[Outline]] = []

    def work() -> None:
        results.append([outline(name, text) for name, text in zip(names, texts, strict=True)])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 4


def test_the_version_is_a_key():
    """What is kept of outlines is kept under the version of what made them."""
    assert package.VERSION


@pytest.mark.parametrize(
    ("path", "text", "branches"),
    [
        ("a.py", "def f(a):\n    for b in a:\n        if b and a:\n            return 1\n", 3),
        ("a.js", "function f(a) { for (const b of a) { if (b && a) return 1 } }", 3),
        ("a.ts", "const f = (a: number) => a ? 1 : 2;", 1),
        ("a.go", "package a\nfunc f(a int) { for { if a > 1 || a < 0 { return } } }", 3),
        ("a.rs", "fn f(a: i32) { while a > 1 { match a { 1 => 2, _ => 3 }; } }", 3),
        ("A.java", "class A { int f(int a) { while (a > 1) { if (a > 2) a--; } return a > 1 ? 1 : 2; } }", 3),
        ("a.c", "int f(int a) { switch (a) { case 1: return 1; default: return a && 2; } }", 3),
        ("a.cpp", "int f(V a) { for (int b : a) try { g(); } catch (E e) { } return 1; }", 2),
        ("a.rb", "def f(a)\n  return 1 if a and b\n  while a do g end\nend\n", 3),
        ("a.php", "<?php function f($a) { foreach ($a as $b) { if ($b && $a) return 1; } }", 3),
        ("A.cs", "class A { int F(int a) { foreach (var b in a) if (b > 1) return 1; return a ?? 2; } }", 2),
        ("a.lua", "if a then b() end", 0),
    ],
)
def test_branches_are_counted(path, text, branches):
    """Where a program branches, in each language that is parsed: loops, conditions, cases, handlers, `and` and `or`."""
    assert read(path, text).branches == branches


@pytest.mark.parametrize(
    ("path", "text", "doc"),
    [
        ("a.py", '"""What it does.\n\nMore."""\n', "What it does."),
        ("a.py", "x = 1\n", ""),
        ("a.py", '"""\n****\nLong\n****\n\nBase errors.\n"""\n', "Base errors."),
        ("a.py", '"""\nNetworkX\n========\n\nIs a package\nfor graphs.\n\nSee it.\n"""\n', "Is a package for graphs."),
        ("a.py", '"""Title\n-----\nRight below.\n"""\n', "Right below."),
        ("a.py", '"""\n.. module:: a\n   :platform: x\n\nReads files.\n"""\n', "Reads files."),
        ("a.py", '"""\nOnly a title\n============\n\nParameters\n----------\nx : int\n"""\n', "Only a title"),
        ("a.py", '"""\n=====\n"""\n', ""),
        ("a.py", '"""Counts --- and adds.\n\nMore\n----\n"""\n', "Counts --- and adds."),
        (
            "a.py",
            "#!/usr/bin/python\n# -*- coding: utf-8 -*-\n# pylint: disable=x\n# Notes on it.\n\nimport os\n",
            "Notes on it.",
        ),
        ("a.py", "# Copyright 2020 A.\n\n# What it does:\n#\n# more\n\nimport os\n", "What it does:"),
        ("a.py", "# Standard library first\nimport os\n", ""),
        ("a.py", '# A comment above it.\n"""The docstring."""\n', "The docstring."),
        ("a.js", "// Copyright 2020 A. B.\n\n/**\n * Draws shapes.\n */\nlet a = 1;\n", "Draws shapes."),
        ("a.go", "// Package a counts.\npackage a\n", "Package a counts."),
        ("a.rs", "//! Reads files.\nuse std;\n", "Reads files."),
        ("a.sh", "#!/bin/sh\n# Starts it.\nrun\n", "Starts it."),
        ("a.js", "let a = 1;\n// not the file's\n", ""),
    ],
)
def test_what_a_file_says_of_itself(path, text, doc):
    """The docstring of a module without adorned titles, or the comment on top that is no licence."""
    assert read(path, text).doc == skim(path, text).doc == doc
