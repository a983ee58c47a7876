"""Suites run as pytest runs them, and whatever a test does to its process costs that test alone."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from fanfold.engine.supervisor import Supervisor
from fanfold.engine.watched import Limits
from fanfold.runners.schedule import NO_TESTS_S
from fanfold.skills.parallel_test.job import Deaf, lanes_of
from fanfold.suites import Suite

EVERY_VERDICT = """
import sys, unittest
import pytest

def test_passes(): pass
def test_fails(): assert 1 == 2
def test_exits(): sys.exit(3)
@pytest.mark.skip(reason="not today")
def test_skipped(): pass
@pytest.mark.xfail(reason="known")
def test_xfails(): assert 0
@pytest.mark.xfail
def test_xpasses(): pass
@pytest.mark.xfail(strict=True)
def test_xpasses_strictly(): pass
@pytest.fixture
def broken(): raise OSError("no fixture today")
def test_errors(broken): pass
@pytest.fixture
def leaky():
    yield
    raise OSError("no end today")
def test_errors_late(leaky): pass
@pytest.mark.parametrize("value", ["a b", "new\\nline", "::[]", None])
def test_parameters(value): assert value != "::[]"
class TestInClass:
    def test_passes(self): pass
class Case(unittest.TestCase):
    def test_subtests(self):
        for number in range(3):
            with self.subTest(number=number): self.assertNotEqual(number, 1)
def test_chain():
    try:
        1 / 0
    except ZeroDivisionError as error:
        raise ValueError("bad value") from error
