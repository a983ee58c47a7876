"""Tiny real projects, found, collected, run and read back by their own tools; a tool that is missing skips its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fanfold.runners import load
from fanfold.runners.base import Ended, Task
from fanfold.runners.discovery import discover, listing_of
from fanfold.runners.tools import Tools
from fanfold.suites import Environment

PYTHON_TEST = """\
import os, unittest
class T(unittest.TestCase):
    def test_fine(self): pass
    def test_bad(self): self.assertEqual(1, 2)
    @unittest.skip("later")
    def test_off(self): pass
    @unittest.expectedFailure
    def test_known(self): self.fail("known")
    def test_rows(self):
        for n in (1, 2):
            with self.subTest(n=n): self.assertEqual(n, 1)
"""
PYTHON_VERDICTS = {
    "test_fine": "passed",
    "test_bad": "failed",
    "test_off": "skipped",
    "test_known": "xfailed",
    "test_rows (n=2)": "failed",
    "test_rows": "failed",
}


class Bench:
    """The one suite of a folder with its runner, on this machine."""

    def __init__(self, root: Path, scratch: Path) -> None:
        (self.suite,) = discover(listing_of(root))
        self.runner = load(self.suite.framework)
        self.root, self.scratch, self.runs = root, scratch, 0
        self.tools = Tools.of(root, {**os.environ, "VIRTUAL_ENV": ""})

    def task(self, **how) -> Task:
        self.runs += 1
        place = self.scratch / str(self.runs)
        place.mkdir(parents=True)
        return Task(self.suite, how.pop("environment", Environment()), self.root, place, **how)

    def ended(self, command) -> Ended:
        environ = {**self.tools.environ, **command.variables}
        done = subprocess.run(
            command.argv, cwd=command.folder, env=environ, capture_output=True, stdin=subprocess.DEVNULL, check=False
        )
        return Ended(command, done.returncode, done.stdout, done.stderr)

    def run(self, **how):
        task = self.task(**how)
        reading = self.runner.results(task, self.ended(self.runner.command(task, self.tools)))
        assert reading.error is None, reading.error
        return reading.cases

    def items(self):
        task = self.task()
        command = self.runner.collecting(task, self.tools)
        if command is None:
            return self.runner.items(self.suite)
        return self.runner.collected(task, self.ended(command)).items


@pytest.fixture
def bench(tmp_path):
    def make(files):
        root = tmp_path / "repo"
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        return Bench(root, tmp_path / "scratch")

    return make


def needs(*programs):
    """Skip where a program is missing, or there in name only, as rustup's are without a toolchain."""
    missing = [program for program in programs if not works(program)]
    return pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} not installed")


def works(program):
    found = shutil.which(program)
    if found is None or program != "cargo":
        return found is not None
    return subprocess.run([found, "--version"], capture_output=True, check=False).returncode == 0


def verdicts(cases):
    return {case.name.rpartition("::")[2]: case.verdict.value for case in cases}


def in_parts(bench):
    """Run each item in a process of its own, and return the verdicts by native name: none twice."""
    cases = [case for item in bench.items() for case in bench.run(items=(item.name,))]
    names = [(case.file, case.name) for case in cases]
    assert len(set(names)) == len(names)
    return sorted((*name, case.verdict.value) for name, case in zip(names, cases, strict=True))


def as_rows(cases):
    return sorted((case.file, case.name, case.verdict.value) for case in cases)


def test_unittest(bench):
    """Subtests that fail are tests, modules are items, a test runs alone; files are known."""
    made = bench(
        {
            "tests/__init__.py": "",
            "tests/test_a.py": PYTHON_TEST,
            "tests/test_b.py": "import nothing_here\nimport unittest",
        }
    )
    cases = made.run()
    told = {case.name.removeprefix("tests.test_a.T."): case.verdict.value for case in cases}
    assert told == {**PYTHON_VERDICTS, "tests.test_b": "error"}
    assert {case.file for case in cases} == {"tests/test_a.py", ""}
    assert [item.name for item in made.items()] == ["tests.test_a", "tests.test_b"]
    assert in_parts(made) == as_rows(cases)
    (alone,) = made.run(tests=("tests.test_a.T.test_bad",))
    assert [frame.path for frame in alone.attempts[0].frames] == ["tests/test_a.py"]


