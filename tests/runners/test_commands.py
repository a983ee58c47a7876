"""Commands: how each tool is called for a shard, for single tests, behind a prefix, and by a suite's own words."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fanfold.errors import WorkerError
from fanfold.runners import RUNNERS, load
from fanfold.runners import unittest as unittest_runner
from fanfold.runners.base import Ended, Reading, Sharding, Task
from fanfold.runners.common import explained
from fanfold.runners.discovery import discover
from fanfold.runners.maven import with_natives
from fanfold.runners.node_runner import pattern_of
from fanfold.runners.pytest.launch import can_inject
from fanfold.runners.results.place import Place
from fanfold.runners.results.playwright import read_playwright
from fanfold.runners.tools import Tools
from fanfold.suites import Case, Environment, Suite

RECORDED = Path(__file__).parent / "recorded"
ROOT = Path("/repo")
SCRATCH = Path("/scratch")
TOOLS = Tools(ROOT, {"PATH": ""})

DOCUMENTATION = Suite(name="s", framework="cargo", arguments=("--doc",))
# What a suite of each framework is asked for: items, single tests, or a number of shards; and the words it comes to.
WORDS = [
    ("unittest", {"items": ("tests.test_a",)}, "tests.test_a -v"),
    (
        "django",
        {"items": ("app.tests",)},
        "manage.py test --noinput --testrunner fanfold_django.DjangoRunner -v 2 app.tests",
    ),
    ("jest", {"tests": ("a.test.js::b",)}, "--ci --testNamePattern ^(b)$"),
    ("jest", {"index": 2, "count": 3}, "--shard=2/3 --passWithNoTests"),
    ("jest", {"tests": ("a.test.js::adds (1)",)}, r"--testNamePattern ^(adds \(1\))$ --runTestsByPath a.test.js"),
    ("jest", {"items": ("a.test.js",), "index": 1, "count": 2}, "--passWithNoTests --runTestsByPath a.test.js"),
    ("vitest", {"items": ("a.test.ts",)}, "--no-color a.test.ts"),
    ("playwright", {"items": ("a.spec.ts",)}, "a.spec.ts"),
    ("vitest", {"index": 1, "count": 2}, "--shard=1/2 --passWithNoTests"),
    ("vitest", {"tests": ("a.test.ts::o adds",)}, "--testNamePattern ^(o adds)$ a.test.ts"),
    ("playwright", {"index": 1, "count": 2}, "--shard=1/2 --pass-with-no-tests"),
    (
        "playwright",
        {"tests": ("a.spec.ts::one::o adds (1)", "a.spec.ts::two::o adds (1)")},
        r"--grep  (o adds \(1\))$ --project=one --project=two a.spec.ts",
    ),
    ("mocha", {"items": ("test/a.js", "test/b.js")}, "test/a.js test/b.js"),
    ("node", {"items": ("test/a.js",)}, "--test-reporter-destination=/scratch/node.jsonl test/a.js"),
    ("node", {"tests": ("a.js::outer > inner",)}, "--test-name-pattern=/(?:^| )(outer|inner|outer > inner)$/ a.js"),
    ("go", {"items": ("./a", "./b")}, "test -json -p=1 ./a ./b"),
    ("go", {"tests": ("m/a::TestA/x y", "m/a::TestB")}, "-run ^(TestA|TestB)$ m/a"),
    ("go", {"tests": ("m/a",)}, "-json -p=1 m/a"),
    ("cargo", {"tests": ("tests::bad",)}, "--workspace --tests -- --exact tests::bad"),
    ("cargo", {"tests": ("src/lib.rs - shop::two (line 5)",), "suite": DOCUMENTATION}, "--doc -- shop::two"),
    ("cargo", {"tests": ("src/lib.rs - (line 5)",), "suite": DOCUMENTATION}, "--doc -- 5)"),
    ("maven", {"tests": ("org.A#f", "org.B#g")}, "-Dtest=org.A#f,org.B#g"),
    ("maven", {}, "mvn -B -ntp -Dstyle.color=never -Dmaven.test.failure.ignore=true test"),
    (
        "gradle",
        {"tests": ("org.A#f",)},
        "test --continue --rerun-tasks --console=plain --tests org.A.f --tests org.A.f[*",
    ),
    ("gradle", {"tests": ("org.A",)}, "--console=plain --tests org.A"),
    ("rspec", {"items": ("spec/a_spec.rb",)}, "--no-color spec/a_spec.rb"),
    (
        "minitest",
        {"items": ("test/a_test.rb",), "tests": ("ATest#test_a",)},
        "test/a_test.rb -- -v -n /^(ATest\\#test_a)$/",
    ),
    ("phpunit", {"items": ("App\\ATest", "App\\BTest")}, r"--filter /^(App\\ATest|App\\BTest)::/"),
    ("dotnet", {"tests": ("A.B.C",)}, "--filter FullyQualifiedName=A.B.C"),
    ("ctest", {"items": ("3 late", "7 fine")}, "--output-junit /scratch/ctest.xml -I 0,0,0,3,7"),
    ("bats", {"items": ("t/a.bats",)}, "bats --formatter junit ./t/a.bats"),
    ("pytest", {"tests": ("tests/test_a.py::test_b",)}, "--override-ini=junit_family=xunit1 tests/test_a.py::test_b"),
]


def task(framework, **how):
    suite = how.pop("suite", Suite(name="s", framework=framework))
    return Task(suite, how.pop("environment", Environment()), ROOT, SCRATCH, **how)


@pytest.mark.parametrize(("framework", "how", "words"), WORDS)
def test_words(framework, how, words):
    """What is asked for is in the command, at the place where the tool takes it."""
    command = load(framework).command(task(framework, **how), TOOLS)
    assert words in " ".join(command.argv)
    assert command.folder == ROOT


@pytest.mark.parametrize("framework", [name for name in RUNNERS if name != "command"])
def test_a_prefix_a_command_and_variables(framework):
    """The prefix comes first, then the suite's own command in place of the program; places are filled in."""
    place = Environment(
        name="py", prefix=("docker", "run", "-v", "{root}:{root}"), variables={"A": "env", "S": "{scratch}"}
    )
    suite = Suite(
        name="s", framework=framework, command=("./tool", "{index}/{count}"), variables={"A": "suite", "B": "{}"}
    )
    command = load(framework).command(task(framework, suite=suite, environment=place, index=2, count=5), TOOLS)
    assert command.argv[:6] == ("docker", "run", "-v", "/repo:/repo", "./tool", "2/5")
    assert {"A": "env", "B": "{}", "S": "/scratch"}.items() <= command.variables.items()


