"""Results read back: recorded outputs of the tools, and what a broken, hostile or strange one becomes."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.runners.command import read_any
from fanfold.runners.results.attempts import failed_or_timed_out
from fanfold.runners.results.cargo import read_cargo, read_nextest
from fanfold.runners.results.ctrf import read_ctrf
from fanfold.runners.results.frames import frames_of
from fanfold.runners.results.gotest import read_go
from fanfold.runners.results.jest import read_jest
from fanfold.runners.results.junit import read_junit
from fanfold.runners.results.minitest import read_minitest
from fanfold.runners.results.mocha import read_mocha
from fanfold.runners.results.node_test import read_node
from fanfold.runners.results.place import Place
from fanfold.runners.results.playwright import read_playwright
from fanfold.runners.results.rspec import read_rspec
from fanfold.runners.results.tap import read_tap
from fanfold.runners.results.trx import read_trx
from fanfold.runners.results.unittest_lines import read_unittest
from fanfold.runners.results.vitest import completed
from fanfold.suites import Frame, TestVerdict, results_of

RECORDED = Path(__file__).parent / "recorded"
PLACE = Place(Path("/repo"))
V = TestVerdict


def recorded(name):
    return (RECORDED / name).read_bytes()


def told(reading):
    """Return the verdicts by file and name, in order."""
    return [(case.file, case.name, case.verdict.value) for case in reading.cases]


def case(reading, name):
    return next(one for one in reading.cases if one.name == name)


def test_junit_of_pytest():
    """Classes are part of names, parameters are set apart, an expected failure is one, a name may come twice."""
    reading = read_junit(recorded("pytest.xml"), PLACE)
    assert told(reading) == [
        ("", "tests.test_a::test_fine", "passed"),
        ("", "tests.test_a.TestX::test_bad[one-2]", "failed"),
        ("", "tests.test_a::test_broken", "error"),
        ("", "tests.test_a::test_off", "skipped"),
        ("", "tests.test_a::test_known", "xfailed"),
        ("", "tests.test_a::test_fine", "passed"),
    ]
    bad = reading.cases[1]
    assert bad.parameters == "one-2"
    assert bad.attempts[0].frames == (Frame(path="tests/test_a.py", line=7),)
    assert bad.attempts[0].error_type == "AssertionError"
    assert len({result.id for result in results_of(reading.cases, "unit")}) == 6


def test_junit_of_surefire():
    """What Surefire tried again by itself are attempts; one that timed out did."""
    reading = read_junit(recorded("surefire.xml"), PLACE)
    assert [(name.rpartition("::")[2], verdict) for _, name, verdict in told(reading)] == [
        ("fine", "passed"),
        ("bad", "failed"),
        ("wobbly(int)[1]", "flaky"),
        ("late", "timed_out"),
        ("off", "skipped"),
    ]
    bad = reading.cases[1]
    assert [attempt.message for attempt in bad.attempts] == ["expected: <1> but was: <2>", "again"]
    assert bad.attempts[0].frames[-1].function == "org.junit.jupiter.api.AssertionUtils.fail"
    assert bad.attempts[0].output == "hello"


def test_junit_of_phpunit():
    """Suites inside suites; the file stands at the test."""
    reading = read_junit(recorded("phpunit.xml"), PLACE)
    assert told(reading)[:2] == [
        ("tests/ATest.php", "App.ATest::testFine", "passed"),
        ("tests/ATest.php", "App.ATest::testBad", "failed"),
    ]
    assert len(reading.cases) == 6
    assert reading.cases[1].attempts[0].frames[-1] == Frame(path="tests/ATest.php", line=5)


def test_junit_of_nextest_and_ctest():
    """Reports of native tools."""
    assert [v for _, _, v in told(read_junit(recorded("nextest.xml"), PLACE))].count("failed") == 2
    assert len(read_junit(recorded("ctest.xml"), PLACE).cases) == 5


BOMB = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;">]>
<testsuite><testcase name="&lol2;"/></testsuite>"""
OUTSIDE = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><testsuite><testcase name="&x;"/></testsuite>'