def test_doctests_that_a_module_loads_run_with_it(bench):
    """What load_tests adds is named after what it documents, and is run with the module that loads it."""
    loads = "import doctest, shop\n\ndef load_tests(loader, tests, ignore):\n"
    loads += "    tests.addTests(doctest.DocTestSuite(shop))\n    return tests\n"
    documented = '''def price():\n    """Return it.\n\n    >>> price()\n    3\n    """\n    return 3\n'''
    one = bench(
        {
            "shop.py": documented,
            "test_shop.py": f"import unittest\n{loads}class T(unittest.TestCase):\n    def test_a(self): pass\n",
        }
    )
    (item,) = one.items()
    assert (item.name, set(item.tests)) == ("test_shop", {"shop.price", "test_shop.T.test_a"})
    assert {case.native for case in one.run(items=(item.name,))} == set(item.tests)


def test_unittest_whose_class_is_skipped_as_it_is_set_up(bench):
    """Its tests, of which unittest says nothing, are skipped for the reason of the class, and none is lost."""
    text = (
        "import unittest\n"
        "def made():\n"
        " class T(unittest.TestCase):\n"
        "  @classmethod\n"
        "  def setUpClass(cls): raise unittest.SkipTest('abstract')\n"
        "  def test_a(self): pass\n"
        "  def test_b(self): pass\n"
        " return T\n"
        "One, Two = made(), made()\n"
    )
    cases = bench({"test_a.py": text}).run()
    assert [(case.verdict.value, case.attempts[0].message) for case in cases] == [("skipped", "abstract")] * 4
    assert sorted(case.native.rpartition(".")[2] for case in cases) == ["test_a", "test_a", "test_b", "test_b"]


def test_unittest_whose_class_can_not_be_set_up(bench):
    """The fixture is an error of its own, in the file that it is in; the class's tests are not run, and say why."""
    text = "import unittest\nclass T(unittest.TestCase):\n @classmethod\n def setUpClass(cls): raise ValueError('no')\n"
    made = bench({"tests/__init__.py": "", "tests/test_a.py": text + " def test_a(self): pass\n"})
    case, kept = made.run()
    assert (case.file, case.name, case.verdict.value) == ("tests/test_a.py", "setUpClass (tests.test_a.T)", "error")
    assert (kept.native, kept.verdict.value) == ("tests.test_a.T.test_a", "not_run")
    assert kept.attempts[0].message == "setUpClass (tests.test_a.T) failed"
    assert made.items()[0].tests == ("tests.test_a.T.test_a",)


def test_unittest_from_a_folder_that_is_no_package(bench):
    """Names start there, also of helpers beside the tests; a test that ends the process is crashed, by name."""
    head = "import os, unittest, helper\nclass T(unittest.TestCase):\n"
    text = head + " def test_a(self): pass\n def test_b(self): os._exit(3)\n"
    made = bench({"check/test_a.py": text, "check/helper.py": ""})
    assert {case.name: case.verdict.value for case in made.run()} == {
        "test_a.T.test_a": "passed",
        "test_a.T.test_b": "crashed",
    }
    assert made.items()[0].tests == ("test_a.T.test_a", "test_a.T.test_b")


def test_pytest_as_a_plain_command(bench):
    """Where nothing can be injected: one process and its JUnit file, with pytest's own names."""
    head = "import pytest\nclass TestX:\n    @pytest.mark.parametrize('n', [1, 2])\n"
    text = head + "    def test_n(self, n): assert n == 1\n"
    made = bench({"tests/sub/test_a.py": text})
    made.tools = Tools.of(made.root, {**os.environ, "VIRTUAL_ENV": sys.prefix, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})
    cases = made.run()
    assert [(case.file, case.name, case.verdict.value) for case in cases] == [
        ("tests/sub/test_a.py", "TestX::test_n[1]", "passed"),
        ("tests/sub/test_a.py", "TestX::test_n[2]", "failed"),
    ]
    (alone,) = made.run(tests=(cases[1].native,))
    assert alone.name == "TestX::test_n[2]"


