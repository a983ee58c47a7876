"""One call that never raises, the same definitions for everybody, and lookups that can be checked later."""

import asyncio
import json

import pytest

from fanfold.agents.spec import Lookup
from fanfold.agents.tools.toolbox import Toolbox

KINDS = ("paths", "uncommitted", "staged", "commit", "patch")


def test_definitions_are_the_same_bytes_for_every_target(project, target_of):
    """Sub-agents of any two targets send the same tools, closed against misspelt arguments."""
    texts = {json.dumps(Toolbox(target_of(project, kind)).definitions) for kind in ("paths", "commit")}
    assert len(texts) == 1
    for definition in json.loads(texts.pop()):
        assert definition.keys() == {"name", "description", "input_schema"}
        assert definition["input_schema"]["additionalProperties"] is False
        assert definition["input_schema"]["type"] == "object"


@pytest.mark.parametrize("kind", KINDS)
def test_tools_read_at_the_targets_revision(project, target_of, ask, kind):
    """Every kind of target has the second commit's text, and its added line marked unless all is under review."""
    target = target_of(project, kind)
    sign = " " if kind == "paths" else "+"
    read = ask(target, "read_file", path="src/app.py")
    assert f"{sign}|     return helper(2)\n" in read.text
    assert read.text.endswith("Lines 1 to 5 of 5.")
    found = ask(target, "grep", pattern=r"helper\(\w+\)", glob="src/**")
    assert "src/app.py\n" in found.text
    assert "src/util.py\n" in found.text
    assert found.text.endswith("2 matching lines in 2 files of 2.")
    assert "README.md\nsrc/app.py\nsrc/util.py\n" in ask(target, "list_files").text


def test_what_changes_later_is_not_seen(project, target_of, ask):
    """A commit stays what it was, whatever happens to the working tree."""
    target = target_of(project, "commit")
    project.write("src/app.py", "later\n")
    project.write("new.py", "later\n")
    assert "later" not in ask(target, "read_file", path="src/app.py").text
    assert ask(target, "read_file", path="new.py").is_error
    assert ask(target, "grep", pattern="later").text == "0 matching lines in 0 files of 3."


@pytest.mark.parametrize(
    ("tool", "arguments", "says"),
    [
        ("nope", {}, "there is no tool"),
        ("read_file", {}, "Field required"),
        ("read_file", {"path": "src/app.py", "frist": 2}, "frist"),
        ("read_file", {"path": "src/app.py", "first": "x"}, "valid integer"),
        ("read_file", {"path": "src/app.py", "first": 9}, "5 lines"),
        ("read_file", {"path": "src"}, "is a folder"),
        ("read_file", {"path": "app.py"}, "src/app.py"),
        ("read_file", {"path": "../project/src/app.py"}, "relative to the target's root"),
        ("read_file", {"path": "/etc/passwd"}, "relative to the target's root"),
        ("read_file", {"path": ".git/config"}, "relative to the target's root"),
        ("grep", {"pattern": "(?=x)"}, "RE2 can't take the pattern"),
        ("grep", {"pattern": "a\nb"}, "single lines"),
        ("grep", {"pattern": "x", "glob": "{a,b}" * 9}, "alternatives"),
        ("list_files", ["**"], "valid dictionary"),
        ("list_files", None, "valid dictionary"),
    ],
)
def test_a_wrong_call_says_what_to_do(project, target_of, tool, arguments, says):
    """Whatever a model gets wrong is an error reply that names it, in few words."""
    reply, lookup = asyncio.run(Toolbox(target_of(project, "commit")).call(tool, arguments))
    assert reply.is_error
    assert says in reply.text
    assert len(reply.text) < 500
    assert lookup.tool == tool


def test_lookups_stand_until_their_replies_change(project, target_of):
    """What was looked up is asked again, and holds as long as the replies are the same bytes."""

    async def look() -> list[Lookup]:
        toolbox = Toolbox(target_of(project, "paths"))
        calls = [
            ("read_file", {"path": "src/app.py"}),
            ("grep", {"pattern": "helper"}),
            ("nope", {"a": [1]}),
            ("list_files", {}),
        ]
        lookups = [(await toolbox.call(name, arguments))[1] for name, arguments in calls]
        stored = [Lookup.model_validate_json(lookup.model_dump_json()) for lookup in lookups]
        assert await toolbox.stands(stored * 2)
        return stored

    def stand(lookups: list[Lookup]) -> bool:
        return asyncio.run(Toolbox(target_of(project, "paths")).stands(lookups))

    lookups = asyncio.run(look())
    assert stand(lookups)
    project.write("src/app.py", "other\n")
    assert not stand(lookups)
    assert stand(lookups[2:])
    project.write("src/new.py", "")
    assert not stand(lookups[2:])


def test_what_git_tells_stands_while_that_history_does(project, target_of):
    """A later commit to another file leaves the log, the blame and the change of this one as they were."""

    async def look(toolbox: Toolbox) -> list[Lookup]:
        commit = project.git("rev-parse", "HEAD~1").strip()
        calls = [
            ("git_log", {"path": "./src/"}),
            ("git_blame", {"path": "src/app.py"}),
            ("git_show", {"commit": commit}),
        ]
        replies = [await toolbox.call(name, arguments) for name, arguments in calls]
        assert not any(reply.is_error for reply, _ in replies)
        return [lookup for _, lookup in replies]

    lookups = asyncio.run(look(Toolbox(target_of(project, "paths"))))
    project.write("other.py", "x = 1\n")
    project.commit("Elsewhere")
    assert asyncio.run(Toolbox(target_of(project, "paths")).stands(lookups))
    project.write("src/app.py", "x = 1\n")
    project.commit("Here")
    assert not asyncio.run(Toolbox(target_of(project, "paths")).stands(lookups))
