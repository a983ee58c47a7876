"""`fanfold review` in a real repository, without a model and with the stand-in server in a model's place.

Every answer of a sub-agent here is scripted; no model was asked.
"""

import io
import json
import sys
from pathlib import Path

import pytest

from fanfold.models import Run
from fanfold.testing.examples import reported
from fanfold.testing.options import Fault, FaultKind, ServerOptions
from fanfold.testing.replies import Reply, Rule, default_reply

QUOTE = reported()["quote"]


# What the two finders of a small change read for, and what their units are called.
BEHAVIOUR = "correctness + cross-file + removed-behaviour"
RISK = "performance + security"
HOLDS = {"verdict": "holds", "reason": "It is so.", "severity": "critical", "by_this_change": True}
REFUTED = {**HOLDS, "verdict": "refuted", "reason": "The caller checks it."}


def told(group):
    return f"Your aspects: {group.replace(' + ', ', ')}."


def answers(*rules, verdict=HOLDS):
    """Reply to the finders named in `rules`; the others find nothing, and verifiers say `verdict`."""
    chosen = [Rule(told(group), [reply]) for group, reply in rules]
    return [*chosen, Rule("You are a verifier", [Reply(json=verdict)]), Rule("", [Reply(json={"findings": []})])]


def test_a_review_without_a_model(repository, fanfold):
    """Real findings where the change is; the first lines say that no model was called, and how to get one."""
    ended = fanfold("review")
    assert ended.code == 0
    head = "\n".join(ended.out.split("\n")[:8])
    assert "No model was called" in head
    assert "ANTHROPIC_API_KEY" in head
    assert "`app.py:1`" in ended.out
    assert "ruff:B006" in ended.out
    assert "`app.py:3`" in ended.out
    assert "ruff:S608" in ended.out
    assert "ok" in ended.err
    assert repository.git("status", "--short").split() == ["M", "app.py"]


def test_the_record_is_kept_and_reused(repository, fanfold):
    """run.json is the printed record; a second run reuses every outcome and says so."""
    first = fanfold("review", "--format", "json").run
    kept = Run.model_validate_json((repository.root / ".fanfold" / "runs" / first["id"] / "run.json").read_bytes())
    assert kept == Run.model_validate(first)
    assert (repository.root / ".fanfold" / "runs" / first["id"] / "events.jsonl").stat().st_size > 0
    second = fanfold("review", "--format", "json").run
    assert second["coverage"]["reused"] == second["coverage"]["planned"] > 0
    assert [f["fingerprint"] for f in second["findings"]] == [f["fingerprint"] for f in first["findings"]]
    fresh = fanfold("review", "--fresh", "--format", "json").run
    assert fresh["coverage"]["reused"] == 0


def test_sub_agents_and_analyzers_make_one_report(repository, fanfold, served):
    """The same fault from two finders and two analyzers is one finding; cost comes from what the server billed."""
    broken = reported(aspect="correctness", severity="high", title="Quotes in a name break the query")
    lost = reported(aspect="performance", quote="nowhere in the file", title="Slow")
    script = answers(
        (RISK, Reply(json={"findings": [reported(evidence=["E1", "E2"]), lost]}, thinking="hm")),
        (BEHAVIOUR, Reply(json={"findings": [broken]})),
    )
    server = served(script)
    ended = fanfold("review", "--format", "json")
    run = ended.run
    assert ended.code == 0
    assert run["backend"] == "api"
    assert run["status"] == "complete"
    assert [unit["kind"] for unit in run["units"]].count("finder") == 2
    # Two of the three lenses agree, so nobody asks the third.
    assert [unit["kind"] for unit in run["units"]].count("verifier") == 2
    first = run["findings"][0]
    assert (first["severity"], first["verdict"]) == ("critical", "confirmed")
    assert first["line"] == 3
    assert {"security", "correctness", "ruff:S608", "bandit:B608"} <= set(first["sources"])
    assert first["introduced"]
    assert {"title": "Slow", "reason": "not-in-file"}.items() <= next(
        d for d in run["dropped"] if d["title"] == "Slow"
    ).items()
    assert run["usage"]["requests"] == server.stats().requests == 4
    assert run["usage"]["cost_usd"] == pytest.approx(server.stats().cost_usd)