"""


def test_every_verdict_is_that_of_pytest(either):
    """Passed, failed, skipped, expected, strict, in setup, in teardown, in parameters and subtests: as pytest says."""
    done = either.write({"test_all.py": EVERY_VERDICT}).run()
    assert done.verdicts == {
        "test_passes": "passed",
        "test_fails": "failed",
        "test_exits": "failed",
        "test_skipped": "skipped",
        "test_xfails": "xfailed",
        "test_xpasses": "passed",
        "test_xpasses_strictly": "failed",
        "test_errors": "error",
        "test_errors_late": "error",
        "test_parameters[a b]": "passed",
        "test_parameters[new\\nline]": "passed",
        "test_parameters[::[]]": "failed",
        "test_parameters[None]": "passed",
        "TestInClass::test_passes": "passed",
        "Case::test_subtests": "failed",
        "test_chain": "failed",
    }
    assert all(outcome.ok for outcome in done.outcomes)
    assert done.run.record.collected == 16
    assert done.run.record.totals.tests == 16


def test_what_failed_is_said(project):
    """A failure names its type, its message, its frames below the root; a skip its reason."""
    done = project.write({"tests/test_all.py": EVERY_VERDICT}).run()
    chain = done.first("test_chain")
    assert (chain.error_type, chain.message) == ("ValueError", "ValueError: bad value")
    assert [(frame.path, frame.function) for frame in chain.frames] == [("tests/test_all.py", "test_chain")]
    assert "ZeroDivisionError" in chain.trace
    assert done.first("test_skipped").message == "Skipped: not today"
    assert done.first("test_errors").error_type == "OSError"
    assert "subtest" in done.first("Case::test_subtests").message
    case = next(case for case in done.run.cases if case.name == "test_parameters[a b]")
    assert (case.file, case.parameters, case.native) == (
        "tests/test_all.py",
        "a b",
        "tests/test_all.py::test_parameters[a b]",
    )


def test_what_a_test_printed_is_with_its_failure(project):
    """Captured output comes with the failure, from the test that printed it and no other."""
    text = "def test_quiet(): pass\ndef test_loud():\n    print('heard me')\n    assert 0\n"
    done = project.write({"test_a.py": text}).run(workers=1)
    assert "heard me" in done.first("test_loud").output


# -- life and death


CRASHES = {
    "segfault": ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
    "exit": ("import os; os._exit(7)", "exit code 7"),
    "killed": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
}


@pytest.mark.parametrize("name", CRASHES)
def test_a_crash_loses_one_test(project, name):
    """The test that takes its process along is crashed, with what it had said; those after it run in a new process."""
    body, how = CRASHES[name]
    text = f"""
        def test_before(): pass
        def test_crash():
            print("last words", flush=True)
            {body}
        def test_after(): pass
        def test_last(): pass
    """
    done = project.write({"test_a.py": text}).run(workers=1)
    assert done.verdicts == {
        "test_before": "passed",
        "test_crash": "crashed",
        "test_after": "passed",
        "test_last": "passed",
    }
    crash = done.first("test_crash")
    assert how in crash.message
    assert "last words" in crash.output
    assert (done.run.shards[0].status, done.run.shards[0].processes) == ("crashed", 2)


def test_many_crashes_each_lose_one_test(project):
    """However many tests take their process along in the same way, the others run."""
    bodies = ["import os; os._exit(7)" if n % 2 else "pass" for n in range(14)]
    text = "\n".join(f"def test_{n}(): {body}" for n, body in enumerate(bodies))
    done = project.write({"test_a.py": text}).run(workers=1)
    assert list(done.verdicts.values()) == ["passed", "crashed"] * 7
    assert done.run.shards[0].processes == 7


def test_what_ends_pytest_ends_one_test(either):
    """KeyboardInterrupt and pytest.exit in a test are its failure; those after it run in a new process."""
    text = """
        import pytest
        def test_interrupt(): raise KeyboardInterrupt
        def test_between(): pass
        def test_exit(): pytest.exit("enough")
        def test_after(): pass
    """
    done = either.write({"test_a.py": text}).run(workers=1)
    assert list(done.verdicts.values()) == ["failed", "passed", "failed", "passed"]
    assert done.first("test_interrupt").error_type == "KeyboardInterrupt"
    assert "enough" in done.first("test_exit").message


def test_a_suite_that_always_exits_is_given_up(project):
    """When every process is ended the same way the rest is not run, and says why."""
    fixture = "import pytest\n@pytest.fixture(autouse=True, scope='session')\ndef server(): pytest.exit('no server')\n"
    tests = "\n".join(f"def test_{n}(): pass" for n in range(12))
    done = project.write({"conftest.py": fixture, "test_a.py": tests}).run(workers=1)
    verdicts = list(done.verdicts.values())
    assert verdicts[:5] == ["failed"] * 5
    assert set(verdicts[5:]) == {"not_run"}
    assert "no server" in done.first("test_11").message


def test_a_hang_is_slow_then_ended(either):
    """A test that hangs is said to be slow, is interrupted so that it says where, and costs the others nothing."""
    text = """
        import time
        def test_before(): pass
        def test_hang():
            while True:
                time.sleep(0.01)
        def test_after(): pass
    """
    done = either.write({"test_a.py": text}).run(workers=1, limits=Limits(slow_s=0.3, timeout_s=0.8, grace_s=2))
    assert list(done.verdicts.values()) == ["passed", "timed_out", "passed"]
    hang = done.first("test_hang")
    assert "0.8 s" in hang.message
    assert "in test_hang" in hang.trace
    slow = [event for event in done.log.events if event.name == "test.slow"]
    assert [event.attributes["test"] for event in slow] == ["test_a.py::test_hang"]


def test_a_hang_that_ignores_signals_is_killed(project, gone):
    """SIGINT and SIGTERM are ignored, a child has left the session: both are gone when the run has ended."""
    text = """
        import pathlib, signal, subprocess, time
        def test_hang():
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)
            child = subprocess.Popen(["sleep", "60"], start_new_session=True)
            pathlib.Path("pid").write_text(str(child.pid))
            time.sleep(60)
        def test_after(): pass
    """
    done = project.write({"test_a.py": text}).run(workers=1, limits=Limits(timeout_s=0.6, grace_s=0.2))
    assert list(done.verdicts.values()) == ["timed_out", "passed"]
    assert gone(int((project.root / "pid").read_text()))


def test_children_that_outlive_the_tests_are_ended(project, gone):
    """A daemon that a test leaves behind ends with the suite; it holds nothing up."""
    text = """
        import pathlib, subprocess
        def test_daemon():
            child = subprocess.Popen(["sleep", "60"], start_new_session=True)
            pathlib.Path("pid").write_text(str(child.pid))
    """
    done = project.write({"test_a.py": text}).run()
    assert done.verdicts == {"test_daemon": "passed"}
    assert gone(int((project.root / "pid").read_text()))


def test_too_much_memory_ends_one_test(project):
    """A test that takes more than its process may have is crashed, and says how much it was."""
    text = """
        import time
        def test_greedy():
            much = bytearray(400_000_000)
            time.sleep(60)
        def test_after(): pass
    """
    limits = Limits(memory_bytes=300_000_000, grace_s=0.2)
    done = project.write({"test_a.py": text}).run(workers=1, limits=limits)
    assert list(done.verdicts.values()) == ["crashed", "passed"]
    assert "MB of memory" in done.first("test_greedy").message


def test_a_flood_is_neither_kept_nor_lost(project):
    """A test that prints 60 MB passes or fails as it would, and a little of what it printed is kept."""
    text = """
        import os
        def test_flood():
            print("first")
            for _ in range(60):
                os.write(1, b"x" * 1_000_000)
            print("last")
            assert 0
    """
    done = project.write({"test_a.py": text}).run()
    output = done.first("test_flood").output
    assert "last" in output
    assert len(output) < 20_000


# -- hostile tests


def test_a_test_may_change_its_folder_and_remove_its_temporary_one(project):
    """Another current folder, a removed TMPDIR, closed descriptors: the tests after it have what they need."""
    text = """
        import os, pathlib, shutil, tempfile
        def test_folder(): os.chdir("/")
        def test_temporary(): shutil.rmtree(tempfile.gettempdir())
        def test_descriptors(): os.closerange(50, 190)
        def test_after(): assert pathlib.Path.cwd() == pathlib.Path("/")
    """
    done = project.write({"test_a.py": text}).run(workers=1)
    assert set(done.verdicts.values()) == {"passed"}


@pytest.mark.parametrize("options", ["", "--capture=sys", "--capture=tee-sys", "-s"])
def test_what_tests_hold_of_the_output_since_their_import_stays_good(either, options):
    """Streams in parameters, and handlers of logging that were made with the module: they are those of every test."""
    text = """
        import logging, sys, pytest
        HELD = sys.stderr
        logging.getLogger("lib").addHandler(logging.StreamHandler(sys.stdout))
        @pytest.mark.parametrize("stream", [sys.stdout])
        def test_holds(stream, request):
            if request.config.option.capture != "no":
                assert stream is sys.stdout and HELD is sys.stderr
            stream.write("held")
        def test_loud():
            logging.getLogger("lib").warning("by a handler")
            HELD.write("by hand")
            assert 0
    """
    ini = f"[pytest]\naddopts = {options}\n"
    done = either.write({"pytest.ini": ini, "test_a.py": text, "test_b.py": "def test_b(): pass\n"}).run()
    assert done.verdicts == {"test_holds[stream0]": "passed", "test_loud": "failed", "test_b": "passed"}
    said = done.first("test_loud").output
    if options != "-s":
        assert "by a handler" in said
        assert "by hand" in said


def test_a_test_may_leave_the_standard_library_in_pieces(either):
    """What pytest itself survives fanfold does: functions that a test has replaced, and has not put back."""
    text = """
        import builtins, json, os, select, signal, subprocess, time
        def no(*_, **__): raise RuntimeError("replaced")
        def test_clocks(): time.time = time.monotonic = time.perf_counter = lambda: "noon"
        def test_system(): os.write = os.fork = os.getpid = os.kill = os.waitpid = no
        def test_tools(): json.loads = json.dumps = subprocess.Popen = select.select = no
        def test_signals():
            for one in (signal.SIGINT, signal.SIGTERM): signal.signal(one, signal.SIG_IGN)
        def test_after(): pass
        def test_fails(): assert 0
    """
    done = either.write({"test_a.py": text, "test_b.py": "def test_b(): pass\n"}).run(workers=1)
    bad = {name for name, verdict in done.verdicts.items() if verdict != "passed"}
    assert (bad, len(done.verdicts)) == ({"test_fails"}, 7)
    assert done.first("test_fails").error_type == "AssertionError"


def test_a_test_that_writes_to_the_channel_breaks_nothing(project):
    """Bytes that are no message, on every descriptor there is, are not taken for one."""
    text = """
        import os
        def test_vandal():
            for descriptor in range(50, 260):
                try: os.write(descriptor, b"\\xff nonsense\\n")
                except OSError: pass
        def test_after(): pass
    """
    done = project.write({"test_a.py": text}).run(workers=1)
    assert done.verdicts == {"test_vandal": "passed", "test_after": "passed"}


def test_tests_of_the_same_name_are_told_apart(either):
    """A collector that gives two items one node id has both run, each once."""
    conftest = """
        import pytest
        class Item(pytest.Item):
            def runtest(self): assert self.fine
        class File(pytest.File):
            def collect(self):
                for fine in (True, False):
                    item = Item.from_parent(self, name="twin")
                    item.fine = fine
                    yield item
        def pytest_collect_file(file_path, parent):
            if file_path.suffix == ".twins":
                return File.from_parent(parent, path=file_path)
    """
    either.write({"a.twins": ""})
    with (either.root / "conftest.py").open("a") as file:
        file.write("\n".join(line[8:] for line in conftest.splitlines()))
    done = either.run()
    assert sorted(case.verdict for case in done.run.cases) == ["failed", "passed"]


# -- suites that are not whole


def test_a_file_that_can_not_be_imported_is_an_error_and_the_others_run(project):
    """The file is named with what it raised; one that skips itself says so."""
    files = {
        "test_bad.py": "import does_not_exist\n",
        "test_good.py": "def test_good(): pass\n",
        "test_not_here.py": "import pytest\npytest.importorskip('does_not_exist')\n",
    }
    done = project.write(files).run()
    assert {case.file: case.verdict for case in done.run.cases} == {
        "test_bad.py": "error",
        "test_good.py": "passed",
        "test_not_here.py": "skipped",
    }
    bad = next(case for case in done.run.cases if case.file == "test_bad.py")
    assert "does_not_exist" in bad.attempts[0].message
    assert bad.native == "test_bad.py"


def test_a_file_that_is_not_python_is_named_by_its_own_line(project):
    """Not by pytest's: the error, the file and the line; a missing module by the line that wants it."""
    done = project.write({"test_s.py": "\ndef test_a(:\n    pass\n", "test_i.py": "import not_there\n"}).run()
    told = {case.file: case.attempts[0] for case in done.run.cases}
    assert told["test_s.py"].error_type == "SyntaxError"
    assert [(f.path, f.line) for f in told["test_s.py"].frames] == [("test_s.py", 2)]
    assert "_pytest" not in told["test_s.py"].trace
    assert told["test_i.py"].error_type == "ModuleNotFoundError"
    assert [(f.path, f.line) for f in told["test_i.py"].frames] == [("test_i.py", 1)]


