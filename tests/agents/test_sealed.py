"""The copy of the target for programs with file tools of their own."""

import asyncio

import pytest

from fanfold.agents.claude_lookups import UNCHECKED, lookups_of
from fanfold.agents.claude_stream import Use
from fanfold.agents.sealed import Sealed
from fanfold.agents.tools.toolbox import Toolbox
from fanfold.sources.target import resolve
from fanfold.testing.repository import Repository, isolate_git


@pytest.fixture
def repository(tmp_path, monkeypatch):
    isolate_git(monkeypatch)
    repository = Repository.init(tmp_path / "project")
    repository.write(".gitignore", "ignored\n")
    repository.write("app.py", "x = 1\ny = 2\n")
    repository.write("src/deep/lib.py", "def lib(): ...\n")
    repository.write("settings.py", "password = 'hunter2Zq9xWvB3'\nDEBUG = True\n")
    repository.write(".env", "PASSWORD=hunter2Zq9xW\n")
    repository.write("ignored", "not here\n")
    repository.write("image.png", b"\x89PNG\0\0")
    repository.write(b"odd \xff name.txt", "odd\n")
    (repository.root / "link").symlink_to("/etc")
    repository.commit("All")
    return repository


def contents(top):
    return {str(path.relative_to(top)): path.read_text() for path in sorted(top.rglob("*")) if path.is_file()}


def copy_of(scope):
    """Fill a copy for two who ask at once; returns what they are told, and its files. It is gone when this returns."""

    async def run():
        sealed = Sealed(scope)
        first, second = await asyncio.gather(sealed.filled(), sealed.filled())
        assert first == second
        found, top = contents(sealed.files), sealed.top
        await sealed.close()
        assert not top.exists()
        return first, found

    return asyncio.run(run())


def test_the_copy_holds_what_sub_agents_may_see(repository):
    """The target's text files at its revision: no secrets, no links, nothing that git ignores, nothing of git's own."""
    repository.write("app.py", "changed since\n")
    copied, found = copy_of(Toolbox(resolve(["HEAD"], cwd=repository.root)).scope)
    assert found.keys() == {".gitignore", "app.py", "settings.py", "src/deep/lib.py", "odd \udcff name.txt"}
    assert copied.files == len(found)
    assert not copied.cut
    assert found["app.py"] == "x = 1\ny = 2\n"
    assert "hunter2" not in found["settings.py"]
    assert "DEBUG = True" in found["settings.py"].splitlines()


def test_of_too_much_the_nearest_is_copied(repository, monkeypatch):
    """What is under review comes first, then what lies beside it; and the copy says that it is cut."""
    monkeypatch.setattr("fanfold.agents.sealed.MOST_FILES", 2)
    repository.write("src/deep/near.py", "near\n")
    repository.commit("Near")
    repository.write("src/deep/lib.py", "def lib(): return 1\n")
    copied, found = copy_of(Toolbox(resolve([], cwd=repository.root)).scope)
    assert copied.cut
    assert found.keys() == {"src/deep/lib.py", "src/deep/near.py"}


def test_without_a_target_there_is_nothing():
    """The folders are there and empty, and go."""
    copied, found = copy_of(None)
    assert (copied.files, found) == (0, {})


def looked_up(repository, root, *uses):
    toolbox = Toolbox(resolve([], cwd=repository.root))

    async def run():
        return await lookups_of(uses, root, toolbox)

    return asyncio.run(run())


def stands(repository, lookups):
    return asyncio.run(Toolbox(resolve([], cwd=repository.root)).stands(lookups))


@pytest.mark.parametrize(
    ("use", "edited"),
    [
        (Use("Read", {"file_path": "/copy/app.py"}), "app.py"),
        (Use("Read", {"file_path": "/copy/missing.py"}), "missing.py"),
        (Use("Grep", {"pattern": "def l\\w+", "path": "/copy/src"}), "src/deep/lib.py"),
        (Use("Glob", {"pattern": "**/*.txt", "path": "/copy"}), "new.txt"),
    ],
)
def test_an_answer_stands_until_what_it_looked_up_changes(repository, tmp_path, use, edited):
    """A change elsewhere leaves it; a change of what was read, found or missing asks again."""
    repository.write("elsewhere.md", "1\n")
    lookups = looked_up(repository, type(tmp_path)("/copy"), use)
    assert lookups
    assert UNCHECKED not in lookups
    repository.write("elsewhere.md", "2\n")
    assert stands(repository, lookups)
    repository.write(edited, "def longer(): ...\n")
    assert not stands(repository, lookups)


@pytest.mark.parametrize(
    "use",
    [
        Use("WebFetch", {"url": "http://x"}),
        Use("Grep", {"pattern": "(?<=x)y"}),
        Use("Grep", {"pattern": "x", "multiline": True}),
        Use("Grep", {"pattern": 5}),
        Use("Glob", {"pattern": "/etc/*"}),
        Use("Glob", {"pattern": "*", "path": ["x"]}),
        Use("Grep", {"pattern": "x", "path": "/copy/../up"}),
    ],
)
def test_what_cannot_be_asked_again_never_stands(repository, tmp_path, use):
    """Such an answer is not reused."""
    lookups = looked_up(repository, type(tmp_path)("/copy"), use)
    assert not stands(repository, lookups)


def test_reading_outside_is_no_lookup(repository, tmp_path):
    """The CLI refused it, so nothing depends on it."""
    assert looked_up(repository, type(tmp_path)("/copy"), Use("Read", {"file_path": "/etc/passwd"})) == ()
