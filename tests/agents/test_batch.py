"""The `batch` backend on the stand-in server: submitted together, picked up again, asked anew where it must be.

Every answer of a sub-agent here is scripted; no model was asked.
"""

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold import Supervisor, fan_out
from fanfold.agents import batch as batch_module
from fanfold.agents import connection
from fanfold.agents.backends import Premises
from fanfold.agents.batch import BatchBackend
from fanfold.agents.batch_ledger import Ledger, chunks, custom_id
from fanfold.agents.prices import cost_usd
from fanfold.agents.spec import AgentSpec, Brief
from fanfold.agents.units import agent_unit
from fanfold.engine.attempt import Attempt
from fanfold.engine.limits import LaneLimits
from fanfold.testing import Fault, FaultKind, Faults, MessagesServer, Reply, Rule, ServerOptions
from fanfold.testing.examples import REPORT

SCRIPT = [
    Rule("task bad", [Reply(text="no answer"), Reply(json={"words": ["mended"]})]),
    *(Rule(f"task {n}.", [Reply(json={"words": [str(n)]})]) for n in range(30)),
]


BRIEF = Brief("claude-opus-5-5", None, "You are one of several.", (REPORT,))
OLD = Brief("claude-haiku-4-5", "high", "You are one of several.", (REPORT,))


def spec(task, brief=BRIEF):
    return AgentSpec(
        role="finder",
        brief=brief,
        context="The change.",
        task=f"Do task {task}.",
        answer=REPORT,
        max_tokens=1000,
    )


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    for name in ("GATHER_S", "FIRST_POLL_S", "MOST_POLL_S"):
        monkeypatch.setattr(batch_module, name, 0.02)


@pytest.fixture
def served(monkeypatch):
    stack = []

    def start(options=ServerOptions()):  # noqa: B008  frozen
        server = MessagesServer(SCRIPT, options)
        server.__enter__()
        stack.append(server)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "test")
        return server

    yield start
    for server in stack:
        server.__exit__(None, None, None)


def run(folder, tasks, *, deadline_s=None, brief=BRIEF):
    """Ask all tasks under a supervisor as the command line makes it; returns their outcomes, and notes."""

    async def go():
        backend = BatchBackend(Premises(None, folder))
        specs = [spec(task, brief) for task in tasks]
        units = [agent_unit(one, one, kind="finder", label=str(task)) for task, one in zip(tasks, specs, strict=True)]
        lanes = {"model:*": LaneLimits(limit=1000, start=1000)}

        async def ask(unit, attempt):
            return await backend.ask(unit.payload, attempt)

        try:
            async with Supervisor(jobs=1000, lanes=lanes, deadline_s=deadline_s) as supervisor:
                return await fan_out(units, ask, supervisor=supervisor)
        finally:
            await backend.close()
            notes.extend(backend.notes)

    notes: list[str] = []
    return asyncio.run(go()), notes


def creations(server):
    return [record for record in server.requests if record.method == "POST"]


def held(folder):
    """What is recorded: how many requests of each batch."""
    return {file.stem: len(json.loads(file.read_text())) for file in (folder / "batches").glob("*.json")}


def words(outcomes):
    return [outcome.value.answer.words for outcome in outcomes]


def test_many_questions_are_one_batch_at_half_price(served, tmp_path):
    """Results come in another order and find their questions; the cost is that of a batch."""
    server = served()
    outcomes, _ = run(tmp_path / ".fanfold", range(20))
    assert words(outcomes) == [[str(n)] for n in range(20)]
    (created,) = creations(server)
    assert len(created.body["requests"]) == 20
    usage = outcomes[0].usage
    full = cost_usd("claude-opus-5-5", full=usage.input_tokens, cache_write=usage.cache_write_tokens,
                    cache_read=usage.cache_read_tokens, output=usage.output_tokens)  # fmt: skip
    assert full is not None
    assert usage.cost_usd == pytest.approx(full / 2)
    assert list((tmp_path / ".fanfold" / "batches").iterdir()) == []


def test_a_stopped_run_takes_its_batch_up_again(served, tmp_path):
    """Stopped while it waits: the next run, the next day as well, submits nothing and gets the answers."""
    server = served(ServerOptions(batch_s=3600))
    folder = tmp_path / ".fanfold"
    outcomes, notes = run(folder, range(3), deadline_s=0.6)
    assert {outcome.status.value for outcome in outcomes} == {"timed_out"}
    assert "goes on: run the same command again" in notes[0]
    server.advance(3600)
    again, notes = run(folder, range(3))
    assert words(again) == [["0"], ["1"], ["2"]]
    assert notes == []
    assert len(creations(server)) == 1


ASK = """
import asyncio, sys
sys.path[:0] = sys.argv[2:]
from pathlib import Path
from fanfold.agents import batch
from fanfold.agents.backends import Premises
from fanfold.engine.attempt import Attempt
from test_batch import spec
batch.GATHER_S = 0.02
asyncio.run(batch.BatchBackend(Premises(None, Path(sys.argv[1]))).ask(spec(7), Attempt()))
"""