@pytest.mark.parametrize("framework", RUNNERS)
def test_behind_a_prefix_no_program_of_this_machine_is_called(framework, tmp_path):
    """An absolute path means nothing in a container."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    for name in (
        "go",
        "cargo",
        "mvn",
        "gradle",
        "rspec",
        "ruby",
        "phpunit",
        "dotnet",
        "ctest",
        "bats",
        "node",
        "python3",
    ):
        (bin_folder / name).write_text("#!/bin/sh\n")
        (bin_folder / name).chmod(0o755)
    tools = Tools(ROOT, {"PATH": str(bin_folder)})
    suite = Suite(name="s", framework=framework, command=("x",) if framework == "command" else ())
    command = load(framework).command(task(framework, suite=suite, environment=Environment(prefix=("in",))), tools)
    assert command.argv[0] == "in"
    assert not Path(command.argv[1]).is_absolute()


@pytest.mark.parametrize("framework", RUNNERS)
def test_a_runner_survives_an_empty_end(framework):
    """A process that left nothing behind is an error in a line, or no tests; never a fault of the runner."""
    runner = load(framework)
    suite = Suite(name="s", framework=framework, command=("x",))
    one = task(framework, suite=suite)
    command = runner.command(one, TOOLS)
    for code in (0, 1, -9):
        reading = runner.results(one, Ended(command, code, b"\xff\n", b"it broke\n"))
        assert reading.error is None or ("\n" not in reading.error and len(reading.error) < 700)
        assert reading.cases or reading.error or code == 0
    assert isinstance(runner.sharding, Sharding)


def test_a_name_is_taken_as_it_is():
    """What regular expressions take for something else is escaped."""
    assert pattern_of(("a.b (c) [d]", "e|f")) == r"^(a\.b \(c\) \[d\]|e\|f)$"


def test_the_files_of_a_suite_are_its_items():
    """Seen from the root, whatever folder the suite is in."""
    suite = Suite(name="s", framework="mocha", folder="web", files=("test/a.js",))
    runner = load("mocha")
    assert [item.name for item in runner.items(suite)] == ["web/test/a.js"]
    command = runner.command(task("mocha", suite=suite, items=("web/test/a.js",)), TOOLS)
    assert command.argv[-1] == "test/a.js"
    assert command.folder == ROOT / "web"


@pytest.mark.parametrize(
    ("files", "pattern"),
    [
        ((), "test*.py"),
        (("test_a.py", "b_test.py"), "test*.py"),
        (("web_test.py", "testing_test.py", "ioloop_test.py"), "*_test.py"),
        (("a_tests.py",), "*_tests.py"),
    ],
)
def test_unittest_looks_for_files_by_the_name_that_most_have(files, pattern):
    """One `testing_test.py` among many, which unittest's own pattern fits as well, is not all there is."""
    suite = Suite(name="s", framework="unittest", files=files)
    command = load("unittest").collecting(task("unittest", suite=suite), TOOLS)
    assert command is not None
    assert command.argv[-2:] == ("-p", pattern)


