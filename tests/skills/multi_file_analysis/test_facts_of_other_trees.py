"""Facts about trees as redis, Symfony, Twisted and others have them, read against their code."""

import pytest

from fanfold.skills.multi_file_analysis.analyses.impact import subject_of
from fanfold.sources.beside import is_test
from fanfold.sources.outline import outline
from fanfold.sources.repo_map.facts import facts_of


def unused(tree, files):
    return tree(files).names("unreferenced")


def test_names_that_a_macro_pastes_together_are_no_candidates(tree):
    """`api_##name` makes names that stand nowhere else; one that no macro can make stays."""
    files = {
        "api.c": "#define API(name, n) \\\n  reg(#name, RM_ ## name, n##_ctl)\n"
        "int RM_Set(void) {\n  return 1;\n}\nstatic int size_ctl(void) {\n  return 2;\n}\n"
        "static int forgotten(void) {\n  return 3;\n}\nvoid init(void) { API(Set, size); }\n"
    }
    assert unused(tree, files) == ["forgotten"]


def test_a_prefix_in_quotes_names_what_begins_so(tree):
    """Dispatchers put it together far from here; a short one counts in its own file alone."""
    parser = "class P:\n    def end_tag(self):\n        return 1\n    def begin_all_text(self):\n        return 2\n"
    assert unused(tree, {"p.py": f'{parser}METHODS = methods(P, "end_", "begin_")\n'}) == []
    assert unused(tree, {"p.py": parser, "q.py": 'METHODS = methods(P, "begin_", "end_")\n'}) == ["P.end_tag"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.c", "int luaopen_thing(void *state) {\n  return 1;\n}\n"),
        ("A.java", "class A {\n  private Object readResolve() {\n    return null;\n  }\n}\nclass B { A a; B b; }\n"),
        ("a.cc", "#include <new>\nvoid operator delete(void *at) noexcept {\n  free(at);\n}\n"),
        ("a.cc", "struct S {\n  operator const char*() { return 0; }\n};\nS s;\n"),
    ],
)
def test_what_a_runtime_calls_is_no_candidate(path, text, tree):
    """Lua's loader, Java's serialization, and C++ itself know such names."""
    assert unused(tree, {path: text}) == []


@pytest.mark.parametrize(
    ("path", "bases", "found"),
    [
        ("A.php", "extends \\\\Monolog\\\\Handler implements Known", []),
        ("A.php", "implements Known", ["A.answer"]),
        ("A.java", "extends Known implements org.other.Listener<Known>", []),
        ("A.java", "extends Known<Other>", ["A.answer"]),
        ("A.cs", ": Known, IOther", []),
        ("A.cs", "", ["A.answer"]),
    ],
)
def test_a_method_of_a_class_that_derives_from_elsewhere_may_be_called(path, bases, found, tree):
    """In PHP, Java and C#; a base that the tree has would name what it calls."""
    start = "<?php\n" if path.endswith("php") else ""
    method = "public function answer()" if path.endswith("php") else "public int answer()"
    known = "interface Known {}\n" if path.endswith(("php", "cs")) else "class Known {}\n"
    text = f"{start}{known}class A {bases}\n{{\n  {method} {{\n    return 1;\n  }}\n}}\n// A Known\n"
    assert unused(tree, {path: text}) == found


def test_a_declaration_goes_with_its_definition(tree):
    """What C declares and defines is one candidate; what it only declares is one as well."""
    files = {
        "a.h": "int gone(int x);\nint nowhere(int x);\n",
        "a.c": '#include "a.h"\nint gone(int x) {\n  return x;\n}\n',
    }
    rows = tree(files).rows("unreferenced")
    assert [(place, name) for place, name, *_ in rows] == [("a.c:2", "gone"), ("a.h:2", "nowhere")]


def test_a_method_of_what_an_object_holds_may_be_asked_for(tree):
    """`class Cursor(self.driver.Cursor)` derives from elsewhere, whatever it is called itself."""
    text = "def make(self):\n    class Cursor(self.driver.Cursor):\n"
    text += "        def _warnings(self):\n            return 1\n    return Cursor\n\nmake(1)\n"
    assert unused(tree, {"a.py": text}) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("API lua_Number answer (State *L) {\n  return 1;\n}\n", "answer"),
        ("static int (*handler)(int);\nAPI State *(fresh) (int x);\n", "fresh"),
        ("int\nmain(int argc, char **argv)\n{\n  return 0;\n}\n", "main"),
    ],
)
def test_a_macro_in_front_of_a_function_does_not_take_its_name(text, name):
    """What stands right before the parameters is what a function is called, in C."""
    assert name in [one.name for one in outline("a.c", text).definitions]