def test_the_cache_is_written_once_and_read_by_the_others(repository, fanfold, served):
    """One primer writes the shared prefix; the other finder and the verifiers read it, byte for byte the same."""
    repository.write("long.py", "".join(f"value_{n} = {n}\n" for n in range(400)))
    server = served(answers((RISK, Reply(json={"findings": [reported()]}))))
    usage = fanfold("review", "--analyzer", "none", "--format", "json").run["usage"]
    assert usage["cache_write_tokens"] > 512
    assert usage["cache_read_tokens"] == 3 * usage["cache_write_tokens"]
    assert usage["cost_usd"] < usage["cost_uncached_usd"]
    bodies = [record.body for record in server.requests]
    shared = {json.dumps([b["system"], b["messages"][0]["content"][0], b["tools"]], sort_keys=True) for b in bodies}
    assert len(bodies) == 4
    assert len(shared) == 1


def test_paid_answers_are_not_paid_again(repository, fanfold, served):
    """A second run of the same change asks nobody."""
    server = served(answers())
    fanfold("review", "--analyzer", "none")
    asked = server.stats().requests
    again = fanfold("review", "--analyzer", "none", "--format", "json").run
    assert server.stats().requests == asked == 2
    assert again["usage"]["requests"] == 0
    assert again["coverage"]["reused"] == 2


@pytest.mark.parametrize(
    ("status", "says"),
    [(401, "ANTHROPIC_API_KEY"), (402, "credit"), (403, "credential"), (404, "--model"), (400, "rejected")],
)
def test_an_api_that_refuses_leaves_the_analyzers_results(repository, fanfold, served, status, says):
    """One clear line, the exit code of an incomplete run, and nothing lost: the report names what is missing."""
    served(answers(), ServerOptions.model_validate({"faults": {"first": [{"kind": "status", "status": status}] * 8}}))
    ended = fanfold("review")
    assert ended.code == 3
    chosen, *lines = [line for line in ended.err.splitlines() if line.startswith("fanfold:")]
    assert chosen == "fanfold: backend api: a credential is set (ANTHROPIC_API_KEY)"
    assert len(lines) == 1
    assert says in lines[0]
    assert "**Incomplete: 6 of 8 units covered**" in ended.out
    assert "ruff:S608" in ended.out
    assert f"- {BEHAVIOUR}, {RISK} — " in ended.out


def test_an_unknown_model_is_named(repository, fanfold, served):
    """The server's 404 becomes a line that says which option to look at."""
    served(answers())
    ended = fanfold("review", "--analyzer", "none", "--model", "claude-nope-9")
    assert ended.code == 3
    assert "claude-nope-9" in ended.err
    assert "--model" in ended.err


def test_a_refusal_is_an_outcome(repository, fanfold, served):
    """One aspect that is declined is missing by name; the others count."""
    served(answers((RISK, Reply(fault=Fault(kind=FaultKind.REFUSAL)))))
    run = fanfold("review", "--analyzer", "none", "--format", "json").run
    assert run["coverage"]["refused"] == 1
    assert [m for m in run["coverage"]["missing"] if m.startswith(f"{RISK} — ")]
    assert [file["status"] for file in run["result"]["files"]] == ["partly"]


def test_the_budget_is_never_exceeded(repository, fanfold, served):
    """What doesn't fit isn't sent, and is named."""
    server = served(answers())
    ended = fanfold("review", "--analyzer", "none", "--max-cost", "0.0001", "--format", "json")
    assert ended.code == 3
    assert server.stats().requests == 0
    assert [file["status"] for file in ended.run["result"]["files"]] == ["missing"]
    assert ended.run["coverage"]["over_budget"] == 2
    assert ended.run["usage"]["cost_usd"] == 0


def test_a_truncated_and_an_invalid_answer_are_asked_again_once(repository, fanfold, served):
    """With a larger limit, and with what was wrong."""
    cut = Reply(json={"findings": [reported()]}, fault=Fault(kind=FaultKind.TRUNCATION))
    good = Reply(json={"findings": []})
    server = served(
        [
            Rule(told(RISK), [cut, good]),
            Rule(told(BEHAVIOUR), [Reply(text="no json"), good]),
            Rule("", [good]),
        ]
    )
    run = fanfold("review", "--analyzer", "none", "--format", "json").run
    assert run["status"] == "complete"
    assert run["usage"]["requests"] == 4
    limits = [r.body["max_tokens"] for r in server.requests if told(RISK) in json.dumps(r.body)]
    assert limits[1] == 2 * limits[0]
    corrected = [r for r in server.requests if "ended without a call" in json.dumps(r.body)]
    assert len(corrected) == 1