def test_a_conftest_that_can_not_be_read_is_named(project):
    """A suite whose conftest has a syntax error can't be collected, and the reason names file and line."""
    done = project.write({"conftest.py": "def broken(:\n", "test_a.py": "def test_a(): pass\n"}).run()
    assert done.run.cases == ()
    assert "conftest.py" in done.run.record.error
    assert "SyntaxError" in done.run.record.error


def test_a_program_that_is_not_there_is_named(project):
    """A suite whose command can't be started says which, and what to do."""
    done = project.write({"test_a.py": "def test_a(): pass\n"}).run(command=("no-such-program",))
    assert "no-such-program" in done.run.record.error


def test_no_tests_are_no_failure(project):
    """A suite without tests has no shards and no error."""
    done = project.run()
    assert (done.run.record.collected, done.run.shards, done.run.record.error) == (0, (), None)


def test_a_fixture_of_the_session_that_fails_late_is_an_error(project):
    """What fails when the session is torn down is an error of the test that ran last."""
    text = """
        import pytest
        @pytest.fixture(scope="session")
        def shared():
            yield
            raise OSError("no end today")
        def test_uses_it(shared): pass
    """
    done = project.write({"test_a.py": text}).run()
    assert done.verdicts == {"test_uses_it": "error"}
    assert "no end today" in done.first("test_uses_it").message