@needs("node")
def test_node(bench):
    """Node's own runner, by the reporter that is given to it; a file is an item."""
    head = "const {test, describe, it} = require('node:test'); const assert = require('node:assert');\n"
    made = bench(
        {
            "package.json": '{"scripts": {"test": "node --test"}}',
            "test/a.test.js": head
            + "describe('o', () => { it('fine', () => {}); it('bad', () => assert.equal(1, 2)); });",
            "test/b.test.js": head + "test('two\\nlines', () => {}); test('off', {skip: 'later'}, () => {});",
        }
    )
    cases = made.run()
    assert as_rows(cases) == [
        ("test/a.test.js", "o > bad", "failed"),
        ("test/a.test.js", "o > fine", "passed"),
        ("test/b.test.js", "off", "skipped"),
        ("test/b.test.js", "two\nlines", "passed"),
    ]
    assert in_parts(made) == as_rows(cases)


@needs("node")
def test_node_s_subtests_are_run_alone(bench):
    """A subtest is run by the tests around it, which are chosen with it; a suite around it need not be."""
    text = """const {test, describe} = require('node:test');
describe('suite', () => { test('outer', async (t) => { await t.test('in', async (t) => {
  await t.test('most', () => { throw new Error('no'); }); }); await t.test('a > b', () => {}); });
  test('off', () => {}); });
test('c > d', () => {});
"""
    made = bench({"package.json": '{"scripts": {"test": "node --test"}}', "a.test.js": text})
    natives = {case.name: case.native for case in made.run()}
    assert natives == {
        "suite > outer > in > most": "a.test.js::outer > in > most",
        "suite > outer > a > b": "a.test.js::outer > a > b",
        "suite > off": "a.test.js::off",
        "c > d": "a.test.js::c > d",
    }
    for name, native in natives.items():
        (alone,) = (case for case in made.run(tests=(native,)) if case.native)
        assert (alone.name, alone.verdict) == (name, "failed" if "most" in name else "passed")


@needs("node")
def test_node_that_does_not_load(bench):
    """The error is what its process wrote."""
    broken = {"package.json": '{"scripts": {"test": "node --test"}}', "test/a.test.js": "require('./nothing')\n"}
    (case,) = bench(broken).run()
    assert (case.file, case.verdict) == ("test/a.test.js", "failed")
    assert case.attempts[0].message == "Error: Cannot find module './nothing'"
    assert {frame.path for frame in case.attempts[0].frames if frame.inside} == {"test/a.test.js"}


@needs("node")
def test_node_that_leaves(bench):
    """The test that ends its process is named, though none is around it; a newer node tells of it in time."""
    leaves = "test('leaves', async () => { await new Promise((r) => setTimeout(r, 50)); process.exit(3); });\n"
    made = bench(
        {
            "package.json": '{"scripts": {"test": "node --test"}}',
            "test/a.test.js": "const {test} = require('node:test');\ntest('fine', () => {});\n"
            f"{leaves}test('waits', () => {{}});",
        }
    )
    rows = as_rows(made.run())
    assert rows in (
        [
            ("test/a.test.js", "fine", "passed"),
            ("test/a.test.js", "leaves", "crashed"),
            ("test/a.test.js", "waits", "not_run"),
        ],
        [("test/a.test.js", "(the file itself)", "failed")],
        [("test/a.test.js", "fine", "passed"), ("test/a.test.js", "(the file itself)", "failed")],
    )