def test_a_dry_run_sends_nothing(repository, fanfold, served):
    """It shows units, tokens and prices."""
    server = served(answers())
    ended = fanfold("review", "--dry-run")
    assert ended.code == 0
    assert server.stats().requests == 0
    assert f"{BEHAVIOUR}, {RISK}" in ended.out
    assert "$" in ended.out
    assert not (repository.root / ".fanfold").exists()


@pytest.mark.parametrize(("backend", "looks"), [("api", True), ("batch", False)])
def test_a_dry_run_prices_the_plan_that_runs(repository, fanfold, served, backend, looks):
    """What is counted has the tools that a run's requests have: a batch's agents get none to look things up with."""
    server = served(answers())
    ended = fanfold("review", "--dry-run", "--exact", "--backend", backend)
    assert ended.code == 0
    tools = {tool["name"] for record in server.requests for tool in record.body["tools"]}
    assert ("grep" in tools) is looks
    assert ("look-ups" in ended.out) is looks


def test_a_batch_is_priced_at_half_and_takes_all_at_once(repository, fanfold, served):
    """However few jobs there are; how long it waits nobody knows."""
    served(answers())
    said = [
        {line[:11].strip(): line[12:] for line in fanfold("review", "--dry-run", *extra).out.splitlines()}
        for extra in (["--backend", "host", "--jobs", "1"], ["--backend", "batch", "--jobs", "1"])
    ]
    prices = [float(one["cost"].split()[0].strip("$")) for one in said]
    assert prices[1] == pytest.approx(prices[0] / 2, abs=0.01)
    assert said[0]["time"] == "about 1 min 30 s"
    assert said[1]["time"] == "about 45 s once the batch is under way, which can take up to a day"


def test_a_dry_run_needs_no_credential(repository, fanfold):
    """Where `auto` finds none, what it would cost stands apart; where `none` is asked for there is no price.

    What a run would lack is part of the reason. A run itself needs it, and so do counts of the API.
    """
    lines = fanfold("review", "--dry-run").out.splitlines()
    at = lines.index("with --backend api, which needs a credential:")
    assert "sub-agents  none" in lines[:at]
    assert [line for line in lines[:at] if "$" in line] == []
    assert lines[at + 1] == f"  sub-agents  {BEHAVIOUR}, {RISK}"
    assert any(line.startswith("  cost        $") for line in lines[at:])
    asked = fanfold("review", "--dry-run", "--backend", "api")
    assert asked.code == 0
    assert "backend     api (as asked; no credential for the Claude API" in asked.out
    told = [line.strip() for line in lines[at + 1 :]]
    assert [line for line in asked.out.splitlines() if line in told] == told
    assert "$" not in fanfold("review", "--dry-run", "--backend", "none").out
    for refused in (["--backend", "api"], ["--dry-run", "--exact", "--backend", "api"]):
        ended = fanfold("review", *refused)
        assert (ended.code, ended.out) == (2, "")
        assert "no credential for the Claude API; set ANTHROPIC_API_KEY" in ended.err
    assert not (repository.root / ".fanfold").exists()


def test_a_dry_run_makes_no_store(repository, fanfold, served):
    """A repository that holds aspects of its own under .fanfold has nothing else there afterwards."""
    served(answers())
    own = repository.root / ".fanfold" / "aspects"
    own.mkdir(parents=True)
    assert fanfold("review", "--dry-run").code == 0
    assert [*own.parent.rglob("*")] == [own]


def test_fail_on_looks_at_what_the_change_brought(repository, fanfold):
    """Severity at or above it, introduced: exit 1; above all that was found: exit 0."""
    assert fanfold("review", "--fail-on", "medium").code == 1
    assert fanfold("review", "--fail-on", "critical").code == 0


def test_nothing_found_still_makes_every_artefact(repository, fanfold, tmp_path):
    """A harmless change: the report says so, the record is there."""
    repository.write("app.py", BEFORE_WITH_COMMENT)
    out = tmp_path / "out"
    ended = fanfold("review", "--format", "md", "--format", "json", "--output", out)
    assert ended.code == 0
    assert ended.out == ""
    assert "**Nothing found.**" in (out / "report.md").read_text()
    assert json.loads((out / "report.json").read_text())["findings"] == []


BEFORE_WITH_COMMENT = '# finds\ndef find(db, name):\n    return db.execute("select * from t where name = ?", (name,))\n'


def test_only_one_aspect_and_one_analyzer(repository, fanfold, served):
    """--aspect and --analyzer pick."""
    server = served(answers())
    run = fanfold("review", "--aspect", "security", "--analyzer", "ruff", "--format", "json").run
    assert [unit["label"] for unit in run["units"]] == ["ruff", "security"]
    assert server.stats().requests == 1
    assert [unit["label"] for unit in fanfold("review", "--analyzer", "none", "--format", "json").run["units"]] == [
        BEHAVIOUR,
        RISK,
    ]


