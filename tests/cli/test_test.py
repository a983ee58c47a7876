"""`fanfold test` on a tiny real project, run by this interpreter; without a model and with the stand-in server.

Every answer of a sub-agent here is scripted; no model was asked.
"""

import json
import os
import sys

import pytest

from fanfold.testing.replies import Reply, Rule
from fanfold.testing.repository import Repository

GOOD = "def test_one():\n    assert True\n\n\ndef test_two():\n    assert 1 + 1 == 2\n"
BAD = "from shop import total\n\n\ndef test_total():\n    assert total([{'price': 2}]) == 2\n"
SHOP = "def total(rows):\n    return sum(row['net_price'] for row in rows)\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A repository with one passing and one failing file; the interpreter is this one."""
    repository = Repository.init(tmp_path / "project")
    repository.write("pyproject.toml", '[tool.pytest.ini_options]\npythonpath = ["."]\ntestpaths = ["tests"]\n')
    repository.write("tests/test_good.py", GOOD)
    repository.write("tests/test_bad.py", BAD)
    repository.write("shop.py", SHOP.replace("net_price", "price"))
    repository.commit()
    repository.write("shop.py", SHOP)
    call = json.dumps([sys.executable, "-m", "pytest"])
    repository.write("fanfold.toml", f'[test.suites.pytest]\nframework = "pytest"\ncommand = {call}\n')
    monkeypatch.chdir(repository.root)
    return repository


def test_a_run_finds_the_regression(project, fanfold):
    """Exit 1; the failing test, its class by reruns, the suspected line, a command that reproduces it."""
    ended = fanfold("test", "--format", "json")
    assert ended.code == 1
    result = ended.run["result"]
    assert result["totals"] == {**dict.fromkeys(result["totals"], 0), "passed": 2, "failed": 1}
    (cluster,) = result["clusters"]
    assert cluster["class"] == "regression"
    assert cluster["suspects"][0] == "shop.py:2"
    assert "tests/test_bad.py::test_total" in cluster["reproduce"]
    assert "FAILED pytest tests/test_bad.py::test_total" in ended.err
    assert ended.run["status"] == "complete"


def test_a_wrong_value_is_one_cluster_wherever_it_is_noticed(project, fanfold):
    """Two files whose tests fail in lines of their own: the changed function that both use is shared, and suspected."""
    project.write("tests/test_more.py", BAD.replace("total([{'price': 2}]) == 2", "[total([{'price': 3}])] == [3]"))
    project.commit()
    project.write("shop.py", "def total(rows):\n    return 0\n")
    (cluster,) = fanfold("test", "--retries", "1", "--format", "json").run["result"]["clusters"]
    assert len(cluster["tests"]) == 2
    assert cluster["shared"][0] == "change:shop.py::total"
    assert cluster["suspects"] == ["shop.py:2"]


def test_why_no_test_ran_is_said_once(project, fanfold):
    """The report names it where it says what is missing, and stderr once more for whoever does not read that."""
    project.write("conftest.py", "def pytest_collection_modifyitems(): raise RuntimeError('hook is broken')\n")
    for form in ("md", "html"):
        ended = fanfold("test", "--format", form, "--output", "-")
        assert ended.code == 3
        assert "0 of 1 suite" in ended.out
        assert (ended.out.count("hook is broken"), ended.err.count("hook is broken")) == (1, 1)


def test_all_passed_is_exit_0_and_a_report(project, fanfold):
    """With the verdict first."""
    project.write("shop.py", SHOP.replace("net_price", "price"))
    ended = fanfold("test")
    assert ended.code == 0
    assert "**All passed: 3 tests.**" in ended.out


def test_the_last_failed_and_one_file(project, fanfold):
    """Selections leave out what they should, and nothing else."""
    assert fanfold("test", "--last-failed").code == 2
    fanfold("test")
    again = fanfold("test", "--last-failed", "--format", "json").run["result"]
    assert [test["name"] for test in again["tests"]] == ["test_total"]
    one = fanfold("test", "tests/test_good.py", "--format", "json")
    assert one.code == 0
    assert len(one.run["result"]["tests"]) == 2
    assert fanfold("test", "tests/test_bad.py::test_totl").code != 0
    still = fanfold("test", "--last-failed", "--dry-run")
    assert "left out: 2 tests that passed; again: tests/test_bad.py::test_total" in still.out, "whatever ran since"


