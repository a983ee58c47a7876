"""Discovery: which suites a repository has, from the names of its files and its settings alone."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.runners import RUNNERS, SIGNS, load
from fanfold.runners.base import Listing
from fanfold.runners.discovery import discover, listing_of, with_unique_names
from fanfold.runners.sight import below
from fanfold.suites import Suite

DEF = "def test_a(): pass\n"


def listing(files):
    texts = dict(files) if isinstance(files, dict) else dict.fromkeys(files, "")
    return Listing(Path("/repo"), tuple(sorted(texts)), texts.get)


def found(files):
    """Return name, framework, folder and arguments of the suites; no runner that is not asked would find any."""
    suites = discover(listing(files))
    by_all = [suite.framework for name in RUNNERS for suite in load(name).detect(listing(files))]
    assert sorted(suite.framework for suite in suites) == sorted(by_all)
    return [(suite.name, suite.framework, suite.folder, suite.paths or suite.arguments) for suite in suites]


def package(**parts):
    return json.dumps(parts)


@pytest.mark.parametrize("name", RUNNERS)
def test_a_runner_is_what_the_registry_says(name):
    """It loads, knows its own name, and finds nothing where nothing is."""
    runner = load(name)
    assert runner.name == name
    assert runner.detect(listing([])) == ()
    assert runner.detect(listing(["README.md", "src/a.py", "package.json", "a/b.c"])) == ()


PYTHON = [
    ({"tests/test_a.py": DEF}, [("pytest", "pytest", ".", ())]),
    ({"pytest.ini": "", "test_a.py": ""}, [("pytest", "pytest", ".", ())]),
    ({"pyproject.toml": "[tool.pytest.ini_options]\ntestpaths=['t']", "t/test_a.py": "", "o/test_b.py": ""}, 1),
    ({"tests/conftest.py": "", "tests/test_a.py": "import unittest"}, [("pytest", "pytest", ".", ())]),
    ({"tests/__init__.py": "", "tests/test_a.py": "import unittest"}, [("unittest", "unittest", ".", ())]),
    ({"tests/test_a.py": "import unittest"}, [("unittest", "unittest", ".", ("tests",))]),
    (
        {"test_a.py": DEF, "api/Pipfile": "", "api/tests/test_b.py": DEF},
        [("pytest", "pytest", ".", ()), ("api-pytest", "pytest", "api", ())],
    ),
    ({"requirements-dev.txt": "pytest==8\n", "tests/test_a.py": "import unittest"}, [("pytest", "pytest", ".", ())]),
    (
        {"requirements-dev.txt": "pytest-cov\n", "tests/test_a.py": "import unittest"},
        [("unittest", "unittest", ".", ("tests",))],
    ),
    (
        {"manage.py": "", "app/tests.py": "from django.test import TestCase"},
        [("django", "django", ".", ())],
    ),
    (
        {
            "manage.py": "",
            "pytest.ini": "[pytest]\nDJANGO_SETTINGS_MODULE=s",
            "app/tests/test_a.py": "from django.test import T",
        },
        [("pytest", "pytest", ".", ())],
    ),
    ({"tests/fixtures/test_a.py": DEF, "build/lib/test_b.py": DEF, ".venv/x/test_c.py": DEF}, []),
    ({"examples/e/pyproject.toml": "[tool.pytest.ini_options]", "examples/e/test_a.py": DEF}, []),
    ({"{{cookiecutter.x}}/tests/test_a.py": DEF}, []),
]


@pytest.mark.parametrize("name", SIGNS)
def test_signs_are_of_runners(name):
    """Each framework that has signs is one, and is not asked where none of them is."""
    assert name in RUNNERS
    assert found(["src/a.x", "a/b.y"]) == []


@pytest.mark.parametrize(("files", "suites"), PYTHON)
def test_python(files, suites):
    """A test file belongs to pytest when anything says so, to Django with its `manage.py`, else to unittest."""
    if suites == 1:
        assert [(s.name, s.files) for s in discover(listing(files))] == [("pytest", ("t/test_a.py",))]
    else:
        assert found(files) == suites


def test_python_files_have_the_nearest_settings():
    """In a monorepo each project's settings own the files below them; the root has the rest."""
    files = {
        "pyproject.toml": "[tool.pytest.ini_options]\n",
        "tests/test_root.py": DEF,
        "packages/a/pyproject.toml": "[project]\nname='a'\n[tool.pytest.ini_options]\n",
        "packages/a/tests/test_a.py": DEF,
        "packages/b/pyproject.toml": "[project]\nname='b'\n",
        "packages/b/tests/test_b.py": DEF,
    }
    suites = discover(listing(files))
    assert [(s.name, s.folder, s.files) for s in suites] == [
        ("pytest", ".", ("packages/b/tests/test_b.py", "tests/test_root.py")),
        ("a-pytest", "packages/a", ("tests/test_a.py",)),
    ]