@pytest.mark.parametrize(
    ("text", "qualified"),
    [
        ("API std::basic_string<typename S::char_type> format(const S& s) {\n  return s;\n}\n", "format"),
        ("struct formatter<std::pair<int, std::vector<int>>> {\n  int x;\n};\n", "formatter"),
        ("void operator delete[](void *at) noexcept {\n}\n", "operator delete[]"),
        ("bool Slice::operator<(const Slice& b) const {\n  return true;\n}\n", "Slice.operator<"),
    ],
)
def test_names_in_c_plus_plus(text, qualified):
    """No type is glued to a function's name, nested arguments are taken off, and an operator keeps its space."""
    assert qualified in [one.qualified for one in outline("a.cc", text).definitions]


def test_an_operator_of_ruby_is_a_name():
    """It is made of signs, and an alias has no colon in front."""
    text = "class A\n  def <=>(other)\n    1\n  end\n  def <<(x)\n    2\n  end\n  alias :plus :<<\nend\n"
    names = [one.name for one in outline("a.rb", text).definitions]
    assert {"<=>", "<<"} <= set(names)
    assert not [name for name in names if name.startswith(":")]


def test_the_package_at_the_root_of_a_go_module(tree):
    """Folders below import it by the module's own path."""
    files = {
        "go.mod": "module example.org/tool\nrequire (\n\texample.org/md/v2 v2.0.1\n\tgopkg.in/yaml.v3 v3.0.0\n)\n",
        "tool.go": "package tool\nfunc Run() {}\n",
        "doc/doc.go": 'package doc\nimport (\n\t"example.org/tool"\n\t"example.org/md/v2/html"\n)\n'
        "func Doc() { tool.Run(); html.Make() }\n",
    }
    found = tree(files)
    assert found.map.imports == {"doc/doc.go": ("tool.go",)}
    assert found.rows("external") == [("doc/doc.go:4", "example.org/md/v2", "go", 1, "go.mod")]


def test_an_include_has_its_line(tree):
    """`#include "near.h"` is no dotted name."""
    files = {"a.h": '// one\n#include "b.h"\n', "b.h": '// two\n// three\n#include "a.h"\n'}
    assert [place for place, *_ in tree(files).rows("cycles")] == ["a.h:2"]


def test_a_program_that_is_compiled_on_demand_comes_after_those_that_always_are(tree):
    """`main` under `#ifdef` is told with what is asked; one with its type on the line above is found."""
    files = {
        "crc.c": "#ifndef CRC_H\n#endif\n#ifdef CRC_TEST\nint main(void) { return 0; }\n#endif\n",
        "server.c": "int cdecl\nmain(int argc, char *const *argv)\n{\n  return 0;\n}\n",
    }
    assert tree(files).rows("entry-points") == [
        ("server.c:1", "server.c", "main", None),
        ("crc.c:4", "crc.c", "main, if CRC_TEST", None),
    ]


def test_central_is_what_is_imported_not_what_has_common_names(tree):
    """A name is followed to a file that is imported, or of the same package; declarations and examples come last."""
    users = {f"lib/u{n}.js": "const s = require('./core');\ns.start(node, range, node, range);\n" for n in range(5)}
    files = {
        **users,
        "lib/core.js": "exports.start = function start(a, b) { return a + b; };\n",
        "types.d.ts": "export interface All {\n  start(): void;\n  node: string;\n  range: string;\n}\n",
        "lib/odd.js": "class Odd {\n  node() {}\n  range() {}\n}\nmodule.exports = Odd;\nrequire('./core');\n",
    }
    assert tree(files).table("central").rows[0].path == "lib/core.js"


def test_what_is_central_in_go_is_of_the_package_or_imported(tree):
    """A method of another package that has a common name is nobody's."""
    files = {
        "go.mod": "module m\n",
        "a/a.go": 'package a\nimport "m/fail"\nfunc A(x T) { fail.Wrap(x.get(), x.get()) }\n',
        "b/b.go": 'package b\nimport "m/fail"\nfunc B(x T) { fail.Wrap(x.get(), x.get(), x.get()) }\n',
        "fail/fail.go": "package fail\nfunc Wrap(err error) error { return err }\n",
        "index/index.go": "package index\ntype Map struct{}\nfunc (m Map) get() int { return 1 }\n",
    }
    assert tree(files).table("central").rows[0].path == "fail/fail.go"