@pytest.mark.parametrize("data", [BOMB, OUTSIDE])
def test_entities_are_never_expanded(data):
    """A bomb, and a file that is not the test's to read: one clear line, and nothing else."""
    reading = read_junit(data, PLACE)
    assert reading.cases == ()
    assert "entities" in reading.notes[0]
    assert "\n" not in reading.notes[0]


def test_xml_that_is_cut_off_keeps_what_had_ended():
    """The test that was being written is not taken for one that passed."""
    data = b'<testsuite><testcase name="a"/><testcase name="b"><failure message="no"/></testcase><testcase name="c"'
    assert [name for _, name, _ in told(read_junit(data, PLACE))] == ["a", "b"]
    reading = read_junit(data + b"><system-out>hel", PLACE)
    assert [name for _, name, _ in told(reading)] == ["a", "b"]
    assert "2 tests were read before that" in reading.notes[0]


@pytest.mark.parametrize("data", [b"", b"<", b"hello", b"\x00\xff", b"<html/>", b"<a>" * 5000])
def test_what_is_no_report_is_one_note(data):
    """Whatever else is found in its place."""
    reading = read_junit(data, PLACE)
    assert reading.cases == ()
    assert len(reading.notes) == 1


def test_control_characters_in_xml():
    """They have no place in XML, and tools write them all the same: the report is read, and they are replaced."""
    data = (
        b'<testsuite><testcase name="a\x1b[31m"/><testcase name="b&#27;&#x0;"/><testcase name="c&#10;d"/></testsuite>'
    )
    reading = read_junit(data, PLACE)
    assert [name for _, name, _ in told(reading)] == ["a?[31m", "b??", "c\nd"]
    assert reading.notes == ()


@given(st.binary(max_size=400))
def test_no_reader_fails_for_what_it_is_given(data):
    """Bytes of any kind are read as nothing, or as what they hold; every test has a name and an attempt."""
    one = (read_any, read_junit, read_trx, read_ctrf, read_tap, read_jest, read_mocha, read_node, read_rspec)
    readings = [read(data, PLACE) for read in (*one, read_unittest, read_playwright, read_nextest)]
    readings += [read(data, data, PLACE) for read in (read_cargo, read_minitest, read_go)]
    for reading in readings:
        assert all(case.name and case.attempts for case in reading.cases)
        assert not any("\n" in note for note in reading.notes)


# Without those in which a part of a name, or what a name is made of, may be cut off.
NAMES = ("pytest.xml", "surefire.xml", "phpunit.xml", "ctrf.json", "jest.json", "mocha.json", "rspec.json", "ctest.xml")


@given(st.sampled_from(NAMES), st.floats(0, 1))
def test_a_report_that_is_cut_off_never_says_more(name, share):
    """Of a part of a report come no tests that are not in the whole, nor better verdicts."""
    data = recorded(name)
    whole = told(read_any(data, PLACE))
    part = read_any(data[: int(len(data) * share)], PLACE)
    assert not set(told(part)) - set(whole)


def test_trx():
    """Classes stand before names, rows of a theory are set apart, a clock is seconds."""
    reading = read_trx(recorded("dotnet.trx"), PLACE)
    assert [(name, verdict) for _, name, verdict in told(reading)] == [
        ("Acme.Tests.Sums.Adds", "passed"),
        ("Acme.Tests.Sums.Row(a: 1, b: 2)", "failed"),
        ("Acme.Tests.Sums.Later", "skipped"),
    ]
    row = reading.cases[1]
    assert (row.native, row.parameters) == ("Acme.Tests.Sums.Row", "a: 1, b: 2")
    assert row.attempts[0].frames[0].path == "tests/Sums.cs"
    assert reading.cases[0].attempts[0].duration_s == 1.5


