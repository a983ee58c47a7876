"""Choosing tests: by name and path, by what did not pass, by what a change may break."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.errors import TargetError, UsageError
from fanfold.models import Run
from fanfold.reports.tested_samples import TEST_RUNS
from fanfold.runners.base import Item, Listing
from fanfold.runners.discovery import discover
from fanfold.skills.parallel_test.changed import Changes, changed_paths, changed_tests
from fanfold.skills.parallel_test.choosing import Choice, affected, choose, unfinished
from fanfold.skills.parallel_test.fold import last_known
from fanfold.skills.parallel_test.imports import import_graph
from fanfold.suites import Case, Suite, TestAttempt, TestResult, TestRunResult, TestVerdict, results_of

UNIT = Suite(name="unit", framework="pytest", files=("tests/unit/test_a.py", "tests/unit/deep/test_b.py"))
WEB = Suite(name="web", framework="vitest", folder="web", files=("a.test.ts",))
CORE = Suite(name="core", framework="cargo", folder="core")
SUITES = (UNIT, WEB, CORE)


def case(file, name="test_x", verdict=TestVerdict.PASSED):
    return Case(file=file, name=name, attempts=(TestAttempt(outcome=verdict),))


@pytest.fixture
def root(tmp_path):
    for path in ("tests/unit/test_a.py", "tests/unit/deep/test_b.py", "web/a.test.ts", "core/src/lib.rs", "docs/x.md"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("")
    return tmp_path


def chosen(choice, suite, *cases):
    test = choice.test(suite, "default")
    return [one.name for one in cases if test is None or test(one)]


def test_without_arguments_everything_is_chosen(root):
    """No suite is narrowed."""
    choice = choose([], SUITES, root, root)
    assert choice.suites == SUITES
    assert choice.test("unit", "default") is None


def test_suites_and_paths_and_tests(root):
    """A suite by its name is whole; a folder, a file and a test narrow the suite that has them."""
    choice = choose(["web", "tests/unit/deep"], SUITES, root, root)
    assert [suite.name for suite in choice.suites] == ["unit", "web"]
    assert choice.test("web", "default") is None
    assert chosen(choice, "unit", case("tests/unit/test_a.py", "a"), case("tests/unit/deep/test_b.py", "b")) == ["b"]
    choice = choose(["test_a.py::T"], SUITES, root, root / "tests" / "unit")
    cases = [case("tests/unit/test_a.py", name) for name in ("T::x", "T", "T[1]", "Tx", "other")]
    assert chosen(choice, "unit", *cases) == ["T::x", "T", "T[1]"]
    assert choice.by_name("unit")
    assert not choose(["tests/unit", "tests/unit/test_a.py::T"], SUITES, root, root).by_name("unit")


@pytest.mark.parametrize(
    "name",
    [
        "test_x",
        "T::x",
        "test_p[a-1]",
        "outer > inner: it's",
        "t[\\u65e5]",
        "t[日]",
        "t\n",
        "\\x41",
        "a::b",
        "TestX/sub 1",
    ],
)
@pytest.mark.parametrize("environment", ["default", "py312"])
def test_a_test_is_chosen_by_its_id(root, name, environment):
    """As reports have it, wherever the person stands, and it alone; in its environment where that is named."""
    cases = [case("tests/unit/test_a.py", name), case("tests/unit/test_a.py", "other"), case("tests/b.py", name)]
    one = results_of(cases, "unit", environment)[0].id
    choice = choose([one], SUITES, root, root / "web")
    assert [suite.name for suite in choice.suites] == ["unit"]
    test = choice.test("unit", environment)
    assert test is not None
    assert [test(each) for each in cases] == [True, False, False]
    assert choice.by_name("unit")
    assert choice.wants("unit", "py311") is (environment == "default")


def test_ids_of_tests_without_a_file_and_of_one_name(root):
    """The second test of a name has a number behind it: both are run; a suite in one environment is all of it."""
    cases = [case("", "TestA"), case("", "TestA")]
    ids = [result.id for result in results_of(cases, "core", "default")]
    assert chosen(choose([ids[1]], SUITES, root, root), "core", *cases, case("", "TestB")) == ["TestA", "TestA"]
    choice = choose(["unit@py312"], SUITES, root, root)
    assert (choice.wants("unit", "py312"), choice.wants("unit", "py311")) == (True, False)
    assert (choice.test("unit", "py312") or bool)(case("a", "b"))
    assert not choice.by_name("unit")


def test_a_suite_that_can_not_be_narrowed_runs_whole(root):
    """And a note says so; a folder above it means all of it anyway."""
    choice = choose(["core/src"], SUITES, root, root)
    assert [suite.name for suite in choice.suites] == ["core"]
    assert choice.notes == ("all of core runs: it can't be narrowed to core/src",)
    assert choose(["core"], (CORE.model_copy(update={"name": "cargo"}),), root, root).notes == ()


@pytest.mark.parametrize(
    ("argument", "says"),
    [("unti", "did you mean 'unit'"), ("zzz", "there are the suites unit, web, core"), ("../x", "is not inside of")],
)
def test_what_is_not_there(root, argument, says):
    """One line, with the nearest suite."""
    with pytest.raises(UsageError, match=says):
        choose([argument], SUITES, root, root)


def test_a_test_that_is_not_there_is_named(root):
    """Whoever asks for a test by a name that nothing has is told; a file alone asks for no name."""
    choice = choose(["tests/unit/test_a.py::T", "tests/unit/deep"], SUITES, root, root)
    assert choice.unmet("unit", [case("tests/unit/test_a.py", "T::x")]) == ()
    assert choice.unmet("unit", [case("tests/unit/test_a.py", "U")]) == ("unit has no test tests/unit/test_a.py::T",)


def test_a_run_of_the_last_failed_says_what_that_is():
    """How many tests are left out, and the names of those that run again."""
    cases = [case("t.py", "a"), case("t.py", "b", TestVerdict.FAILED)]
    choice = unfinished(Choice(SUITES), results_of(cases, "unit", "default"))
    assert choice.notes == ("--last-failed: left out: 1 test that passed; again: t.py::b",)


def test_items_of_what_is_chosen(root):
    """Files, packages and modules are left out by where they are; one whose place is not known stays."""
    choice = choose(["tests/unit/deep"], SUITES, root, root)
    module = UNIT.model_copy(update={"framework": "unittest"})
    items = [Item("tests/unit/test_a.py"), Item("tests.unit.deep.test_b"), Item("./tests/unit/deep"), Item("?")]
    assert [item.name for item in choice.items(module, items)] == ["tests.unit.deep.test_b", "./tests/unit/deep", "?"]


verdicts = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(list(TestVerdict))), max_size=8)


@given(verdicts)
def test_the_last_failed_are_what_did_not_pass(last):
    """Whatever is not known to have passed is run, also of tests that share a name."""
    cases = [case("f.py", name, verdict) for name, verdict in last]
    left = unfinished(Choice((UNIT,)), results_of(cases, "unit"))
    fine = {TestVerdict.PASSED, TestVerdict.XFAILED, TestVerdict.SKIPPED}
    expected = {name for name, verdict in last if verdict not in fine} | ({"a", "b"} - {name for name, _ in last})
    assert set(chosen(left, "unit", case("f.py", "a"), case("f.py", "b"))) == expected
    assert chosen(left, "other", case("f.py", "a")) == ["a"]


@given(
    st.lists(
        st.tuples(st.booleans(), st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["passed", "failed"])))),
        max_size=5,
    )
)
def test_the_newest_word_on_each_test_counts(story):
    """Each test has the verdicts of the newest run that has it; a whole run ends the search."""
    runs: list[Run] = []
    expected: dict[str, list[str]] = {}
    over = False
    for whole, told in story:
        tests = results_of([case("f.py", name, TestVerdict(verdict)) for name, verdict in told], "unit")
        run = TEST_RUNS["full"].model_copy(
            update={
                "status": "complete",
                "request": {"arguments": [] if whole else ["f.py"], "last_failed": False, "changed": None},
                "result": TestRunResult(tests=tests).model_dump(mode="json", by_alias=True),
            }
        )
        runs.append(run)
        if not over:
            new = {name for name, _ in told} - set(expected)
            expected |= {name: [verdict for other, verdict in told if other == name] for name in new}
        over = over or (whole and bool(told))
    found: dict[str, list[str]] = {}
    for test in last_known(runs):
        found.setdefault(test.name, []).append(test.verdict.value)
    assert found == expected


def listing(files):
    return Listing(Path("/repo"), tuple(sorted(files)), dict(files).get)


PROJECT = {
    "pyproject.toml": "[tool.pytest.ini_options]\n",
    "src/pkg/__init__.py": "",
    "src/pkg/core.py": "",
    "src/pkg/cli.py": "from . import core\n",
    "src/pkg/other.py": "import json\n",
    "src/pkg/json.py": "",
    "tests/test_core.py": "from pkg.core import x\n",
    "tests/test_cli.py": "import pkg.cli\n",
    "tests/test_other.py": "from pkg import other\n",
    "tests/test_patch.py": "with patch('pkg.core.x'): pass\n",
}
ALL = {"test_core", "test_cli", "test_other", "test_patch"}


def what_runs(changed, **more):
    """Return the names of the test files that run when `changed` changes; "all" when all do."""
    files = {**PROJECT, **{path.replace("__", "/") + ".py": text for path, text in more.items()}}
    seen = listing({path: text for path, text in files.items() if path not in changed or text})
    suites = discover(seen)
    said = changed_tests(seen, changed, suites)
    (selected,) = said.files.values()
    if selected is None:
        return "all", said.notes
    return {path.rpartition("/")[2][:-3] for path in selected if path.startswith("tests/test_")}, said.notes


@pytest.mark.parametrize(
    ("changed", "tests"),
    [
        (["src/pkg/core.py"], {"test_core", "test_cli", "test_patch"}),
        (["src/pkg/cli.py"], {"test_cli"}),
        (["src/pkg/__init__.py"], ALL),
        (["tests/test_core.py"], {"test_core"}),
        (["src/pkg/json.py"], set()),  # `import json` is the standard library's: the package's own starts at `pkg`
        (["src/pkg/removed.py"], set()),
        (["README.md"], set()),
        (["pyproject.toml"], "all"),
        (["tests/data/x.md"], "all"),
        (["data/x.bin", "src/pkg/cli.py"], "all"),
    ],
)
def test_what_a_change_may_break(changed, tests):
    """Whatever imports it, by any number of steps and by strings; all when nobody can tell."""
    assert what_runs(changed)[0] == tests


def test_a_removed_module_is_still_imported():
    """Its importers are the ones that break."""
    assert what_runs(["src/pkg/gone.py"], tests__test_gone="import pkg.gone\n")[0] == {"test_gone"}


def test_conftest_reaches_the_tests_below_it():
    """And what it imports does; a test elsewhere is not reached."""
    seen = listing(
        {**PROJECT, "tests/sub/conftest.py": "import pkg.core", "tests/sub/test_in.py": "", "tests/test_out.py": ""}
    )
    (selected,) = changed_tests(seen, ["src/pkg/core.py"], discover(seen)).files.values()
    assert selected is not None
    assert "tests/sub/test_in.py" in selected
    assert "tests/test_out.py" not in selected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("importlib.import_module(name)\n", "it calls import_module"),
        ("import subprocess\n", "it uses subprocess"),
        ("def test(:\n", "test_wild.py"),
    ],
)
def test_what_can_not_be_told_runs(text, why):
    """A test that imports by a computed name, starts programs, or can't be parsed; and a note says which and why."""
    tests, notes = what_runs(["src/pkg/cli.py"], tests__test_wild=text)
    assert tests == {"test_cli", "test_wild"}
    assert any(why in note for note in notes)