@pytest.mark.parametrize(
    ("argument", "verdicts"),
    [
        ("test_a.py", {"A::test_one": "passed", "A::test_two": "passed"}),
        ("test_a.py::A::test_two", {"A::test_two": "passed"}),
        ("test_b.py", {"B::test_one": "failed"}),
    ],
)
def test_a_path_narrows_other_frameworks_too(tmp_path, monkeypatch, fanfold, argument, verdicts):
    """In one process as in several: nothing but what the path names is run, and only it is told of."""
    repository = Repository.init(tmp_path / "project")
    head = "import unittest\nclass {}(unittest.TestCase):\n"
    two = "    def test_one(self): pass\n    def test_two(self): pass\n"
    repository.write("test_a.py", head.format("A") + two)
    repository.write("test_b.py", head.format("B") + "    def test_one(self): self.fail()\n")
    repository.commit()
    monkeypatch.chdir(repository.root)
    fanfold("test")  # durations are known from here on: all of it is one process
    told = fanfold("test", argument, "--format", "json", "--retries", "0").run["result"]
    assert {test["name"].partition(".")[2].replace(".", "::"): test["verdict"] for test in told["tests"]} == verdicts


def test_a_file_that_nobody_asked_for_fails_no_run(project, fanfold):
    """One that does not parse counts where it may hold what was asked for: itself, or a conftest.py above that."""
    project.write("tests/test_broken.py", "def (:\n")
    project.write("tests/other/conftest.py", "def (:\n")
    project.write("tests/other/test_x.py", "def test_x():\n    pass\n")
    assert fanfold("test", "tests/test_good.py", "--quiet").code == 0
    for asked in ("tests/test_broken.py", "tests/other/test_x.py"):
        ended = fanfold("test", asked, "--format", "json")
        assert ended.code == 1
        assert len(ended.run["result"]["tests"]) == 1


def test_a_dry_run_runs_nothing(project, fanfold):
    """It shows suites, shards and commands."""
    ended = fanfold("test", "--dry-run")
    assert ended.code == 0
    assert "pytest: pytest in ." in ended.out
    assert not (project.root / ".fanfold").exists()


def test_a_failure_is_explained_once_on_quotes(project, fanfold, served):
    """One call, which a replay does without; its line is set right, and its class stays what reruns said."""
    said = {
        "enough_information": True,
        "cause": "The column is called net_price now.",
        "evidence": [{"path": "shop.py", "line": 99, "quote": "return sum(row['net_price'] for row in rows)"}],
        "proposed_fix": "Read price.",
    }
    server = served([Rule("Explain this cluster", [Reply(json=said)])])
    recording = project.root.parent / "recording.jsonl"
    ended = fanfold("test", "--format", "json", "--record", recording)
    (cluster,) = ended.run["result"]["clusters"]
    assert cluster["class"] == "regression"
    assert cluster["explanation"]["evidence"][0]["line"] == 2
    assert server.stats().requests == 1
    assert ended.run["usage"]["cost_usd"] == pytest.approx(server.stats().cost_usd)
    replayed = fanfold("test", "--format", "json", "--replay", recording)
    assert replayed.run["backend"] == "replay"
    assert replayed.run["result"]["clusters"][0]["explanation"] == cluster["explanation"]
    assert server.stats().requests == 1


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["test", "nowhere"], 2, "nowhere"),
        (["test", "--format", "sarif"], 2, "code-review"),
        (["test", "--changed", "no-such-base"], 2, "no-such-base"),
        (["test", "--replay", "gone.jsonl"], 2, "gone.jsonl: there is no such file"),
    ],
)
def test_bad_input_is_one_clear_line(project, fanfold, arguments, code, says):
    """With the right exit code."""
    ended = fanfold(*arguments, "--quiet")
    assert ended.code == code
    (line,) = [line for line in ended.err.splitlines() if line.startswith("fanfold:")]
    assert says in line