def test_ctrf():
    """Retries are attempts; an entry that is no test is named, and the others kept."""
    reading = read_ctrf(recorded("ctrf.json"), PLACE)
    assert told(reading) == [
        ("src/sums.test.ts", "sums > adds", "passed"),
        ("", "sums > hard > breaks", "failed"),
        ("", "wobbles", "flaky"),
        ("", "later", "skipped"),
    ]
    assert reading.cases[0].attempts[0].duration_s == 0.012
    assert "test 5" in reading.notes[0]


def test_tap_of_node():
    """Subtests are the tests; what is around them isn't, unless it failed by itself."""
    assert told(read_tap(recorded("node.tap"), PLACE)) == [
        ("", "outer > fine", "passed"),
        ("n/a.test.mjs", "outer > bad", "failed"),
        ("", "outer > later", "skipped"),
        ("", "outer > todo", "passed"),
        ("", "outer > nl\\nx", "passed"),
        ("", "top > sub", "passed"),
        ("n/b.test.mjs", "/repo/n/b.test.mjs", "failed"),
    ]


def test_tap_of_bats():
    """Comments behind a point say what failed, and the time stands in the name."""
    reading = read_tap(recorded("bats.tap"), PLACE)
    assert [(name, verdict) for _, name, verdict in told(reading)] == [
        ("fine", "passed"),
        ("bad", "failed"),
        ("later", "skipped"),
    ]
    assert reading.cases[1].attempts[0].frames[-1] == Frame(path="a.bats", line=2)
    assert reading.cases[0].attempts[0].duration_s is not None


def test_tap_that_breaks_its_promises():
    """A point that was planned and never came is lost, a bail-out is the error, a `todo` may fail."""
    text = "1..4\nok 1 - a # comment\nnot ok 2 - b # TODO not yet\nok - c \\# not a comment\nBail out! no disk\n"
    reading = read_tap(text.encode(), PLACE)
    assert [(name, verdict) for _, name, verdict in told(reading)] == [
        ("a # comment", "passed"),
        ("b", "xfailed"),
        ("c # not a comment", "passed"),
        ("test 4", "lost"),
    ]
    assert reading.error == "it bailed out: no disk"
    assert read_tap(b"1..0 # SKIP wrong system\n", PLACE).notes == ("everything was skipped: wrong system",)


def test_yaml_that_would_grow_is_not_read():
    """A block of aliases of aliases is left out, and the point is kept."""
    block = "  a: &a [x, x]\n  b: &b [*a, *a]\n  c: [*b, *b]\n  duration_ms: 3\n"
    reading = read_tap(f"TAP version 14\n1..1\nnot ok 1 - a\n  ---\n{block}  ...\n".encode(), PLACE)
    assert told(reading) == [("", "a", "failed")]
    assert reading.cases[0].attempts[0].duration_s is None


def test_jest():
    """Titles are joined, a file that does not load is an error of its own."""
    reading = read_jest(recorded("jest.json"), PLACE)
    assert told(reading) == [
        ("t/a.test.cjs", "outer > fine", "passed"),
        ("t/a.test.cjs", "outer > bad", "failed"),
        ("t/a.test.cjs", "outer > later", "skipped"),
        ("t/a.test.cjs", "outer > todo", "skipped"),
        ("t/a.test.cjs", "outer > each 1", "passed"),
        ("t/a.test.cjs", "outer > each 2", "passed"),
        ("t/a.test.cjs", "outer > fine", "passed"),
        ("t/b.test.cjs", "(the file itself)", "error"),
    ]
    assert reading.cases[1].attempts[0].frames[-1] == Frame(path="t/a.test.cjs", line=1, function="Object.<anonymous>")