@pytest.mark.parametrize(
    "path",
    [
        "src/Symfony/Component/Yaml/Tests/Fixtures/a.php",
        "src/Parser/ParserTest.php",
        "Shop.Tests/OrderTests.cs",
        "Shop.Core.UnitTests/Order.cs",
        "app/src/androidTest/java/Main.kt",
        "server/src/it/java/LoginIT.java",
        "deps/hiredis/test.c",
        "lib/test_parser.rb",
        "ext/tests/001.phpt",
    ],
)
def test_tests_as_other_languages_name_them(path):
    """Folders with a capital, `FooTest.php`, projects of tests, Gradle's source sets, `test.c`."""
    assert is_test(path)


@pytest.mark.parametrize(
    "path",
    [
        "src/Contest.php",
        "src/TestCase.php",
        "src/Framework/KernelTestCase.php",
        "werkzeug/test.py",
        "src/Latest/a.cs",
        "src/UNIT.java",
    ],
)
def test_what_is_named_nearly_so_is_no_test(path):
    """Helpers of tests, and words that end alike."""
    assert not is_test(path)


def test_a_php_folder_that_helps_to_test_is_no_test(tree):
    """`Test/` with nothing in it that is named like a test is there for the tests of others."""
    files = {
        "Bundle/Test/Client.php": "<?php\nclass Client {\n  private function reset() {\n    return 1;\n  }\n}\n",
        "Bundle/Tests/AppTest.php": "<?php\nclass AppTest {\n  private function help() {\n"
        "    return new Client();\n  }\n}\n",
    }
    assert unused(tree, files) == ["Client.reset"]


def test_a_manifest_is_read_whoever_wrote_it(tree):
    """Cargo writes "automatically generated" over the Cargo.toml that it publishes: it still says what this is."""
    said = "# THIS FILE IS AUTOMATICALLY GENERATED BY CARGO\n# This file is automatically generated by Cargo.\n"
    files = {
        "Cargo.toml": f'{said}[package]\nname = "tool"\n'
        '[[bin]]\nname = "tool-cli"\npath = "src/main.rs"\n[dependencies]\nbstr = "1"\n',
        "src/main.rs": "use tool::run;\nuse bstr::x;\nfn main() { run(x) }\n",
        "src/lib.rs": "pub fn run(x: i32) {}\n",
    }
    found = tree(files)
    assert found.rows("external") == [("src/main.rs:2", "bstr", "rust", 1, "Cargo.toml")]
    assert "tool-cli" in found.names("entry-points")


def test_places_that_only_speak_of_it_are_no_surface(tree):
    """Strings, prose that ends in .ru, and a command of a command line parser."""
    files = {
        "a.c": 'void f(int s) {\n  log("bind() to %V failed", s);\n  bind(s, 0, 0);\n}\n',
        "CHANGES.ru": "*) Bugfix: Interrupted system call (error).\n",
        "cli.rs": 'fn cli() {\n    let c = Command::new("git");\n}\n',
        "run.rs": 'use std::process::Command;\nfn run() {\n    Command::new("git").spawn();\n}\n',
    }
    assert [place for place, *_ in tree(files).rows("surface")] == ["run.rs:3", "a.c:3"]


def test_the_public_api_of_headers(tree):
    """Guards are no API, what is below include/ comes first, and a typedef of a struct is one thing."""
    files = {
        "src/own.h": "#ifndef OWN_H\n#define OWN_H\n\nint own(void);\n#endif\n",
        "include/lib/api.h": "#ifndef API_H_\n#define API_H_ 1\n"
        "typedef struct list {\n  int n;\n} list;\n#define API_LEVEL 3\n#endif\n",
    }
    assert tree(files).names("api") == ["list", "API_LEVEL", "own"]


def test_overloads_are_one_name(tree):
    """Of a name that is declared for type checkers as well, the definition is shown."""
    text = "from typing import overload\n@overload\ndef f(x: int) -> int: ...\n"
    text += "@overload\ndef f(x: str) -> str: ...\ndef f(x):\n    return x\n"
    assert [row.line for row in tree({"a.py": text}).table("api").rows] == [6]


def test_a_function_within_another_is_no_gap_of_tests(tree):
    """No test can name it."""
    inner = "".join(f"        x = {n}\n" for n in range(8))
    files = {
        "shop/a.py": f"def outer():\n    def inner():\n{inner}    return inner\n",
        "tests/test_a.py": "from shop.a import outer\n\ndef test_it():\n    outer()\n",
    }
    assert tree(files).names("untested-functions") == []