def test_kinds_by_folder():
    """Folders that name a kind of tests are suites, and the rest is one that leaves them out."""
    files = [
        "tests/unit/test_a.py",
        "tests/integration/deep/test_b.py",
        "tests/end-to-end/test_c.py",
        "tests/test_d.py",
    ]
    suites = {s.name: s for s in discover(listing(dict.fromkeys([*files, "conftest.py"], DEF)))}
    assert {name: suite.paths for name, suite in suites.items()} == {
        "unit": ("tests/unit",),
        "integration": ("tests/integration",),
        "e2e": ("tests/end-to-end",),
        "pytest": (),
    }
    assert suites["pytest"].arguments == (
        *("--ignore=tests/end-to-end", "--ignore=tests/integration", "--ignore=tests/unit"),
    )
    assert sorted(file for suite in suites.values() for file in suite.files) == sorted(files)


def test_one_kind_alone_is_no_choice():
    """A project whose tests are all unit tests has one suite, and a package called `unit` is no kind of tests."""
    assert [s.name for s in discover(listing({"tests/unit/test_a.py": DEF}))] == ["pytest"]
    assert [s.name for s in discover(listing({"src/unit/test_a.py": DEF, "src/test_b.py": DEF}))] == ["pytest"]


def test_kinds_by_marker():
    """Markers that are registered and used split a suite, so that each test is in one part; a chosen one does not."""
    ini = "[pytest]\nmarkers =\n  integration: slow ones\n  e2e\n  unit: never used\n"
    tests = {"test_a.py": "@pytest.mark.integration\ndef test_a(): pass\n@pytest.mark.e2e\ndef test_b(): pass\n"}
    assert found({"pytest.ini": ini, **tests}) == [
        ("e2e", "pytest", ".", ("-m", "e2e and not integration")),
        ("integration", "pytest", ".", ("-m", "integration")),
        ("pytest", "pytest", ".", ("-m", "not integration and not e2e")),
    ]
    assert [s.name for s in discover(listing({"pytest.ini": ini + "addopts = -m 'not e2e'\n", **tests}))] == ["pytest"]


NODE = [
    ({"package.json": package(scripts={"test": "jest --coverage"})}, [("jest", "jest", ".", ())]),
    (
        {"package.json": package(scripts={"test": "cross-env A=1 vitest run -c v.ts"})},
        [("vitest", "vitest", ".", ("-c", "v.ts"))],
    ),
    ({"package.json": package(scripts={"test": "mocha -r x"})}, [("mocha", "mocha", ".", ("-r", "x"))]),
    (
        {"package.json": package(scripts={"test": "node --test test/"}), "test/a.js": ""},
        [("node", "node", ".", ("test/",))],
    ),
    ({"package.json": package(scripts={"test": "tap"})}, []),
    (
        {"package.json": package(scripts={"test": "eslint ."}, devDependencies={"jest": "1"}), "a.test.js": ""},
        [("jest", "jest", ".", ())],
    ),
    ({"package.json": package(jest={}), "a.test.js": ""}, [("jest", "jest", ".", ())]),
    ({"package.json": "{nonsense", "jest.config.js": "", "a.test.js": ""}, [("jest", "jest", ".", ())]),
    ({"package.json": package(scripts={"test": "playwright test"})}, [("playwright", "playwright", ".", ())]),
    (
        {
            "package.json": package(
                scripts={"test": "jest", "test:e2e": "jest --config ./test/e2e.json", "test:cov": "jest --coverage"}
            )
        },
        [("e2e", "jest", ".", ("--config", "./test/e2e.json")), ("jest", "jest", ".", ())],
    ),
    (
        {
            "package.json": package(
                scripts={
                    "test": "npm run test:unit && npm run test:e2e",
                    "test:unit": "vitest run --project unit",
                    "test:e2e": "playwright test",
                }
            )
        },
        [("e2e", "playwright", ".", ()), ("unit", "vitest", ".", ("--project", "unit"))],
    ),
]


@pytest.mark.parametrize(("files", "suites"), NODE)
def test_node(files, suites):
    """Scripts say what runs and with which words, then settings, then dependencies."""
    assert found(files) == suites