def test_jest_names_a_hook_that_failed_behind_the_last_test():
    """As recorded: it is in the message of its file alone, after those of the tests that failed."""
    reading = read_jest(recorded("jest-hooks.json"), PLACE)
    assert told(reading) == [
        ("test/a.test.js", "outer > fine", "passed"),
        ("test/a.test.js", "setup > first", "failed"),
        ("test/a.test.js", "each > one", "failed"),
        ("test/a.test.js", "teardown > one", "passed"),
        ("test/a.test.js", "(the file itself)", "error"),
    ]
    broken = reading.cases[-1].attempts[0]
    assert str(broken.message).startswith("● Test suite failed to run\n\n    after")
    assert [frame.line for frame in broken.frames] == [16]


def test_what_vitest_says_in_its_junit_report_alone():
    """As recorded: hooks that failed, what they kept from being run, and that a test timed out."""
    junit = read_junit(recorded("vitest-hooks.xml"), PLACE)
    reading = completed(read_jest(recorded("vitest-hooks.json"), PLACE), junit)
    assert [(name, verdict) for _, name, verdict in told(reading)] == [
        ("outer > fine", "passed"),
        ("outer > bad", "failed"),
        ("outer > off", "skipped"),
        ("outer > two\nlines", "failed"),
        ("outer > hangs", "timed_out"),
        ("setup > first", "not_run"),
        ("setup > second", "not_run"),
        ("each > one", "failed"),
        ("teardown > one", "passed"),
        ("setup (a hook)", "error"),
        ("teardown (a hook)", "error"),
    ]
    assert {one.file for one in reading.cases} == {"test/a.test.js"}
    assert case(reading, "setup (a hook)").attempts[0].message == "no database"
    assert case(reading, "setup > first").attempts[0].message == "not run, since a hook of 'setup' had failed"
    assert str(case(reading, "outer > hangs").attempts[0].message).startswith("Test timed out in 500ms.")


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ("Timeout of 500ms exceeded. For async tests", V.TIMED_OUT),
        ('thrown: "Exceeded timeout of 500 ms for a test.', V.TIMED_OUT),
        ("Test timed out in 500ms.", V.TIMED_OUT),
        ("expected 'timeout' to be 'Timeout of'", V.FAILED),
        ("Error: no\nTest timed out in 500ms.", V.FAILED),
        (None, V.FAILED),
    ],
)
def test_a_test_that_took_too_long_in_nodes_frameworks(said, verdict):
    """By their own words in the first line."""
    assert failed_or_timed_out(said) is verdict


def test_a_hook_of_mocha_is_run_again_with_its_test():
    """Its own title names no test that mocha could find."""
    titles = ['a b "before all" hook for "c d"', '"after each" hook: close for "c"', 'odd "before all" hook']
    failures = [{"title": "t", "fullTitle": title, "file": "/repo/a.js", "err": {"message": "no"}} for title in titles]
    reading = read_mocha(json.dumps({"tests": [], "failures": failures}).encode(), PLACE)
    assert [one.native for one in reading.cases] == ["a.js::a b c d", "a.js::c", 'a.js::odd "before all" hook']


def test_vitest_before_its_second_version():
    """Its JSON has messages without a stack, which is in the other one, and a group without a name for the file."""
    junit = read_junit(recorded("vitest-1.xml"), PLACE)
    reading = completed(read_jest(recorded("vitest-1.json"), PLACE), junit)
    assert told(reading)[:3] == [
        ("test/broken.test.ts", "(the file itself)", "error"),
        ("test/cart.test.ts", "cart > fills the shared", "passed"),
        ("test/cart.test.ts", "cart > empty total", "failed"),
    ]
    failed = case(reading, "cart > empty total")
    assert failed.native == "test/cart.test.ts:: cart empty total"
    assert failed.line is None, "the one it tells is that of another file"
    assert failed.attempts[0].error_type == "TypeError"
    assert [(frame.path, frame.line, frame.function) for frame in failed.attempts[0].frames] == [
        ("test/cart.test.ts", 6, ""),
        ("src/cart.ts", 5, "Cart.total"),
    ]


