"""`fanfold test` on several machines: plan, parts, merge, as the example for a CI matrix has them."""

import json
import re
import shlex
import sys
from pathlib import Path

import click
import pytest
import yaml

from fanfold.cli import cli
from fanfold.testing.repository import Repository

EXAMPLE = Path(__file__).resolve().parents[2] / "skills" / "parallel-test" / "references" / "ci-matrix.md"
TESTS = "import pytest\n\n\n@pytest.mark.parametrize('n', range(4))\ndef test_n(n):\n    assert n != {bad}\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Three files of four tests each, one of which fails, and one file that can't be imported."""
    repository = Repository.init(tmp_path / "project")
    for number, bad in enumerate((9, 2, 9)):
        repository.write(f"tests/test_{number}.py", TESTS.format(bad=bad))
    call = json.dumps([sys.executable, "-m", "pytest", "-p", "no:cacheprovider"])
    repository.write("fanfold.toml", f'[test.suites.unit]\nframework = "pytest"\ncommand = {call}\n')
    repository.write(".gitignore", "out/\nplan.json\n")
    repository.commit()
    monkeypatch.chdir(repository.root)
    return repository


@pytest.fixture
def plan(project, fanfold):
    """Write a plan for so many parts, and return its file."""

    def write(count, name="plan.json"):
        ended = fanfold("test", "--plan", str(count))
        assert ended.code == 0, ended.err
        project.write(name, ended.out)
        return project.root / name

    return write


@pytest.fixture
def part(fanfold, tmp_path):
    """Run a part, and return the file with its run."""

    def run(shard, plan, *more):
        place = tmp_path / f"{shard.replace('/', '-of-')}.json"
        fanfold("test", "--shard", shard, "--plan", plan, "--format", "json", "--output", place, "--quiet", *more)
        return place

    return run


def test_parts_merged_say_what_one_run_says(project, fanfold, plan, part):
    """The same tests with the same verdicts and clusters, a file that can't be imported included; exit 1."""
    project.write("tests/test_broken.py", "import no_such_module\n")
    whole = fanfold("test", "--format", "json").run["result"]
    dealt = plan(3)
    runs = [part(f"{n}/3", dealt) for n in (1, 2, 3)]
    ended = fanfold("test", "--merge", *runs, "--format", "json")
    assert ended.code == 1
    merged = ended.run["result"]
    assert merged["totals"] == whole["totals"]
    verdicts = [{test["id"]: test["verdict"] for test in result["tests"]} for result in (whole, merged)]
    assert verdicts[0] == verdicts[1]
    told = [[(c["signature"], c["class"], c["tests"], c["reproduce"]) for c in r["clusters"]] for r in (whole, merged)]
    assert told[0] == told[1]
    assert ended.run["status"] == "complete"
    assert ended.run["request"]["part"] is None
    assert len({unit["key"] for unit in ended.run["units"]}) == len(ended.run["units"])
    counts = [len(json.loads(run.read_text())["result"]["tests"]) for run in runs]
    assert all(counts)
    assert sum(counts) == 13


def test_a_missing_part_is_named_and_so_are_its_tests(project, fanfold, plan, part):
    """Exit 3 where nothing failed; with the plan its tests are not_run; never as if all had run."""
    project.write("tests/test_1.py", TESTS.format(bad=9))
    dealt = plan(3)
    runs = [part("1/3", dealt), part("3/3", dealt)]
    ended = fanfold("test", "--merge", *runs, "--plan", dealt, "--format", "json")
    assert ended.code == 3
    assert ended.run["coverage"]["missing"] == ["part 2 of 3 — no run of it was given"]
    assert ended.run["status"] == "partial"
    totals = ended.run["result"]["totals"]
    names = {name for portion in json.loads(dealt.read_text())["parts"][1]["portions"] for name in portion["tests"]}
    assert {t["native"] for t in ended.run["result"]["tests"] if t["verdict"] == "not_run"} == names
    assert totals["passed"] + totals["not_run"] == 12
    bare = fanfold("test", "--merge", *runs)
    assert bare.code == 3
    assert "part 2 of 3" in bare.out
    assert "part 2 of 3" in bare.err