@needs("go")
def test_go(bench):
    """Packages are items; one that does not compile is an error, and the others still run."""
    made = bench(
        {
            "go.mod": "module example.com/m\n\ngo 1.19\n",
            "a/a_test.go": 'package a\nimport "testing"\nfunc TestB(t *testing.T) {}\n'
            'func TestA(t *testing.T) { t.Run("x y", func(t *testing.T) { t.Fatal("no") }) }\n',
            "b/b_test.go": 'package b\nimport "testing"\nfunc TestC(t *testing.T) { undefined() }\n',
            "c/c.go": "package c\n",
        }
    )
    cases = made.run()
    assert as_rows(cases) == [
        ("a", "TestA/x_y", "failed"),
        ("a", "TestB", "passed"),
        ("b", "example.com/m/b", "error"),
    ]
    assert [item.name for item in made.items()] == ["./a", "./b"]
    assert in_parts(made) == as_rows(cases)
    (alone,) = made.run(tests=("example.com/m/a::TestA/x_y",))
    assert alone.verdict == "failed"


@needs("go")
def test_go_with_its_module_at_the_root(bench, tmp_path):
    """The package of the module's own folder is one of its items, and is run; by way of a link to the folder, too."""
    empty = 'package m\nimport "testing"\nfunc TestIt(t *testing.T) {}\n'
    made = bench({"go.mod": "module example.com/m\n\ngo 1.19\n", "a_test.go": empty, "in/a_test.go": empty})
    (tmp_path / "link").symlink_to(made.root)
    for root in (made.root, tmp_path / "link"):
        linked = Bench(root, tmp_path / "scratch" / root.name)
        items = tuple(item.name for item in linked.items())
        assert items == (".", "./in")
        assert as_rows(linked.run(items=items)) == [(".", "TestIt", "passed"), ("in", "TestIt", "passed")]


@needs("go")
def test_go_that_panics(bench):
    """What comes after the test that took the process along is named: what the sources say runs on every machine."""
    head = 'package m\nimport ("testing"; "fmt")\n'
    made = bench(
        {
            "go.mod": "module example.com/m\n\ngo 1.19\n",
            "a_test.go": head + "func TestOk(t *testing.T) { fmt.Sprint() }\n"
            'func TestPanics(t *testing.T) { var m map[string]int; m["a"] = 1 }\nfunc TestLater(t *testing.T) {}\n'
            "func Testing(t *testing.T, n int) {}\nfunc TestMain(m *testing.M) { m.Run() }\n"
            "func ExampleSaid() {\n\tfmt.Println(1)\n\t// Output: 1\n}\nfunc ExampleUnsaid() {\n}\ntype Said int\n"
            "func FuzzIt(f *testing.F) { f.Fuzz(func(t *testing.T, x int) {}) }\n",
            "a_windows_test.go": head + "func TestThere(t *testing.T) { fmt.Sprint() }\n",
            "b_test.go": "//go:build never\n\n" + head + "func TestNever(t *testing.T) { fmt.Sprint() }\n",
        }
    )
    cases = {case.name: case for case in made.run()}
    assert {name: case.verdict.value for name, case in cases.items()} == {
        "TestOk": "passed",
        "TestPanics": "failed",
        "TestLater": "not_run",
        "FuzzIt": "not_run",
        "ExampleSaid": "not_run",
    }
    (alone,) = made.run(tests=(cases["TestLater"].native,))
    assert alone.verdict == "passed"


@needs("cargo")
def test_cargo(bench):
    """Units, integration tests and documentation, in one process."""
    made = bench(
        {
            "Cargo.toml": '[package]\nname = "tiny"\nversion = "0.1.0"\nedition = "2021"\n',
            "src/lib.rs": '#[cfg(test)] mod tests { #[test] fn fine() {} #[test] fn bad() { panic!("no") } }\n',
            "tests/it.rs": "#[test] fn fine() {}\n",
        }
    )
    cargo_only = made.scratch / "bin"
    cargo_only.mkdir(parents=True)
    for name in ("cargo", "rustc", "rustdoc"):
        (cargo_only / name).symlink_to(shutil.which(name) or "")
    # Without nextest, wherever it is.
    made.tools = Tools(made.root, {**made.tools.environ, "PATH": f"{cargo_only}{os.pathsep}/usr/bin{os.pathsep}/bin"})
    assert as_rows(made.run()) == [
        ("src/lib.rs", "tests::bad", "failed"),
        ("src/lib.rs", "tests::fine", "passed"),
        ("tests/it.rs", "fine", "passed"),
    ]
    assert made.runner.most_shards(made.suite, made.tools) == 1