def test_vitest():
    """The failures before a success are the attempts that vitest made."""
    reading = read_jest(recorded("vitest.json"), PLACE)
    flaky = case(reading, "outer > flaky")
    assert [attempt.outcome for attempt in flaky.attempts] == [V.FAILED, V.PASSED]
    assert told(reading)[-1] == ("v/b.spec.js", "(the file itself)", "error")


def test_mocha():
    """A hook that failed is an error; a test that mocha tried again is flaky."""
    assert told(read_mocha(recorded("mocha.json"), PLACE)) == [
        ("m/a.cjs", "outer fine", "passed"),
        ("m/a.cjs", "outer bad", "failed"),
        ("m/a.cjs", "outer later", "skipped"),
        ("m/a.cjs", "outer pending", "skipped"),
        ("m/a.cjs", "outer flaky", "flaky"),
        ("m/a.cjs", 'hooks "before all" hook for "never"', "error"),
    ]


def test_playwright():
    """A test for each project, an attempt for each try; a test that says it fails and does."""
    reading = read_playwright(recorded("playwright.json"), PLACE)
    assert told(reading) == [
        ("e2e/login.spec.ts", "[chromium] opens", "passed"),
        ("e2e/login.spec.ts", "[firefox] opens", "flaky"),
        ("e2e/login.spec.ts", "[chromium] form > refuses", "failed"),
        ("e2e/login.spec.ts", "form > known", "xfailed"),
        ("e2e/login.spec.ts", "form > off", "skipped"),
    ]
    assert reading.cases[1].attempts[0].outcome is V.TIMED_OUT


def test_playwright_names_what_did_not_run():
    """As recorded: behind a failed hook a test was not run, and one in which its worker left is a crash."""
    reading = read_playwright(recorded("playwright-hooks.json"), PLACE)
    verdicts = {one.name: one.verdict.value for one in reading.cases}
    assert verdicts["leaves"] == "crashed"
    assert (verdicts["after"], verdicts["setup > first"], verdicts["setup > second"]) == ("passed", "failed", "not_run")
    assert (verdicts["group > off"], verdicts["group > broken"]) == ("skipped", "skipped")
    assert (verdicts["group > known"], verdicts["group > should fail but passes"]) == ("xfailed", "failed")
    assert case(reading, "group > should fail but passes").attempts[0].message == "expected to fail, but passed"


def test_a_playwright_test_that_was_interrupted():
    """It was running when its process was told to end: whoever ended it knows why."""
    result = {"status": "interrupted", "workerIndex": 0}
    suite = {"file": "a.spec.ts", "specs": [{"title": "hangs", "file": "a.spec.ts", "tests": [{"results": [result]}]}]}
    reading = read_playwright(json.dumps({"suites": [suite]}).encode(), PLACE)
    assert told(reading) == [("a.spec.ts", "hangs", "crashed")]


def test_playwright_that_could_not_start():
    """Errors outside of any test are why nothing ran."""
    reading = read_playwright(b'{"suites": [], "errors": [{"message": "Error: no tests found\\nmore"}]}', PLACE)
    assert reading.error == "Error: no tests found"


def test_node():
    """Each test has its file; newlines in names stay; a process that ended is an error of its file."""
    reading = read_node(recorded("node.jsonl"), PLACE)
    assert told(reading) == [
        ("n/a.test.mjs", "outer > fine", "passed"),
        ("n/a.test.mjs", "outer > bad", "failed"),
        ("n/a.test.mjs", "outer > later", "skipped"),
        ("n/a.test.mjs", "outer > todo", "passed"),
        ("n/a.test.mjs", "outer > nl\nx", "passed"),
        ("n/a.test.mjs", "top > sub", "passed"),
        ("n/b.test.mjs", "(the file itself)", "failed"),
    ]
    assert reading.cases[1].attempts[0].error_type == "AssertionError"