def test_other_languages_run_whole_or_not_at_all():
    """A suite that is not Python's runs when something in its folder changed, or something that anybody may read."""
    files = {
        **PROJECT,
        "web/package.json": '{"scripts": {"test": "vitest"}}',
        "web/a.test.ts": "",
        "core/Cargo.toml": "",
    }
    files["core/src/lib.rs"] = "#[test]"
    seen = listing(files)
    suites = discover(seen)

    def runs(*changed):
        choice = affected(Choice(suites), changed_tests(seen, changed, suites))
        return [suite.framework for suite in choice.suites]

    assert runs("src/pkg/cli.py") == ["pytest"]
    assert runs("web/a.ts") == ["pytest", "vitest"]  # it lies in pytest's folder too: the root
    assert runs("core/src/lib.rs") == ["pytest", "cargo"]
    assert runs("package-lock.json") == ["pytest", "cargo", "vitest"]
    assert runs("CHANGELOG.md") == []


def test_cycles_and_relative_imports_end():
    """Modules that import each other are reached once; a relative name that leads out of the repository is nothing."""
    graph = import_graph(
        listing({"p/__init__.py": "", "p/a.py": "from . import b", "p/b.py": "from .a import x\nfrom ....q import y\n"})
    )
    assert graph.dependents(["p/a.py"]) == {"p/a.py", "p/b.py"}
    assert graph.imports["p/b.py"] == {"p/__init__.py", "p/a.py"}