def test_variables_and_programs_of_scripts():
    """What a script sets for its program is set, and a program that node runs is run so."""
    script = "NODE_OPTIONS=--experimental-vm-modules node --no-warnings node_modules/jest/bin/jest.js --watch"
    (suite,) = discover(listing({"package.json": package(scripts={"test": script})}))
    assert suite.variables == {"NODE_OPTIONS": "--experimental-vm-modules"}
    assert suite.command == ("node", "--no-warnings", "node_modules/jest/bin/jest.js")
    assert suite.arguments == ()


def test_workspaces():
    """Scripts that hand on leave the tests to the packages; one that calls the framework covers them."""
    inner = {
        "packages/a/package.json": package(scripts={"test": "vitest run"}),
        "packages/a/x.test.ts": "",
        "packages/b/package.json": package(scripts={"test": "vitest"}),
        "packages/b/x.test.ts": "",
    }
    handing_on = {"package.json": package(scripts={"test": "pnpm -r test"}, devDependencies={"vitest": "1"}), **inner}
    assert [(s.name, s.folder, s.files) for s in discover(listing(handing_on))] == [
        ("a-vitest", "packages/a", ("x.test.ts",)),
        ("b-vitest", "packages/b", ("x.test.ts",)),
    ]
    whole = {"package.json": package(scripts={"test": "vitest run"}), **inner}
    assert [(s.name, s.folder) for s in discover(listing(whole))] == [("vitest", ".")]
    settings = {
        "package.json": "{}",
        "vitest.config.ts": "export default { test: { projects: ['packages/*'] } }",
        **inner,
    }
    assert [(s.name, s.folder) for s in discover(listing(settings))] == [("vitest", ".")]
    base = {"package.json": "{}", "vitest.config.ts": "export default {}", **inner}
    assert [s.folder for s in discover(listing(base))] == ["packages/a", "packages/b"]


def test_playwright_projects():
    """Each project of the settings is a suite, unless they depend on each other; comments don't count."""
    text = (
        "export default { testDir: './e2e',\n // name: 'off'\n projects: [{ name: 'chromium' }, { name: 'firefox' }] }"
    )
    files = {
        "package.json": package(scripts={"test": "playwright test"}),
        "playwright.config.ts": text,
        "e2e/a.spec.ts": "",
    }
    assert found(files) == [
        ("playwright-chromium", "playwright", ".", ("--project=chromium",)),
        ("playwright-firefox", "playwright", ".", ("--project=firefox",)),
    ]
    files["playwright.config.ts"] = text.replace("'firefox'", "'firefox', dependencies: ['chromium']")
    assert [s.name for s in discover(listing(files))] == ["playwright"]


def test_settings_that_forbid_to_split():
    """A web server that each process would start, and files that mocha's settings add to any: one shard."""
    serving = {"package.json": package(scripts={"test": "playwright test"}), "playwright.config.ts": "webServer: {}"}
    (suite,) = discover(listing(serving))
    assert (suite.shards, suite.resources) == (1, ("playwright:.",))
    scripts = {"test": "mocha"}
    for files in (
        {"package.json": package(scripts=scripts), ".mocharc.yml": "spec: test/*.js\n"},
        {"package.json": package(scripts=scripts, mocha={"spec": ["test/*.js"]})},
    ):
        (suite,) = discover(listing(files))
        assert suite.shards == 1
    (suite,) = discover(listing({"package.json": package(scripts=scripts), ".mocharc.yml": "reporter: spec\n"}))
    assert suite.shards is None