@pytest.mark.parametrize(
    ("told_of_it", "says"),
    [
        (
            {"stderr": "node:internal\n  throw err;\n\nError: Cannot find module './x'\n    at y\n", "code": 1},
            "Error: Cannot find module './x'",
        ),
        ({"stderr": "SyntaxError: Unexpected token\n"}, "SyntaxError: Unexpected token"),
        ({"stderr": "bye\n", "code": 3}, "its process ended with exit code 3"),
        ({}, "test failed"),
    ],
)
def test_why_a_file_of_node_failed(told_of_it, says):
    """What its process wrote: node says no more than that it did."""
    test = {"name": "/repo/a.mjs", "nesting": 0, "file": "/repo/a.mjs", "failure": "testCodeFailure"}
    event = ["fail", {**test, "message": "test failed", **told_of_it}]
    (broken,) = read_node((json.dumps(event) + "\n").encode(), PLACE).cases
    assert broken.attempts[0].message == says


def test_node_that_was_ended():
    """A test that had started is crashed; a line that is cut off is nobody's."""
    start = json.dumps(["start", {"name": "a", "nesting": 1, "file": "/repo/a.mjs", "line": 1, "column": 1}])
    reading = read_node(f'{start}\n["pass", {{"na'.encode(), PLACE)
    assert told(reading) == [("a.mjs", "a", "crashed")]


def lines_of(*events):
    """Return lines of node's reporter: kind, name and depth of each event."""
    told = ([kind, {"name": name, "nesting": depth, "file": "/repo/a.mjs"}] for kind, name, depth in events)
    return "".join(json.dumps(one) + "\n" for one in told).encode()


def test_node_names_the_test_in_which_a_process_ended():
    """Also where its file's failure is all that is left; what was done in time is not it, what waited was not run."""
    whole = ("/repo/a.mjs", 0)
    data = lines_of(
        ("taken", *whole),
        ("taken", "fine", 0),
        ("done", "fine", 0),
        ("start", "fine", 0),
        ("pass", "fine", 0),
        ("queued", "outer", 0),
        ("queued", "later", 0),
        ("taken", "outer", 0),
        ("queued", "quick", 1),
        ("queued", "guilty", 1),
        ("queued", "after it", 1),
        ("taken", "quick", 1),
        ("done", "quick", 1),
        ("taken", "guilty", 1),
        ("done", *whole),
        ("start", *whole),
        ("fail", *whole),
    )
    assert told(read_node(data, PLACE)) == [
        ("a.mjs", "fine", "passed"),
        ("a.mjs", "later", "not_run"),
        ("a.mjs", "outer > guilty", "crashed"),
        ("a.mjs", "outer > after it", "not_run"),
    ]


def test_node_that_tells_late_what_is_done():
    """Where nothing says that a test is over, one whose result is held back is not taken for the guilty one."""
    data = lines_of(
        ("taken", "slow", 1),
        ("taken", "quick", 1),
        ("taken", "fine", 1),
        ("start", "fine", 1),
        ("pass", "fine", 1),
        ("start", "slow", 1),
    )
    assert told(read_node(data, PLACE)) == [("a.mjs", "fine", "passed"), ("a.mjs", "slow", "crashed")]


def test_go():
    """Tests around subtests don't count, a package that does not compile is an error, a panic is named."""
    reading = read_go(recorded("go.jsonl"), recorded("go.stderr.txt"), PLACE, module="example.com/m")
    assert sorted(told(reading)) == [
        ("a", "TestBad", "failed"),
        ("a", "TestOK", "passed"),
        ("a", "TestSkip", "skipped"),
        ("a", "TestSub/x_y", "passed"),
        ("a", "TestSub/z", "failed"),
        ("b", "example.com/m/b", "error"),
        ("c", "TestFine", "passed"),
        ("c", "TestPanic", "failed"),
    ]
    panic = case(reading, "TestPanic").attempts[0]
    assert panic.message == "panic: assignment to entry in nil map"
    assert panic.frames[-1].line == 4
    assert case(reading, "example.com/m/b").attempts[0].message == "b/b_test.go:3:33: undefined: undefined"


