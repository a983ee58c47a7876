"""Where imports lead, language by language; what can't be told for certain leads nowhere."""

import pytest

from fanfold.sources.repo_map.facts import facts_of
from fanfold.sources.repo_map.resolve import MANIFESTS, import_edges
from fanfold.sources.repo_map.values import MappedFile


def edges(texts):
    files = {path: MappedFile(path, "", len(text), facts_of(path, text)) for path, text in sorted(texts.items())}
    manifests = {path: text for path, text in texts.items() if path.rpartition("/")[2] in MANIFESTS}
    return import_edges(files, manifests)


@pytest.mark.parametrize(
    ("path", "text", "others", "targets"),
    [
        # relative, up, from a package, a module of a package
        ("a/b/c.py", "from . import d", ["a/b/__init__.py", "a/b/d.py"], ("a/b/d.py",)),
        ("a/b/c.py", "from ..e import f", ["a/e.py"], ("a/e.py",)),
        ("a/__init__.py", "from .b import c", ["a/b.py"], ("a/b.py",)),
        ("a/b.py", "from ... import c", ["c.py"], ()),
        # absolute: from the root, from src, from a project within, from the folder of a program
        ("tests/t.py", "import a.b", ["a/__init__.py", "a/b.py"], ("a/b.py",)),
        ("tests/t.py", "from a.b import C", ["src/a/b.py"], ("src/a/b.py",)),
        ("one/t.py", "import two.b", ["libs/two/src/two/b.py", "libs/two/pyproject.toml"], ("libs/two/src/two/b.py",)),
        ("tools/run.py", "import helper", ["tools/helper.py", "other/helper.py"], ("tools/helper.py",)),
        # namespace packages have no __init__.py
        ("a/x.py", "from ns.part import y", ["ns/part/y.py"], ("ns/part/y.py",)),
        # inside a package, a name is never that of a module beside: that was Python 2
        ("a/x.py", "import json", ["a/__init__.py", "a/json.py"], ()),
        # of the standard library, unless the file runs beside it
        ("x/y.py", "import types", ["src/types.py"], ()),
        # nobody can tell which of two
        ("x/y.py", "import cfg", ["src/cfg.py", "lib/cfg.py"], ()),
        ("x/y.py", "import numpy.linalg", ["x/z.py"], ()),
    ],
)
def test_python(path, text, others, targets):
    """By what Python's import system does, from the folders that a name may start at."""
    assert edges({path: text, **dict.fromkeys(others, "")}).get(path, ()) == targets


def test_a_name_of_a_package_comes_before_its_module():
    """`from a import b` is what a/__init__.py binds to b; the module a.b only when it binds nothing."""
    texts = {"a/__init__.py": "from .b import b", "a/b.py": "def b(): ...", "x.py": "from a import b"}
    assert edges(texts)["x.py"] == ("a/__init__.py",)
    assert edges({**texts, "a/__init__.py": ""})["x.py"] == ("a/b.py",)