def test_no_tests_is_exit_4(tmp_path, fanfold, monkeypatch):
    """And one line."""
    empty = Repository.init(tmp_path / "empty")
    empty.write("a.txt", "x")
    empty.commit()
    monkeypatch.chdir(empty.root)
    ended = fanfold("test")
    assert ended.code == 4
    assert "no tests were found" in ended.err


def test_a_missing_runner_is_named_and_the_others_run(project, fanfold):
    """Exit 3, or 1 when something failed: never as if all had run."""
    project.write("shop.py", SHOP.replace("net_price", "price"))
    config = (project.root / "fanfold.toml").read_text()
    project.write("fanfold.toml", config + '[test.suites.web]\nframework = "bats"\ncommand = "no-such-program"\n')
    ended = fanfold("test", "--format", "json")
    assert ended.code == 3
    assert ended.run["result"]["totals"]["passed"] == 3
    (web,) = [suite for suite in ended.run["result"]["suites"] if suite["name"] == "web"]
    assert "no-such-program" in web["error"]
    assert any(missing.startswith("web") for missing in ended.run["coverage"]["missing"])


@pytest.fixture
def history(project):
    """Commit one step after the other behind a good one: each writes one file."""

    def commit(*steps):
        project.write("shop.py", SHOP.replace("net_price", "price"))
        project.write("tests/conftest.py", "")
        project.commit("good")
        for number, (path, text) in enumerate(steps):
            project.write(path, text)
            project.commit(f"step {number}")
        return f"HEAD~{len(steps)}"

    return commit


def test_bisect_names_the_commit_that_broke_it(project, history, fanfold):
    """Also over commits at which the test can't be run or is skipped; the working tree stays as it is."""
    skipped = "import pytest\n\n\n@pytest.fixture(autouse=True)\ndef never():\n    pytest.skip('not now')\n"
    good = history(
        ("tests/conftest.py", "import nowhere\n"),
        ("tests/conftest.py", ""),
        ("shop.py", SHOP),
        ("tests/conftest.py", skipped),
        ("tests/conftest.py", skipped.replace("skip(", "fail(")),
        ("tests/conftest.py", ""),
    )
    project.write("notes", "not committed")
    ended = fanfold("test", "--bisect", good, "--format", "json")
    assert ended.code == 1
    (cluster,) = ended.run["result"]["clusters"]
    assert cluster["suspects"][0].startswith("commit ")
    assert cluster["suspects"][0].endswith(" step 2")
    assert any("the first bad commit is" in note and "step 2" in note for note in ended.run["notes"])
    assert (project.root / "notes").read_text() == "not committed"
    assert not (project.root / ".git" / "worktrees").exists()
    not_good = fanfold("test", "--bisect", "HEAD~1", "--format", "json")
    assert any("so nothing was bisected" in note for note in not_good.run["notes"])


NO_GOOD: tuple[list[tuple[str, str]], dict[str, str]] = ([("shop.py", SHOP), ("notes", "1")], {})
BROKEN_HEAD = (
    [("notes", "1"), ("tests/conftest.py", "import nowhere\n")],
    {"tests/conftest.py": "", "shop.py": SHOP},
)


@pytest.mark.parametrize(
    ("commits", "says"),
    [(NO_GOOD, "names no good commit for it"), (BROKEN_HEAD, "can't be run as HEAD's commit has it")],
)
def test_bisect_blames_nobody_without_having_seen_it(project, history, fanfold, commits, says):
    """A good commit that is not, a HEAD at which the test can't be run: that is said, and no commit is named."""
    steps, mended = commits
    history(*steps)
    for path, text in mended.items():
        project.write(path, text)
    ended = fanfold("test", "--bisect", "HEAD~1", "--format", "json")
    (cluster,) = ended.run["result"]["clusters"]
    assert not [suspect for suspect in cluster["suspects"] if suspect.startswith("commit ")]
    assert any(says in note for note in ended.run["notes"])
    before = [suspect for suspect in cluster["suspects"] if suspect.startswith("broken before ")]
    assert bool(before) is (commits is NO_GOOD)