def test_go_that_was_ended():
    """A test that started and has no end took its process along; one that timed out did."""
    lines = [
        {"Action": "run", "Package": "m", "Test": "TestA"},
        {"Action": "output", "Package": "m", "Test": "TestA", "Output": "fatal error: all goroutines are asleep\n"},
        {"Action": "run", "Package": "m", "Test": "TestB"},
        {"Action": "output", "Package": "m", "Test": "TestB", "Output": "panic: test timed out after 1s\n"},
        {"Action": "fail", "Package": "m", "Test": "TestB"},
        {"Action": "build-output", "ImportPath": "n [n.test]", "Output": "n/a.go:1:1: broken\n"},
        {"Action": "build-fail", "ImportPath": "n [n.test]"},
    ]
    reading = read_go("\n".join(map(json.dumps, lines)).encode(), b"", PLACE)
    assert [(name, verdict) for _, name, verdict in told(reading)] == [
        ("TestA", "crashed"),
        ("TestB", "timed_out"),
        ("n", "error"),
    ]


def test_cargo():
    """Binaries are told apart by what cargo says on stderr; one that died is named with its signal."""
    reading = read_cargo(recorded("cargo.txt"), recorded("cargo.stderr.txt"), PLACE)
    assert sorted(told(reading)) == [
        ("src/lib.rs", "src/lib.rs - (line 1)", "passed"),
        ("src/lib.rs", "tests::bad", "failed"),
        ("src/lib.rs", "tests::fine", "passed"),
        ("src/lib.rs", "tests::later", "skipped"),
        ("src/lib.rs", "tests::panics", "passed"),
        ("tests/it.rs", "tests/it.rs", "crashed"),
    ]
    bad = case(reading, "tests::bad").attempts[0]
    assert bad.message == "assertion `left == right` failed: no"
    assert bad.frames[-1] == Frame(path="src/lib.rs", line=8)
    assert "SIGABRT" in (case(reading, "tests/it.rs").attempts[0].message or "")


def test_cargo_that_does_not_compile():
    """Nothing ran, and the first error says why."""
    assert read_cargo(b"", b"   Compiling a\nerror[E0425]: cannot find value\n", PLACE).error == (
        "error[E0425]: cannot find value"
    )


def test_nextest():
    """The same tests, a process each: a signal is a crash of one test."""
    reading = read_nextest(recorded("nextest.stderr.txt"), PLACE)
    assert sorted((name, verdict) for _, name, verdict in told(reading)) == [
        ("tiny::it::dies", "crashed"),
        ("tiny::it::fine", "passed"),
        ("tiny::it::whole", "passed"),
        ("tiny::tests::bad", "failed"),
        ("tiny::tests::fine", "passed"),
        ("tiny::tests::panics", "passed"),
    ]
    assert case(reading, "tiny::it::dies").attempts[0].message == "(test aborted with signal 6: SIGABRT)"


def test_nextest_of_a_workspace():
    """As recorded: a failure says why, and the files of a member's stack are seen from the workspace."""
    reading = read_nextest(recorded("nextest-workspace.stderr.txt"), PLACE)
    said = {one.name: one.attempts[0] for one in reading.cases if one.verdict not in {V.PASSED, V.SKIPPED}}
    assert {name: attempt.message for name, attempt in said.items()} == {
        "a::tests::bad": "a",
        "a::it::same": "assertion failed: false",
        "tiny::tests::bad": "assertion `left == right` failed: sum",
        "tiny::tests::errs": 'Error: "no"',
        "tiny::tests::should_panic_but_does_not": "note: test did not panic as expected at src/lib.rs:14:32",
        "tiny::crash::aborts": "(test aborted with signal 6: SIGABRT)",
        "tiny::crash::exits": "(test failed with exit code 3)",
    }
    assert {frame.path for frame in said["a::tests::bad"].frames if frame.inside} == {"a/src/lib.rs"}
    assert {frame.path for frame in said["tiny::tests::bad"].frames if frame.inside} == {"src/lib.rs"}