OTHERS = [
    ({"go.mod": "module m", "a/a_test.go": "", "b/b.go": ""}, [("go", "go", ".", ())]),
    (
        {"go.mod": "module m", "a_test.go": "", "x/go.mod": "module x", "x/x_test.go": ""},
        [("go", "go", ".", ()), ("x-go", "go", "x", ())],
    ),
    (
        {"Cargo.toml": "[workspace]", "a/Cargo.toml": "", "a/src/lib.rs": "#[test] fn a() {}"},
        [("cargo", "cargo", ".", ())],
    ),
    (
        {"Cargo.toml": "", "src/lib.rs": "//! ```\n//! one();\n//! ```\n", "tests/a.rs": "#[test] fn a() {}"},
        [("cargo", "cargo", ".", ()), ("cargo-doc", "cargo", ".", ("--doc",))],
    ),
    ({"Cargo.toml": "", "src/main.rs": "//! ```\n//! one();\n//! ```\n"}, []),
    ({"Cargo.toml": "", "src/main.rs": "fn main() {}"}, []),
    ({"pom.xml": "", "m/pom.xml": "", "m/src/test/java/ATest.java": ""}, [("maven", "maven", ".", ())]),
    (
        {"build.gradle.kts": "", "settings.gradle.kts": "", "app/src/test/kotlin/A.kt": ""},
        [("gradle", "gradle", ".", ())],
    ),
    ({"app/lib/a.rb": "", "app/spec/in/a_spec.rb": "", "app/spec/spec_helper.rb": ""}, [("rspec", "rspec", "app", ())]),
    ({"Gemfile": "", "lib/made/spec/a_spec.rb": ""}, []),
    ({"Gemfile": "", "spec/a_spec.rb": "", "spec/spec_helper.rb": ""}, [("rspec", "rspec", ".", ())]),
    (
        {"Rakefile": "", "test/a_test.rb": "", "test/test_b.rb": "", "test/test_helper.rb": ""},
        [("minitest", "minitest", ".", ())],
    ),
    ({"phpunit.xml.dist": "<phpunit/>", "tests/ATest.php": ""}, [("phpunit", "phpunit", ".", ())]),
    (
        {
            "phpunit.xml": '<phpunit><testsuite name="Unit"/><testsuite name="Feature X"/></phpunit>',
            "tests/ATest.php": "",
        },
        [
            ("feature-x", "phpunit", ".", ("--testsuite", "Feature X")),
            ("unit", "phpunit", ".", ("--testsuite", "Unit")),
        ],
    ),
    (
        {"A.sln": "", "t/T.csproj": '<PackageReference Include="Microsoft.NET.Test.Sdk" />'},
        [("dotnet", "dotnet", ".", ("A.sln",))],
    ),
    (
        {"t/T.csproj": '<PackageReference Include="Microsoft.NET.Test.Sdk" />'},
        [("dotnet", "dotnet", "t", ("T.csproj",))],
    ),
    ({"CMakeLists.txt": "project(x)", "t/CMakeLists.txt": "enable_testing()\n"}, [("ctest", "ctest", ".", ())]),
    ({"CMakeLists.txt": "project(x)"}, []),
    ({"test/a.bats": "", "vendor/b.bats": ""}, [("bats", "bats", ".", ())]),
]


@pytest.mark.parametrize(("files", "suites"), OTHERS)
def test_others(files, suites):
    """What each framework is recognised by."""
    assert found(files) == suites


def test_a_monorepo_with_everything():
    """Several frameworks side by side are suites side by side, each with a name of its own."""
    files = {
        "api/pyproject.toml": "[tool.pytest.ini_options]",
        "api/tests/unit/test_a.py": DEF,
        "api/tests/integration/test_b.py": DEF,
        "web/package.json": package(scripts={"test": "vitest", "test:e2e": "playwright test"}),
        "web/a.test.ts": "",
        "svc/go.mod": "module svc",
        "svc/a_test.go": "",
        "core/Cargo.toml": "",
        "core/src/lib.rs": "#[test]",
        "worker/pyproject.toml": "[tool.pytest.ini_options]",
        "worker/tests/test_c.py": DEF,
    }
    assert [(s.name, s.framework, s.folder) for s in discover(listing(files))] == [
        ("integration", "pytest", "api"),
        ("unit", "pytest", "api"),
        ("cargo", "cargo", "core"),
        ("go", "go", "svc"),
        ("e2e", "playwright", "web"),
        ("vitest", "vitest", "web"),
        ("pytest", "pytest", "worker"),
    ]


def test_names_are_unique_whatever_is_found():
    """The least that tells two suites apart, and a number when nothing does."""
    suites = [Suite(name="unit", framework=f, folder=d) for f in ("jest", "pytest") for d in (".", "x/a", "y/a", "y/a")]
    names = [suite.name for suite in with_unique_names(suites)]
    assert len(set(names)) == len(names)
    assert names[:2] == ["jest-unit", "x-a-jest-unit"]


def test_the_listing_is_what_is_the_repositorys_own(tmp_path):
    """Ignored files are not seen, a file is read once, one that is too large or missing is None."""
    (tmp_path / ".gitignore").write_text("out/\n")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "test_x.py").write_text("")
    (tmp_path / "test_a.py").write_text("a")
    seen = listing_of(tmp_path)
    assert seen.paths == (".gitignore", "test_a.py")
    assert (seen.read("test_a.py"), seen.read("gone.py")) == ("a", None)


@given(st.lists(st.text("ab/0.-", min_size=1, max_size=6), max_size=12), st.text("ab/0", min_size=1, max_size=4))
def test_files_below_a_folder(paths, folder):
    """Looked up by their order, they are the ones whose names begin with it."""
    in_order = sorted(paths)
    assert list(below(in_order, folder)) == [path for path in in_order if path.startswith(folder + "/")]
    assert list(below(in_order, ".")) == in_order