@needs("ctest", "cmake")
def test_ctest(bench):
    """Tests by number; a signal is a crash, and a time that is up is one; a folder that is not built is said to be."""
    made = bench(
        {
            "CMakeLists.txt": "cmake_minimum_required(VERSION 3.21)\nproject(t NONE)\nenable_testing()\n"
            'add_test(NAME fine COMMAND true)\nadd_test(NAME bad COMMAND sh -c "echo hello; exit 1")\n'
            'add_test(NAME dies COMMAND sh -c "kill -SEGV $$")\nadd_test(NAME late COMMAND sleep 20)\n'
            "set_tests_properties(late PROPERTIES TIMEOUT 0.2)\n"
        }
    )
    assert "cmake -B build" in (made.runner.unavailable(made.suite, made.tools) or "")
    subprocess.run(["cmake", "-B", "build"], cwd=made.root, check=True, capture_output=True)
    assert made.runner.unavailable(made.suite, made.tools) is None
    cases = made.run()
    assert verdicts(cases) == {"fine": "passed", "bad": "failed", "dies": "crashed", "late": "timed_out"}
    assert in_parts(made) == as_rows(cases)
    assert verdicts(made.run(tests=("bad",))) == {"bad": "failed"}


@needs("bats")
def test_bats(bench):
    """Files are items, and known for every test; a test runs alone."""
    made = bench(
        {"t/a.bats": '@test "fine" { true; }\n@test "bad [x]" { false; }\n', "t/u/b.bats": '@test "fine" { skip; }\n'}
    )
    cases = made.run()
    assert as_rows(cases) == [
        ("t/a.bats", "bad [x]", "failed"),
        ("t/a.bats", "fine", "passed"),
        ("t/u/b.bats", "fine", "skipped"),
    ]
    assert in_parts(made) == as_rows(cases)
    (alone,) = made.run(tests=("t/a.bats::bad [x]",))
    assert alone.name == "bad [x]"


@needs("rspec")
def test_rspec(bench):
    """Files are items, ids run a test alone."""
    made = bench(
        {
            ".rspec": "",
            "spec/a_spec.rb": 'RSpec.describe "a" do\n it("is") { expect(1).to eq 2 }\n it("can") { }\nend\n',
            "spec/b_spec.rb": 'RSpec.describe "b" do\n xit("is") { }\nend\n',
        }
    )
    cases = made.run()
    assert [(c.name, c.verdict.value) for c in cases] == [("a is", "failed"), ("a can", "passed"), ("b is", "skipped")]
    assert in_parts(made) == as_rows(cases)
    (alone,) = made.run(tests=(cases[0].native,))
    assert alone.name == "a is"


@needs("ruby")
def test_minitest(bench):
    """Files are items, names run a test alone."""
    head = 'require "minitest/autorun"\nclass {}Test < Minitest::Test\n'
    text = head + " def test_a; assert true; end\n def test_b; flunk; end\nend\n"
    made = bench({"Rakefile": "", "test/a_test.rb": text.format("A"), "test/b_test.rb": text.format("B")})
    cases = made.run()
    assert {case.name: case.verdict.value for case in cases} == {
        "ATest#test_a": "passed",
        "ATest#test_b": "failed",
        "BTest#test_a": "passed",
        "BTest#test_b": "failed",
    }
    assert in_parts(made) == as_rows(cases)
    assert {(case.name[0], case.file) for case in cases} == {("A", "test/a_test.rb"), ("B", "test/b_test.rb")}
    (alone,) = made.run(tests=("ATest#test_b",))
    assert (alone.name, alone.file) == ("ATest#test_b", "test/a_test.rb")


