"""A whole review under the user's own login: the real claude CLI, a loopback server as its model."""

import json
import os
import re

from fanfold.testing import MessagesServer, Reply
from fanfold.testing.claude_code import lone_surroundings
from fanfold.testing.examples import reported
from fanfold.testing.replies import text_of

FLAWED = "return db.execute(f\"select * from t where name = '{name}'\")"
FOUND = reported(anchor="3", severity="high")
VERDICT = {"verdict": "holds", "reason": "Line 3 decides.", "severity": "high", "by_this_change": True}


def model(request):
    """Look the file up first, then find or confirm."""
    said = json.dumps(request["messages"])
    if "tool_result" not in said:
        folder = re.search(r"Primary working directory: (\S+)", text_of(request))
        assert folder
        return Reply(blocks=[{"type": "tool_use", "name": "Read", "input": {"file_path": f"{folder[1]}/app.py"}}])
    answer = {"findings": [FOUND]} if "You are a finder" in said else VERDICT
    return Reply(blocks=[{"type": "tool_use", "name": "StructuredOutput", "input": answer}])


def test_auto_reviews_under_the_users_login(claude_program, repository, fanfold, tmp_path, monkeypatch):
    """Without a key and with a login `auto` takes the CLI, also inside of a session; a second run reuses it all."""
    with MessagesServer(model) as server:
        environment = lone_surroundings(tmp_path / "claude-home", server.url)
        del environment["ANTHROPIC_API_KEY"]
        for name, value in {**environment, "HOME": os.environ["HOME"], "CLAUDECODE": "1"}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("CLAUDE_CODE_EXECPATH", str(claude_program))
        monkeypatch.setenv("CLAUDE_CODE_OAUTH_TOKEN", "sk-ant-oat01-canary")
        arguments = ("review", "--aspect", "security", "--analyzer", "none", "--format", "json", "--quiet")
        first = fanfold(*arguments)
        requests = server.stats().requests
        second = fanfold(*arguments)
        assert server.stats().requests == requests
    run = first.run
    assert (first.code, run["backend"], run["status"]) == (0, "claude-code", "complete"), first
    assert "logged in (oauth_token)" in run["request"]["backend_reason"]
    assert [(finding["title"], finding["verdict"]) for finding in run["findings"]] == [(FOUND["title"], "confirmed")]
    assert run["usage"]["cost_usd"] > 0
    assert run["usage"]["requests"] == 2 * run["coverage"]["planned"]
    assert second.run["coverage"]["reused"] == second.run["coverage"]["planned"]
    assert "canary" not in first.out + first.err + second.out + second.err
