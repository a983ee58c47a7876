"""Git does what the package asks for, whatever the repository, the user's settings or a hook's variables say."""

import os
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from fanfold.errors import TargetError
from fanfold.sources import git as git_module
from fanfold.sources.git import Git, GitFailed
from fanfold.sources.snapshot import Revision
from fanfold.sources.target import resolve
from fanfold.testing.repository import Repository

PACKAGE = Path(git_module.__file__).parents[2]


@pytest.fixture
def project(repository: Repository) -> Repository:
    """Return a repository with a branch, a rename, staged and unstaged work."""
    repository.write("a.py", "".join(f"line {n}\n\n" for n in range(30)))
    repository.write("b.txt", "b\n")
    repository.write("c.py", "".join(f"other {n}\n" for n in range(30)))
    repository.commit("One")
    repository.git("checkout", "-q", "-b", "feature")
    for old, new in (("a.py", "sub-a.py"), ("c.py", "täb.py")):
        repository.git("mv", old, new)
        repository.write(new, (repository.root / new).read_text() + "more\n")
    repository.write(b'\xff ".py', "odd\n")
    repository.commit("Two")
    repository.write("sub-a.py", "".join(f"line {n if n % 9 else 'x'}\n\n" for n in range(30)))
    repository.write("b.txt", "bb\n")
    repository.git("add", "b.txt")
    repository.write("b.txt", "bbb\n")
    return repository


def everything(repository):
    """Return what each kind of target shows, and read its files."""
    targets = [
        resolve((), cwd=repository.root),
        resolve((), cwd=repository.root, staged=True),
        resolve(("HEAD",), cwd=repository.root),
        resolve(("feature",), cwd=repository.root),
        resolve(("main..feature",), cwd=repository.root),
        resolve((".",), cwd=repository.root),
    ]
    for target in targets:
        with target.snapshot.on_disk(target.paths) as folder:
            assert folder.is_dir()
    return [(t.description, t.changes, t.paths, [t.snapshot.read(path) for path in t.paths]) for t in targets]


def test_nothing_that_a_repository_names_is_run(project, tmp_path, monkeypatch):
    """Hooks, monitors, differs, converters, filters and signature checks of a hostile repository stay unused."""
    expected = everything(project)
    marker = tmp_path / "run"
    script = tmp_path / "evil.sh"
    script.write_text(f'#!/bin/sh\necho "$0 $*" >> {shlex.quote(str(marker))}\ncat\n')
    script.chmod(0o755)
    hooks = project.root / ".git/hooks"
    hooks.mkdir()
    for hook in ("post-index-change", "fsmonitor-watchman", "pre-auto-gc", "reference-transaction"):
        shutil.copy(script, hooks / hook)
    for name in (
        "core.fsmonitor", "core.pager", "core.editor", "core.sshCommand", "core.askPass", "core.alternateRefsCommand",
        "diff.external", "diff.evil.command", "diff.evil.textconv", "gpg.program", "pager.diff", "pager.config",
        "filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "filter.x=y.clean", "filter.x=y.process",
        "credential.helper", "uploadpack.packObjectsHook", "interactive.diffFilter",
    ):  # fmt: skip
        project.git("config", name, str(script))
    for name in ("filter.evil.required", "log.showSignature", "diff.trustExitCode", "filter.x=y.required"):
        project.git("config", name, "true")
    project.write(".git/info/attributes", "*.py diff=evil filter=evil\n*.txt diff=evil filter=x=y\n")
    for path in ("sub-a.py", "b.txt"):
        os.utime(project.root / path, (1, 1))
    assert everything(project) == expected
    assert not marker.exists()
    with pytest.raises(AssertionError, match="clean filter"):
        project.git("diff")
    assert marker.exists(), "the repository is not hostile, so the test shows nothing"


SETTINGS = """\
[diff]
    noprefix = true
    mnemonicPrefix = true
    renames = false
    context = 0
    interHunkContext = 50
    algorithm = patience
    orderFile = /nonexistent
    relative = true
    suppressBlankEmpty = true
    renameLimit = 1
    ignoreSubmodules = all
    submodule = log
    colorMoved = zebra
    wsErrorHighlight = all
    statGraphWidth = 1
    dirstat = lines
    wordRegex = .
[color]
    ui = always
[core]
    quotePath = false
    safecrlf = true
    whitespace = trailing-space,cr-at-eol
    pager = false
    attributesFile = /nonexistent
[status]
    showUntrackedFiles = no
    relativePaths = true
[log]
    showSignature = true
    date = relative
[i18n]
    logOutputEncoding = UTF-16
[core]
    logAllRefUpdates = false
    abbrev = 40
[merge]
    conflictStyle = diff3
"""