def test_reports_that_a_plugin_holds_back_keep_their_errors(either):
    """Plugins that rerun tests, or run them elsewhere, pass reports on when all phases are over."""
    conftest = """
        from _pytest.runner import runtestprotocol
        def pytest_runtest_protocol(item, nextitem):
            for report in runtestprotocol(item, nextitem=nextitem, log=False):
                item.ihook.pytest_runtest_logreport(report=report)
            return True
    """
    done = either.write({"conftest.py": conftest, "test_a.py": "def test_a(): raise KeyError('x')\n"}).run()
    attempt = done.first("test_a")
    assert attempt.error_type == "KeyError"
    assert [frame.path for frame in attempt.frames] == ["test_a.py"]


def test_the_projects_options_do_not_get_in_the_way(project):
    """-x, -p no:…, --strict-config, result files and xdist's spreading: a worker runs all that it is given."""
    ini = (
        "[pytest]\naddopts = -x -p no:cacheprovider -p no:logging --strict-config --strict-markers --junitxml=out.xml\n"
    )
    done = project.write({"pytest.ini": ini, "test_a.py": EVERY_VERDICT}).run()
    assert done.run.record.totals.tests == 16
    assert done.run.record.totals.not_run == 0
    assert not (project.root / "out.xml").exists()


class Stopper(Deaf):
    """Stops the run as soon as a test has ended."""

    supervisor: Supervisor | None = None

    def tested(self, job: object, case: object) -> None:
        del job, case
        if self.supervisor:
            self.supervisor.stop("that is enough")