def test_a_killed_run_takes_its_batch_up_again(served, tmp_path):
    """SIGKILL between submitting and collecting: the same question is waited for, and paid once."""
    server = served(ServerOptions(batch_s=3600))
    folder = tmp_path / ".fanfold"
    paths = [str(Path(batch_module.__file__).parents[2]), str(Path(__file__).parent)]
    with subprocess.Popen([sys.executable, "-c", ASK, str(folder), *paths]) as process:
        deadline = time.monotonic() + 60
        while not list(folder.glob("batches/*.json")):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
    server.advance(3600)
    outcomes, _ = run(folder, [7])
    assert words(outcomes) == [["7"]]
    assert len(creations(server)) == 1


def test_a_run_that_asks_for_more_submits_only_that(served, tmp_path):
    """What is in a batch already is waited for, the rest goes into a batch of its own."""
    server = served(ServerOptions(batch_s=1.5))
    run(tmp_path / ".fanfold", range(2), deadline_s=0.6)
    outcomes, _ = run(tmp_path / ".fanfold", range(4))
    assert words(outcomes) == [["0"], ["1"], ["2"], ["3"]]
    assert [len(record.body["requests"]) for record in creations(server)] == [2, 2]


def test_a_login_that_has_expired_costs_no_batch(served, tmp_path, monkeypatch):
    """The run of the next morning can't ask for the results: with a new login, the one after that gets them unpaid."""
    server = served(ServerOptions(batch_s=3600, api_key="test"))
    folder = tmp_path / ".fanfold"
    run(folder, range(3), deadline_s=0.6)
    server.advance(3600)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "expired")
    outcomes, notes = run(folder, range(3))
    assert {outcome.status.value for outcome in outcomes} == {"failed"}
    assert "run the same command again" in notes[0]
    assert list(held(folder).values()) == [3]
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test")
    outcomes, notes = run(folder, range(3))
    assert words(outcomes) == [["0"], ["1"], ["2"]]
    assert (notes, held(folder), len(creations(server))) == ([], {}, 1)


def test_answers_that_a_resumed_run_does_not_ask_for_are_kept(served, tmp_path):
    """Each answer is forgotten when it was handed out, and the batch with the last one."""
    server = served(ServerOptions(batch_s=3600))
    folder = tmp_path / ".fanfold"
    run(folder, range(3), deadline_s=0.6)
    server.advance(3600)
    for task, left in ((0, [2]), (1, [1]), (2, [])):
        outcomes, notes = run(folder, [task])
        assert words(outcomes) == [[str(task)]]
        assert list(held(folder).values()) == left
        assert notes == []
    assert len(creations(server)) == 1


def test_a_batch_whose_creation_is_under_way_at_the_end_is_recorded(served, tmp_path):
    """The server has taken it, and says so after the deadline: the next run takes it up."""
    server = served(ServerOptions(batch_accept_s=1.5))
    folder = tmp_path / ".fanfold"
    outcomes, notes = run(folder, range(2), deadline_s=0.6)
    assert {outcome.status.value for outcome in outcomes} == {"timed_out"}
    assert list(held(folder).values()) == [2]
    assert "goes on: run the same command again" in notes[0]
    outcomes, _ = run(folder, range(2))
    assert words(outcomes) == [["0"], ["1"]]
    assert len(creations(server)) == 1


def test_a_creation_that_never_ends_is_waited_for_so_long(served, tmp_path, monkeypatch):
    """The run ends, and says what may have happened."""
    monkeypatch.setattr(batch_module, "SETTLE_S", 0.1)
    served(ServerOptions(batch_accept_s=3600))
    _, notes = run(tmp_path / ".fanfold", [1], deadline_s=0.6)
    assert "did not say whether it took the last batch" in notes[0]


def test_a_request_whose_batch_is_being_created_is_not_sent_again(served, tmp_path):
    """Who asks for the same while the creation is under way waits for that one."""
    server = served(ServerOptions(batch_accept_s=0.5))

    async def go():
        backend = BatchBackend(Premises(None, tmp_path / ".fanfold"))
        first = asyncio.create_task(backend.ask(spec(4), Attempt()))
        await server.until(lambda _: bool(creations(server)))
        answers = await asyncio.gather(first, backend.ask(spec(4), Attempt()))
        await backend.close()
        return [answered.answer.words for answered in answers]

    assert asyncio.run(go()) == [["4"], ["4"]]
    assert len(creations(server)) == 1