def test_what_is_new_or_gone_on_a_machine_is_told(project, fanfold, plan, part):
    """A test that the plan does not know runs once; one that is not there any more is lost, and exit 3."""
    project.write("tests/test_1.py", TESTS.format(bad=9))
    dealt = plan(2)
    project.write("tests/test_0.py", "def test_new():\n    pass\n")
    ended = fanfold("test", "--merge", part("1/2", dealt), part("2/2", dealt), "--format", "json")
    assert ended.code == 3
    verdicts = {test["native"]: test["verdict"] for test in ended.run["result"]["tests"]}
    assert verdicts["tests/test_0.py::test_new"] == "passed"
    assert [name for name, verdict in sorted(verdicts.items()) if verdict == "lost"] == [
        f"tests/test_0.py::test_n[{n}]" for n in range(4)
    ]
    assert len(verdicts) == 13


def test_the_next_plan_knows_what_tests_took(project, fanfold, plan, part):
    """The merge keeps it: a plan from then on has expected seconds."""
    dealt = plan(2)
    assert [one["expected_s"] for one in json.loads(dealt.read_text())["parts"]] == [None, None]
    fanfold("test", "--merge", part("1/2", dealt), part("2/2", dealt))
    assert None not in [one["expected_s"] for one in json.loads(plan(2).read_text())["parts"]]


def test_a_merged_run_is_a_run(project, fanfold, plan, part):
    """JUnit, CTRF and markdown of it, and --last-failed after it."""
    dealt = plan(2)
    runs = [part("1/2", dealt), part("2/2", dealt)]
    place = project.root / "out"
    formats = [word for name in ("md", "junit", "ctrf") for word in ("--format", name)]
    assert fanfold("test", "--merge", *runs, *formats, "--output", f"{place}/").code == 1
    assert {path.name for path in place.iterdir()} == {"report.md", "report.xml", "report.ctrf.json"}
    again = fanfold("test", "--last-failed", "--format", "json")
    assert [test["name"] for test in again.run["result"]["tests"]] == ["test_n[2]"]


def test_a_dry_run_of_a_part_runs_nothing(project, fanfold, plan):
    """It shows what the part has."""
    ended = fanfold("test", "--shard", "1/2", "--plan", plan(2), "--dry-run")
    assert ended.code == 0
    assert "unit@default: 6 tests" in ended.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--shard", "3/2", "--plan", "plan.json"], "counted from 1 to 2"),
        (["--shard", "0/2", "--plan", "plan.json"], "counted from 1 to 2"),
        (["--shard", "1/3", "--plan", "plan.json"], "the plan has 2 parts"),
        (["--shard", "one", "--plan", "plan.json"], "--shard 2/4"),
        (["--shard", "1/2"], "--plan FILE is needed"),
        (["--shard", "1/2", "--plan", "nowhere.json"], "can't be read"),
        (["--shard", "1/2", "--plan", "fanfold.toml"], "not a plan"),
        (["--shard", "1/2", "--plan", "plan.json", "tests"], "don't go together"),
        (["--plan", "plan.json"], "how many parts"),
        (["--plan", "0"], "how many parts"),
        (["--plan", "99"], "come apart into 12 at the most"),
        (["--plan", "2", "--dry-run"], "don't go together"),
        (["--merge"], "name the run.json"),
        (["--merge", "plan.json"], "not a run"),
        (["--merge", "tests"], "no run.json"),
    ],
)
def test_bad_input_is_one_clear_line(project, plan, fanfold, arguments, says):
    """With exit code 2, and nothing is run."""
    plan(2)
    ended = fanfold("test", *arguments, "--quiet")
    assert ended.code == 2
    (line,) = [line for line in ended.err.splitlines() if line.startswith("fanfold:")]
    assert says in line


def test_what_is_no_part_of_the_plan_is_one_clear_line(project, plan, part, fanfold, tmp_path):
    """The same part twice, the same test in two parts, a part of another plan, a run that is no part."""
    dealt = plan(2)
    first, second = part("1/2", dealt), part("2/2", dealt)
    doubled = json.loads(second.read_text())
    doubled["result"]["tests"] += json.loads(first.read_text())["result"]["tests"][:1]
    (tmp_path / "doubled.json").write_text(json.dumps(doubled))
    whole = tmp_path / "whole.json"
    fanfold("test", "--format", "json", "--output", whole)
    other = part("1/3", plan(3, "other.json"))
    for runs, says in (
        ((first, first), "part 1 of 2 is there twice"),
        ((first, tmp_path / "doubled.json"), "is in part 1 of 2"),
        ((first, other), "a part of another plan"),
        ((first, whole), "not the run of a part"),
    ):
        ended = fanfold("test", "--merge", *runs)
        assert ended.code == 2
        assert says in ended.err
        assert len(ended.err.splitlines()) == 1
    assert "no part of this plan" in fanfold("test", "--merge", first, "--plan", project.root / "other.json").err


