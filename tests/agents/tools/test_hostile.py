"""A tree made to hang, to overflow, to lead outside or to give away secrets: short errors, and nothing from outside."""

import asyncio
import json
import os
import re
import stat
import threading
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanfold.agents.spec import Lookup
from fanfold.agents.tools import TOOLS
from fanfold.agents.tools import toolbox as toolbox_module
from fanfold.agents.tools.base import REPLY_LIMIT
from fanfold.agents.tools.toolbox import Toolbox
from fanfold.agents.tools.watch import Watch
from fanfold.errors import TargetError
from fanfold.sources.snapshot import WorkingTree
from fanfold.sources.target import Target, resolve
from fanfold.testing.repository import Repository

OUTSIDE = "canary-0utside-4711"
SECRET = "Zq9Lm2Xp7Kw4Rt8Vb3Nc6Hd1"  # noqa: S105  it opens nothing
KINDS = ("paths", "uncommitted", "staged", "commit", "patch")

# The name, and what makes reading it fail; every name is asked for in several spellings.
BESIDE = {
    "away": "points to a file outside",
    "up/outside.txt": "a folder that points outside",
    "loop": "points to itself",
    "a/b": "a loop of two",
    "proc": "points to /proc/self/environ",
    "pipe": "a FIFO",
    "huge.txt": "10 GB without a block on disk",
    "binary.bin": "NULs",
    "deep": "a folder",
    ".git/config": "git's own",
    ".git": "git's own",
    ".fanfold/store.db": "fanfold's own",
    ".env": "secrets by name",
    "deploy/prod.env": "secrets by name",
    "server.pem": "a private key",
    "notes.txt": "a private key by content",
    "ignored.log": "ignored",
}


@pytest.fixture
def hostile(repository: Repository, tmp_path) -> Repository:
    """Return a repository with everything of BESIDE in its working tree, what git can hold of it committed."""
    outside = tmp_path / "outside.txt"
    outside.write_text(f"{OUTSIDE}\n")
    root = repository.root
    key = f"-----BEGIN PRIVATE KEY-----\n{SECRET}{SECRET}\n-----END PRIVATE KEY-----\n"
    repository.write("ok.py", "value = 1\n")
    repository.write("settings.py", f'DEBUG = True\nAPI_TOKEN = "{SECRET}"\n')
    repository.write("binary.bin", f"a\0b{OUTSIDE}")
    repository.write("deep/" * 60 + "down.py", "found = True\n")
    repository.write(".gitignore", "ignored.log\n")
    repository.write("ignored.log", f"{OUTSIDE}\n")
    repository.write(".env", f"PASSWORD={SECRET}\n")
    repository.write("deploy/prod.env", f"X={SECRET}\n")
    repository.write("server.pem", key)
    repository.write("notes.txt", key)
    for name in (b"new\nline.py", b'quo"te.py', b"bad\xff.py", b" blank .py", b"\xe2\x80\xaebidi.py", b"tab\t.py"):
        repository.write(name, "odd = 1\n")
    (root / "away").symlink_to(outside)
    (root / "up").symlink_to(tmp_path)
    (root / "loop").symlink_to("loop")
    (root / "a").mkdir()
    (root / "a/b").symlink_to("c")
    (root / "a/c").symlink_to("b")
    (root / "proc").symlink_to("/proc/self/environ")
    repository.commit("Hostile")
    repository.write("ok.py", "value = 2\n")
    repository.commit("Change")
    os.mkfifo(root / "pipe")
    with (root / "huge.txt").open("wb") as file:
        file.truncate(10 * 2**30)
    repository.write(".fanfold/store.db", OUTSIDE)
    if os.geteuid() == 0:
        os.mknod(root / "null", stat.S_IFCHR | 0o600, os.makedev(1, 5))  # /dev/zero: it never ends
    return repository