def test_a_user_s_settings_have_no_say(project, tmp_path, monkeypatch):
    """What a person has set for their own git changes nothing in a target; nor do git's environment variables."""
    expected = everything(project)
    (tmp_path / "settings").write_text(SETTINGS)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "settings"))
    for name, value in {
        "GIT_DIFF_OPTS": "-u0", "GIT_EXTERNAL_DIFF": "false", "GIT_PAGER": "false", "GIT_GLOB_PATHSPECS": "1",
        "GIT_ICASE_PATHSPECS": "1", "GIT_TRACE": "1", "GIT_NAMESPACE": "x", "LC_ALL": "xx_XX", "LANGUAGE": "de",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    assert everything(project) == expected


def test_a_user_s_own_filter_counts(project, tmp_path, monkeypatch):
    """A clean filter of the user's configuration, as git-lfs has one, decides what is a change."""
    project.write(".gitattributes", "*.txt filter=upper\n")
    project.write("b.txt", "BBB\n")
    project.commit("Upper")
    project.write("b.txt", "bbb\n")
    assert resolve((), cwd=project.root).description == "uncommitted changes (1 file)"
    (tmp_path / "settings").write_text('[filter "upper"]\n\tclean = tr a-z A-Z\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "settings"))
    assert resolve((), cwd=project.root).description.endswith("Upper")


def test_configuration_in_variables_is_kept(project, monkeypatch):
    """Settings that come as GIT_CONFIG_COUNT stay, under those that protect."""
    monkeypatch.setenv("GIT_CONFIG_COUNT", "2")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "init.defaultBranch")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "feature")
    monkeypatch.setenv("GIT_CONFIG_KEY_1", "core.quotePath")
    monkeypatch.setenv("GIT_CONFIG_VALUE_1", "false")
    project.git("config", "filter.evil.clean", "false")
    git = Git.at(project.root)
    assert git is not None
    assert git.text("config", "init.defaultBranch") == "feature"
    assert git.text("config", "core.quotePath") == "true"
    assert resolve((), cwd=project.root).changes
    project.git("reset", "-q", "--hard")
    assert resolve(("feature",), cwd=project.root).description.endswith("Two")


def test_a_working_tree_elsewhere_is_refused(project, tmp_path):
    """core.worktree can't make another folder, say a home, the root of a target."""
    (tmp_path / "home").mkdir()
    for elsewhere in (tmp_path / "home", tmp_path, Path("/")):
        project.git("config", "core.worktree", str(elsewhere))
        with pytest.raises(TargetError, match=r"run there instead|must be run in a work tree"):
            resolve((), cwd=project.root)


def test_inside_of_git_s_own_folder(project):
    """There is no working tree inside of .git, and the message says so."""
    with pytest.raises(TargetError, match="must be run in a work tree"):
        resolve((), cwd=project.root / ".git")


def test_somebody_else_s_repository(project, monkeypatch):
    """What git refuses for its owner is refused, with the way to allow it."""
    monkeypatch.setattr(git_module, "_KEPT", (*git_module._KEPT, "GIT_TEST_"))
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(TargetError, match="belongs to somebody else; if you trust it: git config --global --add safe"):
        resolve((), cwd=project.root)


HOOK = f"""\
#!{sys.executable}
import sys
sys.path.insert(0, {str(PACKAGE)!r})
from pathlib import Path
from fanfold.sources.target import resolve
given = sys.stdin.read().split()
names = [f"{{given[0]}}..{{given[1]}}"] if given else []
target = resolve(names, cwd=Path.cwd(), staged=not given)
text = [change.path + ":" + str(target.snapshot.read(change.path)) for change in target.changes]
Path({{answer!r}}).write_text(" ".join(text), encoding="utf-8")
"""


def install(repository, hook, answer):
    place = next(folder for folder in (repository.root / ".git", repository.root) if (folder / "HEAD").exists())
    (place / "hooks").mkdir(exist_ok=True)
    (place / "hooks" / hook).write_text(HOOK.replace("{answer!r}", repr(str(answer))))
    (place / "hooks" / hook).chmod(0o755)


def test_staged_in_a_pre_commit_hook(project, tmp_path):
    """`git commit FILE` and `git commit -a` build an index of their own; in their hook, that one is what is staged."""
    install(project, "pre-commit", tmp_path / "answer")
    project.git("reset", "-q", "--hard")
    project.write("b.txt", "one\n")
    project.write("sub-a.py", "two\n")
    project.git("commit", "-q", "-m", "Only b", "b.txt")
    assert (tmp_path / "answer").read_text() == "b.txt:one\n"
    project.git("commit", "-q", "-a", "-m", "The rest")
    assert (tmp_path / "answer").read_text() == "sub-a.py:two\n"


def test_a_range_in_a_pre_receive_hook(project, tmp_path):
    """Commits that are pushed and not accepted yet lie in a folder of their own; the hook finds them."""
    bare = Repository.init(tmp_path / "bare.git", "--bare")
    project.git("push", "-q", str(bare.root), "main")
    install(bare, "pre-receive", tmp_path / "answer")
    project.git("push", "-q", str(bare.root), "feature:main")
    assert (tmp_path / "answer").read_text(encoding="utf-8").startswith('\\xff ".py:odd\n sub-a.py:line 0\n')