def test_the_modules_of_unittest_are_named_from_where_its_packages_start():
    """As unittest itself names them."""
    suite = Suite(name="s", framework="unittest", paths=("api",), files=("api/tests/test_a.py", "api/test_b.py"))
    assert [item.name for item in load("unittest").items(suite)] == ["tests.test_a", "test_b"]


def test_discovery_is_the_same_every_time():
    """The same files give the same suites in the same order."""
    from fanfold.runners.base import Listing

    files = {"go.mod": "module m", "a_test.go": "", "test_a.py": "def test_a(): pass", "a.bats": ""}
    first, second = (Listing(ROOT, tuple(sorted(files)), files.get) for _ in range(2))
    assert discover(first) == discover(second)
    assert [suite.framework for suite in discover(first)] == ["bats", "go", "pytest"]


def test_a_program_that_fails_beside_its_tests_is_no_success():
    """All tests passed, and the exit code says that something did not: that is a case of its own."""
    passing = b'<?xml version="1.0"?><testsuite><testcase name="a"/></testsuite>'
    runner, one = load("bats"), task("bats")
    command = runner.command(one, TOOLS)
    assert [case.verdict.value for case in runner.results(one, Ended(command, 0, passing)).cases] == ["passed"]
    reading = runner.results(one, Ended(command, 1, passing, b"teardown_suite failed\n"))
    assert [case.verdict.value for case in reading.cases] == ["passed", "error"]
    assert reading.cases[1].attempts[0].message == (
        "no test failed, and the exit code is 1: teardown_suite failed / " + passing.decode()
    )