def git(folder, *arguments):
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments], cwd=folder, check=True, capture_output=True
    )


def test_what_changed(tmp_path):
    """Uncommitted and untracked files; the last commit when there are none; since the fork from a base."""
    git(tmp_path, "init", "-b", "main")
    (tmp_path / "a.py").write_text("a = 1\nb = 2\nc = 3\n")
    (tmp_path / "b.py").write_text("")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    git(tmp_path, "checkout", "-b", "work")
    git(tmp_path, "mv", "a.py", "c.py")
    git(tmp_path, "commit", "-m", "second")
    last = changed_paths(tmp_path, None)
    assert last.paths == ("a.py", "c.py")
    assert last.since.startswith("the last commit changed (")
    (tmp_path / "new.py").write_text("")
    assert changed_paths(tmp_path, None) == Changes(("new.py",), "is not committed")
    assert changed_paths(tmp_path, "main") == Changes(("a.py", "c.py", "new.py"), "changed since the fork from main")
    with pytest.raises(TargetError, match="no commit 'mian'; did you mean 'main'"):
        changed_paths(tmp_path, "mian")


def test_changed_outside_of_a_repository(tmp_path):
    """It is said what is missing."""
    with pytest.raises(TargetError, match="needs a git repository"):
        changed_paths(tmp_path, None)


def test_results_keep_their_keys():
    """The record that `--last-failed` reads has all that the choice looks at."""
    assert {"suite", "environment", "file", "name", "verdict"} <= set(TestResult.model_fields)
