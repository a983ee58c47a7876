"""Suites of other frameworks: listed, split, run under the same limits, read back, and rerun."""

from __future__ import annotations

import shutil
import stat

import pytest

from fanfold.engine.watched import Limits
from fanfold.runners.base import Item
from fanfold.skills.parallel_test.rests import AT_ITS_LIMIT, rests_of
from fanfold.suites import Case, Suite, TestAttempt, TestVerdict

CASES = """
    import unittest
    class Case{n}(unittest.TestCase):
        def test_passes(self): pass
        def test_fails(self): self.assertEqual(1, 2)
"""


def test_a_suite_is_listed_split_and_rerun(project):
    """unittest: every test of every module has its verdict, a failure is rerun alone, durations come back."""
    files = {f"test_{n}.py": CASES.format(n=n) for n in range(4)}
    done = project.write(files).run(framework="unittest", retries=1)
    assert len(done.run.cases) == 8
    assert done.run.record.collected == 8
    assert done.run.record.totals.passed == 4
    assert {tuple(attempts) for attempts in done.attempts.values()} == {("passed",), ("failed", "failed")}
    assert set(done.kinds.values()) == {"regression"}
    assert len(done.run.shards) > 1
    assert set(done.run.durations) == {f"test_{n}" for n in range(4)}


def test_a_process_that_hangs_keeps_what_it_told(project):
    """At its limit the process is ended; the tests before the hang have their verdicts, the others get them after."""
    text = """
        import time, unittest
        class Case(unittest.TestCase):
            def test_a(self): pass
            def test_b(self): time.sleep(60)
            def test_c(self): pass
    """
    done = project.write({"test_a.py": text}).run(framework="unittest", limits=Limits(timeout_s=3, grace_s=0.3))
    verdicts = {name.rpartition(".")[2]: verdict for name, verdict in done.verdicts.items()}
    assert verdicts["test_a"] == "passed"
    assert verdicts["test_b"] == "timed_out"
    assert verdicts["test_c"] == "passed"
    assert done.run.shards[0].status == "timed_out"
    assert done.run.record.error is None
    assert "shard 1 of 1 was ended at its time limit" in done.run.record.notes[-1]


SLOW_MOCHA = """#!/bin/sh
case "$*" in *--dry-run*) exit 1 ;; esac
case "$*" in *test/*) ;; *) set -- "$@" test/a.js test/b.js test/hang.js ;; esac
case "$*" in *hang*) sleep 60 ;; esac
tests=""
for word; do case "$word" in output=*) report=${word#output=} ;; test/*)
  tests="$tests${tests:+,}{\\"title\\": \\"a\\", \\"fullTitle\\": \\"a\\", \\"file\\": \\"$PWD/$word\\"}" ;; esac; done
echo "{\\"tests\\": [$tests], \\"passes\\": [$tests]}" > "$report"
"""


def test_only_the_file_that_hangs_is_lost(project):
    """Where a framework tells all at its end each file of a process that was ended is run again in one of its own."""
    files = {"package.json": "{}", "mocha": SLOW_MOCHA}
    written = project.write(files)
    (written.root / "mocha").chmod(0o755)
    names = ("test/a.js", "test/b.js", "test/hang.js")
    limits = Limits(timeout_s=1.5, grace_s=0.2)
    command = (f"{written.root}/mocha",)
    done = written.run(framework="mocha", command=command, files=names, shards=1, limits=limits)
    assert sorted((case.file, case.name, case.verdict.value) for case in done.run.cases) == [
        ("test/a.js", "a", "passed"),
        ("test/b.js", "a", "passed"),
        ("test/hang.js", "(the file itself)", "timed_out"),
    ]
    assert done.run.record.error is None


PANICS = """
    package m
    import "testing"
    func TestPanics(t *testing.T) { panic("no") }
    func TestLater(t *testing.T) { t.Run("in", func(t *testing.T) {}) }
    func TestLast(t *testing.T) { t.Fatal("bad") }
"""


@pytest.mark.skipif(shutil.which("go") is None, reason="go not installed")
def test_what_waits_behind_a_panic_is_run_without_it(project):
    """The tests that a package's process had not got to when one took it along have a verdict all the same."""
    files = {"go.mod": "module example.com/m\n\ngo 1.19\n", "a_test.go": PANICS}
    done = project.write(files).run(framework="go", files=("a_test.go",), retries=1)
    assert done.verdicts == {"TestPanics": "failed", "TestLater/in": "passed", "TestLast": "failed"}
    assert done.kinds == {"TestPanics": "regression", "TestLast": "regression"}


MIXED = (Item("a.js"), Item("b.js", ("b.js::x", "b.js::y")), Item("c.js"))


@pytest.mark.parametrize(
    ("told", "known", "expected"),
    [
        ((), False, [(("a.js",), ()), (("c.js",), ()), (("b.js",), ())]),
        (("b.js::x",), True, [((), ("b.js::y",)), (("a.js", "c.js"), ())]),
        (("b.js::x", "b.js::y"), True, [(("a.js", "c.js"), ())]),
        (("b.js::x", "b.js::y", "a.js::z", "c.js::z"), True, []),
    ],
)
def test_what_a_process_had_not_got_to(told, known, expected):
    """Is it known which test hung, all else is run in one process; is it not, each file in one of its own."""
    said = TestAttempt(outcome=TestVerdict.TIMED_OUT, message=AT_ITS_LIMIT if known else "Timeout of 20ms exceeded")
    cases = [Case(file=name.partition("::")[0], name=name, native=name, attempts=(said,)) for name in told]
    rests = rests_of(MIXED, cases, Suite(name="s", framework="mocha"), alone=True)
    assert [(rest.names, rest.tests) for rest in rests] == expected