def spellings(path: str) -> list[str]:
    return [
        path,
        f"./{path}",
        f"ok.py/../{path}",
        f"{path}/",
        f"/{path}",
        f"../project/{path}",
        f"{path}\0",
        path.upper(),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_text_file_of_the_target_is_a_short_error(hostile, target_of, ask, kind):
    """Links, pipes, devices, huge, binary and ignored files, git's, fanfold's and secret ones: named, never read."""
    toolbox = Toolbox(target_of(hostile, kind))
    for name in [*BESIDE, "null", "up", "/etc/passwd", "../outside.txt", "../../etc/passwd", "x" * 4000, "/dev/zero"]:
        for path in spellings(name):
            for tool in ("read_file", "git_blame"):
                reply = ask(toolbox, tool, path=path)
                assert reply.is_error, (name, path)
                assert len(reply.text) < 600
                assert OUTSIDE not in reply.text
                assert SECRET not in reply.text


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_from_outside_and_no_secret_in_any_reply(hostile, target_of, ask, kind):
    """Secret files are listed; no search and no history shows a line of them, of what is outside, or of a token."""
    toolbox = Toolbox(target_of(hostile, kind))
    listed = ask(toolbox, "list_files").text
    for name in (".env", "deploy/prod.env", "server.pem", "notes.txt"):
        assert f"\n{name}\n" in listed
    for name in ("away", "up", "loop", "proc", "pipe", "null", "ignored.log"):
        assert f"\n{name}\n" not in listed
    commits = [line.split(" ")[0] for line in ask(toolbox, "git_log").text.split("\n")]
    replies = [
        *(ask(toolbox, "grep", pattern=text, **how) for text in (OUTSIDE, SECRET, "PRIVATE KEY", "PASSWORD=", "root:")
          for how in ({}, {"literal": True}, {"ignore_case": True, "context": 5})),
        *(ask(toolbox, "git_show", commit=commit) for commit in commits),
        *(ask(toolbox, "git_show", commit=commit, path=path) for commit in commits for path in BESIDE),
        *(ask(toolbox, tool, path="settings.py") for tool in ("read_file", "git_blame", "git_log")),
    ]  # fmt: skip
    assert not any(OUTSIDE in reply.text or SECRET in reply.text or "root:x" in reply.text for reply in replies)
    assert 'API_TOKEN = "[a secret, not shown]"' in ask(toolbox, "read_file", path="settings.py").text


@pytest.mark.parametrize("kind", KINDS)
def test_any_name_can_be_asked_for_as_it_is_listed(hostile, target_of, ask, kind):
    """Newlines, quotes, tabs, bidi controls and bytes that are no UTF-8: each name is one line, and comes back."""
    toolbox = Toolbox(target_of(hostile, kind))
    lines = ask(toolbox, "list_files", glob="*.py").text.split("\n")[1:-2]
    assert len(lines) == 9
    assert all(line.isprintable() for line in lines)
    for line in lines:
        path = json.loads(line) if line.startswith('"') else line
        assert "= " in ask(toolbox, "read_file", path=path).text, line
        assert not ask(toolbox, "git_blame", path=path).is_error, line
        assert not ask(toolbox, "git_log", path=path).is_error, line


def test_a_file_that_becomes_a_link_shows_nothing_from_outside(hostile, ask):
    """A file of the list that is replaced meanwhile, or a folder on the way to it, is followed nowhere."""
    toolbox = Toolbox(resolve(["."], cwd=hostile.root))
    assert "settings.py" in ask(toolbox, "list_files").text
    for path in ("settings.py", "deploy/prod.env", "ok.py"):
        (hostile.root / path).unlink()
    (hostile.root / "settings.py").symlink_to("../outside.txt")
    os.mkfifo(hostile.root / "ok.py")
    (hostile.root / "deploy").rmdir()
    (hostile.root / "deploy").symlink_to("..")
    for path in ("settings.py", "ok.py", "deploy/outside.txt", "deploy/prod.env"):
        assert ask(toolbox, "read_file", path=path).is_error
    assert "0 matching" in ask(toolbox, "grep", pattern=OUTSIDE).text


def test_a_hostile_configuration_runs_nothing_and_says_nothing(project, target_of, ask, tmp_path):
    """Text converters and clean filters of the repository don't run; what git quotes in an error stays here."""
    ran = tmp_path / "ran"
    project.write(".gitattributes", "*.py diff=evil filter=evil\n")
    for name in (
        "diff.evil.textconv",
        "diff.evil.command",
        "filter.evil.clean",
        "filter.evil.smudge",
        "core.fsmonitor",
    ):
        project.git("config", name, f"touch {ran}; cat")
    for kind in ("paths", "commit"):
        for tool in ("git_blame", "git_log", "read_file"):
            assert not ask(target_of(project, kind), tool, path="src/app.py").is_error
        assert (
            "helper" in ask(target_of(project, kind), "git_show", commit=project.git("rev-parse", "HEAD").strip()).text
        )
    assert not ran.exists()
    project.git("config", "blame.ignoreRevsFile", "/etc/passwd")
    reply = ask(target_of(project, "commit"), "git_blame", path="src/app.py")
    assert reply.is_error
    assert "root:" not in reply.text


def test_a_diff_that_names_what_is_outside_reads_nothing_there(project, ask, tmp_path):
    """The names in a diff are an attacker's too: those that lead out of the root are no files of the target."""
    (tmp_path / "outside.txt").write_text(f"{OUTSIDE}\n")
    (project.root / "away").symlink_to(tmp_path / "outside.txt")
    changed = project.git("diff", "HEAD~1", "HEAD")
    read = 0
    for name in ("../outside.txt", "/etc/passwd", "away", ".git/config", "src/../../outside.txt", ".fanfold/store.db"):
        change = f"{changed}--- a/{name}\n+++ b/{name}\n@@ -1,1 +1,2 @@\n first\n+second\n"
        try:
            toolbox = Toolbox(resolve([], cwd=project.root, diff=change))
        except TargetError:
            continue  # most are refused as they are read
        read += 1
        replies = [ask(toolbox, tool, path=name) for tool in ("read_file", "outline", "git_blame")]
        replies += [ask(toolbox, "grep", pattern=text) for text in ("canary", "root:", "bare =")]
        assert not any(OUTSIDE in reply.text or "root:x" in reply.text or "bare =" in reply.text for reply in replies)
    assert read


def test_history_ends_at_the_targets_head(project, target_of, ask):
    """A commit that isn't an ancestor of the head is not shown, nor anything that is no commit's id."""
    first = project.git("rev-parse", "HEAD~1").strip()
    head = project.git("rev-parse", "HEAD").strip()
    tree = project.git("rev-parse", "HEAD^{tree}").strip()
    target = resolve([first], cwd=project.root)
    assert not ask(target, "git_show", commit=first[:8]).is_error
    assert "1 commit." in ask(target, "git_log").text
    for commit in (head, tree, "HEAD", "main", "--help", "f" * 40, "HEAD:src/app.py", "", "@{1}", f"{first}..{head}"):
        assert ask(target, "git_show", commit=commit).is_error, commit


@pytest.fixture
def patient(monkeypatch) -> None:
    """Let a call take its time: on a machine under load, what is tested is what it says, not how fast."""
    monkeypatch.setattr(toolbox_module, "TIME_LIMIT_S", 300)
    monkeypatch.setattr(toolbox_module, "Watch", lambda: Watch(300))


def many(root, count: int) -> Target:
    names = tuple(sorted(f"d{n % 100}/e{n % 37}/file{n}.py" for n in range(count)))
    return replace(resolve(["."], cwd=root), snapshot=WorkingTree(root, lambda: names))


def test_a_hundred_thousand_files(project, ask, patient):
    """Lists are bounded and go on where they were cut; globs and searches end in time."""
    toolbox = Toolbox(many(project.root, 100_000))
    first = ask(toolbox, "list_files")
    assert first.cut
    assert "Files 1 to 200 of 1000" in first.text
    last = first.text.split("\n")[-3]
    after = ask(toolbox, "list_files", after=last)
    assert "Files 201 to 400" in after.text
    assert last not in after.text
    assert "Files 1 to 11 of 11." in ask(toolbox, "list_files", glob="d7?/**/file7*777.{py,js}").text
    assert ask(toolbox, "grep", pattern="x+y").text == "0 matching lines in 0 files of 100003."


def test_replies_are_bounded_and_say_how_to_go_on(repository, ask):
    """Long files, long lines and many matches are cut, and following what is said brings all of it."""
    repository.write("long.py", "".join(f"line {n} {'x' * 90}\n" for n in range(3000)))
    repository.write("wide.js", f"{'a' * 100_000}needle{'b' * 100_000}\n")
    repository.commit("Long")
    toolbox = Toolbox(resolve(["HEAD"], cwd=repository.root))
    seen, first = [], 1
    while first:
        reply = ask(toolbox, "read_file", path="long.py", first=first, count=1000)
        assert len(reply.text) <= REPLY_LIMIT + 300
        seen += re.findall(r"\| (line \d+) ", reply.text)
        more = re.search(r"more with first=(\d+)", reply.text)
        assert reply.cut == bool(more)
        first = int(more[1]) if more else 0
    assert seen == [f"line {n}" for n in range(3000)]
    wide = ask(toolbox, "grep", pattern="needle").text
    assert "needle" in wide
    assert len(wide) < 1500
    everything = ask(toolbox, "grep", pattern=".", count=300)
    assert everything.cut
    assert len(everything.text) <= REPLY_LIMIT + 300


def test_a_pattern_that_backtracks_elsewhere_ends_at_once(repository, ask, patient):
    """Nested repetition over a line made for it takes no time, by RE2; so does a glob of stars."""
    repository.write("a" * 200, "a" * 1_000_000 + "\n")
    repository.commit("As")
    toolbox = Toolbox(resolve(["HEAD"], cwd=repository.root))
    assert "0 matching" in ask(toolbox, "grep", pattern="^(a+)+(a|aa)*$b").text
    assert "None of 1 files" in ask(toolbox, "list_files", glob="*a" * 60 + "b").text
    assert "None of 1 files" in ask(toolbox, "list_files", glob="**/*a/" * 60 + "b").text
    assert ask(toolbox, "list_files", glob="{a,b}{c,d}" * 20).is_error


class Stuck(WorkingTree):
    """A disk that doesn't answer."""

    def __init__(self, root):
        super().__init__(root, lambda: ("ok.py",))
        self.free = threading.Event()

    def read(self, path):
        del path
        self.free.wait(60)
        return "free\n"


def test_a_disk_that_hangs_holds_no_call_and_no_cancellation(project, monkeypatch):
    """The reply comes when the time is over; a cancelled call ends at once; other calls go on meanwhile."""
    monkeypatch.setattr(toolbox_module, "TIME_LIMIT_S", 0.1)
    monkeypatch.setattr(toolbox_module, "_GRACE_S", 0.1)
    stuck = Stuck(project.root)
    toolbox = Toolbox(replace(resolve(["."], cwd=project.root), snapshot=stuck, paths=()))

    async def run() -> None:
        call = asyncio.create_task(toolbox.call("read_file", {"path": "ok.py"}))
        await asyncio.sleep(0.05)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        replies = await asyncio.gather(*(toolbox.call("read_file", {"path": "ok.py"}) for _ in range(6)))
        assert {reply.text for reply, _ in replies} == {"Error: read_file did not end in time"}
        assert not (await toolbox.call("list_files", {}))[0].is_error

    try:
        asyncio.run(run())
    finally:
        stuck.free.set()


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
VALUES = st.recursive(
    SCALARS | st.sampled_from([*BESIDE]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = sorted({name for tool in TOOLS.values() for name in tool.arguments.model_fields})
ODD = st.sampled_from([
    "ok.py", "settings.py", "..", "/", "//", "\0", "\ud800", "*", "**", "{" * 30, "[", "[!", "\\", "(", "(?P<x>",
    "a" * 5000,
    "9" * 400, "-1", "HEAD",
    "--output=x", ":/x", ":(top)*", "new\nline.py", "a{1000}{1000}", ".*" * 200, "\u202e", "~root",
    "%s%n", "$(id)", "`id`", "up/outside.txt", "up/../up/outside.txt", "./away", "proc", ".git/HEAD", ".GIT/config",
])  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=120)
@given(data=st.data())
def test_nothing_a_model_can_say_raises_or_leads_outside(hostile_toolbox, data):
    """Any name and any arguments give a bounded reply and a lookup that can be stored, without canaries."""
    loop, toolbox = hostile_toolbox
    name = data.draw(st.sampled_from([*TOOLS, "nope", "", None, 7, "read_file\0"]) | st.text(max_size=9))
    tool = TOOLS.get(name) if isinstance(name, str) else None
    fields = sorted(tool.arguments.model_fields) if tool else FIELDS
    arguments = data.draw(
        st.dictionaries(st.sampled_from(fields), ODD | st.integers(-2, 400) | st.booleans(), max_size=len(fields))
        | st.dictionaries(st.sampled_from(fields) | st.text(max_size=5), ODD | VALUES, max_size=5)
        | VALUES
    )
    reply, lookup = loop.run_until_complete(toolbox.call(name, arguments))
    assert OUTSIDE not in reply.text
    assert SECRET not in reply.text
    assert "root:x" not in reply.text
    assert len(reply.text) < REPLY_LIMIT + 1000
    assert reply.text.encode()
    assert Lookup.model_validate_json(lookup.model_dump_json()) == lookup


@pytest.fixture(params=["paths", "commit"])
def hostile_toolbox(request, hostile, target_of):
    loop = asyncio.new_event_loop()
    yield loop, Toolbox(target_of(hostile, request.param))
    loop.close()