def test_nextest_lists_its_tests_and_takes_them_one_by_one(tmp_path):
    """A test is known by its binary and its name; ignored ones are none; a partition is told by its number."""
    nextest = tmp_path / "cargo-nextest"
    nextest.write_text("#!/bin/sh\n")
    nextest.chmod(0o755)
    tools = Tools(ROOT, {"PATH": str(tmp_path)})
    runner = load("cargo")
    told = {
        "rust-suites": {
            "a::it": {
                "binary-id": "a::it",
                "testcases": {
                    "whole": {"filter-match": {"status": "matches"}},
                    "later": {"filter-match": {"status": "mismatch", "reason": "ignored"}},
                },
            }
        }
    }
    listed = runner.collected(task("cargo"), Ended(runner.command(task("cargo"), tools), 0, json.dumps(told).encode()))
    assert [(item.name, item.tests) for item in listed.items] == [("a::it whole", ("a::it whole",))]
    alone = runner.command(task("cargo", tests=("a::it whole",)), tools)
    assert alone.argv[-2:] == ("-E", "(binary_id(=a::it) & test(=whole))")
    assert "--workspace" in alone.argv
    assert "--partition=count:2/3" in runner.command(task("cargo", index=2, count=3), tools).argv
    assert runner.most_shards(Suite(name="s", framework="cargo"), tools) is None
    # It runs no documentation: that is cargo's own.
    assert runner.most_shards(DOCUMENTATION, tools) == 1
    assert "nextest" not in runner.command(task("cargo", suite=DOCUMENTATION), tools).argv
    with pytest.raises(WorkerError, match="nextest did not list its tests: error: no"):
        runner.collected(task("cargo"), Ended(alone, 101, b"", b"   Compiling a\nerror: no\n"))


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ("py.sh python -X dev", "py.sh python -X dev CHILD discover -s . -t . -p test*.py -v"),
        ("python -m unittest", "python CHILD discover -s . -t . -p test*.py -v"),
        ("coverage run -m unittest -b -k one", "coverage run CHILD discover -s . -t . -p test*.py -v -b -k one"),
        ("python -m unittest -f tests.test_a", "python CHILD tests.test_a -v -f"),
        ("python -m unittest --durations 5", "python CHILD discover -s . -t . -p test*.py -v --durations 5"),
        ("python -m unittest discover -f lib", "python CHILD --top lib discover -s lib -t lib -p test*.py -v -f"),
        ("python -m unittest discover -s tests -t . -p *t.py", "python CHILD discover -s tests -t . -p *t.py -v"),
        (
            "python -m unittest discover -sa -k x --pattern=*.py",
            "python CHILD --top a discover -s a -t a -p *.py -v -k x",
        ),
        ("python -m unittest discover a *.py b", "python CHILD --top b discover -s a -t b -p *.py -v"),
    ],
)
def test_a_command_of_unittest_s_own_is_read(own, words):
    """It names the tests as it would by itself; they are listed, and run one by one, by the same words."""
    runner = load("unittest")
    suite = Suite(name="s", framework="unittest", command=tuple(own.split()))
    assert runner.unavailable(suite, TOOLS) is None
    script = str(Path(unittest_runner.__file__).parent / "children" / "fanfold_unittest.py")
    made = (
        runner.command(task("unittest", suite=suite), TOOLS),
        runner.collecting(task("unittest", suite=suite), TOOLS),
    )
    run, listing = (" ".join(command.argv).replace(script, "CHILD") for command in made if command)
    assert run == words
    assert sorted(listing.split()) == sorted(words.replace(" -v", " --list", 1).split())
    alone = runner.command(task("unittest", suite=suite, tests=("a.T.b",)), TOOLS)
    assert " ".join(alone.argv).replace(script, "CHILD").startswith(words.partition("CHILD")[0] + "CHILD")
    assert "a.T.b" in alone.argv
    assert "discover" not in alone.argv


def test_a_command_that_does_not_call_unittest_is_refused_in_a_line():
    """And says what can be done."""
    why = load("unittest").unavailable(Suite(name="s", framework="unittest", command=("make", "test")), TOOLS)
    assert why is not None
    assert "(make test) calls neither python -m unittest nor Python" in why
    assert 'framework = "command"' in why


def test_a_report_of_ctest_that_says_no_more_than_fail(tmp_path):
    """Before version 3.26: what is printed tells of an abort, also of a test whose name has spaces."""
    runner = load("ctest")
    one = replace(task("ctest", suite=Suite(name="s", framework="ctest", command=("ctest",))), scratch=tmp_path)
    command = runner.command(one, TOOLS)
    cases = "".join(f'<testcase name="{name}" status="fail"><failure message=""/></testcase>' for name in ("a b", "c"))
    (tmp_path / "ctest.xml").write_text(f"<testsuite>{cases}</testsuite>")
    printed = (
        b"1/2 Test #3: a b ..............Subprocess aborted***Exception:   0.01 sec\n"
        b"2/2 Test #4: c ................***Exception: SegFault  0.00 sec\n"
    )
    read = runner.results(one, Ended(command, 8, printed)).cases
    assert [(case.name, case.verdict.value, case.attempts[-1].message) for case in read] == [
        ("a b", "crashed", "Exception: Subprocess aborted"),
        ("c", "crashed", "Exception: SegFault"),
    ]


def test_playwright_lists_its_tests(tmp_path):
    """By file, under the names by which they are reported; what can't be listed is said in a line."""
    runner = load("playwright")
    one = replace(task("playwright"), scratch=tmp_path)
    command = runner.collecting(one, TOOLS)
    assert command is not None
    assert command.argv[-3:] == ("test", "--list", "--reporter=json")
    with pytest.raises(WorkerError, match="playwright wrote no report \\(exit code 1\\): no such file"):
        runner.collected(one, Ended(command, 1, b"", b"no such file\n"))
    Path(command.results[0]).write_bytes((RECORDED / "playwright-hooks.json").read_bytes())
    items = runner.collected(one, Ended(command, 0)).items
    assert [(item.name, len(item.tests)) for item in items] == [("tests/crash.spec.js", 3), ("tests/odd.spec.js", 13)]
    reported = read_playwright((RECORDED / "playwright-hooks.json").read_bytes(), Place(ROOT)).cases
    assert {test for item in items for test in item.tests} == {case.native for case in reported}


