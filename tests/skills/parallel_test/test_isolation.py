"""Workers' places: numbers, folders, ports, and what of the user's is still found."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.skills.parallel_test.isolation import PORTS, Seats, free_ports, kept_caches, scratch


@pytest.fixture
def seats(tmp_path: Path) -> Seats:
    return Seats(tmp_path, 2)


def test_no_two_places_have_anything_in_common(seats):
    """Numbers, folders, ports and marks differ; a number that was given back is the next to be taken."""
    one, two = seats.take(), seats.take()
    assert (one.number, two.number) == (0, 1)
    assert one.folder != two.folder
    assert one.mark != two.mark
    assert set(range(one.port_base, one.port_base + PORTS)).isdisjoint(range(two.port_base, two.port_base + PORTS))
    seats.leave(one)
    assert not one.folder.exists()
    assert seats.take().number == 0


def test_a_place_that_shares_its_number_does_not_take_it_back(seats):
    """Leaving a place whose number somebody else has by now leaves that alone."""
    server = seats.take()
    seats.share(server)
    worker = seats.take()
    assert (server.number, worker.number) == (0, 0)
    seats.leave(server)
    assert seats.take().number == 1


def test_folders_come_back(seats):
    """What a test has removed is there again when the next shard begins."""
    seat = seats.take()
    (seat.folder / "tmp").rmdir()
    seat.ready()
    assert (seat.folder / "tmp").is_dir()


def test_what_tests_have_locked_goes_and_what_they_point_to_stays(tmp_path):
    """A folder without permissions is removed; a link in it leads nowhere."""
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o755)
    with scratch() as folder:
        locked = folder / "locked"
        (locked / "inner").mkdir(parents=True)
        (locked / "link").symlink_to(outside)
        (locked / "inner" / "file").touch()
        locked.chmod(0)
    assert not folder.exists()
    assert outside.stat().st_mode & 0o777 == 0o755


@given(taken=st.sets(st.integers(20_000, 31_999), max_size=200), number=st.integers(0, 64))
def test_ports_are_free(taken, number):
    """Whatever is taken, the block is not."""
    base = free_ports(number, lambda port: port not in taken)
    assert 20_000 <= base <= 32_000 - PORTS
    assert taken.isdisjoint(range(base, base + PORTS))


def test_a_port_in_use_is_passed_over():
    """A port that somebody listens on is in nobody's block."""
    base = free_ports(0)
    with socket.create_server(("127.0.0.1", base + 3)):
        assert base + 3 not in range(free_ports(0), free_ports(0) + PORTS)


def test_tools_find_their_caches(tmp_path):
    """What is there in the user's cache folder is pointed to, unless the user has said where it is."""
    (tmp_path / ".cache" / "uv").mkdir(parents=True)
    (tmp_path / ".cache" / "go-build").mkdir()
    environ = {"HOME": str(tmp_path), "GOCACHE": "/mine"}
    assert kept_caches(environ) == {"UV_CACHE_DIR": os.fspath(tmp_path / ".cache" / "uv")}


def test_managers_of_environments_find_those_that_they_keep(tmp_path):
    """As behind a prefix like `pipenv run`: in the folders of the user, wherever these are."""
    (tmp_path / ".local" / "share" / "virtualenvs").mkdir(parents=True)
    (tmp_path / "data" / "hatch").mkdir(parents=True)
    environ = {"HOME": str(tmp_path)}
    assert kept_caches(environ) == {"WORKON_HOME": os.fspath(tmp_path / ".local" / "share" / "virtualenvs")}
    environ["XDG_DATA_HOME"] = str(tmp_path / "data")
    assert kept_caches(environ) == {"HATCH_DATA_DIR": os.fspath(tmp_path / "data" / "hatch")}


def test_a_server_of_the_whole_session_on_one_port_hangs_no_other_worker(project):
    """Who finds the port taken by another worker waits until that one has ended, and takes none of its test's time."""
    port = free_port()
    conftest = f"""
        import pytest, socket, threading, time
        @pytest.fixture(scope="session")
        def server():
            ready = threading.Event()
            end = socket.socket()
            def serve():
                end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                end.bind(("127.0.0.1", {port}))
                end.listen()
                ready.set()
            threading.Thread(target=serve, daemon=True).start()
            ready.wait()
            yield
            end.close()
    """
    test = "import time, pytest\n@pytest.mark.parametrize('n', range(3))\ndef test_a(server, n): time.sleep(0.3)\n"
    files = {"conftest.py": conftest, **{f"test_{n}.py": test for n in range(4)}}
    durations = {f"test_{n}.py::test_a[{m}]": 0.3 for n in range(4) for m in range(3)}
    done = project.write(files).run(workers=2, retries=1, timeout_s=5, durations=durations)
    assert len(done.run.shards) > 1
    assert {attempts for case in done.run.cases for attempts in [tuple(a.outcome for a in case.attempts)]} == {
        ("passed",)
    }
    assert max(done.run.durations.values()) < 1


REUSED = """
    import socket, time, pytest
    @pytest.fixture(scope="session")
    def server():
        with socket.socket() as end:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            end.bind(("127.0.0.1", PORT))
            time.sleep(0.5)  # so that each worker has bound it before one listens
            end.listen()
            yield
"""


def free_port():
    with socket.socket() as end:
        end.bind(("127.0.0.1", 0))
        return end.getsockname()[1]


def test_workers_that_have_bound_one_port_listen_one_after_the_other(project):
    """With SO_REUSEADDR all may bind; who is refused when it listens waits as well."""
    test = "import time, pytest\n@pytest.mark.parametrize('n', range(3))\ndef test_a(server, n): time.sleep(0.2)\n"
    files = {"conftest.py": REUSED.replace("PORT", str(free_port())), **{f"test_{n}.py": test for n in range(4)}}
    durations = {f"test_{n}.py::test_a[{m}]": 0.3 for n in range(4) for m in range(3)}
    done = project.write(files).run(workers=2, retries=1, timeout_s=5, durations=durations)
    assert len(done.run.shards) > 1
    assert {tuple(one.outcome for one in case.attempts) for case in done.run.cases} == {("passed",)}


def test_ports_of_many_tests_take_no_files(project):
    """A test that asks for a free port and then listens there is common; hundreds of them run out of nothing."""
    test = """
        import os, socket
        def test_many():
            before = len(os.listdir("/proc/self/fd"))
            for _ in range(300):
                with socket.socket() as end:
                    end.bind(("127.0.0.1", 0))
                    port = end.getsockname()[1]
                with socket.socket() as end:
                    end.bind(("127.0.0.1", port))
                    end.listen()
            assert len(os.listdir("/proc/self/fd")) == before
    """
    assert project.write({"test_a.py": test}).run().verdicts == {"test_many": "passed"}


def test_a_child_may_listen_where_its_parent_did(project):
    """A process that a test forks waits for no port that the test itself had."""
    test = """
        import os, socket
        PORT = %d
        def listen():
            with socket.socket() as end:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                end.bind(("127.0.0.1", PORT))
                end.listen()
        def test_forks():
            listen()
            child = os.fork()
            if not child:
                try:
                    listen()
                finally:
                    os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
    """
    assert project.write({"test_a.py": test % free_port()}).run(timeout_s=10).verdicts == {"test_forks": "passed"}