def test_cargo_of_a_workspace():
    """Two packages with a file of one name: what cargo tells of its artifacts says which is which."""
    artifact = (
        '{"reason":"compiler-artifact","target":{"src_path":"/repo/%s/src/lib.rs"},"executable":"/repo/t/%s-1"}\n'
    )
    tests = "\nrunning 1 test\ntest tests::same ... ok\n\ntest result: ok.\n"
    stdout = artifact % ("a", "a") + artifact % ("b", "b") + tests + tests
    stderr = "     Running unittests src/lib.rs (t/b-1)\n     Running unittests src/lib.rs (t/a-1)\n"
    reading = read_cargo(stdout.encode(), stderr.encode(), PLACE)
    assert told(reading) == [("b/src/lib.rs", "tests::same", "passed"), ("a/src/lib.rs", "tests::same", "passed")]


def test_rspec():
    """An example that is pending and fails is skipped as RSpec says; the class of an exception is kept."""
    reading = read_rspec(recorded("rspec.json"), PLACE)
    assert [(file, name, verdict) for file, name, verdict in told(reading)] == [
        ("spec/a_spec.rb", "outer is fine", "passed"),
        ("spec/a_spec.rb", "outer is bad", "failed"),
        ("spec/a_spec.rb", "outer is later", "skipped"),
        ("spec/a_spec.rb", "outer is pending", "skipped"),
        ("spec/a_spec.rb", "outer errs", "failed"),
    ]
    assert reading.cases[4].attempts[0].error_type == "ArgumentError"
    assert reading.cases[4].native == "./spec/a_spec.rb[1:5]"


def test_minitest():
    """Verdicts come from the lines, reasons from the numbered list below."""
    reading = read_minitest(recorded("minitest.txt"), b"", PLACE)
    assert sorted(told(reading)) == [
        ("", "ATest#test_err", "error"),
        ("", "ATest#test_fine", "passed"),
        ("", "outer thing#test_0001_works well", "passed"),
        ("test/a_test.rb", "ATest#test_bad", "failed"),
        ("test/a_test.rb", "ATest#test_skip", "skipped"),
    ]
    assert case(reading, "ATest#test_bad").attempts[0].message == "Expected: 1"
    assert case(reading, "ATest#test_err").attempts[0].frames[-1].line == 5


def test_frames_of_other_languages():
    """A line of a stack is known by its language's spelling, whichever way round the stack stands."""
    text = 'Traceback (most recent call last):\n  File "/repo/a.py", line 3, in f\n  File "/repo/b.py", line 4, in g\n'
    assert frames_of(text, PLACE)[-1] == Frame(path="b.py", line=4, function="g")
    text = "\tat org.acme.A.f(A.java:3)\n\tat org.acme.B.g(B.java:9)\n"
    assert frames_of(text, PLACE)[-1] == Frame(path="A.java", line=3, function="org.acme.A.f")
    text = "Error: no\n    at f (/repo/web/node_modules/jest/a.js:3:1)\n    at /repo/web/a.test.js:4:2"
    assert frames_of(text, PLACE) == (Frame(path="web/a.test.js", line=4, function=""),)
    assert frames_of("x" * 10**6 + ".py:3:", PLACE) == ()


@pytest.mark.parametrize(
    "name", ["jest.json", "mocha.json", "rspec.json", "playwright.json", "ctrf.json", "dotnet.trx"]
)
def test_a_report_is_known_by_what_is_in_it(name):
    """A command of the project's own may leave any of them."""
    assert read_any(recorded(name), PLACE).cases