def test_a_plan_of_another_commit_is_one_clear_line(project, plan, fanfold):
    """When a suite of it is not here."""
    dealt = plan(2)
    dealt.write_text(dealt.read_text().replace('"unit"', '"gone"'))
    ended = fanfold("test", "--shard", "1/2", "--plan", dealt, "--quiet")
    assert ended.code == 2
    assert "'gone', which is not here" in ended.err


def test_a_suite_that_can_t_be_collected_is_one_parts_as_a_whole(project, plan, part, fanfold):
    """The plan says so, and its part says why it failed."""
    project.write("broken/conftest.py", "def (:\n")
    project.write("broken/test_x.py", "def test_x():\n    pass\n")
    config = (project.root / "fanfold.toml").read_text()
    call = json.dumps([sys.executable, "-m", "pytest", "-p", "no:cacheprovider"])
    more = f'[test.suites.broken]\nframework = "pytest"\nfolder = "broken"\ncommand = {call}\n'
    project.write("fanfold.toml", config.replace("command", 'paths = ["tests"]\ncommand') + more)
    dealt = plan(2)
    ended = fanfold("test", "--merge", part("1/2", dealt), part("2/2", dealt), "--format", "json")
    assert ended.code == 1
    (broken,) = [suite for suite in ended.run["result"]["suites"] if suite["name"] == "broken"]
    assert "before it had collected" in broken["error"]
    assert ended.run["result"]["totals"]["passed"] == 11


# -- the example


def workflow():
    (text,) = re.findall(r"^```yaml\n(.*?)^```", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return yaml.safe_load(text)


def commands(job):
    """Return the fanfold commands of a job, once for each cell of its matrix."""
    cells = job.get("strategy", {}).get("matrix", {}).get("part", [None])
    lines = [line.strip() for step in job["steps"] for line in step.get("run", "").splitlines()]
    told = [line for line in lines if line.startswith("fanfold ")]
    return [re.sub(r"\$\{\{ matrix\.part \}\}", str(cell), line) for cell in cells for line in told]


def test_the_example_is_a_workflow_that_fits_together():
    """It parses; parts are as many as planned; what one job uploads is what the next one downloads."""
    jobs = workflow()["jobs"]
    assert list(jobs) == ["plan", "test", "report"]
    (planning,) = commands(jobs["plan"])
    count = len(jobs["test"]["strategy"]["matrix"]["part"])
    assert f"--plan {count} " in planning
    assert [f"--shard {n}/{count} " in line for n, line in enumerate(commands(jobs["test"]), 1)] == [True] * count
    assert jobs["test"]["needs"] == "plan"
    assert jobs["report"]["if"] == "always()"
    uses = {
        name: [step.get("with", {}) | {"uses": step.get("uses", "")} for step in job["steps"]]
        for name, job in jobs.items()
    }
    up = {step["name"] for job in uses.values() for step in job if "upload-artifact" in step["uses"]}
    down = [step for job in uses.values() for step in job if "download-artifact" in step["uses"]]
    for step in down:
        wanted = step.get("name") or step["pattern"].rstrip("*")
        assert any(name.startswith(wanted) for name in up), step


@pytest.mark.parametrize("name", ["plan", "test", "report"])
def test_the_commands_of_the_example_are_understood(name, monkeypatch, tmp_path):
    """By the real command line."""
    monkeypatch.chdir(tmp_path)
    for line in commands(workflow()["jobs"][name]):
        words = shlex.split(line.partition(" > ")[0])[1:]
        context = click.Context(cli, info_name="fanfold")
        _, command, rest = cli.resolve_command(context, words)
        assert command is not None
        command.make_context("test", rest, parent=context)


def test_the_example_does_what_it_says(project, fanfold):
    """Its commands, one after the other as on one machine each: 12 tests, all told in the merged report."""
    jobs = workflow()["jobs"]
    (project.root / "out").mkdir()
    for line in (line for job in jobs.values() for line in commands(job)):
        command, _, place = line.partition(" > ")
        words = [w for word in shlex.split(command)[1:] for w in _expanded(word, project.root)]
        words = [word.replace("run-", "out/run-") if word.startswith("run-") else word for word in words]
        ended = fanfold(*words, "--quiet")
        if place:
            project.write(place, ended.out)
    assert ended.code == 1
    report = json.loads((project.root / "report" / "report.ctrf.json").read_text())
    assert report["results"]["summary"]["tests"] == 12
    assert report["results"]["summary"]["failed"] == 1


def _expanded(word, root):
    return sorted(str(path) for path in root.glob(word)) if "*" in word else [word]