def test_a_name_on_several_lines_is_asked_for_on_one():
    """A report folds lines: what is copied from there has to be the same name."""
    assert pattern_of(("two\nlines", "a\tb\x7f")) == r"^(two\x0alines|a\x09b\x7f)$"


def test_a_crash_that_maven_does_not_fail_for(tmp_path):
    """Surefire 2.22 under maven.test.failure.ignore, as it was recorded: no report, and exit code 0."""
    runner = load("maven")
    one = replace(task("maven"), root=tmp_path)
    source = tmp_path / "web" / "src" / "test" / "java" / "web" / "AExitTest.java"
    source.parent.mkdir(parents=True)
    source.write_text("")
    said = (RECORDED / "surefire-crash.txt").read_bytes()
    (case,) = runner.results(one, Ended(runner.command(one, TOOLS), 0, said)).cases
    assert (case.file, case.name, case.native, case.verdict.value) == (
        "web/src/test/java/web/AExitTest.java",
        "web.AExitTest",
        "web.AExitTest",
        "crashed",
    )


@pytest.mark.parametrize(
    ("name", "native"),
    [
        ("org.A::f", "org.A#f"),
        ("org.A::rows{int}[3]", "org.A#rows"),
        ("org.A::rows(int)[3]", "org.A#rows"),
        ("org.A::row[2]", "org.A#row"),
        ("org.A$Inner::f", "org.A$Inner#f"),
        ("org.A::classMethod", "org.A"),
        ("org.A::initializationError", "org.A"),
        ("org.A", "org.A"),
        ("org.A::a display name", "org.A"),
    ],
)
def test_a_method_is_asked_for_without_its_parameters(name, native):
    """In the spellings of Surefire 2 and 3, Gradle and JUnit 4; what is around a class's tests is the class."""
    (case,) = with_natives(Reading((Case(name=name),))).cases
    assert case.native == native


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (b"openjdk 17\nVM\n* What went wrong:\nNo tests found\n", "* What went wrong: / No tests found"),
        (
            b"[INFO] Scanning\n[ERROR] COMPILATION ERROR : \n[ERROR] X.java\n",
            "[ERROR] COMPILATION ERROR : / [ERROR] X.java",
        ),
        (b"   Compiling a\nerror[E0425]: no value\n", "error[E0425]: no value"),
        (b"one\ntwo\nthree\nfour\n", "one / two / three"),
    ],
)
def test_why_nothing_ran_begins_where_the_error_is(said, shown):
    """Build tools speak of themselves first."""
    reading = explained(Reading(), Ended(load("gradle").command(task("gradle"), TOOLS), 1, said), "no tests")
    assert reading.error == f"no tests (exit code 1): {shown}"


@pytest.mark.parametrize(
    ("prefix", "reaches"),
    [
        (("uv", "run"), True),
        (("pipenv", "run"), True),
        (("docker", "run", "image"), False),
        (("/opt/hatch", "-e", "test", "run"), False),
    ],
)
def test_the_reporter_is_not_injected_where_it_is_cut_off(prefix, reaches):
    """Hatch starts what it runs without the sockets that it was handed."""
    assert can_inject(Suite(name="s", framework="pytest"), Environment(prefix=prefix)) is reaches


def test_of_a_snapshot_that_was_not_written_it_is_said_why(tmp_path):
    """A new one fails in a run that writes none, and passes where a person runs jest: that is said in a note."""
    said = "Error: expect(received).toMatchSnapshot()\n\nNew snapshot was not written. The update flag must be passed"
    failed = {"title": "b", "status": "failed", "failureMessages": [said]}
    report = {"testResults": [{"name": "/repo/a.test.js", "status": "failed", "assertionResults": [failed]}]}
    (tmp_path / "jest.json").write_text(json.dumps(report))
    one = replace(task("jest"), scratch=tmp_path)
    reading = load("jest").results(one, Ended(load("jest").command(one, TOOLS), 1))
    assert [note for note in reading.notes if "--ci" in note]