@pytest.mark.parametrize(
    ("path", "text", "others", "targets"),
    [
        ("a/b.ts", 'import {x} from "./c"', {"a/c.tsx": ""}, ("a/c.tsx",)),
        ("a/b.ts", 'import {x} from "./c.js"', {"a/c.ts": ""}, ("a/c.ts",)),
        ("a/b.js", 'const x = require("..")', {"index.js": ""}, ("index.js",)),
        ("a/b.js", 'export * from "../lib"', {"lib/index.ts": "", "lib.css": ""}, ("lib/index.ts",)),
        ("a/b.js", 'import "../../c"', {"c.js": ""}, ()),
        ("a/b.js", 'import React from "react"', {"react.js": ""}, ()),
        (
            "app/b.ts",
            'import "@me/ui"',
            {"ui/package.json": '{"name": "@me/ui", "main": "src/m.ts"}', "ui/src/m.ts": ""},
            ("ui/src/m.ts",),
        ),
        (
            "app/b.ts",
            'import "ui/button"',
            {"ui/package.json": '{"name": "ui"}', "ui/src/button.tsx": ""},
            ("ui/src/button.tsx",),
        ),
        (
            "app/x/b.ts",
            'import "@/y"; import "base/z"',
            {
                "app/tsconfig.json": '{/**/"compilerOptions": {"baseUrl": ".", "paths": {"@/*": ["./src/*"],}} // d\n}',
                "app/src/y.ts": "",
                "app/base/z.ts": "",
            },
            ("app/base/z.ts", "app/src/y.ts"),
        ),
        ("b.ts", 'import "./c"', {"tsconfig.json": "[not json", "package.json": "[]", "c.ts": ""}, ("c.ts",)),
        (
            "cmd/m.go",
            'package main\nimport "example.org/p/util"\nfunc f() { util.Do() }\n',
            {
                "go.mod": "module example.org/p\n",
                "util/a.go": "package util\nfunc Do() {}\n",
                "util/b.go": "package util\nfunc Other() {}\n",
                "util/a_test.go": "package util\nfunc Do() {}\n",
            },
            ("util/a.go",),
        ),
        ("m.go", 'package main\nimport "fmt"\n', {"go.mod": "module p\n", "fmt/a.go": "package fmt\n"}, ()),
        (
            "app/src/main/java/a/B.java",
            "package a;\nimport c.D;\nimport c.E.F;\nimport java.util.List;\nimport g.*;\nclass B { H h; }\n",
            {
                "lib/src/main/java/c/D.java": "",
                "lib/src/main/java/c/E.java": "",
                "app/src/main/java/g/H.java": "",
                "app/src/main/java/g/I.java": "",
            },
            ("app/src/main/java/g/H.java", "lib/src/main/java/c/D.java", "lib/src/main/java/c/E.java"),
        ),
        ("a/B.kt", "package a\nimport c.D as X\n", {"c/D.kt": ""}, ("c/D.kt",)),
        (
            "src/a.c",
            '#include "b.h"\n#include <p/c.h>\n#include <string.h>\n#include "gone.h"\n',
            {"src/b.h": "", "include/p/c.h": "", "src/string.h": "", "other/b.h": ""},
            ("include/p/c.h", "src/b.h"),
        ),
        (
            "core/src/lib.rs",
            "mod a;\nuse crate::a::b::Thing;\nuse serde::de;\nuse other_one::x;\n",
            {
                "core/Cargo.toml": '[package]\nname = "core"\n',
                "core/src/a/mod.rs": "",
                "core/src/a/b.rs": "",
                "o/Cargo.toml": '[package]\nname = "other-one"',
                "o/src/lib.rs": "",
                "o/src/x.rs": "",
            },
            ("core/src/a/b.rs", "core/src/a/mod.rs", "o/src/x.rs"),
        ),
        (
            "src/a/b.rs",
            "use super::c::D;\nuse self::e::F;\n",
            {"src/main.rs": "", "src/a/c.rs": "", "src/a/b/e.rs": ""},
            ("src/a/b/e.rs", "src/a/c.rs"),
        ),
        (
            "lib/a/b.rb",
            'require "json"\nrequire_relative "c"\nrequire "a/d"\n',
            {"lib/a/json.rb": "", "lib/a/c.rb": "", "lib/a/d.rb": ""},
            ("lib/a/c.rb", "lib/a/d.rb"),
        ),
        (
            "web/a.php",
            "<?php\nuse App\\Models\\User;\nuse Other\\Thing;\nrequire 'b.php';\n",
            {
                "composer.json": '{"autoload": {"psr-4": {"App\\\\": "src/"}}}',
                "src/Models/User.php": "",
                "web/b.php": "",
            },
            ("src/Models/User.php", "web/b.php"),
        ),
    ],
)
def test_other_languages(path, text, others, targets):
    """By folders, packages and manifests; standard libraries and packages from elsewhere lead nowhere."""
    assert edges({path: text, **others}).get(path, ()) == targets


@pytest.mark.parametrize("name", sorted(MANIFESTS))
@pytest.mark.parametrize(
    "text", ["", "\0", "[" * 5_000, '{"name": 5, "autoload": 3, "compilerOptions": [1]}', "[package]\nname = 1"]
)
def test_a_broken_manifest_costs_itself(name, text):
    """Whatever a manifest holds, the imports that need none are still found."""
    texts = {
        "a.ts": 'import "./b"',
        "b.ts": "",
        "a.go": 'import "x/y"',
        "main.rs": "mod c;",
        "c.rs": "",
        "a.php": "<?php use A\\B;",
    }
    assert edges({**texts, name: text}) == {"a.ts": ("b.ts",), "main.rs": ("c.rs",)}