def test_a_diff_from_stdin(repository, fanfold, monkeypatch):
    """`--diff -` reviews what it is given."""
    diff = repository.git("diff")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(diff.encode())))
    ended = fanfold("review", "--diff", "-")
    assert ended.code == 0
    assert "ruff:S608" in ended.out


BAD = [
    (["review", "no-such-revision"], 2, "no-such-revision"),
    (["review", "--diff", "no-such-file"], 2, "no-such-file"),
    (["review", "--diff", "malformed.diff"], 2, "line"),
    (["review", "--aspect", "securty"], 2, "did you mean 'security'"),
    (["review", "--analyzer", "rufff"], 2, "did you mean 'ruff'"),
    (["review", "--format", "pdf"], 2, "pdf"),
    (["review", "--jobs", "0"], 2, "jobs"),
    (["review", "--output", "app.py/report.md"], 2, "app.py/report.md"),
    (["review", "--output", "/proc/report.md"], 2, "/proc/report.md"),
    (["review", "--format", "md", "--format", "json"], 2, "folder"),
    (["review", "--template", "missing.j2"], 2, "missing.j2"),
    (["review", "--template", "bad.j2"], 2, "bad.j2:1: nothing is called 'rum'; did you mean 'run'?"),
    (["review", "--templates", "missing"], 2, "missing"),
    (["review", "--config", "missing.toml"], 2, "missing.toml"),
    (["review", "--config", "bad.toml"], 2, "did you mean 'max-cost'"),
    (["review", "--config", "broken.toml"], 2, "not valid TOML"),
    (["review", "--staged", "HEAD"], 2, "exclude"),
    (["review", "--staged"], 4, "staged"),
    (["revue"], 2, "did you mean 'review'"),
    (["review", "--no-such-option"], 2, "--no-such-option"),
]


@pytest.mark.parametrize(("arguments", "code", "says"), BAD, ids=[" ".join(bad[0]) for bad in BAD])
def test_bad_input_is_one_clear_line(repository, fanfold, arguments, code, says):
    """On stderr, with the right exit code, and nothing on stdout."""
    repository.write("malformed.diff", "--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n-a\n")
    repository.write("bad.j2", "{{ rum }}")
    repository.write("bad.toml", "max-csot = 1\n")
    repository.write("broken.toml", "max-cost = \n")
    ended = fanfold(*arguments, *(["--quiet"] if "review" in arguments else []))
    assert ended.code == code
    assert ended.out == ""
    (line,) = ended.err.splitlines()
    assert line.startswith("fanfold: ")
    assert says in line


def test_a_full_disk_costs_the_file_but_not_the_report(repository, fanfold):
    """/dev/full takes nothing: the report goes to stdout instead, one line says so, exit 2."""
    ended = fanfold("review", "--quiet", "--output", "/dev/full")
    assert ended.code == 2
    assert "ruff:S608" in ended.out
    (line,) = ended.err.splitlines()
    assert "/dev/full" in line
    assert "No space left" in line


def test_a_folder_that_cannot_be_written_costs_the_record_only(repository, fanfold):
    """A file in the place of .fanfold: said once, the report is whole."""
    (repository.root / ".fanfold").write_text("in the way")
    ended = fanfold("review", "--quiet")
    assert ended.code == 0
    assert "ruff:S608" in ended.out
    assert ended.err.count("\n") <= 3
    assert ".fanfold" in ended.err


def test_outside_git_the_folder_is_reviewed(tmp_path, fanfold, monkeypatch):
    """Every line counts."""
    place = tmp_path / "plain"
    place.mkdir()
    (place / "app.py").write_text(AFTER_PLAIN)
    monkeypatch.chdir(place)
    ended = fanfold("review", "--format", "json")
    assert ended.code == 0
    assert {f["introduced"] for f in ended.run["findings"]} == {True}


AFTER_PLAIN = "import pickle\n\n\ndef load(blob):\n    return pickle.loads(blob)\n"


def test_a_repository_cannot_switch_on_an_analyzer_that_runs_its_code(repository, fanfold):
    """Its configuration asks for mypy, whose plugins would run: that takes the user's own word."""
    repository.write("fanfold.toml", 'analyzers = ["ruff", "mypy"]\n')
    ended = fanfold("review", "--format", "json")
    assert "--analyzer mypy" in ended.err
    assert ended.run["request"]["analyzers"] == ["ruff"]