def test_bisect_folds_what_one_change_of_one_commit_broke(project, history, fanfold):
    """Three messages in tests of their own, one changed definition in one commit: one cluster, which names both."""
    project.write("tests/test_more.py", BAD.replace("total([{'price': 2}]) == 2", "[total([{'price': 3}])] == [3]"))
    project.write(
        "tests/test_yet.py", BAD.replace("assert total([{'price': 2}]) == 2", "if total([]): raise ValueError")
    )
    wrong = "def total(rows):\n    return 7\n"
    good = history(("shop.py", wrong), ("shop.py", f"{wrong}\n\ndef other():\n    return 1\n"), ("notes", "1"))
    ended = fanfold("test", "--bisect", good, "--format", "json")
    (cluster,) = ended.run["result"]["clusters"]
    assert (cluster["id"], len(cluster["tests"])) == ("C1", 3)
    assert cluster["shared"][0] == "change:shop.py::total"
    assert cluster["suspects"][0].endswith(" step 0")
    assert sum("the first bad commit is" in note for note in ended.run["notes"]) == 1


def test_bisect_knows_other_frameworks(project, fanfold):
    """unittest, here."""
    broken = "import unittest\nfrom shop import total\n\n\nclass T(unittest.TestCase):\n    def test_it(self):\n"
    project.write("test_unit.py", f"{broken}        self.assertEqual(total([{{'price': 2}}]), 2)\n")
    project.write("fanfold.toml", '[test.suites.unit]\nframework = "unittest"\n')
    project.write("shop.py", SHOP.replace("net_price", "price"))
    project.commit("good")
    project.write("shop.py", SHOP)
    project.commit("bad")
    project.write("notes", "1")
    project.commit("neither")
    ended = fanfold("test", "unit", "--bisect", "HEAD~2", "--format", "json")
    assert any(note.partition("commit is ")[2][8:].startswith("bad ") for note in ended.run["notes"])


@pytest.mark.parametrize(
    "with_", [("--plan", "2"), ("--merge", "x.json"), ("--executor", "dask", "--scheduler", "tcp://x:1")]
)
def test_bisect_is_refused_where_it_could_do_nothing(project, fanfold, with_):
    """One line."""
    ended = fanfold("test", *with_, "--bisect", "HEAD")
    assert ended.code == 2
    assert "--bisect don't go together" in ended.err


def test_bisect_tells_an_uncommitted_mistake(project, fanfold):
    """What passes at HEAD was broken by what is not committed."""
    project.write("shop.py", SHOP.replace("net_price", "price"))
    project.write("notes", "1")
    project.commit("good")
    project.write("shop.py", SHOP)
    ended = fanfold("test", "--bisect", "HEAD~1", "--format", "json")
    assert any("the uncommitted changes break it" in note for note in ended.run["notes"])
    assert fanfold("test", "--bisect", "nowhere").code == 2


POETRY = """#!/bin/sh
# Where its environments are follows from the user's folders, as with poetry: in a worker's own it finds none.
[ "$XDG_DATA_HOME" = {home} ] || exec false
shift 2
export BY_POETRY=set
exec {python} "$@"
"""
KEPT = "import os\n\n\ndef test_kept():\n    assert os.environ['BY_POETRY'] == 'set'\n"


def test_a_managers_environment_is_what_tests_run_in(tmp_path, monkeypatch, fanfold):
    """The manager is asked once, in the user's own surroundings; its interpreter and its variables are the tests'."""
    home = tmp_path / "data"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "poetry").write_text(POETRY.format(home=home, python=sys.executable))
    (tmp_path / "bin" / "poetry").chmod(0o755)
    repository = Repository.init(tmp_path / "project")
    repository.write("poetry.lock", "")
    repository.write("pyproject.toml", "[tool.poetry]\n")
    repository.write("tests/test_kept.py", KEPT)
    repository.commit()
    monkeypatch.chdir(repository.root)
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("XDG_DATA_HOME", str(home))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin")
    assert "poetry run python -m pytest" in fanfold("test", "--dry-run").out
    ended = fanfold("test", "--format", "json")
    assert ended.run["result"]["totals"]["passed"] == 1, ended.err
    assert ended.run["result"]["shards"][0]["command"][0] == sys.executable