def test_a_run_that_is_stopped_lets_tests_tear_down(either):
    """As Ctrl-C does with a plain pytest: what fixtures have made is gone, the test's own and the session's."""
    files = {
        "test_a.py": """
            import os, pathlib, pytest, time
            @pytest.fixture(scope="session")
            def server():
                pathlib.Path("server").touch()
                yield
                pathlib.Path("server").unlink()
            @pytest.fixture
            def lock(server):
                pathlib.Path("lock").touch()
                yield
                pathlib.Path("lock").unlink()
                pathlib.Path("torn down").touch()
            def test_quick(): pass
            def test_long(lock):
                pathlib.Path("in it").touch()
                time.sleep(60)
        """,
    }
    either.listener = Stopper()
    done = either.write(files).run(workers=1)
    assert done.verdicts == {"test_quick": "passed", "test_long": "not_run"}
    there = {name for name in ("server", "lock", "in it", "torn down") if (either.root / name).exists()}
    assert there in (set(), {"in it", "torn down"})  # it may have been stopped before it was in it


def test_a_run_that_is_stopped_keeps_what_there_is(project, gone):
    """What has ended stands; what has not is not run, and nothing stays behind."""
    files = {
        "test_a.py": "def test_quick(): pass\n",
        "test_b.py": """
            import os, pathlib, time
            def test_long():
                pathlib.Path("pid").write_text(str(os.getpid()))
                time.sleep(60)
        """,
    }
    project.listener = Stopper()
    done = project.write(files).run()
    assert done.verdicts == {"test_quick": "passed", "test_long": "not_run"}
    assert "that is enough" in done.first("test_long").message
    written = project.root / "pid"
    said = written.read_text() if written.exists() else ""  # it may have been stopped before it wrote, or while
    assert not said or gone(int(said))


def test_workers_start_one_by_one_when_the_server_is_gone(project):
    """The process that collected is killed by a test: the others still run, and the notes say so."""
    files = {
        "conftest.py": "import os, pathlib\npathlib.Path('server').write_text(str(os.getpid()))\n",
        "test_a.py": """
            import os, pathlib, signal
            def test_kills():
                os.kill(int(pathlib.Path("server").read_text()), signal.SIGKILL)
                os._exit(1)
            def test_after(): pass
        """,
    }
    done = project.write(files).run(workers=1)
    assert done.verdicts == {"test_kills": "crashed", "test_after": "passed"}
    assert any("start one by one" in note for note in done.run.record.notes)


# -- what a worker is given