def test_a_change_of_everything_is_looked_up_in_little_time(tree, monkeypatch):
    """Who can know a file is found out once for each file, however much is defined in it."""
    from fanfold.skills.multi_file_analysis.analyses.sources import Subject
    from fanfold.sources.repo_map import graph

    files = {f"m{n}.py": "".join(f"def name_{n}_{k}():\n    return {k}\n" for k in range(20)) for n in range(5)}
    found = tree({**files, "top.py": "".join(f"from m{n} import name_{n}_1\nname_{n}_1()\n" for n in range(5))})
    asked = []
    distances = graph.distances

    def counted(edges, start):
        asked.append(start)
        return distances(edges, start)

    monkeypatch.setattr(graph, "distances", counted)
    rows = found.rows("impact", subject=Subject(changed=dict.fromkeys(files, ())))
    assert sum(row[1] == "uses it" for row in rows) == 10
    assert len(asked) <= len(files) + 2


def impact(found, question):
    return found.rows("impact", subject=subject_of(question, found.map))


def test_who_calls_what_a_script_exports_without_a_name(tree):
    """It is called as its file is, or as the folder of an index."""
    files = {
        "lib/makeThing.js": "module.exports = (a, b) => {\n  return a + b;\n};\n",
        "lib/tool/index.js": "export default function () {\n  return 1;\n}\n",
        "lib/user.js": 'const makeThing = require("./makeThing");\n'
        'const tool = require("./tool");\nmakeThing(1, tool());\n',
    }
    found = tree(files)
    assert ("lib/user.js:3", "uses it", 1, "makeThing(1, tool());", "code") in impact(found, "makeThing")
    assert ("lib/makeThing.js:1", "is changed", 0, "exports", "code") in impact(found, "makeThing")
    assert ("lib/user.js:3", "uses it", 1, "makeThing(1, tool());", "code") in impact(found, "who calls `tool`?")


def test_methods_that_may_override_one_are_reached(tree):
    """Those of the same name in files that can know it; constructors are everybody's."""
    base = "class Pool:\n    def __init__(self):\n        pass\n    def get(self):\n        return 1\n"
    files = {
        "base.py": base,
        "impl.py": "from base import Pool\nclass Queue(Pool):\n    def __init__(self):\n        pass\n"
        "    def get(self):\n        return 2\n",
        "other.py": "class Other:\n    def get(self):\n        return 3\n",
    }
    found = tree(files)
    assert [row for row in impact(found, "Pool.get") if row[1] == "may override it"] == [
        ("impl.py:5", "may override it", 1, "Queue.get", "code")
    ]
    assert not [row for row in impact(found, "Pool.__init__") if row[1] == "may override it"]


def test_a_method_is_no_question_about_its_class(tree):
    """`Class::method` and `Class#method` name one thing."""
    found = tree({"A.php": "<?php\nclass Sender {\n  function send() {\n    return 1;\n  }\n}\n"})
    assert subject_of("What calls Sender::send?", found.map).symbols == ("Sender::send",)
    assert subject_of("Sender#send", found.map).symbols == ("Sender#send",)


def test_uses_beyond_what_is_shown_of_a_file_are_counted(tree):
    """The last line that is shown says how many more there are."""
    calls = "".join(f"f({n})\n" for n in range(60))
    found = tree({"a.py": "def f(x):\n    return x\n", "b.py": f"from a import f\n{calls}"})
    uses = [row for row in impact(found, "`f`") if row[1] == "uses it"]
    assert not uses  # of a name of fewer than three letters nothing is told
    found = tree({"a.py": "def fun(x):\n    return x\n", "b.py": f"from a import fun\n{calls.replace('f(', 'fun(')}"})
    uses = [row for row in impact(found, "`fun`") if row[1] == "uses it"]
    assert len(uses) == 50
    assert uses[-1][3] == "fun(48) … and on 11 more lines"


def test_comments_for_tools_do_not_say_what_a_file_is():
    """Build constraints and magic comments stand above what a person wrote."""
    go = "//go:build linux\n// +build linux\n\n// Package a does things.\npackage a\n"
    assert facts_of("a.go", go).doc == "Package a does things."
    assert facts_of("a.rb", "# frozen_string_literal: true\n\nclass A\nend\n").doc == ""
    assert facts_of("a.rs", "// Std\nuse std::env;\n").doc == ""
    assert facts_of("a.rs", "// Reads what is set.\nuse std::env;\n").doc == "Reads what is set."
    assert facts_of("a.rb", "# frozen_string_literal: true\n# Says who.\nclass A\nend\n").doc == "Says who."


def test_a_page_of_the_manual_is_prose(tree):
    """Its section is no language."""
    assert tree({"doc/tool.1": ".TH tool 1\n", "a.py": "x = 1\n"}).map.files["doc/tool.1"].facts.language == "man"
