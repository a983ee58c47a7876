"""`fanfold test --executor dask` on a real cluster: worker processes on this machine, one of them killed in mid-run."""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from distributed import Client, LocalCluster

from fanfold.skills.parallel_test.dask_task import run_part
from fanfold.testing.repository import Repository

FILES = 4
PATIENCE_S = 40
# The first process to come here waits until it is ended; whoever comes later passes.
HOLDS = """\
import os
import time


def test_holds():
    try:
        file = os.open(os.environ["HELD"], os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:
        return
    os.write(file, str(os.getpid()).encode())
    os.close(file)
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes of one thread each."""
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as started:
        yield started


@pytest.fixture
def held(tmp_path):
    """Return the file in which the process that waits says who it is."""
    return tmp_path / "held"


@pytest.fixture
def project(tmp_path, monkeypatch, held):
    """Four files of two tests each; one of the tests fails."""
    repository = Repository.init(tmp_path / "project")
    for number in range(FILES):
        text = f"def test_a():\n    pass\n\n\ndef test_b():\n    assert {number} != 2\n"
        repository.write(f"tests/test_{number}.py", text)
    call = json.dumps([sys.executable, "-m", "pytest", "-p", "no:cacheprovider"])
    variables = f"variables = {{ HELD = {json.dumps(str(held))} }}"
    repository.write("fanfold.toml", f'[test.suites.unit]\nframework = "pytest"\ncommand = {call}\n{variables}\n')
    repository.commit()
    monkeypatch.chdir(repository.root)
    return repository


def pid_in(held):
    """Wait until somebody holds, and return who."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if held.exists() and held.read_text():
            return int(held.read_text())
        time.sleep(0.1)
    raise AssertionError("no test came to hold")


def ends(pid):
    """Tell whether a process ends before long."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.1)
    return False


def test_a_cluster_says_what_one_machine_says(project, fanfold, cluster):
    """The same tests with the same verdicts, and exit 1 for the one that fails."""
    here = fanfold("test", "--format", "json", "--backend", "none").run["result"]
    ended = fanfold("test", "--executor", "dask", "--scheduler", cluster.scheduler_address, "--format", "json")
    assert ended.code == 1, ended.err
    there = ended.run["result"]
    assert {t["id"]: t["verdict"] for t in there["tests"]} == {t["id"]: t["verdict"] for t in here["tests"]}
    assert ended.run["status"] == "complete"
    assert len(ended.run["request"]["merged"]) == FILES


def test_a_worker_that_is_killed_costs_nothing_but_time(project, fanfold, cluster, held):
    """Its part is run by another; the test process that it leaves behind is ended by its watchdog."""
    project.write("tests/test_2.py", HOLDS)

    def kill():
        pid = pid_in(held)
        with Client(cluster.scheduler_address, set_as_default=False) as client:
            workers = set(client.run(os.getpid).values())
        above = {one.pid for one in psutil.Process(pid).parents()}
        (worker,) = workers & above
        os.kill(worker, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    ended = fanfold("test", "--executor", "dask", "--scheduler", cluster.scheduler_address, "--format", "json")
    killer.join()
    assert ended.code == 0, ended.err
    assert ended.run["result"]["totals"]["passed"] == 2 * FILES - 1
    assert ends(int(held.read_text()))


def test_a_task_that_is_cancelled_leaves_no_process(project, fanfold, cluster, held):
    """Dask forgets the task and lets it go on; the part notices, and ends all that it has started."""
    project.write("tests/test_2.py", HOLDS)
    plan = fanfold("test", "--plan", "1").out
    words = ("--backend", "none", "--jobs", "1")
    with Client(cluster.scheduler_address, set_as_default=False) as client:
        future = client.submit(run_part, plan, "1/1", str(project.root), words, pure=False)
        pid = pid_in(held)
        future.cancel()
        assert ends(pid)


def test_the_deadline_folds_what_there_is(project, fanfold, cluster, held):
    """Exit 3; the test that was cut off is known as such, and nothing of it is left."""
    project.write("tests/test_2.py", HOLDS)
    where = ("--executor", "dask", "--scheduler", cluster.scheduler_address)
    ended = fanfold("test", *where, "--deadline", "8", "--format", "json")
    assert ended.code in {1, 3}, ended.err
    verdicts = {test["native"]: test["verdict"] for test in ended.run["result"]["tests"]}
    assert verdicts.get("tests/test_2.py::test_holds") != "passed"
    assert ended.run["status"] == "partial"
    said = held.read_text() if held.exists() else ""  # a slow machine may not have come so far
    assert not said or ends(int(said))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--executor", "dask"], "--scheduler ADDRESS is needed"),
        (["--scheduler", "tcp://127.0.0.1:1"], "goes with --executor dask"),
        (["--executor", "dask", "--scheduler", "nonsense://x"], "can't be reached"),
        (["--executor", "dask", "--scheduler", "tcp://127.0.0.1:1", "--coverage"], "don't go together"),
        (["--executor", "dask", "--scheduler", "tcp://127.0.0.1:1", "--plan", "2"], "don't go together"),
    ],
)
def test_bad_input_is_one_clear_line(project, fanfold, arguments, says):
    """With exit code 2, and nothing is run."""
    ended = fanfold("test", *arguments, "--quiet")
    assert ended.code == 2
    (line,) = [line for line in ended.err.splitlines() if line.startswith("fanfold:")]
    assert says in line


def test_a_worker_without_the_repository_is_told(tmp_path, cluster):
    """In a line."""
    with Client(cluster.scheduler_address, set_as_default=False) as client:
        future = client.submit(run_part, "{}", "1/1", str(tmp_path / "nowhere"), (), pure=False)
        assert "needs the repository" in str(future.exception())
    assert not Path(tmp_path / "nowhere").exists()