def test_another_repository_s_variables_are_ignored(project, tmp_path, monkeypatch):
    """GIT_DIR and the like, as a hook of some other repository leaves them, don't move a target."""
    expected = everything(project)
    other = Repository.init(tmp_path / "other")
    other.write("o.py", "o\n")
    other.commit("Other")
    for name, below in {
        "GIT_DIR": ".git", "GIT_WORK_TREE": "", "GIT_INDEX_FILE": ".git/index", "GIT_OBJECT_DIRECTORY": ".git/objects",
        "GIT_COMMON_DIR": ".git", "GIT_PREFIX": "", "GIT_ALTERNATE_OBJECT_DIRECTORIES": ".git/objects",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, str(other.root / below))
    assert everything(project) == expected
    (tmp_path / "plain").mkdir()
    assert Git.at(tmp_path / "plain") is None


def test_a_git_in_the_folder_under_review_is_not_run(project, tmp_path, monkeypatch):
    """A relative entry of PATH doesn't let the repository bring its own git."""
    marker = tmp_path / "run"
    program = project.write("git", f"#!/bin/sh\ntouch {shlex.quote(str(marker))}\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.chdir(project.root)
    monkeypatch.setenv("PATH", f".{os.pathsep}{os.pathsep}{os.environ['PATH']}")
    assert resolve((), cwd=project.root).changes
    assert not marker.exists()


def fake_git(folder, monkeypatch, script):
    folder.mkdir()
    (folder / "git").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_a_command_can_be_ended_early(tmp_path, monkeypatch):
    """Whoever runs a command is given what ends it and all that it has started."""
    fake_git(tmp_path / "bin", monkeypatch, "sleep 300 &\nsleep 300")
    git = Git(tmp_path, tmp_path, started=lambda stop: stop())
    with pytest.raises(TargetError, match="took longer"):
        git.run("version")


def test_a_git_that_hangs_is_ended(tmp_path, monkeypatch):
    """At the timeout git is ended with all that it started, even what still holds its output."""
    fake_git(tmp_path / "bin", monkeypatch, "sleep 300 &\nsleep 300")
    monkeypatch.setattr(git_module, "TIMEOUT_S", 0.1)
    with pytest.raises(TargetError, match="git took longer than"):
        resolve((), cwd=tmp_path)


def test_a_git_that_prints_without_end_is_ended(tmp_path, monkeypatch):
    """A repository can be made so that it lists billions of files; reading stops at a limit."""
    fake_git(tmp_path / "bin", monkeypatch, "yes")
    monkeypatch.setattr(git_module, "MAX_OUTPUT", 3 << 20)
    with pytest.raises(TargetError, match="git prints more than 3 MB"):
        resolve((), cwd=tmp_path)


def test_a_failure_is_told_in_one_line(tmp_path, monkeypatch):
    """The line in which git says why is the message; a silent failure has its exit status."""
    fake_git(tmp_path / "bin", monkeypatch, "printf 'warning: w\\nfatal: b\\033[31mad\\nhint: h\\n' >&2; exit 3")
    with pytest.raises(GitFailed) as caught:
        resolve((), cwd=tmp_path)
    assert (str(caught.value), caught.value.status) == ("git rev-parse failed: fatal: b\ufffd[31mad", 3)
    (tmp_path / "bin/git").write_text("#!/bin/sh\nexit 3\n")
    with pytest.raises(GitFailed, match="git rev-parse failed: exit status 3"):
        resolve((), cwd=tmp_path)


def test_a_git_that_can_not_be_started(tmp_path, monkeypatch):
    """A git of another machine's kind is an error of one line."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").write_bytes(b"\x7fELF nonsense")
    (tmp_path / "bin/git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(TargetError, match="can't run git"):
        resolve((), cwd=tmp_path)


def test_a_tree_that_climbs_out(project, tmp_path):
    """A commit whose tree holds `..` or `.git` is refused as a change, and never written outside of its folder."""
    blob = project.git("hash-object", "-w", "--stdin", stdin=b"evil\n").strip()
    below = project.git("mktree", stdin=f"100644 blob {blob}\tevil\n".encode()).strip()
    for name in ("..", ".git", ".GIT"):
        record = f"40000 {name}\0".encode() + bytes.fromhex(below)
        tree = project.git("hash-object", "-w", "--literally", "-t", "tree", "--stdin", stdin=record).strip()
        commit = project.git("commit-tree", "-m", "Evil", tree).strip()
        with pytest.raises(TargetError, match="leads out of the project"):
            resolve((commit,), cwd=project.root)
        git = Git.at(project.root)
        assert git is not None
        revision = Revision.of_commit(git, commit)
        assert revision.paths() == (f"{name}/evil",)
        with revision.on_disk(revision.paths()) as folder:
            assert list(folder.iterdir()) == []
            assert not (folder.parent / "evil").exists()