def test_what_is_left_of_many_files_is_run_in_few_processes():
    """Not a process for each of hundreds."""
    rests = rests_of([Item(f"{n}.js") for n in range(1000)], (), Suite(name="s", framework="jest"), alone=True)
    assert len(rests) <= 24
    assert len({name for rest in rests for name in rest.names}) == 1000


def test_what_is_not_installed_is_named(project):
    """A runner whose tool is missing says which, and how to get it; the job has no shards."""
    done = project.write({"a.bats": "@test 'a' { true; }\n"}).run(framework="bats", path="/nowhere")
    assert done.run.shards == ()
    assert "bats is not installed" in done.run.record.error


def test_behind_a_prefix_that_leads_away_pytest_is_read_from_its_file(project):
    """Where the reporter can't be injected pytest runs in one process, and is read back from its JUnit file."""
    program = project.root / "docker"
    program.write_text('#!/bin/sh\nshift 2\nexec "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    text = "def test_a(): pass\ndef test_b(): assert 0\n"
    done = project.write({"test_a.py": text}).run(prefix=(str(program), "run", "image"), retries=1)
    assert done.attempts == {"test_a": ["passed"], "test_b": ["failed", "failed"]}
    assert done.run.record.shards == 1


def test_a_crash_of_a_whole_process_is_said(project):
    """A process that a signal ends is a crashed shard, with its last words."""
    text = """
        import ctypes, unittest
        class Case(unittest.TestCase):
            def test_a(self): pass
            def test_b(self): ctypes.string_at(0)
    """
    done = project.write({"test_a.py": text}).run(framework="unittest")
    assert done.run.shards[0].status == "crashed"
    assert "test_b" in " ".join(done.verdicts)
    assert "passed" in done.verdicts.values()
    assert "\n" not in done.run.record.error


BATS = """@test "passes" { true; }
@test "fails" { false; }
@test "fails too" { false; }
"""


@pytest.mark.skipif(shutil.which("bats") is None, reason="bats not installed")
def test_a_test_that_was_named_is_all_that_is_reported(project):
    """Its file runs as a whole; what fails there beside it is nobody's question, unless a file was asked for."""
    written = project.write({"a.bats": BATS})
    done = written.run(framework="bats", files=("a.bats",), chosen=lambda case: case.name == "fails", by_name=True)
    assert done.verdicts == {"fails": "failed"}
    done = written.run(framework="bats", files=("a.bats",), chosen=lambda case: case.name == "fails")
    assert done.verdicts == {"fails": "failed", "fails too": "failed"}


MAVEN = """#!/bin/sh
mkdir -p target/surefire-reports
case "$*" in *-Dtest=*) second="" ;; *) second='<failure message="two"/>' ;; esac
cat > target/surefire-reports/TEST-A.xml <<END
<testsuite name="A"><testcase classname="A" name="rows{int}[1]"><failure message="one"/></testcase>
<testcase classname="A" name="rows{int}[2]">$second</testcase></testsuite>
END
"""


def test_of_tests_that_are_rerun_together_each_has_its_own_verdict(project):
    """Surefire runs a method with all its parameters: one that passes then is flaky, though its neighbour fails."""
    files = {"pom.xml": "", "src/test/java/A.java": "", "mvn": MAVEN}
    written = project.write(files)
    (written.root / "mvn").chmod(0o755)
    # As discovery has it: one maven at a time in a folder.
    done = written.run(framework="maven", path=f"{written.root}:/usr/bin:/bin", retries=1, workers=1)
    assert done.attempts == {
        "A::rows{int}[1]": ["failed", "failed"],
        "A::rows{int}[2]": ["failed", "passed"],
    }


MOCHA = """#!/bin/sh
case "$*" in *--dry-run*) exit 1 ;; esac
case "$*" in *broken*) echo 'Error: Cannot find module x' >&2; exit 1 ;; esac
for word; do case "$word" in output=*) report=${word#output=} ;; test/*) file=$word ;; esac; done
test='[{"title": "a", "fullTitle": "a", "file": "'$PWD/$file'"}]'
echo "{\\"tests\\": $test, \\"passes\\": $test}" > "$report"
"""


def test_what_can_not_be_listed_is_run_file_by_file(project):
    """One file that does not load keeps mocha from naming any: the others are run all the same, and it is not lost."""
    files = {"package.json": "{}", "test/a.js": "", "test/broken.js": "", "test/c.js": "", "mocha": MOCHA}
    written = project.write(files)
    (written.root / "mocha").chmod(0o755)
    names = ("test/a.js", "test/broken.js", "test/c.js")
    done = written.run(framework="mocha", command=(f"{written.root}/mocha",), files=names)
    assert sorted((case.file or case.name, case.verdict.value) for case in done.run.cases) == [
        ("test/a.js", "passed"),
        ("test/broken.js", "not_run"),
        ("test/c.js", "passed"),
    ]
    assert "Cannot find module x" in done.run.record.error


NODE_TEST = "const { test } = require('node:test');\n"


@pytest.mark.skipif(shutil.which("node") is None, reason="node not installed")
def test_a_file_that_does_not_load_is_a_regression(project):
    """It fails whenever it is loaded, so that it is not run again; is a package missing, it is the environment."""
    files = {"a.js": NODE_TEST, "b.js": "require('./nothing')\n", "c.js": "require('left-pad-is-not-here')\n"}
    done = project.write(files).run(framework="node", files=tuple(files), retries=1)
    kinds = {settled.case.file: settled.kind.value for settled in done.run.settled}
    assert kinds == {"b.js": "regression", "c.js": "environment"}
    assert {len(case.attempts) for case in done.run.cases} == {1}