def test_a_source_file_that_cannot_be_read_is_missing(repository, fanfold):
    """Python in UTF-16: the run is incomplete and names it, whatever else was fine."""
    repository.write("wide.py", "import os\n".encode("utf-16"))
    ended = fanfold("review")
    assert ended.code == 3
    assert "wide.py — it is too large, or its encoding is not UTF-8" in ended.out


def test_fragments_are_not_reported_as_looked_at(repository, fanfold, tmp_path):
    """A patch of a file that is not here: analyzers can't read it, and without a model nobody has."""
    repository.write("x.diff", "--- a/zz.py\n+++ b/zz.py\n@@ -5,2 +5,3 @@\n a\n+import os; os.system(input())\n b\n")
    ended = fanfold("review", "--diff", "x.diff")
    assert ended.code == 3
    assert "zz.py — only fragments" in ended.out


def test_nothing_to_look_with_is_a_usage_error(repository, fanfold):
    """No analyzer and no sub-agent would always find nothing."""
    ended = fanfold("review", "--analyzer", "none", "--backend", "none")
    assert ended.code == 2
    assert "nothing would look at it" in ended.err


def test_api_without_a_credential_is_said_at_once(repository, fanfold):
    """Before anything runs, in one line."""
    ended = fanfold("review", "--backend", "api")
    assert ended.code == 2
    assert "ANTHROPIC_API_KEY" in ended.err
    assert not (repository.root / ".fanfold").exists()


def test_what_the_repositorys_file_sets_is_said(repository, fanfold):
    """Its own configuration may narrow a review; the report says that it did."""
    repository.write("fanfold.toml", 'analyzers = ["complexity"]\n')
    assert "own fanfold.toml sets analyzer" in fanfold("review").out


def test_secrets_are_not_sent(repository, fanfold, served):
    """What the secrets scan found is masked in everything that sub-agents see."""
    token = "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"
    repository.write("keys.py", f'GITHUB = "{token}"\n')
    server = served(answers())
    ended = fanfold("review", "--analyzer", "secrets")
    assert "github" in ended.out
    assert token not in ended.out
    bodies = json.dumps([record.body for record in server.requests])
    assert "keys.py" in bodies
    assert token not in bodies


def test_a_large_file_is_split(repository, fanfold, served):
    """No file is too long for a review: sub-agents read it in pieces."""
    repository.write("long.py", "".join(f"value_{n} = compute({n}, flag=True, name='{n}')\n" for n in range(9_000)))
    server = served(answers())
    run = fanfold("review", "--analyzer", "none", "--aspect", "security", "--format", "json").run
    assert run["status"] == "complete"
    assert len(server.requests) > 1
    sent = json.dumps([record.body for record in server.requests])
    assert "value_0 =" in sent
    assert "value_8999 =" in sent


def test_help_teaches(fanfold):
    """Every option has its sentence."""
    text = fanfold("review", "--help").out
    for option in ("--backend", "--max-cost", "--dry-run", "--fail-on", "--staged", "--diff", "--aspect", "--config"):
        assert option in text
    assert "uncommitted changes" in " ".join(text.split())


def test_the_default_reply_of_the_stand_in_fits_the_schema(repository, fanfold, served):
    """What is sent as the answer's schema is one that structured output takes."""
    served(default_reply)
    assert fanfold("review", "--analyzer", "none", "--format", "json").run["status"] == "complete"


def test_paths_with_odd_names(repository, fanfold):
    """Spaces, quotes, non-ASCII letters and a line break in a name lead to a report all the same."""
    for name in ("a b.py", "q'uo\"te.py", "ünï.py", "new\nline.py"):
        repository.write(name, AFTER_PLAIN)
    ended = fanfold("review", "--format", "json")
    assert ended.code == 0
    places = [place for f in ended.run["findings"] if "pickle" in f["quote"] for place in (f, *f["also"])]
    assert len({place["path"] for place in places}) == 4
    assert Path(ended.run["target"]["root"]) == repository.root


def test_an_exact_dry_run_asks_the_api_for_counts_alone(repository, fanfold, served):
    """Tokens without `about`; nothing but counts is asked."""
    server = served(answers())
    ended = fanfold("review", "--dry-run", "--exact")
    assert ended.code == 0
    assert {record.path for record in server.requests} == {"/v1/messages/count_tokens"}
    assert "tokens      about" not in ended.out
    assert "one agent that reads everything once" in ended.out