def test_workers_have_their_own_everything(either):
    """Number, folders, ports and names of databases differ between workers, and are usable."""
    text = (
        """
        import json, os, pathlib, tempfile, time, socket
        def leave(name):
            names = [n for n in os.environ if n.startswith(("FANFOLD", "XDG", "TMP", "PYTEST_XDIST"))]
            pathlib.Path(name).write_text(json.dumps({n: os.environ[n] for n in names}))
            base = int(os.environ["FANFOLD_PORT_BASE"])
            with socket.socket() as end: end.bind(("127.0.0.1", base + 19))
            with tempfile.NamedTemporaryFile() as file: assert file.name.startswith(os.environ["TMPDIR"])
            deadline = time.time() + 40
            while time.time() < deadline and not all(pathlib.Path(n).exists() for n in ("one", "two")):
                time.sleep(0.01)
        """.rstrip()
        + "\n"
    )
    files = {
        "test_a.py": text + "        def test_one(worker_id): leave('one')\n",
        "test_b.py": text + "        def test_two(worker_id): leave('two')\n",
    }
    fixture = "import pytest\n@pytest.fixture\ndef worker_id(request): return request.config.workerinput['workerid']\n"
    with (either.root / "conftest.py").open("a") as file:
        file.write(fixture)
    done = either.write(files).run(durations={"test_a.py::test_one": 9.0, "test_b.py::test_two": 9.0})
    assert set(done.verdicts.values()) == {"passed"}, done.run.record.error
    one, two = (json.loads((either.root / name).read_text()) for name in ("one", "two"))
    assert one["FANFOLD_RUN"] == two["FANFOLD_RUN"]
    assert {one["PYTEST_XDIST_WORKER"], two["PYTEST_XDIST_WORKER"]} == {"gw0", "gw1"}
    for name in ("FANFOLD_WORKER", "FANFOLD_PORT_BASE", "FANFOLD_DATABASE_SUFFIX", "TMPDIR", "XDG_CACHE_HOME"):
        assert one[name] != two[name]
    assert not Path(one["TMPDIR"]).exists()


def test_a_python_without_pytest_is_told_how_to_get_it(project):
    """In one line, and not in pytest's own words."""
    bare = (sys.executable, "-S", "-m", "pytest")
    error = project.write({"test_a.py": "def test_a(): pass\n"}).run(command=bare).run.record.error
    assert ".venv/bin/pip install" in error
    assert "\n" not in error


def test_a_pytest_that_a_test_starts_is_an_ordinary_one(project):
    """Neither variables nor import paths of fanfold's reach a test, or what it starts."""
    text = """
        import os, subprocess, sys
        def test_inner(tmp_path):
            assert "FANFOLD_PYTEST" not in os.environ
            assert not [path for path in sys.path if "injected" in path]
            (tmp_path / "test_x.py").write_text("def test_x(): pass")
            subprocess.run([sys.executable, "-m", "pytest", "-q", str(tmp_path)], check=True)
    """
    assert project.write({"test_a.py": text}).run().verdicts == {"test_inner": "passed"}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("import os; NAME = 'db_' + os.environ.get('PYTEST_XDIST_WORKER', '')", "own PYTEST_XDIST_WORKER was read by "),
        ("import os; PORT = os.getenv('FANFOLD_PORT_BASE')", "FANFOLD_PORT_BASE was read"),
        ("import os; ALL = dict(os.environ); NAME = os.environ['FANFOLD_WORKER']", "own FANFOLD_WORKER was read by "),
        ("import socket; PORT = socket.create_server(('127.0.0.1', 0)).getsockname()[1]", "a socket was bound"),
        ("import tempfile; FOLDER = tempfile.mkdtemp()", "a temporary file was made"),
        ("import sqlite3, os; DB = sqlite3.connect('x.db')", "a database was opened"),
        ("import subprocess; CHILD = subprocess.Popen(['sleep', '30'])", "a child process still runs"),
    ],
)
def test_what_must_not_be_shared_rules_a_fork_out(project, line, why):
    """A module that made something of its worker's own while it was imported is imported by each worker itself."""
    tests = "\n".join(f"def test_{n}(): pass" for n in range(30))
    done = project.write({"conftest.py": line, "test_a.py": tests, "test_b.py": tests}).run()
    assert set(done.verdicts.values()) == {"passed"}
    assert [note for note in done.run.record.notes if why in note]


@pytest.mark.parametrize(
    "line",
    [
        "import tempfile\nwith tempfile.TemporaryDirectory(): pass",
        "import sqlite3; DB = sqlite3.connect(':memory:')",
        "import os; os.environ.get('HOME')",
        "import os; KEPT = dict(os.environ)",
        "import os\nfor name, value in os.environ.items(): pass",
        "import os; KEPT = os.environ.copy()",
    ],
    ids=["removed", "in-memory", "other-variable", "all-kept", "all-looked-at", "all-copied"],
)
def test_what_leaves_nothing_behind_does_not(project, line):
    """A temporary folder that is gone, what a fork copies, and a copy of all variables need no process of their own."""
    done = project.write({"conftest.py": line, "test_a.py": "def test_a(): pass\n"}).run()
    assert done.run.record.notes == ("one shard: more workers would take longer to start than they save",) or not [
        note for note in done.run.record.notes if "fork" in note
    ]