@pytest.mark.parametrize("failing", [2, 20])
def test_requests_that_failed_are_struck_at_once(served, tmp_path, monkeypatch, failing):
    """However many failed in a batch, what is recorded of it is written once more."""
    faults = Faults(first=(*(Fault(kind=FaultKind.OVERLOADED),) * failing, *(None,) * 60))
    served(ServerOptions(faults=faults))
    names = []
    replace = Path.replace

    def counted(self, target):
        names.append(Path(target).name)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", counted)
    outcomes, _ = run(tmp_path / ".fanfold", range(22))
    assert words(outcomes) == [[str(n)] for n in range(22)]
    first = min(name for name in names if name.startswith("msgbatch_"))
    assert names.count(first) == 2  # when it was created, and when it had ended
    assert held(tmp_path / ".fanfold") == {}


@pytest.mark.parametrize("kind", [FaultKind.OVERLOADED, FaultKind.RESET])
def test_what_failed_or_expired_goes_into_the_next_batch(served, tmp_path, kind):
    """The server's own failures are asked again; the others stand."""
    server = served(ServerOptions(faults=Faults(first=(Fault(kind=kind), None, None))))
    outcomes, _ = run(tmp_path / ".fanfold", range(3))
    assert words(outcomes) == [["0"], ["1"], ["2"]]
    assert [len(record.body["requests"]) for record in creations(server)] == [3, 1]


def test_an_answer_that_cannot_be_used_is_corrected_once(served, tmp_path):
    """The second request says what was wrong, in the next batch."""
    server = served()
    outcomes, _ = run(tmp_path / ".fanfold", ["bad"])
    assert words(outcomes) == [["mended"]]
    assert len(creations(server)) == 2


def test_a_request_that_is_rejected_is_final(served, tmp_path):
    """400 for one request of a batch fails that one alone."""
    served(ServerOptions(faults=Faults(first=(Fault(kind=FaultKind.STATUS, status=400), None))))
    outcomes, _ = run(tmp_path / ".fanfold", range(2))
    assert sorted(outcome.status.value for outcome in outcomes) == ["failed", "ok"]


def test_a_batch_that_is_gone_is_submitted_anew(served, tmp_path):
    """Its results are kept a month: after that the server knows it no more."""
    server = served()
    folder = tmp_path / ".fanfold"
    run(folder, [1])
    names = [request["custom_id"] for record in creations(server) for request in record.body["requests"]]
    Ledger(folder / "batches").note("msgbatch_gone", names)
    outcomes, _ = run(folder, [1])
    assert words(outcomes) == [["1"]]
    assert len(creations(server)) == 2


def test_a_request_is_fitted_to_its_model(served, tmp_path):
    """As over `api`: an effort that the model does not know is left out, with a note, and asked about once."""
    server = served()
    outcomes, notes = run(tmp_path / ".fanfold", range(3), brief=OLD)
    assert words(outcomes) == [["0"], ["1"], ["2"]]
    assert notes == [
        "claude-haiku-4-5 does not know the effort 'high' (it knows: none): it was left out",
        "the model claude-haiku-4-5 is deprecated, and retires on 2027-02-01",
    ]
    (created,) = creations(server)
    assert all("output_config" not in request["params"] for request in created.body["requests"])
    assert [record.path for record in server.requests].count("/v1/models/claude-haiku-4-5") == 1


def test_a_fitted_request_is_found_again_without_asking_what_the_model_knows(served, tmp_path, monkeypatch):
    """The same request has the same name, whether or not it could be fitted."""
    server = served(ServerOptions(batch_s=3600))
    folder = tmp_path / ".fanfold"
    run(folder, [1], deadline_s=0.6, brief=OLD)
    server.advance(3600)

    async def unknown(client, model):
        return None

    monkeypatch.setattr(connection, "ask_capabilities", unknown)
    outcomes, _ = run(folder, [1], brief=OLD)
    assert words(outcomes) == [["1"]]
    assert len(creations(server)) == 1


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"a": 1}', "\0"])
def test_a_damaged_ledger_is_as_good_as_absent(tmp_path, text):
    """It costs the resuming, never the run."""
    (tmp_path / "msgbatch_1.json").write_text(text)
    assert Ledger(tmp_path).holding("x") == []
    assert Ledger(tmp_path / "nowhere").holding("x") == []


@given(
    st.dictionaries(
        st.text("ab", min_size=1, max_size=4), st.fixed_dictionaries({"x": st.text(max_size=60)}), max_size=20
    ),
    st.integers(1, 7),
    st.integers(100, 400),
)
def test_splitting_keeps_every_request_once_and_in_order(requests, most, most_bytes):
    """No part is over either limit unless it is a single request."""
    parts = list(chunks(requests, most=most, most_bytes=most_bytes))
    assert [name for part in parts for name in part] == list(requests)
    assert all(part and len(part) <= most for part in parts)


def test_the_same_request_has_the_same_name():
    """In every run, whatever the order of its fields; another request has another."""
    assert custom_id({"a": 1, "b": 2}) == custom_id({"b": 2, "a": 1}) != custom_id({"a": 1, "b": 3})
    assert Path(custom_id({"a": 1})).name == custom_id({"a": 1})