@needs("phpunit")
def test_phpunit(bench):
    """Classes are items, data sets have parameters, a test runs alone."""
    head = "<?php\nnamespace App;\nclass {0} extends \\PHPUnit\\Framework\\TestCase {{\n{1}\n}}\n"
    made = bench(
        {
            "phpunit.xml": '<phpunit><testsuites><testsuite name="unit"><directory>tests</directory>'
            "</testsuite></testsuites></phpunit>",
            "tests/ATest.php": head.format("ATest", "public function testBad() { $this->assertSame(1, 2); }"),
            "tests/BTest.php": head.format(
                "BTest",
                "/** @dataProvider rows */ public function testRow($n) { $this->assertSame(1, $n); }\n"
                'public static function rows() { return ["one" => [1], "two" => [2]]; }',
            ),
        }
    )
    cases = made.run()
    assert [(case.file, case.name, case.parameters, case.verdict.value) for case in cases] == [
        ("tests/ATest.php", "App\\ATest::testBad", "", "failed"),
        ("tests/BTest.php", 'App\\BTest::testRow with data set "one"', "one", "passed"),
        ("tests/BTest.php", 'App\\BTest::testRow with data set "two"', "two", "failed"),
    ]
    assert [item.name for item in made.items()] == ["App\\ATest", "App\\BTest"]
    assert in_parts(made) == as_rows(cases)
    (alone,) = made.run(tests=(cases[2].native,))
    assert alone.parameters == "two"


@pytest.mark.parametrize(
    ("framework", "files"),
    [
        ("jest", {"package.json": '{"devDependencies": {"jest": "1"}}', "a.test.js": ""}),
        ("maven", {"pom.xml": "", "src/test/java/ATest.java": ""}),
        ("gradle", {"build.gradle": "", "src/test/java/ATest.java": ""}),
        ("dotnet", {"T.csproj": "Microsoft.NET.Test.Sdk"}),
        ("go", {"go.mod": "module m", "a_test.go": ""}),
        ("bats", {"a.bats": ""}),
    ],
)
def test_a_tool_that_is_missing_is_named(bench, framework, files):
    """With how to get it."""
    made = bench(files)
    nothing = Tools(made.root, {"PATH": ""})
    assert made.suite.framework == framework
    assert "not installed" in (made.runner.unavailable(made.suite, nothing) or "")


def test_a_command_of_ones_own(bench):
    """By the files that it writes, else by what it prints, else by its exit code."""
    made = bench({"tests/test_a.py": "import unittest\n"})
    made.runner = load("command")

    def suite(script, **more):
        made.suite = made.suite.model_copy(
            update={"name": "own", "framework": "command", "command": ("sh", "-c", script), "paths": (), **more}
        )
        return verdicts(made.run(index=2, count=3))

    xml = """printf '<testsuite><testcase name="a{index}"/></testsuite>' > {scratch}/x.xml"""
    assert suite(f"mkdir -p out; {xml}; cp {{scratch}}/x.xml out", results=("out/*.xml",)) == {"a2": "passed"}
    assert suite("echo 1..2; echo ok 1 - a; echo not ok 2 - b", results=()) == {"a": "passed", "b": "failed"}
    assert suite("exit 3") == {"own 2/3": "failed"}
    assert suite("true") == {"own 2/3": "passed"}
    assert suite("echo 1..1; echo ok 1 - a; exit 1") == {"a": "passed", "own 2/3": "failed"}
    assert suite("kill -9 $$") == {"own 2/3": "crashed"}


def test_results_of_another_run_are_not_read(bench):
    """A report that was there before is no result of this run."""
    made = bench({"tests/test_a.py": "import unittest\n", "old.xml": '<testsuite><testcase name="old"/></testsuite>'})
    made.runner = load("command")
    made.suite = made.suite.model_copy(
        update={"name": "own", "framework": "command", "command": ("true",), "results": ("*.xml",), "paths": ()}
    )
    os.utime(made.root / "old.xml", (1000, 1000))
    task = made.task()
    command = made.runner.command(task, made.tools)
    reading = made.runner.results(task, Ended(command, 0, since=2000.0))
    assert verdicts(reading.cases) == {"own": "passed"}