def test_only_what_is_chosen_runs(project):
    """`chosen` is asked about every case, and the others are neither run nor reported."""
    project.write({"test_a.py": "def test_a(): pass\ndef test_b(): assert 0\n"})
    assert project.run(chosen=lambda case: case.name == "test_a").verdicts == {"test_a": "passed"}


def test_durations_are_those_of_whole_tests(project):
    """What a test takes is measured from its start to its end, fixtures included, and comes back for the next run."""
    text = """
        import time, pytest
        @pytest.fixture
        def slow(): time.sleep(0.2)
        def test_slow(slow): pass
        def test_quick(): pass
    """
    done = project.write({"test_a.py": text, "test_b.py": ""}).run(files=("test_a.py", "test_b.py"))
    assert done.run.durations["test_b.py"] == NO_TESTS_S  # a file without tests: the next plan knows that
    assert done.run.durations["test_a.py::test_slow"] >= 0.2
    assert done.run.durations["test_a.py::test_quick"] < 0.2


def test_the_longest_shards_begin_first(project):
    """Whatever their order in the suite: nobody waits for a long one at the end. They are told in order."""
    names = ("test_a", "test_b", "test_c", "test_long")
    files = {f"{name}.py": f"def {name}(): pass\n" for name in names}
    durations = {f"{name}.py::{name}": 9.0 if name == "test_long" else 3.0 for name in names}
    done = project.write(files).run(workers=2, durations=durations)
    shards = done.run.shards
    assert [shard.index for shard in shards] == list(range(1, len(shards) + 1))
    assert min(shards, key=lambda shard: shard.started_s).expected_s == 9.0


def test_suites_that_share_a_resource_share_a_lane():
    """Names tie suites together, also by way of a third; the others are free."""
    resources = [("db",), ("db", "port"), ("port",), (), ("disk",)]
    lanes = lanes_of([Suite(name=f"s{n}", framework="pytest", resources=names) for n, names in enumerate(resources)])
    assert lanes == ["resource:db+port"] * 3 + ["process", "resource:disk"]


def test_an_error_inside_of_pytest_is_one_line(project):
    """What was raised, and where: not the whole of pytest's stack."""
    hook = "def pytest_collection_modifyitems():\n    raise RuntimeError('hook is broken')\n"
    error = project.write({"conftest.py": hook, "test_a.py": "def test_a(): pass\n"}).run().run.record.error
    assert error.startswith(
        "pytest ended with 3 before it had collected its tests: INTERNALERROR: RuntimeError: hook is"
    )
    assert "conftest.py" in error
    assert len(error.splitlines()) == 1
    assert len(error) < 500


@pytest.mark.parametrize(
    ("sign", "says"),
    [
        ("pdm.lock", "has no pytest: `pdm install`, or if the project does not name it yet, `pdm add -d pytest`; pdm"),
        ("setup.cfg", "has no pytest: install the project and its tests' packages into .venv, as with"),
    ],
)
def test_an_environment_without_pytest_is_filled_by_who_keeps_it(project, sign, says):
    """The manager of the project where there is one, pip elsewhere."""
    python = project.root / "python"
    python.write_text('#!/bin/sh\necho "$0: No module named pytest" >&2; exit 1\n')
    python.chmod(0o755)
    done = project.write({"test_a.py": "", sign: ""}).run(command=(str(python), "-m", "pytest"))
    assert says in done.run.record.error


TRACE = """#!/bin/sh
echo 'Traceback (most recent call last):
  File "/usr/lib/runpy.py", line 1, in run
    main()
ImportError: cannot import name Protocol' >&2
exit 1
"""


def test_of_a_traceback_before_anything_was_collected_the_last_line_is_said(project):
    """The whole of it, on one line, tells nobody anything."""
    python = project.root / "python"
    python.write_text(TRACE)
    python.chmod(0o755)
    done = project.write({"test_a.py": ""}).run(command=(str(python), "-m", "pytest"))
    assert done.run.record.error == (
        "pytest ended with 1 before it had collected its tests: ImportError: cannot import name Protocol"
    )
